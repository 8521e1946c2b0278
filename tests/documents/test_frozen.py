"""Reading where nothing may or can be written."""

import gc
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from nbtrack.core.errors import MissingFileError, StoreError
from nbtrack.documents import frozen
from nbtrack.documents.database import Database
from nbtrack.documents.queries import where
from tests.documents.children import Child

NOBODY = 65534


def names(path: str) -> set[str]:
    return {file.name for file in Path(path).parent.iterdir() if file.is_file()}


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user may enter (pytest's own folders are for one user only)."""
    folder = Path(tempfile.mkdtemp(prefix="nbtrack-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def as_somebody_who_may_not_write(folder: Path, function: Callable[[], None]) -> None:
    """Run `function` in a process that may read the folder and its files but write nothing there."""
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)

    def run(child: Child) -> None:
        if os.geteuid() == 0:  # permissions do not bind root
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        with pytest.raises(PermissionError):
            (folder / "probe").touch()
        function()

    assert Child(run).join() == 0


def leave_a_log(path: str, numbers: range) -> None:
    """Write documents and die, so that they stand in the write-ahead log only."""

    def write(child: Child) -> None:
        database = Database(path)
        for n in numbers:
            database.insert({"n": n})
        os.kill(os.getpid(), 9)

    assert Child(write).join() == -9
    assert os.path.getsize(f"{path}-wal") > 0


def numbers_in(database: Database) -> list[int]:
    return [document["n"] for document in database]


# --- read_only=True ---


def test_a_database_at_rest_is_read_without_making_a_file(path: str) -> None:
    with Database(path) as database:
        database.table("runs", unique=[("n",)]).insert_multiple({"n": n} for n in range(3))

    with Database(path, read_only=True) as database:
        runs = database.table("runs", unique=[("n",)])
        assert numbers_in(runs) == [0, 1, 2]
        assert runs.get(where("n") == 2) == {"n": 2}
        assert database.tables() == {"runs"}
        assert names(path) == {"documents.db"}


def test_nothing_can_be_changed(path: str) -> None:
    with Database(path) as database:
        database.insert({"n": 1})
    before = Path(path).read_bytes()

    with Database(path, read_only=True) as database:
        for act in (
            lambda: database.insert({"n": 2}),
            lambda: database.insert_multiple([{"n": 2}]),
            lambda: database.update({"n": 2}),
            lambda: database.remove(where("n") == 1),
            lambda: database.upsert({"n": 2}, where("n") == 1),
            lambda: database.truncate(),
            lambda: database.table("new", persist_empty=True),
            database.drop_tables,
            lambda: database.drop_table("_default"),
            lambda: database.transaction().__enter__(),
        ):
            with pytest.raises(StoreError, match=r"was opened with read_only=True; open it without"):
                act()
        database.sync()
        assert numbers_in(database) == [1]

    assert Path(path).read_bytes() == before


def test_a_missing_database_is_not_made(path: str) -> None:
    with (
        Database(path, read_only=True) as database,
        pytest.raises(MissingFileError, match="Open it for writing"),
    ):
        database.all()

    assert names(path) == set()


def test_a_reader_sees_what_a_writer_does_from_the_first_moment_on(path: str) -> None:
    with Database(path) as database:
        database.insert({"n": 0})

    with Database(path, read_only=True) as reader:
        assert numbers_in(reader) == [0]  # the file alone
        with Database(path) as writer:
            assert numbers_in(reader) == [0]
            writer.insert({"n": 1})
            assert numbers_in(reader) == [0, 1]  # along with the writer
            writer.insert({"n": 2})
            assert numbers_in(reader) == [0, 1, 2]
        assert numbers_in(reader) == [0, 1, 2]
        with Database(path) as writer:
            writer.insert({"n": 3})
        assert numbers_in(reader) == [0, 1, 2, 3]


def test_writers_that_come_and_go_never_confuse_a_reader(path: str) -> None:
    with Database(path) as database:
        database.insert({"n": 0})

    def write(child: Child) -> None:
        for n in range(1, 60):
            with Database(path) as database:
                database.insert({"n": n, "text": "x" * 3000})

    child = Child(write)
    seen = 0
    with Database(path, read_only=True) as reader:
        while seen < 60:
            numbers = numbers_in(reader)
            assert numbers == list(range(len(numbers)))
            assert len(numbers) >= seen
            seen = len(numbers)
    assert child.join() == 0


def test_what_was_read_while_a_writer_came_in_between_is_read_again(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Database(path) as database:
        database.insert({"n": 0})
    from nbtrack.documents import engine

    original = engine._fetch
    reads: list[int] = []

    def read_and_let_a_writer_in(*arguments: Any) -> Any:
        rows = original(*arguments)
        reads.append(len(rows))
        if len(reads) == 1:
            with Database(path) as writer:
                writer.insert({"n": 1})
        return rows

    monkeypatch.setattr(engine, "_fetch", read_and_let_a_writer_in)

    with Database(path, read_only=True) as reader:
        assert numbers_in(reader) == [0, 1]
    assert reads == [1, 2]


def test_what_failed_while_a_writer_came_in_between_is_tried_again(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Database(path) as database:
        database.insert({"n": 0})
    from nbtrack.documents import engine

    original = engine._fetch
    tries: list[Any] = []

    def fail_and_let_a_writer_in(*arguments: Any) -> Any:
        tries.append(arguments)
        if len(tries) == 1:
            with Database(path) as writer:
                writer.insert({"n": 1})
            raise apsw.CorruptError("half of one page, half of another")
        return original(*arguments)

    monkeypatch.setattr(engine, "_fetch", fail_and_let_a_writer_in)

    with Database(path, read_only=True) as reader:
        assert numbers_in(reader) == [0, 1]
    assert len(tries) == 2


def test_the_log_of_a_writer_that_died_is_read_from_a_copy(path: str) -> None:
    leave_a_log(path, range(3))
    os.unlink(f"{path}-shm")
    before = {name: Path(path).with_name(name).read_bytes() for name in names(path)}

    with Database(path, read_only=True) as database:
        assert numbers_in(database) == [0, 1, 2]
        copies = database._engine._frozen._folder
        assert stat.S_IMODE(os.stat(copies).st_mode) == 0o700
        assert len([name for name in os.listdir(copies) if name.endswith(".db")]) == 1
        with pytest.raises(StoreError, match="read_only=True"):
            database.insert({"n": 9})
        assert numbers_in(database) == [0, 1, 2]
        # A writer comes and tidies up: the copy is out of date.
        with Database(path) as writer:
            writer.insert({"n": 3})
        assert numbers_in(database) == [0, 1, 2, 3]

    assert set(before) == {"documents.db", "documents.db-wal"}
    del database
    gc.collect()
    assert not os.path.exists(copies)


def test_a_new_log_is_copied_anew(path: str) -> None:
    leave_a_log(path, range(2))
    os.unlink(f"{path}-shm")
    with Database(path, read_only=True) as database:
        assert numbers_in(database) == [0, 1]
        first = os.listdir(database._engine._frozen._folder)

        leave_a_log(path, range(2, 5))
        os.unlink(f"{path}-shm")

        assert numbers_in(database) == [0, 1, 2, 3, 4]
        assert not set(first) & set(os.listdir(database._engine._frozen._folder))


def test_a_child_of_a_reader_leaves_the_copy_to_its_parent(path: str) -> None:
    leave_a_log(path, range(3))
    os.unlink(f"{path}-shm")
    database = Database(path, read_only=True)
    assert numbers_in(database) == [0, 1, 2]

    def read(child: Child) -> None:
        child.say(str(numbers_in(database)))
        database.close()
        database._engine._frozen = None  # pyright: ignore[reportAttributeAccessIssue]
        gc.collect()

    child = Child(read)
    assert child.line() == "[0, 1, 2]"
    assert child.join() == 0
    assert os.path.isdir(database._engine._frozen._folder)
    assert numbers_in(database) == [0, 1, 2]
    database.close()


def test_an_unfinished_change_in_a_rollback_journal_is_not_shown(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbtrack.documents.database_file._wants_wal", lambda _: False)
    with Database(path) as database:
        database.insert_multiple({"n": n, "text": "x" * 9000} for n in range(50))

    def die_half_way(child: Child) -> None:
        database = Database(path)
        connection = database._engine.links.of_this_thread()
        with database.transaction():
            assert connection.connection is not None
            connection.connection.execute("PRAGMA cache_size = 1; PRAGMA cache_spill = 1").fetchall()
            for n in range(50):
                database.update({"n": -1, "text": "y" * 9000}, doc_ids=[n + 1])
            os.kill(os.getpid(), 9)

    assert Child(die_half_way).join() == -9
    assert b"y" * 100 in Path(path).read_bytes()  # the file itself is half changed

    with Database(path, read_only=True) as database:
        assert numbers_in(database) == list(range(50))


def test_a_file_that_never_rests_is_an_error(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database(path) as database:
        database.insert({})
    ticks = iter(range(10**6))
    monkeypatch.setattr(frozen.FrozenFile, "signature", lambda _: ((next(ticks), 1, 1), None, None))

    with (
        Database(path, read_only=True) as database,
        pytest.raises(StoreError, match="changes too fast to be read"),
    ):
        database.all()


def test_a_reader_can_make_a_backup(path: str) -> None:
    with Database(path) as database:
        database.insert({"n": 1})

    with Database(path, read_only=True) as database:
        database.backup(f"{path}.copy")

    with Database(f"{path}.copy") as copy:
        assert copy.all() == [{"n": 1}]


# --- folders where one may not write ---


@pytest.mark.parametrize("read_only", [False, True])
def test_a_database_in_a_read_only_folder_is_read(shared: Path, read_only: bool) -> None:
    path = shared / "documents.db"
    with Database(path) as database:
        database.insert({"n": 1})

    def read() -> None:
        with Database(path, read_only=read_only) as database:
            assert numbers_in(database) == [1]
            with pytest.raises(StoreError, match=r"read_only=True" if read_only else r"cannot be written"):
                database.insert({"n": 2})
            assert numbers_in(database) == [1]

    as_somebody_who_may_not_write(shared, read)


def test_the_log_of_a_dead_writer_in_a_read_only_folder_is_read(shared: Path) -> None:
    path = shared / "documents.db"
    leave_a_log(str(path), range(3))
    os.unlink(f"{path}-shm")

    def read() -> None:
        with Database(path) as database:
            assert numbers_in(database) == [0, 1, 2]

    as_somebody_who_may_not_write(shared, read)


def test_a_writer_of_another_user_is_followed(shared: Path) -> None:
    path = shared / "documents.db"
    with Database(path) as writer:
        writer.insert({"n": 0})

        def read() -> None:
            with Database(path) as database:
                assert numbers_in(database) == [0]

        as_somebody_who_may_not_write(shared, read)


def test_no_database_can_be_made_in_a_read_only_folder(shared: Path) -> None:
    def make() -> None:
        with (
            Database(shared / "documents.db") as database,
            pytest.raises(StoreError, match=r"cannot be made: Permission denied\. Check that you may write"),
        ):
            database.insert({})

    as_somebody_who_may_not_write(shared, make)


def test_a_file_that_may_not_be_read_is_an_error(shared: Path) -> None:
    path = shared / "documents.db"
    with Database(path) as database:
        database.insert({})

    def read() -> None:
        with Database(path) as database, pytest.raises(StoreError, match=r"documents\.db' cannot be opened"):
            database.all()

    def forbid_and_read() -> None:
        read()

    os.chmod(path, 0)
    before = Path.chmod
    try:
        Path.chmod = lambda self, mode, **_: None if self == path else before(self, mode)  # type: ignore[method-assign]
        as_somebody_who_may_not_write(shared, forbid_and_read)
    finally:
        Path.chmod = before  # type: ignore[method-assign]
