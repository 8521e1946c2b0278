"""What a training leaves is what the real MLflow keeps of it: names, values, types."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

import nbtrack
from tests.tracking.autolog.sklearn.fit_cases import CASES

ANSWERS: dict[str, Any] = json.loads(Path(__file__).with_name("mlflow_fits.json").read_text())

MORE: dict[str, str] = {
    "lists": "MLflow makes no data set of lists, and its signature says `any`",
    "texts": "likewise",
    "series of texts": "MLflow makes no data set of a Series",
    "polars": "MLflow's signature says `any`",
}
"""Where nbtrack keeps more than MLflow."""

DRAWN = ("binary", "one class", "ridge")
"""Trainings whose pictures are drawn in this test; of the others their numbers are there."""


@pytest.mark.parametrize("name", CASES)
def test_a_training_leaves_what_mlflow_keeps_of_it(name: str, autolog: Callable[..., None]) -> None:
    case, theirs = CASES[name], ANSWERS[name]
    autolog(**case.options)

    case.train()

    runs = nbtrack.search_runs(output_format="list")
    if theirs is None:
        assert not runs
        return
    (run,) = runs
    assert run.info.status == theirs["status"]
    assert run.data.params == theirs["params"]
    assert run.data.metrics == pytest.approx(theirs["metrics"], rel=1e-6, nan_ok=True)
    assert {key: run.data.tags[key] for key in theirs["tags"]} == theirs["tags"]
    _check_artifacts(run, theirs, is_drawn=name in DRAWN)
    _check_inputs(run, theirs, name)
    _check_model(run, theirs, name)


def _check_artifacts(run: Any, theirs: dict[str, Any], *, is_drawn: bool) -> None:
    pictures = {file.removesuffix(".png") for file in theirs["artifacts"] if file.endswith(".png")}
    folder = Path(url2pathname(urlsplit(run.info.artifact_uri).path))
    there = {file.name for file in folder.iterdir() if file.is_file()}
    assert there >= {f"{picture}.json" for picture in pictures}
    if is_drawn:
        listed = {file.path for file in nbtrack.MlflowClient().list_artifacts(run.info.run_id)}
        assert listed - {"model"} == {*theirs["artifacts"], *(f"{picture}.json" for picture in pictures)}


def _check_inputs(run: Any, theirs: dict[str, Any], name: str) -> None:
    ours = [
        {
            "context": {tag.key: tag.value for tag in each.tags},
            "name": each.dataset.name,
            "source_type": each.dataset.source_type,
            "schema": json.loads(each.dataset.schema),
            "profile": json.loads(each.dataset.profile),
        }
        for each in run.inputs.dataset_inputs
    ]
    if name in MORE and not theirs["inputs"]:
        assert len(ours) == 1
    else:
        assert ours == theirs["inputs"]


def _check_model(run: Any, theirs: dict[str, Any], name: str) -> None:
    outputs = run.outputs.model_outputs
    if theirs["model"] is None:
        assert not outputs
        return
    model = nbtrack.MlflowClient().get_logged_model(outputs[0].model_id)
    info = nbtrack.models.get_model_info(model.model_uri)
    assert len(outputs) == 1
    assert model.name == theirs["model"]["name"]
    assert model.params == theirs["model"]["params"]
    measured = {metric.key: metric.value for metric in model.metrics}
    # MLflow keeps NaN as 0.0 here, and as NaN in the run.
    assert measured == pytest.approx(theirs["metrics"], rel=1e-6, nan_ok=True)
    assert bool(info.saved_input_example_info) is theirs["model"]["has_example"]
    assert set(info.flavors) >= set(theirs["model"]["flavors"])
    signature = None if info.signature is None else info.signature.to_dict()
    if name not in MORE:
        assert _parsed(signature) == _parsed(theirs["model"]["signature"])


def _parsed(signature: Any) -> Any:
    return signature and {part: text and json.loads(text) for part, text in signature.items()}
