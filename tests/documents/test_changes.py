"""Patching nested fields, and changes made in SQL that must equal the same changes in Python."""

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.documents.changes import apply_changes
from nbtrack.documents.database import Database
from nbtrack.documents.queries import Query, where
from nbtrack.documents.tables import Table
from tests.documents import samples


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    with Database(tmp_path_factory.mktemp("changes") / "documents.db") as database:
        yield database.table("things")


@pytest.fixture
def run(table: Table) -> dict[str, Any]:
    """One document with its neighbour."""
    table.truncate()
    document = {"run_id": "a", "params": {"lr": "0.1"}, "metrics": {"loss": {"last": 1.0, "min": 0.5}}}
    table.insert_multiple([document, {"run_id": "b"}])
    return document


RUN_A = Query().run_id == "a"


def test_a_patch_sets_nested_fields_and_nothing_else(table: Table, run: dict[str, Any]) -> None:
    changed = table.patch({("metrics", "loss", "last"): 0.25, ("params", "depth"): 3}, RUN_A)

    assert changed == [1]
    run["metrics"]["loss"]["last"] = 0.25
    run["params"]["depth"] = 3
    assert table.all() == [run, {"run_id": "b"}]


def test_a_patch_makes_the_objects_on_the_way(table: Table, run: dict[str, Any]) -> None:
    table.patch({("x", "y", "z"): [1], ("params", "a", "b"): None}, where("run_id") == "b")

    assert table.get(doc_id=2) == {"run_id": "b", "x": {"y": {"z": [1]}}, "params": {"a": {"b": None}}}


@pytest.mark.parametrize("value", [5, "text", None, [1], math.nan, False, "\ud800", 10**4200])
def test_a_patch_through_what_is_no_object_is_refused_and_changes_nothing(
    table: Table, run: dict[str, Any], value: Any
) -> None:
    table.update({"params": value}, RUN_A)
    before = repr(table.all())

    with pytest.raises(InvalidValueError, match=r"'params.lr.x' cannot be set: 'params' holds"):
        table.patch({("new",): 1, ("params", "lr", "x"): 2}, where("run_id").exists())

    assert repr(table.all()) == before


@pytest.mark.parametrize("number", [1, 8, 9, 500])
def test_any_number_of_fields_is_patched(table: Table, run: dict[str, Any], number: int) -> None:
    table.patch({("params", f"p{at}"): str(at) for at in range(number)}, RUN_A)

    assert table.get(RUN_A)["params"] == {"lr": "0.1", **{f"p{at}": str(at) for at in range(number)}}


def test_many_fields_may_hold_anything(table: Table, run: dict[str, Any]) -> None:
    values: list[Any] = [None, {"a": 1}, {}, [], math.nan, "\ud800", 2**70, True, -0.0, math.inf]
    table.update({"params": {f"p{at}": {"old": 1} for at in range(10)}}, RUN_A)

    table.patch({("params", f"p{at}"): value for at, value in enumerate(values)}, RUN_A)

    found = table.get(RUN_A)["params"]
    assert samples.same(found, {f"p{at}": value for at, value in enumerate(values)})


def test_of_paths_inside_each_other_the_later_one_counts(table: Table, run: dict[str, Any]) -> None:
    more = {(f"m{at}",): at for at in range(9)}

    table.patch({("a",): {"x": 1}, ("a", "b"): 2, ("c", "d"): 3, ("c",): 4, **more}, doc_ids=[2])

    assert table.get(doc_id=2) == {
        "run_id": "b",
        "a": {"x": 1, "b": 2},
        "c": 4,
        **{f"m{at}": at for at in range(9)},
    }
    with pytest.raises(InvalidValueError, match=r"'a\.b' cannot be set: 'a' holds 1"):
        table.patch({("a",): 1, ("a", "b"): 2})


def test_a_patch_by_id_skips_unknown_ids(table: Table, run: dict[str, Any]) -> None:
    assert table.patch({("n",): 1}, doc_ids=[2, 99, 1]) == [2, 1]
    assert table.patch({("n",): 2}) == [1, 2]
    assert table.count(where("n") == 2) == 2


def test_a_patch_of_nothing_answers_what_matches(table: Table, run: dict[str, Any]) -> None:
    assert table.patch({}, RUN_A) == [1]
    assert table.update({}) == [1, 2]


@pytest.mark.parametrize("path", [(), "params", (1,), ("a", None)])
def test_a_path_is_a_tuple_of_keys(table: Table, path: Any) -> None:
    with pytest.raises(InvalidValueError, match="A path is a tuple of keys"):
        table.patch({path: 1})


def test_what_cannot_be_stored_is_named_with_its_path(table: Table, run: dict[str, Any]) -> None:
    with pytest.raises(InvalidTypeError, match=r"The value of 'params.lr' is of type object"):
        table.patch({("params", "lr"): object()}, RUN_A)


def test_a_patch_of_one_document_reads_no_other(table: Table, run: dict[str, Any]) -> None:
    table.declare(unique=[("run_id",)])
    table.patch({("a",): 1}, RUN_A)

    plan = _plans(table, lambda: table.patch({("metrics", "loss", "last"): 0.5}, RUN_A))

    assert any("USING INDEX" in line and "<expr>=?" in line for line in plan)
    assert not any(line.startswith("SCAN d_") for line in plan)


def _plans(table: Table, action: Any) -> list[str]:
    """What SQLite plans for the statements that `action` runs."""
    engine, statements = table._engine, []
    original = engine.run
    engine.run = lambda sql, bindings=(): statements.append((sql, bindings)) or original(sql, bindings)
    try:
        action()
    finally:
        del engine.run
    return [
        row[3] for sql, bindings in statements for row in engine.run(f"EXPLAIN QUERY PLAN {sql}", bindings)
    ]


@settings(max_examples=100)
@given(
    documents=st.lists(samples.documents, min_size=1, max_size=5)
    | st.lists(samples.plain_documents, min_size=1, max_size=5),
    recipe=st.none() | samples.recipes,
    changes=st.dictionaries(samples.paths, samples.values(samples.scalars, samples.keys), max_size=3)
    | st.dictionaries(
        samples.plain_keys.map(lambda key: (key,)), samples.plain_scalars, min_size=1, max_size=12
    ),
)
def test_a_patch_changes_what_python_would(
    table: Table, documents: list[Any], recipe: Any, changes: Any
) -> None:
    table.truncate()
    table.insert_multiple(documents)
    condition = None if recipe is None else samples.build(recipe)
    expected = copy.deepcopy(table.all())
    matching = [d for d in expected if condition is None or condition(d)]
    try:
        for document in matching:
            apply_changes(document, copy.deepcopy(changes))
    except InvalidValueError:
        before = table.all()
        with pytest.raises(InvalidValueError, match="cannot be set"):
            table.patch(changes, condition)
        expected, matching = before, []
    else:
        assert table.patch(changes, condition) == [document.doc_id for document in matching]

    assert all(map(samples.same, map(dict, table.all()), map(dict, expected)))


@settings(max_examples=60)
@given(
    documents=st.lists(samples.documents, min_size=1, max_size=5),
    recipe=samples.recipes,
    fields=samples.documents,
)
def test_update_and_remove_change_what_python_would(
    table: Table, documents: list[Any], recipe: Any, fields: Any
) -> None:
    table.truncate()
    table.insert_multiple(documents)
    condition = samples.build(recipe)
    expected = table.all()
    matching = [document for document in expected if condition(document)]
    for document in matching:
        document.update(copy.deepcopy(fields))

    assert table.update(fields, condition) == [document.doc_id for document in matching]
    assert all(map(samples.same, map(dict, table.all()), map(dict, expected)))

    left = [document for document in expected if not condition(document)]
    assert table.remove(condition) == [document.doc_id for document in expected if condition(document)]
    assert all(map(samples.same, map(dict, table.all()), map(dict, left)))
