"""The lightgbm flavor: Boosters as LightGBM's text, and estimators.

The text holds no code, but LightGBM takes the numbers in it on trust, as XGBoost does: a stranger's asks for
trust.

MLflow reads an estimator only from a pickle. One that holds nothing but values lies beside it in a form
that needs none: `booster.lgb`, its trees, and `estimator.json`, the rest; nbtrack reads these.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingExtraError
from nbtrack.core.warn import warn_user
from nbtrack.models.code.pickling import pickle_to
from nbtrack.models.flavors.contracts import SavedFlavor
from nbtrack.models.flavors.estimator_pickles import read_pickle
from nbtrack.models.flavors.known import is_from
from nbtrack.models.flavors.plain_state import plain_text, read_state
from nbtrack.models.flavors.predict_params import accepted_params
from nbtrack.models.flavors.skops_files import read_skops, write_skops

if TYPE_CHECKING:
    from nbtrack.models.safety.folder import ModelFolder

NAME: Final = "lightgbm"
FORMATS = ("cloudpickle", "pickle", "skops")
ESTIMATOR_FILE: Final = "estimator.json"
TREES_FILE: Final = "booster.lgb"

_BOOSTER = "lightgbm.basic.Booster"
_ESTIMATORS = ("LGBMClassifier", "LGBMRegressor", "LGBMRanker", "LGBMModel")
_HARMLESS = (
    "collections.OrderedDict",
    "collections.defaultdict",
    _BOOSTER,
    *(f"lightgbm.sklearn.{name}" for name in _ESTIMATORS),
)
"""What a skops file of LightGBM's holds: these take attributes, and trees as text."""
_BOOSTER_ATTRIBUTES = ("best_iteration", "best_score", "params")
_WHY = "LightGBM's reader trusts what it reads: a changed file can crash this process, or worse"


def is_model(model: Any) -> bool:
    """Whether it is a Booster or an estimator of LightGBM itself; one derived is one for scikit-learn."""
    kind = cast("type[Any]", type(model))
    return kind.__module__.partition(".")[0] == NAME and kind.__name__ in ("Booster", *_ESTIMATORS)


def save(
    model: Any,
    folder: Path,
    *,
    input_example: Any = None,
    serialization_format: str | None = None,
    skops_trusted_types: Sequence[str] | None = None,
) -> SavedFlavor:
    """Write a model; see `Flavor.save`.

    Args:
        model: A Booster, or an estimator.
        folder: An empty folder.
        input_example: Not needed.
        serialization_format: Of an estimator's file for MLflow: `cloudpickle`, `pickle` or `skops`.
        skops_trusted_types: Types beyond those that skops trusts and those of LightGBM.

    Raises:
        InvalidTypeError: It is no model of LightGBM's.
        InvalidValueError: It cannot be saved, or there is no such format.
    """
    del input_example
    written_as = serialization_format or "cloudpickle"
    if written_as not in FORMATS:
        raise InvalidValueError(f"serialization_format is {written_as!r}. Use one of {', '.join(FORMATS)}.")
    if not is_from(model, NAME) or not hasattr(model, "predict"):
        hint = (
            "That is data; give the Booster or estimator that was trained with it."
            if is_from(model, NAME)
            else "nbtrack.log_model picks the flavor by itself."
        )
        raise InvalidTypeError(
            "nbtrack.lightgbm saves Boosters and estimators of LightGBM, got "
            f"{type(model).__module__}.{type(model).__qualname__}. {hint}"
        )
    lightgbm = _lightgbm()
    kind = cast("type[Any]", type(model))
    entry: dict[str, Any] = {
        "model_class": f"{kind.__module__}.{kind.__qualname__}",
        "lgb_version": lightgbm.__version__,
    }
    modules = frozenset({NAME, "numpy", "scipy"})
    if isinstance(model, lightgbm.Booster):
        file = "model.lgb"
        # As LightGBM itself does: with early stopping, the trees up to the best iteration.
        model.save_model(folder / file)
        entry["data"] = file
        # MLflow takes any other class for a pickle.
        entry["model_class"] = _BOOSTER
        entry |= _plain_booster_entry(model)
    else:
        trusted = None if skops_trusted_types is None else list(skops_trusted_types)
        if written_as == "skops":
            file = "model.skops"
            write_skops(model, folder / file, trusted or (), harmless=_HARMLESS)
            modules |= {"skops", "sklearn"}
            trusted = sorted({*_HARMLESS, *(trusted or ())})
        else:
            file = "model.pkl"
            modules |= pickle_to(model, folder / file, by_cloudpickle=written_as == "cloudpickle")
            if is_model(model) and _write_plain(model, folder):
                entry["estimator"] = ESTIMATOR_FILE
        entry |= {"data": file, "serialization_format": written_as, "skops_trusted_types": trusted}
        if getattr(model, "_Booster", None) is None:
            warn_user(
                f"This {kind.__name__} is not fitted: it is saved, and cannot predict. Call fit() first."
            )
    return SavedFlavor(
        flavors={NAME: entry},
        python_function={"loader_module": "mlflow.lightgbm", "data": file},
        modules=modules,
    )


def load(folder: "ModelFolder", entry: Mapping[str, Any], **options: Any) -> Any:
    """Read a Booster or an estimator; see `Flavor.load`."""
    del options
    lightgbm = _lightgbm()
    name = str(entry.get("data") or "model.lgb")
    named = str(entry.get("model_class") or _BOOSTER)
    if named == _BOOSTER:
        return _read_booster(lightgbm, folder, name, entry)
    package, _, kind = named.rpartition(".")
    if entry.get("estimator") and kind in _ESTIMATORS and package.partition(".")[0] == NAME:
        return _read_plain(lightgbm, getattr(lightgbm, kind), folder, str(entry["estimator"]))
    written_as = entry.get("serialization_format")
    if written_as == "skops" or (written_as is None and name.endswith(".skops")):
        return read_skops(folder, name)
    if written_as not in (None, "cloudpickle", "pickle"):
        raise InvalidValueError(
            f"The model at {folder.path} says it is written as {written_as!r}. nbtrack reads "
            f"{', '.join(FORMATS)}."
        )
    return read_pickle(folder, name, made_with=(NAME, entry.get("lgb_version")))


class _LightgbmScorer:
    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        model = self._model
        booster = model if type(model).__name__ == "Booster" else getattr(model, "_Booster", None)
        given = accepted_params(model.predict, params, type(model).__name__)
        return model.predict(_with_categories(data, booster), **given)

    def raw_model(self) -> Any:
        return self._model


def scorer(model: Any, entry: Mapping[str, Any], folder: Path, config: Mapping[str, Any]) -> _LightgbmScorer:
    """What predicts with a Booster or an estimator; see `Flavor.scorer`."""
    del entry, folder, config
    return _LightgbmScorer(model)


def _plain_booster_entry(booster: Any) -> dict[str, Any]:
    """What LightGBM's text forgets of a Booster, where there is something."""
    best = booster.best_iteration
    return {"best_iteration": int(best)} if isinstance(best, int) and best > 0 else {}


def _write_plain(model: Any, folder: Path) -> bool:
    """Write an estimator without a pickle; False, and nothing written, if it holds more than values."""
    booster = getattr(model, "_Booster", None)
    attributes = cast("dict[str, Any]", vars(model))
    state = {name: value for name, value in attributes.items() if name != "_Booster"}
    if booster is not None:
        state["booster_attributes"] = {name: getattr(booster, name, None) for name in _BOOSTER_ATTRIBUTES}
    text, left_out = plain_text(state)
    if left_out:
        return False
    if booster is not None:
        booster.save_model(folder / TREES_FILE, num_iteration=-1)
    (folder / ESTIMATOR_FILE).write_text(text, encoding="utf-8")
    return True


def _read_plain(lightgbm: Any, kind: Any, folder: "ModelFolder", name: str) -> Any:
    state = read_state(folder, name)
    held = state.pop("booster_attributes", None)
    state["_Booster"] = None
    if isinstance(held, dict):
        attributes = cast("dict[str, Any]", held)
        booster = _read_booster(lightgbm, folder, TREES_FILE, {})
        for each in _BOOSTER_ATTRIBUTES:
            if each in attributes:
                setattr(booster, each, attributes[each])
        state["_Booster"] = booster
    model = kind.__new__(kind)
    vars(model).update(state)
    return model


def _read_booster(lightgbm: Any, folder: "ModelFolder", name: str, entry: Mapping[str, Any]) -> Any:
    folder.require_trust(name, why=_WHY)
    with folder.open(name) as text:
        if not text.read(64).startswith(b"tree"):
            raise InvalidValueError(f"{name!r} of the model at {folder.path} is no Booster of LightGBM's.")
    try:
        booster = _booster_of(lightgbm, folder, name)
    except (KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        raise InvalidValueError(
            f"LightGBM {lightgbm.__version__} cannot read {name!r} of the model at {folder.path}: {error}"
        ) from error
    best = entry.get("best_iteration")
    if isinstance(best, int) and best > 0:
        booster.best_iteration = best
    return booster


def _booster_of(lightgbm: Any, folder: "ModelFolder", name: str) -> Any:
    # A path, since LightGBM prints a line about text; of a copy, which nobody else changes.
    with TemporaryDirectory(prefix="nbtrack-model-") as place, folder.open(name) as source:
        copy = Path(place) / "model.lgb"
        with open(copy, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        return lightgbm.Booster(model_file=copy)


def _with_categories(data: Any, booster: Any) -> Any:
    """Text in columns that were categories in training, as categories: over a wire they are text."""
    known = getattr(booster, "pandas_categorical", None)
    if not known or not hasattr(data, "dtypes") or not hasattr(data, "astype"):
        return data
    frame: Any = data
    # LightGBM knows the categories of its categorical columns only by their order in training, and
    # writes a space in a name as _.
    if [str(column).replace(" ", "_") for column in frame.columns] != booster.feature_name():
        return data
    texts = [
        column
        for column in frame.columns
        if str(frame[column].dtype) in ("object", "str", "string", "category")
    ]
    if len(texts) != len(known) or all(str(frame[column].dtype) == "category" for column in texts):
        return data
    import pandas as pd

    return frame.astype(
        {column: pd.CategoricalDtype(held) for column, held in zip(texts, known, strict=True)}
    )


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtraError("The lightgbm flavor", "lightgbm") from error
    return lightgbm
