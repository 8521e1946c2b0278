"""The rows of a Parquet file, a chunk at a time, in the types that the signature wants."""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

from nbtrack.core.errors import InvalidValueError, MissingExtraError, said
from nbtrack.models.schema.enforcement import enforce_input
from nbtrack.models.schema.mismatches import SignatureMismatchError
from nbtrack.models.schema.unsized_numbers import with_floats
from nbtrack.tracking.scoring_rows import BadRow, Chunk, Reading, SettledTypes, columns_of, misfit_row


def parquet_chunks(
    stream: BinaryIO, reading: Reading, advance: Callable[[int, int], None]
) -> Iterator[Chunk]:
    """The rows of a Parquet file.

    Args:
        stream: The file; it must be seekable.
        reading: How.
        advance: Told the rows read and the rows in all.

    Raises:
        MissingExtraError: pyarrow is not installed.
        InvalidValueError: It is no Parquet file, or has not the columns that the model takes.
        BadRowError: A row cannot be taken, and bad rows are not skipped.
    """
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "pyarrow") from error
    pa = cast("Any", pyarrow)
    try:
        file: Any = cast("Any", parquet).ParquetFile(stream)
    except (ValueError, OSError) as error:  # pyarrow's own is a ValueError
        raise InvalidValueError(f"{reading.name} is no Parquet file: {said(error)}.") from error
    there: list[str] = list(file.schema_arrow.names)
    columns = columns_of(reading.schema)
    wanted = None if columns is None else [str(each.name) for each in columns]
    if columns is not None:
        lacking = sorted({str(each.name) for each in columns if each.required} - set(there))
        if lacking:
            raise InvalidValueError(
                f"{reading.name} lacks columns that the model takes: {', '.join(lacking)}. It has "
                f"{', '.join(there[:20])}."
            )
    chosen = None if wanted is None or reading.keep_columns else [name for name in there if name in wanted]
    # Whole numbers of which some are missing would be whole in one chunk and fractions in the next.
    whole: dict[Any, Any] = {pa.int32(): pd_dtype("Int32"), pa.int64(): pd_dtype("Int64")}
    mapper = None if reading.schema is None else whole.get
    settle = SettledTypes()
    done = 0
    for batch in file.iter_batches(batch_size=reading.chunk_rows, columns=chosen):
        frame: Any = batch.to_pandas(types_mapper=mapper)
        data = frame if wanted is None else frame[[name for name in wanted if name in there]]
        # A file has doubles where a signature says float: they mean what they would in CSV.
        data = with_floats(data, reading.schema)
        chunk = _fitted_frame(data, done + 1, reading, settle)
        if reading.keep_columns:
            bad = {each.line - done - 1 for each in chunk.bad}
            chunk.kept = frame.iloc[[row for row in range(len(frame)) if row not in bad]] if bad else frame
        done += len(frame)
        advance(done, file.metadata.num_rows)
        yield chunk


def pd_dtype(name: str) -> Any:
    """A dtype of pandas, by its name."""
    import pandas as pd

    return pd.api.types.pandas_dtype(name)


def _fitted_frame(frame: Any, first: int, reading: Reading, settle: SettledTypes) -> Chunk:
    schema = reading.schema
    if schema is None:
        return Chunk(settle(frame), first, len(frame))
    try:
        return Chunk(enforce_input(frame, schema), first, len(frame))
    except SignatureMismatchError:
        bad: list[BadRow] = []
        good: list[int] = []
        for row in range(len(frame)):
            try:
                enforce_input(frame.iloc[[row]], schema)
            except SignatureMismatchError as error:
                found = misfit_row(first + row, frame.iloc[[row]].to_json(orient="records"), error)
                reading.refuse(found)
                bad.append(found)
            else:
                good.append(row)
        if not bad:
            raise
        return Chunk(enforce_input(frame.iloc[good], schema), first, len(good), None, bad)
