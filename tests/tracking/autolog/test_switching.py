"""`autolog` takes what MLflow's takes; what a framework was told itself counts; off means off."""

import inspect
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.tracking.autolog import options
from nbtrack.tracking.autolog.frameworks import FRAMEWORKS

MLFLOWS: dict[str, list[list[str]]] = json.loads(
    Path(__file__).parent.parent.parent.joinpath("mlflow_names.json").read_text()
)["autolog"]
"""Arguments and defaults, by module of MLflow's."""

OURS = {
    "mlflow.pytorch": [["log_gradient_norm", "False"]],
    "mlflow.keras": [
        *(["checkpoint", "False"], ["checkpoint_monitor", "'val_loss'"], ["checkpoint_mode", "'min'"]),
        *(["checkpoint_save_best_only", "True"], ["checkpoint_save_weights_only", "False"]),
        ["checkpoint_save_freq", "'epoch'"],
    ],
}
"""What MLflow does not have; by keyword only."""


@pytest.mark.parametrize("module", MLFLOWS)
def test_it_takes_the_arguments_of_mlflows(module: str) -> None:
    ours = inspect.signature(import_module(module.replace("mlflow", "nbtrack")).autolog).parameters

    taken = [[name, repr(argument.default)] for name, argument in ours.items()]
    wanted = [
        [name, default.replace("SERIALIZATION_FORMAT_CLOUDPICKLE", "'cloudpickle'")]
        for name, default in MLFLOWS[module]
    ]
    assert taken == wanted + OURS.get(module, [])
    for name, _ in OURS.get(module, []):
        assert ours[name].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_frameworks_own_call_means_what_the_one_for_all_means(framework: str) -> None:
    nbtrack.autolog()
    of_all = options.of(framework)

    import_module(f"nbtrack.{framework}").autolog()

    assert options.of(framework) == of_all


def test_what_a_framework_was_told_counts_whatever_comes_later() -> None:
    nbtrack.sklearn.autolog(log_models=False, max_tuning_runs=3)
    nbtrack.autolog(silent=True)

    assert of("sklearn")["log_models"] is False
    assert of("sklearn")["silent"] is False
    assert of("sklearn")["max_tuning_runs"] == 3
    assert of("xgboost")["silent"] is True


def test_the_last_call_counts() -> None:
    nbtrack.autolog(silent=True)
    nbtrack.autolog(log_models=False)
    assert (of("keras")["silent"], of("keras")["log_models"]) == (False, False)

    nbtrack.tensorflow.autolog()

    assert (of("keras")["flavor"], of("keras")["log_models"]) == ("tensorflow", True)


def test_off_means_off_also_for_frameworks_that_were_told_themselves() -> None:
    nbtrack.sklearn.autolog()
    nbtrack.autolog()

    nbtrack.autolog(disable=True)

    assert [options.of(framework) for framework in FRAMEWORKS] == [None] * len(FRAMEWORKS)


def test_one_framework_is_switched_off_alone_and_on_again_by_all() -> None:
    nbtrack.autolog()
    nbtrack.lightgbm.autolog(disable=True)
    assert options.of("lightgbm") is None
    assert options.of("xgboost") is not None

    nbtrack.autolog()

    assert options.of("lightgbm") is not None


def test_what_is_excluded_stays_as_it_is() -> None:
    nbtrack.xgboost.autolog(silent=True)
    nbtrack.autolog(exclude_flavors=["sklearn", "xgboost", "lightning", "spark", "langchain", "tensorflow"])

    assert [name for name in FRAMEWORKS if options.of(name) is not None] == ["xgboost", "lightgbm", "keras"]


def test_a_misspelt_framework_is_told() -> None:
    with pytest.warns(
        RuntimeWarning, match=r"'sklern', which autolog does not know\. Did you mean 'sklearn'\?"
    ):
        nbtrack.autolog(exclude_flavors=["sklern"])


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"exclude_flavors": "sklearn"}, InvalidTypeError, "a list of frameworks"),
        ({"exclude_flavors": [1]}, InvalidTypeError, "a list of frameworks"),
        ({"extra_tags": ["team"]}, InvalidTypeError, "extra_tags are given as a dict, got list"),
    ],
)
def test_mistakes_are_refused_before_anything_is_switched(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        nbtrack.autolog(**given)

    assert options.of("keras") is None


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"registered_model_name": "a/b:c"}, InvalidValueError, "a/b:c"),
        ({"max_tuning_runs": -1}, InvalidValueError, "max_tuning_runs is -1"),
        (
            {"max_tuning_runs": 2.5},
            InvalidTypeError,
            "max_tuning_runs is a whole number or None, got float 2.5",
        ),
        ({"max_tuning_runs": True}, InvalidTypeError, "max_tuning_runs is a whole number"),
    ],
)
def test_options_of_one_framework_are_checked(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        nbtrack.sklearn.autolog(**given)

    assert options.of("sklearn") is None


def test_an_argument_that_mlflow_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="log_everything"):
        nbtrack.sklearn.autolog(log_everything=True)  # pyright: ignore[reportCallIssue]


def of(framework: str) -> Any:
    values = options.of(framework)
    assert values is not None
    return values
