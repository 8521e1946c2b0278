"""The honest marks of a slice: what makes its result less certain than it looks."""

from collections.abc import Mapping
from itertools import pairwise

from nbtrack.core.cell_marks import git_marks
from nbtrack.core.cells import CellMark, CellStatus, ExecutedCell, Slice
from nbtrack.core.secrets import REDACTED
from nbtrack.tracking.cells.randomness import draws_of
from nbtrack.tracking.saved_notebooks import SavedNotebook

_GENERATORS = {
    "numpy": "numpy's generator, which nothing here seeds",
    "python": "Python's generator, which nothing here seeds",
    "torch": "torch's generator, which nothing here seeds",
    "tensorflow": "the generator of Keras, which nothing here seeds",
    "fresh": "a generator that begins anew each time",
}
_MOST_NAMES = 3


def marks_of(
    found: Slice, tags: Mapping[str, str] | None = None, notebook: SavedNotebook | None = None
) -> list[CellMark]:
    """What a reader of the result ought to know. It is pure.

    Args:
        found: The slice; its own marks come first.
        tags: Those of the run; None: nothing is known of Git.
        notebook: As it was saved last; None: nobody knows where it is.
    """
    marks = [
        *(CellMark(mark.kind, _sentence(mark.text)) for mark in found.marks),
        *_failed(found),
        *_repeated(found),
        *(_out_of_order(found, notebook) if notebook is not None else ()),
        *(_gone_or_changed(found, notebook) if notebook is not None else ()),
        *_unpinned(found),
        *git_marks(tags or {}),
    ]
    return list(dict.fromkeys(marks))


def _failed(found: Slice) -> list[CellMark]:
    if any(mark.kind == "failed" for mark in found.marks):
        return []
    marks: list[CellMark] = []
    for each in found.cells[:-1]:
        cell = each.cell
        if cell.status in (CellStatus.FAILED, CellStatus.INTERRUPTED):
            did = "failed" if cell.status == CellStatus.FAILED else "was interrupted"
            line = f" in line {cell.stopped_at}" if cell.stopped_at else ""
            marks.append(
                CellMark("failed", f"Cell {cell.number} {did}{line}; what it had done before counts.")
            )
    return marks


def _repeated(found: Slice) -> list[CellMark]:
    """Cells that are executed several times, each of which the result needs: they change what they find."""
    numbers: dict[str, list[int]] = {}
    for each in found.cells:
        cell = each.cell
        # A cell that was edited between two executions is another one in all but its id.
        numbers.setdefault(cell.source.strip(), []).append(cell.number)
    return [
        CellMark(
            "hidden",
            f"Cells {_listed(executed)} are one cell, executed {len(executed)} times, and each time counts.",
        )
        for executed in numbers.values()
        if len(executed) > 1
    ]


def _out_of_order(found: Slice, notebook: SavedNotebook) -> list[CellMark]:
    """The first two cells that were executed in another order than that of the notebook."""
    places = _Places(notebook)
    known = [(place, each.cell) for each in found.cells if (place := places.of(each.cell)) is not None]
    wrong = [(first[1], then[1]) for first, then in pairwise(known) if first[0] > then[0]]
    if not wrong:
        return []
    first, then = wrong[0]
    text = f"Cell {first.number} was executed before cell {then.number}, and stands below it in the notebook"
    more = f"; so do {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return [CellMark("order", f"{text}{more}.")]


def _gone_or_changed(found: Slice, notebook: SavedNotebook) -> list[CellMark]:
    """Cells that the notebook has no more, or with another text; both may be found out at its last save."""
    places = _Places(notebook)
    known_start = min((each.cell.start_time for each in found.cells if each.cell.start_time), default=0)
    gone: list[int] = []
    changed: list[int] = []
    for each in found.cells:
        cell = each.cell
        # What was executed after the notebook was saved may not be in the file yet.
        if (
            REDACTED in cell.source
            or not known_start
            or notebook.saved_at <= (cell.start_time or known_start)
        ):
            continue
        source = places.source_of(cell)
        if source is None:
            gone.append(cell.number)
        elif source.strip() != cell.source.strip():
            changed.append(cell.number)
    marks: list[CellMark] = []
    for numbers, what in ((gone, "no longer in the notebook"), (changed, "changed in the notebook since")):
        if numbers:
            word, verb = ("Cell", "is") if len(numbers) == 1 else ("Cells", "are")
            verb = verb if numbers is gone else {"is": "was", "are": "were"}[verb]
            marks.append(CellMark("hidden", f"{word} {_listed(numbers)} {verb} {what}."))
    return marks


class _Places:
    """Where executed cells stand in a notebook."""

    def __init__(self, notebook: SavedNotebook) -> None:
        self._by_id = {cell.cell_id: at for at, cell in enumerate(notebook.cells) if cell.cell_id}
        self._by_source: dict[str, list[int]] = {}
        for at, cell in enumerate(notebook.cells):
            self._by_source.setdefault(cell.source.strip(), []).append(at)
        self._notebook = notebook

    def of(self, cell: ExecutedCell) -> int | None:
        """Where a cell stands; None when it is not there, or nobody can tell which of several it is."""
        if cell.cell_id in self._by_id:
            return self._by_id[cell.cell_id]
        same = self._by_source.get(cell.source.strip(), ())
        return same[0] if len(same) == 1 else None

    def source_of(self, cell: ExecutedCell) -> str | None:
        """What stands in its place now; None when it is gone."""
        at = self._by_id.get(cell.cell_id) if cell.cell_id else None
        if at is not None:
            return self._notebook.cells[at].source
        return cell.source if cell.source.strip() in self._by_source else None


def _unpinned(found: Slice) -> list[CellMark]:
    draws = draws_of([(each.cell.number, each.source) for each in found.cells])
    marks: list[CellMark] = []
    for generator, uses in draws.unpinned().items():
        names = [f"{name} in cell {number}" for name, number in uses]
        if len(names) > _MOST_NAMES:
            names = [*names[: _MOST_NAMES - 1], f"{len(names) - _MOST_NAMES + 1} more"]
        verb = "draws" if len(names) == 1 else "draw"
        listed = _joined(names)
        marks.append(CellMark("seed", f"{listed} {verb} from {_GENERATORS[generator]}."))
    return marks


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _listed(numbers: list[int]) -> str:
    texts = list(map(str, numbers))
    if len(texts) > 6:
        texts = [*texts[:5], f"{len(texts) - 5} more"]
    return _joined(texts)


def _joined(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
