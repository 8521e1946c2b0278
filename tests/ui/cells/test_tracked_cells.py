"""Tracked cells in a real IPython shell: the cell runs as any other, and its run tells what it did."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import ExecutionInfo

import nbtrack
from nbtrack.core.entities import Run
from nbtrack.core.errors import StoreError
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.fluent import default_tracker
from nbtrack.ui.cells import tracked_cells
from tests.ui.conftest import Notebook


def code_of(run: Run, file: str = "cell.py") -> str:
    return default_tracker.load_text(run.info.run_id, file)


def artifacts_of(run: Run) -> list[str]:
    return [info.path for info in default_tracker.list_artifacts(run.info.run_id)]


def test_a_cell_becomes_a_run_with_its_code_params_metrics_and_card(notebook: Notebook) -> None:
    cell = "%%track first -p lr=0.1 -t team=nlp\nfor i in range(3):\n    nbtrack.log_metric('loss', 3 - i, i)"

    notebook.value(cell)

    run = notebook.only_run()
    assert (run.info.run_name, run.info.status, run.info.experiment_id) == ("first", "FINISHED", "0")
    assert run.info.end_time is not None
    assert run.data.params == {"lr": "0.1"}
    assert run.data.metrics == {"loss": 1.0}
    assert run.data.tags["team"] == "nlp"
    assert code_of(run) == cell
    (card,) = notebook.cards
    for word in ("✓ FINISHED", "first", run.info.run_id, "lr", "0.1", "loss", "team"):
        assert word in card
        assert word in notebook.pages[0]
    assert "<summary>code</summary>" in notebook.pages[0]
    assert nbtrack.active_run() is None


def test_no_secret_of_the_code_is_kept(notebook: Notebook) -> None:
    notebook.value("%%track\napi_key = 'canary'\nlr = 0.1")

    assert code_of(notebook.only_run()) == "%%track\napi_key = '[redacted]'\nlr = 0.1"
    assert "canary" not in notebook.cards[0] + notebook.pages[0]
    assert notebook.value("api_key") == "canary"


def test_the_last_value_out_and_line_numbers_are_the_cells_own(notebook: Notebook) -> None:
    assert notebook.value("%%track\nx = 20\nx + 1") == 21
    assert notebook.value("Out[2], _, In[2]") == (21, 21, notebook.shell.user_ns["In"][2])

    result = notebook.run("%%track\n\ndef f():\n    return 1 / 0\nf()")

    trace = result.error_in_exec.__traceback__
    lines = []
    while trace is not None:
        lines.append(trace.tb_lineno)
        trace = trace.tb_next
    assert lines[-2:] == [5, 4]


def test_top_level_await_works(notebook: Notebook) -> None:
    assert notebook.value("%%track\nimport asyncio\nawait asyncio.sleep(0, 'slept')") == "slept"
    assert notebook.only_run().info.status == "FINISHED"


def test_a_failing_cell_fails_and_its_run_says_why(notebook: Notebook) -> None:
    result = notebook.run("%%track\ndef divide(a):\n    return a / 0\ndivide(1)")

    assert isinstance(result.error_in_exec, ZeroDivisionError)
    run = notebook.only_run()
    assert run.info.status == "FAILED"
    assert run.data.tags["nbtrack.error"] == "ZeroDivisionError: division by zero"
    assert "✗ FAILED" in notebook.cards[-1]
    assert "ZeroDivisionError: division by zero" in notebook.cards[-1]
    trace = code_of(run, "traceback.txt").splitlines()
    assert trace[:3] == [
        "Traceback (most recent call last):",
        '  File "Cell In[2]", line 4, in <module>',
        "    divide(1)",
    ]
    assert trace[-1] == "ZeroDivisionError: division by zero"


def test_the_traceback_of_a_chain_names_cells_everywhere(notebook: Notebook) -> None:
    notebook.run(
        "%%track\ntry:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('odd') from error"
    )

    trace = code_of(notebook.only_run(), "traceback.txt")
    assert trace.count('File "Cell In[2]"') == 2
    assert "ipykernel" not in trace
    assert "IPython" not in trace


@pytest.mark.parametrize("cell", ["%%track\nx = (", "%%track\n  x\n y", "%%track\n%matplotlib_no_such_magic"])
def test_a_cell_that_cannot_start_is_a_failed_run(notebook: Notebook, cell: str) -> None:
    assert not notebook.run(cell).success
    assert notebook.only_run().info.status == "FAILED"
    assert "traceback.txt" in artifacts_of(notebook.only_run())


@pytest.mark.parametrize(
    ("leave", "status"),
    [
        ("raise KeyboardInterrupt", "KILLED"),
        ("import asyncio\nraise asyncio.CancelledError", "KILLED"),
        ("import sys\nsys.exit()", "FINISHED"),
        ("import sys\nsys.exit(3)", "FAILED"),
        ("class Empty(Exception):\n    __len__ = lambda self: 0\nraise Empty", "FAILED"),
    ],
)
@pytest.mark.filterwarnings("ignore:To exit")
def test_how_a_cell_is_left_is_the_status_of_its_run(notebook: Notebook, leave: str, status: str) -> None:
    result = notebook.run(f"%%track\n{leave}")

    assert not result.success
    assert notebook.only_run().info.status == status
    assert ("nbtrack.interrupted" in notebook.only_run().data.tags) == (status == "KILLED")
    assert nbtrack.active_run() is None


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("other", ["%%time", "%%timeit -n1 -r1", "%%capture out", "%%prun -q"])
def test_it_stacks_with_other_cell_magics_in_both_orders(notebook: Notebook, other: str, above: bool) -> None:
    head = f"{other}\n%%track stacked" if above else f"%%track stacked\n{other}"

    result = notebook.run(f"{head}\nnbtrack.log_metric('n', 7)")
    failing = notebook.run(f"{head}\nnbtrack.log_metric('n', 8)\n1/0")

    assert result.success
    # IPython's own %%capture reports success whatever happens in it; all others fail.
    assert failing.success == other.startswith("%%capture")
    good, bad = notebook.runs()
    assert [run.info.status for run in (good, bad)] == ["FINISHED", "FAILED"]
    assert [run.data.metrics for run in (good, bad)] == [{"n": 7}, {"n": 8}]
    assert code_of(good).startswith(head)
    assert "ZeroDivisionError" in code_of(bad, "traceback.txt")
    assert ["FINISHED" in notebook.cards[-2], "FAILED" in notebook.cards[-1]] == [True, True]


@pytest.mark.parametrize(
    "body",
    ["%run bad.py", "class Odd:\n    def __repr__(self):\n        1 / 0\nOdd()", "%%capture\n%run bad.py"],
)
def test_a_traceback_that_is_shown_is_a_failure_though_ipython_reports_success(
    notebook: Notebook, body: str
) -> None:
    Path("bad.py").write_text("1 / 0\n")

    assert notebook.run(f"%%track\n{body}").success
    notebook.value("%%track\n%tb")

    failed, good = notebook.runs()
    assert (failed.info.status, good.info.status) == ("FAILED", "FINISHED")
    assert failed.data.tags["nbtrack.error"] == "ZeroDivisionError: division by zero"
    assert "1 / 0" in code_of(failed, "traceback.txt")


def test_time_prints_above_the_card_and_gives_the_value(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    assert notebook.value("%%track\n%%time\n6 * 7") == 42
    assert "Wall time" in capsys.readouterr().out


def test_an_interrupt_inside_capture_is_killed(notebook: Notebook) -> None:
    notebook.run("%%track\n%%capture\nraise KeyboardInterrupt")

    assert notebook.only_run().info.status == "KILLED"


def test_track_alone_and_comments_are_runs_of_nothing(notebook: Notebook) -> None:
    for cell in ("%%track", "%%track\n", "%%track\n\n  \n", "%%track\n# later"):
        assert notebook.run(cell).success

    assert [run.info.status for run in notebook.runs()] == ["FINISHED"] * 4


def test_names_and_values_are_kept_letter_by_letter(notebook: Notebook) -> None:
    notebook.value("""%%track "größte Ölmühle 日本 🦦" -p 'q="=x' -t t=it\\s -e 'a/b c'\n1""")

    run = notebook.only_run()
    assert run.info.run_name == "größte Ölmühle 日本 🦦"
    assert run.data.params == {"q": '"=x'}
    assert run.data.tags["t"] == "it\\s"
    assert default_tracker.get_experiment(run.info.experiment_id).name == "a/b c"


def test_variables_are_filled_in_before_the_cell_runs(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook.value("text = 'it\\'s -p a=b --quiet'; cfg = {'a b': 0.5}; self = 3; cell = 4")

    notebook.value(
        "%%track $text -p lr={cfg['a b']*2} -p s={self} -p c=$cell -p raw='$text' -p no={later}\nlater = 1"
    )

    run = notebook.only_run()
    assert run.info.run_name == "it's -p a=b --quiet"
    assert run.data.params == {"lr": "1.0", "s": "3", "c": "4", "raw": "$text", "no": "{later}", "later": "1"}
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("nbtrack: no={later} stays as it is (NameError: name 'later' is not defined)")


def test_quiet_shows_no_card(notebook: Notebook) -> None:
    notebook.value("%%track --quiet\n1")

    assert notebook.cards == []
    assert notebook.only_run().info.status == "FINISHED"


@pytest.mark.parametrize("body", ["\nran = True", ""])
@pytest.mark.parametrize(
    "line", ["%%track --bogus", "%%track -p lr", "%%track it's", "%%time\n%%track --bogus"]
)
def test_a_mistake_in_the_line_is_told_in_one_line_and_nothing_runs(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], line: str, body: str
) -> None:
    result = notebook.run(line + body)

    captured = capsys.readouterr()
    (said,) = captured.err.splitlines()
    assert said.startswith("UsageError: %%track: ")
    assert "Traceback" not in captured.out
    assert not result.success
    assert "ran" not in notebook.shell.user_ns
    assert notebook.runs() == []


def test_help_is_shown_and_nothing_runs(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    for cell in ("%%track --help\nran = True", "%%track -h", "%%track?"):
        assert notebook.run(cell).success
        assert "Examples:" in capsys.readouterr().out

    assert "ran" not in notebook.shell.user_ns
    assert notebook.runs() == []


def test_two_track_lines_are_one_too_many(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    assert not notebook.run("%%track a\n%%track b\n1").success
    assert "%%track stands once" in capsys.readouterr().err


def test_cells_in_a_row_and_again_are_runs_of_their_own(notebook: Notebook) -> None:
    for cell in ("%%track a\n1", "%%track b\n2", "%%track a\n1"):
        notebook.value(cell)

    runs = notebook.runs()
    assert [run.info.run_name for run in runs] == ["a", "b", "a"]
    assert len({run.info.run_id for run in runs}) == 3
    assert all("mlflow.parentRunId" not in run.data.tags for run in runs)


def test_a_run_that_is_active_stays_so_beside_the_cells(notebook: Notebook) -> None:
    notebook.value("outer = nbtrack.start_run(run_name='outer')")

    notebook.value("%%track beside\nnbtrack.log_metric('m', 1)")
    notebook.value("%%track child --nested\nnbtrack.log_metric('m', 2)")
    notebook.value("nbtrack.log_metric('m', 3)\nassert nbtrack.active_run().run_id == outer.run_id")

    outer, beside, child = notebook.runs()
    assert [run.data.metrics["m"] for run in (outer, beside, child)] == [3, 1, 2]
    assert [run.info.status for run in (outer, beside, child)] == ["RUNNING", "FINISHED", "FINISHED"]
    assert "mlflow.parentRunId" not in beside.data.tags
    assert child.data.tags["mlflow.parentRunId"] == outer.info.run_id


def test_nested_without_an_active_run_is_a_run_of_its_own(notebook: Notebook) -> None:
    notebook.value("%%track --nested\n1")

    assert "mlflow.parentRunId" not in notebook.only_run().data.tags


def test_runs_that_the_cell_starts_are_nested_in_its_run(notebook: Notebook) -> None:
    notebook.value(
        "%%track sweep -e digits\nfor lr in (1, 2):\n    with nbtrack.start_run(run_name=f'{lr}'):\n"
        "        nbtrack.log_metric('loss', lr)"
    )

    sweep, *children = notebook.runs()
    assert [child.data.tags["mlflow.parentRunId"] for child in children] == [sweep.info.run_id] * 2
    assert {run.info.experiment_id for run in children} == {sweep.info.experiment_id} != {"0"}
    assert default_tracker.experiment is None


def test_the_card_shows_the_runs_that_the_cell_started(notebook: Notebook) -> None:
    notebook.value(
        "%%track sweep\nfor i in range(60):\n    with nbtrack.start_run(run_name=f'trial-{i}'):\n"
        "        nbtrack.log_metric('loss', i)\n        nbtrack.log_param('i', i)"
    )

    (card,) = notebook.cards
    assert card.count("trial-") == 10
    assert "60 runs, 10 of them below" in card
    assert "same in all" not in card
    assert "<td" in notebook.pages[0]


def test_an_experiment_chosen_in_the_cell_stays_chosen(notebook: Notebook) -> None:
    notebook.value("%%track -e digits\nnbtrack.set_experiment('other')")

    assert default_tracker.experiment == "other"


def test_runs_left_open_in_the_cell_end_with_it(notebook: Notebook) -> None:
    notebook.run(
        "%%track outer\nnbtrack.start_run(run_name='inner')\n"
        "nbtrack.start_run(run_name='innermost', nested=True)\n1/0"
    )

    assert [(run.info.run_name, run.info.status) for run in notebook.runs()] == [
        ("outer", "FAILED"),
        ("inner", "FAILED"),
        ("innermost", "FAILED"),
    ]
    assert nbtrack.active_run() is None


def test_a_run_ended_in_the_cell_keeps_its_status_and_what_follows_ends_too(notebook: Notebook) -> None:
    notebook.value("%%track ended\nnbtrack.end_run('KILLED')\nnbtrack.log_metric('m', 1)")

    ended, implicit = notebook.runs()
    assert (ended.info.status, implicit.info.status) == ("KILLED", "FINISHED")
    assert implicit.data.metrics == {"m": 1}
    assert "■ KILLED" in notebook.cards[-1]
    assert nbtrack.active_run() is None


def test_the_card_shows_the_run_also_when_the_cell_changed_the_store(
    notebook: Notebook, tmp_path: Path
) -> None:
    notebook.value(
        f"%%track here\nnbtrack.log_metric('m', 1)\nnbtrack.set_tracking_uri({str(tmp_path / 'there')!r})"
    )

    assert "✓ FINISHED" in notebook.cards[-1]
    assert "here" in notebook.cards[-1]
    assert notebook.runs() == []


def test_resume_goes_on_with_a_run_and_keeps_each_cells_code(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook.run("%%track first -p lr=1\nnbtrack.log_metric('m', 1, step=1)\n1/0")
    run_id = notebook.only_run().info.run_id

    notebook.value(f"%%track --resume {run_id} -p more=2\nnbtrack.log_metric('m', 2, step=2)")
    notebook.value(f"run_id = {run_id!r}")
    notebook.value("%%track --resume {run_id} -p lr=5\n3")

    run = notebook.only_run()
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "first"
    assert run.data.params == {"lr": "1", "more": "2"}
    assert run.data.summaries["m"].count == 2
    assert artifacts_of(run) == ["cell-2.py", "cell-3.py", "cell.py", "slice.json", "traceback.txt"]
    assert "more=2" in code_of(run, "cell-2.py")
    (said,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("nbtrack")]
    assert "'lr'" in said


@pytest.mark.parametrize("options", ["--resume 0123456789abcdef", "--resume 'no id'", "-e gone", "-e ' '"])
def test_what_cannot_be_resumed_is_recorded_as_a_new_run(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], options: str
) -> None:
    gone = default_tracker.create_experiment("gone")
    delete_experiment(gone)

    assert notebook.value(f"%%track new {options}\nnbtrack.log_metric('m', 1)\n5") == 5

    (said,) = capsys.readouterr().err.splitlines()
    assert said.endswith("The cell is recorded as a new run of the active experiment instead.")
    assert notebook.only_run().data.metrics == {"m": 1}


def delete_experiment(experiment_id: str) -> None:
    table = default_tracker._store().documents.table("experiments")
    table.update({"lifecycle_stage": "deleted"}, lambda found: found["experiment_id"] == experiment_id)


def test_a_run_that_is_active_is_not_resumed_twice(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = notebook.value("run = nbtrack.start_run()\nrun.run_id")

    notebook.value(f"%%track --resume {run_id}\nnbtrack.log_metric('m', 1)")

    assert "already active" in capsys.readouterr().err
    assert notebook.only_run().info.status == "RUNNING"
    assert notebook.value("nbtrack.active_run() is run")


def test_cells_within_a_cell_are_its_work_and_their_failure_is_its_own(notebook: Notebook) -> None:
    assert notebook.run(
        "%%track outer\nshell.run_cell('%%track inner\\nnbtrack.log_metric(\"m\", 1)')\n''"
    ).success
    assert notebook.run("%%track outer2\nshell.run_cell('1/0')\nshell.run_cell('2')\n''").success

    outer, second = notebook.runs()
    assert (outer.info.status, second.info.status) == ("FINISHED", "FAILED")
    assert outer.data.metrics == {"m": 1}


def test_a_tracked_cell_within_one_that_is_not_is_tracked(notebook: Notebook) -> None:
    notebook.value(
        "shell.run_cell('%%track inner\\nnbtrack.log_metric(\"m\", 1)')\nassert not nbtrack.active_run()"
    )

    assert notebook.only_run().data.metrics == {"m": 1}
    assert notebook.only_run().info.status == "FINISHED"


def test_asking_whether_a_cell_is_complete_and_transforming_it_starts_nothing(notebook: Notebook) -> None:
    notebook.shell.check_complete("%%track a\n1\n\n")
    for _ in range(3):
        notebook.shell.transform_cell("%%track a\n1")
    notebook.shell.run_cell("%%track a\n1", silent=True)

    assert notebook.runs() == []


def test_switched_off_the_cell_runs_and_nothing_is_shown(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "1")

    assert notebook.value("%%track a -e x -p lr=1\nnbtrack.log_metric('m', 1)\nnbtrack.start_run()\n5") == 5
    assert not notebook.run("%%track --resume abc\n1/0").success

    assert notebook.cards == []
    assert capsys.readouterr().err == ""
    assert nbtrack.active_run() is None
    assert not Path(".nbtrack").exists()


def test_a_store_that_cannot_be_made_is_told_in_one_line_and_the_cell_runs(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("")
    default_tracker.store = str(tmp_path / "foreign")

    value = notebook.value(
        "%%track a -e x -p lr=1\nnbtrack.log_metric('m', 1)\n"
        "with nbtrack.start_run() as run:\n    run.log_param('x', 1)\n5"
    )

    assert value == 5
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("nbtrack: ")
    assert "thesis.tex" in said
    assert said.endswith("This cell is not recorded.")
    assert notebook.cards == []
    assert nbtrack.active_run() is None
    assert os.listdir(tmp_path / "foreign") == ["thesis.tex"]


@pytest.mark.parametrize("broken", ["_start", "_end", "_options_of", "_running"])
def test_an_error_of_ours_is_one_line_and_never_fails_the_cell(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    def fail(*_: object) -> None:
        raise AttributeError("a bug\nof ours")

    monkeypatch.setattr(tracked_cells.TrackedCells, broken, fail)
    assert notebook.value("%%track a\n5") == 5
    monkeypatch.undo()

    captured = capsys.readouterr()
    assert "AttributeError: a bug of ours" in captured.err
    assert all(line.startswith("nbtrack: ") for line in captured.err.splitlines())
    assert "Traceback" not in captured.out
    assert notebook.value("%%track b\n6") == 6
    assert notebook.runs()[-1].info.run_name == "b"
    assert notebook.runs()[-1].info.status == "FINISHED"


def test_an_interrupt_while_the_run_is_being_ended_leaves_no_run_active(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(tracked_cells, "traceback_text", interrupt)
    notebook.run("%%track a\n1/0")

    assert nbtrack.active_run() is None
    assert notebook.only_run().info.status == "FAILED"


def test_a_cell_torn_out_of_its_event_loop_is_killed(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(coroutine: Any) -> None:
        coroutine.send(None)
        coroutine.close()
        raise KeyboardInterrupt

    notebook.value("import types\n@types.coroutine\ndef forever():\n    while True:\n        yield")
    monkeypatch.setattr(notebook.shell, "loop_runner", torn)
    notebook.run("%%track a\nawait forever()")
    monkeypatch.undo()

    assert notebook.only_run().info.status == "KILLED"
    assert nbtrack.active_run() is None
    notebook.value("%%track b\n1")
    assert [run.info.status for run in notebook.runs()] == ["KILLED", "FINISHED"]


def test_a_cell_whose_end_was_never_told_ends_when_the_next_one_begins(notebook: Notebook) -> None:
    requests = iter(["first", "second", "second"])
    kernel = SimpleNamespace(get_parent=lambda: {"header": {"msg_id": next(requests)}})
    notebook.shell.kernel = kernel  # as ipykernel's shells have one
    notebook.shell.events.trigger("pre_run_cell", ExecutionInfo("%%track lost", True, False, True, "a"))

    notebook.value("%%track next\n1")

    assert [(run.info.run_name, run.info.status) for run in notebook.runs()] == [
        ("lost", "FINISHED"),
        ("next", "FINISHED"),
    ]


def test_a_run_that_cannot_be_ended_keeps_no_other_from_it(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finish = default_tracker.finish

    def refuse(run: ActiveRun, *arguments: Any, **options: Any) -> None:
        finish(run, *arguments, **options)
        raise StoreError("The disk is full.")

    monkeypatch.setattr(default_tracker, "finish", refuse)
    notebook.value("%%track outer\nnbtrack.start_run(run_name='inner')")

    assert [run.info.status for run in notebook.runs()] == ["FINISHED", "FINISHED"]
    assert capsys.readouterr().err == (
        "nbtrack: The disk is full. The run of this cell may not be complete.\n"
    )


def test_the_cells_id_is_kept_where_the_front_end_tells_it(notebook: Notebook) -> None:
    notebook.shell.run_cell("%%track\n1", cell_id="abc-123")

    assert notebook.only_run().data.tags["nbtrack.cell.id"] == "abc-123"


def test_cells_of_another_thread_are_not_within_this_ones(notebook: Notebook) -> None:
    notebook.value(
        "%%track outer\nimport threading\nrun = shell.run_cell\n"
        "thread = threading.Thread(target=run, args=('%%track beside\\n1/0',))\n"
        "thread.start()\nthread.join()"
    )

    assert [(run.info.run_name, run.info.status) for run in notebook.runs()] == [
        ("outer", "FINISHED"),
        ("beside", "FAILED"),
    ]


def test_a_cell_without_a_result_is_killed(notebook: Notebook) -> None:
    notebook.value("%%track a\nshell.events.trigger('post_run_cell', None)\nassert not nbtrack.active_run()")

    assert notebook.only_run().info.status == "KILLED"


def test_code_of_a_long_cell_is_kept_whole(notebook: Notebook) -> None:
    cell = "%%track\n" + "x = 'é'  # a line\n" * 5000

    notebook.value(cell)

    assert code_of(notebook.only_run()) == cell
    assert len(notebook.pages[0]) < 40_000


def test_of_a_syntax_error_the_tag_is_the_sentence(notebook: Notebook) -> None:
    notebook.run("%%track\nx = (")

    error = notebook.only_run().data.tags["nbtrack.error"]
    assert error.startswith("SyntaxError: ")
    assert "\n" not in error
    assert "\\n" not in notebook.cards[0]
