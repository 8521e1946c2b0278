"""The tables of docs/autolog.md and what trainings really record say the same, both ways."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import nbtrack
from tests.docs import autolog_trainings, pages

pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{text}")
    for text in (
        "__array__ implementation doesn't accept a copy:DeprecationWarning",  # Keras on torch
        "`isinstance.*LeafSpec:FutureWarning",  # Lightning
        "The '.*dataloader' does not have many workers",
        "The number of training batches",
        "`shuffle=True` was passed",
        "You defined a `validation_step` but have no `val_dataloader`",
        "The model imports 'tests':RuntimeWarning",
        "The argument 'eval_set' is deprecated",  # LightGBM
    )
]
PAGE = (pages.ROOT / "docs" / "autolog.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Framework:
    """What is trained, and how its table is read."""

    train: Callable[[], set[str] | None]
    """Gives names that the table has in other words."""
    words: frozenset[str] = frozenset()
    """What the table has in backticks that is no name of anything recorded."""
    others: str = "(?!)"
    """A pattern of such names: "the rest of the optimizer's settings"."""
    like: str = ""
    """The framework whose table holds for this one too."""


FRAMEWORKS = {
    "scikit-learn": Framework(
        autolog_trainings.of_scikit_learn,
        words=frozenset({"get_params()", "step__C", "score", "pos_label", "predict_proba"}),
    ),
    "Searches": Framework(
        autolog_trainings.of_searches, words=frozenset({"cv_results_"}), like="scikit-learn"
    ),
    "Plain PyTorch loops": Framework(
        autolog_trainings.of_torch,
        words=frozenset(
            {
                *(
                    "autocast bfloat16",
                    "torch.nn.functional",
                    "cross_entropy",
                    "mse_loss + ...",
                    "DataLoader",
                ),
                *("world_size", "nbtrack.pytorch.autolog(log_gradient_norm=True)"),
            }
        ),
    ),
    "Lightning": Framework(
        autolog_trainings.of_lightning,
        words=frozenset(
            {
                *(
                    "Trainer.test",
                    "trainer.callback_metrics",
                    "trainer.global_step",
                    "save_hyperparameters()",
                ),
                *("log_every_n_epoch", "log_every_n_step=n", "training", "testing", "world_size"),
            }
        ),
    ),
    "XGBoost": Framework(
        autolog_trainings.of_xgboost,
        words=frozenset(
            {"cv", "weight", "importance_types", "model_format", "ubj", "json", "ndcg@3", "ndcg_at_3"}
        ),
    ),
    "LightGBM": Framework(
        autolog_trainings.of_lightgbm,
        words=frozenset({"cv", "<data>", "training", "valid_0", "valid_1", "valid_names", "eval_names"}),
        like="XGBoost",
    ),
    "Keras": Framework(
        autolog_trainings.of_keras,
        words=frozenset(
            {
                *("fit", "EarlyStopping", "evaluate(X_test, y_test)", "predict", "sklearn.metrics"),
                *("nbtrack.tensorflow.autolog", "checkpoint=True"),
            }
        ),
        others=r"(optimizer|opt)_\w+|(val_|validation_)?(accuracy|f1_score_[01])|\w+_X_test|metric_info\.json",
    ),
    "Optuna": Framework(autolog_trainings.of_optuna, words=frozenset({"metric_name"}), others="rate|colour"),
}


@pytest.mark.parametrize("title", FRAMEWORKS)
def test_the_table_and_real_trainings_say_the_same(title: str) -> None:
    framework, names = FRAMEWORKS[title], names_in_table(title)

    others = framework.train() or set()
    recorded = set(recorded_names())

    told = names - framework.words
    assert framework.words <= names
    assert {name for name in told if not any(means(name, key) for key in recorded)} == set()
    if framework.like:
        told |= names_in_table(framework.like) - FRAMEWORKS[framework.like].words
    assert {
        key
        for key in recorded - others
        if not re.fullmatch(framework.others, key) and not any(means(name, key) for name in told)
    } == set()


def test_each_table_is_tested() -> None:
    titles = {title for title, text in pages.sections(PAGE) if title != "Options" and pages.tables(text)}

    assert titles == set(FRAMEWORKS)


def names_in_table(title: str) -> set[str]:
    text = next(text for heading, text in pages.sections(PAGE) if heading == title)
    return {
        span
        for table in pages.tables(text)
        for row in table[1:]
        for cell in row
        for span in pages.spans(cell)
    }


def means(name: str, key: str) -> bool:
    """Whether a name of a table speaks of something recorded: `.json` is an end, `checkpoints/` a folder."""
    if name.startswith(("_", ".")):
        return key.endswith(name)
    if name.endswith("/"):
        return key.startswith(name)
    return bool(re.fullmatch(re.sub(r"<[^>]+>", ".+", re.escape(name)), key))


def recorded_names() -> Iterator[str]:
    """The names of all that there is in the store: params, metrics, tags, files, data sets and models."""
    client = nbtrack.MlflowClient()
    for run in nbtrack.search_runs(output_format="list", search_all_experiments=True):
        yield from run.data.params
        yield from run.data.metrics
        for tag in run.data.tags:
            if not tag.startswith(("mlflow.", "nbtrack.")) or tag == "mlflow.latest_checkpoint_artifact":
                yield tag
        models = [client.get_logged_model(made.model_id).name for made in run.outputs.model_outputs]
        yield from models
        for used in run.inputs.dataset_inputs:
            yield used.dataset.name
            yield from (tag.value for tag in used.tags if tag.key == "mlflow.data.context")
        yield from files_of(client, run.info.run_id, leaving_out=models)


def files_of(client: Any, run_id: str, folder: str | None = None, *, leaving_out: list[str]) -> Iterator[str]:
    for entry in client.list_artifacts(run_id, folder):
        if entry.path in leaving_out:
            continue
        if entry.is_dir:
            yield from files_of(client, run_id, entry.path, leaving_out=[])
        else:
            yield entry.path


@pytest.fixture(autouse=True)
def _switched_off() -> Iterator[None]:
    yield
    nbtrack.autolog(disable=True)
