"""The xgboost flavor: Boosters and the estimators of XGBoost, in its own formats.

They hold no code, but XGBoost takes the numbers in them on trust: places that lie outside its trees make it
read and write elsewhere in memory. So a stranger's asks for trust as a pickle does.

XGBoost's file holds the trees and forgets what an estimator was told, such as `missing=-999`. That lies
beside it in `estimator.json`; MLflow, which does not know that file, reads the trees as ever.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingExtraError, said
from nbtrack.core.warn import warn_user
from nbtrack.models.flavors.contracts import SavedFlavor
from nbtrack.models.flavors.known import is_from
from nbtrack.models.flavors.plain_state import plain_text, read_state
from nbtrack.models.flavors.predict_params import accepted_params
from nbtrack.models.safety.json_depth import UnknownFormError, is_too_deep

if TYPE_CHECKING:
    from nbtrack.models.safety.folder import ModelFolder

NAME: Final = "xgboost"
FORMATS = ("ubj", "json", "xgb", "deprecated")
ESTIMATOR_FILE: Final = "estimator.json"

_BOOSTER = "xgboost.core.Booster"
_ESTIMATORS = (
    "XGBClassifier",
    "XGBRegressor",
    "XGBRanker",
    "XGBRFClassifier",
    "XGBRFRegressor",
    "XGBModel",
)
"""The classes that a file may name; nothing else is looked up because a file says so."""
_WHY = "XGBoost's reader trusts what it reads: a changed file can crash this process, or worse"


def is_model(model: Any) -> bool:
    """Whether it is a Booster or an estimator of XGBoost itself; a class derived from one is not.

    What a derived class adds is lost in XGBoost's formats: such an estimator is one for scikit-learn.
    """
    kind = cast("type[Any]", type(model))
    return is_from_package(kind) and kind.__name__ in ("Booster", *_ESTIMATORS)


def is_from_package(kind: type) -> bool:
    """Whether a class is defined by XGBoost."""
    return kind.__module__.partition(".")[0] == NAME


def save(model: Any, folder: Path, *, input_example: Any = None, model_format: str = "ubj") -> SavedFlavor:
    """Write a model in XGBoost's own format; see `Flavor.save`.

    Args:
        model: A Booster or an estimator.
        folder: An empty folder.
        input_example: Not needed.
        model_format: `ubj`, `json`, or the old names `xgb` and `deprecated`, which hold what `ubj` does.

    Raises:
        InvalidTypeError: It is no model of XGBoost's.
        InvalidValueError: It is not fitted, or there is no such format.
    """
    del input_example
    if model_format not in FORMATS:
        raise InvalidValueError(f"model_format is {model_format!r}. Use one of {', '.join(FORMATS)}.")
    public = _public_class(model)
    xgboost = _xgboost()
    file = f"model.{model_format}"
    # XGBoost looks at the ending, and warns of those it does not know.
    written = folder / (file if model_format in ("ubj", "json") else "model.ubj")
    try:
        model.save_model(written)
    except (KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        if type(error).__name__ == "NotFittedError":
            raise InvalidValueError(
                f"This {type(model).__name__} is not fitted, so there is nothing to save. Call fit() first."
            ) from error
        raise InvalidValueError(f"XGBoost cannot save this {type(model).__name__}: {error}") from error
    written.rename(folder / file)
    entry: dict[str, Any] = {
        "data": file,
        "model_class": f"{public.__module__}.{public.__qualname__}",
        "model_format": model_format,
        "xgb_version": xgboost.__version__,
    }
    modules = {NAME, "numpy", "scipy"}
    if public.__name__ != "Booster":
        _save_state(model, folder)
        entry["estimator"] = ESTIMATOR_FILE
        modules.add("sklearn")
    return SavedFlavor(
        flavors={NAME: entry},
        python_function={"loader_module": "mlflow.xgboost", "data": file},
        modules=frozenset(modules),
    )


def load(folder: "ModelFolder", entry: Mapping[str, Any], **options: Any) -> Any:
    """Read a Booster or an estimator; see `Flavor.load`."""
    del options
    xgboost = _xgboost()
    name = str(entry.get("data") or "model.xgb")
    folder.require_trust(name, why=_WHY)
    _check_depth(folder, name)
    with folder.open(name) as file:
        content = bytearray(file.read())
    named = str(entry.get("model_class") or _BOOSTER)
    try:
        kind = _class_named(xgboost, named)
        if kind is None:
            booster = xgboost.Booster()
            booster.load_model(content)
            kind = _class_fitting(xgboost, named, booster, folder)
        model = kind()
        model.load_model(content)
    except InvalidValueError:
        raise
    except (KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        raise InvalidValueError(
            f"XGBoost {xgboost.__version__} cannot read {name!r} of the model at {folder.path}, which "
            f"XGBoost {entry.get('xgb_version') or 'of an unknown version'} wrote: {_first_line(error)}"
        ) from error
    if kind is not xgboost.Booster and entry.get("estimator"):
        vars(model).update(_read_state(folder, str(entry["estimator"])))
    return model


class _XgboostScorer:
    def __init__(self, model: Any) -> None:
        self._model = model
        self._is_booster = type(model).__name__ == "Booster"

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        model = self._model
        booster = model if self._is_booster else model.get_booster()
        data = _with_categories(data, booster)
        given = accepted_params(model.predict, params, type(model).__name__)
        if not self._is_booster:
            return model.predict(data, **given)
        return model.predict(_matrix(data, booster), **given)

    def raw_model(self) -> Any:
        return self._model


def scorer(model: Any, entry: Mapping[str, Any], folder: Path, config: Mapping[str, Any]) -> _XgboostScorer:
    """What predicts with a Booster or an estimator; see `Flavor.scorer`."""
    del entry, folder, config
    return _XgboostScorer(model)


def _public_class(model: Any) -> type:
    """The class of XGBoost's that a model is of, or derived from.

    Raises:
        InvalidTypeError: It is of none.
    """
    for kind in type(model).__mro__:
        if is_from_package(kind) and kind.__name__ in ("Booster", *_ESTIMATORS):
            if kind is not type(model):
                warn_user(
                    f"The {type(model).__name__} is saved as the {kind.__name__} that it is derived from: "
                    "XGBoost's formats hold no code. nbtrack.sklearn.log_model keeps its class."
                )
            return kind
    hint = (
        "That is data; give the Booster or estimator that was trained with it."
        if is_from(model, NAME)
        else "nbtrack.log_model picks the flavor by itself."
    )
    raise InvalidTypeError(
        "nbtrack.xgboost saves Boosters and estimators of XGBoost, got "
        f"{type(model).__module__}.{type(model).__qualname__}. {hint}"
    )


def _class_named(xgboost: Any, named: str) -> Any:
    """The class that a file names, if XGBoost has it in public; else None."""
    package, _, name = named.rpartition(".")
    if package.partition(".")[0] != NAME or name not in ("Booster", *_ESTIMATORS):
        return None
    return getattr(xgboost, name)


def _class_fitting(xgboost: Any, named: str, booster: Any, folder: "ModelFolder") -> Any:
    """The class that its trees fit, for a file that names one of somebody's own."""
    kind = booster.attr("scikit_learn") or ""
    for word, fitting in (
        ("classifier", "XGBClassifier"),
        ("regressor", "XGBRegressor"),
        ("ranker", "XGBRanker"),
    ):
        if word in kind:
            warn_user(
                f"The model at {folder.path} was saved from a class {named!r}, which is not XGBoost's and is "
                f"not imported. It is loaded as an {fitting}."
            )
            return getattr(xgboost, fitting)
    warn_user(
        f"The model at {folder.path} was saved from a class {named!r}, which is not XGBoost's and is not "
        "imported. It is loaded as a Booster."
    )
    return xgboost.Booster


def _check_depth(folder: "ModelFolder", name: str) -> None:
    """Refuse a file at which XGBoost would end the process.

    Raises:
        InvalidValueError: It is nested too deeply, or is neither of the two formats.
    """
    where = f"{name!r} of the model at {folder.path}"
    with folder.open(name) as file:
        if not name.endswith((".json", ".ubj")) and file.read(1) != b"{":
            return  # the format of old XGBoosts, which nests nothing
        try:
            if is_too_deep(file, name):
                raise InvalidValueError(f"{where} is nested deeper than any model of XGBoost.")
        except UnknownFormError as error:
            raise InvalidValueError(f"{where} is no file of XGBoost, or is damaged: {said(error)}.") from None


def _save_state(model: Any, folder: Path) -> None:
    attributes = cast("dict[str, Any]", vars(model))
    state = {name: value for name, value in attributes.items() if name != "_Booster"}
    text, left_out = plain_text(state)
    (folder / ESTIMATOR_FILE).write_text(text, encoding="utf-8")
    lost = [name for name in left_out if name != "callbacks"]  # those are for training
    if lost:
        values = ", ".join(f"{name}={getattr(model, name)!r:.60}" for name in lost)
        warn_user(
            f"XGBoost's formats cannot hold {values} of this {type(model).__name__}. It predicts the same "
            "without; give it again before a new fit()."
        )


def _read_state(folder: "ModelFolder", name: str) -> dict[str, Any]:
    state = read_state(folder, name)
    state.pop("_Booster", None)
    return state


def _matrix(data: Any, booster: Any) -> Any:
    xgboost = _xgboost()
    types = booster.feature_types
    named: dict[str, Any] = {}
    if isinstance(data, list):
        import numpy as np

        data = np.asarray(data, dtype="float32")
    if not hasattr(data, "columns") and not hasattr(data, "schema"):
        # An array has no names: its columns are the features in their order.
        shape = getattr(data, "shape", ())
        if len(shape) == 2 and booster.feature_names is not None and shape[1] == len(booster.feature_names):
            named["feature_names"] = booster.feature_names
    return xgboost.DMatrix(data, enable_categorical=bool(types and "c" in types), **named)


def _with_categories(data: Any, booster: Any) -> Any:
    """Text in columns that were categories in training, as categories.

    What comes over a wire, or through a signature, is text. XGBoost of 3.1 and later keeps which code
    each category has; one before it would take the codes of this data, so it refuses text as ever.
    """
    types, names = booster.feature_types, booster.feature_names
    if not types or not names or not hasattr(data, "dtypes") or not hasattr(booster, "get_categories"):
        return data
    frame: Any = data
    texts = [
        name
        for name, kind in zip(names, types, strict=True)
        if kind == "c" and name in frame.columns and str(frame[name].dtype) in ("object", "str", "string")
    ]
    return frame.astype(dict.fromkeys(texts, "category")) if texts else data


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _xgboost() -> Any:
    try:
        import xgboost
    except ImportError as error:
        raise MissingExtraError("The xgboost flavor", "xgboost") from error
    return xgboost
