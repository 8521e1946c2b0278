"""What changed since the attempt before, in brief."""

import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.attempt_changes import changes_between
from nbtrack.core.cell_reports import AttemptChanges
from nbtrack.core.changes_view import changes_sentence, changes_view
from nbtrack.core.comparisons import ComparedMetric, ComparedText
from nbtrack.core.fitting_views import MOST_BYTES
from nbtrack.core.line_differences import LineRow, line_rows, parts_of_unified, unified, with_context
from tests.core.test_attempt_changes import slice_of
from tests.core.test_comparisons import make_run
from tests.core.test_difference_view import _HOSTILE, Tags


def changed(**held: object) -> AttemptChanges:
    return AttemptChanges("a" * 32, 2, **held)  # pyright: ignore[reportArgumentType]


def test_a_line_tells_params_metrics_code_and_cells() -> None:
    before = make_run("a", params={"lr": "0.1", "old": "1"}, metrics={"accuracy": [0.91]})
    after = make_run("b", params={"lr": "0.05", "new": "2"}, metrics={"accuracy": [0.93]})

    changes = changes_between(
        before,
        after,
        before_cells=slice_of("import os", "lr = 0.1\nfit(lr)"),
        after_cells=slice_of("import io", "lr = 0.05\nfit(lr)\nshow()"),
        attempt=2,
    )

    assert changes_sentence(changes) == (
        "lr 0.1 → 0.05, old 1 removed, new 2 added, accuracy 0.9100 → 0.9300 ▲ +0.02000 (+2.2%) better, "
        "2 lines of code changed, 1 other cell changed"
    )
    view = changes_view(changes)
    assert view.text.split("\n")[1] == "  cell 1 (import io): 1 line changed"
    assert "  1 - lr = 0.1\n  1 + lr = 0.05\n  2   fit(lr)\n  3 + show()" in view.text
    assert ">↻ 2</th>" in view.html
    assert re.search(r"<del[^>]*>0\.1</del>", view.html)


def test_that_nothing_changed_is_said() -> None:
    assert changes_view(changed()).text == "nothing changed"
    assert changes_sentence(changed(code=["@@ -0,0 +1,1 @@", "+x"])) == "1 line of code changed"


def test_much_is_counted_instead_of_told() -> None:
    changes = changed(
        params=[ComparedText(str(at), ("1", "2")) for at in range(6)],
        metrics=[ComparedMetric(str(at), (1.0, None)) for at in range(5)],
    )

    sentence = changes_sentence(changes)

    assert "3 1 → 2, 2 params more, 0 1 removed" in sentence
    assert sentence.endswith("1 metric more")


def test_hostile_changes_stay_text_and_small() -> None:
    rows = line_rows(f"{_HOSTILE * 40}\n" * 200, f"{_HOSTILE * 41}\n" * 200)
    changes = changed(
        code=unified(rows),
        cells=[_HOSTILE * 9] * 99,
        params=[ComparedText(_HOSTILE * 9, (_HOSTILE * 9, "x"))] * 99,
        metrics=[ComparedMetric(_HOSTILE * 9, (1.0, 2.0))] * 99,
    )

    view = changes_view(changes, most=1)

    assert "script" not in Tags(view.html).found
    assert max(len(part.encode()) for part in view) < MOST_BYTES / 2
    assert "lines more" in view.text


_TEXTS = st.lists(st.sampled_from(["", "a = 1", "a = 2", "@@ -1,1 +1,1 @@", "-x", "+y"]), max_size=9).map(
    "\n".join
)


@given(_TEXTS, _TEXTS)
def test_a_unified_diff_is_read_back(before: str, after: str) -> None:
    rows = line_rows(before, after)

    parts = parts_of_unified(unified(rows))

    assert lines_of(parts) == lines_of(with_context(rows))


def lines_of(parts: Sequence[Sequence[LineRow]]) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    rows = [row for part in parts for row in part]
    return (
        [(row.left, row.before) for row in rows if row.left is not None and row.before is not None],
        [(row.right, row.after) for row in rows if row.right is not None and row.after is not None],
    )
