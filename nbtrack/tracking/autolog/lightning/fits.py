"""Trainer.fit and Trainer.test: which run they are recorded in, and what is kept when they have ended."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from os import getpid
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from nbtrack.models.flavors.lightning import is_model
from nbtrack.models.flavors.pytorch import unwrapped
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.autolog import callers, options, sessions
from nbtrack.tracking.autolog.lightning import loops, own_loggers, settings
from nbtrack.tracking.autolog.lightning.metric_numbers import as_numbers
from nbtrack.tracking.autolog.lightning.recorder import MODE_TAG, Recorder
from nbtrack.tracking.autolog.patching import Call
from nbtrack.tracking.fluent import default_tracker

FRAMEWORK = "pytorch"

_run_of: "WeakKeyDictionary[Any, ActiveRun]" = WeakKeyDictionary()
"""The run of the last training of each Trainer and each module, for the tests that follow it."""


def of_fit(call: Call, package: str) -> Generator[None] | None:
    """A Trainer fits."""
    trainer, module = _subjects(call)
    if not is_model(module):
        return None  # called wrongly; Lightning says how
    if not _is_recorded(trainer, package):
        return _unrecorded()
    return _record(call, trainer, module, package)


def of_test(call: Call, package: str) -> Generator[None] | None:
    """A Trainer tests what it has fitted, or what is given."""
    trainer, module = _subjects(call)
    if (
        trainer is None
        or trainer.fast_dev_run
        or not trainer.is_global_zero
        or sessions.is_inside()
        or callers.is_called_from(f"{package}.tuner")
    ):
        return None
    return _record_test(call, trainer, module)


def _record(call: Call, trainer: Any, module: Any, package: str) -> Generator[None]:
    with _training(call, trainer, type(module).__name__) as (session, logs_metrics), sessions.unrecorded():
        if session is None:
            yield
            return
        with tempfile.TemporaryDirectory(prefix="nbtrack-lightning-") as folder:
            recorder = Recorder(session, _facts(session, trainer, package, folder), logs_metrics=logs_metrics)
            setattr(trainer, loops.ATTRIBUTE, recorder)
            yield
            vars(trainer).pop(loops.ATTRIBUTE, None)
            recorder.first_batch.stop()
            call.own += recorder.spent
            _run_of[trainer] = _run_of[module] = session.run
            if call.error is None and trainer.interrupted:
                call.error = KeyboardInterrupt()  # older versions of Lightning keep it
            if call.error is None:
                _keep(session, trainer, recorder, package)
            else:
                recorder.rescue()


@contextmanager
def _training(call: Call, trainer: Any, title: str) -> Generator[tuple[sessions.Session | None, bool]]:
    """The training, and whether its metrics are ours to log."""
    values = options.of(FRAMEWORK)
    logged = [] if values is None or sessions.is_inside() else own_loggers.run_ids(trainer)
    run = default_tracker.run_to_log_to()
    if values is None or not logged or (run is not None and not run.is_autologged):
        with sessions.training(FRAMEWORK, call, title) as session:
            yield session, session is not None and session.run.run_id not in logged
    elif values["exclusive"]:
        yield None, False
    else:
        # By its id: the logger ends it before the model is logged.
        run = default_tracker._handle(logged[0])  # pyright: ignore[reportPrivateUsage]
        yield sessions.Session(FRAMEWORK, call, title, run, is_own=False), False


def _facts(session: sessions.Session, trainer: Any, package: str, folder: str) -> dict[str, Any]:
    """What a process that the Trainer starts must know to record the training."""
    return {
        "run_id": session.run.run_id,
        "title": session.title,
        "ordinal": session.ordinal,
        "options": dict(session.options),
        "package": package,
        "process": getpid(),
        # It tells what it has seen through a file.
        "signature_file": None if trainer.strategy.launcher is None else str(Path(folder, "signature.json")),
    }


def _keep(session: sessions.Session, trainer: Any, recorder: Recorder, package: str) -> None:
    """Keep what there is of a training that has ended well."""
    module = trainer.lightning_module
    with session.attempt("model_summary.txt"):
        summary = import_module(f"{package}.utilities.model_summary").ModelSummary(module, max_depth=-1)
        session.run.log_text(str(summary), "model_summary.txt")
    if not session.options["log_models"]:
        return
    with session.attempt("model"):
        session.log_model(module, signature=recorder.first_batch.signature())
    best = str(getattr(trainer.checkpoint_callback, "best_model_path", ""))
    if settings.early_stopping_of(trainer) is not None and Path(best).is_file():
        with session.attempt("restored_model_checkpoint"):
            session.run.log_artifact(best, "restored_model_checkpoint")


def _record_test(call: Call, trainer: Any, module: Any) -> Generator[None]:
    with sessions.unrecorded():
        yield
    run = _run_to_test_in(trainer, module)
    if call.error is None and run is not None:
        run = default_tracker.handle_of(run)  # mostly it has ended
        run.set_tag(MODE_TAG, "testing")
        if run.run_id not in own_loggers.run_ids(trainer):
            run.log_metrics(as_numbers(trainer.callback_metrics), step=0)


def _run_to_test_in(trainer: Any, module: Any) -> ActiveRun | None:
    """The run that a test belongs to: the user's own, else that of the training it follows."""
    run = default_tracker.run_to_log_to()
    if run is not None and not run.is_autologged:
        return run
    # Often a Trainer of its own tests, on one device.
    return _run_of.get(trainer) or (None if module is None else _run_of.get(module))


def _unrecorded() -> Generator[None]:
    with sessions.unrecorded():
        yield


def _is_recorded(trainer: Any, package: str) -> bool:
    """Whether a fit is a training: not a trial run, nor the search for a learning rate or batch size."""
    if trainer.fast_dev_run or not trainer.is_global_zero or callers.is_called_from(f"{package}.tuner"):
        return False
    if trainer.limit_train_batches == 0:
        return False
    # Once more where nothing is left to do.
    most: int | None = trainer.max_epochs
    return not (most is not None and 0 <= most <= trainer.fit_loop.epoch_progress.current.processed)


def _subjects(call: Call) -> tuple[Any, Any]:
    """The Trainer and the module of a call, which may not have been given."""
    trainer = call.args[0] if call.args else call.kwargs.get("self")
    module = call.args[1] if len(call.args) > 1 else call.kwargs.get("model")
    return trainer, None if module is None else unwrapped(module)
