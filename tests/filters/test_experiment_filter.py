"""The filter and the order of an experiment search."""

from typing import Any

import pytest

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.ordering import Order
from nbtrack.filters.experiment_filter import parse_filter, parse_order

EXPERIMENT = {
    "experiment_id": "42",
    "name": "Digits (small)",
    "lifecycle_stage": "active",
    "tags": {"team": "nlp", "mlflow.note.content": "x", "budget": "12"},
    "creation_time": 1000,
    "last_update_time": 2000,
}


@pytest.mark.parametrize(
    "text",
    [
        "name = 'Digits (small)'",
        "name LIKE 'Dig%' AND name ILIKE 'dig%' and attribute.name != 'x'",
        "experiment_id IN ('1', '42') and attribute.experiment_id not in ('1')",
        "creation_time >= 1000 and last_update_time < 3000 and creation_time < '2026-11-21'",
        "tags.team = 'nlp' and tag.mlflow.note.content is not null and tags.`other` is null",
        "tags.budget > 9 or name = 'x'",
        "lifecycle_stage = 'ACTIVE'",
        "not (name = 'x' or tags.team rlike '^v')",
        "name = 'Digits (small)' and",
    ],
)
def test_what_an_experiment_matches(text: str) -> None:
    condition = parse_filter(text)

    assert condition is not None
    assert condition(EXPERIMENT)


@pytest.mark.parametrize("text", ["tags.none != 'x'", "name = 'digits (small)'", "creation_time = 999"])
def test_what_it_does_not_match(text: str) -> None:
    condition = parse_filter(text)

    assert condition is not None
    assert not condition(EXPERIMENT)


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_no_filter_is_no_condition(text: str | None) -> None:
    assert parse_filter(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("metrics.loss < 1", "unknown kind 'metrics': an experiment has attributes and tags"),
        ("parent.name = 'x'", "unknown kind 'parent'"),
        ("dataset.name = 'x'", "unknown kind 'dataset'"),
        ("nme = 'x'", "did you mean 'name'?"),
        ("status = 'x'", "unknown attribute 'status' of an experiment"),
        ("team = 'x'", "A tag is tags.team"),
    ],
)
def test_what_an_experiment_has_not_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_filter(text)

    assert reason in str(caught.value)


def test_orders() -> None:
    assert parse_order(["name", "creation_time DESC", "attribute.last_update_time asc", "tags.team"]) == [
        Order(("name",)),
        Order(("creation_time",), True),
        Order(("last_update_time",)),
        Order(("tags", "team")),
    ]
    assert parse_order(None) == []


@pytest.mark.parametrize("order_by", [["start_time"], ["metrics.loss"], ["name", "name DESC"]])
def test_malformed_orders_are_refused(order_by: Any) -> None:
    with pytest.raises(InvalidValueError, match="Order, column 1"):
        parse_order(order_by)
