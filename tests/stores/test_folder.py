"""Where a store is found and made, and what is left alone."""

import os
import re
import stat
from pathlib import Path

import pytest

from nbtrack.core.errors import ForeignStoreError, InvalidValueError, StoreError
from nbtrack.stores.local.folder import choose_folder, find_store, is_store, make_folder
from nbtrack.stores.opening import open_store, store_exists, store_folder
from nbtrack.tracking.tracker import Tracker


def make_store(folder: Path) -> Path:
    open_store(folder).close()
    return folder


def test_the_nearest_store_upwards_is_found(tmp_path: Path) -> None:
    outer = make_store(tmp_path / "work" / ".nbtrack")
    inner = make_store(tmp_path / "work" / "a" / ".nbtrack")
    (tmp_path / "work" / "a" / "b").mkdir()
    (tmp_path / "work" / "c").mkdir()

    assert find_store(tmp_path / "work" / "a" / "b") == inner
    assert find_store(tmp_path / "work" / "c") == outer
    assert find_store(tmp_path / "work") == outer


def test_without_one_it_lies_where_the_work_is_done(tmp_path: Path) -> None:
    assert find_store(tmp_path / "work") == tmp_path / "work" / ".nbtrack"
    assert find_store(tmp_path / "not" / "there") == tmp_path / "not" / "there" / ".nbtrack"
    assert not (tmp_path / "work" / ".nbtrack").exists()


def test_the_walk_stops_below_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "project").mkdir(parents=True)
    make_store(home / ".nbtrack")
    monkeypatch.setenv("HOME", str(home))

    assert find_store(home / "project") == home / "project" / ".nbtrack"
    assert find_store(home) == home / ".nbtrack"


@pytest.mark.parametrize("border", ["st_dev", "st_uid"])
def test_the_walk_stops_at_other_file_systems_and_other_peoples_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, border: str
) -> None:
    make_store(tmp_path / "theirs" / ".nbtrack")
    (tmp_path / "theirs" / "mine").mkdir()
    real = os.stat

    def crossing(path: object, **options: object) -> os.stat_result:
        result = real(path, **options)  # type: ignore[arg-type]
        if str(path) != str(tmp_path / "theirs"):
            return result
        fields = {name: getattr(result, name) for name in ("st_dev", "st_uid")}
        return type("Stat", (), {**fields, border: -1})()  # type: ignore[return-value]

    monkeypatch.setattr(os, "stat", crossing)

    assert find_store(tmp_path / "theirs" / "mine") == tmp_path / "theirs" / "mine" / ".nbtrack"


def test_a_folder_means_itself_or_the_store_in_it(tmp_path: Path) -> None:
    project = tmp_path / "project"
    store = make_store(project / ".nbtrack")
    (project / "train.py").write_text("")
    (tmp_path / "empty").mkdir()

    assert choose_folder(project) == store
    assert choose_folder(store) == store
    assert choose_folder(tmp_path / "empty") == tmp_path / "empty"
    assert choose_folder(tmp_path / "new") == tmp_path / "new"


def test_a_store_that_was_being_made_when_its_process_died_is_taken_up(tmp_path: Path) -> None:
    half = tmp_path / "half"
    make_folder(half)

    assert choose_folder(half) == half
    assert not is_store(half)
    make_store(half)
    assert is_store(half)


@pytest.mark.parametrize("name", ["thesis.tex", "data.db", ".hidden"])
def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / name).write_text("x")

    with pytest.raises(ForeignStoreError, match=name.replace(".", r"\.")):
        choose_folder(tmp_path / "theirs")

    assert os.listdir(tmp_path / "theirs") == [name]


@pytest.mark.parametrize("state", ["missing", "empty"])
def test_a_store_that_has_lost_its_documents_says_so_and_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    tracker = Tracker(store=project / ".nbtrack")
    for _ in range(2):
        tracker.start_run().end()
    tracker.close()
    store = project / ".nbtrack"
    for file in store.glob("documents.db*"):
        file.unlink()
    if state == "empty":
        (store / "documents.db").touch()
    before = sorted(store.rglob("*"))
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")

    said = rf"{re.escape(str(store))} has lost its documents\.db, which is {state}: there are 2 run folders"
    for uri in (None, store, project):
        with pytest.raises(StoreError, match=said):
            open_store(uri)
        with pytest.raises(StoreError, match=said):
            store_exists(uri)
    with pytest.raises(StoreError, match=said):
        Tracker(store=store).search_runs()

    assert sorted(store.rglob("*")) == before
    assert os.listdir(project / "below") == []


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(ForeignStoreError, match="is a file"):
        choose_folder(tmp_path / "file")
    with pytest.raises(StoreError, match="Cannot make a store"):
        make_folder(tmp_path / "file" / "below")


def test_a_database_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    import sqlite3

    folder = tmp_path / "theirs"
    folder.mkdir()
    connection = sqlite3.connect(folder / "documents.db")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    before = (folder / "documents.db").read_bytes()

    with pytest.raises(ForeignStoreError, match="left alone"):
        open_store(folder).experiments.find("x")

    assert (folder / "documents.db").read_bytes() == before


def test_what_is_made_is_only_for_its_owner_and_hidden_from_git(tmp_path: Path) -> None:
    tracker = Tracker(store=tmp_path / "store")
    with tracker.start_run() as run:
        run.log_metric("m", 1.0)
        run.log_text("x", "a/b.txt")
    tracker.close()
    store = tmp_path / "store"

    for path in (store / "runs").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE((store / "runs").stat().st_mode) == 0o700
    assert stat.S_IMODE((store / "documents.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((store / "events.log").stat().st_mode) == 0o600
    assert (store / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("store", "store"),
        ("./a/b", "a/b"),
        ("~/store", "~/store"),
        ("sqlite:///mlflow.db", "mlflow.nbtrack"),
        ("sqlite:///a/b.sqlite", "a/b.nbtrack"),
        ("sqlite:///plain", "plain.nbtrack"),
    ],
)
def test_what_a_uri_means(tmp_path: Path, uri: str, expected: str) -> None:
    base = tmp_path if uri.startswith("~") else tmp_path / "work"

    assert store_folder(uri) == base / expected.removeprefix("~/")


def test_file_uris_and_absolute_ones(tmp_path: Path) -> None:
    assert store_folder((tmp_path / "with space é").as_uri()) == tmp_path / "with space é"
    assert store_folder(f"file://localhost{tmp_path}/x") == tmp_path / "x"
    assert store_folder(f"FILE:{tmp_path}/x") == tmp_path / "x"
    assert store_folder(f"sqlite:///{tmp_path}/x.db") == tmp_path / "x.nbtrack"
    assert store_folder(tmp_path / "x") == tmp_path / "x"
    assert not store_exists(tmp_path / "x")


@pytest.mark.parametrize("uri", ["file:///a?b", "file:///a#b", "sqlite:///:memory:", "\0", "  "])
def test_other_uris_are_refused(uri: str) -> None:
    with pytest.raises(InvalidValueError):
        store_folder(uri)
