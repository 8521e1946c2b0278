"""Filters mean the same in SQL, in Python, and as a second, plain reading of their tree says."""
# ruff: noqa: RUF001 - odd letters are what is tested.

import math
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.documents.database import Database
from nbtrack.documents.tables import Table
from nbtrack.filters.grammar import parse
from nbtrack.filters.run_filter import parse_filter
from nbtrack.filters.tree import And, Clause, Literal, Name, Not, Or, Tree

SUMMARY = ("last", "min", "max", "mean", "count", "nan_count", "first_step", "last_step")
TEXTS = [
    *(
        "",
        "a",
        "A",
        "ab",
        "tree",
        "Tree",
        "straße",
        "STRASSE",
        "it's",
        'say "hi"',
        "`",
        "%",
        "_",
        "x\ny",
        "\0",
    ),
    *("0.1", "1", "01", "1e0", " 1 ", "-1", "1e400", "inf", "-Infinity", "NaN", "9007199254740993", "1_0"),
    *("0.1000000000000000055511151231257827021181583404541015625", "١", "é", "É", "\ud800", "FINISHED"),
]
KEYS = ["a", "a b", "a.b", "loss", "loss.min", "min", "`'\"", "$a", "\ud800", "\0", "é/x-1:2@3", "and"]
NUMBERS = [0, 1, -1, 0.1, 0.5, 1e-3, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 1e300, math.inf, -math.inf]
PATTERNS = ["%", "", "_", "a%", "%A", "%a%b", "tre_", "STRA%", "%ß%", "%'%", "_\n_", "%\0%", "%É"]
EXPRESSIONS = ["a", "^a", "e$", "[0-9]+", "(?i)tree", "", "x.y", "ß|é"]

texts = st.sampled_from(TEXTS) | st.text(max_size=3)
keys = st.sampled_from(KEYS)
numbers = st.sampled_from(NUMBERS) | st.floats(allow_nan=False) | st.integers(-(2**63), 2**63 - 1)
odd = st.sampled_from([None, math.nan, True, [], {"last": 1}, 2**70, "text"])
values = st.one_of(numbers, numbers, st.just(math.nan), odd)

summaries = st.fixed_dictionaries({}, optional=dict.fromkeys(SUMMARY, values)) | odd
notes = st.dictionaries(keys, texts | texts | texts | odd, max_size=5)
inputs = st.lists(
    st.fixed_dictionaries(
        {
            "dataset": st.fixed_dictionaries({}, optional={"name": texts | odd, "digest": texts}),
            "tags": st.dictionaries(st.sampled_from(["mlflow.data.context", "x"]), texts, max_size=2),
        }
    )
    | odd,
    max_size=3,
)
documents = st.fixed_dictionaries(
    {"params": notes, "tags": notes, "metrics": st.dictionaries(keys, summaries, max_size=4)},
    optional={
        "run_id": texts,
        "run_name": texts | odd,
        "status": st.sampled_from(["FINISHED", "RUNNING"]),
        "start_time": st.integers(0, 2**45) | odd,
        "end_time": st.none() | st.integers(0, 2**45),
        "inputs": inputs | odd,
    },
)


def name(*steps: str, quoted: int = -1) -> Name:
    flags = tuple(at == quoted % len(steps) for at in range(len(steps)))
    return Name(steps, flags if quoted >= 0 else (False,) * len(steps), ())


def comparison(found: Name, operator: str, *literals: Any) -> Clause:
    return Clause(found, operator, tuple(Literal(value, 0) for value in literals), 0)


def comparisons(found: st.SearchStrategy[Name], of_numbers: bool, of_text: bool) -> st.SearchStrategy[Clause]:
    either = [st.builds(comparison, found, st.sampled_from(["IS NULL", "IS NOT NULL"]))]
    negatable = st.sampled_from(["", "NOT "])
    if of_numbers:
        either += [
            st.builds(comparison, found, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), numbers),
            st.builds(
                lambda f, n, a, b: comparison(f, f"{n}BETWEEN", a, b), found, negatable, numbers, numbers
            ),
            st.builds(
                lambda f, n, items: comparison(f, f"{n}IN", *items),
                found,
                negatable,
                st.lists(numbers, min_size=1, max_size=4) | st.lists(numbers, min_size=17, max_size=20),
            ),
        ]
    if of_text:
        either += [
            st.builds(comparison, found, st.sampled_from(["=", "!="]), texts),
            st.builds(
                lambda f, n, items: comparison(f, f"{n}IN", *items),
                found,
                negatable,
                st.lists(texts, min_size=1, max_size=4),
            ),
            st.builds(
                lambda f, n, word, pattern: comparison(f, n + word, pattern),
                found,
                negatable,
                st.sampled_from(["LIKE", "ILIKE"]),
                st.sampled_from(PATTERNS) | texts,
            ),
            st.builds(
                lambda f, n, pattern: comparison(f, f"{n}RLIKE", pattern),
                found,
                negatable,
                st.sampled_from(EXPRESSIONS),
            ),
        ]
    return st.one_of(either)


quoted_keys = keys.map(lambda key: name("metrics", key, quoted=1))
tests = st.one_of(
    comparisons(quoted_keys, True, False),
    comparisons(
        st.builds(
            lambda key, part: Name(("metrics", key, part), (False, True, False), ()),
            keys,
            st.sampled_from(SUMMARY),
        ),
        True,
        False,
    ),
    comparisons(
        st.builds(lambda group, key: name(group, key, quoted=1), st.sampled_from(["params", "tags"]), keys),
        True,
        True,
    ),
    comparisons(st.sampled_from(["run_id", "run_name"]).map(name), False, True),
    comparisons(st.sampled_from(["start_time", "end_time"]).map(name), True, False),
    comparisons(
        st.sampled_from(["name", "digest", "context"]).map(lambda part: name("dataset", part)), False, True
    ),
    st.builds(
        comparison,
        st.just(name("start_time")),
        st.sampled_from(["<", ">="]),
        st.sampled_from(["2026-11-21", "1970-01-01T00:00:00Z"]),
    ),
    st.builds(
        comparison,
        st.just(name("status")),
        st.sampled_from(["=", "!="]),
        st.sampled_from(["finished", "Running"]),
    ),
)
trees: st.SearchStrategy[Tree] = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=6,
)


# --- the plain reading: nothing of nbtrack's but the tree ---


def holds(tree: Any, run: Any) -> bool:
    if isinstance(tree, Not):
        return not holds(tree.inner, run)
    if isinstance(tree, And):
        return all([holds(part, run) for part in tree.parts])
    if isinstance(tree, Or):
        return any([holds(part, run) for part in tree.parts])
    group, key = tree.name.steps[0], tree.name.steps[1:]
    if group == "dataset":
        paths = {
            "name": ("dataset", "name"),
            "digest": ("dataset", "digest"),
            "context": ("tags", "mlflow.data.context"),
        }
        items = run.get("inputs")
        items = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        found = [look(item, paths[key[0]]) for item in items]
        if tree.operator == "IS NULL":
            return all(value is None for value in found)
        return any(says(tree, value, "text") for value in found)
    if group == "metrics":
        path = (*key, "last") if len(key) == 1 else key
        return says(tree, look(run, ("metrics", *path)), "number")
    if group in ("params", "tags"):
        return says(tree, look(run, (group, *key)), "note")
    return says(tree, look(run, (group,)), "time" if group.endswith("_time") else group)


def look(value: Any, path: Any) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def says(made: Clause, value: Any, kind: str) -> bool:
    operator, operands = made.operator, [literal.value for literal in made.values]
    if operator == "IS NULL":
        return value is None
    if value is None:
        return False
    if operator == "IS NOT NULL":
        return True
    if kind == "status":
        operands = [operand.upper() for operand in operands]
    if kind == "time":
        operands = [
            datetime.fromisoformat(operand).timestamp() * 1000 if isinstance(operand, str) else operand
            for operand in operands
        ]
    if kind == "note" and not isinstance(operands[0], str):
        value = spelled(value)
        if value is None:
            return False
    word = operator.removeprefix("NOT ")
    if word in ("LIKE", "ILIKE", "RLIKE"):
        yes = isinstance(value, str) and matches(word, value, operands[0])
        return yes != (word != operator)
    first = operands[0]
    is_ordered = type(value) is type(first) or (
        isinstance(value, (int, float)) and isinstance(first, (int, float))
    )
    match operator:
        case "=":
            return value == first
        case "!=":
            return value != first
        case "IN":
            return any(value == operand for operand in operands)
        case "NOT IN":
            return all(value != operand for operand in operands)
        case "BETWEEN":
            return is_ordered and first <= value <= operands[1]
        case "NOT BETWEEN":
            return is_ordered and (value < first or value > operands[1])
        case "<":
            return is_ordered and value < first
        case "<=":
            return is_ordered and value <= first
        case ">":
            return is_ordered and value > first
        case _:
            return is_ordered and value >= first


def spelled(value: Any) -> Any:
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str) or not value.isascii() or "_" in value or re.search("[\x1c-\x1f\0]", value):
        return None
    try:
        exact = int(value)
    except ValueError:
        exact = 2**64
    try:
        return exact if -(2**63) <= exact < 2**63 else float(value)
    except ValueError:
        return None


def matches(word: str, text: str, pattern: str) -> bool:
    if word == "RLIKE":
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            return False
        return re.search(re.sub(r"\$$", r"\\Z", pattern), text) is not None
    if word == "ILIKE":
        text, pattern = text.casefold(), pattern.casefold()
    return like(text, pattern)


def like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return like(text, pattern[1:]) or (bool(text) and like(text[1:], pattern))
    return bool(text) and pattern[0] in ("_", text[0]) and like(text[1:], pattern[1:])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    with Database(tmp_path_factory.mktemp("meaning") / "documents.db") as database:
        yield database.table("runs")


@settings(max_examples=250)
@given(runs=st.lists(documents, min_size=1, max_size=6), filters=st.lists(trees, min_size=1, max_size=6))
def test_sql_python_and_a_plain_reading_agree(table: Table, runs: list[Any], filters: list[Tree]) -> None:
    table.truncate()
    table.insert_multiple(runs)
    stored = table.all()

    for tree in filters:
        condition = parse_filter(str(tree))
        assert condition is not None
        expected = [run.doc_id for run in stored if holds(tree, run)]
        assert [run.doc_id for run in stored if condition(run)] == expected, str(tree)
        assert [run.doc_id for run in table.search(condition)] == expected, str(tree)


@settings(max_examples=300)
@given(trees)
def test_a_printed_tree_is_read_as_the_same_tree(tree: Tree) -> None:
    assert parse(str(tree)) == tree


bare_keys = st.from_regex(r"[\w/:@-]{1,8}", fullmatch=True)


@given(st.lists(bare_keys, min_size=1, max_size=3))
def test_bare_keys_of_all_kinds_are_read(steps: list[str]) -> None:
    text = f"tags.{'.'.join(steps)} = 'x'"

    assert parse(text) == comparison(name("tags", *steps), "=", "x")
    condition = parse_filter(text)
    assert condition is not None
    assert condition({"tags": {".".join(steps): "x"}})
