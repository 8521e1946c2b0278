"""The filter of a run search: what it means, and how it says no."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.ordering import Order
from nbtrack.filters.run_filter import parse_filter, parse_order

RUN = {
    "run_id": "a" * 32,
    "run_name": "first",
    "status": "FINISHED",
    "start_time": 1000,
    "end_time": None,
    "params": {"lr": "0.1", "my param": "x", "a.b": "dotted"},
    "tags": {"mlflow.runName": "first", "team": "it's"},
    "metrics": {"loss": {"last": 0.25}, "val/acc": {"last": 0.9}, "top-5": {"last": 1.0}},
}


@pytest.mark.parametrize(
    "text",
    [
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
        "attributes.status != 'RUNNING' and attr.run_name == 'first'",
        "attribute.start_time >= 1000 and created < 1001",
        "\"run name\" = 'first'",
        "  metrics.loss<1  ",
    ],
)
def test_what_a_run_matches(text: str) -> None:
    assert parse_filter(text)(RUN)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.loss > 0.25",
        "metrics.nothing > 0",
        "metrics.nothing != 0",
        "params.lr = '0.10'",
        "params.nothing != 'x'",
        "tags.team = 'other'",
        "status = 'finished'",
        "end_time > 0",
        "metrics.loss < 0.5 and params.lr = '0.2'",
    ],
)
def test_what_it_does_not_match(text: str) -> None:
    assert not parse_filter(text)(RUN)


@pytest.mark.parametrize("text", [None, "", "   "])
def test_no_filter_is_no_condition(text: str | None) -> None:
    assert parse_filter(text) is None


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("metrics.loss", 13, "expected a comparison"),
        ("metrics.loss <", 15, "expected a value"),
        ("metrics.loss < '1'", 16, "without quotes"),
        ("params.lr = 0.1", 13, "text in quotes"),
        ("params.lr < '0.1'", 11, "use = or !="),
        ("metric loss < 1", 1, "unknown attribute 'metric'"),
        ("loss < 1", 1, "metrics.loss"),
        ("foo.bar = 'x'", 1, "unknown kind 'foo'"),
        ("metrics.loss < 1 or metrics.loss > 2", 18, "expected 'and'"),
        ("metrics.loss < 1 and", 21, "expected a field"),
        ("metrics.loss ~ 1", 14, "'~' has no meaning"),
        ("params.lr = 'open", 13, "never closed"),
        ("metrics. < 1", 10, "rest of the field's name"),
        ("status > 'A'", 8, "use = or !="),
    ],
)
def test_a_mistake_points_at_its_column(text: str, column: int, reason: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_filter(text)

    assert f"column {column}:" in str(caught.value)
    assert reason in str(caught.value)
    shown, pointer = str(caught.value).split("\n")[1:]
    assert shown.strip() == text
    assert pointer.index("^") == column + 1


def test_orders() -> None:
    assert parse_order(["metrics.loss ASC", "params.`a b` desc", "start_time"]) == [
        Order(("metrics", "loss", "last")),
        Order(("params", "a b"), True),
        Order(("start_time",)),
    ]
    assert parse_order(None) == []
    assert parse_order("metrics.loss DESC") == [Order(("metrics", "loss", "last"), True)]


@pytest.mark.parametrize(
    "entry", ["", "metrics.loss DOWN", "metrics.loss ASC DESC", "nothing", "metrics.loss < 1", 3]
)
def test_malformed_orders_are_refused(entry: object) -> None:
    with pytest.raises(InvalidValueError, match=r"[Oo]rder"):
        parse_order([entry])  # type: ignore[list-item]


@given(
    st.text(max_size=80)
    | st.from_regex(r"(metrics|params|x)\.[a-z'\"` .]*(<|=|!=) ?['0-9a-z.]*( and )?", fullmatch=True)
)
def test_any_text_is_answered_or_refused_clearly(text: str) -> None:
    try:
        condition = parse_filter(text)
    except InvalidValueError:
        return

    assert condition is None or condition(RUN) in (True, False)
