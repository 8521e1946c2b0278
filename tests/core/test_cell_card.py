"""The card of a tracked cell: what it says, in which order, and how small it stays."""

import re
from dataclasses import replace

import pytest

from nbtrack.core.cell_card import Drawing, cell_card
from nbtrack.core.cell_reports import AttemptChanges, Captured, CellReport
from nbtrack.core.cells import CellMark
from nbtrack.core.comparisons import ComparedMetric, ComparedText
from nbtrack.core.entities import Run, RunData, RunInfo
from nbtrack.core.fitting_views import MOST_BYTES
from nbtrack.core.summaries import fold

EVIL = "<script>alert(1)</script>\x1b[31m$x$"


def make_run(
    name: str = "swift-otter", *, curves: dict[str, list[float]] | None = None, **data: object
) -> Run:
    held = curves or {}
    summaries = {
        key: fold(None, list(range(len(values))), list(range(len(values))), values)
        for key, values in held.items()
    }
    info = RunInfo("a" * 32, "0", "me", "FINISHED", 1_700_000_000_000, 1_700_000_005_000, "active", "", name)
    return Run(
        info,
        RunData(
            metrics={key: summary.last for key, summary in summaries.items()},
            summaries=summaries,
            sketches={key: tuple(values) for key, values in held.items()},
            **data,  # type: ignore[arg-type]
        ),
    )


def words(html: str) -> str:
    """What is left of HTML when every tag is taken out, as GitHub does with what it does not know."""
    return re.sub("<[^>]*>", " ", html)


def changes(**what: object) -> CellReport:
    return CellReport(attempt=3, changes=AttemptChanges("b" * 32, 2, **what))  # type: ignore[arg-type]


def test_the_first_line_says_it_all() -> None:
    report = changes(metrics=[ComparedMetric("acc", (0.91, 0.93), True)])
    report.marks.append(CellMark("seed", "Random numbers are not seeded"))

    view = cell_card(make_run(curves={"acc": [0.93]}), report)

    first = "✓ FINISHED swift-otter · ↻ 3 · 5.0 s · acc 0.9300 ▲ +0.02000 (+2.2%) better · ⚠ 1 mark"
    assert view.text.splitlines()[0] == first
    assert re.sub(" +", " ", words(view.html)).strip().startswith(first)


def test_a_usual_card_is_short_and_aligned() -> None:
    run = make_run(curves={"acc": [0.93], "loss": [0.2]}, params={"lr": "0.1", "depth": "4"})

    lines = cell_card(run, CellReport(captured=Captured(params={"depth": "4"}, data=["X (1,797 x 64)"]))).text

    assert lines.splitlines()[:4] == [
        "✓ FINISHED swift-otter · 5.0 s · acc 0.9300 · loss 0.2000",
        "  params    lr=0.1",
        "  captured  depth=4",
        "  data      X (1,797 x 64)",
    ]
    assert len(lines.splitlines()) == 5


def test_curves_stand_in_a_table_with_what_changed() -> None:
    run = make_run(curves={"loss": [3.0, 2.0, 1.0], "acc": [0.5]})
    report = changes(metrics=[ComparedMetric("loss", (1.5, 1.0), False)])

    view = cell_card(run, report)

    for text in (view.text, words(view.html)):
        for word in ("since ↻ 2", "▼ -0.5000 (-33.3%) better", "3 @ 0", "1 @ 2", "█▅▁"):
            assert word in text
    assert "loss 1 ▼ -0.5000 (-33.3%) better" in view.text.splitlines()[0]


def test_what_became_worse_says_so_and_what_nobody_knows_does_not() -> None:
    report = changes(
        metrics=[
            ComparedMetric("loss", (1.0, 2.0), False),
            ComparedMetric("odd", (1.0, 2.0), None),
            ComparedMetric("gone", (1.0, None)),
        ]
    )

    text = cell_card(make_run(curves={"loss": [2.0], "odd": [2.0], "fresh": [1.0]}), report).text

    assert "loss 2 ▲ +1 (+100%) worse" in text
    assert "odd 2 ▲ +1 (+100%) ·" in text
    assert "fresh 1" in text
    assert "gone 1 removed" in text


def test_params_say_what_they_were_and_code_how_much_changed() -> None:
    report = changes(
        params=[ComparedText("lr", ("0.2", "0.1"))],
        code=["@@ -1,2 +1,3 @@", "-a", "+b", "+c", " d"],
        cells=["cell 4 changed"],
    )

    text = cell_card(make_run(params={"lr": "0.1"}), report).text

    assert "lr=0.1 (was 0.2)" in text
    assert "since ↻ 2  lr 0.2 → 0.1, 3 lines of code changed, 1 other cell changed" in text


def test_an_attempt_that_changed_nothing_says_so() -> None:
    assert "since ↻ 2  nothing changed" in cell_card(make_run(), changes()).text


def test_what_was_captured_is_told_apart_from_what_was_logged() -> None:
    captured = Captured(
        params={"depth": "4"}, metrics={"acc": 0.9}, files=["output.txt"], left_out=[("token", "secret")]
    )
    run = make_run(curves={"acc": [0.9], "loss": [0.1]}, params={"depth": "4", "lr": "0.1"})

    text = cell_card(run, CellReport(captured=captured)).text

    assert "  params    lr=0.1\n" in text
    assert "  captured  depth=4, metric acc\n" in text
    assert "  files     output.txt\n" in text
    assert "  left out  token (secret)\n" in text


def test_files_that_differ_from_the_commit_are_a_mark_once_git_has_said_so() -> None:
    tags = {"mlflow.source.git.commit": "c" * 40, "mlflow.source.git.dirty": "true"}
    run = make_run(tags={**tags, "nbtrack.git.changed_files": "3"})

    text = cell_card(run).text

    assert "⚠ mark  3 files differ from the commit" in text
    assert "⚠ 1 mark" in text.splitlines()[0]
    assert "commit  ccccccc, 3 files changed" in text


def test_a_mark_about_git_is_not_told_twice() -> None:
    run = make_run(tags={"mlflow.source.git.dirty": "true"})

    text = cell_card(run, CellReport(marks=[CellMark("git", "Uncommitted changes")])).text

    assert text.count("⚠ mark") == 1
    assert "Uncommitted changes" in text


def test_the_html_needs_no_styles_ids_or_scripts() -> None:
    run = make_run(EVIL, curves={EVIL: [1.0, 2.0]}, params={EVIL: EVIL}, tags={EVIL: EVIL})
    report = CellReport(
        captured=Captured(data=[EVIL], files=[EVIL], left_out=[(EVIL, EVIL)]),
        changes=AttemptChanges(EVIL, 1, cells=[EVIL], params=[ComparedText(EVIL, (EVIL, None))]),
        marks=[CellMark("order", EVIL)],
    )

    view = cell_card(
        run, report, Drawing(code=EVIL, nested=[run], nested_count=1, note=EVIL, facts=[(EVIL, EVIL)])
    )

    assert "<script" not in view.html
    assert " id=" not in view.html
    assert "$x$" not in view.html
    assert "\x1b" not in view.text + view.html
    assert "alert(1)" in words(view.html)


@pytest.mark.parametrize("length", [10, 100_000])
def test_a_card_stays_small_whatever_it_is_given(length: int) -> None:
    many = {f"{index}-{'$' * length if index < 3 else 'ключ'}": "<$&>" * 20 for index in range(3_000)}
    names = list(many)
    run = make_run(
        "n" * length, params=many, tags=dict(many), curves={name: [1.0, 2.0] for name in names[:500]}
    )
    report = CellReport(
        captured=Captured(
            params=many, data=names, files=names, left_out=[(name, "too long") for name in names]
        ),
        changes=AttemptChanges(
            "b",
            1,
            code=["+x"] * 10_000,
            cells=names,
            params=[ComparedText(name, ("a", "b")) for name in names],
        ),
        marks=[CellMark("order", name) for name in names[:100]],
    )
    nested = [replace(run, info=replace(run.info, run_id=f"{index:032x}")) for index in range(3)]
    drawing = Drawing(code="$" * 500_000, nested=nested, nested_count=10_000)

    view = cell_card(run, report, drawing)

    assert len(view.html.encode()) <= MOST_BYTES
    assert len(view.text.encode()) <= MOST_BYTES
    assert " more" in view.text
