"""Predictions as a file: CSV, JSON lines, Parquet or MLflow's JSON, which nobody sees until it is whole."""

import json
import os
import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from nbtrack.core.errors import InvalidValueError, MissingExtraError, NbtrackError, StoreError, said
from nbtrack.models.schema.scoring_bodies import plain_predictions
from nbtrack.tracking.scoring_rows import PACKED

PREDICTION = "prediction"
"""The column of predictions that have no names of their own."""

_RISKY = ("=", "+", "-", "@", "\t", "\r")


class Writer(Protocol):
    """Writes predictions, a chunk at a time."""

    def write(self, predictions: Any, kept: Any) -> None:
        """Write one chunk.

        Args:
            predictions: What the model said.
            kept: A DataFrame of the input to stand before them; None: without.
        """
        ...

    def close(self) -> None:
        """Write what stands at the end."""
        ...


@contextmanager
def published(path: Path | None) -> Generator[BinaryIO]:
    """A file that gets its name when the block ends well; else there is nothing new.

    Args:
        path: Where; None is the standard output. A pipe or device is written to as it is.

    Raises:
        StoreError: It cannot be written.
    """
    if path is None:
        import sys

        if (stream := getattr(sys.stdout, "buffer", None)) is not None:
            yield stream
            stream.flush()
        else:  # the output of a notebook's cell is text
            from io import BytesIO

            kept = BytesIO()
            yield kept
            sys.stdout.write(kept.getvalue().decode(errors="replace"))
        return
    ours: set[Any] = {None, str(path)}
    try:
        if path.exists() and not path.is_file():
            if path.is_dir():
                raise InvalidValueError(f"The output {str(path)!r} is a folder: name a file in it.")
            with open(path, "wb") as stream:
                yield stream
            return
        path = path.resolve()  # through a link, to what it means
        temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}.incomplete")
        ours |= {str(path), str(temporary)}
        try:
            with open(temporary, "xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        # The system's errors have numbers; others are of whoever wrote into it.
        if isinstance(error, NbtrackError) or error.filename not in ours or error.errno is None:
            raise
        raise StoreError(f"Cannot write {str(path)!r}: {error.strerror or error}.") from error


@contextmanager
def packed(path: Path | None, stream: BinaryIO) -> Generator[BinaryIO]:
    """A file as its name promises: packed for `.gz`, `.bz2` and `.xz`, else as it is."""
    module = None if path is None else PACKED.get(path.suffix.lower())
    if module is None:
        yield stream
        return
    from importlib import import_module

    with import_module(module).open(stream, "wb") as sink:
        yield sink


def writer_of(kind: str, stream: BinaryIO, *, guard: bool = True) -> Writer:
    """The writer of a format.

    Args:
        kind: `csv`, `jsonl`, `json` or `parquet`.
        stream: Where to.
        guard: Whether cells of CSV that a spreadsheet would run as a formula are made text.
    """
    if kind == "csv":
        return CsvWriter(stream, guard=guard)
    if kind == "jsonl":
        return _JsonLinesWriter(stream)
    return _ParquetWriter(stream) if kind == "parquet" else _JsonWriter(stream)


def prediction_frame(predictions: Any) -> Any:
    """Predictions as a DataFrame: its own columns, or one called `prediction`, or `prediction_0` and on.

    Args:
        predictions: A DataFrame, Series, array (rows,) or (rows, outputs), tensor, list or dict of columns.
    """
    import numpy as np
    import pandas as pd

    if hasattr(predictions, "to_pandas"):
        predictions = predictions.to_pandas()
    if isinstance(predictions, pd.DataFrame):
        return predictions.set_axis([str(name) for name in predictions.columns], axis=1).reset_index(
            drop=True
        )
    if isinstance(predictions, pd.Series):
        return predictions.rename(PREDICTION).reset_index(drop=True).to_frame()
    if hasattr(predictions, "detach"):
        predictions = predictions.detach().cpu().numpy()
    if hasattr(predictions, "toarray"):
        predictions = predictions.toarray()
    if isinstance(predictions, np.ndarray):
        array: Any = cast("Any", predictions)
        if array.ndim < 2:
            return pd.DataFrame({PREDICTION: array.reshape(-1)})
        if array.ndim == 2:
            width = int(array.shape[1])
            names = [PREDICTION] if width == 1 else [f"{PREDICTION}_{place}" for place in range(width)]
            return pd.DataFrame(array, columns=names)
        return pd.DataFrame({PREDICTION: [json.dumps(row.tolist()) for row in array]})
    if isinstance(predictions, Mapping):
        return pd.DataFrame(dict(cast("Mapping[str, Any]", predictions)))
    rows: list[Any] = (
        [*cast("list[Any]", predictions)] if isinstance(predictions, list | tuple) else [predictions]
    )
    if rows and all(isinstance(row, Mapping) for row in rows):
        return pd.DataFrame(rows)
    plain = [
        row if row is None or isinstance(row, str | int | float) else plain_predictions(row) for row in rows
    ]
    nested = [json.dumps(row, ensure_ascii=False) if isinstance(row, list | dict) else row for row in plain]
    return pd.DataFrame({PREDICTION: nested})


class _Columns:
    """The columns of the first chunk, which all others must have."""

    def __init__(self) -> None:
        self.names: list[str] | None = None

    def joined(self, predictions: Any, kept: Any) -> Any:
        import pandas as pd

        try:
            frame = prediction_frame(predictions)
        except (ValueError, TypeError) as error:
            raise InvalidValueError(f"The predictions of the model are no table: {said(error)}.") from error
        if kept is not None:
            twice = [name for name in frame.columns if name in kept.columns]
            if twice:
                raise InvalidValueError(
                    f"The input has a column {twice[0]!r} already, which is what the predictions are called. "
                    "Score without keeping the columns, or rename that one."
                )
            frame = pd.concat([kept.reset_index(drop=True), frame], axis=1)
        names = [str(name) for name in frame.columns]
        if self.names is None:
            self.names = names
        elif names != self.names:
            raise InvalidValueError(
                f"The model gave other columns for later rows: {', '.join(names[:8])}, and "
                f"{', '.join(self.names[:8])} at first."
            )
        return frame


class CsvWriter:
    """Writes CSV; text that a spreadsheet would run as a formula gets a `'` before it."""

    def __init__(self, stream: BinaryIO, *, guard: bool = True) -> None:
        self._stream = stream
        self._guard = guard
        self._columns = _Columns()

    def write(self, predictions: Any, kept: Any) -> None:
        """See `Writer.write`."""
        is_first = self._columns.names is None
        frame = self._columns.joined(predictions, kept)
        if not is_first and len(frame.columns) == 1 and (text := _plain_numbers(frame.iloc[:, 0])):
            self._stream.write(text)
            return
        if self._guard:
            frame = guarded(frame)
        # Text alone goes through a file of text: its encoding is ours, whatever the locale is.
        self._stream.write(frame.to_csv(index=False, header=is_first, lineterminator="\n").encode())

    def close(self) -> None:
        """Nothing is left."""


def _plain_numbers(column: Any) -> bytes | None:
    """A column of numbers as lines, as pandas writes it and several times as fast; None for others."""
    if column.dtype.kind not in "iuf" or not hasattr(column.dtype, "itemsize"):
        return None
    values = column.to_numpy()
    if column.dtype.kind == "f" and (column.dtype.itemsize != 8 or (values != values).any()):
        return None
    return ("\n".join(map(repr, values.tolist())) + "\n").encode() if len(values) else None


def guarded(frame: Any) -> Any:
    """A DataFrame whose texts are texts for a spreadsheet, too; numbers in text stay what they are."""
    import pandas as pd

    made = {}
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind in ("O", "T", "U") or isinstance(column.dtype, pd.StringDtype):
            risky = column.map(_is_risky, na_action="ignore").fillna(False).astype(bool)
            if risky.any():
                made[name] = column.where(~risky, "'" + column.astype(str))
    frame = frame.assign(**made) if made else frame
    if any(_is_risky(name) for name in frame.columns):
        frame = frame.rename(columns=guarded_cell)
    return frame


def guarded_cell(value: Any) -> Any:
    """A cell that a spreadsheet takes for text, if it is text."""
    return f"'{value}" if _is_risky(value) else value


def _is_risky(value: Any) -> bool:
    if not isinstance(value, str) or not value.startswith(_RISKY):
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False


class _JsonLinesWriter:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._columns = _Columns()

    def write(self, predictions: Any, kept: Any) -> None:
        frame = self._columns.joined(predictions, kept)
        lines: list[str] = []
        for row in frame.to_dict(orient="records"):
            lines.append(json.dumps(_without_nan(plain_predictions(row)), ensure_ascii=False))
        self._stream.write("".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        pass


def _without_nan(value: Any) -> Any:
    """JSON has no NaN; a missing value is null."""
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in cast("list[Any]", value)]
    return None if type(value).__name__ in ("NaTType", "NAType") else value


class _JsonWriter:
    """MLflow's answer: `{"predictions": [...]}`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._is_first = True

    def write(self, predictions: Any, kept: Any) -> None:
        if kept is not None:
            raise InvalidValueError(
                "MLflow's JSON holds predictions alone: columns are kept in csv, jsonl or parquet."
            )
        plain = plain_predictions(predictions)
        rows: list[Any] = cast("list[Any]", plain) if isinstance(plain, list) else [plain]
        for row in rows:
            self._stream.write(b'{"predictions": [' if self._is_first else b", ")
            self._stream.write(json.dumps(row).encode())
            self._is_first = False

    def close(self) -> None:
        self._stream.write(b'{"predictions": []}\n' if self._is_first else b"]}\n")


class _ParquetWriter:
    def __init__(self, stream: BinaryIO) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as parquet
        except ImportError as error:
            raise MissingExtraError("Writing Parquet", "pyarrow") from error
        self._pa: Any = pa
        self._parquet: Any = parquet
        self._stream = stream
        self._columns = _Columns()
        self._writer: Any = None
        self._schema: Any = None

    def write(self, predictions: Any, kept: Any) -> None:
        frame = self._columns.joined(predictions, kept)
        try:
            table = self._pa.Table.from_pandas(frame, schema=self._schema, preserve_index=False)
        except (self._pa.ArrowInvalid, self._pa.ArrowTypeError) as error:
            raise InvalidValueError(f"The model gave other types for later rows: {said(error)}.") from error
        if self._writer is None:
            self._schema = table.schema
            self._writer = self._parquet.ParquetWriter(self._stream, self._schema)
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
