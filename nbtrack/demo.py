"""The demonstration behind `nbtrack demo`: real models on real data, recorded and shown."""

# scikit-learn is not typed.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
import shutil
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from nbtrack.core import static_views
from nbtrack.core.errors import MissingExtraError, MissingFileError
from nbtrack.core.text_tables import number
from nbtrack.stores.local.folder import STORE_NAME
from nbtrack.tracking.tracker import Tracker

if TYPE_CHECKING:
    from nbtrack.core.entities import Run

EXPERIMENT = "digits"
_METRIC = "val_accuracy"
_EPOCHS = 40
_NOTEBOOK = "quickstart.ipynb"


class _Data(NamedTuple):
    """The handwritten digits that ship with scikit-learn, parted for training and validation."""

    x_train: Any
    """(1347, 64), the grey values of 8 x 8 pixels, 0 to 1."""
    x_val: Any
    """(450, 64)."""
    y_train: Any
    """(1347,), the digits."""
    y_val: Any
    """(450,)."""


def run(*, open_lab: bool = False) -> None:
    """Train the models, print the runs and the best one, and say how to go on.

    Args:
        open_lab: Open JupyterLab on the quickstart notebook at the end.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    data = _load()
    store = Path.cwd() / STORE_NAME
    tracker = Tracker(store=store, experiment=EXPERIMENT)
    click.echo(f"Training 10 models on scikit-learn's handwritten digits; runs go to {store}\n")
    models = list(_models(tracker, data))
    started: list[str] = []
    with click.progressbar(
        models, label="Training", item_show_func=lambda item: item[0] if item else "", file=sys.stderr
    ) as bar:
        for _, train in bar:
            started += train()
    found: list[Run] = [tracker.get_run(run_id) for run_id in started]
    best = max(found, key=lambda each: each.data.metrics.get(_METRIC, 0.0))
    click.echo(static_views.runs_table(found, best=best.info.run_id, grouped=True).text)
    click.echo(
        f"\nBest: {best.info.run_name}, {_METRIC} {number(best.data.metrics[_METRIC])} "
        f"(nbtrack show {best.info.run_id[:8]})"
    )
    tracker.close()
    notebook = _notebook()
    click.echo("\nnbtrack runs            lists the runs again")
    click.echo("nbtrack show RUN        shows one")
    if notebook is not None:
        shown = os.path.relpath(notebook)
        click.echo(f"nbtrack demo --lab      opens {shown} in JupyterLab; so does: jupyter lab {shown}")
    if open_lab:
        _open_lab(notebook)


def _models(tracker: Tracker, data: _Data) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """What to train, with a name to show; each trains, records and returns the ids of its runs."""
    yield "logistic regression, 4 settings", lambda: _sweep_logistic_regression(tracker, data)
    yield "random forest, 4 settings", lambda: _sweep_random_forest(tracker, data)
    yield "neighbours", lambda: _fit_neighbours(tracker, data)
    yield f"linear model by gradient descent, {_EPOCHS} epochs", lambda: _train_in_a_loop(tracker, data)


def _sweep_logistic_regression(tracker: Tracker, data: _Data) -> list[str]:
    from sklearn.linear_model import LogisticRegression

    with tracker.start_run(run_name="logistic-regression sweep", tags={"family": "linear"}) as parent:
        started = [parent.run_id]
        for strength in (0.003, 0.03, 0.3, 3.0):
            with tracker.start_run(run_name=f"logistic C={strength}", nested=True) as child:
                child.log_params({"model": "LogisticRegression", "C": strength})
                _fit_and_score(child, LogisticRegression(C=strength, max_iter=500), data)
                started.append(child.run_id)
        _log_best_of(tracker, parent, started[1:])
    return started


def _sweep_random_forest(tracker: Tracker, data: _Data) -> list[str]:
    from sklearn.ensemble import RandomForestClassifier

    with tracker.start_run(run_name="random-forest sweep", tags={"family": "trees"}) as parent:
        started = [parent.run_id]
        for depth in (3, 6, 12, 24):
            with tracker.start_run(run_name=f"forest depth={depth}", nested=True) as child:
                child.log_params({"model": "RandomForestClassifier", "max_depth": depth, "n_estimators": 80})
                forest = RandomForestClassifier(n_estimators=80, max_depth=depth, random_state=0)
                _fit_and_score(child, forest, data)
                started.append(child.run_id)
        _log_best_of(tracker, parent, started[1:])
    return started


def _fit_neighbours(tracker: Tracker, data: _Data) -> list[str]:
    from sklearn.neighbors import KNeighborsClassifier

    with tracker.start_run(run_name="neighbours k=3", tags={"family": "neighbours"}) as started:
        started.log_params({"model": "KNeighborsClassifier", "n_neighbors": 3})
        _fit_and_score(started, KNeighborsClassifier(n_neighbors=3), data)
    return [started.run_id]


def _train_in_a_loop(tracker: Tracker, data: _Data) -> list[str]:
    import numpy as np
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import log_loss

    with tracker.start_run(run_name="gradient descent", tags={"family": "linear"}) as started:
        started.log_params({"model": "SGDClassifier", "learning_rate": "adaptive", "eta0": 0.003})
        model = SGDClassifier(loss="log_loss", learning_rate="adaptive", eta0=0.003, random_state=0)
        classes = np.unique(data.y_train)
        for epoch in range(_EPOCHS):
            model.partial_fit(data.x_train, data.y_train, classes=classes)
            started.log_metrics(
                {
                    "loss": log_loss(data.y_train, model.predict_proba(data.x_train)),
                    _METRIC: model.score(data.x_val, data.y_val),
                },
                step=epoch,
            )
        _log_confusion(started, model, data)
    return [started.run_id]


def _fit_and_score(started: Any, model: Any, data: _Data) -> None:
    model.fit(data.x_train, data.y_train)
    started.log_metrics(
        {
            "train_accuracy": model.score(data.x_train, data.y_train),
            _METRIC: model.score(data.x_val, data.y_val),
        }
    )
    _log_confusion(started, model, data)


def _log_best_of(tracker: Tracker, parent: Any, children: list[str]) -> None:
    parent.log_metric(_METRIC, max(tracker.get_run(child).data.metrics[_METRIC] for child in children))


def _log_confusion(started: Any, model: Any, data: _Data) -> None:
    """Which digits are taken for which, as a picture where matplotlib is installed."""
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(data.y_val, model.predict(data.x_val))
    started.log_dict({"rows are the truth, columns the prediction": counts.tolist()}, "confusion.json")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    figure = Figure(figsize=(4, 4), layout="tight")
    axes: Any = figure.subplots()
    axes.imshow(counts, cmap="Blues")
    axes.set(xlabel="prediction", ylabel="truth", xticks=range(10), yticks=range(10))
    for (row, column), count in _enumerated(counts):
        axes.text(column, row, int(count), ha="center", va="center", fontsize=7)
    started.log_figure(figure, "confusion.png")


def _enumerated(counts: Any) -> Iterator[tuple[tuple[int, int], int]]:
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            if count:
                yield (row, column), count


def _load() -> _Data:
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError:
        raise MissingExtraError("nbtrack demo", "scikit-learn", extra="demo") from None
    pixels, digits = load_digits(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parted = train_test_split(pixels / 16.0, digits, test_size=450, random_state=0, stratify=digits)
    return _Data(*parted)


def _notebook() -> Path | None:
    """The quickstart notebook: of the checkout we stand in, else a copy of the installed one."""
    in_checkout = Path.cwd() / "notebooks" / _NOTEBOOK
    if in_checkout.exists():
        return in_checkout
    copy = Path.cwd() / f"nbtrack-{_NOTEBOOK}"
    installed = Path(sysconfig.get_path("data")) / "share" / "nbtrack" / _NOTEBOOK
    if not copy.exists() and installed.exists():
        shutil.copyfile(installed, copy)
    return copy if copy.exists() else None


def _open_lab(notebook: Path | None) -> None:
    if notebook is None:
        raise MissingFileError(
            "notebook", _NOTEBOOK, advice="Reinstall nbtrack, or open a notebook of your own."
        )
    import importlib.util

    if importlib.util.find_spec("jupyterlab") is None:
        raise MissingExtraError("nbtrack demo --lab", "jupyterlab", extra="lab")
    subprocess.run([sys.executable, "-m", "jupyterlab", str(notebook)], check=False)  # noqa: S603 - no shell
