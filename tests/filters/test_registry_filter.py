"""Filters and orders of model versions by what they kept when they were registered."""

from typing import Any

import pytest

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.ordering import Order
from nbtrack.filters.registry_filter import parse_version_filter, parse_version_order

VERSION: dict[str, Any] = {
    "name": "iris",
    "version": 2,
    "tags": {},
    "params": {"C": "0.1", "kernel": "rbf"},
    "metrics": {"accuracy": 0.9, "loss.min": 0.2, "val/loss": float("nan")},
    "model_size_bytes": 812,
}


def matches(text: str, version: Any = VERSION) -> bool:
    condition = parse_version_filter(text)
    assert condition is not None
    return bool(condition(version))


@pytest.mark.parametrize(
    "text",
    [
        "metrics.accuracy > 0.89 and metric.accuracy <= 0.9",
        "metrics.accuracy.last = 0.9",
        "metrics.`loss.min` = 0.2",
        "metrics.`val/loss` != 0.2",
        "params.C = '0.1' and parameters.C < 1 and param.kernel LIKE 'r%'",
        "params.gamma IS NULL and metrics.f1 IS NULL",
        "model_size_bytes < 1000 and size > 800",
        "name = 'iris' and (metrics.accuracy between 0.8 and 1 or tags.checked = 'yes')",
        "not metrics.accuracy > 0.95",
    ],
)
def test_a_filter_finds_a_version_by(text: str) -> None:
    assert matches(text)


@pytest.mark.parametrize("text", ["metrics.accuracy > 0", "params.C = '0.1'", "model_size_bytes > 0"])
def test_a_version_that_knows_nothing_is_not_found_by_what_it_may_have(text: str) -> None:
    assert not matches(text, {"name": "iris", "version": 1, "tags": {}})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("metrics.loss.min < 1", r"the last value of each metric: write metrics\.loss; .*`loss\.min`"),
        ("metrics.accuracy > 'high'", "compares with a number"),
        ("metrics.accuracy = NaN", r"nothing equals NaN\.$"),
        ("accuracy > 0.9", "A metric is metrics.accuracy, a param params.accuracy"),
        ("params.C > '0.1'", "leave out the quotes"),
        ("dataset.name = 'a'", "unknown kind 'dataset'"),
        ("model_size_bytes > 'big'", "compares with a number"),
    ],
)
def test_a_wrong_filter_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(InvalidValueError, match=f"(?m){words}"):
        parse_version_filter(text)


def test_versions_are_ordered_by_metrics_params_and_size() -> None:
    order = parse_version_order(["metrics.accuracy DESC", "params.C", "size"])

    assert order == [
        Order(("metrics", "accuracy"), True),
        Order(("params", "C")),
        Order(("model_size_bytes",)),
    ]
