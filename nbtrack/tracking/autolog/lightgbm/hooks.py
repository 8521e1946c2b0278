"""Where LightGBM is hooked into: what trains, and what makes its data."""

from collections.abc import Iterator
from functools import partial
from inspect import signature
from types import ModuleType
from typing import Any

from nbtrack.tracking.autolog.lightgbm import data, training
from nbtrack.tracking.autolog.patching import Hook, Patch, function_of
from nbtrack.tracking.autolog.sklearn import metric_hooks

_ESTIMATORS = ("LGBMModel", "LGBMRegressor", "LGBMClassifier", "LGBMRanker")
"""The classes that may have a `fit` of their own."""


def hooks(module: ModuleType) -> Iterator[Hook]:
    """What to put on the module `lightgbm`."""
    lightgbm: Any = module
    trainings = training.LightgbmTrainings()
    yield _patch(lightgbm.train, trainings.observe_train)
    yield _patch(lightgbm.cv, trainings.observe_cv)
    for name in _ESTIMATORS:
        kind = getattr(lightgbm, name, object)
        if fit := vars(kind).get("fit"):
            yield _patch(fit, trainings.observe_fit)
    classes = [getattr(lightgbm, name) for name in (*_ESTIMATORS, "Booster") if hasattr(lightgbm, name)]
    yield from metric_hooks.hooks_of_others("lightgbm", classes)
    yield _patch(vars(lightgbm.Dataset)["__init__"], data.observe_made)


def _patch(function: Any, observe: Any) -> Patch:
    return Patch(function_of(function), partial(observe, signature(function)), framework="lightgbm")
