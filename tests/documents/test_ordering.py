"""Selecting a page of sorted documents: one order in SQL and in Python."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.database import Database
from nbtrack.documents.ordering import Rank, is_after, order_sql, position_of, sort_documents
from nbtrack.documents.projection import EACH, project
from nbtrack.documents.queries import where
from nbtrack.documents.tables import Document, Index, Order, Table
from tests.documents import samples


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    with Database(tmp_path_factory.mktemp("ordering") / "documents.db") as database:
        yield database.table("things")


def values_of(documents: list[Any]) -> list[Any]:
    return [document.get("v", "missing") for document in documents]


MIXED = [math.nan, "b", None, 2, [1], -math.inf, "a", True, {"x": 1}, math.inf, 1.5]


def select_in_sql(table: Table, order_by: list[Order]) -> list[Any]:
    assert order_sql(order_by) is not None
    return table.select(order_by=order_by)


def select_in_python(table: Table, order_by: list[Order]) -> list[Any]:
    return sort_documents(reversed(table.all()), order_by)


@pytest.mark.parametrize("in_sql", [True, False])
def test_numbers_come_first_then_text_then_the_rest_then_nan_then_nothing(table: Table, in_sql: bool) -> None:
    table.truncate()
    table.insert_multiple([{"w": 1}, *({"v": value} for value in MIXED)])

    select = select_in_sql if in_sql else select_in_python

    rising = values_of(select(table, [Order(("v",))]))
    falling = values_of(select(table, [Order(("v",), descending=True)]))

    assert rising[:8] == [-math.inf, True, 1.5, 2, math.inf, "a", "b", [1]]
    assert falling[:8] == [math.inf, 2, 1.5, True, -math.inf, "b", "a", [1]]
    for order in (rising, falling):
        assert order[8] == {"x": 1}
        assert math.isnan(order[9])
        assert order[10:] == ["missing", None]  # alike: by id


def test_documents_that_are_alike_come_by_id_in_both_directions(table: Table) -> None:
    table.truncate()
    table.insert_multiple({"v": v, "w": w} for v, w in [(1, 1), (2, 1), (1, 1), (1, 0)])

    for descending, expected in [(False, [1, 3, 4, 2]), (True, [2, 1, 3, 4])]:
        found = table.select(order_by=[Order(("v",), descending)])
        assert [document.doc_id for document in found] == expected


def test_the_second_key_decides_where_the_first_is_alike(table: Table) -> None:
    table.truncate()
    table.insert_multiple({"v": v, "w": w} for v, w in [(1, 1), (2, 1), (1, 3), (1, 2)])

    found = table.select(order_by=[Order(("v",)), Order(("w",), descending=True)])

    assert [document.doc_id for document in found] == [3, 4, 1, 2]


def test_a_page_is_cut_from_what_matches(table: Table) -> None:
    table.truncate()
    table.insert_multiple({"v": v} for v in range(20))

    page = table.select(where("v") >= 5, order_by=[Order(("v",), True)], limit=3, offset=2)

    assert values_of(page) == [17, 16, 15]
    assert values_of(table.select(where("v") < 4, limit=2)) == [0, 1]
    assert values_of(table.select(offset=18)) == [18, 19]
    assert table.select(limit=0) == []
    assert table.select(offset=30, limit=5) == []


def test_a_page_takes_in_odd_documents(table: Table) -> None:
    table.truncate()
    table.insert_multiple({"v": v} for v in [1, 2**70, 3, -(2**70), 5])

    assert values_of(table.select(order_by=[Order(("v",))], limit=2)) == [-(2**70), 1]
    assert values_of(table.select(order_by=[Order(("v",))], limit=2, offset=3)) == [5, 2**70]
    assert values_of(table.select(where("v") > 1, order_by=[Order(("v",), True)])) == [2**70, 5, 3]


@settings(max_examples=120)
@given(
    documents=st.lists(samples.documents, max_size=8) | st.lists(samples.plain_documents, max_size=8),
    recipe=st.none() | samples.recipes,
    orders=st.lists(
        st.tuples(samples.plain_keys.map(lambda key: (key,)) | samples.paths, st.booleans()), max_size=3
    ),
    limit=st.none() | st.integers(0, 5),
    offset=st.integers(0, 5),
)
def test_sql_sorts_and_cuts_as_python_does(
    table: Table, documents: list[Any], recipe: Any, orders: Any, limit: int | None, offset: int
) -> None:
    table.truncate()
    table.insert_multiple(documents)
    condition = None if recipe is None else samples.build(recipe)
    order_by = [Order(*order) for order in orders]

    found = table.select(condition, order_by=order_by, limit=limit, offset=offset)

    matching = [document for document in table if condition is None or condition(document)]
    expected = sort_documents(matching, order_by)[offset : None if limit is None else offset + limit]
    assert [document.doc_id for document in found] == [document.doc_id for document in expected]


def test_paths_that_sql_cannot_write_are_sorted_in_python(table: Table) -> None:
    table.truncate()
    table.insert_multiple({"$cost": cost} for cost in [3, 1, 2])
    order = [Order(("$cost",))]

    assert order_sql(order) is None
    assert [document.doc_id for document in table.select(order_by=order, limit=2)] == [2, 3]


@pytest.mark.parametrize("page", [{"limit": -1}, {"offset": -1}])
def test_a_page_of_less_than_nothing_is_refused(table: Table, page: Any) -> None:
    with pytest.raises(InvalidValueError, match="limit and offset count documents"):
        table.select(**page)


_KEYS = st.lists(
    st.tuples(samples.plain_keys.map(lambda key: (key,)) | samples.paths, st.booleans()), max_size=3
)


@settings(max_examples=150)
@given(
    documents=st.lists(samples.documents, max_size=8) | st.lists(samples.plain_documents, max_size=8),
    position=samples.documents,
    recipe=st.none() | samples.recipes,
    orders=_KEYS,
    limit=st.none() | st.integers(0, 5),
    offset=st.integers(0, 2),
)
def test_sql_goes_on_after_a_position_as_python_does(
    table: Table, documents: list[Any], position: Any, recipe: Any, orders: Any, limit: Any, offset: int
) -> None:
    table.truncate()
    table.insert_multiple(documents)
    condition = None if recipe is None else samples.build(recipe)
    order_by = [Order(*order) for order in orders]
    after = position_of(position, order_by)

    found = table.select(condition, order_by=order_by, after=after, limit=limit, offset=offset)

    matching = [document for document in table if condition is None or condition(document)]
    ahead = [document for document in matching if is_after(document, after, order_by)]
    expected = sort_documents(ahead, order_by)[offset : None if limit is None else offset + limit]
    assert [document.doc_id for document in found] == [document.doc_id for document in expected]


@settings(max_examples=80)
@given(values=st.lists(samples.values(samples.scalars, samples.keys), max_size=12), size=st.integers(1, 4))
@pytest.mark.parametrize("descending", [False, True])
def test_pages_one_after_the_other_are_the_whole(
    table: Table, values: list[Any], size: int, descending: bool
) -> None:
    table.truncate()
    table.insert_multiple({"v": value, "id": at} for at, value in enumerate(values))
    order = [Order(("v",), descending), Order(("id",))]

    pages: list[int] = []
    after = None
    while page := table.select(order_by=order, after=after, limit=size):
        pages += [document["id"] for document in page]
        after = position_of(page[-1], order)

    assert pages == [document["id"] for document in table.select(order_by=order)]


def test_a_rank_tells_which_of_two_comes_first() -> None:
    order = [Order(("v",), True), Order(("id",))]
    documents: list[Any] = [{"v": value, "id": at} for at, value in enumerate([*MIXED, 2, "b", None])]

    ranked = sorted(documents, key=lambda document: Rank(position_of(document, order), order))

    expected = sort_documents([Document(each, each["id"]) for each in documents], order)
    assert [each["id"] for each in ranked] == [each["id"] for each in expected]


def test_a_position_has_a_value_for_each_key(table: Table) -> None:
    with pytest.raises(
        InvalidValueError, match=r"one value for each of the 1 keys of order_by, not \(1, 2\)"
    ):
        table.select(order_by=[Order(("v",))], after=(1, 2))


_EACH_PATHS = st.lists(
    samples.paths | st.tuples(samples.plain_keys, st.just(EACH), samples.plain_keys), max_size=4
)


@settings(max_examples=150)
@given(
    documents=st.lists(samples.documents, max_size=6) | st.lists(samples.plain_documents, max_size=6),
    recipe=st.none() | samples.recipes,
    paths=_EACH_PATHS,
    limit=st.none() | st.integers(0, 5),
)
def test_selected_values_are_those_of_the_selected_documents(
    table: Table, documents: list[Any], recipe: Any, paths: list[Any], limit: int | None
) -> None:
    table.truncate()
    table.insert_multiple(documents)
    condition = None if recipe is None else samples.build(recipe)
    order = [Order(("a",), True)]

    found = list(table.select_values(paths, condition, order_by=order, limit=limit))

    selected = table.select(condition, order_by=order, limit=limit)
    expected = [[project(document, path) for path in paths] for document in selected]
    assert samples.same(found, expected)


def test_values_are_read_from_each_value_of_an_object(table: Table) -> None:
    table.truncate()
    table.insert({"m": {"loss": {"last": math.nan, "min": 1}, "acc": {"min": 2}, "$x": {"last": math.inf}}})

    (row,) = table.select_values([("m", EACH, "last"), ("m", "loss", "min"), ("none", EACH, "last")])

    assert samples.same(row, [{"loss": math.nan, "acc": None, "$x": math.inf}, 1, None])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    """5,000 documents: the numbers are indexed, and alike in long stretches; some have none."""
    with Database(tmp_path_factory.mktemp("many") / "documents.db") as database:
        table = database.table("many", indexes=[Index(("v",))])
        others = [None, "text", [1], math.nan, math.inf, -math.inf, 2.5]
        table.insert_multiple(
            {"v": others[at % 7] if at % 9 == 0 else at * 7919 % 40, "w": at * 31 % 1000, "id": at}
            for at in range(5000)
        )
        yield table


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    "condition", [None, where("w") > 500, where("w") < 3, where("v") == "text", where("v").exists()]
)
def test_a_page_found_by_an_index_is_the_page(many: Table, descending: bool, condition: Any) -> None:
    order = [Order(("v",), descending), Order(("w",), True), Order(("id",))]
    everything = sort_documents([each for each in many if condition is None or condition(each)], order)
    # As many as there are among those that are looked at first: the last of these are alike in "v".
    foremost = sort_documents(many, order)[:2000]
    brim = min(1000, sum(condition is None or condition(each) for each in foremost))

    for start in (0, 1, 700, 2400, 4300, 4999):
        after = position_of(everything[start - 1], order) if 0 < start <= len(everything) else None
        rest = everything[start:] if after else everything
        for limit, offset in ((brim, 0), (1, 0), (50, 0), (50, 30), (1100, 0), (1101, 0)):
            found = many.select(condition, order_by=order, after=after, limit=limit, offset=offset)

            assert [each["id"] for each in found] == [each["id"] for each in rest[offset : offset + limit]]
    values = many.select_values([("id",)], condition, order_by=order, limit=50)
    assert [row[0] for row in values] == [each["id"] for each in everything[:50]]


def test_a_page_found_by_an_index_takes_in_odd_documents(many: Table) -> None:
    (odd,) = many.insert_multiple([{"v": 2**70, "id": -1}])

    found = many.select(order_by=[Order(("v",), True)], limit=3)

    assert found[0]["id"] != -1  # infinity
    assert -1 in [each["id"] for each in many.select(order_by=[Order(("v",), True)], limit=1000)]
    many.remove(doc_ids=[odd])


def test_an_index_finds_the_first_of_many_without_looking_at_all(many: Table) -> None:
    order = [Order(("v",), True), Order(("id",))]

    foremost = many._foremost(order, None, 50)

    assert foremost is not None
    plan = many._rows.read(f"EXPLAIN QUERY PLAN {foremost.sql}", foremost.bindings)
    assert any("SEARCH d_many USING INDEX" in row[3] for row in plan)
    assert many._foremost(order[1:], None, 50) is None
    assert many._foremost(order, ("text", 1), 50) is None
