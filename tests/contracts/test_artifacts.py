"""What every store promises of folders among the artifacts: whole, or not there."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from nbtrack.core.errors import AlreadyExistsError, InvalidValueError
from nbtrack.stores.contracts import Artifacts, Store


@pytest.fixture
def artifacts(store: Store) -> Artifacts:
    return store.runs.artifacts(store.runs.create("0", "run", tags={}))


def fill(artifacts: Artifacts, path: str, work: Callable[[Path], object]) -> None:
    with artifacts.write_folder(path) as folder:
        work(folder)


def write(artifacts: Artifacts, path: str, text: str = "whole") -> None:
    with artifacts.write_folder(path) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "weights.bin").write_text(text)
        (folder / "MLmodel").write_text("flavors: {}")


def read(artifacts: Artifacts, path: str) -> bytes:
    with artifacts.open(path) as file:
        return file.read()


def listed(artifacts: Artifacts, path: str | None = None) -> list[str]:
    return [info.path for info in artifacts.list(path)]


def test_a_folder_appears_whole_when_its_block_ends(artifacts: Artifacts) -> None:
    with artifacts.write_folder("models/tree") as folder:
        (folder / "MLmodel").write_text("flavors: {}")
        meanwhile = listed(artifacts), listed(artifacts, "models")

    assert meanwhile == ([], [])
    assert listed(artifacts, "models/tree") == ["models/tree/MLmodel"]
    assert read(artifacts, "models/tree/MLmodel") == b"flavors: {}"


def test_the_folder_to_fill_is_empty_and_only_for_its_owner(artifacts: Artifacts) -> None:
    with artifacts.write_folder("model") as folder:
        assert os.listdir(folder) == []
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_error_in_the_block_publishes_nothing_and_leaves_nothing(artifacts: Artifacts) -> None:
    folders: list[Path] = []

    def break_off(folder: Path) -> None:
        folders.append(folder)
        (folder / "half").write_text("half")
        raise KeyError("half")

    with pytest.raises(KeyError):
        fill(artifacts, "model", break_off)

    assert listed(artifacts) == []
    assert not folders[0].exists()
    write(artifacts, "model")
    assert listed(artifacts, "model") == ["model/MLmodel", "model/deep"]


@pytest.mark.parametrize("kind", ["file", "folder", "empty folder"])
def test_what_lies_there_is_never_replaced(artifacts: Artifacts, tmp_path: Path, kind: str) -> None:
    if kind == "file":
        artifacts.save_bytes("model", lambda file: file.write(b"mine") and None)
    elif kind == "folder":
        write(artifacts, "model", "first")
    else:
        (tmp_path / "model").mkdir()
        artifacts.save_file(tmp_path / "model")
    before = listed(artifacts, "model")

    with pytest.raises(AlreadyExistsError, match="'model' already"), artifacts.write_folder("model"):
        pytest.fail("the block must not begin")

    assert listed(artifacts, "model") == before


def test_of_two_that_write_the_same_folder_the_first_to_end_wins(artifacts: Artifacts) -> None:
    def be_late(folder: Path) -> None:
        (folder / "late").write_text("late")
        write(artifacts, "model", "early")

    with pytest.raises(AlreadyExistsError):
        fill(artifacts, "model", be_late)

    assert listed(artifacts, "model") == ["model/MLmodel", "model/deep"]
    assert read(artifacts, "model/deep/weights.bin") == b"early"


def test_who_comes_late_may_take_another_name_without_writing_the_folder_again(artifacts: Artifacts) -> None:
    asked: list[str] = []

    def take_another(folder: Path) -> str:
        asked.append((folder / "late").read_text())
        (folder / "late").write_text("and elsewhere")
        return ["model", "other/model"][len(asked) - 1]

    write(artifacts, "model", "first")
    with artifacts.write_folder("model", renamed=take_another) as folder:
        (folder / "late").write_text("late")

    assert asked == ["late", "and elsewhere"]
    assert read(artifacts, "other/model/late") == b"and elsewhere"
    assert read(artifacts, "model/deep/weights.bin") == b"first"


def test_the_first_to_end_wins_also_with_a_file(artifacts: Artifacts) -> None:
    with pytest.raises(AlreadyExistsError), artifacts.write_folder("model"):
        artifacts.save_bytes("model", lambda file: file.write(b"early") and None)

    assert read(artifacts, "model") == b"early"


@pytest.mark.parametrize("path", ["", "/", "../up", "a/../../b", "/absolute"])
def test_a_folder_stays_inside_the_run(artifacts: Artifacts, path: str) -> None:
    with pytest.raises(InvalidValueError), artifacts.write_folder(path):
        pytest.fail("the block must not begin")


def test_what_does_not_wait_for_the_disk_is_there_at_once(artifacts: Artifacts) -> None:
    artifacts.save_bytes("data.json", lambda file: file.write(b"{}") and None, sync=False)

    assert read(artifacts, "data.json") == b"{}"


def test_a_folder_below_a_file_is_refused(artifacts: Artifacts) -> None:
    artifacts.save_bytes("notes", lambda file: file.write(b"mine") and None)

    with pytest.raises(InvalidValueError, match="runs through a file"), artifacts.write_folder("notes/model"):
        pytest.fail("the block must not begin")


def test_a_link_in_the_folder_is_refused_and_nothing_published(artifacts: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")

    def link(folder: Path) -> None:
        (folder / "deep").mkdir()
        (folder / "deep" / "link").symlink_to(tmp_path / "secret")

    with pytest.raises(InvalidValueError, match="'deep/link' is a link"):
        fill(artifacts, "model", link)

    assert listed(artifacts) == []
    assert (tmp_path / "secret").read_text() == "secret"
