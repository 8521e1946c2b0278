"""How two runs look beside each other: what a reviewer asks first stands first.

The verdict in a line, then params, metrics, the code of the cells, packages, Git and data; what is the
same is only counted.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from nbtrack.core import system_tags
from nbtrack.core.cell_differences import CellDifference
from nbtrack.core.code_view import code_view
from nbtrack.core.comparison_view import same_notes
from nbtrack.core.comparisons import Compared, ComparedText
from nbtrack.core.fitting_views import fitted
from nbtrack.core.html_tables import CELL_STYLE, safe
from nbtrack.core.metric_changes import change_words
from nbtrack.core.static_views import TEXT_WIDTH, View, mark, took
from nbtrack.core.text_tables import moment, number, shortened, text_width, visible, wrapped

if TYPE_CHECKING:
    from nbtrack.core.differences import Difference

_CELL = 40
_LEAST_CELL = 12
_AROUND = 8
_LONE = 4
"""More than these that only one side has stand in a line instead of a table."""

_LINES_EACH = 8
"""Lines of code for each row of a section, where a view has to stay small."""

_LETTERS_EACH = 20
_KINDS = {
    "params": ("param", "params"),
    "packages": ("package", "packages"),
    "data": ("data set", "data sets"),
    "tags": ("tag", "tags"),
}
_FIRST = ("params", "metrics")
"""Sections that stand before the code."""


class _Row(NamedTuple):
    """A line of a table; without cells it is the heading of those below it."""

    name: str
    cells: tuple[str, str, str] | None = None
    """Before, after, and what that means."""

    def value(self, at: int) -> str:
        """What one side has."""
        return "" if self.cells is None else self.cells[at]


def difference_view(
    difference: "Difference",
    *,
    everything: bool = False,
    width: int | None = TEXT_WIDTH,
    unified: bool = False,
    fits: bool = False,
) -> View:
    """Draw a difference.

    Args:
        difference: What to draw.
        everything: Also what is the same in both.
        width: Columns that the text may take; None is any number.
        unified: Code of the text below each other, as Git shows it; else beside each other where there
            is room.
        fits: Leave out as much as it takes to stay small enough for a notebook.
    """

    def draw(most: int | None) -> View:
        return _Drawing(difference, everything, width, unified, most).view()

    return fitted(draw) if fits else draw(None)


class _Drawing:
    """One drawing of a difference, with at most `most` rows of each section."""

    def __init__(
        self, difference: "Difference", everything: bool, width: int | None, unified: bool, most: int | None
    ) -> None:
        self._difference = difference
        self._everything, self._width, self._unified, self._most = everything, width, unified, most
        self._names = difference.names
        self._lines = None if most is None else _LINES_EACH * most
        self._letters = None if most is None else max(_CELL, _LETTERS_EACH * most)

    def view(self) -> View:
        difference = self._difference
        before, after = self._names
        counts = " · ".join(difference.counts) or ("" if difference.differs else "nothing differs")
        title = f"{before} → {after}"
        html = [f"<div><strong>{safe(title)}</strong></div>", f"<div>{safe(counts)}</div>" if counts else ""]
        text = [visible(title), *([f"  {visible(counts)}"] if counts else [])]
        told = difference.told(everything=self._everything)
        first = {name: told[name] for name in _FIRST}
        rest = {name: rows for name, rows in told.items() if name not in _FIRST}
        if code := self._code():
            drawn = [*self._sections(first, self._status()), *code, *self._sections(rest)]
        else:
            drawn = list(self._sections(told, self._status()))
        html += [each.html for each in drawn]
        text += [line for each in drawn for line in ("", each.text)]
        notes = [*difference.notes, *self._same(), *self._hints(), *self._facts()]
        html += [f"<div><small>{safe(note)}</small></div>" for note in notes]
        text += ["", *(line for note in notes for line in self._note_lines(note))]
        return View("".join(html), "\n".join(text))

    def _note_lines(self, note: str) -> list[str]:
        """A note as text; where it is too wide, it goes on below."""
        lines = [visible(note)] if self._width is None else wrapped(visible(note), max(self._width - 4, 20))
        return [f"  {line}" if not at else f"    {line}" for at, line in enumerate(lines)]

    def _status(self) -> list[_Row]:
        """How the runs ended, where that differs."""
        sides = (self._difference.before, self._difference.after)
        before, after = (mark(run.info.status) for run in sides)
        error, later = (shortened(run.data.tags.get(system_tags.ERROR, ""), _CELL) for run in sides)
        rows = [_Row("status", (before, after, ""))] if before != after else []
        return [*rows, *([_Row("error", (error, later, ""))] if error != later else [])]

    def _sections(self, told: dict[str, list[Compared]], rows: Sequence[_Row] = ()) -> Iterator[View]:
        """A table of sections, and below it what only one side has when that is much."""
        table = list(rows)
        notes: list[str] = []
        for section, held in told.items():
            lone = [] if self._everything else [row for row in held if None in row.values]
            if len(lone) > _LONE:
                notes += self._only(section, lone)
                held = [row for row in held if None not in row.values]
            if held:
                table.append(_Row(section))
                table += map(_drawn, held[: self._most])
            if self._most is not None and len(held) > self._most:
                table.append(_Row(f"and {len(held) - self._most:,} more", ("", "", "")))
        if table:
            yield self._table(table)
        if notes:
            lines = [line for note in notes for line in self._note_lines(note)]
            yield View("".join(f"<div>{safe(note)}</div>" for note in notes), "\n".join(lines))

    def _only(self, section: str, rows: Sequence[Compared]) -> Iterator[str]:
        """What only one side has, in a line: another model has other params, and nobody compares those."""
        for at, name in enumerate(self._names):
            held = [row for row in rows if row.values[at] is not None]
            if held:
                shown = held[: self._most]
                told = ", ".join(f"{shortened(row.key, _CELL)}={_drawn(row).value(at)}" for row in shown)
                more = f" and {len(held) - len(shown):,} more" if len(held) > len(shown) else ""
                yield f"{section} of {name} only: {told}{more}"

    def _table(self, rows: Sequence[_Row]) -> View:
        drawn_rows = [(f"  {row.name}", *row.cells) for row in rows if row.cells is not None]
        cells_of = [("", *self._names, ""), *drawn_rows]
        widths = self._fitted([max(text_width(visible(each[at])) for each in cells_of) for at in range(4)])
        headings = ("", *self._names, "")
        head = "".join(f'<th scope="col"{CELL_STYLE}>{safe(each)}</th>' for each in headings)
        body: list[str] = []
        text = [_text_row("", (*self._names, ""), widths)]
        text.append("  ".join("─" * size for size in widths if size))
        for name, cells in rows:
            if cells is None:
                body.append(
                    f'<tr><th scope="rowgroup" colspan="4"{CELL_STYLE}><em>{safe(name)}</em></th></tr>'
                )
                text.append(visible(name))
                continue
            drawn = "".join(f"<td{CELL_STYLE}>{safe(cell)}</td>" for cell in cells)
            body.append(f'<tr><th scope="row"{CELL_STYLE}>{safe(name)}</th>{drawn}</tr>')
            text.append(_text_row(f"  {name}", cells, widths))
        html = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        return View(html, "\n".join(text))

    def _fitted(self, widths: Sequence[int]) -> list[int]:
        """The widths, those of names and values as narrow as it takes to fit."""
        if self._width is None or sum(widths) + 6 <= self._width:
            return list(widths)
        room = max(self._width - 6 - widths[3], 3 * _LEAST_CELL)
        name = min(widths[0], max(room // 3, room - widths[1] - widths[2]))
        half = (room - name) // 2
        left = min(widths[1], max(half, room - name - widths[2]))
        return [name, left, min(widths[2], room - name - left), widths[3]]

    def _code(self) -> list[View]:
        """The cells that differ, one below the other, and the names of the others."""
        drawn: list[View] = []
        told = [each for each in self._difference.cells if each.kind != "same"]
        if told or (self._everything and self._difference.cells):
            drawn.append(View("<div><strong><em>code</em></strong></div>", "code"))
        for each in told[: self._most]:
            heading = f"{each.title}: {each.what}"
            view = self._cell(each)
            html = f"<div><strong>{safe(heading)}</strong></div>"
            text = f"  {visible(heading)}"
            if view is not None:
                html, text = html + view.html, f"{text}\n\n{_indented(view.text)}"
            drawn.append(View(html, text))
        if self._most is not None and len(told) > self._most:
            note = f"and {len(told) - self._most:,} cells more"
            drawn.append(View(f"<div>{note}</div>", f"  {note}"))
        same = [each.title for each in self._difference.cells if each.kind == "same"]
        if same and (told or self._everything):
            listed = "; ".join(same[:4]) + (f" and {len(same) - 4} more" if len(same) > 4 else "")
            note = f"same: {listed}"
            drawn.append(View(f"<div><small>{safe(note)}</small></div>", f"  {visible(note)}"))
        return drawn

    def _cell(self, each: CellDifference) -> View | None:
        if each.kind == "moved" or self._lines == 0:
            return None
        width = None if self._width is None or self._unified else self._width - 2
        view = code_view(
            each.rows, self._names, width=width, most_lines=self._lines, most_letters=self._letters
        )
        if self._lines is not None:
            self._lines = max(0, self._lines - len(each.rows))
        return view

    def _same(self) -> list[str]:
        if self._everything:
            return []
        notes = same_notes(self._difference, _KINDS)
        metrics = [row for row in self._difference.metrics if not row.differs]
        if metrics:
            told = [f"{shortened(row.key, _CELL)} {number(row.values[0] or 0.0)}" for row in metrics]
            listed = ", ".join(told[:_LONE]) + (f" and {len(told) - _LONE} more" if len(told) > _LONE else "")
            notes.insert(0, f"metrics that are the same: {listed}")
        same = sum(each.kind == "same" for each in self._difference.cells)
        if same and not any(each.kind != "same" for each in self._difference.cells):
            notes.append(f"same code in both: {same:,} {'cell' if same == 1 else 'cells'}")
        if not self._difference.differs:
            notes.insert(0, "Nothing that both of them recorded differs.")
        return notes

    def _hints(self) -> list[str]:
        commits = next(
            (row.values for row in self._difference.git if row.key == "commit" and row.differs), ()
        )
        known = [str(each) for each in commits if each and each.isascii() and each.isalnum()]
        # Git has the code of scripts; ours would be a poor copy.
        return (
            [f"git diff {known[0][:12]} {known[1][:12]} shows what lies between the commits"]
            if len(known) == 2
            else []
        )

    def _facts(self) -> list[str]:
        return [
            f"{name}: run id {run.info.run_id}, started {moment(run.info.start_time)[:16]}, took {took(run)}"
            for name, run in zip(self._names, (self._difference.before, self._difference.after), strict=True)
        ]


def _drawn(row: Compared) -> _Row:
    if isinstance(row, ComparedText):
        before, after = row.values
        if row.key == "commit":
            before, after = before and before[:12], after and after[:12]
        what = "" if before is not None and after is not None else "added" if before is None else "removed"
        return _Row(shortened(row.key, _CELL), (*_apart(before, after), what if row.differs else "same"))
    arrow = {True: " ↑", False: " ↓", None: ""}[row.greater_is_better]
    before, after = ("" if value is None else number(value) for value in row.values)
    if row.differs and before == after:
        before, after = (repr(value) for value in row.values)
    return _Row(shortened(row.key, _CELL) + arrow, (before, after, change_words(row) or "same"))


def _text_row(name: str, cells: tuple[str, str, str], widths: Sequence[int]) -> str:
    drawn: list[str] = []
    for cell, size in zip((name, *cells), widths, strict=True):
        shown = _cut(visible(cell), size)
        drawn.append(shown + " " * (size - text_width(shown)))
    return "  ".join(drawn).rstrip()


def _apart(before: str | None, after: str | None) -> tuple[str, str]:
    """Two values as they are shown: where they differ, that is what is seen of long ones."""
    shown = tuple("" if value is None else shortened(value, _CELL) or "''" for value in (before, after))
    if before is None or after is None or before == after or shown[0] != shown[1]:
        return shown[0], shown[1]
    at = next(
        (at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new),
        min(len(before), len(after)),
    )
    start = max(0, at - _AROUND)
    return shortened(f"…{before[start:]}", _CELL), shortened(f"…{after[start:]}", _CELL)


def _cut(text: str, width: int) -> str:
    """Text of at most that many columns."""
    if text_width(text) <= width:
        return text
    kept = text[: max(0, width - 1)]
    while text_width(kept) > width - 1:
        kept = kept[:-1]
    return f"{kept}…"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.split("\n"))
