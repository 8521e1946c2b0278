"""The words behind a magic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.ui.words import OpenQuoteError, filled_in, quoted, split_typed, split_words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("runs -n 3", ["runs", "-n", "3"]),
        ("""runs -f "tags.team = 'nlp'" """, ["runs", "-f", "tags.team = 'nlp'"]),
        ("tag x 'a b=c d'", ["tag", "x", "a b=c d"]),
        ('show ""', ["show", ""]),
        ("show {names[0]}", ["show", "{names[0]}"]),
    ],
)
def test_a_line_is_split_as_in_a_shell(line: str, words: list[str]) -> None:
    assert [filled_in(word) for word in split_words(line)] == words


def test_a_quote_that_is_not_closed_is_refused() -> None:
    with pytest.raises(OpenQuoteError, match='quote " is not closed'):
        split_words('show "depth 2')


@pytest.mark.parametrize(
    ("line", "before", "typed", "text"),
    [
        ("", [], "", ""),
        ("ru", [], "ru", "ru"),
        ("runs ", ["runs"], "", ""),
        ('show "depth 2', ["show"], '"depth 2', "depth 2"),
        ("show 'a b' -", ["show", "'a b'"], "-", "-"),
    ],
)
def test_a_line_that_is_being_typed(line: str, before: list[str], typed: str, text: str) -> None:
    words = split_typed(line)

    assert (words.before, words.typed, filled_in(words.typed)) == (before, typed, text)


def test_what_a_variable_holds_stays_one_word() -> None:
    words = [filled_in(word, lambda text: text.replace("$x", "a b")) for word in split_words("show $x '$x'")]

    assert words == ["show", "a b", "$x"]


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: not {"'", '"'} <= set(text)))
def test_what_is_quoted_is_read_back(text: str) -> None:
    assert [filled_in(word) for word in split_words(quoted(text))] == [text]


def test_an_open_quote_stays_open() -> None:
    assert quoted("depth 2", '"de') == '"depth 2'
    assert quoted("depth 2", "de") == "'depth 2'"
    assert quoted("depth", "de") == "depth"
