"""Transactions: all or nothing, for exceptions, interrupts and kills."""

import random
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import apsw
import pytest

from nbtrack.core.errors import AlreadyExistsError, StoreError
from nbtrack.documents.database import Database
from nbtrack.documents.queries import where
from tests.documents.children import Child


class PlannedError(Exception):
    """What the tests raise themselves."""


def fail_inside(database: Database, change: Any, error: type[BaseException] = PlannedError) -> None:
    with database.transaction():
        change()
        raise error


def test_changes_in_several_tables_become_one(path: str, database: Database) -> None:
    one, two = database.table("one"), database.table("two")
    with Database(path) as other, database.transaction():
        one.insert({"n": 1})
        two.insert_multiple([{"n": 1}, {"n": 2}])
        two.update({"seen": True}, where("n") == 1)

        assert one.all() == [{"n": 1}]  # its own thread sees them
        assert other.tables() == set()  # nobody else does

    assert one.all() == [{"n": 1}]
    assert two.all() == [{"n": 1, "seen": True}, {"n": 2}]


@pytest.mark.parametrize("error", [PlannedError, KeyboardInterrupt, SystemExit])
def test_an_exception_undoes_everything(database: Database, error: type[BaseException]) -> None:
    table = database.table("one")
    table.insert({"n": 1})

    def change() -> None:
        table.update({"n": 2})
        table.patch({("a", "b"): 1})
        database.table("two").insert({})
        database.drop_table("one")

    with pytest.raises(error):
        fail_inside(database, change, error)

    assert database.tables() == {"one"}
    assert database.table("one").all() == [{"n": 1}]


def test_an_inner_transaction_that_fails_undoes_only_itself(database: Database) -> None:
    table = database.table("one")

    with database.transaction():
        table.insert({"n": 1})
        with pytest.raises(PlannedError):
            fail_inside(database, lambda: table.insert({"n": 2}))
        with database.transaction():
            table.insert({"n": 3})

    assert table.all() == [{"n": 1}, {"n": 3}]


def test_an_outer_transaction_that_fails_undoes_the_inner_ones(database: Database) -> None:
    table = database.table("one")

    def change() -> None:
        with database.transaction(), database.transaction():
            table.insert({"n": 1})

    with pytest.raises(PlannedError):
        fail_inside(database, change)

    assert table.all() == []


def test_a_change_that_fails_leaves_the_transaction_alive(database: Database) -> None:
    table = database.table("runs", unique=[("k",)])

    with database.transaction():
        table.insert({"k": 1})
        with pytest.raises(AlreadyExistsError):
            table.insert({"k": 1})
        with pytest.raises(AlreadyExistsError):
            table.insert_multiple([{"k": 2}, {"k": 1}])
        table.insert({"k": 3})

    assert [document["k"] for document in table] == [1, 3]


def test_a_function_that_updates_runs_inside_the_transaction_that_stores_it(path: str) -> None:
    """Sixteen threads read, add one and write: no step is lost."""
    with Database(path) as database:
        database.insert({"n": 0})

        def work() -> None:
            for _ in range(10):
                database.update(lambda document: document.update(n=document["n"] + 1))

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert database.all() == [{"n": 160}]


def test_a_generator_may_read_the_database_that_it_fills(database: Database) -> None:
    database.insert({"n": 1})

    def copies() -> Iterator[dict[str, Any]]:
        for document in database:
            database.table("log").insert({"copied": document["n"]})
            yield {"copy of": document.doc_id, "so far": len(database)}

    database.insert_multiple(copies())

    assert database.all() == [{"n": 1}, {"copy of": 1, "so far": 1}]
    assert database.table("log").all() == [{"copied": 1}]


def test_other_writers_wait_for_a_transaction(path: str, database: Database) -> None:
    database.insert({"n": 0})
    begun, order = threading.Event(), []

    def write() -> None:
        with Database(path) as other:
            begun.wait()
            other.update({"n": 2})
            order.append("other")

    thread = threading.Thread(target=write)
    thread.start()
    with database.transaction():
        begun.set()
        for n in range(200):
            database.update({"n": -n})
        order.append("transaction")
    thread.join()

    assert order == ["transaction", "other"]
    assert database.all() == [{"n": 2}]


def test_a_writer_that_waits_too_long_is_told_what_to_do(path: str, database: Database) -> None:
    database.insert({})
    with Database(path, timeout=0.05) as other, database.transaction():
        began = time.monotonic()

        for act in (lambda: other.insert({}), lambda: fail_inside(other, lambda: None)):
            with pytest.raises(StoreError, match=r"documents\.db' is locked by another process.*fuser"):
                act()

        assert time.monotonic() - began < 5
        assert len(other) == 1  # readers do not wait
    assert len(database) == 1


def test_what_sqlite_undid_by_itself_is_not_taken_for_done(database: Database) -> None:
    table = database.table("one")
    table.insert({"n": 1})

    def fill_the_disk() -> None:
        """SQLite rolls the whole transaction back when it can write no further."""
        connection = database._engine.links.of_this_thread().connection
        assert connection is not None
        with database.transaction():
            table.insert({"n": 2})
            connection.execute("ROLLBACK").fetchall()
            with pytest.raises(StoreError, match="was undone by an earlier error"):
                table.insert({"n": 3})

    with pytest.raises(StoreError, match="was undone by an earlier error"):
        fill_the_disk()

    table.insert({"n": 4})
    assert table.all() == [{"n": 1}, {"n": 4}]


def test_a_full_disk_is_an_error_that_says_so(path: str, database: Database) -> None:
    table = database.table("one")
    table.insert({"n": 1})
    connection = database._engine.links.of_this_thread().connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").get
    connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()

    with pytest.raises(StoreError, match=r"the disk is full\. Free some space"):
        table.insert_multiple({"text": "x" * 10_000} for _ in range(50))

    connection.execute("PRAGMA max_page_count = 1000000").fetchall()
    table.insert({"n": 2})
    assert table.all() == [{"n": 1}, {"n": 2}]


def test_an_interrupt_anywhere_leaves_all_or_nothing_and_no_lock(path: str) -> None:
    chance = random.Random(7)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with Database(path) as database, Database(path, timeout=2) as other:
            one, two = database.table("one"), database.table("two")
            one.insert({})
            two.insert({})
            interrupted = 0
            for _ in range(150):
                try:
                    signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00002, 0.0006))
                    for n in range(1000):
                        with database.transaction():
                            one.insert({"n": n})
                            with database.transaction():
                                two.insert({"n": n})
                except KeyboardInterrupt:
                    interrupted += 1
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                assert len(one) == len(two)
                other.table("three").insert({})  # would wait for ever for a lock left behind
            assert interrupted == 150
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_transaction_that_nobody_holds_any_more_is_undone(path: str, database: Database) -> None:
    """An interrupt just before the end of the `with` block leaves one like this."""
    database.insert({"n": 1})
    transaction = database.transaction()
    transaction.__enter__()
    database.insert({"n": 2})

    del transaction

    with Database(path, timeout=0.1) as other:
        other.insert({"n": 3})
    assert [document["n"] for document in database] == [1, 3]


def test_killed_at_any_moment_transactions_are_whole_and_what_was_said_to_be_done_is(path: str) -> None:
    chance = random.Random(11)
    with Database(path) as database:
        database.table("one", unique=[("key",)]).insert({"key": "first"})
        database.table("two").insert({})
    done: list[str] = []

    def write(child: Child, start: int) -> None:
        with Database(path) as database:
            one, two = database.table("one"), database.table("two")
            for n in range(start, start + 10_000):
                with database.transaction():
                    one.insert({"key": str(n), "text": "x" * chance.randrange(3000)})
                    two.insert({"key": str(n)})
                    two.patch({("count",): n}, doc_ids=[1])
                child.say(str(n))

    for attempt in range(40):
        child = Child(lambda child, start=attempt * 10_000: write(child, start))
        done += [child.line() for _ in range(chance.randrange(1, 40))]
        child.kill()
        done += child.rest()
        assert child.join() == -signal.SIGKILL
        with Database(path) as database:
            assert database._engine.run("PRAGMA integrity_check") == [("ok",)]
            kept = [document["key"] for document in database.table("two") if "key" in document]
            assert kept == [document["key"] for document in database.table("one")][1:]
            assert set(done) <= set(kept)
            assert database.table("two").get(doc_id=1) == {"count": int(kept[-1])}


def test_sync_reaches_the_disk_and_keeps_the_locks(
    path: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr("nbtrack.documents.engine.sync_file", synced.append)
    monkeypatch.setattr("nbtrack.documents.engine.sync_folder", lambda folder: synced.append(f"{folder}/"))
    with database.transaction():
        database.insert({})
        database.sync()
        with (
            Database(path, timeout=0.01) as other,
            pytest.raises(StoreError, match="is locked"),
        ):
            other.insert({})

    assert synced == [f"{path}-wal", path.removesuffix("documents.db")]


def test_sync_works_on_real_files(database: Database) -> None:
    database.sync()
    database.insert({})
    database.sync()

    assert len(database) == 1


def test_a_disk_that_refuses_to_sync_is_an_error(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise OSError(5, "Input/output error")

    database.insert({})
    monkeypatch.setattr("nbtrack.documents.engine.sync_file", refuse)

    with pytest.raises(StoreError, match=r"documents\.db' cannot be synced to disk: .*Input/output error"):
        database.sync()


def test_apsw_is_as_these_tests_assume() -> None:
    assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= (3, 51, 3)
