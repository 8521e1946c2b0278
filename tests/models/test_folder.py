"""A model folder being read: nothing outside it, and what is read is what was verified."""

import os
import pickle
import shutil
import threading
from pathlib import Path

import pytest

from nbtrack.core.errors import InvalidValueError, MissingFileError, UntrustedModelError
from nbtrack.models.safety.folder import ModelFolder
from nbtrack.models.safety.trust import sign_folder

HOSTILE = [
    "../outside.txt",
    "data/../../outside.txt",
    "/etc/passwd",
    "C:/windows/x",
    "C:x",
    "..\\outside.txt",
    "a\0b",
    "a\nb",
    "",
    ".",
    "/",
    None,
    3,
    ["model.pkl"],
    {"path": "x"},
    "x" * 300,
    "d/" * 3000 + "x",
    "\udc80",
    b"model.pkl",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    (path / "data" / "inner").mkdir(parents=True)
    (path / "model.pkl").write_bytes(pickle.dumps([1]))
    (path / "data" / "own.py").write_text("x = 1\n")
    (path / "data" / "inner" / "deep.py").write_text("y = 1\n")
    (tmp_path / "outside.txt").write_text("secret")
    return path


@pytest.mark.parametrize("relative", HOSTILE, ids=lambda each: repr(each)[:30])
def test_paths_that_are_no_paths_inside_are_refused(path: Path, relative: object) -> None:
    folder = ModelFolder(path, trust=True)

    for reach in (folder.file, folder.directory, folder.open, folder.private_copy):
        with pytest.raises(InvalidValueError):
            reach(relative)
    assert not folder.holds(relative)


def test_a_tilde_is_a_name_like_any_other(path: Path) -> None:
    with pytest.raises(MissingFileError):
        ModelFolder(path).file("~/x")


def test_what_is_there_is_found(path: Path) -> None:
    folder = ModelFolder(path)

    assert folder.file("model.pkl") == path / "model.pkl"
    assert folder.file("./data//own.py") == path / "data" / "own.py"
    assert folder.directory("data") == path / "data"
    assert folder.holds("data/inner")
    with folder.open("data/own.py") as file:
        assert file.read() == b"x = 1\n"
    assert repr(folder) == f"<ModelFolder {str(path)!r}>"


def test_what_is_missing_is_said_with_what_lies_there(path: Path) -> None:
    folder = ModelFolder(path)

    with pytest.raises(
        MissingFileError, match=r"No file 'modle.pkl'. Did you mean 'model.pkl'\? In .* lie data,"
    ):
        folder.file("modle.pkl")
    with pytest.raises(MissingFileError, match=r"No file 'data/x'. In .*/data lie inner, own.py"):
        folder.open("data/x")
    with pytest.raises(InvalidValueError, match="is a folder, no file"):
        folder.file("data")
    with pytest.raises(InvalidValueError, match="is a file, not a folder"):
        folder.directory("model.pkl")
    with pytest.raises(MissingFileError, match="No model folder"):
        ModelFolder(path / "none")
    with pytest.raises(InvalidValueError, match="Not a directory"):
        ModelFolder(path / "model.pkl")


def test_links_inside_are_followed_by_nothing_and_one_to_the_folder_is(path: Path, tmp_path: Path) -> None:
    (path / "link.txt").symlink_to(tmp_path / "outside.txt")
    (path / "linked").symlink_to(tmp_path)
    (tmp_path / "latest").symlink_to(path)
    folder = ModelFolder(tmp_path / "latest")

    for relative in ("link.txt", "linked/outside.txt"):
        with pytest.raises(InvalidValueError, match="is a link"):
            folder.file(relative)
        with pytest.raises(InvalidValueError, match="is a link"):
            folder.open(relative)
    with pytest.raises(InvalidValueError, match="is a link"):
        folder.directory("linked")
    with pytest.raises(InvalidValueError, match="holds a link"):
        folder.private_copy("data")
    assert folder.path == path


def test_special_files_are_not_waited_for(path: Path) -> None:
    os.mkfifo(path / "pipe")

    with pytest.raises(InvalidValueError, match="is a named pipe"):
        ModelFolder(path).open("pipe")


def test_trust_is_asked_for_once_and_names_are_still_checked(path: Path) -> None:
    with pytest.raises(UntrustedModelError, match=r"model.pkl is a pickle"):
        ModelFolder(path).require_trust("model.pkl", why="model.pkl is a pickle")
    sign_folder(path)
    folder = ModelFolder(path)

    folder.require_trust("model.pkl", why="it is a pickle")
    folder.require_trust("data", why="it brings code")

    with pytest.raises(MissingFileError):
        folder.require_trust("nothing.pkl", why="it is a pickle")


def test_what_changes_after_it_was_verified_is_not_handed_out(path: Path) -> None:
    sign_folder(path)
    folder = ModelFolder(path)
    folder.require_trust("model.pkl", why="it is a pickle")
    before = (path / "model.pkl").read_bytes()

    with folder.open("model.pkl") as file:
        assert file.read() == before
    (path / "new").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    os.replace(path / "new", path / "model.pkl")
    (path / "data" / "own.py").write_text("x = 2\n")

    with pytest.raises(
        UntrustedModelError, match=r"'model.pkl' in the model .* has changed while it was being"
    ):
        folder.open("model.pkl")
    with pytest.raises(UntrustedModelError, match=r"'data/own.py' .* has changed"):
        folder.private_copy("data")


def test_what_was_added_after_it_was_verified_is_not_handed_out(path: Path) -> None:
    sign_folder(path)
    folder = ModelFolder(path)
    folder.require_trust("data", why="it brings code")
    (path / "data" / "os.py").write_text("")

    copy = folder.private_copy("data")

    assert sorted(str(each.relative_to(copy)) for each in copy.rglob("*.py")) == ["inner/deep.py", "own.py"]
    with pytest.raises(UntrustedModelError, match="is no part of the model"):
        folder.open("data/os.py")


def test_a_file_of_another_user_is_read_from_a_private_copy(path: Path) -> None:
    sign_folder(path)
    os.chown(path / "model.pkl", 12345, -1)
    folder = ModelFolder(path)
    folder.require_trust("model.pkl", why="it is a pickle")

    with folder.open("model.pkl") as file:
        (path / "model.pkl").write_bytes(b"swapped")

        assert pickle.load(file) == [1]


def test_whatever_is_swapped_meanwhile_only_what_was_signed_is_handed_out(path: Path, tmp_path: Path) -> None:
    sign_folder(path)
    good, evil = (path / "model.pkl").read_bytes(), b"cos\nsystem\n(S'true'\ntR."
    (tmp_path / "outside.pkl").write_bytes(evil)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (tmp_path / "next").write_bytes(evil)
            os.replace(tmp_path / "next", path / "model.pkl")
            (tmp_path / "next").symlink_to(tmp_path / "outside.pkl")
            os.replace(tmp_path / "next", path / "model.pkl")
            (tmp_path / "next").write_bytes(good)
            os.replace(tmp_path / "next", path / "model.pkl")

    swapper = threading.Thread(target=swap)
    swapper.start()
    read: list[bytes] = []
    refused = 0
    try:
        for _ in range(1500):
            folder = ModelFolder(path)
            try:
                folder.require_trust("model.pkl", why="it is a pickle")
                with folder.open("model.pkl") as file:
                    read.append(file.read())
            except (UntrustedModelError, InvalidValueError, MissingFileError):
                refused += 1
    finally:
        stop.set()
        swapper.join()

    assert set(read) <= {good}
    assert refused


def test_a_private_copy_is_for_this_user_only_and_keeps_names(path: Path) -> None:
    folder = ModelFolder(path, trust=True)
    folder.require_trust("data", why="it brings code")

    copy, file = folder.private_copy("data"), folder.private_copy("model.pkl")

    assert (copy.name, file.name) == ("data", "model.pkl")
    assert (copy / "inner" / "deep.py").read_text() == "y = 1\n"
    assert copy.parent.stat().st_mode & 0o777 == 0o700
    assert file.read_bytes() == (path / "model.pkl").read_bytes()


def test_copies_of_the_same_content_are_one(path: Path, tmp_path: Path) -> None:
    first = ModelFolder(path, trust=True).private_copy("data")
    again = ModelFolder(path, trust=True).private_copy("data")
    (path / "data" / "own.py").write_text("x = 'changed'")

    changed = ModelFolder(path, trust=True).private_copy("data")

    assert again == first
    assert changed != first
    assert (changed / "own.py").read_text() == "x = 'changed'"
    assert (first / "own.py").read_text() != "x = 'changed'"


def test_a_copy_that_somebody_removed_is_made_again(path: Path) -> None:
    first = ModelFolder(path, trust=True).private_copy("data")
    shutil.rmtree(first)

    again = ModelFolder(path, trust=True).private_copy("data")

    assert (again / "own.py").is_file()
