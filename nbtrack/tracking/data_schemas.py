"""The columns of data and their types, in MLflow's words."""

import json
from collections.abc import Mapping
from typing import Any

from nbtrack.tracking.plain_values import plain

_OF_NUMPY = {
    "b1": "boolean",
    "i1": "integer",
    "i2": "integer",
    "i4": "integer",
    "u1": "integer",
    "u2": "integer",
    "u4": "long",
    "i8": "long",
    "u8": "long",
    "f2": "float",
    "f4": "float",
    "f8": "double",
}
_OF_POLARS = {
    "Boolean": "boolean",
    "Int8": "integer",
    "Int16": "integer",
    "Int32": "integer",
    "UInt8": "integer",
    "UInt16": "integer",
    "UInt32": "long",
    "Int64": "long",
    "UInt64": "long",
    "Float32": "float",
    "Float64": "double",
    "String": "string",
    "Utf8": "string",
    "Categorical": "string",
    "Enum": "string",
    "Binary": "binary",
    "Date": "datetime",
    "Datetime": "datetime",
}
_OF_INFERRED = {
    "string": "string",
    "bytes": "binary",
    "boolean": "boolean",
    "integer": "long",
    "floating": "double",
    "mixed-integer-float": "double",
    "datetime": "datetime",
    "datetime64": "datetime",
    "date": "datetime",
    "categorical": "string",
}


def columns_schema(frame: Any) -> list[dict[str, Any]]:
    """The columns of a pandas or polars DataFrame: type, name, and whether each row has a value."""
    if hasattr(frame, "iloc"):
        has_missing: list[Any] = frame.isna().any().tolist()
        return [
            _column(_pandas_type(held), name, not missing)
            for (name, held), missing in zip(frame.items(), has_missing, strict=True)
        ]
    return [
        _column(_OF_POLARS.get(str(held.dtype.base_type()), "any"), held.name, not held.null_count())
        for held in frame.get_columns()
    ]


def tensors_schema(features: Any, targets: Any = None) -> dict[str, Any]:
    """The shapes and types of arrays; the first dimension is the rows, of which there may be any number."""
    return {"features": _tensors(features), "targets": None if targets is None else _tensors(targets)}


def _column(kind: str, name: Any, required: Any) -> dict[str, Any]:
    # A name may be a tuple or a number; what MLflow reads is text.
    return {
        "type": kind,
        "name": name if isinstance(name, str) else str(plain(name)),
        "required": bool(required),
    }


def _pandas_type(column: Any) -> str:
    import pandas as pd

    dtype = getattr(column.dtype, "numpy_dtype", column.dtype)
    kind = getattr(dtype, "kind", "O")
    if kind == "M":
        return "datetime"
    if kind in "biuf":
        return _OF_NUMPY.get(f"{kind}{dtype.itemsize}", "double")
    return _OF_INFERRED.get(pd.api.types.infer_dtype(column, skipna=True), "any")


def _tensors(held: Any) -> str:
    named: dict[Any, Any] = dict(held) if isinstance(held, Mapping) else {None: held}  # pyright: ignore[reportUnknownArgumentType]
    specs: list[dict[str, Any]] = []
    for name, array in named.items():
        dtype = {"U": "str", "S": "bytes", "O": "object"}.get(array.dtype.kind, array.dtype.name)
        spec: dict[str, Any] = {"type": "tensor"}
        if name is not None:
            spec["name"] = str(name)
        spec["tensor-spec"] = {"dtype": dtype, "shape": [-1, *array.shape[1:]] if array.shape else [-1]}
        specs.append(spec)
    return json.dumps(specs)
