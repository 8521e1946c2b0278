"""What differs between the cells of two slices: which were changed, moved, added and removed.

The tracked cells, the last ones, belong together if they have anything in common; others by the id that the
front end gave them, else by the same source, else by a similar one. What is said of (a, b) is the mirror
of what is said of (b, a).
"""

import re
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from nbtrack.core.cells import ExecutedCell, Slice, SliceCell
from nbtrack.core.line_differences import (
    LineRow,
    changed_lines,
    likeness,
    line_rows,
    longest_rising,
    words_of,
)
from nbtrack.core.text_tables import shortened

_TRACK = re.compile(r"^([ \t]*%%track)[ \t][^\n]*", re.MULTILINE)
_SIMILAR = 0.5
_SIMILAR_LAST = 0.2
"""The tracked cells of two runs are what is compared; less is enough for them."""

_MOST_PAIRS = 2_500
_MOST_LETTERS = 20_000
"""The beginning of a cell by which cells are similar."""

_TITLE = 48


@dataclass(frozen=True)
class CellDifference:
    """A cell of one slice and the cell of the other one that it belongs to."""

    before: SliceCell | None
    """None for an added cell."""
    after: SliceCell | None
    """None for a removed cell."""
    places: tuple[int | None, int | None]
    """Where they stand in their slices, from 0."""
    moved: bool = False
    """Whether it was executed at another place among those that both slices have."""

    @property
    def kind(self) -> str:
        """`same`, `moved`, `changed`, `added` or `removed`; a cell may be changed and have moved."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        if self.before.source != self.after.source:
            return "changed"
        return "moved" if self.moved else "same"

    @cached_property
    def rows(self) -> tuple[LineRow, ...]:
        """Its lines beside each other; all of them added or removed where it stands in one slice only."""
        if self.before is not None and self.after is not None:
            return line_rows(self.before.source, self.after.source)
        if self.before is not None:
            lines = enumerate(self.before.source.split("\n"), start=1)
            return tuple(LineRow("removed", number, line) for number, line in lines)
        lines = enumerate("" if self.after is None else self.after.source.split("\n"), start=1)
        return tuple(LineRow("added", right=number, after=line) for number, line in lines)

    @property
    def title(self) -> str:
        """How it is called: `cell 5 (model = train(lr))`; by its numbers of execution and its first line."""
        numbers = [each.cell.number for each in (self.before, self.after) if each is not None]
        told = f"cell {' → '.join(map(str, dict.fromkeys(numbers)))}" if all(numbers) else "cell"
        shown = self.after or self.before
        line = "" if shown is None else first_line(shown.source)
        return f"{told} ({line})" if line else told

    @property
    def what(self) -> str:
        """What happened to it, in words."""
        lines = changed_lines(self.rows)
        counted = f"{lines:,} line{'' if lines == 1 else 's'}"
        if self.kind == "changed":
            return f"{counted} changed" + (", moved" if self.moved else "")
        return f"{self.kind}, {counted}" if self.kind in ("added", "removed") else self.kind

    def to_dictionary(self) -> dict[str, Any]:
        """The cell as plain dicts and lists, line by line unless it is the same in both."""
        return {
            "kind": self.kind,
            "moved": self.moved,
            "before": None if self.before is None else _identity(self.before.cell),
            "after": None if self.after is None else _identity(self.after.cell),
            "lines": [dict(row) for row in self.rows] if self.kind not in ("same", "moved") else [],
        }


def cell_differences(before: Sequence[SliceCell], after: Sequence[SliceCell]) -> tuple[CellDifference, ...]:
    """Put the cells of two slices beside each other.

    Args:
        before: The cells of a slice, in execution order.
        after: Those of the other one.

    Returns:
        All of them, in the order of the cells after; removed ones stand where they stood.
    """
    if _order(after) < _order(before):
        # One order for both ways round, since of equally similar cells the first is taken.
        pairs = _matched(after, before)
        held = {(place, other) for other, place in _unmoved(pairs)}
        pairs = [(place, other) for other, place in pairs]
    else:
        pairs = _matched(before, after)
        held = _unmoved(pairs)
    return tuple(_in_order(before, after, pairs, held))


def compared_cells(code: Slice | Sequence[str] | None) -> list[SliceCell]:
    """The cells of a slice, or those whose code is all that is known, without the options of `%%track`."""
    if isinstance(code, Slice):
        cells: Sequence[SliceCell] = code.cells
    else:
        cells = [SliceCell(ExecutedCell(0, source), source, ()) for source in code or ()]
    return [replace(each, source=without_options(each.source)) for each in cells]


def without_options(source: str) -> str:
    """A cell without what its `%%track` line asks for: names and params are told by themselves."""
    return _TRACK.sub(r"\1", source, count=1)


def first_line(source: str) -> str:
    """The first line that says what a cell is about: no magic, comment or import, if there is such a line."""
    lines = [line.strip() for line in source[:_MOST_LETTERS].split("\n")]
    lines = [line for line in lines if line]
    telling = [line for line in lines if not line.startswith(("%", "!", "#", "import ", "from ", "@", '"""'))]
    return shortened((telling or lines or [""])[0], _TITLE)


def _order(cells: Sequence[SliceCell]) -> list[tuple[str, str]]:
    return [(each.source, each.cell.cell_id or "") for each in cells]


def _identity(cell: ExecutedCell) -> dict[str, Any]:
    return {"number": cell.number or None, "cell_id": cell.cell_id}


def _matched(before: Sequence[SliceCell], after: Sequence[SliceCell]) -> list[tuple[int, int]]:
    """Which cells belong together, as indexes."""
    pairs: dict[int, int] = {}
    taken: set[int] = set()

    def match(keys: Sequence[Any], keys_after: Sequence[Any]) -> None:
        """Match those that have the same key, the last ones with each other; None is no key."""
        waiting: defaultdict[Any, list[int]] = defaultdict(list)
        for place, key in enumerate(keys_after):
            if key is not None and place not in taken:
                waiting[key].append(place)
        for place, key in reversed(list(enumerate(keys))):
            if key is not None and place not in pairs and waiting.get(key):
                pairs[place] = waiting[key].pop()
                taken.add(pairs[place])

    ids, ids_after = ([each.cell.cell_id for each in cells] for cells in (before, after))
    sources, sources_after = ([each.source for each in cells] for cells in (before, after))
    if before and after and _are_one(before[-1], after[-1]):
        # The tracked cells are what is compared, also where a slice holds an earlier run of the other's.
        pairs[len(before) - 1] = len(after) - 1
        taken.add(len(after) - 1)
    # Of a cell that was executed more than once, the last executions belong together.
    match(ids, ids_after)
    match(sources, sources_after)
    free = [place for place in range(len(before)) if place not in pairs]
    free_after = [place for place in range(len(after)) if place not in taken]
    for place, other in _similar(sources, sources_after, free, free_after):
        pairs[place] = other
    return sorted(pairs.items())


def _are_one(before: SliceCell, after: SliceCell) -> bool:
    """Whether the tracked cells of two runs have anything in common."""
    if before.cell.cell_id is not None and before.cell.cell_id == after.cell.cell_id:
        return True
    words, others = (words_of(each.source[:_MOST_LETTERS]) for each in (before, after))
    return likeness(words, others) >= _SIMILAR_LAST


def _similar(
    sources: Sequence[str], sources_after: Sequence[str], free: Sequence[int], free_after: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Cells that are similar, the most similar first."""
    if len(free) * len(free_after) > _MOST_PAIRS:
        return
    bags = {place: words_of(sources[place][:_MOST_LETTERS]) for place in free}
    bags_after = {other: words_of(sources_after[other][:_MOST_LETTERS]) for other in free_after}
    # Of equally similar ones, those that stand at the same place.
    ranked = sorted(
        (-likeness(bags[place], bags_after[other]), abs(place - other), place, other)
        for place in free
        for other in free_after
    )
    used: set[int] = set()
    used_after: set[int] = set()
    for unlikeness, _, place, other in ranked:
        if unlikeness <= -_SIMILAR and place not in used and other not in used_after:
            used.add(place)
            used_after.add(other)
            yield place, other


def _in_order(
    before: Sequence[SliceCell],
    after: Sequence[SliceCell],
    pairs: Sequence[tuple[int, int]],
    held: Container[tuple[int, int]],
) -> Iterator[CellDifference]:
    """All cells in the order of those after; a removed one stands behind what it stood behind.

    Args:
        before: Cells.
        after: The other cells.
        pairs: Which belong together, as indexes.
        held: Those pairs that have not moved.
    """
    partner = {other: place for place, other in pairs}
    removed = sorted(set(range(len(before))) - set(partner.values()), reverse=True)
    anchors = [*(pair for pair in sorted(pairs, reverse=True) if pair in held)]
    for other in range(-1, len(after)):
        if other >= 0:
            place = partner.get(other)
            is_held = place is not None and (place, other) in held
            old = None if place is None else before[place]
            yield CellDifference(old, after[other], (place, other), moved=place is not None and not is_held)
            if not is_held:
                continue
            anchors.pop()
        following = anchors[-1][0] if anchors else len(before)
        while removed and removed[-1] < following:
            place = removed.pop()
            yield CellDifference(before[place], None, (place, None))


def _unmoved(pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """The cells that stand in the same order in both: as many as there can be."""
    ordered = sorted(pairs)
    return {ordered[index] for index in longest_rising([other for _, other in ordered])}
