"""What a notebook keeps of a run as data."""

import json
import math

from nbtrack.core import mime
from nbtrack.core.entities import Run, RunData, RunInfo
from nbtrack.core.fitting_views import MOST_BYTES
from nbtrack.core.static_views import View
from nbtrack.core.summaries import fold


def make_run(name: str = "otter", **data: object) -> Run:
    info = RunInfo("a" * 32, "0", "me", "FINISHED", 1, 2, "active", "file:///home/me/runs", name)
    return Run(info, RunData(**data))  # type: ignore[arg-type]


def test_a_run_shows_itself_as_data_html_and_text() -> None:
    run = make_run(
        params={"lr": "0.1"},
        metrics={"loss": 1.0},
        summaries={"loss": fold(None, [0, 1], [5, 6], [2.0, 1.0])},
        sketches={"loss": (2.0, 1.0)},
        tags={"team": "nlp", "nbtrack.attempt": "3"},
    )

    shown = run._repr_mimebundle_()

    assert set(shown) == {mime.MIME_TYPE, "text/html", "text/plain"}
    data = shown[mime.MIME_TYPE]
    assert (data["version"], data["kind"], data["run_id"]) == (1, "run", "a" * 32)
    assert data["snapshot"] == {
        "run_name": "otter",
        "experiment_id": "0",
        "status": "FINISHED",
        "start_time": 1,
        "end_time": 2,
        "params": {"lr": "0.1"},
        "metrics": {
            "loss": {
                **{"last": 1.0, "last_step": 1, "min": 1.0, "min_step": 1, "max": 2.0, "max_step": 0},
                **{"count": 2, "sketch": "2 1"},
            }
        },
        "tags": {"team": "nlp"},
        "facts": {"nbtrack.attempt": "3"},
        "counts": {"params": 1, "metrics": 1, "tags": 1},
    }


def test_the_data_holds_no_secret_and_no_path_of_the_machine() -> None:
    tags = {"mlflow.source.name": "/home/me/train.py", "nbtrack.command": "python /home/me/train.py"}
    run = make_run(params={"api_token": "sk-very-secret", "url": "https://me:pw@host/x"}, tags=tags)

    data = json.dumps(run._repr_mimebundle_()[mime.MIME_TYPE])

    assert "very-secret" not in data
    assert "me:pw" not in data
    assert "/home" not in data
    assert "file:" not in data


def test_numbers_that_json_does_not_have_are_text() -> None:
    values = [math.nan, math.inf, -math.inf]
    run = make_run(summaries={str(value): fold(None, [0], [0], [value]) for value in values})

    data = run._repr_mimebundle_()[mime.MIME_TYPE]

    json.dumps(data, allow_nan=False)
    assert [each["last"] for each in data["snapshot"]["metrics"].values()] == ["NaN", "Infinity", "-Infinity"]


def test_the_data_stays_small_and_can_be_encoded_whatever_the_run_holds() -> None:
    many = {f"{index}\ud800{'x' * 5000}": "ü" * 1_000 for index in range(10_000)}
    summary = fold(None, [0], [0], [1 / 3])
    run = make_run(
        "n\ud800" * 10_000,
        params=many,
        tags=many,
        summaries=dict.fromkeys(many, summary),
        sketches=dict.fromkeys(many, (1 / 3,) * 64),
    )

    data = mime.run_bundle(View("", ""), run)[mime.MIME_TYPE]

    assert len(json.dumps(data).encode()) <= MOST_BYTES
    json.dumps(data, ensure_ascii=False).encode()
    assert data["snapshot"]["counts"] == {"params": 10_000, "metrics": 10_000, "tags": 10_000}
    assert data["snapshot"]["params"]


def test_a_snapshot_that_never_fits_is_left_out() -> None:
    shown = mime.bundle(View("h", "t"), "thing", {"name": "x"}, lambda most: {"text": "x" * 100_000})

    assert shown == {
        mime.MIME_TYPE: {"version": 1, "kind": "thing", "name": "x"},
        "text/html": "h",
        "text/plain": "t",
    }
