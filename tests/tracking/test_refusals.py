"""A store that refuses in the middle of a run: what is kept, when it is done, what is said."""

import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbtrack.core.entities import RunStatus
from nbtrack.core.errors import MissingFileError, ParamConflictError, StoreError
from nbtrack.stores.local.artifacts import RunArtifacts
from nbtrack.stores.local.runs import LocalRuns
from nbtrack.tracking.tracker import Tracker


class Refusing:
    """Makes the store refuse changes of documents, artifacts, or both."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.documents = self.files = False
        for owner, names in (
            (LocalRuns, ("set_params", "set_tags", "end", "fold")),
            (RunArtifacts, ("_publish",)),
        ):
            for name in names:
                monkeypatch.setattr(owner, name, self._standing_before(owner, getattr(owner, name)))

    def _standing_before(self, owner: type, work: Any) -> Any:
        def perhaps(*arguments: Any, **options: Any) -> Any:
            if self.documents if owner is LocalRuns else self.files:
                raise StoreError("The disk is full.")
            return work(*arguments, **options)

        return perhaps


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refusing]:
    refusing = Refusing(monkeypatch)
    yield refusing
    refusing.documents = refusing.files = False


def test_it_is_said_once_and_done_later_in_order(tracker: Tracker, refusing: Refusing) -> None:
    run = tracker.start_run()
    refusing.documents = True
    with pytest.warns(RuntimeWarning, match=r"disk is full.*Training goes on") as said:
        run.set_tag("t", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.set_tag("t", 2)
        run.log_params({"a": 1, "b": 2})
    assert len(said) == 1
    assert "t" not in run.data.tags

    refusing.documents = False
    run.set_tag("other", 3)

    assert run.data.tags["t"] == "2"
    assert run.data.tags["other"] == "3"
    assert run.data.params == {"a": "1", "b": "2"}


def test_a_newer_tag_never_gives_way_to_an_older_one(
    tracker: Tracker, refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store recovers between the retry of the old value and the new one."""
    run = tracker.start_run()
    refusing.documents = True
    with pytest.warns(RuntimeWarning):
        run.set_tag("t", "old")
    retry = run._retry

    def recover_after() -> None:
        retry()
        refusing.documents = False

    monkeypatch.setattr(run, "_retry", recover_after)
    run.set_tag("t", "new")
    run.set_tag("other", 1)

    assert run.data.tags["t"] == "new"


def test_files_that_wait_do_not_hold_up_params_and_tags(tracker: Tracker, refusing: Refusing) -> None:
    run = tracker.start_run()
    refusing.files = True
    with pytest.warns(RuntimeWarning):
        run.log_text("x", "a.txt")
    run.log_param("p", 1)
    assert run.data.params == {"p": "1"}

    refusing.files = False
    run.log_text("y", "b.txt")

    assert [file.path for file in tracker.list_artifacts(run.run_id)] == ["a.txt", "b.txt"]


def test_what_has_become_impossible_is_said_and_holds_nothing_up(
    tracker: Tracker, refusing: Refusing, tmp_path: Path
) -> None:
    run = tracker.start_run()
    source = tmp_path / "model.bin"
    source.write_bytes(b"weights")
    refusing.documents = refusing.files = True
    with pytest.warns(RuntimeWarning):
        run.log_param("p", "ours")
    run.log_artifact(source)
    run.log_text("x", "after.txt")
    run.set_tag("after", 1)
    refusing.documents = refusing.files = False
    source.unlink()
    run._runs.set_params(run.run_id, {"p": "of another process"})

    with pytest.warns(RuntimeWarning, match="could not be written later") as said:
        run.set_tag("now", 1)

    assert len(said) == 2
    assert any("'p'" in str(each.message) for each in said)
    assert any("model.bin" in str(each.message) for each in said)
    assert run.data.params == {"p": "of another process"}
    assert run.data.tags["after"] == run.data.tags["now"] == "1"
    assert [file.path for file in tracker.list_artifacts(run.run_id)] == ["after.txt"]


def test_mistakes_of_the_caller_are_errors_at_once(tracker: Tracker, tmp_path: Path) -> None:
    run = tracker.start_run()
    run.log_param("p", 1)

    with pytest.raises(ParamConflictError):
        run.log_param("p", 2)
    for path in (tmp_path / "nothing", "nothing"):
        with pytest.raises(MissingFileError):
            run.log_artifact(path)
    with pytest.raises(MissingFileError, match="It is a file"):
        run.log_artifacts(__file__)


def test_an_end_that_is_refused_is_made_up_for(tracker: Tracker, refusing: Refusing) -> None:
    run = tracker.start_run()
    run.log_metric("loss", 1.0)
    refusing.documents = True
    with pytest.warns(RuntimeWarning):
        run.end(RunStatus.FAILED)
    assert tracker.active_run() is None
    assert run.info.status == RunStatus.RUNNING

    refusing.documents = False
    with tracker.start_run() as following:
        pass

    assert run.info.status == RunStatus.FAILED
    assert following.info.status == RunStatus.FINISHED


def test_on_error_raise_keeps_nothing_back(tmp_path: Path, refusing: Refusing) -> None:
    tracker = Tracker(store=tmp_path / "strict", on_error="raise")
    run = tracker.start_run()
    refusing.documents = refusing.files = True

    for call in (
        lambda: run.log_param("p", 1),
        lambda: run.set_tag("t", 1),
        lambda: run.log_text("x", "a.txt"),
    ):
        with pytest.raises(StoreError, match="disk is full"):
            call()
    refusing.documents = refusing.files = False
    run.log_param("p", 2)
    run.end()

    assert (run.data.params, "t" in run.data.tags) == ({"p": "2"}, False)
    assert tracker.list_artifacts(run.run_id) == []
    tracker.close()


REFUSED_TO_THE_END = """
import sys
import nbtrack
from nbtrack.core.errors import StoreError
from nbtrack.stores.local.runs import LocalRuns

nbtrack.set_tracking_uri("store")
nbtrack.start_run()

def refuse(*_, **__):
    raise StoreError("The disk is full.")

LocalRuns.end = refuse
"""


def test_an_end_that_is_refused_at_exit_is_said(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", REFUSED_TO_THE_END],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0
    assert "disk is full" in done.stderr
    assert "nbtrack could not end its runs" in done.stderr
    assert "Traceback" not in done.stderr
    tracker = Tracker(store=tmp_path / "store")
    assert [run.info.status for run in tracker.search_runs(output_format="list")] == [RunStatus.KILLED]
    tracker.close()


def test_a_run_that_ends_in_a_thread_hides_no_other_from_workers(tracker: Tracker) -> None:
    with tracker.start_run() as run:

        def work() -> None:
            with tracker.start_run():
                pass

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

        assert run.run_id in os.environ["NBTRACK_ACTIVE_RUN"]
    assert "NBTRACK_ACTIVE_RUN" not in os.environ
