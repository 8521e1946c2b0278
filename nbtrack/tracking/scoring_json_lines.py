"""The rows of a file of JSON lines, a chunk at a time, in the types that the signature wants."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO, cast

from nbtrack.models.schema.data_types import DataType
from nbtrack.models.schema.enforcement import enforce_input
from nbtrack.models.schema.mismatches import SignatureMismatchError
from nbtrack.models.schema.schemas import Schema
from nbtrack.tracking.scoring_cells import Column
from nbtrack.tracking.scoring_rows import (
    MOST_BYTES,
    BadRow,
    Chunk,
    Reading,
    SettledTypes,
    columns_of,
    misfit_row,
)


def json_line_chunks(stream: BinaryIO, reading: Reading) -> Iterator[Chunk]:
    """The rows of a file of JSON lines: each an object, or a list of cells.

    Raises:
        BadRowError: A row cannot be taken, and bad rows are not skipped.
    """
    numbered = enumerate(stream, 1)
    settle = SettledTypes()
    # Else a row without a value would do among others that have one.
    required = {str(column.name) for column in columns_of(reading.schema) or () if column.required}
    is_by_place = reading.schema is not None and not reading.schema.has_input_names()
    by_place = _SettledNames() if is_by_place and _is_table(reading.schema) else None
    while True:
        lines = list(_limited(numbered, reading.chunk_rows))
        if not lines:
            return
        rows: list[Any] = []
        places: list[tuple[int, str]] = []
        bad: list[BadRow] = []
        for number, line in lines:
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if not isinstance(row, dict | list):
                    raise ValueError("it is neither an object nor a list")
                if isinstance(row, dict) and (lacking := required - row.keys()):
                    raise ValueError(f"it lacks {', '.join(map(repr, sorted(lacking)))}")
                if isinstance(row, dict) and by_place:
                    row = by_place(cast("dict[str, Any]", row))
            except ValueError as error:
                said = f"it is no row of the model: {error}"
                found = BadRow(number, "", said, line.decode(errors="replace").strip())
                reading.refuse(found)
                bad.append(found)
                continue
            rows.append(row)
            places.append((number, line.decode(errors="replace").strip()))
        chunk = _fitted(rows, places, reading, settle)
        chunk.first_line, chunk.last_line = lines[0][0], lines[-1][0]
        chunk.bad = sorted([*bad, *chunk.bad], key=lambda each: each.line)
        yield chunk


def _is_table(schema: Schema | None) -> bool:
    """Whether the fields of a row are columns; else a row may be a value of its own."""
    if schema is None:
        return False
    if schema.is_tensor_spec():
        return schema.inputs[0].type.kind != "O"
    return len(schema) > 1


class _SettledNames:
    """Where the model names no columns: the names of the first row, in their order, for all."""

    def __init__(self) -> None:
        self._names: list[str] | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row in this order.

        Raises:
            ValueError: It has other names.
        """
        if self._names is None:
            self._names = list(row)
        if row.keys() != set(self._names):
            has, wanted = (", ".join(map(repr, names)) or "nothing" for names in (row, self._names))
            raise ValueError(f"it has {has}, and the rows before it {wanted}")
        return {name: row[name] for name in self._names}


def _limited(numbered: Iterable[tuple[int, bytes]], rows: int) -> Iterator[tuple[int, bytes]]:
    size = 0
    for number, line in islice(numbered, rows):
        yield number, line
        size += len(line)
        if size > MOST_BYTES:
            return


def _fitted(
    rows: list[Any], places: Sequence[tuple[int, str]], reading: Reading, settle: SettledTypes
) -> Chunk:
    """Rows of Python's values as the signature wants them; those that do not fit are set aside."""
    import pandas as pd

    schema, bad = reading.schema, list[BadRow]()
    if schema is None or not rows:
        data = settle(pd.DataFrame(rows)) if rows else pd.DataFrame()
        return Chunk(data, 0, len(rows), data if reading.keep_columns else None)
    rows = [_with_bytes(row, schema) for row in rows]
    try:
        data = enforce_input(_known(rows, schema), schema)
    except SignatureMismatchError:
        good: list[Any] = []
        for row, (number, text) in zip(rows, places, strict=True):
            try:
                enforce_input(_known([row], schema), schema)
            except SignatureMismatchError as error:
                found = misfit_row(number, text, error)
                reading.refuse(found)
                bad.append(found)
            else:
                good.append(row)
        if not bad:
            raise  # each row fits, and all together do not
        rows = good
        data = enforce_input(_known(rows, schema), schema)
    kept = pd.DataFrame(rows) if reading.keep_columns else None
    return Chunk(data, 0, len(rows), kept, bad)


def _known(rows: list[Any], schema: Schema) -> list[Any]:
    """Rows without the fields that the model does not take: no warning for each chunk."""
    if not schema.has_input_names():
        return rows
    names = {str(name) for name in schema.input_names()}
    return [
        {key: value for key, value in cast("dict[str, Any]", row).items() if key in names}
        if isinstance(row, dict)
        else row
        for row in rows
    ]


def _with_bytes(row: Any, schema: Schema) -> Any:
    """A row of JSON, which has bytes as base64."""
    if not isinstance(row, dict) or schema.is_tensor_spec() or not schema.has_input_names():
        return cast("Any", row)
    held = cast("dict[str, Any]", row)
    for spec in schema:
        if spec.type is DataType.binary and isinstance(held.get(spec.name), str):
            try:
                held[spec.name] = Column(spec.name, spec.type, spec.required).read(held[spec.name])
            except ValueError:
                continue
    return held
