"""Making, recognising and refusing database files."""

import os
import stat
import struct
from pathlib import Path

import apsw
import pytest

from nbtrack.core.errors import (
    AlreadyExistsError,
    ForeignStoreError,
    MissingFileError,
    StoreError,
    StoreVersionError,
)
from nbtrack.documents import database_file, filesystems
from nbtrack.documents.database import Database
from tests.documents.children import Child


def listing(path: str) -> dict[str, bytes]:
    """The files around a database, with their bytes."""
    folder = Path(path).parent
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def test_nothing_is_made_before_the_first_use(path: str) -> None:
    with Database(path):
        pass

    assert listing(path) == {}


def test_the_file_is_marked_as_ours(path: str, database: Database) -> None:
    database.insert({})

    header = Path(path).read_bytes()[:100]
    assert header[:16] == b"SQLite format 3\0"
    assert struct.unpack_from(">I", header, 68) == (0x6E627472,)
    assert struct.unpack_from(">I", header, 60) == (database_file.SCHEMA_VERSION,)
    assert database._engine.run("PRAGMA journal_mode") == [("wal",)]
    assert database._engine.run("PRAGMA synchronous") == [(1,)]


def test_closing_leaves_one_file(path: str) -> None:
    with Database(path) as database:
        database.insert({})

    assert list(listing(path)) == ["documents.db"]


def test_a_new_file_is_only_for_its_owner_whatever_the_umask(path: str) -> None:
    before = os.umask(0)
    try:
        with Database(path) as database:
            database.insert({})
            for suffix in ("", "-wal", "-shm"):
                assert stat.S_IMODE(os.stat(path + suffix).st_mode) == 0o600
    finally:
        os.umask(before)


@pytest.mark.parametrize("name", ["a b?#%41.db", "ünï\U0001f600.db", "-wal", "x'y\".db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    for read_only in (False, True):
        with Database(tmp_path / name, read_only=read_only) as database:
            if not read_only:
                database.insert({"n": 1})
            assert database.all() == [{"n": 1}]

    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == [name]


def test_a_relative_path_stays_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    database = Database("documents.db")
    monkeypatch.chdir("/")

    with database:
        database.insert({})

    assert (tmp_path / "documents.db").exists()
    assert database.path == str(tmp_path / "documents.db")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with Database(tmp_path / "no" / "documents.db") as database:
        with pytest.raises(MissingFileError, match=r"No folder '.*/no'\. Make it first"):
            database.all()
        assert issubclass(MissingFileError, FileNotFoundError)


@pytest.mark.parametrize(
    "content", [b"not a database", b"x" * 5000, b"SQLite format 2\0" + b"\0" * 500, b"{}", b"\0" * 4096]
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_of_something_else_is_left_alone(path: str, content: bytes, read_only: bool) -> None:
    Path(path).write_bytes(content)

    with (
        Database(path, read_only=read_only) as database,
        pytest.raises(ForeignStoreError, match="is not a document database of nbtrack; it was left alone"),
    ):
        database.all()

    assert listing(path) == {"documents.db": content}


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_database_of_somebody_else_is_left_alone(path: str, journal_mode: str) -> None:
    other = apsw.Connection(path)
    other.execute(
        f"PRAGMA journal_mode = {journal_mode}; CREATE TABLE runs (id); INSERT INTO runs VALUES (1)"
    ).fetchall()
    other.close()
    before = listing(path)

    with Database(path) as database:
        for act in (database.all, lambda: database.insert({}), database.drop_tables):
            with pytest.raises(ForeignStoreError, match="a database, but not one of nbtrack's"):
                act()

    assert listing(path) == before


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with Database(tmp_path) as database, pytest.raises(ForeignStoreError, match="is a folder"):
        database.all()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_version_is_refused_before_anything_is_written(path: str, read_only: bool) -> None:
    with Database(path) as database:
        database.insert({"n": 1})
        database._engine.run(f"PRAGMA user_version = {database_file.SCHEMA_VERSION + 1}")
    before = listing(path)

    with (
        Database(path, read_only=read_only) as database,
        pytest.raises(StoreVersionError, match=r"written by a newer nbtrack .*pip install --upgrade nbtrack"),
    ):
        database.all()

    assert listing(path) == before


def test_a_newer_version_that_stands_only_in_the_log_is_refused_too(path: str, tmp_path: Path) -> None:
    with Database(path) as database:
        database.insert({"n": 1})
        database._engine.run("PRAGMA user_version = 7")
        assert struct.unpack_from(">I", Path(path).read_bytes(), 60) == (database_file.SCHEMA_VERSION,)

        with Database(path) as other, pytest.raises(StoreVersionError, match="layout 7"):
            other.insert({})


def test_a_damaged_file_is_said_to_be_damaged(path: str) -> None:
    with Database(path) as database:
        database.insert_multiple({"text": "x" * 500} for _ in range(1000))
    content = bytearray(Path(path).read_bytes())
    content[20_000:-20_000] = os.urandom(len(content) - 40_000)
    Path(path).write_bytes(content)

    with (
        Database(path) as database,
        pytest.raises(
            StoreError, match=r"documents\.db' is damaged\. Leave the file as it is and run `nbtrack doctor`"
        ),
    ):
        database.all()


def test_damage_is_found_by_looking_for_it(path: str) -> None:
    with Database(path) as database:
        table = database.table("runs", unique=[("run_id",)])
        table.insert_multiple({"run_id": str(n), "text": "x" * 500} for n in range(1000))
        assert database.check() == []
    content = bytearray(Path(path).read_bytes())
    content[200_000:250_000] = b"\0" * 50_000
    Path(path).write_bytes(content)

    with Database(path) as database:
        assert database.check() != []
    content[20_000:-20_000] = os.urandom(len(content) - 40_000)
    Path(path).write_bytes(content)
    with Database(path) as database:
        assert database.check() != []


def test_a_file_that_cannot_be_looked_at_is_no_damage(path: str) -> None:
    database = Database(path)
    database.close()

    with pytest.raises(StoreError, match="is closed"):
        database.check()


def test_a_file_cut_short_is_an_error_of_ours(path: str) -> None:
    with Database(path) as database:
        database.insert_multiple({"text": "x" * 500} for _ in range(1000))
    os.truncate(path, 50_000)

    with Database(path) as database, pytest.raises(StoreError, match=r"documents\.db"):
        database.all()


# --- where the write-ahead log is not safe ---


def test_an_old_sqlite_keeps_a_rollback_journal(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database(path) as database:
        database.insert({"n": 1})
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")

    with Database(path) as database, Database(f"{path}.fresh") as fresh:
        database.insert({"n": 2})
        fresh.insert({})
        for one in (database, fresh):
            assert one._engine.run("PRAGMA journal_mode") == [("delete",)]
            assert one._engine.run("PRAGMA synchronous") == [(2,)]
            one.sync()
        assert len(database) == 2
        assert not os.path.exists(f"{path}-wal")

    monkeypatch.undo()
    with Database(path) as database:
        assert [document["n"] for document in database] == [1, 2]
        assert database._engine.run("PRAGMA journal_mode") == [("wal",)]


def test_the_journal_is_changed_once_readers_have_finished(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite answers "busy" to this without asking the busy handler."""
    with monkeypatch.context() as old:
        old.setattr(database_file, "_wants_wal", lambda _: False)
        with Database(path) as database:
            database.insert({"n": 1})
    reader = apsw.Connection(path)
    reader.execute("BEGIN; SELECT * FROM sqlite_schema").fetchall()
    pauses: list[float] = []

    def finish_reading(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            reader.close()

    monkeypatch.setattr(database_file.time, "sleep", finish_reading)

    with Database(path) as database:
        database.insert({"n": 2})
        assert database._engine.run("PRAGMA journal_mode") == [("wal",)]

    assert len(pauses) == 3
    assert all(0.0002 <= pause <= 0.005 for pause in pauses)


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [("3.51.2", False), ("3.40.1", False), ("3.51.3", True), ("3.54.1", True), ("4.0.0", True)],
)
def test_the_sqlite_that_is_safe_is_told_by_its_version(
    monkeypatch: pytest.MonkeyPatch, version: str, is_safe: bool
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: version)

    assert database_file.has_safe_wal() == is_safe


def test_many_processes_share_a_rollback_journal(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.documents.children import run_at_once

    monkeypatch.setattr(database_file, "_wants_wal", lambda _: False)

    def work(at: int) -> None:
        with Database(path) as database:
            for n in range(5):
                database.insert({"by": at, "n": n})

    assert run_at_once(8, work) == [0] * 8

    with Database(path) as database:
        assert len(database) == 40
        assert database._engine.run("PRAGMA journal_mode") == [("delete",)]


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:45 / /home rw,relatime shared:1 - nfs4 server:/home rw,vers=4.2
24 22 0:46 / /mnt/c rw,noatime - 9p drvfs rw
25 22 0:47 / /data rw - fuse.sshfs host:/data rw
26 22 0:48 / /over rw - fuse.fuse-overlayfs overlay rw
"""


@pytest.mark.parametrize(
    ("device", "expected"),
    [((254, 0), False), ((0, 45), True), ((0, 46), True), ((0, 47), True), ((0, 48), False), ((9, 9), False)],
)
def test_network_file_systems_are_told_from_the_mounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: tuple[int, int], expected: bool
) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(filesystems, "_MOUNTS", str(tmp_path / "mountinfo"))
    monkeypatch.setattr(os, "major", lambda _: device[0])
    monkeypatch.setattr(os, "minor", lambda _: device[1])

    assert filesystems.is_on_network(str(tmp_path)) == expected


def test_where_mounts_cannot_be_read_a_folder_counts_as_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystems, "_MOUNTS", str(tmp_path / "nothing"))

    assert not filesystems.is_on_network(str(tmp_path))


def test_on_a_network_a_rollback_journal_is_kept(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_file, "is_on_network", lambda folder: folder == os.path.dirname(path))

    with Database(path) as database:
        database.insert({})

        assert database._engine.run("PRAGMA journal_mode") == [("delete",)]


def test_without_hard_links_the_file_is_made_as_well(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)

    with Database(path) as database:
        database.insert({"n": 1})
        assert database._engine.run("PRAGMA application_id") == [(database_file.APPLICATION_ID,)]
        assert database._engine.run("PRAGMA page_size") == [(16384,)]
        assert database._engine.run("PRAGMA journal_mode") == [("wal",)]

    assert list(listing(path)) == ["documents.db"]


def test_a_process_killed_while_it_makes_the_file_harms_nobody(path: str) -> None:
    def make(child: Child) -> None:
        import nbtrack.documents.database_file as module

        module.os.link = lambda *_: child.kill() or child.wait_for_test()  # pyright: ignore
        child.pid = os.getpid()
        Database(path).insert({})

    assert Child(make).join() == -9
    assert not os.path.exists(path)

    with Database(path) as database:
        assert database.insert({}) == 1


# --- backup ---


def test_a_backup_is_a_database_of_its_own(path: str, database: Database) -> None:
    table = database.table("runs", unique=[("run_id",)])
    table.insert({"run_id": "a"})

    database.backup(f"{path}.copy")
    table.insert({"run_id": "b"})

    with Database(f"{path}.copy") as copy:
        assert copy.table("runs").all() == [{"run_id": "a"}]
        with pytest.raises(AlreadyExistsError):
            copy.table("runs").insert({"run_id": "a"})
        assert copy._engine.run("PRAGMA integrity_check") == [("ok",)]
    assert not [name for name in listing(path) if ".part" in name]


def test_a_backup_under_a_writer_is_whole(path: str) -> None:
    with Database(path) as database:
        database.table("one").insert({})
        database.table("two").insert({})

    def write(child: Child) -> None:
        with Database(path) as database:
            for n in range(400):
                with database.transaction():
                    database.table("one").insert({"n": n, "text": "x" * 5000})
                    database.table("two").insert({"n": n})

    child = Child(write)
    with Database(path) as database:
        for at in range(10):
            database.backup(f"{path}.{at}")
    assert child.join() == 0

    for at in range(10):
        with Database(f"{path}.{at}", read_only=True) as copy:
            assert copy._engine.run("PRAGMA integrity_check") == [("ok",)]
            assert len(copy.table("one")) == len(copy.table("two"))


def test_a_backup_replaces_nothing(path: str, database: Database) -> None:
    database.insert({})
    Path(f"{path}.copy").write_bytes(b"mine")

    for target in (f"{path}.copy", path, os.path.dirname(path)):
        with pytest.raises(AlreadyExistsError, match="exists already; name a new file"):
            database.backup(target)

    assert Path(f"{path}.copy").read_bytes() == b"mine"


def test_a_backup_that_cannot_be_written_says_why(path: str, database: Database) -> None:
    database.insert({})

    with pytest.raises(StoreError, match=r"The backup '.*/no/copy\.db' .* cannot be written"):
        database.backup(os.path.join(os.path.dirname(path), "no", "copy.db"))
