"""Where a cell was when an error or an interrupt ended it."""

import ast
import asyncio
import linecache
from types import TracebackType
from typing import Any

_CELL_MAGIC_CALL = "get_ipython().run_cell_magic("


def stopped_at(error: BaseException, shell: Any, code: str) -> int | None:
    """The line, counted from 1, of the top-level statement of a cell that an error ended.

    Args:
        error: What ended the cell.
        shell: The IPython shell that ran it.
        code: The cell as it was written, with its magics.

    Returns:
        1 also for a cell that could not begin; None when nobody knows.
    """
    lines = _lines_of_frames(error.__traceback__, shell, code)
    if lines:
        return _beginning_of_statement(lines[0], shell, code)
    # An error without a line of the cell is one of its syntax; an interrupt may strike anywhere.
    return None if is_interrupt(error) else 1


def is_interrupt(error: BaseException) -> bool:
    """Whether somebody stopped the cell; ipykernel cancels one that awaits."""
    return isinstance(error, (KeyboardInterrupt, asyncio.CancelledError))


def _lines_of_frames(trace: TracebackType | None, shell: Any, code: str) -> list[int]:
    """The lines of the cell that its frames at the top level stand at, the outermost first."""
    spaces = (shell.user_ns, shell.user_global_ns)
    written = code.splitlines()
    found: list[int] = []
    while trace is not None:
        frame, line = trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next
        name = frame.f_code.co_name
        is_top = name == "<module>" or name.startswith("<cell line:")
        if not is_top or all(frame.f_globals is not space for space in spaces):
            continue
        held = linecache.getlines(frame.f_code.co_filename)
        if held and line <= len(held) and held[line - 1].startswith(_CELL_MAGIC_CALL):
            continue  # what `%%time` runs, is a frame of its own
        # IPython takes blank lines and lines of magics off the top.
        above = len(written) - len(held) if held else _lines_of_head(written, with_track=False)
        found.append(max(line + above, line))
    return [line for line in found if line <= len(written)]


def _lines_of_head(lines: list[str], *, with_track: bool = True) -> int:
    """How many lines of cell magics, and blank ones between them, stand above the body of a cell."""
    head = 0
    for index, line in enumerate(lines):
        if line.startswith("%%"):
            # Above the body `%%track` is a comment, and a line of it.
            head = index + 1 if with_track or not line.startswith("%%track") else head
        elif line.strip():
            break
    return head


def _beginning_of_statement(line: int, shell: Any, code: str) -> int:
    """The first line of the top-level statement that a line belongs to."""
    lines = code.splitlines()
    head = _lines_of_head(lines)
    if line <= head:
        return line
    try:
        # Transforming keeps the number of lines, but for those at the top.
        body = "\n".join(lines[head:])
        tree = ast.parse(shell.transform_cell(body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return line
    for statement in tree.body:
        first = min((each.lineno for each in getattr(statement, "decorator_list", ())), default=1 << 30)
        first = min(first, statement.lineno) + head
        if first <= line <= (statement.end_lineno or 0) + head:
            return first
    return line
