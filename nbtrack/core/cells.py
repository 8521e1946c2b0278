"""Cells as they were executed, and the slice of them that a result came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtrack.core.records import Record


class CellStatus:
    """How the execution of a cell went, as text."""

    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNKNOWN = "unknown"
    """It was executed before `%load_ext nbtrack`, failed, and nobody looked how far it came."""

    ALL = (RUNNING, OK, FAILED, INTERRUPTED, UNKNOWN)


@dataclass(frozen=True)
class ExecutedCell(Record):
    """One execution of a cell. A cell that is run twice is executed twice."""

    number: int
    """Its place in the order of execution of its session, from 1."""
    source: str
    """The cell as it was written, with its magics, secrets left out."""
    cell_id: str | None = None
    """The id that the front end gave the cell (nbformat 4.5)."""
    status: str = CellStatus.OK
    """One of `CellStatus.ALL`."""
    start_time: int = 0
    """Milliseconds since 1970, UTC; 0 where nobody looked."""
    end_time: int | None = None
    """Milliseconds since 1970, UTC; None while it runs, and where nobody looked."""
    stopped_at: int | None = None
    """The line, counted from 1, of the top-level statement that an error or interrupt ended."""
    kinds: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the names that it touched meant when it had run: `value` (cannot change: a number, a text, a
    tuple of them), `collection` (a list, dict or set of those), `array`, `frame`, `tensor`, `iterator`,
    `module:NAME`, `function`, `class`, `object`; `absent` for a name that means nothing. `random:numpy` and
    its kin: a digest of the state of a generator of random numbers."""
    aliases: Sequence[Sequence[str]] = ()
    """Names of the notebook that meant one and the same object when it had run, group by group."""

    def to_dictionary(self) -> dict[str, Any]:
        """The cell as plain dicts and lists."""
        return {
            **dict(self),
            "kinds": dict(self.kinds),
            "aliases": [list(group) for group in self.aliases],
        }


@dataclass(frozen=True)
class CellMark(Record):
    """Something about a run that a reader of its result ought to know: an honest mark."""

    kind: str
    """`order`, `hidden`, `git`, `seed`, `failed` or `unknown`: what it is about."""
    text: str
    """One sentence."""


@dataclass(frozen=True)
class SliceCell(Record):
    """A cell of a slice, with the reasons why it is one."""

    cell: ExecutedCell
    source: str
    """The part of the cell that counts: all of it, unless an error ended it half-way."""
    reasons: tuple[str, ...]
    """One sentence each, such as `defines model, which cell 7 reads`."""


@dataclass(frozen=True)
class Slice(Record):
    """The cells, in execution order, that the result of one cell came from; it is the last of them."""

    cells: tuple[SliceCell, ...]
    run_id: str = ""
    """The run that the last cell made."""
    session_id: str = ""
    """The life of one kernel that executed them."""
    left_out: int = 0
    """How many cells were executed before it and have nothing to do with it."""
    marks: tuple[CellMark, ...] = ()
    """What makes the slice less than certain."""

    def to_script(self) -> str:
        """Python that runs from a fresh start, as `python FILE`.

        `%%track`, `%%time` and their kin are dropped, other magics become calls that IPython answers, and
        top-level `await` is put into functions.
        """
        from nbtrack.core.slice_scripts import to_script  # lazy: few slices are written out

        return to_script(self)

    def to_notebook(self) -> dict[str, Any]:
        """A notebook of nbformat 4.5, for `json.dump`: its cells as they were written."""
        from nbtrack.core.slice_scripts import to_notebook  # lazy, as above

        return to_notebook(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core.slice_view import slice_view  # lazy: only what is looked at needs it
        from nbtrack.core.static_views import bundle

        return bundle(slice_view(self))

    def to_dictionary(self) -> dict[str, Any]:
        """The slice as nested plain dicts, as it is kept with the run."""
        cells = [
            {
                **each.cell.to_dictionary(),
                "used": each.source,
                "reasons": list(each.reasons),
            }
            for each in self.cells
        ]
        marks = [dict(mark) for mark in self.marks]
        return {
            "run_id": self.run_id,
            "session_id": self.session_id,
            "cells": cells,
            "left_out": self.left_out,
            "marks": marks,
        }

    @staticmethod
    def from_dictionary(held: Mapping[str, Any]) -> "Slice":
        """A slice from what `to_dictionary` gave; what is missing of a cell has its default.

        Raises:
            KeyError, TypeError: It is none.
        """
        cells: list[SliceCell] = []
        for each in held["cells"]:
            facts = {key: value for key, value in each.items() if key in ExecutedCell.__dataclass_fields__}
            executed = ExecutedCell(**facts)
            cells.append(SliceCell(executed, each.get("used", executed.source), tuple(each["reasons"])))
        marks = tuple(CellMark(mark["kind"], mark["text"]) for mark in held.get("marks", ()))
        return Slice(
            tuple(cells), held.get("run_id", ""), held.get("session_id", ""), held.get("left_out", 0), marks
        )
