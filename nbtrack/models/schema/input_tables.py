"""Whatever was given to `predict` -> a pandas DataFrame, with the columns of a schema or without names.

What Python gave stays as it was (columns of objects), so that no number changes before its type is checked.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from nbtrack.models.schema.data_kinds import as_array, is_frame, is_polars, is_series
from nbtrack.models.schema.data_types import AnyType, Array, DataType, ValueType, quoted
from nbtrack.models.schema.mismatches import SignatureMismatchError
from nbtrack.models.schema.plain_columns import frame_of_lists, objects
from nbtrack.models.schema.schemas import Schema


def as_table(data: Any, schema: Schema) -> Any:
    """Data as a pandas DataFrame; one of pandas is handed on as it is.

    Args:
        data: A pandas or polars DataFrame or Series, a numpy array, a torch tensor, a sparse matrix, a
            dict of columns or of one row, a list of rows, or one value.
        schema: The columns wanted: what they hold decides whether a list is a column or one value.

    Raises:
        SignatureMismatchError: It is nothing of this.
    """
    if data is None:
        raise SignatureMismatchError(["there is none: predict(data) was given None"])
    if is_polars(data):
        return from_polars(data if is_frame(data) else data.to_frame())
    if is_frame(data):
        return data
    if is_series(data):
        return _from_series(data, schema)
    if isinstance(data, Mapping):
        return _from_dict(cast("Mapping[Any, Any]", data), schema)
    if isinstance(data, list | tuple):
        return _from_list(list(cast("list[Any]", data)), schema)
    if (array := as_array(data)) is not None and array.shape:
        return _from_array(array, schema)
    return _by_place([[data]], schema)


def from_polars(frame: Any) -> Any:
    """A polars DataFrame as one of pandas; whole numbers with missing ones become pandas' nullable ones."""
    import pandas as pd

    return pd.DataFrame({held.name: _from_polars(held) for held in frame.get_columns()}, copy=False)


def is_by_place(frame: Any) -> bool:
    """Whether the columns of a DataFrame are only numbered: 0, 1, 2, ..."""
    import pandas as pd

    columns = frame.columns
    if isinstance(columns, pd.RangeIndex):
        return columns.start == 0 and columns.step == 1
    return columns.dtype.kind in "iu" and columns.tolist() == list(range(len(columns)))


def _by_place(columns: Iterable[Any], schema: Schema) -> Any:
    held = {place: list(values) for place, values in enumerate(columns)}
    kinds = dict(enumerate(schema.input_types())) if len(held) == len(schema) else {}
    return frame_of_lists(held, kinds)


def _from_series(series: Any, schema: Schema) -> Any:
    import pandas as pd

    wanted = schema.required_input_names()
    if schema.has_input_names() and len(schema) > 1 and wanted and set(wanted) <= set(series.index):
        # A row, such as frame.iloc[0]: its values lost their dtypes when they came into one Series.
        return frame_of_lists({name: [value] for name, value in series.items()}, schema.input_types_dict())
    return pd.DataFrame({0 if series.name is None else series.name: series}, copy=False)


def _from_array(array: Any, schema: Schema) -> Any:
    import pandas as pd

    if hasattr(array, "tocsr"):
        return cast("Any", pd.DataFrame.sparse).from_spmatrix(array.tocsc())
    if len(schema) == 1 and array.ndim == 1 + _depth_of(schema.input_types()[0]) > 1:
        return _by_place([list(array)], schema)
    if array.ndim > 2:
        raise SignatureMismatchError(
            [f"an array of shape {array.shape} is no table; the model takes {len(schema)} columns"]
        )
    if array.ndim == 1 and len(schema) > 1:
        raise SignatureMismatchError([_flat(len(array), schema)])
    return pd.DataFrame(array, copy=False)


def _from_list(rows: list[Any], schema: Schema) -> Any:

    if not rows:
        return frame_of_lists({name: [] for name in schema.input_names()}, {})
    if all(isinstance(row, Mapping) for row in rows) and not _takes_dicts(schema):
        return _from_records(rows, schema)
    if len(schema) == 1:
        kind = schema.input_types()[0]
        wanted, given = _depth_of(kind), _depth(rows)
        if isinstance(kind, AnyType) or given == wanted + 1:
            return _by_place([rows], schema)
        if wanted and given == wanted:  # one value, which is a list
            return _by_place([[rows]], schema)
    if not all(isinstance(row, list | tuple) or as_array(row) is not None for row in rows):
        if len(schema) == 1:
            return _by_place([rows], schema)
        raise SignatureMismatchError([_flat(len(rows), schema)])
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        usual = len(rows[0])
        odd = next(row for row, held in enumerate(rows) if len(held) != usual)
        raise SignatureMismatchError(
            [f"row 0 has {usual} values, row {odd} has {len(rows[odd])}: {quoted(rows[odd])}"]
        )
    return _by_place(zip(*rows, strict=True), schema)


def _from_records(rows: list[Mapping[Any, Any]], schema: Schema) -> Any:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return frame_of_lists(columns, _kinds_of(columns, schema))


def _takes_dicts(schema: Schema) -> bool:
    """Whether a dict in a list is a value, not a row."""
    return not schema.has_input_names() and not isinstance(schema.input_types()[0], DataType)


def _from_dict(data: Mapping[Any, Any], schema: Schema) -> Any:
    import pandas as pd

    kinds = _kinds_of(data, schema)
    forms = {name: _form(held, kinds.get(name)) for name, held in data.items()}
    many = "rows" in forms.values() or ("cell" not in forms.values() and "either" in forms.values())
    if not many:
        return frame_of_lists({name: [held] for name, held in data.items()}, kinds)
    lengths = {name: len(held) for name, held in data.items() if forms[name] != "cell"}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} {length}" for name, length in list(lengths.items())[:8])
        raise SignatureMismatchError([f"its columns are of different lengths: {told}"])
    rows = next(iter(lengths.values()))
    return pd.DataFrame(
        {
            name: objects([held] * rows) if forms[name] == "cell" else _column(held)
            for name, held in data.items()
        },
        copy=False,
    )


def _kinds_of(data: Mapping[Any, Any], schema: Schema) -> dict[Any, ValueType]:
    if schema.has_input_names():
        return schema.input_types_dict()
    return dict(zip(data, schema.input_types(), strict=False))


def _form(value: Any, kind: ValueType | None) -> str:
    """Whether a dict holds under a name one value ("cell"), one for each row ("rows"), or "either"."""
    if not isinstance(value, list | tuple) and not is_series(value):
        array = as_array(value)
        if array is None or not array.shape:
            return "cell"
    if kind is None or isinstance(kind, AnyType):
        return "either"
    return "cell" if _depth(value) == _depth_of(kind) else "rows"


def _column(held: Any) -> Any:
    import pandas as pd

    if is_series(held):
        return _from_polars(held) if is_polars(held) else held.reset_index(drop=True)
    array = as_array(held)
    if array is not None and array.ndim == 1:
        return pd.Series(array, copy=False)
    return objects(list(held if array is None else array))


def _from_polars(held: Any) -> Any:
    import pandas as pd

    kind = held.dtype
    if (kind.is_numeric() and not kind.is_decimal() and (kind.is_float() or not held.null_count())) or (
        kind.is_temporal() and getattr(kind, "time_zone", None) is None and str(kind.base_type()) != "Time"
    ):
        return pd.Series(held.to_numpy(writable=True), copy=False)
    if kind.is_integer():
        return pd.Series(pd.array(held.to_list(), dtype=str(kind.base_type())))
    if str(kind.base_type()) == "Boolean" and not held.null_count():
        return pd.Series(held.to_numpy(writable=True), copy=False)
    return pd.Series(objects(held.to_list()), copy=False)


def _depth(value: Any) -> int:
    """How many lists lie in one another; of the first that holds something."""
    if is_series(value):
        return 1
    if (array := as_array(value)) is not None:
        return len(array.shape)
    if not isinstance(value, list | tuple):
        return 0
    inner = [_depth(held) for held in cast("list[Any]", value)[:100] if held is not None]
    return 1 + max(inner, default=0)


def _depth_of(kind: ValueType) -> int:
    return 1 + _depth_of(kind.dtype) if isinstance(kind, Array) else 0


def _flat(length: int, schema: Schema) -> str:
    return (
        f"a flat list of {length} values is no table; the model takes {len(schema)} columns: "
        f"give one row as [[...]], an array as array.reshape(1, -1)"
    )
