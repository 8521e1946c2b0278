"""The history of a shell: every executed cell is numbered and kept, and every run knows its cell."""

import multiprocessing
import os
import threading
from pathlib import Path

import pytest

import nbtrack
from nbtrack.core.cells import ExecutedCell
from nbtrack.core.entities import Run
from nbtrack.tracking.fluent import default_tracker
from nbtrack.tracking.run_context import cell_tags, resolve_tags
from nbtrack.ui.cells import history
from nbtrack.ui.cells.history import history_of
from tests.ui.conftest import Notebook


def stored(notebook: Notebook) -> list[ExecutedCell]:
    """What another process finds of the session."""
    return default_tracker._store().cell_sessions.read(history_of(notebook.shell).session_id)


def cell_of(run: Run) -> tuple[str | None, str | None]:
    return run.data.tags.get("nbtrack.session"), run.data.tags.get("nbtrack.cell.number")


def test_every_cell_is_numbered_as_in_the_notebook_and_kept_from_the_first(bare_notebook: Notebook) -> None:
    bare_notebook.value("early = 1")
    bare_notebook.run("1 / 0")
    bare_notebook.value("%load_ext nbtrack\nimport nbtrack")
    bare_notebook.value("x = 2")
    bare_notebook.run("1 / 0")

    bare_notebook.value("%%track\nx + early")

    cells = stored(bare_notebook)
    assert [(cell.number, cell.status, cell.source) for cell in cells] == [
        (1, "ok", "early = 1"),
        (2, "unknown", "1 / 0"),
        (3, "ok", "%load_ext nbtrack\nimport nbtrack"),
        (4, "ok", "x = 2"),
        (5, "failed", "1 / 0"),
        (6, "ok", "%%track\nx + early"),
    ]
    assert bare_notebook.shell.user_ns["In"][6] == "# %%track\nx + early"
    assert cells[0].start_time == 0
    assert cells[3].start_time <= (cells[3].end_time or 0) <= cells[5].start_time


def test_nothing_is_written_before_there_is_a_run(notebook: Notebook) -> None:
    notebook.value("x = 1")
    assert not Path(".nbtrack").exists()

    notebook.value("run = nbtrack.start_run()\nnbtrack.end_run()")

    assert [cell.number for cell in stored(notebook)] == [1, 2, 3]


def test_a_cell_is_running_while_it_runs(notebook: Notebook) -> None:
    notebook.shell.user_ns["look"] = lambda: stored(notebook)[-1]

    seen = notebook.value("%%track --quiet\nlook()")

    assert (seen.number, seen.status, seen.end_time) == (2, "running", None)
    assert stored(notebook)[-1].status == "ok"

    seen = notebook.value("look()")

    assert (seen.number, seen.status, seen.source) == (3, "running", "look()")


def test_a_text_that_is_executed_again_is_written_once(notebook: Notebook) -> None:
    text = f"x = {'word ' * 1000!r}"
    notebook.value("with nbtrack.start_run():\n    pass")
    for _ in range(50):
        notebook.value(text)

    (file,) = Path(".nbtrack/sessions").iterdir()
    assert file.stat().st_size < 5 * len(text)
    assert [cell.source for cell in stored(notebook)[2:]] == [text] * 50
    held = history_of(notebook.shell).cells()[2:]
    assert len({id(cell.source) for cell in held}) == 1


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("x = 1\ny = 2\nif x:\n    y = 3\n    1 / 0\nz = 4", 3),
        ("\n\nx = 1\n1 / 0", 4),
        ("def f():\n    1 / 0\n\nf()", 4),
        ("x = [\n    1,\n    1 / 0,\n]\ny = 2", 1),
        ("def no(f):\n    1 / 0\n\n@no\ndef g():\n    pass", 4),
        ("%%track\nx = 1\n1 / 0", 3),
        ("%%time\nx = 1\n1 / 0", 3),
        ("%%time\n%%track\nx = 1\nif x:\n    1 / 0", 4),
        ("%%track\n%%capture\nx = 1\nif x:\n    1 / 0", 4),
        ("%%capture\n%%track\nx = 1\n1 / 0", 4),
        ("%%capture\n\nx = 1\n1 / 0", 4),
        ("import asyncio\nawait asyncio.sleep(0)\n1 / 0", 3),
        ("%matplotlib_none\nx = 1", 1),
        ("x = 1\n%run nowhere.py\ny = 2", 2),
        ("exec('1 / 0')", 1),
        ("x = 1\nexec('1\\n2\\n3\\n1 / 0')", 2),
        ("x = (", 1),
        ("x = 1\nawait nobody", 2),
        ("raise KeyboardInterrupt", 1),
    ],
)
def test_the_line_where_a_cell_stopped_is_that_of_the_statement(
    notebook: Notebook, cell: str, line: int
) -> None:
    notebook.run(cell)

    last = history_of(notebook.shell).cells()[-1]
    assert last.status == ("interrupted" if "Keyboard" in cell else "failed")
    assert last.stopped_at == line
    assert last.source == cell


def test_what_the_names_of_a_cell_mean_is_kept(notebook: Notebook) -> None:
    notebook.value("first = [1]\nsecond = first\nthird = 3")
    notebook.value("with nbtrack.start_run():\n    pass")

    cell = stored(notebook)[1]
    assert (cell.kinds["third"], cell.kinds["first"]) == ("value", "collection")
    assert ["first", "second"] in cell.aliases
    assert history_of(notebook.shell).cells()[1].to_dictionary() == cell.to_dictionary()


def test_cells_within_cells_are_not_counted(notebook: Notebook) -> None:
    notebook.value("shell.run_cell('y = 1')\nshell.run_cell('z = 1')")
    notebook.value("%%capture\nx = 1")
    notebook.value("%%time\nx = 1")

    assert [cell.number for cell in history_of(notebook.shell).cells()] == [1, 2, 3, 4]


def test_numbers_rise_whatever_ipython_counts(notebook: Notebook) -> None:
    notebook.shell.run_cell("a = 1", store_history=False)
    notebook.value("b = 1")
    notebook.shell.reset()
    notebook.shell.run_cell("c = 1", store_history=True)
    notebook.shell.execution_count = 100
    notebook.shell.run_cell("d = 1", store_history=True)

    cells = [(cell.number, cell.source) for cell in history_of(notebook.shell).cells()]
    assert cells[1:] == [(2, "a = 1"), (3, "b = 1"), (4, "c = 1"), (100, "d = 1")]


def test_cells_that_ran_without_the_extension_are_caught_up_with(notebook: Notebook) -> None:
    session = history_of(notebook.shell).session_id
    notebook.value("x = 1")
    notebook.value("%unload_ext nbtrack")
    notebook.value("hidden = 1")
    notebook.value("%load_ext nbtrack")
    notebook.value("y = 2")

    held = history_of(notebook.shell)
    assert held.session_id == session
    assert [(cell.source, cell.status) for cell in held.cells()][1:] == [
        ("x = 1", "ok"),
        ("%unload_ext nbtrack", "ok"),
        ("hidden = 1", "ok"),
        ("%load_ext nbtrack", "ok"),
        ("y = 2", "ok"),
    ]


def test_every_run_that_begins_in_a_cell_knows_its_cell(notebook: Notebook) -> None:
    session = history_of(notebook.shell).session_id
    notebook.shell.run_cell(
        "outer = nbtrack.start_run()\nwith nbtrack.start_run(nested=True):\n    pass",
        store_history=True,
        cell_id="abc",
    )
    notebook.value("nbtrack.end_run()\nnbtrack.log_param('implicit', 1)\nnbtrack.end_run()")
    notebook.value("%%track\nwith nbtrack.start_run():\n    pass")
    notebook.value(
        "import threading\nthread = threading.Thread(target=nbtrack.log_param, args=('a', 1))\n"
        "thread.start()\nthread.join()"
    )

    runs = notebook.runs()
    assert [cell_of(run) for run in runs] == [(session, number) for number in ("2", "2", "3", "4", "4", "5")]
    assert [run.data.tags.get("nbtrack.cell.id") for run in runs] == ["abc", "abc", None, None, None, None]


def test_runs_of_autolog_know_their_cell(notebook: Notebook) -> None:
    notebook.value(
        "from sklearn.linear_model import LinearRegression\nnbtrack.autolog(log_models=False)\n"
        "model = LinearRegression().fit([[0], [1]], [0, 1])"
    )

    assert cell_of(notebook.only_run()) == (history_of(notebook.shell).session_id, "2")


def test_runs_that_libraries_make_by_hand_know_their_cell(notebook: Notebook) -> None:
    notebook.value("tags = __import__('nbtrack.tracking.run_context', fromlist=['x']).resolve_tags()")
    notebook.value("run = nbtrack.MlflowClient().create_run('0', tags=tags)")

    session = history_of(notebook.shell).session_id
    assert cell_of(notebook.only_run()) == (session, "2")
    assert [cell.number for cell in stored(notebook)] == [1, 2, 3]


def test_runs_between_cells_and_after_unloading_claim_no_cell(notebook: Notebook) -> None:
    with nbtrack.start_run():
        pass
    assert "nbtrack.session" not in resolve_tags()

    notebook.value("%unload_ext nbtrack\nwith nbtrack.start_run():\n    pass")

    assert [cell_of(run) for run in notebook.runs()] == [(None, None)] * 2
    assert cell_tags == []


def _start_run() -> None:
    nbtrack.end_run()
    with nbtrack.start_run(run_name="child"):
        pass


def test_a_forked_process_claims_no_cell_and_writes_no_history(notebook: Notebook) -> None:
    notebook.value("with nbtrack.start_run():\n    pass")
    notebook.shell.user_ns.update(start_run=_start_run, os=os)

    notebook.value(
        "child = os.fork()\nif not child:\n    try:\n        start_run()\n    finally:\n        os._exit(0)\n"
        "os.waitpid(child, 0)"
    )

    runs = notebook.runs()
    assert [run.info.run_name for run in runs][1:] == ["child"]
    assert cell_of(runs[1]) == (None, None)
    assert [cell.status for cell in stored(notebook)] == ["ok", "ok", "ok"]


def test_cells_of_a_forked_shell_are_not_those_of_the_session(notebook: Notebook) -> None:
    notebook.value("with nbtrack.start_run():\n    pass")

    child = os.fork()
    if not child:
        try:
            notebook.run("in_child = 1")
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    assert [cell.number for cell in stored(notebook)] == [1, 2]


def test_secrets_are_in_no_file(notebook: Notebook) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    notebook.value(f"password = 'hunter2'\ntoken = {secret!r}")

    notebook.value("%%track --quiet\nshown = len(password + token)")

    files = [path.read_bytes() for path in Path(".nbtrack").rglob("*") if path.is_file()]
    assert not any(word.encode() in data for data in files for word in ("hunter2", secret))
    assert stored(notebook)[1].source == "password = '[redacted]'\ntoken = '[redacted]'"


def test_a_store_that_is_made_anew_in_the_middle_of_a_cell_gets_the_history(notebook: Notebook) -> None:
    notebook.value("with nbtrack.start_run():\n    pass")

    notebook.value("import shutil\nshutil.rmtree('.nbtrack')\nwith nbtrack.start_run():\n    pass")

    assert [cell.number for cell in stored(notebook)] == [1, 2, 3]


def test_a_spawned_process_claims_no_cell(notebook: Notebook) -> None:
    notebook.shell.user_ns.update(spawn=multiprocessing.get_context("spawn"), start_run=_start_run)

    notebook.value("child = spawn.Process(target=start_run)\nchild.start()\nchild.join()")

    assert cell_of(notebook.only_run()) == (None, None)


def test_cells_of_a_subshell_are_numbered_beside_those_of_the_main_one(notebook: Notebook) -> None:
    is_inside, may_go = threading.Event(), threading.Event()
    notebook.shell.user_ns.update(is_inside=is_inside, may_go=may_go)
    tags: list[dict[str, str]] = []

    def other() -> None:
        is_inside.wait(10)
        cells = notebook.shell.user_ns["extension"].cells
        info = type("Info", (), {"raw_cell": "other = 1", "store_history": False, "cell_id": None})()
        cells.before(info)
        tags.append(dict(resolve_tags()))
        nobodys = threading.Thread(target=lambda: tags.append(dict(resolve_tags())))
        nobodys.start()
        nobodys.join()
        cells.after(type("Result", (), {"info": info, "error_before_exec": None, "error_in_exec": None})())
        may_go.set()

    notebook.shell.user_ns["extension"] = notebook.shell._nbtrack
    thread = threading.Thread(target=other)
    thread.start()
    notebook.value("is_inside.set()\nmay_go.wait(10)")
    thread.join()

    assert tags[0]["nbtrack.cell.number"] == "3"
    assert "nbtrack.session" not in tags[1]
    assert [(cell.number, cell.status) for cell in history_of(notebook.shell).cells()][1:] == [
        (2, "ok"),
        (3, "ok"),
    ]


def test_another_store_gets_the_whole_history_too(notebook: Notebook, tmp_path: Path) -> None:
    notebook.value("with nbtrack.start_run():\n    pass")
    notebook.value(f"other = nbtrack.Tracker(store={str(tmp_path / 'other')!r})")
    notebook.value("with other.start_run():\n    pass")
    notebook.value("x = 1")

    session = history_of(notebook.shell).session_id
    kept = nbtrack.Tracker(store=tmp_path / "other")._store().cell_sessions.read(session)
    assert [cell.number for cell in kept] == [1, 2, 3, 4, 5]
    assert stored(notebook) == kept


def test_a_store_that_is_gone_costs_one_line_and_no_cell(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook.value("with nbtrack.start_run():\n    pass")
    Path(".nbtrack").rename("away")

    assert notebook.value("1 + 1") == 2
    assert notebook.value("1 + 2") == 3

    said = capsys.readouterr().err
    assert said.count("nbtrack: ") == 1
    assert "history" in said

    notebook.value("%%track --quiet\n1")

    assert [cell.number for cell in stored(notebook)] == [1, 2, 3, 4, 5]


def test_a_huge_session_gives_up_its_first_cells_in_memory_alone(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_MOST_CELLS", 10)
    notebook.value("with nbtrack.start_run():\n    pass")
    for index in range(30):
        notebook.value(f"x = {index}")

    held = history_of(notebook.shell)
    assert held.forgotten >= 20
    assert len(held._cells) <= 10
    assert [cell.number for cell in held.cells()] == list(range(1, 33))
    assert [cell.source for cell in held.cells()] == [cell.source for cell in stored(notebook)]
