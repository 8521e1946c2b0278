"""Searches of scikit-learn: what is recorded of them, and of their candidates."""

import csv
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import nbtrack
from nbtrack.core.entities import Run
from nbtrack.tracking.autolog.sklearn.candidates import best_of, candidates_of
from nbtrack.tracking.autolog.sklearn.results_table import table_of

Autolog = Callable[..., None]
X, Y = load_iris(return_X_y=True, as_frame=True)
DEPTHS = {"max_depth": [1, 2, 3]}


def tree(**params: Any) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(random_state=0, **params)


def found() -> tuple[Run, dict[str, Run]]:
    """The run of the search, and those of its candidates by name."""
    runs: Any = nbtrack.search_runs(output_format="list")
    (above,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    below = {run.info.run_name: run for run in runs if run is not above}
    assert all(run.data.tags["mlflow.parentRunId"] == above.info.run_id for run in below.values())
    assert nbtrack.active_run() is None
    return above, below


def artifacts(run: Run) -> list[str]:
    return [file.path for file in nbtrack.list_artifacts(run.info.run_id)]


def test_a_search_says_what_was_best_and_keeps_all_it_has_measured(autolog: Autolog) -> None:
    autolog()

    search = GridSearchCV(tree(), DEPTHS, cv=3).fit(X, Y)

    above, _ = found()
    assert above.data.params["best_max_depth"] == str(search.best_params_["max_depth"])
    assert above.data.params["param_grid"] == "{'max_depth': [1, 2, 3]}"
    assert "estimator__max_depth" not in above.data.params
    assert above.data.metrics["best_cv_score"] == search.best_score_
    assert {"cv_results.csv", "model", "best_estimator"} <= set(artifacts(above))
    kept = pd.read_csv(nbtrack.download_artifacts(above.info.run_id, "cv_results.csv"))
    assert kept["mean_test_score"].tolist() == search.cv_results_["mean_test_score"].tolist()
    best = nbtrack.sklearn.load_model(f"runs:/{above.info.run_id}/best_estimator")
    assert best.get_params() == search.best_estimator_.get_params()
    whole = nbtrack.sklearn.load_model(f"runs:/{above.info.run_id}/model")
    assert whole.best_params_ == search.best_params_


def test_each_candidate_is_a_nested_run_with_its_params_scores_and_data(autolog: Autolog) -> None:
    autolog(log_models=False, extra_tags={"team": "flowers"})

    search = GridSearchCV(tree(), DEPTHS, cv=3, return_train_score=True).fit(X, Y)

    above, below = found()
    assert sorted(below) == ["max_depth=1", "max_depth=2", "max_depth=3"]
    for row, run in enumerate(below[name] for name in sorted(below)):
        assert run.info.status == "FINISHED"
        wanted = tree(max_depth=row + 1).get_params()
        assert run.data.params == {key: str(value) for key, value in wanted.items()}
        columns = [key for key in search.cv_results_ if not key.startswith(("param", "split"))]
        assert run.data.metrics == {key: search.cv_results_[key][row] for key in columns}
        assert {"mean_train_score", "rank_test_score", "std_fit_time"} <= set(run.data.metrics)
        tags = run.data.tags
        assert tags["estimator_class"] == "sklearn.tree._classes.DecisionTreeClassifier"
        assert (tags["mlflow.autologging"], tags["team"]) == ("sklearn", "flowers")
        assert tags["mlflow.source.name"] == above.data.tags["mlflow.source.name"]
        (data,) = run.inputs.dataset_inputs
        assert (data.context, data.dataset.digest) == ("train", above.inputs.dataset_inputs[0].dataset.digest)


def test_candidates_lie_one_after_the_other_within_their_search(autolog: Autolog) -> None:
    autolog(log_models=False)

    GridSearchCV(tree(), DEPTHS, cv=3).fit(X, Y)

    above, below = found()
    times = [(run.info.start_time, run.info.end_time) for _, run in sorted(below.items())]
    assert [start for start, _ in times] == sorted(start for start, _ in times)
    assert all(
        above.info.start_time <= start <= end <= above.info.end_time  # type: ignore[operator]
        for start, end in times
    )


@pytest.mark.parametrize(("most", "names"), [(0, []), (1, ["max_depth=2"]), (5, ["1", "2", "3"])])
def test_only_the_best_candidates_are_kept_as_runs(
    autolog: Autolog, capsys: pytest.CaptureFixture[str], most: int, names: list[str]
) -> None:
    autolog(log_models=False, max_tuning_runs=most, silent=False)

    GridSearchCV(tree(), {"max_depth": [1, 3, 2]}, cv=3, refit=lambda _: 2).fit(X, Y)

    _, below = found()
    assert sorted(below) == [name if "=" in name else f"max_depth={name}" for name in names]
    line = capsys.readouterr().err
    assert ("1 of 3 candidates" in line, "3 candidates" in line) == (most == 1, most in (1, 5))
    assert line.count("\n") == 1


def test_without_a_limit_every_candidate_is_a_run_that_was_never_active(autolog: Autolog) -> None:
    autolog(log_models=False, max_tuning_runs=None)

    with nbtrack.start_run() as run:
        GridSearchCV(DummyClassifier(), {"random_state": range(40)}, cv=2).fit(X, Y)
        active = nbtrack.active_run()

    _, below = found()
    assert len(below) == 40
    assert active == run
    assert {each.info.status for each in below.values()} == {"FINISHED"}


def test_of_several_metrics_the_one_that_counts_for_the_search_ranks(autolog: Autolog) -> None:
    autolog(log_models=False, max_tuning_runs=1)
    scoring = {"depth": lambda model, *_: -model.get_depth(), "accuracy": "accuracy"}

    search = GridSearchCV(tree(), DEPTHS, cv=3, scoring=scoring, refit="accuracy").fit(X, Y)

    above, below = found()
    assert list(below) == [f"max_depth={search.best_params_['max_depth']}"] != ["max_depth=1"]
    assert above.data.metrics["best_cv_score"] == search.best_score_
    assert {"mean_test_depth", "rank_test_accuracy"} <= set(*[run.data.metrics for run in below.values()])


def test_a_search_that_refits_nothing_is_recorded_without_a_best(autolog: Autolog) -> None:
    autolog(max_tuning_runs=2)

    GridSearchCV(tree(), DEPTHS, cv=3, scoring=["accuracy", "f1_macro"], refit=False).fit(X, Y)

    above, below = found()
    assert above.info.status == "FINISHED"
    assert not [key for key in above.data.params if key.startswith("best_")]
    assert "best_cv_score" not in above.data.metrics
    assert len(below) == 2
    assert "cv_results.csv" in artifacts(above)
    assert "best_estimator" not in artifacts(above)


@pytest.mark.parametrize("error_score", [float("nan"), 0.0])
def test_a_candidate_of_which_no_fit_works_is_failed(autolog: Autolog, error_score: float) -> None:
    autolog(log_models=False)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's own, of the fits that fail
        GridSearchCV(tree(), {"max_depth": [-1, 2]}, cv=3, error_score=error_score).fit(X, Y)

    _, below = found()
    bad, good = below["max_depth=-1"], below["max_depth=2"]
    assert (bad.info.status, good.info.status) == ("FAILED", "FINISHED")
    assert bad.data.tags["nbtrack.error"].startswith("No fit of this candidate worked")
    np.testing.assert_equal(bad.data.metrics["mean_test_score"], error_score)
    assert "nbtrack.error" not in good.data.tags


def test_a_search_that_fails_is_failed_with_the_users_own_error(autolog: Autolog) -> None:
    autolog()

    with pytest.raises(ValueError, match="max_depth"):
        GridSearchCV(tree(), {"max_depth": [-1]}, cv=3, error_score="raise").fit(X, Y)

    above, below = found()
    assert (above.info.status, below) == ("FAILED", {})
    assert "max_depth" in above.data.tags["nbtrack.error"]


def test_a_candidate_tells_the_params_of_the_estimators_it_puts_inside(autolog: Autolog) -> None:
    autolog(log_models=False)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", SVC())])
    grid = [{"model": [tree()], "model__max_depth": [2]}, {"model__C": [3.0], "scale": ["passthrough"]}]

    GridSearchCV(pipeline, grid, cv=2).fit(X, Y)

    _, below = found()
    of_tree, of_svc = sorted(
        (run.data.params for run in below.values()), key=lambda params: "model__C" in params
    )
    assert of_tree["model"] == "DecisionTreeClassifier(max_depth=2, random_state=0)"
    assert (of_tree["model__max_depth"], of_tree["model__criterion"]) == ("2", "gini")
    assert not [key for key in of_tree if key in ("model__C", "model__kernel")]
    assert (of_svc["model"], of_svc["model__C"], of_svc["model__kernel"]) == ("SVC(C=3.0)", "3.0", "rbf")
    assert of_svc["scale"] == "passthrough"
    assert "SVC(C=3.0)" in of_svc["steps"]
    assert grid[0]["model"][0].max_depth is None, "what the user gave stays as it was"


def test_halving_is_caught_when_it_is_imported_later_and_has_curves(autolog: Autolog) -> None:
    autolog(log_models=False, max_tuning_runs=2)
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV, HalvingRandomSearchCV

    search = HalvingGridSearchCV(tree(), {"max_depth": [1, 2, 3, 4]}, cv=2, factor=2, min_resources=30)
    search.fit(X, Y)

    above, below = found()
    assert len(below) == 2
    best = below[f"max_depth={search.best_params_['max_depth']}"]
    rows = [row for row, each in enumerate(search.cv_results_["params"]) if each == search.best_params_]
    points = nbtrack.get_metric_history(best.info.run_id, "mean_test_score")
    assert [(point.step, point.value) for point in points] == [
        (search.cv_results_["iter"][row], search.cv_results_["mean_test_score"][row]) for row in rows
    ]
    assert len(points) == search.n_iterations_ > 1
    assert best.data.metrics["n_resources"] == max(search.n_resources_)
    assert above.data.tags["estimator_name"] == "HalvingGridSearchCV"
    nbtrack.set_experiment("random")
    HalvingRandomSearchCV(tree(), {"max_depth": [1, 2]}, n_candidates=2, cv=2, random_state=0).fit(X, Y)
    assert found()[0].data.tags["estimator_name"] == "HalvingRandomSearchCV"


class OddDepths(BaseSearchCV):
    """A search of a user's own."""

    def __init__(self, estimator: Any, *, cv: int | None = None) -> None:
        super().__init__(estimator, cv=cv)

    def _run_search(self, evaluate_candidates: Any) -> None:
        for depth in (1, 3):
            evaluate_candidates([{"max_depth": depth}])


def test_a_search_of_the_users_own_is_a_search(autolog: Autolog) -> None:
    autolog(log_models=False)

    OddDepths(tree(), cv=2).fit(X, Y)

    above, below = found()
    assert sorted(below) == ["max_depth=1", "max_depth=3"]
    assert above.data.tags["estimator_name"] == "OddDepths"


def test_a_second_search_in_a_run_takes_nothing_from_the_first(autolog: Autolog) -> None:
    autolog(log_models=False)

    with nbtrack.start_run() as run:
        GridSearchCV(tree(), DEPTHS, cv=2).fit(X, Y)
        RandomizedSearchCV(SVC(), {"C": [1, 2]}, n_iter=2, cv=2).fit(X, Y)

    above, below = found()
    assert above.info.run_id == run.run_id
    assert len(below) == 5
    assert {"best_max_depth", "best_C"} <= set(above.data.params)
    assert above.data.summaries["best_cv_score"].count == 2
    assert {"cv_results.csv", "cv_results-2.csv"} <= set(artifacts(above))


def test_a_search_for_the_params_of_a_search_names_what_it_tried(autolog: Autolog) -> None:
    autolog(log_models=False)

    GridSearchCV(GridSearchCV(SVC(), {"C": [1, 2]}, cv=2), {"estimator__kernel": ["linear"]}, cv=2).fit(X, Y)

    _, below = found()
    (run,) = below.values()
    assert run.data.params["estimator__kernel"] == "linear"
    assert run.data.params["estimator"] == "SVC(kernel='linear')"


def test_the_table_is_what_pandas_would_write(tmp_path: Path) -> None:
    grid = [
        {"max_depth": [1, 2], "criterion": ["gini"]},
        {"splitter": ["random"], "class_weight": [None, "balanced"]},
    ]
    search = GridSearchCV(tree(), grid, cv=2).fit(X, Y)

    text = table_of(search.cv_results_)

    pd.DataFrame.from_dict(search.cv_results_).to_csv(tmp_path / "theirs.csv", index=False)
    theirs = list(csv.reader((tmp_path / "theirs.csv").read_text().splitlines()))
    ours = list(csv.reader(text.splitlines()))
    as_number = [header.startswith("param_max_depth") for header in theirs[0]]
    for mine, other in zip(ours, theirs, strict=True):
        for is_number, a, b in zip(as_number, mine, other, strict=True):
            # pandas makes whole numbers floats where one is missing.
            assert a == b or (is_number and float(a) == float(b))


def test_the_candidate_that_was_chosen_is_always_among_the_best() -> None:
    search = GridSearchCV(tree(), DEPTHS, cv=3, refit=lambda _: 0).fit(X, Y)

    (best,) = best_of(search, candidates_of(search), 1)

    assert best.params == {"max_depth": 1}
