"""What a run remembers of each metric: the last, smallest, largest and mean value, and a sketch.

A summary is folded from points in batches. Folding the same points in other batches gives the
same summary (the mean up to rounding), so it can be rebuilt from the metric log at any time.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, cast

SKETCH_VALUES = 64
"""A sketch holds at most this many values; an even number."""


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of one run in a few numbers.

    NaN is counted and can be the last value, but is never a minimum or maximum and does not enter
    the mean. `min`, `max` and `mean` are NaN while every point is.
    """

    last: float
    """Value of the point that is last by (step, timestamp, value), MLflow's rule; NaN sorts first."""
    last_step: int
    last_timestamp: int
    """Milliseconds since 1970, UTC."""
    min: float
    min_step: int
    """Step of the first point, in the order logged, that had the smallest value."""
    max: float
    max_step: int
    mean: float
    count: int
    """Points logged, NaN included."""
    nan_count: int
    first_step: int
    """The smallest step."""

    def to_document(self) -> dict[str, Any]:
        """The summary as it stands in the run's document."""
        return {name: getattr(self, name) for name in _FIELDS}

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "MetricSummary":
        """The summary that `to_document` wrote; fields of a newer nbtrack are left out."""
        return MetricSummary(*_fields_of(document))


_FIELDS: tuple[str, ...] = tuple(MetricSummary.__dataclass_fields__)
_fields_of = cast("Callable[[Mapping[str, Any]], tuple[Any, ...]]", itemgetter(*_FIELDS))


def fold(
    before: MetricSummary | None, steps: Sequence[int], timestamps: Sequence[int], values: Sequence[float]
) -> MetricSummary:
    """Add points to a summary.

    Args:
        before: The summary so far; None for a metric not seen yet.
        steps: (points,), in the order logged, at least one.
        timestamps: (points,), milliseconds since 1970, UTC.
        values: (points,).
    """
    nan_count = sum(map(math.isnan, values))
    numbers, steps_of_numbers = values, steps
    if nan_count:
        kept = [index for index, value in enumerate(values) if value == value]
        numbers = [values[index] for index in kept]
        steps_of_numbers = [steps[index] for index in kept]
    last = max(range(len(values)), key=lambda index: _rank(steps[index], timestamps[index], values[index]))
    low = high = mean = math.nan
    low_step = high_step = steps[0]
    if numbers:
        low, high, mean = min(numbers), max(numbers), _mean(numbers)
        low_step = steps_of_numbers[numbers.index(low)]
        high_step = steps_of_numbers[numbers.index(high)]
    batch = MetricSummary(
        last=values[last],
        last_step=steps[last],
        last_timestamp=timestamps[last],
        min=low,
        min_step=low_step,
        max=high,
        max_step=high_step,
        mean=mean,
        count=len(values),
        nan_count=nan_count,
        first_step=min(steps),
    )
    return batch if before is None else merge(before, batch)


def fold_arrays(before: MetricSummary | None, steps: Any, timestamps: Any, values: Any) -> MetricSummary:
    """`fold` for numpy arrays: the same answer for a million points without a Python loop.

    Args:
        before: The summary so far; None for a metric not seen yet.
        steps: (points,) int64, in the order logged, at least one.
        timestamps: (points,) int64, milliseconds since 1970, UTC.
        values: (points,) float64.
    """
    import numpy as np

    is_number = ~np.isnan(values)
    numbers, steps_of_numbers = values[is_number], steps[is_number]
    # The candidates for the last point are few: those of the largest step, and of these the latest.
    candidates = np.flatnonzero(steps == steps.max())
    candidates = candidates[timestamps[candidates] == timestamps[candidates].max()]
    last = max(candidates.tolist(), key=lambda index: _rank(0, 0, float(values[index])))
    low = high = mean = math.nan
    low_step = high_step = int(steps[0])
    if numbers.size:
        lowest, highest = int(numbers.argmin()), int(numbers.argmax())
        low, low_step = float(numbers[lowest]), int(steps_of_numbers[lowest])
        high, high_step = float(numbers[highest]), int(steps_of_numbers[highest])
        mean = _mean(numbers.tolist())
    batch = MetricSummary(
        last=float(values[last]),
        last_step=int(steps[last]),
        last_timestamp=int(timestamps[last]),
        min=low,
        min_step=low_step,
        max=high,
        max_step=high_step,
        mean=mean,
        count=int(values.size),
        nan_count=int(values.size - numbers.size),
        first_step=int(steps.min()),
    )
    return batch if before is None else merge(before, batch)


def merge(earlier: MetricSummary, later: MetricSummary) -> MetricSummary:
    """The summary of the points of both; `earlier` were logged first."""
    last = later if _rank_of_last(later) >= _rank_of_last(earlier) else earlier
    # A NaN compares false, so a batch without numbers never wins, and any number beats it.
    low = later if later.min < earlier.min or math.isnan(earlier.min) else earlier
    high = later if later.max > earlier.max or math.isnan(earlier.max) else earlier
    return MetricSummary(
        last=last.last,
        last_step=last.last_step,
        last_timestamp=last.last_timestamp,
        min=low.min,
        min_step=low.min_step,
        max=high.max,
        max_step=high.max_step,
        mean=_merged_mean(earlier, later),
        count=earlier.count + later.count,
        nan_count=earlier.nan_count + later.nan_count,
        first_step=min(earlier.first_step, later.first_step),
    )


def _mean(numbers: Sequence[float]) -> float:
    try:
        try:
            return math.fsum(numbers) / len(numbers)
        except OverflowError:
            # The sum of finite numbers left the range of floats, their mean does not.
            return math.fsum(number / len(numbers) for number in numbers)
    except ValueError:
        return math.nan  # both infinities; fsum may find the overflow first


def _merged_mean(earlier: MetricSummary, later: MetricSummary) -> float:
    before, added = earlier.count - earlier.nan_count, later.count - later.nan_count
    if not before or not added:
        return later.mean if added else earlier.mean
    if math.isfinite(earlier.mean) and math.isfinite(later.mean):
        share = added / (before + added)
        return earlier.mean * (1 - share) + later.mean * share
    return earlier.mean + later.mean


def _rank_of_last(summary: MetricSummary) -> tuple[int, int, bool, float]:
    return _rank(summary.last_step, summary.last_timestamp, summary.last)


def _rank(step: int, timestamp: int, value: float) -> tuple[int, int, bool, float]:
    """What decides which point is last; NaN loses to every number."""
    return (step, timestamp, True, value) if value == value else (step, timestamp, False, 0.0)


@dataclass(frozen=True, slots=True)
class Sketch:
    """The shape of a curve: the smallest and the largest value of each stretch of points.

    Up to 64 points are kept as they are. Beyond that a stretch of `width` points leaves two
    values, in the order in which they were logged; the width doubles when the room is full.
    NaN and infinities have no place on a small picture and are left out.
    """

    values: tuple[float, ...] = ()
    """Values of the stretches that are complete, at most 64; with width 1 every point."""
    width: int = 1
    """Points in a stretch; a power of two."""
    open_count: int = 0
    """Points in the last stretch, which is not complete."""
    open_values: tuple[float, ...] = ()
    """The one or two values that stand for the last stretch."""

    @property
    def shape(self) -> tuple[float, ...]:
        """All values, in the order logged: at most 64 and the last stretch's two."""
        return self.values + self.open_values

    def to_document(self) -> list[Any]:
        """The sketch as it is stored."""
        return [list(self.values), self.width, self.open_count, list(self.open_values)]

    @staticmethod
    def from_document(document: Sequence[Any]) -> "Sketch":
        """The sketch that `to_document` wrote."""
        values, width, open_count, open_values = document
        return Sketch(tuple(values), width, open_count, tuple(open_values))

    def extended(self, values: Any) -> "Sketch":
        """The sketch with more points: a list or a numpy array, (points,), in the order logged."""
        finite = _finite(values)
        kept, width = list(self.values), self.width
        stretch, count = list(self.open_values), self.open_count
        position = 0
        while position < len(finite):
            if width == 1:
                kept.append(float(finite[position]))
                position += 1
            else:
                taken = finite[position : position + width - count]
                stretch = _extremes(stretch + _extremes_of(taken))
                count += len(taken)
                position += len(taken)
                if count == width:
                    # A flat stretch keeps two values as well: room is counted in pairs.
                    kept += stretch if len(stretch) == 2 else stretch * 2
                    stretch, count = [], 0
            if len(kept) >= SKETCH_VALUES:
                kept, width, stretch, count = _halved(kept, width)
        return Sketch(tuple(kept), width, count, tuple(stretch))


def _halved(kept: list[float], width: int) -> tuple[list[float], int, list[float], int]:
    """Make room: two neighbouring stretches become one, four values two."""
    if width == 1:
        # 64 points as they are equal 32 stretches of two.
        width = 2
    merged: list[float] = []
    for start in range(0, len(kept), 4):
        pair = _extremes(kept[start : start + 4])
        merged += pair if len(pair) == 2 else pair * 2
    return merged, width * 2, [], 0


def _finite(values: Any) -> Any:
    if not hasattr(values, "dtype"):
        return [value for value in values if math.isfinite(value)]
    import numpy as np

    return values[np.isfinite(values)]


def _extremes_of(taken: Any) -> list[float]:
    if not hasattr(taken, "dtype"):
        return _extremes(taken)
    lowest, highest = int(taken.argmin()), int(taken.argmax())
    return _extremes([float(taken[index]) for index in sorted((lowest, highest))])


def _extremes(values: list[float]) -> list[float]:
    """The smallest and the largest value, in the order of their first appearance; one when equal."""
    low, high = min(values), max(values)
    if low == high:
        return [low]
    return [low, high] if values.index(low) < values.index(high) else [high, low]
