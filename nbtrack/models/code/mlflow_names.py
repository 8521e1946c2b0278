"""What code and pickles of models call by MLflow's names, where MLflow is not installed.

Where it is installed, its own modules answer: a model may use any of it. Stand-ins are never put into
`sys.modules`: a library that looks whether MLflow is there must not find it. Where the drop-in answers for
MLflow (`nbtrack/mlflow_drop_in.py`), code gets its modules, and pickles what is said here: they call things
by names that are MLflow's own.
"""

import os
import sys
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from nbtrack.core.errors import InvalidValueError

_DROP_IN = "nbtrack"
"""The `origin` of modules that the drop-in makes; MLflow's own are files."""
_OWN_FOLDER = __file__.removesuffix(os.path.join("models", "code", "mlflow_names.py"))

_MODEL = "nbtrack.models.python_model"
_HINTS = "nbtrack.models.schema.type_hints"
_CODE = "nbtrack.models.code.model_code"
_SIGNATURE = "nbtrack.models.signature"
_SCHEMA = "nbtrack.models.schema.schema_types"
_SCHEMA_NAMES = ("AnyType", "Array", "ColSpec", "DataType", "Map", "Object", "ParamSchema", "ParamSpec")
_MORE_SCHEMA_NAMES = ("Property", "Schema", "TensorSpec")
_HOMES: dict[str, dict[str, tuple[str, str]]] = {
    "mlflow": {},
    "mlflow.exceptions": {"MlflowException": ("nbtrack.core.errors", "NbtrackError")},
    "mlflow.models": {
        "Model": ("nbtrack.models.mlmodel", "Model"),
        "ModelConfig": (_CODE, "ModelConfig"),
        "ModelSignature": (_SIGNATURE, "ModelSignature"),
        "infer_signature": (_SIGNATURE, "infer_signature"),
        "set_model": (_CODE, "set_model"),
    },
    "mlflow.models.model": {
        "Model": ("nbtrack.models.mlmodel", "Model"),
        "set_model": (_CODE, "set_model"),
    },
    "mlflow.models.model_config": {"ModelConfig": (_CODE, "ModelConfig")},
    "mlflow.models.signature": {
        "ModelSignature": (_SIGNATURE, "ModelSignature"),
        "_TypeHints": (_HINTS, "TypeHints"),
        "infer_signature": (_SIGNATURE, "infer_signature"),
    },
    "mlflow.pyfunc": {
        "PythonModel": (_MODEL, "PythonModel"),
        "PythonModelContext": (_MODEL, "PythonModelContext"),
    },
    "mlflow.pyfunc.model": {
        "PythonModel": (_MODEL, "PythonModel"),
        "PythonModelContext": (_MODEL, "PythonModelContext"),
        "_FunctionPythonModel": (_MODEL, "FunctionModel"),
    },
    "mlflow.pyfunc.utils": {"pyfunc": (_HINTS, "checking")},
    "mlflow.pyfunc.utils.data_validation": {
        "FuncInfo": (_HINTS, "FuncInfo"),
        "_validate_model_input": (_HINTS, "with_checked_input"),
        "pyfunc": (_HINTS, "checking"),
    },
    "mlflow.types": {name: (_SCHEMA, name) for name in (*_SCHEMA_NAMES, *_MORE_SCHEMA_NAMES)},
    "mlflow.types.schema": {name: (_SCHEMA, name) for name in (*_SCHEMA_NAMES, *_MORE_SCHEMA_NAMES)},
    "mlflow.types.type_hints": {"TypeFromExample": (_HINTS, "TypeFromExample")},
}


def are_needed() -> bool:
    """Whether MLflow itself is not here, or hidden by the drop-in."""
    try:
        spec = find_spec("mlflow")  # of one that is imported, its own
    except ValueError:
        return "mlflow" not in sys.modules
    return spec is None or _is_of_drop_in(spec)


def stand_in(name: str) -> ModuleType:
    """The module that stands for one of MLflow's, where it is not here.

    Raises:
        ModuleNotFoundError: There is none.
    """
    spec = find_spec("mlflow")
    if spec is not None and _is_of_drop_in(spec):
        with suppress(ModuleNotFoundError):
            return import_module(name)
    return _stand_in(name)


@cache
def _stand_in(name: str) -> ModuleType:
    if name not in _HOMES and _own_module(name) is None:
        raise ModuleNotFoundError(
            f"No module named {name!r}: the model imports it from MLflow, which is not installed "
            "(pip install mlflow)",
            name=name,
        )
    return _StandIn(name)


def _is_of_drop_in(spec: ModuleSpec) -> bool:
    """Whether a module `mlflow` is of the drop-in, or the one in `worker_path` that makes way for it."""
    return spec.origin == _DROP_IN or str(spec.origin).startswith(_OWN_FOLDER)


def named(module: str, name: str) -> Any:
    """What a pickle means by a name of MLflow's.

    Raises:
        InvalidValueError: nbtrack has nothing of that name.
    """
    try:
        found: Any = _stand_in(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (AttributeError, ModuleNotFoundError):
        raise InvalidValueError(
            f"The model needs {module}.{name}, which is MLflow's own and not in nbtrack. "
            "`pip install mlflow` brings it."
        ) from None
    return found


class _StandIn(ModuleType):
    def __init__(self, name: str) -> None:
        super().__init__(name, "Stands for MLflow's module of that name.")
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        own = self.__name__
        if name in (homes := _HOMES.get(own, {})):
            home, attribute = homes[name]
            return getattr(import_module(home), attribute)
        inner = f"{own}.{name}"
        if inner in _HOMES or _own_module(inner) is not None:
            return _stand_in(inner)
        module = _own_module(own)
        if module is None:
            raise AttributeError(f"module {own!r} has no attribute {name!r} where nbtrack stands for MLflow")
        return getattr(module, name)


def _own_module(name: str) -> ModuleType | None:
    """The public module of nbtrack's that has one of MLflow's names.

    It lies above this layer: a model's code may ask for all that a user may.
    """
    own = "nbtrack" + name.removeprefix("mlflow")
    try:
        return import_module(own) if find_spec(own) is not None else None
    except ModuleNotFoundError:
        return None
