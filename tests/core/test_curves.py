"""Curves that stay small, and their pictures."""

import math
import random
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.curve_svg import curves_html
from nbtrack.core.curves import STRETCHES, Curve

values = st.lists(st.floats(width=32), min_size=1, max_size=1000)


def curve_of(logged: list[float], batch: int = 1000, key: str = "loss") -> Curve:
    curve = Curve(key)
    for start in range(0, len(logged), batch):
        part = logged[start : start + batch]
        curve.add(list(range(start, start + len(part))), part)
    return curve


def drawn(curve: Curve) -> list[tuple[int, float]]:
    return [(point.step, point.value) for each in curve.stretches for point in each.points]


@given(logged=values, batch=st.integers(1, 400))
def test_a_curve_is_the_same_however_its_points_come(logged: list[float], batch: int) -> None:
    assert drawn(curve_of(logged, batch)) == drawn(curve_of(logged))


@given(logged=values)
def test_a_curve_keeps_the_first_the_last_the_smallest_and_the_largest(logged: list[float]) -> None:
    curve = curve_of(logged)

    kept, finite = drawn(curve), [value for value in logged if math.isfinite(value)]
    assert len(kept) <= 2 * STRETCHES + 2
    assert [step for step, _ in kept] == sorted({step for step, _ in kept})
    assert all(logged[step] == value for step, value in kept)
    if finite:
        assert {min(finite), max(finite)} <= {value for _, value in kept}
        assert (curve.summary().min, curve.summary().max) == (min(finite), max(finite))
        assert curve.summary().max_step == logged.index(max(finite))
    for end in (0, len(logged) - 1):
        assert not math.isfinite(logged[end]) or (end, logged[end]) in kept
    assert (curve.count, curve.odd_count) == (len(logged), len(logged) - len(finite))


def test_a_spike_among_a_million_points_is_drawn_at_its_step() -> None:
    curve = Curve("loss")
    for start in range(0, 1_000_000, 10_000):
        part = [0.0] * 10_000
        if start == 770_000:
            part[7] = 9.0
        curve.add(list(range(start, start + 10_000)), part)

    assert (770_007, 9.0) in drawn(curve)
    assert len(drawn(curve)) <= 2 * STRETCHES + 2


def svg_of(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(re.search("<svg.*</svg>", html)[0].replace("&#36;", "$"))  # type: ignore[index]


def lines(html: str) -> list[str]:
    return [path.attrib["d"] for path in svg_of(html).iter() if path.tag.endswith("path")]


def test_a_picture_has_real_numbers_at_its_axes_and_a_name_for_screen_readers() -> None:
    html = curves_html([curve_of([3.0, 2.0, 0.5])])

    texts = [each.text for each in svg_of(html).iter() if each.tag.endswith("text")]
    assert texts == ["0.5000", "3", "step", "0", "2"]
    assert svg_of(html).attrib["aria-label"] == "loss: 3 points, step 0 to 2, from 0.5000 to 3, last 0.5000."
    assert "<strong>loss</strong> 0.5000" in html
    assert lines(html)[2] == "M520 80L1520 384L2520 840"


def test_what_is_left_without_the_tags_of_svg_is_a_sentence() -> None:
    html = curves_html([curve_of([3.0, 2.0, 0.5])])

    left = re.sub(" +", " ", re.sub("<[^>]*>", "", html)).strip()

    assert left == (
        "loss 0.50003 points, step 0 to 2, from 0.5000 to 3, last 0.5000. Axes: 0.5000 to 3; step 0 to 2."
    )


def test_nan_parts_the_line_and_is_marked_in_words_and_signs() -> None:
    html = curves_html([curve_of([1.0, 2.0, math.nan, 3.0, math.inf, 1.0, 2.0])])

    line, crosses = lines(html)[2:]
    assert line.count("M") == 3
    assert line.count("h9") == 1, "a point alone is a dot"
    assert crosses.count("M") == 2
    assert "2 not finite, the first at step 2" in html


def test_a_metric_logged_without_steps_is_drawn_by_its_points() -> None:
    curve = Curve("loss")
    curve.add([0, 0, 0], [1.0, 2.0, 3.0])

    html = curves_html([curve])

    assert ">point</text>" in html
    assert lines(html)[2] == "M520 840L1520 460L2520 80"


@pytest.mark.parametrize(
    "logged",
    [[1.0, 1.0], [math.nan, math.nan], [1e308, -1e308], [math.inf, -math.inf, 0.0], [5e-324, 0.0]],
)
def test_odd_numbers_are_drawn_inside_the_picture(logged: list[float]) -> None:
    html = curves_html([curve_of(logged)])

    curve = [line for line in lines(html) if "l50" not in line]
    numbers = [int(each) for line in curve for each in re.findall(r"-?\d+", line)]
    assert all(0 <= each <= 2600 for each in numbers)
    assert not re.search("nan|inf", "".join(lines(html)))


def test_steps_that_go_back_are_drawn_where_they_are() -> None:
    curve = Curve("loss")
    curve.add([0, 10, 5], [1.0, 2.0, 3.0])

    assert lines(curves_html([curve]))[2] == "M520 840L2520 460L1520 80"


def test_steps_that_are_times_and_values_that_are_all_but_the_same_keep_their_shape() -> None:
    curve, began = Curve("loss"), 2**60
    curve.add([began, began + 5, began + 10], [1e9, 1e9 + 1e-6, 1e9])

    assert lines(curves_html([curve]))[2] == "M520 840L1520 80L2520 840"


def test_hostile_names_stay_text_and_pictures_stay_small() -> None:
    random.seed(0)
    evil = "</svg><script>alert(1)</script>$x$\"'&" * 100
    curves = [curve_of([random.gauss(0, 1) for _ in range(5000)], key=evil) for _ in range(30)]

    html = curves_html(curves)

    assert "<script" not in html
    assert "$" not in html.replace("&#36;", "")
    assert html.count("<svg") == 8
    assert len(html) < 40_000
    assert " id=" not in html
    assert "href" not in html


def test_single_points_have_no_picture() -> None:
    assert curves_html([curve_of([1.0])]) == ""
