"""Artifacts: whole or not there, and never outside of the run."""

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nbtrack.core.errors import InvalidValueError, MissingFileError, StoreError
from nbtrack.stores.local.artifacts import RunArtifacts

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = b"secret"


@pytest.fixture
def artifacts(tmp_path: Path) -> RunArtifacts:
    (tmp_path / "run").mkdir()
    return RunArtifacts(tmp_path / "run" / "artifacts")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "file").write_bytes(SECRET)
    return folder


def save(artifacts: RunArtifacts, path: str, data: bytes = b"mine") -> None:
    artifacts.save_bytes(path, lambda file: file.write(data) and None)


def read(artifacts: RunArtifacts, path: str) -> bytes:
    with artifacts.open(path) as file:
        return file.read()


def untouched(outside: Path) -> bool:
    return os.listdir(outside) == ["file"] and (outside / "file").read_bytes() == SECRET


def test_an_artifact_replaces_the_one_of_its_name_and_is_only_for_its_owner(artifacts: RunArtifacts) -> None:
    save(artifacts, "a/b.bin", b"old")
    save(artifacts, "a/b.bin", b"new")

    assert read(artifacts, "a/b.bin") == b"new"
    assert stat.S_IMODE((artifacts.root / "a" / "b.bin").stat().st_mode) == 0o600
    assert [info.path for info in artifacts.list("a")] == ["a/b.bin"]
    assert artifacts.list("a/b.bin") == []


def test_a_link_in_place_of_a_folder_is_refused(artifacts: RunArtifacts, outside: Path) -> None:
    artifacts.root.mkdir(parents=True)
    (artifacts.root / "plots").symlink_to(outside)
    ways: list[Callable[[], object]] = [
        lambda: save(artifacts, "plots/new"),
        lambda: save(artifacts, "plots/file"),
        lambda: save(artifacts, "plots/deep/new"),
        lambda: artifacts.save_file(outside / "file", "plots"),
        lambda: artifacts.save_folder(outside, "plots"),
        lambda: artifacts.open("plots/file"),
        lambda: artifacts.list("plots"),
    ]

    for way in ways:
        with pytest.raises(InvalidValueError, match="'plots' is a link"):
            way()

    assert untouched(outside)
    assert artifacts.list() == []


def test_a_link_in_place_of_a_file_is_not_followed(artifacts: RunArtifacts, outside: Path) -> None:
    artifacts.root.mkdir(parents=True)
    (artifacts.root / "file").symlink_to(outside / "file")

    with pytest.raises(InvalidValueError, match="link"):
        artifacts.open("file")
    save(artifacts, "file")

    assert untouched(outside)
    assert read(artifacts, "file") == b"mine"


def test_a_link_in_place_of_the_root_is_refused(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "artifacts").symlink_to(outside)
    artifacts = RunArtifacts(tmp_path / "run" / "artifacts")

    with pytest.raises((InvalidValueError, StoreError)):
        save(artifacts, "new")

    assert untouched(outside)


def test_links_swapped_in_while_others_write_never_lead_outside(
    artifacts: RunArtifacts, outside: Path
) -> None:
    artifacts.root.mkdir(parents=True)
    folder = artifacts.root / "f"
    done = threading.Event()

    def swap() -> None:
        number = 0
        while not done.is_set():
            number += 1
            # The writer makes the folder anew whenever it is away; a step that comes too late fails.
            with suppress(OSError):
                os.rename(folder, artifacts.root.parent / f"parked-{number}")
            with suppress(OSError):
                os.symlink(outside, folder)
            with suppress(OSError):
                os.unlink(folder)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen: set[bytes] = set()
    for number in range(400):
        try:
            save(artifacts, "f/new", b"mine %d" % number)
            seen.add(read(artifacts, "f/new")[:4])
        except (InvalidValueError, MissingFileError, StoreError):
            continue
    done.set()
    swapper.join()

    assert untouched(outside)
    assert seen <= {b"mine"}


def test_a_writer_that_fails_leaves_nothing(artifacts: RunArtifacts) -> None:
    def fail(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        artifacts.save_bytes("a.bin", fail)

    assert os.listdir(artifacts.root) == []


def test_what_is_being_written_is_not_listed(artifacts: RunArtifacts) -> None:
    listed: list[object] = []

    artifacts.save_bytes("a.bin", lambda file: listed.extend(artifacts.list()))

    assert listed == []
    assert [info.path for info in artifacts.list()] == ["a.bin"]


def test_folders_are_copied_with_what_links_in_them_point_to(artifacts: RunArtifacts, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a").write_text("a")
    (source / "linked").symlink_to(source / "deep")
    (source / "deep" / "loop").symlink_to(source)
    (source / "empty").mkdir()

    artifacts.save_folder(source, "copy")

    assert read(artifacts, "copy/deep/a") == read(artifacts, "copy/linked/a") == b"a"


def test_a_link_to_a_folder_above_the_source_is_not_followed(artifacts: RunArtifacts, tmp_path: Path) -> None:
    source, other = tmp_path / "project" / "source", tmp_path / "other" / "place"
    for folder in (source, other):
        folder.mkdir(parents=True)
        (folder / "a").write_text("a")
        (folder / "up").symlink_to("..")
        (folder.parent / "secret").write_text("x")
    (source / "linked").symlink_to(other)

    artifacts.save_folder(source, "copy")

    saved = sorted(str(path.relative_to(artifacts.root)) for path in artifacts.root.rglob("*"))
    assert saved == ["copy", "copy/a", "copy/linked", "copy/linked/a"]


def test_a_store_in_a_folder_is_left_out_with_one_warning(artifacts: RunArtifacts, tmp_path: Path) -> None:
    source = tmp_path / "source"
    store = source / "deep" / ".nbtrack"
    (store / "runs").mkdir(parents=True)
    (store / "documents.db").write_bytes(b"x")
    (source / "runs").mkdir()
    (source / "runs" / "a").write_text("a")

    with pytest.warns(UserWarning, match="was not logged: a store of nbtrack") as warned:
        artifacts.save_folder(source)

    assert len(warned) == 1
    assert str(store) in str(warned[0].message)
    assert [path.name for path in artifacts.root.rglob("*") if path.is_file()] == ["a"]


def test_links_to_nothing_in_a_folder_are_named_in_one_warning(
    artifacts: RunArtifacts, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").write_text("a")
    (source / "gone").symlink_to("nowhere")
    (source / "self").symlink_to("self")

    with pytest.warns(RuntimeWarning, match=r"source/gone, .*source/self was not logged: a link") as warned:
        artifacts.save_folder(source)

    assert len(warned) == 1
    assert [info.path for info in artifacts.list()] == ["a"]


def test_a_link_to_nothing_is_named_as_one(artifacts: RunArtifacts, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("nowhere")

    for save_it in (artifacts.save_file, artifacts.save_folder):
        with pytest.raises(MissingFileError, match="is a link to 'nowhere', and that is not there") as caught:
            save_it(link)
        assert "Did you mean" not in str(caught.value)


def test_a_bad_name_deep_in_a_folder_leaves_nothing_behind(artifacts: RunArtifacts, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").write_text("a")
    (source / "back\\slash").write_text("b")

    with pytest.raises(InvalidValueError, match="backslash"):
        artifacts.save_folder(source)

    assert artifacts.list() == []


def test_a_file_cannot_become_a_folder_nor_a_folder_a_file(artifacts: RunArtifacts) -> None:
    save(artifacts, "a/b")

    with pytest.raises(InvalidValueError, match="folder already"):
        save(artifacts, "a")
    with pytest.raises(InvalidValueError, match="through a file"):
        save(artifacts, "a/b/c")
    with pytest.raises(InvalidValueError, match="file name"):
        save(artifacts, "")

    assert read(artifacts, "a/b") == b"mine"


def test_what_is_no_file_cannot_be_read(artifacts: RunArtifacts) -> None:
    save(artifacts, "a/b")
    os.mkfifo(artifacts.root / "pipe")

    for path in ("a", "a/nothing", "nothing", "", "pipe"):
        with pytest.raises(MissingFileError):
            artifacts.open(path)
    assert [info.path for info in artifacts.list()] == ["a"]


def test_the_place_of_an_artifact_is_told_only_when_it_is_there(
    artifacts: RunArtifacts, outside: Path
) -> None:
    save(artifacts, "plots/roc.png")
    (artifacts.root / "link").symlink_to(outside)

    assert artifacts.local_path("plots/roc.png") == str(artifacts.root / "plots" / "roc.png")
    assert artifacts.local_path("plots") == str(artifacts.root / "plots")
    assert artifacts.local_path() == str(artifacts.root)
    with pytest.raises(MissingFileError, match=r"plots/rock\.png.*Did you mean 'plots/roc\.png'"):
        artifacts.local_path("plots/rock.png")
    for path in ("link", "link/file", "../run"):
        with pytest.raises(InvalidValueError):
            artifacts.local_path(path)


def test_a_run_without_artifacts_has_no_place_for_them(artifacts: RunArtifacts) -> None:
    with pytest.raises(MissingFileError, match="has no artifacts"):
        artifacts.local_path()


def test_the_lock_lets_one_thread_in_at_a_time(artifacts: RunArtifacts) -> None:
    save(artifacts, "count", b"0")

    def work() -> None:
        for _ in range(25):
            with artifacts.locked():
                save(artifacts, "count", str(int(read(artifacts, "count")) + 1).encode())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert read(artifacts, "count") == b"100"
    assert [info.path for info in artifacts.list()] == ["count"]


def test_a_child_forked_while_the_lock_is_held_does_not_keep_it(artifacts: RunArtifacts) -> None:
    save(artifacts, "x")
    reading, writing = os.pipe()

    with artifacts.locked():
        child = os.fork()
        if not child:
            os.close(writing)
            os.read(reading, 1)  # lives on until its parent lets it go
            os._exit(0)
    with artifacts.locked():
        got_it = True
    os.close(reading)
    os.close(writing)
    os.waitpid(child, 0)

    assert got_it
