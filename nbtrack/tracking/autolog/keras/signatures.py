"""The signature of a trained model: shapes as the model declares them, types as the data had them.

MLflow takes both from the model. Then data of 64 bits, on which it was trained, is refused by `predict`,
and a model that was built by `fit` takes only as many rows as its first batch had.
"""

from collections.abc import Mapping
from typing import Any, cast

from nbtrack.models.schema.schema_inference import infer_schema
from nbtrack.models.schema.schemas import Schema, TensorSpec
from nbtrack.models.schema.value_types import InferenceError
from nbtrack.models.signature import ModelSignature
from nbtrack.tracking.autolog.keras.model_facts import declared

_ROWS = 5
"""Rows of an input example, as in MLflow."""


def signature_of(model: Any, data: Any) -> ModelSignature | None:
    """What a model takes and gives.

    Args:
        model: The model, built.
        data: What it was trained on, as `fit` was given it.

    Returns:
        None where neither the model nor the data says what it takes.
    """
    rows = first_rows(data)
    inputs = _frame_schema(rows) if hasattr(rows, "iloc") else _tensors(_inputs(model, rows))
    if inputs is None:
        return None
    return ModelSignature(inputs=inputs, outputs=_tensors(_outputs(model)))


def first_rows(data: Any) -> Any:
    """The first rows of data, in its own form; None where it is no array, frame, or dict of arrays."""
    if isinstance(data, Mapping):
        parts = {str(name): first_rows(each) for name, each in cast("Mapping[Any, Any]", data).items()}
        return None if any(each is None for each in parts.values()) or not parts else parts
    if hasattr(data, "iloc"):
        return data.iloc[:_ROWS]
    if isinstance(data, list | tuple) or not hasattr(data, "shape") or not hasattr(data, "__array__"):
        return None
    import numpy as np

    rows = data[:_ROWS]
    return np.asarray(rows.detach().cpu() if hasattr(rows, "detach") else rows)


def _frame_schema(rows: Any) -> Schema | None:
    try:
        return infer_schema(rows if hasattr(rows, "columns") else rows.to_frame())
    except InferenceError:
        return None


def _inputs(model: Any, rows: Any) -> list[TensorSpec] | None:
    """What the model declares; a subclassed model declares nothing, and there the data speaks."""
    tensors = declared(model, "inputs")
    if not tensors:
        if isinstance(rows, Mapping):
            named = cast("Mapping[str, Any]", rows)
            return [_spec(each.dtype, each.shape, name) for name, each in named.items()]
        return None if rows is None else [_spec(rows.dtype, rows.shape, None)]
    if len(tensors) > 1 or isinstance(rows, Mapping):
        given = cast("Mapping[str, Any]", rows if isinstance(rows, Mapping) else {})
        return [
            _spec(given[each.name].dtype if each.name in given else each.dtype, each.shape, each.name)
            for each in tensors
        ]
    return [_spec(tensors[0].dtype if rows is None else rows.dtype, tensors[0].shape, None)]


def _outputs(model: Any) -> list[TensorSpec] | None:
    tensors = declared(model, "outputs")
    names: list[str | None] = [None] if len(tensors) == 1 else declared(model, "output_names")
    if len(names) != len(tensors):
        return None
    return [_spec(each.dtype, each.shape, name) for each, name in zip(tensors, names, strict=True)]


def _tensors(specs: list[TensorSpec] | None) -> Schema | None:
    return Schema(specs) if specs else None


def _spec(dtype: Any, shape: Any, name: str | None) -> TensorSpec:
    """A tensor of any number of rows."""
    import numpy as np

    # NumPy has no bfloat16; predictions of it are given back as float32.
    kind = np.dtype("float32" if str(dtype) == "bfloat16" else dtype)
    return TensorSpec(kind, (-1, *(-1 if length is None else int(length) for length in shape[1:])), name)
