"""Tracked cells: a run begins when a `%%track` cell runs and ends when it does.

Built on IPython's pre- and post-run events, so that the cell itself runs as any other: a failing
cell fails, its last value is kept, top-level `await` works. `%%capture` runs its cell inside
another and reports success whatever happened, so events are matched and counted by depth.
"""

import sys
import traceback
from typing import Any

from nbtrack.core import static_views, system_tags
from nbtrack.core.entities import RunStatus
from nbtrack.core.errors import NbtrackError
from nbtrack.tracking.active_run import ActiveRun, DisabledRun, outcome_of
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.track_line import parse_options, track_options

CODE_FILE, TRACEBACK_FILE = "cell.py", "traceback.txt"


class TrackedCells:
    """Follows the cells of one shell; never fails one of them."""

    def __init__(self, shell: Any, tracker: Tracker) -> None:
        self._shell = shell
        self._tracker = tracker
        self._running: list[_Cell] = []

    def before(self, info: Any) -> None:
        """A cell is about to run: start its run if it is tracked."""
        message = _message_id(self._shell)
        if self._running and self._running[0].message != message:
            # The end of an earlier cell was never told: its kernel thread was torn out of it.
            lost, self._running = self._running[0], []
            self._guard(lambda: self._end(lost))
        cell = _Cell(info, message)
        self._running.append(cell)
        # A cell within a tracked cell is that cell's work.
        if len(self._running) == 1 and (options := track_options(info.raw_cell or "")) is not None:
            self._guard(lambda: self._start(cell, options))

    def after(self, result: Any) -> None:
        """A cell has run: end its run, and show it."""
        info = getattr(result, "info", None)
        while self._running and all(cell.info is not info for cell in self._running[-1:]):
            if not any(cell.info is info for cell in self._running):
                return  # it began before the extension was loaded
            self._running.pop()
        if not self._running:
            return
        cell = self._running.pop()
        error = result.error_before_exec or result.error_in_exec
        cell.error = cell.error or error
        if self._running:
            # %%capture reports success when the cell inside it failed.
            self._running[-1].error = self._running[-1].error or cell.error
        else:
            self._guard(lambda: self._end(cell))

    def _start(self, cell: "_Cell", options: str) -> None:
        wanted = parse_options(self._shell.var_expand(options) if options else "")
        cell.quiet = wanted.quiet
        tags = dict(wanted.tags)
        if cell_id := getattr(cell.info, "cell_id", None):
            tags[system_tags.CELL_ID] = str(cell_id)
        run = self._tracker.start_cell_run(
            run_id=wanted.resume,
            experiment_name=wanted.experiment,
            run_name=wanted.name,
            nested=wanted.nested,
            tags=tags,
        )
        cell.run = run
        if wanted.params:
            run.log_params(dict(wanted.params))
        run.log_text(cell.info.raw_cell, CODE_FILE)

    def _end(self, cell: "_Cell") -> None:
        run = cell.run
        if run is None:
            return
        status, tags = outcome_of(cell.error)
        if isinstance(cell.error, KeyboardInterrupt):
            status = RunStatus.KILLED
        if self._tracker.is_active(run):
            if cell.error is not None and status != RunStatus.FINISHED:
                run.log_text(_traceback_text(cell.error), TRACEBACK_FILE)
            for inner in self._tracker.runs_inside(run):
                self._tracker.finish(inner, status, tags=tags)
            self._tracker.finish(run, status, tags=tags)
        if not cell.quiet and not isinstance(run, DisabledRun):
            ended = self._tracker.get_run(run.run_id)
            _show(static_views.bundle(static_views.run_card(ended, code=cell.info.raw_cell)))

    def _guard(self, work: Any) -> None:
        try:
            work()
        except NbtrackError as error:
            _say(f"{error}")
        except Exception as error:  # noqa: BLE001 - an error of ours never fails the user's cell
            _say(
                f"this cell could not be tracked ({type(error).__name__}: {error}). The cell itself is not affected."
            )


class _Cell:
    """A cell that is being run."""

    def __init__(self, info: Any, message: Any) -> None:
        self.info = info
        self.message = message
        self.run: ActiveRun | None = None
        self.error: BaseException | None = None
        self.quiet = False


def _message_id(shell: Any) -> Any:
    """The request that a kernel is answering; cells inside a cell share it. None in a terminal."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return None
    try:
        return kernel.get_parent()["header"]["msg_id"]
    except (AttributeError, KeyError, TypeError):
        return None


def _traceback_text(error: BaseException) -> str:
    """The traceback without the frames of IPython that ran the cell."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next and "IPython" in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def _show(bundle: dict[str, Any]) -> None:
    from IPython.display import display

    display(bundle, raw=True)


def _say(text: str) -> None:
    print(f"nbtrack: {text}", file=sys.stderr)
