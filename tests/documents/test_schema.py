"""Tables, unique keys and indexes."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.errors import AlreadyExistsError, InvalidValueError
from nbtrack.documents.database import Database
from nbtrack.documents.queries import Query, where
from nbtrack.documents.schema import table_identifier, table_name
from nbtrack.documents.tables import Document, Index, Table


@pytest.fixture
def runs(database: Database) -> Table:
    return database.table("runs", unique=[("run_id",)])


def plan_of(table: Table, condition: Any) -> str:
    """How SQLite would search for a condition."""
    compiled = table._compile(condition)
    assert compiled is not None
    sql = f"EXPLAIN QUERY PLAN SELECT doc FROM {table._sql} WHERE odd = 0 AND {compiled.sql}"
    return " ".join(row[3] for row in table._engine.run(sql, compiled.bindings))


# --- names ---


@given(st.text(st.characters()))
def test_every_text_names_a_table_of_its_own(name: str) -> None:
    identifier = table_identifier(name)

    assert table_name(identifier[1:-1]) == name
    assert identifier[1:-1].isascii()
    assert identifier == identifier.lower()


@pytest.mark.parametrize(
    "name", ["", 'a"b', "a'b", "a;--", "nul\0", "\ud800", "Ünï", "sqlite_x", "a b", "%41"]
)
def test_tables_may_have_any_name(database: Database, name: str) -> None:
    table = database.table(name, unique=[("k",)])
    table.insert({"k": 1})

    with pytest.raises(AlreadyExistsError):
        table.insert({"k": 1})

    assert database.tables() == {name}
    assert table.all() == [{"k": 1}]
    database.drop_table(name)
    assert database.tables() == set()


def test_reading_a_table_that_is_not_there_finds_nothing_and_writes_nothing(database: Database) -> None:
    table = database.table("runs", unique=[("run_id",)])

    assert table.all() == []
    assert table.search(where("a") == 1) == []
    assert table.count(where("a") == 1) == 0
    assert table.select(limit=3) == []
    assert table.get(doc_id=1) is None
    assert table.get(doc_ids=[1]) == []
    assert table.update({"a": 1}, where("a") == 1) == []
    assert table.patch({("a",): 1}, where("a") == 1) == []
    assert table.remove(doc_ids=[1]) == []
    assert len(table) == 0
    assert database.tables() == set()


def test_no_call_reads_or_writes_the_whole_storage(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the whole storage was asked for")

    monkeypatch.setattr(type(database.storage), "read", refuse)
    monkeypatch.setattr(type(database.storage), "write", refuse)
    table = database.table("runs", persist_empty=True)

    table.insert({"a": 1})
    table.update({"a": 2})
    table.upsert({"a": 3}, where("a") == 2)
    assert len(table) == 1
    assert database.tables() == {"runs"}
    assert "documents.db" in repr(database)
    assert "runs" in repr(table)
    database.drop_table("runs")
    database.drop_tables()


def test_a_database_can_be_sent_to_another_process(path: str, database: Database) -> None:
    database.insert({"n": 1})

    with pickle.loads(pickle.dumps(database)) as again:
        assert again is not database
        assert again.path == path
        assert again.all() == [{"n": 1}]


def test_what_a_notebook_looks_for_is_not_looked_up_in_a_table(database: Database) -> None:
    assert not hasattr(database, "_repr_html_")
    assert not hasattr(Database.__new__(Database), "_tables")
    assert database._engine.links.all == set()


def test_a_representation_needs_no_open_database(path: str) -> None:
    database = Database(path)
    table = database.table("runs")
    database.close()

    assert repr(database) == f"<Database {path!r} (closed)>"
    assert repr(table) == f"<Table name='runs' database={path!r}>"


# --- unique keys ---


def test_a_value_of_a_unique_key_is_given_once(runs: Table) -> None:
    runs.insert({"run_id": "a"})

    with pytest.raises(
        AlreadyExistsError, match=r"Table 'runs' already holds a document whose run_id is 'a'\."
    ):
        runs.insert({"run_id": "a", "n": 2})

    assert runs.all() == [{"run_id": "a"}]


@pytest.mark.parametrize(
    "act",
    [
        lambda runs: runs.insert(Document({"run_id": "a"}, 9)),
        lambda runs: runs.insert_multiple([{"run_id": "c"}, {"run_id": "a"}]),
        lambda runs: runs.update({"run_id": "a"}, where("run_id") == "b"),
        lambda runs: runs.update({"run_id": "a"}, doc_ids=[2]),
        lambda runs: runs.update({"run_id": "a"}),
        lambda runs: runs.update(lambda document: document.update(run_id="a")),
        lambda runs: runs.patch({("run_id",): "a"}, where("run_id") == "b"),
        lambda runs: runs.upsert({"run_id": "a"}, where("run_id") == "z"),
    ],
)
def test_every_way_to_break_a_unique_key_changes_nothing(runs: Table, act: Any) -> None:
    runs.insert_multiple([{"run_id": "a"}, {"run_id": "b"}])

    with pytest.raises(AlreadyExistsError, match="whose run_id is 'a'"):
        act(runs)

    assert runs.all() == [{"run_id": "a"}, {"run_id": "b"}]


def test_missing_and_null_are_no_values_of_a_key(runs: Table) -> None:
    runs.insert_multiple([{}, {}, {"run_id": None}, {"run_id": None}])

    assert len(runs) == 4


def test_a_key_may_have_several_paths(database: Database) -> None:
    versions = database.table("versions", unique=[(("name",), ("info", "version"))])
    versions.insert({"name": "m", "info": {"version": 1}})
    versions.insert({"name": "m", "info": {"version": 2}})

    with pytest.raises(AlreadyExistsError, match=r"whose name and info\.version is 'm' and 2"):
        versions.insert({"name": "m", "info": {"version": 2}})


def test_a_table_may_have_several_keys(database: Database) -> None:
    experiments = database.table("experiments", unique=[("id",), ("name",)])
    experiments.insert({"id": 1, "name": "a"})

    with pytest.raises(AlreadyExistsError, match="whose name is 'a'"):
        experiments.insert({"id": 2, "name": "a"})
    with pytest.raises(AlreadyExistsError, match="whose id is 1"):
        experiments.insert({"id": 1, "name": "b"})


def test_a_key_holds_for_who_does_not_know_of_it(path: str, runs: Table) -> None:
    runs.insert({"run_id": "a"})

    with (
        Database(path) as other,
        pytest.raises(AlreadyExistsError, match="Table 'runs' already holds a document whose run_id is 'a'"),
    ):
        other.table("runs").insert({"run_id": "a"})


def test_a_key_can_be_declared_later(path: str, database: Database) -> None:
    database.table("runs").insert({"run_id": "a"})

    with Database(path) as other:
        table = other.table("runs", unique=[("run_id",)])
        table.update({"seen": True})
        with pytest.raises(AlreadyExistsError):
            table.insert({"run_id": "a"})

    same_table = database.table("runs", unique=[("seen",)])
    with pytest.raises(AlreadyExistsError, match="whose seen is True"):
        same_table.insert({"seen": True})


def test_a_key_that_is_not_unique_already_is_refused(database: Database) -> None:
    database.table("runs").insert_multiple([{"run_id": "a"}, {"run_id": "a"}])

    with pytest.raises(AlreadyExistsError, match="have the same value of a key which is to be unique"):
        database.table("runs", unique=[("run_id",)]).insert({"run_id": "b"})

    assert len(database.table("runs")) == 2


def test_keys_come_back_with_a_table_that_another_process_dropped(path: str, runs: Table) -> None:
    runs.insert({"run_id": "a"})
    with Database(path) as other:
        other.drop_table("runs")

    assert runs.all() == []
    assert runs.insert({"run_id": "a"}) > 0
    with pytest.raises(AlreadyExistsError):
        runs.insert({"run_id": "a"})


def test_keys_come_back_after_the_transaction_that_made_them_was_undone(
    database: Database, runs: Table
) -> None:
    def insert_and_fail() -> None:
        with database.transaction():
            runs.insert({"run_id": "a"})
            raise LookupError

    with pytest.raises(LookupError):
        insert_and_fail()

    database.table("runs", unique=[("run_id",)]).insert({"run_id": "a"})
    with pytest.raises(AlreadyExistsError):
        runs.insert({"run_id": "a"})


@pytest.mark.parametrize("key", [(), ((),), "run_id", (1,), (("a",), "b"), [("a", 2)]])
def test_a_key_is_made_of_paths(database: Database, key: Any) -> None:
    with pytest.raises(InvalidValueError, match="A key is a path such as"):
        database.table("runs", unique=[key])


@pytest.mark.parametrize("path_", [("$a",), ('a"b',), ("a\\b",), ("\ud800",)])
def test_a_path_that_sql_cannot_write_is_no_key(database: Database, path_: Any) -> None:
    with pytest.raises(InvalidValueError, match="cannot be indexed"):
        database.table("runs", unique=[path_])


# --- indexes ---


def test_a_search_for_a_unique_key_uses_its_index(runs: Table) -> None:
    runs.insert_multiple({"run_id": str(n), "status": "FINISHED"} for n in range(10))

    for condition in (
        where("run_id") == "5",
        (where("status") == "FINISHED") & (where("run_id") == "5"),
        where("run_id").one_of(["5", "6"]),
        where("run_id").one_of([str(n) for n in range(30)]),
        (where("run_id") == "5") & where("status").matches("F"),
    ):
        assert "SEARCH d_runs USING INDEX" in plan_of(runs, condition), condition


def test_a_search_by_key_reads_the_same_with_odd_documents_around(runs: Table) -> None:
    runs.insert_multiple([{"run_id": "a"}, {"run_id": "b", "n": 2**70}])

    assert runs.get(where("run_id") == "b") == {"run_id": "b", "n": 2**70}
    assert runs.update({"x": 1}, where("run_id") == "b") == [2]
    assert runs.update({"x": 2}, where("run_id") == "a") == [1]
    assert runs.remove(where("run_id") == "b") == [2]


def test_a_partial_index_serves_the_condition_it_was_made_for(database: Database) -> None:
    table = database.table(
        "runs",
        indexes=[
            Index(("run_id",), where=Query().status == "RUNNING"),
            Index((("experiment",), ("start",))),
            Index(("n",), where=(Query().kind != None) & ~(Query().note == "it's ?")),  # noqa: E711
        ],
    )
    table.insert_multiple(
        {"run_id": str(n), "status": "RUNNING" if n % 9 == 0 else "FINISHED", "experiment": n % 3, "start": n}
        for n in range(50)
    )
    running = Query().status == "RUNNING"

    assert "USING INDEX" in plan_of(table, running)
    assert "USING INDEX" in plan_of(table, running & (where("experiment") == 1))
    assert "SCAN d_runs" in plan_of(table, where("status") == "FINISHED")
    assert "USING INDEX" in plan_of(table, (where("experiment") == 1) & (where("start") > 5))
    assert "USING INDEX" in plan_of(
        table,
        (where("kind") != None) & ~(where("note") == "it's ?") & (where("n") == 1),  # noqa: E711
    )
    assert [document["run_id"] for document in table.search(running)] == ["0", "9", "18", "27", "36", "45"]
    table.update({"status": "FINISHED"}, where("run_id") == "9")
    assert table.count(running) == 5


def test_get_finds_the_first_by_id_whatever_index_sql_goes_by(database: Database) -> None:
    table = database.table("runs", indexes=[Index(("n",))])
    table.insert_multiple({"n": n} for n in [3, 2, 1])

    assert "USING INDEX" in plan_of(table, where("n") > 0)
    assert table.get(where("n") > 0).doc_id == 1
    assert [document.doc_id for document in table.search(where("n") > 0)] == [1, 2, 3]
    assert [document.doc_id for document in table.select(where("n") > 0, limit=2)] == [1, 2]


@pytest.mark.parametrize(
    "condition", [Query().a > 1, Query().a == 0.5, Query().a.test(bool), Query().a == [1], lambda _: True]
)
def test_an_index_is_limited_to_plain_conditions(database: Database, condition: Any) -> None:
    with pytest.raises(InvalidValueError, match="An index cannot be limited to"):
        database.table("runs", indexes=[Index(("a",), where=condition)])


def test_indexes_are_made_once(tmp_path: Path) -> None:
    for _ in range(2):
        with Database(tmp_path / "documents.db") as database:
            table = database.table("runs", unique=[("a",)], indexes=[Index(("b",))])
            table = database.table("runs", unique=[("a",)], indexes=[Index(("b",))])
            table.insert({})
            rows = table._engine.run("SELECT name FROM sqlite_schema WHERE type = 'index'")
            assert len(rows) == 3  # the key, the index, and the one that finds odd documents
