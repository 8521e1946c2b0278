"""The slice of a tracked cell: kept with its run, so that a run that is copied elsewhere has it."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from nbtrack.core import system_tags
from nbtrack.ui.cells.history import SessionHistory
from nbtrack.ui.cells.tracked_cell import TrackedCell

if TYPE_CHECKING:
    from nbtrack.core.cells import Slice
    from nbtrack.stores.contracts import Store
    from nbtrack.tracking.active_run import ActiveRun


class SlicePart:
    """Keeps the slice and the honest marks of each tracked cell."""

    def __init__(self, history: SessionHistory) -> None:
        self._history = history

    def begin(self, cell: TrackedCell) -> None:
        """Let a run that another cell has begun know that it goes on in this one."""
        if cell.run is not None and cell.executed is not None and cell.run.run_id == cell.options.resume:
            number, session = str(cell.executed.number), self._history.session_id
            cell.run.set_tags({system_tags.SESSION: session, system_tags.CELL_NUMBER: number})
            self._history.run_tags(_store_of(cell.run))

    def end(self, cell: TrackedCell) -> None:
        """Keep the slice and the marks."""
        # lazy: `%load_ext` need not wait for it
        from nbtrack.core.cell_marks import marks_in, marks_tag
        from nbtrack.tracking.cells.marks import marks_of
        from nbtrack.tracking.cells.slicing import slice_of
        from nbtrack.tracking.notebooks import notebook_path
        from nbtrack.tracking.saved_notebooks import saved_notebook

        run, executed = cell.run, cell.executed
        if run is None or executed is None:
            return
        found = slice_of(self._history.cells(), executed.number)
        found = replace(found, run_id=run.run_id, session_id=self._history.session_id)
        file, found = self._place_of(run, found)
        tags = run.data.tags
        marks = marks_of(found, tags, saved_notebook(notebook_path(cell.shell)))
        found = replace(found, marks=tuple(marks))
        run.log_text(json.dumps(found.to_dictionary(), ensure_ascii=False, indent=1), file)
        if (text := marks_tag(marks)) != "[]" or system_tags.MARKS in tags:
            run.set_tags({system_tags.MARKS: text})
        cell.report.marks += marks_in({**tags, system_tags.MARKS: text})

    def _place_of(self, run: "ActiveRun", found: "Slice") -> tuple[str, "Slice"]:
        """Where a slice goes; that of a run which was resumed has the cells of the earlier ones, too."""
        from nbtrack.tracking.cells.slices import slice_file, slice_files, slice_of_run, union_of

        store = _store_of(run)
        files = slice_files(store, run.run_id)
        if not files:
            return slice_file(1), found
        before = slice_of_run(store, run.run_id)
        if before.session_id != found.session_id:
            return slice_file(len(files) + 1), found
        union = union_of((before, found), self._history.cells())
        return files[-1], replace(union, run_id=found.run_id, session_id=found.session_id)


def _store_of(run: "ActiveRun") -> "Store":
    return run._store  # pyright: ignore[reportPrivateUsage]
