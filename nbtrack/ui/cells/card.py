"""The card below a tracked cell: shown once, and replaced in place where something is known later.

With `--live` it is shown when the cell begins and follows its run.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from nbtrack.core import mime
from nbtrack.core.cell_card import Drawing, all_marks, cell_card
from nbtrack.core.code_secrets import redact_code
from nbtrack.core.errors import NbtrackError
from nbtrack.tracking import environment
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.ui.cells.live import LiveRun, Updates
from nbtrack.ui.cells.tracked_cell import TrackedCell
from nbtrack.ui.display_handle import DisplayHandle
from nbtrack.ui.output import say

_NESTED = 10


class CellCards:
    """Draws the cards of tracked cells."""

    def __init__(self, live_hz: Callable[[], float] = lambda: 4.0) -> None:
        """Draw cards.

        Args:
            live_hz: Tells how often a second the card of a cell that runs is replaced at most.
        """
        self._live_hz = live_hz
        self._live: dict[str, _LiveCard] = {}
        """Cards that are followed, by the ids of their runs."""

    def begin(self, cell: TrackedCell) -> None:
        """The cell is about to run."""
        run, options = cell.run, cell.options
        if run is None:
            return
        if options.quiet:
            run.progress_board.is_silent = True
            return
        handle = DisplayHandle(cell.shell)
        if options.live and handle.can_replace:
            self._live[run.run_id] = _LiveCard(handle, cell, run, self._live_hz())

    def end(self, cell: TrackedCell) -> None:
        """The cell has run: show its card, and once more if Git or another late fact changes it."""
        run = cell.run
        if run is None or cell.options.quiet:
            return
        live = self._live.pop(run.run_id, None)
        handle = DisplayHandle(cell.shell) if live is None else live.handle
        drawing = Drawing() if live is None else live.end()
        draw = _drawing_of(cell, run, drawing)
        handle.show(draw())
        if handle.can_replace:
            environment.when_known(run.run_id, lambda: _show_late(handle, draw))


class _LiveCard:
    """The card of a cell that runs."""

    def __init__(self, handle: DisplayHandle, cell: TrackedCell, run: ActiveRun, hz: float) -> None:
        self.handle = handle
        self._report = cell.report
        self._ids = {"run_id": run.run_id}
        self._live = LiveRun(run)
        self._live.read()
        self._show()
        self._updates = Updates(self._follow, hz)

    def end(self) -> Drawing:
        """Follow it no longer; what stays on the card."""
        self._updates.stop()
        with suppress(NbtrackError):
            self._live.read()
        return Drawing(pictures=self._live.pictures, progress=self._live.progress)

    def _follow(self) -> bool:
        try:
            if self._live.read():
                self._show()
        except Exception as error:  # noqa: BLE001 - no picture is worth a cell
            say(f"The card of this cell is not live any more: {type(error).__name__}: {error}")
            return False
        return True

    def _show(self) -> None:
        view = cell_card(self._live.run(), self._report, self._live.drawing())
        self.handle.show(mime.bundle(view, "run", self._ids))


def _drawing_of(cell: TrackedCell, run: ActiveRun, drawing: Drawing) -> Callable[[], dict[str, Any]]:
    """What draws the card as its run is at that moment; it holds on to nothing of the cell."""
    report = cell.report
    code, _ = redact_code(cell.code)
    nested = run.nested(_NESTED)
    drawing = replace(drawing, code=code, nested=nested, nested_count=len(run.nested_ids))

    def draw() -> dict[str, Any]:
        now = run.snapshot()
        more: dict[str, Any] = {"marks": [dict(each) for each in all_marks(now, report)[:20]]}
        if report.attempt is not None:
            more["attempt"] = report.attempt
        return mime.run_bundle(cell_card(now, report, drawing), now, more)

    return draw


def _show_late(handle: DisplayHandle, draw: Callable[[], dict[str, Any]]) -> None:
    with suppress(NbtrackError):  # the run may have been deleted since: the card stays as it was
        handle.show(draw())
