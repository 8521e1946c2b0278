"""How changes of runs and experiments look: HTML without CSS, and text.

Every name is text, always escaped.
"""

from typing import TYPE_CHECKING

from nbtrack.core.html_tables import html_pairs, html_table, safe
from nbtrack.core.static_views import View
from nbtrack.core.text_tables import folded_table, moment, shortened, text_table, text_width, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrack.core.changes import Change

_LINE = 200
_CELL = 60
_SHOWN_ROWS = 50
_COLUMNS = ("change", "when", "who", "what")


def change_card(change: "Change") -> View:
    """One change: who, what, when, why."""
    said = f"{change.number}. {change.who} {change}"
    facts = [
        ("when", moment(change.timestamp)),
        *([("why", shortened(change.why, _LINE))] if change.why else []),
    ]
    width = max(len(key) for key, _ in facts)
    text = [visible(said), *(f"  {key:<{width}}  {visible(value)}" for key, value in facts)]
    return View(f"<div>{safe(said)}</div>{html_pairs(facts)}", "\n".join(text))


def change_table(changes: "Sequence[Change]", *, width: int | None = None) -> View:
    """Changes, a line each; of many the latest.

    Args:
        changes: What to draw, in this order.
        width: Columns that the text may take: what does not fit goes on below; None is any number.
    """
    if not changes:
        return View("<p>No changes.</p>", "No changes.")
    shown = changes[-_SHOWN_ROWS:]
    rows = [
        [str(each.number), moment(each.timestamp), shortened(each.who, 24), _told(each)] for each in shown
    ]
    html = html_table(_COLUMNS, rows)
    text = text_table(_COLUMNS, rows, right=(0,))
    if width is not None and max(map(text_width, text.splitlines())) > width:
        text = folded_table(_COLUMNS, rows, width, right=(0,))
    if len(shown) < len(changes):
        note = f"the latest {len(shown)} of {len(changes):,} changes"
        html, text = f"{html}<div>{safe(note)}</div>", f"{text}\n{note}"
    return View(html, text)


def _told(change: "Change") -> str:
    said = shortened(str(change), _LINE)
    why = f"; why: {shortened(change.why, _CELL)}" if change.why else ""
    undone = f" · undone by {change.undone_by}" if change.undone_by is not None else ""
    return f"{said}{why}{undone}"
