"""Tables as the bytes of a file: written, added to, read.

A `.json` file is `{"columns": [...], "data": [rows]}`, pandas' "split" and MLflow's form; a
`.parquet` file keeps types, and needs pyarrow.
"""

import json
import uuid
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Protocol, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingExtraError
from nbtrack.core.names import artifact_parts
from nbtrack.tracking.plain_values import plain


class TableFormat(Protocol):
    """How tables are kept in files of one ending."""

    def rows(self, frame: Any) -> Any:
        """The rows of a DataFrame in this format; InvalidTypeError where it has no form for a value."""
        ...

    def write(self, rows: Any) -> bytes:
        """The bytes of a file."""
        ...

    def read(self, data: bytes, path: str) -> Any:
        """The rows that a file holds; InvalidValueError when it is no table."""
        ...

    def join(self, parts: Sequence[Any], path: str) -> Any:
        """Rows below rows, with the columns of all; InvalidTypeError where their types differ."""
        ...

    def count(self, rows: Any) -> int:
        """How many rows."""
        ...

    def frame(self, rows: Any) -> Any:
        """The rows as a pandas DataFrame."""
        ...


def table_format(path: Any) -> TableFormat:
    """The format that the ending of a table's artifact path names.

    Raises:
        InvalidValueError: It is no artifact path, or ends neither in `.json` nor in `.parquet`.
        MissingExtraError: `.parquet` needs pyarrow.
    """
    name = (artifact_parts(path) or ("",))[-1].lower()
    if name.endswith(".json"):
        return _Json()
    if name.endswith(".parquet"):
        return _Parquet()
    raise InvalidValueError(f"A table is kept as .json or .parquet, not as {path!r}.")


class _Json:
    """Rows are (columns, list of rows)."""

    def rows(self, frame: Any) -> tuple[list[Any], list[Any]]:
        columns = [name if type(name) is int else str(name) for name in frame.columns]
        cells = [_json_cells(frame.iloc[:, at]) for at in range(len(columns))]
        return columns, list(map(list, zip(*cells, strict=True)))

    def write(self, rows: tuple[list[Any], list[Any]]) -> bytes:
        table = {"columns": rows[0], "data": rows[1]}
        try:
            return json.dumps(table, separators=(",", ":"), allow_nan=False).encode()
        except ValueError:
            # JSON has no infinity, but numbers of any size: this one is read as infinity.
            mark = uuid.uuid4().hex
            text = json.dumps(_marked(table, mark), separators=(",", ":"))
            return text.replace(f'"+{mark}"', "1e999").replace(f'"-{mark}"', "-1e999").encode()

    def read(self, data: bytes, path: str) -> tuple[list[Any], list[Any]]:
        try:
            table = json.loads(data)
            columns, rows = table["columns"], table["data"]
            if all(len(row) == len(columns) for row in rows):
                return columns, rows
        except (ValueError, TypeError, KeyError):
            pass
        raise _no_table(path)

    def join(self, parts: Sequence[tuple[list[Any], list[Any]]], path: str) -> tuple[list[Any], list[Any]]:
        union = list(dict.fromkeys(name for columns, _ in parts for name in columns))
        joined: list[Any] = []
        for columns, rows in parts:
            places = {name: at for at, name in enumerate(columns)}
            order = [places.get(name) for name in union]
            same = columns == union
            joined += rows if same else [[None if at is None else row[at] for at in order] for row in rows]
        return union, joined

    def count(self, rows: tuple[list[Any], list[Any]]) -> int:
        return len(rows[1])

    def frame(self, rows: tuple[list[Any], list[Any]]) -> Any:
        import pandas as pd

        columns = pd.Index(rows[0], dtype=object)
        try:
            return pd.DataFrame(rows[1], columns=columns)
        except UnicodeError:  # half of a surrogate pair has no place in pandas' type of text
            return pd.DataFrame(rows[1], columns=columns, dtype=object)


class _Parquet:
    """Rows are a `pyarrow.Table`."""

    def __init__(self) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise MissingExtraError("A table as .parquet", "pyarrow") from None
        self._arrow: Any = pyarrow
        self._parquet: Any = pyarrow.parquet

    def rows(self, frame: Any) -> Any:
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        try:
            table = self._arrow.Table.from_pandas(frame, preserve_index=False)
            self.write(table)
        except (self._arrow.ArrowException, UnicodeError, OverflowError) as error:
            raise InvalidTypeError(f"Parquet has no form for this table: {_first_line(error)}") from error
        # Without what pandas notes of its own there: rows of other types may follow.
        return table.replace_schema_metadata(None)

    def write(self, rows: Any) -> bytes:
        written = BytesIO()
        self._parquet.write_table(rows, written)
        return written.getvalue()

    def read(self, data: bytes, path: str) -> Any:
        try:
            return self._parquet.read_table(BytesIO(data))
        except (self._arrow.ArrowException, OSError) as error:
            raise _no_table(path) from error

    def join(self, parts: Sequence[Any], path: str) -> Any:
        try:
            return self._arrow.concat_tables(parts, promote_options="permissive")
        except self._arrow.ArrowException as error:
            raise InvalidTypeError(
                f"Rows of the table {path!r} do not fit together: {_first_line(error)}"
            ) from error

    def count(self, rows: Any) -> int:
        return rows.num_rows

    def frame(self, rows: Any) -> Any:
        return rows.to_pandas()


def _json_cells(column: Any) -> list[Any]:
    """The cells of a column as JSON has them: dates in ISO form, NaN and the like as None."""
    import pandas as pd

    cells: list[Any] = column.tolist()
    if column.dtype.kind in "iub":
        return [None if cell is pd.NA else cell for cell in cells]
    return [cell if type(cell) is str else _json_cell(cell, pd) for cell in cells]


def _json_cell(cell: Any, pd: Any) -> Any:
    if cell is None or cell is pd.NaT or cell is pd.NA:
        return None
    if isinstance(cell, pd.Timedelta):
        return cell.isoformat()
    return _without_nan(plain(cell))


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return None if value != value else value
    if isinstance(value, list):
        return [_without_nan(held) for held in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _without_nan(held) for key, held in cast("dict[str, Any]", value).items()}
    return value


def _marked(value: Any, mark: str) -> Any:
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return f"{'+' if value > 0 else '-'}{mark}"
    if isinstance(value, list):
        return [_marked(held, mark) for held in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _marked(held, mark) for key, held in cast("dict[str, Any]", value).items()}
    return value


def _no_table(path: str) -> InvalidValueError:
    return InvalidValueError(f"The artifact {path!r} is there and is no table. Choose another name.")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
