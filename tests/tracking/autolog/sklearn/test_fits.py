"""One fit is one run: what is in it, what is not, and what it costs."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

import nbtrack
from nbtrack.core import system_tags
from nbtrack.tracking.autolog.sklearn import affordable_calls

Autolog = Callable[..., None]
X, y = load_iris(return_X_y=True)
TWO = y > 0


def _runs() -> list[Any]:
    return nbtrack.search_runs(output_format="list")


def _only_run() -> Any:
    (run,) = _runs()
    return run


def _folder(run: Any) -> Path:
    return Path(url2pathname(urlsplit(run.info.artifact_uri).path))


# ---- errors, inner fits, whose fits ----------------------------------------------------------


def test_the_users_error_reaches_them_and_the_run_failed(autolog: Autolog) -> None:
    autolog()

    with pytest.raises(ValueError, match="Found input variables with inconsistent numbers of samples"):
        LogisticRegression().fit(X, y[:-1])

    run = _only_run()
    assert run.info.status == "FAILED"
    assert run.data.params["C"] == "1.0"
    assert run.data.tags["estimator_name"] == "LogisticRegression"
    assert run.data.metrics == {}


def test_what_is_fitted_inside_makes_no_run(autolog: Autolog) -> None:
    autolog(log_models=False)
    voting = VotingClassifier([("a", GaussianNB()), ("b", make_pipeline(StandardScaler(), GaussianNB()))])

    voting.fit(X, y)
    cross_val_score(GaussianNB(), X, y, cv=3)

    assert _only_run().data.tags["estimator_name"] == "VotingClassifier"


class _Centered(TransformerMixin, BaseEstimator):
    fitted = 0

    def fit(self, X: Any, y: Any = None) -> "_Centered":
        type(self).fitted += 1
        self.mean_ = np.mean(X, axis=0)
        return self

    def transform(self, X: Any) -> Any:
        return X - self.mean_


class _MyRidge(Ridge):
    pass


def test_what_prepares_data_and_what_is_the_users_own_make_no_run(autolog: Autolog) -> None:
    autolog()

    StandardScaler().fit_transform(X)
    _Centered().fit_transform(X)

    assert _runs() == []


def test_what_a_user_derives_from_an_estimator_is_recorded(autolog: Autolog) -> None:
    autolog()

    _MyRidge(alpha=3).fit(X, y)

    assert _only_run().data.tags["estimator_class"] == f"{__name__}._MyRidge"
    assert _only_run().data.params["alpha"] == "3"


def test_a_pipeline_is_trained_once(autolog: Autolog) -> None:
    autolog()
    _Centered.fitted = 0

    make_pipeline(_Centered(), GaussianNB()).fit(X, y)

    assert _Centered.fitted == 1
    assert _only_run().data.metrics["training_score"] > 0.9


def test_two_fits_in_a_users_run_lose_nothing(autolog: Autolog) -> None:
    autolog(log_models=False)

    with nbtrack.start_run() as run:
        LogisticRegression(C=0.1, max_iter=500).fit(X, y)
        LogisticRegression(C=0.2, max_iter=500).fit(X, y)

    assert _only_run().info.run_id == run.info.run_id
    assert run.data.params["C"] == "0.1"
    assert run.data.params["C-2"] == "0.2"
    assert [point.step for point in run.metric_history("training_score")] == [0, 1]


def test_threads_have_runs_of_their_own(autolog: Autolog) -> None:
    autolog(log_models=False)
    threads = [Thread(target=lambda: GaussianNB().fit(X, y)) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [run.info.status for run in _runs()] == ["FINISHED"] * 4
    assert {run.data.metrics["training_score"] for run in _runs()} == {0.96}


# ---- params ----------------------------------------------------------------------------------


class _Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "start"),
    [
        (list(range(100_000)), "<list of 100000: 0, 1, 2, "),
        ({f"word {number}": number for number in range(5000)}, "<dict of 5000: word 0: 0, word 1: 1, "),
        ([[0.5] * 5000], "<list of 1: <list of 5000: 0.5, 0.5, "),
        ("x" * 10_000, "xxx"),
        (np.zeros((2000, 2000)), "[[0. 0. 0. "),
        (_Unprintable(), f"<{__name__}._Unprintable>"),
        (len, "<built-in function len>"),
        (Ridge(alpha=2), "Ridge(alpha=2)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_params_are_texts_of_a_bounded_length(autolog: Autolog, value: Any, start: str) -> None:
    autolog(log_models=False, log_datasets=False)

    with suppress(ValueError, TypeError, RuntimeError):  # no estimator takes it
        GaussianNB(priors=value).fit(X, y)

    text = _only_run().data.params["priors"]
    assert text.startswith(start)
    assert len(text) <= 6000


# ---- data ------------------------------------------------------------------------------------


def test_missing_values_are_trained_on_and_recorded(autolog: Autolog) -> None:
    holed = pd.DataFrame(X, columns=list("abcd")).mask(X > 6)
    autolog()

    HistGradientBoostingClassifier(max_iter=3).fit(holed, y)

    run = _only_run()
    (data,) = run.inputs.dataset_inputs
    assert run.data.metrics["training_score"] > 0.6
    assert [column["required"] for column in json.loads(data.dataset.schema)["mlflow_colspec"]].count(False)


def test_the_digest_of_the_training_data_is_that_of_log_input(autolog: Autolog) -> None:
    frame = pd.DataFrame(X, columns=list("abcd"))
    autolog(log_models=False)

    KMeans(2, n_init=1).fit(frame)

    (found,) = _only_run().inputs.dataset_inputs
    assert found.dataset.digest == nbtrack.data.from_pandas(frame).digest


def test_large_data_has_a_digest_of_rows_spread_over_it(autolog: Autolog) -> None:
    large = np.random.default_rng(0).random((300_000, 10))
    changed = large.copy()
    changed[-1] = 0
    autolog(log_models=False)

    for data in (large, large.copy(), changed):
        GaussianNB().fit(data, data[:, 0] > 0.5)

    inputs = [run.inputs.dataset_inputs[0] for run in reversed(_runs())]
    digests = [each.dataset.digest for each in inputs]
    assert digests[0] == digests[1]
    assert {tag.key: tag.value for tag in inputs[0].tags}[
        system_tags.DIGEST_OF
    ] == "of 50,000 of 300,000 rows"
    assert json.loads(inputs[0].dataset.profile)["features_shape"] == [300_000, 10]


def test_a_frame_of_thousands_of_columns_keeps_its_size(autolog: Autolog) -> None:
    wide = pd.DataFrame(np.zeros((20, 3000))).add_prefix("gene ")
    autolog(log_models=False)

    GaussianNB().fit(wide, y[40:60])

    (found,) = _only_run().inputs.dataset_inputs
    assert json.loads(found.dataset.profile)["features_shape"] == [20, 3000]


def test_a_sparse_matrix_is_never_filled(autolog: Autolog) -> None:
    from scipy.sparse import csr_matrix

    rows = np.arange(200)
    huge = csr_matrix((np.ones(200), (rows, rows * 1_000_000)), shape=(200, 200_000_000))
    autolog(log_models=False)

    KMeans(2, n_init=1, max_iter=1).fit(huge[:, :1_000_001])

    (found,) = _only_run().inputs.dataset_inputs
    assert json.loads(found.dataset.profile)["features_shape"] == [200, 1_000_001]


def test_what_works_on_the_users_own_data_is_measured_on_a_copy(autolog: Autolog) -> None:
    given, target = X[:, :3] * 10 + 5, X[:, 3]
    expected = LinearRegression().fit(given, target).score(given, target)
    autolog(log_models=False)

    LinearRegression(copy_X=False).fit(np.asfortranarray(given), target)

    assert _only_run().data.metrics["training_score"] == pytest.approx(expected)


def _halve(data: Any) -> Any:
    data /= 2
    return data


def test_nothing_is_measured_on_data_that_the_training_changed(autolog: Autolog) -> None:
    autolog(log_models=False)

    make_pipeline(FunctionTransformer(_halve), GaussianNB()).fit(X.copy(), y)

    run = _only_run()
    assert run.data.metrics == {}
    assert run.data.tags[system_tags.AUTOLOG_SKIPPED] == "training metrics: the training changed its data"


def test_a_generator_is_not_consumed(autolog: Autolog) -> None:
    from sklearn.feature_extraction.text import HashingVectorizer

    autolog()

    make_pipeline(HashingVectorizer(n_features=16), LogisticRegression()).fit(
        (text for text in ("a b", "c d", "a c")), [0, 1, 0]
    )

    run = _only_run()
    assert run.info.status == "FINISHED"
    assert len(run.outputs.model_outputs) == 1


def test_a_model_takes_the_missing_values_that_it_was_trained_with(autolog: Autolog) -> None:
    autolog(log_input_examples=True)
    count = 80
    numbers = pd.DataFrame(
        {
            "age": pd.array([*range(60), *[pd.NA] * 20], dtype="Int64"),
            "height": [*np.linspace(0, 1, 70), *[np.nan] * 10],
            "rooms": np.arange(count),
            "is_new": pd.array([True, False] * 40, dtype="boolean"),
        }
    )

    model = HistGradientBoostingRegressor(max_iter=2).fit(numbers, np.arange(count))

    uri = f"runs:/{_only_run().info.run_id}/model"
    loaded = nbtrack.pyfunc.load_model(uri)
    np.testing.assert_array_equal(loaded.predict(numbers), model.predict(numbers))
    signature = nbtrack.models.get_model_info(uri).signature
    assert [repr(each) for each in signature.inputs] == [
        "'age': long (optional)",
        "'height': double (optional)",
        "'rooms': long (required)",
        "'is_new': boolean (required)",
    ]
    assert len(loaded.input_example) == 5


# ---- what takes too long ---------------------------------------------------------------------


def test_who_learns_lazily_is_not_asked_to_predict_for_minutes(autolog: Autolog) -> None:
    random = np.random.default_rng(0)
    data = random.random((60_000, 30))
    autolog(log_models=False)

    KNeighborsClassifier(algorithm="brute").fit(data, data[:, 0] > 0.5)

    run = _only_run()
    assert run.data.metrics == {}
    assert run.data.tags[system_tags.AUTOLOG_SKIPPED].startswith("training metrics: it would take about ")
    assert run.info.end_time - run.info.start_time < 5000


def test_pairs_of_thousands_of_classes_are_not_compared(
    autolog: Autolog, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pairs take 40 s; what takes a moment must not seem to take too long on a busy machine.
    monkeypatch.setattr(affordable_calls, "SHORTEST", 10.0)
    labels = np.arange(1200)
    autolog(log_models=False)

    GaussianNB().fit(np.c_[labels, labels % 7].astype(float), labels)

    run = _only_run()
    skipped = run.data.tags[system_tags.AUTOLOG_SKIPPED]
    assert "training_roc_auc: it would take about" in skipped
    assert "training_confusion_matrix: of 1,200 classes" in skipped
    assert run.data.metrics["training_accuracy_score"] == 1


def test_a_wrong_positive_label_is_said_and_costs_no_other_metric(autolog: Autolog) -> None:
    autolog(log_models=False, pos_label="yes")

    GaussianNB().fit(X, TWO)

    run = _only_run()
    assert "pos_label='yes'" in run.data.tags[system_tags.AUTOLOG_SKIPPED]
    assert "training_precision_score" not in run.data.metrics
    assert run.data.metrics["training_accuracy_score"] > 0.9


# ---- pictures --------------------------------------------------------------------------------


def test_pictures_are_drawn_without_pyplot_and_their_numbers_are_kept(autolog: Autolog) -> None:
    autolog(log_models=False)
    had_pyplot = sys.modules.pop("matplotlib.pyplot", None)

    SVC().fit(X, TWO)

    run = _only_run()
    folder = _folder(run)
    matrix = json.loads((folder / "training_confusion_matrix.json").read_text())
    curve = json.loads((folder / "training_roc_curve.json").read_text())
    assert matrix == {"labels": [False, True], "true_by_predicted": [[50, 0], [0, 100]]}
    assert curve["auc"] == 1
    assert not (folder / "training_roc_curve.png").exists()
    nbtrack.MlflowClient().list_artifacts(run.info.run_id)
    assert (folder / "training_roc_curve.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "training_precision_recall_curve.png").read_bytes().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in sys.modules
    if had_pyplot is not None:
        sys.modules["matplotlib.pyplot"] = had_pyplot


def test_the_page_of_an_estimator_shows_it_as_it_was_trained(autolog: Autolog) -> None:
    model = make_pipeline(StandardScaler(), Ridge(alpha=12345))
    autolog(log_models=False)

    model.fit(X, y)
    model.set_params(ridge__alpha=67890)

    run = _only_run()
    nbtrack.MlflowClient().list_artifacts(run.info.run_id)
    page = (_folder(run) / "estimator.html").read_text()
    assert "12345" in page
    assert "67890" not in page
    assert "Fitted" in page or "fitted" in page


def test_a_large_model_is_not_kept_in_memory_for_its_page(autolog: Autolog) -> None:
    from nbtrack.tracking.autolog.sklearn.estimator_page import outline_of

    forest = RandomForestClassifier(5).fit(X, y)

    outline = outline_of(forest)

    assert not hasattr(outline, "estimators_")
    assert outline.get_params() == forest.get_params()
    assert outline.n_features_in_ == 4
