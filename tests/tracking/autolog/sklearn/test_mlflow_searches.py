"""A search leaves what the real MLflow keeps of it, and of its candidates: names, values, statuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from tests.tracking.autolog.sklearn.search_cases import CASES

ANSWERS: dict[str, Any] = json.loads(Path(__file__).with_name("mlflow_searches.json").read_text())

TRUER = ("steps", "model")
"""Params of the candidates of a pipeline: MLflow says what they were before the search."""


@pytest.mark.parametrize("name", CASES)
def test_a_search_leaves_what_mlflow_keeps_of_it(name: str, autolog: Callable[..., None]) -> None:
    (search, options), theirs = CASES[name], ANSWERS[name]
    autolog(**options)

    search()

    runs: Any = nbtrack.search_runs(output_format="list")
    (above,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    candidates = [run for run in runs if run is not above]
    assert_same(above, theirs["search"])
    client = nbtrack.MlflowClient()
    models = [client.get_logged_model(model.model_id).name for model in above.outputs.model_outputs]
    assert sorted(models) == theirs["search"]["models"]
    assert {"cv_results.csv", "estimator.html"} <= set(theirs["search"]["artifacts"])
    listed = {file.path for file in client.list_artifacts(above.info.run_id)}
    assert {file for file in theirs["search"]["artifacts"] if not file.endswith(".png")} <= listed
    assert len(candidates) == len(theirs["candidates"])
    for ours, each in zip(sorted(candidates, key=tried), sorted(theirs["candidates"], key=told), strict=True):
        assert_same(ours, each)


def assert_same(run: Any, theirs: dict[str, Any]) -> None:
    assert run.info.status == theirs["status"]
    known = {key: value for key, value in theirs["params"].items() if key not in TRUER}
    assert {key: value for key, value in run.data.params.items() if key not in TRUER} == known
    assert set(run.data.params) == set(theirs["params"])
    metrics = {key: None if "_time" in key else value for key, value in run.data.metrics.items()}
    times = [key for key, value in theirs["metrics"].items() if value is None]
    scores = {key: value for key, value in theirs["metrics"].items() if value is not None}
    assert [metrics.pop(key) for key in times] == [None] * len(times)
    assert metrics == pytest.approx(scores, rel=1e-6)
    assert {key: run.data.tags.get(key) for key in theirs["tags"]} == theirs["tags"]
    assert [each.context for each in run.inputs.dataset_inputs] == theirs["inputs"]


def tried(run: Any) -> str:
    return json.dumps([run.data.params.get(key) for key in ("max_depth", "model__C")])


def told(run: dict[str, Any]) -> str:
    return json.dumps([run["params"].get(key) for key in ("max_depth", "model__C")])
