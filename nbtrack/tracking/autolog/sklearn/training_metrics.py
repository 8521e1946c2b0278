"""What an estimator reaches on the data it was trained on: MLflow's metrics, by scikit-learn's functions.

A metric that does not apply, such as the precision of several outputs, is left out without a word.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from inspect import signature
from math import nan, sqrt
from typing import Any

from nbtrack.tracking.autolog.sklearn.affordable_calls import Allowance, TooSlowError
from nbtrack.tracking.autolog.sklearn.trainings import Training

PREFIX = "training_"

_AT_ONCE = 20_000
"""Rows up to which the time of metric functions is not estimated."""

_HEADLINES = ("score", "accuracy_score", "r2_score")


@dataclass(eq=False)
class Measured:
    """What was measured on the training data."""

    metrics: dict[str, float] = field(default_factory=dict[str, float])
    skipped: list[str] = field(default_factory=list[str])
    """What was left out for the time it would take, or since an option does not fit; with the reason."""
    is_classifier: bool = False
    kind: str = ""
    """What scikit-learn calls the targets of a classifier, such as `binary`."""
    y: Any = None
    """The true targets of a classifier, (rows,)."""
    predictions: Any = None
    """(rows,) or (rows, outputs); None where nothing was predicted."""
    probabilities: Any = None
    """(rows, classes), of a classifier that gives them."""

    @property
    def headline(self) -> str | None:
        """The one metric to tell of, such as `training_score 0.981`."""
        key = next((PREFIX + name for name in _HEADLINES if PREFIX + name in self.metrics), None)
        return None if key is None else f"{key} {self.metrics[key]:.3g}"


def measure(training: Training, seconds: float, pos_label: Any = None) -> Measured:
    """Measure a trained estimator on the data that it was trained on.

    Args:
        training: The training.
        seconds: How long it took; measuring takes no longer than half a second or a tenth of it.
        pos_label: The label whose precision, recall and F1 count; None: all, weighted by their rows.
    """
    import numpy as np

    base: Any = import_module("sklearn.base")
    measured = Measured(is_classifier=bool(base.is_classifier(training.estimator)))
    if training.y is None or not training.row_count:
        return measured
    if training.has_changed_data:
        measured.skipped.append("training metrics: the training changed its data")
        return measured
    allowance = Allowance(seconds)
    # What overflows in a prediction was the user's to see in the training.
    with np.errstate(all="ignore"):
        try:
            if measured.is_classifier:
                _measure_classifier(training, measured, allowance, pos_label)
            elif base.is_regressor(training.estimator):
                _measure_regressor(training, measured, allowance)
        except TooSlowError as slow:
            measured.skipped.append(f"training metrics: {slow}")
            return measured
        _measure_score(training, measured, allowance)
    return measured


def _measure_classifier(training: Training, measured: Measured, allowance: Allowance, pos_label: Any) -> None:
    if not hasattr(training.estimator, "predict"):
        return
    metrics: Any = import_module("sklearn.metrics")
    count, weight, y = training.row_count or 0, training.sample_weight, training.y
    measured.predictions = predictions = allowance.call(training.estimator.predict, count, training.X)
    measured.kind = kind = import_module("sklearn.utils.multiclass").type_of_target(y)
    measured.y = y = _column(y) if kind in ("binary", "multiclass") else y
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        return  # several outputs of several classes: scikit-learn measures none of them together
    chosen: dict[str, Any] = {"average": "weighted"}
    if pos_label is not None:
        chosen = {"average": "binary", "pos_label": pos_label}

    def precision_recall_f1(true: Any, predicted: Any, weights: Any) -> Any:
        return metrics.precision_recall_fscore_support(
            true, predicted, sample_weight=weights, zero_division=0, **chosen
        )[:3]

    def accuracy(true: Any, predicted: Any, weights: Any) -> Any:
        return metrics.accuracy_score(true, predicted, sample_weight=weights)

    given = (count, y, predictions, weight)
    try:
        three = allowance.call(precision_recall_f1, *given, at_once=_AT_ONCE)
    except (ValueError, TypeError) as error:
        if pos_label is not None:
            measured.skipped.append(f"precision, recall and F1 of pos_label={pos_label!r}: {error}"[:200])
    else:
        for name, value in zip(("precision_score", "recall_score", "f1_score"), three, strict=True):
            measured.metrics[PREFIX + name] = float(value)
    _add(measured, "accuracy_score", lambda: allowance.call(accuracy, *given, at_once=_AT_ONCE))
    if hasattr(training.estimator, "predict_proba") and kind != "multilabel-indicator":
        try:
            _measure_probabilities(training, measured, allowance)
        except TooSlowError as slow:
            measured.skipped.append(f"training_log_loss and training_roc_auc: {slow}")


def _measure_probabilities(training: Training, measured: Measured, allowance: Allowance) -> None:
    metrics: Any = import_module("sklearn.metrics")
    count, weight, y = training.row_count or 0, training.sample_weight, measured.y
    probabilities = allowance.call(training.estimator.predict_proba, count, training.X)
    if getattr(probabilities, "ndim", 0) != 2:
        return
    measured.probabilities = probabilities
    classes: int = probabilities.shape[1]
    # Of one class there is nothing to tell apart: NaN, as in MLflow, but without scikit-learn's warning.
    if classes < 2:
        measured.metrics[PREFIX + "roc_auc"] = nan
        return
    scores = probabilities[:, 1] if classes == 2 else probabilities

    def log_loss(true: Any, given: Any, weights: Any) -> Any:
        return metrics.log_loss(true, given, sample_weight=weights)

    def roc_auc(true: Any, given: Any, weights: Any) -> Any:
        options = {"average": "weighted", "multi_class": "ovo", "sample_weight": weights}
        return metrics.roc_auc_score(true, given, **options)

    for name, function, given in (("log_loss", log_loss, probabilities), ("roc_auc", roc_auc, scores)):
        call = (function, count, y, given, weight)
        _add(measured, name, lambda call=call: allowance.call(*call, at_once=_AT_ONCE))


def _measure_regressor(training: Training, measured: Measured, allowance: Allowance) -> None:
    if not hasattr(training.estimator, "predict"):
        return
    metrics: Any = import_module("sklearn.metrics")
    count, weight, y = training.row_count or 0, training.sample_weight, training.y
    measured.predictions = predictions = allowance.call(training.estimator.predict, count, training.X)
    for name in ("mean_squared_error", "mean_absolute_error", "r2_score"):
        if name == "r2_score" and count < 2:
            measured.metrics[PREFIX + name] = nan  # as scikit-learn has it, which warns as well
            continue

        def error_of(true: Any, predicted: Any, weights: Any, name: str = name) -> Any:
            return getattr(metrics, name)(true, predicted, sample_weight=weights)

        call = (error_of, count, y, predictions, weight)
        _add(measured, name, lambda call=call: allowance.call(*call, at_once=_AT_ONCE))
    squared = measured.metrics.get(PREFIX + "mean_squared_error")
    if squared is not None:
        measured.metrics[PREFIX + "root_mean_squared_error"] = sqrt(squared)


def _measure_score(training: Training, measured: Measured, allowance: Allowance) -> None:
    """What its own `score` says of the training data."""
    estimator = training.estimator
    if not hasattr(estimator, "score"):
        return
    # Most have the score that all classifiers or regressors have, which is known by now.
    base: Any = import_module("sklearn.base")
    known = {base.ClassifierMixin.score: "accuracy_score", base.RegressorMixin.score: "r2_score"}
    last = _last_step(estimator)
    same = PREFIX + known.get(getattr(last.__class__, "score", None), "")
    if same in measured.metrics and (last is estimator or training.sample_weight is None):
        measured.metrics[PREFIX + "score"] = measured.metrics[same]
        return
    takes_weight = "sample_weight" in signature(estimator.score).parameters

    def score(X: Any, y: Any, weights: Any) -> Any:
        return estimator.score(X, y, weights) if takes_weight else estimator.score(X, y)

    given = (training.X, training.y, training.sample_weight)
    try:
        measured.metrics[PREFIX + "score"] = float(allowance.call(score, training.row_count or 0, *given))
    except TooSlowError as slow:
        measured.skipped.append(f"training_score: {slow}")
    except (ValueError, TypeError, AttributeError, NotImplementedError):
        return  # it scores something else


def _add(measured: Measured, name: str, compute: Callable[[], Any]) -> None:
    try:
        measured.metrics[PREFIX + name] = float(compute())
    except (ValueError, TypeError):
        return  # it does not apply
    except TooSlowError as slow:
        measured.skipped.append(f"{PREFIX}{name}: {slow}")


def _last_step(estimator: Any) -> Any:
    """What predicts in the end, where it is a pipeline."""
    pipeline: Any = import_module("sklearn.pipeline").Pipeline
    last = estimator
    while isinstance(last, pipeline):
        last = last.steps[-1][1]
    return last


def _column(y: Any) -> Any:
    """Targets as an array of one dimension: they may be a list, a Series, or a frame of one column."""
    import numpy as np

    array: Any = np.asarray(y)
    return array.ravel() if array.ndim == 2 and array.shape[1] == 1 else array
