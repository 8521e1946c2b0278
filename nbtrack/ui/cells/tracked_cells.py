"""Tracked cells: a run begins when a `%%track` cell runs and ends when it does.

Built on IPython's pre- and post-run events, so that the cell itself runs as any other: a failing
cell fails, its last value is kept, top-level `await` works. `%%capture` runs its cell inside
another and reports success whatever happened, so cells are matched and counted by depth.
"""

import re
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Protocol

from IPython.core.error import UsageError  # noqa: TID253 - only the magics import this module

from nbtrack.core import settings, system_tags
from nbtrack.core.cells import ExecutedCell
from nbtrack.core.code_secrets import redact_code
from nbtrack.core.entities import Run, RunStatus
from nbtrack.core.errors import NbtrackError, RunAlreadyActiveError, StoreError
from nbtrack.tracking.active_run import ActiveRun, outcome_of
from nbtrack.tracking.disabled_run import DisabledRun
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.cells.cell_traceback import traceback_text
from nbtrack.ui.cells.lineages import CellIdentities, place_of
from nbtrack.ui.cells.stopping import is_interrupt
from nbtrack.ui.cells.track_line import TrackOptions, parse_options, track_line
from nbtrack.ui.cells.tracked_cell import CellPart, TrackedCell
from nbtrack.ui.output import say

CODE_FILE, TRACEBACK_FILE = "cell.py", "traceback.txt"
_WHOLE_ID = re.compile(r"[0-9a-f]{32}")


class CellHistory(Protocol):
    """Keeps a record of every cell that a shell executes."""

    def begin(self, cell: TrackedCell) -> ExecutedCell:
        """A cell is about to run."""
        ...

    def end(self, cell: TrackedCell) -> ExecutedCell:
        """It has run; `cell.error` says how."""
        ...


class CellCard(Protocol):
    """Shows a tracked cell."""

    def begin(self, cell: TrackedCell) -> None:
        """The cell is about to run; its run has begun."""
        ...

    def end(self, cell: TrackedCell) -> None:
        """The cell has run, and its run has ended."""
        ...


class TrackedCells:
    """Follows the cells of one shell; never fails one of them."""

    def __init__(
        self,
        shell: Any,
        tracker: Tracker,
        *,
        history: CellHistory | None = None,
        parts: Sequence[CellPart] = (),
        card: CellCard | None = None,
    ) -> None:
        """Follow the cells of a shell.

        Args:
            shell: The IPython shell.
            tracker: What records them.
            history: Keeps a record of every cell, tracked or not.
            parts: What looks at tracked cells, in the order in which they begin and end.
            card: Shows tracked cells, after all of them.
        """
        self._shell = shell
        self._tracker = tracker
        self._history = history
        self._parts = tuple(parts)
        self._card = card
        self._identities = CellIdentities(shell)
        # Cells of a subshell run in a thread of their own, beside those of the main shell.
        self._of_thread = threading.local()
        self._reported: BaseException | None = None
        """The last error that a cell of any thread ended with."""

    def before(self, info: Any) -> None:
        """A cell is about to run: start its run if it is tracked."""
        with _never_failing("This cell is not recorded."):
            running = self._running()
            message = _message_id(self._shell)
            if running and running[0].message != message:
                # The end of an earlier cell was never told: its kernel was torn out of it.
                self._end_all()
            cell = TrackedCell(
                self._shell, self._tracker, info, message, shown_before=getattr(sys, "last_value", None)
            )
            is_within_tracked = any(outer.active_before is not None for outer in running)
            if self._history is not None and not running:
                with _never_failing("The history of the cells may not be complete."):
                    cell.executed = self._history.begin(cell)
            running.append(cell)
            # A cell within a tracked cell is that cell's work.
            if not is_within_tracked and (wanted := self._options_of(cell)) is not None:
                cell.options = wanted
                self._start(cell, wanted)

    def after(self, result: Any) -> None:
        """A cell has run: end its run, and show it."""
        with _never_failing("The run of this cell may not be complete."):
            running = self._running()
            error = _error_of(result)
            self._reported = self._reported if error is None else error
            index = _index_of(result, running)
            if index is None:
                _pass_on(error, running)
                return
            cell, inner = running[index], running[index + 1 :]
            del running[index:]
            for found in (*(each.error for each in inner), error):
                _pass_on(found, [cell])
            _pass_on(cell.error, running)
            self._end(cell)

    def is_recording(self, run: Run) -> bool:
        """Whether this is the run of a cell that is being run, which will show it at its end."""
        return any(cell.run is run and not cell.is_quiet for cell in self._running())

    def close(self) -> None:
        """End the runs of this thread's cells that are being run."""
        self._end_all()

    def _options_of(self, cell: TrackedCell) -> TrackOptions | None:
        line = track_line(cell.code)
        if line is None:
            return None
        try:
            wanted = parse_options(line, self._expand)
        except UsageError:
            return None  # the magic says so, instead of running the cell
        return None if wanted.help else wanted

    def _with_run_id(self, wanted: TrackOptions) -> TrackOptions:
        """The options with the id of the run to be resumed, of which people also give the name.

        Raises:
            NbtrackError: It is unknown which run is meant.
        """
        is_off = not self._tracker.enabled or settings.is_disabled()
        if wanted.resume is None or is_off or _WHOLE_ID.fullmatch(wanted.resume):
            return wanted
        from nbtrack.tracking import named_runs  # lazy: ids are what is resumed mostly

        return replace(wanted, resume=named_runs.find_run(self._tracker, wanted.resume).info.run_id)

    def _expand(self, text: str) -> str:
        """Fill in `{expressions}` and `$names` from the notebook, as in other magics."""
        if "{" not in text and "$" not in text:
            return text
        from IPython.utils.text import DollarFormatter

        try:
            return DollarFormatter().vformat(text, [], dict(self._shell.user_ns))
        except Exception as error:  # noqa: BLE001 - the expression is the user's
            say(f"{text} stays as it is ({type(error).__name__}: {error}): it is read before the cell runs.")
            return text

    def _start(self, cell: TrackedCell, wanted: TrackOptions) -> None:
        tracker = self._tracker
        cell.active_before = tracker.active_runs()
        tags = {system_tags.CELL_ID: cell.cell_id} if cell.cell_id else {}
        identity = self._identities.of(cell)

        def start(run_id: str | None, experiment: str | None) -> ActiveRun:
            return tracker.start_cell_run(
                run_id=run_id,
                experiment_name=experiment,
                cell=identity,
                begins_lineage=wanted.new,
                nested=wanted.nested,
                tags=tags,
            )

        try:
            try:
                wanted = cell.options = self._with_run_id(wanted)
                cell.run = start(wanted.resume, wanted.experiment)
            except StoreError:
                raise
            except RunAlreadyActiveError as error:
                say(f"{error} This cell starts no run.")
                cell.active_before = None
                return
            except NbtrackError as error:
                if wanted.resume is None and wanted.experiment is None:
                    raise
                # What the cell is about to compute is worth more than the mistake in its first line.
                say(f"{error} The cell is recorded as a new run of the active experiment instead.")
                cell.run = start(None, None)
            else:
                cell.enter_experiment(wanted.experiment)
        except Exception:
            # The cell's own calls would fail for the same reason, and the cell with them.
            cell.run = tracker.start_unrecorded_run()
            raise
        with _never_failing("The run goes on."):
            is_resumed = cell.run.run_id == wanted.resume
            cell.report.lineage, cell.report.attempt = place_of(cell.run)
            code, _ = redact_code(cell.code)
            cell.run.log_text(code, _code_file(tracker, cell.run) if is_resumed else CODE_FILE)
            if wanted.tags:
                cell.run.set_tags(dict(wanted.tags))
            if wanted.params:
                cell.run.log_params(dict(wanted.params))
        for part in () if isinstance(cell.run, DisabledRun) else self._parts:
            with _never_failing("The cell is recorded without it."):
                part.begin(cell)
                cell.parts.append(part)
        if self._card is not None and not isinstance(cell.run, DisabledRun):
            with _never_failing("The card of this cell may be missing."):
                self._card.begin(cell)

    def _end(self, cell: TrackedCell) -> None:
        if self._history is not None and cell.executed is not None:
            with _never_failing("The history of the cells may not be complete."):
                cell.executed = self._history.end(cell)
        if cell.active_before is None:
            return
        tracker, run, before = self._tracker, cell.run, cell.active_before
        error = self._shown_in(cell) if cell.error is None else cell.error
        status, tags = _outcome_of(error)
        started = [each for each in tracker.active_runs() if all(each is not other for other in before)]
        for part in cell.parts:
            with _never_failing("The cell is recorded without it."):
                part.end(cell)
        with ExitStack() as ending:  # whatever fails, also by an interrupt, all of them are ended
            if self._card is not None and run is not None and not isinstance(run, DisabledRun):
                ending.callback(self._card.end, cell)  # last, when all of them have ended
            if run is not None and cell.options.discard:
                ending.callback(self._discard, run)
            ending.callback(cell.leave_experiment)
            for each in started:
                ending.callback(tracker.finish, each, status, tags=tags)
            if error is not None and status != RunStatus.FINISHED and run is not None and run in started:
                run.log_text(traceback_text(error, self._shell), TRACEBACK_FILE)

    def _discard(self, run: ActiveRun) -> None:
        """Put a run into the bin, with those that it started."""
        with _never_failing("The run is not in the bin."), self._tracker.together():
            for run_id in (*run.nested_ids, run.run_id):
                self._tracker.delete_run(run_id)

    def _shown_in(self, cell: TrackedCell) -> BaseException | None:
        """The exception whose traceback IPython has shown in a cell that it calls a success.

        `%run`, a last value that cannot be shown and the `%%time` of older IPythons do so.
        """
        shown: BaseException | None = getattr(sys, "last_value", None)
        is_of_another_cell = shown is self._reported
        return None if shown is cell.shown_before or is_of_another_cell else shown

    def _end_all(self) -> None:
        running = self._running()
        while running:
            with _never_failing("The run of this cell may not be complete."):
                self._end(running.pop())

    def _running(self) -> list[TrackedCell]:
        """The cells this thread is running, the outermost first."""
        running: list[TrackedCell] | None = getattr(self._of_thread, "running", None)
        if running is None:
            running = self._of_thread.running = []
        return running


def _index_of(result: Any, running: list[TrackedCell]) -> int | None:
    """Which of the running cells a result belongs to; None: to one whose beginning was not told.

    Those are empty cells, cells that IPython could not begin, and the cell that loaded the extension.
    """
    if result is None:
        return len(running) - 1 if running else None
    info = result.info
    for index in reversed(range(len(running))):
        # When an interrupt tears a cell out of its event loop, IPython describes it anew.
        if running[index].info is info or running[index].info.raw_cell is info.raw_cell:
            return index
    return None


def _error_of(result: Any) -> BaseException | None:
    if result is None:
        return KeyboardInterrupt()  # IPython itself was interrupted
    error: BaseException | None = result.error_before_exec
    return result.error_in_exec if error is None else error


def _pass_on(error: BaseException | None, running: list[TrackedCell]) -> None:
    """Let the innermost running cell know what failed in it.

    `%%capture` reports success when the cell inside it failed.
    """
    if running and running[-1].error is None:
        running[-1].error = error


def _outcome_of(error: BaseException | None) -> tuple[str, dict[str, str]]:
    """As for a `with` block, but an interrupt is KILLED."""
    status, tags = outcome_of(error)
    if error is not None and is_interrupt(error):
        return RunStatus.KILLED, {**tags, system_tags.INTERRUPTED: "true"}
    return status, tags


def _code_file(tracker: Tracker, run: ActiveRun) -> str:
    """Where the code of a cell goes that resumes a run: the code of the earlier ones stays."""
    taken = {info.path for info in tracker.list_artifacts(run.run_id)}
    stem, _, ending = CODE_FILE.rpartition(".")
    names = [CODE_FILE, *(f"{stem}-{number}.{ending}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def _message_id(shell: Any) -> Any:
    """The request that a kernel is answering; cells inside a cell share it. None in a terminal."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return None
    try:
        return kernel.get_parent()["header"]["msg_id"]
    except (AttributeError, KeyError, TypeError):
        return None


@contextmanager
def _never_failing(consequence: str) -> Generator[None]:
    """An error of ours is said in one line, and never fails the user's cell."""
    try:
        yield
    except NbtrackError as error:
        say(f"{error} {consequence}")
    except Exception as error:  # noqa: BLE001 - the cell must go on whatever it is
        say(f"{consequence} {type(error).__name__}: {error}")
