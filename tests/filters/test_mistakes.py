"""How a filter says no: the column, the reason, the nearest word."""
# ruff: noqa: E501 - a filter or an error stays on one line.

import pytest

from nbtrack.core.errors import InvalidValueError
from nbtrack.filters import experiment_filter, run_filter

MISTAKES = [
    # what is missing
    ("metrics.loss", 13, "expected a comparison such as =, < or LIKE"),
    ("metrics.loss <", 15, "expected a value: a number, or text in quotes"),
    ("metrics.loss < 1 or", 20, "expected a field such as metrics.loss or params.lr"),
    ("metrics.loss < 1 and and", 22, "expected a field such as metrics.loss before 'and'"),
    ("and metrics.loss < 1", 1, "expected a field such as metrics.loss before 'and'"),
    ("not", 4, "expected a field such as metrics.loss or params.lr"),
    ("(metrics.a < 1", 15, "expected 'and', 'or' or the ')' of column 1"),
    ("metrics.a < 1)", 14, "no parenthesis is open here"),
    ("()", 2, "expected a field such as metrics.loss or params.lr; it stands before the comparison"),
    ("metrics.a < 1 metrics.b < 1", 15, "expected 'and' or 'or'"),
    ("metrics.a < 1 adn metrics.b < 1", 15, "expected 'and' or 'or'; did you mean 'and'?"),
    ("metrics.a between 1 or 2", 21, "expected the AND of BETWEEN"),
    ("tags.a in 'x'", 11, "expected a list in parentheses: IN ('a', 'b')"),
    ("tags.a in ()", 12, "expected a value: a number, or text in quotes"),
    ("tags.a in ('x'", 15, "expected ',' or ')'"),
    ("tags.a not 'x'", 12, "expected IN, BETWEEN, LIKE, ILIKE or RLIKE after NOT"),
    ("tags.a is 'x'", 11, "expected NULL"),
    (
        "tags.a = null",
        10,
        "expected a value: a number, or text in quotes; to find what is missing write IS NULL",
    ),
    (
        "1 < metrics.a",
        1,
        "expected a field such as metrics.loss or params.lr; it stands before the comparison",
    ),
    # words
    ("tags.a lik 'x'", 8, "expected a comparison such as =, < or LIKE; did you mean 'LIKE'?"),
    ("tags.a regexp 'x'", 8, "expected a comparison such as =, < or LIKE; write RLIKE"),
    (
        "metric loss < 1",
        8,
        "expected a comparison such as =, < or LIKE; a name with spaces stands in backticks",
    ),
    ("tags.a = tree", 10, "expected a value; text stands in quotes: 'tree'"),
    ("tags.a = `tree`", 10, "expected a value; text stands in quotes: '`tree`'"),
    # signs
    (
        "metrics.loss ~ 1",
        14,
        "'~' has no meaning here; write RLIKE for a regular expression, LIKE for a pattern",
    ),
    ("metrics.a < 1 && metrics.b < 1", 15, "'&&' has no meaning here; write 'and'"),
    ("metrics.a => 1", 11, "'=>' has no meaning here; write >="),
    ("metrics.a <=> 1", 11, "'<=>' has no meaning here; there are = != <> < <= > >="),
    ("metrics.a < 1; drop table runs", 14, "';' has no meaning here"),
    ("params.lr = 'open", 13, "this quote is never closed"),
    ("params.`lr = 1", 8, "this quote is never closed"),
    ("metrics. < 1", 9, "expected the rest of the field's name; a key with other signs stands in backticks"),
    ("metrics.a.", 11, "expected the rest of the field's name; a key with other signs stands in backticks"),
    ("metrics.`` < 1", 9, "this key is empty"),
    ("metrics.a < 1_000", 13, "'1_000' is no number; text and dates stand in quotes"),
    ("start_time > 2026-11-21", 14, "'2026-11-21' is no number; text and dates stand in quotes"),
    ("status = \u201cFINISHED\u201d", 10, "'\u201c' is no quote here; type straight ones: ' or \""),
    ("tags.a = \u2018x\u2019", 10, "'\u2018' is no quote here; type straight ones: ' or \""),
    ("metrics.\u201cval loss\u201d < 1", 9, "'\u201c' is no quote here; type straight ones: ' or \""),
    (
        "metrics['loss'] < 1",
        8,
        "'[' has no meaning here; a key stands behind a dot: metrics.loss or metrics.`loss`",
    ),
    (
        'params["val loss"] < 1',
        7,
        "'[' has no meaning here; a key stands behind a dot: params.`val loss`",
    ),
    ("tags.a in ['x']", 11, "'[' has no meaning here; a list stands in parentheses: IN ('a', 'b')"),
    (
        "-metrics.loss < 1",
        1,
        "'-' has no meaning here; nothing is computed: compare a field as it is, such as metrics.loss > -1",
    ),
    (
        "metrics.a * 2 < 1",
        11,
        "'*' has no meaning here; nothing is computed: compare a field as it is, such as metrics.loss > -1",
    ),
    ("metrics.a < - 1", 13, "'-' has no meaning here; a sign stands right before its number"),
    # fields
    (
        "loss < 1",
        1,
        "unknown attribute 'loss' of a run; there are run_id, run_name, user_id, status, artifact_uri, "
        "experiment_id, start_time, end_time and lifecycle_stage. A metric is metrics.loss, a param params.loss",
    ),
    (
        "attributes.statsu = 'x'",
        12,
        "unknown attribute 'statsu' of a run; there are run_id, run_name, user_id, status, artifact_uri, "
        "experiment_id, start_time, end_time and lifecycle_stage; did you mean 'status'?",
    ),
    (
        "metrcs.loss < 1",
        1,
        "unknown kind 'metrcs': a run has attributes, dataset, metrics, params, tags, children and parent; "
        "did you mean 'metrics'?",
    ),
    (
        "dataset.nam = 'x'",
        9,
        "unknown field 'nam' of a dataset; there are name, digest and context; did you mean 'dataset.name'?",
    ),
    ("parent.parent.run_name = 'x'", 8, "parent.parent is one relation too many; only one can be followed"),
    # operators and values of a kind
    ("metrics.loss < '1'", 16, "metrics.loss compares with a number, without quotes"),
    (
        "metrics.loss like 'a'",
        14,
        "metrics.loss is a number: use = != IN < <= > >= BETWEEN IS NULL IS NOT NULL",
    ),
    (
        "metrics.loss = nan",
        16,
        "nothing equals NaN; metrics.loss.nan_count > 0 finds runs that logged one",
    ),
    (
        "params.lr < '0.1'",
        13,
        "text in quotes has no <: to compare params.lr as a number, leave out the quotes",
    ),
    ("params.lr in ('a', 1)", 20, "numbers and text in quotes cannot stand in one comparison"),
    ("params.lr like 1", 16, "LIKE takes text in quotes"),
    ("params.lr rlike '(a'", 17, "'(a' is no regular expression of RE2: missing ): (a"),
    ("status > 'A'", 8, "status is text: use = != IN LIKE ILIKE RLIKE IS NULL IS NOT NULL"),
    ("status = 1", 10, "status compares with text in quotes"),
    (
        "start_time > 'soon'",
        14,
        "expected milliseconds since 1970, or a date such as '2026-11-21' or '2026-11-21 14:00'",
    ),
    ("start_time > '2026-13-01'", 14, "there is no such date: '2026-13-01' has the month 13"),
    (
        "start_time > '2026-02-29 10:00'",
        14,
        "there is no such date: '2026-02-29 10:00' has the day 29, that month 28 days",
    ),
    ("start_time > '2024-02-29T24:30'", 14, "there is no such time: '2024-02-29T24:30' has the hour 24"),
    (
        "status = 'DONE'",
        10,
        "'DONE' is no status; there are RUNNING, SCHEDULED, FINISHED, FAILED and KILLED",
    ),
    (
        "status in ('finished', 'kiled')",
        24,
        "'kiled' is no status; there are RUNNING, SCHEDULED, FINISHED, FAILED and KILLED; did you mean 'KILLED'?",
    ),
    (
        "parent.lifecycle_stage != 'activ'",
        27,
        "'activ' is no parent.lifecycle_stage; there are active and deleted; did you mean 'active'?",
    ),
    ("start_time like '2%'", 12, "start_time is a time: use = != IN < <= > >= BETWEEN IS NULL IS NOT NULL"),
    ("artifact_uri = 'x'", 16, "an artifact_uri ends in /<run_id>/artifacts; or compare run_id"),
    (
        "artifact_uri like '%x'",
        14,
        "artifact_uri can only be the same or another: use = != IN IS NULL IS NOT NULL; or compare run_id",
    ),
    ("children.metrics.a.min = 'x'", 26, "children.metrics.a.min compares with a number, without quotes"),
]


@pytest.mark.parametrize(("text", "column", "reason"), MISTAKES)
def test_a_mistake_points_at_its_column(text: str, column: int, reason: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        run_filter.parse_filter(text)

    stop = "" if reason.endswith("?") else "."
    assert str(caught.value) == f"Filter, column {column}: {reason}{stop}\n  {text}\n  {' ' * (column - 1)}^"
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_mistake_in_several_lines_names_the_line() -> None:
    with pytest.raises(InvalidValueError) as caught:
        run_filter.parse_filter("metrics.loss < 1\n  and\tstatsu = 'x'\n  and metrics.loss > 0")

    first, shown, pointer = str(caught.value).split("\n")
    assert first.startswith("Filter, line 2, column 7: unknown attribute 'statsu'")
    assert shown == "    and statsu = 'x'"
    assert pointer.index("^") == shown.index("statsu")


def test_a_mistake_far_into_a_text_shows_what_is_around() -> None:
    text = " and ".join(["metrics.loss < 1"] * 40) + " and stat = 'x'"

    with pytest.raises(InvalidValueError) as caught:
        run_filter.parse_filter(text)

    _, shown, pointer = str(caught.value).split("\n")
    assert len(shown) < 130
    assert shown[pointer.index("^") :].startswith("stat = 'x'")


@pytest.mark.parametrize(
    "text", ["status in ('Finished', 'KILLED')", "status like 'fin%'", "lifecycle_stage != 'DELETED'"]
)
def test_a_closed_list_takes_its_values_in_any_case_and_any_pattern(text: str) -> None:
    condition = run_filter.parse_filter(text)

    assert condition is not None
    assert condition({"status": "FINISHED", "lifecycle_stage": "active"})


def test_the_stage_of_an_experiment_is_one_of_two() -> None:
    with pytest.raises(InvalidValueError, match="'gone' is no lifecycle_stage; there are active and deleted"):
        experiment_filter.parse_filter("lifecycle_stage = 'gone'")


def test_an_order_with_a_sign_is_told_of_desc() -> None:
    with pytest.raises(
        InvalidValueError, match=r"column 1: '-' .*; for the largest first write metrics.loss DESC"
    ):
        run_filter.parse_order(["-metrics.loss"])


def test_an_order_says_no_in_the_same_way() -> None:
    with pytest.raises(InvalidValueError) as caught:
        run_filter.parse_order(["metrics.loss", "start_tme DESC"])

    assert str(caught.value) == (
        "Order, column 1: unknown attribute 'start_tme' of a run; there are run_id, run_name, user_id, status, "
        "artifact_uri, experiment_id, start_time, end_time and lifecycle_stage; did you mean 'start_time'?\n"
        "  start_tme DESC\n  ^"
    )


def test_an_experiment_says_what_it_has() -> None:
    with pytest.raises(
        InvalidValueError, match="unknown kind 'metrics': an experiment has attributes and tags"
    ):
        experiment_filter.parse_filter("metrics.loss < 1")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("tags.a = '" + "x" * 65_536 + "'", "at most 65,536 characters"),
        ("tags.a in (" + "'x'," * 9_000 + "'x')", "at most 10,000 words"),
        (" or ".join(["tags.a = 'x'"] * 1_001), "at most 1,000 comparisons; IN takes a list"),
        ("(" * 51 + "tags.a = 'x'" + ")" * 51, "nests at most 50 deep"),
        ("not " * 51 + "tags.a = 'x'", "nests at most 50 deep"),
        (" or ".join(["tags.a rlike 'x'"] * 11), "at most 10 regular expressions"),
        ("tags.a rlike '" + "x" * 1_001 + "'", "at most 1,000 characters, not 1,001"),
    ],
)
def test_limits_are_named(text: str, limit: str) -> None:
    with pytest.raises(InvalidValueError, match=limit):
        run_filter.parse_filter(text)


@pytest.mark.parametrize(
    "text",
    [
        "tags.a = '" + "x" * 65_000 + "'",
        "tags.a in (" + "'x'," * 4_900 + "'x')",
        " or ".join(["tags.a = 'x'"] * 1_000),
        "(" * 50 + "tags.a = 'x'" + ")" * 50,
        "not " * 50 + "tags.a = 'x'",
        " or ".join(["tags.a rlike 'x'"] * 10),
    ],
)
def test_what_is_within_the_limits_works(text: str) -> None:
    condition = run_filter.parse_filter(text)

    assert condition is not None
    assert condition({"tags": {"a": "x"}}) == (len(text) < 65_000)
