"""The filter of a run search: what it means."""
# ruff: noqa: E501 - a filter or an error stays on one line.

import math
import time
from typing import Any

import pytest

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.documents.ordering import Order
from nbtrack.documents.queries import Comparison, Either
from nbtrack.documents.text_conditions import SpelledNumber
from nbtrack.filters.run_filter import parse_filter, parse_order


def summary(last: float, **others: float) -> dict[str, Any]:
    return {
        **{
            "last": last,
            "last_step": 9,
            "last_timestamp": 1_000_000,
            "min": last,
            "min_step": 0,
            "max": last,
        },
        **{"max_step": 0, "mean": last, "count": 3, "nan_count": 0, "first_step": 0},
        **others,
    }


RUN = {
    "run_id": "a" * 32,
    "run_name": "first",
    "user_id": "me",
    "experiment_id": "0",
    "status": "FINISHED",
    "lifecycle_stage": "active",
    "start_time": 1000,
    "end_time": None,
    "params": {"lr": "0.1", "my param": "x", "a.b": "dotted", "depth": "10", "model": "Tree", "in": "y"},
    "tags": {"mlflow.runName": "first", "team": "it's", "fold": "3", "name": "Straße", "both": "a'b\"c`d"},
    "metrics": {
        "loss": summary(0.25, min=0.1, max=math.inf),
        "val/acc": summary(0.9),
        "top-5": summary(1.0),
        "precision@5": summary(0.5),
        "val.loss": summary(2.0, min=1.0),
        "loss.min": summary(7.0, min=6.0),
        "broken": summary(math.nan, min=0.5, nan_count=1),
        "2nd": summary(4.0),
    },
    "inputs": [
        {"dataset": {"name": "iris", "digest": "d1"}, "tags": {"mlflow.data.context": "train"}},
        {"dataset": {"name": "wine", "digest": "d2"}, "tags": {}},
    ],
}

MATCHING = [
    # MLflow's grammar
    "params.'my param' = 'x'",
    "run_name IN ('first',)",
    "run_name not in ('second', 'third',)",
    "metrics.loss < 0.5",
    "metric.loss<=.25 AND metrics.loss >= 2.5e-1",
    "metrics.loss = 0.25",
    "metrics.val/acc > 0.8 and metrics.top-5 = 1",
    'metrics."val/acc" != 1',
    "metrics.`loss` > -1",
    "params.lr = '0.1'",
    'params."my param" = "x"',
    "parameter.`my param` != 'y'",
    "params.a.b = 'dotted'",
    "tags.mlflow.runName = 'first'",
    'tags.team = "it\'s"',
    "status = 'FINISHED'",
    "attributes.status != 'RUNNING' and attr.run_name == 'first' AND run.user_id = 'me'",
    "attribute.start_time >= 1000 and created < 1001",
    "\"run name\" = 'first' and `Run Name` = 'first' and attributes.`Run name` = 'first'",
    "  metrics.loss<1  ",
    "metrics.loss < 1 and",
    "metrics.loss < 1 AND  ",
    "params.model LIKE 'Tr%' and params.model ilike 'tR__' and run_name like '%'",
    "params.lr is not null and params.none IS NULL",
    "run_id in ('b', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') and run_id not in ('b')",
    "dataset.name = 'wine' and datasets.digest in ('d1') and dataset.context like 'tr%'",
    "dataset.name != 'iris'",
    "metrics.broken != 5",
    # joining
    "metrics.loss > 1 or metrics.loss < 1",
    "metrics.loss > 1 and metrics.loss > 1 or metrics.loss < 1",
    "metrics.loss < 1 or metrics.loss > 1 and metrics.loss > 1",
    "not metrics.loss > 1",
    "not (metrics.loss > 1 or params.lr = 'x')",
    "not not (params.lr = '0.1')",
    "NOT params.none = 'x'",
    "params.lr != 'y' or params.lr != 'x'",
    "params.lr = 'x' or params.lr = '0.1' or params.lr in ('y')",
    "not metrics.loss > 1 and params.lr = '0.1'",
    "((((status = 'finished'))))",
    "not(status='running')and(status='finished')",
    # comparisons beyond MLflow's
    "metrics.loss between 0.25 and 1 and metrics.loss not between 1 and 2",
    "metrics.loss in (1, 0.25) and metrics.loss not in (1, 2)",
    "metrics.loss is not null and metrics.none is null and end_time is null",
    "metrics.loss <> 1",
    "metrics.loss > -inf and metrics.loss < +inf and metrics.loss.max = Infinity",
    "params.model in ('Net', 'Tree') and params.model not in ('Net') and params.model not like 'net%'",
    "params.model rlike '^T.*e$' and params.model not rlike 'net' and tags.fold rlike '[0-9]'",
    "params.model not ilike '%net%'",
    "tags.name ilike 'STRASSE' and not tags.name like 'STRASSE'",
    "status in ('finished', 'failed') and status like 'fin%' and lifecycle_stage = 'Active'",
    "experiment_id = '0'",
    # params and tags as numbers
    "params.lr < 0.5 and params.lr = 0.1 and params.lr = 1e-1 and params.depth > 9",
    "params.lr between 0 and 1 and params.lr in (0.1, 7) and params.lr not in (7) and params.lr != 2",
    "params.depth not between 1 and 9 and tags.fold >= 3",
    # summaries
    "metrics.loss.min < 0.2 and metrics.loss.max = inf and metrics.loss.last = 0.25 and metrics.loss.count = 3",
    "metrics.loss.mean > 0 and metrics.loss.first_step = 0 and metrics.loss.last_step = 9",
    "metrics.loss.MIN = 0.1 and metrics.loss.nan_count = 0 and metrics.broken.nan_count > 0",
    'metrics.`loss.min` = 7 and metrics.`loss.min`.min = 6 and metrics."loss".min = 0.1',
    "metrics.val.loss = 2 and metrics.val.loss.min = 1 and metrics.`val.loss`.min = 1 and metrics.val.`loss` = 2",
    "metrics.loss.`min` = 7 and metrics.loss.`min`.min = 6",
    "metrics.precision@5 = 0.5 and metrics.2nd = 4",
    "metrics.loss.last_timestamp < '2001-01-01'",
    # keys and text
    "params.in = 'y' and tags.both = 'a''b\"c`d' and tags.both = \"a'b\"\"c`d\"",
    "Metrics.loss < 1 and STATUS = 'finished' and Params.lr = '0.1'",
    "metrics.loss\n<\t1 -- ".removesuffix("-- "),
    # times
    "start_time < '2026-11-21' and created < '1970-01-03 10:00:00+00:00'",
    "start_time = '1970-01-01T00:00:01Z' and start_time between '1970-01-01T00:00:01+00:00' and 2000",
    # locations
    f"artifact_uri = 'file:///x/.nbtrack/runs/{'a' * 32}/artifacts' and artifact_uri is not null",
    f"artifact_uri in ('/runs/{'a' * 32}/artifacts/', '/runs/b/artifacts')",
]


@pytest.mark.parametrize("text", MATCHING)
def test_what_a_run_matches(text: str) -> None:
    condition = parse_filter(text)

    assert condition is not None
    assert condition(RUN)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.loss > 0.25",
        "metrics.nothing > 0",
        "metrics.nothing != 0",
        "metrics.nothing not in (0)",
        "metrics.nothing not between 1 and 2",
        "metrics.loss is null",
        "metrics.broken > 0",
        "metrics.broken <= inf",
        "metrics.broken not between 0 and 1",
        "metrics.loss not between 0.25 and 1",
        "metrics.loss not between 0 and 0.25",
        "metrics.loss.min = 7",
        "params.lr = '0.10'",
        "params.nothing != 'x'",
        "params.nothing not like 'x'",
        "params.nothing not in ('x')",
        "params.nothing not rlike 'x'",
        "params.nothing != 1",
        "params.model != 1",
        "params.model not in (1)",
        "params.model not between 1 and 2",
        "params.model like 'tree'",
        "params.model like 'Tre'",
        "params.lr is null",
        "tags.team = 'other'",
        "end_time > 0",
        "end_time != 0",
        "end_time is not null",
        "metrics.loss < 0.5 and params.lr = '0.2'",
        "(metrics.loss < 1 or metrics.loss < 2) and metrics.loss > 3",
        "not metrics.loss < 1",
        "dataset.name = 'none'",
        "dataset.context != 'train'",
        "dataset.name is null",
        "artifact_uri != '/runs/" + "a" * 32 + "/artifacts'",
    ],
)
def test_what_it_does_not_match(text: str) -> None:
    condition = parse_filter(text)

    assert condition is not None
    assert not condition(RUN)


def test_a_run_without_inputs_has_no_data_set() -> None:
    run = {key: value for key, value in RUN.items() if key != "inputs"}

    assert parse_filter("dataset.name is null")(run)  # type: ignore[misc]
    assert not parse_filter("dataset.name != 'iris'")(run)  # type: ignore[misc]


@pytest.mark.parametrize("text", [None, "", "   ", "\n"])
def test_no_filter_is_no_condition(text: str | None) -> None:
    assert parse_filter(text) is None


def test_alternatives_of_one_field_are_one_look_at_it() -> None:
    condition = parse_filter(
        "params.a = 'x' or params.a in ('y', 'x') or params.a = 1 or params.a = 2 or params.b = 'x'"
    )
    alone = parse_filter("metrics.a = 1 or metrics.a = 2")

    assert condition == Either(
        Comparison("one_of", ("params", "a"), ("x", "y", "x")),
        SpelledNumber("one_of", ("params", "a"), (1, 2)),
        Comparison("==", ("params", "b"), "x"),
    )
    assert alone == Comparison("one_of", ("metrics", "a", "last"), (1, 2))


def test_dates_without_a_zone_are_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        condition = parse_filter("start_time = '1970-01-01 09:00:01'")
    finally:
        monkeypatch.undo()
        time.tzset()

    assert condition is not None
    assert condition(RUN)


def test_orders() -> None:
    assert parse_order(["metrics.loss ASC", "params.`a b` desc", "start_time"]) == [
        Order(("metrics", "loss", "last")),
        Order(("params", "a b"), True),
        Order(("start_time",)),
    ]
    assert parse_order(None) == []
    assert parse_order("metrics.loss DESC") == [Order(("metrics", "loss", "last"), True)]
    assert parse_order(("metrics.loss.min", "metrics.loss", "artifact_uri DESC", "created Desc")) == [
        Order(("metrics", "loss", "min")),
        Order(("metrics", "loss", "last")),
        Order(("run_id",), True),
        Order(("start_time",), True),
    ]


@pytest.mark.parametrize(
    ("order_by", "reason"),
    [
        ([""], "expected a field"),
        (["metrics.loss DOWN"], "expected ASC or DESC"),
        (["metrics.loss ASC DESC"], "nothing can stand after ASC"),
        (["metrics.loss, metrics.acc"], "each field is an entry of its own"),
        (["metrics.loss ASC, metrics.acc"], "each field is an entry of its own"),
        (["nothing"], "unknown attribute 'nothing'"),
        (["metrics.loss < 1"], "expected ASC or DESC"),
        ([3], "is text"),
        (3, "list such as"),
        (["metrics.loss", "metric.`loss` DESC"], "already"),
        (["dataset.name"], "many"),
        (["parent.metrics.loss"], "many"),
    ],
)
def test_malformed_orders_are_refused(order_by: Any, reason: str) -> None:
    with pytest.raises(InvalidValueError, match=r"[Oo]rder") as caught:
        parse_order(order_by)

    assert reason in str(caught.value)


@pytest.mark.parametrize("text", [3, b"metrics.loss < 1", ["metrics.loss < 1"], True])
def test_a_filter_is_text(text: Any) -> None:
    with pytest.raises(InvalidTypeError, match="Filter is text"):
        parse_filter(text)
