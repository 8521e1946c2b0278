"""Filters and orders of logged models, and the data sets on which their metrics were measured."""

from typing import Any

import pytest

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.logged_models import dataset_place
from nbtrack.documents.ordering import Order
from nbtrack.documents.queries import Query
from nbtrack.filters.logged_model_filter import parse_filter, parse_order

ANY, TRAIN, TEST = dataset_place("iris"), dataset_place("iris", "a"), dataset_place("iris", "b")

MODEL: dict[str, Any] = {
    "name": "tree",
    "model_id": "m-1",
    "status": "READY",
    "model_type": "agent",
    "source_run_id": "r",
    "creation_timestamp": 1000,
    "params": {"depth": "3"},
    "tags": {"team": "nlp"},
    "metrics": {"acc": {"last": 0.8, "min": 0.1}},
    "measured": {
        ANY: {"metrics": {"acc": {"last": 0.7}}},
        TRAIN: {"metrics": {"acc": {"last": 0.9}}},
        TEST: {"metrics": {"acc": {"last": 0.7}}},
    },
}
ON_TEST = [{"dataset_name": "iris", "dataset_digest": "b"}]
ON_BOTH = [{"dataset_name": "iris", "dataset_digest": "a"}, *ON_TEST]


def matches(text: str | None, datasets: Any = None) -> bool:
    condition = parse_filter(text, datasets)
    assert condition is not None
    return bool(condition(MODEL))


@pytest.mark.parametrize(
    "text",
    [
        "name = 'tree'",
        "attributes.name LIKE 'tr%' AND model_type = 'agent'",
        "status = 'ready' and source_run_id IN ('r', 's')",
        "creation_time < 2000 and creation_timestamp > 999 and creation_timestamp_ms = 1000",
        "params.depth = '3' and params.depth < 4",
        "tags.team != 'vision' or metrics.acc > 2",
        "metrics.acc > 0.75 and metrics.acc.min < 0.2",
    ],
)
def test_a_filter_finds_a_model_by(text: str) -> None:
    assert matches(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nme = 'a'", "unknown attribute 'nme' of a logged model.*name"),
        ("status = 'DONE'", "'DONE' is no status"),
        ("dataset.name = 'a'", "unknown kind 'dataset'"),
        ("metrics.acc = 'a'", "compares with a number"),
    ],
)
def test_a_wrong_filter_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words):
        parse_filter(text)


def test_only_what_was_measured_on_the_data_sets_counts() -> None:
    assert matches("metrics.acc < 0.75", ON_TEST)
    assert not matches("metrics.acc > 0.75", ON_TEST)
    assert matches("metrics.acc > 0.85", ON_BOTH)
    assert matches("metrics.acc = 0.7", [{"dataset_name": "iris"}])
    assert not matches("metrics.acc > 0", [{"dataset_name": "wine"}])
    assert matches("not metrics.acc > 0.75 and name = 'tree'", ON_TEST)


def test_without_a_metric_anything_measured_there_counts() -> None:
    assert matches(None, ON_TEST)
    assert matches("name = 'tree'", ON_TEST)
    assert not matches("name = 'tree'", [{"dataset_name": "wine"}])
    assert not matches(None, [{"dataset_name": "iris", "dataset_digest": "c"}])
    assert parse_filter(None, []) is None


def test_a_data_set_needs_a_name_and_nothing_unknown() -> None:
    for dataset, words in (
        ({"dataset_digest": "a"}, "has a dataset_name"),
        ({"dataset_nme": "a"}, "no 'dataset_nme'.*did you mean 'dataset_name'"),
    ):
        with pytest.raises(InvalidValueError, match=words):
            parse_filter(None, [dataset])
    with pytest.raises(InvalidTypeError, match="is a dict"):
        parse_filter(None, ["iris"])  # type: ignore[list-item]
    with pytest.raises(InvalidValueError, match=r"leave out \.min"):
        parse_filter("metrics.acc.min < 1", ON_TEST)


def test_an_order_is_text_or_a_dict_as_in_mlflow() -> None:
    assert parse_order("metrics.acc desc") == [Order(("metrics", "acc", "last"), True)]
    assert parse_order(
        [
            "name",
            {"field_name": "metrics.my acc", "ascending": False},
            {"field_name": "creation_time"},
            {"field_name": "metrics.acc", "dataset_name": "iris", "dataset_digest": "b"},
            {"field_name": "metrics.acc", "dataset_name": "iris"},
        ]
    ) == [
        Order(("name",)),
        Order(("metrics", "my acc", "last"), True),
        Order(("creation_timestamp",)),
        Order(("measured", TEST, "metrics", "acc", "last")),
        Order(("measured", ANY, "metrics", "acc", "last")),
    ]


@pytest.mark.parametrize(
    ("order_by", "words"),
    [
        ([{"ascending": True}], "has a field_name"),
        ([{"field_name": "name", "descending": True}], "no 'descending'.*did you mean 'ascending'"),
        ([{"field_name": "name", "dataset_name": "iris"}], "only metrics are measured"),
        ([{"field_name": "metrics.a", "dataset_digest": "b"}], "has a dataset_name"),
        (["name", {"field_name": "name"}], "in this order already"),
        (["nme"], "unknown attribute"),
    ],
)
def test_a_wrong_order_says_what_is_wrong(order_by: Any, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words):
        parse_order(order_by)


def test_an_order_is_a_list() -> None:
    with pytest.raises(InvalidTypeError, match="An order is a list"):
        parse_order({"field_name": "name"})  # type: ignore[arg-type]


def test_a_place_is_the_same_whenever_it_is_asked() -> None:
    assert dataset_place("iris", "a") == TRAIN != dataset_place("irisa")
    assert Query()["measured"][TEST].exists()(MODEL)
