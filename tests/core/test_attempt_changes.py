"""What changed since the attempt before."""

import math

from nbtrack.core.attempt_changes import changes_between
from nbtrack.core.cells import ExecutedCell, Slice, SliceCell
from tests.core.test_comparisons import make_run


def slice_of(*sources: str) -> Slice:
    cells = [
        SliceCell(ExecutedCell(at, text, f"id{at}"), text, ()) for at, text in enumerate(sources, start=1)
    ]
    return Slice(tuple(cells))


def test_params_metrics_and_lines_that_differ_are_told() -> None:
    before = make_run("a", params={"lr": "0.1", "n": "3"}, metrics={"acc": [0.5], "same": [1.0]})
    after = make_run("b", params={"lr": "0.05", "n": "3"}, metrics={"acc": [0.75], "same": [1.0]})

    found = changes_between(
        before, after, before_cells="lr = 0.1\nfit(lr)", after_cells="lr = 0.05\nfit(lr)", attempt=2
    )

    assert (found.run_id, found.attempt) == (before.info.run_id, 2)
    assert [(row.key, row.values) for row in found.params] == [("lr", ("0.1", "0.05"))]
    assert [(row.key, row.deltas[1], row.greater_is_better) for row in found.metrics] == [("acc", 0.25, True)]
    assert found.code == ["@@ -1,2 +1,2 @@", "-lr = 0.1", "+lr = 0.05", " fit(lr)"]
    assert found.cells == []


def test_other_cells_of_the_slice_are_told_in_a_sentence_each() -> None:
    old = slice_of("import os", "df = load('a')", "scale(df)", "fit(df)")
    new = Slice((*slice_of("import os", "df = load('b')").cells, old.cells[-1]))

    found = changes_between(make_run("a"), make_run("b"), before_cells=old, after_cells=new, attempt=1)

    assert found.code == []
    assert found.cells == ["cell 2 (df = load('b')): 1 line changed", "cell 3 (scale(df)): removed, 1 line"]


def test_a_slice_and_a_lone_cell_are_compared_by_their_tracked_cells() -> None:
    found = changes_between(
        make_run("a"),
        make_run("b"),
        before_cells=slice_of("import os", "fit(1)"),
        after_cells="fit(2)",
        attempt=1,
    )

    assert found.code == ["@@ -1,1 +1,1 @@", "-fit(1)", "+fit(2)"]
    assert found.cells == []


def test_of_an_attempt_without_code_nothing_is_said_of_the_code() -> None:
    found = changes_between(
        make_run("a", metrics={"loss": [math.nan]}),
        make_run("b", metrics={"loss": [1.0]}),
        before_cells=None,
        after_cells=slice_of("fit()"),
        attempt=1,
    )

    assert (found.code, found.cells) == ([], [])
    assert [row.key for row in found.metrics] == ["loss"]
