"""The trainings that are being recorded: which run one is recorded in, and what is said of it at the end.

A training goes into the run that the user has started, which goes on afterwards; where there is none, into
a run of its own, which ends with it. What a training trains inside itself is not recorded.
"""

import os
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from nbtrack.core import mlflow_tags, system_tags
from nbtrack.core.entities import RunStatus
from nbtrack.core.errors import NbtrackError, ParamConflictError
from nbtrack.core.run_names import random_run_name
from nbtrack.tracking.active_run import ActiveRun, outcome_of
from nbtrack.tracking.autolog import cell_end, drawing, options
from nbtrack.tracking.autolog.patching import Call, warn_of
from nbtrack.tracking.disabled_run import DisabledRun
from nbtrack.tracking.fluent import default_tracker
from nbtrack.tracking.param_texts import param_texts
from nbtrack.tracking.telling import tell

if TYPE_CHECKING:
    from nbtrack.models.model_info import ModelInfo

ALLOWANCE = 0.020
"""Seconds that recording may take whatever the training takes, before expensive parts are left out."""

SHARE = 0.01
"""The share of the training's own time that recording may take beyond that."""

_SHOWN_OF_ID = 8
_LONGEST_TITLE = 40
_LONGEST_PARAM = 6000
"""Characters of a param that autolog keeps; params of the user's own have no limit."""


class Session:
    """One training that is being recorded."""

    def __init__(
        self, framework: str, call: Call | None, title: str, run: ActiveRun, *, is_own: bool
    ) -> None:
        self.framework = framework
        self.title = title
        """What is trained, for people: mostly the name of a class."""
        self.run = run
        """The run that it is recorded in, with all verbs."""
        self.is_own = is_own
        """Whether the run was started for this training, and ends with it."""
        self.options: Mapping[str, Any] = options.of(framework) or {}
        self.ordinal = run.begin_training()
        """1 for the first training in its run, 2 for the next."""
        self.model_id: str | None = None
        """The model that was logged last; None where none was."""
        self._call = call
        self._said: list[str] = []
        self._skipped: list[str] = []
        self._process = os.getpid()
        self._is_told = False

    def call_it(self, title: str) -> None:
        """Say what is trained, where that is found out during the training; its own run is named after it."""
        self.title = title
        if self.is_own and system_tags.RUN_NAME not in (self.options["extra_tags"] or {}):
            default_tracker.update_run(self.run.run_id, name=_run_name(title))

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Keep params; long texts are cut, and a value that the run has otherwise stands beside it.

        What a run says of a key stays: a later training in it, or the user, may say it otherwise. Such a
        param is called `max_depth-2`, in the second training of the run.
        """
        texts = {key: _shortened(text) for key, text in param_texts(params).items()}
        if self.is_own:
            self.run.log_params(texts)
            return
        while texts:
            there = self.run.data.params
            new: dict[str, str] = {}
            for key, text in texts.items():
                if there.get(key, text) != text:
                    key = next(other for other in self._other_keys(key) if there.get(other, text) == text)
                new[key] = text
            try:
                self.run.log_params(new)
            except ParamConflictError:
                continue  # another thread was faster with one of them
            return

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Keep one value of each metric.

        Args:
            metrics: By name.
            step: None: 0 in the first training of the run, 1 in the next, so that later ones hide nothing.
        """
        if metrics:
            self.run.log_metrics(dict(metrics), step=self.ordinal - 1 if step is None else step)

    def log_model(self, model: Any, *, name: str = "model", **given: Any) -> "ModelInfo | None":
        """Keep the model, if the user wants models; see `nbtrack.log_model`.

        Args:
            model: The trained model.
            name: Its name in the run.
            **given: Arguments of `log_model`. A `signature` is kept only where the user wants them.

        Returns:
            Where it lies; None where models are not wanted.
        """
        if not self.options.get("log_models", True):
            return None
        if not self.options.get("log_model_signatures", True):
            given["signature"] = False
        given.setdefault("registered_model_name", self.options.get("registered_model_name"))
        info = self.run.log_model(model, name=name, **given)
        self.model_id = info.model_id
        self.say("model logged")
        return info

    @contextmanager
    def attempt(self, what: str) -> Generator[None]:
        """A part whose failure must not cost the others: it is warned of, once.

        Args:
            what: What could not be recorded, for the warning.
        """
        try:
            yield
        except Exception as failure:  # noqa: BLE001 - the training goes on, and so does the rest of its record
            warn_of(failure, self.framework, f"{self.title} ({what})")

    def spent(self) -> float:
        """Seconds that recording this training has taken so far."""
        return 0.0 if self._call is None else self._call.spent()

    def affords(self, milliseconds: float = 0.0) -> bool:
        """Whether something expensive still fits into what recording may take.

        Args:
            milliseconds: How long it will take, if that is known.
        """
        trained = 0.0 if self._call is None else self._call.seconds
        return self.spent() + milliseconds / 1000 <= max(ALLOWANCE, SHARE * trained)

    def skip(self, what: str) -> None:
        """Say, in a tag of the run and to the user, what was left out.

        Args:
            what: With the reason, such as `input example: it would take 2 s`.
        """
        self._skipped.append(what)
        self.run.set_tag(system_tags.AUTOLOG_SKIPPED, "; ".join(self._skipped))

    def draw_later(
        self, artifact_file: str, draw: Callable[[], Any], data: Mapping[str, Any] | None = None
    ) -> None:
        """Draw a picture when the cell or script ends.

        Args:
            artifact_file: Where it goes, such as `training_roc_curve.png`.
            draw: Gives the figure, of matplotlib made without pyplot; or the text of the file.
            data: What it shows, which is kept at once beside it, as `training_roc_curve.json`.
        """
        drawing.draw_later(self.run, artifact_file, draw, self.framework, data)

    def say(self, text: str) -> None:
        """Add something to the line that tells of the run, such as `training_score 0.981`."""
        if text not in self._said:
            self._said.append(text)

    def before_run_ends(self, callback: Callable[[], None]) -> None:
        """Call back once before the run ends, whatever ends it."""

        def here() -> None:
            if os.getpid() == self._process:  # a forked child has begun nothing
                callback()

        self.run.before_end.append(here)

    def tell(self, status: str = RunStatus.FINISHED) -> None:
        """Tell the user of the run in one line, unless they want silence or know of it anyway."""
        if not self.is_own or self._is_told or self.options.get("silent"):
            return
        self._is_told = True
        name = self.run.info.run_name
        outcome = [] if status == RunStatus.FINISHED else [status.lower()]
        left_out = [f"left out: {'; '.join(self._skipped)}"] if self._skipped else []
        said = ", ".join([*outcome, *self._said, *left_out])
        line = f"nbtrack: recorded {name} ({self.run.run_id[:_SHOWN_OF_ID]})"
        tell(f"{line}: {said}" if said else line)

    def _other_keys(self, key: str) -> Generator[str]:
        number = max(2, self.ordinal)
        while True:
            yield f"{key}-{number}"
            number += 1


_of_thread = threading.local()


def is_inside() -> bool:
    """Whether this thread is in a training that is recorded or left out: what it trains now is inner."""
    return getattr(_of_thread, "depth", 0) > 0


@contextmanager
def unrecorded() -> Generator[None]:
    """What is trained inside is not recorded, in this thread."""
    _of_thread.depth = getattr(_of_thread, "depth", 0) + 1
    try:
        yield
    finally:
        _of_thread.depth -= 1


@contextmanager
def training(
    framework: str, call: Call, title: str, *, tags: Mapping[str, Any] | None = None
) -> Generator[Session | None]:
    """Record a training while it goes on.

    Args:
        framework: As in `nbtrack.<framework>.autolog`.
        call: The call that trains. Its error, once it has one, decides how a run of its own ends.
        title: What is trained, for people.
        tags: Tags of the run.

    Yields:
        What to record it with; None where nothing is to be recorded.
    """
    session = None if is_inside() else begin(framework, call, title, tags=tags)
    if session is None:
        yield None
        return
    outer = current()
    _of_thread.session = session
    try:
        with unrecorded():
            yield session
    finally:
        _of_thread.session = outer
        close(session, call.error)


def current() -> Session | None:
    """The training that this thread is in, for what is a part of it; None outside of any."""
    return getattr(_of_thread, "session", None)


def open_loop(framework: str, title: str, *, tags: Mapping[str, Any] | None = None) -> Session | None:
    """Record a training that no call surrounds: a loop of the user's own.

    A run of its own gives way when the user starts one, and ends with the cell or script.

    Args:
        framework: As in `nbtrack.<framework>.autolog`.
        title: What is trained, for people.
        tags: Tags of the run.

    Returns:
        To be given to `close` when the loop is known to be over; None where nothing is to be recorded.
    """
    session = begin(framework, None, title, tags=tags)
    if session is not None and session.is_own:
        session.run.gives_way = True
        cell_end.at_end(lambda error: close(session, error), thread=threading.current_thread())
    return session


def may_reopen(session: Session) -> bool:
    """Whether a loop that was given to `close` would be recorded in the same run if it went on."""
    run = default_tracker.run_to_log_to()
    return (run is None or run.is_autologged) if session.is_own else run is session.run


def reopen_loop(session: Session) -> None:
    """Go on with a loop that was given to `close`, but was not over.

    Args:
        session: As `open_loop` gave it; `may_reopen` has allowed it.
    """
    if session.is_own:
        run = default_tracker.start_run(run_id=session.run.run_id)
        run.is_autologged = run.takes_nested = run.gives_way = True
        session.run = run
        cell_end.at_end(lambda error: close(session, error), thread=threading.current_thread())


def begin(
    framework: str, call: Call | None, title: str, *, tags: Mapping[str, Any] | None = None
) -> Session | None:
    """Choose or start the run of a training; see `training`."""
    values = options.of(framework)
    if values is None:
        return None
    run = default_tracker.run_to_log_to()
    is_own = run is None or run.is_autologged
    if isinstance(run, DisabledRun) or (values["exclusive"] and not is_own):
        return None
    if is_own:
        first = {
            mlflow_tags.MLFLOW_AUTOLOGGING: str(values.get("flavor", framework)),
            # A table of twenty runs is read by their names.
            system_tags.RUN_NAME: _run_name(title),
        }
        run = default_tracker.start_autologged_run({**first, **(values["extra_tags"] or {}), **(tags or {})})
        if isinstance(run, DisabledRun):
            run.end()
            return None
    assert run is not None  # noqa: S101 - for the type checker: is_own would be set
    session = Session(framework, call, title, run, is_own=is_own)
    if tags and not is_own:
        with session.attempt("tags"):
            run.set_tags(tags)
    return session


def close(session: Session, error: BaseException | None = None) -> None:
    """End the run of a training, if it is its own, and tell of it; a second time nothing happens.

    Args:
        session: The training.
        error: What ended it; None is a good end.
    """
    if not session.is_own:
        return
    status, tags = outcome_of(error)
    if default_tracker.is_active(session.run):
        default_tracker.finish(session.run, status, tags=tags)
    with suppress(NbtrackError):  # a line less
        session.tell(status)


def _run_name(title: str) -> str:
    return f"{title.replace(', ', '+').replace(' ', '-')[:_LONGEST_TITLE]}-{random_run_name()}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_PARAM else text[: _LONGEST_PARAM - 1] + "…"
