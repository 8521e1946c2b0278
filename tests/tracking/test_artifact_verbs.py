"""Streams, data and figures as artifacts; artifacts read back; the run that does nothing."""

import io
import math
import os
import resource
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from inspect import isfunction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nbtrack.core.entities import Run
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingFileError, NotFoundError
from nbtrack.stores.contracts import Store
from nbtrack.tracking import artifact_access
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.disabled_run import DisabledRun
from nbtrack.tracking.tracker import Tracker


@pytest.fixture
def run(tracker: Tracker) -> Iterator[ActiveRun]:
    with tracker.start_run() as run:
        yield run


@pytest.fixture
def store(tracker: Tracker) -> Store:
    return tracker._store()


def read(store: Store, run: ActiveRun, path: str) -> bytes:
    with store.runs.artifacts(run.run_id).open(path) as file:
        return file.read()


class Pipe:
    """A stream that cannot go back, and gives little at a time."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._rest.read(min(size, 7) if size >= 0 else -1)


# ---- streams -------------------------------------------------------------------------------------


def test_a_stream_is_kept_from_where_it_stands(run: ActiveRun, store: Store, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(3_000_000))
    begun = io.BytesIO(b"header|body")
    begun.read(7)

    with open(tmp_path / "big", "rb") as file:
        run.log_stream(file, "big.bin")
    run.log_stream(begun, "begun.bin")
    run.log_stream(Pipe(b"x" * 100), "folder/pipe.bin")  # type: ignore[arg-type]
    run.log_stream(io.BytesIO(), "empty.bin")

    assert read(store, run, "big.bin") == (tmp_path / "big").read_bytes()
    assert read(store, run, "begun.bin") == b"body"
    assert read(store, run, "folder/pipe.bin") == b"x" * 100
    assert read(store, run, "empty.bin") == b""


@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
def test_a_stream_that_the_disk_refused_is_whole_later_although_it_was_closed(
    kind: Any, run: ActiveRun, store: Store
) -> None:
    data = os.urandom(3_000_000)
    stream = kind(data)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))
    try:
        with pytest.warns(RuntimeWarning, match="Training goes on"):
            run.log_stream(stream, "big.bin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    if isinstance(stream, io.BytesIO):
        stream.close()
    assert store.runs.artifacts(run.run_id).list() == []

    run.log_text("x", "next.txt")

    assert read(store, run, "big.bin") == data


def test_what_is_no_readable_binary_stream_is_refused(run: ActiveRun, store: Store, tmp_path: Path) -> None:
    closed = io.BytesIO(b"x")
    closed.close()
    (tmp_path / "only-written").touch()

    for stream, words in (
        (io.StringIO("x"), "binary stream"),
        (b"bytes", "open stream, got bytes"),
        (None, "open stream, got NoneType"),
    ):
        with pytest.raises(InvalidTypeError, match=words):
            run.log_stream(stream, "a.bin")  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="closed"):
        run.log_stream(closed, "a.bin")
    with (
        open(tmp_path / "only-written", "wb") as writable,
        pytest.raises(InvalidValueError, match="cannot be read"),
    ):
        run.log_stream(writable, "a.bin")

    assert store.runs.artifacts(run.run_id).list() == []


# ---- data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.json", "config.yaml", "CONFIG.YML", "no-ending"])
def test_numbers_of_numpy_and_nan_come_back_as_numbers(name: str, run: ActiveRun, store: Store) -> None:
    given = {
        "lr": np.float64(0.5),
        "epochs": np.int32(3),
        "classes": np.array(["a", "b"]),
        "weights": torch.tensor([1.0, 2.0]),
        "nested": {"pair": (1, 2), "path": Path("x")},
        "nan": math.nan,
        "low": -math.inf,
    }

    run.log_dict(given, name)
    back = artifact_access.load_dict(store, run.run_id, name)

    assert math.isnan(back.pop("nan"))
    assert back == {
        "lr": 0.5,
        "epochs": 3,
        "classes": ["a", "b"],
        "weights": [1.0, 2.0],
        "nested": {"pair": [1, 2], "path": "x"},
        "low": -math.inf,
    }


def test_what_cannot_be_written_as_data_leaves_nothing(run: ActiveRun, store: Store) -> None:
    endless: list[Any] = []
    endless.append(endless)

    for name in ("a.json", "a.yaml"):
        with pytest.raises(InvalidTypeError, match=name):
            run.log_dict(endless, name)

    assert store.runs.artifacts(run.run_id).list() == []


def test_text_with_half_of_a_surrogate_pair_comes_back(run: ActiveRun, store: Store) -> None:
    run.log_text("half \ud800", "odd.txt")
    run.log_stream(io.BytesIO(b"\xff\xfe"), "binary.txt")

    assert artifact_access.load_text(store, run.run_id, "odd.txt") == "half \ud800"
    assert artifact_access.load_text(store, run.run_id, "binary.txt") == "\ufffd\ufffd"


def test_what_is_no_data_cannot_be_loaded_as_such(run: ActiveRun, store: Store) -> None:
    run.log_text("{", "a.json")
    run.log_text("a: [", "a.yml")
    run.log_text("x", "a.png")

    with pytest.raises(InvalidValueError, match=r"'a\.json' is no JSON"):
        artifact_access.load_dict(store, run.run_id, "a.json")
    with pytest.raises(InvalidValueError, match=r"'a\.yml' is no YAML"):
        artifact_access.load_dict(store, run.run_id, "a.yml")
    with pytest.raises(InvalidValueError, match=r"'a\.png' cannot be read as an image"):
        artifact_access.load_image(store, run.run_id, "a.png")


# ---- figures -------------------------------------------------------------------------------------


def test_a_plotly_page_loads_nothing_from_the_network(run: ActiveRun, store: Store) -> None:
    import re

    import plotly.graph_objects as go

    run.log_figure(go.Figure(go.Scatter(y=[1, 2])), "plot.html")

    page = read(store, run, "plot.html").decode()
    assert not re.search(r"<(script|link)[^>]*\b(src|href)=", page)
    assert len(page) > 1_000_000


def test_an_ending_that_no_figure_is_saved_with_is_refused(run: ActiveRun, store: Store) -> None:
    from matplotlib.figure import Figure

    with pytest.raises(InvalidValueError, match=r"\.png.*not as 'txt'"):
        run.log_figure(Figure(), "a.txt")

    assert store.runs.artifacts(run.run_id).list() == []


# ---- reading back --------------------------------------------------------------------------------


@pytest.fixture
def tree(run: ActiveRun) -> dict[str, bytes]:
    files = {
        "a.txt": b"a",
        "models/one/MLmodel": b"flavors",
        "models/one/data/x.bin": b"0",
        "models/two": b"2",
    }
    for path, data in files.items():
        run.log_stream(io.BytesIO(data), path)
    return files


def below(folder: str | Path) -> dict[str, bytes]:
    folder = Path(folder)
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_local_artifact_is_given_where_it_lies(
    run: ActiveRun, store: Store, tree: dict[str, bytes]
) -> None:
    whole = artifact_access.download_artifacts(store, run.run_id)
    one = artifact_access.download_artifacts(store, run.run_id, "models/one/")

    assert below(whole) == tree
    assert below(one) == {"MLmodel": b"flavors", "data/x.bin": b"0"}
    assert Path(whole).as_uri() == run.info.artifact_uri == run.get_artifact_uri()


def test_a_download_lies_in_the_target_under_its_own_name(
    run: ActiveRun, store: Store, tree: dict[str, bytes], tmp_path: Path
) -> None:
    target = tmp_path / "not" / "there"

    file = artifact_access.download_artifacts(store, run.run_id, "models/one/MLmodel", target)
    folder = artifact_access.download_artifacts(store, run.run_id, "models/one", target)
    everything = artifact_access.download_artifacts(store, run.run_id, None, str(tmp_path / "all"))

    assert file == str(target / "MLmodel")
    assert folder == str(target / "one")
    of_folder = {path.removeprefix("models/"): data for path, data in tree.items() if "models/one" in path}
    assert below(target) == {"MLmodel": tree["models/one/MLmodel"], **of_folder}
    assert below(everything) == tree
    assert sorted(os.listdir(everything)) == ["a.txt", "models"]


def test_a_second_download_renews_files_and_leaves_others(
    run: ActiveRun, store: Store, tree: dict[str, bytes], tmp_path: Path
) -> None:
    artifact_access.download_artifacts(store, run.run_id, "models", tmp_path / "d")
    (tmp_path / "d" / "models" / "mine.txt").write_text("mine")
    run.log_text("newer", "models/two")

    artifact_access.download_artifacts(store, run.run_id, "models", tmp_path / "d")

    assert below(tmp_path / "d" / "models") == {
        "one/MLmodel": b"flavors",
        "one/data/x.bin": b"0",
        "two": b"newer",
        "mine.txt": b"mine",
    }


def test_a_download_that_fails_leaves_what_was_there(
    run: ActiveRun, store: Store, tree: dict[str, bytes], tmp_path: Path
) -> None:
    run.log_stream(io.BytesIO(os.urandom(2_000_000)), "models/zzz.bin")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine").write_text("mine")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))

    try:
        with pytest.raises(OSError, match="Cannot download 'models'"):
            artifact_access.download_artifacts(store, run.run_id, "models", tmp_path / "d")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert os.listdir(tmp_path / "d") == ["mine"]


def test_a_link_in_the_target_leads_no_download_outside(
    run: ActiveRun, store: Store, tree: dict[str, bytes], tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "d" / "models").mkdir(parents=True)
    (tmp_path / "d" / "models" / "one").symlink_to(outside)
    (tmp_path / "d" / "one").symlink_to(outside)

    for path in ("models", "models/one", None):
        with pytest.raises(InvalidValueError, match="by a link"):
            artifact_access.download_artifacts(store, run.run_id, path, tmp_path / "d")

    assert os.listdir(outside) == []


def test_an_empty_folder_is_downloaded_too(run: ActiveRun, store: Store, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    run.log_artifact(tmp_path / "nothing")

    folder = artifact_access.download_artifacts(store, run.run_id, "nothing", tmp_path / "d")

    assert os.listdir(folder) == []


def test_what_is_not_there_cannot_be_read(
    run: ActiveRun, store: Store, tree: dict[str, bytes], tmp_path: Path
) -> None:
    for target in (None, tmp_path / "d"):
        with pytest.raises(MissingFileError, match="Did you mean 'models/two'"):
            artifact_access.download_artifacts(store, run.run_id, "models/tow", target)
        with pytest.raises(InvalidValueError, match=r"'\.\.'"):
            artifact_access.download_artifacts(store, run.run_id, "../run.json", target)
        with pytest.raises(NotFoundError, match="f" * 32):
            artifact_access.download_artifacts(store, "f" * 32, "a.txt", target)
    with pytest.raises(NotFoundError):
        artifact_access.load_text(store, run.run_id, "models")
    with pytest.raises(NotFoundError, match="f" * 32):
        artifact_access.list_artifacts(store, "f" * 32)

    assert not (tmp_path / "d").exists()


def test_listing_is_one_level_and_nothing_for_a_file(
    run: ActiveRun, store: Store, tree: dict[str, bytes]
) -> None:
    def paths(path: str | None = None) -> list[str]:
        return [info.path for info in artifact_access.list_artifacts(store, run.run_id, path)]

    assert paths() == ["a.txt", "models"]
    assert paths("models/") == ["models/one", "models/two"]
    assert paths("a.txt") == []
    assert paths("nothing") == []


def test_an_artifact_is_found_by_its_uris(run: ActiveRun, store: Store) -> None:
    run.log_text("x", "my plots/a#b?.txt")
    place = artifact_access.download_artifacts(store, run.run_id, "my plots/a#b?.txt")

    for uri in (f"runs:/{run.run_id}/my plots/a#b?.txt", run.get_artifact_uri("my plots/a#b?.txt"), place):
        assert artifact_access.find_artifact(store, uri) == (run.run_id, "my plots/a#b?.txt")
    assert artifact_access.find_artifact(store, f"runs:/{run.run_id}") == (run.run_id, None)
    assert artifact_access.find_artifact(store, run.info.artifact_uri) == (run.run_id, None)
    assert artifact_access.find_artifact(store, run_id=run.run_id, artifact_path="a") == (run.run_id, "a")


def test_other_uris_are_refused(run: ActiveRun, store: Store, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")

    for uri in (
        "models:/m/1",
        "s3://bucket/x",
        "plots/roc.png",
        (tmp_path / "outside").as_uri(),
        str(tmp_path / "outside"),
        "runs:/",
        "runs:/../x",
        "",
        run.info.artifact_uri.removesuffix("artifacts") + "run.json",
    ):
        with pytest.raises(InvalidValueError):
            artifact_access.find_artifact(store, uri)
    uri = f"runs:/{run.run_id}"
    for given in ({}, {"artifact_uri": uri, "run_id": "a"}, {"artifact_uri": uri, "artifact_path": "x"}):
        with pytest.raises(InvalidValueError):
            artifact_access.find_artifact(store, **given)
    up = run.info.artifact_uri + "/../run.json"
    with pytest.raises(InvalidValueError, match=r"'\.\.'"):
        artifact_access.download_artifacts(store, *artifact_access.find_artifact(store, up))


# ---- switched off --------------------------------------------------------------------------------


def verbs() -> list[str]:
    kinds = ActiveRun.__mro__[: ActiveRun.__mro__.index(Run)]
    return sorted(
        {name for kind in kinds for name, held in vars(kind).items() if isfunction(held) and name[0] != "_"}
    )


READING = {"cells", "has_settled", "metric_history", "points_since", "slice", "snapshot"}
"""Verbs that log nothing."""


def test_every_verb_of_a_run_takes_anything_when_switched_off(tmp_path: Path) -> None:
    tracker = Tracker(store=tmp_path / "off", enabled=False)
    run = tracker.start_run()
    assert isinstance(run, DisabledRun)
    assert {"log_image", "log_table", "log_metric", "set_tags"} <= set(verbs())

    for name in set(verbs()) - READING - {"end", "nested"}:
        getattr(run, name)(object(), object(), object(), synchronous=object(), artifact_file=object())
    properties = [name for name in dir(type(run)) if isinstance(getattr(type(run), name), property)]
    shown = {name: getattr(run, name) for name in properties}
    run.end()
    tracker.close()

    assert run.log_param("lr", 0.1) == 0.1
    assert shown["store_uri"] == run.get_artifact_uri("x") == ""
    assert shown["inputs"].dataset_inputs == ()
    assert run.nested(3) == run.metric_history("loss") == []
    assert run.to_dictionary()["data"]["params"] == {}
    assert not (tmp_path / "off").exists()


def test_the_entities_of_inputs_cannot_be_changed(run: ActiveRun) -> None:
    with pytest.raises(FrozenInstanceError):
        run.snapshot().inputs.dataset_inputs = ()  # type: ignore[misc]
