"""Pictures are drawn at the end, or for whoever asks earlier; their data is there at once."""

import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

import nbtrack
from nbtrack.tracking.autolog import cell_end, drawing, options, sessions
from nbtrack.tracking.autolog.patching import Call

drawn: list[str] = []


@pytest.fixture(autouse=True)
def _recorded() -> Any:
    drawn.clear()
    options.choose("toy", {**options.COMMON}, own=True)
    yield
    options.clear("toy")


def figure() -> Figure:
    drawn.append("figure")
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1], [0, 1])
    return figure


def train(draw: Any = figure) -> str:
    with sessions.training("toy", Call("train", (), {}, 0.0), "Toy") as session:
        assert session is not None
        session.draw_later("curve.png", draw, {"x": [0, 1]})
    return session.run.run_id


def files(run_id: str) -> list[str]:
    # As on disk: whoever asks nbtrack gets pictures that wait.
    return sorted(path.name for path in Path(".nbtrack/runs", run_id, "artifacts").iterdir())


def test_the_data_is_kept_at_once_and_the_picture_comes_at_the_end_of_the_cell() -> None:
    run_id = train()
    assert files(run_id) == ["curve.json"]

    cell_end.end(None)

    assert files(run_id) == ["curve.json", "curve.png"]
    assert json.loads(Path(".nbtrack/runs", run_id, "artifacts/curve.json").read_text()) == {"x": [0, 1]}


def test_who_asks_for_the_artifacts_of_a_run_finds_its_pictures() -> None:
    first, other = train(), train()

    listed = [info.path for info in nbtrack.MlflowClient().list_artifacts(first)]
    path = Path(nbtrack.artifacts.download_artifacts(run_id=other, artifact_path="curve.png"))
    cell_end.end(None)

    assert listed == ["curve.json", "curve.png"]
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(drawn) == 2


def test_a_picture_that_cannot_be_drawn_costs_no_other() -> None:
    def fail() -> Figure:
        raise ImportError("No module named 'matplotlib'")

    first, second = train(fail), train()

    with pytest.warns(RuntimeWarning, match=r"toy autolog could not record all of curve\.png: ImportError"):
        cell_end.end(None)

    assert files(first) == ["curve.json"]
    assert files(second) == ["curve.json", "curve.png"]


def test_drawing_ends_after_a_while_and_goes_on_for_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "LONGEST", 0.0)
    run_id = train()

    cell_end.end(None)
    undrawn, skipped = files(run_id), nbtrack.get_run(run_id).data.tags["nbtrack.autolog.skipped"]
    nbtrack.MlflowClient().list_artifacts(run_id)

    assert undrawn == ["curve.json"]
    assert skipped == "pictures, until somebody asks for them: drawing took more than 0 s"
    assert files(run_id) == ["curve.json", "curve.png"]
    assert "nbtrack.autolog.skipped" not in nbtrack.get_run(run_id).data.tags


def test_a_run_that_was_deleted_for_good_costs_a_warning_at_most() -> None:
    run_id = train()
    nbtrack.delete_run(run_id)

    cell_end.end(None)

    assert nbtrack.get_run(run_id).info.lifecycle_stage == "deleted"
