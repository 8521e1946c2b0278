"""What changed since the attempt before, in brief: a line, and below it the code that differs."""

from nbtrack.core.cell_reports import AttemptChanges
from nbtrack.core.code_view import parts_view
from nbtrack.core.comparisons import ComparedMetric, ComparedText
from nbtrack.core.html_tables import safe
from nbtrack.core.line_differences import changed_lines, parts_of_unified
from nbtrack.core.metric_changes import change_words
from nbtrack.core.static_views import View
from nbtrack.core.text_tables import number, shortened, visible

_NAME, _VALUE, _SENTENCE = 40, 24, 120
_TEXT_WIDTH = 100


def changes_view(changes: AttemptChanges, *, most: int = 12) -> View:
    """Draw what changed.

    Args:
        changes: What did.
        most: Params, metrics and cells of each kind at most; ten lines of code for each of them.
    """
    sentence = changes_sentence(changes, most=most)
    html, text = [f"<div>{safe(sentence)}</div>"], [visible(sentence)]
    for cell in changes.cells[:most]:
        told = shortened(cell, _SENTENCE)
        html.append(f"<div>{safe(told)}</div>")
        text.append(f"  {visible(told)}")
    if len(changes.cells) > most:
        note = f"and {len(changes.cells) - most:,} cells more"
        html.append(f"<div>{note}</div>")
        text.append(f"  {note}")
    if parts := parts_of_unified(changes.code):
        code = parts_view(
            parts,
            (f"↻ {changes.attempt}", "now"),
            width=_TEXT_WIDTH,
            most_lines=10 * most,
            most_letters=max(_NAME, 20 * most),
        )
        html.append(code.html)
        text += [f"  {line}".rstrip() for line in code.text.split("\n")]
    return View("".join(html), "\n".join(text))


def changes_sentence(changes: AttemptChanges, *, most: int = 4) -> str:
    """What changed in a line: `lr 0.1 → 0.05, loss 0.9 → 0.8 ▼ -0.1 better, 2 lines of code changed`."""
    told = [_param(row) for row in changes.params[:most]]
    told += _rest(len(changes.params) - most, "param")
    told += [_metric(row) for row in changes.metrics[:most]]
    told += _rest(len(changes.metrics) - most, "metric")
    if lines := sum(map(changed_lines, parts_of_unified(changes.code))):
        told.append(f"{lines:,} {'line' if lines == 1 else 'lines'} of code changed")
    if changes.cells:
        count = len(changes.cells)
        told.append(f"{count:,} other {'cell' if count == 1 else 'cells'} changed")
    return ", ".join(told) if told else "nothing changed"


def _rest(count: int, word: str) -> list[str]:
    return [f"{count:,} {word}{'' if count == 1 else 's'} more"] if count > 0 else []


def _param(row: ComparedText) -> str:
    name = shortened(row.key, _NAME)
    before, after = (None if value is None else shortened(value, _VALUE) for value in row.values)
    if before is None:
        return f"{name} {after} added"
    return f"{name} {before} removed" if after is None else f"{name} {before} → {after}"


def _metric(row: ComparedMetric) -> str:
    name = shortened(row.key, _NAME)
    values = [number(value) for value in row.values if value is not None]
    return f"{name} {' → '.join(values)} {change_words(row)}".rstrip()
