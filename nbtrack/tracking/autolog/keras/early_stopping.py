"""What Keras' `EarlyStopping` was told, where it stopped, and which epoch's weights it brought back."""

from collections.abc import Mapping, Sequence
from typing import Any


def stopper_in(callbacks: Sequence[Any], kind: type) -> Any:
    """The first `EarlyStopping` among callbacks; None where there is none."""
    return next((each for each in callbacks if isinstance(each, kind)), None)


def params(stopper: Any) -> dict[str, Any]:
    """Its settings, by MLflow's names."""
    return {
        "monitor": stopper.monitor,
        # It turns the sign over itself, once it knows that less is better.
        "min_delta": abs(stopper.min_delta),
        "patience": stopper.patience,
        "baseline": stopper.baseline,
        "restore_best_weights": stopper.restore_best_weights,
    }


def outcome(stopper: Any) -> dict[str, int]:
    """Where it stopped a training, and the epoch whose weights the model has now, each from 0."""
    found: dict[str, int] = {}
    if stopper.stopped_epoch > 0:
        found["stopped_epoch"] = int(stopper.stopped_epoch)
    if stopper.restore_best_weights and stopper.best_weights is not None:
        found["restored_epoch"] = int(stopper.best_epoch)
    return found


def is_best(stopper: Any, epoch: int, logs: Mapping[str, Any]) -> bool:
    """Whether the epoch that ends is the best so far; asked behind the stopper's own look at it."""
    return bool(stopper.restore_best_weights and stopper.best_epoch == epoch and stopper.monitor in logs)
