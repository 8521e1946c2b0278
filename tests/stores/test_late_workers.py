"""Workers that log when their parent has ended the run already, and are gone before they fold that."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.core.entities import RunStatus
from nbtrack.documents.queries import Query
from nbtrack.stores.local.runs import LocalRuns
from nbtrack.stores.local.store import LocalStore
from nbtrack.tracking.tracker import Tracker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

Worker = Callable[[Callable[[], None]], None]
"""What runs in the worker; it calls its argument to wait until the parent has ended the run."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def log_five(tracker: Tracker, leave: Callable[[], None]) -> Worker:
    """A worker's part: a point while the run is running, four more when it has ended."""

    def work(wait: Callable[[], None]) -> None:
        tracker.log_metric("m", 1, step=1)
        wait()
        for step in range(2, 6):
            tracker.log_metric("m", step, step=step)
        leave()

    return work


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_with_worker(path: Path, leave: Callable[[], None]) -> str:
    """A run of this process with a worker that logs when it has ended, and is gone."""
    tracker = Tracker(store=path)
    run = tracker.start_run()
    tracker.log_metric("m", 0, step=0)
    begun, ended = os.pipe(), os.pipe()

    def wait() -> None:
        os.write(begun[1], b"x")
        os.read(ended[0], 1)

    pid = os.fork()
    if pid == 0:
        try:
            log_five(tracker, leave)(wait)
        finally:
            os._exit(1)
    os.read(begun[0], 1)
    tracker.end_run()
    os.write(ended[1], b"x")
    os.waitpid(pid, 0)
    tracker.close()
    return run.run_id


def found(runs: LocalRuns, condition: Any = None) -> list[float]:
    """The last value of `m` in the runs that both kinds of search find."""
    whole = [run.data.metrics["m"] for run in runs.search(None, condition)]
    assert runs.search_columns(None, condition).metrics.get("m", []) == whole
    return whole


@pytest.mark.parametrize("leave", [lambda: os._exit(0), die], ids=["_exit", "SIGKILL"])
def test_what_a_worker_logged_after_the_end_is_found_when_it_is_gone(
    path: Path, leave: Callable[[], None]
) -> None:
    run_id = run_with_worker(path, leave)

    with LocalStore(path) as store:
        assert found(store.runs, Query().metrics.m.last == 5) == [5.0]
        assert found(store.runs, Query().metrics.m.last < 5) == []
        assert store.runs.get(run_id).info.status == RunStatus.FINISHED
        assert store.runs.get(run_id).data.summaries["m"].count == 6
        assert store.documents.table("late_workers").all() == []


def _log_in_process(store: Path, begun: Any, ended: Any) -> None:
    tracker = _trackers[store]

    def wait() -> None:
        begun.set()
        ended.wait(60)

    log_five(tracker, lambda: None)(wait)


_trackers: dict[Path, Tracker] = {}


def test_what_a_multiprocessing_worker_logged_after_the_end_is_found(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    begun, ended = context.Event(), context.Event()
    tracker = _trackers[path] = Tracker(store=path)
    tracker.start_run()
    process = context.Process(target=_log_in_process, args=(path, begun, ended))
    process.start()
    assert begun.wait(60)
    tracker.end_run()
    ended.set()
    process.join(60)
    tracker.close()
    del _trackers[path]

    with LocalStore(path) as store:
        assert found(store.runs, Query().metrics.m.last == 5) == [5.0]
        assert store.documents.table("late_workers").all() == []


def test_an_ended_run_is_found_by_what_a_living_worker_logs_at_this_moment(path: Path) -> None:
    with LocalStore(path) as store:
        others = [store.runs.create("0", name, tags={}) for name in ("before", "after")]
        owner = store.writer(others[0], owner=True)
        owner.append("m", 0.0, 0, 1)
        owner.close()
        owner.finish(RunStatus.FINISHED, {})
        worker = store.writer(others[0], owner=False)

        worker.append("m", 3.0, 1, 2)
        first = found(store.runs, Query().metrics.m.last == 3)
        worker.append("m", 4.0, 2, 3)

        assert first == [3.0]
        assert found(store.runs, Query().metrics.m.last == 3) == []
        assert found(store.runs, Query().metrics.m.last == 4) == [4.0]
        assert store.runs.has_key("metrics", "m")
        assert len(store.runs.search(limit=1)) == 1
        assert {run.info.run_id for run in store.runs.search()} == set(others)
        worker.append("new", 4.0, 2, 3)
        assert store.runs.has_key("metrics", "new")


def test_pages_show_each_run_once_while_workers_log_to_ended_ones(path: Path) -> None:
    with LocalStore(path) as store:
        ids = [store.runs.create("0", f"r{at}", tags={}, start_time=1000 + at) for at in range(7)]
        for run_id in ids:
            store.runs.end(run_id, RunStatus.FINISHED, tags={})
        for run_id in ids[::2]:
            store.writer(run_id, owner=False).append("m", 1.0, 0, 1)

        pages, token = [], None
        while token or not pages:
            page = store.runs.search(limit=2, after=token)
            pages.append([run.info.run_id for run in page])
            token = page.token

        assert [run_id for page in pages for run_id in page] == ids[::-1]


def test_a_worker_that_closes_takes_its_note_off(path: Path) -> None:
    with LocalStore(path) as store:
        run_id = store.runs.create("0", "one", tags={})
        store.runs.end(run_id, RunStatus.FINISHED, tags={})
        notes = store.documents.table("late_workers")
        worker = store.writer(run_id, owner=False)

        worker.append("m", 1.0, 0, 1)
        while_it_writes = notes.all()
        worker.close()
        worker.finish(RunStatus.FINISHED, {})

        assert [note["run_id"] for note in while_it_writes] == [run_id]
        assert notes.all() == []


def test_the_owner_of_a_run_leaves_no_note(path: Path) -> None:
    with LocalStore(path) as store:
        writer = store.writer(store.runs.create("0", "one", tags={}), owner=True)

        writer.append("m", 1.0, 0, 1)

        assert store.documents.table("late_workers").all() == []


def test_notes_of_runs_that_are_gone_do_not_stay(path: Path) -> None:
    with LocalStore(path) as store:
        notes = store.documents.table("late_workers")
        notes.insert({"note": "a", "run_id": "0" * 32, "worker": None})

        runs = store.runs.search()

        assert list(runs) == []
        assert notes.all() == []


def test_the_end_of_a_killed_run_is_not_before_its_last_point(path: Path) -> None:
    with LocalStore(path) as store:
        run_id = store.runs.create("0", "one", tags={}, start_time=5000)
        writer = store.writer(run_id, owner=False)
        writer.append("m", 1.0, 0, 5003)
        folder = store.runs.folder_of(run_id)
        store.documents.table("runs").update({"writer": None}, Query().run_id == run_id)
        for name in [*os.listdir(folder), "."]:
            os.utime(os.path.join(folder, name), (1, 1))  # a file's time is coarser than a clock's

        info = store.runs.get(run_id).info

        assert info.status == RunStatus.KILLED
        assert info.end_time == 5003


def test_a_point_in_the_future_does_not_move_the_end_of_a_killed_run(path: Path) -> None:
    with LocalStore(path) as store:
        run_id = store.runs.create("0", "one", tags={})
        writer = store.writer(run_id, owner=False)
        writer.append("m", 1.0, 0, 1 << 50)
        store.documents.table("runs").update({"writer": None}, Query().run_id == run_id)

        assert (store.runs.get(run_id).info.end_time or 0) < 1 << 50
