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

from nbtrack.core.errors import InvalidValueError, MissingFileError, NbtrackError, StoreError, said
from nbtrack.core.warn import warn_user
from nbtrack.tracking.scoring_csv import csv_chunks
from nbtrack.tracking.scoring_json_lines import json_line_chunks
from nbtrack.tracking.scoring_output import Writer, guarded_cell, packed, published, writer_of
from nbtrack.tracking.scoring_parquet import parquet_chunks
from nbtrack.tracking.scoring_rows import PACKED, BadRow, Chunk, Reading, open_input

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
    """None goes by the suffix of the output; without one it is that of the input."""
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
    failed: Callable[[str, Exception], Exception] | None = None,
) -> Scored:
    """Predict for each row of a file, in its order.

    Args:
        model: A predictor.
        source: The file; None is the standard input.
        output: Where the predictions go; None is the standard output. A file that is there is replaced.
            `.gz`, `.bz2` and `.xz` are packed.
        options: How.
        progress: Told after each chunk.
        failed: Makes the error that is raised for one of the model's own, of the rows that it was asked for
            (`in.csv, lines 2 to 4`); None lets it pass through, with a note of them.

    Raises:
        InvalidValueError: The options, the file's columns or a row do not fit; or the model does not give
            one prediction for each row. The message says where. What the model raises passes through.
        MissingFileError: There is no such file, or no such folder for the output.
        StoreError: A file cannot be read or written.
    """
    chosen = options or ScoringOptions()
    chosen.check()
    place = None if source is None else Path(source).expanduser()
    target = None if output is None else Path(output).expanduser()
    if place is not None and target is not None and _are_same(place, target):
        raise InvalidValueError(f"The output {str(target)!r} is the input: it would be lost.")
    if target is not None and not target.parent.is_dir():
        raise MissingFileError("folder", str(target.parent), advice="The output would go there.")
    kind = chosen.content_type or _by_suffix(place) or "json"
    written = chosen.output_type or _output_format(target) or kind
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
        run = _Scoring(model, reading, chosen, progress or _nobody, _size(place), bad_rows, failed)
        # Read a first chunk before anything is made: most that is wrong shows at once.
        chunks = _unpacked(run.chunks(kind, stream, place), reading.name)
        first = next(chunks, None)
        sink = stack.enter_context(packed(target, stack.enter_context(published(target))))
        writer = writer_of(written, sink, guard=chosen.guard)
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
        failed: Callable[[str, Exception], Exception] | None,
    ) -> None:
        self._model = model
        self._reading = reading
        self._is_json_meant = options.content_type is not None
        self._params = options.params
        self._progress = progress
        self._size = size
        self._done: tuple[int, int] | None = None
        self._position: Callable[[], int] = lambda: 0
        self.rows = 0
        self._bad_rows = bad_rows
        self._failed = failed

    def chunks(self, kind: str, stream: BinaryIO, place: Path | None) -> Iterator[Chunk]:
        """The chunks of an input."""
        self._position = _position_of(stream)
        self._is_json_meant |= _by_suffix(place) is not None
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
                where = f"{self._reading.name}{_lines_of(chunk)}"
                if self._failed is not None and not isinstance(error, NbtrackError):
                    raise self._failed(where, error) from error
                error.add_note(f"It was asked for {where}.")
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
        from nbtrack.models.schema.scoring_bodies import NotJsonError, parse_body

        text = stream.read()
        try:
            body = parse_body(text, self._reading.schema)
        except NotJsonError as error:
            if self._is_json_meant:
                raise
            others = ", ".join(f"-t {each}" for each in FORMATS if each != "json")
            raise InvalidValueError(
                f"{error} Nothing said in which format {self._reading.name} is, so it was read as MLflow's "
                f"JSON: {others} (content_type) names another."
            ) from None
        if body.params is not None:
            self._params = {**body.params, **(self._params or {})}
        kept = body.data if self._reading.keep_columns and hasattr(body.data, "columns") else None
        yield Chunk(body.data, 0, _length(body.data) or 1, kept)

    def _note(self, done: int, total: int) -> None:
        self._done = (done, total)


def _by_suffix(place: Path | None) -> str | None:
    """The format of a file; None where its name does not say it."""
    return None if place is None else _SUFFIXES.get(_suffix(place))


def _output_format(target: Path | None) -> str | None:
    """The format that the name of the output asks for; None where it has no suffix.

    Raises:
        InvalidValueError: It has another suffix: whoever opens it would expect something else.
    """
    found = _by_suffix(target)
    if found is None and target is not None and (suffix := _suffix(target)):
        raise InvalidValueError(
            f"The output {str(target)!r} ends in {suffix!r}, which nothing writes: it may end in "
            f"{', '.join(_SUFFIXES)}, and {', '.join(PACKED)} behind it. --output-type (output_type) names "
            "the format of other files."
        )
    return found


def _suffix(place: Path) -> str:
    """The suffix, below that of a packed file; with its dot, or empty."""
    suffix = place.suffix.lower()
    return Path(place.stem).suffix.lower() if suffix in PACKED else suffix


def _lines_of(chunk: Chunk) -> str:
    """Where a chunk stands in its file, for a sentence; nothing for a body of JSON, which is all of it."""
    if not chunk.first_line:
        return ""
    last = chunk.last_line or chunk.first_line + chunk.rows + len(chunk.bad) - 1
    if last == chunk.first_line:
        return f", line {last:,}"
    return f", lines {chunk.first_line:,} to {last:,}"


def _unpacked(chunks: Iterator[Chunk], name: str) -> Iterator[Chunk]:
    """The chunks of a file that may be packed, and damaged.

    Raises:
        StoreError: It cannot be unpacked, or read.
    """
    while True:
        try:
            chunk = next(chunks, None)
        except Exception as error:
            # The errors of gzip, bz2 and lzma have no class in common.
            if isinstance(error, NbtrackError) or not (
                isinstance(error, OSError | EOFError) or type(error).__module__ in ("zlib", "_lzma")
            ):
                raise
            raise StoreError(f"Cannot read {name!r}: {said(error)}.") from error
        if chunk is None:
            return
        yield chunk


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
        is_known = output_path is not None and _by_suffix(Path(output_path)) is not None
        options = ScoringOptions(content_type, None if is_known else "json")
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


def validate_serving_input(
    model_uri: FilePath, serving_input: str | bytes | Mapping[str, Any], *, trust: bool = False
) -> Any:
    """Ask a model for the body of a request, as a scoring server would be asked.

    Args:
        model_uri: As for `nbtrack.pyfunc.load_model`.
        serving_input: The JSON, such as the `serving_input_example.json` of a model; or what it holds.
        trust: Whether the model may run code although it is not yours.

    Returns:
        What the model predicts.

    Raises:
        InvalidValueError: It is no such body, or does not fit the signature.
    """
    from nbtrack.models.schema.scoring_bodies import parse_body
    from nbtrack.tracking.model_access import load_predictor

    model = load_predictor(model_uri, trust=trust)
    text = serving_input if isinstance(serving_input, str | bytes) else json.dumps(serving_input)
    body = parse_body(text, model.metadata.get_input_schema())
    return model.predict(body.data, body.params)
