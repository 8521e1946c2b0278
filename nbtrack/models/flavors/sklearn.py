"""The sklearn flavor: scikit-learn's estimators and whatever looks like one.

Written as a pickle by cloudpickle, which takes lambdas and classes of a notebook, or as a skops file, which
runs nothing when it is read.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.package_names import package_of
from nbtrack.core.warn import warn_user
from nbtrack.models.code.pickling import pickle_to
from nbtrack.models.flavors.contracts import SavedFlavor
from nbtrack.models.flavors.estimator_pickles import read_pickle, version_note
from nbtrack.models.flavors.known import is_from
from nbtrack.models.flavors.predict_params import accepted_params
from nbtrack.models.flavors.skops_files import read_skops, write_skops

if TYPE_CHECKING:
    from nbtrack.models.safety.folder import ModelFolder

NAME: Final = "sklearn"
FORMATS = ("cloudpickle", "pickle", "skops")
PREDICT_FUNCTIONS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "predict_joint_log_proba",
    "score",
    "transform",
)

_PACKAGE = "scikit-learn"
_PICKLE = "model.pkl"
_SKOPS = "model.skops"


def is_model(model: Any) -> bool:
    """Whether it is an estimator of scikit-learn's, derived from one, or looks like one.

    Estimators of other libraries have `fit`, `predict` and `get_params`; that is what scikit-learn asks for.
    """
    return _is_derived(model) or (
        not isinstance(model, type)
        and not is_from(model, "nbtrack", "mlflow")
        and all(_has_method(model, name) for name in ("fit", "predict", "get_params"))
    )


def _is_derived(model: Any) -> bool:
    """Whether its class is derived from one of scikit-learn's that can be fitted."""
    return is_from(model, "sklearn") and _has_method(model, "get_params")


def _has_method(model: Any, name: str) -> bool:
    """Whether its class has a method; what a model makes up when it is asked does not count."""
    return callable(getattr(cast("type[Any]", type(model)), name, None))


def save(
    model: Any,
    folder: Path,
    *,
    input_example: Any = None,
    serialization_format: str = "cloudpickle",
    pyfunc_predict_fn: str = "predict",
    skops_trusted_types: Sequence[str] | None = None,
    quietly: bool = False,
) -> SavedFlavor:
    """Write an estimator.

    Args:
        model: The estimator; anything with `fit` and `predict`, `transform` or `fit_predict` is taken.
        folder: An empty folder.
        input_example: Not needed.
        serialization_format: `cloudpickle`, `pickle` or `skops`.
        pyfunc_predict_fn: The method that a predictor calls.
        skops_trusted_types: Types beyond those that skops trusts; kept for loading.
        quietly: Whether nothing is said of what it cannot do: nobody has asked for the model.

    Raises:
        InvalidTypeError: It is no estimator.
        InvalidValueError: It cannot be saved in that format, or has no such method.
    """
    del input_example
    _check(model)
    if serialization_format not in FORMATS:
        raise InvalidValueError(
            f"serialization_format is {serialization_format!r}. Use one of {', '.join(FORMATS)}."
        )
    if not isinstance(pyfunc_predict_fn, str) or not pyfunc_predict_fn.isidentifier():
        raise InvalidValueError(f"pyfunc_predict_fn names a method, got {pyfunc_predict_fn!r}.")
    trusted = None if skops_trusted_types is None else list(skops_trusted_types)
    if serialization_format == "skops":
        file = _SKOPS
        write_skops(model, folder / file, trusted or ())
        modules = frozenset({"skops"})
    else:
        file = _PICKLE
        modules = pickle_to(model, folder / file, by_cloudpickle=serialization_format == "cloudpickle")
    can_predict = hasattr(model, pyfunc_predict_fn)
    if not quietly:
        _warn_of_what_it_cannot(model, pyfunc_predict_fn, can_predict)
    return SavedFlavor(
        flavors={
            NAME: {
                "pickled_model": file,
                "sklearn_version": _version(),
                "serialization_format": serialization_format,
                "skops_trusted_types": trusted,
            }
        },
        python_function=(
            {"loader_module": "mlflow.sklearn", "model_path": file, "predict_fn": pyfunc_predict_fn}
            if can_predict
            else None
        ),
        modules=modules | {"sklearn", "numpy", "scipy"},
    )


def load(folder: "ModelFolder", entry: Mapping[str, Any], **options: Any) -> Any:
    """Read an estimator; see `Flavor.load`."""
    del options
    name = str(entry.get("pickled_model") or entry.get("model_path") or _PICKLE)
    written_as = entry.get("serialization_format")
    # Models of old MLflows lie in a folder of their own, or name no format.
    if written_as is None and name.endswith(".skops"):
        written_as = "skops"
    if written_as == "skops":
        return read_skops(folder, name)
    if written_as not in (None, "cloudpickle", "pickle"):
        raise InvalidValueError(
            f"The model at {folder.path} says it is written as {written_as!r}. nbtrack reads "
            f"{', '.join(FORMATS)}."
        )
    made_with = (_PACKAGE, entry.get("sklearn_version"))
    if (differing := version_note(made_with)) is None:
        return read_pickle(folder, name, made_with=made_with)
    # scikit-learn says so once for each estimator inside; this says it once.
    with warnings.catch_warnings():
        _silence_versions()
        model = read_pickle(folder, name, made_with=made_with)
    warn_user(f"The model {folder.path.name!r}: {differing}", UserWarning)
    return model


class _SklearnScorer:
    def __init__(self, model: Any, function: str) -> None:
        self._model = model
        self._function = function

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        method = getattr(self._model, self._function, None)
        if method is None:
            methods = ", ".join(name for name in PREDICT_FUNCTIONS if hasattr(self._model, name))
            raise InvalidValueError(
                f"This {type(self._model).__name__} has no {self._function!r}. Save it with "
                f"pyfunc_predict_fn= one of {methods or 'its methods'}."
            )
        return method(data, **accepted_params(method, params, type(self._model).__name__))

    def raw_model(self) -> Any:
        return self._model


def scorer(model: Any, entry: Mapping[str, Any], folder: Path, config: Mapping[str, Any]) -> _SklearnScorer:
    """What predicts with an estimator; see `Flavor.scorer`."""
    del folder
    function = str(config.get("predict_fn") or entry.get("predict_fn") or "predict")
    # A file must not choose what is called, beyond what predicts.
    if function.startswith("_"):
        raise InvalidValueError(f"The model names {function!r} as the method that predicts.")
    return _SklearnScorer(model, function)


def _check(model: Any) -> None:
    """Refuse what is no estimator.

    Raises:
        InvalidTypeError: It is none; the message says what it is.
    """
    if isinstance(model, type):
        raise InvalidTypeError(
            f"{model.__qualname__} is a class, and no fitted estimator: nbtrack.sklearn saves an instance, "
            f"such as {model.__name__}().fit(X, y)."
        )
    if not is_model(model) and not (hasattr(model, "fit") and hasattr(model, "get_params")):
        raise InvalidTypeError(
            f"nbtrack.sklearn saves scikit-learn estimators, got {type(model).__module__}."
            f"{type(model).__qualname__}. nbtrack.log_model picks the flavor by itself."
        )


def _warn_of_what_it_cannot(model: Any, function: str, can_predict: bool) -> None:
    name = type(model).__name__
    if not can_predict:
        methods = [each for each in PREDICT_FUNCTIONS if hasattr(model, each)]
        choice = f" pyfunc_predict_fn={methods[0]!r} lets it." if methods else ""
        warn_user(
            f"This {name} has no {function}(): it is saved, and nbtrack.sklearn loads it, but nbtrack.pyfunc "
            f"cannot predict with it.{choice}"
        )
    if not _is_fitted(model):
        warn_user(
            f"This {name} is not fitted: it is saved as it is, and cannot predict. Call fit() before it is "
            "logged."
        )


def _is_fitted(model: Any) -> bool:
    """False where scikit-learn says so; whatever it cannot say of counts as fitted."""
    if not _is_derived(model):
        return True
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted  # pyright: ignore[reportUnknownVariableType]

    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    except Exception:  # noqa: BLE001 - an estimator of somebody's own that the question does not suit
        return True
    return True


def _version() -> str:
    package = package_of("sklearn")
    return package[1] if package else ""


def _silence_versions() -> None:
    try:
        from sklearn.exceptions import InconsistentVersionWarning
    except ImportError:
        return
    warnings.simplefilter("ignore", InconsistentVersionWarning)
