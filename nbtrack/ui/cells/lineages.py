"""By what a tracked cell is known again when it runs once more: its notebook, its name, its id, its code."""

import os
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.lineages import CellIdentity, attempt_in, source_digest
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.disabled_run import DisabledRun
from nbtrack.tracking.notebooks import notebook_path
from nbtrack.ui.cells.tracked_cell import TrackedCell

# VS Code sends where a cell stands in the open editor, not the id that the notebook keeps of it.
_PASSING = ("vscode-notebook-cell:", "vscode-interactive")


class CellIdentities:
    """What one kernel knows of its cells."""

    def __init__(self, shell: Any) -> None:
        """Know the cells of a shell.

        Args:
            shell: The IPython shell.
        """
        self._shell = shell
        self._life = os.urandom(8).hex()

    def of(self, cell: TrackedCell) -> CellIdentity:
        """By what a cell that is about to run is known again."""
        folder = str(getattr(self._shell, "starting_dir", None) or os.getcwd())
        path = notebook_path(self._shell)
        cell_id = cell.cell_id
        is_passing = cell_id is not None and cell_id.startswith(_PASSING)
        return CellIdentity(
            notebook=None if path is None else os.path.join(folder, path),
            folder=folder,
            name=cell.options.name,
            cell_id=None if is_passing else cell_id,
            passing_id=f"{self._life} {cell_id}" if is_passing else None,
            source=source_digest(cell.code),
        )


def place_of(run: ActiveRun) -> tuple[str | None, int | None]:
    """The lineage of a cell's run and which attempt it is; None, None when it is of none."""
    if run.attempt is not None:
        return run.attempt.lineage, run.attempt.number
    if isinstance(run, DisabledRun):
        return None, None
    tags = run.data.tags  # it was resumed: nothing was found out about it yet
    attempt = attempt_in(tags)
    return (None, None) if attempt is None else (tags[system_tags.LINEAGE], attempt)
