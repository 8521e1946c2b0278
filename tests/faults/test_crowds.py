"""Many at once: processes that open a store that is not there, writers beside a reader, threads."""

import itertools
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.core.entities import RunStatus, ViewType
from nbtrack.documents import database_file
from nbtrack.stores.local.runs import LocalRuns
from nbtrack.tracking.tracker import Tracker
from tests.faults.children import IS_FULL, Ack, Child, WarmParent, rounds, seeded, spin
from tests.faults.ledger import damage_of

WRITERS = 16 if IS_FULL else 4
POINTS = 10_000 if IS_FULL else 2_500


class Crowd:
    """Children that begin their work together."""

    def __init__(self, children: WarmParent, count: int, work: Callable[..., Any], *arguments: Any) -> None:
        gate, self._open = os.pipe()
        self.children: list[Child] = [
            children.start(work, number, *arguments, fds=[gate]) for number in range(count)
        ]
        os.close(gate)
        for child in self.children:
            child.wait_for_lines(1)

    def begin(self) -> None:
        """Let them all go at once."""
        os.close(self._open)

    def end(self) -> None:
        """Wait until all are gone, and fail the test if one of them failed or complained."""
        for child in self.children:
            child.succeed()


def at_the_gate(ack: Ack) -> None:
    """Wait with the others until the test opens the gate."""
    ack("here")
    os.read(ack.fds[0], 1)


# ---- a store that is not there -----------------------------------------------------------------


def open_and_run(ack: Ack, number: int, store: Path) -> None:
    """Open a store, start a run in it and end it."""
    tracker = Tracker(store=store)
    at_the_gate(ack)
    with tracker.start_run(run_name=f"run {number}") as run:
        run.log_metric("loss", float(number))
        run.log_param("number", number)
    tracker.close()


def opened_by_a_crowd(children: WarmParent, store: Path, count: int, work: Any = open_and_run) -> None:
    """Let many processes open a store that is not there; fails when one of them does."""
    crowd = Crowd(children, count, work, store)
    crowd.begin()
    crowd.end()

    tracker = Tracker(store=store)
    runs = tracker.search_runs(output_format="list", run_view_type=ViewType.ALL)
    experiments = tracker.search_experiments(ViewType.ALL)
    tracker.close()
    assert [(each.experiment_id, each.name) for each in experiments] == [("0", "Default")]
    assert sorted(run.info.run_name for run in runs) == sorted(f"run {number}" for number in range(count))
    assert {run.info.status for run in runs} == {RunStatus.FINISHED}
    assert all(run.data.metrics["loss"] == float(run.data.params["number"]) for run in runs)
    assert damage_of(store) == []
    assert [path.name for path in store.iterdir() if path.name.endswith(".new")] == []


def test_twenty_processes_open_a_store_that_is_not_there(children: WarmParent, tmp_path: Path) -> None:
    for attempt in range(rounds(3, 20)):
        opened_by_a_crowd(children, tmp_path / f"{attempt}", 20)


def open_and_run_carelessly(ack: Ack, number: int, store: Path) -> None:
    """A broken opening: who finds no database writes one in place, whoever else does."""

    def create(path: str) -> None:
        image = database_file._fresh_image(is_wal=True)
        with open(path, "wb", buffering=0) as file:
            file.write(image[:50])
            spin(0.005)
            file.write(image[50:])

    database_file._create = create  # type: ignore[assignment]
    open_and_run(ack, number, store)


def test_the_check_of_a_common_opening_sees_a_careless_one(children: WarmParent, tmp_path: Path) -> None:
    def is_caught(attempt: int) -> bool:
        try:
            opened_by_a_crowd(children, tmp_path / f"{attempt}", 20, open_and_run_carelessly)
        except Exception:  # noqa: BLE001 - a child that failed, a run that is lost, a store that does not open
            return True
        return False

    assert any(is_caught(attempt) for attempt in range(20))


# ---- writers and a reader ----------------------------------------------------------------------


def write_a_lot(ack: Ack, number: int, store: Path, points: int) -> None:
    """Log points with params and tags in between, into three runs one after the other."""
    tracker = Tracker(store=store)
    at_the_gate(ack)
    for part in range(3):
        with tracker.start_run(run_name=f"run {number}.{part}") as run:
            ack(f"started {run.run_id}")
            for step in range(points // 3 + (points % 3 if part == 2 else 0)):
                run.log_metric("loss", step / 2, step=step)
                if step % 100 == 0:
                    run.log_params({f"p{step}": step, f"q{step}": -step})
                    run.set_tag("latest", step)
                if step % 150 == 149:
                    run._runs.fold(run.run_id)  # as the background does with long runs
    tracker.close()


def regressions(before: dict[str, Any], now: Any) -> list[str]:
    """In what a run is less than it was when it was read last; it can only grow."""
    run_id, problems = now.info.run_id, []
    count = now.data.summaries["loss"].count if "loss" in now.data.summaries else 0
    earlier = before.get(run_id)
    before[run_id] = (count, set(now.data.params), now.info.status)
    if len(now.data.params) % 2 or len({key[1:] for key in now.data.params}) * 2 != len(now.data.params):
        problems.append(f"{run_id}: a part of the params of one call")
    if count and now.data.metrics["loss"] != (count - 1) / 2:
        problems.append(f"{run_id}: {count} points, of which {now.data.metrics['loss']} is the last")
    if now.info.status == RunStatus.KILLED:
        problems.append(f"{run_id}: KILLED, but its writer lived until it ended it")
    if earlier is not None:
        if count < earlier[0]:
            problems.append(f"{run_id}: {earlier[0]} points became {count}")
        if not earlier[1] <= set(now.data.params):
            problems.append(f"{run_id}: params are gone")
        if earlier[2] == RunStatus.FINISHED != now.info.status:
            problems.append(f"{run_id}: FINISHED became {now.info.status}")
    return problems


def half_states_beside(children: WarmParent, store: Path, writers: int, points: int, work: Any) -> list[str]:
    """Read all the time while a crowd writes; what a reader could not have seen in good order."""
    Tracker(store=store).search_runs(output_format="list")
    crowd = Crowd(children, writers, work, store, points)
    reader = Tracker(store=store)
    problems: list[str] = []
    before: dict[str, Any] = {}
    crowd.begin()
    looks = 0
    while any(child.is_busy() for child in crowd.children):
        found = reader.search_runs(output_format="list")
        if len({run.info.run_id for run in found}) != len(found):
            problems.append("a run is listed twice")
        if missing := before.keys() - {run.info.run_id for run in found}:
            problems.append(f"{len(missing)} runs are gone from the list")
        for run in found:
            problems += regressions(before, run)
            problems += regressions(before, reader.get_run(run.info.run_id))
        looks += 1
    crowd.end()
    for run in reader.search_runs(output_format="list"):
        problems += regressions(before, run)
        steps = reader.get_metric_history(run.info.run_id, "loss", "numpy")["step"].tolist()
        if steps != list(range(run.data.summaries["loss"].count)) or run.info.status != RunStatus.FINISHED:
            problems.append(f"{run.info.run_id}: lost points, or {run.info.status}")
    total = sum(count for count, _, _ in before.values())
    if total != writers * points or len(before) != writers * 3:
        problems.append(f"lost: {len(before)} runs with {total} points")
    reader.close()
    assert looks > 5
    return [*problems, *damage_of(store)]


def test_writers_beside_a_reader_lose_nothing_and_show_no_half_states(
    children: WarmParent, tmp_path: Path
) -> None:
    for attempt in range(rounds(2, 5)):
        problems = half_states_beside(children, tmp_path / f"{attempt}", WRITERS, POINTS, write_a_lot)

        assert problems == []


def write_a_lot_carelessly(ack: Ack, number: int, store: Path, points: int) -> None:
    """A broken writer: summaries and marks of a fold in two transactions, params one by one."""
    set_params = LocalRuns.set_params

    def fold(self: LocalRuns, run_id: str, change: Any, done: str | None = None) -> None:
        from tests.faults.test_kills import folding_in_two_transactions

        folding_in_two_transactions(self, run_id)
        if change:
            self._change(run_id, change)

    def set_one_by_one(self: LocalRuns, run_id: str, params: dict[str, str]) -> None:
        for key, text in params.items():
            set_params(self, run_id, {key: text})
            spin(0.0002)

    LocalRuns._fold = fold  # type: ignore[method-assign]
    LocalRuns.set_params = set_one_by_one  # type: ignore[method-assign]
    write_a_lot(ack, number, store, points)


def test_the_check_of_half_states_sees_a_careless_writer(children: WarmParent, tmp_path: Path) -> None:
    attempts = (
        half_states_beside(children, tmp_path / f"{n}", 4, 1000, write_a_lot_carelessly) for n in range(20)
    )
    seen: set[str] = set()
    for problems in attempts:
        seen |= {problem.partition(": ")[2] for problem in problems}
        if "a part of the params of one call" in seen and any(" points" in problem for problem in seen):
            return

    raise AssertionError(f"seen was only {seen}")


# ---- threads -----------------------------------------------------------------------------------


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Call it in many threads that begin together; fails when one of them did."""
    gate = threading.Barrier(count)
    errors: list[BaseException] = []

    def begin(number: int) -> None:
        gate.wait()
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_each_thread_of_a_tracker_has_a_run_of_its_own(tracker: Tracker) -> None:
    ids: dict[int, str] = {}

    def work(number: int) -> None:
        with tracker.start_run(run_name=f"run {number}") as run:
            ids[number] = run.run_id
            for step in range(200):
                tracker.log_metric("loss", number + step / 1000, step=step)
                if step % 50 == 0:
                    tracker.log_param(f"p{step}", number)
            assert tracker.active_run() is run

    in_threads(16, work)

    assert len(set(ids.values())) == 16
    for number, run_id in ids.items():
        run = tracker.get_run(run_id)
        values = tracker.get_metric_history(run_id, "loss", "numpy")["value"].tolist()
        assert values == [number + step / 1000 for step in range(200)]
        assert run.data.params == {f"p{step}": str(number) for step in (0, 50, 100, 150)}
        assert (run.info.status, run.data.summaries["loss"].count) == (RunStatus.FINISHED, 200)


def test_threads_share_the_run_of_the_one_that_started_it(tracker: Tracker) -> None:
    with tracker.start_run() as run:

        def work(number: int) -> None:
            for step in range(300):
                tracker.log_metric(f"loss {number}", step, step=step)
                tracker.log_metric("shared", number, step=step)
            tracker.log_param(f"p{number}", number)
            tracker.set_tag(f"t{number}", number)

        in_threads(16, work)

    found = tracker.get_run(run.run_id)
    assert found.data.summaries["shared"].count == 16 * 300
    assert found.data.params == {f"p{number}": str(number) for number in range(16)}
    for number in range(16):
        steps = tracker.get_metric_history(run.run_id, f"loss {number}", "numpy")["step"].tolist()
        assert steps == list(range(300))
        assert found.data.tags[f"t{number}"] == str(number)
    assert len(tracker.search_runs(output_format="list")) == 1


def test_many_new_keys_in_many_threads_are_all_named(tracker: Tracker) -> None:
    with tracker.start_run() as run:

        def work(number: int) -> None:
            for index in range(150):
                tracker.log_metric(
                    f"{number % 3} a name that takes several frames {index}", number, step=number
                )

        in_threads(9, work)

    summaries = tracker.get_run(run.run_id).data.summaries
    assert len(summaries) == 450
    assert {summary.count for summary in summaries.values()} == {3}


@pytest.mark.parametrize("threads", [8])
def test_a_tracker_is_opened_once_by_all_its_threads(tmp_path: Path, threads: int) -> None:
    for attempt in range(rounds(5, 50)):
        tracker = Tracker(store=tmp_path / f"{attempt}")
        stores: list[Any] = []

        def work(_: int, tracker: Tracker = tracker, stores: list[Any] = stores) -> None:
            with tracker.start_run() as run:
                stores.append(run._store)

        in_threads(threads, work)

        assert len({id(store) for store in stores}) == 1
        assert len(tracker.search_runs(output_format="list")) == threads
        tracker.close()


def test_a_run_can_be_ended_by_another_thread(tracker: Tracker) -> None:
    run = tracker.start_run()
    in_threads(1, lambda _: run.end())

    assert tracker.active_run() is None
    with tracker.start_run() as following:
        tracker.log_metric("loss", 1.0)
    assert following.data.metrics == {"loss": 1.0}


def test_bits_are_kept_whoever_writes_beside_whom(tracker: Tracker) -> None:
    random = seeded("bits")
    values = [struct.unpack("<d", random.randbytes(8))[0] for _ in range(400)]
    with tracker.start_run() as run:

        def work(number: int) -> None:
            for step, value in enumerate(itertools.islice(values, number, None, 4)):
                tracker.log_metric(f"m{number}", value, step=step)

        in_threads(4, work)

    for number in range(4):
        found = tracker.get_metric_history(run.run_id, f"m{number}", "numpy")["value"].tolist()
        assert [struct.pack("<d", value) for value in found] == [
            struct.pack("<d", value) for value in values[number::4]
        ]
