"""Where XGBoost is hooked into: what trains, and what makes its data."""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

from nbtrack.tracking.autolog.patching import FILE, Hook, Patch, function_of
from nbtrack.tracking.autolog.sklearn import metric_hooks
from nbtrack.tracking.autolog.xgboost import data, training

_ESTIMATORS = ("XGBModel", "XGBClassifier", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor")
"""The classes that may have a `fit` of their own."""

_DATA = ("DMatrix", "QuantileDMatrix", "ExtMemQuantileDMatrix")


def hooks(module: ModuleType) -> Iterator[Hook]:
    """What to put on the module `xgboost`."""
    xgboost: Any = module
    training.make_known(xgboost.callback.TrainingCallback)
    trainings = training.XgboostTrainings()
    yield _patch(xgboost.train, trainings.observe_train)
    yield _patch(xgboost.cv, trainings.observe_cv)
    for name in _ESTIMATORS:
        kind = getattr(xgboost, name, object)
        if fit := vars(kind).get("fit"):
            yield _patch(fit, trainings.observe_fit)
    classes = [getattr(xgboost, name) for name in (*_ESTIMATORS, "Booster") if hasattr(xgboost, name)]
    yield from metric_hooks.hooks_of_others("xgboost", classes)
    for name in _DATA:
        if made := vars(getattr(xgboost, name, object)).get("__init__"):
            yield _patch(made, data.observe_made)


def _patch(attribute: Any, observe: Callable[..., Any]) -> Patch:
    # XGBoost's functions turn all arguments into named ones, and call a second function with them: that.
    function = inspect.unwrap(attribute, stop=_is_patched)
    signature = inspect.signature(function)
    return Patch(function_of(function), partial(observe, signature), framework="xgboost")


def _is_patched(function: Any) -> bool:
    return function.__code__.co_filename == FILE
