"""What is taken as a table: dicts of columns, of one row, of rows, and DataFrames of pandas and polars."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.tracking import images

_SCALARS = (str, bytes, bytearray, set, frozenset, Mapping)


def as_frame(data: Any) -> Any:
    """A table as a pandas DataFrame that is nobody else's.

    Args:
        data: A DataFrame of pandas (its index is left out) or polars; a dict of columns; a dict
            without a column in it, which is one row; or `{"columns": [...], "data": [rows]}`.

    Raises:
        InvalidTypeError: It is nothing of that kind.
        InvalidValueError: Columns or rows differ in length, or two columns have one name.
    """
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        frame = data.reset_index(drop=True)
    elif type(data).__module__.partition(".")[0] == "polars" and hasattr(data, "to_dict"):
        frame = pd.DataFrame({name: _series(cells) for name, cells in data.to_dict(as_series=False).items()})
    elif isinstance(data, Mapping):
        frame = _frame_of_dict(cast("Mapping[Any, Any]", data))
    else:
        raise InvalidTypeError(
            f"log_table takes a dict or a DataFrame, got {type(data).__name__}. "
            "Rows are given as {'columns': [...], 'data': [rows]}."
        )
    _check_names(frame)
    return frame


def _check_names(frame: Any) -> None:
    names = [str(name) for name in frame.columns]
    if frame.columns.nlevels > 1:
        raise InvalidTypeError("The columns of a table have one name each; flatten the MultiIndex first.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidValueError(f"The table has two columns named {twice!r}.")


def _frame_of_dict(data: Mapping[Any, Any]) -> Any:
    import pandas as pd

    if set(data) == {"columns", "data"} and _is_list(data["columns"]) and _is_list(data["data"]):
        rows = list(data["data"])
        if all(map(_is_list, rows)):
            return _frame_of_rows(list(data["columns"]), rows)
    if not data:
        return pd.DataFrame()
    if all(isinstance(value, Mapping) for value in data.values()):
        return pd.DataFrame(data).reset_index(drop=True)  # as `DataFrame.to_dict` gives it
    if not any(map(_is_column, data.values())):
        return _frame_of_rows(list(data), [list(data.values())])
    columns = {
        name: _cells(value) if _is_list(value) or _is_column(value) else None for name, value in data.items()
    }
    lengths = {name: len(cells) for name, cells in columns.items() if cells is not None}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} has {length}" for name, length in list(lengths.items())[:8])
        raise InvalidValueError(f"The columns of a table have as many rows as each other: {shown}.")
    count = next(iter(lengths.values()))
    return pd.DataFrame(
        {name: _series([data[name]] * count if cells is None else cells) for name, cells in columns.items()}
    )


def _frame_of_rows(columns: list[Any], rows: list[Any]) -> Any:
    import pandas as pd

    for at, row in enumerate(rows):
        if len(row) != len(columns):
            raise InvalidValueError(
                f"Row {at} of the table has {len(row)} values for {len(columns)} columns: {columns[:8]}."
            )
    frame = pd.DataFrame({at: _series([row[at] for row in rows]) for at in range(len(columns))})
    frame.columns = pd.Index(columns, dtype=object)
    return frame


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) or (hasattr(value, "tolist") and getattr(value, "ndim", 0) > 0)


def _is_column(value: Any) -> bool:
    """Whether a value of a dict is a column; an array of more dimensions is one beside columns only."""
    if isinstance(value, _SCALARS) or images.is_image(value) or not isinstance(value, Iterable):
        return False
    return getattr(cast("Any", value), "ndim", 1) == 1


def _cells(value: Any) -> Any:
    if hasattr(value, "iloc") or (type(value).__module__ == "numpy" and value.ndim == 1):
        return value
    return list(value) if getattr(value, "ndim", 0) > 1 or not hasattr(value, "tolist") else value.tolist()


def _series(cells: Any) -> Any:
    """Cells as a column; only what is all of one kind gets a type of its own.

    So whole numbers stay what they are beside None, and lists are cells.
    """
    import pandas as pd

    if hasattr(cells, "iloc"):
        return cells.reset_index(drop=True)
    if hasattr(cells, "dtype"):
        return pd.Series(cells)
    kinds: set[type] = {type(cell) for cell in cells}
    if len(kinds) == 1 and kinds <= {int, float, bool}:
        return pd.Series(cells)
    import numpy as np

    column = np.empty(len(cells), dtype=object)
    for at, cell in enumerate(cells):
        column[at] = cell
    return pd.Series(column, dtype=object)
