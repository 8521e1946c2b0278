"""Finding, deleting and restoring runs; experiments and tags; what MLflow's users take for granted."""

import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

import nbtrack
from nbtrack.core.entities import RunStatus, SourceType, ViewType
from nbtrack.core.errors import (
    AlreadyExistsError,
    InvalidStateError,
    InvalidTypeError,
    InvalidValueError,
    NotFoundError,
)
from nbtrack.data import from_pandas
from nbtrack.tracking.run_operations import RunOperations
from nbtrack.tracking.tracker import Tracker


def test_ids_that_no_experiment_has_are_warned_of_and_left_out(tracker: Tracker) -> None:
    tracker.set_experiment("churn")
    with tracker.start_run() as run:
        pass

    with pytest.warns(
        UserWarning, match=r"the id 'churn'\. It is the name of one: experiment_names=\['churn'\]\."
    ):
        by_name = tracker.search_runs(experiment_ids=["churn"], output_format="list")
    with pytest.warns(UserWarning, match=r"No experiment with the id '999'\. It was looked for in"):
        both = tracker.search_runs(experiment_ids=["999", run.info.experiment_id], output_format="list")

    assert by_name == []
    assert [found.info.run_id for found in both] == [run.run_id]


def test_the_last_run_is_the_active_one_else_the_one_that_ended_last(tracker: Tracker) -> None:
    assert tracker.last_active_run() is None
    with tracker.start_run() as outer:
        with tracker.start_run(nested=True) as inner:
            assert tracker.last_active_run() is inner
        assert tracker.last_active_run() is outer

    last = tracker.last_active_run()
    assert last is not None
    assert (last.info.run_id, last.info.status) == (outer.run_id, "FINISHED")


def test_another_thread_has_no_last_run_of_its_own(tracker: Tracker) -> None:
    with tracker.start_run():
        pass
    found: list[object] = []

    thread = threading.Thread(target=lambda: found.append(tracker.last_active_run()))
    thread.start()
    thread.join()

    assert found == [None]


def test_the_parent_of_a_nested_run(tracker: Tracker) -> None:
    with tracker.start_run(run_name="outer") as outer, tracker.start_run(nested=True) as inner:
        pass

    parent = tracker.get_parent_run(inner.run_id)
    assert parent is not None
    assert parent.info.run_name == "outer"
    assert tracker.get_parent_run(outer.run_id) is None


def test_a_run_goes_into_the_bin_and_comes_back(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        tracker.log_metric("loss", 1.0)

    tracker.delete_run(run.run_id)
    tracker.delete_run(run.run_id)
    assert len(tracker.search_runs()) == 0
    assert len(tracker.search_runs(run_view_type=ViewType.DELETED_ONLY)) == 1
    assert len(tracker.search_runs(run_view_type=ViewType.ALL)) == 1
    with pytest.raises(InvalidStateError, match="Restore it before you resume it"):
        tracker.start_run(run_id=run.run_id)
    tracker.restore_run(run.run_id)

    assert len(tracker.search_runs()) == 1


def test_tags_of_the_active_run_are_taken_off(tracker: Tracker) -> None:
    with tracker.start_run(tags={"a": 1, "b": 2}) as run:
        tracker.delete_tag("a")
        with pytest.raises(NotFoundError, match=rf"Run {run.run_id} has no tag 'bb'\. Did you mean 'b'\?"):
            tracker.delete_tag("bb")

    tags = tracker.get_run(run.run_id).data.tags
    assert "a" not in tags
    assert tags["b"] == "2"


def test_tags_of_the_active_experiment(tracker: Tracker) -> None:
    tracker.set_experiment("churn")

    tracker.set_experiment_tag("team", "nlp")
    tracker.set_experiment_tags({"n": 1, "gone": "x"})
    tracker.delete_experiment_tag("gone")

    found = tracker.get_experiment_by_name("churn")
    assert found is not None
    assert found.tags == {"team": "nlp", "n": "1"}
    with pytest.raises(InvalidTypeError, match="tags are given as a dict"):
        tracker.set_experiment_tags([("a", 1)])  # type: ignore[arg-type]


def test_a_deleted_experiment_takes_no_runs(tracker: Tracker) -> None:
    experiment_id = tracker.set_experiment("churn").experiment_id
    tracker.delete_experiment(experiment_id)

    for call in (
        lambda: tracker.start_run(),
        lambda: tracker.start_run(experiment_id=experiment_id),
        lambda: tracker.set_experiment("churn"),
    ):
        with pytest.raises(InvalidStateError, match=r"'churn' is deleted\. Restore it \(restore_experiment"):
            call()
    tracker.restore_experiment(experiment_id)
    with tracker.start_run() as run:
        assert run.info.experiment_id == experiment_id


def test_the_chosen_experiment_may_be_renamed(tracker: Tracker) -> None:
    experiment_id = tracker.set_experiment("old").experiment_id

    tracker.rename_experiment(experiment_id, "new")

    with tracker.start_run() as run:
        assert run.info.experiment_id == experiment_id
    assert tracker.get_experiment_by_name("old") is None


def test_settings_that_name_two_experiments_are_refused(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment_id = tracker.create_experiment("churn")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "churn")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")

    with pytest.raises(
        InvalidValueError, match=r"MLFLOW_EXPERIMENT_NAME is 'churn'.*MLFLOW_EXPERIMENT_ID is '0'"
    ):
        tracker.start_run()
    monkeypatch.setenv("NBTRACK_EXPERIMENT_ID", experiment_id)
    with tracker.start_run() as run:
        assert run.info.experiment_id == experiment_id


@pytest.mark.parametrize("as_uri", [True, False])
def test_an_experiment_may_keep_its_artifacts_elsewhere(
    tracker: Tracker, tmp_path: Path, as_uri: bool
) -> None:
    place = tmp_path / "big disk"
    experiment_id = tracker.create_experiment("big", place.as_uri() if as_uri else place)

    with tracker.start_run(experiment_id=experiment_id) as run:
        tracker.log_text("hello", "a.txt")

    assert (place / run.run_id / "artifacts" / "a.txt").read_text() == "hello"
    assert tracker.load_text(run.run_id, "a.txt") == "hello"
    assert tracker.get_run(run.run_id).info.artifact_uri == (place / run.run_id / "artifacts").as_uri()
    assert tracker.get_experiment(experiment_id).artifact_location == place.as_uri()


@pytest.mark.parametrize("location", ["", "s3://bucket/x", "runs:/abc/x", "file://host/x", 5, "file:///a?b"])
def test_a_place_that_cannot_hold_artifacts_is_refused(tracker: Tracker, location: object) -> None:
    with pytest.raises(InvalidValueError, match="artifact_location"):
        tracker.create_experiment("big", location)  # type: ignore[arg-type]
    assert tracker.get_experiment_by_name("big") is None


def test_mlflows_positions_of_arguments(tracker: Tracker, tmp_path: Path) -> None:
    experiment_id = tracker.create_experiment("a", None, {"k": "v"})
    assert tracker.get_experiment(experiment_id).tags == {"k": "v"}
    with tracker.start_run() as run:
        tracker.log_metric("loss", 0.5, 3, None, 1_700_000_000_000)
        tracker.log_metrics({"acc": 1}, 4, None, run.run_id, 1_700_000_000_001)
        tracker.log_params({"a": 1}, None, run.run_id)
    history = tracker.get_metric_history(run.run_id, "acc")[0]
    assert (history.step, history.timestamp) == (4, 1_700_000_000_001)


def test_asynchronous_calls_are_done_when_they_return(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        pending = [
            tracker.log_metric("loss", 0.5, synchronous=False),
            tracker.log_metrics({"acc": 0.5}, synchronous=False),
            tracker.log_param("lr", 0.1, synchronous=False),
            tracker.log_params({"depth": 3}, synchronous=False),
            tracker.set_tag("a", 1, synchronous=False),
            tracker.set_tags({"b": 2}, synchronous=False),
            tracker.log_batch(synchronous=False),
        ]
        assert tracker.get_run(run.run_id).data.params == {"lr": "0.1", "depth": "3"}

    assert all(isinstance(each, RunOperations) for each in pending)
    for each in pending:
        each.wait()
    tracker.flush_async_logging()
    tracker.flush_artifact_async_logging()
    with tracker.start_run():
        assert tracker.log_metric("loss", 0.5) is None
        assert tracker.log_param("lr", 0.1, synchronous=True) == 0.1


def test_metrics_with_one_bad_step_are_not_logged_at_all(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        with pytest.raises(InvalidValueError, match="step"):
            tracker.log_metrics({"a": 1.0, "b": 2.0}, step=2**70)

        assert run.data.metrics == {}


def test_whether_a_store_was_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not nbtrack.is_tracking_uri_set()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "x"))
    assert nbtrack.is_tracking_uri_set()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    nbtrack.set_tracking_uri(tmp_path / "y")
    assert nbtrack.is_tracking_uri_set()
    assert not (tmp_path / "y").exists()


def test_statuses_and_views_have_mlflows_names() -> None:
    assert RunStatus.to_string(RunStatus.from_string("FAILED")) == "FAILED"
    assert RunStatus.to_string(3) == "FINISHED"
    assert RunStatus.all_status() == ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
    assert ViewType.from_string(ViewType.to_string(ViewType.DELETED_ONLY)) == ViewType.DELETED_ONLY
    assert ViewType.from_string("ALL") == ViewType.ALL
    assert SourceType.NOTEBOOK == "NOTEBOOK"
    for wrong in ("finished", 0, 6, True, None):
        with pytest.raises(InvalidValueError, match="is no status"):
            RunStatus.to_string(wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="none of ViewType"):
        ViewType.from_string("some")


def test_switched_off_everything_can_be_called(tmp_path: Path) -> None:
    off = Tracker(store=tmp_path / "off", enabled=False)
    run = off.create_run("0")
    run_id = run.info.run_id

    with off.start_run() as active:
        assert active.info.run_id == run_id
        assert off.log_param("lr", 0.1) == 0.1
        off.log_params(object())  # whatever it is, nobody looks
        off.log_batch([None])  # type: ignore[list-item]
        off.delete_tag("nothing")
    off.log_metric("loss", 1.0, run_id=run_id)
    off.set_terminated(run_id)
    off.update_run(run_id, name="x")
    off.delete_run(run_id)
    off.restore_run(run_id)
    off.set_experiment_tag("a", 1)
    off.delete_experiment_tag("a")
    off.delete_experiment("0")
    off.restore_experiment("0")
    off.rename_experiment("0", "x")

    assert off.get_run(run_id).info.status == "RUNNING"
    assert off.get_parent_run(run_id) is None
    assert off.get_metric_history(run_id, "loss") == []
    assert off.list_artifacts(run_id) == []
    assert off.search_experiments() == []
    assert not (tmp_path / "off").exists()


def test_names_that_are_taken_say_what_to_do(tracker: Tracker) -> None:
    tracker.create_experiment("churn")

    with pytest.raises(AlreadyExistsError, match=r"'churn' exists already.*set_experiment"):
        tracker.create_experiment("churn")


@pytest.mark.parametrize("wrong", ["metrics.loss < 1", "a b", "x'"])
def test_a_filter_in_the_place_of_an_id_is_refused_also_without_a_store(wrong: str) -> None:
    with pytest.raises(InvalidValueError, match=r"filter_string=\.\.\."):
        nbtrack.search_runs(wrong)  # type: ignore[arg-type]


def test_a_metric_is_measured_on_a_data_set(tracker: Tracker) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3]})
    iris = from_pandas(frame, name="iris")

    with tracker.start_run() as run:
        tracker.log_metric("loss", 0.5, dataset=iris)
        tracker.log_metrics({"acc": 0.5}, dataset=iris)
        tracker.log_metric("other", 0.5)
        with pytest.raises(InvalidTypeError, match="log_input takes a data set"):
            tracker.log_metric("bad", 0.5, dataset=object())

    (used,) = tracker.get_run(run.run_id).inputs.dataset_inputs
    assert used.dataset.name == "iris"
    for key, name in (("loss", "iris"), ("acc", "iris"), ("other", None)):
        (point,) = tracker.get_metric_history(run.run_id, key)
        assert (point.dataset_name, point.dataset_digest) == (name, used.dataset.digest if name else None)
    assert "bad" not in tracker.get_run(run.run_id).data.metrics


def test_what_was_switched_off_says_so_when_it_is_read(tmp_path: Path) -> None:
    off = Tracker(store=tmp_path / "off", enabled=False)
    with off.start_run() as run:
        off.log_text("x", "a.txt")
        off.log_table({"a": 1}, "a.json")

    with pytest.raises(NotFoundError, match="Nothing was recorded: NBTRACK_DISABLED"):
        off.load_text(run.info.run_id, "a.txt")
    with pytest.raises(NotFoundError, match="Nothing was recorded"):
        off.download_artifacts(run.info.run_id, "a.txt")
    assert len(off.load_table("a.json")) == 0


def test_help_on_a_verb_tells_all_of_it() -> None:
    shown = nbtrack.log_metric.__doc__

    assert shown is not None
    for words in (
        "survives the death of the process",
        "    step: The x position",
        "    run_id: Log to this run",
    ):
        assert words in shown
    assert "run_id:" not in (nbtrack.set_tag.__doc__ or "")
    for name in ("log_params", "log_artifact", "log_image", "log_table", "log_input", "set_tags"):
        assert "Args:" in (getattr(nbtrack, name).__doc__ or ""), name


def test_threads_of_a_spawned_worker_nest_in_the_run_of_its_parent_or_of_its_main_thread(
    tmp_path: Path,
) -> None:
    program = tmp_path / "sweep.py"
    program.write_text(
        """
import multiprocessing, threading, nbtrack

def nest(name, gate):
    with nbtrack.start_run(run_name=name, nested=True) as run:
        threads = [threading.Thread(target=nbtrack.log_metric, args=("below", 1.0))]
        threads[0].start()
        threads[0].join()
        gate.wait()

def work(name):
    gate = threading.Barrier(3)
    threads = [threading.Thread(target=nest, args=(f"{name}{number}", gate)) for number in range(3)]
    if name == "deep":
        with nbtrack.start_run(run_name=name, nested=True):
            for thread in threads: thread.start()
            for thread in threads: thread.join()
    else:
        for thread in threads: thread.start()
        for thread in threads: thread.join()

if __name__ == "__main__":
    with nbtrack.start_run(run_name="parent"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.map(work, ["flat", "deep"])
"""
    )
    subprocess.run([sys.executable, program], check=True, timeout=60, capture_output=True, text=True)

    by_name = {run.info.run_name: run for run in nbtrack.search_runs(output_format="list")}
    parents = {name: run.data.tags.get("mlflow.parentRunId") for name, run in by_name.items()}
    for number in range(3):
        assert parents[f"flat{number}"] == parents["deep"] == by_name["parent"].info.run_id
        assert parents[f"deep{number}"] == by_name["deep"].info.run_id
    below = {name: run.data.summaries["below"].count for name, run in by_name.items() if run.data.metrics}
    assert below == {"parent": 3, "deep": 3}


def test_all_nested_runs_of_a_spawned_worker_nest_in_the_run_of_its_parent(tmp_path: Path) -> None:
    program = tmp_path / "sweep.py"
    program.write_text(
        """
import multiprocessing, nbtrack
from nbtrack.stores.local.store import LocalStore

opened = []
begin = LocalStore.__init__

def counted(self, *args):
    opened.append(args)
    begin(self, *args)

def work(number):
    LocalStore.__init__ = counted
    with nbtrack.start_run(run_name=f"w{number}", nested=True):
        nbtrack.log_metric("loss", number)
    nbtrack.log_metric("done", number)  # to the run of the parent
    return len(opened)

if __name__ == "__main__":
    nbtrack.set_experiment("sweep")
    with nbtrack.start_run(run_name="parent"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(max(pool.map(work, range(4))))
"""
    )
    done = subprocess.run([sys.executable, program], check=True, timeout=60, capture_output=True, text=True)

    runs = nbtrack.search_runs(output_format="list", experiment_names=["sweep"])
    by_name = {run.info.run_name: run for run in runs}
    assert set(by_name) == {"parent", "w0", "w1", "w2", "w3"}
    for name in ("w0", "w1", "w2", "w3"):
        assert by_name[name].data.tags["mlflow.parentRunId"] == by_name["parent"].info.run_id
        assert by_name[name].info.status == "FINISHED"
    assert by_name["parent"].data.summaries["done"].count == 4
    assert done.stdout == "1\n"  # one store for all of them
