"""What is shown of attempts: on cards, in tables, on pages, in completions."""

import json

import pytest

from nbtrack.tracking.fluent import default_tracker
from nbtrack.ui.line_completion import LineCompletion
from tests.ui.conftest import Notebook


def train(notebook: Notebook, depth: int, accuracy: float, *, end: str = "", name: str = "tree") -> None:
    notebook.shell.run_cell(
        f"%%track {name} --no-capture -p depth={depth}\n"
        f"score = {accuracy}\nnbtrack.log_metric('accuracy', score)\n{end}",
        store_history=True,
        cell_id="a",
    )


def lines_of(text: str, word: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if word in line]


def test_a_card_says_what_changed_since_the_attempt_before(notebook: Notebook) -> None:
    train(notebook, 2, 0.8)
    train(notebook, 4, 0.9)

    first, second = notebook.cards
    assert "since" not in first
    assert "accuracy 0.9000 ▲ +0.1000 (+12.5%) better" in second
    assert "depth=4 (was 2)" in second
    (since,) = lines_of(second, "since ↻ 1")
    assert since.split("  ", 1)[1].strip() == "depth 2 → 4, 1 line of code changed"


def test_an_attempt_after_failed_ones_is_compared_with_the_last_that_finished(notebook: Notebook) -> None:
    train(notebook, 2, 0.8)
    train(notebook, 2, 0.1, end="1 / 0")
    train(notebook, 2, 0.2, end="raise KeyboardInterrupt")
    train(notebook, 2, 0.9)

    assert "since ↻ 1" in notebook.cards[-1]
    assert "+0.1000 (+12.5%) better" in notebook.cards[-1]


def test_where_none_finished_the_one_before_is_what_there_is_and_the_bin_does_not_count(
    notebook: Notebook,
) -> None:
    train(notebook, 2, 0.1, end="1 / 0")
    train(notebook, 2, 0.2, end="1 / 0")
    assert "since ↻ 1" in notebook.cards[-1]
    default_tracker.delete_run(notebook.runs()[1].info.run_id)

    train(notebook, 2, 0.3)

    assert "since ↻ 1" in notebook.cards[-1]


def test_the_first_run_of_a_new_lineage_and_one_that_lost_the_others_say_nothing(notebook: Notebook) -> None:
    train(notebook, 2, 0.8)
    train(notebook, 4, 0.9, name="tree --new")
    assert "since" not in notebook.cards[-1]
    default_tracker.delete_run(notebook.runs()[-1].info.run_id)

    train(notebook, 4, 0.9)

    assert "since" not in notebook.cards[-1]
    assert "↻ 2" in notebook.cards[-1]


def test_attempts_that_build_on_each_other_are_no_other_cells_that_changed(notebook: Notebook) -> None:
    notebook.value("count = 0")
    for step in (1, 2, 3):
        notebook.shell.run_cell(f"%%track tree\ncount = count + {step}", store_history=True, cell_id="a")

    assert "1 line of code changed" in notebook.cards[-1]
    assert "other cell" not in notebook.cards[-1]


def test_hostile_names_and_code_stay_text(notebook: Notebook) -> None:
    for code in ("'<b>1</b>'", "'<script>'"):
        notebook.shell.run_cell(f"%%track '<i>x</i>'\n{code}", store_history=True, cell_id="a")

    notebook.value("%nbtrack show '<i>x</i>'")

    assert "<script>" not in notebook.pages[-1]
    assert "<i>" not in notebook.pages[-1]


def test_thirty_attempts_are_one_line_of_the_table(notebook: Notebook) -> None:
    for number in range(30):
        notebook.value(f"%%track tree --quiet\nnbtrack.log_metric('m', {number})")
    notebook.value("%%track forest --quiet\nnbtrack.log_metric('m', 1)")

    notebook.value("%nbtrack runs")
    notebook.value("%nbtrack runs --attempts -n 50 -c metrics.m")
    notebook.value("%nbtrack runs -o metrics.m -c metrics.m -n 1")

    table, every, first = notebook.cards
    assert [line.split("  ")[0] for line in table.splitlines()[2:]] == ["forest", "tree ↻ 30"]
    assert len(every.splitlines()) == 2 + 31
    assert "tree ↻ 29" in every
    assert lines_of(first, "tree") or lines_of(first, "forest")
    assert len(first.splitlines()) == 3


def test_other_programs_get_every_attempt_unless_they_ask_for_lines(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        notebook.value("%%track tree --quiet\n1")
    counts: list[int] = []

    for options in ("--json", "--json --no-attempts"):
        capsys.readouterr()
        notebook.value(f"%nbtrack runs {options}")
        counts.append(len(json.loads(capsys.readouterr().out)))

    assert counts == [3, 1]


def test_show_lists_the_attempts_with_what_changed(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    train(notebook, 2, 0.81)
    train(notebook, 2, 0.83, end="1 / 0")
    train(notebook, 4, 0.9)

    notebook.value("%nbtrack show tree#2")

    shown = notebook.cards[-1]
    assert "✗ FAILED tree · ↻ 2" in shown
    one, two, three = (line for line in shown.splitlines() if line.strip().startswith("↻"))
    assert "0.8100" in one
    assert "↻ 2 (this)" in two
    assert "0.8300 ▲ +0.02000 (+2.5%) better" in two
    assert three.endswith("since 1: depth 2 → 4, 1 line of code changed")
    assert "since 1: depth 2 → 4, 1 line of code changed" in notebook.pages[-1]
    capsys.readouterr()
    notebook.value("%nbtrack show tree --json")
    listed = json.loads(capsys.readouterr().out)["attempts"]
    assert [(each["attempt"], each["status"]) for each in listed] == [
        (1, "FINISHED"),
        (2, "FAILED"),
        (3, "FINISHED"),
    ]


def test_show_tells_nothing_of_attempts_where_there_is_one(notebook: Notebook) -> None:
    train(notebook, 2, 0.81)

    notebook.value("%nbtrack show tree")

    assert "what changed" not in notebook.cards[-1]


def test_show_tells_the_latest_of_many_attempts(notebook: Notebook) -> None:
    for _ in range(13):
        notebook.value("%%track tree --quiet\n1")

    notebook.value("%nbtrack show tree")

    assert "the last 10 of 13 attempts" in notebook.cards[-1]
    assert len(lines_of(notebook.cards[-1], "↻ 4")) == 1
    assert lines_of(notebook.cards[-1], "↻ 3 ") == []


def test_attempts_are_completed_behind_a_name(notebook: Notebook) -> None:
    for _ in range(3):
        notebook.value("%%track 'a tree' --quiet\n1")

    def complete(rest: str) -> list[str]:
        return LineCompletion(default_tracker)._matches(rest, is_cell=False)[1]

    assert complete("show a") == ["'a tree'"]
    # A quote that is open stays so.
    assert complete("show 'a tree#") == ["'a tree#3", "'a tree#2", "'a tree#1"]
    assert complete("show 'a tree#2") == ["'a tree#2"]
    assert complete("show nobody#") == []


def test_a_list_of_runs_shows_what_it_holds(notebook: Notebook) -> None:
    for _ in range(2):
        notebook.value("%%track tree --quiet\n1")

    found = notebook.value("nbtrack.search_runs(output_format='list')")
    attempts = notebook.value("nbtrack.attempts('tree')")

    for runs, first in ((found, "tree ↻ 2"), (attempts, "tree ")):
        text = runs._repr_mimebundle_()["text/plain"]
        assert len(runs) == 2
        assert text.splitlines()[2].startswith(first)
