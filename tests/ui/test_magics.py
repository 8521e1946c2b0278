"""`%load_ext nbtrack` and `%nbtrack`, in a real IPython shell."""

from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.tracking.fluent import default_tracker
from tests.ui.conftest import Notebook


def hooks_of(notebook: Notebook) -> dict[str, Any]:
    shell = notebook.shell
    manager = shell.input_transformer_manager
    return {
        "events": {name: list(callbacks) for name, callbacks in shell.events.callbacks.items()},
        "transforms": [*manager.cleanup_transforms, *manager.line_transforms, *manager.token_transformers],
        "post": list(shell.input_transformers_post),
        "magics": {kind: set(known) for kind, known in shell.magics_manager.magics.items()},
        "registry": set(shell.magics_manager.registry),
        "attributes": set(vars(shell)),
        "names": set(shell.user_ns),
    }


def test_unloading_leaves_nothing_behind(bare_notebook: Notebook) -> None:
    bare_notebook.shell.run_line_magic("load_ext", "storemagic")  # IPython's own magics load when used
    before = hooks_of(bare_notebook)

    bare_notebook.shell.run_line_magic("load_ext", "nbtrack")
    assert hooks_of(bare_notebook) != before
    bare_notebook.shell.run_line_magic("unload_ext", "nbtrack")

    assert hooks_of(bare_notebook) == before
    assert not bare_notebook.run("%%track\n1").success


def test_loading_twice_and_reloading_track_a_cell_once(notebook: Notebook) -> None:
    nbtrack.load_ipython_extension(notebook.shell)
    notebook.run("%load_ext nbtrack")
    notebook.run("%reload_ext nbtrack")

    notebook.value("%%track\n1")

    assert len(notebook.runs()) == 1
    assert len(notebook.cards) == 1


def test_unloading_within_a_tracked_cell_ends_its_run(notebook: Notebook) -> None:
    notebook.value("%%track\n%unload_ext nbtrack")

    assert notebook.only_run().info.status == "FINISHED"
    assert nbtrack.active_run() is None


def test_importing_alone_adds_nothing(bare_notebook: Notebook) -> None:
    before = hooks_of(bare_notebook)["magics"]

    bare_notebook.value("import nbtrack")

    assert hooks_of(bare_notebook)["magics"] == before


def test_runs_shows_a_table_of_the_active_experiment(notebook: Notebook) -> None:
    for name in ("a", "b", "c"):
        notebook.value(f"%%track {name} --quiet\nnbtrack.log_metric('loss', 1)")
    notebook.value("%%track elsewhere -e other --quiet\n1")

    notebook.value("%nbtrack runs")
    notebook.value("%nbtrack runs 1")
    notebook.value("%nbtrack experiment other")
    notebook.value("%nbtrack runs")

    all_of_them, one, other = notebook.cards
    assert [line.split()[0] for line in all_of_them.splitlines()[2:]] == ["c", "b", "a"]
    assert "loss" in all_of_them.splitlines()[0]
    assert len(one.splitlines()) == 3
    assert "elsewhere" in other
    assert "<table>" in notebook.pages[0]


def test_runs_shows_nested_runs_under_their_parents(notebook: Notebook) -> None:
    notebook.value("%%track parent --quiet\nwith nbtrack.start_run(run_name='child'):\n    pass")
    notebook.value("%%track other --quiet\n1")

    notebook.value("%nbtrack runs")

    assert [line.split("  ")[0] for line in notebook.cards[0].splitlines()[2:]] == [
        "other",
        "parent",
        "└ child",
    ]


def test_status_says_where_and_what(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    notebook.value("%nbtrack status")
    empty = capsys.readouterr().out
    notebook.value("%nbtrack experiment digits\nrun = nbtrack.start_run(run_name='open')")
    notebook.value("%nbtrack status")
    busy = capsys.readouterr().out

    assert empty.splitlines() == [
        f"store       {Path.cwd() / '.nbtrack'}",
        "experiment  Default",
        "active run  none",
    ]
    assert "experiment  digits" in busy
    assert f"active run  open ({default_tracker.active_run().run_id})" in busy


def test_status_says_that_nothing_is_recorded(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "1")

    notebook.value("%nbtrack status\n%nbtrack runs")
    notebook.value("nbtrack.start_run()\n%nbtrack end")

    assert "switched off" in capsys.readouterr().out
    assert not Path(".nbtrack").exists()


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("NBTRACK_EXPERIMENT_NAME", "digits", "digits"),
        ("MLFLOW_EXPERIMENT_ID", "0", "Default"),
        ("NBTRACK_EXPERIMENT_ID", "17", "id 17"),
    ],
)
def test_status_shows_the_experiment_of_the_environment(
    notebook: Notebook,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    shown: str,
) -> None:
    notebook.value("%%track --quiet")
    monkeypatch.setenv(variable, value)

    notebook.value("%nbtrack status")

    assert f"experiment  {shown}\n" in capsys.readouterr().out


@pytest.mark.parametrize(("given", "status"), [("", "FINISHED"), ("failed", "FAILED"), ("KILLED", "KILLED")])
def test_end_ends_the_active_run_and_shows_it(notebook: Notebook, given: str, status: str) -> None:
    notebook.value("run = nbtrack.start_run(run_name='open')")

    notebook.value(f"%nbtrack end {given}")

    assert notebook.only_run().info.status == status
    assert status in notebook.cards[-1]
    assert nbtrack.active_run() is None


def test_end_within_a_tracked_cell_shows_one_card(notebook: Notebook) -> None:
    notebook.value("%%track\n%nbtrack end KILLED")

    assert len(notebook.cards) == 1
    assert notebook.only_run().info.status == "KILLED"


def test_end_without_a_run_says_so(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    notebook.value("%nbtrack end")

    assert capsys.readouterr().out == "No run is active.\n"


@pytest.mark.parametrize("line", ["", "help", "--help", "-h"])
def test_help_lists_the_commands(notebook: Notebook, capsys: pytest.CaptureFixture[str], line: str) -> None:
    notebook.value(f"%nbtrack {line}")

    shown = capsys.readouterr().out
    for command in ("runs", "status", "end", "experiment"):
        assert f"%nbtrack {command} " in shown


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("launch", "no command 'launch'"),
        ("runs many", "takes a number of runs, got 'many'"),
        ("runs 0", "max_results"),
        ("end soon", "takes FINISHED, FAILED, KILLED, got 'soon'"),
        ("end RUNNING", "takes FINISHED, FAILED, KILLED, got 'RUNNING'"),
        ("experiment", "takes the name"),
    ],
)
def test_mistakes_are_answered_without_a_traceback(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], line: str, complaint: str
) -> None:
    assert not notebook.run(f"%nbtrack {line}").success

    captured = capsys.readouterr()
    assert captured.err.startswith("UsageError: ")
    assert complaint in captured.err
    assert "Traceback" not in captured.out
