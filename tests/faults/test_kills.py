"""SIGKILL at any instant: what was acknowledged is there, the store opens, the status is true.

Each control at the end runs the same check against a writer that is broken on purpose: if the check
passed there, it would prove nothing here.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from nbtrack.core.entities import Run, RunStatus, ViewType
from nbtrack.stores.local.folding import FoldedMetrics
from nbtrack.stores.local.metric_log import MetricLogWriter
from nbtrack.stores.local.runs import LocalRuns, by_run_id
from nbtrack.tracking.tracker import Tracker
from tests.faults.children import Ack, WarmParent, rounds, seeded, spin
from tests.faults.ledger import (
    damage_of,
    differences,
    differences_after_going_on,
    look,
    operations,
    perform_for_ever,
)

KILLS_PER_STORE = 10
ATTEMPTS = 50
"""Kills until a control must have been caught; the first or second does it as a rule."""


# ---- what the children do ----------------------------------------------------------------------


def log_for_ever(ack: Ack, store: Path, seed: str, texts: bool = False) -> None:
    """Start a run and log to it until killed."""
    tracker = Tracker(store=store)
    ack(tracker.start_run().run_id.encode())
    perform_for_ever(tracker, seed, ack, texts=texts)


def start_and_end_for_ever(ack: Ack, store: Path, seed: str) -> None:
    """Start and end run after run until killed; acknowledges each start and each end."""
    tracker = Tracker(store=store)
    random = Random(seed)
    for number in itertools.count():
        run = tracker.start_run(run_name=f"{seed} {number}")
        ack(f"started {number} {run.run_id}")
        for operation in itertools.islice(operations(f"{seed} {number}"), 5 + number % 20):
            operation.perform(run)
        tracker.end_run(random.choice((RunStatus.FINISHED, RunStatus.FAILED)))
        ack(f"ended {number} {run.run_id}")


def log_and_fold_for_ever(ack: Ack, store: Path, seed: str) -> None:
    """Log until killed, and fold what was logged all the time."""
    tracker = Tracker(store=store)
    run = tracker.start_run()
    ack(run.run_id.encode())
    for operation in operations(seed):
        operation.perform(tracker)
        ack(b".")
        if operation.index % 3 == 0:
            run._runs.fold(run.run_id)


def open_a_fresh_store(ack: Ack, store: Path) -> None:
    """Make a store and start a run in it."""
    ack(b".")
    run = Tracker(store=store).start_run(run_name="first")
    ack(run.run_id.encode())
    run.log_param("p", 1)
    ack(b".")
    run.end()


# ---- the checks --------------------------------------------------------------------------------


def kill_while_logging(
    children: WarmParent, store: Path, seed: str, random: Random, work: Any, most: int = 1500
) -> list[str]:
    """Kill a child that logs, within `most` acknowledgements; what is wrong in the store afterwards."""
    texts = work is log_for_ever and random.random() < 0.3
    child = children.start(work, store, seed, *([True] if texts else []))
    child.wait_for(32 + random.randrange(1, most))
    spin(random.uniform(0, 0.0005))
    child.kill()
    child.end()
    run_id, acknowledged = child.acks[:32].decode(), len(child.acks) - 32

    found = look(store, run_id)

    problems = differences(found, seed, acknowledged, texts=texts)
    if found.status != RunStatus.KILLED:
        problems.append(f"wrong status: {found.status}")
    return [*problems, *damage_of(store), *differences_after_going_on(store, run_id, found)]


def kill_while_starting_and_ending(
    children: WarmParent, store: Path, seed: str, random: Random, work: Any = start_and_end_for_ever
) -> list[str]:
    """Kill a child that starts and ends runs; what is wrong in the store afterwards."""
    child = children.start(work, store, seed)
    child.wait_for_lines(random.randrange(1, 40))
    spin(random.uniform(0, 0.002))
    child.kill()
    child.end()

    tracker = Tracker(store=store)
    runs = tracker.search_runs(output_format="list", run_view_type=ViewType.ALL)
    tracker.close()

    ours = {run.info.run_name: run for run in runs if run.info.run_name.startswith(f"{seed} ")}
    return [*damage_of(store), *wrong_ends(ours, child.lines, seed)]


def wrong_ends(runs: dict[str, Run], acknowledged: list[str], seed: str) -> list[str]:
    """Runs whose status or content is not what the acknowledged starts and ends say."""
    problems: list[str] = []
    ends = {line.split()[1] for line in acknowledged if line.startswith("ended")}
    starts = {line.split()[1] for line in acknowledged if line.startswith("started")}
    for number in starts:
        if f"{seed} {number}" not in runs:
            problems.append(f"lost: run {number}")
    for name, run in runs.items():
        number = name.split()[-1]
        logged = list(itertools.islice(operations(f"{seed} {number}"), 5 + int(number) % 20))
        if number in ends and run.info.status not in (RunStatus.FINISHED, RunStatus.FAILED):
            problems.append(f"lost: the end of run {number}, it is {run.info.status}")
        if run.info.status == RunStatus.RUNNING:
            problems.append(f"wrong status: run {number} is RUNNING, and nobody runs it")
        if run.info.status in (RunStatus.FINISHED, RunStatus.FAILED):
            counts = {key: summary.count for key, summary in run.data.summaries.items()}
            points = [point.key for operation in logged for point in operation.points]
            if counts != {key: points.count(key) for key in points}:
                problems.append(f"lost: run {number} has ended without all its points")
            params = [key for operation in logged if operation.kind == "params" for key in operation.content]
            if sorted(run.data.params) != sorted(params):
                problems.append(f"lost: run {number} has ended without all its params")
        if number not in starts and int(number) > len(starts):
            problems.append(f"invented: run {number}")
    return problems


def complains(attempts: Iterable[list[str]], complaint: str) -> bool:
    """Whether one of the attempts, made until one does, finds something wrong of that kind."""
    return any(problem.startswith(complaint) for problems in attempts for problem in problems)


# ---- the tests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("work", "kills", "most"),
    [(log_for_ever, rounds(25, 200), 1500), (log_and_fold_for_ever, rounds(10, 100), 150)],
)
def test_nothing_acknowledged_is_lost_by_a_kill(
    work: Any, kills: int, most: int, children: WarmParent, tmp_path: Path
) -> None:
    random = seeded(work.__name__)
    wrong: dict[int, list[str]] = {}

    for number in range(kills):
        store = tmp_path / f"store {number // KILLS_PER_STORE}"
        if problems := kill_while_logging(children, store, f"kill {random.random()}", random, work, most):
            wrong[number] = problems

    assert not wrong


def test_a_kill_while_runs_start_and_end_leaves_no_half_run(children: WarmParent, tmp_path: Path) -> None:
    random = seeded("starts and ends")
    wrong: dict[int, list[str]] = {}

    for number in range(rounds(10, 150)):
        store = tmp_path / f"store {number // KILLS_PER_STORE}"
        if problems := kill_while_starting_and_ending(children, store, f"ends {number}", random):
            wrong[number] = problems

    assert not wrong


def test_a_kill_while_a_store_is_made_leaves_a_place_for_one(children: WarmParent, tmp_path: Path) -> None:
    random = seeded("fresh")

    for number in range(rounds(15, 150)):
        store = tmp_path / f"store {number}"
        child = children.start(open_a_fresh_store, store)
        child.wait_for(1)
        spin(random.uniform(0, 0.012))
        child.kill()
        child.end()

        tracker = Tracker(store=store)
        with tracker.start_run(run_name="second"):
            tracker.log_metric("loss", 0.5)
        runs = {run.info.run_name: run for run in tracker.search_runs(output_format="list")}
        tracker.close()

        assert runs.pop("second").info.status == RunStatus.FINISHED
        assert ("first" in runs) or len(child.acks) < 33
        for first in runs.values():
            assert first.info.status in (RunStatus.KILLED, RunStatus.FINISHED)
            assert first.data.params == {"p": "1"} or len(child.acks) < 34
        assert damage_of(store) == []


# ---- the controls ------------------------------------------------------------------------------


def log_through_a_buffer(ack: Ack, store: Path, seed: str) -> None:
    """A broken writer: it keeps points in memory and writes each 64."""
    write = MetricLogWriter.append
    waiting: list[Any] = []

    def append(self: MetricLogWriter, *point: Any) -> None:
        waiting.append(point)
        if len(waiting) == 64:
            for each in waiting:
                write(self, *each)
            waiting.clear()

    MetricLogWriter.append = append  # type: ignore[method-assign]
    log_for_ever(ack, store, seed)


def log_params_later(ack: Ack, store: Path, seed: str) -> None:
    """A broken writer: it acknowledges params and tags before their transaction commits."""
    set_params, set_tags = LocalRuns.set_params, LocalRuns.set_tags
    waiting: list[Any] = []

    def later(write: Any) -> Any:
        def remember(self: LocalRuns, run_id: str, texts: Any) -> None:
            waiting.append((write, self, run_id, texts))
            if len(waiting) == 4:
                for write_now, *arguments in waiting:
                    write_now(*arguments)
                waiting.clear()

        return remember

    LocalRuns.set_params, LocalRuns.set_tags = later(set_params), later(set_tags)  # type: ignore[method-assign]
    log_for_ever(ack, store, seed)


def end_runs_later(ack: Ack, store: Path, seed: str) -> None:
    """A broken `end_run`: it returns before its transaction commits."""
    end = LocalRuns.end
    waiting: list[Any] = []

    def end_later(self: LocalRuns, *arguments: Any, **options: Any) -> None:
        waiting.append((arguments, options))
        if len(waiting) > 1:
            earlier, earlier_options = waiting.pop(0)
            end(self, *earlier, **earlier_options)

    LocalRuns.end = end_later  # type: ignore[method-assign]
    start_and_end_for_ever(ack, store, seed)


def folding_in_two_transactions(runs: LocalRuns, run_id: str) -> None:
    """A broken fold: summaries first, and in a transaction of their own the marks of what was folded."""
    document = runs._document(run_id)
    folded = FoldedMetrics(document, runs._sketches.get(by_run_id(run_id)))
    folded.advance(runs.folder_of(run_id))
    folds = document["folds"] + 1
    runs._table.update({"metrics": folded.metrics_document(), "folds": folds}, by_run_id(run_id))
    spin(0.002)
    runs._sketches.upsert({**folded.sketches_document(run_id), "folds": folds}, by_run_id(run_id))


def fold_in_two_transactions(ack: Ack, store: Path, seed: str) -> None:
    """Logs and folds with a broken fold."""

    def fold(self: LocalRuns, run_id: str, change: Any, done: str | None = None) -> None:
        folding_in_two_transactions(self, run_id)

    LocalRuns._fold = fold  # type: ignore[method-assign]
    log_and_fold_for_ever(ack, store, seed)


def write_texts_in_place(ack: Ack, store: Path, seed: str) -> None:
    """A broken artifact writer: the bytes go to the final name, one piece after the other."""
    from nbtrack.stores.local.artifacts import RunArtifacts

    def publish(self: RunArtifacts, parts: tuple[str, ...], write: Any, *, sync: bool = True) -> None:
        path = self.root.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb", buffering=0) as file:
            for _ in range(200):
                file.write(b"half of it ")
                spin(0.00005)

    RunArtifacts._publish = publish  # type: ignore[method-assign]
    tracker = Tracker(store=store)
    ack(tracker.start_run().run_id.encode())
    perform_for_ever(tracker, seed, ack, texts=True)


@pytest.mark.parametrize(
    ("work", "complaint"),
    [
        (log_through_a_buffer, "lost: "),
        (log_params_later, "lost: "),
        (fold_in_two_transactions, "miscounted: "),
    ],
)
def test_the_check_of_kills_sees_a_broken_writer(
    work: Any, complaint: str, children: WarmParent, tmp_path: Path
) -> None:
    random = seeded(work.__name__)

    attempts = (
        kill_while_logging(children, tmp_path / f"{number}", f"broken {number}", random, work, 150)
        for number in range(ATTEMPTS)
    )

    assert complains(attempts, complaint)


def test_the_check_of_kills_sees_an_end_that_returns_too_early(children: WarmParent, tmp_path: Path) -> None:
    random = seeded("ends too early")

    attempts = (
        kill_while_starting_and_ending(children, tmp_path / f"{n}", f"early {n}", random, end_runs_later)
        for n in range(ATTEMPTS)
    )

    assert complains(attempts, "lost: the end of run")


def test_the_check_of_kills_sees_a_text_written_in_place(children: WarmParent, tmp_path: Path) -> None:
    seed = "in place"
    first_text = next(each.index for each in operations(seed, texts=True) if each.kind == "text")

    def attempt(store: Path) -> list[str]:
        child = children.start(write_texts_in_place, store, seed)
        child.wait_for(32 + first_text)
        spin(0.003)
        child.kill()
        child.end()
        found = look(store, child.acks[:32].decode())
        return differences(found, seed, len(child.acks) - 32, texts=True)

    assert complains((attempt(tmp_path / f"{n}") for n in range(ATTEMPTS)), "invented or torn: text")
