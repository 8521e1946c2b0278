"""What autolog adds to a fit of scikit-learn's."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from nbtrack.tracking.autolog import drawing, sessions, switching
from nbtrack.tracking.fluent import default_tracker
from tests.benchmarks.timing import Row, median, shown


def _of_mlflow(model: Any, X: Any, y: Any) -> None:
    """The calls of scikit-learn that the training metrics are defined by, one after the other."""
    from sklearn import metrics

    predicted, probabilities = model.predict(X), model.predict_proba(X)
    for metric in (metrics.precision_score, metrics.recall_score, metrics.f1_score):
        metric(y, predicted, average="weighted")
    metrics.accuracy_score(y, predicted)
    metrics.log_loss(y, probabilities)
    metrics.roc_auc_score(y, probabilities, average="weighted", multi_class="ovo")
    model.score(X, y)


def _own_share(train: Callable[[], Any], calls: int, *, log_models: bool) -> list[float]:
    """Nanoseconds that each fit spends in autolog, drawing left out."""
    switching.switch("sklearn", silent=True, log_models=log_models)
    spent: list[float] = []
    close = sessions.close

    def closed(session: sessions.Session, error: BaseException | None = None) -> None:
        close(session, error)
        spent.append(session.spent() * 1e9)

    sessions.close = closed
    try:
        for _ in range(calls + 3):
            train()
            drawing._waiting.clear()
    finally:
        sessions.close = close
        switching.switch("sklearn", disable=True)
    return sorted(spent[3:])


def autolog_sklearn(folder: Path, scale: float) -> Row:
    """A logistic regression of iris, with all that autolog records of it."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(X, y)
    calls = max(3, int(100 * scale))
    bare: list[int] = []
    measuring: list[int] = []
    for _ in range(calls):
        start = perf_counter_ns()
        model.fit(X, y)
        middle = perf_counter_ns()
        _of_mlflow(model, X, y)
        measuring.append(perf_counter_ns() - middle)
        bare.append(middle - start)
    default_tracker.set_tracking_uri(str(folder / "store"))
    try:
        without = _own_share(lambda: model.fit(X, y), calls, log_models=False)
        with_model = _own_share(lambda: model.fit(X, y), calls, log_models=True)
    finally:
        default_tracker.close()
        default_tracker.set_tracking_uri(None)
    return Row(
        "autolog of a scikit-learn fit on iris: what it adds, metrics included (with the model)",
        f"{shown(median(without))} ({shown(median(with_model))})",
        f"the fit {shown(median(bare))}, scikit-learn's metric functions {shown(median(measuring))}",
        "≤ 3 ms beyond the metric functions (20 ms)",
        median(without) / median(bare),
    )
