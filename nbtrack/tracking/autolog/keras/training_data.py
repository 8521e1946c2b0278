"""The data sets of a `fit`: what was trained on and what was validated on, with digests.

Only data that is there as a whole has a digest: arrays, tensors, frames, and a torch DataLoader of tensors.
"""

from collections.abc import Mapping
from typing import Any, cast

from nbtrack.core.system_tags import DIGEST_OF
from nbtrack.tracking.autolog.keras.fit_arguments import Arguments, is_arrays
from nbtrack.tracking.autolog.keras.model_facts import declared
from nbtrack.tracking.autolog.sessions import Session
from nbtrack.tracking.autolog.sklearn import train_data_set

_MOST_BYTES = 16_000_000
"""Of several arrays by name; of one that is larger, the digest is of some rows."""


def log(session: Session, model: Any, arguments: Arguments) -> None:
    """Make the data of a `fit` inputs of its run, if the user wants that.

    Args:
        session: The training.
        model: What is trained.
        arguments: Of its `fit`.
    """
    if not session.options.get("log_datasets", True):
        return
    _log(session, model, "train", arguments.get("x"), arguments.get("y"))
    held = arguments.get("validation_data")
    parts = cast("list[Any]", held) if isinstance(held, list | tuple) else [held]
    if parts:
        _log(session, model, "eval", parts[0], parts[1] if len(parts) > 1 else None)


def _log(session: Session, model: Any, context: str, x: Any, y: Any) -> None:
    tensors = getattr(getattr(x, "dataset", None), "tensors", None)
    if y is None and isinstance(tensors, tuple) and tensors:  # a DataLoader of a TensorDataset
        parts = cast("tuple[Any, ...]", tensors)
        x, y = parts[0], parts[1] if len(parts) > 1 else None
    if x is None or not is_arrays(x):
        return
    if y is not None and not is_arrays(y):
        y = None
    with session.attempt(f"the data set of {context}"):
        if _is_one(x) and (y is None or _is_one(y)):
            described = train_data_set.describe(_host(x), None if y is None else _host(y))
            if described is not None:
                dataset, sampled = described
                session.run.log_input(dataset, context, {DIGEST_OF: sampled} if sampled else None)
        elif _bytes_of(x) + _bytes_of(y) <= _MOST_BYTES:
            session.run.log_input(_named(x, y, model), context)
        else:
            session.skip(f"data set ({context}): the digest of so many arrays takes long")


def _is_one(held: Any) -> bool:
    return not isinstance(held, Mapping | list | tuple)


def _named(x: Any, y: Any, model: Any) -> Any:
    """The data set of several arrays, by the names that the model has for them."""
    from nbtrack.tracking import data_sets

    inputs: list[str] = [each.name for each in declared(model, "inputs")]
    outputs: list[str] = declared(model, "output_names")
    targets = None if y is None else _by_name(y, outputs, "output")
    return data_sets.from_numpy(_by_name(x, inputs, "input"), targets=targets)


def _by_name(held: Any, names: list[str], kind: str) -> Any:
    if isinstance(held, list | tuple):
        parts = cast("list[Any]", held)
        known = names if len(names) == len(parts) else [f"{kind}_{at}" for at in range(len(parts))]
        return {name: _array(part) for name, part in zip(known, parts, strict=True)}
    if isinstance(held, Mapping):
        return {str(name): _array(part) for name, part in cast("Mapping[Any, Any]", held).items()}
    return _array(held)


def _array(held: Any) -> Any:
    return held.to_numpy() if hasattr(held, "iloc") else _host(held)


def _host(held: Any) -> Any:
    """A tensor of any framework as an array of numpy's; frames and arrays as they are."""
    if hasattr(held, "iloc"):
        return held
    import numpy as np

    if hasattr(held, "detach"):
        held = held.detach().cpu()
        held = held.float() if str(held.dtype) == "torch.bfloat16" else held
    return np.asarray(held)


def _bytes_of(held: Any) -> int:
    if held is None:
        return 0
    if isinstance(held, list | tuple):
        return sum(_bytes_of(each) for each in cast("list[Any]", held))
    if isinstance(held, Mapping):
        return sum(_bytes_of(each) for each in cast("Mapping[Any, Any]", held).values())
    if hasattr(held, "nbytes"):
        return int(held.nbytes)
    size = 8
    for length in held.shape:
        size *= int(length or 0)
    return size
