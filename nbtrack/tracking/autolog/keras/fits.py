"""A `fit` of Keras, from its arguments to the trained model: the order in which things are recorded."""

import sys
from collections.abc import Callable, Generator
from types import FunctionType
from typing import TYPE_CHECKING, Any

from nbtrack.tracking.autolog import options, sessions
from nbtrack.tracking.autolog.boosting import calls
from nbtrack.tracking.autolog.keras import early_stopping, evaluations, signatures, training_data
from nbtrack.tracking.autolog.keras.fit_arguments import (
    Arguments,
    added,
    flat_callbacks,
    rows_of,
    watch_first_batch,
)
from nbtrack.tracking.autolog.keras.model_facts import metric_values
from nbtrack.tracking.autolog.keras.recorder import Recorder

if TYPE_CHECKING:
    from nbtrack.tracking.autolog.patching import Call
    from nbtrack.tracking.autolog.sessions import Session

_FRAMEWORK = "keras"


def observer_of(fit: FunctionType) -> "Callable[[Call], Generator[None] | None]":
    """Who observes the calls of a `fit`.

    Args:
        fit: The function, whose arguments are read by its names.
    """

    def observe(call: "Call") -> Generator[None] | None:
        whole = calls.whole_of(_FRAMEWORK)
        if options.of(_FRAMEWORK) is None or not (whole or calls.is_for_the_user(_FRAMEWORK)):
            return None
        try:
            arguments = Arguments(call, fit)
        except TypeError:
            return None  # Keras says so itself
        return _recorded(call, arguments) if whole is None else _followed(call, arguments, whole)

    return observe


def _recorded(call: "Call", arguments: Arguments) -> Generator[None]:
    model = arguments.get("self")
    with sessions.training(_FRAMEWORK, call, type(model).__name__) as session:
        if session is None:
            yield
            return
        training_data.log(session, model, arguments)
        recorder = yield from _watched(session, call, arguments)
        _say(session, recorder)
        if call.error is None:
            with session.attempt("the model"):
                _log_model(session, model, arguments)
        evaluations.remember(session, model)


def _followed(call: "Call", arguments: Arguments, whole: "Session") -> Generator[None]:
    """A `fit` that ends a training of scikit-learn: its curves go there, where the model is kept."""
    yield from _watched(whole, call, arguments)


def _watched(session: "Session", call: "Call", arguments: Arguments) -> Generator[None, None, Recorder]:
    import keras

    from nbtrack.tracking.autolog.keras.callbacks import BatchCallback, EpochCallback

    model = arguments.get("self")
    theirs = flat_callbacks(arguments.get("callbacks"))
    stopper = early_stopping.stopper_in(theirs, keras.callbacks.EarlyStopping)
    recorder = Recorder(
        session, call, model, keeps_metrics=not _records_itself(theirs, session), stopper=stopper
    )
    with session.attempt("params"):
        session.log_params(arguments.params())
        if stopper is not None:
            session.log_params(early_stopping.params(stopper))

    def look_at(batch: Any) -> None:
        recorder.batch_size = rows_of(batch)

    watched = watch_first_batch(arguments.get("x"), look_at)
    if watched is not arguments.get("x"):
        arguments.exchange("x", watched)
    callback = (BatchCallback if recorder.needs_batches else EpochCallback)(recorder)
    with added(arguments, callback, model, keras.callbacks.CallbackList):
        yield
    if call.error is None:
        with session.attempt("early stopping"):
            recorder.train_ended()
    return recorder


def _log_model(session: "Session", model: Any, arguments: Arguments) -> None:
    if not session.options.get("log_models", True):
        return
    given: dict[str, Any] = {}
    is_tensorflow = session.options.get("flavor") == "tensorflow"
    kwargs = dict(session.options.get("keras_model_kwargs" if is_tensorflow else "save_model_kwargs") or {})
    kwargs.pop("save_format", None)  # Keras 3 has one
    if kwargs:
        given["save_model_kwargs"] = kwargs
    if session.options.get("save_exported_model"):
        session.skip("save_exported_model: a .keras file is kept, which every back end loads")
    data = arguments.get("x")
    if session.options.get("log_model_signatures", True):
        with session.attempt("the signature"):
            given["signature"] = signatures.signature_of(model, data)
    if session.options.get("log_input_examples"):
        example = signatures.first_rows(data)
        if example is None:
            session.skip("input example: the data is no array")
        elif not session.affords():
            session.skip("input example: recording has taken its time")
        else:
            given["input_example"] = example
    if given.get("signature") is None:
        given["signature"] = False  # else one would be looked for, by calling the model
    session.log_model(model, flavor=_FRAMEWORK, **given)


def _records_itself(callbacks: list[Any], session: "Session") -> bool:
    """Whether a callback that the user has added records the same into the same run."""
    module = sys.modules.get("nbtrack.tracking.keras_callback")
    if module is None:
        return False
    return any(
        isinstance(each, module.MlflowCallback) and each.logs_to(session.run.run_id) for each in callbacks
    )


def _say(session: "Session", recorder: Recorder) -> None:
    """The loss of the weights that are kept, and that of the validation, for the line about the run."""
    count = recorder.epochs
    session.say(f"{count} epoch{'' if count == 1 else 's'}")
    values = metric_values(recorder.kept)
    for name in ("loss", "val_loss"):
        if isinstance(values.get(name), float):
            session.say(f"{name} {values[name]:.4g}")
