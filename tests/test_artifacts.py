"""`nbtrack.artifacts`: MLflow's functions, on our store."""

import os
from pathlib import Path

import numpy as np
import pytest

import nbtrack
from nbtrack import artifacts
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.stores.contracts import Store
from nbtrack.stores.opening import open_store


def tracker_store() -> Store:
    return open_store(nbtrack.get_tracking_uri())


@pytest.fixture
def run_id() -> str:
    with nbtrack.start_run() as run:
        run.log_dict({"a": [1]}, "config/a.json")
        run.log_image(np.zeros((3, 5)), "one.png")
    return run.run_id


def test_artifacts_are_read_by_uri_and_by_run(run_id: str, tmp_path: Path) -> None:
    uri = f"runs:/{run_id}/config/a.json"

    assert artifacts.load_dict(uri) == {"a": [1]}
    assert '"a"' in artifacts.load_text(uri)
    assert artifacts.load_image(f"runs:/{run_id}/one.png").size == (5, 3)
    assert [info.path for info in artifacts.list_artifacts(f"runs:/{run_id}")] == ["config", "one.png"]
    assert [info.path for info in artifacts.list_artifacts(run_id=run_id, artifact_path="config")] == [
        "config/a.json"
    ]
    assert artifacts.download_artifacts(uri, dst_path=tmp_path / "d") == str(tmp_path / "d/a.json")
    assert Path(artifacts.download_artifacts(run_id=run_id, artifact_path="one.png")).is_file()


def test_another_store_is_read_by_its_tracking_uri(run_id: str, tmp_path: Path) -> None:
    other = nbtrack.Tracker(store=tmp_path / "other")
    with other.start_run() as run:
        run.log_text("theirs", "a.txt")
    other.close()

    place = artifacts.download_artifacts(f"runs:/{run.run_id}/a.txt", tracking_uri=tmp_path / "other")

    assert Path(place).read_text() == "theirs"
    assert len(artifacts.list_artifacts(run_id=run.run_id, tracking_uri=str(tmp_path / "other"))) == 1
    with pytest.raises(NotFoundError):
        artifacts.list_artifacts(run_id=run.run_id)


def test_what_is_not_there_or_not_clear_is_an_error(run_id: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="either artifact_uri or run_id"):
        artifacts.download_artifacts()
    with pytest.raises(InvalidValueError, match="no artifact of it"):
        artifacts.load_text(f"runs:/{run_id}")
    with pytest.raises(NotFoundError, match="no store at"):
        artifacts.list_artifacts(run_id=run_id, tracking_uri=tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_reading_where_there_is_no_store_makes_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no store at"):
        artifacts.load_text("runs:/" + "a" * 32 + "/x")

    assert list(Path.cwd().iterdir()) == []


def test_artifacts_that_an_experiment_keeps_elsewhere_are_found_too(tmp_path: Path) -> None:
    elsewhere = nbtrack.create_experiment("elsewhere", artifact_location=str(tmp_path / "big disk"))
    with nbtrack.start_run(experiment_id=elsewhere) as run:
        for step in range(2):
            run.log_table({"step": step}, "my table.json")
    place = artifacts.download_artifacts(run_id=run.run_id, artifact_path="my table.json")

    assert Path(place).is_relative_to(tmp_path / "big disk")
    for uri in (place, run.get_artifact_uri("my table.json")):
        assert artifacts.load_dict(uri)["data"] == [[0], [1]]


def test_the_modules_come_with_the_package() -> None:
    assert nbtrack.artifacts is artifacts
    assert nbtrack.data.from_pandas.__name__ == "from_pandas"


def test_the_name_of_a_model_means_the_one_that_counts() -> None:
    store, run = tracker_store(), nbtrack.start_run()
    for step, text in ((1, "good"), (0, "early")):
        path = store.logged_models.free_path(run.run_id, "model")
        with store.runs.artifacts(run.run_id).write_folder(path) as folder:
            (folder / "notes.txt").write_text(text)
        store.logged_models.create(
            "0", "model", source_run_id=run.run_id, path=path, step=step, status="READY"
        )

    def read(name: str) -> str:
        folder = Path(artifacts.download_artifacts(f"runs:/{run.run_id}/{name}"))
        assert (
            artifacts.load_text(f"runs:/{run.run_id}/{name}/notes.txt") == (folder / "notes.txt").read_text()
        )
        assert len(artifacts.list_artifacts(f"runs:/{run.run_id}/{name}")) == 1
        return (folder / "notes.txt").read_text()

    assert (read("model"), read("model-2")) == ("good", "early")
    found = store.logged_models.find_model(run.run_id, "model").model
    assert found is not None
    store.logged_models.delete(found.model_id)
    assert read("model") == "early"


@pytest.fixture
def model_uri(tmp_path: Path) -> str:
    """A registered model, of a run; with an MLmodel file, a text and a table of its own."""
    folder = tmp_path / "made"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "data" / "notes.json").write_text('{"a": 1}')
    with nbtrack.start_run() as run:
        run.log_artifacts(folder, "models/net")
    nbtrack.register_model(f"runs:/{run.run_id}/models/net", "net")
    return "models:/net/1"


def test_the_files_of_a_registered_model_are_read_like_artifacts(model_uri: str, tmp_path: Path) -> None:
    assert artifacts.load_text(f"{model_uri}/MLmodel") == "flavors: {}\n"
    assert artifacts.load_dict("models:/net/latest/data/notes.json") == {"a": 1}
    assert [info.path for info in artifacts.list_artifacts(model_uri)] == ["MLmodel", "data"]
    assert [info.path for info in artifacts.list_artifacts(f"{model_uri}/data")] == ["data/notes.json"]
    file = artifacts.download_artifacts(f"{model_uri}/MLmodel", dst_path=tmp_path / "file")
    assert sorted(os.listdir(tmp_path / "file")) == ["MLmodel"]
    assert Path(file).read_text() == "flavors: {}\n"
    folder = artifacts.download_artifacts(model_uri, dst_path=tmp_path / "folder")
    assert sorted(os.listdir(folder)) == ["MLmodel", "data", "registered_model_meta"]


def test_the_files_of_a_registered_folder_are_read_too_and_no_link_leads_out(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "secret").write_text("secret")
    (folder / "out").symlink_to(tmp_path / "secret")
    nbtrack.register_model(folder, "mine")

    assert artifacts.load_text("models:/mine/1/MLmodel") == "flavors: {}\n"
    assert [info.path for info in artifacts.list_artifacts("models:/mine/1")] == ["MLmodel", "data"]
    with pytest.raises(FileNotFoundError):
        artifacts.load_text("models:/mine/1/nothing")
