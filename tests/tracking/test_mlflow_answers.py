"""What nbtrack answers beside what the real MLflow did, as `record_mlflow_answers.py` wrote it down."""

import inspect
import json
import math
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack import MlflowClient
from nbtrack.entities import Dataset, DatasetInput, InputTag, Metric, Param

ANSWERS = json.loads(Path(__file__).with_name("mlflow_answers.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    return MlflowClient(tmp_path_factory.mktemp("answers") / "store")


@pytest.fixture(scope="module")
def experiment_ids(client: MlflowClient) -> list[str]:
    return [client.create_experiment(made["name"], tags=made["tags"]) for made in ANSWERS["experiments"]]


@pytest.fixture(scope="module")
def run_ids(client: MlflowClient, experiment_ids: list[str]) -> list[str]:
    return [make_run(client, experiment_ids, made) for made in ANSWERS["runs"]]


def make_run(client: MlflowClient, experiment_ids: list[str], made: dict[str, Any]) -> str:
    tags = {**made["tags"], "mlflow.user": made["user"]}
    run = client.create_run(experiment_ids[made["experiment"]], made["start_time"], tags, made["name"])
    run_id = run.info.run_id
    points = [
        Metric(key, value, made["start_time"], step)
        for key, points in made["metrics"].items()
        for value, step in points
    ]
    client.log_batch(run_id, points, [Param(key, text) for key, text in made["params"].items()])
    client.log_inputs(
        run_id,
        [
            DatasetInput(Dataset(name, digest, "local", "{}"), [InputTag("mlflow.data.context", context)])
            for name, digest, context in made["inputs"]
        ],
    )
    if made["end_time"] is not None:
        client.set_terminated(run_id, made["status"], made["end_time"])
    if made["deleted"]:
        client.delete_run(run_id)
    return run_id


def test_searches_find_the_runs_that_mlflow_finds_in_its_order(
    client: MlflowClient, experiment_ids: list[str], run_ids: list[str]
) -> None:
    uris = [client.get_run(run_id).info.artifact_uri for run_id in run_ids]
    wrong: list[str] = []

    for search in ANSWERS["searches"]:
        asked = search["filter"]
        for number, (run_id, uri) in enumerate(zip(run_ids, uris, strict=True)):
            asked = asked.replace(f"{{id:{number}}}", run_id).replace(f"{{uri:{number}}}", uri)
        found = client.search_runs(experiment_ids[:2], asked, search["view"], order_by=search["order_by"])
        numbers = [run_ids.index(run.info.run_id) for run in found]
        if numbers != search["found"]:
            wrong.append(f"{search['filter']} {search['order_by']}: {numbers}, MLflow: {search['found']}")

    assert not wrong, "\n".join(wrong)


def test_pages_follow_each_other_in_the_order_of_the_whole(
    client: MlflowClient, experiment_ids: list[str], run_ids: list[str]
) -> None:
    for search in ANSWERS["searches"]:
        if len(search["found"]) < 20 or "{" in search["filter"]:
            continue
        numbers: list[int] = []
        token = None
        while token is not None or not numbers:
            page = client.search_runs(
                experiment_ids[:2], search["filter"], search["view"], 7, search["order_by"], token
            )
            numbers += [run_ids.index(run.info.run_id) for run in page]
            token = page.token

        assert numbers == search["found"]


def test_searches_find_the_experiments_that_mlflow_finds(
    client: MlflowClient, experiment_ids: list[str]
) -> None:
    wrong: list[str] = []

    for search in ANSWERS["experiment_searches"]:
        found = client.search_experiments(filter_string=search["filter"], order_by=search["order_by"])
        names = [experiment.name for experiment in found]
        if names != search["found"]:
            wrong.append(f"{search['filter']} {search['order_by']}: {names}, MLflow: {search['found']}")

    assert not wrong, "\n".join(wrong)


def test_the_last_value_of_a_metric_is_the_one_mlflow_shows(client: MlflowClient, run_ids: list[str]) -> None:
    for run_id, theirs in zip(run_ids, ANSWERS["last_metrics"], strict=True):
        ours = client.get_run(run_id).data.metrics

        assert ours.keys() == theirs.keys()
        for key, value in theirs.items():
            assert ours[key] == value or (math.isnan(ours[key]) and math.isnan(value))


def test_a_frame_of_runs_has_mlflows_columns_types_and_values(
    client: MlflowClient, experiment_ids: list[str], run_ids: list[str]
) -> None:
    nbtrack.set_tracking_uri(client.tracking_uri)
    theirs = ANSWERS["frame"]

    frame = nbtrack.search_runs(experiment_ids[:2], order_by=["start_time"])

    assert sorted(frame.columns) == theirs["columns"]
    assert list(frame.columns[:6]) == theirs["info"]
    assert [name for name, kind in frame.dtypes.items() if kind.kind == "M"] == theirs["times"]
    assert sorted(name for name, kind in frame.dtypes.items() if kind.kind == "f") == theirs["floats"]
    assert [run_ids.index(run_id) for run_id in frame["run_id"]] == theirs["run_numbers"]
    values = frame[sorted({*frame.columns} - {"run_id", "experiment_id", "artifact_uri"})]
    assert json.loads(values.to_json(orient="values", date_format="iso")) == theirs["rows"]
    assert list(nbtrack.search_runs(experiment_ids[:2], "params.lr = 'none'").columns) == theirs["empty"]


# Arguments that nbtrack lacks, or has with another default, on purpose.
LACKING = {
    ("set_experiment", "trace_location"),  # traces are not nbtrack's
    ("create_experiment", "trace_location"),
    ("MlflowClient.__init__", "workspace_store_uri"),  # of a server
    ("artifacts.download_artifacts", "registry_uri"),
    ("entities.Experiment", "workspace"),
    ("entities.Experiment", "trace_location"),
    ("entities.Experiment", "effective_trace_archival_retention"),
}
OTHER_DEFAULT = {
    ("MlflowClient.log_image", "synchronous"),
    ("entities.Experiment", "creation_time"),
    ("entities.Experiment", "last_update_time"),
    ("entities.Experiment", "lifecycle_stage"),
}


@pytest.mark.parametrize("name", ANSWERS["signatures"])
def test_every_argument_of_mlflow_has_its_name_its_place_and_its_default(name: str) -> None:
    function: Any = nbtrack
    for part in name.split("."):
        function = getattr(function, part)
    arguments = inspect.signature(function).parameters
    ours = [argument for argument in arguments.values() if argument.name != "self"]

    for place, (theirs, kind, *default) in enumerate(ANSWERS["signatures"][name]):
        if (name, theirs) in LACKING:
            continue
        assert theirs in arguments
        if kind != "KEYWORD_ONLY":
            assert ours[place].name == theirs
            assert ours[place].kind.name == kind
        if default and (name, theirs) not in OTHER_DEFAULT and default != ["..."]:
            assert plain(arguments[theirs].default) == plain(default[0])


def plain(default: Any) -> Any:
    """A default as a caller sees it: nothing is nothing, whether None, an empty text, tuple or dict."""
    return None if default in (None, "", (), []) or "factory" in repr(default) else default
