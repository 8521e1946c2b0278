"""A tracked cell that is run again: the next attempt of the same lineage, in a real shell."""

from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.core.entities import Run, ViewType
from nbtrack.tracking.fluent import default_tracker
from tests.ui.conftest import Notebook


def places(runs: list[Run]) -> list[tuple[str, str]]:
    """The name and the number of each attempt."""
    return [(run.info.run_name, run.data.tags["nbtrack.attempt"]) for run in runs]


def lineages(runs: list[Run]) -> list[str]:
    return [run.data.tags["nbtrack.lineage"] for run in runs]


def run_as(notebook: Notebook, cell_id: str, cell: str) -> Any:
    """Run a cell as a front end does that sends the ids of cells."""
    return notebook.shell.run_cell(cell, store_history=True, cell_id=cell_id)


def deleted() -> list[Run]:
    found: list[Run] = default_tracker.search_runs(
        run_view_type=ViewType.DELETED_ONLY, output_format="list", search_all_experiments=True
    )
    return found


def test_a_cell_that_is_edited_and_run_again_is_the_next_attempt_and_keeps_its_name(
    notebook: Notebook,
) -> None:
    for number in range(3):
        run_as(notebook, "a", f"%%track -p n={number}\nnbtrack.log_metric('m', {number})")

    runs = notebook.runs()
    assert places(runs) == [(runs[0].info.run_name, str(number)) for number in (1, 2, 3)]
    assert len(set(lineages(runs))) == 1
    name = runs[0].info.run_name
    heads = [card.splitlines()[0].split(" · ") for card in notebook.cards]
    assert [head[0] for head in heads] == [f"✓ FINISHED {name}"] * 3
    assert [head[1] for head in heads[1:]] == ["↻ 2", "↻ 3"]
    assert "↻" not in notebook.cards[0]


def test_an_attempt_that_fails_counts_too(notebook: Notebook) -> None:
    for cell in ("1 / 0", "raise KeyboardInterrupt", "x = (", "1"):
        run_as(notebook, "a", f"%%track tree\n{cell}")

    assert [(run.info.status, run.data.tags["nbtrack.attempt"]) for run in notebook.runs()] == [
        ("FAILED", "1"),
        ("KILLED", "2"),
        ("FAILED", "3"),
        ("FINISHED", "4"),
    ]


def test_a_name_wins_over_the_id_and_two_cells_of_one_name_share_the_lineage(notebook: Notebook) -> None:
    run_as(notebook, "a", "%%track tree\n1")
    run_as(notebook, "b", "%%track tree\n2")
    run_as(notebook, "a", "%%track forest\n1")

    assert places(notebook.runs()) == [("tree", "1"), ("tree", "2"), ("forest", "1")]


def test_without_ids_and_names_a_cell_is_known_by_its_code(notebook: Notebook) -> None:
    notebook.value("%%track -p n=1\n# the first try\nx = 1\n\nx + 1")
    notebook.value("%%time\n%%track -t team=nlp\nx = 1   \nx + 1")
    notebook.value("%%track\nx = 2\nx + 1")

    first, second, third = notebook.runs()
    assert lineages([first]) == lineages([second]) != lineages([third])


def test_cells_that_a_loop_runs_are_attempts_in_order(notebook: Notebook) -> None:
    notebook.value("for rate in (1, 2, 3):\n    shell.run_cell(f'%%track sweep -p lr={rate} --quiet\\n1')")

    runs = notebook.runs()
    assert places(runs) == [("sweep", "1"), ("sweep", "2"), ("sweep", "3")]
    assert [run.data.params["lr"] for run in runs] == ["1", "2", "3"]


def test_a_nested_cell_is_an_attempt_under_the_active_run(notebook: Notebook) -> None:
    for parent in ("one", "two"):
        notebook.value(f"outer = nbtrack.start_run(run_name='{parent}')")
        run_as(notebook, "a", "%%track inner --nested\n1")
        notebook.value("nbtrack.end_run()")

    one, first, two, second = notebook.runs()
    assert places([first, second]) == [("inner", "1"), ("inner", "2")]
    assert [run.data.tags["mlflow.parentRunId"] for run in (first, second)] == [
        one.info.run_id,
        two.info.run_id,
    ]


def test_resume_goes_on_with_an_attempt_instead_of_making_one(notebook: Notebook) -> None:
    run_as(notebook, "a", "%%track tree\nnbtrack.log_param('a', 1)")
    run_id = notebook.only_run().info.run_id

    run_as(notebook, "b", f"%%track --resume {run_id}\nnbtrack.log_param('b', 2)")

    run = notebook.only_run()
    assert run.data.params == {"a": "1", "b": "2"}
    assert places([run]) == [("tree", "1")]
    run_as(notebook, "a", "%%track tree\n1")
    assert places(notebook.runs()) == [("tree", "1"), ("tree", "2")]


def test_resume_takes_a_name_and_an_attempt_of_it(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        run_as(notebook, "a", "%%track tree\n1")

    run_as(notebook, "b", "%%track --resume tree#1\nnbtrack.log_param('b', 1)")
    run_as(notebook, "b", "%%track --resume tree\nnbtrack.log_param('b', 2)")

    runs = notebook.runs()
    assert [run.data.params for run in runs] == [{"b": "1"}, {"b": "2"}]
    assert places(runs) == [("tree", "1"), ("tree", "2")]
    run_as(notebook, "b", "%%track --resume trunk\n1")
    assert "The cell is recorded as a new run" in capsys.readouterr().err
    assert len(notebook.runs()) == 3


def test_new_begins_a_lineage_that_the_cell_goes_on_with(notebook: Notebook) -> None:
    for options in ("", "--new", ""):
        run_as(notebook, "a", f"%%track {options}\n1")

    first, begun, after = notebook.runs()
    assert lineages([first]) != lineages([begun]) == lineages([after])
    assert first.info.run_name != begun.info.run_name == after.info.run_name
    assert places([begun, after]) == [(begun.info.run_name, "1"), (begun.info.run_name, "2")]


def test_discard_shows_the_run_and_puts_it_into_the_bin_with_those_it_started(notebook: Notebook) -> None:
    run_as(notebook, "a", "%%track tree\n1")
    cell = "%%track tree --discard\nwith nbtrack.start_run(run_name='leaf'):\n    pass\n'value'"

    assert run_as(notebook, "a", cell).result == "value"

    assert places(notebook.runs()) == [("tree", "1")]
    thrown = {run.info.run_name: run for run in deleted()}
    assert set(thrown) == {"tree", "leaf"}
    run_id = thrown["tree"].info.run_id
    assert notebook.cards[-1].startswith("✓ FINISHED tree · ↻ 2 · ")
    for shown in (notebook.cards[-1], notebook.pages[-1]):
        assert "in the bin" in shown
        assert f"nbtrack restore {run_id[:8]} takes it out" in shown
    run_as(notebook, "a", "%%track tree\n1")
    nbtrack.restore_run(run_id)
    assert places(notebook.runs()) == [("tree", "1"), ("tree", "2"), ("tree", "3")]


def test_a_discarded_cell_that_fails_fails_and_is_in_the_bin(notebook: Notebook) -> None:
    result = notebook.run("%%track --discard\n1 / 0")

    assert isinstance(result.error_in_exec, ZeroDivisionError)
    assert notebook.runs() == []
    (run,) = deleted()
    assert run.info.status == "FAILED"
    assert "✗ FAILED" in notebook.cards[-1]


@pytest.mark.parametrize("options", ["--new --discard", "--new --resume 1a", "--discard --resume 1a"])
def test_new_discard_and_resume_exclude_each_other(
    notebook: Notebook, options: str, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook.run(f"%%track {options}\nran = True")

    assert "give one of --new, --discard and --resume" in capsys.readouterr().err
    assert "ran" not in notebook.shell.user_ns
    assert notebook.runs() == []


def test_an_experiment_has_lineages_of_its_own(notebook: Notebook) -> None:
    for experiment in ("digits", "letters", "digits"):
        run_as(notebook, "a", f"%%track tree -e {experiment}\n1")

    first, other, second = notebook.runs()
    assert places([first, other, second]) == [("tree", "1"), ("tree", "1"), ("tree", "2")]
    assert lineages([first]) == lineages([second]) != lineages([other])


def test_a_copy_of_a_notebook_is_another_lineage_and_a_moved_one_is_the_same(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_in(path: Path) -> str:
        monkeypatch.setenv("JPY_SESSION_NAME", str(path))
        run_as(notebook, "a", "%%track\n1")
        return lineages(notebook.runs()[-1:])[0]

    here = Path.cwd()
    (here / "a.ipynb").touch()
    (here / "copy.ipynb").touch()

    original, copied = run_in(here / "a.ipynb"), run_in(here / "copy.ipynb")
    (here / "a.ipynb").rename(here / "b.ipynb")

    assert original != copied
    assert run_in(here / "b.ipynb") == original
    assert run_in(here / "copy.ipynb") == copied


def test_another_working_directory_changes_nothing(notebook: Notebook) -> None:
    (Path.cwd() / "deep").mkdir()
    notebook.value("%%track --quiet\n1")
    notebook.value("import os\nos.chdir('deep')")

    notebook.value("%%track --quiet\n1")

    assert [number for _, number in places(notebook.runs())] == ["1", "2"]


def test_ids_of_the_open_editor_of_vs_code_are_followed_while_the_kernel_lives(notebook: Notebook) -> None:
    place = "vscode-notebook-cell:/a.ipynb#W3sZmlsZQ%3D%3D"
    for code in ("1", "2"):
        run_as(notebook, place, f"%%track --quiet\n{code}")
    notebook.value("%unload_ext nbtrack\n%load_ext nbtrack")  # a restart, as far as cells are concerned
    run_as(notebook, place.replace("W3s", "W4s"), "%%track --quiet\n2")
    run_as(notebook, place, "%%track --quiet\n3")

    runs = notebook.runs()
    assert [number for _, number in places(runs)] == ["1", "2", "3", "1"]


def test_thirty_attempts_are_thirty_runs_of_one_lineage_and_switched_off_there_is_none(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(30):
        notebook.value("%%track tree --quiet\n1")
    monkeypatch.setenv("NBTRACK_DISABLED", "1")

    notebook.value("%%track tree\n1")

    monkeypatch.delenv("NBTRACK_DISABLED")
    assert places(notebook.runs()) == [("tree", str(number)) for number in range(1, 31)]
