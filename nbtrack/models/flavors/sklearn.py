"""The sklearn flavor: scikit-learn's estimators and whatever looks like one.

Written as a pickle by cloudpickle, which takes lambdas and classes of a notebook, or as a skops file, which
runs nothing when it is read.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingExtraError
from nbtrack.models.flavors.contracts import SavedFlavor
from nbtrack.models.flavors.known import is_from
from nbtrack.models.folder import ModelFolder
from nbtrack.models.pickling import pickle_to

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

_PICKLE = "model.pkl"
_SKOPS = "model.skops"


def is_model(model: Any) -> bool:
    """Whether it is an estimator of scikit-learn, or derived from one."""
    return is_from(model, "sklearn")


def save(
    model: Any,
    folder: Path,
    *,
    input_example: Any = None,
    serialization_format: str = "cloudpickle",
    pyfunc_predict_fn: str = "predict",
    skops_trusted_types: Sequence[str] | None = None,
) -> SavedFlavor:
    """Write an estimator.

    Args:
        model: The estimator; anything with `fit` and `predict`, `transform` or `fit_predict` is taken.
        folder: An empty folder.
        input_example: Not needed.
        serialization_format: `cloudpickle`, `pickle` or `skops`.
        pyfunc_predict_fn: The method that a predictor calls.
        skops_trusted_types: Types beyond those that skops trusts; kept for loading.

    Raises:
        InvalidTypeError: It is no estimator.
        InvalidValueError: It cannot be saved in that format, or has no such method.
    """
    del input_example
    if not is_model(model) and not (hasattr(model, "fit") and hasattr(model, "get_params")):
        raise InvalidTypeError(
            f"nbtrack.sklearn saves scikit-learn estimators, got {type(model).__module__}."
            f"{type(model).__qualname__}. nbtrack.log_model picks the flavor by itself."
        )
    if serialization_format not in FORMATS:
        raise InvalidValueError(
            f"serialization_format is {serialization_format!r}. Use one of {', '.join(FORMATS)}."
        )
    if not isinstance(pyfunc_predict_fn, str) or not pyfunc_predict_fn.isidentifier():
        raise InvalidValueError(f"pyfunc_predict_fn names a method, got {pyfunc_predict_fn!r}.")
    trusted = None if skops_trusted_types is None else list(skops_trusted_types)
    if serialization_format == "skops":
        file = _SKOPS
        modules = _save_skops(model, folder / file, trusted)
    else:
        file = _PICKLE
        modules = pickle_to(model, folder / file, by_cloudpickle=serialization_format == "cloudpickle")
    can_predict = hasattr(model, pyfunc_predict_fn)
    import sklearn

    return SavedFlavor(
        flavors={
            NAME: {
                "pickled_model": file,
                "sklearn_version": sklearn.__version__,
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


def load(folder: ModelFolder, entry: Mapping[str, Any], **options: Any) -> Any:
    """Read an estimator; see `Flavor.load`."""
    del options
    name = str(entry.get("pickled_model") or entry.get("model_path") or _PICKLE)
    written_as = entry.get("serialization_format")
    # Models of old MLflows lie in a folder of their own, or name no format.
    if written_as is None and name.endswith(".skops"):
        written_as = "skops"
    if written_as == "skops":
        return _load_skops(folder, name, entry.get("skops_trusted_types"))
    if written_as not in (None, "cloudpickle", "pickle"):
        raise InvalidValueError(
            f"The model at {folder.path} says it is written as {written_as!r}. nbtrack reads "
            f"{', '.join(FORMATS)}."
        )
    folder.require_trust(name, why="it is a pickle, and a pickle runs code when it is read")
    import pickle

    with folder.open(name) as file:
        return pickle.load(file)  # noqa: S301 - the folder is trusted


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
        return method(data, **(params or {}))

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


def _save_skops(model: Any, file: Path, trusted: list[str] | None) -> frozenset[str]:
    skops = _skops()
    try:
        skops.dump(model, file)
    except (TypeError, NotImplementedError, ValueError, AttributeError) as error:
        raise InvalidValueError(
            f"skops has no form for something in this {type(model).__name__}: {error}. "
            "serialization_format='cloudpickle' takes everything."
        ) from error
    unknown = set(skops.get_untrusted_types(file=file)) - set(trusted or ())
    if unknown:
        file.unlink()
        raise InvalidValueError(
            f"This {type(model).__name__} holds types that skops does not trust: "
            f"{', '.join(sorted(unknown))}. Name them as skops_trusted_types=[...], or use "
            "serialization_format='cloudpickle'."
        )
    return frozenset({"skops"})


def _load_skops(folder: ModelFolder, name: str, named: Any) -> Any:
    skops = _skops()
    file = folder.file(name)
    unknown = sorted(skops.get_untrusted_types(file=file))
    if unknown:
        # The file's own list of what to trust is the stranger's word.
        folder.require_trust(name, why=f"it holds types that skops does not trust: {', '.join(unknown)}")
    return skops.load(file, trusted=unknown)


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise MissingExtraError("The skops format", "skops") from error
    return skops.io
