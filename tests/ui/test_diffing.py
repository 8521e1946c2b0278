"""`%nbtrack diff` and `nbtrack diff`, as a person uses them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from IPython.core.completer import provisionalcompleter

from nbtrack.cli import main
from nbtrack.core.fitting_views import MOST_BYTES
from nbtrack.tracking.tracker import Tracker
from tests.ui.conftest import Notebook


@pytest.fixture
def recorded() -> Tracker:
    tracker = Tracker(store=Path(".nbtrack"))
    for name, lr in (("slow", 0.1), ("fast", 0.5)):
        tags = {"nbtrack.lineage": "l", "nbtrack.attempt": "1" if name == "slow" else "2"}
        with tracker.start_run(run_name=name, tags=tags) as run:
            run.log_param("lr", lr)
            run.log_metric("accuracy", lr)
            run.log_text(f"lr = {lr}\nfit(lr)", "cell.py")
    tracker.flush()
    return tracker


def printed(*words: str) -> str:
    result = CliRunner().invoke(main, ["diff", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_two_runs_are_named_as_anywhere(recorded: Tracker) -> None:
    run_id = recorded.search_runs(filter_string="run_name = 'fast'", output_format="list")[0].info.run_id

    shown = printed("slow", run_id[:6])

    assert shown.startswith("slow → fast\n  metrics: 1 better · 1 param · 1 cell (1 line)\n")
    assert "  1 - lr = 0.1\n  1 + lr = 0.5\n  2   fit(lr)\n" in shown


def test_one_run_is_compared_with_the_attempt_before(recorded: Tracker) -> None:
    assert printed("fast") == printed("slow", "fast")


def test_a_run_that_has_no_attempt_before_it_is_told_what_to_do(recorded: Tracker) -> None:
    result = CliRunner().invoke(main, ["diff", "slow"])

    assert result.exit_code == 1
    assert "No attempt before run 'slow" in result.output
    assert "Give two runs" in result.output


def test_json_and_text_are_for_other_programs(recorded: Tracker) -> None:
    plain, text = json.loads(printed("slow", "fast", "--json")), printed("slow", "fast", "--text")

    assert plain["params"] == {"lr": {"before": "0.1", "after": "0.5"}}
    assert [line["kind"] for line in plain["cells"][0]["lines"]] == ["changed", "same"]
    assert "1 - lr = 0.1" in text
    assert "same in both" not in printed("slow", "fast", "--all")
    assert CliRunner().invoke(main, ["diff", "slow", "fast", "--json", "--text"]).exit_code == 2


def test_a_notebook_shows_it_as_a_page(notebook: Notebook) -> None:
    for name, lr in (("slow", 0.1), ("fast", 0.5)):
        notebook.value(f"%%track {name} --quiet -p lr={lr}\nnbtrack.log_metric('accuracy', {lr})")

    notebook.value("%nbtrack diff slow fast")
    found = notebook.value(
        "nbtrack.diff(*(run.info.run_id for run in reversed(nbtrack.search_runs(output_format='list'))))"
    )

    assert "slow → fast" in notebook.cards[-1]
    assert "better" in notebook.pages[-1]
    assert "<del" in notebook.pages[-1]
    bundle = found._repr_mimebundle_()
    assert bundle["text/plain"] == notebook.cards[-1]
    assert len(bundle["text/html"].encode()) <= MOST_BYTES


def test_a_cell_that_is_run_again_is_compared_with_its_attempt_before(notebook: Notebook) -> None:
    for scale, lr in ((1, 0.1), (2, 0.5)):
        for cell_id, cell in (
            ("a", f"scale = {scale}"),
            ("b", f"%%track fit --quiet\nlr = {lr}\nx = scale * lr"),
        ):
            notebook.shell.run_cell(cell, store_history=True, cell_id=cell_id).raise_error()

    found = notebook.value("nbtrack.diff(nbtrack.last_active_run())")

    assert found.names == ("fit#1", "fit#2")
    changed = {
        each.cell_id: each for cell in found.cells if cell.kind == "changed" for each in [cell.after.cell]
    }
    assert {"a", "b"} <= set(changed)
    assert found.notes == ()


def test_names_of_runs_are_completed(notebook: Notebook) -> None:
    notebook.value("%%track slow --quiet\npass")

    with provisionalcompleter():
        found = list(notebook.shell.Completer.completions("%nbtrack diff sl", 16))

    assert [each.text for each in found] == ["slow"]
