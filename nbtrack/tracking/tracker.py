"""A tracker: a store, an experiment and the active runs, with every verb of logging.

The fluent functions of `import nbtrack` are the methods of one default tracker. `nbtrack.Tracker`
adds options of traitlets to it, in `configurable_tracker`: a script that uses the functions alone
does not wait for their import, which takes as long as all of ours.
"""

import atexit
import os
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from nbtrack.core import settings, system_tags
from nbtrack.core.entities import Experiment, LifecycleStage, Run, RunStatus
from nbtrack.core.errors import (
    DeletedError,
    InvalidTypeError,
    InvalidValueError,
    NbtrackError,
    NotFoundError,
    RunAlreadyActiveError,
)
from nbtrack.core.names import check_key, check_run_id
from nbtrack.core.run_names import random_run_name
from nbtrack.stores.contracts import Store
from nbtrack.stores.opening import open_store
from nbtrack.tracking import environment, run_context
from nbtrack.tracking.active import ActiveRuns
from nbtrack.tracking.active_models import ActiveModels
from nbtrack.tracking.active_run import ActiveRun, undo_abandoned
from nbtrack.tracking.capture_options import captured_kinds, captured_names
from nbtrack.tracking.change_verbs import ChangeVerbs
from nbtrack.tracking.disabled_run import DisabledRun
from nbtrack.tracking.experiment_verbs import check_active
from nbtrack.tracking.logged_model_verbs import LoggedModelVerbs
from nbtrack.tracking.logging_verbs import LoggingVerbs
from nbtrack.tracking.reading_verbs import ReadingVerbs
from nbtrack.tracking.run_handle import RunHandles
from nbtrack.tracking.switched_off import DISABLED_RUN_ID

if TYPE_CHECKING:
    from nbtrack.core.lineages import CellIdentity

_LENGTH_OF_OURS = 32


class Tracker(LoggingVerbs, ReadingVerbs, LoggedModelVerbs, ChangeVerbs):
    """Records runs into one store; the arguments are the options of `nbtrack.Tracker`."""

    on_error: Any
    capture: Any
    capture_include: Any
    capture_exclude: Any

    def __init__(
        self,
        *,
        store: str | PathLike[str] | None = None,
        experiment: str | None = None,
        enabled: bool = True,
        on_error: Literal["warn", "raise"] = "warn",
        capture: bool | str | Sequence[str] = True,
        capture_include: str | Sequence[str] = (),
        capture_exclude: str | Sequence[str] = (),
    ) -> None:
        self.store = store
        self.experiment = experiment
        self.enabled = enabled
        self.on_error = on_error
        captured_kinds(capture)
        self.capture = capture
        self.capture_include = captured_names("capture_include", capture_include)
        self.capture_exclude = captured_names("capture_exclude", capture_exclude)
        self._begin()

    def _begin(self) -> None:
        super()._begin()
        self._active: ActiveRuns[ActiveRun] = ActiveRuns()
        self._active_models = ActiveModels()
        self._handles = RunHandles(self)
        self._last = threading.local()
        self._current = self._active.current
        self._unfinished: list[ActiveRun] = []
        self._experiment_id: str | None = None
        self._board: Any = None
        """Where loops outside of runs are shown; None until there is one."""
        _trackers.add(self)

    # ---- runs --------------------------------------------------------------------------------

    def start_run(
        self,
        run_id: str | None = None,
        experiment_id: str | int | None = None,
        run_name: str | None = None,
        nested: bool = False,
        parent_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        log_system_metrics: bool | None = None,
    ) -> ActiveRun:
        """Start a run, or resume one, and make it the active run of this thread.

        Args:
            run_id: Resume this run; None starts a new one, or resumes what `NBTRACK_RUN_ID` says.
            experiment_id: The new run's experiment; None is that of `set_experiment`, else of the
                settings, else "0", Default.
            run_name: For people; its text is kept. None makes one up.
            nested: Start it inside the active run, as its child; in a thread that has started none, inside
                the only active top-level run.
            parent_run_id: Start it as a child of this run.
            tags: First tags; values become text.
            description: A note, in Markdown.
            log_system_metrics: Whether the run logs how busy the machine is; None leaves it to
                `enable_system_metrics_logging` and the settings, which are off.

        Returns:
            The run; in a `with` block it is ended at the end: FINISHED, or FAILED by an exception.

        Raises:
            RunAlreadyActiveError: A run is active and `nested` is not set.
            NotFoundError: The run to resume, the parent or the experiment does not exist.
            DeletedError: The run, the parent or the experiment is deleted.
            StoreError: The store cannot be opened or written.
        """
        outer = self._active.innermost()
        if outer is not None and outer.gives_way and not nested:
            self.finish(outer, RunStatus.FINISHED)
            outer = self._active.innermost()
        if outer is None and nested:
            outer = self._current()  # a worker thread nests in the top-level run of its starter
        if outer is not None and not nested and not outer.takes_nested:
            raise RunAlreadyActiveError(
                f"Run {outer.run_id} is already active. Log to it, end it with nbtrack.end_run(), "
                "or start this one inside it with start_run(nested=True)."
            )
        if self._is_off() or isinstance(outer, DisabledRun):
            return self._activate(DisabledRun(self), is_top=outer is None)
        texts = tag_texts(tags, None, description)
        if run_name is not None:
            texts[system_tags.RUN_NAME] = str(run_name)  # it wins over the tag, as in MLflow
        asked, variable = (run_id, None) if run_id else settings.consume_run_id() or (None, None)
        # In a spawned worker the run to nest in is one of its parent process.
        inherited = self._inherited_run() if nested and outer is None and parent_run_id is None else None
        store = self._store()
        if asked is not None:
            run = self._resume_asked(store, asked, texts, variable, outer)
        else:
            parent = inherited or self._parent(store, outer, parent_run_id)
            experiment = self._experiment_of_new_run(store, experiment_id)
            run = self._create(store, experiment, parent, texts)
        return self._measured(store, run, log_system_metrics)

    def create_run(
        self,
        experiment_id: str | int | None = None,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Make a run that is RUNNING, but active nowhere: log to it by its id, end it with `set_terminated`.

        Args:
            experiment_id: Its experiment; None is the active one.
            start_time: Milliseconds since 1970, UTC; None is now.
            tags: First tags; nothing about this process is added to them.
            run_name: For people; None makes one up.

        Raises:
            NotFoundError: There is no such experiment.
            DeletedError: The experiment is deleted.
        """
        if self._is_off():
            return DisabledRun(self).snapshot()
        texts = tag_texts(tags, run_name, None)
        store = self._store()
        experiment = self._experiment_of_new_run(store, experiment_id)
        if system_tags.SESSION in texts:
            run_context.tags_of_cell(store)  # what `resolve_tags` named has to be there
        new_id = store.runs.create(
            experiment.experiment_id,
            texts.get(system_tags.RUN_NAME) or random_run_name(),
            tags=texts,
            start_time=start_time,
            artifact_location=_own_location(store, experiment),
        )
        self._handles.add(store, new_id, raises=self.on_error == "raise")
        return store.runs.get(new_id)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """End a run by its id, whoever writes it.

        Args:
            run_id: The run.
            status: FINISHED, FAILED or KILLED; None is FINISHED.
            end_time: Milliseconds since 1970, UTC; None is now.

        Raises:
            NotFoundError: There is no such run.
            InvalidValueError: It is no status of a run that has ended.
        """
        status = RunStatus.FINISHED if status is None else RunStatus.to_string(status)
        _check_status(status)
        check_run_id(run_id)
        if run_id == DISABLED_RUN_ID:
            return
        store = self._store_to_read("run", run_id)
        for run in self._active.everywhere():
            if run.run_id == run_id:
                self.finish(run, status)
        if not self._handles.end(run_id, status, {}) or end_time is not None:
            store.runs.end(run_id, status, end_time=end_time, tags={})

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change the status of a run, its name, or both.

        Args:
            run_id: The run.
            status: One of `RunStatus`; FINISHED, FAILED and KILLED end the run.
            name: A name for people.

        Raises:
            NotFoundError: There is no such run.
            InvalidValueError: It is no status.
        """
        check_run_id(run_id)
        if status is not None:
            status = RunStatus.to_string(status)
        if name is not None and not isinstance(name, str):
            raise InvalidTypeError(f"The name of a run is text, got {type(name).__name__} {name!r:.80}.")
        if run_id == DISABLED_RUN_ID:
            return
        store = self._store_to_read("run", run_id)
        if status is not None and RunStatus.is_terminated(status):
            self.set_terminated(run_id, status)
            status = None
        if status is not None or name is not None:
            store.runs.update(run_id, status=status, run_name=name)

    def start_cell_run(
        self,
        *,
        run_id: str | None = None,
        experiment_name: str | None = None,
        cell: "CellIdentity | None" = None,
        begins_lineage: bool = False,
        nested: bool = False,
        tags: Mapping[str, Any] | None = None,
    ) -> ActiveRun:
        """Start the run of a tracked cell: on top of whatever is active, never "already active".

        Runs that the cell starts are nested in it.

        Args:
            run_id: Resume this run.
            experiment_name: The new run's experiment, made when it does not exist; None is the
                active one.
            cell: By what the cell is known again: the run is the next attempt of its lineage, and has the
                cell's name, else that of the attempt before. None: it is of no lineage.
            begins_lineage: Whether it is the first attempt of a lineage that begins with it.
            nested: Whether it is a child of the active run; it stands beside it otherwise.
            tags: First tags.

        Raises:
            NbtrackError: As `start_run`.
        """
        if self._is_off():
            return self._activate(DisabledRun(self), is_top=not nested)
        texts = tag_texts(tags, None, None)
        store = self._store()
        if run_id is not None:
            if cell is not None and cell.name is not None:
                texts[system_tags.RUN_NAME] = cell.name
            run = self._resume(store, run_id, texts)
        else:
            experiment_id = None
            if experiment_name is not None:
                experiment_id = store.experiments.ensure(experiment_name).experiment_id
            outer = self._active.innermost()
            parent = None
            if nested and outer is not None and not isinstance(outer, DisabledRun):
                parent = outer.run_id
            experiment = self._experiment_of_new_run(store, experiment_id)
            run = self._create(store, experiment, parent, texts, cell=cell, begins_lineage=begins_lineage)
        run.takes_nested = True
        return self._measured(store, run, None)

    def start_autologged_run(self, tags: Mapping[str, Any]) -> ActiveRun:
        """Start the run of one training that autolog records: on top of whatever is active, beside it.

        Args:
            tags: First tags.

        Raises:
            NbtrackError: As `start_run`.
        """
        is_first = self._active.innermost() is None
        run = self.start_run(tags=tags) if is_first else self.start_cell_run(tags=tags)
        run.is_autologged = run.takes_nested = True
        return run

    def run_to_log_to(self) -> ActiveRun | None:
        """The run that a call of this thread logs to, also one of the parent process; None: it starts one."""
        run = self._current()
        return self._implicit() if run is None and self._inherited_run() else run

    def start_unrecorded_run(self) -> ActiveRun:
        """Make a run active that records nothing, as do the runs started inside it.

        It stands in for a run that the store refused to start, so that what would log to that run
        goes on.
        """
        return self._activate(DisabledRun(self), is_top=True)

    def end_run(self, status: str = RunStatus.FINISHED, *, sync: bool = False) -> None:
        """End the active run of this thread; without one nothing happens.

        Args:
            status: FINISHED, FAILED or KILLED.
            sync: Whether it must survive a power cut when this returns.

        Raises:
            InvalidValueError: It is no status.
        """
        _check_status(status)
        run = self._active.innermost()
        if run is not None:
            self.finish(run, status, sync=sync)

    def active_run(self) -> ActiveRun | None:
        """The run this thread logs to; None when the next call would start one.

        Its `data` is what the store holds now.
        """
        return self._current()

    def progress(self, iterable: Any, total: int | None = None, name: str | None = None) -> Any:
        """Go through an iterable and show how far it is; see `ActiveRun.progress`.

        It belongs to the active run of this thread, but starts none.

        Args:
            iterable: Anything that `for` takes, also a generator; or that `async for` takes.
            total: How many items it has; None asks the iterable, which need not know.
            name: What it is called, such as `epoch`.

        Returns:
            An iterable of the same items.
        """
        if self._is_off():
            return iterable
        run = self._current()
        if run is not None:
            return run.progress(iterable, total, name)
        from nbtrack.tracking.progress import Progress  # lazy: few show one
        from nbtrack.tracking.progress_board import ProgressBoard

        if self._board is None:
            self._board = ProgressBoard()
        return Progress(iterable, total, name, self._board)

    def last_active_run(self) -> Run | None:
        """The active run of this thread, else the one that ended last in it, as it is now.

        None without one. After a parent run with nested ones it is the parent.
        """
        run = self._current()
        if run is not None:
            return run
        run_id = getattr(self._last, "run_id", None)
        try:
            return None if run_id is None else self.get_run(run_id)
        except NotFoundError:
            return None  # it was of another store, or is gone

    def is_active(self, run: ActiveRun) -> bool:
        """Whether a run has not been ended by this process."""
        return run in self._active.everywhere()

    def active_runs(self) -> list[ActiveRun]:
        """The runs this thread has started and not ended, the outermost first."""
        return list(self._active.stack())

    def finish(
        self, run: ActiveRun, status: str, *, tags: Mapping[str, str] | None = None, sync: bool = False
    ) -> None:
        """End a given run, wherever it stands; ending it again does nothing.

        Args:
            run: A run of this tracker.
            status: FINISHED, FAILED or KILLED.
            tags: Last tags, such as the error.
            sync: Whether it must survive a power cut when this returns.

        Raises:
            InvalidValueError: It is no status.
        """
        _check_status(status)
        if not self.is_active(run):
            return
        try:
            run.settle_before_end()
            self._end(run, status, tags or {}, sync=sync)
        except KeyboardInterrupt as interrupt:
            # Nobody could end a run that is half ended: it is done, and then the interrupt goes on.
            undo_abandoned(interrupt)
            self._end(run, status, tags or {}, sync=sync)
            raise

    def flush(self) -> None:
        """Make everything this tracker has written survive a power cut.

        Raises:
            StoreError: The disk refused.
        """
        self._settle()
        environment.settle(self._opened)
        for run in self._active.everywhere():
            run.flush()
        self._handles.flush()
        for store in (self._opened, self._opened_registry):
            if store is not None:
                store.sync()

    def close(self) -> None:
        """End the runs that are active, FINISHED, and close the store; a later call opens it again."""
        for run in reversed(self._active.everywhere()):
            self.finish(run, RunStatus.FINISHED)
        self._settle()
        self._handles.close()
        environment.settle(self._opened)
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        self._leave_registry()

    # ---- inside ------------------------------------------------------------------------------

    def _leave(self) -> None:
        self._handles.close()

    def _is_in_use(self, store: Store) -> bool:
        runs = (*self._active.everywhere(), *self._unfinished, *self._handles.all())
        # A run of a tracker that is off is in no store.
        return any(getattr(run, "_store", None) is store for run in runs)

    def _implicit(self) -> ActiveRun:
        """The run of a call that finds none active: the parent process's, else a new one."""
        if not self._is_off() and (run_id := self._inherited_run()):
            for run in self._active.everywhere():
                if run.run_id == run_id:
                    return self._activate(run, is_top=False)
            # Not as a top-level run: any thread finds it here, whatever the others do meanwhile.
            return self._activate_writer(self._store(), run_id, owner=False, is_top=False)
        return self.start_run()

    def _active_runs(self) -> list[ActiveRun]:
        return self._active.everywhere()

    def _experiments_searched(self, store: Store) -> list[str]:
        return self._scope(store, None)

    def _inherited_run(self) -> str | None:
        """The run that is active in the process that spawned this one; None when there is none."""
        inherited = settings.inherited_run()
        if inherited is None:
            return None
        run_id, uri = inherited
        opened = self._opened
        try:
            if self.store is not None or (opened is not None and opened.uri == uri):
                store = self._store()
            else:
                store = open_store(uri)
            if store.runs.get(run_id).info.status != RunStatus.RUNNING:
                return None
        except NbtrackError:
            return None  # it was of another store, or is gone
        self._opened = store
        return run_id

    def _handle(self, run_id: str) -> ActiveRun:
        if self._is_off() or run_id == DISABLED_RUN_ID:
            return DisabledRun(self)
        for run in self._active.everywhere():
            if run.run_id == run_id:
                return run
        check_run_id(run_id)
        store = self._store_to_read("run", run_id)
        handle = self._handles.get(store, run_id, raises=self.on_error == "raise")
        if self._active_models.may_be:
            handle.watch_models()
        return handle

    def handle_of(self, run: ActiveRun) -> ActiveRun:
        """What logs to a run that may have ended since, or been resumed; wherever the tracker logs to now.

        Raises:
            NotFoundError: The run is there no more.
            DeletedError: It is deleted.
        """
        if self._is_off():
            return DisabledRun(self)
        for active in self._active.everywhere():
            if active.run_id == run.run_id:
                return active
        store = run._store  # pyright: ignore[reportPrivateUsage]
        return self._handles.get(store, run.run_id, raises=self.on_error == "raise")

    def _end(self, run: ActiveRun, status: str, tags: Mapping[str, str], *, sync: bool) -> None:
        self._active.remove(run)
        self._last.run_id = run.run_id
        if not run.is_owner:
            settings.forget_inherited_run()
        began_in = run._began_in  # pyright: ignore[reportPrivateUsage]
        if began_in is not None:
            tags = {**run_context.tags_of_end(began_in), **tags}
        self._tell_workers()
        self._unfinished.append(run)
        if sync:
            environment.settle(self._opened)  # what the background finds out survives a power cut as well
        run.close(status, tags, sync=sync)
        self._settle()

    def _settle(self) -> bool:
        """Write what the store has refused of runs that have ended; True when nothing is left."""
        for run in list(self._unfinished):
            if run.has_settled():
                with suppress(ValueError):
                    self._unfinished.remove(run)  # unless another thread was faster
        if not self._unfinished and not self._active.everywhere():
            _busy.discard(self)
        return not self._unfinished

    def _tell_workers(self) -> None:
        """Let processes that are spawned from here log to the run that is active here, if there is one."""
        run = self._active.innermost() or next(reversed(self._active.everywhere()), None)
        if run is None or isinstance(run, DisabledRun):
            settings.leave_no_run()
        else:
            settings.leave_run(run.run_id, run.store_uri)

    def _create(
        self,
        store: Store,
        experiment: Experiment,
        parent: str | None,
        tags: dict[str, str],
        *,
        cell: "CellIdentity | None" = None,
        begins_lineage: bool = False,
    ) -> ActiveRun:
        if parent is not None:
            tags[system_tags.PARENT_RUN_ID] = parent
        name = tags.get(system_tags.RUN_NAME) or random_run_name()
        run_id = attempt = None
        try:
            context = run_context.context_tags(store)
            first_tags, location = {**context, **tags}, _own_location(store, experiment)
            if cell is None:
                run_id = store.runs.create(
                    experiment.experiment_id, name, tags=first_tags, artifact_location=location
                )
            else:
                attempt = store.attempts.create(
                    experiment.experiment_id,
                    cell,
                    new_name=name,
                    tags=first_tags,
                    is_new=begins_lineage,
                    artifact_location=location,
                )
                run_id = attempt.run_id
            if parent is None and (assumed := run_context.params_of_session()):
                store.runs.set_params(run_id, assumed, assumed=True)  # of a nested run, the parent has them
            for outer in self._active.stack():
                if outer.run_id == parent:
                    outer.nested_ids.append(run_id)
            run = self._activate_writer(store, run_id, owner=True, is_top=self._is_top(parent))
            run.attempt = attempt
            run._began_in = context.get(system_tags.CELL_NUMBER)  # pyright: ignore[reportPrivateUsage]
            environment.capture_later(store, run_id, context)
            return run
        except KeyboardInterrupt as interrupt:
            undo_abandoned(interrupt)
            self._give_up(store, run_id)
            raise

    def _resume_asked(
        self, store: Store, run_id: str, tags: dict[str, str], variable: str | None, outer: ActiveRun | None
    ) -> ActiveRun:
        """Resume a run; an error says which environment variable asked for it, or where a name goes."""
        advice = f"A name is given as run_name={run_id!r:.80}."
        try:
            check_run_id(run_id)
        except InvalidTypeError:
            raise
        except InvalidValueError as error:
            message = f"{variable} is set: {error}" if variable else f"{error} {advice}"
            raise InvalidValueError(message) from None
        try:
            return self._resume(store, run_id, tags, outer)
        except NotFoundError:
            if variable:
                advice = f"{variable} asks for it."
            elif len(run_id) == _LENGTH_OF_OURS:
                raise
            place = f"It was looked for in {self._store_place()}."
            raise NotFoundError("run", run_id, advice=f"{advice} {place}") from None

    def _resume(
        self, store: Store, run_id: str, tags: dict[str, str], outer: ActiveRun | None = None
    ) -> ActiveRun:
        check_run_id(run_id)
        if any(run.run_id == run_id for run in self._active.stack()):
            raise RunAlreadyActiveError(f"Run {run_id} is already active. Log to it as it is.")
        try:
            found = store.runs.resume(run_id, run_name=tags.get(system_tags.RUN_NAME), tags=tags)
            inside = (found.data.tags.get(system_tags.PARENT_RUN_ID), outer.run_id if outer else None)
            is_top = all(map(self._is_top, inside))
            run = self._activate_writer(store, run_id, owner=True, is_top=is_top)
            if found.outputs.model_outputs:
                run.watch_models(active=False)
            return run
        except KeyboardInterrupt as interrupt:
            undo_abandoned(interrupt)
            self._give_up(store, run_id)
            raise

    def _measured(self, store: Store, run: ActiveRun, log_system_metrics: bool | None) -> ActiveRun:
        if log_system_metrics or (log_system_metrics is None and settings.wants_system_metrics()):
            try:
                run.log_system_metrics()
            except KeyboardInterrupt:
                self._give_up(store, run.run_id)
                raise
        return run

    def _activate_writer(self, store: Store, run_id: str, *, owner: bool, is_top: bool) -> ActiveRun:
        writer = store.writer(run_id, owner=owner, raises=self.on_error == "raise")
        return self._activate(ActiveRun(self, store, writer), is_top=is_top)

    def _is_top(self, parent: str | None) -> bool:
        """Whether a run of this thread with that parent is a top-level one of this process."""
        inherited = settings.inherited_run()
        if inherited is not None and inherited[0] == parent:
            # A spawned worker does in its main thread what it was started for.
            return threading.current_thread() is threading.main_thread()
        return all(run.run_id != parent for run in self._active.everywhere())

    def _activate(self, run: ActiveRun, *, is_top: bool) -> ActiveRun:
        self._settle()
        if self._active_models.may_be:
            run.watch_models()
        self._active.push(run, is_top=is_top)
        self._last.run_id = run.run_id
        _end_at_exit(self)
        self._tell_workers()
        return run

    def _give_up(self, store: Store, run_id: str | None) -> None:
        """End a run whose start was interrupted: nobody has it, so nobody else can."""
        tags = {system_tags.INTERRUPTED: "true"}
        for run in self._active.everywhere():
            if run.run_id == run_id:
                self._end(run, RunStatus.KILLED, tags, sync=False)
                return
        if run_id is not None:
            with suppress(NbtrackError):
                store.runs.end(run_id, RunStatus.KILLED, tags=tags)

    def _parent(self, store: Store, outer: ActiveRun | None, parent_run_id: str | None) -> str | None:
        if parent_run_id is None:
            return outer.run_id if outer is not None else None
        if outer is not None and outer.run_id != parent_run_id:
            raise InvalidValueError(
                f"parent_run_id is {parent_run_id!r}, but run {outer.run_id} is active. End it first."
            )
        parent = store.runs.get(check_run_id(parent_run_id))
        if parent.info.lifecycle_stage == LifecycleStage.DELETED:
            raise DeletedError(f"The parent run {parent_run_id!r} is deleted. Restore it first.")
        return parent_run_id

    def _experiment_of_new_run(self, store: Store, experiment_id: str | int | None) -> Experiment:
        if experiment_id is None:
            found = self._active_experiment(store)
        elif isinstance(experiment_id, bool) or not isinstance(experiment_id, (str, int)):
            raise InvalidTypeError(
                "An experiment_id is text or a whole number, got "
                f"{type(experiment_id).__name__} {experiment_id!r}."
            )
        else:
            found = store.experiments.get(str(experiment_id))
        check_active(found)
        return found


def _own_location(store: Store, experiment: Experiment) -> str | None:
    """Where an experiment wants the artifacts of its runs; None for the store's own place."""
    location = experiment.artifact_location
    return None if location == store.artifact_location else location


def tag_texts(
    tags: Mapping[str, Any] | None, run_name: str | None, description: str | None
) -> dict[str, str]:
    """The tags a run starts with, its name and note among them."""
    if tags is not None and not isinstance(tags, Mapping):
        raise InvalidTypeError(f"tags are given as a dict, got {type(tags).__name__}.")
    texts = {check_key("tag", key): str(value) for key, value in (tags or {}).items()}
    for key, given, what in (
        (system_tags.RUN_NAME, run_name, "run_name"),
        (system_tags.NOTE, description, "description"),
    ):
        if given is None:
            continue
        given = str(given)
        if texts.setdefault(key, given) != given:
            raise InvalidValueError(
                f"{what} is {given!r}, but the tag {key!r} is {texts[key]!r}. Give one of them."
            )
    return texts


def _check_status(status: str) -> None:
    if status not in RunStatus.TERMINATED:
        known = ", ".join(RunStatus.TERMINATED)
        raise InvalidValueError(f"{status!r} is no status of a run that has ended. Use one of {known}.")


_trackers: "weakref.WeakSet[Tracker]" = weakref.WeakSet()
_busy: "set[Tracker]" = set()
"""Those that have runs to end: they must live on when the user has let go of them."""
_is_registered = False


def _end_at_exit(tracker: Tracker) -> None:
    global _is_registered
    if not _is_registered:
        _is_registered = True
        atexit.register(_end_active_runs)
    _busy.add(tracker)


def _end_active_runs() -> None:
    """At the end of the process, end what is active: FAILED when an exception ended a script."""
    status = RunStatus.FINISHED
    tags: dict[str, str] = {}
    # Where one types, work goes on after an exception: the last one says nothing about the end.
    is_typing = run_context.interactive_shell() is not None or hasattr(sys, "ps1")
    if not is_typing and (error := getattr(sys, "last_value", None)) is not None:
        from nbtrack.tracking.active_run import outcome_of

        status, tags = outcome_of(error)
    # Where nothing was recorded by itself, nothing waits for the end of the script.
    if autologged := sys.modules.get("nbtrack.tracking.autolog.cell_end"):
        autologged.end(None if is_typing else getattr(sys, "last_value", None))
    for tracker in list(_trackers):
        try:
            for run in reversed(tracker._active.everywhere()):  # pyright: ignore[reportPrivateUsage]
                tracker.finish(run, status, tags=tags, sync=True)
            if not tracker._settle():  # pyright: ignore[reportPrivateUsage]
                print("nbtrack could not end its runs: the store refuses to the end.", file=sys.stderr)
            tracker.close()
        except NbtrackError as error:
            print(f"nbtrack could not end its runs: {error}", file=sys.stderr)
    # Where no model was logged, there is nothing to tell, and nothing to load for it.
    if logging := sys.modules.get("nbtrack.tracking.model_logging"):
        logging.tell_what_was_not_logged()


def _free_locks_in_child() -> None:
    for tracker in list(_trackers):
        tracker._after_fork()  # pyright: ignore[reportPrivateUsage]
        tracker._handles.after_fork()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks_in_child)
