"""Autolog where several fits go on at once, and where scikit-learn fits many itself: no run too many."""

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import RFE, RFECV
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import parallel as sklearn_parallel

import nbtrack
from nbtrack.core.entities import Run

# All of these names are imported before autolog is switched on, as in many a notebook.

Autolog = Callable[..., None]
X, Y = load_iris(return_X_y=True)
DEPTHS = range(1, 9)


def tree(max_depth: int = 2) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(max_depth=max_depth, random_state=0)


def fit(max_depth: int) -> Any:
    return tree(max_depth).fit(X, Y)


def all_runs() -> list[Run]:
    """All runs, which have ended well."""
    runs: Any = nbtrack.search_runs(output_format="list")
    assert {run.info.status for run in runs} <= {"FINISHED"}
    assert nbtrack.active_run() is None
    return runs


def names() -> list[str]:
    """What the runs are of that are nested in no other."""
    return [
        run.data.tags["estimator_name"] for run in all_runs() if "mlflow.parentRunId" not in run.data.tags
    ]


def is_whole(run: Run) -> bool:
    return {"max_depth", "criterion"} <= set(run.data.params) and "training_score" in run.data.metrics


INNER: dict[str, tuple[list[str], Callable[[], Any]]] = {
    "cross_val_score": ([], lambda: cross_val_score(tree(), X, Y, cv=3)),
    "cross_validate": ([], lambda: cross_validate(tree(), X, Y, cv=3, return_estimator=True)),
    "cross_val_predict": ([], lambda: cross_val_predict(tree(), X, Y, cv=3)),
    "learning_curve": ([], lambda: learning_curve(tree(), X, Y, cv=2, train_sizes=[0.5, 1.0], shuffle=True)),
    "permutation_test_score": ([], lambda: permutation_test_score(tree(), X, Y, cv=2, n_permutations=2)),
    "validation_curve": (
        [],
        lambda: validation_curve(tree(), X, Y, param_name="max_depth", param_range=[1, 2], cv=2),
    ),
    "cross_val_score of a forest": (
        [],
        lambda: cross_val_score(RandomForestClassifier(2, n_jobs=2), X, Y, cv=2, n_jobs=2),
    ),
    "permutation_importance": (["DecisionTreeClassifier"], lambda: permutation_importance(fit(2), X, Y)),
    "calibration": (["CalibratedClassifierCV"], lambda: CalibratedClassifierCV(tree(), cv=2).fit(X, Y)),
    "feature elimination": ([], lambda: RFE(tree(), n_features_to_select=2).fit(X, Y)),
    "feature elimination with folds": ([], lambda: RFECV(tree(), cv=2).fit(X, Y)),
    "stacking": (
        ["StackingClassifier"],
        lambda: StackingClassifier([("a", tree())], tree(), cv=2, n_jobs=2).fit(X, Y),
    ),
    "boosting": (["AdaBoostClassifier"], lambda: AdaBoostClassifier(tree(), n_estimators=2).fit(X, Y)),
    "bagging": (["BaggingClassifier"], lambda: BaggingClassifier(tree(), 4, n_jobs=2).fit(X, Y)),
    "one against the rest": (
        ["OneVsRestClassifier"],
        lambda: OneVsRestClassifier(tree(), n_jobs=2).fit(X, Y),
    ),
    "several outputs": (["MultiOutputClassifier"], lambda: MultiOutputClassifier(tree()).fit(X, np.c_[Y, Y])),
    "search among ensembles": (
        ["GridSearchCV"],
        lambda: GridSearchCV(
            VotingClassifier([("a", tree()), ("b", tree())], n_jobs=2),
            {"voting": ["hard", "soft"]},
            cv=2,
            n_jobs=2,
        ).fit(X, Y),
    ),
}


@pytest.mark.parametrize("what", INNER)
def test_what_scikit_learn_fits_itself_makes_no_runs_also_in_threads(autolog: Autolog, what: str) -> None:
    autolog(log_models=False, log_datasets=False)
    wanted, work = INNER[what]

    with parallel_config(backend="threading", n_jobs=2):
        work()

    assert names() == wanted


def test_worker_processes_make_no_runs_and_lose_nothing(autolog: Autolog) -> None:
    autolog(log_models=False)

    try:
        with parallel_config(backend="loky", n_jobs=2):
            cross_val_score(tree(), X, Y, cv=2)
            search = GridSearchCV(RandomForestClassifier(2, n_jobs=2), {"max_depth": [1, 2]}, cv=2).fit(X, Y)
            alone = names()
            with nbtrack.start_run(run_name="mine"):
                # Autolog is not on in a process of its own.
                fitted = Parallel()(delayed(tree(depth).fit)(X, Y) for depth in (1, 2))
    finally:
        get_reusable_executor().shutdown(wait=True)

    assert alone == ["GridSearchCV"]
    assert [each.get_depth() for each in fitted] == [1, 2]
    runs = {run.info.run_name: run for run in all_runs()}
    assert len(runs) == 4
    assert (runs["mine"].data.params, runs["mine"].data.metrics) == ({}, {})
    means = [runs[f"max_depth={depth}"].data.metrics["mean_test_score"] for depth in (1, 2)]
    assert means == search.cv_results_["mean_test_score"].tolist()


def test_forked_processes_record_the_fits_of_the_user_and_no_others(autolog: Autolog) -> None:
    autolog(log_models=False)

    with warnings.catch_warnings(), parallel_config(backend="multiprocessing", n_jobs=2):
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
        GridSearchCV(tree(), {"max_depth": [1, 2]}, cv=2).fit(X, Y)
        searched = names()
        Parallel()(delayed(fit)(depth) for depth in (1, 2, 3))
        fitted = [run for run in all_runs() if run.data.tags["estimator_name"] == "DecisionTreeClassifier"]
        with nbtrack.start_run(run_name="mine") as mine:
            Parallel()(delayed(fit)(depth) for depth in (1, 2, 3))

    assert searched == ["GridSearchCV"]
    alone = [run for run in fitted if "mlflow.parentRunId" not in run.data.tags]
    assert sorted(run.data.params["max_depth"] for run in alone) == ["1", "2", "3"]
    assert all(map(is_whole, alone))
    assert len(all_runs()) == 3 + 3 + 1
    kept = nbtrack.get_run(mine.run_id).data
    depths = {value for key, value in kept.params.items() if key.startswith("max_depth")}
    assert depths == {"1", "2", "3"}
    assert kept.summaries["training_score"].count == 3


IN_THREADS: dict[str, Callable[[], Any]] = {
    "joblib": lambda: Parallel(4, backend="threading")(delayed(fit)(depth) for depth in DEPTHS),
    "scikit-learn's joblib": lambda: sklearn_parallel.Parallel(4, backend="threading")(
        sklearn_parallel.delayed(tree(depth).fit)(X, Y) for depth in DEPTHS
    ),
    "concurrent.futures": lambda: list(ThreadPoolExecutor(4).map(fit, DEPTHS)),
}


@pytest.mark.parametrize("how", IN_THREADS)
def test_each_fit_of_the_users_own_threads_is_a_run(autolog: Autolog, how: str) -> None:
    autolog(log_models=False)

    IN_THREADS[how]()

    runs = all_runs()
    assert sorted(int(run.data.params["max_depth"]) for run in runs) == list(DEPTHS)
    assert all(map(is_whole, runs))


def test_fits_in_threads_go_into_the_users_run_and_lose_nothing(autolog: Autolog) -> None:
    autolog()

    with nbtrack.start_run() as run:
        IN_THREADS["concurrent.futures"]()
        active = nbtrack.active_run()

    assert active == run
    (kept,) = all_runs()
    depths = [int(value) for key, value in kept.data.params.items() if key.startswith("max_depth")]
    assert sorted(depths) == list(DEPTHS)
    scores = nbtrack.get_metric_history(run.run_id, "training_score")
    assert sorted(point.step for point in scores) == list(range(len(DEPTHS)))
    assert len(kept.outputs.model_outputs) == len(DEPTHS)


def test_searches_in_threads_keep_their_own_candidates(autolog: Autolog) -> None:
    autolog(log_models=False)

    def search(depth: int) -> Any:
        with parallel_config(backend="threading", n_jobs=2):
            return GridSearchCV(tree(), {"max_depth": [depth, depth + 10]}, cv=2).fit(X, Y)

    list(ThreadPoolExecutor(3).map(search, range(1, 4)))

    runs = all_runs()
    above = {
        run.info.run_id: run.data.params["param_grid"]
        for run in runs
        if "mlflow.parentRunId" not in run.data.tags
    }
    assert len(above) == 3
    assert len(runs) == 9
    for run in runs:
        if parent := run.data.tags.get("mlflow.parentRunId"):
            depth = int(run.data.params["max_depth"]) % 10
            assert above[parent] == f"{{'max_depth': [{depth}, {depth + 10}]}}"
