"""Notebooks that are executed in one namespace, with what the history keeps of each cell."""

import ast
from collections.abc import Sequence
from typing import Any

from nbtrack.core.cells import CellStatus, ExecutedCell, Slice
from nbtrack.tracking.cells.facts import facts_of
from nbtrack.tracking.cells.notebook_syntax import python_of
from nbtrack.tracking.cells.reading import effects_of
from nbtrack.tracking.cells.slicing import slice_of

MAGIC = "__nbtrack_magic__"


class Notebook:
    """A kernel without IPython: magics do nothing."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__", MAGIC: lambda name, rest: None}
        self.cells: list[ExecutedCell] = []

    def execute(self, source: str) -> BaseException | None:
        """Execute a cell; what it raised."""
        number = len(self.cells) + 1
        error, line = execute(source, self.namespace)
        kinds, aliases = facts_of(self.namespace, effects_of(source).touched)
        status = CellStatus.OK if error is None else CellStatus.FAILED
        self.cells.append(
            ExecutedCell(number, source, status=status, stopped_at=line, kinds=kinds, aliases=aliases)
        )
        return error

    def slice(self) -> Slice:
        return slice_of(self.cells, len(self.cells))


def sliced(*sources: str) -> Slice:
    """The slice of the last of some cells, which are executed."""
    notebook = Notebook()
    for source in sources:
        notebook.execute(source)
    return notebook.slice()


def numbers(*sources: str) -> list[int]:
    """The numbers of the cells of that slice."""
    return [each.cell.number for each in sliced(*sources).cells]


def reasons(*sources: str) -> dict[int, Sequence[str]]:
    """The reasons of each of its cells."""
    return {each.cell.number: each.reasons for each in sliced(*sources).cells}


def read_only(*sources: str) -> list[int]:
    """The numbers of the cells of the slice of cells of which only the text is known."""
    cells = [ExecutedCell(number, source) for number, source in enumerate(sources, start=1)]
    return [each.cell.number for each in slice_of(cells, len(cells)).cells]


def execute(source: str, namespace: dict[str, Any]) -> tuple[BaseException | None, int | None]:
    """Execute a cell; what it raised, and the line of the statement that did."""
    tree = python_of(source).tree
    if tree is None:
        return None, None  # a cell magic that does not concern the notebook
    try:
        exec(compile(tree, "<cell>", "exec"), namespace)
    except Exception as error:  # noqa: BLE001 - a cell may raise what it likes
        line = None
        traceback = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == "<cell>" and line is None:
                line = traceback.tb_lineno
            traceback = traceback.tb_next
        return error, _statement(tree, line or 1)
    return None, None


def _statement(tree: ast.Module, line: int) -> int:
    for statement in tree.body:
        if statement.lineno <= line <= (statement.end_lineno or line):
            return statement.lineno
    return line
