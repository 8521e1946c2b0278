"""Reading the pickle of a model: MLflow's names mean ours, and its code gets its own imports.

Whoever calls has asked for trust.
"""

import pickle
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, cast

from nbtrack.core.errors import InvalidValueError
from nbtrack.models.code import mlflow_names
from nbtrack.models.code.code_paths import ModelCode
from nbtrack.models.mlmodel import MLMODEL_FILE, PYTHON_FUNCTION, Model
from nbtrack.models.requirements import PYTHON_FILE
from nbtrack.models.safety.folder import ModelFolder
from nbtrack.models.safety.safe_yaml import read_yaml

_CLOUDPICKLE = ("cloudpickle.cloudpickle", "cloudpickle")


PythonVersion = str | Callable[[], str | None] | None
"""The Python that wrote a pickle, such as `3.11.7`, or what finds it out."""


def unpickle(file: BinaryIO, code: ModelCode, *, python_version: PythonVersion = None) -> Any:
    """Read a pickle; what it raises passes through.

    Args:
        file: The pickle.
        code: What its code imports.
        python_version: The Python it was written by, such as `3.11.7`, or what finds it out; None where
            that is not known.

    Raises:
        InvalidValueError: It holds code compiled by another Python, or names what is MLflow's alone.
    """
    return _Unpickler(file, code, python_version).load()


def unpickler_for(code: ModelCode, *, python_version: PythonVersion = None) -> "type[pickle.Unpickler]":
    """What `unpickle` reads with, as a class: for libraries that make their own of it."""

    class Unpickler(_Unpickler):
        def __init__(self, file: BinaryIO, **options: Any) -> None:
            super().__init__(file, code, python_version, **options)

    return Unpickler


def python_of(folder: ModelFolder) -> str | None:
    """The Python that a model was written by, such as `3.11.7`; None where it does not say."""
    if not folder.holds(MLMODEL_FILE):
        return None  # it is just being written
    said = Model.load(folder.path).flavors.get(PYTHON_FUNCTION, {}).get("python_version")
    if said is None and folder.holds(PYTHON_FILE):
        held = read_yaml(folder.file(PYTHON_FILE))
        said = cast("Mapping[str, Any]", held).get("python") if isinstance(held, Mapping) else None
    return None if said is None else str(said)


class _Unpickler(pickle.Unpickler):
    def __init__(
        self, file: BinaryIO, code: ModelCode, python_version: PythonVersion, **options: Any
    ) -> None:
        super().__init__(file, **options)
        self._code = code
        self._python_version = python_version

    def find_class(self, module: str, name: str, /) -> Any:
        if module.partition(".")[0] == "mlflow" and mlflow_names.are_needed():
            return mlflow_names.named(module, name)
        if module in _CLOUDPICKLE:
            if name == "_make_function":
                self._check_python()
                return self._with_own_builtins(super().find_class(module, name))
            if name == "_function_setstate":
                return self._keeping_builtins(super().find_class(module, name))
            if name == "subimport":
                return self._imported
        return super().find_class(module, name)

    def _check_python(self) -> None:
        """Bytecode of another Python ends the process without a word."""
        said = self._python_version() if callable(self._python_version) else self._python_version
        wrote = ".".join((said or "").split(".")[:2])
        runs = ".".join(map(str, sys.version_info[:2]))
        if wrote and wrote != runs:
            raise InvalidValueError(
                f"The model holds code of a notebook or script, compiled by Python {wrote}, and this is "
                f"Python {runs}, which cannot run it. Load it with Python {wrote}; or log it again with its "
                "class in a file given as code_paths=[...], which any Python reads."
            )

    def _with_own_builtins(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def make_function(code: Any, names: Any, *rest: Any) -> Any:
            function = make(code, names, *rest)
            # cloudpickle has put its own builtins into the globals; a function keeps those it is made with.
            names["__builtins__"] = self._code.builtins
            made = type(function)(code, names, function.__name__, function.__defaults__, function.__closure__)
            return made

        return make_function

    def _keeping_builtins(self, set_state: Callable[..., Any]) -> Callable[..., Any]:
        def function_set_state(function: Any, state: Any) -> Any:
            result = set_state(function, state)
            function.__globals__["__builtins__"] = self._code.builtins
            return result

        return function_set_state

    def _imported(self, name: str) -> Any:
        if name.partition(".")[0] == "mlflow" and mlflow_names.are_needed():
            return mlflow_names.stand_in(name)
        __import__(name)
        return cast("Any", sys.modules[name])
