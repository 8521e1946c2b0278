"""The slice: the cells, in execution order, that what a cell computed came from."""

from collections.abc import Sequence

from nbtrack.core.cells import ExecutedCell, Slice, SliceCell


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
    return Slice(tuple(SliceCell(cell, cell.source, ("was executed before it",)) for cell in before))
