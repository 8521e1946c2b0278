"""MlflowClient: everything by id, nothing active."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import nbtrack
from nbtrack import MlflowClient
from nbtrack.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunStatus, RunTag, ViewType
from nbtrack.exceptions import MlflowException


@pytest.fixture
def client(tmp_path: Path) -> MlflowClient:
    return MlflowClient(tmp_path / "store")


@pytest.fixture
def run_id(client: MlflowClient) -> str:
    return client.create_run("0", run_name="one").info.run_id


def test_it_is_found_where_mlflows_is() -> None:
    from nbtrack.tracking import MlflowClient as from_tracking

    assert nbtrack.tracking.MlflowClient is from_tracking is MlflowClient


def test_without_a_uri_it_is_where_the_fluent_functions_are(tmp_path: Path) -> None:
    client = MlflowClient()
    nbtrack.set_tracking_uri(tmp_path / "elsewhere")
    with nbtrack.start_run() as run:
        pass

    assert client.tracking_uri == str(tmp_path / "elsewhere")
    assert client.get_run(run.info.run_id).info.status == "FINISHED"


def test_a_run_from_start_to_end(client: MlflowClient) -> None:
    experiment_id = client.create_experiment("churn", tags={"team": "nlp"})
    run = client.create_run(experiment_id, start_time=1_700_000_000_000, tags={"a": 1}, run_name="first")
    run_id = run.info.run_id

    client.log_param(run_id, "lr", 0.1)
    client.log_metric(run_id, "loss", 0.5, timestamp=1_700_000_000_500, step=3)
    client.set_tag(run_id, "b", 2)
    client.log_batch(
        run_id,
        metrics=[Metric("loss", 0.25, 1_700_000_000_600, 4), Metric("acc", 1, 0, 0)],
        params=[Param("depth", "3")],
        tags=[RunTag("c", "3")],
    )
    assert client.get_run(run_id).info.status == "RUNNING"
    assert client.get_run(run_id).data.metrics == {"loss": 0.25, "acc": 1.0}
    client.set_terminated(run_id, end_time=1_700_000_001_000)

    found = client.get_run(run_id)
    assert (found.info.status, found.info.run_name, found.info.experiment_id) == (
        "FINISHED",
        "first",
        experiment_id,
    )
    assert (found.info.start_time, found.info.end_time) == (1_700_000_000_000, 1_700_000_001_000)
    assert found.data.params == {"lr": "0.1", "depth": "3"}
    assert found.data.tags == {"a": "1", "b": "2", "c": "3", "mlflow.runName": "first"}
    assert client.get_metric_history(run_id, "loss") == [
        Metric("loss", 0.5, 1_700_000_000_500, 3),
        Metric("loss", 0.25, 1_700_000_000_600, 4),
    ]
    assert nbtrack.active_run() is None


def test_what_is_logged_to_a_run_that_has_ended_is_found_at_once(client: MlflowClient, run_id: str) -> None:
    client.set_terminated(run_id)

    client.log_metric(run_id, "late", 0.5)
    client.log_batch(run_id, metrics=[Metric("later", 2.0, 1, 0)])

    found = client.search_runs(["0"], "metrics.late = 0.5 and metrics.later > 1")
    assert [run.info.run_id for run in found] == [run_id]
    assert found[0].info.status == "FINISHED"


def test_a_status_is_given_in_words_or_mlflows_numbers(client: MlflowClient, run_id: str) -> None:
    client.set_terminated(run_id, "FAILED")
    assert client.get_run(run_id).info.status == RunStatus.FAILED
    client.update_run(run_id, status="RUNNING")
    assert client.get_run(run_id).info.status == "RUNNING"
    client.update_run(run_id, status=RunStatus.to_string(5), name="renamed")  # type: ignore[arg-type]
    assert client.get_run(run_id).info.status == "KILLED"
    assert client.get_run(run_id).info.run_name == "renamed"

    for status in ("finished", "DONE", 9):
        with pytest.raises(MlflowException, match="is no status"):
            client.set_terminated(run_id, status)  # type: ignore[arg-type]
    assert client.get_run(run_id).info.status == "KILLED"


def test_ending_the_active_run_by_its_id_ends_it_here(client: MlflowClient) -> None:
    nbtrack.set_tracking_uri(client.tracking_uri)

    with nbtrack.start_run() as run:
        MlflowClient().set_terminated(run.info.run_id, "FAILED")
        assert nbtrack.active_run() is None

    assert client.get_run(run.info.run_id).info.status == "FAILED"


def test_logging_by_id_to_the_active_run_is_logging_to_it(client: MlflowClient) -> None:
    nbtrack.set_tracking_uri(client.tracking_uri)

    with nbtrack.start_run() as run:
        MlflowClient().log_metric(run.info.run_id, "loss", 1.0)
        nbtrack.log_metric("loss", 2.0, run_id=run.info.run_id)
        nbtrack.log_params({"a": 1}, run_id=run.info.run_id)

    assert client.get_run(run.info.run_id).data.metrics == {"loss": 2.0}
    segments = list(Path(client.tracking_uri, "runs", run.info.run_id).glob("metrics-*"))
    assert len(segments) == 1


def test_another_process_goes_on_with_a_run_whose_maker_is_gone(client: MlflowClient) -> None:
    program = (
        "import sys, nbtrack; c = nbtrack.MlflowClient(sys.argv[1]); "
        "r = c.create_run('0').info.run_id; c.log_metric(r, 'loss', 1.0); print(r)"
    )
    made = subprocess.run(
        [sys.executable, "-c", program, client.tracking_uri], capture_output=True, text=True, check=True
    )
    run_id = made.stdout.strip()
    assert client.get_run(run_id).info.status == "KILLED"  # nobody is writing it

    client.log_metric(run_id, "loss", 2.0, step=1)

    assert client.get_run(run_id).info.status == "RUNNING"
    client.set_terminated(run_id)
    found = client.get_run(run_id)
    assert (found.info.status, found.data.metrics) == ("FINISHED", {"loss": 2.0})
    assert [point.value for point in client.get_metric_history(run_id, "loss")] == [1.0, 2.0]


def test_a_batch_is_checked_whole_before_anything_is_written(client: MlflowClient, run_id: str) -> None:
    client.log_param(run_id, "lr", "0.1")
    good = Metric("loss", 0.5, 1, 0)

    for arguments, message in (
        ({"metrics": [good, Metric("bad", "abc", 1, 0)]}, "'bad'"),  # type: ignore[arg-type]
        ({"metrics": [good, Metric("bad", 1.0, -5, 0)]}, "timestamp"),
        ({"metrics": [good], "params": [Param("new", "1"), Param("new", "2")]}, "given twice"),
        ({"metrics": [good], "params": [Param("new", "1"), Param("lr", "0.2")], "tags": [RunTag("t", "1")]},
         "written once"),
        ({"metrics": [good], "tags": [RunTag("", "1")]}, "empty"),
    ):  # fmt: skip
        with pytest.raises(MlflowException, match=message):
            client.log_batch(run_id, **arguments)  # type: ignore[arg-type]

    found = client.get_run(run_id).data
    assert (found.metrics, found.params) == ({}, {"lr": "0.1"})
    assert "t" not in found.tags


def test_a_run_in_the_bin_is_not_logged_to(client: MlflowClient, run_id: str) -> None:
    client.delete_run(run_id)

    with pytest.raises(MlflowException, match="Restore it before you log to it"):
        client.log_metric(run_id, "loss", 1.0)
    assert client.search_runs(["0"]) == []
    assert [run.info.run_id for run in client.search_runs(["0"], run_view_type=ViewType.DELETED_ONLY)] == [
        run_id
    ]
    client.restore_run(run_id)
    client.log_metric(run_id, "loss", 1.0)
    assert client.get_run(run_id).data.metrics == {"loss": 1.0}


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.get_run("a" * 32),
        lambda client: client.log_metric("a" * 32, "loss", 1.0),
        lambda client: client.log_param("a" * 32, "lr", 1.0),
        lambda client: client.set_tag("a" * 32, "t", 1),
        lambda client: client.set_terminated("a" * 32),
        lambda client: client.update_run("a" * 32, name="x"),
        lambda client: client.delete_run("a" * 32),
        lambda client: client.log_text("a" * 32, "x", "a.txt"),
        lambda client: client.list_artifacts("a" * 32),
        lambda client: client.get_experiment("77"),
        lambda client: client.rename_experiment("77", "x"),
        lambda client: client.delete_experiment("77"),
        lambda client: client.set_experiment_tag("77", "a", "b"),
        lambda client: client.create_run("77"),
    ],
)
def test_an_id_that_is_not_there_is_named(client: MlflowClient, run_id: str, call) -> None:
    with pytest.raises(MlflowException, match=r"No (run|experiment with the id) '(a{32}|77)'") as error:
        call(client)
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize("bad", ["", "../x", "a/b", 5, None])
def test_what_can_be_no_id_is_refused(client: MlflowClient, bad: object) -> None:
    with pytest.raises(MlflowException, match="run id"):
        client.get_run(bad)  # type: ignore[arg-type]
    with pytest.raises(MlflowException, match="run id"):
        client.log_metric(bad, "loss", 1.0)  # type: ignore[arg-type]


def test_experiments_by_id(client: MlflowClient) -> None:
    experiment_id = client.create_experiment("churn")

    client.set_experiment_tag(experiment_id, "team", "nlp")
    client.rename_experiment(experiment_id, "churn 2")
    assert client.get_experiment(experiment_id).tags == {"team": "nlp"}
    client.delete_experiment_tag(experiment_id, "team")
    client.delete_experiment(experiment_id)

    found = client.get_experiment(experiment_id)
    assert (found.name, found.lifecycle_stage, found.tags) == ("churn 2", "deleted", {})
    assert client.get_experiment_by_name("churn 2") == found
    assert client.get_experiment_by_name("churn") is None
    with pytest.raises(MlflowException, match="deleted"):
        client.create_run(experiment_id)
    client.restore_experiment(experiment_id)
    assert client.create_run(experiment_id).info.experiment_id == experiment_id


def test_pages_of_runs_and_experiments(client: MlflowClient) -> None:
    for number in range(5):
        client.create_run("0", start_time=1_700_000_000_000 + number, run_name=f"run {number}")
        client.create_experiment(f"experiment {number}")

    first = client.search_runs(["0"], order_by=["attributes.start_time ASC"], max_results=3)
    client.create_run("0", start_time=1_600_000_000_000, run_name="earlier than all")
    second = client.search_runs(
        ["0"], order_by=["attributes.start_time ASC"], max_results=3, page_token=first.token
    )
    assert [run.info.run_name for run in [*first, *second]] == [f"run {number}" for number in range(5)]
    assert second.token is None
    assert client.search_runs([]) == []

    page = client.search_experiments(order_by=["name ASC"], max_results=4)
    names = [each.name for each in page]
    while page.token:
        page = client.search_experiments(order_by=["name ASC"], max_results=4, page_token=page.token)
        names += [each.name for each in page]
    assert names == ["Default", *(f"experiment {number}" for number in range(5))]


@pytest.mark.parametrize("token", ["!", "bm9uc2Vuc2U=", "é", "e30="])
def test_a_bad_page_token_is_refused(client: MlflowClient, run_id: str, token: str) -> None:
    with pytest.raises(MlflowException, match="page token"):
        client.search_runs(["0"], page_token=token)
    with pytest.raises(MlflowException, match="page token"):
        client.search_experiments(page_token=token)


def test_a_metric_names_the_data_set_it_was_measured_on(client: MlflowClient, run_id: str) -> None:
    client.log_metric(run_id, "loss", 0.5, timestamp=1, dataset_name="iris", dataset_digest="0a1b2c3d")

    assert client.get_metric_history(run_id, "loss") == [
        Metric("loss", 0.5, 1, 0, dataset_name="iris", dataset_digest="0a1b2c3d")
    ]
    with pytest.raises(MlflowException, match="together"):
        client.log_metric(run_id, "loss", 0.5, dataset_name="iris")


def test_artifacts_by_id(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")

    client.log_text(run_id, "hello", "notes/hello.txt")
    client.log_dict(run_id, {"a": 1}, "config.json")
    client.log_artifact(run_id, tmp_path / "a.txt", "files")

    assert [info.path for info in client.list_artifacts(run_id)] == ["config.json", "files", "notes"]
    assert [info.path for info in client.list_artifacts(run_id, "notes")] == ["notes/hello.txt"]
    assert client.list_artifacts(run_id, "config.json") == []
    assert Path(client.download_artifacts(run_id, "notes/hello.txt")).read_text() == "hello"


def test_many_runs_are_written_side_by_side(client: MlflowClient) -> None:
    run_ids = [client.create_run("0").info.run_id for _ in range(200)]
    for step in range(3):
        for number, run_id in enumerate(run_ids):
            client.log_metric(run_id, "loss", number + step / 10, step=step)
    for run_id in run_ids:
        client.set_terminated(run_id)

    found = client.search_runs(["0"], "status = 'FINISHED'")
    assert sorted(run.data.metrics["loss"] for run in found) == [number + 0.2 for number in range(200)]


def test_inputs_by_id(client: MlflowClient, run_id: str) -> None:
    iris = Dataset("iris", "0a1b2c3d", "local", '{"uri": "iris.csv"}')

    client.log_inputs(run_id, [DatasetInput(iris, (InputTag("mlflow.data.context", "train"),))])

    (found,) = client.get_run(run_id).inputs.dataset_inputs
    assert (found.dataset, found.context) == (iris, "train")
    with pytest.raises(MlflowException, match="DatasetInput"):
        client.log_inputs(run_id, [iris])  # type: ignore[list-item]


def run_program(client: MlflowClient, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, client.tracking_uri], capture_output=True, text=True, timeout=60
    )


def test_what_was_logged_by_id_survives_a_kill_and_the_run_says_so(client: MlflowClient) -> None:
    done = run_program(
        client,
        """
import os, signal, sys
from nbtrack import MlflowClient
client = MlflowClient(sys.argv[1])
run_id = client.create_run("0").info.run_id
print(run_id, flush=True)
for step in range(500):
    client.log_metric(run_id, "loss", step, step=step)
client.log_param(run_id, "lr", 0.1)
os.kill(os.getpid(), signal.SIGKILL)
""",
    )
    assert done.returncode == -9
    run_id = done.stdout.strip()

    killed = client.get_run(run_id)
    assert (killed.info.status, killed.data.params) == ("KILLED", {"lr": "0.1"})
    assert [point.value for point in client.get_metric_history(run_id, "loss")] == list(range(500))
    assert [run.info.run_id for run in client.search_runs(["0"], "metrics.loss = 499")] == [run_id]

    client.set_terminated(run_id, "FAILED")
    assert client.get_run(run_id).info.status == "FAILED"
    assert client.get_run(run_id).data.metrics == {"loss": 499.0}


def test_a_forked_child_logs_by_id_as_well(client: MlflowClient) -> None:
    done = run_program(
        client,
        """
import os, sys
from nbtrack import MlflowClient
client = MlflowClient(sys.argv[1])
run_id = client.create_run("0").info.run_id
client.log_metric(run_id, "loss", 1.0, step=1)
child = os.fork()
client.log_metric(run_id, "loss", 2.0 if child else 3.0, step=2 if child else 3)
if not child:
    sys.exit(0)
os.waitpid(child, 0)
client.set_terminated(run_id)
print(run_id)
""",
    )
    assert done.returncode == 0, done.stderr
    run_id = done.stdout.strip()

    assert sorted(point.value for point in client.get_metric_history(run_id, "loss")) == [1.0, 2.0, 3.0]
    found = client.get_run(run_id)
    assert (found.info.status, found.data.metrics) == ("FINISHED", {"loss": 3.0})
    assert client.search_runs(["0"], "metrics.loss = 3")[0].info.run_id == run_id


def test_threads_log_by_id_side_by_side(client: MlflowClient) -> None:
    run_ids = [client.create_run("0").info.run_id for _ in range(4)]

    def log(number: int) -> None:
        for step in range(200):
            client.log_metric(run_ids[(number + step) % 4], f"m{number}", step, step=step)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counts = [len(client.get_metric_history(run_id, f"m{n}")) for run_id in run_ids for n in range(8)]
    assert sum(counts) == 8 * 200


@pytest.mark.parametrize(
    "arguments", [{"metrics": {"a": 1}}, {"params": {"a": 1}}, {"tags": [("a", 1)]}, {"metrics": "loss"}]
)
def test_a_batch_of_something_else_is_refused(
    client: MlflowClient, run_id: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(MlflowException, match=r"log_batch takes (metrics|params|tags) as a list of nbtrack"):
        client.log_batch(run_id, **arguments)  # type: ignore[arg-type]
