"""Whatever scikit-learn can train, it trains under autolog as it does without."""

import warnings
from collections.abc import Callable

import pytest
from sklearn.base import clone

import nbtrack
from nbtrack.tracking.autolog.sklearn.estimators import NOT_TRAININGS
from tests.tracking.autolog.sklearn.all_estimators import data_for, differing, instances, learned


def test_every_estimator_trains_as_without_autolog_and_is_recorded(
    autolog: Callable[..., None], recwarn: pytest.WarningsRecorder
) -> None:
    all_estimators = list(instances())
    warnings.simplefilter("ignore")  # of scikit-learn's own on such small data
    bare = {name: learned(fitted, data[0]) for name, fitted, data in map(_train, all_estimators)}
    autolog()
    warnings.filterwarnings("always", message=".*autolog")

    found = {name: learned(fitted, data[0]) for name, fitted, data in map(_train, all_estimators)}

    assert {name: what for name in bare if (what := differing(bare[name], found[name]))} == {}
    assert [str(warned.message) for warned in recwarn.list] == []
    expected = sorted(name for name, each in all_estimators if not _is_preparing(each))
    runs = nbtrack.search_runs(filter_string="tags.mlflow.parentRunId IS NULL", output_format="list")
    assert sorted(run.data.tags["estimator_name"] for run in runs) == expected
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert [run.info.run_name for run in runs if not run.data.params or not run.outputs.model_outputs] == []


def _train(named: tuple[str, object]) -> tuple[str, object, tuple[object, ...]]:
    name, estimator = named
    data = data_for(name, estimator)
    return name, clone(estimator).fit(*data), data


def _is_preparing(estimator: object) -> bool:
    return type(estimator).__module__.startswith(NOT_TRAININGS)
