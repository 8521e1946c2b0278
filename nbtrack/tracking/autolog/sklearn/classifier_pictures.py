"""What a classifier confuses on its training data, and its curves: numbers now, pictures when nobody waits.

The numbers are kept as JSON beside each picture. Curves of many points are thinned, which no eye can see.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

from nbtrack.tracking.autolog.sessions import Session
from nbtrack.tracking.autolog.sklearn import data_rows
from nbtrack.tracking.autolog.sklearn.affordable_calls import Allowance, TooSlowError
from nbtrack.tracking.autolog.sklearn.training_metrics import PREFIX, Measured
from nbtrack.tracking.autolog.sklearn.trainings import Training

_MOST_CLASSES = 200
"""Classes of a confusion matrix that is kept."""

_NUMBERED = 30
"""Classes of a confusion matrix in whose cells numbers are legible."""

_MOST_POINTS = 1000
"""Points of a curve."""

_MOST_ROWS = 1_000_000
"""Rows beyond which there are no curves: sorting more takes longer than people want to wait."""

Data = Mapping[str, Any]


def log(session: Session, training: Training, measured: Measured) -> None:
    """Keep the numbers of what there is to be seen, and have it drawn later.

    Args:
        session: Where it is recorded.
        training: The training.
        measured: What was measured of it.
    """
    if not measured.is_classifier or measured.predictions is None:
        return
    if measured.kind not in ("binary", "multiclass"):
        return
    _log(session, "confusion_matrix", confusion_matrix(training, measured), draw_confusion_matrix)
    classes = getattr(training.estimator, "classes_", None)
    if measured.kind != "binary" or classes is None or len(classes) != 2:
        return
    try:
        scores = _scores(training, measured)
    except TooSlowError as slow:
        session.skip(f"ROC and precision-recall curve: {slow}")
        return
    if scores is not None:
        _log(session, "roc_curve", roc_curve(training, measured, scores), draw_roc_curve)
        curve = precision_recall_curve(training, measured, scores)
        _log(session, "precision_recall_curve", curve, draw_precision_recall_curve)


def confusion_matrix(training: Training, measured: Measured) -> Data | None:
    """How many rows of each class were taken for which, with their weights; None: too many classes."""
    import numpy as np
    from sklearn import metrics

    labels: Any = np.unique(np.concatenate([np.unique(measured.y), np.unique(measured.predictions)]))
    if len(labels) > _MOST_CLASSES:
        return None
    weight = training.sample_weight
    if len(labels) == 1:
        # scikit-learn warns of a single label.
        counts: Any = np.array([[len(measured.y) if weight is None else np.sum(weight)]])
    else:
        counts = metrics.confusion_matrix(
            measured.y, measured.predictions, labels=labels, sample_weight=weight
        )
    return {"labels": [_plain(label) for label in labels], "true_by_predicted": counts.tolist()}


def roc_curve(training: Training, measured: Measured, scores: Any) -> Data:
    """The ROC curve, of the second class."""
    from sklearn import metrics

    positive = training.estimator.classes_[1]
    false, true, _ = metrics.roc_curve(
        measured.y, scores, pos_label=positive, sample_weight=training.sample_weight
    )
    return {
        **_named(training),
        "positive_label": _plain(positive),
        "auc": float(metrics.auc(false, true)),
        "false_positive_rate": _thinned(false),
        "true_positive_rate": _thinned(true),
    }


def precision_recall_curve(training: Training, measured: Measured, scores: Any) -> Data:
    """The precision-recall curve, of the second class."""
    import numpy as np
    from sklearn import metrics

    positive = training.estimator.classes_[1]
    precision, recall, _ = metrics.precision_recall_curve(
        measured.y, scores, pos_label=positive, sample_weight=training.sample_weight
    )
    return {
        **_named(training),
        "positive_label": _plain(positive),
        # The sum of the steps: what `average_precision_score` computes of the same curve.
        "average_precision": float(max(0.0, -np.sum(np.diff(recall) * precision[:-1]))),
        "recall": _thinned(recall),
        "precision": _thinned(precision),
    }


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


def _log(session: Session, name: str, data: Data | None, draw: Callable[[Data], Any]) -> None:
    if data is None:
        session.skip(f"{PREFIX}{name}: more than {_MOST_CLASSES} classes")
    elif _can_draw():
        session.draw_later(f"{PREFIX}{name}.png", partial(draw, data), data)
    else:
        session.run.log_dict(dict(data), f"{PREFIX}{name}.json")


def _scores(training: Training, measured: Measured) -> Any:
    """How sure the estimator is of the second class, (rows,); None where it does not say."""
    if (training.row_count or 0) > _MOST_ROWS:
        return None
    if measured.probabilities is not None:
        return measured.probabilities[:, 1]
    decide = getattr(training.estimator, "decision_function", None)
    if decide is None or hasattr(training.estimator, "predict_proba"):
        return None
    scores = Allowance(0).call(decide, training.row_count or 0, training.X)
    return scores if data_rows.row_count(scores) == training.row_count and scores.ndim == 1 else None


def _named(training: Training) -> dict[str, str]:
    return {"estimator": type(training.estimator).__name__}


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
