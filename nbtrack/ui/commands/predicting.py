"""The command `models predict`: a model asked for every row of a file."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbtrack.core.errors import NbtrackError
from nbtrack.core.text_tables import duration
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb

if TYPE_CHECKING:
    from nbtrack.tracking.batch_scoring import Progress

_FORMATS = ("csv", "json", "jsonl", "parquet")


@verb(
    "predict",
    examples=[
        "-m models:/iris/3 -i flowers.csv -o predictions.csv",
        "-m runs:/<run_id>/iris -i flowers.parquet -o scored.parquet --keep-columns",
        "-m ./model -i - -t jsonl < rows.jsonl",
    ],
)
@click.option("-m", "--model-uri", "model", required=True, metavar="URI", help="The model, or its folder.")
@click.option("-i", "--input-path", "source", metavar="FILE", help="The rows; - or nothing reads stdin.")
@click.option("-o", "--output-path", "output", metavar="FILE", help="The predictions; - or nothing: stdout.")
@click.option(
    "-t",
    "--content-type",
    type=click.Choice(_FORMATS),
    help="Format of the input; else its suffix says it, and stdin is MLflow's json.",
)
@click.option(
    "--output-type", type=click.Choice(_FORMATS), help="Format of the output; else its suffix says it."
)
@click.option("--keep-columns", is_flag=True, help="Write the columns of the input before the predictions.")
@click.option("--skip-bad-rows", is_flag=True, help="Set rows aside that do not fit, in OUTPUT.bad-rows.csv.")
@click.option("--chunk-size", type=click.IntRange(min=1), metavar="ROWS", help="Rows asked at once.")
@click.option(
    "--no-guard", is_flag=True, help="Write texts of CSV as they are, formulas of spreadsheets too."
)
@click.option("--trust", is_flag=True, help="Let the model run code although it is not yours.")
@click.option(
    "--env-manager",
    type=click.Choice(["local", "virtualenv", "conda", "uv"]),
    default="local",
    help="Taken for MLflow's sake: nbtrack predicts in the environment that it runs in.",
)
@click.option("--no-conda", is_flag=True, hidden=True)
@click.option("--install-mlflow", is_flag=True, hidden=True)
@click.pass_obj
def predict(
    screen: Screen,
    model: str,
    source: str | None,
    output: str | None,
    content_type: str | None,
    output_type: str | None,
    keep_columns: bool,
    skip_bad_rows: bool,
    chunk_size: int | None,
    no_guard: bool,
    trust: bool,
    env_manager: str,
    no_conda: bool,
    install_mlflow: bool,
) -> None:
    """Predict for every row of a file.

    The file may be larger than memory: CSV, JSON lines (jsonl), Parquet; json is a body as MLflow's tools
    send it. The output gets its name when it is whole.
    """
    from nbtrack.models.loading import load_predictor
    from nbtrack.tracking.batch_scoring import ScoringOptions, score_file
    from nbtrack.tracking.model_uris import local_model_folder, read_model_uri

    del no_conda, install_mlflow
    if env_manager != "local":
        screen.note(f"--env-manager {env_manager}: nbtrack predicts in the environment that it runs in.")
    needs_store = read_model_uri(screen.tracker, model).folder is None
    folder = local_model_folder(screen.tracker if needs_store else None, model)
    try:
        loaded = load_predictor(folder, trust=trust, uri=model)
    except NbtrackError:
        raise
    except Exception as error:  # loading runs the model's own code
        raise _ModelFailedError(f"The model {model!r} cannot be loaded: {_told(error)}") from error
    given = None if source in (None, "-") else source
    target = None if output in (None, "-") else output
    options = ScoringOptions(
        content_type=content_type,
        output_type=output_type,
        chunk_rows=chunk_size,
        keep_columns=keep_columns,
        skip_bad_rows=skip_bad_rows,
        guard=not no_guard,
    )
    started = time.monotonic()
    size = Path(given).stat().st_size if given is not None and Path(given).is_file() else 0
    shown = _Shown(started)
    with screen.progress("Scoring", size, details=shown.details) as advance:
        scored = score_file(
            loaded,
            given,
            target,
            options,
            progress=shown.following(advance, size),
            failed=lambda where, error: _ModelFailedError(
                f"The model {model!r} failed in predict() on {where}: {_told(error)}"
            ),
        )
    took = time.monotonic() - started
    if scored.bad_rows_file is not None:
        rows = "1 row does" if scored.bad_rows == 1 else f"{scored.bad_rows:,} rows do"
        screen.note(f"{rows} not fit: see {scored.bad_rows_file}.")
    if scored.output is not None:
        rows = "1 row" if scored.rows == 1 else f"{scored.rows:,} rows"
        screen.say(f"Scored {rows} in {duration(round(took * 1000))}: {scored.output}")


class _ModelFailedError(NbtrackError):
    """The model raised an error of its own, which is the user's to read."""


def _told(error: Exception) -> str:
    """An error in words, with the notes that others than nbtrack wrote on it."""
    from nbtrack.models.predictor import RAISED_BY  # lazy: other commands load no model

    notes = [note for note in getattr(error, "__notes__", ()) if not note.startswith(RAISED_BY)]
    text = str(error)
    return "\n".join([f"{type(error).__name__}: {text}" if text else type(error).__name__, *notes])


class _Shown:
    """What stands beside the bar: rows, and how many a second."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._rows = 0
        self._done = 0

    def details(self) -> str:
        """The words beside the bar."""
        if not self._rows:
            return ""
        return f"{self._rows:,} rows, {self._rows / max(time.monotonic() - self._started, 1e-6):,.0f} rows/s"

    def following(self, advance: Callable[[int], None], size: int) -> "Callable[[Progress], None]":
        """What scoring tells, as steps of a bar over the bytes of the file."""

        def follow(progress: "Progress") -> None:
            self._rows = progress.rows
            done = (
                progress.done
                if progress.total in (None, size)
                else int(size * progress.done / progress.total)
            )
            advance(max(0, done - self._done))
            self._done = max(done, self._done)

        return follow
