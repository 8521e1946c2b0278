"""Summaries and sketches: folded in any batches, they say the same."""

import math
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.summaries import SKETCH_VALUES, MetricSummary, Sketch, fold, fold_arrays

_points = st.lists(
    st.tuples(
        st.integers(-5, 50),
        st.integers(0, 5),
        st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0]),
    ),
    min_size=1,
    max_size=300,
)


def same(left: MetricSummary, right: MetricSummary) -> bool:
    """Equal in every bit, and the mean up to rounding."""
    first, second = left.to_document(), right.to_document()
    means = first.pop("mean"), second.pop("mean")
    close = math.isclose(*means, rel_tol=1e-9, abs_tol=1e-6) or (
        math.isnan(means[0]) and math.isnan(means[1])
    )
    return repr(first) == repr(second) and (close or means[0] == means[1])


@given(_points, st.lists(st.integers(1, 300), max_size=5))
def test_the_batches_do_not_matter(points: list[tuple[int, int, float]], cuts: list[int]) -> None:
    steps, timestamps, values = (list(column) for column in zip(*points, strict=True))
    whole = fold(None, steps, timestamps, values)

    parted: MetricSummary | None = None
    sketch = Sketch()
    edges = sorted({0, len(points), *(cut for cut in cuts if cut < len(points))})
    for start, stop in pairwise(edges):
        parted = fold(parted, steps[start:stop], timestamps[start:stop], values[start:stop])
        sketch = sketch.extended(values[start:stop])

    assert parted is not None
    assert same(whole, parted)
    assert sketch == Sketch().extended(values)


@given(_points)
def test_arrays_say_what_lists_say(points: list[tuple[int, int, float]]) -> None:
    steps, timestamps, values = (list(column) for column in zip(*points, strict=True))

    from_arrays = fold_arrays(None, np.array(steps), np.array(timestamps), np.array(values))

    assert same(fold(None, steps, timestamps, values), from_arrays)
    assert Sketch().extended(np.array(values)) == Sketch().extended(values)


def test_last_goes_by_step_then_time_then_value() -> None:
    steps, timestamps, values = [5, 3, 5, 5, 5], [10, 99, 20, 20, 20], [1.0, 2.0, 3.0, 9.0, math.nan]

    summary = fold(None, steps, timestamps, values)

    assert (summary.last, summary.last_step, summary.last_timestamp) == (9.0, 5, 20)


def test_a_nan_can_be_last_but_neither_smallest_nor_largest_nor_part_of_the_mean() -> None:
    summary = fold(None, [0, 1, 2], [0, 0, 0], [4.0, 2.0, math.nan])

    assert math.isnan(summary.last)
    assert (summary.min, summary.min_step, summary.max, summary.max_step) == (2.0, 1, 4.0, 0)
    assert (summary.mean, summary.count, summary.nan_count) == (3.0, 3, 1)


def test_the_mean_of_huge_numbers_does_not_overflow() -> None:
    assert fold(None, [0, 1], [0, 0], [1.7e308, 1.7e308]).mean == 1.7e308


def test_both_infinities_after_an_overflow_have_no_mean() -> None:
    values = [1.7e308, 1.7e308, math.inf, -math.inf]

    assert math.isnan(fold(None, [0, 1, 2, 3], [0, 0, 0, 0], values).mean)
    assert math.isnan(fold_arrays(None, np.zeros(4, int), np.zeros(4, int), np.array(values)).mean)


def test_a_summary_comes_back_from_its_document() -> None:
    summary = fold(None, [0, 1], [5, 6], [0.5, -0.0])

    assert MetricSummary.from_document(summary.to_document()) == summary


@given(st.lists(st.floats(-10, 10), max_size=2000))
def test_a_sketch_stays_small_and_keeps_the_extremes(values: list[float]) -> None:
    sketch = Sketch().extended(values)

    assert len(sketch.shape) <= SKETCH_VALUES
    if values:
        assert min(sketch.shape) == min(values)
        assert max(sketch.shape) == max(values)
    if len(values) < SKETCH_VALUES:
        assert sketch.shape == tuple(values)
    assert Sketch.from_document(sketch.to_document()) == sketch
