"""Optuna's studies: each trial is a nested run, inside which its objective works.

A study is watched from the moment it begins to optimize to the moment it ends. So what the objective logs,
and what autolog records of its fits, is found in the run of its trial; and the run of the study ends with it.
"""

import weakref
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from functools import wraps
from importlib import import_module
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, MissingExtraError
from nbtrack.tracking.autolog.patching import Call, Patch, warn_of
from nbtrack.tracking.optuna_studies import Choices, StudyRecord

Objective = Callable[..., Any]

_CALLBACK = "nbtrack_callback"
"""The attribute of a tracked objective that says who tracks it."""

_ARGUMENTS = ("study", "func", "n_trials", "timeout", "n_jobs", "catch", "callbacks")
"""Of `Study.optimize`, in order."""


class TrialsCallback:
    """Records each trial of a study as a nested run.

    `study.optimize(objective, n_trials=20, callbacks=[nbtrack.optuna.TrialsCallback()])` is all there is to
    do. The run of the study is the active one; where none is active, one is started, and ends with
    `optimize`. Optimizing the same study again goes on with it.

    Args:
        metric_name: What the objective returns, such as `accuracy`; of several objectives a list. None is
            what the study calls them, else `value`, or `value_0`, `value_1`.
        run_name: A name for the run of the study, where one is started; None is the name of the study.
        tags: Tags of the run of each trial.
        silent: Whether nothing is printed.

    Raises:
        InvalidTypeError: A name is no text, or the tags are no dict.
        MissingExtraError: Optuna is not installed.
    """

    def __init__(
        self,
        *,
        metric_name: str | Sequence[str] | None = None,
        run_name: str | None = None,
        tags: Mapping[str, Any] | None = None,
        silent: bool = False,
    ) -> None:
        wanted: Any = [] if metric_name is None else metric_name
        names: list[Any] = [*wanted] if isinstance(wanted, list | tuple) else [wanted]
        if not all(isinstance(name, str) and name for name in names):
            raise InvalidTypeError(f"metric_name is text, or a list of texts, got {metric_name!r:.80}.")
        if tags is not None and not isinstance(tags, Mapping):
            raise InvalidTypeError(f"tags are given as a dict, got {type(tags).__name__} {tags!r:.80}.")
        texts = {str(key): str(value) for key, value in (tags or {}).items()}
        self.choices = Choices(wanted if isinstance(wanted, str) else names or None, run_name, texts, silent)
        _watch_studies()

    def __call__(self, study: Any, trial: Any) -> None:
        """Keep what a trial has come to; Optuna calls it when one has ended.

        After `study.tell` it may be called by hand: `callback(study, study.trials[-1])`.

        Args:
            study: The study.
            trial: The trial as Optuna has stored it.
        """
        record = _record_of(study)
        try:
            if record.is_open:
                record.keep(study, trial)
                return
            with record.opened(study, self.choices):
                record.keep(study, trial)
        except Exception as failure:  # noqa: BLE001 - the study goes on, whatever happens to its record
            warn_of(failure, "optuna", "a trial")

    def track(self, objective: Objective) -> Objective:
        """Let an objective work inside the run of its trial; a decorator.

        `study.optimize(..., callbacks=[callback])` does so by itself: this is for those who call the
        objective between `study.ask()` and `study.tell()`.

        Args:
            objective: The function that is called with a trial.
        """
        if _callback_of(objective) is not None:
            return objective

        @wraps(objective)
        def tracked(trial: Any, *args: Any, **kwargs: Any) -> Any:
            study = getattr(trial, "study", None)
            if study is None:
                return objective(trial, *args, **kwargs)  # params fixed by hand belong to no study
            record = _record_of(study)
            if record.is_open:
                _try(record.start, trial)
                try:
                    return objective(trial, *args, **kwargs)
                except BaseException as error:
                    record.fail(trial, error)
                    raise
            _try(record.begin, study, self.choices)
            _try(record.start, trial)
            error: BaseException | None = None
            values: Any = None
            try:
                values = objective(trial, *args, **kwargs)
            except BaseException as raised:
                error = raised
                raise
            finally:
                _try(record.leave, study, trial, values, error)
                _try(record.end, study, None, is_whole=False)
            return values

        vars(tracked)[_CALLBACK] = self
        return tracked


_records: "weakref.WeakKeyDictionary[Any, StudyRecord]" = weakref.WeakKeyDictionary()
_watching: list[Patch] = []


def _record_of(study: Any) -> StudyRecord:
    record = _records.get(study)
    return _records.setdefault(study, StudyRecord()) if record is None else record


def _callback_of(objective: Any) -> TrialsCallback | None:
    found = getattr(objective, _CALLBACK, None)
    return found if isinstance(found, TrialsCallback) else None


def _watch_studies() -> None:
    """Be told when a study begins to optimize, and when it ends: Optuna tells callbacks neither."""
    if _watching:
        return
    try:
        module = import_module("optuna.study")
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise MissingExtraError("TrialsCallback", "optuna") from None
    patch = Patch(vars(module.Study)["optimize"], _observe, framework="optuna")
    patch.put_on()
    _watching.append(patch)


def _observe(call: Call) -> Generator[None] | None:
    """A study optimizes: record it if one of its callbacks, or its objective, is ours."""
    arguments = dict(zip(_ARGUMENTS, call.args, strict=False)) | call.kwargs
    callbacks: Any = arguments.get("callbacks") or []
    ours: TrialsCallback | None = None
    if isinstance(callbacks, Collection):
        ours = next((each for each in cast("Any", callbacks) if isinstance(each, TrialsCallback)), None)
    is_told = ours is not None
    callback = ours or _callback_of(arguments.get("func"))
    if callback is None or not callable(arguments.get("func")):
        return None
    if not is_told:
        arguments["callbacks"] = [*callbacks, callback]
    return _recorded(call, callback, arguments)


def _recorded(call: Call, callback: TrialsCallback, arguments: dict[str, Any]) -> Generator[None]:
    study = call.args[0] if call.args else arguments.pop("self")
    record = _record_of(study)
    told = {key: value for key, value in arguments.items() if key not in ("study", "self")}
    record.begin(study, callback.choices, told)
    call.args, call.kwargs = (study,), {**told, "func": callback.track(told["func"])}
    yield
    record.end(study, call.error)


def _try(work: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    """Do something of ours inside an objective, which goes on whatever happens to its record."""
    try:
        work(*args, **kwargs)
    except Exception as failure:  # noqa: BLE001 - as it says
        warn_of(failure, "optuna", "a trial")
