"""Which run a metric goes to that is computed after a training, and which metrics go to none."""

import gc
import pickle
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, check_scoring, f1_score, make_scorer, r2_score, roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.multioutput import MultiOutputClassifier

import nbtrack
from nbtrack.tracking.autolog import drawing

X, y = make_classification(160, n_features=5, random_state=3)
X_train, X_test, y_train, y_test = X[:80].copy(), X[80:].copy(), y[:80], y[80:]

Autolog = Callable[..., None]


@pytest.fixture
def on(autolog: Autolog) -> Autolog:
    """Switched on, without what costs time here."""

    def switch_on(**options: Any) -> None:
        autolog(**{"log_models": False, "log_datasets": False, **options})

    switch_on()
    return switch_on


def measured(run: Any = None) -> dict[str, float]:
    """What was measured after the training of a run; of the only one, if none is given."""
    if run is None:
        (run,) = nbtrack.search_runs(output_format="list")
    metrics = nbtrack.get_run(run.info.run_id).data.metrics
    return {key: value for key, value in metrics.items() if not key.startswith("training_")}


def fitted(C: float = 1.0) -> LogisticRegression:
    return LogisticRegression(C=C).fit(X_train, y_train)


def test_a_metric_goes_to_the_run_of_the_fit_though_it_has_ended(on: Autolog) -> None:
    with nbtrack.start_run() as first:
        pred = fitted().predict(X_test)

    with nbtrack.start_run() as second:
        accuracy = accuracy_score(y_test, pred)

    assert measured(first) == {"accuracy_score_X_test": accuracy}
    assert measured(second) == {}
    assert nbtrack.get_run(first.run_id).info.status == "FINISHED"


def test_a_metric_goes_to_the_store_of_the_fit_wherever_runs_go_now(on: Autolog, tmp_path: Path) -> None:
    model = fitted()
    there = nbtrack.get_tracking_uri()

    nbtrack.set_tracking_uri(tmp_path / "elsewhere")
    model.score(X_test, y_test)

    nbtrack.set_tracking_uri(there)
    assert list(measured()) == ["LogisticRegression_score_X_test"]


def test_the_logged_model_knows_what_was_measured_of_it(on: Autolog) -> None:
    on(log_models=True)
    model = fitted()

    accuracy = accuracy_score(y_test, model.predict(X_test))

    (logged,) = nbtrack.search_logged_models(output_format="list")
    kept = {metric.key: metric.value for metric in logged.metrics}
    assert kept["accuracy_score_X_test"] == accuracy


def test_the_calls_are_kept_once_the_artifacts_are_asked_for(on: Autolog) -> None:
    f1_score(y_test, fitted().predict(X_test), average="macro")
    (run,) = nbtrack.search_runs(output_format="list")
    drawing._waiting.clear()  # whoever lists artifacts waits for pictures

    files = [file.path for file in nbtrack.MlflowClient().list_artifacts(run.info.run_id)]
    calls = nbtrack.artifacts.load_dict(f"{run.info.artifact_uri}/metric_info.json")

    assert "metric_info.json" in files
    assert calls == {"f1_score_X_test": "f1_score(y_true=y_test, y_pred=<ndarray>, average='macro')"}


def test_a_deleted_run_gets_nothing_and_nobody_is_bothered(on: Autolog) -> None:
    model = fitted()
    pred = model.predict(X_test)
    (run,) = nbtrack.search_runs(output_format="list")
    nbtrack.delete_run(run.info.run_id)

    accuracy_score(y_test, pred)
    accuracy_score(y_test, model.predict(X_test))
    model.score(X_test, y_test)

    nbtrack.MlflowClient().restore_run(run.info.run_id)
    assert measured(run) == {}


def test_nothing_is_logged_when_it_is_switched_off(on: Autolog) -> None:
    model = fitted()
    pred = model.predict(X_test)

    nbtrack.sklearn.autolog(disable=True)
    accuracy_score(y_test, pred)
    model.score(X_test, y_test)
    on(log_post_training_metrics=False)
    accuracy_score(y_test, pred)
    fitted(C=0.1).score(X_test, y_test)

    assert [measured(run) for run in nbtrack.search_runs(output_format="list")] == [{}, {}]


def test_what_scikit_learn_computes_inside_is_not_logged(on: Autolog) -> None:
    model = fitted()

    def users_own(estimator: Any, data: Any, truth: Any) -> float:
        return accuracy_score(truth, estimator.predict(data))

    permutation_importance(model, X_test, y_test, scoring=users_own, n_repeats=1)
    cross_val_score(model, X_test, y_test, cv=2, scoring=users_own)

    assert measured() == {}


def test_a_scorer_that_the_user_calls_is_logged_as_the_metric_that_it_is(on: Autolog) -> None:
    model = fitted()

    loss = make_scorer(roc_auc_score, response_method="predict_proba", greater_is_better=False)
    turned = loss(model, X_test, y_test)
    passed_on = check_scoring(model)(model, X_test, y_test)

    assert measured() == {"roc_auc_score_X_test": -turned, "LogisticRegression_score_X_test": passed_on}


def test_an_error_of_the_user_is_theirs_and_logs_nothing(on: Autolog) -> None:
    pred = fitted().predict(X_test)

    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        accuracy_score(y_test[:5], pred)

    assert measured() == {}


def test_true_values_that_a_model_predicts_perfectly_are_not_taken_for_predictions(on: Autolog) -> None:
    model = RandomForestClassifier(5, bootstrap=False, random_state=0).fit(X_train, y_train)
    perfect = model.predict(X_train)
    guess = 1 - y_train

    accuracy_score(y_train.copy(), guess)
    accuracy_score(list(y_train), np.zeros(80))

    assert (perfect == y_train).all()
    assert measured() == {}


def test_a_loop_over_thresholds_is_no_flood(on: Autolog) -> None:
    likely = fitted().predict_proba(X_test)[:, 1]

    found = {threshold: f1_score(y_test, likely > threshold) for threshold in (0.3, 0.5, 0.500001, 0.7)}

    assert measured() == {"f1_score_X_test": found[0.5]}


def test_models_that_predict_the_same_are_told_of_one_after_the_other(on: Autolog) -> None:
    models = [fitted(C) for C in (1, 1.0001)]

    predicted = [model.predict(X_test).tolist() for model in models]
    for copy in predicted:
        accuracy_score(y_test, copy)
    accuracy_score(y_test, predicted[0])

    assert predicted[0] == predicted[1]
    runs = nbtrack.search_runs(output_format="list")
    assert [list(measured(run)) for run in runs] == [["accuracy_score_X_test"]] * 2


def test_a_notebook_that_is_run_again_measures_its_new_model(on: Autolog) -> None:
    for _ in range(2):
        model = fitted()
        accuracy_score(y_test, model.predict(X_test).tolist())

    runs = nbtrack.search_runs(output_format="list")
    assert [list(measured(run)) for run in runs] == [["accuracy_score_X_test"]] * 2


def test_each_of_several_outputs_is_a_prediction(on: Autolog) -> None:
    both = np.column_stack([y_train, 1 - y_train])
    model = MultiOutputClassifier(LogisticRegression()).fit(X_train, both)

    first, second = model.predict_proba(X_test)
    roc_auc_score(y_test, first[:, 1])
    roc_auc_score(1 - y_test, second[:, 1])

    assert set(measured()) == {"roc_auc_score_X_test", "roc_auc_score-2_X_test"}


def test_nothing_of_the_user_is_kept_alive(on: Autolog) -> None:
    def measure() -> list[Any]:
        model, data = fitted(), X_test.copy()
        pred = model.predict(data)
        proba = model.predict_proba(data)
        accuracy_score(y_test, pred)
        roc_auc_score(y_test, proba[:, 1])
        model.score(data, y_test)
        return [weakref.ref(each) for each in (model, data, pred, proba)]

    there = measure()
    drawing._waiting.clear()  # pictures know of their model until they are drawn
    gc.collect()

    assert [each() for each in there] == [None] * 4


def test_models_are_as_ever(on: Autolog) -> None:
    model = fitted()
    model.predict(X_test)

    attributes, pickled = set(vars(model)), pickle.dumps(model)
    nbtrack.sklearn.autolog(disable=True)

    assert attributes == set(vars(fitted()))
    assert b"nbtrack" not in pickled


def test_threads_measure_their_own_models(on: Autolog) -> None:
    expected: dict[float, float] = {}

    def work(alpha: float) -> None:
        model = Ridge(alpha).fit(X_train, y_train)
        expected[alpha] = r2_score(y_test, model.predict(X_test))

    threads = [threading.Thread(target=work, args=(10.0**power,)) for power in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    runs = nbtrack.search_runs(output_format="list")
    assert {float(run.data.params["alpha"]): measured(run) for run in runs} == {
        alpha: {"r2_score_X_test": value} for alpha, value in expected.items()
    }
