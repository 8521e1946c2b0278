"""Folding: from the points of a metric log to the summaries in a run's document, exactly once.

What was folded is marked by a byte position in each segment. Marks and summaries change in one
transaction, so whoever folds, and however often, counts each point once.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from nbtrack.core import summaries
from nbtrack.core.summaries import MetricSummary, Sketch
from nbtrack.stores.local import metric_log
from nbtrack.stores.local.metric_log import START, SegmentMark


class FoldedMetrics:
    """The metrics of one run as far as they have been folded."""

    def __init__(self, run: Mapping[str, Any], sketches: Mapping[str, Any] | None) -> None:
        self.summaries: dict[str, MetricSummary] = {
            key: MetricSummary.from_document(summary) for key, summary in run["metrics"].items()
        }
        self.sketches: dict[str, Sketch] = {}
        self.marks: dict[str, SegmentMark] = {}
        if sketches:
            self.sketches = {
                key: Sketch.from_document(sketch) for key, sketch in sketches["sketches"].items()
            }
            self.marks = marks_of(sketches)

    def advance(self, folder: str) -> bool:
        """Fold what the segments of the run hold beyond the marks; True when there was something.

        A segment that cannot be read is left for the next time: what can be shown is shown.
        """
        changed = False
        for name in metric_log.segments(folder):
            mark = self.marks.get(name, START)
            try:
                if os.stat(os.path.join(folder, name)).st_size - mark.end < metric_log.FRAME_BYTES:
                    continue
                tail = metric_log.read_tail(os.path.join(folder, name), mark)
            except OSError:
                continue
            if tail.mark.end == mark.end:
                continue
            for number, steps, timestamps, values in by_key(tail.decoded):
                key = tail.mark.keys[number] if number < len(tail.mark.keys) else ""
                if not key:
                    continue  # its name is damaged; doctor names the byte range
                fold = summaries.fold if not tail.decoded.in_arrays else summaries.fold_arrays
                self.summaries[key] = fold(self.summaries.get(key), steps, timestamps, values)
                self.sketches[key] = self.sketches.get(key, Sketch()).extended(values)
            self.marks[name] = tail.mark
            changed = True
        return changed

    def metrics_document(self) -> dict[str, Any]:
        """The `metrics` of the run's document."""
        return {key: summary.to_document() for key, summary in self.summaries.items()}

    def sketches_document(self, run_id: str) -> dict[str, Any]:
        """The run's document in the table of sketches."""
        return {
            "run_id": run_id,
            "marks": {name: list(mark) for name, mark in self.marks.items()},
            "sketches": {key: sketch.to_document() for key, sketch in self.sketches.items()},
        }


def marks_of(sketches: Mapping[str, Any] | None) -> dict[str, SegmentMark]:
    """How far each segment was folded, from the run's document in the table of sketches."""
    marks: Mapping[str, Any] = sketches["marks"] if sketches else {}
    return {name: SegmentMark(*mark) for name, mark in marks.items()}


def by_key(decoded: metric_log.Decoded) -> Iterator[tuple[int, Any, Any, Any]]:
    """The points of each key, in the order written: its number, steps, timestamps, values."""
    if not decoded.in_arrays:
        groups: dict[int, tuple[list[int], list[int], list[float]]] = {}
        points: Any = zip(decoded.key_numbers, decoded.steps, decoded.timestamps, decoded.values, strict=True)
        for number, step, timestamp, value in points:
            group = groups.get(number)
            if group is None:
                group = groups[number] = ([], [], [])
            group[0].append(step)
            group[1].append(timestamp)
            group[2].append(value)
        for number, group in groups.items():
            yield number, *group
        return
    import numpy as np

    order = np.argsort(decoded.key_numbers, kind="stable")
    numbers = decoded.key_numbers[order]
    starts: list[int] = (
        np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]]).tolist() if len(numbers) else []
    )
    for start, stop in zip(starts, [*starts[1:], len(numbers)], strict=True):
        chosen = order[start:stop]
        yield int(numbers[start]), decoded.steps[chosen], decoded.timestamps[chosen], decoded.values[chosen]
