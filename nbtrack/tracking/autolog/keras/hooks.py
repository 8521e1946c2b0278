"""Where autolog hooks into Keras: the `fit` that its models have on the back end in use."""

from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from nbtrack.tracking.autolog.keras import fits
from nbtrack.tracking.autolog.patching import Hook, Patch, function_of

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
    fit = _method(models, "fit")
    if fit is not None:
        yield Patch(fit, fits.observer_of(fit), framework="keras")


def _method(models: type, name: str) -> FunctionType | None:
    """The function that models run: each back end has a trainer of its own, which they inherit from."""
    for kind in models.__mro__:
        found: Any = vars(kind).get(name)
        if found is not None:
            return function_of(found)
    return None
