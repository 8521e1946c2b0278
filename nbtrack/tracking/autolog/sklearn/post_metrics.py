"""Metrics that the user computes after a training: they go to the run of the model, ended or not.

What a recorded model predicts is remembered; when the user gives it to a function of `sklearn.metrics`, or
asks the model for its `score`, the result is logged. Nothing that scikit-learn computes inside, and nothing
that is no number.
"""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

from nbtrack.core.errors import DeletedError, NotFoundError
from nbtrack.tracking.autolog import cell_end, options, sessions
from nbtrack.tracking.autolog.patching import Call
from nbtrack.tracking.autolog.sklearn import metric_keys, prediction_contents
from nbtrack.tracking.autolog.sklearn.caller_names import caller
from nbtrack.tracking.autolog.sklearn.predictions import Fit, Prediction, Remembered, arrays_of
from nbtrack.tracking.fluent import default_tracker

INFO_FILE = "metric_info.json"
"""Which call gave which metric."""

remembered = Remembered()

_without_info: dict[str, Fit] = {}
"""The runs whose file is to be written when the cell ends: a file that is synced costs more than a metric."""
_lock = threading.RLock()


def is_wanted(framework: str) -> bool:
    """Whether what is measured now is to be logged: it is switched on, and this is no training's own work.

    Args:
        framework: The one that the model was recorded by.
    """
    values = options.of(framework)
    return values is not None and values.get("log_post_training_metrics", True) and not sessions.is_inside()


def remember_training(session: sessions.Session, call: Call) -> None:
    """Remember the model that a call has trained, and what `fit_predict` or `fit_transform` gave.

    Args:
        session: The training.
        call: The call of the user's that is being observed.
    """
    model, data = call.args[0], first_argument(call)
    remember_fit(session, model, data)
    method = call.name.rpartition(".fit_")[2]
    if method in ("predict", "transform"):
        remember_result(model, method, data, call.result)


def remember_fit(session: sessions.Session, model: Any, data: Any = None) -> None:
    """Remember a model whose training has been recorded; to be called where the user's call is observed.

    Args:
        session: The training.
        model: What was trained.
        data: What it was trained on: the `labels_` of a clustering are what it says of these.
    """
    if not session.options.get("log_post_training_metrics", True):
        return
    fit = Fit(session.framework, session.run, session.model_id)
    remembered.add_model(model, fit)
    attributes: dict[str, Any] = getattr(model, "__dict__", {})
    # A search predicts with this one, and people take it out.
    if (best := attributes.get("best_estimator_")) is not None:
        remembered.add_model(best, fit)
    labels = attributes.get("labels_")
    if labels is not None and data is not None:
        remember_result(model, "predict", data, labels)


def remember_result(model: Any, method: str, data: Any, result: Any) -> None:
    """Remember what a recorded model gave; to be called where the user's call is observed.

    Args:
        model: The model; one that was not recorded is left alone.
        method: What was called, such as `predict_proba`.
        data: What it was called with.
        result: What it gave: an array or table, or a list of them.
    """
    fit = remembered.fit_of(model)
    if fit is None:
        return
    dataset = metric_keys.dataset_name(fit.run.run_id, data, caller())
    # A transformation is not what people score; only itself is recognised.
    classes = None if method == "transform" else getattr(model, "classes_", None)
    for array in arrays_of(result):
        prints = (
            frozenset[int]()
            if method == "transform"
            else prediction_contents.of_result(array, method, classes)
        )
        remembered.add(Prediction(fit, model, dataset, array), array, prints)


def log_measured(
    metric: str, value: Any, predicted: Sequence[Any], others: Sequence[Any], call: Callable[[], str]
) -> None:
    """Log what was measured of a prediction, if that is what a metric was given.

    Args:
        metric: The metric's name.
        value: A number.
        predicted: What it was given as predictions.
        others: What else it was given: known by identity alone, so that true values, which a good model
            predicts, are not taken for its predictions.
        call: Gives the call as text, for people.
    """
    found = _itself_among(predicted, others)
    if found is None:
        copies = [each for given in predicted for each in remembered.by_content(given)]
        found = _new_among(copies, metric, value)
    if found is not None and is_wanted(found.fit.framework):
        log(found.fit, metric, found.dataset, value, call())


def _itself_among(predicted: Sequence[Any], others: Sequence[Any]) -> Prediction | None:
    for value in (*predicted, *others):
        if (found := remembered.by_identity(value)) is not None:
            return found
    for value in predicted:
        if (found := remembered.by_memory(value)) is not None:
            return found
    return None


def _new_among(copies: Sequence[Prediction], metric: str, value: Any) -> Prediction | None:
    """The prediction that a metric of a copy of it is said of; None where that says nothing new.

    Where several models predicted just the same, what is measured is true of each. It is said of one that is
    still there rather than of one that is gone, of one that was not told of the metric rather than of one
    that was, and then of the latest. What is repeated, mostly by a loop over thresholds, is said once.

    Args:
        copies: The predictions that are equal, the latest first.
        metric: The metric.
        value: What was measured.
    """
    values: dict[int, set[Any]] = {}
    for each in copies:
        told = each.fit.told.get((metric, each.dataset))
        values.setdefault(id(each.fit), set()).update(() if told is None else (told,))
    best = max(copies, key=lambda each: (each.model() is not None, not values[id(each.fit)]), default=None)
    return None if best is None or value in values[id(best.fit)] else best


def log(fit: Fit, metric: str, dataset: str, value: Any, call: str) -> None:
    """Log a number to the run of a training.

    Args:
        fit: The training.
        metric: The metric's name.
        dataset: The name of the data set.
        value: A number.
        call: The call, for people.
    """
    run_id = fit.run.run_id
    fit.told[metric, dataset] = value
    try:
        run = default_tracker.handle_of(fit.run)
        run.log_metric(metric_keys.new_key(run_id, metric, dataset, call), value, model_id=fit.model_id)
    except (DeletedError, NotFoundError):
        remembered.forget(run_id)  # the user has deleted the run
        return
    with _lock:
        if not _without_info:
            cell_end.at_end(lambda _: _write_all_infos())
        _without_info[run_id] = fit


def log_score(fit: Fit, metric: str, data: Any, value: Any, call: str, frame: FrameType | None) -> None:
    """Log what a model, or a scorer, says of the model on some data.

    Args:
        fit: The training of the model.
        metric: The metric's name.
        data: What it was measured on.
        value: A number, else nothing is logged.
        call: The call, for people.
        frame: Where the user made it.
    """
    if is_number(value):
        log(fit, metric, metric_keys.dataset_name(fit.run.run_id, data, frame), value, call)


def _write_info(run_id: str) -> None:
    """Write which calls gave the metrics of a run, if something was added since."""
    with _lock:
        fit = _without_info.pop(run_id, None)
    if fit is not None:
        with suppress(DeletedError, NotFoundError):
            default_tracker.handle_of(fit.run).log_dict(metric_keys.calls_of(run_id), INFO_FILE)


def _write_all_infos() -> None:
    for run_id in list(_without_info):
        _write_info(run_id)


def first_argument(call: Call) -> Any:
    """What a method was given first, after the object that it is a method of."""
    return call.args[1] if len(call.args) > 1 else next(iter(call.kwargs.values()), None)


def is_number(value: Any) -> bool:
    """Whether a result is logged: a plain number, also one of numpy's; no bool."""
    import numpy as np

    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


cell_end.before_reading.append(_write_info)


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    _without_info.clear()
    remembered.after_fork()
    metric_keys.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
