"""The keras flavor: models of Keras 3, on whichever backend, in Keras' own `.keras` file.

The file runs nothing when it is read in safe mode. Layers and functions of the user's own go beside it
as a pickle.
"""

import json
import os
import pickle
import sys
import types
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast

from nbtrack.core.errors import (
    InvalidTypeError,
    InvalidValueError,
    MissingExtraError,
    MissingFileError,
    NbtrackError,
)
from nbtrack.core.versions import is_at_least
from nbtrack.models.code.pickling import pickle_to
from nbtrack.models.flavors import keras_limits
from nbtrack.models.flavors.contracts import SavedFlavor
from nbtrack.models.flavors.extra_files import copy_extra_files
from nbtrack.models.flavors.known import is_from
from nbtrack.models.safety.folder import ModelFolder
from nbtrack.models.schema.data_kinds import is_pandas_frame

NAME: Final = "keras"
SAFE_KERAS: Final = "3.15.1"
"""The Keras whose safe mode holds; in those before, some crafted files ran code, or read files of the
machine, all the same (CVE-2025-1550, CVE-2025-8747, CVE-2026-1669 and others)."""
SAFE_KERAS_3_12: Final = "3.12.4"
"""The same, for those who stay with 3.12."""

_DATA = "data"
_FILE = "model.keras"
_OLD_FILE = "model.h5"
_CUSTOM_FILES = ("custom_objects.cloudpickle", "global_custom_objects.cloudpickle")
_BACKENDS = ("torch", "jax", "tensorflow")
_KERAS_KNOWS = frozenset({"keras", "keras_hub", "keras_cv", "keras_nlp", "builtins"})


def is_model(model: Any) -> bool:
    """Whether it is a model of Keras 3."""
    return any(
        kind.__name__ == "Model" and kind.__module__.partition(".")[0] == "keras"
        for kind in type(model).__mro__
    )


def save(
    model: Any,
    folder: Path,
    *,
    input_example: Any = None,
    custom_objects: Mapping[str, Any] | None = None,
    save_exported_model: bool = False,
    save_model_kwargs: Mapping[str, Any] | None = None,
    extra_files: Iterable[str | os.PathLike[str]] | None = None,
) -> SavedFlavor:
    """Write a model.

    Args:
        model: The model.
        folder: An empty folder.
        input_example: What it takes.
        custom_objects: Classes and functions of the user's that it is made of, by the names that Keras
            knows them by. Those of its layers are found.
        save_exported_model: MLflow's word for TensorFlow's own format, which nbtrack does not write.
        save_model_kwargs: Arguments of `model.save`.
        extra_files: Files to lie beside it.

    Raises:
        InvalidTypeError: It is no model of Keras 3.
        InvalidValueError: It is not built, or cannot be saved.
    """
    if not is_model(model):
        raise InvalidTypeError(_no_model(model))
    if save_exported_model:
        raise InvalidValueError(
            "save_exported_model=True is TensorFlow's SavedModel, which nbtrack does not write. Leave it "
            "out: a .keras file is loaded on every backend."
        )
    if not model.built:
        raise InvalidValueError(
            f"This {type(model).__name__} has no weights yet. Call it on a few rows, or build(), first."
        )
    keras = imported_keras()
    data = folder / _DATA
    data.mkdir()
    (data / "keras_module.txt").write_text("keras", encoding="utf-8")
    try:
        model.save(str(data / _FILE), **(save_model_kwargs or {}))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InvalidValueError(
            f"Keras cannot save this {type(model).__name__}: {_first_words(error)}"
        ) from error
    backend = str(keras.backend.backend())
    modules = frozenset({"keras", "numpy", "h5py", backend})
    entry: dict[str, Any] = {
        "data": _DATA,
        "keras_version": str(keras.__version__),
        "keras_backend": backend,
        "save_exported_model": False,
    }
    own = {**_own_objects(model, keras), **(custom_objects or {})}
    if own:
        modules |= pickle_to(own, data / _CUSTOM_FILES[0])
        entry["custom_objects"] = sorted(own)
    if told := copy_extra_files(extra_files, folder):
        entry["extra_files"] = told
    several = isinstance(input_example, list | tuple) and hasattr(
        next(iter(_items(input_example)), None), "shape"
    )
    return SavedFlavor({NAME: entry}, {"loader_module": "mlflow.keras"}, modules, has_one_input=not several)


def load(
    folder: ModelFolder,
    entry: Mapping[str, Any],
    *,
    custom_objects: Mapping[str, Any] | None = None,
    load_model_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Read a model; see `Flavor.load`.

    Args:
        folder: Where it lies.
        entry: Its entry in the MLmodel file.
        custom_objects: Classes and functions of the caller's; where they are all that the model names,
            the pickle of them is not read.
        load_model_kwargs: Arguments of `keras.saving.load_model`.
    """
    if entry.get("save_exported_model"):
        raise InvalidValueError(
            f"The model at {str(folder.path)!r} is TensorFlow's SavedModel, which nbtrack does not read. "
            "tf.saved_model.load does."
        )
    name = _file_in(folder, str(entry.get("data") or _DATA))
    keras = imported_keras(str(entry.get("keras_backend") or ""))
    options = dict(load_model_kwargs or {})
    safe = options.pop("safe_mode", True)
    if not name.endswith(".keras"):
        folder.require_trust(name, why="an HDF5 file of Keras may bring code")
    elif not safe:
        folder.require_trust(name, why="safe_mode=False lets it run code")
    elif not _is_safe(keras):
        folder.require_trust(name, why=f"Keras {keras.__version__} cannot read a stranger's safely")
    given = dict(custom_objects or {})
    objects = {**_kept_objects(folder, name, entry, given), **given}
    with _named_failures(folder, name, entry):
        if safe and name.endswith(".keras") and not folder.is_trusted:
            _check_memory(folder, name, keras, objects, with_compile=options.get("compile", True))
        try:
            path = folder.file(name) if safe else folder.private_copy(name)
            return keras.saving.load_model(str(path), custom_objects=objects, safe_mode=safe, **options)
        except ValueError as error:
            if not safe or "safe_mode" not in str(error):
                raise
        folder.require_trust(name, why="it holds a lambda, which is code")
        path = folder.private_copy(name)
        return keras.saving.load_model(str(path), custom_objects=objects, safe_mode=False, **options)


def _check_memory(
    folder: ModelFolder, name: str, keras: Any, objects: Mapping[str, Any], *, with_compile: bool
) -> None:
    """Ask for trust where a model takes far more memory than its file."""
    try:
        doubt = keras_limits.doubt(folder.file(name), keras, objects, with_compile=with_compile)
    except (KeyboardInterrupt, MemoryError, NbtrackError):
        raise
    except Exception as error:
        text = str(error)
        if _names_objects(text):
            raise
        if "safe_mode" in text:
            doubt = "it holds a lambda, which is code"
        else:
            doubt = f"Keras cannot tell how much memory it takes: {_first_words(error).rstrip('.')}"
    if doubt:
        folder.require_trust(name, why=doubt)


class KerasScorer:
    """A model of Keras behind `predict`."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict.

        Args:
            data: A DataFrame or array (rows, ...); a dict of arrays for a model of several named inputs. A
                DataFrame is such a dict where it has a column for each input.
            params: Arguments of Keras' `predict`, such as `batch_size`.

        Returns:
            An array, or lists and dicts of arrays; for a DataFrame in, what has a row for each of its rows
            is a DataFrame with the same index.
        """
        import numpy as np

        options = {"verbose": 0, **(params or {})}
        if not is_pandas_frame(data):
            # A list of arrays is several inputs; any other is rows.
            is_rows = isinstance(data, list) and not any(hasattr(each, "shape") for each in _items(data))
            return _plain(self._model.predict(np.asarray(_items(data)) if is_rows else data, **options))
        import pandas as pd

        names = [str(each.name) for each in getattr(self._model, "inputs", None) or ()]
        if len(names) > 1 and set(names) <= set(data.columns):
            given = {name: data[name].to_numpy() for name in names}
        else:
            texts = [str(name) for name, kind in data.dtypes.items() if kind.kind not in "biufc"]
            if texts:
                raise InvalidValueError(
                    f"Keras takes numbers, and these columns hold others: {', '.join(texts[:6])}"
                    f"{', …' if len(texts) > 6 else ''}."
                )
            given = data.to_numpy()
        predictions = _plain(self._model.predict(given, **options))
        if hasattr(predictions, "ndim") and predictions.ndim in (1, 2) and len(predictions) == len(data):
            return pd.DataFrame(predictions, index=data.index)
        return predictions

    def raw_model(self) -> Any:
        """The model."""
        return self._model


def scorer(model: Any, entry: Mapping[str, Any], folder: Path, config: Mapping[str, Any]) -> KerasScorer:
    """What predicts with a model; see `Flavor.scorer`."""
    del entry, folder, config
    return KerasScorer(model)


def _items(values: Any) -> list[Any]:
    return list(values)


def _no_model(model: Any) -> str:
    if isinstance(model, type):
        return f"nbtrack.keras saves a model, and {model.__qualname__} is a class. Give an instance."
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    if is_from(model, "tf_keras", "tensorflow"):
        return f"nbtrack.keras saves models of Keras 3, got {kind} of an older Keras or TensorFlow."
    if is_from(model, "keras"):
        return f"nbtrack.keras saves a keras.Model, got {kind}. Put a layer into keras.Sequential([...])."
    return f"nbtrack.keras saves models of Keras, got {kind}. nbtrack.log_model picks the flavor by itself."


def _own_objects(model: Any, keras: Any) -> dict[str, Any]:
    """The classes and functions that a model is made of and Keras does not bring, by their names there."""
    found: dict[str, Any] = {}

    def take(value: Any) -> None:
        if isinstance(value, Mapping):
            for each in cast("Mapping[Any, Any]", value).values():
                take(each)
        elif isinstance(value, list | tuple):
            for each in cast("list[Any]", value):
                take(each)
        elif isinstance(value, type | types.FunctionType):
            if value.__module__.partition(".")[0] not in _KERAS_KNOWS and value.__name__ != "<lambda>":
                found[str(keras.saving.get_registered_name(value))] = value
                found[value.__name__] = value
        elif value is not None and is_from(value, "keras"):
            take(type(value))

    for layer in model._flatten_layers():
        take(type(layer))
        for value in _items(vars(layer).values()):
            if isinstance(value, types.FunctionType):
                take(value)
    take(getattr(model, "loss", None))
    take(getattr(model, "optimizer", None))
    metrics = getattr(model, "_compile_metrics", None)
    take(getattr(metrics, "_user_metrics", None))
    return found


def _kept_objects(
    folder: ModelFolder, name: str, entry: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The objects of the user's that were pickled beside a model."""
    home = name.rpartition("/")[0]
    files = [f"{home}/{file}" for file in _CUSTOM_FILES if folder.holds(f"{home}/{file}")]
    named = entry.get("custom_objects")
    names = [str(each) for each in cast("list[Any]", named)] if isinstance(named, list) else []
    plain = {each.rpartition(">")[2] for each in names}
    if not files or (names and plain <= {each.rpartition(">")[2] for each in given}):
        return {}
    told = f" ({', '.join(sorted(plain))}); custom_objects={{...}} gives yours instead" if names else ""
    folder.require_trust(*files, why=f"a pickle holds layers and functions of its own{told}")
    objects: dict[str, Any] = {}
    for file in reversed(files):
        with folder.open(file) as source:
            held = pickle.load(source)  # noqa: S301 - the folder is trusted
        if isinstance(held, Mapping):
            objects.update(cast("Mapping[str, Any]", held))
    return objects


def _file_in(folder: ModelFolder, data: str) -> str:
    for name in (f"{data}/{_FILE}", f"{data}/{_OLD_FILE}", f"{data}.keras"):
        if folder.holds(name):
            return name
    if folder.holds(f"{data}/model"):
        raise InvalidValueError(
            f"The model at {str(folder.path)!r} is TensorFlow's SavedModel, which Keras 3 does not read. "
            "tf.saved_model.load does."
        )
    raise MissingFileError("Keras file", f"{data}/{_FILE}", advice=f"It was looked for in {folder.path}.")


@contextmanager
def _named_failures(folder: ModelFolder, name: str, entry: Mapping[str, Any]) -> Generator[None]:
    try:
        yield
    except NbtrackError:
        raise
    except (
        TypeError,
        ValueError,
        OSError,
        KeyError,
        IndexError,
        AttributeError,
        ImportError,
        RuntimeError,
    ) as error:
        raise InvalidValueError(
            f"{name!r} in the model {str(folder.path)!r} cannot be read by Keras: {_first_words(error)} "
            f"It was made with Keras {entry.get('keras_version')}."
            f"{_GIVE_OBJECTS if _names_objects(str(error)) else ''}"
        ) from error


def _names_objects(text: str) -> bool:
    """Whether Keras speaks of classes that it was not given."""
    return "register_keras_serializable" in text or "custom_objects" in text


_GIVE_OBJECTS = " Give custom_objects={...} with the classes and functions that it names."


def _plain(predictions: Any) -> Any:
    """Arrays that everybody takes: NumPy has no bfloat16 of its own."""
    if isinstance(predictions, Mapping):
        return {name: _plain(each) for name, each in cast("Mapping[Any, Any]", predictions).items()}
    if isinstance(predictions, list | tuple):
        return [_plain(each) for each in cast("list[Any]", predictions)]
    if str(getattr(predictions, "dtype", "")) == "bfloat16":
        return predictions.astype("float32")
    return predictions


def _is_safe(keras: Any) -> bool:
    version = keras.__version__
    is_mended_3_12 = is_at_least(version, SAFE_KERAS_3_12) and not is_at_least(version, "3.13.dev0")
    return is_mended_3_12 or is_at_least(version, SAFE_KERAS)


def _first_words(error: BaseException) -> str:
    """What an error of Keras says before its examples; it breaks its lines itself."""
    first = str(error).strip().partition("\n\n")[0]
    return f"{(' '.join(first.split()) or type(error).__name__)[:300].rstrip('.')}."


def imported_keras(backend: str = "") -> Any:
    """Keras, on the backend that the user chose; else on the one that a model was made with.

    Raises:
        MissingExtraError: It is not installed.
        InvalidValueError: It has no backend, or is too old.
    """
    chosen = os.environ.get("KERAS_BACKEND") or _has_usable_configuration()
    if "keras" not in sys.modules and not chosen and backend in _BACKENDS and find_spec(backend):
        os.environ["KERAS_BACKEND"] = backend
    try:
        keras = import_module("keras")
    except (ImportError, ValueError) as error:
        if find_spec("keras") is None:
            raise MissingExtraError("A Keras model", "keras") from None
        raise InvalidValueError(
            f"Keras has no backend: {_first_words(error)} Install one, and name it before Keras is imported, "
            f"such as os.environ['KERAS_BACKEND'] = {backend or 'torch'!r}."
        ) from None  # what Keras did on the way there is 50 lines that help nobody
    if int(str(keras.__version__).split(".")[0]) < 3:
        raise InvalidValueError(
            f"nbtrack.keras reads and writes models of Keras 3; {keras.__version__} is here."
        )
    return keras


def _has_usable_configuration() -> bool:
    """Whether Keras' own file of settings names a backend that is installed.

    Keras writes that file when it is first imported, with `tensorflow` in it, whatever is installed.
    """
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        held = json.loads((home / "keras.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    backend = cast("Mapping[str, Any]", held).get("backend") if isinstance(held, Mapping) else None
    return isinstance(backend, str) and backend.isidentifier() and find_spec(backend) is not None
