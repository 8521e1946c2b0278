"""Many processes and threads on one file, and forks."""

import gc
import os
import threading
import time
from pathlib import Path

import psutil
import pytest

from nbtrack.core.errors import InvalidStateError, StoreError
from nbtrack.documents.database import Database
from nbtrack.documents.queries import where
from tests.documents.children import Child, run_at_once, run_python


def open_files(path: str) -> int:
    """How many descriptors of the database file this process has."""
    return sum(file.path == path for file in psutil.Process().open_files())


# --- processes ---


@pytest.mark.parametrize("attempt", range(3))
def test_fifty_processes_open_a_fresh_database_at_once(path: str, attempt: int) -> None:
    def open_and_insert(at: int) -> None:
        with Database(path) as database:
            database.table("runs", unique=[("n",)]).insert({"n": at})

    assert run_at_once(50, open_and_insert) == [0] * 50

    with Database(path) as database:
        assert sorted(document["n"] for document in database.table("runs")) == list(range(50))
        assert [document.doc_id for document in database.table("runs")] == list(range(1, 51))
    assert os.listdir(os.path.dirname(path)).count("documents.db") == 1
    assert not [name for name in os.listdir(os.path.dirname(path)) if name.endswith(".new")]


def test_twenty_processes_open_an_empty_file_at_once(path: str) -> None:
    """What a file system without hard links comes to: SQLite itself fills the file."""
    Path(path).touch()

    def open_and_insert(at: int) -> None:
        with Database(path) as database:
            database.insert({"n": at})

    assert run_at_once(20, open_and_insert) == [0] * 20

    with Database(path) as database:
        assert sorted(document["n"] for document in database) == list(range(20))
        assert database._engine.run("PRAGMA journal_mode") == [("wal",)]


def test_four_processes_write_while_one_reads(path: str) -> None:
    with Database(path) as database:
        database.insert({"writer": -1, "n": -1})

    def write(child: Child, writer: int) -> None:
        with Database(path) as database:
            for n in range(250):
                database.insert({"writer": writer, "n": n, "text": "x" * n})

    children = [Child(lambda child, at=at: write(child, at)) for at in range(4)]
    seen = 0
    with Database(path) as database:
        while seen < 1001:
            documents = database.all()
            assert len(documents) >= seen
            seen = len(documents)
            for writer in range(4):
                numbers = [document["n"] for document in documents if document["writer"] == writer]
                assert numbers == list(range(len(numbers)))
    assert [child.join() for child in children] == [0] * 4


def test_a_process_started_anew_sees_and_adds_documents(path: str, database: Database) -> None:
    database.table("runs", unique=[("run_id",)]).insert({"run_id": "a"})
    program = (
        "import sys; from nbtrack.documents.database import Database\n"
        "with Database(sys.argv[1]) as database: print(database.table('runs').insert({'run_id': 'b'}))"
    )

    done = run_python(program, path)

    assert done.stdout == "2\n"
    assert [document["run_id"] for document in database.table("runs")] == ["a", "b"]


# --- threads ---


def test_sixteen_threads_share_a_database(database: Database) -> None:
    table = database.table("runs", unique=[("key",)])
    failures: list[BaseException] = []

    def write(thread: int) -> None:
        try:
            for n in range(50):
                table.insert({"key": f"{thread}-{n}"})
                assert table.get(where("key") == f"{thread}-{n}") is not None
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=write, args=(at,)) for at in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert [document.doc_id for document in table] == list(range(1, 801))


def test_the_connection_of_a_thread_ends_with_it(path: str, database: Database) -> None:
    database.insert({})

    for _ in range(10):
        thread = threading.Thread(target=lambda: database.insert({}))
        thread.start()
        thread.join()

    assert len(database) == 11
    # SQLite keeps a descriptor for the next thread: closing it would drop the locks of this one.
    assert open_files(path) <= 2


def test_closing_ends_the_connections_of_all_threads(path: str) -> None:
    database = Database(path)
    used, finish = threading.Event(), threading.Event()
    refused: list[BaseException] = []

    def work() -> None:
        database.insert({})
        used.set()
        finish.wait()
        try:
            database.insert({})
        except StoreError as error:
            refused.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    used.wait()
    database.close()
    left = open_files(path)
    finish.set()
    thread.join()

    assert left == 0
    assert "is closed; open it again" in str(refused[0])
    database.close()  # twice is fine


def test_closing_waits_for_the_transaction_of_another_thread(path: str) -> None:
    database = Database(path)
    inside, closing = threading.Event(), threading.Event()

    def work() -> None:
        with database.transaction():
            database.insert({"n": 1})
            inside.set()
            closing.wait()
            for n in range(50):
                database.insert({"n": n})

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait()
    closing.set()
    database.close()
    thread.join()

    with Database(path) as again:
        assert len(again) == 51


def test_closing_waits_no_longer_than_for_other_writers(path: str) -> None:
    database = Database(path, timeout=0.05)
    inside, closed = threading.Event(), threading.Event()
    refused: list[BaseException] = []

    def work() -> None:
        with database.transaction():
            database.insert({"n": 1})
            inside.set()
            closed.wait()
            database.insert({"n": 2})
        try:
            database.insert({"n": 3})
        except StoreError as error:
            refused.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait()
    database.close()
    closed.set()
    thread.join()

    assert "is closed" in str(refused[0])
    assert open_files(path) == 0
    with Database(path) as again:
        assert [document["n"] for document in again] == [1, 2]


def test_closing_inside_a_transaction_undoes_it(path: str) -> None:
    database = Database(path)

    def close_inside() -> None:
        with database.transaction():
            database.insert({"n": 1})
            database.close()

    with pytest.raises(StoreError, match="was undone"):
        close_inside()

    with Database(path) as again:
        assert again.all() == []


def test_a_forgotten_database_leaves_no_file_open(path: str) -> None:
    Database(path).insert({})
    gc.collect()

    assert open_files(path) == 0


# --- forks ---


def test_a_child_writes_through_its_own_connection_and_the_parent_goes_on(
    path: str, database: Database
) -> None:
    database.insert({"by": "parent"})
    parents = database._engine.links.of_this_thread()

    def write(child: Child) -> None:
        database.insert({"by": "child"})
        assert database._engine.links.of_this_thread() is not parents
        child.say(str(len(database)))
        child.wait_for_test()
        child.say(str(len(database)))

    child = Child(write)
    assert child.line() == "2"
    database.insert({"by": "parent"})
    assert database._engine.links.of_this_thread() is parents
    child.go_on()
    assert child.line() == "3"
    assert child.join() == 0

    assert [document["by"] for document in database] == ["parent", "child", "parent"]
    assert database._engine.run("PRAGMA integrity_check") == [("ok",)]


def test_what_a_child_writes_after_its_parent_has_closed_is_kept(path: str) -> None:
    """With a connection open across the fork SQLite would lose this: the child's lock is not real."""
    database = Database(path)
    database.insert({"by": "parent"})

    def write(child: Child) -> None:
        database.insert({"by": "child"})
        child.say("written")
        child.wait_for_test()
        database.insert({"by": "child, alone"})

    child = Child(write)
    assert child.line() == "written"
    database.close()
    child.go_on()
    assert child.join() == 0

    with Database(path) as again:
        assert [document["by"] for document in again] == ["parent", "child", "child, alone"]


def test_a_child_that_ends_in_an_orderly_way_leaves_the_parent_alone(path: str, database: Database) -> None:
    database.insert({"n": 1})

    def close(child: Child) -> None:
        database.insert({"n": 2})
        database.close()

    assert Child(close).join() == 0

    database.insert({"n": 3})
    assert [document["n"] for document in database] == [1, 2, 3]


def test_forks_among_busy_threads_lose_nothing(path: str, database: Database) -> None:
    table = database.table("runs")
    stop = threading.Event()
    written = [0] * 4

    def write(at: int) -> None:
        while not stop.is_set():
            with database.transaction():
                table.insert({"by": at})
                table.insert({"by": at})
            written[at] += 2

    def work(child: Child) -> None:
        for _ in range(5):
            table.insert({"by": "child"})

    threads = [threading.Thread(target=write, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    results = [child.join() for child in [Child(work) for _ in range(10)]]
    stop.set()
    for thread in threads:
        thread.join()

    assert results == [0] * 10
    assert table.count(where("by") == "child") == 50
    assert [table.count(where("by") == at) for at in range(4)] == written
    assert database._engine.run("PRAGMA integrity_check") == [("ok",)]


def test_a_child_forked_inside_a_transaction_is_kept_away_from_it(path: str, database: Database) -> None:
    database.insert({"n": 1})

    def work(child: Child) -> None:
        with pytest.raises(StoreError, match="was in use when this process was forked"):
            database.all()
        with pytest.raises(StoreError, match="was in use when this process was forked"):
            Database(path).all()
        with Database(f"{path}.other") as other:
            other.insert({})

    with database.transaction():
        database.insert({"n": 2})
        assert Child(work).join() == 0
        database.insert({"n": 3})

    assert [document["n"] for document in database] == [1, 2, 3]


def test_a_child_cannot_end_the_transaction_of_its_parent(path: str, database: Database) -> None:
    parent = os.getpid()
    pid = 0

    def leave_the_block_twice() -> None:
        nonlocal pid
        with database.transaction():
            database.insert({"n": 1})
            pid = os.fork()

    try:
        leave_the_block_twice()
        refused = False
    except InvalidStateError:
        refused = True
    finally:
        if os.getpid() != parent:
            os._exit(0 if refused else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not refused
    assert database.all() == [{"n": 1}]


def test_a_child_forked_inside_a_transaction_ends_without_touching_it(tmp_path: Path) -> None:
    """The interpreter finalizes everything at its end; the parent's connection must escape that."""
    program = f"""
import os
from nbtrack.documents.database import Database

database = Database({str(tmp_path / "documents.db")!r})
database.insert({{"n": 0}})
with database.transaction():
    # More than SQLite's cache holds: part of it stands in the log already.
    database.insert_multiple({{"n": n, "text": "x" * 20_000}} for n in range(1, 300))
    pid = os.fork()
    if pid:
        assert os.waitpid(pid, 0)[1] == 0
        database.insert({{"n": 300}})
    else:
        raise SystemExit(0)
print([document["n"] for document in database] == list(range(301)), database.check())
"""

    done = run_python(program)

    assert done.stdout == "True []\n"
    assert done.stderr == ""


def test_a_fork_costs_no_checkpoint(path: str, database: Database) -> None:
    database.insert({"text": "x" * 100_000})
    before = os.path.getsize(path)

    assert Child(lambda child: None).join() == 0

    assert os.path.getsize(path) == before
    assert os.path.getsize(f"{path}-wal") > 100_000


def test_opening_is_quick(tmp_path: Path) -> None:
    began = time.perf_counter()
    for at in range(10):
        with Database(tmp_path / f"{at}.db") as database:
            database.table("runs", unique=[("run_id",)]).insert({"run_id": "a"})

    assert (time.perf_counter() - began) / 10 < 0.1  # 3 ms here; the rest is for slow disks


def test_importing_the_tables_loads_no_other_library() -> None:
    program = (
        "import sys; import nbtrack.documents.database; "
        "print(sorted({n.partition('.')[0] for n in sys.modules} & "
        "{'numpy', 'pandas', 'dataclasses', 'inspect', 'tempfile', 'shutil', 'ctypes', 'random'}))"
    )

    done = run_python(program)

    assert done.stdout == "[]\n"
