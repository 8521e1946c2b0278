"""A run that is being recorded: the verbs of logging."""

import struct
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count, dropwhile
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, cast

from nbtrack.core import metric_values, system_tags
from nbtrack.core.datasets import DatasetInput, RunInputs
from nbtrack.core.entities import Metric, Param, Run, RunData, RunInfo, RunOutputs, RunStatus, RunTag
from nbtrack.core.errors import (
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
    NbtrackError,
    NotFoundError,
    StoreError,
)
from nbtrack.core.names import check_key
from nbtrack.core.warn import warn_user
from nbtrack.stores.contracts import RunWriter, Store
from nbtrack.tracking import metric_history
from nbtrack.tracking.artifact_verbs import ArtifactVerbs
from nbtrack.tracking.input_verbs import InputVerbs
from nbtrack.tracking.model_links import ModelLinks, Point
from nbtrack.tracking.model_verbs import ModelVerbs
from nbtrack.tracking.param_texts import param_texts
from nbtrack.tracking.run_operations import DONE

if TYPE_CHECKING:
    from nbtrack.core.cells import ExecutedCell, Slice
    from nbtrack.core.ended_runs import EndedRun
    from nbtrack.core.lineages import StartedAttempt
    from nbtrack.tracking.progress_board import ProgressBoard
    from nbtrack.tracking.system_metrics import SystemMetricsSampler


class RunKeeper(Protocol):
    """What a run needs of the tracker that started it."""

    on_error: Any
    """`warn` or `raise`."""

    def is_active(self, run: "ActiveRun") -> bool:
        """Whether the run has not been ended by this process."""
        ...

    def get_active_model_id(self) -> str | None:
        """The model that this thread's points are measured of."""
        ...

    def registry_for(self, store: Store) -> Store:
        """The store that gets the versions of models that are logged in `store`."""
        ...

    def note_logged_model(self, model_id: str) -> None:
        """Know which model this thread has logged last."""
        ...

    def finish(
        self, run: "ActiveRun", status: str, *, tags: Mapping[str, str] | None = None, sync: bool = False
    ) -> None:
        """End the run."""
        ...


class ActiveRun(ArtifactVerbs, InputVerbs, ModelVerbs, Run):
    """A run this process records. Use it in a `with` block, or end it with `end()`.

    Its `info` and `data` are what the store holds now, not what they were at the start.
    """

    def __init__(self, tracker: "RunKeeper", store: Store, writer: RunWriter) -> None:
        self._tracker = tracker
        self._store = store
        self._runs = store.runs
        self._writer = writer
        self._append = writer.append
        self._run_id = writer.run_id
        self._links: ModelLinks | None = None
        self._unsaved: deque[Callable[[], None]] = deque()
        self._unsaved_files: deque[Callable[[], None]] = deque()
        self.takes_nested = False
        """Whether `start_run()` inside it starts a nested run without being told so."""
        self.nested_ids: list[str] = []
        """The runs that this thread has started inside it, in that order."""
        self.before_end: list[Callable[[], None]] = []
        """Called once each before the run ends, by whatever ends it: recordings that still have something."""
        self._trainings = count(1)
        self._sampler: SystemMetricsSampler | None = None

    _began_in: str | None = None
    """The number of the cell that began it; None outside of cells."""
    _board: "ProgressBoard | None" = None
    is_autologged = False
    """Whether autolog started it, for one training: it is no run that the user has chosen to log to."""
    attempt: "StartedAttempt | None" = None
    """Which attempt of which lineage it began as, when it is the run of a tracked cell."""
    gives_way = False
    """Whether it ends when the user starts a run: nobody could tell when the loop that it records is over."""

    @property
    def run_id(self) -> str:
        """32 hex digits; unique everywhere."""
        return self._run_id

    @property
    def info(self) -> RunInfo:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Status, times and names, as they are now."""
        return self._runs.get(self._run_id).info

    @property
    def data(self) -> RunData:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Metrics, params and tags, as they are now."""
        return self._runs.get(self._run_id).data

    @property
    def inputs(self) -> RunInputs:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The data sets and models it used, as they are now."""
        return self._runs.get(self._run_id).inputs

    @property
    def outputs(self) -> RunOutputs:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The models it made, as they are now."""
        return self._runs.get(self._run_id).outputs

    def snapshot(self) -> Run:
        """The run as it is now, read once."""
        return self._runs.get(self._run_id)

    def nested(self, limit: int) -> list[Run]:
        """The first runs that were started inside it, as they are now."""
        return [self._runs.get(run_id) for run_id in self.nested_ids[:limit]]

    def latest_nested(self) -> Run | None:
        """The run that was started last inside it, as it is now."""
        return self._runs.get(self.nested_ids[-1]) if self.nested_ids else None

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self.snapshot()._repr_mimebundle_()

    def log_metric(
        self,
        key: str,
        value: Any,
        step: int | None = None,
        synchronous: bool | None = None,
        timestamp: int | None = None,
        *,
        model_id: str | None = None,
        dataset: Any = None,
    ) -> Any:
        """Log one point of a metric. When it returned, the point survives the death of the process.

        Args:
            key: Name of the metric: any text.
            value: A number; also a numpy scalar, a 0-d array, an array or tensor of one element,
                or text that `float()` takes. NaN and infinities are kept as they are.
            step: The x position, a whole number that may repeat or go back; None is 0.
            synchronous: Taken for MLflow's sake; logging is always immediate.
            timestamp: Milliseconds since 1970, UTC; None is now.
            model_id: The logged model it was measured of, which keeps the last point; None is the
                active model, or those that the run has made at this step.
            dataset: The data set it was measured on: it becomes an input of the run, and the
                metric's history names it.

        Returns:
            None; with `synchronous=False` a `RunOperations` that is done.

        Raises:
            InvalidTypeError: `value` is None, complex, text that is no number, or an array of
                several elements (it is a TypeError); `key` is not text.
            InvalidValueError: `step` or `timestamp` is out of range.
            NotFoundError: There is no such logged model; nothing is logged.
        """
        # This is what a training loop waits for: the usual types go straight to the metric log.
        if type(value) is not float:
            value = metric_values.as_value(key, value)
        if type(step) is not int:
            step = metric_values.as_step(key, step)
        timestamp = metric_values.as_timestamp(key, timestamp) if timestamp else _time_ns() // 1_000_000
        if type(key) is not str or not key:
            check_key("metric", key)
        try:
            if model_id is None and dataset is None:
                self._append(key, value, step, timestamp)
            else:
                self._append_measured([(key, value, step, timestamp)], model_id, dataset)
        except struct.error:
            metric_values.as_step(key, step)
            raise
        return DONE if synchronous is False else None

    def log_metrics(
        self,
        metrics: Mapping[str, Any],
        step: int | None = None,
        synchronous: bool | None = None,
        timestamp: int | None = None,
        *,
        model_id: str | None = None,
        dataset: Any = None,
    ) -> Any:
        """Log a point of each of several metrics, with one step and one time.

        Args:
            metrics: Key to number, as in `log_metric`.
            step: The x position of all of them; None is 0.
            synchronous: Taken for MLflow's sake.
            timestamp: Milliseconds since 1970, UTC; None is now.
            model_id: The logged model they were measured of, as in `log_metric`.
            dataset: The data set they were measured on, as in `log_metric`.

        Raises:
            InvalidTypeError: One of them is no number; then none is logged.
            NotFoundError: There is no such logged model; none is logged.
        """
        at = timestamp or _time_ns() // 1_000_000
        points = [_checked_point(key, value, step, at) for key, value in _items("metrics", metrics)]
        self._append_measured(points, model_id, dataset)
        return DONE if synchronous is False else None

    def assume_params(self, params: Mapping[str, str]) -> None:
        """Keep params that nobody has logged: they give way to what is logged under the same key.

        Args:
            params: Key to text.
        """
        texts = {check_key("param", key): str(value) for key, value in params.items()}
        self._write(lambda: self._runs.set_params(self._run_id, texts, assumed=True))

    def log_param(self, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log one param. It is written once: the same text again is fine, another is an error.

        Args:
            key: Name of the param: any text.
            value: Anything; its `str()` is kept whole.
            synchronous: Taken for MLflow's sake.

        Returns:
            `value`, as it was given; with `synchronous=False` a `RunOperations` that is done.

        Raises:
            ParamConflictError: The param has another value already.
        """
        self._set_params({check_key("param", key): str(value)})
        return DONE if synchronous is False else value

    def log_params(self, params: Any, synchronous: bool | None = None) -> Any:
        """Log several params; all of them or, when one cannot be, none.

        Args:
            params: A dict, a dataclass instance, a pydantic model or an `argparse.Namespace`; nested
                ones are flattened, with dots between the keys. The `str()` of each value is kept whole.
            synchronous: Taken for MLflow's sake.

        Raises:
            InvalidTypeError: It is none of these, or a key is not text.
            ParamConflictError: One of them has another value already.
        """
        self._set_params(param_texts(params))
        return DONE if synchronous is False else None

    def set_tag(self, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Set one tag; an existing one is overwritten.

        Args:
            key: Name of the tag: any text.
            value: Anything; its `str()` is kept.
            synchronous: Taken for MLflow's sake.
        """
        return self.set_tags({key: value}, synchronous)

    def set_tags(self, tags: Mapping[str, Any], synchronous: bool | None = None) -> Any:
        """Set several tags; existing ones are overwritten.

        Args:
            tags: Key to anything; the `str()` of each value is kept.
            synchronous: Taken for MLflow's sake.
        """
        texts = {check_key("tag", key): str(value) for key, value in _items("tags", tags)}
        self._write(lambda: self._runs.set_tags(self._run_id, texts))
        return DONE if synchronous is False else None

    def delete_tag(self, key: str) -> None:
        """Take a tag off.

        Raises:
            NotFoundError: The run has no such tag.
        """
        check_key("tag", key)
        # What the store has refused so far may hold the tag; only then can it be told.
        self._retry()
        if key not in self.data.tags:
            raise NotFoundError("tag", key, list(self.data.tags), holder=f"Run {self._run_id}")
        self._write(lambda: self._runs.delete_tag(self._run_id, key))

    def log_batch(
        self,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> Any:
        """Log metrics, params and tags in one call; all of it is checked before anything is written.

        Args:
            metrics: Points, each with a step and a timestamp of its own.
            params: Params, each key once.
            tags: Tags.
            synchronous: Taken for MLflow's sake.

        Raises:
            InvalidTypeError: Something cannot be a metric, a param or a tag.
            InvalidValueError: A param is given twice.
            ParamConflictError: A param has another value already; then nothing is logged.
        """
        metrics = _entities("metrics", metrics, Metric)
        params = _entities("params", params, Param)
        tags = _entities("tags", tags, RunTag)
        points = [
            _checked_point(metric.key, metric.value, metric.step, metric.timestamp or _time_ns() // 1_000_000)
            for metric in metrics
        ]
        texts: dict[str, str] = {}
        for param in params:
            if texts.setdefault(check_key("param", param.key), str(param.value)) != str(param.value):
                raise InvalidValueError(
                    f"Param {param.key!r} is given twice in one batch, as {texts[param.key]!r:.60} and as "
                    f"{str(param.value)!r:.60}."
                )
        tag_texts = {check_key("tag", tag.key): str(tag.value) for tag in tags}
        if texts:
            self._set_params(texts)
        if tag_texts:
            self.set_tags(tag_texts)
        for metric, point in zip(metrics, points, strict=True):
            if getattr(metric, "model_id", None) is None:
                self._append(*point)
            else:
                self._append_of([point], metric.model_id, None)
        return DONE if synchronous is False else None

    def append_point(self, key: str, value: float, step: int, timestamp: int) -> None:
        """Write a point that is known to be one: nothing is checked; see `log_metric`.

        Args:
            key: The metric.
            value: A float.
            step: int64.
            timestamp: Milliseconds since 1970, UTC.
        """
        self._append(key, value, step, timestamp)

    def points_since(self, place: Any = None) -> tuple[dict[str, tuple[list[int], list[float]]], Any]:
        """Steps and values of each metric that were logged after `place`, and the place to go on from."""
        return self._runs.points_since(self._run_id, place)

    def metric_history(self, key: str, output_format: str = "list") -> Any:
        """All points of one metric of this run, as `Tracker.get_metric_history` gives them."""
        return metric_history.read(self._runs, self._run_id, key, output_format)

    def slice(self) -> "Slice":
        """The cells, in execution order, that the run came from, each with its reasons.

        Raises:
            NotFoundError: It was not made in a cell of a notebook with `%load_ext nbtrack`.
        """
        from nbtrack.tracking.cells import slices  # lazy: few runs are asked

        return slices.slice_of_run(self._store, self._run_id)

    def cells(self) -> "list[ExecutedCell]":
        """All cells that were executed before the run ended, from the first of its session.

        Raises:
            NotFoundError: It was not made in a cell of a notebook with `%load_ext nbtrack`.
        """
        from nbtrack.tracking.cells import slices  # lazy, as above

        return slices.cells_of_run(self._store, self._run_id)

    def progress(self, iterable: Any, total: int | None = None, name: str | None = None) -> Any:
        """Go through an iterable and show how far it is: `for batch in run.progress(loader)`.

        A notebook shows a bar, replaced in place; a terminal a line; a file or pipe a line for each tenth.
        In a cell of `%%track --live` it stands on the card. Nothing of it is recorded.

        Args:
            iterable: Anything that `for` takes, also a generator; or that `async for` takes.
            total: How many items it has; None asks the iterable, which need not know.
            name: What it is called, such as `epoch`.

        Returns:
            An iterable of the same items.
        """
        from nbtrack.tracking.progress import Progress  # lazy: few runs show one

        return Progress(iterable, total, name, self.progress_board)

    @property
    def progress_board(self) -> "ProgressBoard":
        """Where its loops are shown."""
        if self._board is None:
            from nbtrack.tracking.progress_board import ProgressBoard

            self._board = ProgressBoard()
            self.before_end.append(self._board.stop)
        return self._board

    def begin_training(self) -> int:
        """Count a training that autolog records in it; 1 is the first."""
        return next(self._trainings)  # threads share the run

    def settle_before_end(self) -> None:
        """Let those who still have something to record in it do so; the tracker calls this."""
        while self.before_end:
            callback = self.before_end.pop(0)
            try:
                callback()
            except Exception as failure:  # noqa: BLE001 - the run must end, whatever is left out of it
                warn_user(
                    f"The end of run {self._run_id} is not recorded whole: "
                    f"{type(failure).__name__}: {failure}."
                )

    def release(self) -> None:
        """Write what is left and let go of the run without ending it; the tracker calls this."""
        self._retry()
        self._writer.close()
        self._write(self._writer.release)

    def log_system_metrics(self) -> None:
        """Log how busy the machine is, from now to the end of the run; see `start_run`."""
        if self._sampler is None:
            from nbtrack.tracking.system_metrics import SystemMetricsSampler

            self._sampler = SystemMetricsSampler(self)
            self._sampler.start()

    def flush(self) -> None:
        """Make everything logged so far survive a power cut.

        Raises:
            StoreError: The disk refused.
        """
        self._retry()
        self._writer.sync()
        self._store.sync()

    def end(self, status: str = RunStatus.FINISHED, *, sync: bool = False) -> None:
        """End the run; ending it again does nothing.

        Args:
            status: FINISHED, FAILED or KILLED.
            sync: Whether it must survive a power cut when this returns.

        Raises:
            InvalidValueError: It is no status.
        """
        self._tracker.finish(self, status, sync=sync)

    def __enter__(self) -> "ActiveRun":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tracker.is_active(self):
            status, tags = outcome_of(error)
            self._tracker.finish(self, status, tags=tags)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ActiveRun) and other._run_id == self._run_id

    def __hash__(self) -> int:
        return hash(self._run_id)

    def __repr__(self) -> str:
        return f"<ActiveRun {self._run_id}>"

    def close(self, status: str, tags: Mapping[str, str], *, sync: bool) -> None:
        """Write what is left and, if this process owns the run, its end; the tracker calls this."""
        if self._sampler is not None:
            self._sampler.stop()
        self._retry()
        self._writer.close()
        self._write(lambda: self._writer.finish(status, tags))
        if sync:
            self._store.sync()

    @property
    def is_owner(self) -> bool:
        """Whether this process started the run, and not a parent of it."""
        return self._writer.is_owner

    @property
    def store_uri(self) -> str:
        """The tracking URI of the store it is recorded in."""
        return self._store.uri

    def _set_params(self, texts: dict[str, str]) -> None:
        self._write(lambda: self._runs.set_params(self._run_id, texts))

    def _append_measured(self, points: list[Point], model_id: str | None, dataset: Any) -> None:
        """Write points of one step, and say of which model and on which data they were measured."""
        measured_on = None if dataset is None else _input_of(dataset)
        self._append_of(points, model_id, measured_on)
        if measured_on is not None:
            self._link_metrics([point[0] for point in points], measured_on)

    def _link_metrics(self, keys: Sequence[str], measured_on: DatasetInput) -> None:
        """Make a data set an input of the run, and say that these metrics were measured on it."""
        self.add_inputs([measured_on])
        link = (measured_on.dataset.name, measured_on.dataset.digest)
        for key in keys:
            self._write(lambda key=key: self._runs.link_metric(self._run_id, key, link))

    def has_settled(self) -> bool:
        """Try again to write what the store has refused; True when nothing is left."""
        self._retry()
        return not self._unsaved and not self._unsaved_files

    def _write(self, write: Callable[[], None]) -> None:
        """Change the document now; if the store refuses, say so once, and let training go on.

        What was refused is done later, in its order: a tag must not get back an older value.
        """
        if self._unsaved:
            self._retry()
        if self._unsaved and self._tracker.on_error != "raise":
            self._keep(self._unsaved, write)
        else:
            try:
                self._check_there()
                write()
            except (StoreError, NotFoundError) as error:
                if self._tracker.on_error == "raise":
                    raise
                self._keep(self._unsaved, write, error)
            except KeyboardInterrupt as interrupt:
                undo_abandoned(interrupt)
                raise
        self._writer.document_changed()

    def _add_children(self, children: "Sequence[EndedRun]") -> list[str]:
        """Keep runs that have ended already as nested runs of this one.

        Returns:
            Their ids, in the order given; fewer where the store refuses, which is tried again later.
        """
        made: list[str] = []

        def add() -> None:
            made.extend(self._store.add_children(self._run_id, children))
            self.nested_ids.extend(made)

        self._write(add)
        return made

    def _registry_store(self) -> Store:
        return self._tracker.registry_for(self._store)

    def _write_file(self, write: Callable[[], None]) -> None:
        """Write an artifact as `_write` does a change; that what should be copied is missing is an error."""
        if self._unsaved_files:
            self._retry()
        try:
            self._check_there()
            write()
        except StoreError as error:
            if self._tracker.on_error == "raise":
                raise
            self._keep(self._unsaved_files, write, error)

    def _check_there(self) -> None:
        # What is written to a deleted database that is still open is lost without an error.
        if not self._store.is_there():
            raise StoreError(f"The store at {self._store.uri} was deleted or replaced.")

    def _keep(
        self, waiting: deque[Callable[[], None]], write: Callable[[], None], error: Exception | None = None
    ) -> None:
        is_first = not self._unsaved and not self._unsaved_files
        waiting.append(write)
        if len(waiting) > _MAX_UNSAVED:
            waiting.popleft()
        if is_first:
            warn_user(
                f"nbtrack could not write to its store: {error} Training goes on; "
                "what was not written is kept in memory and tried again."
            )

    def _retry(self) -> None:
        if not (self._unsaved or self._unsaved_files) or not self._store.is_there():
            return
        for waiting in (self._unsaved, self._unsaved_files):
            while waiting:
                try:
                    waiting[0]()
                except NbtrackError as error:
                    is_gone = waiting is self._unsaved_files and isinstance(error, MissingFileError)
                    if isinstance(error, StoreError | NotFoundError) and not is_gone:
                        break
                    # No use to try again: another value is there, or what was to be copied is gone.
                    warn_user(f"What the store refused at first could not be written later: {error}")
                waiting.popleft()


_MAX_UNSAVED = 10_000
_time_ns = time.time_ns


def undo_abandoned(interrupt: KeyboardInterrupt) -> None:
    """Let go of what an interrupted call held, so that it is undone now.

    An interrupt that strikes at the very end of a transaction leaves it to be undone when nobody
    refers to it any more. But the traceback does, and a notebook keeps that until the next error.
    """
    from traceback import clear_frames  # lazy: most scripts meet no exception

    clear_frames(interrupt.__traceback__)


def outcome_of(error: BaseException | None) -> tuple[str, dict[str, str]]:
    """The status and tags of a run that an exception ends; None is a good end.

    Leaving by `sys.exit()` with no code or 0 is a good end; an interrupt is FAILED, as in MLflow,
    and tagged. So is one that something made an exit of, as Lightning does.
    """
    if isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt):
        error = error.__context__
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return RunStatus.FINISHED, {}
    if isinstance(error, KeyboardInterrupt):
        # Not by `traceback`: a named tuple made while the process ends, as that module makes some, lets
        # Python forget that an interrupt ends it, and exit with 1 instead of by the signal.
        said = f"{type(error).__name__}: {error}".removesuffix(": ")
        return RunStatus.FAILED, {system_tags.ERROR: said[-2000:], system_tags.INTERRUPTED: "true"}
    from traceback import format_exception_only  # lazy, as above

    # Of a SyntaxError the lines before the last show the code, indented: the traceback has them.
    said = dropwhile(lambda line: line.startswith(" "), format_exception_only(error))
    return RunStatus.FAILED, {system_tags.ERROR: "".join(said).strip()[-2000:]}


def _input_of(dataset: Any) -> DatasetInput:
    from nbtrack.tracking.data_sets import as_input  # lazy: few metrics name their data

    return as_input(dataset, None, None)


def _entities(what: str, given: Any, kind: type) -> list[Any]:
    """What `log_batch` was given, as a list; MLflow's own entities will do, and anything like them."""
    listed: list[Any] = [given] if isinstance(given, dict | str) else list(given)
    for each in listed:
        if not (hasattr(each, "key") and hasattr(each, "value")):
            raise InvalidTypeError(
                f"log_batch takes {what} as a list of nbtrack.entities.{kind.__name__}, got "
                f"{type(each).__name__} {each!r:.60}. log_metrics, log_params and set_tags take dicts."
            )
    return listed


def _checked_point(key: Any, value: Any, step: Any, timestamp: Any) -> Point:
    return (
        check_key("metric", key),
        metric_values.as_value(key, value),
        metric_values.as_step(key, step),
        metric_values.as_timestamp(key, timestamp),
    )


def _items(what: str, mapping: Any) -> list[tuple[Any, Any]]:
    if not isinstance(mapping, Mapping):
        raise InvalidTypeError(f"{what} are given as a dict, got {type(mapping).__name__}.")
    return list(cast("Mapping[Any, Any]", mapping).items())
