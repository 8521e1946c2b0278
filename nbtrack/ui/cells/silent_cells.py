"""Cells of notebooks that IPython itself runs: `ipython notebook.ipynb` and `%run notebook.ipynb`.

It runs them as silent cells, whose beginning and end it tells nobody: there are only the events without
arguments. Which cell they are about stands in the frames that told of it.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from nbtrack.ui.output import say

_MOST_FRAMES = 12
_RUNS_NOTEBOOKS = "safe_execfile_ipy"
"""The method of IPython's shell that runs a file in its syntax."""


class SilentCells:
    """Tells of the cells of such a notebook as IPython does of others.

    Args:
        before: What it would call before such a cell, with its description.
        after: What it would call after it, with its result.
    """

    def __init__(self, before: Callable[[Any], None], after: Callable[[Any], None]) -> None:
        self._before = before
        self._after = after
        self._running: list[FrameType] = []

    def begin(self) -> None:
        """A cell is about to run, silent or not; never fails it."""
        try:
            self._begin()
        except Exception as error:  # noqa: BLE001 - the cell must go on whatever it is
            say(f"This cell is not recorded. {type(error).__name__}: {error}")

    def end(self) -> None:
        """A cell has run, silent or not."""
        if not self._running:
            return
        running = _frame_of("run_cell")
        if running is not None and running is self._running[-1]:
            self._running.pop()
            self._after(running.f_locals.get("result"))

    def _begin(self) -> None:
        running = _frame_of("run_cell")
        # What others run silently is no work of the user's.
        if running is None or running.f_back is None or running.f_back.f_code.co_name != _RUNS_NOTEBOOKS:
            return
        asked = _frame_of("run_cell_async")
        info = None if asked is None else asked.f_locals.get("info")
        if info is not None:
            self._running.append(running)
            self._before(info)


def _frame_of(function: str) -> FrameType | None:
    """The nearest call of a function of IPython's shell; None when this was called by something else."""
    frame: FrameType | None = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return None
        if frame.f_code.co_name == function and "raw_cell" in frame.f_locals:
            return frame
        frame = frame.f_back
    return None
