"""The slice: the cells, in execution order, that what a cell computed came from."""

import re
from collections.abc import Iterable, Iterator, Sequence

from nbtrack.core.cells import CellMark, CellStatus, ExecutedCell, Slice, SliceCell
from nbtrack.tracking.cells.dependences import dependences, parts_of
from nbtrack.tracking.cells.outside_history import GENERATORS
from nbtrack.tracking.cells.reading import effects_of
from nbtrack.tracking.cells.regions import STOPPED, Node
from nbtrack.tracking.cells.running import Dependences

_MOST_REASONS = 6
"""Of one cell; more are counted."""
_MOST_MARKS = 20


_READ = re.compile(r"(imports|defines|changes|may define) (\S+), which cell (\d+) reads")
_MOST_LISTED = 6


def slice_of(cells: Sequence[ExecutedCell], number: int) -> Slice:
    """The slice of one executed cell. It is pure, and conservative: a cell more rather than one less.

    Args:
        cells: The history of a session, in the order of execution; later cells than `number` do not count.
        number: `ExecutedCell.number` of the cell whose result it is.

    Returns:
        The slice without a run and session; empty when no cell has that number.
    """
    before = [cell for cell in cells if cell.number <= number]
    if not before or before[-1].number != number:
        return Slice(())
    target = len(before) - 1
    found = dependences(before, target)
    marks: dict[tuple[str, str], None] = {}
    reasons = _included(before, found, target, marks)
    chosen = tuple(
        SliceCell(before[index], found[index].source, _bounded(reasons[index])) for index in sorted(reasons)
    )
    return Slice(chosen, left_out=len(before) - len(chosen), marks=_marks(before, found, reasons, marks))


def _included(
    cells: Sequence[ExecutedCell],
    found: Sequence[Dependences],
    target: int,
    marks: dict[tuple[str, str], None],
) -> dict[int, dict[str, None]]:
    """The indexes of the cells of the slice, with their reasons."""
    reasons: dict[int, dict[str, None]] = {target: {"is the cell itself": None}}
    seen: set[Node] = set()
    last_opaque = max((index for index in range(target + 1) if found[index].opaque), default=-1)
    for index in range(target):
        if index < last_opaque:
            if found[index].source:
                before = f"was executed before cell {cells[last_opaque].number}, which may read anything"
                _give(reasons, index, before)
            if _may_have_left_something(cells[index]):
                number, opaque = cells[index].number, cells[last_opaque].number
                text = f"cell {number} was stopped while it may have changed what cell {opaque} reads"
                marks["failed", text] = None
        if found[index].opaque and found[index].source:
            _give(reasons, index, f"runs {found[index].opaque}, which may read and change anything")
        if found[index].settings:
            names = ", ".join(dict.fromkeys(found[index].settings))
            _give(reasons, index, f"sets {names}, which may change what later cells do")
    for index in range(target, -1, -1):
        if index not in reasons:
            continue
        reader = cells[index].number
        for name, node in found[index].needs:
            for stopped in _walk(node, name, reader, reasons, seen):
                number = cells[stopped].number
                text = (
                    f"cell {number} was stopped while it may have changed {name}, which cell {reader} reads"
                )
                marks["failed", text] = None
    return reasons


def _may_have_left_something(cell: ExecutedCell) -> bool:
    """Whether the statement that was stopped may have done more than read."""
    if cell.stopped_at is None or cell.status not in (CellStatus.FAILED, CellStatus.INTERRUPTED):
        return False
    stopped = effects_of(parts_of(cell.source, cell.stopped_at)[1])
    return bool(stopped.writes or stopped.may_writes or stopped.flows or stopped.mutates or stopped.calls)


def _walk(
    node: Node, name: str, reader: int, reasons: dict[int, dict[str, None]], seen: set[Node]
) -> Iterator[int]:
    """Take in the cells that made what a cell found; gives those that were stopped when they did."""
    waiting: list[Node | None] = [node]
    while waiting:
        each = waiting.pop()
        if each is None:
            continue
        if each.deed == STOPPED:
            yield each.cell
        elif each.cell >= 0:
            _give(reasons, each.cell, _reason(each, name, reader))
        if each in seen:
            continue
        seen.add(each)
        waiting.append(each.before)
        waiting.append(each.other)


def _give(reasons: dict[int, dict[str, None]], index: int, reason: str) -> None:
    reasons.setdefault(index, {})[reason] = None


def _reason(node: Node, name: str, reader: int) -> str:
    if name.startswith("random:"):
        if node.deed.startswith("seeds"):
            return node.deed
        return f"{node.deed} before cell {reader} does"
    if node.deed == "changes" and node.name != name:
        return f"changes {node.name}, through which {name} may change, which cell {reader} reads"
    if node.deed in ("defines", "may define", "changes", "imports", "deletes"):
        return f"{node.deed} {name}, which cell {reader} reads"
    if node.name == "_" and node.deed == "shows":
        return f"shows what cell {reader} reads as {name}"
    if node.deed.startswith(("writes", "may write")):
        return f"{node.deed}, which cell {reader} reads"
    if node.deed.startswith("imports all"):
        return f"{node.deed}, where {name} may come from, which cell {reader} reads"
    return f"{node.deed}, where {name} may come from, which cell {reader} reads"


def _gathered(reasons: Iterable[str]) -> list[str]:
    """The reasons with what is alike said once: `imports np and plt, which cells 4 and 7 read`."""
    readers: dict[tuple[str, str], list[str]] = {}
    others: dict[str, None] = {}
    for reason in reasons:
        match = _READ.fullmatch(reason)
        if match is None:
            others[reason] = None
        else:
            readers.setdefault((match[1], match[2]), []).append(match[3])
    names: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for (verb, name), cells in readers.items():
        names.setdefault((verb, tuple(sorted(map(int, cells)))), []).append(name)
    told = [
        f"{verb} {_listed(found)}, which "
        + (f"cell {cells[0]} reads" if len(cells) == 1 else f"cells {_listed([*map(str, cells)])} read")
        for (verb, cells), found in sorted(
            ((key, sorted(found)) for key, found in names.items()), key=lambda each: (each[0][1], each[0][0])
        )
    ]
    return [*told, *sorted(others)]


def _listed(words: Sequence[str]) -> str:
    if len(words) > _MOST_LISTED:
        return f"{', '.join(words[:_MOST_LISTED])} and {len(words) - _MOST_LISTED} more"
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _bounded(reasons: dict[str, None]) -> tuple[str, ...]:
    every = tuple(_gathered(reasons))
    if len(every) <= _MOST_REASONS:
        return every
    return (*every[: _MOST_REASONS - 1], f"and {len(every) - _MOST_REASONS + 1} reasons more")


def _marks(
    cells: Sequence[ExecutedCell],
    found: Sequence[Dependences],
    reasons: dict[int, dict[str, None]],
    marks: dict[tuple[str, str], None],
) -> tuple[CellMark, ...]:
    for index in sorted(reasons):
        number = cells[index].number
        for name, _ in found[index].unknown:
            if name.startswith("random:") and name[7:] in GENERATORS:
                continue
            marks["unknown", f"cell {number} reads {name}, which no executed cell defines"] = None
        if found[index].opaque:
            marks[
                "unknown",
                f"cell {number} runs {found[index].opaque}, and nobody can tell what that reads or changes",
            ] = None
        if cells[index].status == CellStatus.UNKNOWN:
            marks["unknown", f"nobody saw how cell {number} went"] = None
    return tuple(CellMark(kind, text) for kind, text in list(marks)[:_MOST_MARKS])
