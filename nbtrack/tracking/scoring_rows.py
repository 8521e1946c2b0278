"""What the readers of `scoring_csv`, `scoring_json_lines` and `scoring_parquet` have in common.

A row that the model cannot take is told by file, line and column, or set aside.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from nbtrack.core.errors import InvalidValueError, MissingFileError, StoreError, said
from nbtrack.models.schema.mismatches import SignatureMismatchError
from nbtrack.models.schema.schemas import Schema
from nbtrack.tracking.scoring_cells import Column

PACKED = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}
"""Suffixes of packed files, and the modules that read and write them."""
MOST_BYTES = 64_000_000
"""Of text in one chunk, however few rows that are."""


class BadRowError(InvalidValueError):
    """A row of a file cannot be scored."""


@dataclass(frozen=True)
class BadRow:
    """A row that the model cannot take."""

    line: int
    """Counted from 1; of Parquet the row, counted from 1."""
    column: str
    """Empty where it is the whole row."""
    reason: str
    text: str
    """The row as it stands in the file."""

    def sentence(self, name: str) -> str:
        """What is wrong, and where."""
        column = f", column {self.column!r}" if self.column else ""
        return f"{name}, line {self.line:,}{column}: {self.reason}."


def misfit_row(line: int, text: str, error: SignatureMismatchError) -> BadRow:
    """One row that does not fit a signature: by its column, where it is one."""
    if len(error.columns) == 1:
        ((name, why),) = error.columns.items()
        return BadRow(line, str(name), why, text)
    told = [f"column {name!r}: {why}" for name, why in error.columns.items()]
    return BadRow(line, "", "; ".join(told or error.problems).rstrip("."), text)


@dataclass
class Chunk:
    """Some rows, in the order of the file."""

    data: Any
    """What `predict` is given: a DataFrame with the columns of the signature, or with all there are."""
    first_line: int
    rows: int
    kept: Any = None
    """A DataFrame of all columns, as they stand in the file; where they are wanted beside the predictions."""
    bad: list[BadRow] = field(default_factory=list[BadRow])
    last_line: int | None = None
    """None where it follows from the first and the rows."""


@dataclass(frozen=True)
class Reading:
    """How a file is read."""

    name: str
    """What it is called in errors."""
    schema: Schema | None
    chunk_rows: int
    keep_columns: bool = False
    skip_bad_rows: bool = False

    def refuse(self, bad: BadRow) -> None:
        """Go on, or do not.

        Raises:
            BadRowError: Bad rows are not skipped.
        """
        if not self.skip_bad_rows:
            raise BadRowError(
                f"{bad.sentence(self.name)} skip_bad_rows (--skip-bad-rows) sets such rows aside."
            )


@contextmanager
def open_input(path: Path | None) -> Generator[BinaryIO]:
    """Open a file, or the standard input for None; `.gz`, `.bz2` and `.xz` are unpacked.

    Raises:
        MissingFileError: There is no such file.
        StoreError: It cannot be read.
    """
    if path is None:
        import sys

        stream = getattr(sys.stdin, "buffer", None)
        if stream is None:
            raise InvalidValueError("There is no standard input here: name a file of rows.")
        yield stream
        return
    try:
        raw = open(path, "rb")  # noqa: SIM115 - closed below, whatever is made of it
    except FileNotFoundError:
        raise MissingFileError("input file", str(path)) from None
    except OSError as error:
        raise StoreError(f"Cannot read {str(path)!r}: {error.strerror or error}.") from error
    with raw:
        packed = PACKED.get(path.suffix.lower())
        if packed is None:
            yield raw
        else:
            from importlib import import_module

            with import_module(packed).open(raw, "rb") as stream:
                yield stream


def columns_of(schema: Schema | None) -> list[Column] | None:
    """The named columns of a signature; None where it has no names, or takes tensors."""
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return None
    return [Column(spec.name, spec.type, spec.required) for spec in schema]


class SettledTypes:
    """Without a signature: the dtypes of the first chunk, for all."""

    def __init__(self) -> None:
        self._dtypes: dict[Any, Any] | None = None

    def __call__(self, frame: Any) -> Any:
        """A chunk in these dtypes."""
        if self._dtypes is None:
            # A later row may have a fraction, or no value.
            self._dtypes = {
                name: "float64" if dtype.kind in "iu" else dtype for name, dtype in frame.dtypes.items()
            }
        try:
            return frame.reindex(columns=list(self._dtypes)).astype(self._dtypes)
        except (ValueError, TypeError) as error:
            raise BadRowError(
                f"Rows differ in type from those at the beginning: {said(error)}. A signature of the model "
                "says which type is meant."
            ) from error
