"""Models from code: a Python file that says which model it makes, by `set_model`.

The file is run when the model is saved, and again each time it is loaded.
"""

import json
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path
from secrets import token_hex
from types import ModuleType
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingFileError, NotFoundError
from nbtrack.models.code import mlflow_names
from nbtrack.models.code.code_paths import ModelCode
from nbtrack.models.python_model import FunctionModel, PythonModel

SUFFIXES = (".py", ".ipynb")


@dataclass
class _Making:
    config: Mapping[str, Any]
    model: Any = None


_making: ContextVar[_Making | None] = ContextVar("nbtrack_model_in_the_making", default=None)


def set_model(model: Any) -> None:
    """Say which model a file of code makes, in that file.

    Args:
        model: A `PythonModel`, or a function.

    Raises:
        InvalidTypeError: It is neither.
    """
    checked = as_python_model(model)
    making = _making.get()
    if making is not None:
        making.model = checked
    # MLflow reads it here, when it is MLflow that runs the file.
    theirs = sys.modules.get("mlflow.models.model")
    if theirs is not None:
        theirs.__mlflow_model__ = checked  # pyright: ignore[reportAttributeAccessIssue]


class ModelConfig:
    """The configuration of a model from code, read in its file.

    Args:
        development_config: A dict or YAML file that holds while the file is run by itself; what was
            given as `model_config=` holds once it is a model.

    Raises:
        InvalidValueError: The model was saved without a `model_config`.
        MissingFileError: There is no such file.
    """

    def __init__(
        self, *, development_config: "Mapping[str, Any] | str | PathLike[str] | None" = None
    ) -> None:
        making = _making.get()
        theirs = getattr(sys.modules.get("mlflow.models.model_config"), "__mlflow_model_config__", None)
        given: Any = making.config if making is not None else (theirs or development_config)
        if not given:
            where = (
                "The model was saved without model_config, and its code asks for one: give "
                "log_model(..., model_config={...})."
                if making is not None
                else "ModelConfig has nothing to read: give development_config, a dict or a YAML file."
            )
            raise InvalidValueError(where)
        self._config = read_config(given)

    def get(self, key: str) -> Any:
        """A value of it.

        Raises:
            NotFoundError: It has none of that name.
        """
        if key not in self._config:
            raise ConfigKeyError("model_config key", key, self._config)
        return self._config[key]

    def to_dict(self) -> dict[str, Any]:
        """All of it."""
        return dict(self._config)

    def __repr__(self) -> str:
        return f"ModelConfig({self._config!r})"


class ConfigKeyError(NotFoundError, KeyError):
    """The configuration of a model has no such key; a `KeyError`, as MLflow's users expect."""


def read_config(given: Any) -> dict[str, Any]:
    """A configuration from a dict or a YAML file.

    Raises:
        InvalidTypeError: It is neither.
        InvalidValueError: The file holds no names.
        MissingFileError: There is no such file.
    """
    if isinstance(given, str | PathLike):
        from nbtrack.models.safety.safe_yaml import read_yaml

        path = Path(cast("str", given)).expanduser()
        if not path.is_file():
            raise MissingFileError("configuration file", str(path), advice="It was given as model_config.")
        given = read_yaml(path)
        if not isinstance(given, Mapping):
            raise InvalidValueError(f"The configuration file {str(path)!r} holds no names with values.")
    if not isinstance(given, Mapping):
        raise InvalidTypeError(f"model_config takes a dict or a YAML file, got {type(given).__name__}.")
    return dict(cast("Mapping[str, Any]", given))


def as_python_model(model: Any) -> Any:
    """What is saved of a Python model: itself, or a function wrapped.

    Raises:
        InvalidTypeError: It is no Python model.
    """
    if is_python_model(model):
        return model
    if isinstance(model, type):
        raise InvalidTypeError(f"{model.__name__} is a class. Give an instance: {model.__name__}(...).")
    if callable(model):
        return FunctionModel(model)
    raise InvalidTypeError(
        "A Python model is an instance of a class derived from nbtrack.pyfunc.PythonModel, a function, or "
        f"the path of a file of code; got {type(model).__name__} {model!r:.80}."
    )


def is_python_model(model: Any) -> bool:
    """Whether it is derived from `PythonModel`, ours or MLflow's."""
    return isinstance(model, PythonModel) or any(
        kind.__module__ == "mlflow.pyfunc.model" and kind.__name__ == "PythonModel"
        for kind in type(model).__mro__
    )


def is_code_file(model: Any) -> bool:
    """Whether it is the path of a file of code."""
    return isinstance(model, str | PathLike) and str(cast("Any", model)).endswith(SUFFIXES)


def run_code(file: Path, code: ModelCode, config: Mapping[str, Any]) -> Any:
    """Run a file that makes a model; what it raises passes through.

    Args:
        file: The file; its text is taken as it is now.
        code: What it imports.
        config: What `ModelConfig` gives in it.

    Returns:
        The model that `set_model` was given.

    Raises:
        InvalidValueError: It called no `set_model`.
    """
    module = ModuleType(f"{file.stem}_{token_hex(4)}")
    module.__file__ = str(file)
    code.add_module(module)
    source = file.read_bytes()
    compiled = compile(source, str(file), "exec")
    making = _Making(config)
    token = _making.set(making)
    theirs = _give_to_mlflow(config) if b"mlflow" in source else None
    try:
        with code.importable():
            exec(compiled, module.__dict__)  # noqa: S102 - the folder is trusted
    finally:
        _making.reset(token)
        model = making.model if making.model is not None else _taken_from_mlflow(theirs)
    if model is None:
        raise InvalidValueError(
            f"{file.name} made no model: it must call nbtrack.models.set_model(model) with a PythonModel or "
            "a function."
        )
    return model


def code_of_notebook(file: Path) -> str:
    """The code cells of a notebook as one file, without magics.

    Raises:
        InvalidValueError: It is no notebook.
    """
    try:
        cells: Any = json.loads(file.read_text(encoding="utf-8"))["cells"]
        sources: list[Any] = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidValueError(f"{file.name!r} is no notebook that can be read: {error}.") from error
    texts = [source if isinstance(source, str) else "".join(source) for source in sources]
    kept = [text for text in texts if not text.lstrip().startswith("%%")]
    lines = [line for text in kept for line in [*text.splitlines(), ""]]
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!"))) + "\n"


def _give_to_mlflow(config: Mapping[str, Any]) -> tuple[ModuleType, ModuleType] | None:
    """Where MLflow is installed, its own `set_model` and `ModelConfig` are what the file calls."""
    if mlflow_names.are_needed():
        return None
    try:
        their_model = import_module("mlflow.models.model")
        their_config = import_module("mlflow.models.model_config")
    except ImportError:
        return None
    their_config.__dict__["__mlflow_model_config__"] = dict(config) or ""
    their_model.__dict__["__mlflow_model__"] = None
    return their_model, their_config


def _taken_from_mlflow(theirs: tuple[ModuleType, ModuleType] | None) -> Any:
    if theirs is None:
        return None
    their_model, their_config = theirs
    their_config.__dict__["__mlflow_model_config__"] = None
    return their_model.__dict__.get("__mlflow_model__")
