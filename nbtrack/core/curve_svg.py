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
_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 8, 252, 84
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
    values = [(high, _TOP), (low, _BOTTOM)] if low < high else [(low, (_TOP + _BOTTOM) / 2)]
    ticks = " to ".join(
        f'<text x="{_LEFT - 5}" y="{y + 3:g}" text-anchor="end">{number(value)}</text>'
        for value, y in values[::-1]
    )
    first, last = scale.ends
    foot = _HEIGHT - 8
    ends = (
        f'<text x="{_LEFT}" y="{foot}">{first:,}</text> to '
        f'<text x="{_RIGHT}" y="{foot}" text-anchor="end">{last:,}</text>'
    )
    axis = f'<text x="{(_LEFT + _RIGHT) / 2:g}" y="{foot}" text-anchor="middle">{scale.name}</text>'
    grid = "".join(f'<path d="M{_LEFT} {y:g}H{_RIGHT}" stroke-opacity=".3"/>' for _, y in values)
    return (
        f'<svg role="img" aria-label="{label}" width="{_WIDTH}" height="{_HEIGHT}"'
        f' viewBox="0 0 {_WIDTH} {_HEIGHT}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{said}</title> Axes: "
        f'<g font-size="10" fill="currentColor" font-family="sans-serif">{ticks}; {axis} {ends}.</g> '
        f'<g fill="none" stroke="currentColor">{grid}'
        f'<path d="{_line(curve, scale)}" stroke="{_STROKE}" stroke-width="1.5" stroke-linejoin="round"/>'
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

    def x(self, point: CurvePoint) -> float:
        first, last = self.ends
        share = ((point.step if self.by_step else point.place) - first) / (last - first)
        return _LEFT + (_RIGHT - _LEFT) * share

    def y(self, point: CurvePoint) -> float:
        low, high = self.values
        if not low < high:
            return (_TOP + _BOTTOM) / 2
        span = high - low
        if math.isinf(span):  # of two large numbers
            point, low, span = point._replace(value=point.value / 4), low / 4, high / 4 - low / 4
        share = (point.value - low) / span
        return _BOTTOM - (_BOTTOM - _TOP) * share


def _line(curve: Curve, scale: _Scale) -> str:
    """The path through all stretches, parted where there is no number."""
    pieces: list[str] = []
    is_parted, alone = True, ""
    for stretch in curve.stretches:
        if not stretch.points:
            pieces.append(alone)
            is_parted, alone = True, ""
            continue
        for point in stretch.points:
            pieces.append(f"{'M' if is_parted else 'L'}{scale.x(point):.1f} {scale.y(point):.1f}")
            # A point between two gaps is a line of no length, which is drawn as a dot of the line's width.
            alone = "h1" if is_parted else ""
            is_parted = False
    return "".join([*pieces, alone])


def _marks(curve: Curve, scale: _Scale) -> str:
    """Crosses on the axis where points are NaN or infinite."""
    odd = [each.odd for each in curve.stretches if each.odd is not None]
    thinned = odd[:: -(-len(odd) // _MOST_MARKS)] if odd else []
    crosses = "".join(f"M{scale.x(point) - 2.5:.1f} {_BOTTOM - 6}l5 5m0 -5l-5 5" for point in thinned)
    return f'<path d="{crosses}" stroke="{_MARK}" stroke-width="1.5"/>' if crosses else ""
