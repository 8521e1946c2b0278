"""Runs, or versions of models, beside each other: a column for each, a line for what differs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nbtrack.core.comparisons import Compared, ComparedText, Comparison, Sections
from nbtrack.core.html_tables import CELL_STYLE, safe
from nbtrack.core.static_views import TEXT_WIDTH, View, mark, took
from nbtrack.core.text_tables import moment, number, shortened, text_width, visible

_CELL = 40
_MOST_NAMES = 8
_KINDS = {
    "params": ("param", "params"),
    "metrics": ("metric", "metrics"),
    "tags": ("tag", "tags"),
    "data": ("data set", "data sets"),
    "code": ("fact about the code", "facts about the code"),
    "environment": ("package or fact of the environment", "packages and facts of the environment"),
}


class Line(NamedTuple):
    """A line of the table; without cells it is the heading of those below it."""

    name: str
    cells: Sequence[str] | None


def comparison_view(
    comparison: Comparison, *, everything: bool = False, width: int | None = TEXT_WIDTH
) -> View:
    """Draw a comparison.

    Metrics say how they differ from the first run (▲ more, ▼ less); the best one is marked where the name
    of the metric tells what is better.

    Args:
        comparison: What to draw.
        everything: Also what is the same in all runs.
        width: Columns that the text may take; more runs than fit stand below, beside the first one again.
            None is any number.
    """
    headings = _headings(comparison)
    return beside(headings, _facts(comparison), comparison, _KINDS, everything=everything, width=width)


def beside(
    headings: Sequence[str],
    facts: Sequence[Line],
    compared: Sections,
    kinds: Mapping[str, tuple[str, str]],
    *,
    corner: str = "",
    notes: Sequence[str] = (),
    everything: bool = False,
    width: int | None = TEXT_WIDTH,
    most: int | None = None,
) -> View:
    """Draw things beside each other.

    Args:
        headings: What each is called.
        facts: The first lines, about each as a whole.
        compared: What is compared.
        kinds: What one and several rows of a section are called, where a note tells how many are the same.
        corner: What stands over the names.
        notes: What is said below, before that.
        everything: Also what is the same in all.
        width: As for `comparison_view`.
        most: Rows of a section; None is any number.
    """
    lines = [*facts]
    for section, shown in compared.told(everything=everything).items():
        if shown:
            lines.append(Line(section, None))
            lines += [_drawn(row) for row in shown[:most]]
        if most is not None and len(shown) > most:
            lines.append(Line(f"and {len(shown) - most:,} more", [""] * len(headings)))
    if not everything:
        whose = "both" if len(headings) == 2 else "all"
        nothing = [] if any(compared.told().values()) else [f"Nothing that {whose} of them recorded differs."]
        notes = [*notes, *nothing, *same_notes(compared, kinds, whose=whose)]
    html = [_html(headings, lines, corner), *(f"<div>{safe(note)}</div>" for note in notes)]
    text = [*_text(headings, lines, width, corner), *([""] if notes else []), *map(visible, notes)]
    return View("".join(html), "\n".join(text))


def _headings(comparison: Comparison) -> list[str]:
    names = [shortened(run.info.run_name, _CELL) for run in comparison.runs]
    return [
        name if names.count(name) == 1 else f"{name} ({run.info.run_id[:8]})"
        for name, run in zip(names, comparison.runs, strict=True)
    ]


def _facts(comparison: Comparison) -> list[Line]:
    runs = comparison.runs
    return [
        Line("run id", [run.info.run_id[:8] for run in runs]),
        Line("status", [mark(run.info.status) for run in runs]),
        Line("took", [took(run) for run in runs]),
        Line("started", [moment(run.info.start_time)[:16] for run in runs]),
    ]


def _drawn(row: Compared) -> Line:
    if isinstance(row, ComparedText):
        return Line(
            shortened(row.key, _CELL),
            ["" if value is None else _one_line(value) for value in row.values],
        )
    arrow = {True: " ↑", False: " ↓", None: ""}[row.greater_is_better]
    cells: list[str] = []
    for index, (value, delta) in enumerate(zip(row.values, row.deltas, strict=True)):
        cell = "" if value is None else number(value)
        if delta:
            cell += f"  {'▲' if delta > 0 else '▼'} {'+' if delta > 0 else ''}{number(delta)}"
        cells.append(f"{cell}  ★ best" if index in row.best else cell)
    return Line(shortened(row.key, _CELL) + arrow, cells)


def _one_line(text: str) -> str:
    return shortened(text.strip().split("\n")[0], _CELL) if text.strip() else repr(text)


def same_notes(compared: Sections, kinds: Mapping[str, tuple[str, str]], *, whose: str = "both") -> list[str]:
    """What is the same in all that is compared: params with their values, of the rest how much.

    Args:
        compared: What is compared; it has `params`.
        kinds: What one and several rows of a section are called.
        whose: `both` of them, or `all`.
    """
    same = {
        section: [row for row in rows if not row.differs]
        for section, rows in compared.sections.items()
        if section in kinds
    }
    notes: list[str] = []
    if params := same.pop("params"):
        pairs = [f"{shortened(row.key, _CELL)}={_one_line(str(row.values[0]))}" for row in params]
        more = f" and {len(pairs) - _MOST_NAMES} more" if len(pairs) > _MOST_NAMES else ""
        notes.append(f"same in {whose}: {', '.join(pairs[:_MOST_NAMES])}{more}")
    counts = [f"{len(rows):,} {kinds[section][len(rows) != 1]}" for section, rows in same.items() if rows]
    if counts:
        notes.append(f"{'also ' if notes else ''}same in {whose}: {', '.join(counts)}")
    return notes


def _html(headings: Sequence[str], lines: Sequence[Line], corner: str) -> str:
    head = "".join(f'<th scope="col"{CELL_STYLE}>{safe(heading)}</th>' for heading in headings)
    body: list[str] = []
    for name, cells in lines:
        if cells is None:
            head_cell = f'<th scope="rowgroup" colspan="{len(headings) + 1}"{CELL_STYLE}>'
            body.append(f"<tr>{head_cell}<em>{safe(name)}</em></th></tr>")
            continue
        drawn = "".join(f"<td{CELL_STYLE}>{safe(cell)}</td>" for cell in cells)
        body.append(f'<tr><th scope="row"{CELL_STYLE}>{safe(name)}</th>{drawn}</tr>')
    first = f'<th scope="col"{CELL_STYLE}>{safe(corner)}</th>' if corner else "<td></td>"
    top = f"<tr>{first}{head}</tr>"
    return f"<table><thead>{top}</thead><tbody>{''.join(body)}</tbody></table>"


def _text(headings: Sequence[str], lines: Sequence[Line], width: int | None, corner: str) -> list[str]:
    """The lines of the text; in several blocks when the runs do not all fit beside each other."""
    names = [
        visible(corner),
        *(visible(name) if cells is None else f"  {visible(name)}" for name, cells in lines),
    ]
    for index, (_, cells) in enumerate(lines, start=1):
        if cells is None:
            break
        names[index] = names[index].strip()
    columns = [
        [visible(heading), *("" if cells is None else visible(cells[index]) for _, cells in lines)]
        for index, heading in enumerate(headings)
    ]
    first = max(map(text_width, names))
    widths = [max(map(text_width, column)) for column in columns]
    text: list[str] = []
    for block in _blocks(widths, None if width is None else width - first):
        shown = [(first, names), *((widths[index], columns[index]) for index in block)]
        drawn = [
            "  ".join(column[row] + " " * (size - text_width(column[row])) for size, column in shown).rstrip()
            for row in range(len(names))
        ]
        drawn.insert(1, "  ".join("─" * size for size, _ in shown))
        text += [*([""] if text else []), *drawn]
    return text


def _blocks(widths: Sequence[int], room: int | None) -> list[list[int]]:
    """Which runs stand beside each other: in each block the first run, and as many others as fit."""
    blocks: list[list[int]] = [[0]]
    taken = widths[0] + 2
    for index in range(1, len(widths)):
        if room is not None and len(blocks[-1]) > 1 and taken + widths[index] + 2 > room:
            blocks.append([0])
            taken = widths[0] + 2
        blocks[-1].append(index)
        taken += widths[index] + 2
    return blocks
