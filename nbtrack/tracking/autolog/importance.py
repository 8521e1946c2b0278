"""The importance of each feature for a trained model: kept as JSON at once, drawn later."""

from collections.abc import Mapping, Sequence
from typing import Any

from nbtrack.tracking.autolog.sessions import Session

MOST_DRAWN = 40
"""Features in the picture, the most important ones; the JSON has all."""

Importance = float | Sequence[float]
"""Of a feature; of a linear model for several classes, for each class."""


def log(session: Session, kind: str, scores: Mapping[str, Importance]) -> None:
    """Keep the importance of the features, as `feature_importance_<kind>.json` and `.png`.

    Args:
        session: Of the training.
        kind: How it is measured, such as `gain`.
        scores: Of each feature, by its name.
    """
    suffix = f"-{session.ordinal}" if session.ordinal > 1 else ""
    file = f"feature_importance_{kind}{suffix}.png"
    session.draw_later(file, lambda: drawn(kind, scores), data=dict(scores))


def drawn(kind: str, scores: Mapping[str, Importance]) -> Any:
    """A figure of matplotlib with a bar for each feature, the most important at the top."""
    from matplotlib.figure import Figure

    weights = {feature: _magnitude(score) for feature, score in scores.items()}
    shown = sorted(weights, key=weights.__getitem__)[-MOST_DRAWN:]
    series = [_per_class(scores[feature]) for feature in shown]
    classes = max(map(len, series), default=1)
    figure = Figure(figsize=(6.4, max(2.4, 1.2 + 0.24 * len(shown) * max(1.0, classes / 3))))
    axes: Any = figure.add_subplot()
    height = 0.8 / classes
    for number in range(classes):
        places = [place + height * (number - (classes - 1) / 2) for place in range(len(shown))]
        axes.barh(places, [bars[number] for bars in series], height=height, label=f"class {number}")
    axes.set_yticks(range(len(shown)), shown)
    axes.set_xlabel(kind)
    left_out = len(weights) - len(shown)
    axes.set_title("Feature importance" + (f", without {left_out} less important" if left_out else ""))
    if classes > 1:
        axes.legend()
    figure.set_layout_engine("constrained")
    return figure


def _per_class(score: Importance) -> Sequence[float]:
    return score if isinstance(score, Sequence) else [score]


def _magnitude(score: Importance) -> float:
    return sum(map(abs, _per_class(score)))
