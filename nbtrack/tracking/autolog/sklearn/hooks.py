"""Which functions of scikit-learn are patched: whatever a user calls to train.

A function is patched once, where it is defined; the classes that inherit it need nothing.
"""

from collections.abc import Iterator
from types import ModuleType

from nbtrack.tracking.autolog.patching import Hook, Patch, function_of
from nbtrack.tracking.autolog.sklearn import metric_hooks
from nbtrack.tracking.autolog.sklearn.estimators import NOT_TRAININGS
from nbtrack.tracking.autolog.sklearn.fits import observer

FRAMEWORK = "sklearn"

TRAINS = ("fit", "fit_transform", "fit_predict")
"""The methods that train; MLflow's choice. `partial_fit` is called once for each batch, and makes no run."""


def hooks(module: ModuleType) -> Iterator[Hook]:
    """The hooks of one module of scikit-learn's.

    Args:
        module: `sklearn`, or any module below it.
    """
    name = module.__name__
    if ".tests" in name or name.startswith(("sklearn.utils", "sklearn.externals")):
        return
    if not name.startswith(NOT_TRAININGS):
        yield from _fit_hooks(module)
    yield from metric_hooks.hooks(module)


def _fit_hooks(module: ModuleType) -> Iterator[Hook]:
    seen: set[int] = set()
    for defined in list(vars(module).values()):
        if not isinstance(defined, type) or defined.__module__ != module.__name__:
            continue
        for method in TRAINS:
            function = function_of(vars(defined).get(method))
            if function is None or function.__module__ != module.__name__:
                continue
            if id(function) not in seen:  # some have a second name
                seen.add(id(function))
                yield Patch(function, observer(function), framework=FRAMEWORK)
