"""Forks and workers: they log to their parent's run, never end it, and never hang."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.core.entities import Run, RunStatus
from nbtrack.stores.local.events import EventLog
from nbtrack.stores.local.metric_log import MetricLogWriter
from nbtrack.stores.local.run_writer import RunWriter
from nbtrack.tracking.tracker import Tracker
from tests.faults.children import (
    Ack,
    WarmParent,
    exit_code_of,
    rounds,
    run_in_grandchild,
    run_script,
)
from tests.faults.ledger import damage_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def only_run(store: Path) -> tuple[Run, Callable[[str], list[float]]]:
    """The one run of a store, and what reads the values of a metric, in the order of their steps."""
    tracker = Tracker(store=store)
    runs = tracker.search_runs(output_format="list")
    assert len(runs) == 1
    run = tracker.get_run(runs[0].info.run_id)
    points = {key: tracker.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    tracker.close()
    assert damage_of(store) == []
    for key, found in points.items():
        assert run.data.summaries[key].count == len(found)

    def values(key: str) -> list[float]:
        return [point.value for point in sorted(points[key], key=lambda point: point.step)]

    return run, values


# ---- os.fork -----------------------------------------------------------------------------------


def log_on_both_sides(ack: Ack, store: Path) -> None:
    tracker = Tracker(store=store)
    run = tracker.start_run()
    for step in range(100):
        tracker.log_metric("loss", step, step=step)

    def work() -> None:
        assert tracker.active_run() is run
        assert not run.is_owner
        for step in range(100, 200):
            tracker.log_metric("loss", step, step=step)
            tracker.log_metric("of the child", step, step=step)
        tracker.log_param("child", os.getpid())
        tracker.set_tag("child", "was here")
        tracker.log_text("from the child", "child.txt")

    pid = run_in_grandchild(work)
    for step in range(200, 300):
        tracker.log_metric("loss", step, step=step)
        tracker.log_param(f"p{step}", step)
    assert exit_code_of(pid) == 0
    assert run.info.status == RunStatus.RUNNING
    assert run.is_owner
    tracker.end_run()
    assert tracker.load_text(run.run_id, "child.txt") == "from the child"
    tracker.close()
    ack(f"{pid}")


def test_a_forked_child_logs_to_its_parents_run_while_that_logs_on(
    children: WarmParent, tmp_path: Path
) -> None:
    child = children.start(log_on_both_sides, tmp_path / "store").succeed()

    run, values = only_run(tmp_path / "store")
    assert run.info.status == RunStatus.FINISHED
    assert values("loss") == list(map(float, range(300)))
    assert values("of the child") == list(map(float, range(100, 200)))
    assert run.data.params["child"] == child.lines[0]
    assert len(run.data.params) == 101
    assert run.data.tags["child"] == "was here"


def log_after_the_end(ack: Ack, store: Path, is_abrupt: bool) -> None:
    tracker = Tracker(store=store)
    run = tracker.start_run()
    tracker.log_metric("loss", 0, step=0)
    has_ended, tell = os.pipe()

    def work() -> None:
        os.close(tell)
        tracker.log_metric("loss", 1, step=1)
        os.read(has_ended, 1)
        for step in range(2, 50):
            tracker.log_metric("loss", step, step=step)
        if not is_abrupt:
            tracker.close()

    pid = run_in_grandchild(work)
    os.close(has_ended)
    tracker.end_run()
    os.close(tell)
    assert exit_code_of(pid) == 0
    assert run.info.status == RunStatus.FINISHED
    tracker.close()


@pytest.mark.parametrize("is_abrupt", [False, True])
def test_what_a_child_logs_after_its_parent_ended_the_run_is_read(
    children: WarmParent, tmp_path: Path, is_abrupt: bool
) -> None:
    children.start(log_after_the_end, tmp_path / "store", is_abrupt).succeed()

    run, values = only_run(tmp_path / "store")
    assert run.info.status == RunStatus.FINISHED
    assert values("loss") == list(map(float, range(50)))


def start_runs_in_children(ack: Ack, store: Path) -> None:
    tracker = Tracker(store=store)
    outer = tracker.start_run(run_name="outer")

    def work() -> None:
        with tracker.start_run(run_name="inner", nested=True) as inner:
            assert inner.is_owner
            tracker.log_metric("loss", 1.0)
            grandchild = run_in_grandchild(lambda: tracker.log_metric("loss", 2.0, step=1))
            assert exit_code_of(grandchild) == 0
        tracker.log_metric("outer", 1.0)

    assert exit_code_of(run_in_grandchild(work)) == 0
    assert outer.info.status == RunStatus.RUNNING
    tracker.end_run()
    found = {run.info.run_name: run for run in tracker.search_runs(output_format="list")}
    assert {name: run.info.status for name, run in found.items()} == {
        "outer": RunStatus.FINISHED,
        "inner": RunStatus.FINISHED,
    }
    assert found["inner"].data.summaries["loss"].count == 2
    assert found["inner"].data.tags["mlflow.parentRunId"] == outer.run_id
    assert found["outer"].data.metrics == {"outer": 1.0}
    tracker.close()


def test_a_child_may_nest_a_run_of_its_own(children: WarmParent, tmp_path: Path) -> None:
    children.start(start_runs_in_children, tmp_path / "store").succeed()


def fork_beside_busy_threads(ack: Ack, store: Path, forks: int) -> None:
    tracker = Tracker(store=store)
    run = tracker.start_run()
    done = threading.Event()
    counts = [0, 0, 0, 0]

    def keep(index: int, call: Callable[[int], Any]) -> None:
        while not done.is_set():
            call(counts[index])
            counts[index] += 1

    calls: list[Callable[[int], Any]] = [
        lambda step: tracker.log_metric("fast", step, step=step),
        lambda step: tracker.log_metric(f"key {step % 40} of several frames", step),
        lambda step: tracker.log_param(f"p{step % 40}", step % 40),
        lambda step: (tracker.set_tag("latest", step), tracker.log_text(str(step), "latest.txt")),
    ]
    threads = [threading.Thread(target=keep, args=arguments) for arguments in enumerate(calls)]
    for thread in threads:
        thread.start()

    def work(number: int) -> None:
        tracker.log_metric("forked", number, step=number)
        tracker.log_param(f"child {number}", number)
        tracker.set_tag(f"child {number}", number)
        tracker.log_text("x", f"children/{number}.txt")
        tracker.close()

    for number in range(forks):
        assert exit_code_of(run_in_grandchild(lambda number=number: work(number))) == 0
    done.set()
    for thread in threads:
        thread.join()
    assert len(tracker.list_artifacts(run.run_id, "children")) == forks
    tracker.end_run()
    tracker.close()
    ack(" ".join(map(str, counts)))


def test_forks_beside_threads_that_log_at_full_speed_hang_nobody(
    children: WarmParent, tmp_path: Path
) -> None:
    forks = rounds(8, 200)
    child = children.start(fork_beside_busy_threads, tmp_path / "store", forks).succeed()

    fast, keys, _, tags = map(int, child.lines[0].split())
    run, values = only_run(tmp_path / "store")
    assert values("fast") == list(map(float, range(fast)))
    assert values("forked") == list(map(float, range(forks)))
    counts = [run.data.summaries[f"key {key} of several frames"].count for key in range(40)]
    assert sum(counts) == keys
    assert len(run.data.params) == 40 + forks
    assert run.data.tags["latest"] == str(tags - 1)
    assert {f"child {number}" for number in range(forks)} <= run.data.tags.keys()


def locks_of(tracker: Tracker, run: Any) -> list[Any]:
    """Every lock of ours that a thread might hold at the moment of a fork."""
    writer, store = run._writer, run._store
    engine = store.documents._engine
    found = [tracker._opening, tracker._active._lock, writer.log._lock, store.events._lock]
    return [*found, store._keeper._lock, engine.links.lock]


def fork_while_locked(ack: Ack, store: Path, index: int, patience: float) -> None:
    tracker = Tracker(store=store)
    run = tracker.start_run()
    lock = locks_of(tracker, run)[index]
    is_held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            is_held.set()
            go_on.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    is_held.wait()

    def work() -> None:
        tracker.log_metric("loss", 1.0)
        tracker.log_param("p", 1)
        tracker.set_tag("t", 1)
        with tracker.start_run(nested=True):
            tracker.log_metric("inner", 1.0)
        tracker.set_tracking_uri(store)
        tracker.get_run(run.run_id)
        tracker.close()

    pid = run_in_grandchild(work, patience)
    ack(f"{exit_code_of(pid)}")
    go_on.set()
    holder.join()
    tracker.end_run()
    tracker.close()


@pytest.mark.parametrize("index", range(6))
def test_no_lock_that_a_thread_holds_at_the_fork_stops_the_child(
    index: int, children: WarmParent, tmp_path: Path
) -> None:
    child = children.start(fork_while_locked, tmp_path / "store", index, 60.0).succeed()

    assert child.lines == ["0"]


# ---- exits -------------------------------------------------------------------------------------

EXITS = {
    "os._exit": "os._exit(0)",
    "sys.exit": "sys.exit(0)",
    "sys.exit of failure": "sys.exit(3)",
    "exception": "raise SystemExit('the child is done')",
    "end of the script": "is_child = True",
}

FORK_AND_EXIT = """
import os, sys
from nbtrack.core.entities import RunStatus
from nbtrack.tracking.tracker import Tracker

tracker = Tracker(store=sys.argv[1])
is_child = False
run = tracker.start_run()
tracker.log_metric("loss", 0.0, step=0)
pid = os.fork()
if pid == 0:
    tracker.log_metric("loss", 1.0, step=1)
    {leave}
if not is_child:
    os.waitpid(pid, 0)
    assert run.info.status == RunStatus.RUNNING, run.info.status
    tracker.log_metric("loss", 2.0, step=2)
    assert run.info.status == RunStatus.RUNNING, run.info.status
    print("parent")
"""


@pytest.mark.parametrize("leave", EXITS.values(), ids=EXITS)
def test_the_exit_of_a_child_does_not_end_its_parents_run(leave: str, tmp_path: Path) -> None:
    done = run_script(FORK_AND_EXIT.format(leave=leave), tmp_path / "store", folder=tmp_path)

    assert (done.returncode, done.stdout) == (0, "parent\n"), done.stderr
    assert done.stderr in ("", "the child is done\n")
    run, values = only_run(tmp_path / "store")
    assert run.info.status == RunStatus.FINISHED
    assert values("loss") == [0.0, 1.0, 2.0]


# ---- pools and workers -------------------------------------------------------------------------

POOL = """
import multiprocessing, os, sys
import nbtrack

def work(number):
    nbtrack.log_metric("loss", number, step=number)
    nbtrack.log_metric(f"loss {number % 3}", number, step=number)
    nbtrack.log_param(f"p{number}", number)
    return nbtrack.active_run().run_id

if __name__ == "__main__":
    nbtrack.set_tracking_uri(sys.argv[1])
    with nbtrack.start_run() as run:
        with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
            ids = set(pool.map(work, range(20)))
            pool.close()
            pool.join()
        assert ids == {run.run_id}, ids
        assert run.info.status == "RUNNING", run.info.status
        nbtrack.log_metric("loss", 20, step=20)
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_the_workers_of_a_pool_log_to_the_run_of_their_parent(method: str, tmp_path: Path) -> None:
    done = run_script(POOL, tmp_path / "store", method, folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    run, values = only_run(tmp_path / "store")
    assert run.info.status == RunStatus.FINISHED
    assert values("loss") == list(map(float, range(21)))
    assert values("loss 1") == [1.0, 4.0, 7.0, 10.0, 13.0, 16.0, 19.0]
    assert run.data.params == {f"p{number}": str(number) for number in range(20)}


DATA_LOADER = """
import sys
import torch
import nbtrack

class Squares(torch.utils.data.Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, index):
        nbtrack.log_metric("loaded", index, step=index)
        return torch.tensor(index * index)

if __name__ == "__main__":
    torch.set_num_threads(1)
    nbtrack.set_tracking_uri(sys.argv[1])
    loader = torch.utils.data.DataLoader(
        Squares(), batch_size=3, num_workers=2, multiprocessing_context=sys.argv[2]
    )
    with nbtrack.start_run() as run:
        for epoch in range(2):
            for step, batch in enumerate(loader):
                nbtrack.log_metric("batch", batch.double().mean(), step=epoch * 4 + step)
        assert run.info.status == "RUNNING", run.info.status
"""


@pytest.mark.parametrize("method", ["fork"] if rounds(0, 1) == 0 else multiprocessing.get_all_start_methods())
def test_the_workers_of_a_data_loader_log_to_the_run_of_their_parent(method: str, tmp_path: Path) -> None:
    done = run_script(DATA_LOADER, tmp_path / "store", method, folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "nbtrack" not in done.stderr
    run, values = only_run(tmp_path / "store")
    assert run.info.status == RunStatus.FINISHED
    assert values("loaded") == [float(index) for index in range(12) for _ in range(2)]
    assert len(values("batch")) == 8


GRID_SEARCH = """
import sys
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier
import nbtrack

def score(model, rows, labels):
    found = model.score(rows, labels)
    nbtrack.log_metric("score", found, step=model.max_depth)
    return found

if __name__ == "__main__":
    nbtrack.set_tracking_uri(sys.argv[1])
    rows, labels = load_iris(return_X_y=True)
    with nbtrack.start_run() as run:
        grid = {"max_depth": [1, 2, 3, 4]}
        GridSearchCV(DecisionTreeClassifier(), grid, cv=3, scoring=score, n_jobs=2).fit(rows, labels)
        assert run.info.status == "RUNNING", run.info.status
    assert run.info.status == "FINISHED", run.info.status
"""


def test_the_workers_of_joblib_log_to_the_run_of_their_parent(tmp_path: Path) -> None:
    done = run_script(GRID_SEARCH, tmp_path / "store", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    run, values = only_run(tmp_path / "store")
    assert run.info.status == RunStatus.FINISHED
    assert len(values("score")) == 12


# ---- the controls ------------------------------------------------------------------------------


def without_care_for_forks(ack: Ack, what: str, work: Callable[..., Any], *arguments: Any) -> None:
    """Do a test's work with one of the things that are done at a fork left out."""

    def nothing(self: Any) -> None:
        pass

    if what == "segments":
        MetricLogWriter._after_fork = nothing  # type: ignore[method-assign]
    elif what == "owners":
        RunWriter.after_fork = nothing  # type: ignore[method-assign]
    else:
        EventLog._after_fork = nothing  # type: ignore[method-assign]
    work(ack, *arguments)


def log_new_keys_on_both_sides(ack: Ack, store: Path) -> None:
    tracker = Tracker(store=store)
    tracker.start_run()
    tracker.log_metric("loss", 0.0)
    pid = run_in_grandchild(lambda: tracker.log_metric("of the child", 1.0))
    assert exit_code_of(pid) == 0
    tracker.log_metric("of the parent", 2.0)
    tracker.end_run()
    tracker.close()


def test_the_check_sees_a_child_that_writes_into_the_segment_of_its_parent(
    children: WarmParent, tmp_path: Path
) -> None:
    children.start(log_new_keys_on_both_sides, tmp_path / "good").succeed()
    children.start(
        without_care_for_forks, "segments", log_new_keys_on_both_sides, tmp_path / "broken"
    ).succeed()

    assert only_run(tmp_path / "good")[0].data.metrics == {"loss": 0, "of the child": 1, "of the parent": 2}
    try:
        metrics = only_run(tmp_path / "broken")[0].data.metrics
    except AssertionError:
        return
    assert metrics != {"loss": 0, "of the child": 1, "of the parent": 2}


def test_the_check_sees_a_child_that_ends_the_run_of_its_parent(children: WarmParent, tmp_path: Path) -> None:
    child = children.start(without_care_for_forks, "owners", log_on_both_sides, tmp_path / "store")

    assert child.end() != 0
    assert "assert not run.is_owner" in child.errors or "AssertionError" in child.errors


def test_the_check_sees_a_lock_that_stops_a_child(children: WarmParent, tmp_path: Path) -> None:
    child = children.start(without_care_for_forks, "locks", fork_while_locked, tmp_path / "store", 3, 1.0)

    child.end()
    assert child.lines == [str(-signal.SIGALRM)]
    assert "events.py" in child.errors
