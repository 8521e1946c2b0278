"""The slice and the history of a run: as the run keeps them, else from the session that made it."""

import json
from collections.abc import Sequence
from dataclasses import replace

from nbtrack.core import system_tags
from nbtrack.core.cells import ExecutedCell, Slice, SliceCell
from nbtrack.core.entities import Run, RunStatus
from nbtrack.core.errors import MissingFileError, NotFoundError, StoreError
from nbtrack.stores.contracts import Store
from nbtrack.tracking.cells.slicing import slice_of

SLICE_FILE = "slice.json"
WHILE_ACTIVE = "was executed while the run was active"

_ADVICE = "It was not made in a cell of a notebook in which %load_ext nbtrack was executed."


def slice_of_run(store: Store, run_id: str) -> Slice:
    """The cells that a run came from.

    Raises:
        NotFoundError: There is no such run, or it was made in no cell.
        StoreError: The slice that it keeps is damaged.
    """
    run = store.runs.get(run_id)
    kept = _kept_slice(store, run_id)
    if kept is not None:
        return kept
    try:
        cells = _cells(store, run)
    except NotFoundError:
        # A nested run that was copied here with the cell's own run.
        parent = run.data.tags.get(system_tags.PARENT_RUN_ID)
        kept = _kept_slice(store, parent) if parent and system_tags.SESSION in run.data.tags else None
        if kept is None:
            raise NotFoundError("slice of the run", run_id, advice=_ADVICE) from None
        return replace(kept, run_id=run_id)
    first, last = _numbers(run, cells)
    found = slice_between(cells, first, last)
    return replace(found, run_id=run_id, session_id=run.data.tags[system_tags.SESSION])


def cells_of_run(store: Store, run_id: str) -> list[ExecutedCell]:
    """All cells that were executed before a run ended, from the first of its session.

    Raises:
        NotFoundError: There is no such run, it was made in no cell, or its session is not here.
    """
    run = store.runs.get(run_id)
    cells = _cells(store, run)
    _, last = _numbers(run, cells)
    return [cell for cell in cells if cell.number <= last]


def slice_between(cells: Sequence[ExecutedCell], first: int, last: int) -> Slice:
    """The slice of a run that was active from one cell to another: what all the cells between came from."""
    numbers = [cell.number for cell in cells if first <= cell.number <= last]
    slices = [slice_of(cells, number) for number in numbers]
    if len(slices) < 2:
        return slices[0] if slices else Slice(())
    active = {number: (WHILE_ACTIVE,) for number in numbers}
    return union_of(slices, cells, active)


def union_of(
    slices: Sequence[Slice], cells: Sequence[ExecutedCell], reasons: dict[int, tuple[str, ...]] | None = None
) -> Slice:
    """One slice of all the cells that are in any of several of one session.

    Args:
        slices: In the order of their last cells.
        cells: The session.
        reasons: More reasons for some of the cells, by number.
    """
    held: dict[int, SliceCell] = {}
    for each in (cell for found in slices for cell in found.cells):
        number = each.cell.number
        before = held.get(number)
        given = before.reasons if before is not None else (reasons or {}).get(number, ())
        # How much of a cell counts is the same for all; the later slice knows how it ended.
        held[number] = SliceCell(each.cell, each.source, tuple(dict.fromkeys((*given, *each.reasons))))
    chosen = tuple(held[number] for number in sorted(held))
    last = chosen[-1].cell.number if chosen else 0
    executed = sum(cell.number <= last for cell in cells)
    marks = tuple(dict.fromkeys(mark for found in slices for mark in found.marks))
    return Slice(chosen, left_out=max(executed - len(chosen), 0), marks=marks)


def slice_file(number: int) -> str:
    """The artifact of the slice of the cell that was the `number`th to go on with a run; 1 began it."""
    stem, _, ending = SLICE_FILE.rpartition(".")
    return SLICE_FILE if number < 2 else f"{stem}-{number}.{ending}"


def slice_files(store: Store, run_id: str) -> list[str]:
    """The slices that a run keeps, in the order in which they were made."""
    taken = {info.path for info in store.runs.artifacts(run_id).list()}
    files: list[str] = []
    while (following := slice_file(len(files) + 1)) in taken:
        files.append(following)
    return files


def _kept_slice(store: Store, run_id: str) -> Slice | None:
    """The slice that a run keeps; of a run that several sessions went on with that of the last."""
    files = slice_files(store, run_id)
    if not files:
        return None
    try:
        with store.runs.artifacts(run_id).open(files[-1]) as file:
            return Slice.from_dictionary(json.load(file))
    except MissingFileError:
        return None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(f"{files[-1]} of run {run_id} is no slice: {error}.") from error


def _cells(store: Store, run: Run) -> list[ExecutedCell]:
    session = run.data.tags.get(system_tags.SESSION)
    if session is None:
        raise NotFoundError("cells of the run", run.info.run_id, advice=_ADVICE)
    return store.cell_sessions.read(session)


def _numbers(run: Run, cells: Sequence[ExecutedCell]) -> tuple[int, int]:
    """The first and the last cell that was executed while a run was active."""
    tags, info = run.data.tags, run.info
    first = _number(tags.get(system_tags.CELL_NUMBER))
    last = max(_number(tags.get(system_tags.LAST_CELL)), first)
    is_left = info.status == RunStatus.KILLED and system_tags.INTERRUPTED not in tags
    if last == first and (is_left or not RunStatus.is_terminated(info.status)):
        # Nobody has ended it: it went on for as long as the kernel did.
        end = info.end_time if info.end_time is not None else float("inf")
        last = max((cell.number for cell in cells if cell.start_time <= end), default=first)
        last = max(last, first)
    return first, last


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else 0
