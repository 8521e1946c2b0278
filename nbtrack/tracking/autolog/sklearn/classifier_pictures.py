"""What a classifier confuses on its training data, and its curves: numbers now, pictures when nobody waits.

The numbers are kept as JSON beside each picture. Curves of many points are thinned, which no eye can see.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from nbtrack.tracking.autolog.sessions import Session
from nbtrack.tracking.autolog.sklearn.affordable_calls import Allowance, TooSlowError
from nbtrack.tracking.autolog.sklearn.label_metrics import Counts
from nbtrack.tracking.autolog.sklearn.training_metrics import PREFIX, Measured, Roc, roc_of
from nbtrack.tracking.autolog.sklearn.trainings import Training

_MOST_CLASSES = 200
"""Classes of a confusion matrix that is kept."""

_NUMBERED = 30
"""Classes of a confusion matrix in whose cells numbers are legible."""

_MOST_POINTS = 1000
"""Points of a curve."""

Data = Mapping[str, Any]


def log(session: Session, training: Training, measured: Measured) -> None:
    """Keep the numbers of what there is to be seen, and have it drawn later.

    Args:
        session: Where it is recorded.
        training: The training.
        measured: What was measured of it.
    """
    if measured.counts is None:
        return
    labels = measured.counts.labels
    if len(labels) > _MOST_CLASSES:
        session.skip(f"{PREFIX}confusion_matrix: of {len(labels):,} classes")
    else:
        _log(session, "confusion_matrix", confusion_matrix(measured.counts), draw_confusion_matrix)
    if len(labels) != 2 or not all(measured.counts.true_sum > 0):
        return
    try:
        roc = measured.roc or _decided(training, measured)
    except TooSlowError as slow:
        session.skip(f"ROC and precision-recall curve: {slow}")
        return
    if roc is not None:
        named = {"estimator": type(training.estimator).__name__, "positive_label": _plain(labels[1])}
        _log(session, "roc_curve", {**named, **roc_curve(roc)}, draw_roc_curve)
        curve = {**named, **precision_recall_curve(measured.counts, roc)}
        _log(session, "precision_recall_curve", curve, draw_precision_recall_curve)


def confusion_matrix(counts: Counts) -> Data:
    """The rows of each label that were taken for which, by their weights."""
    matrix = counts.matrix.tolist()
    return {"labels": [_plain(label) for label in counts.labels], "true_by_predicted": matrix}


def roc_curve(roc: Roc) -> Data:
    """The ROC curve, of the second class."""
    false_rate, true_rate = _thinned(roc.false_rate), _thinned(roc.true_rate)
    return {"auc": roc.auc, "false_positive_rate": false_rate, "true_positive_rate": true_rate}


def precision_recall_curve(counts: Counts, roc: Roc) -> Data:
    """The precision-recall curve, of the second class."""
    import numpy as np

    metrics: Any = import_module("sklearn.metrics")
    precision, recall, _ = metrics.precision_recall_curve(
        counts.true, roc.scores, sample_weight=counts.weights
    )
    # The sum of the steps: what `average_precision_score` says of the same curve.
    average = float(max(0.0, -np.sum(np.diff(recall) * precision[:-1])))
    return {"average_precision": average, "recall": _thinned(recall), "precision": _thinned(precision)}


def draw_confusion_matrix(data: Data) -> Any:
    """The figure of a confusion matrix, normalized over the true labels."""
    import numpy as np

    counts: Any = np.array(data["true_by_predicted"], float)
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros_like(counts), where=rows > 0)
    labels = [str(label) for label in data["labels"]]
    longest = min(max(map(len, labels)), 30)
    figure, axes = _figure("Normalized confusion matrix", left=0.12 + 0.008 * longest)
    size = min(8.0, 50.0 / max(1, len(labels)))
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes)
    if len(labels) <= _NUMBERED:
        for row, column in np.ndindex(*shares.shape):
            share = shares[row, column]
            color = "white" if share > 0.5 else "black"
            axes.text(column, row, f"{share:.2g}", ha="center", va="center", color=color, fontsize=size)
    step = max(1, len(labels) // 50)
    ticks = range(0, len(labels), step)
    rotation = 0 if sum(map(len, labels)) < 40 else 90
    if rotation:
        figure.subplots_adjust(bottom=0.15 + 0.012 * longest)
    axes.set_xticks(ticks, labels[::step], fontsize=size, rotation=rotation)
    axes.set_yticks(ticks, labels[::step], fontsize=size)
    axes.set_xlabel("Predicted label")
    axes.set_ylabel("True label")
    return figure


def draw_roc_curve(data: Data) -> Any:
    """The figure of a ROC curve."""
    figure, axes = _figure("ROC curve")
    axes.plot(data["false_positive_rate"], data["true_positive_rate"], label=_label(data, "AUC", "auc"))
    return _finished(figure, axes, data, "False Positive Rate", "True Positive Rate")


def draw_precision_recall_curve(data: Data) -> Any:
    """The figure of a precision-recall curve."""
    figure, axes = _figure("Precision recall curve")
    label = _label(data, "AP", "average_precision")
    axes.plot(data["recall"], data["precision"], drawstyle="steps-post", label=label)
    return _finished(figure, axes, data, "Recall", "Precision")


def _log(session: Session, name: str, data: Data, draw: Callable[[Data], Any]) -> None:
    if _can_draw():
        session.draw_later(f"{PREFIX}{name}.png", partial(draw, data), data)
    else:
        session.run.log_dict(dict(data), f"{PREFIX}{name}.json")


def _decided(training: Training, measured: Measured) -> Roc | None:
    """The curve of what decides by a score, as a support vector machine; None of what tells no score."""
    decide = getattr(training.estimator, "decision_function", None)
    if decide is None or hasattr(training.estimator, "predict_proba"):
        return None
    allowance = Allowance(0)
    scores = allowance.call(decide, training.row_count or 0, training.X)
    is_one_each = getattr(scores, "shape", None) == (training.row_count,)
    return roc_of(measured, scores, allowance) if is_one_each else None


def _plain(label: Any) -> Any:
    """A label as JSON has it."""
    plain = label.item() if hasattr(label, "item") else label
    return plain if isinstance(plain, bool | int | float | str) else str(plain)


def _thinned(curve: Any) -> list[float]:
    """A curve with at most a thousand points, the first and the last among them."""
    import numpy as np

    if len(curve) > _MOST_POINTS:
        curve = curve[np.linspace(0, len(curve) - 1, _MOST_POINTS).round().astype(int)]
    return [float(f"{value:.6g}") for value in curve]


@cache
def _can_draw() -> bool:
    return find_spec("matplotlib") is not None


def _figure(title: str, left: float = 0.12) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    # Margins by hand: what matplotlib does by itself takes longer than the drawing.
    figure: Any = Figure(figsize=(6.0, 4.0), dpi=175)
    axes = figure.subplots(gridspec_kw={"left": left, "bottom": 0.15, "right": 0.96, "top": 0.92})
    axes.set_title(title)
    return figure, axes


def _label(data: Data, name: str, key: str) -> str:
    return f"{data['estimator']} ({name} = {data[key]:.2f})"


def _finished(figure: Any, axes: Any, data: Data, x: str, y: str) -> Any:
    axes.set_xlabel(f"{x} (Positive label: {data['positive_label']})")
    axes.set_ylabel(f"{y} (Positive label: {data['positive_label']})")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.05)
    axes.legend(loc="lower right" if "auc" in data else "lower left")
    return figure
