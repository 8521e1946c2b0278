"""What was printed, as one would finally read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.printed_text import PrintedText


def read(*pieces: str, most: int = 1_000_000) -> str:
    printed = PrintedText(most)
    for piece in pieces:
        printed.add(piece)
    return printed.text()


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ("a\r\nb\n", "a\nb\n"),
        ("10%\r50%\r100%\n", "100%\n"),
        ("a long line\rshort", "shortg line"),
        ("working\r\x1b[Kdone\n", "done\n"),
        ("bar   \r      \r", ""),
        ("ab\x08c\n", "ac\n"),
        ("\x1b[1;32mgreen\x1b[0m\n", "green\n"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07\n", "link\n"),
        ("outer 1\n\rinner 1\x1b[A\router 2\n\rinner 2\n", "outer 2\ninner 2\n"),
        ("one\ntwo\nthree\x1b[2A\r\x1b[J", ""),
    ],
)
def test_control_characters_do_what_a_terminal_does(printed: str, seen: str) -> None:
    assert read(printed) == seen


@given(st.lists(st.text(alphabet="ab\n", max_size=60), max_size=30))
def test_plain_text_stays_as_it_is_however_it_comes(pieces: list[str]) -> None:
    assert read(*pieces) == "".join(pieces)


@given(st.text(alphabet="ab\n\r\x08\x1b[]0123;mKAJG", max_size=200), st.integers(0, 200))
def test_where_a_text_is_cut_makes_no_difference(text: str, cut: int) -> None:
    assert read(text[:cut], text[cut:]) == read(text)


@given(st.lists(st.text(alphabet="ab \n\r", max_size=400), max_size=60))
def test_no_more_is_kept_than_is_wanted(pieces: list[str]) -> None:
    assert len(read(*pieces, most=300)) <= 300 + 80


def test_a_bar_that_is_drawn_for_hours_needs_no_memory() -> None:
    printed = PrintedText()
    for step in range(200_000):
        printed.add(f"\r{step:>6} of 200000")

    assert printed.text() == "199999 of 200000"


def test_a_giant_piece_keeps_its_ends_and_tells_of_its_lines() -> None:
    text = read("begin\n" + "line\n" * 2_000_000 + "end")

    assert text.startswith("begin\nline\n")
    assert text.endswith("line\nend")
    assert len(text) < 1_000_100
    kept = text.count("\n")
    assert f"[... {2_000_002 - kept:,} lines, " in text
