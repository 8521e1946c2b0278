"""Which flavors there are, and which of them a model or a folder is of."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.models.flavors.contracts import Flavor
from nbtrack.models.mlmodel import PYTHON_FUNCTION, Model

FLAVORS = ("lightning", "keras", "xgboost", "lightgbm", "pytorch", "sklearn", "python")
"""In the order in which they are asked whether a model is theirs: the special before the general."""

_PACKAGES = {
    "lightning": ("lightning", "pytorch_lightning"),
    "keras": ("keras", "tf_keras", "tensorflow"),
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm",),
    "pytorch": ("torch",),
}
"""Where the classes of a flavor come from; a model with none of them above it is not asked about."""

_LOADER_MODULES = {
    "mlflow.sklearn": "sklearn",
    "mlflow.pytorch": "pytorch",
    "nbtrack.pytorch": "pytorch",
    "mlflow.xgboost": "xgboost",
    "mlflow.lightgbm": "lightgbm",
    "mlflow.keras": "keras",
    "mlflow.tensorflow": "keras",
    "mlflow.pyfunc.model": "python",
    "mlflow.pyfunc.loaders.code_model": "python",
}
"""What MLflow imports to load a predictor, and which flavor that is here. Nothing else is imported
because a file says so."""


@cache
def flavor_named(name: str) -> Flavor:
    """The module of a flavor.

    Raises:
        InvalidValueError: There is none of that name.
    """
    if name not in FLAVORS:
        raise InvalidValueError(f"nbtrack has no flavor {name!r}. It has {', '.join(sorted(FLAVORS))}.")
    return cast("Flavor", import_module(f"nbtrack.models.flavors.{name}"))


def flavor_of(model: Any) -> Flavor:
    """The flavor of a model; no framework is imported for the question.

    Raises:
        InvalidTypeError: It is none that nbtrack knows; the message says what it looks like instead.
    """
    classes = cast("type[Any]", type(model)).__mro__
    packages = {str(kind.__module__).partition(".")[0] for kind in classes}
    for name in FLAVORS:
        if not packages.isdisjoint(_PACKAGES.get(name, packages)):
            flavor = flavor_named(name)
            if flavor.is_model(model):
                return flavor
    from nbtrack.models.flavors.no_model import what_to_do

    raise InvalidTypeError(what_to_do(model))


def flavor_of_predictor(entry: Mapping[str, Any]) -> Flavor:
    """The flavor that reads what a `python_function` entry names; `python` for modules that are not ours."""
    return flavor_named(_LOADER_MODULES.get(str(entry.get("loader_module")), "python"))


def entry_of(model: Model, flavor: str) -> Mapping[str, Any] | None:
    """A flavor's entry in an MLmodel file, or one of MLflow's that it reads; None where there is neither."""
    entry = model.flavors.get(flavor)
    return model.flavors.get(_READS_TOO.get(flavor, flavor)) if entry is None else entry


_READS_TOO = {"lightning": "pytorch", "keras": "tensorflow"}


def native_flavors(model: Model) -> list[str]:
    """The flavors of an MLmodel file that load as what they were; `python_function` is not one."""
    return [name for name in model.flavors if name != PYTHON_FUNCTION]


def is_from(model: Any, *packages: str) -> bool:
    """Whether the class of a model, or one above it, comes from one of these packages."""
    return any(kind.__module__.partition(".")[0] in packages for kind in type(model).__mro__)
