"""The slice of a run: kept with tracked cells, computed for others, and put back."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner, Result
from IPython.core.error import UsageError

import nbtrack
from nbtrack.cli import main
from nbtrack.core.cells import Slice
from nbtrack.core.entities import Run
from nbtrack.core.errors import NotFoundError
from nbtrack.tracking.fluent import default_tracker
from nbtrack.tracking.tracker import Tracker
from tests.ui.conftest import Notebook


def slice_of(run: Run) -> Slice:
    return nbtrack.slice_of(run.info.run_id)


def numbers(run: Run) -> list[int]:
    return [each.cell.number for each in slice_of(run).cells]


def test_a_tracked_cell_keeps_its_slice_and_the_run_gives_it(notebook: Notebook) -> None:
    notebook.value("x = 2")
    notebook.value("%%track first\ninside = nbtrack.active_run().slice()\ny = x")

    run = notebook.only_run()
    found = slice_of(run)
    assert json.loads(default_tracker.load_text(run.info.run_id, "slice.json")) == found.to_dictionary()
    assert [each.cell.number for each in found.cells][-2:] == [2, 3]
    assert (found.run_id, found.session_id) == (run.info.run_id, run.data.tags["nbtrack.session"])
    assert notebook.shell.user_ns["inside"].cells[-1].cell.status == "running"
    assert [cell.number for cell in nbtrack.cells_of(run.info.run_id)] == [1, 2, 3]
    assert notebook.value("nbtrack.slice_of(nbtrack.last_active_run().info.run_id)") == found


def test_every_run_of_a_cell_has_its_slice_without_being_tracked(notebook: Notebook) -> None:
    notebook.value("x = 2")
    notebook.value("with nbtrack.start_run():\n    nbtrack.log_metric('m', x)")
    notebook.value("later = 1")

    assert numbers(notebook.only_run())[-2:] == [2, 3]


def test_of_a_run_that_is_active_in_several_cells_all_of_them_count(notebook: Notebook) -> None:
    notebook.value("x = 2")
    notebook.value("unrelated = 2")
    notebook.value("run = nbtrack.start_run()")
    notebook.value("nbtrack.log_metric('m', x)")
    open_numbers = numbers(notebook.only_run())
    notebook.value("y = 5")
    notebook.value("nbtrack.end_run()")
    notebook.value("z = 5")

    run = notebook.only_run()
    assert open_numbers[-3:] == [2, 4, 5] or open_numbers[-4:] == [2, 3, 4, 5]
    assert run.data.tags["nbtrack.cell.last"] == "7"
    assert numbers(run)[-4:] == [4, 5, 6, 7]
    assert "was executed while the run was active" in slice_of(run).cells[-2].reasons
    assert [cell.number for cell in nbtrack.cells_of(run.info.run_id)] == [1, 2, 3, 4, 5, 6, 7]


def test_a_run_that_another_cell_goes_on_with_has_the_cells_of_both(notebook: Notebook) -> None:
    notebook.value("a, b = [1], [2]")
    notebook.value("%%track first\nfirst = a")
    run_id = notebook.only_run().info.run_id
    notebook.value(f"%%track --resume {run_id}\nsecond = b")

    run = notebook.only_run()
    assert {3, 4} <= set(numbers(run))
    assert run.data.tags["nbtrack.cell.number"] == "4"
    assert [info.path for info in default_tracker.list_artifacts(run_id) if "slice" in info.path] == [
        "slice.json"
    ]


def test_a_run_that_another_session_goes_on_with_keeps_both_slices(notebook: Notebook) -> None:
    notebook.value("%%track first\nx = 1")
    run_id = notebook.only_run().info.run_id
    text = default_tracker.load_text(run_id, "slice.json")
    held = json.loads(text)
    with default_tracker._store().runs.resume(run_id, tags={}) and nbtrack.start_run(run_id=run_id) as run:
        run.log_text(json.dumps({**held, "session_id": "0" * 32}), "slice.json")

    notebook.value(f"%%track --resume {run_id}\ny = 1")

    assert slice_of(notebook.only_run()).cells[-1].source.endswith("y = 1")
    assert json.loads(default_tracker.load_text(run_id, "slice.json"))["session_id"] == "0" * 32


def test_a_run_that_is_copied_without_its_session_keeps_its_slice(notebook: Notebook) -> None:
    notebook.value("%%track first\nwith nbtrack.start_run():\n    x = 1")
    default_tracker.close()
    shutil.rmtree(".nbtrack/sessions")

    outer, nested = notebook.runs()
    assert slice_of(outer).cells[-1].source.endswith("x = 1")
    assert slice_of(nested).cells == slice_of(outer).cells
    assert slice_of(nested).run_id == nested.info.run_id
    with pytest.raises(NotFoundError, match="session"):
        nbtrack.cells_of(outer.info.run_id)


def test_a_run_of_no_cell_has_no_slice(notebook: Notebook) -> None:
    with nbtrack.start_run() as run:
        pass

    with pytest.raises(NotFoundError, match="%load_ext nbtrack"):
        run.slice()
    with pytest.raises(NotFoundError, match="%load_ext nbtrack"):
        run.cells()


def test_marks_are_kept_and_shown(notebook: Notebook) -> None:
    notebook.value("%%track --quiet\n1")
    notebook.value("%%track first\nimport random\nrandom.random()")

    plain, run = notebook.runs()
    assert "nbtrack.marks" not in plain.data.tags
    (mark,) = json.loads(run.data.tags["nbtrack.marks"])
    assert mark["kind"] == "seed"
    assert mark["text"] in notebook.cards[-1]
    assert [found.text for found in slice_of(run).marks] == [mark["text"]]


def test_restore_puts_the_cells_into_the_next_one(notebook: Notebook) -> None:
    notebook.value("def double(x):\n    return 2 * x")
    notebook.value("%%track first -p a=1\nnbtrack.log_metric('m', double(21))")

    notebook.value("%nbtrack restore first")

    text = notebook.shell.rl_next_input
    assert text.startswith("%%track first -p a=1\n# cell ")
    notebook.value("%reset -f")
    notebook.value(text)
    first, again = notebook.runs()
    assert again.data.metrics == first.data.metrics == {"m": 42.0}


def test_restore_takes_a_run_out_of_the_bin_and_nothing_else(notebook: Notebook) -> None:
    notebook.value("%%track first\nx = 1")
    notebook.value("%nbtrack delete first")

    notebook.value("%nbtrack restore first")

    assert notebook.only_run().info.lifecycle_stage == "active"
    assert not hasattr(notebook.shell, "rl_next_input")


def test_restore_writes_files_and_never_over_one(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook.value("x = 3")
    notebook.value("%%track first --quiet\nnbtrack.log_metric('m', x)")

    notebook.value("%nbtrack restore first --to cells.py\n%nbtrack restore first --to cells.ipynb")

    said = capsys.readouterr().out
    assert "into cells.py. Run it with: python cells.py" in said
    assert "x = 3\n" in Path("cells.py").read_text()
    nbformat.validate(nbformat.read("cells.ipynb", as_version=4))
    Path("cells.py").write_text("mine")
    for line, message in (
        ("restore first --to cells.py", "--force"),
        ("restore first --to cells.txt", ".ipynb or .py"),
        ("restore first --to nowhere/cells.py", "cannot be written"),
        ("restore first first --to x.py --force", None),
    ):
        result = notebook.run(f"%nbtrack {line}")
        assert (message is None) or isinstance(result.error_in_exec, UsageError), line
        assert message is None or message in str(result.error_in_exec)
    assert Path("cells.py").read_text() == "mine"
    notebook.value("%nbtrack restore first --to cells.py --force")
    assert "x = 3\n" in Path("cells.py").read_text()


def test_runs_that_no_cell_has_made_are_not_put_back(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    with nbtrack.start_run(run_name="plain"):
        pass

    notebook.value("%nbtrack restore plain")

    assert "was made in no cell" in capsys.readouterr().out
    assert not notebook.run("%nbtrack restore plain --to a.py").success
    assert not Path("a.py").exists()


def test_the_command_line_restores_into_files_and_says_how(notebook: Notebook) -> None:
    notebook.value("x = 3")
    notebook.value("%%track 'my first!' --quiet\nnbtrack.log_metric('m', x)")

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, words, catch_exceptions=False)

    told = run("restore", "my first!")
    written = run("restore", "my first!", "--to", "-odd.ipynb")

    assert "that it came from go into a file: nbtrack restore" in told.output
    assert told.output.rstrip().endswith("--to my-first.ipynb")
    assert written.exit_code == 0
    nbformat.validate(nbformat.read("-odd.ipynb", as_version=4))
    assert run("restore", "my first!", "--to", "-odd.ipynb").exit_code == 1
    assert "│ x = 3" in run("slice", "my first!").output


def test_a_run_that_is_not_recorded_has_no_cells(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "true")

    assert notebook.value("%%track\nnbtrack.active_run().slice().cells, nbtrack.active_run().cells()") == (
        (),
        [],
    )
    assert not Path(".nbtrack").exists()


def test_slice_shows_the_cells(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    notebook.value("%%track first --quiet\nx = 1")

    notebook.value("%nbtrack slice first")
    notebook.value("%nbtrack slice first --json")

    assert "cell 2" in notebook.cards[-1]
    assert json.loads(capsys.readouterr().out)["cells"][-1]["number"] == 2


def test_cells_of_a_store_are_read_by_others(notebook: Notebook) -> None:
    notebook.value("%%track first --quiet\nx = 1")
    run_id = notebook.only_run().info.run_id

    other = Tracker(store=".nbtrack")

    assert other.slice_of(run_id) == nbtrack.slice_of(run_id)
    other.close()
