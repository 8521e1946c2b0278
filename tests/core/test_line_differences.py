"""Two texts line by line: nothing is lost, nothing is slow, and both ways round say the same."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.line_differences import LineRow, changed_lines, line_rows, unified

_LINES = st.lists(
    st.sampled_from(["", "lr = 0.1", "lr = 0.05", "fit(X, y)", "a\tb", "\r", "é $x$"]), max_size=12
)
_TEXTS = st.one_of(_LINES.map("\n".join), st.text(max_size=60))


def text_of(rows: tuple[LineRow, ...], side: str) -> str:
    return "\n".join(line for row in rows if (line := getattr(row, side)) is not None)


def marked(row: LineRow) -> tuple[list[str], list[str]]:
    before, after = row.before or "", row.after or ""
    return (
        [before[start:end] for start, end in row.before_marks],
        [after[start:end] for start, end in row.after_marks],
    )


@given(_TEXTS, _TEXTS)
def test_the_rows_give_both_texts_back(before: str, after: str) -> None:
    rows = line_rows(before, after)

    assert (text_of(rows, "before"), text_of(rows, "after")) == (before, after)
    assert [row.left for row in rows if row.left] == list(range(1, before.count("\n") + 2))
    assert [row.right for row in rows if row.right] == list(range(1, after.count("\n") + 2))
    assert all((row.before == row.after) is (row.kind == "same") for row in rows)


@given(_TEXTS, _TEXTS)
def test_the_other_way_round_says_the_same(before: str, after: str) -> None:
    rows, others = line_rows(before, after), line_rows(after, before)

    assert {row.mirrored() for row in rows} == set(others)
    assert len(rows) == len(others)


def test_of_equally_good_alignments_both_ways_round_take_the_same() -> None:
    rows, others = line_rows("a = 1\nb = 2", "b = 2\na = 1"), line_rows("b = 2\na = 1", "a = 1\nb = 2")

    assert [row.before for row in rows if row.kind == "same"] == [
        row.before for row in others if row.kind == "same"
    ]


@given(_TEXTS)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    rows = line_rows(text, text)

    assert changed_lines(rows) == 0
    assert unified(rows) == []


@given(_TEXTS, _TEXTS)
def test_what_is_marked_is_all_that_two_lines_do_not_share(before: str, after: str) -> None:
    for row in line_rows(before, after):
        rest: list[str] = []
        for line, marks in ((row.before, row.before_marks), (row.after, row.after_marks)):
            letters = list(line or "")
            for start, end in reversed(marks):
                del letters[start:end]
            rest.append("".join(letters))
        assert row.kind != "changed" or "".join(rest[0].split()) == "".join(rest[1].split())


def test_a_changed_number_is_one_word() -> None:
    (row,) = line_rows("lr = 0.1  # slow", "lr = 0.05  # slow")

    assert row.kind == "changed"
    assert marked(row) == (["0.1"], ["0.05"])


def test_words_that_follow_each_other_are_marked_as_one() -> None:
    (row,) = line_rows("return model of(x, y, z)", "return other things of(x, y, z)")

    assert marked(row) == (["model"], ["other things"])
    (row,) = line_rows("f(x, y, one two)", "f(x, y, three four)")
    assert marked(row) == (["one two"], ["three four"])


def test_lines_that_have_nothing_in_common_are_removed_and_added() -> None:
    rows = line_rows("import os\nmodel = tree()\nend", "for each in data:\nend")

    assert [row.kind for row in rows] == ["removed", "removed", "added", "same"]


def test_a_line_that_comes_does_not_move_the_lines_below_it() -> None:
    rows = line_rows("a = 1\n\nb = 2\n\nc = 3", "a = 1\n\nnew = 0\n\nb = 2\n\nc = 3")

    assert [row.after for row in rows if row.kind != "same"] in (["new = 0", ""], ["", "new = 0"])


def test_a_unified_diff_leaves_out_what_is_far_from_any_change() -> None:
    lines = [f"line {number}" for number in range(20)]
    others = [*lines[:10], "changed completely", *lines[11:], "more"]

    shown = unified(line_rows("\n".join(lines), "\n".join(others)), context=1)

    assert shown == [
        "@@ -10,3 +10,3 @@",
        " line 9",
        "-line 10",
        "+changed completely",
        " line 11",
        "@@ -20,1 +20,2 @@",
        " line 19",
        "+more",
    ]


def test_a_gap_of_one_line_is_shown() -> None:
    lines = [f"line {number}" for number in range(9)]
    others = ["first", *lines[1:8], "last"]

    shown = unified(line_rows("\n".join(lines), "\n".join(others)))

    assert sum(line.startswith("@@") for line in shown) == 1
    assert " line 4" in shown


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([f"x{at} = f({at})" for at in range(500)], [f"x{at} = g({at})" for at in range(500)]),
        ([f"x{at} = f({at})" for at in range(500)], [f"x{at} = f({at})" for at in reversed(range(500))]),
        (["a", "b"] * 1000, ["b", "a", "a"] * 700),
        ([""] * 3000, ["", "x"] * 1500),
        (["x, " * 3000] * 60, [" ,x" * 3000] * 60),
        (["y" * 400_000], ["y" * 400_000 + "z"]),
    ],
    ids=["every line", "reversed", "few words", "empty lines", "long lines", "one line"],
)
def test_cells_of_any_size_take_milliseconds(before: list[str], after: list[str]) -> None:
    started = process_time()
    rows = line_rows("\n".join(before), "\n".join(after))
    took = process_time() - started

    assert text_of(rows, "after") == "\n".join(after)
    # About 15 ms; what is quadratic takes a hundred times as long.
    assert took < 0.5
