"""Where autolog hooks into Keras: the methods that models have on the back end in use."""

import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType

from nbtrack.tracking.autolog.keras import evaluations, fits
from nbtrack.tracking.autolog.patching import Hook, Patch, function_of
from nbtrack.tracking.autolog.sklearn import metric_hooks

_OLDEST = 3  # Keras 2 calls its callbacks otherwise, and cannot save what is logged here


def hooks(module: ModuleType) -> Iterator[Hook]:
    """The hooks into Keras, once it is imported.

    Args:
        module: `keras`.
    """
    models = getattr(module, "Model", None)
    version = str(getattr(module, "__version__", "0")).partition(".")[0]
    if not isinstance(models, type) or not version.isdigit() or int(version) < _OLDEST:
        return
    if (fit := _method(models, "fit")) is not None:
        yield Patch(fit, fits.observer_of(fit), framework="keras")
    if (evaluate := _method(models, "evaluate")) is not None:
        yield Patch(evaluate, evaluations.observer_of(evaluate), framework="keras")
    if (predict := _method(models, "predict")) is not None:
        metrics = MetricHooks()
        yield metrics
        yield Patch(predict, evaluations.prediction_observer(metrics.catch_up), framework="keras")


class MetricHooks:
    """What hooks into the metrics of scikit-learn, once there is a prediction and they are imported."""

    def __init__(self) -> None:
        self._is_wanted = False
        self._on: list[Hook] = []

    def put_on(self) -> None:
        """From now on they may be put on."""
        self._is_wanted = True

    def catch_up(self) -> None:
        """Put them on, if that can be done and was not."""
        module = sys.modules.get("sklearn.metrics")
        if not self._is_wanted or self._on or module is None:
            return
        self._on = list(metric_hooks.function_hooks(module, "keras"))
        for hook in self._on:
            hook.put_on()

    def take_off(self) -> None:
        """Leave the metrics as they were."""
        self._is_wanted = False
        for hook in reversed(self._on):
            hook.take_off()
        self._on = []


def _method(models: type, name: str) -> FunctionType | None:
    """The function that models run: each back end has a trainer of its own, which they inherit from."""
    owner = next((kind for kind in models.__mro__ if name in vars(kind)), None)
    return None if owner is None else function_of(vars(owner)[name])
