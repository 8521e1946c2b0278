"""`Tracker`: a store, an experiment and the active runs, with every verb of logging.

The fluent functions of `import nbtrack` are the methods of one default tracker.
"""

import atexit
import os
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import PathLike
from typing import Any

from traitlets import Any as AnyTrait
from traitlets import Bool, Enum, Unicode
from traitlets.config.configurable import Configurable

from nbtrack.core import settings, system_tags
from nbtrack.core.entities import Experiment, FileInfo, LifecycleStage, Run, RunList, RunStatus, ViewType
from nbtrack.core.errors import (
    InvalidStateError,
    InvalidTypeError,
    InvalidValueError,
    NbtrackError,
    NotFoundError,
    RunAlreadyActiveError,
)
from nbtrack.core.names import check_experiment_name, check_key, check_run_id
from nbtrack.core.run_names import random_run_name
from nbtrack.documents.database import Database
from nbtrack.filters.run_filter import parse_filter, parse_order
from nbtrack.stores.contracts import Artifacts, Store
from nbtrack.stores.opening import open_store, store_exists, store_folder
from nbtrack.tracking import environment, metric_history, run_context
from nbtrack.tracking.active import ActiveRuns
from nbtrack.tracking.active_run import ActiveRun, undo_abandoned
from nbtrack.tracking.disabled_run import DisabledRun

DEFAULT_EXPERIMENT_ID = "0"

_ARGUMENTS = ("store", "experiment", "enabled", "on_error")


class Tracker(Configurable):
    """Records runs into one store.

    Args:
        store: A folder, a `file:` or a `sqlite:///` URI; None is `NBTRACK_TRACKING_URI`, else the
            nearest `.nbtrack` from the working directory upwards, else a new one there.
        experiment: Name of the experiment of new runs; made when it does not exist.
        enabled: False makes every call a cheap no-op; so does `NBTRACK_DISABLED=1`.
        on_error: What to do when the store refuses in the middle of a run: `warn` (training goes
            on, what was not written is kept in memory and tried again) or `raise`.
    """

    store = AnyTrait(
        None, allow_none=True, help="Tracking URI of the store: a folder, file: or sqlite:///."
    ).tag(config=True)
    experiment = Unicode(None, allow_none=True, help="Name of the experiment of new runs.").tag(config=True)
    enabled = Bool(True, help="Whether anything is recorded at all.").tag(config=True)
    on_error = Enum(["warn", "raise"], "warn", help="What to do when the store refuses.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        known = (*self.trait_names(), "parent", "config", "log")
        for name in kwargs:
            if name not in known:
                raise InvalidTypeError(
                    f"Tracker has no argument {name!r}; there are {', '.join(_ARGUMENTS)}."
                )
        super().__init__(**kwargs)
        self._active: ActiveRuns[ActiveRun] = ActiveRuns()
        self._current = self._active.current
        self._opened: Store | None = None
        self._unfinished: list[ActiveRun] = []
        self._opening = threading.Lock()
        self._experiment_id: str | None = None
        self._exports_uri = False
        _trackers.add(self)

    # ---- where -------------------------------------------------------------------------------

    def set_tracking_uri(self, uri: str | PathLike[str] | None) -> None:
        """Choose the store for what is logged from now on; runs that are active stay where they are.

        Args:
            uri: A folder, a `file:` URI or `sqlite:///d/x.db` (the folder `d/x.nbtrack`). None
                goes back to the setting or the nearest `.nbtrack`.

        Raises:
            InvalidValueError: It is no tracking URI that this nbtrack knows.
            ForeignStoreError: Something else lives there; it is left alone.
        """
        folder = None if uri is None else str(store_folder(uri))
        self.store = folder
        self._opened = None
        if self._exports_uri:
            if folder is None:
                os.environ.pop("NBTRACK_TRACKING_URI", None)
            else:
                # Scripts started from here log into the same store, as with MLflow.
                os.environ["NBTRACK_TRACKING_URI"] = folder

    def get_tracking_uri(self) -> str:
        """The folder of the store; nothing is made."""
        # An open store stays where it is when the working directory changes.
        store = self._opened
        return str(store_folder(self._uri())) if store is None else store.uri

    def set_experiment(
        self, experiment_name: str | None = None, experiment_id: str | int | None = None
    ) -> Experiment:
        """Choose the experiment of new runs; a run that is active stays in its own.

        The name is kept: after a later `set_tracking_uri` it means the experiment of that name there.

        Args:
            experiment_name: Made when it does not exist.
            experiment_id: One that exists; give one of the two.

        Raises:
            InvalidValueError: Both or none given, or a name that cannot be.
            NotFoundError: No experiment has that id.
            InvalidStateError: It is deleted.
        """
        if (experiment_name is None) == (experiment_id is None):
            raise InvalidValueError("set_experiment takes either a name or an experiment_id.")
        if self._is_off():
            self.experiment = experiment_name
            return Experiment(DEFAULT_EXPERIMENT_ID, experiment_name or "", "")
        store = self._store()
        if experiment_id is not None:
            found = store.experiments.get(str(experiment_id))
        else:
            check_experiment_name(experiment_name)
            found = store.experiments.ensure(str(experiment_name))
        _check_active(found)
        self.experiment = found.name
        self._experiment_id = found.experiment_id
        return found

    def create_experiment(self, name: str, tags: Mapping[str, Any] | None = None) -> str:
        """Make an experiment and return its id.

        Raises:
            AlreadyExistsError: There is one of that name, perhaps deleted.
        """
        texts = {check_key("tag", key): str(value) for key, value in (tags or {}).items()}
        check_experiment_name(name)
        return DEFAULT_EXPERIMENT_ID if self._is_off() else self._store().experiments.create(name, texts)

    def get_experiment(self, experiment_id: str | int) -> Experiment:
        """Read an experiment, also a deleted one.

        Raises:
            NotFoundError: None has that id.
        """
        return self._store_to_read("experiment", str(experiment_id)).experiments.get(str(experiment_id))

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Read an experiment by name, also a deleted one; None when there is none."""
        return self._store().experiments.find(name) if self._has_store() else None

    def search_experiments(self, view_type: int = ViewType.ACTIVE_ONLY) -> list[Experiment]:
        """All experiments, the newest first."""
        return self._store().experiments.search(view_type) if self._has_store() else []

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
    ) -> ActiveRun:
        """Start a run, or resume one, and make it the active run of this thread.

        Args:
            run_id: Resume this run; None starts a new one, or resumes what `NBTRACK_RUN_ID` says.
            experiment_id: The new run's experiment; None is that of `set_experiment`, else of the
                settings, else "0", Default.
            run_name: For people; None makes one up.
            nested: Start it inside the active run, as its child.
            parent_run_id: Start it as a child of this run.
            tags: First tags; values become text.
            description: A note, in Markdown.

        Returns:
            The run; in a `with` block it is ended at the end: FINISHED, or FAILED by an exception.

        Raises:
            RunAlreadyActiveError: A run is active and `nested` is not set.
            NotFoundError: The run to resume, the parent or the experiment does not exist.
            InvalidStateError: The run, the parent or the experiment is deleted.
            StoreError: The store cannot be opened or written.
        """
        outer = self._active.innermost()
        if outer is None and nested:
            outer = self._current()  # a worker thread nests in the run of its starter
        if outer is not None and not nested and not outer.takes_nested:
            raise RunAlreadyActiveError(
                f"Run {outer.run_id} is already active. Log to it, end it with nbtrack.end_run(), "
                "or start this one inside it with start_run(nested=True)."
            )
        if self._is_off() or isinstance(outer, DisabledRun):
            return self._activate(DisabledRun(self))
        texts = _tag_texts(tags, run_name, description)
        asked = run_id or settings.consume_run_id()
        store = self._store()
        if asked is not None:
            return self._resume(store, asked, texts)
        parent = self._parent(store, outer, parent_run_id)
        return self._create(store, self._experiment_of_new_run(store, experiment_id), parent, texts)

    def start_cell_run(
        self,
        *,
        run_id: str | None = None,
        experiment_name: str | None = None,
        run_name: str | None = None,
        nested: bool = False,
        tags: Mapping[str, Any] | None = None,
    ) -> ActiveRun:
        """Start the run of a tracked cell: on top of whatever is active, never "already active".

        Runs that the cell starts are nested in it.

        Args:
            run_id: Resume this run.
            experiment_name: The new run's experiment, made when it does not exist; None is the
                active one.
            run_name: For people.
            nested: Whether it is a child of the active run; it stands beside it otherwise.
            tags: First tags.

        Raises:
            NbtrackError: As `start_run`.
        """
        if self._is_off():
            return self._activate(DisabledRun(self))
        texts = _tag_texts(tags, run_name, None)
        store = self._store()
        if run_id is not None:
            run = self._resume(store, run_id, texts)
        else:
            experiment_id = None
            if experiment_name is not None:
                experiment_id = store.experiments.ensure(experiment_name).experiment_id
            outer = self._active.innermost()
            parent = None
            if nested and outer is not None and not isinstance(outer, DisabledRun):
                parent = outer.run_id
            run = self._create(store, self._experiment_of_new_run(store, experiment_id), parent, texts)
        run.takes_nested = True
        return run

    def start_unrecorded_run(self) -> ActiveRun:
        """Make a run active that records nothing, as do the runs started inside it.

        It stands in for a run that the store refused to start, so that what would log to that run
        goes on.
        """
        return self._activate(DisabledRun(self))

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
            self._end(run, status, tags or {}, sync=sync)
        except KeyboardInterrupt as interrupt:
            # Nobody could end a run that is half ended: it is done, and then the interrupt goes on.
            undo_abandoned(interrupt)
            self._end(run, status, tags or {}, sync=sync)
            raise

    def get_run(self, run_id: str) -> Run:
        """Read a run as it is now, also a running or deleted one.

        Raises:
            NotFoundError: There is no such run.
        """
        check_run_id(run_id)
        return self._store_to_read("run", run_id).runs.get(run_id)

    def get_metric_history(self, run_id: str, key: str, output_format: str = "list") -> Any:
        """Read all points of a metric, ordered by timestamp, then as logged.

        Args:
            run_id: The run.
            key: The metric; one that was never logged has no points.
            output_format: `list` for a list of `Metric`; `numpy` for a structured array,
                (points,), with the fields `step`, `timestamp` (ms since 1970, UTC) and `value`.

        Raises:
            NotFoundError: There is no such run.
            InvalidValueError: It is no output format.
        """
        check_run_id(run_id)
        return metric_history.read(self._store_to_read("run", run_id).runs, run_id, key, output_format)

    def search_runs(
        self,
        experiment_ids: Sequence[str] | None = None,
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 100_000,
        order_by: Sequence[str] | None = None,
        output_format: str = "pandas",
        search_all_experiments: bool = False,
        experiment_names: Sequence[str] | None = None,
    ) -> Any:
        """Find runs.

        Args:
            experiment_ids: Look in these; None is the active experiment.
            filter_string: Such as `metrics.loss < 0.2 and params.model = 'tree'`.
            run_view_type: One of `ViewType`.
            max_results: How many at most, from 1.
            order_by: Such as `["metrics.loss ASC"]`; runs without the metric come last. Ties and
                None: the latest start first.
            output_format: `pandas` for a DataFrame with MLflow's columns, `list` for a list of `Run`.
            search_all_experiments: Look in every experiment.
            experiment_names: Look in these.

        Raises:
            InvalidValueError: The filter or order is malformed, or arguments contradict each other.
        """
        if output_format not in ("pandas", "list"):
            raise InvalidValueError(f"The output format {output_format!r} is none of pandas, list.")
        if experiment_ids and experiment_names:
            raise InvalidValueError("search_runs takes either experiment_ids or experiment_names.")
        if isinstance(max_results, bool) or not isinstance(max_results, int) or max_results < 1:
            raise InvalidValueError(f"max_results is a whole number from 1, got {max_results!r}.")
        if run_view_type not in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
            raise InvalidValueError(f"run_view_type is one of ViewType (1, 2 or 3), got {run_view_type!r}.")
        condition, order = parse_filter(filter_string), parse_order(order_by)
        as_list = output_format == "list"
        found: Any = RunList()
        if not self._is_off() and self._has_store():
            store = self._store()
            scope = None
            if not search_all_experiments:
                scope = self._searched(store, experiment_ids, experiment_names)
            if as_list:
                found = store.runs.search(
                    scope, condition, order, view=run_view_type, limit=max_results, with_sketches=True
                )
            else:
                found = store.runs.search_columns(
                    scope, condition, order, view=run_view_type, limit=max_results
                )
        if as_list:
            return found
        from nbtrack.tracking.run_frames import as_frame

        return as_frame(found)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """What lies in an artifact folder of a run, one level, by name.

        Args:
            run_id: The run.
            path: Folder inside the run; None is its root.

        Raises:
            NotFoundError: There is no such run.
            InvalidValueError: `path` would leave the run or is malformed.
        """
        return self._artifacts(run_id).list(path)

    def load_text(self, run_id: str, artifact_file: str) -> str:
        """Read a text artifact of a run, in UTF-8.

        Raises:
            NotFoundError: There is no such run, or no such artifact.
            InvalidValueError: `artifact_file` would leave the run or is malformed.
        """
        with self._artifacts(run_id).open(artifact_file) as file:
            return file.read().decode("utf-8", "replace")

    @property
    def documents(self) -> Database:
        """The document database of the store, to query in TinyDB's idiom.

        `tracker.documents.table("runs").search(Query().params.model == "tree")`; the tables are
        `runs`, `experiments` and `sketches`.
        """
        return self._store().documents

    # ---- logging to the active run -----------------------------------------------------------

    def log_metric(
        self,
        key: str,
        value: Any,
        step: int | None = None,
        synchronous: bool | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Log one point of a metric to the active run; see `ActiveRun.log_metric`."""
        (self._current() or self._implicit()).log_metric(key, value, step, synchronous, timestamp)

    def log_metrics(
        self,
        metrics: Mapping[str, Any],
        step: int | None = None,
        synchronous: bool | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Log a point of each of several metrics to the active run; see `ActiveRun.log_metrics`."""
        (self._current() or self._implicit()).log_metrics(metrics, step, synchronous, timestamp)

    def log_param(self, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log one param to the active run and give its value back; see `ActiveRun.log_param`."""
        return (self._current() or self._implicit()).log_param(key, value, synchronous)

    def log_params(self, params: Mapping[str, Any], synchronous: bool | None = None) -> None:
        """Log several params to the active run; see `ActiveRun.log_params`."""
        (self._current() or self._implicit()).log_params(params, synchronous)

    def set_tag(self, key: str, value: Any, synchronous: bool | None = None) -> None:
        """Set one tag of the active run; see `ActiveRun.set_tag`."""
        (self._current() or self._implicit()).set_tag(key, value, synchronous)

    def set_tags(self, tags: Mapping[str, Any], synchronous: bool | None = None) -> None:
        """Set several tags of the active run; see `ActiveRun.set_tags`."""
        (self._current() or self._implicit()).set_tags(tags, synchronous)

    def log_artifact(self, local_path: str | PathLike[str], artifact_path: str | None = None) -> None:
        """Copy a file or folder into the active run; see `ActiveRun.log_artifact`."""
        (self._current() or self._implicit()).log_artifact(local_path, artifact_path)

    def log_artifacts(self, local_dir: str | PathLike[str], artifact_path: str | None = None) -> None:
        """Copy what a folder holds into the active run; see `ActiveRun.log_artifacts`."""
        (self._current() or self._implicit()).log_artifacts(local_dir, artifact_path)

    def log_text(self, text: str, artifact_file: str) -> None:
        """Keep text as an artifact of the active run; see `ActiveRun.log_text`."""
        (self._current() or self._implicit()).log_text(text, artifact_file)

    def log_dict(self, dictionary: Any, artifact_file: str) -> None:
        """Keep a dict or list as an artifact of the active run; see `ActiveRun.log_dict`."""
        (self._current() or self._implicit()).log_dict(dictionary, artifact_file)

    def log_figure(
        self, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Keep a figure as an artifact of the active run; see `ActiveRun.log_figure`."""
        (self._current() or self._implicit()).log_figure(figure, artifact_file, save_kwargs=save_kwargs)

    def flush(self) -> None:
        """Make everything this tracker has written survive a power cut.

        Raises:
            StoreError: The disk refused.
        """
        self._settle()
        environment.settle(self._opened)
        for run in self._active.everywhere():
            run.flush()
        if self._opened is not None:
            self._opened.sync()

    def close(self) -> None:
        """End the runs that are active, FINISHED, and close the store; a later call opens it again."""
        for run in reversed(self._active.everywhere()):
            self.finish(run, RunStatus.FINISHED)
        self._settle()
        environment.settle(self._opened)
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    # ---- inside ------------------------------------------------------------------------------

    def _store(self) -> Store:
        store = self._opened
        # A store that was deleted is made anew: writing on would lose everything without an error.
        if store is None or not store.is_there():
            # One store for all threads: its background thread looks after the runs of each.
            with self._opening:
                store = self._opened
                if store is None or not store.is_there():
                    store = self._opened = open_store(self._uri())
        return store

    def _artifacts(self, run_id: str) -> Artifacts:
        self.get_run(run_id)
        return self._store().runs.artifacts(run_id)

    def _has_store(self) -> bool:
        """Whether there is a store already: looking makes none."""
        return self._opened is not None or store_exists(self._uri())

    def _store_to_read(self, kind: str, name: str) -> Store:
        if not self._has_store():
            raise NotFoundError(kind, name, advice=f"There is no store at {self.get_tracking_uri()}.")
        return self._store()

    def _uri(self) -> Any:
        if self.store is not None:
            return self.store
        uri = settings.setting("TRACKING_URI")
        if uri is not None:
            try:
                store_folder(uri)
            except InvalidValueError as error:
                raise InvalidValueError(f"{settings.variable_of('TRACKING_URI')} is set: {error}") from error
        return uri

    def _is_off(self) -> bool:
        return not self.enabled or settings.is_disabled()

    def _implicit(self) -> ActiveRun:
        """The run of a call that finds none active: the parent process's, else a new one."""
        if not self._is_off() and (inherited := settings.inherited_run()):
            run_id, uri = inherited
            try:
                store = self._store() if self.store is not None else open_store(uri)
                if store.runs.get(run_id).info.status == RunStatus.RUNNING:
                    self._opened = store
                    return self._activate_writer(store, run_id, owner=False)
            except NbtrackError:
                pass  # it was of another store, or is gone: what follows is a run of our own
        return self.start_run()

    def _end(self, run: ActiveRun, status: str, tags: Mapping[str, str], *, sync: bool) -> None:
        self._active.remove(run)
        self._tell_workers()
        self._unfinished.append(run)
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
        self, store: Store, experiment_id: str, parent: str | None, tags: dict[str, str]
    ) -> ActiveRun:
        if parent is not None:
            tags[system_tags.PARENT_RUN_ID] = parent
        name = tags.get(system_tags.RUN_NAME) or random_run_name()
        run_id = None
        try:
            context = run_context.context_tags(store)
            run_id = store.runs.create(experiment_id, name, tags={**context, **tags})
            for outer in self._active.stack():
                if outer.run_id == parent:
                    outer.nested_ids.append(run_id)
            run = self._activate_writer(store, run_id, owner=True)
            environment.capture_later(store, run_id, context)
            return run
        except KeyboardInterrupt as interrupt:
            undo_abandoned(interrupt)
            self._give_up(store, run_id)
            raise

    def _resume(self, store: Store, run_id: str, tags: dict[str, str]) -> ActiveRun:
        check_run_id(run_id)
        if any(run.run_id == run_id for run in self._active.stack()):
            raise RunAlreadyActiveError(f"Run {run_id} is already active. Log to it as it is.")
        try:
            store.runs.resume(run_id, run_name=tags.get(system_tags.RUN_NAME), tags=tags)
            return self._activate_writer(store, run_id, owner=True)
        except KeyboardInterrupt as interrupt:
            undo_abandoned(interrupt)
            self._give_up(store, run_id)
            raise

    def _activate_writer(self, store: Store, run_id: str, *, owner: bool) -> ActiveRun:
        writer = store.writer(run_id, owner=owner, raises=self.on_error == "raise")
        return self._activate(ActiveRun(self, store, writer))

    def _activate(self, run: ActiveRun) -> ActiveRun:
        self._settle()
        self._active.push(run)
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
            raise InvalidStateError(f"The parent run {parent_run_id!r} is deleted. Restore it first.")
        return parent_run_id

    def _experiment_of_new_run(self, store: Store, experiment_id: str | int | None) -> str:
        if experiment_id is None:
            experiment_id = self._active_experiment_id(store)
        elif isinstance(experiment_id, bool) or not isinstance(experiment_id, (str, int)):
            raise InvalidTypeError(
                "An experiment_id is text or a whole number, got "
                f"{type(experiment_id).__name__} {experiment_id!r}."
            )
        found = store.experiments.get(str(experiment_id))
        _check_active(found)
        return found.experiment_id

    def _active_experiment_id(self, store: Store) -> str:
        name = self.experiment
        if name is None:
            name = settings.setting("EXPERIMENT_NAME")
            if name is None:
                return settings.setting("EXPERIMENT_ID") or DEFAULT_EXPERIMENT_ID
        if self._experiment_id is not None:
            # The id was found in the store of that time, which set_tracking_uri may have changed.
            try:
                if store.experiments.get(self._experiment_id).name == name:
                    return self._experiment_id
            except NotFoundError:
                self._experiment_id = None
        self._experiment_id = store.experiments.ensure(name).experiment_id
        return self._experiment_id

    def _searched(
        self, store: Store, experiment_ids: Sequence[str] | None, names: Sequence[str] | None
    ) -> list[str]:
        if experiment_ids is not None:
            # One id is often given without a list; its letters are not meant.
            ids = [experiment_ids] if isinstance(experiment_ids, str | int) else experiment_ids
            if (
                isinstance(experiment_ids, str)
                and not experiment_ids.replace("-", "").replace("_", "").isalnum()
            ):
                raise InvalidValueError(
                    f"{experiment_ids!r} is no experiment id. A filter is given as filter_string=..."
                )
            return [str(experiment_id) for experiment_id in ids]
        if names is not None:
            found = [store.experiments.find(name) for name in ([names] if isinstance(names, str) else names)]
            return [experiment.experiment_id for experiment in found if experiment is not None]
        if self.experiment is not None and store.experiments.find(self.experiment) is None:
            return []
        return [self._active_experiment_id(store)]


def _tag_texts(
    tags: Mapping[str, Any] | None, run_name: str | None, description: str | None
) -> dict[str, str]:
    """The tags a run starts with, its name and note among them."""
    texts = {check_key("tag", key): str(value) for key, value in (tags or {}).items()}
    for key, given, what in (
        (system_tags.RUN_NAME, run_name, "run_name"),
        (system_tags.NOTE, description, "description"),
    ):
        if given is None:
            continue
        if not isinstance(given, str):
            raise InvalidTypeError(f"{what} is text, got {type(given).__name__} {given!r}.")
        if texts.setdefault(key, given) != given:
            raise InvalidValueError(
                f"{what} is {given!r}, but the tag {key!r} is {texts[key]!r}. Give one of them."
            )
    return texts


def _check_status(status: str) -> None:
    if status not in RunStatus.TERMINATED:
        known = ", ".join(RunStatus.TERMINATED)
        raise InvalidValueError(f"{status!r} is no status of a run that has ended. Use one of {known}.")


def _check_active(experiment: Experiment) -> None:
    if experiment.lifecycle_stage == LifecycleStage.DELETED:
        raise InvalidStateError(
            f"Experiment {experiment.name!r} is deleted. Restore it, or choose another name."
        )


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
    for tracker in list(_trackers):
        try:
            for run in reversed(tracker._active.everywhere()):  # pyright: ignore[reportPrivateUsage]
                tracker.finish(run, status, tags=tags, sync=True)
            if not tracker._settle():  # pyright: ignore[reportPrivateUsage]
                print("nbtrack could not end its runs: the store refuses to the end.", file=sys.stderr)
            tracker.close()
        except NbtrackError as error:
            print(f"nbtrack could not end its runs: {error}", file=sys.stderr)


def _free_locks_in_child() -> None:
    for tracker in list(_trackers):
        tracker._opening = threading.Lock()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks_in_child)
