"""A run that is being recorded: the verbs of logging."""

import json
import struct
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from os import PathLike
from types import TracebackType
from typing import Any, BinaryIO, Protocol, cast

from nbtrack.core import metric_values, system_tags
from nbtrack.core.entities import LifecycleStage, Run, RunData, RunInfo, RunStatus
from nbtrack.core.errors import (
    InvalidTypeError,
    InvalidValueError,
    MissingExtraError,
    MissingFileError,
    NbtrackError,
    NotFoundError,
    StoreError,
)
from nbtrack.core.names import artifact_parts, check_key
from nbtrack.core.warn import warn_user
from nbtrack.stores.contracts import RunWriter, Store
from nbtrack.tracking import metric_history

_YAML = (".yml", ".yaml")
_PLOTLY_IMAGES = ("png", "jpg", "jpeg", "webp", "svg", "pdf")


class RunKeeper(Protocol):
    """What a run needs of the tracker that started it."""

    on_error: Any
    """`warn` or `raise`."""

    def is_active(self, run: "ActiveRun") -> bool:
        """Whether the run has not been ended by this process."""
        ...

    def finish(
        self, run: "ActiveRun", status: str, *, tags: Mapping[str, str] | None = None, sync: bool = False
    ) -> None:
        """End the run."""
        ...


class ActiveRun(Run):
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
        self._unsaved: deque[Callable[[], None]] = deque()
        self._unsaved_files: deque[Callable[[], None]] = deque()
        self.takes_nested = False
        """Whether `start_run()` inside it starts a nested run without being told so."""
        self.nested_ids: list[str] = []
        """The runs that this thread has started inside it, in that order."""

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

    def snapshot(self) -> Run:
        """The run as it is now, read once."""
        return self._runs.get(self._run_id)

    def nested(self, limit: int) -> list[Run]:
        """The first runs that were started inside it, as they are now."""
        return [self._runs.get(run_id) for run_id in self.nested_ids[:limit]]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self.snapshot()._repr_mimebundle_()

    def log_metric(
        self,
        key: str,
        value: Any,
        step: int | None = None,
        synchronous: bool | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Log one point of a metric. When it returned, the point survives the death of the process.

        Args:
            key: Name of the metric: any text.
            value: A number; also a numpy scalar, a 0-d array, an array or tensor of one element,
                or text that `float()` takes. NaN and infinities are kept as they are.
            step: The x position, a whole number that may repeat or go back; None is 0.
            synchronous: Taken for MLflow's sake; logging is always immediate.
            timestamp: Milliseconds since 1970, UTC; None is now.

        Raises:
            InvalidTypeError: `value` is None, complex, text that is no number, or an array of
                several elements (it is a TypeError); `key` is not text.
            InvalidValueError: `step` or `timestamp` is out of range.
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
            self._append(key, value, step, timestamp)
        except struct.error:
            metric_values.as_step(key, step)
            raise

    def log_metrics(
        self,
        metrics: Mapping[str, Any],
        step: int | None = None,
        synchronous: bool | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Log a point of each of several metrics, with one step and one time.

        Args:
            metrics: Key to number, as in `log_metric`.
            step: The x position of all of them; None is 0.
            synchronous: Taken for MLflow's sake.
            timestamp: Milliseconds since 1970, UTC; None is now.

        Raises:
            InvalidTypeError: One of them is no number; then none is logged.
        """
        values = {
            check_key("metric", key): metric_values.as_value(key, value)
            for key, value in _items("metrics", metrics)
        }
        at = timestamp or _time_ns() // 1_000_000
        for key, value in values.items():
            self.log_metric(key, value, step, synchronous, at)

    def log_param(self, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log one param. It is written once: the same text again is fine, another is an error.

        Args:
            key: Name of the param: any text.
            value: Anything; its `str()` is kept whole.
            synchronous: Taken for MLflow's sake.

        Returns:
            `value`, as it was given.

        Raises:
            ParamConflictError: The param has another value already.
        """
        self.log_params({key: value})
        return value

    def log_params(self, params: Mapping[str, Any], synchronous: bool | None = None) -> None:
        """Log several params; all of them or, when one cannot be, none.

        Args:
            params: Key to anything; the `str()` of each value is kept whole.
            synchronous: Taken for MLflow's sake.

        Raises:
            ParamConflictError: One of them has another value already.
        """
        texts = {check_key("param", key): str(value) for key, value in _items("params", params)}
        self._write(lambda: self._runs.set_params(self._run_id, texts))

    def set_tag(self, key: str, value: Any, synchronous: bool | None = None) -> None:
        """Set one tag; an existing one is overwritten.

        Args:
            key: Name of the tag: any text.
            value: Anything; its `str()` is kept.
            synchronous: Taken for MLflow's sake.
        """
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any], synchronous: bool | None = None) -> None:
        """Set several tags; existing ones are overwritten.

        Args:
            tags: Key to anything; the `str()` of each value is kept.
            synchronous: Taken for MLflow's sake.
        """
        texts = {check_key("tag", key): str(value) for key, value in _items("tags", tags)}
        self._write(lambda: self._runs.set_tags(self._run_id, texts))

    def log_artifact(self, local_path: str | PathLike[str], artifact_path: str | None = None) -> None:
        """Copy a file, or a folder with all it holds, into the run.

        Args:
            local_path: The file or folder.
            artifact_path: Folder inside the run, with `/`; None is its root.

        Raises:
            MissingFileError: There is no such file; it is a FileNotFoundError.
            InvalidValueError: `artifact_path` would leave the run or is malformed.
        """
        self._write_file(lambda: self._runs.artifacts(self._run_id).save_file(local_path, artifact_path))

    def log_artifacts(self, local_dir: str | PathLike[str], artifact_path: str | None = None) -> None:
        """Copy what a folder holds into the run.

        Args:
            local_dir: The folder.
            artifact_path: Folder inside the run, with `/`; None is its root.

        Raises:
            MissingFileError: There is no such folder.
            InvalidValueError: `artifact_path` would leave the run or is malformed.
        """
        self._write_file(lambda: self._runs.artifacts(self._run_id).save_folder(local_dir, artifact_path))

    def log_text(self, text: str, artifact_file: str) -> None:
        """Keep text as an artifact, in UTF-8.

        Args:
            text: What to keep.
            artifact_file: Path inside the run, such as `notes/summary.txt`.

        Raises:
            InvalidTypeError: `text` is not text.
            InvalidValueError: `artifact_file` would leave the run or is malformed.
        """
        if not isinstance(text, str):
            raise InvalidTypeError(
                f"log_text takes text, got {type(text).__name__}. "
                "Use log_dict for data, log_artifact for files."
            )
        data = text.encode("utf-8", "surrogatepass")
        self._save(artifact_file, lambda file: _put(file, data))

    def log_dict(self, dictionary: Any, artifact_file: str) -> None:
        """Keep a dict or a list as an artifact: YAML for `.yml` and `.yaml`, else JSON.

        Args:
            dictionary: What to keep; in JSON, what has no form of its own is kept as its `str()`.
            artifact_file: Path inside the run, such as `config.yaml`.

        Raises:
            InvalidTypeError: JSON or YAML has no form for something in it.
            InvalidValueError: `artifact_file` would leave the run or is malformed.
        """
        artifact_parts(artifact_file)
        if artifact_file.lower().endswith(_YAML):
            import yaml

            try:
                text = yaml.safe_dump(
                    dictionary, default_flow_style=False, sort_keys=False, allow_unicode=True
                )
            except yaml.YAMLError as error:
                raise InvalidTypeError(f"{artifact_file!r}: YAML has no form for this: {error}.") from error
        else:
            try:
                text = json.dumps(dictionary, indent=2, default=str, ensure_ascii=False)
            except (TypeError, ValueError, RecursionError) as error:
                raise InvalidTypeError(f"{artifact_file!r}: JSON has no form for this: {error}.") from error
        self.log_text(text, artifact_file)

    def log_figure(
        self, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Keep a matplotlib or plotly figure as an artifact.

        Args:
            figure: A matplotlib figure, in any format that it saves by the file's ending; or a
                plotly figure, as `.html` (complete, it opens without a network), `.json` or an
                image (which needs plotly's `kaleido`).
            artifact_file: Path inside the run, such as `plots/roc.png`.
            save_kwargs: Passed on to `savefig`, `write_html` or `write_image`.

        Raises:
            InvalidTypeError: It is neither kind of figure.
            InvalidValueError: The ending is none that a plotly figure is saved with, or
                `artifact_file` would leave the run.
        """
        options = dict(save_kwargs or {})
        artifact_parts(artifact_file)
        ending = artifact_file.rpartition(".")[2].lower() if "." in artifact_file else ""
        if hasattr(figure, "savefig"):
            options.setdefault("format", ending or "png")
            self._save(artifact_file, lambda file: figure.savefig(file, **options))
        elif hasattr(figure, "write_html") and hasattr(figure, "to_json"):
            self._save(artifact_file, _plotly_writer(figure, ending, options))
        else:
            raise InvalidTypeError(
                f"log_figure takes a matplotlib or plotly figure, got {type(figure).__name__}."
            )

    def metric_history(self, key: str, output_format: str = "list") -> Any:
        """All points of one metric of this run, as `Tracker.get_metric_history` gives them."""
        return metric_history.read(self._runs, self._run_id, key, output_format)

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

    def has_settled(self) -> bool:
        """Try again to write what the store has refused; True when nothing is left."""
        self._retry()
        return not self._unsaved and not self._unsaved_files

    def _save(self, artifact_file: str, write: Callable[[BinaryIO], None]) -> None:
        self._write_file(lambda: self._runs.artifacts(self._run_id).save_bytes(artifact_file, write))

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


class DisabledRun(ActiveRun):
    """What `start_run` gives while tracking is switched off: every verb does nothing, at once."""

    def __init__(self, tracker: "RunKeeper") -> None:
        self._tracker = tracker
        self._run_id = "0" * 32
        self.takes_nested = True
        self.nested_ids = []

    # All of them have the same id, and yet are not the same.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    @property
    def info(self) -> RunInfo:
        """A run that is nowhere."""
        return RunInfo(
            self._run_id, "disabled", "0", "", RunStatus.RUNNING, 0, None, LifecycleStage.ACTIVE, ""
        )

    @property
    def data(self) -> RunData:
        """Nothing."""
        return RunData()

    def snapshot(self) -> Run:
        """A run that is nowhere."""
        return Run(self.info, self.data)

    @property
    def is_owner(self) -> bool:
        """It belongs to nobody else."""
        return True

    def log_metric(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_metrics(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_param(self, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Give the value back."""
        return value

    def log_params(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def set_tag(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def set_tags(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_artifact(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_artifacts(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_text(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_dict(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_figure(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def metric_history(self, key: str, output_format: str = "list") -> Any:
        """No points."""
        return metric_history.nothing(output_format)

    def flush(self) -> None:
        """Do nothing."""

    def has_settled(self) -> bool:
        """Nothing is ever left."""
        return True

    def close(self, status: str, tags: Mapping[str, str], *, sync: bool) -> None:
        """Do nothing."""


def undo_abandoned(interrupt: KeyboardInterrupt) -> None:
    """Let go of what an interrupted call held, so that it is undone now.

    An interrupt that strikes at the very end of a transaction leaves it to be undone when nobody
    refers to it any more. But the traceback does, and a notebook keeps that until the next error.
    """
    traceback.clear_frames(interrupt.__traceback__)


def outcome_of(error: BaseException | None) -> tuple[str, dict[str, str]]:
    """The status and tags of a run that an exception ends; None is a good end.

    Leaving by `sys.exit()` with no code or 0 is a good end; an interrupt is FAILED, as in MLflow,
    and tagged.
    """
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return RunStatus.FINISHED, {}
    tags = {system_tags.ERROR: "".join(traceback.format_exception_only(error)).strip()[-2000:]}
    if isinstance(error, KeyboardInterrupt):
        tags[system_tags.INTERRUPTED] = "true"
    return RunStatus.FAILED, tags


def _items(what: str, mapping: Any) -> list[tuple[Any, Any]]:
    if not isinstance(mapping, Mapping):
        raise InvalidTypeError(f"{what} are given as a dict, got {type(mapping).__name__}.")
    return list(cast("Mapping[Any, Any]", mapping).items())


def _put(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def _plotly_writer(figure: Any, ending: str, options: dict[str, Any]) -> Callable[[BinaryIO], None]:
    if ending == "html":
        # The library goes into the file: plots open without a network, and call nobody.
        options.setdefault("include_plotlyjs", True)
        options.setdefault("auto_open", False)
        options.pop("auto_open")
        return lambda file: _put(file, figure.to_html(**options).encode())
    if ending == "json":
        return lambda file: _put(file, figure.to_json(**options).encode())
    if ending in _PLOTLY_IMAGES:
        try:
            import kaleido  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport]
        except ImportError:
            raise MissingExtraError("Saving a plotly figure as an image", "kaleido") from None
        return lambda file: figure.write_image(file, format=ending, **options)
    raise InvalidValueError(
        f"A plotly figure is saved as .html, .json or .{', .'.join(_PLOTLY_IMAGES)}, not as {ending!r}."
    )
