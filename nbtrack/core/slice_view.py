"""A slice to look at: the cells in execution order, each with the reasons why it is there."""

from typing import TYPE_CHECKING

from nbtrack.core.fitting_views import fitted
from nbtrack.core.html_tables import safe, safe_block
from nbtrack.core.static_views import View
from nbtrack.core.text_tables import shortened, visible, visible_block

if TYPE_CHECKING:
    from nbtrack.core.cells import Slice

_MOST_CELLS = (100, 50, 20, 8, 3, 1)
_LONGEST_LINE = 200
_LONGEST_REASON = 300
_MOST_LINES = 60


def slice_view(found: "Slice") -> View:
    """Draw a slice; of a long one the last cells, which are nearest to the result."""
    return fitted(lambda most: _drawn(found, most), _MOST_CELLS)


def _drawn(found: "Slice", most: int) -> View:
    shown = found.cells[-most:]
    title = _title(found)
    html = [f"<div><strong>{safe(title)}</strong></div>"]
    text = [visible(title)]
    for mark in found.marks[:most]:
        html.append(f"<div>⚠ {safe(shortened(mark.text, _LONGEST_REASON))}</div>")
        text.append(f"  ⚠ {visible(shortened(mark.text, _LONGEST_REASON))}")
    if hidden := len(found.cells) - len(shown):
        note = f"{hidden:,} {'cells' if hidden != 1 else 'cell'} before these"
        html.append(f"<div>{safe(note)}</div>")
        text += ["", note]
    width = max((len(str(each.cell.number)) for each in shown), default=0)
    for each in shown:
        name, why = f"cell {each.cell.number}", shortened("; ".join(each.reasons), _LONGEST_REASON)
        source = _beginning(each.source, max(4, min(most, _MOST_LINES)))
        html.append(f"<div><strong>{safe(name)}</strong> {safe(why)}</div><pre>{safe_block(source)}</pre>")
        text += ["", visible(f"cell {each.cell.number:>{width}}  {why}").rstrip(), _indented(source)]
    return View("".join(html), "\n".join(text))


def _title(found: "Slice") -> str:
    count = len(found.cells)
    of_run = f"slice of run {found.run_id[:8]}" if found.run_id else "slice"
    return f"{of_run} · {count} of {count + found.left_out:,} executed cells"


def _beginning(source: str, most: int) -> str:
    lines = source.rstrip().split("\n")
    kept = [shortened(line, _LONGEST_LINE) for line in lines[:most]]
    if len(lines) > most:
        kept.append(f"… {len(lines) - most:,} more lines")
    return "\n".join(kept)


def _indented(source: str) -> str:
    return "\n".join(f"  │ {line}".rstrip() for line in visible_block(source).split("\n"))
