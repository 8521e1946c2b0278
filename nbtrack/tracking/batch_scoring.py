"""Scoring a file: predictions for all its rows, however many, a chunk at a time.

Memory holds one chunk. The output gets its name when it is whole; the input is never written to.
"""

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from nbtrack.core.errors import InvalidValueError
from nbtrack.core.warn import warn_user
from nbtrack.tracking.scoring_csv import csv_chunks
from nbtrack.tracking.scoring_json_lines import json_line_chunks
from nbtrack.tracking.scoring_output import Writer, guarded_cell, published, writer_of
from nbtrack.tracking.scoring_parquet import parquet_chunks
from nbtrack.tracking.scoring_rows import BadRow, Chunk, Reading, open_input

if TYPE_CHECKING:
    from nbtrack.models.predictor import PyFuncModel

CHUNK_ROWS = 50_000
FORMATS = ("csv", "json", "jsonl", "parquet")
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_PACKED = (".gz", ".bz2", ".xz")

FilePath = str | os.PathLike[str]


@dataclass(frozen=True)
class Progress:
    """How far scoring is."""

    rows: int
    """Rows scored."""
    done: int
    """Of `total`."""
    total: int | None
    """Bytes of the input, or rows of Parquet; None where that is not known."""


@dataclass(frozen=True)
class Scored:
    """What scoring a file came to."""

    rows: int
    bad_rows: int
    output: Path | None
    """None is the standard output."""
    bad_rows_file: Path | None
    """Where the bad rows are told; None where there are none."""


@dataclass(frozen=True)
class ScoringOptions:
    """How a file is scored."""

    content_type: str | None = None
    """Of the input: one of `FORMATS`; None goes by its suffix."""
    output_type: str | None = None
    """None goes by the suffix of the output, or is that of the input."""
    chunk_rows: int | None = None
    """Rows asked at once; None is `CHUNK_ROWS`."""
    keep_columns: bool = False
    """Whether the columns of the input stand before the predictions."""
    skip_bad_rows: bool = False
    """Whether rows that the model cannot take are set aside, in a file beside the output."""
    guard: bool = True
    """Whether text in CSV that a spreadsheet would run as a formula is made text."""
    params: Mapping[str, Any] | None = None
    """For `predict`."""

    def check(self) -> None:
        """Refuse what is not there.

        Raises:
            InvalidValueError: A format is unknown, or the chunk has no rows.
        """
        for word, kind in (("content_type", self.content_type), ("output_type", self.output_type)):
            if kind is not None and kind not in FORMATS:
                raise InvalidValueError(f"{word} is one of {', '.join(FORMATS)}, got {kind!r}.")
        if self.chunk_rows is not None and self.chunk_rows < 1:
            raise InvalidValueError(f"A chunk has at least one row, got {self.chunk_rows}.")


def score_file(
    model: "PyFuncModel",
    source: FilePath | None,
    output: FilePath | None,
    options: ScoringOptions | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> Scored:
    """Predict for each row of a file, in its order.

    Args:
        model: A predictor.
        source: The file; None is the standard input.
        output: Where the predictions go; None is the standard output. A file that is there is replaced.
        options: How.
        progress: Told after each chunk.

    Raises:
        InvalidValueError: The options, the file's columns or a row do not fit; or the model does not give
            one prediction for each row. The message says where. What the model raises passes through.
        MissingFileError: There is no such file.
        StoreError: A file cannot be read or written.
    """
    chosen = options or ScoringOptions()
    chosen.check()
    place = None if source is None else Path(source).expanduser()
    target = None if output is None else Path(output).expanduser()
    if place is not None and target is not None and _are_same(place, target):
        raise InvalidValueError(f"The output {str(target)!r} is the input: it would be lost.")
    kind = _format(chosen.content_type, place, "json")
    written = _format(chosen.output_type, target, kind)
    beside = Path(f"{target if target is not None else 'standard-output'}.bad-rows.csv")
    signature = model.metadata.signature
    reading = Reading(
        "the standard input" if place is None else str(place),
        None if signature is None else signature.inputs,
        chosen.chunk_rows or CHUNK_ROWS,
        chosen.keep_columns,
        chosen.skip_bad_rows,
    )
    with ExitStack() as stack:
        stream = stack.enter_context(open_input(place))
        bad_rows = _BadRowsFile(beside, stack)
        run = _Scoring(model, reading, chosen, progress or _nobody, _size(place), bad_rows)
        # Read a first chunk before anything is made: most that is wrong shows at once.
        chunks = run.chunks(kind, stream, place)
        first = next(chunks, None)
        writer = writer_of(written, stack.enter_context(published(target)), guard=chosen.guard)
        if first is not None:
            run.score(first, writer)
            for chunk in chunks:
                run.score(chunk, writer)
        writer.close()
    return Scored(run.rows, bad_rows.count, target, beside if bad_rows.count else None)


class _Scoring:
    def __init__(
        self,
        model: "PyFuncModel",
        reading: Reading,
        options: ScoringOptions,
        progress: Callable[[Progress], None],
        size: int | None,
        bad_rows: "_BadRowsFile",
    ) -> None:
        self._model = model
        self._reading = reading
        self._params = options.params
        self._progress = progress
        self._size = size
        self._done: tuple[int, int] | None = None
        self._position: Callable[[], int] = lambda: 0
        self.rows = 0
        self._bad_rows = bad_rows

    def chunks(self, kind: str, stream: BinaryIO, place: Path | None) -> Iterator[Chunk]:
        """The chunks of an input."""
        self._position = _position_of(stream)
        if kind == "csv":
            return csv_chunks(stream, self._reading)
        if kind == "jsonl":
            return json_line_chunks(stream, self._reading)
        if kind == "parquet":
            return parquet_chunks(_seekable(stream, place), self._reading, self._note)
        return self._body(stream)

    def score(self, chunk: Chunk, writer: Writer) -> None:
        """Predict and write."""
        self._bad_rows.write(chunk.bad)
        if chunk.rows:
            try:
                predictions = self._model.predict(chunk.data, self._params)
            except Exception as error:
                last = chunk.first_line + chunk.rows + len(chunk.bad) - 1
                error.add_note(
                    f"It was asked for {self._reading.name}, about lines {chunk.first_line:,} to {last:,}."
                )
                raise
            given = _length(predictions)
            if chunk.rows > 0 and given is not None and given != chunk.rows and not self._is_whole(chunk):
                raise InvalidValueError(
                    f"The model gave {given:,} predictions for {chunk.rows:,} rows: a file is scored in "
                    "chunks and needs one prediction for each row."
                )
            writer.write(predictions, chunk.kept)
            self.rows += chunk.rows
        done, total = self._done or (self._position(), self._size)
        self._progress(Progress(self.rows, done, total))

    def _is_whole(self, chunk: Chunk) -> bool:
        """Whether it is a body of JSON, which is asked at once as MLflow does."""
        return chunk.first_line == 0

    def _body(self, stream: BinaryIO) -> Iterator[Chunk]:
        from nbtrack.models.schema.scoring_bodies import parse_body

        body = parse_body(stream.read(), self._reading.schema)
        if body.params is not None:
            self._params = {**body.params, **(self._params or {})}
        kept = body.data if self._reading.keep_columns and hasattr(body.data, "columns") else None
        yield Chunk(body.data, 0, _length(body.data) or 1, kept)

    def _note(self, done: int, total: int) -> None:
        self._done = (done, total)


def _format(given: str | None, place: Path | None, otherwise: str) -> str:
    if given is not None:
        return given
    if place is None:
        return otherwise
    suffix = place.suffix.lower()
    if suffix in _PACKED:
        suffix = Path(place.stem).suffix.lower()
    return _SUFFIXES.get(suffix, otherwise)


def _length(data: Any) -> int | None:
    if hasattr(data, "columns") or isinstance(data, list | tuple):
        return len(cast("list[Any]", data))
    shape = getattr(data, "shape", None)
    return int(shape[0]) if shape else None


def _are_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _size(place: Path | None) -> int | None:
    try:
        return None if place is None else place.stat().st_size or None
    except OSError:
        return None


def _position_of(stream: BinaryIO) -> Callable[[], int]:
    """How many bytes of the file were read; of a packed file, of its packed bytes."""
    raw: Any = getattr(stream, "_buffer", None) or stream
    inner = getattr(stream, "fileobj", None) or getattr(stream, "_fp", None) or raw

    def position() -> int:
        try:
            return inner.tell()
        except (OSError, ValueError, AttributeError):
            return 0

    return position


def _seekable(stream: BinaryIO, place: Path | None) -> BinaryIO:
    """Parquet is read from its end."""
    if place is not None and stream.seekable():
        return stream
    import shutil
    import tempfile

    spooled: Any = tempfile.TemporaryFile()  # noqa: SIM115 - read to the end of the scoring
    shutil.copyfileobj(stream, spooled)
    spooled.seek(0)
    return spooled


class _BadRowsFile:
    """Where rows that were set aside are told: made with the first of them, published with the output."""

    def __init__(self, place: Path, stack: ExitStack) -> None:
        self._place = place
        self._stack = stack
        self._stream: BinaryIO | None = None
        self.count = 0

    def write(self, bad: Sequence[BadRow]) -> None:
        """Write some, in the order of the input."""
        if not bad:
            return
        rows: list[list[Any]] = [[each.line, each.column, each.reason, each.text] for each in bad]
        if self._stream is None:
            self._stream = self._stack.enter_context(published(self._place))
            rows.insert(0, ["line", "column", "reason", "row"])
        text = StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(
            [[guarded_cell(cell) for cell in row] for row in rows]
        )
        self._stream.write(text.getvalue().encode())
        self.count += len(bad)


def _nobody(progress: Progress) -> None:
    """Nobody looks."""


def predict(
    model_uri: FilePath,
    input_data: Any = None,
    input_path: FilePath | None = None,
    content_type: str | None = None,
    output_path: FilePath | None = None,
    env_manager: str = "local",
    *,
    trust: bool = False,
) -> None:
    """Ask a model for data or a file, and print or write MLflow's JSON: what MLflow calls `models.predict`.

    Args:
        model_uri: As for `nbtrack.pyfunc.load_model`.
        input_data: What `predict` takes; or the text of a JSON body.
        input_path: A file instead; see `score_file`.
        content_type: Of the file: `csv`, `json`, `jsonl` or `parquet`; None goes by its suffix.
        output_path: Where the answer goes; None prints it.
        env_manager: nbtrack predicts in this environment, whatever is asked for.
        trust: Whether the model may run code although it is not yours.

    Raises:
        InvalidValueError: Both of data and file are given, or none; or the data does not fit.
    """
    if (input_data is None) == (input_path is None):
        raise InvalidValueError("Give either input_data or input_path.")
    if env_manager != "local":
        warn_user(f"env_manager={env_manager!r}: nbtrack predicts in the environment that it runs in.")
    from nbtrack.tracking.model_access import load_predictor

    model = load_predictor(model_uri, trust=trust)
    if input_path is not None:
        options = ScoringOptions(content_type, None if output_path is not None else "json")
        score_file(model, input_path, output_path, options)
        return
    from nbtrack.models.schema.scoring_bodies import parse_body, plain_predictions

    params = None
    if isinstance(input_data, str | bytes):
        body = parse_body(input_data, model.metadata.get_input_schema())
        input_data, params = body.data, body.params
    answer = json.dumps({"predictions": plain_predictions(model.predict(input_data, params))})
    if output_path is None:
        print(answer)
    else:
        with published(Path(output_path).expanduser()) as stream:
            stream.write(f"{answer}\n".encode())
