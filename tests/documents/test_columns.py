"""Columns: searches give the same answer with them, after any change, by any process."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.database import Database
from nbtrack.documents.ordering import sort_documents
from nbtrack.documents.queries import Query, where
from nbtrack.documents.tables import EACH, Columns, Order, Table
from tests.documents import samples

AT_REST = Query().status != "RUNNING"
COLUMNS = Columns([("m", EACH, "last"), ("p", EACH)], where=AT_REST, batch=2)
ORDER = [Order(("m", "a", "last"), True)]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    with Database(tmp_path_factory.mktemp("columns") / "documents.db") as database:
        yield database.table("things", columns=COLUMNS)


def entries(table: Table) -> list[Any]:
    return table._rows.read("SELECT key, doc_id, value FROM c_things ORDER BY 1, 2")


_values = samples.values(samples.scalars, samples.keys)
_documents = st.fixed_dictionaries(
    {"status": st.sampled_from(["RUNNING", "FINISHED", "FINISHED", "FAILED", None])},
    optional={
        "m": st.dictionaries(samples.keys, st.dictionaries(st.sampled_from(["last", "min"]), _values))
        | _values,
        "p": st.dictionaries(samples.keys, _values | st.just("long" * 50)) | _values,
    },
)
_comparisons = st.tuples(
    st.just("comparison"),
    samples.plain_keys.map(lambda key: ("m", key, "last")) | samples.keys.map(lambda key: ("p", key)),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "exists", "one_of"]),
    samples.scalars | st.just("long" * 50),
    st.lists(samples.scalars, max_size=3) | st.lists(samples.plain_scalars, min_size=17, max_size=20),
)
_changes = st.lists(
    st.tuples(
        st.sampled_from(["insert", "update", "patch", "remove", "rewrite"]), _documents, st.integers(1, 6)
    ),
    max_size=6,
)


def apply(table: Table, changes: list[Any]) -> None:
    for word, document, doc_id in changes:
        match word:
            case "insert":
                table.insert(document)
            case "update":
                table.update(document, doc_ids=[doc_id])
            case "patch":
                table.patch({("status",): document["status"]}, doc_ids=[doc_id])
            case "remove":
                table.remove(doc_ids=[doc_id])
            case _:
                table.update(lambda held, new=document: held.update(new), doc_ids=[doc_id])


@settings(max_examples=200, deadline=None)
@given(
    documents=st.lists(_documents, max_size=6),
    changes=_changes,
    parts=st.lists(_comparisons, min_size=1, max_size=3),
    rest=st.none() | samples.recipes,
    limit=st.none() | st.integers(0, 3),
)
def test_columns_change_no_answer(
    table: Table, documents: list[Any], changes: list[Any], parts: list[Any], rest: Any, limit: int | None
) -> None:
    table.truncate()
    table.insert_multiple(documents)
    apply(table, changes)
    condition = AT_REST
    for part in [*parts, *([] if rest is None else [rest])]:
        condition = samples.build(part) & condition

    found = table.select(condition, order_by=ORDER, limit=limit)

    expected = sort_documents([each for each in table if condition(each)], ORDER)[:limit]
    assert [each.doc_id for each in found] == [each.doc_id for each in expected]


def is_narrowed(table: Table, condition: Any) -> bool:
    columns = table._layout.columns
    return columns is not None and columns.narrow(condition) is not None


@pytest.mark.parametrize(
    "condition",
    [
        (where("p").lr == "0.1") & AT_REST,
        AT_REST & (where("m").loss.last < 0.5) & (where("name") == "x"),
        (where("p").lr.one_of(["0.1", "0.2"])) & (where("status") != "RUNNING"),
    ],
)
def test_conditions_on_columns_are_narrowed(table: Table, condition: Any) -> None:
    assert is_narrowed(table, condition)


@pytest.mark.parametrize(
    "condition",
    [
        where("p").lr == "0.1",  # a running one may match, and is not held
        (where("p").lr == "0.1") & (where("status") != "FAILED"),
        (where("p").lr == "0.1") | AT_REST,
        ~(where("p").lr == "0.1") & AT_REST,
        (where("p").lr != "0.1") & AT_REST,
        (where("m").loss.min < 0.5) & AT_REST,
        (where("p") == "0.1") & AT_REST,
        AT_REST,
    ],
)
def test_other_conditions_are_not(table: Table, condition: Any) -> None:
    assert not is_narrowed(table, condition)


def test_long_texts_are_looked_up_in_the_document(table: Table) -> None:
    table.truncate()
    texts = ["x" * 99, "x" * 100, "x" * 101, "x" * 100_000, "y", None, ["x"]]
    table.insert_multiple({"status": "FINISHED", "p": {"a": text}} for text in texts)

    for text in texts[:5]:
        assert [each["p"]["a"] for each in table.select((where("p").a == text) & AT_REST)] == [text]
    assert len(table.select((where("p").a > "x") & AT_REST)) == 5
    assert all(len(value) <= 100 for _, _, value in entries(table) if isinstance(value, str))


def test_documents_that_were_there_before_the_columns_are_found(tmp_path: Path) -> None:
    path = tmp_path / "documents.db"
    condition = (where("p").a == "x") & AT_REST
    with Database(path) as database:
        database.table("things").insert_multiple({"status": "FINISHED", "p": {"a": text}} for text in "xyx")
    with Database(path, read_only=True) as database:
        assert len(database.table("things", columns=COLUMNS).select(condition)) == 2

    with Database(path) as database:
        things = database.table("things", columns=COLUMNS)
        assert len(things.select(condition)) == 2
        things.update({"seen": True}, doc_ids=[1])
        assert len(entries(things)) == 3  # they have been entered now
        assert len(things.select(condition)) == 2


def test_a_process_that_knows_no_columns_keeps_them_true(tmp_path: Path) -> None:
    path = tmp_path / "documents.db"
    with Database(path) as database:
        database.table("things", columns=COLUMNS).insert({"status": "FINISHED", "p": {"a": "x"}})
    with Database(path) as other:
        other.table("things").insert({"status": "FINISHED", "p": {"a": "y"}})
        other.table("things").update({"p": {"a": "z"}}, where("p").a == "x")

    with Database(path) as database:
        things = database.table("things", columns=COLUMNS)
        assert [each["p"]["a"] for each in things.select(where("p").a.one_of(["y", "z"]) & AT_REST)] == [
            "z",
            "y",
        ]
        assert things.select((where("p").a == "x") & AT_REST) == []


def test_a_dropped_table_takes_its_columns_along(tmp_path: Path) -> None:
    with Database(tmp_path / "documents.db") as database:
        for drop in (lambda: database.drop_table("things"), database.drop_tables):
            things = database.table("things", columns=COLUMNS)
            things.insert({"status": "FINISHED", "p": {"a": "x"}})
            drop()

            again = database.table("things", columns=COLUMNS)
            assert again.select((where("p").a == "x") & AT_REST) == []
            assert entries(again) == []
            again.insert_multiple({"status": "FINISHED", "p": {"b": "x"}} for _ in range(3))
            assert {row[0] for row in entries(again)} == {"1b"}
            assert database.tables() == {"things"}


def test_what_was_entered_before_is_entered_anew(table: Table) -> None:
    table.truncate()
    table.insert_multiple({"status": "FINISHED", "p": {"a": text}} for text in "xyz")

    for text in "ab":
        table.update({"p": {"a": text}}, doc_ids=[1])
        table.update({"p": {"a": "other"}}, doc_ids=[2])

        assert [each.doc_id for each in table.select((where("p").a == text) & AT_REST)] == [1]
        assert ("1a", 1, text) in entries(table)
    assert table.select((where("p").a == "x") & AT_REST) == []


def test_a_removed_document_leaves_no_entries(tmp_path: Path) -> None:
    with Database(tmp_path / "documents.db") as database:
        things = database.table("things", columns=COLUMNS)
        things.insert_multiple(
            {"status": "FINISHED", "p": {"a": "x"}, "m": {"b": {"last": number}}} for number in range(5)
        )

        things.remove(where("m").b.last > 0)

        assert entries(things) == [("0b", 1, 0), ("1a", 1, "x")]
        assert things._rows.read("SELECT * FROM n_things") == []


def test_columns_that_are_undone_with_their_table_are_made_again(tmp_path: Path) -> None:
    condition = (where("p").a == "x") & AT_REST
    with Database(tmp_path / "documents.db") as database:
        things = database.table("things", columns=COLUMNS)
        with suppress(KeyError), database.transaction():
            things.insert({"status": "FINISHED", "p": {"a": "x"}})
            assert len(things.select(condition)) == 1
            raise KeyError("undone")
        with Database(tmp_path / "documents.db") as other:
            other.table("things").insert({"status": "FINISHED", "p": {"a": "x"}})

        assert len(things.select(condition)) == 1
        things.insert({"status": "FINISHED", "p": {"a": "x"}})
        assert len(things.select(condition)) == 2


@pytest.mark.parametrize(
    "path", [(EACH,), ("m",), (EACH, "m"), ("m", EACH, EACH), ("$m", EACH), ("m", EACH, 'q"')]
)
def test_columns_that_cannot_be_are_refused(tmp_path: Path, path: Any) -> None:
    with Database(tmp_path / "documents.db") as database, pytest.raises(InvalidValueError, match="one EACH"):
        database.table("things", columns=Columns([path], where=AT_REST))


def test_columns_limited_by_what_sql_cannot_say_are_refused(tmp_path: Path) -> None:
    with (
        Database(tmp_path / "documents.db") as database,
        pytest.raises(InvalidValueError, match="limited to"),
    ):
        database.table("things", columns=Columns([("m", EACH)], where=where("status").matches("R")))
