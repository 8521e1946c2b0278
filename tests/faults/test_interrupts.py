"""Ctrl-C inside a call: it reaches the caller, the next call works, nothing is torn, doubled or locked.

First at every instant at which Python can deliver an interrupt, one after the other; then with real
signals that come when they like.
"""

import itertools
import json
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

from nbtrack.core.entities import RunStatus
from nbtrack.stores.local.runs import LocalRuns
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.tracker import Tracker
from tests.faults.children import Ack, WarmParent, rounds, seeded
from tests.faults.interrupting import interrupted, swallowed
from tests.faults.ledger import Operation, found_by, look, operations


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def run(tracker: Tracker) -> Iterator[ActiveRun]:
    """A run that is being recorded."""
    run = tracker.start_run()
    yield run
    run.end()


def is_free(store: Path, seconds: float = 5) -> bool:
    """Whether another process could write to the documents, now or after so long at most."""
    if not (store / "documents.db").exists():
        return True
    connection = apsw.Connection(str(store / "documents.db"))
    connection.set_busy_timeout(int(seconds * 1000))
    try:
        connection.execute("BEGIN IMMEDIATE; ROLLBACK").fetchall()
    except apsw.BusyError:
        return False
    finally:
        connection.close()
    return True


def each_instant(call: Callable[[str], Any], store: Path, patience: float = 5) -> Iterator[str]:
    """Interrupt a call at each of its instants in turn; yields a new name for each, after the call."""
    with swallowed() as lost:
        for instant in itertools.count(1):
            name = f"at {instant}"
            outcome = interrupted(lambda name=name: call(name), instant)
            assert outcome.reached == outcome.struck, f"instant {instant}: the interrupt got lost"
            assert is_free(store, patience), f"instant {instant}: a lock was left behind"
            yield name
            if not outcome.struck:
                break
    assert lost == []
    assert instant > 5


def in_another_thread(call: Callable[[], Any]) -> None:
    """Call it where no lock that this thread holds would let it pass."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "a lock was left behind"


# ---- at every instant --------------------------------------------------------------------------


def test_a_point_is_logged_once_or_not_at_all(run: ActiveRun, tracker: Tracker, store: Path) -> None:
    # The first point of a key takes the long way, the second the short one.
    def log_two(key: str) -> None:
        run.log_metric(key, 0.5, step=0)
        run.log_metric(key, 1.0, step=1)

    for key in each_instant(log_two, store):
        run.log_metric(key, 2.0, step=2)

        steps = [point.step for point in tracker.get_metric_history(run.run_id, key)]
        assert steps in ([2], [0, 2], [0, 1, 2])
        assert run.data.summaries[key].count == len(steps)


def test_params_are_written_all_or_none(run: ActiveRun, store: Path) -> None:
    for name in each_instant(lambda name: run.log_params({f"{name} a": 1, f"{name} b": 2}), store):
        run.log_param(f"{name} next", 3)

        params = run.data.params
        assert (f"{name} a" in params) == (f"{name} b" in params)
        assert params[f"{name} next"] == "3"
    in_another_thread(lambda: run.log_param("from another thread", 1))


def test_tags_are_written_all_or_none(run: ActiveRun, store: Path) -> None:
    for name in each_instant(
        lambda name: run.set_tags({f"{name} a": 1, f"{name} b": 2, "same": name}), store
    ):
        run.set_tag(f"{name} next", 3)

        tags = run.data.tags
        assert (f"{name} a" in tags) == (f"{name} b" in tags) == (tags.get("same") == name)
        assert tags[f"{name} next"] == "3"
    in_another_thread(lambda: run.set_tag("from another thread", 1))


def test_an_artifact_is_published_whole_or_not_at_all(
    run: ActiveRun, tracker: Tracker, store: Path, tmp_path: Path
) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(b"weights " * 1000)
    for name in each_instant(lambda name: run.log_artifact(source, name), store):
        for file in tracker.list_artifacts(run.run_id, name):
            assert file.file_size == 8000
    run.log_artifact(source, "next")

    assert [file.path for file in tracker.list_artifacts(run.run_id, "next")] == ["next/model.bin"]
    left = [path.name for path in (store / "runs" / run.run_id).rglob("*incoming*")]
    assert left == []


def test_an_interrupted_end_is_an_end(tracker: Tracker, store: Path) -> None:
    started: list[ActiveRun] = []

    def start_and_end(name: str) -> None:
        # What is interrupted is the end, and now and then what comes before it.
        run = tracker.start_run(run_name=name)
        started.append(run)
        run.log_metric("loss", 0.5)
        run.log_param("lr", 0.1)
        tracker.end_run()

    for name in each_instant(start_and_end, store):
        if tracker.active_run() is not None:
            tracker.end_run()
        assert tracker.active_run() is None
        run = started.pop() if started else None
        if run is not None:
            found = tracker.get_run(run.run_id)
            assert found.info.run_name == name
            assert found.info.status == RunStatus.FINISHED
            counts = {key: summary.count for key, summary in found.data.summaries.items()}
            assert counts in ({}, {"loss": 1})
    in_another_thread(tracker.close)


def test_a_start_that_is_interrupted_leaves_no_run_that_nobody_has(tracker: Tracker, store: Path) -> None:
    ids: set[str] = set()
    for name in each_instant(lambda name: tracker.start_run(run_name=name), store):
        run = tracker.active_run()
        left = set(_folders(store)) - ids
        ids |= left
        if run is not None:
            # Only when the call was over before the interrupt could strike.
            run.end()
            continue
        for run_id in left:
            found = tracker.get_run(run_id)
            assert (found.info.run_name, found.info.status) == (name, RunStatus.KILLED)
            assert found.data.tags["nbtrack.interrupted"] == "true"
    in_another_thread(tracker.close)


def _folders(store: Path) -> list[str]:
    return [path.name for path in (store / "runs").glob("*")]


def test_reading_while_interrupted_breaks_nothing(run: ActiveRun, tracker: Tracker, store: Path) -> None:
    run.log_metric("loss", 0.5)
    for _ in each_instant(lambda _: tracker.search_runs(output_format="list"), store):
        assert [found.info.run_id for found in tracker.search_runs(output_format="list")] == [run.run_id]
    in_another_thread(lambda: tracker.get_run(run.run_id))


# ---- real signals ------------------------------------------------------------------------------


def call_with_alarm(call: Callable[[], Any], seconds: float) -> bool:
    """Make a call while a signal is on its way; whether it returned."""
    returned = False
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        call()
        returned = True
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return returned


def log_under_fire(ack: Ack, store: Path, seed: str, interrupts: int, texts: bool = False) -> None:
    """Log with interrupts at random instants; tells which operations returned."""
    # As Python sets it up for Ctrl-C, and as a warm parent in the background may not have it.
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    random = Random(seed)
    plan = list(itertools.islice(operations(seed, texts=texts), 400 * interrupts))
    tracker = Tracker(store=store)
    run = tracker.start_run()
    returned: list[bool] = []
    struck = 0
    while struck < interrupts and len(returned) < len(plan):
        index = len(returned)
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-5, 4e-4))
            while index < len(plan):
                plan[index].perform(tracker)
                returned.append(True)
                index += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            struck += 1
            if len(returned) == index:
                returned.append(False)
    run.log_metric("after", 1.0)
    tracker.end_run()
    ack(json.dumps([run.run_id, struck, returned]))


def end_under_fire(ack: Ack, store: Path, seed: str, interrupts: int) -> None:
    """Start and end runs with interrupts at random instants of the end."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    random = Random(seed)
    tracker = Tracker(store=store)
    struck = 0
    for number in itertools.count():
        run = tracker.start_run(run_name=str(number))
        for operation in itertools.islice(operations(f"{seed} {number}"), 20):
            operation.perform(run)
        struck += not call_with_alarm(tracker.end_run, random.uniform(1e-6, 8e-4))
        tracker.end_run()
        if struck == interrupts:
            break
    ack(str(number + 1))


def wrongs(plan: list[Operation], returned: list[bool], found: Any) -> list[str]:
    """What is lost, torn or doubled of operations of which some were interrupted."""
    problems: list[str] = []
    expected: dict[str, list[tuple[Any, bool]]] = {}
    for operation, is_done in zip(plan, returned, strict=True):
        for point in operation.points:
            expected.setdefault(point.key, []).append((point, is_done))
    for key, points in expected.items():
        seen = found.points.get(key, [])
        surely = [point for point, is_done in points if is_done]
        if [point for point in seen if point in surely] != surely:
            problems.append(f"lost or out of order: points of {key!r}")
        if len(set(seen)) != len(seen) or set(seen) - {point for point, _ in points}:
            problems.append(f"doubled or invented: points of {key!r}")
        if found.counts.get(key, 0) != len(seen):
            problems.append(f"miscounted: {key!r}")
    for operation, is_done in zip(plan, returned, strict=True):
        if operation.kind == "params":
            there = [found.params.get(key) == text for key, text in operation.content.items()]
        elif operation.kind == "tags":
            there = [f"t{operation.index}" in found.tags]
        elif operation.kind == "text":
            there = [found.texts.get(path) == text for path, text in operation.content.items()]
            if any(found.texts.get(path, text) != text for path, text in operation.content.items()):
                problems.append(f"torn: text {operation.index}")
        else:
            continue
        if is_done and not all(there):
            problems.append(f"lost: {operation.kind} {operation.index}")
        if any(there) != all(there):
            problems.append(f"torn: {operation.kind} {operation.index}")
    return problems


def fire_at(
    children: WarmParent, store: Path, seed: str, work: Any, interrupts: int, texts: bool = False
) -> list[str]:
    """Interrupt a child that logs; what is wrong afterwards."""
    child = children.start(work, store, seed, interrupts, texts).succeed()
    run_id, struck, returned = json.loads(child.lines[-1])
    found = look(store, run_id)
    plan = list(itertools.islice(operations(seed, texts=texts), len(returned)))
    problems = wrongs(plan, returned, found)
    if struck < interrupts:
        problems.append(f"only {struck} interrupts came")
    if (found.status, found.counts["after"]) != (RunStatus.FINISHED, 1):
        problems.append("lost: what came after the interrupts")
    return problems


def test_interrupts_that_come_when_they_like_tear_nothing(children: WarmParent, tmp_path: Path) -> None:
    random = seeded("interrupts")
    wrong: list[str] = []

    for number in range(rounds(4, 28)):
        seed = f"fire {number} {random.random()}"
        wrong += fire_at(children, tmp_path / "store", seed, log_under_fire, 40, number % 2 == 1)

    assert not wrong


def test_runs_whose_end_is_interrupted_have_ended(children: WarmParent, tmp_path: Path) -> None:
    seed = f"ends {seeded('interrupted ends').random()}"
    child = children.start(end_under_fire, tmp_path / "store", seed, rounds(30, 200)).succeed()

    tracker = Tracker(store=tmp_path / "store")
    runs = tracker.search_runs(output_format="list")
    for run in runs[:: rounds(10, 3)]:
        plan = list(itertools.islice(operations(f"{seed} {run.info.run_name}"), 20))
        assert wrongs(plan, [True] * 20, found_by(tracker, run.info.run_id)) == []
    tracker.close()

    assert len(runs) == int(child.lines[-1])
    assert {run.info.status for run in runs} == {RunStatus.FINISHED}


# ---- the controls ------------------------------------------------------------------------------


def log_params_one_by_one(ack: Ack, store: Path, seed: str, interrupts: int, texts: bool) -> None:
    """A broken writer: the params of one call are written in several transactions."""
    set_params = LocalRuns.set_params

    def one_by_one(self: LocalRuns, run_id: str, params: dict[str, str]) -> None:
        for key, text in params.items():
            set_params(self, run_id, {key: text})

    LocalRuns.set_params = one_by_one  # type: ignore[method-assign]
    log_under_fire(ack, store, seed, interrupts)


def write_twice_after_an_interrupt(ack: Ack, store: Path, seed: str, interrupts: int, texts: bool) -> None:
    """A broken writer: what was interrupted is kept and written again."""
    from nbtrack.stores.local.metric_log import MetricLogWriter

    write = MetricLogWriter.append
    waiting: list[Any] = []

    def append(self: MetricLogWriter, *point: Any) -> None:
        while waiting:
            write(self, *waiting.pop())
        try:
            write(self, *point)
        except KeyboardInterrupt:
            waiting.append(point)
            raise

    MetricLogWriter.append = append  # type: ignore[method-assign]
    log_under_fire(ack, store, seed, interrupts)


@pytest.mark.parametrize(
    ("work", "complaint"),
    [(log_params_one_by_one, "torn: params"), (write_twice_after_an_interrupt, "doubled")],
)
def test_the_check_of_interrupts_sees_a_broken_writer(
    work: Any, complaint: str, children: WarmParent, tmp_path: Path
) -> None:
    random = seeded(work.__name__)

    attempts = (
        fire_at(children, tmp_path / f"{n}", f"broken {n} {random.random()}", work, 60) for n in range(50)
    )

    assert any(problem.startswith(complaint) for problems in attempts for problem in problems)


def test_the_sweep_of_instants_sees_a_lock_that_is_left(run: ActiveRun, store: Path) -> None:
    documents = run._runs._database

    def write(name: str) -> None:
        documents._engine.run("BEGIN IMMEDIATE")
        len(name)
        documents._engine.run("COMMIT")

    with pytest.raises(AssertionError, match="lock was left"):
        list(each_instant(write, store, patience=0.1))

    documents._engine.run("ROLLBACK")
