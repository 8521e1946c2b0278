"""The keys a filter mentions, and what is said of those that no run has."""

import pytest

from nbtrack.core.errors import InvalidValueError
from nbtrack.filters.fields import EXPERIMENT
from nbtrack.filters.unknown_keys import Mention, mentioned_keys, unknown_key_message

SUMMARIES = (
    "there are last, last_step, last_timestamp, min, min_step, max, max_step, mean, count, nan_count "
    "and first_step"
)


def test_all_keys_are_listed_in_their_order_each_once() -> None:
    text = (
        "status = 'FINISHED' and not (metrics.los.min < 1 or parent.params.`a b` = 'x') and tags.a.b is null "
        "and metrics.los > 3 and dataset.name = 'iris'"
    )

    found = mentioned_keys(text, ["start_time", "metrics.acc DESC", "params.lr", "metrics.los"])

    assert found == [
        Mention("metrics", "los", text.index("metrics") + 1, "min", "Filter"),
        Mention("params", "a b", text.index("parent") + 1, "", "Filter"),
        Mention("tags", "a.b", text.index("tags") + 1, "", "Filter", is_null=True),
        Mention("metrics", "acc", 1, "", "Order"),
        Mention("params", "lr", 1, "", "Order"),
    ]


@pytest.mark.parametrize("text", [None, "", "  ", "status = 'FINISHED'"])
def test_no_keys_are_an_empty_list(text: str | None) -> None:
    assert mentioned_keys(text) == []
    assert mentioned_keys(text, "start_time DESC") == []


@pytest.mark.parametrize(
    ("text", "is_null"),
    [
        ("tags.a is null", True),
        ("tags.a = 'x' or tags.a is null", True),
        ("tags.a is null or tags.a = 'x'", True),
        ("tags.a is not null", False),
    ],
)
def test_a_key_that_is_to_be_missing_says_so(text: str, is_null: bool) -> None:
    (mention,) = mentioned_keys(text)

    assert mention.is_null is is_null
    assert mention.column == 1


def test_keys_of_other_entities() -> None:
    assert mentioned_keys("name = 'x' and tags.tem = 'a'", entity=EXPERIMENT) == [Mention("tags", "tem", 16)]
    with pytest.raises(InvalidValueError):
        mentioned_keys("metrics.loss < 1", entity=EXPERIMENT)


@pytest.mark.parametrize(
    ("text", "known", "message"),
    [
        (
            "status != 'x' and metrics.los < 1",
            ["acc", "loss"],
            "no run has a metric 'los' (filter, column 19); did you mean 'loss'?",
        ),
        ("params.learning_rate = 1", ["depth"], "no run has a param 'learning_rate' (filter, column 1)"),
        ("tags.Team = 'x'", ["team"], "no run has a tag 'Team' (filter, column 1); did you mean 'team'?"),
        (
            "metrics.loss.min < 1",
            ["loss.min"],
            "no run has a metric 'loss' (filter, column 1); the metric 'loss.min' is written "
            "metrics.`loss.min`",
        ),
        (
            "metrics.loss.mni < 1",
            ["loss"],
            f"metric 'loss' has no summary 'mni' (filter, column 1); {SUMMARIES}; "
            "did you mean 'metrics.loss.min'?",
        ),
        (
            "metrics.`val loss`.p95 < 1",
            ["val loss"],
            f"metric 'val loss' has no summary 'p95' (filter, column 1); {SUMMARIES}",
        ),
        (
            "metrics.loss.trin < 1",
            ["loss", "loss.train"],
            "no run has a metric 'loss.trin' (filter, column 1); did you mean 'loss.train'?",
        ),
        ("params.loss.mni = 1", ["width"], "no run has a param 'loss.mni' (filter, column 1)"),
        ("metrics.loss < 1", ["loss"], None),
        ("metrics.loss.min < 1", ["loss"], None),
        ("metrics.loss < 1", [], "no run has a metric 'loss' (filter, column 1)"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_one(
    text: str, known: list[str], message: str | None
) -> None:
    (mention,) = mentioned_keys(text)

    assert unknown_key_message(mention, known) == message


def test_an_order_says_that_it_is_one() -> None:
    (mention,) = mentioned_keys(None, "metrics.los DESC")

    assert unknown_key_message(mention, {"loss"}) == (
        "no run has a metric 'los' (order, column 1); did you mean 'loss'?"
    )
