"""What `evaluate` finds of a model whose `fit` was recorded: metrics of that run, named after the data.

MLflow keeps nothing of it. Here `model.evaluate(X_test, y_test)` logs `loss_X_test`, as `score` of a model
of scikit-learn does; and what `predict` gives is known again by the functions of `sklearn.metrics`.
"""

import sys
from collections.abc import Callable, Generator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

from nbtrack.tracking.autolog import options, sessions
from nbtrack.tracking.autolog.callers import is_called_from
from nbtrack.tracking.autolog.keras.fit_arguments import Arguments, added, flat_callbacks
from nbtrack.tracking.autolog.keras.model_facts import metric_values
from nbtrack.tracking.autolog.sklearn import metric_keys, post_metrics
from nbtrack.tracking.autolog.sklearn.caller_names import caller

if TYPE_CHECKING:
    from nbtrack.tracking.autolog.patching import Call
    from nbtrack.tracking.autolog.sklearn.predictions import Fit

_FRAMEWORK = "keras"


def remember(session: sessions.Session, model: Any) -> None:
    """Remember a model whose training has been recorded, and maybe kept."""
    post_metrics.remember_fit(session, model)


def observer_of(evaluate: FunctionType) -> "Callable[[Call], Generator[None] | None]":
    """Who observes the calls of `evaluate`."""

    def observe(call: "Call") -> Generator[None] | None:
        fit = _fit_of(call)
        if fit is None or sessions.is_inside() or is_called_from("sklearn"):
            return None
        try:
            arguments = Arguments(call, evaluate)
        except TypeError:
            return None  # Keras says so itself
        return _evaluated(call, fit, arguments)

    return observe


def prediction_observer(catch_up: Callable[[], None]) -> "Callable[[Call], Generator[None] | None]":
    """Who remembers what recorded models predict, for metrics of scikit-learn.

    Args:
        catch_up: Hooks into these, if they are imported by now.
    """

    def observe(call: "Call") -> Generator[None] | None:
        if _fit_of(call) is None or not post_metrics.is_wanted(_FRAMEWORK) or is_called_from("sklearn"):
            return None
        catch_up()
        return _predicted(call)

    return observe


def _fit_of(call: "Call") -> "Fit | None":
    """The recorded training of the model that a method is called of."""
    if options.of(_FRAMEWORK) is None or not call.args:
        return None
    return post_metrics.remembered.fit_of(call.args[0])


def _evaluated(call: "Call", fit: "Fit", arguments: Arguments) -> Generator[None]:
    import keras

    from nbtrack.tracking.autolog.keras.callbacks import TestCallback

    module = sys.modules.get("nbtrack.tracking.keras_callback")
    theirs = flat_callbacks(arguments.get("callbacks"))
    if module is not None and any(isinstance(each, module.MlflowCallback) for each in theirs):
        yield  # it logs the same
        return
    callback = TestCallback()
    with added(arguments, callback, call.args[0], keras.callbacks.CallbackList):
        yield
    if call.error is not None:
        return
    frame, data = caller(), arguments.get("x")
    called = metric_keys.call_text(
        "evaluate",
        [],
        (),
        {"x": data, "y": arguments.get("y")} if arguments.get("y") is not None else {"x": data},
        frame,
    )
    found: Mapping[str, Any] = metric_values(callback.found)
    for name, value in found.items():
        post_metrics.log_score(fit, name, data, value, called, frame)


def _predicted(call: "Call") -> Generator[None]:
    yield
    if call.error is not None:
        return
    model, *given = call.args
    data = given[0] if given else call.kwargs.get("x")
    # Of probabilities people score the decision.
    method = "predict_proba" if _are_probabilities(call.result) else "predict"
    post_metrics.remember_result(model, method, data, call.result)


def _are_probabilities(result: Any) -> bool:
    if getattr(result, "ndim", 0) != 2 or not result.size or result.dtype.kind != "f":
        return False
    return bool(result.min() >= 0 and result.max() <= 1)
