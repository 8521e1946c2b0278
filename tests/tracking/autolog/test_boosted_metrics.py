"""What is measured of a boosted model after its training."""

from collections.abc import Iterator
from typing import Any

import lightgbm
import pytest
import xgboost
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score, roc_auc_score

import nbtrack
from nbtrack.tracking.autolog import switching

X, y = make_classification(120, random_state=0)
X_train, X_test, y_train, y_test = X[:80], X[80:], y[:80], y[80:]


@pytest.fixture(params=["xgboost", "lightgbm"])
def classifier(request: pytest.FixtureRequest) -> Iterator[Any]:
    switching.switch(request.param, log_models=False, silent=True)
    if request.param == "xgboost":
        yield xgboost.XGBClassifier(n_estimators=2)
    else:
        yield lightgbm.LGBMClassifier(n_estimators=2, verbose=-1)
    switching.switch(request.param, disable=True)


def test_metrics_and_scores_go_to_the_run_of_the_estimator(classifier: Any) -> None:
    classifier.fit(X_train, y_train)

    pred = classifier.predict(X_test)
    accuracy = accuracy_score(y_test, pred)
    area = roc_auc_score(y_test, classifier.predict_proba(X_test)[:, 1])
    score = classifier.score(X_test, y_test)

    (run,) = nbtrack.search_runs(output_format="list")
    kept = {key: value for key, value in run.data.metrics.items() if key.endswith("X_test")}
    assert kept == {
        "accuracy_score_X_test": accuracy,
        "roc_auc_score_X_test": area,
        f"{type(classifier).__name__}_score_X_test": score,
    }


@pytest.mark.parametrize("classifier", ["xgboost"], indirect=True)
def test_with_scikit_learn_recorded_too_nothing_is_logged_twice(classifier: Any) -> None:
    switching.switch("sklearn", log_models=False, silent=True)
    classifier.fit(X_train, y_train)

    accuracy_score(y_test, classifier.predict(X_test))
    classifier.score(X_test, y_test)
    switching.switch("sklearn", disable=True)

    (run,) = nbtrack.search_runs(output_format="list")
    assert {key for key in run.data.metrics if "score" in key} == {
        "accuracy_score_X_test",
        "XGBClassifier_score_X_test",
    }
