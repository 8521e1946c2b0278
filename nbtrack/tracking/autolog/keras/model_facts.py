"""What there is to say of a model of Keras: its summary, its optimizer's settings, the values of its metrics.

The callback that users add themselves says the same.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import FunctionType
from typing import Any, cast

from nbtrack.tracking.notebooks import notebook_shell

_MOST_PARTS = 100
"""Values of one metric that are kept, such as one for each class."""


def summary_text(model: Any) -> str:
    """The table that `model.summary()` prints."""
    lines: list[str] = []

    def keep(line: str, *_: Any, **__: Any) -> None:
        lines.append(line)

    with _nothing_shown():
        model.summary(print_fn=keep)
    return "\n".join(lines)


def optimizer_params(model: Any, prefix: str) -> dict[str, Any]:
    """The settings of a model's optimizer, by Keras' names behind a prefix; empty where it has none."""
    optimizer = model.optimizer
    if optimizer is None:
        return {}
    settings: dict[str, Any] = optimizer.get_config()
    return {f"{prefix}{name}": _readable(value) for name, value in settings.items()}


def model_params(model: Any) -> dict[str, Any]:
    """What a model is and how it is trained, beyond what MLflow keeps."""
    params: dict[str, Any] = {"model_class": type(model).__name__}
    loss = getattr(model, "loss", None)
    if loss is not None:
        params["loss_function"] = _name_of(loss)
    if model.built:
        params["parameter_count"] = model.count_params()
        params["trainable_parameter_count"] = sum(_size(each.shape) for each in model.trainable_variables)
    return params


def declared(model: Any, what: str) -> list[Any]:
    """The `inputs`, `outputs` or `output_names` of a model; none where it declares none, or is not built."""
    try:
        return list(getattr(model, what, None) or ())
    except ValueError:  # a Sequential model that is not built, in some versions
        return []


def metric_values(logs: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics of an epoch as numbers; one with several values has each under its own name, `f1_score_0`.

    What is no number at all is left as it is, to be refused by name.
    """
    values: dict[str, Any] = {}
    for name, value in logs.items():
        if isinstance(value, float | int):
            values[name] = value
            continue
        shape = tuple(getattr(value, "shape", ()))
        if len(shape) != 1:
            values[name] = value
        elif shape[0] <= _MOST_PARTS:
            values |= {f"{name}_{at}": float(part) for at, part in enumerate(value)}
    return values


def learning_rate(model: Any) -> float | None:
    """The learning rate that a schedule has come to; None without a schedule."""
    optimizer = model.optimizer
    schedule = getattr(optimizer, "_learning_rate", None)
    if schedule is None or not hasattr(schedule, "get_config"):
        return None
    return float(optimizer.learning_rate)


def _nothing_shown() -> AbstractContextManager[Any]:
    """Keep a notebook from showing the nothing that is left of a table which was captured by rich."""
    shell = notebook_shell()
    if shell is None:
        return nullcontext()
    from IPython.utils.capture import capture_output

    return capture_output(stdout=False, stderr=False, display=True)


def _readable(value: Any) -> Any:
    """A setting as people write it: 0.001 of a float of 32 bits; a schedule like the call that made it."""
    if isinstance(value, float):
        import numpy as np

        narrow = np.float32(value)
        return float(str(narrow)) if float(narrow) == value else value
    if isinstance(value, Mapping):
        described = cast("Mapping[str, Any]", value)
        value = described
        name, config = described.get("class_name"), described.get("config")
        if isinstance(name, str) and isinstance(config, Mapping):
            settings = cast("Mapping[str, Any]", config)
            inside = ", ".join(
                f"{key}={_readable(each)}"
                for key, each in settings.items()
                if key != "name" and each is not None
            )
            return f"{name}({inside})"
    return value


def _name_of(loss: Any) -> str:
    """The name of a loss, or of each of several."""
    if isinstance(loss, str):
        return loss
    if isinstance(loss, Mapping):
        named = cast("Mapping[str, Any]", loss)
        return ", ".join(f"{key}: {_name_of(each)}" for key, each in named.items())
    if isinstance(loss, list | tuple):
        return ", ".join(_name_of(each) for each in cast("list[Any]", loss))
    if isinstance(loss, FunctionType):
        return loss.__name__
    return type(loss).__name__


def _size(shape: Any) -> int:
    size = 1
    for length in shape:
        size *= int(length)
    return size
