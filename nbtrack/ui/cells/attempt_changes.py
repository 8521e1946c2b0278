"""What changed since the attempt before, found out when a tracked cell has run."""

from nbtrack.tracking import attempts
from nbtrack.ui.cells.tracked_cell import TrackedCell


class ChangesSinceBefore:
    """Compares a tracked cell with the attempt of its lineage before it."""

    def begin(self, cell: TrackedCell) -> None:
        """Nothing can be said yet."""

    def end(self, cell: TrackedCell) -> None:
        """Say what changed: everything that the cell logged is there."""
        run = cell.run
        if run is None or (cell.report.attempt or 0) < 2:
            return
        now = run.snapshot()
        known = None if run.attempt is None else run.attempt.before
        before = attempts.compared_with(cell.tracker, now, before=known)
        if before is not None:
            cell.report.changes = attempts.changes_since(cell.tracker, before, now)
