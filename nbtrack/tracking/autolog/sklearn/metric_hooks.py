"""The hooks behind `post_metrics`: on what predicts, what scores, and the functions of `sklearn.metrics`."""

import sys
from collections.abc import Generator, Iterable, Iterator
from functools import cache
from inspect import Parameter, signature
from types import FunctionType, ModuleType
from typing import Any

from nbtrack.tracking.autolog import sessions
from nbtrack.tracking.autolog.callers import is_called_from
from nbtrack.tracking.autolog.patching import Call, Hook, Observe, Patch, function_of
from nbtrack.tracking.autolog.sklearn import metric_keys, post_metrics
from nbtrack.tracking.autolog.sklearn.caller_names import caller, module_of
from nbtrack.tracking.autolog.sklearn.predictions import Fit

_PREDICTING = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "transform",
)

_PREDICTED = frozenset(
    {"y_pred", "y_score", "y_proba", "y_prob", "probas_pred", "pred_decision", "labels_pred", "y2"}
)
"""The parameters of metrics that take predictions."""

_PREPARING = tuple(
    f"sklearn.{name}"
    for name in ("preprocessing", "impute", "feature_extraction", "feature_selection", "compose._column")
)
"""What only prepares data is not recorded; so nobody needs to know what it gives."""

_NO_USERS = frozenset({"nbtrack", "sklearn", "xgboost", "lightgbm"})

_NO_METRICS = frozenset({"check_scoring", "get_scorer", "get_scorer_names", "make_scorer"})


def hooks(module: ModuleType) -> Iterator[Hook]:
    """What is put on one module of scikit-learn, whichever it is."""
    name = module.__name__
    if name == "sklearn.metrics":
        yield from function_hooks(module, "sklearn")
    elif name == "sklearn.metrics._scorer":
        for scorer in ("_BaseScorer", "_PassthroughScorer"):
            yield from _hook_on(getattr(module, scorer, None), "__call__", _observe_scorer, "sklearn")
    for kind in list(vars(module).values()):
        if isinstance(kind, type) and kind.__module__ == name:
            yield from class_hooks(kind, "sklearn")


def hooks_of_others(framework: str, classes: Iterable[type]) -> Iterator[Hook]:
    """What is put on for the estimators of another framework, which has imported scikit-learn itself.

    Args:
        framework: Such as `xgboost`.
        classes: Its estimators.
    """
    if metrics := sys.modules.get("sklearn.metrics"):
        yield from function_hooks(metrics, framework)
    mixins = vars(sys.modules.get("sklearn.base", ModuleType("")))
    for kind in (*classes, *(mixins.get(name) for name in ("ClassifierMixin", "RegressorMixin"))):
        if isinstance(kind, type):
            yield from class_hooks(kind, framework)


def class_hooks(kind: type, framework: str) -> Iterator[Hook]:
    """What is put on the methods that a class defines itself.

    Args:
        kind: A class of estimators, or one that they are made of.
        framework: Whose trainings it is for.
    """
    for method in _PREDICTING:
        if method != "transform" or not kind.__module__.startswith(_PREPARING):
            yield from _hook_on(kind, method, _prediction_observer(method), framework)
    function = function_of(vars(kind).get("score"))
    if function is not None:
        yield Patch(function, _score_observer(function), framework=framework)


def _hook_on(kind: type | None, method: str, observe: Observe, framework: str) -> Iterator[Hook]:
    function = function_of(vars(kind or object).get(method))
    if function is not None:
        yield Patch(function, observe, framework=framework)


def function_hooks(module: Any, framework: str) -> Iterator[Hook]:
    """What is put on the functions of `sklearn.metrics`.

    Args:
        module: That module.
        framework: Whose predictions it is for.
    """
    for name in module.__all__:
        function = getattr(module, name, None)
        # Distances are computed by the thousand, and are arrays.
        if (
            isinstance(function, FunctionType)
            and name not in _NO_METRICS
            and "distances" not in name
            and not name.startswith("pairwise_")
        ):
            yield Patch(function, _metric_observer(name, function), framework=framework)


def _is_users() -> bool:
    """Whether the user made the call: no framework as a part of something else, and not ourselves."""
    return module_of(caller()).partition(".")[0] not in _NO_USERS and not is_called_from("sklearn")


def _fit_of(args: tuple[Any, ...], index: int = 0) -> Fit | None:
    """The recorded training of the model that the user is asking something of now.

    Args:
        args: What was called.
        index: Which of it is the model.
    """
    if len(args) <= index or not post_metrics.remembered.has_models():
        return None
    fit = post_metrics.remembered.fit_of(args[index])
    if fit is None or not post_metrics.is_wanted(fit.framework) or not _is_users():
        return None
    return fit


# ---- predictions -----------------------------------------------------------------------------


@cache
def _prediction_observer(method: str) -> Observe:
    def observe(call: Call) -> Generator[None] | None:
        return None if _fit_of(call.args) is None else _remember(call, method)

    return observe


def _remember(call: Call, method: str) -> Generator[None]:
    model, data = call.args[0], post_metrics.first_argument(call)
    yield
    if call.error is None:
        post_metrics.remember_result(model, method, data, call.result)


# ---- scores ----------------------------------------------------------------------------------


def _score_observer(function: FunctionType) -> Observe:
    def observe(call: Call) -> Generator[None] | None:
        fit = _fit_of(call.args)
        return None if fit is None else _score(call, fit, function)

    return observe


def _score(call: Call, fit: Fit, function: FunctionType) -> Generator[None]:
    yield
    if call.error is not None or call.is_taken:
        return
    call.is_taken = True
    frame = caller()
    name = type(call.args[0]).__name__
    parameters = metric_keys.parameters_of(function)[1:]
    text = metric_keys.call_text(f"{name}.score", parameters, call.args[1:], call.kwargs, frame)
    post_metrics.log_score(fit, f"{name}_score", post_metrics.first_argument(call), call.result, text, frame)


# ---- functions of sklearn.metrics ------------------------------------------------------------


def _metric_observer(name: str, function: FunctionType) -> Observe:
    takes = _Parameters(function)

    def observe(call: Call) -> Generator[None] | None:
        if not post_metrics.remembered.has_predictions() or sessions.is_inside():
            return None
        return _measure(call, name, takes)

    return observe


def _measure(call: Call, name: str, takes: "_Parameters") -> Generator[None]:
    yield
    # Several frameworks may look at one function.
    if call.error is not None or call.is_taken or not post_metrics.is_number(call.result) or not _is_users():
        return
    call.is_taken = True
    frame = caller()
    post_metrics.log_measured(
        name,
        call.result,
        *takes.divide(call.args, call.kwargs),
        lambda: metric_keys.call_text(name, takes.names, call.args, call.kwargs, frame),
    )


class _Parameters:
    """What the parameters of a metric take."""

    def __init__(self, function: FunctionType) -> None:
        parameters = signature(function).parameters
        self.names = [
            name
            for name, parameter in parameters.items()
            if parameter.kind is Parameter.POSITIONAL_OR_KEYWORD
        ]
        self._predicted = _PREDICTED.intersection(parameters)
        if not self._predicted and "X" in parameters and "labels" in parameters:
            self._predicted = frozenset({"labels"})  # of a clustering; elsewhere a list of all labels

    def divide(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        """What was given as predictions, and everything else but what is no data."""
        given = [*zip(self.names, args, strict=False), *kwargs.items()]
        data = [(name, value) for name, value in given if not isinstance(value, _NO_DATA)]
        return (
            [value for name, value in data if name in self._predicted],
            [value for name, value in data if name not in self._predicted],
        )


_NO_DATA = (str, bytes, bool, int, float, type(None))


# ---- scorers ---------------------------------------------------------------------------------


def _observe_scorer(call: Call) -> Generator[None] | None:
    fit = _fit_of(call.args, 1)
    return None if fit is None else _score_with(call, fit)


def _score_with(call: Call, fit: Fit) -> Generator[None]:
    yield
    scorer, model, *data = call.args
    function = getattr(scorer, "_score_func", None)
    value = call.result
    if function is None:
        metric = f"{type(model).__name__}_score"
    else:
        metric = getattr(function, "__name__", "")
        # The scorer turns the sign of what is better when smaller; the metric is what its name says.
        if post_metrics.is_number(value) and getattr(scorer, "_sign", 1) < 0:
            value = -value
    if call.error is not None or not metric.isidentifier() or not (data or "X" in call.kwargs):
        return
    frame = caller()
    names = ["estimator", "X", "y_true" if function is not None else "y"]
    text = metric_keys.call_text(repr(scorer), names, call.args[1:], call.kwargs, frame)
    post_metrics.log_score(fit, metric, data[0] if data else call.kwargs["X"], value, text, frame)
