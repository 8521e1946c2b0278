"""Curves as SVG inside HTML, one small picture for each metric.

The pictures stand in the page itself: so they take its colour of text, light or dark, and do not
flicker when they are replaced. Where a front end takes SVG out of HTML (GitHub, a notebook that is not
trusted), what is left of each are words in a sensible order: text between the elements of an SVG is not
drawn, but it is kept. Nothing has an id, and nothing is fetched.
"""

import math
from collections.abc import Sequence
from html import escape

from nbtrack.core.curves import Curve, CurvePoint
from nbtrack.core.html_tables import safe
from nbtrack.core.text_tables import number, shortened, visible

MOST_CURVES = 8
"""So many pictures are drawn; the table tells of the others."""

_WIDTH, _HEIGHT = 260, 104
_FINE = 10
"""So many units of the picture are one of the screen: whole numbers are written faster, and shorter."""

_LEFT, _TOP, _RIGHT, _BOTTOM = 520, 80, 2520, 840
_STROKE, _MARK = "#2484c6", "#d55e00"
"""Both have a contrast of 3.5 or more against white and against black, to every eye."""
_MOST_MARKS = 40
_KEY = 36


def curves_html(curves: Sequence[Curve], most: int = MOST_CURVES) -> str:
    """Pictures of curves side by side; nothing for those of a single point.

    Args:
        curves: The most important first.
        most: How many to draw.
    """
    drawn = [_figure(curve) for curve in curves if curve.count > 1][:most]
    return f"<div>{''.join(drawn)}</div>" if drawn else ""


def _figure(curve: Curve) -> str:
    last = "" if curve.last is None else f" {number(curve.last.value)}"
    caption = f"<strong>{safe(shortened(curve.key, _KEY))}</strong>{last}"
    return (
        '<figure style="display:inline-block;margin:4px 16px 4px 0">'
        f"<figcaption>{caption}</figcaption>{_svg(curve)}</figure> "
    )


def _svg(curve: Curve) -> str:
    said = _sentence(curve)
    # An attribute: what `safe` does against MathJax would part the picture here.
    label = escape(f"{visible(shortened(curve.key, 80))}: {said}").replace("$", "&#36;")
    scale = _Scale(curve)
    low, high = scale.values
    values = [(high, _TOP), (low, _BOTTOM)] if low < high else [(low, (_TOP + _BOTTOM) // 2)]
    ticks = " to ".join(
        f'<text x="{_LEFT - 50}" y="{y + 30}" text-anchor="end">{number(value)}</text>'
        for value, y in values[::-1]
    )
    first, last = scale.ends
    foot = _HEIGHT * _FINE - 80
    ends = (
        f'<text x="{_LEFT}" y="{foot}">{first:,}</text> to '
        f'<text x="{_RIGHT}" y="{foot}" text-anchor="end">{last:,}</text>'
    )
    axis = f'<text x="{(_LEFT + _RIGHT) // 2}" y="{foot}" text-anchor="middle">{scale.name}</text>'
    grid = "".join(f'<path d="M{_LEFT} {y}H{_RIGHT}" stroke-opacity=".3"/>' for _, y in values)
    return (
        f'<svg role="img" aria-label="{label}" width="{_WIDTH}" height="{_HEIGHT}"'
        f' viewBox="0 0 {_WIDTH * _FINE} {_HEIGHT * _FINE}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{said}</title> Axes: "
        f'<g font-size="100" fill="currentColor" font-family="sans-serif">{ticks}; {axis} {ends}.</g> '
        f'<g fill="none" stroke="currentColor" stroke-width="10">{grid}'
        f'<path d="{_line(curve, scale)}" stroke="{_STROKE}" stroke-width="15" stroke-linejoin="round"/>'
        f"{_marks(curve, scale)}</g></svg>"
    )


def _sentence(curve: Curve) -> str:
    low, high = curve.steps
    steps = f", step {low:,} to {high:,}" if low < high else ""
    numbers = ""
    if curve.low is not None and curve.high is not None:
        numbers = f", from {number(curve.low.value)} to {number(curve.high.value)}"
    last = "" if curve.last is None else f", last {number(curve.last.value)}"
    odd = ""
    if curve.odd_count:
        found = next(each.odd for each in curve.stretches if each.odd is not None)
        odd = f", {curve.odd_count:,} not finite, the first at {'step' if steps else 'point'} "
        odd += f"{found.step if steps else found.place:,}"
    return f"{curve.count:,} points{steps}{numbers}{last}{odd}."


class _Scale:
    """Where points stand in the picture."""

    def __init__(self, curve: Curve) -> None:
        self.by_step = curve.steps[0] < curve.steps[1]
        self.name = "step" if self.by_step else "point"
        self.ends = curve.steps if self.by_step else (0, max(curve.count - 1, 1))
        low = 0.0 if curve.low is None else curve.low.value
        self.values = (low, low if curve.high is None else curve.high.value)

    def line(self, points: Sequence[CurvePoint]) -> str:
        """A line through points, from its second command on: the coordinates in order."""
        first, last = self.ends
        wide = (_RIGHT - _LEFT) / (last - first)
        low, high = self.values
        if not low < high:
            middle = (_TOP + _BOTTOM) // 2
            return "L".join([f"{self.x(point)} {middle}" for point in points])
        span, scaled = high - low, 1.0
        if math.isinf(span):  # of two large numbers
            scaled, low, span = 0.25, low / 4, high / 4 - low / 4
        steep = (_BOTTOM - _TOP) / span if span > 1e-300 else 0.0
        at = 1 if self.by_step else 0
        # Differences first: steps may be times, and values all but the same.
        pairs = [(each[at] - first, each[2] * scaled - low) for each in points]
        return "L".join([f"{int(_LEFT + wide * x)} {int(_BOTTOM - steep * y)}" for x, y in pairs])

    def x(self, point: CurvePoint) -> int:
        """Where a point stands from the left."""
        first, last = self.ends
        share = ((point.step if self.by_step else point.place) - first) / (last - first)
        return int(_LEFT + (_RIGHT - _LEFT) * share)


def _line(curve: Curve, scale: _Scale) -> str:
    """The path through all stretches, parted where there is no number."""
    parts: list[list[CurvePoint]] = [[]]
    for stretch in curve.stretches:
        if stretch.points:
            parts[-1] += stretch.points
        elif parts[-1]:
            parts.append([])
    # A point between two gaps is a line of almost no length: a dot as wide as the line.
    return "".join(f"M{scale.line(part)}{'h9' if len(part) == 1 else ''}" for part in parts if part)


def _marks(curve: Curve, scale: _Scale) -> str:
    """Crosses on the axis where points are NaN or infinite."""
    odd = [each.odd for each in curve.stretches if each.odd is not None]
    thinned = odd[:: -(-len(odd) // _MOST_MARKS)] if odd else []
    crosses = "".join(f"M{scale.x(point) - 25} {_BOTTOM - 60}l50 50m0 -50l-50 50" for point in thinned)
    return f'<path d="{crosses}" stroke="{_MARK}" stroke-width="15"/>' if crosses else ""
