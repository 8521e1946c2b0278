"""A curve that grows: bounded however many points it gets, with every spike, the first point and the last.

A picture is some hundred pixels wide, so a stretch of points leaves its smallest and its largest value,
each at its own step. NaN and infinities have no height: they are counted, marked where they are, and part
the line where there is nothing else.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from nbtrack.core.summaries import MetricSummary

STRETCHES = 96
"""A curve holds at most this many stretches, each of at most two points."""


class CurvePoint(NamedTuple):
    """A point of a curve."""

    place: int
    """Which point of its metric it is, in the order logged, from 0."""
    step: int
    value: float


class Stretch(NamedTuple):
    """What is left of some neighbouring points."""

    points: tuple[CurvePoint, ...]
    """The smallest and the largest, in the order logged; one when they are equal, none without numbers."""
    odd: CurvePoint | None
    """The first that is NaN or infinite."""


class Curve:
    """The points of one metric, as far as they are needed to draw it. Only one thread adds to it."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.count = 0
        self.odd_count = 0
        """Points that are NaN or infinite."""
        self.first: CurvePoint | None = None
        self.last: CurvePoint | None = None
        self.low: CurvePoint | None = None
        """The first of the smallest numbers; None while there is none."""
        self.high: CurvePoint | None = None
        self.steps = (0, 0)
        """The smallest and the largest step."""
        self._stretches: list[Stretch] = []
        self._width = 1
        self._open = Stretch((), None)
        self._open_count = 0

    def add(self, steps: Sequence[int], values: Sequence[float]) -> None:
        """Add points, in the order logged; at least one of each."""
        low_step, high_step = min(steps), max(steps)
        if self.count:
            low_step, high_step = min(low_step, self.steps[0]), max(high_step, self.steps[1])
        else:
            self.first = CurvePoint(0, steps[0], values[0])
        self.steps = low_step, high_step
        # One sum says that all of them are finite.
        are_finite = math.isfinite(sum(values))
        position, size = 0, len(values)
        while position < size:
            taken = min(self._width - self._open_count, size - position)
            stretch = _stretch(self.count, steps, values, position, position + taken, are_finite)
            self._open = stretch if not self._open_count else _merged(self._open, stretch)
            self._open_count += taken
            self.count += taken
            position += taken
            if self._open_count == self._width:
                self._stretches.append(self._open)
                self._open, self._open_count = Stretch((), None), 0
                if len(self._stretches) == STRETCHES:
                    pairs = zip(self._stretches[::2], self._stretches[1::2], strict=True)
                    self._stretches = [_merged(left, right) for left, right in pairs]
                    self._width *= 2
        self.last = CurvePoint(self.count - 1, steps[-1], values[-1])
        self._note_extremes(steps, values, are_finite)

    @property
    def stretches(self) -> list[Stretch]:
        """All of it in order; the first and the last point are among the points if they are numbers."""
        listed = [*self._stretches, *([self._open] if self._open_count else [])]
        if listed and self.first is not None and self.last is not None:
            listed[0] = _with(listed[0], self.first)
            listed[-1] = _with(listed[-1], self.last)
        return listed

    def summary(self) -> MetricSummary:
        """The same numbers that a run keeps of a metric; the last point is the one that was logged last."""
        low, high, last = self.low, self.high, self.last
        return MetricSummary(
            last=math.nan if last is None else last.value,
            last_step=0 if last is None else last.step,
            last_timestamp=0,
            min=math.nan if low is None else low.value,
            min_step=0 if low is None else low.step,
            max=math.nan if high is None else high.value,
            max_step=0 if high is None else high.step,
            mean=math.nan,
            count=self.count,
            nan_count=self.odd_count,
            first_step=self.steps[0],
        )

    def sketch(self) -> tuple[float, ...]:
        """The shape in few values."""
        values = [point.value for each in self._stretches for point in each.points]
        return tuple(values[:: max(1, len(values) // 32)])

    def _note_extremes(self, steps: Sequence[int], values: Sequence[float], are_finite: bool) -> None:
        begin = self.count - len(values)
        numbers = values if are_finite else [value for value in values if math.isfinite(value)]
        self.odd_count += len(values) - len(numbers)
        if not numbers:
            return
        low, high = min(numbers), max(numbers)
        if self.low is None or low < self.low.value:
            at = values.index(low)
            self.low = CurvePoint(begin + at, steps[at], low)
        if self.high is None or high > self.high.value:
            at = values.index(high)
            self.high = CurvePoint(begin + at, steps[at], high)


def _stretch(
    begin: int, steps: Sequence[int], values: Sequence[float], start: int, stop: int, are_finite: bool
) -> Stretch:
    """What is left of `values[start:stop]`, the first of which is point `begin` of its metric."""
    chosen = values[start:stop]
    if are_finite:
        if len(chosen) == 1:
            return Stretch((CurvePoint(begin, steps[start], chosen[0]),), None)
        low, high = chosen.index(min(chosen)), chosen.index(max(chosen))
        offsets = (low,) if chosen[low] == chosen[high] else (min(low, high), max(low, high))
        return Stretch(tuple(CurvePoint(begin + at, steps[start + at], chosen[at]) for at in offsets), None)
    points = [CurvePoint(begin + at, steps[start + at], value) for at, value in enumerate(chosen)]
    finite = [point for point in points if math.isfinite(point.value)]
    odd = next((point for point in points if not math.isfinite(point.value)), None)
    return Stretch(_extremes(finite), odd)


def _merged(left: Stretch, right: Stretch) -> Stretch:
    return Stretch(_extremes([*left.points, *right.points]), left.odd or right.odd)


def _extremes(points: Sequence[CurvePoint]) -> tuple[CurvePoint, ...]:
    if len(points) < 2:
        return tuple(points)
    low = min(points, key=lambda point: point.value)
    high = max(points, key=lambda point: point.value)
    return (low,) if low.value == high.value else (low, high) if low.place < high.place else (high, low)


def _with(stretch: Stretch, point: CurvePoint) -> Stretch:
    if not math.isfinite(point.value) or point in stretch.points:
        return stretch
    return Stretch(tuple(sorted((*stretch.points, point))), stretch.odd)
