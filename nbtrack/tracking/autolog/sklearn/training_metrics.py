"""What an estimator reaches on the data it was trained on: MLflow's metrics, with scikit-learn's values.

A metric that does not apply, such as the precision of several outputs, is left out without a word.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from inspect import signature
from math import nan, sqrt
from typing import Any

from nbtrack.tracking.autolog.sklearn import data_rows, label_metrics, probability_metrics
from nbtrack.tracking.autolog.sklearn.affordable_calls import Allowance, TooSlowError
from nbtrack.tracking.autolog.sklearn.label_metrics import Counts
from nbtrack.tracking.autolog.sklearn.trainings import Training

PREFIX = "training_"

_AT_ONCE = 20_000
"""Rows up to which the time of metric functions is not estimated."""

_HEADLINES = ("score", "accuracy_score", "r2_score")


@dataclass(frozen=True, eq=False)
class Roc:
    """The ROC curve of the second of two classes."""

    scores: Any
    """How sure the classifier is of it, (rows,)."""
    false_rate: Any
    """(points,)."""
    true_rate: Any
    """(points,)."""
    auc: float


@dataclass(eq=False)
class Measured:
    """What was measured on the training data."""

    metrics: dict[str, float] = field(default_factory=dict[str, float])
    skipped: list[str] = field(default_factory=list[str])
    """What was left out for the time it would take, or since an option does not fit; with the reason."""
    is_classifier: bool = False
    predictions: Any = None
    """(rows,) or (rows, outputs); None where nothing was predicted."""
    probabilities: Any = None
    """(rows, classes), of a classifier that gives them."""
    counts: Counts | None = None
    """How often which label was taken for which, of a classifier with one output."""
    roc: Roc | None = None
    """Of a classifier of two classes that gives probabilities."""

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
    rows = training.row_count or 0
    measured.predictions = predictions = allowance.call(training.estimator.predict, rows, training.X)
    y, predicted, classes = _column(training.y), _column(predictions), _classes(training.estimator)
    if y.ndim != 1 or predicted.ndim != 1:
        _measure_several(training, measured, allowance)
        return

    def counted(y: Any, predicted: Any, weights: Any) -> Counts:
        return label_metrics.count(y, predicted, classes, weights)

    call = (y, predicted, training.sample_weight)
    measured.counts = counts = allowance.call(counted, rows, *call, at_once=_AT_ONCE)
    try:
        found = label_metrics.precision_recall_f1(counts, pos_label)
    except ValueError as error:
        measured.skipped.append(f"precision, recall and F1 of pos_label={pos_label!r}: {error}")
    else:
        measured.metrics.update({PREFIX + name: value for name, value in found.items()})
    measured.metrics[PREFIX + "accuracy_score"] = label_metrics.accuracy(counts)
    # Labels that no probability is given of: neither has a meaning.
    if counts.labels is classes and hasattr(training.estimator, "predict_proba"):
        try:
            _measure_probabilities(training, measured, allowance)
        except TooSlowError as slow:
            measured.skipped.append(f"training_log_loss and training_roc_auc: {slow}")


def _measure_several(training: Training, measured: Measured, allowance: Allowance) -> None:
    """Several labels of a row. Of several that are not yes or no, scikit-learn measures none together."""
    metrics: Any = import_module("sklearn.metrics")
    type_of_target = import_module("sklearn.utils.multiclass").type_of_target
    if type_of_target(data_rows.rows(training.y, slice(_AT_ONCE))) != "multilabel-indicator":
        return

    def all_of(true: Any, predicted: Any, weights: Any) -> Any:
        options: dict[str, Any] = {"average": "weighted", "zero_division": 0, "sample_weight": weights}
        three = metrics.precision_recall_fscore_support(true, predicted, **options)[:3]
        return *three, metrics.accuracy_score(true, predicted, sample_weight=weights)

    call = (training.y, measured.predictions, training.sample_weight)
    found = allowance.call(all_of, training.row_count or 0, *call, at_once=_AT_ONCE)
    names = ("precision_score", "recall_score", "f1_score", "accuracy_score")
    measured.metrics.update({PREFIX + name: float(value) for name, value in zip(names, found, strict=True)})


def _measure_probabilities(training: Training, measured: Measured, allowance: Allowance) -> None:
    rows, weights = training.row_count or 0, training.sample_weight
    counts: Any = measured.counts
    probabilities = allowance.call(training.estimator.predict_proba, rows, training.X)
    classes = len(counts.labels)
    if getattr(probabilities, "shape", None) != (rows, classes):
        return
    measured.probabilities = probabilities
    # Of one class there is nothing to tell apart: NaN, as in MLflow, but without scikit-learn's warning.
    if classes < 2:
        measured.metrics[PREFIX + "roc_auc"] = nan
        return
    measured.metrics[PREFIX + "log_loss"] = probability_metrics.log_loss(counts.true, probabilities, weights)
    if not all(counts.true_sum > 0):
        return
    try:
        if classes == 2:
            measured.roc = roc = roc_of(measured, probabilities[:, 1], allowance)
            measured.metrics[PREFIX + "roc_auc"] = roc.auc
        elif weights is None:  # there is no weighted one of several classes
            pairs = probability_metrics.pairs_take(classes)
            if pairs > allowance.left:
                raise TooSlowError(pairs)
            call = (probability_metrics.roc_auc_of_pairs, rows, counts.true, probabilities)
            measured.metrics[PREFIX + "roc_auc"] = allowance.call(*call, at_once=_AT_ONCE)
    except ValueError:
        return  # they are no probabilities
    except TooSlowError as slow:
        measured.skipped.append(f"training_roc_auc: {slow}")


def roc_of(measured: Measured, scores: Any, allowance: Allowance) -> Roc:
    """The ROC curve of the second of two classes.

    Args:
        measured: What is known of the classifier.
        scores: How sure it is of that class, (rows,).
        allowance: How long it may take.

    Raises:
        TooSlowError: It would take longer.
    """
    metrics: Any = import_module("sklearn.metrics")
    counts: Any = measured.counts

    def curve(true: Any, scores: Any, weights: Any) -> Any:
        return metrics.roc_curve(true, scores, sample_weight=weights)

    call = (curve, len(scores), counts.true, scores, counts.weights)
    false_rate, true_rate, _ = allowance.call(*call, at_once=_AT_ONCE)
    return Roc(scores, false_rate, true_rate, float(metrics.auc(false_rate, true_rate)))


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
    """Targets as an array, of one dimension where there is one output: they may be a list, Series, frame."""
    import numpy as np

    array: Any = y if data_rows.is_sparse(y) else np.asarray(y)
    return array.ravel() if array.ndim == 2 and array.shape[1] == 1 else array


def _classes(estimator: Any) -> Any:
    """The labels that a classifier knows, sorted; None where it does not say."""
    classes = getattr(estimator, "classes_", None)
    return classes if getattr(classes, "ndim", 0) == 1 else None
