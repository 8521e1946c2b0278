"""`%load_ext nbtrack` and `%nbtrack`, in a real IPython shell."""

import builtins
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter

import nbtrack
from nbtrack.core.errors import NbtrackError
from nbtrack.tracking import run_context
from nbtrack.tracking.fluent import default_tracker
from nbtrack.ui import nbtrack_line
from nbtrack.ui.cells.track_line import option_names
from nbtrack.ui.commands.commands import COMMANDS
from nbtrack.ui.magics import NbtrackMagics
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
        "matchers": list(shell.Completer.custom_matchers),
        "names": set(shell.user_ns),
        "errors": set(vars(NbtrackError)),
        "configurables": list(shell.configurables),
        "printers": [set(vars(stream)) for stream in (sys.stdout, sys.stderr)],
        "threads": {thread for thread in threading.enumerate() if thread.is_alive()},
        "display": (shell.displayhook, shell.display_pub, shell.display_formatter, shell.showtraceback),
        "excepthook": (sys.excepthook, shell.custom_exceptions, sys.displayhook, builtins.print),
        "ours": [list(hooks) for hooks in (run_context.cell_tags, run_context.session_params)],
        "context": {name: value for name, value in os.environ.items() if "NBTRACK" in name},
    }


def test_unloading_leaves_nothing_behind(bare_notebook: Notebook) -> None:
    bare_notebook.shell.run_line_magic("load_ext", "storemagic")  # IPython's own magics load when used
    before = hooks_of(bare_notebook)

    bare_notebook.shell.run_line_magic("load_ext", "nbtrack")
    loaded = hooks_of(bare_notebook)
    bare_notebook.shell.run_line_magic("unload_ext", "nbtrack")

    changed = {name for name in before if loaded[name] != before[name]}
    assert {"events", "transforms", "magics", "matchers", "errors", "configurables", "ours"} <= changed
    assert hooks_of(bare_notebook) == before
    assert not bare_notebook.run("%%track\n1").success


@pytest.mark.parametrize("last", ["", "raise ValueError", "%load_ext nbtrack"])
def test_unloading_in_the_middle_of_a_tracked_cell_leaves_nothing_behind(
    bare_notebook: Notebook, last: str
) -> None:
    bare_notebook.shell.run_line_magic("load_ext", "storemagic")
    bare_notebook.value("import nbtrack, threading")
    nbtrack.set_tracking_uri(".nbtrack")
    nbtrack.search_experiments()
    before = hooks_of(bare_notebook)

    bare_notebook.value("%load_ext nbtrack")
    bare_notebook.run(
        "%%track middle --live\nnbtrack.log_metric('m', 1)\n%nbtrack experiment of-the-cell\n"
        f"%unload_ext nbtrack\n{last}"
    )
    bare_notebook.value("%unload_ext nbtrack")
    default_tracker.name_experiment(None)
    default_tracker.close()

    after = hooks_of(bare_notebook)
    assert {name for name in before if after[name] != before[name]} <= {"names", "threads"}
    # What a run ran in is found out by a thread of the tracker, with or without a notebook.
    assert {thread.name for thread in after["threads"] - before["threads"]} <= {"nbtrack-environment"}
    assert bare_notebook.only_run().info.status == "FINISHED"
    assert nbtrack.active_run() is None


_FAILING = [
    "nbtrack.ui.cells.history.SessionHistory.begin",
    "nbtrack.ui.cells.history.SessionHistory.end",
    "nbtrack.ui.cells.parameters.InjectedParameters._now",
    "nbtrack.ui.cells.card.CellCards.begin",
    "nbtrack.ui.cells.card.CellCards.end",
    "nbtrack.ui.cells.tracked_cells.TrackedCells._options_of",
    "nbtrack.ui.cells.tracked_cells.TrackedCells._start",
    "nbtrack.ui.cells.tracked_cells.TrackedCells._end",
    "nbtrack.ui.cells.tracked_cells.TrackedCells._shown_in",
    "nbtrack.ui.cells.silent_cells._frame_of",
    "nbtrack.tracking.tracker.Tracker.start_cell_run",
    "nbtrack.tracking.tracker.Tracker.finish",
    "nbtrack.tracking.active_run.ActiveRun.log_text",
    "nbtrack.tracking.active_run.ActiveRun.log_params",
    "nbtrack.tracking.run_context.source_tags",
]
"""What may fail of a part that looks at cells."""


def test_an_error_of_ours_fails_no_cell_wherever_it_strikes(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def strike(*_: object, **__: object) -> None:
        raise RuntimeError("injected")

    parts = notebook.shell._nbtrack.cells._parts
    failing = [*_FAILING, *(f"{type(part).__module__}.{type(part).__name__}.begin" for part in parts)]
    failing += [f"{type(part).__module__}.{type(part).__name__}.end" for part in parts]
    notebook.value("# Parameters\ninjected = 1")
    said: dict[str, list[str]] = {}
    for name in failing:
        with monkeypatch.context() as patch:
            patch.setattr(name, strike)
            capsys.readouterr()

            result = notebook.run("%%track -p lr=1\n6 * 7")

            assert result.success, name
            assert result.result == 42, name
            said[name] = capsys.readouterr().err.splitlines()
        while (left := nbtrack.active_run()) is not None:
            default_tracker.finish(left, "FINISHED")

    assert {name: lines for name, lines in said.items() if "injected" not in " ".join(lines)} == {}
    assert {name: lines for name, lines in said.items() if any("Traceback" in each for each in lines)} == {}
    assert notebook.value("%%track whole --quiet\n6 * 7") == 42
    assert notebook.runs()[-1].info.status == "FINISHED"


def test_loading_twice_and_reloading_track_a_cell_once(notebook: Notebook) -> None:
    nbtrack.load_ipython_extension(notebook.shell)
    notebook.run("%load_ext nbtrack")
    notebook.run("%reload_ext nbtrack")

    notebook.value("%%track\n1")

    assert len(notebook.runs()) == 1
    assert len(notebook.cards) == 1


def test_importing_alone_adds_nothing(bare_notebook: Notebook) -> None:
    before = hooks_of(bare_notebook)["magics"]

    bare_notebook.value("import nbtrack")

    assert hooks_of(bare_notebook)["magics"] == before


def test_runs_shows_a_table_of_the_active_experiment(notebook: Notebook) -> None:
    for name in ("a", "b", "c"):
        notebook.value(f"%%track {name} --quiet\nnbtrack.log_metric('loss', 1)")
    notebook.value("%%track elsewhere -e other --quiet\n1")

    notebook.value("%nbtrack runs")
    notebook.value("%nbtrack runs -n 1")
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

    assert empty.splitlines()[:5] == [
        f"store       {Path.cwd() / '.nbtrack'}",
        "experiment  Default",
        "active run  none",
        "last run    none in this session",
        "notebook    its front end does not tell",
    ]
    assert re.fullmatch(r"session     [0-9a-f]{8}, 2 cells so far", empty.splitlines()[5])
    assert "experiment  digits" in busy
    assert f"active run  open ({default_tracker.active_run().run_id})" in busy


def test_status_tells_the_last_run_and_the_notebook(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "work/<b>\x1b.ipynb")
    nbtrack.start_run(run_name="before all")
    nbtrack.end_run()
    for _ in range(2):
        notebook.value("%%track 'a\x1b[31m' --quiet\n1")

    notebook.value("%nbtrack status")

    said = capsys.readouterr().out
    assert re.search(r"last run    .+ \([0-9a-f]{8}\), attempt 2, FINISHED, ", said)
    assert "\x1b" not in said
    assert "notebook    work/<b>" in said


def test_status_says_that_nothing_is_recorded(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "1")

    notebook.value("%nbtrack status\n%nbtrack runs")
    notebook.value("nbtrack.start_run()\n%nbtrack end")

    assert "switched off" in capsys.readouterr().out
    assert not Path(".nbtrack").exists()


def test_runs_are_looked_at_where_recording_is_switched_off(
    digits: Notebook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "1")

    digits.value("%nbtrack runs\n%nbtrack tag 'depth 2' team=vision")

    assert "depth 8" in digits.cards[0]
    assert "team=vision" in capsys.readouterr().out
    assert [each.info.run_name for each in digits.runs()] == []
    monkeypatch.delenv("NBTRACK_DISABLED")
    assert digits.runs()[0].data.tags["team"] == "vision"


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
    assert shown.startswith("Usage: %nbtrack ")
    for command in (*COMMANDS, nbtrack_line.status, nbtrack_line.end):
        assert f"\n  {command.name} " in shown


def test_the_help_of_the_magic_names_every_command() -> None:
    told = re.findall(r"%nbtrack (\w+)", NbtrackMagics.nbtrack.__doc__)

    assert sorted(told) == sorted(str(name) for name in nbtrack_line.line.commands)


def test_help_shows_the_options_of_a_command(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    notebook.value("%nbtrack help runs")
    by_help = capsys.readouterr().out
    notebook.value("%nbtrack runs --help")

    assert capsys.readouterr().out == by_help
    assert "--filter FILTER" in by_help
    assert "%nbtrack runs -e digits -f" in by_help


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("launch", "No such command 'launch'"),
        ("runs -f metrics.loss < 1", 'Quote what has spaces, such as -f "metrics.loss < 1".'),
        ("runs many", "%nbtrack runs: Got unexpected extra argument (many)"),
        ("runs -n 0", "0 is not in the range x>=1"),
        ("runs --json --csv", "Give either --json or --csv"),
        ("runs -e digitz", "No experiment named 'digitz'. Did you mean 'digits'?"),
        ("runs -f 'metrics.loss <'", "column 15"),
        ('runs -f "tags.team', 'a quote " is not closed'),
        ("end soon", "takes FINISHED, FAILED, KILLED, got 'soon'"),
        ("end RUNNING", "takes FINISHED, FAILED, KILLED, got 'RUNNING'"),
        ("experiment", "takes the name"),
        ("show nobody", "No run 'nobody'."),
        ("compare one", "No run 'one'."),
        ("note first", "Give the text"),
        ("delete", "Give either runs or --experiment NAME"),
    ],
)
def test_mistakes_are_answered_without_a_traceback(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], line: str, complaint: str
) -> None:
    notebook.value("%%track first -e digits --quiet\n1")
    capsys.readouterr()

    assert not notebook.run(f"%nbtrack {line}").success

    captured = capsys.readouterr()
    assert captured.err.startswith("UsageError: ")
    assert complaint in captured.err
    assert "Traceback" not in captured.out


# ---- the commands of the command line ------------------------------------------------------------


@pytest.fixture
def digits(notebook: Notebook) -> Notebook:
    """Three runs of the experiment digits, which is the active one."""
    notebook.value("%nbtrack experiment digits")
    for depth, loss in ((2, 0.5), (4, 0.25), (8, 0.125)):
        notebook.value(
            f"%%track 'depth {depth}' -p depth={depth} -t team=nlp --quiet\n"
            f"nbtrack.log_metric('loss', {loss})\nnbtrack.log_text('hi', 'notes/a.txt')"
        )
    notebook.shown.outputs.clear()
    return notebook


def test_runs_takes_filters_orders_and_columns(digits: Notebook) -> None:
    digits.value("limit = 0.4")

    digits.value('%nbtrack runs -f "metrics.loss < {limit}" -o metrics.loss -c params.depth,tags.team')

    assert [line.split() for line in digits.cards[0].splitlines()] == [
        ["run", "params.depth", "tags.team"],
        ["───────", "────────────", "─────────"],
        ["depth", "8", "8", "nlp"],
        ["depth", "4", "4", "nlp"],
    ]
    assert "<td" in digits.pages[0]


def test_what_a_variable_holds_is_one_word(digits: Notebook) -> None:
    digits.value("name = 'depth 4'")

    digits.value("%nbtrack show {name}")
    digits.value("%nbtrack show $name")

    assert digits.cards[0] == digits.cards[1]
    assert digits.cards[0].startswith("✓ FINISHED depth 4 · ")


def test_show_displays_code_and_artifacts(digits: Notebook) -> None:
    digits.value("%nbtrack show 'depth 4'")

    assert "notes/" in digits.cards[0]
    assert "experiment digits" in digits.cards[0]
    assert "<details><summary>code (cell.py)</summary>" in digits.pages[0]


def test_compare_displays_what_differs(digits: Notebook) -> None:
    digits.value("%nbtrack compare 'depth 2' 'depth 8'")

    assert ["depth", "2", "8"] in [line.split() for line in digits.cards[0].splitlines()]
    assert "▼ -0.3750  ★ best" in digits.cards[0]
    assert "<table>" in digits.pages[0]


def test_changes_say_how_to_undo_them_in_the_notebook(
    digits: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    digits.value("%nbtrack delete 'depth 2' 'depth 4'")
    deleted = capsys.readouterr().out.splitlines()
    for undo in (each.partition("Undo: ")[2] for each in deleted):
        digits.value(undo)
    digits.value("%nbtrack tag 'depth 2' checked=yes\n%nbtrack note 'depth 2' 'A note.'")

    assert [each.split("(")[0] for each in deleted] == ["Deleted 'depth 2' ", "Deleted 'depth 4' "]
    assert len(nbtrack.search_runs()) == 3
    tags = nbtrack.search_runs(filter_string="run_name = 'depth 2'", output_format="list")[0].data.tags
    assert (tags["checked"], tags["mlflow.note.content"]) == ("yes", "A note.")


def test_a_key_that_no_run_has_is_hinted_at_in_one_line(
    digits: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    digits.value("%nbtrack runs -f 'metrics.los < 1'")

    assert re.fullmatch(r"nbtrack: .*did you mean 'loss'.*\n", capsys.readouterr().err, re.IGNORECASE)


def test_every_experiment_is_looked_into_when_that_is_said(digits: Notebook) -> None:
    digits.value("%%track elsewhere -e other --quiet\n1")

    digits.value("%nbtrack runs")
    digits.value("%nbtrack runs --everywhere")
    digits.value("%nbtrack runs -e other")

    assert ["elsewhere" in card for card in digits.cards] == [False, True, True]


def test_registered_models_are_shown_and_changed_in_the_notebook(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook.value("%%track fit --quiet\nnbtrack.log_text('flavors: {}', 'clf/MLmodel')")

    notebook.value("%nbtrack models register fit iris --why first")
    notebook.value("version = 1\n%nbtrack models alias iris champion {version}")
    said = capsys.readouterr().out
    notebook.value("%nbtrack models show iris @champion\n%nbtrack models list\n%nbtrack registry")
    notebook.value("%nbtrack models delete iris")

    assert "Undo: %nbtrack models delete iris 1\n" in said
    assert "Undo: %nbtrack models alias iris --remove champion\n" in said
    assert notebook.cards[0].startswith("iris · version 1 · @champion\n")
    assert notebook.cards[1] == notebook.cards[2]
    assert "<strong>iris · version 1</strong>" in notebook.pages[0]
    assert nbtrack.search_registered_models() == []


def test_a_version_is_promoted_and_rolled_back_in_the_notebook(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    for accuracy in (0.8, 0.9, 0.7):
        notebook.value(
            f"%%track 'fit {accuracy}' --quiet\nnbtrack.log_metric('accuracy', {accuracy})\n"
            "nbtrack.log_text('flavors: {}', 'clf/MLmodel')"
        )
        notebook.value(f"%nbtrack models register 'fit {accuracy}' iris")
    notebook.value("%nbtrack models promote iris 1 Production --why first")
    notebook.value("%nbtrack models promote iris 2 Production --if-better accuracy")
    capsys.readouterr()

    notebook.value("%nbtrack models promote iris 3 Production --if-better accuracy")
    kept = capsys.readouterr().out
    notebook.value("%nbtrack models rollback iris")
    rolled = capsys.readouterr().out
    notebook.value("%nbtrack models history iris --to Production\n%nbtrack models compare iris 1 2")
    notebook.value(f"{rolled.partition('Undo: ')[2]}")

    assert kept.endswith("0.9: not better.\n")
    assert rolled.startswith("Rolled Production of 'iris' back to version 1, from version 2. Undo: %nbtrack ")
    assert "(rollback)" in notebook.cards[-2]
    assert "★ best" in notebook.cards[-1]
    assert nbtrack.MlflowClient().get_model_version("iris", 2).current_stage == "Production"
    assert not notebook.run("%nbtrack models promote irsi 1 Production").success
    assert "Did you mean 'iris'?" in capsys.readouterr().err


# ---- completion ----------------------------------------------------------------------------------


def completed(notebook: Notebook, line: str) -> list[str]:
    """The lines that the completions of a line make."""
    with provisionalcompleter():
        found = list(notebook.shell.Completer.completions(line, len(line)))
    return [line[: each.start] + each.text for each in found]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%nbtrack exp", ["%nbtrack experiments", "%nbtrack experiment"]),
        ("%nbtrack runs --fil", ["%nbtrack runs --filter"]),
        ("%nbtrack runs -e di", ["%nbtrack runs -e digits"]),
        ("%nbtrack show 'depth 8", ["%nbtrack show 'depth 8"]),
        ("%nbtrack show depth", [f"%nbtrack show 'depth {depth}'" for depth in (8, 4, 2)]),
        (
            '%nbtrack runs -f "metrics.lo',
            ['%nbtrack runs -f "metrics.loss'],
        ),
        ("%nbtrack runs -c params.depth,tags.te", ["%nbtrack runs -c params.depth,tags.team"]),
        ("%nbtrack artifacts get 'depth 8' notes/", ["%nbtrack artifacts get 'depth 8' notes/a.txt"]),
        ("%nbtrack help ru", ["%nbtrack help runs"]),
        ("%nbtrack models reg", ["%nbtrack models register"]),
        ("%nbtrack models register 'depth 8", ["%nbtrack models register 'depth 8"]),
        ("%nbtrack models show ir", ["%nbtrack models show iris"]),
        ("%nbtrack models show iris @", ["%nbtrack models show iris @champion"]),
        ("%nbtrack models promote iris 1 St", ["%nbtrack models promote iris 1 Staging"]),
        ("%nbtrack models undo iris --event 3", ["%nbtrack models undo iris --event 3"]),
        ("%%track --qu", ["%%track --quiet"]),
        ("%%track first -e dig", ["%%track first -e digits"]),
        ("%%track depth", [f"%%track 'depth {depth}'" for depth in (8, 4, 2)]),
        ("%%track -p de", ["%%track -p depth="]),
        ("%%track -t te", ["%%track -t team="]),
        ("%%track --resume 'depth 8", ["%%track --resume 'depth 8"]),
        ("%%time\n%%track --ne", ["%%time\n%%track --new", "%%time\n%%track --nested"]),
    ],
)
def test_the_line_is_completed_from_the_store(digits: Notebook, line: str, expected: list[str]) -> None:
    client = nbtrack.MlflowClient()
    client.create_registered_model("iris")
    client.create_model_version("iris", "x")
    client.set_registered_model_alias("iris", "champion", 1)

    assert completed(digits, line) == expected


def test_every_option_of_a_tracked_cell_is_completed(notebook: Notebook) -> None:
    options = {option for names, _ in option_names() for option in names}

    assert {each.rpartition(" ")[2] for each in completed(notebook, "%%track -")} == options


@pytest.mark.parametrize("jedi", [True, False])
def test_the_first_line_of_a_cell_is_completed_above_its_code(digits: Notebook, jedi: bool) -> None:
    digits.shell.Completer.use_jedi = jedi
    cell = "%%track 'depth 8' -e dig\nfor x in range(3):\n    print(x)"

    with provisionalcompleter():
        found = list(digits.shell.Completer.completions(cell, cell.index("\n")))

    assert [cell[: each.start] + each.text for each in found] == ["%%track 'depth 8' -e digits"]


def test_other_lines_are_completed_as_before(digits: Notebook) -> None:
    digits.value("nbtrack_runs = 1")

    assert "nbtrack_runs" in completed(digits, "nbtrack_ru")
    assert "%nbtrack" in completed(digits, "%nbtr")


def test_a_completion_that_fails_says_nothing(
    digits: Notebook, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nbtrack.set_tracking_uri(None)
    monkeypatch.setenv("NBTRACK_TRACKING_URI", "http://nowhere")
    capfd.readouterr()

    found = completed(digits, "%nbtrack show dep")

    assert found == []
    assert capfd.readouterr() == ("", "")
