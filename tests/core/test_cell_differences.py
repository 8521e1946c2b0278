"""Cells of two slices beside each other: which belong together, and what happened to them."""

from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.cell_differences import CellDifference, cell_differences, first_line, without_options
from nbtrack.core.cells import ExecutedCell, SliceCell

_SOURCES = st.sampled_from(["lr = 0.1", "lr = 0.05", "import os", "model = fit(X, y, lr)\nprint(model)", ""])
_CELLS = st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), _SOURCES), max_size=6)


def cells(*held: tuple[str | None, str]) -> list[SliceCell]:
    return [
        SliceCell(ExecutedCell(number, source, cell_id), source, ())
        for number, (cell_id, source) in enumerate(held, start=1)
    ]


def told(before: list[SliceCell], after: list[SliceCell]) -> list[str]:
    return [each.kind for each in cell_differences(before, after)]


def side(found: tuple[CellDifference, ...], name: str) -> list[tuple[int, str]]:
    held = [(getattr(each, name), each.rows) for each in found]
    return sorted(
        (cell.cell.number, "\n".join(line for row in rows if (line := getattr(row, name)) is not None))
        for cell, rows in held
        if cell is not None
    )


@given(_CELLS, _CELLS)
def test_every_cell_stands_there_once_and_its_lines_give_its_source(
    before: list[tuple[str | None, str]], after: list[tuple[str | None, str]]
) -> None:
    olds, news = cells(*before), cells(*after)

    found = cell_differences(olds, news)

    assert side(found, "before") == [(each.cell.number, each.source) for each in olds]
    assert side(found, "after") == [(each.cell.number, each.source) for each in news]
    assert [each.places[1] for each in found if each.after is not None] == list(range(len(news)))


@given(_CELLS, _CELLS)
def test_the_other_way_round_says_the_same_of_cells(
    before: list[tuple[str | None, str]], after: list[tuple[str | None, str]]
) -> None:
    olds, news = cells(*before), cells(*after)
    opposite = {"added": "removed", "removed": "added"}

    found = {(each.places, each.kind, each.moved) for each in cell_differences(olds, news)}
    others = {
        ((each.places[1], each.places[0]), opposite.get(each.kind, each.kind), each.moved)
        for each in cell_differences(news, olds)
    }

    assert found == others


@given(_CELLS)
def test_a_slice_does_not_differ_from_itself(held: list[tuple[str | None, str]]) -> None:
    both = cells(*held)

    assert told(both, both) == ["same"] * len(both)


def test_the_id_says_which_cell_it_is_whatever_was_written_into_it() -> None:
    before = cells(("a", "x = 1"), ("b", "y = 2"))
    after = cells(("a", "everything = is_new()"), ("b", "y = 2"))

    found = cell_differences(before, after)

    assert [(each.kind, each.what) for each in found] == [("changed", "2 lines changed"), ("same", "same")]


def test_of_a_cell_that_was_executed_twice_the_last_ones_belong_together() -> None:
    tracked = ("t", "%%track\nfit(x)")
    once, edited = cells(("a", "x = load(1)"), tracked), cells(("a", "x = load(2)"), tracked)
    twice = cells(("a", "x = load(1)"), ("a", "x = load(2)"), tracked)

    assert told(once, twice) == ["added", "changed", "same"]
    assert told(twice, edited) == ["removed", "same", "same"]


def test_the_options_of_track_are_no_code() -> None:
    assert without_options("%%track base -p lr=1\nlr = 1") == "%%track\nlr = 1"
    assert without_options("%%time\n%%track base\n") == "%%time\n%%track\n"
    assert without_options("print('%%track x')") == "print('%%track x')"


def test_without_ids_the_same_source_and_then_a_similar_one_says_it() -> None:
    before = cells((None, "import os"), (None, "df = load('a.csv')\ndf = clean(df)"), (None, "fit(df)"))
    after = cells((None, "df = load('b.csv')\ndf = clean(df)"), (None, "import os"), (None, "fit(df)"))

    found = cell_differences(before, after)

    assert [(each.places, each.what) for each in found] == [
        ((1, 0), "1 line changed, moved"),
        ((0, 1), "same"),
        ((2, 2), "same"),
    ]


def test_the_tracked_cells_belong_together_though_they_have_little_in_common() -> None:
    before = cells((None, "%%track a\nmodel = LogisticRegression(C=1.0)\nfit(model)"))
    after = cells(
        (None, "%%track b\ntrees = 300\nmodel = RandomForestClassifier(trees, max_depth=4)\nfit(model)")
    )

    assert told(before, after) == ["changed"]


def test_the_tracked_cells_belong_together_though_the_other_slice_holds_an_earlier_run_of_one() -> None:
    before = cells((None, "X = load()"), (None, "%%track\nfit(X, lr=0.1)"))
    after = cells((None, "X = load()"), (None, "%%track\nfit(X, lr=0.1)"), (None, "%%track\nfit(X, lr=0.2)"))

    assert told(before, after) == ["same", "added", "changed"]
    assert told(after, before) == ["same", "removed", "changed"]


def test_tracked_cells_that_have_nothing_in_common_are_two() -> None:
    before, after = cells(("a", "import os\nfit(lr)")), cells(("b", "plot = draw(history)"))

    assert told(before, after) == ["removed", "added"]


def test_a_removed_cell_stands_where_it_stood() -> None:
    before = cells(("a", "a = 1"), ("b", "import gone"), ("c", "c = 3"))
    after = cells(("a", "a = 1"), ("d", "while new:\n    pass"), ("c", "c = 3"))

    assert told(before, after) == ["same", "removed", "added", "same"]


def test_a_cell_that_was_executed_elsewhere_has_moved() -> None:
    before = cells(("a", "a = 1"), ("b", "b = 2"), ("c", "c = 3"))
    after = cells(("c", "c = 4"), ("a", "a = 1"), ("b", "b = 2"))

    found = cell_differences(before, after)

    assert [(each.kind, each.what) for each in found] == [
        ("changed", "1 line changed, moved"),
        ("same", "same"),
        ("same", "same"),
    ]


def test_a_cell_is_called_by_the_first_line_that_says_something() -> None:
    assert first_line("%%track x\n# a comment\nimport os\n\nmodel = fit()") == "model = fit()"
    assert first_line("%%track x\nimport os") == "%%track x"
    assert first_line("") == ""


def test_hundreds_of_cells_that_have_nothing_in_common_are_not_compared_pair_by_pair() -> None:
    before = cells(
        (None, "import os"), *((None, f"old{at} = {at}") for at in range(400)), (None, "fit(lr, 1)")
    )
    after = cells(
        (None, "import os"), *((None, f"new{at} = {at}") for at in range(400)), (None, "fit(lr, 2)")
    )

    kinds = told(before, after)

    assert (kinds.count("same"), kinds.count("changed"), kinds.count("added")) == (1, 1, 400)
