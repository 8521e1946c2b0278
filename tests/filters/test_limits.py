"""Any text is answered or refused, in time: nothing that anybody types hangs or crashes a search."""

import gc
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidValueError
from nbtrack.filters import experiment_filter, run_filter
from nbtrack.filters.unknown_keys import mentioned_keys

BOUND = 0.05
"""Seconds of work that reading a filter may take; a slow machine is given five times as long."""

RANDOM_TEXTS = 100_000

RUN: dict[str, Any] = {
    "run_id": "a",
    "status": "FINISHED",
    "start_time": 5,
    "params": {"a": "1"},
    "tags": {},
    "metrics": {"a": {"last": 1.0, "min": 0.5}},
}

WORDS = [
    *(
        "metrics.a",
        "params.a",
        "tags.`a b`",
        "status",
        "start_time",
        "dataset.name",
        "parent.params.a",
        "run_id",
    ),
    *(
        "children.metrics.a.min",
        "metrics.a.min",
        "artifact_uri",
        "attributes.status",
        "foo",
        "foo.bar",
        '"a b"',
    ),
    *(
        "and",
        "or",
        "not",
        "(",
        ")",
        ",",
        "in",
        "between",
        "like",
        "ilike",
        "rlike",
        "is",
        "null",
        "AND",
        "OR",
    ),
    *("=", "==", "!=", "<>", "<", "<=", ">", ">=", "~", "&&", "|", "!", ";", "--", "/*", ".", "..", "\\"),
    *("1", "-1", "1e3", ".5", "1e999", "inf", "-inf", "nan", "1_0", "0x1", "9" * 40),
    *("'a'", '"a"', "`a`", "''", "'it''s'", "'", '"', "`", "'%'", "'(a'", "'2026-11-21'", "'\0'", "'\ud800'"),
    *("\0", "\n", "\t", "\u00a0", "é", "\U0001f600", "\ud800", "ﬁ", "İ", "DROP TABLE runs", "' OR '1'='1"),
]
VALID = [
    "metrics.loss.min < 0.2 and (params.lr between 0.01 and 0.1 or tags.team in ('nlp', 'vision'))",
    "not params.`my param` like 'x%' and tags.\"a.b\" is not null or status = 'FINISHED'",
    "start_time >= '2026-11-21 14:00' and run_id not in ('a', 'b') and params.model not rlike '^t.*e$'",
    "parent.run_name = 'sweep' and children.metrics.loss.last <= -1.5e-3 and dataset.name != 'it''s'",
]


@pytest.fixture
def clock() -> Iterator[dict[str, Any]]:
    """Times `ask` without pauses of the garbage collector; prints the longest call at the end."""
    longest = {"seconds": 0.0, "text": ""}
    gc.disable()
    yield longest
    gc.enable()
    print(f"longest: {longest['seconds'] * 1000:.1f} ms for {longest['text'][:60]!r}")
    assert longest["seconds"] < 5 * BOUND


def ask(text: str, longest: dict[str, Any]) -> Any:
    """Read a filter; whatever is not refused answers on a run."""
    started = time.thread_time()
    try:
        condition = run_filter.parse_filter(text)
    except InvalidValueError as error:
        condition, length = None, len(str(error))
    else:
        length = 0
    assert length < 1_000
    took = time.thread_time() - started
    if took > longest["seconds"]:
        longest["seconds"], longest["text"] = took, text
    if condition is not None and "parent" not in text.lower() and "children" not in text.lower():
        assert condition(RUN) in (True, False)
    return condition


def test_random_texts_are_answered_or_refused_in_time(clock: dict[str, Any]) -> None:
    seed = random.randrange(2**32)
    print(f"seed: {seed}")
    chance = random.Random(seed)
    understood = 0

    for at in range(RANDOM_TEXTS):
        if at % 4 == 0:
            text = chance.randbytes(chance.randrange(200)).decode("latin-1")
        elif at % 4 == 1:
            text = chance.choice(["", " "]).join(chance.choices(WORDS, k=chance.randrange(1, 30)))
        elif at % 4 == 2:
            text = mutated(chance.choice(VALID), chance)
        else:
            # Words in an order that is often right, so that what comes after the grammar is met too.
            text = " and ".join(
                " ".join([*chance.choices(WORDS[:15]), *chance.choices(WORDS[34:42]), *chance.choices(WORDS)])
                for _ in range(chance.randrange(1, 4))
            )
        understood += ask(text, clock) is not None

    assert understood > RANDOM_TEXTS / 50


def mutated(text: str, chance: random.Random) -> str:
    """The text with some of its letters taken out, doubled, or replaced."""
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.choice([0, 1, 1, 2, 10]))
        put = chance.choice(["", text[at:end] * 2, chance.choice(WORDS), chr(chance.randrange(0x3000))])
        text = text[:at] + put + text[end:]
    return text


@settings(max_examples=300)
@given(text=st.text(max_size=300) | st.lists(st.sampled_from(WORDS) | st.text(max_size=5)).map(" ".join))
def test_any_text_is_answered_or_refused(text: str) -> None:
    ask(text, {"seconds": 0.0})
    for read in (experiment_filter.parse_filter, run_filter.parse_order, mentioned_keys):
        with suppress(InvalidValueError):
            read(text)


LONGEST = {
    "comparisons": " and ".join(f"metrics.m{n} < {n}.5" for n in range(1000)),
    "comparisons of params": " or ".join(f"params.m{n} not between {n} and 9" for n in range(1000)),
    "patterns": " or ".join(f"params.m{n} not ilike '%{n}_%{n}'" for n in range(1000)),
    "lists": " or ".join(f"tags.m{n} not in ('a', 'b')" for n in range(1000)),
    "relations": " or ".join(f"children.metrics.m{n}.min < {n}" for n in range(1000)),
    "data sets": " or ".join(f"dataset.name != '{n}'" for n in range(1000)),
    "dates": " or ".join(["start_time > '2026-11-21 14:00'"] * 1000),
    "one list": "run_id in (" + ", ".join(f"'{n}'" for n in range(4900)) + ")",
    "one pattern": "tags.a ilike '" + "%a_" * 21_000 + "'",
    "expressions": " or ".join([rf"tags.a rlike '{n}\pL{{5}}(a{{9}}){{9}}'" for n in range(10)]),
    "an expression that is too large": r"tags.a rlike '" + r"(\pL|x)*" * 120 + "'",
    "nested": "(" * 50 + "tags.a = 'x'" + ")" * 50,
    "dots": "tags" + ".a" * 32_000 + " = 'x'",
    "dots of nothing": "tgas" + ".a" * 32_000 + " = 'x'",
    "quotes": "tags.a = '" + "''" * 32_000 + "'",
    "quotes without an end": "tags.a = '" + "''" * 32_000,
    "open": "(" * 65_000,
    "equal": "= " * 32_000,
    "blank": " " * 65_000 + "x",
    "lines": "\n" * 65_000 + "x",
    "digits": "metrics.a < " + "9" * 65_000,
    "zeros": "metrics.a < 0." + "0" * 65_000 + "1",
    "powers": "metrics.a < 1e" + "9" * 65_000,
    "a name": "x" * 65_000 + " < 1",
    "a key": "metrics." + "x" * 65_000 + " < 1",
    "letters": "x" * 10_000_000,
    "unknown": " or ".join(f"statsu = '{n}'" for n in range(1000)),
}


@pytest.mark.parametrize("text", LONGEST.values(), ids=LONGEST)
def test_the_longest_filters_are_read_or_refused_in_time(text: str, clock: dict[str, Any]) -> None:
    ask(text, clock)


def test_a_name_without_end_in_an_order_is_refused_in_time(clock: dict[str, Any]) -> None:
    started = time.thread_time()

    with pytest.raises(InvalidValueError):
        run_filter.parse_order(["x" * 10_000_000])

    clock["seconds"] = time.thread_time() - started
