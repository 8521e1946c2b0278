"""The rows of a CSV file, a chunk at a time, in the types that the signature wants.

A chunk is read at once by pandas; when something is wrong in it, row by row, to find out what and where.
"""

import csv
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import Any, BinaryIO, cast

from nbtrack.core.errors import InvalidValueError
from nbtrack.models.schema.data_types import DataType
from nbtrack.tracking.scoring_cells import Column
from nbtrack.tracking.scoring_rows import MOST_BYTES, BadRow, BadRowError, Chunk, Reading, columns_of

_DELIMITERS = (",", "\t", ";", "|")


def csv_chunks(stream: BinaryIO, reading: Reading) -> Iterator[Chunk]:
    """The rows of a CSV file with a header.

    Raises:
        InvalidValueError: It has no header, or not the columns that the model takes.
        BadRowError: A row cannot be taken, and bad rows are not skipped.
    """
    return _CsvFile(stream, reading).chunks()


class _CsvFile:
    def __init__(self, stream: BinaryIO, reading: Reading) -> None:
        self._stream = stream
        self._reading = reading
        self._line = 1

    def chunks(self) -> Iterator[Chunk]:
        header = self._records_text(1)
        if not header:
            raise InvalidValueError(f"{self._reading.name} is empty: a CSV file begins with its columns.")
        text = _decoded(header, self._reading.name, 1).removeprefix("\ufeff")
        self._choose_columns(text)
        while True:
            first = self._line
            lines = self._records_text(self._reading.chunk_rows)
            if not lines:
                return
            chunk = self._chunk(lines, first)
            chunk.last_line = self._line - 1
            if chunk.rows or chunk.bad:
                yield chunk

    def _records_text(self, rows: int) -> bytes:
        """The text of so many lines, and on to the end of the record that the last is in."""
        pieces: list[bytes] = []
        size = 0
        for line in islice(self._stream, rows):
            pieces.append(line)
            size += len(line)
            if size > MOST_BYTES:
                break
        lines = len(pieces)
        # A quoted cell may hold line breaks: quotes come in pairs in a whole record.
        text = b"".join(pieces)
        if text.count(b'"') % 2:
            for line in self._stream:
                text += line
                lines += 1
                if line.count(b'"') % 2:
                    break
                if len(text) > 2 * MOST_BYTES:
                    raise BadRowError(
                        f"{self._reading.name}: a quote that opens after line {self._line:,} never closes."
                    )
        self._line += lines
        return text

    def _choose_columns(self, header: str) -> None:
        columns = columns_of(self._reading.schema)
        wanted = {str(column.name) for column in columns or () if column.required}
        best = None
        for delimiter in _DELIMITERS:
            names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
            if wanted <= set(names) and len(names) > (0 if best is None else len(best[1])):
                best = (delimiter, names)
        if best is None:
            self._delimiter = max(_DELIMITERS, key=header.count)
            names = [name.strip() for name in next(csv.reader([header], delimiter=self._delimiter))]
            raise InvalidValueError(
                f"{self._reading.name} lacks columns that the model takes: "
                f"{', '.join(sorted(wanted - set(names)))}. It has {', '.join(names[:20])}."
            )
        self._delimiter, self._names = best
        if len(set(self._names)) < len(self._names):
            twice = next(name for name in self._names if self._names.count(name) > 1)
            raise InvalidValueError(f"{self._reading.name} has two columns called {twice!r}.")
        if columns is None:
            columns = self._columns_by_place()
        else:
            columns = [column for column in columns if str(column.name) in self._names]
        self._columns = columns

    def _columns_by_place(self) -> list[Column] | None:
        """Where the model names no columns: their types by place; None until rows have shown them."""
        schema = self._reading.schema
        if schema is None:
            return None
        if schema.is_tensor_spec():
            kind = DataType.from_numpy_type(schema.inputs[0].type)
            return [Column(name, kind or DataType.double) for name in self._names]
        kinds = schema.input_types()
        if len(kinds) != len(self._names):
            raise InvalidValueError(
                f"{self._reading.name} has {len(self._names)} columns, and the model takes {len(kinds)} "
                "without names."
            )
        return [Column(name, kind) for name, kind in zip(self._names, kinds, strict=True)]

    def _chunk(self, text: bytes, first: int) -> Chunk:
        if self._columns is None:
            self._columns = self._seen_columns(text)
        try:
            data = self._fast(text)
        except (ValueError, OverflowError, KeyError, csv.Error):
            return self._careful(text, first)
        kept = self._as_text(text) if self._reading.keep_columns else None
        return Chunk(data, first, len(data), kept)

    def _fast(self, text: bytes) -> Any:
        """All rows at once.

        Raises:
            ValueError: Something is wrong with one of them.
        """
        import pandas as pd

        columns = self._columns or []
        self._check_cells(text)
        frame = self._read(
            text,
            usecols=[str(column.name) for column in columns],
            dtype={str(column.name): column.dtype for column in columns},
            na_values={str(column.name): column.missing for column in columns},
        )
        made: dict[Any, Any] = {column.name: column.converted(frame[str(column.name)]) for column in columns}
        if all(made[column.name] is frame[str(column.name)] for column in columns) and list(frame) == [*made]:
            return frame
        return pd.DataFrame(made, copy=False)

    def _read(self, text: bytes, **options: Any) -> Any:
        import pandas as pd

        return cast("Any", pd).read_csv(
            BytesIO(text),
            header=None,
            names=self._names,
            index_col=False,
            sep=self._delimiter,
            keep_default_na=False,
            **options,
        )

    def _check_cells(self, text: bytes) -> None:
        """Pandas fills a torn row, and cuts one that is too long.

        Raises:
            ValueError: A row has too many cells, or too few.
        """
        wanted = len(self._names)
        if b'"' not in text:
            import numpy as np

            signs = np.frombuffer(text, dtype=np.uint8)
            ends = np.flatnonzero(signs == ord("\n"))
            if not text.endswith(b"\n"):
                ends = np.append(ends, len(text))
            between = np.flatnonzero(signs == ord(self._delimiter))
            if len(between) == len(ends) * (wanted - 1):
                before = np.searchsorted(between, ends)
                if (np.diff(before, prepend=0) == wanted - 1).all():
                    return
        for record in csv.reader(_lines(text), delimiter=self._delimiter):
            if record and len(record) != wanted:
                raise ValueError("a row has too many or too few cells")

    def _as_text(self, text: bytes) -> Any:
        return self._read(text, dtype="str", na_filter=False)

    def _careful(self, text: bytes, first: int) -> Chunk:
        """Row by row, to find those that are bad."""
        import pandas as pd

        columns = self._columns or []
        places = [self._names.index(str(column.name)) for column in columns]
        values: list[list[Any]] = [[] for _ in columns]
        kept: list[list[str]] = []
        bad: list[BadRow] = []
        for line, raw, record in self._records(text, first):
            found = self._row(line, raw, record, columns, places)
            if isinstance(found, BadRow):
                self._reading.refuse(found)
                bad.append(found)
                continue
            for cells, value in zip(values, found, strict=True):
                cells.append(value)
            kept.append(cast("list[str]", record))
        data = pd.DataFrame(
            {column.name: column.series(cells) for column, cells in zip(columns, values, strict=True)}
        )
        whole = pd.DataFrame(kept, columns=self._names, dtype="str") if self._reading.keep_columns else None
        return Chunk(data, first, len(kept), whole, bad)

    def _records(self, text: bytes, first: int) -> Iterator[tuple[int, str, list[str] | str]]:
        """Line, text and cells of each record; a text instead of cells says what is wrong."""
        pending: list[str] = []
        start, is_open = first, False
        for number, line in enumerate(BytesIO(text), first):
            try:
                decoded = line.decode()
            except UnicodeDecodeError as error:
                yield number, line.decode(errors="replace").rstrip("\r\n"), f"it is no UTF-8: {error.reason}"
                pending, is_open = [], False
                continue
            if not pending:
                start = number
            pending.append(decoded)
            is_open ^= bool(decoded.count('"') % 2)
            if is_open:
                continue
            whole = "".join(pending)
            try:
                record: list[str] | str = next(csv.reader(pending, delimiter=self._delimiter), list[str]())
            except csv.Error as error:
                record = f"it is no row of CSV: {error}"
            pending = []
            if record:
                yield start, whole.rstrip("\r\n"), record
        if pending:
            yield start, "".join(pending)[:1000], "a quote that opens here never closes"

    def _row(
        self, line: int, raw: str, record: list[str] | str, columns: list[Column], places: list[int]
    ) -> list[Any] | BadRow:
        if isinstance(record, str):
            return BadRow(line, "", record, raw)
        if len(record) != len(self._names):
            cells = "1 cell" if len(record) == 1 else f"{len(record)} cells"
            return BadRow(line, "", f"it has {cells}, and the header has {len(self._names)}", raw)
        found: list[Any] = []
        for column, place in zip(columns, places, strict=True):
            try:
                found.append(column.read(record[place]))
            except ValueError as error:
                return BadRow(line, str(column.name), str(error), raw)
        return found

    def _seen_columns(self, text: bytes) -> list[Column]:
        """Where there is no signature: the types that the first rows show, wide enough for those to come.

        Whole numbers become `double`, because a later row may have a fraction or none; numbers with
        leading zeros are text.
        """
        frame = self._read(text, dtype="str", na_filter=False)
        return [Column(name, _seen_kind(frame[name]), required=False) for name in self._names]


def _seen_kind(texts: Any) -> DataType:
    import pandas as pd

    there = texts[~texts.isin(Column("", DataType.double).missing)]
    if not len(there):
        return DataType.double
    if not there.str.fullmatch(r"[+-]?0\d+").any():
        numbers: Any = cast("Any", pd).to_numeric(there, errors="coerce")
        if numbers.notna().all():
            return DataType.double
    if there.isin(["True", "False", "true", "false", "TRUE", "FALSE"]).all() and len(there) == len(texts):
        return DataType.boolean
    return DataType.string


def _lines(text: bytes) -> Iterator[str]:
    """Lines as the file has them: Unicode knows more ends of lines than CSV does."""
    return (line.decode() for line in BytesIO(text))


def _decoded(line: bytes, name: str, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"{name}, line {number}: it is no UTF-8 ({error.reason}).") from None
