"""What a process was to log, how much of it was acknowledged, and whether the store holds that.

The operations follow from a seed, so the test knows them without being told: the first so many were
acknowledged; the next one may have been done, or begun; nothing beyond it can be there.
"""

import itertools
import math
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import apsw

from nbtrack.core.entities import RunStatus
from nbtrack.core.errors import NbtrackError
from nbtrack.tracking.tracker import Tracker

_START = 1_700_000_000_000


class Point(NamedTuple):
    """One point, with the bits of its value."""

    key: str
    step: int
    timestamp: int
    bits: bytes


class Operation(NamedTuple):
    """One call of the public API."""

    kind: str
    """metric, metrics, params, tags or text."""
    content: dict[str, Any]
    index: int

    @property
    def timestamp(self) -> int:
        """Fifty operations share a millisecond, so that their order is that in which they were written."""
        return _START + self.index // 50

    @property
    def points(self) -> list[Point]:
        """The points it logs, in this order."""
        if self.kind not in ("metric", "metrics"):
            return []
        return [
            Point(key, self.index, self.timestamp, struct.pack("<d", value))
            for key, value in self.content.items()
        ]

    def perform(self, target: Any) -> None:
        """Do it, on a tracker or a run."""
        if self.kind == "metric":
            for key, value in self.content.items():
                target.log_metric(key, value, step=self.index, timestamp=self.timestamp)
        elif self.kind == "metrics":
            target.log_metrics(self.content, step=self.index, timestamp=self.timestamp)
        elif self.kind == "params":
            target.log_params(self.content)
        elif self.kind == "tags":
            target.set_tags(self.content)
        else:
            for path, text in self.content.items():
                target.log_text(text, path)


_VALUES = (0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1)


def operations(seed: int | str, *, texts: bool = False) -> Iterator[Operation]:
    """What a process with this seed logs, without an end."""
    random = Random(seed)
    for index in itertools.count():
        dice = random.random()
        value = random.choice(_VALUES) if random.random() < 0.2 else random.uniform(-1e6, 1e6)
        if dice < 0.82:
            # Now and then a new key, some with a long name: that is several frames.
            key = random.choice(("loss", "acc", "val/loss"))
            if random.random() < 0.03:
                key = f"new {index} " + "é" * random.choice((0, 9, 200))
            yield Operation("metric", {key: value}, index)
        elif dice < 0.88:
            yield Operation("metrics", {"loss": value, "acc": -value, f"batch {index % 7}": 1.0}, index)
        elif dice < 0.93:
            yield Operation("params", {f"p{index}.{part}": f"{value} {part}" for part in range(3)}, index)
        elif dice < 0.98 or not texts:
            yield Operation("tags", {"latest": str(index), "other": str(-index), f"t{index}": "x"}, index)
        else:
            yield Operation("text", {f"notes/{index}.txt": f"{index} " * 20_000}, index)


def perform_for_ever(target: Any, seed: int | str, ack: Any, *, texts: bool = False) -> None:
    """Log on and on, acknowledging each call that returned with one byte."""
    for operation in operations(seed, texts=texts):
        operation.perform(target)
        ack(b".")


class Found(NamedTuple):
    """What a fresh reader finds of one run."""

    status: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    points: dict[str, list[Point]]
    counts: dict[str, int]
    texts: dict[str, str]


def look(store: Path, run_id: str) -> Found:
    """Read a run with a store opened for it alone."""
    tracker = Tracker(store=store)
    try:
        return found_by(tracker, run_id)
    finally:
        tracker.close()


def found_by(tracker: Tracker, run_id: str) -> Found:
    """Read a run."""
    run = tracker.get_run(run_id)
    points: dict[str, list[Point]] = {}
    for key in run.data.summaries:
        history = tracker.get_metric_history(run_id, key, "numpy")
        points[key] = [
            Point(key, step, timestamp, struct.pack("<d", value))
            for step, timestamp, value in history.tolist()
        ]
    texts = {
        file.path: tracker.load_text(run_id, file.path)
        for file in tracker.list_artifacts(run_id, "notes")
        if not file.is_dir
    }
    counts = {key: summary.count for key, summary in run.data.summaries.items()}
    return Found(run.info.status, run.data.params, run.data.tags, points, counts, texts)


def differences(found: Found, seed: int | str, acknowledged: int, *, texts: bool = False) -> list[str]:
    """What is lost, invented, doubled, torn or out of order in a run; empty when all is well.

    Args:
        found: What a reader saw.
        seed: Of the operations that the writer performed.
        acknowledged: How many of them were; the next one may have been performed too, or in part.
        texts: Whether the operations held texts.
    """
    plan = list(itertools.islice(operations(seed, texts=texts), acknowledged + 1))
    done, next_one = plan[:-1], plan[-1]
    return [
        *_differing_points(found, done, next_one),
        *_differing_texts("param", found.params, done, next_one, "params"),
        *_differing_texts("tag", found.tags, done, next_one, "tags"),
        *_differing_texts("text", found.texts, done, next_one, "text"),
    ]


def damage_of(store: Path) -> list[str]:
    """What SQLite's own check says against the documents of a store that nobody has open."""
    connection = apsw.Connection(os.fspath(store / "documents.db"))
    try:
        answer = [row[0] for row in connection.execute("PRAGMA integrity_check").fetchall()]
    finally:
        connection.close()
    return [] if answer == ["ok"] else [f"damaged: {line}" for line in answer]


def differences_after_going_on(store: Path, run_id: str, before: Found) -> list[str]:
    """Resume a run that was torn off, log one more point, fold twice, and end it: what is wrong then."""
    problems: list[str] = []
    tracker = Tracker(store=store)
    try:
        with tracker.start_run(run_id=run_id) as run:
            run.log_metric("after", 1.5, step=1)
            run._runs.fold(run_id)
            run._runs.fold(run_id)
        after = found_by(tracker, run_id)
    except NbtrackError as error:
        return [f"broken: a later writer gets {error}"]
    finally:
        tracker.close()
    if after.status != RunStatus.FINISHED:
        problems.append(f"wrong status: {after.status} after a later writer has ended the run")
    for key, points in {**before.points, "after": after.points.get("after", [])}.items():
        if after.points.get(key) != points:
            problems.append(f"lost: points of {key!r} after a later writer")
        if after.counts.get(key) != len(points):
            problems.append(f"miscounted: {len(points)} points of {key!r} are {after.counts.get(key)} folded")
    return problems


def _differing_points(found: Found, done: list[Operation], next_one: Operation) -> Iterator[str]:
    expected: dict[str, list[Point]] = {}
    for operation in done:
        for point in operation.points:
            expected.setdefault(point.key, []).append(point)
    begun = {point.key: point for point in next_one.points}
    for key in sorted(expected.keys() | found.points.keys()):
        wanted, seen = expected.get(key, []), found.points.get(key, [])
        if seen == wanted or (key in begun and seen == [*wanted, begun[key]]):
            if found.counts[key] != len(seen):
                yield f"miscounted: {len(seen)} points of {key!r} are {found.counts[key]} in the summary"
            continue
        if missing := [point for point in wanted if point not in seen]:
            yield f"lost: {len(missing)} of {len(wanted)} points of {key!r}"
        elif len(seen) > len(set(seen)):
            yield f"doubled: {len(seen) - len(set(seen))} points of {key!r}"
        elif set(seen) - set(wanted) - set(begun.values()):
            yield f"invented: points of {key!r}"
        else:
            yield f"out of order: points of {key!r}"


def _differing_texts(
    what: str, found: Mapping[str, str], done: list[Operation], next_one: Operation, kind: str
) -> Iterator[str]:
    expected: dict[str, str] = {}
    for operation in done:
        if operation.kind == kind:
            expected.update(operation.content)
    begun = next_one.content if next_one.kind == kind else {}
    ours = {key: text for key, text in found.items() if not key.startswith(("mlflow.", "nbtrack."))}
    for key, text in expected.items():
        if key not in ours:
            yield f"lost: {what} {key!r}"
        elif ours[key] not in (text, begun.get(key, text)):
            yield f"changed: {what} {key!r}"
    for key in ours.keys() - expected.keys():
        if ours[key] != begun.get(key):
            yield f"invented or torn: {what} {key!r}"
    # Params and tags of one call are written together: all of them or none.
    if kind != "text" and len({ours.get(key) == text for key, text in begun.items()}) > 1:
        yield f"torn: only a part of the {what}s of one call is there"
