"""What to say to somebody who logs what is no model: people slip, and mostly in one of a few ways."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, cast

from nbtrack.core.articles import with_article

_DATA_CLASSES = {
    "DataFrame": "nbtrack.log_table keeps a table, nbtrack.log_input a data set.",
    "Series": "nbtrack.log_table keeps a table, nbtrack.log_input a data set.",
    "ndarray": "nbtrack.log_input keeps a data set; numpy.save and nbtrack.log_artifact a file.",
    "Tensor": "nbtrack.log_artifact keeps a file that torch.save wrote.",
    "DMatrix": "Log the Booster or estimator that was trained with it.",
    "Dataset": "Log the model that was trained with it; nbtrack.log_input keeps a data set.",
    "DataLoader": "Log the model that was trained with it; nbtrack.log_input keeps a data set.",
}
_FRAMEWORKS = (
    "sklearn",
    "torch",
    "keras",
    "tensorflow",
    "xgboost",
    "lightgbm",
    "lightning",
    "pytorch_lightning",
)


def what_to_do(model: Any) -> str:
    """A message for somebody who gave this where a model is wanted."""
    kind = cast("type[Any]", type(model))
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    if model is None:
        return (
            "The model is None, so there is nothing to log. A function without return gives None, as do some "
            "methods that train in place: give the object that was trained."
        )
    if isinstance(model, type):
        return (
            f"The model is the class {model.__qualname__}, not an object of it. Log what was trained, such "
            f"as model = {model.__name__}(...)."
        )
    if isinstance(model, str | PathLike):
        path = str(cast("Any", model))
        return (
            f"The model is {path!r:.120}, a text or path. nbtrack.log_artifact keeps a file, "
            "nbtrack.pyfunc.log_model(python_model=...) a Python file that makes a model; a model that was "
            "saved is loaded first."
        )
    if isinstance(model, list | tuple | set | frozenset):
        items = cast("list[Any]", model)
        held = sorted({type(each).__qualname__ for each in items})
        return (
            f"The model is {with_article(name)} of {len(items)} ({', '.join(held[:4]) or 'nothing'}). "
            "Log each by itself, under a name of its own; or all in a class derived from "
            "nbtrack.pyfunc.PythonModel."
        )
    if isinstance(model, Mapping):
        values = list(cast("Mapping[Any, Any]", model).values())
        if values and all(type(each).__name__ in ("Tensor", "Parameter") for each in values):
            return (
                "The model is a state dict: the weights of a module, without it. Log the module itself, or "
                "keep the weights with nbtrack.pytorch.log_state_dict."
            )
        keys = ", ".join(map(repr, list(cast("Mapping[Any, Any]", model))[:4])) or "(none)"
        return (
            f"The model is {with_article(name)} with the keys {keys}. nbtrack.log_dict keeps a dict; "
            "models in it are logged one by one."
        )
    if kind.__qualname__ in _DATA_CLASSES:
        return f"The model is {with_article(name)}, which is data. {_DATA_CLASSES[kind.__qualname__]}"
    part = (
        " It is a part of a framework that does not predict by itself."
        if kind.__module__.partition(".")[0] in _FRAMEWORKS
        else ""
    )
    return (
        f"nbtrack knows no flavor for {with_article(name)}.{part} Wrap it in a class derived from "
        "nbtrack.pyfunc.PythonModel, or keep its files with nbtrack.log_artifact."
    )
