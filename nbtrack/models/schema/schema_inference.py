"""Data -> the schema it has: the types of its columns, or the shapes of its tensors.

Dtypes are looked at first; only columns of Python objects are read value by value. What MLflow
infers is inferred; where MLflow gives up on all the data for one odd column (`any`), only that
column is `any`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from nbtrack.models.schema.data_kinds import as_array, is_frame, is_polars, is_series
from nbtrack.models.schema.data_types import AnyType, DataType, Object, ValueType, quoted
from nbtrack.models.schema.dataclass_schemas import dataclass_schema
from nbtrack.models.schema.exact_values import is_missing, type_name
from nbtrack.models.schema.param_schemas import ParamSchema, ParamSpec
from nbtrack.models.schema.schemas import ColSpec, Schema, TensorSpec
from nbtrack.models.schema.value_types import InferenceError, dtype_type, merged_type, value_type


def infer_schema(data: Any) -> Schema:
    """The schema of data.

    Args:
        data: A pandas or polars DataFrame or Series, a numpy array, a torch tensor, a sparse matrix, a
            dict of any of these, or what JSON has: a value, a list, a dict, a list of dicts. A
            dataclass gives the schema that its fields declare.

    Raises:
        InferenceError: It is none of these, or its parts have no type in common.
    """
    if hasattr(data, "model_dump") and not isinstance(data, type):
        data = data.model_dump()  # a pydantic object
    if dataclasses.is_dataclass(data):
        return dataclass_schema(cast("type", data))
    if isinstance(data, Mapping):
        return _dict_schema(cast("Mapping[Any, Any]", data))
    if isinstance(data, list | tuple):
        return _list_schema(list(cast("list[Any]", data)))
    if is_frame(data):
        return Schema([ColSpec(*column_type(held, name)) for name, held in frame_columns(data)])
    if is_series(data):
        kind, name, required = column_type(data, data.name or None)
        return Schema([ColSpec(kind, name, required if name is not None else True)])
    if (spec := tensor_spec(data)) is not None:
        return Schema([spec])
    return Schema([ColSpec(value_type(data))])


def infer_params(params: Mapping[str, Any]) -> ParamSchema:
    """The schema of the params of a model; their values become the defaults.

    Raises:
        InferenceError: A value is no scalar, list of scalars, or dict.
    """
    if not isinstance(params, Mapping):
        raise InferenceError(
            f"params is a dict of names and defaults, not {quoted(params)} ({type_name(params)})"
        )
    return ParamSchema([_param(str(name), value) for name, value in params.items()])


def _dict_schema(data: Mapping[Any, Any]) -> Schema:
    if not data:
        raise InferenceError("An empty dict says nothing of its columns")
    specs = {name: tensor_spec(held, name) for name, held in data.items() if as_array(held) is not None}
    if len(specs) == len(data) and None not in specs.values():
        return Schema(list(cast("dict[Any, TensorSpec]", specs).values()))
    for name in data:
        if not isinstance(name, str):
            raise InferenceError(
                f"The names of columns in a dict are text, not {quoted(name)} ({type_name(name)})"
            )
    return Schema([ColSpec(_cell_type(held, name), name, _has_all(held)) for name, held in data.items()])


def _list_schema(data: list[Any]) -> Schema:
    if not data:
        return Schema([ColSpec(DataType.string)])  # as in MLflow, of all versions
    if all(isinstance(row, Mapping) for row in data):
        columns: dict[Any, list[Any]] = {}
        for row in data:
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
        return Schema(
            [
                ColSpec(
                    _column_of_values(values, name),
                    name,
                    len(values) == len(data) and not any(value is None for value in values),
                )
                for name, values in columns.items()
            ]
        )
    return Schema([ColSpec(merged_type(data))])


def _column_of_values(values: list[Any], name: Any) -> ValueType:
    try:
        return merged_type(values)
    except InferenceError:
        return AnyType()


def _cell_type(value: Any, name: Any) -> ValueType:
    try:
        return value_type(value)
    except InferenceError:
        return AnyType()


def _has_all(value: Any) -> bool:
    if isinstance(value, list):
        return not any(is_missing(held) for held in cast("list[Any]", value))
    return not is_missing(value)


# ---- columns ------------------------------------------------------------------------------------------


def frame_columns(frame: Any) -> list[tuple[Any, Any]]:
    """The columns of a DataFrame, each with its name.

    Raises:
        InferenceError: Two columns have the same name.
    """
    if is_polars(frame):
        return [(held.name, held) for held in frame.get_columns()]
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise InferenceError(
            f"Two columns of the DataFrame are named {twice!r}: a signature tells them by name"
        )
    return list(frame.items())


def column_type(column: Any, name: Any) -> tuple[ValueType, Any, bool]:
    """The type of a column, its name, and whether each of its rows has a value."""
    if is_polars(column):
        kind, missing = _polars_type(column), bool(column.null_count())
        if not missing and column.dtype.is_float():
            missing = bool(column.is_nan().any())
        return kind, name, not missing
    return pandas_type(column), name, not bool(column.isna().any())


def pandas_type(column: Any) -> ValueType:
    """The type of the values of a pandas Series; `any` where no other fits all of them."""
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return pandas_type(dtype.categories.to_series())
    if isinstance(dtype, pd.SparseDtype):
        dtype = dtype.subtype
    if isinstance(dtype, pd.StringDtype):
        return DataType.string
    found = dtype_type(getattr(dtype, "numpy_dtype", dtype))
    if found is None and getattr(dtype, "kind", "O") == "u":
        found = DataType.long if not len(column) or column.max() < 2**63 else None
    if found is None and getattr(dtype, "kind", "O") == "O":
        found = _objects_type(column)
    return found or AnyType()


def _objects_type(column: Any) -> ValueType | None:
    import pandas as pd

    if not len(column):
        return DataType.string  # as in MLflow
    # Reads the values in C, and stops at the first that differs.
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    found = _OF_INFERRED.get(inferred)
    if found is DataType.long and not _fits_long(column):
        return None
    if found is not None:
        return found
    try:
        return merged_type(column.tolist())
    except InferenceError:
        return None


def _fits_long(column: Any) -> bool:
    held = column.dropna()
    return bool(held.max() < 2**63 and held.min() >= -(2**63))


_OF_INFERRED: dict[str, ValueType] = {
    "string": DataType.string,
    "bytes": DataType.binary,
    "boolean": DataType.boolean,
    "integer": DataType.long,
    "floating": DataType.double,
    "mixed-integer-float": DataType.double,
    "integer-na": DataType.long,
    "datetime": DataType.datetime,
    "datetime64": DataType.datetime,
    "date": DataType.datetime,
    "empty": AnyType(),
}


def _polars_type(column: Any) -> ValueType:
    name = str(column.dtype.base_type())
    if name == "UInt64":
        return DataType.long if (column.max() or 0) < 2**63 else AnyType()
    if name in ("List", "Array", "Struct"):
        try:
            return merged_type(column.to_list())
        except InferenceError:
            return AnyType()
    if name == "Null":
        return AnyType()
    return _OF_POLARS.get(name, AnyType())


_OF_POLARS: dict[str, DataType] = {
    "Boolean": DataType.boolean,
    "Int8": DataType.integer,
    "Int16": DataType.integer,
    "Int32": DataType.integer,
    "UInt8": DataType.integer,
    "UInt16": DataType.integer,
    "UInt32": DataType.long,
    "Int64": DataType.long,
    "Float32": DataType.float,
    "Float64": DataType.double,
    "String": DataType.string,
    "Categorical": DataType.string,
    "Enum": DataType.string,
    "Binary": DataType.binary,
    "Date": DataType.datetime,
    "Datetime": DataType.datetime,
}


# ---- tensors ------------------------------------------------------------------------------------------


def tensor_spec(data: Any, name: Any = None) -> TensorSpec | None:
    """The tensor that an array, torch tensor or sparse matrix is; None for anything else."""
    array = as_array(data)
    if array is None or not array.shape:
        return None
    dtype = array.dtype
    if dtype.kind in "US":
        import numpy as np

        dtype = np.dtype("str" if dtype.kind == "U" else "bytes")
    if dtype.kind == "V":
        raise InferenceError(
            f"An array of {dtype} has no type in a signature: give each field as an array of its own"
        )
    return TensorSpec(dtype, (-1, *array.shape[1:]), name)


# ---- params -------------------------------------------------------------------------------------------


def _param(name: str, value: Any) -> ParamSpec:
    if isinstance(value, tuple):
        value = list(cast("tuple[Any, ...]", value))
    if (array := as_array(value)) is not None and array.shape:
        value = array.tolist()
    try:
        if isinstance(value, list):
            held = cast("list[Any]", value)
            # An empty list says nothing; text is what most lists of params hold.
            kind = merged_type(held) if held else DataType.string
            shape = (-1,)
        else:
            kind, shape = DataType.double if isinstance(value, float) else value_type(value), None
    except InferenceError as error:
        raise InferenceError(f"The param {name!r} has no type: {error}") from None
    if not isinstance(kind, DataType) and not (isinstance(kind, Object) and shape is None):
        raise InferenceError(
            f"The param {name!r} is one value, a list of values or a dict, "
            f"not {quoted(value)} ({type_name(value)})"
        )
    return ParamSpec(name, kind, value, shape)
