"""The card below a tracked cell: shown once, and replaced in place where something is known later."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from nbtrack.core import mime
from nbtrack.core.cell_card import Drawing, all_marks, cell_card
from nbtrack.core.code_secrets import redact_code
from nbtrack.core.errors import NbtrackError
from nbtrack.tracking import environment
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.ui.cells.tracked_cell import TrackedCell
from nbtrack.ui.display_handle import DisplayHandle

_NESTED = 10


class CellCards:
    """Draws the cards of tracked cells."""

    def begin(self, cell: TrackedCell) -> None:
        """The cell is about to run."""

    def end(self, cell: TrackedCell) -> None:
        """The cell has run: show its card, and once more if Git or another late fact changes it."""
        run = cell.run
        if run is None or cell.is_quiet:
            return
        handle = DisplayHandle(cell.shell)
        draw = self._drawing_of(cell, run)
        handle.show(draw())
        if handle.can_replace:
            environment.when_known(run.run_id, lambda: _show_late(handle, draw))

    def _drawing_of(self, cell: TrackedCell, run: ActiveRun) -> Callable[[], dict[str, Any]]:
        """What draws the card as its run is at that moment; it holds on to nothing of the cell."""
        report = cell.report
        code, _ = redact_code(cell.code)
        drawing = Drawing(code=code, nested=run.nested(_NESTED), nested_count=len(run.nested_ids))

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
