"""Input examples as JSON, in the forms that MLflow writes: tables in columns and rows, nested lists, values.

Missing values are null, times are ISO 8601, bytes base64. With the schema of the model all of them
come back as they were.
"""

import base64
import binascii
import datetime as dt
from collections.abc import Mapping
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.models.schema.column_fitting import fit_column
from nbtrack.models.schema.data_kinds import as_array, is_frame, is_series
from nbtrack.models.schema.data_types import DataType, quoted
from nbtrack.models.schema.exact_values import is_missing, python_scalar, type_name
from nbtrack.models.schema.input_tables import is_by_place
from nbtrack.models.schema.mismatches import MisfitError
from nbtrack.models.schema.schemas import Schema, TensorSpec

DENSE = 1_000_000
"""Up to how many values a sparse matrix is written out in full, for requests to a scoring server."""


def as_json(data: Any) -> tuple[Any, dict[str, str], dict[str, Any] | None]:
    """An example as what JSON can hold.

    Returns:
        What the file holds; its `type` and `pandas_orient` in the MLmodel file; a request to a scoring
        server with it, None where there is none.

    Raises:
        InvalidTypeError: Something in it has no form in JSON.
    """
    if is_frame(data):
        split = _split(data)
        orient = "split" if "columns" in split else "values"
        return split, {"type": "dataframe", "pandas_orient": orient}, {"dataframe_split": split}
    if hasattr(data, "tocsr"):
        form = "csc" if data.format == "csc" else "csr"
        return _sparse(data, form), {"type": f"sparse_matrix_{form}"}, _dense(data)
    if (array := as_array(data)) is not None:
        held = _nested(array)
        return held, {"type": "ndarray"}, {"inputs": held}
    if isinstance(data, Mapping):
        entries = cast("Mapping[Any, Any]", data)
        arrays = {name: as_array(held) for name, held in entries.items()}
        all_arrays = bool(arrays) and all(array is not None for array in arrays.values())
        kind = "ndarray" if all_arrays else "json_object"
        plain = {str(name): _plain(held) for name, held in entries.items()}
        is_chat = kind == "json_object" and not _CHAT.isdisjoint(plain)
        return plain, {"type": kind}, plain if is_chat else {"inputs": plain}
    plain = _plain(data)
    return plain, {"type": "json_object"}, {"inputs": plain}


# MLflow sends these to a language model as they are.
_CHAT = frozenset({"messages", "prompt", "input"})


def from_json(held: Any, info: Mapping[str, Any], schema: Schema | None) -> Any:
    """The example of a file.

    Args:
        held: What the file holds.
        info: What the MLmodel file says of it.
        schema: What the model takes: the types that JSON does not tell. None: not known.

    Raises:
        InvalidValueError: The file does not hold what the MLmodel file says.
    """
    kind = info.get("type")
    try:
        if kind == "dataframe":
            return _frame_from(held, schema)
        if kind == "ndarray":
            return _arrays_from(held, info, schema)
        if kind in ("sparse_matrix_csr", "sparse_matrix_csc"):
            return _sparse_from(held, str(kind))
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error) as error:
        raise InvalidValueError(
            f"The input example is no {kind} as MLflow writes them: {quoted(held)} ({error})"
        ) from error
    if kind == "json_object":
        return held
    raise InvalidValueError(
        f"The input example is of the type {kind!r}; there are dataframe, ndarray, json_object, "
        "sparse_matrix_csr and sparse_matrix_csc"
    )


# ---- to JSON --------------------------------------------------------------------------------------------


def _split(frame: Any) -> dict[str, Any]:
    columns = [
        [_plain(value, of_table=True) for value in frame.iloc[:, place].tolist()]
        for place in range(len(frame.columns))
    ]
    rows: list[list[Any]] = [list(row) for row in zip(*columns, strict=True)]
    if is_by_place(frame):
        return {"data": rows}
    return {"columns": [_plain(name) for name in frame.columns.tolist()], "data": rows}


def _nested(array: Any) -> Any:
    kind = array.dtype.kind
    if kind == "c":
        raise InvalidTypeError(f"An input example is JSON, which has no complex numbers: {quoted(array)}")
    if kind == "f":
        import numpy as np

        if np.isnan(array).any():
            return _plain(array.astype(object).tolist(), of_table=True)
    return array.tolist() if kind in "biuf" else _plain(array.tolist(), of_table=True)


def _sparse(matrix: Any, form: str) -> dict[str, Any]:
    held = matrix.tocsc() if form == "csc" else matrix.tocsr()
    return {
        "data": _nested(held.data),
        "indices": held.indices.tolist(),
        "indptr": held.indptr.tolist(),
        "shape": [int(size) for size in held.shape],
    }


def _dense(matrix: Any) -> dict[str, Any] | None:
    rows, columns = matrix.shape
    return {"inputs": _nested(matrix.toarray())} if rows * columns <= DENSE else None


def _plain(value: Any, of_table: bool = False) -> Any:
    """A value as JSON has it; in tables and arrays what is missing is null, elsewhere NaN stays NaN."""
    value = python_scalar(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return None if of_table and value != value else value
    if is_missing(value):
        return None
    if isinstance(value, bytes | bytearray):
        return base64.encodebytes(value).decode("ascii")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(held, of_table) for name, held in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(held, of_table) for held in cast("list[Any]", value)]
    if is_frame(value) or is_series(value):
        return _plain(value.to_dict() if is_frame(value) else value.to_list(), of_table=True)
    if (array := as_array(value)) is not None and not hasattr(array, "tocsr"):
        return _nested(array)
    if hasattr(value, "model_dump"):
        return _plain(value.model_dump(), of_table)
    raise InvalidTypeError(
        f"An input example is kept as JSON, which has no {type_name(value)}: {quoted(value)}. "
        "Give a DataFrame, an array, or dicts and lists of text, numbers, times and bytes"
    )


# ---- from JSON ------------------------------------------------------------------------------------------


def _frame_from(held: Any, schema: Schema | None) -> Any:
    import pandas as pd

    if isinstance(held, list):  # MLflow 1 also wrote records
        frame = pd.DataFrame(cast("list[Any]", held))
    else:
        names: list[Any] | None = held.get("columns")
        if names is not None:
            names = [tuple(cast("list[Any]", name)) if isinstance(name, list) else name for name in names]
        frame = pd.DataFrame(held["data"], columns=names, index=held.get("index"))
    if schema is None or schema.is_tensor_spec() or not len(frame.columns):
        return frame
    columns = [
        _typed(frame.iloc[:, place], _spec_of(schema, name, place))
        for place, name in enumerate(frame.columns.tolist())
    ]
    made = pd.concat(columns, axis=1)
    made.columns = frame.columns
    return made


def _typed(column: Any, spec: Any) -> Any:
    if spec is None:
        return column
    try:
        return fit_column(_decoded(column, spec.type), spec.type, spec.required)
    except MisfitError:
        return column  # the signature says otherwise than the example


def _spec_of(schema: Schema, name: Any, place: int) -> Any:
    if schema.has_input_names():
        return schema.input_dict().get(name)
    return schema.inputs[place] if place < len(schema) else None


def _decoded(column: Any, kind: Any) -> Any:
    """A column whose texts are the bytes or the times that they stand for."""
    import pandas as pd

    if kind is DataType.binary:
        held = [base64.b64decode(text) if isinstance(text, str) else None for text in column.tolist()]
    elif kind is DataType.datetime:  # MLflow writes a missing time as text
        held = [None if text == "NaT" else text for text in column.tolist()]
    else:
        return column
    return pd.Series(held, index=column.index, name=column.name, dtype=object)


def _arrays_from(held: Any, info: Mapping[str, Any], schema: Schema | None) -> Any:
    if info.get("format") == "tf-serving" and isinstance(held, dict):  # MLflow 1
        entries = cast("dict[str, Any]", held)
        held = entries.get("inputs", entries.get("instances"))
    specs: dict[Any, TensorSpec] = {}
    if schema is not None and schema.is_tensor_spec():
        specs = {spec.name: spec for spec in schema}
    if isinstance(held, dict):
        arrays = cast("dict[str, Any]", held)
        return {name: _array_from(values, specs.get(name)) for name, values in arrays.items()}
    return _array_from(held, next(iter(specs.values())) if len(specs) == 1 else None)


def _array_from(held: Any, spec: TensorSpec | None) -> Any:
    import numpy as np

    if spec is None:
        try:
            array = np.array(held)
        except ValueError:  # rows of different lengths
            array = np.array(held, dtype=object)
        return _numbers(array) if array.dtype.kind == "O" else array
    array = np.array(_bytes_of(held)) if spec.type.kind == "S" else np.array(held, dtype=spec.type)
    empty = not array.size and len(array.shape) < len(spec.shape)
    return array.reshape([0 if size == -1 else size for size in spec.shape]) if empty else array


def _numbers(array: Any) -> Any:
    """An array of objects as one of doubles, if null is all that keeps it from being one."""
    values = array.ravel().tolist()
    if any(isinstance(value, int | float) for value in values) and all(
        value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values
    ):
        return array.astype("float64")
    return array


def _bytes_of(held: Any) -> Any:
    if isinstance(held, list):
        return [_bytes_of(value) for value in cast("list[Any]", held)]
    return base64.b64decode(held)


def _sparse_from(held: Any, kind: str) -> Any:
    import numpy as np
    from scipy import sparse

    made = sparse.csc_matrix if kind.endswith("csc") else sparse.csr_matrix
    values = np.array([np.nan if value is None else value for value in held["data"]])
    matrix = made((values, held["indices"], held["indptr"]), shape=tuple(held["shape"]))
    matrix.check_format(full_check=True)  # what it points to may lie anywhere, in a file from elsewhere
    return matrix
