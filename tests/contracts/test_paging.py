"""Paging through a search, on every store: no run twice, no run left out, whatever happens meanwhile."""

import math
import random
from typing import Any

import pytest

from nbtrack.core.entities import Run, RunStatus
from nbtrack.core.errors import InvalidValueError
from nbtrack.core.run_columns import RunColumns
from nbtrack.documents.queries import Query
from nbtrack.documents.tables import Order
from nbtrack.stores.contracts import Store

BY_ACCURACY = Order(("metrics", "acc", "last"))


def finished(store: Store, name: str, *values: float, start_time: int | None = None, **params: str) -> str:
    run_id = running(store, name, *values, start_time=start_time)
    store.runs.set_params(run_id, params)
    store.runs.end(run_id, RunStatus.FINISHED, tags={})
    return run_id


def running(store: Store, name: str, *values: float, start_time: int | None = None) -> str:
    run_id = store.runs.create("0", name, tags={}, start_time=start_time)
    log(store, run_id, *values)
    return run_id


def log(store: Store, run_id: str, *values: float) -> None:
    writer = store.writer(run_id, owner=True)
    for step, value in enumerate(values):
        writer.append("acc", value, step, step)
    writer.close()


def names(runs: list[Run]) -> list[str]:
    return [run.info.run_name for run in runs]


def pages(store: Store, size: int, *orders: Order, **options: Any) -> list[list[str]]:
    found: list[list[str]] = []
    after = None
    while True:
        page = store.runs.search(order_by=orders, limit=size, after=after, **options)
        found.append(names(page))
        after = page.token
        if after is None:
            return found


def test_the_last_page_has_no_token(store: Store) -> None:
    for index in range(4):
        finished(store, f"run {index}", start_time=index)

    assert pages(store, 2) == [["run 3", "run 2"], ["run 1", "run 0"]]
    assert pages(store, 3) == [["run 3", "run 2", "run 1"], ["run 0"]]
    assert store.runs.search(limit=4).token is None
    assert store.runs.search().token is None
    assert pages(store, 2, experiment_ids=["none"]) == [[]]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_go_through_values_nan_and_missing(store: Store, descending: bool, size: int) -> None:
    values = [
        (0.5,),
        (0.5,),
        (math.inf,),
        (-math.inf,),
        (math.nan,),
        (math.nan,),
        (),
        (),
        (2.0,),
        (-0.0,),
        (0.0,),
    ]
    for index, points in enumerate(values):
        # Some are at rest and some run: they are sorted in among each other.
        (finished if index % 3 else running)(store, f"run {index}", *points, start_time=index % 2)
    order = BY_ACCURACY._replace(descending=descending)

    found = pages(store, size, order)

    assert [name for page in found for name in page] == names(store.runs.search(order_by=[order]))
    assert len(found) == math.ceil(len(values) / size)


def test_pages_go_through_text_and_mixed_types(store: Store) -> None:
    for index, text in enumerate(["b", "a", "é", "", "a", "10", "9", "nul\0", "half \ud800", "x" * 5000]):
        finished(store, f"run {index}", text=text)
    odd = finished(store, "odd")
    store.documents.table("runs").patch({("params", "text"): 2**70}, Query().run_id == odd)
    number = finished(store, "number")
    store.documents.table("runs").patch({("params", "text"): 1.5}, Query().run_id == number)
    finished(store, "without")

    for descending in (False, True):
        order = Order(("params", "text"), descending)
        found = [name for page in pages(store, 2, order) for name in page]
        assert found == names(store.runs.search(order_by=[order]))
        assert len(set(found)) == 13


def test_what_was_inserted_or_deleted_meanwhile_moves_no_other_run(store: Store) -> None:
    ids = [finished(store, f"run {index}", index / 10) for index in range(8)]
    first = store.runs.search(order_by=[BY_ACCURACY], limit=3)

    finished(store, "before", -1.0)
    finished(store, "behind", 0.55)
    for gone in (0, 2, 4):  # the second page begins behind run 2
        store.runs.delete(ids[gone])
    second = store.runs.search(order_by=[BY_ACCURACY], limit=3, after=first.token)
    third = store.runs.search(order_by=[BY_ACCURACY], limit=3, after=second.token)

    assert names(first) == ["run 0", "run 1", "run 2"]
    assert names(second) == ["run 3", "run 5", "behind"]
    assert names(third) == ["run 6", "run 7"]
    assert third.token is None


def test_a_run_that_begins_meanwhile_does_not_shift_the_default_order(store: Store) -> None:
    for index in range(4):
        finished(store, f"run {index}", start_time=index)
    first = store.runs.search(limit=2)

    store.runs.create("0", "new", tags={})

    assert names(store.runs.search(limit=2, after=first.token)) == ["run 1", "run 0"]


def test_runs_that_stay_are_seen_once_under_random_changes(store: Store) -> None:
    chance = random.Random(7)
    kept = {finished(store, f"kept {index}", chance.choice([0.1, 0.2, math.nan])) for index in range(30)}
    others = [finished(store, f"other {index}", chance.random()) for index in range(30)]
    seen: list[str] = []
    after = None

    while True:
        page = store.runs.search(order_by=[BY_ACCURACY], limit=7, after=after)
        seen += [run.info.run_id for run in page]
        after = page.token
        if after is None:
            break
        for _ in range(2):
            store.runs.delete(others.pop(chance.randrange(len(others))))
            finished(store, "new", chance.random())
            running(store, "new and running", chance.random() / 2)

    assert len(seen) == len(set(seen))
    assert kept <= set(seen)


def test_a_filter_is_kept_while_paging(store: Store) -> None:
    for index in range(6):
        finished(store, f"run {index}", index / 10, model="tree" if index % 2 else "net")

    found = pages(store, 2, BY_ACCURACY, condition=Query().params.model == "tree")

    assert found == [["run 1", "run 3"], ["run 5"]]


def test_an_offset_counts_from_where_the_page_begins(store: Store) -> None:
    for index in range(5):
        finished(store, f"run {index}", start_time=index)
    first = store.runs.search(limit=1)

    assert names(store.runs.search(limit=1, after=first.token, offset=2)) == ["run 1"]


def test_a_token_of_another_order_is_refused(store: Store) -> None:
    for index in range(3):
        finished(store, f"run {index}", index / 10)
    token = store.runs.search(order_by=[BY_ACCURACY], limit=1).token

    with pytest.raises(InvalidValueError, match=r"page token .* another order"):
        store.runs.search(limit=1, after=token)
    with pytest.raises(InvalidValueError, match="page token 'garbage'"):
        store.runs.search(limit=1, after="garbage")


def test_columns_hold_what_the_runs_hold(store: Store) -> None:
    finished(store, "one", 0.5, math.nan, lr="0.1")
    finished(store, "two", math.inf, depth="3")
    running(store, "three", 0.7)
    running(store, "four")
    finished(store, "five \ud800", 0.6)
    order = [BY_ACCURACY._replace(descending=True)]

    for options in ({}, {"limit": 2}, {"limit": 3}, {"condition": Query().metrics.acc.last > 0.6}):
        columns = store.runs.search_columns(order_by=order, **options)

        expected = RunColumns.of_runs(store.runs.search(order_by=order, **options))
        assert repr(columns) == repr(expected)


def test_a_key_is_known_wherever_it_was_used(store: Store) -> None:
    finished(store, "one", 0.5, lr="0.1")
    live = store.runs.create("0", "two", tags={"team": "nlp"})
    writer = store.writer(live, owner=True)
    writer.append("live \ud800 $metric", 1.0, 0, 0)
    has_key = store.runs.has_key

    assert has_key("metrics", "acc")
    assert has_key("metrics", "acc", ["0", "other"])
    assert has_key("metrics", "live \ud800 $metric")
    assert has_key("params", "lr")
    assert has_key("tags", "team")
    assert not has_key("metrics", "lr")
    assert not has_key("params", "acc")
    assert not has_key("metrics", "acc", ["other"])
    assert not has_key("metrics", "live \ud800 $metric", ["other"])
    assert not has_key("metrics", "acc", [])
    assert set(store.runs.recent_keys("metrics")) == {"acc", "live \ud800 $metric"}
    assert store.runs.recent_keys("params") == ["lr"]
    assert store.runs.recent_keys("params", ["other"]) == []
    with pytest.raises(InvalidValueError, match="'inputs'"):
        has_key("inputs", "x")
    writer.close()
