"""The python flavor: classes derived from `PythonModel`, functions, files of code, and users' own loaders.

Written in MLflow's layout: `python_model.pkl` by cloudpickle, or the file of code; what it was given as
`artifacts` beside it.
"""

import inspect
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path
from types import FunctionType
from typing import Any, BinaryIO, Final, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingFileError
from nbtrack.models.code.code_imports import imports_of_source
from nbtrack.models.code.code_paths import ModelCode, current_code
from nbtrack.models.code.model_code import (
    as_python_model,
    code_of_notebook,
    is_code_file,
    is_python_model,
    read_config,
    run_code,
)
from nbtrack.models.code.pickling import pickle_to
from nbtrack.models.code.unpickling import python_of, unpickle
from nbtrack.models.flavors.contracts import SavedFlavor
from nbtrack.models.python_model import (
    CallForm,
    FunctionModel,
    PythonModelContext,
    check_can_predict,
    has_own,
)
from nbtrack.models.safety.folder import ModelFolder
from nbtrack.models.schema.type_hints import TypeHints, check_input, checks_its_input, schema_of

NAME: Final = "python"
ARTIFACTS_FOLDER = "artifacts"
DATA_FOLDER = "data"

_PICKLE = "python_model.pkl"
_PICKLE_LOADER = "mlflow.pyfunc.model"
_CODE_LOADER = "mlflow.pyfunc.loaders.code_model"
_COMPRESSIONS = ("gzip", "bzip2", "lzma")


@dataclass(frozen=True)
class ArtifactSource:
    """A file or folder that a model brings along."""

    path: Path
    """Where it lies on this machine."""
    uri: str
    """What the user called it."""


@dataclass(frozen=True)
class LoadedModel:
    """What `load` gives: the model, which has not seen its context yet."""

    model: Any
    code: ModelCode
    is_users_own: bool = False
    """Whether its class is not ours to know: what a `_load_pyfunc` of the user's returned."""


def is_model(model: Any) -> bool:
    """Whether it is a Python model, a plain function, or the path of a file of code."""
    return is_python_model(model) or isinstance(model, FunctionType) or is_code_file(model)


def save(
    model: Any,
    folder: Path,
    *,
    input_example: Any = None,
    artifacts: Mapping[str, Any] | None = None,
    model_config: Any = None,
    loader_module: str | None = None,
    data_path: str | PathLike[str] | None = None,
    streamable: bool | None = None,
) -> SavedFlavor:
    """Write a Python model.

    Args:
        model: An instance of a class derived from `PythonModel`, a function, or the path of a file of
            code (.py, .ipynb). None with a `loader_module`.
        folder: An empty folder.
        input_example: Not needed.
        artifacts: Name to path of files and folders that it reads; copied.
        model_config: A dict or YAML file, which it gets when it is loaded.
        loader_module: A module with `_load_pyfunc(path)`, instead of a model.
        data_path: A file or folder that the loader module reads; copied.
        streamable: Whether it has `predict_stream`; None looks.

    Raises:
        InvalidTypeError: It is no Python model.
        InvalidValueError: It cannot be saved, or the options contradict each other.
        MissingFileError: A file that was named is not there.
    """
    del input_example
    config = None if model_config is None else read_config(model_config)
    if loader_module is not None or data_path is not None:
        return _save_loader(model, folder, artifacts, config, loader_module, data_path, bool(streamable))
    if model is None:
        raise InvalidTypeError(
            "Give python_model: an instance of a class derived from nbtrack.pyfunc.PythonModel, a function "
            "or the path of a file of code; or a loader_module."
        )
    entry: dict[str, Any] = {}
    if is_code_file(model):
        file = _copied_code(Path(str(model)), folder)
        made = run_code(file, ModelCode(), config or {})
        entry |= {"loader_module": _CODE_LOADER, "model_code_path": file.name}
        modules = imports_of_source(file)
    else:
        made = as_python_model(model)
        if not artifacts:  # with them it is a holder of files, as libraries keep their checkpoints
            check_can_predict(made)
        modules = pickle_to(made, folder / _PICKLE)
        entry |= {"loader_module": _PICKLE_LOADER, "python_model": _PICKLE}
    import cloudpickle

    entry["cloudpickle_version"] = cloudpickle.__version__
    entry["streamable"] = has_own(made, "predict_stream") if streamable is None else bool(streamable)
    if artifacts:
        entry["artifacts"] = _copied_artifacts(artifacts, folder)
    if config is not None:
        entry["config"] = config
    hints = _hints_of(made)
    return SavedFlavor(
        flavors={},
        python_function=entry,
        modules=modules | {"cloudpickle"},
        inputs=schema_of(hints.input),
        outputs=schema_of(hints.output),
    )


def load(folder: ModelFolder, entry: Mapping[str, Any], **options: Any) -> LoadedModel:
    """Read a Python model; see `Flavor.load`. It has not seen its context yet."""
    loader = str(entry.get("loader_module") or "")
    code = current_code()
    if entry.get("model_code_path") and loader == _CODE_LOADER:
        # MLflow writes the whole path, and the file lies at the top of the folder.
        name = str(entry["model_code_path"]).replace("\\", "/").rpartition("/")[2]
        folder.file(name)
        folder.require_trust(name, why="it is a Python file, which is run to make the model")
        given = options["config"] if "config" in options else entry.get("config")
        return LoadedModel(run_code(folder.private_copy(name), code, read_config(given or {})), code)
    if entry.get("python_model"):
        return LoadedModel(_unpickled(folder, entry, code), code)
    return LoadedModel(_loaded_by_module(folder, entry, loader, code), code, is_users_own=True)


def scorer(
    model: Any, entry: Mapping[str, Any], folder: Path, config: Mapping[str, Any]
) -> "PythonScorer | _LoaderScorer":
    """What predicts with a Python model; see `Flavor.scorer`."""
    # The user's own object stays as it is: what is asked is what was written.
    loaded = model if isinstance(model, LoadedModel) else load(ModelFolder(folder, trust=True), entry)
    if loaded.is_users_own:
        return _LoaderScorer(loaded.model)
    merged = {**read_config(entry.get("config") or {}), **config}
    context = PythonModelContext(_artifact_paths(ModelFolder(folder), entry), merged)
    load_context = getattr(loaded.model, "load_context", None)
    if callable(load_context):
        with loaded.code.importable():
            load_context(context)
    return PythonScorer(loaded.model, context)


class PythonScorer:
    """Asks a Python model, in the form that its `predict` has."""

    def __init__(self, model: Any, context: PythonModelContext) -> None:
        self.python_model = model
        self.context = context
        self._predict = CallForm(model.func if isinstance(model, FunctionModel) else model.predict)
        hint = _hints_of(model).input
        self._hint = hint if schema_of(hint) is not None else None
        self._checks_itself = checks_its_input(model.predict) or checks_its_input(
            getattr(model, "func", None)
        )

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict; see `Scorer.predict`."""
        return self._predict(self.context, self._as_hinted(data), params)

    def predict_stream(self, data: Any, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Predict piece by piece.

        Raises:
            InvalidValueError: The model has no `predict_stream`.
        """
        if not has_own(self.python_model, "predict_stream"):
            raise InvalidValueError(f"{type(self.python_model).__name__} has no predict_stream method.")
        return CallForm(self.python_model.predict_stream)(self.context, self._as_hinted(data), params)

    def raw_model(self) -> Any:
        """The user's `PythonModel`."""
        return self.python_model

    def _as_hinted(self, data: Any) -> Any:
        return data if self._hint is None or self._checks_itself else check_input(data, self._hint)


class _LoaderScorer:
    def __init__(self, model: Any) -> None:
        predict = getattr(model, "predict", None)
        if not callable(predict):
            raise InvalidValueError(
                f"What _load_pyfunc returned, a {type(model).__name__}, has no predict method."
            )
        self._model = model
        takes = set(inspect.signature(predict).parameters)
        self._takes_params = bool(takes & {"params", "kwargs"})

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        given: dict[str, Any] = {"params": params} if self._takes_params and params is not None else {}
        return self._model.predict(data, **given)

    def predict_stream(self, data: Any, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        if not hasattr(self._model, "predict_stream"):
            raise InvalidValueError(f"{type(self._model).__name__} has no predict_stream method.")
        return self._model.predict_stream(data, params)

    def raw_model(self) -> Any:
        return self._model


def _hints_of(model: Any) -> TypeHints:
    hints = getattr(model, "predict_type_hints", None)
    return TypeHints(getattr(hints, "input", None), getattr(hints, "output", None))


def _unpickled(folder: ModelFolder, entry: Mapping[str, Any], code: ModelCode) -> Any:
    name = str(entry["python_model"])
    folder.file(name)
    folder.require_trust(name, why="it is a pickle, and a pickle runs code when it is read")
    with folder.open(name) as file, code.importable():
        source = _decompressed(file, entry.get("python_model_compression"), folder.path)
        return unpickle(source, code, python_version=lambda: python_of(folder))


def _decompressed(file: BinaryIO, compression: Any, where: Path) -> BinaryIO:
    if compression is None:
        return file
    if compression not in _COMPRESSIONS:
        raise InvalidValueError(
            f"The model at {where} says it is compressed by {compression!r}. nbtrack reads "
            f"{', '.join(_COMPRESSIONS)}."
        )
    module = import_module({"gzip": "gzip", "bzip2": "bz2", "lzma": "lzma"}[compression])
    return cast("BinaryIO", module.open(file, "rb"))


def _loaded_by_module(folder: ModelFolder, entry: Mapping[str, Any], name: str, code: ModelCode) -> Any:
    if not name or not all(part.isidentifier() for part in name.split(".")):
        raise InvalidValueError(f"The model at {folder.path} names {name!r} as the module that loads it.")
    data = entry.get("data")
    relatives: tuple[str, ...] = ()
    path = folder.path
    if data:
        path = folder.directory(data) if (folder.path / str(data)).is_dir() else folder.file(data)
        relatives = (str(data),)
    folder.require_trust(*relatives, why=f"the module {name} is imported to load it")
    with code.importable():
        try:
            module = import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
            advice = (
                "It is MLflow's: `pip install mlflow` brings it."
                if name.startswith("mlflow.")
                else "Install its package, or log the model again with code_paths=[...]."
            )
            raise InvalidValueError(
                f"The model at {folder.path} is loaded by the module {name!r}, which is not here. {advice}"
            ) from error
        load_pyfunc = getattr(module, "_load_pyfunc", None)
        if not callable(load_pyfunc):
            raise InvalidValueError(f"The module {name!r}, which loads the model, has no _load_pyfunc(path).")
        config = entry.get("config")
        return load_pyfunc(str(path), config) if config else load_pyfunc(str(path))


def _save_loader(
    model: Any,
    folder: Path,
    artifacts: Any,
    config: dict[str, Any] | None,
    loader_module: str | None,
    data_path: Any,
    streamable: bool,
) -> SavedFlavor:
    if loader_module is None:
        raise InvalidValueError("data_path goes with loader_module, the module that reads it.")
    if model is not None or artifacts:
        other = "python_model" if model is not None else "artifacts"
        raise InvalidValueError(
            f"loader_module and {other} are two ways to say what the model is. Give one of them."
        )
    entry: dict[str, Any] = {"loader_module": loader_module, "streamable": streamable}
    if config is not None:
        entry["config"] = config
    if data_path is not None:
        source = Path(data_path).expanduser()
        if not source.exists():
            raise MissingFileError(
                "data", str(data_path), advice=f"It was looked for at {source.absolute()}."
            )
        name = source.resolve().name
        _copy(source, folder / DATA_FOLDER / name)
        entry["data"] = f"{DATA_FOLDER}/{name}"
    return SavedFlavor(
        flavors={}, python_function=entry, modules=frozenset({loader_module.partition(".")[0]})
    )


def _copied_code(source: Path, folder: Path) -> Path:
    source = source.expanduser()
    if not source.is_file():
        raise MissingFileError(
            "file of code", str(source), advice=f"It was looked for at {source.absolute()}."
        )
    target = folder / f"{source.stem}.py"
    if source.suffix == ".ipynb":
        target.write_text(code_of_notebook(source), encoding="utf-8")
    else:
        shutil.copyfile(source, target)
    return target


def _copied_artifacts(artifacts: Mapping[str, Any], folder: Path) -> dict[str, dict[str, str]]:
    entries: dict[str, dict[str, str]] = {}
    places: dict[Path, str] = {}
    taken: set[str] = set()
    for number, (name, given) in enumerate(artifacts.items()):
        if not isinstance(name, str):
            raise InvalidTypeError(f"artifacts takes names as text, got {name!r}.")
        source = given if isinstance(given, ArtifactSource) else ArtifactSource(Path(given), str(given))
        path = source.path.expanduser()
        if not path.exists():
            raise MissingFileError(
                "artifact",
                name,
                advice=f"It was given as {source.uri!r} and looked for at {path.absolute()}.",
            )
        path = path.resolve()
        if path not in places:
            # Some file systems hold A and a for one name; a folder of ours may be called 1, too.
            is_taken = path.name.lower() in taken or path.name.isdecimal()
            places[path] = f"{number}/{path.name}" if is_taken else path.name
            taken.add(path.name.lower())
            _copy(path, folder / ARTIFACTS_FOLDER / places[path])
        entries[name] = {"path": f"{ARTIFACTS_FOLDER}/{places[path]}", "uri": source.uri}
    return entries


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _artifact_paths(folder: ModelFolder, entry: Mapping[str, Any]) -> dict[str, str]:
    """Where the artifacts lie; each inside the folder."""
    held: Any = entry.get("artifacts") or {}
    if not isinstance(held, Mapping):
        raise InvalidValueError(f"The model at {folder.path} does not name its artifacts as names and paths.")
    found: dict[str, str] = {}
    for name, each in cast("Mapping[str, Any]", held).items():
        relative = cast("Mapping[str, Any]", each).get("path") if isinstance(each, Mapping) else None
        if not relative:
            raise InvalidValueError(
                f"The model at {folder.path} does not say where its artifact {name!r} lies."
            )
        is_folder = folder.holds(relative) and (folder.path / str(relative)).is_dir()
        found[name] = str(folder.directory(relative) if is_folder else folder.file(relative))
    return found
