"""The demonstration behind `nbtrack demo`: real models on real data, recorded and shown."""

# scikit-learn is not typed.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
import shutil
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from nbtrack.core import static_views
from nbtrack.core.errors import MissingExtraError, MissingFileError
from nbtrack.core.text_tables import number, terminal_width
from nbtrack.stores.local.folder import STORE_NAME
from nbtrack.tracking.tracker import Tracker

if TYPE_CHECKING:
    from nbtrack.core.entities import Run
    from nbtrack.tracking.active_run import ActiveRun

EXPERIMENT = "digits"
_METRIC = "val_accuracy"
_EPOCHS = 40
_MODELS = 10
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
    click.echo(f"Training {_MODELS} models on scikit-learn's handwritten digits; runs go to {store}\n")
    started: list[str] = []
    bar: Any = click.progressbar(length=_MODELS, label="Training", item_show_func=_shown, file=sys.stderr)
    with bar:
        for trained in _train_all(tracker, data):
            started.append(trained.run_id)
            bar.update(trained.models, trained.name)
    found: list[Run] = [tracker.get_run(run_id) for run_id in started]
    best = max(found, key=lambda each: each.data.metrics.get(_METRIC, 0.0))
    table = static_views.runs_table(
        found, best=best.info.run_id, grouped=True, width=terminal_width(), ages=True
    )
    click.echo(table.text)
    click.echo(
        f"\nBest: {best.info.run_name}, {_METRIC} {number(best.data.metrics[_METRIC])} "
        f"(nbtrack show {best.info.run_id[:8]})"
    )
    tracker.close()
    notebook = _notebook()
    click.echo("\nnbtrack runs            lists the runs again")
    click.echo("nbtrack show RUN        shows one")
    click.echo("nbtrack compare RUN RUN shows what differs")
    if notebook is not None:
        shown = os.path.relpath(notebook)
        click.echo(f"nbtrack demo --lab      opens {shown} in JupyterLab; so does: jupyter lab {shown}")
    if open_lab:
        _open_lab(notebook)


def _shown(name: Any) -> str:
    return name or ""


class _Trained(NamedTuple):
    """A run that has ended."""

    run_id: str
    name: str
    models: int = 1
    """Models it trained itself: 1, or 0 for the parent of a sweep."""


def _train_all(tracker: Tracker, data: _Data) -> Iterator[_Trained]:
    """Train and record every model, one after the other."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    settings = [{"C": strength} for strength in (0.003, 0.03, 0.3, 3.0)]
    yield from _sweep(tracker, data, "linear", LogisticRegression, settings, max_iter=500)
    settings = [{"max_depth": depth} for depth in (3, 6, 12, 24)]
    yield from _sweep(
        tracker, data, "trees", RandomForestClassifier, settings, n_estimators=80, random_state=0
    )
    with tracker.start_run(run_name="KNeighbors k=3", tags={"family": "neighbours"}) as started:
        started.log_params({"model": "KNeighborsClassifier", "n_neighbors": 3})
        _fit_and_score(started, KNeighborsClassifier(n_neighbors=3), data)
    yield _Trained(started.run_id, "KNeighbors")
    yield _train_in_a_loop(tracker, data)


def _sweep(
    tracker: Tracker, data: _Data, family: str, make: Any, settings: list[dict[str, Any]], **fixed: Any
) -> Iterator[_Trained]:
    """A parent run with a nested run for each setting; it keeps the best score of them."""
    kind = make.__name__.removesuffix("Classifier")
    with tracker.start_run(run_name=f"{kind} sweep", tags={"family": family}) as parent:
        best = 0.0
        for setting in settings:
            name = " ".join(f"{key}={value}" for key, value in setting.items())
            with tracker.start_run(run_name=f"{kind} {name}", nested=True) as child:
                child.log_params({"model": make.__name__, **setting})
                best = max(best, _fit_and_score(child, make(**setting, **fixed), data))
            yield _Trained(child.run_id, f"{kind} {name}")
        parent.log_metric(_METRIC, best)
    yield _Trained(parent.run_id, f"{kind} sweep", models=0)


def _train_in_a_loop(tracker: Tracker, data: _Data) -> _Trained:
    """A loop over epochs that logs a curve: the loss and the accuracy after each."""
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
    return _Trained(started.run_id, f"gradient descent, {_EPOCHS} epochs")


def _fit_and_score(started: "ActiveRun", model: Any, data: _Data) -> float:
    model.fit(data.x_train, data.y_train)
    score = model.score(data.x_val, data.y_val)
    started.log_metrics({"train_accuracy": model.score(data.x_train, data.y_train), _METRIC: score})
    _log_confusion(started, model, data)
    return score


def _log_confusion(started: "ActiveRun", model: Any, data: _Data) -> None:
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
