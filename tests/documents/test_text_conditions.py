"""Patterns, regular expressions and numbers in text: the same answer in Python and in SQL."""
# ruff: noqa: RUF001 - odd letters are what is tested.

import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.database import Database
from nbtrack.documents.push_down import compile_condition
from nbtrack.documents.queries import Comparison, Condition, Query
from nbtrack.documents.tables import Table
from nbtrack.documents.text_conditions import AnyItem, Like, RegularExpression, SpelledNumber, number_of
from tests.documents import samples

OPERATORS = ["==", "<>", "<", "<=", ">", ">="]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    with Database(tmp_path_factory.mktemp("text") / "documents.db") as database:
        yield database.table("things")


def assert_same_answer(table: Table, condition: Condition, *, exact: bool = True) -> None:
    stored = table.all()
    for asked in (condition, ~condition, condition & Query().v.exists(), condition | (Query().w == 1)):
        expected = [document.doc_id for document in stored if asked(document)]
        assert [document.doc_id for document in table.search(asked)] == expected, asked
        assert table.count(asked) == len(expected)
    compiled = compile_condition(condition)
    if exact and compiled is not None:
        assert compiled.is_exact


def fill(table: Table, values: list[Any]) -> None:
    table.truncate()
    table.insert_multiple([*({"v": value} for value in values), {"w": 1}, {"v": {"deep": 1}, "w": 1}])


SPELLED = [
    *("1", "007", "+5", "-5", "5.", ".5", "1e5", "1E+5", "1e-400", "1e400", "-1e400", "-0", "-0.0", " 5\t\n"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "9007199254740993", "1e0005"),
    *("9007199254740993.0", "0.1000000000000000055511151231257827021181583404541015625", "0.1", "1e22"),
    *(
        "00000000000000000000000005",
        "1.000000000000000111023",
        "1.0000000000000002",
        "123456789012345678901234567890",
        "2.2250738585072014e-308",
    ),
    *("inf", "-inf", "+Infinity", "-INFINITY", "nan", "+NaN", "-nan", " inf ", "9" * 400, "1" + "0" * 5000),
    *(
        "0.99999999999999999999999999",
        "1.00000000000000011102230246251565",
        "5e-324",
        "0" * 30 + "." + "0" * 30,
    ),
]
NO_NUMBERS = [
    *("", ".", "1e", "1e+", "e5", "+-5", "--5", "+", "1 2", "1..5", "1.5.5", "1e5.5", "0x10", "1_0", "5\xa0"),
    *("١", "\x1c5", "inf inity", "infinit", "nanx", "+ inf", "5f", "1,5", "1e５", "tree", "5\0", "\0", "ınf"),
]


@pytest.mark.parametrize("text", SPELLED)
def test_what_float_reads_is_a_number(text: str) -> None:
    number = number_of(text)

    assert number is not None
    assert math.isnan(number) if math.isnan(float(text)) else float(number) == float(text)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_other_text_is_no_number(text: str) -> None:
    assert number_of(text) is None


@pytest.mark.parametrize("operator", OPERATORS)
def test_all_pairs_of_spelled_numbers_compare_alike_in_python_and_sql(table: Table, operator: str) -> None:
    fill(table, [*SPELLED, *NO_NUMBERS, *samples.PLAIN_NUMBERS, *samples.ODD_NUMBERS, None, True, [], [1]])

    for constant in {number_of(text) for text in SPELLED} | {*samples.PLAIN_NUMBERS, 2**70, math.nan}:
        assert_same_answer(table, SpelledNumber(operator, ("v",), constant))


digits = st.text("0123456789", max_size=30)
number_texts = st.builds(
    lambda sign, whole, dot, part, power: sign + whole + dot + part + power,
    st.sampled_from(["", "", "+", "-", " "]),
    digits,
    st.sampled_from(["", "."]),
    digits,
    st.sampled_from(["", "", "e5", "E-5", "e-310", "e300", "e", " "]),
)


@settings(max_examples=150)
@given(
    texts=st.lists(
        number_texts | st.floats().map(repr) | st.integers().map(str) | st.text("+-.e019 infa_", max_size=9),
        min_size=1,
        max_size=12,
    ),
    operator=st.sampled_from(OPERATORS),
    nudge=st.sampled_from([None, math.inf, -math.inf]),
)
def test_numbers_near_the_constant_compare_alike(
    table: Table, texts: list[str], operator: str, nudge: float | None
) -> None:
    fill(table, [*texts])
    constants = [number for text in texts if (number := number_of(text)) is not None]

    for constant in constants[:3]:
        near = constant if nudge is None else math.nextafter(float(constant), nudge)
        assert_same_answer(table, SpelledNumber(operator, ("v",), near))
    assert_same_answer(table, SpelledNumber("one_of", ("v",), tuple(constants)))


def test_one_of_many_numbers(table: Table) -> None:
    fill(table, ["5", "5.0", "5e0", "six", 5, "40", "inf"])

    for items in ((), (5, 40), tuple(range(30)), (math.inf, math.nan), (2**70,)):
        assert_same_answer(table, SpelledNumber("one_of", ("v",), items))


EXPRESSIONS = ["a", "^a.b$", "(?i)É", "", "[^a]", "k|K", "\0"]
patterns = st.text("%%%_aAbßſKé*?[]^-\\.\uffff\ufffd\U0001f600\0\ud800", max_size=7)
subjects = st.text("aAbBßſKkéÉ%_*?[]^-\\.\n\uffff\ufffd\U0001f600\0\ud800", max_size=8)


@settings(max_examples=200)
@given(texts=st.lists(subjects, max_size=10), pattern=patterns, ignore_case=st.booleans())
@example(["\uffff", "\ufffd", "STRASSE", "straße"], "\ufffd", False)
@example(["STRASSE", "straße", "Straẞe"], "straSSE", True)
@example(["é", "É", "e"], "É", True)
@example(["K", "k", "\u212a"], "K", True)
def test_like_answers_alike_in_python_and_sql(
    table: Table, texts: list[str], pattern: str, ignore_case: bool
) -> None:
    fill(table, [*texts, 5, None, ["a"], True])

    assert_same_answer(table, Like(("v",), pattern, ignore_case=ignore_case))


def plain_like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return plain_like(text, pattern[1:]) or (bool(text) and plain_like(text[1:], pattern))
    return bool(text) and pattern[0] in ("_", text[0]) and plain_like(text[1:], pattern[1:])


@settings(max_examples=300)
@given(text=st.text("ab\n.", max_size=8), pattern=st.text("ab%_.", max_size=7))
@example("a", "a%a%")
@example("ab", "ab%b%")
@example("a", "%a%a")
@example("aba", "a%b%ba")
def test_like_means_what_sql_says(text: str, pattern: str) -> None:
    assert Like(("v",), pattern)({"v": text}) == plain_like(text, pattern)


@pytest.mark.parametrize(("ignore_case"), [True, False])
def test_patterns_full_of_wildcards_take_no_longer(table: Table, ignore_case: bool) -> None:
    text = "a" * 20_000
    fill(table, [text])
    condition = Like(("v",), "%a" * 60 + "%_b", ignore_case=ignore_case)
    started = time.perf_counter()

    assert not condition({"v": text})
    assert table.count(condition) == 0

    assert time.perf_counter() - started < 1


@settings(max_examples=60)
@given(
    texts=st.lists(subjects, max_size=10),
    pattern=st.sampled_from(EXPRESSIONS),
)
def test_regular_expressions_answer_alike(table: Table, texts: list[str], pattern: str) -> None:
    fill(table, [*texts, 5, None, ["a"]])

    assert_same_answer(table, RegularExpression(("v",), pattern))


def test_sql_asks_python_last() -> None:
    compiled = compile_condition(RegularExpression(("v",), "a") & (Query().w == 1))

    assert compiled is not None
    assert compiled.sql.index('"w"') < compiled.sql.index('"v"')
    assert compiled.bindings == (1, "a")


def test_a_regular_expression_is_searched_in_linear_time() -> None:
    condition = RegularExpression(("v",), "(a*)*b")
    started = time.perf_counter()

    assert not condition({"v": "a" * 100_000})
    assert condition({"v": "xaab"})

    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("pattern", ["(a", "a**", r"\1", "(?=a)", "\ud800", "a{9999}"])
def test_what_is_no_regular_expression_is_refused_without_noise(
    pattern: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InvalidValueError, match="no regular expression"):
        RegularExpression(("v",), pattern)

    assert capfd.readouterr().err == ""


NAN_ITEM: list[Any] = [[math.nan], [{"a": math.nan}], [{"$float": "NaN"}], [[{"a": 1}]]]
few = st.sampled_from([0, 1, "a", None, math.nan, 2**70, [1]])
items = st.lists(st.dictionaries(st.sampled_from("ab"), few) | few, max_size=4)
inner_conditions = st.builds(
    Comparison, st.sampled_from([*OPERATORS, "!=", "exists"]), st.sampled_from([("a",), ("b",)]), few
)


@settings(max_examples=150)
@given(
    lists=st.lists(items | samples.values(samples.scalars, samples.keys), max_size=5),
    one=inner_conditions,
    other=inner_conditions | samples.recipes.map(samples.build),
)
@example(NAN_ITEM, ~Comparison("==", ("a",), 0), Comparison("==", ("a",), 1))
def test_any_item_answers_alike_in_python_and_sql(
    table: Table, lists: list[Any], one: Condition, other: Condition
) -> None:
    fill(table, lists)

    for inner in (one, ~one, one & other, one | other):
        assert_same_answer(table, AnyItem(("v",), inner), exact=False)


def test_any_item_reads_the_item_and_not_the_document(table: Table) -> None:
    table.truncate()
    table.insert_multiple(
        [{"v": [{"a": 1}, {"a": 2}]}, {"v": [3], "a": 2}, {"v": {"a": 2}}, {"v": []}, {"a": 2}]
    )
    is_two = AnyItem(("v",), Comparison("==", ("a",), 2))

    assert [document.doc_id for document in table.search(is_two)] == [1]
    compiled = compile_condition(is_two)
    assert compiled is not None
    assert compiled.is_exact


@settings(max_examples=60)
@given(
    documents=st.lists(samples.documents, max_size=6),
    path=st.lists(samples.keys, min_size=1, max_size=2).map(tuple),
    value=samples.scalars,
)
def test_null_differs_from_nothing(table: Table, documents: list[Any], path: Any, value: Any) -> None:
    table.truncate()
    table.insert_multiple(documents)

    assert_same_answer(table, Comparison("<>", path, value), exact=False)
    assert not Comparison("<>", ("a",), value)({"a": None})


def test_equal_conditions_are_equal() -> None:
    assert Like(("v",), "a%") == Like(("v",), "a%")
    assert Like(("v",), "a%") != Like(("v",), "a%", ignore_case=True)
    assert SpelledNumber("<", ("v",), 1) != Comparison("<", ("v",), 1)
    assert RegularExpression(("v",), "a") == RegularExpression(("v",), "a")
    assert AnyItem(("v",), Like(("v",), "a")) == AnyItem(("v",), Like(("v",), "a"))
