"""Conditions in SQL answer as Python does, whatever the documents hold."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
import tinydb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbtrack.documents.database import Database
from nbtrack.documents.ordering import Order, order_sql
from nbtrack.documents.push_down import compile_condition, reads_numbers_exactly
from nbtrack.documents.queries import Both, Either, Negation, Query, where
from nbtrack.documents.tables import Table
from tests.documents import samples


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    with Database(tmp_path_factory.mktemp("push_down") / "documents.db") as database:
        yield database.table("things")


def ids(documents: list[Any]) -> list[int]:
    return [document.doc_id for document in documents]


@settings(max_examples=120)
@given(
    documents=st.lists(samples.documents, max_size=8) | st.lists(samples.plain_documents, max_size=8),
    recipes=st.lists(samples.recipes, min_size=1, max_size=4),
)
def test_every_way_to_ask_answers_as_python_does(table: Table, documents: list[Any], recipes: Any) -> None:
    table.truncate()
    table.insert_multiple(documents)
    stored = table.all()

    for condition in map(samples.build, recipes):
        expected = [document.doc_id for document in stored if condition(document)]
        assert ids(table.search(condition)) == expected
        assert table.count(condition) == len(expected)
        assert table.contains(condition) == bool(expected)
        first = table.get(condition)
        assert (None if first is None else first.doc_id) == (expected[0] if expected else None)
        assert ids(table.select(condition)) == expected


@settings(max_examples=120)
@given(document=samples.documents, recipe=samples.recipes)
def test_conditions_answer_as_tinydbs_do_where_types_agree(document: Any, recipe: Any) -> None:
    try:
        expected = bool(samples.build(recipe, tinydb.Query)(document))
    except TypeError:
        return  # TinyDB refuses to compare; ours does not match

    assert bool(samples.build(recipe)(document)) == expected


@settings(max_examples=100)
@given(
    documents=st.lists(samples.plain_documents, min_size=1, max_size=6),
    path=st.lists(samples.plain_keys, min_size=1, max_size=2).map(tuple),
    operator=st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "exists"]),
    value=samples.plain_scalars,
)
def test_plain_comparisons_of_plain_documents_are_left_to_sql(
    table: Table, documents: list[Any], path: Any, operator: str, value: Any
) -> None:
    table.truncate()
    table.insert_multiple(documents)
    condition = samples.build(("comparison", path, operator, value, []))
    expected = [document.doc_id for document in table.all() if condition(document)]
    asked_in_python: list[Any] = []
    type(condition).__call__, original = _spy(asked_in_python), type(condition).__call__

    try:
        found = table.search(condition)
    finally:
        type(condition).__call__ = original

    assert ids(found) == expected
    assert asked_in_python == []


def _spy(asked: list[Any]) -> Callable[[Any, Any], bool]:
    def call(_condition: Any, document: Any) -> bool:
        asked.append(document)
        return True

    return call


NUMBERS = [*samples.PLAIN_NUMBERS, True, False, *samples.ODD_NUMBERS[:3]]


@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">="])
def test_all_pairs_of_tricky_values_compare_as_in_python(table: Table, operator: str) -> None:
    values = [*NUMBERS, *samples.PLAIN_TEXTS, *samples.ODD_TEXTS, None, [], [1], {}, {"a": 1}, ["[1]"]]
    table.truncate()
    table.insert_multiple([*({"v": value} for value in values), {"other": 1}])
    stored = table.all()

    for constant in values:
        condition = samples.build(("comparison", ("v",), operator, constant, []))
        assert ids(table.search(condition)) == [d.doc_id for d in stored if condition(d)], constant
        negated = ~condition
        assert ids(table.search(negated)) == [d.doc_id for d in stored if negated(d)], constant


TRICKY = [*NUMBERS, *samples.PLAIN_TEXTS, *samples.ODD_TEXTS, None, [], [1], {}, {"a": 1}]


@pytest.mark.parametrize(
    "items",
    [
        [],
        [None],
        [math.nan],
        [1, "a", None],
        [True, "1"],
        [2**53, 2**70, "\ud800"],
        [-0.0, math.inf, "[1]"],
        [[1], {"a": 1}, None],
        {1, "a"},
        iter([1, "a"]),
        "ab",
        range(3),
        {"a": 1},
        [*range(3, 30), "a", None, 0.5],
        [*range(3, 30), math.nan],
    ],
)
def test_one_of_finds_what_python_finds(table: Table, items: Any) -> None:
    table.truncate()
    table.insert_multiple([*({"v": value} for value in TRICKY), {"other": 1}])
    condition = where("v").one_of(items)
    negated = ~condition

    assert ids(table.search(condition)) == [d.doc_id for d in table if condition(d)]
    assert ids(table.search(negated)) == [d.doc_id for d in table if negated(d)]
    assert condition({"v": None}) == (isinstance(items, list) and None in items)


def test_nan_is_one_of_nothing_even_if_it_is_the_same_object() -> None:
    assert not where("v").one_of([math.nan])({"v": math.nan})


def test_one_of_keeps_the_items_it_was_given(table: Table) -> None:
    items = [1]
    condition = where("v").one_of(items)

    items.append(2)

    assert condition({"v": 1})
    assert not condition({"v": 2})


@settings(max_examples=30)
@given(st.lists(st.floats(allow_nan=False), min_size=20, max_size=50))
@example([5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 9007199254740993.0, 0.1 + 0.2])
def test_every_float_is_found_by_its_own_value(table: Table, numbers: list[float]) -> None:
    table.truncate()
    table.insert_multiple({"n": number} for number in numbers)

    for number in numbers:
        assert table.count(where("n") == number) == sum(other == number for other in numbers)
        assert table.count(where("n") > number) == sum(other > number for other in numbers)


FIELD = Query().a


@pytest.mark.parametrize(
    ("condition", "is_exact"),
    [
        (FIELD == 1, True),
        (~(FIELD == 1) & (Query().b.c < "x"), True),
        ((FIELD == 1) & FIELD.test(bool), False),
        (FIELD.test(bool) & (FIELD == 1) & FIELD.matches("x"), False),
        (((FIELD == 1) & FIELD.test(bool)) | (FIELD == 2), False),
        ((FIELD == 1) & (tinydb.where("b") == 1), False),
        (Query().noop() & (FIELD == 1), True),
    ],
)
def test_what_sql_can_evaluate_narrows_the_search_down(condition: Any, is_exact: bool) -> None:
    compiled = compile_condition(condition)

    assert compiled is not None
    assert compiled.is_exact == is_exact


@pytest.mark.parametrize(
    "condition",
    [
        FIELD.test(bool),
        FIELD.matches("x"),
        (FIELD == 1) | FIELD.test(bool),
        ~((FIELD == 1) & FIELD.test(bool)),
        tinydb.where("a") == 1,
        FIELD == [1],
        FIELD == {"a": 1},
        FIELD == "nul\0",
        FIELD == "\ud800",
        FIELD == 2**63,
        FIELD.one_of(["a", [1]]),
        Query()['q"q'] == 1,
        Query()["b\\c"] == 1,
        Query()["$a"] == 1,
        Query()["\ud800"] == 1,
        Query().a.map(len) == 1,
    ],
)
def test_what_sql_cannot_say_exactly_is_left_to_python(condition: Any) -> None:
    assert compile_condition(condition) is None


def test_numbers_are_left_to_python_where_sqlite_reads_them_inexactly(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.truncate()
    table.insert_multiple({"n": n, "s": str(n)} for n in [3, 1.5, 2])
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.3")
    reads_numbers_exactly.cache_clear()
    try:
        assert compile_condition(FIELD == 1) is None
        assert compile_condition(FIELD > 0.5) is None
        assert compile_condition(FIELD.one_of(["a", 1])) is None
        assert compile_condition(FIELD == "a") is not None
        assert order_sql([Order(("n",))]) is None
        assert ids(table.select(where("n") > 1, order_by=[Order(("n",))], limit=2)) == [2, 3]
        assert ids(table.search(where("s").one_of(["3", "2"]))) == [1, 3]
    finally:
        reads_numbers_exactly.cache_clear()


def test_subclasses_of_text_and_numbers_compare_as_what_they_are(table: Table) -> None:
    from enum import IntEnum, StrEnum

    class Status(StrEnum):
        RUNNING = "RUNNING"

    class Level(IntEnum):
        HIGH = 3

    class Moody(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 0

    table.truncate()
    table.insert_multiple([{"s": Status.RUNNING, "n": Level.HIGH}, {"s": "x", "n": 4}])

    assert ids(table.search(where("s") == Status.RUNNING)) == [1]
    assert ids(table.search(where("n") >= Level.HIGH)) == [1, 2]
    assert compile_condition(where("s") == Status.RUNNING) is not None
    assert ids(table.search(where("s") == Moody("y"))) == [1, 2]


def test_long_conditions_work(table: Table) -> None:
    table.truncate()
    table.insert_multiple({"n": n} for n in range(600))
    either = where("n") == 0
    for n in range(1, 500):
        either = either | (where("n") == n)
    nested = where("n") == 599
    for n in range(150):
        nested = ~(nested & (where("n") >= n)) if n % 2 else nested | (where("n") == n)

    assert table.count(either) == 500
    assert ids(table.search(nested)) == [d.doc_id for d in table if nested(d)]
    assert table.count(where("n").one_of(list(range(0, 600, 2)))) == 300


def test_wide_conditions_nested_deep_are_within_what_sqlite_takes(table: Table) -> None:
    table.truncate()
    table.insert_multiple({"n": n} for n in range(10))
    condition: Any = where("n") == 3
    for level in range(24):
        others = [where("n") == 100 + level * 100 + n for n in range(60)]
        condition = (
            Both(Negation(Negation(condition)), *map(Negation, others))
            if level % 2
            else Either(condition, *others)
        )

    assert compile_condition(condition) is None or ids(table.search(condition)) == [4]
    assert ids(table.search(condition)) == [4]


def test_odd_documents_are_found_through_an_index(table: Table) -> None:
    table.truncate()
    table.insert_multiple([{"n": 1}, {"n": 2**70}, {"n": 3}])
    sql = f"EXPLAIN QUERY PLAN SELECT doc_id FROM {table._sql} WHERE odd = 1"

    plan = table._engine.run(sql)

    assert "USING COVERING INDEX" in plan[0][3]
    assert ids(table.search(where("n") > 2)) == [2, 3]


@pytest.mark.parametrize(
    ("condition", "bounds"),
    [
        (where("id") < "abe", "(<expr><?)"),
        (where("id") >= "ab", "(<expr>>?)"),
        ((where("id") >= "ab") & (where("id") < "abe"), "(<expr>>? AND <expr><?)"),
    ],
)
def test_an_index_of_texts_is_searched_for_the_bounds_that_were_given(
    table: Table, condition: Any, bounds: str
) -> None:
    table.truncate()
    table.declare(unique=[("id",)])
    table.insert_multiple([{"id": value} for value in ("ab", "abc", "abe", "b", "", 7, True, None, ["abc"])])

    found, compiled = table.search(condition), compile_condition(condition)

    assert [each["id"] for each in found] == [each["id"] for each in table if condition(each)]
    assert compiled is not None
    plan = table._engine.run(
        f"EXPLAIN QUERY PLAN SELECT doc_id FROM {table._sql} WHERE {compiled.sql}", compiled.bindings
    )
    assert bounds in plan[0][3]


def test_a_document_that_becomes_plain_again_is_left_to_sql(table: Table) -> None:
    table.truncate()
    table.insert({"n": 2**70})

    table.update(lambda document: document.update(n=5), doc_ids=[1])

    assert table._engine.run(f"SELECT odd FROM {table._sql}") == [(0,)]


def test_results_hold_no_shared_objects(tmp_path: Path) -> None:
    with Database(tmp_path / "documents.db") as database:
        database.insert({"l": [1]})
        one, two = database.search(where("l").exists()), database.search(where("l").exists())

        one[0]["l"].append(2)

        assert two == [{"l": [1]}]
