"""What waits for the end of the cell is done then; in a script, at its end."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbtrack.tracking.autolog import cell_end


@pytest.fixture
def shell() -> Iterator[Any]:
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


CELL = """
from nbtrack.tracking.autolog import cell_end
ended = []
cell_end.at_end(ended.append)
assert ended == []
"""


def test_it_is_done_once_when_the_cell_has_ended(shell: Any) -> None:
    shell.run_cell(CELL).raise_error()
    shell.run_cell("again = list(ended)")
    shell.run_cell("more = list(ended)")

    assert shell.user_ns["again"] == shell.user_ns["more"] == [None]
    assert shell.events.callbacks["post_run_cell"] == []


def test_it_is_told_what_ended_the_cell(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell(CELL + "1 / 0")

    (error,) = shell.user_ns["ended"]
    assert isinstance(error, ZeroDivisionError)


def test_what_a_thread_is_at_work_on_waits_for_the_thread(shell: Any) -> None:
    shell.run_cell(
        """
import threading
from nbtrack.tracking.autolog import cell_end
ended, begun, over = [], threading.Event(), threading.Event()

def work():
    cell_end.at_end(ended.append, thread=threading.current_thread())
    begun.set()
    over.wait(30)

thread = threading.Thread(target=work)
thread.start()
begun.wait(30)
"""
    ).raise_error()
    shell.run_cell("meanwhile = list(ended); over.set(); thread.join()")
    shell.run_cell("later = list(ended)")

    assert shell.user_ns["meanwhile"] == []
    assert shell.user_ns["later"] == [None]


def test_what_is_asked_for_at_the_end_is_done_as_well() -> None:
    ended: list[str] = []

    def first(error: BaseException | None) -> None:
        ended.append("first")
        cell_end.at_end(lambda error: ended.append("second"))

    cell_end.at_end(first)
    cell_end.end(None)

    assert ended == ["first", "second"]


def test_one_that_fails_costs_no_other() -> None:
    ended: list[str] = []

    def fail(error: BaseException | None) -> None:
        raise OSError("full")

    cell_end.at_end(fail)
    cell_end.at_end(lambda error: ended.append("second"))

    with pytest.warns(RuntimeWarning, match="could not record all of the end of the cell: OSError: full"):
        cell_end.end(None)

    assert ended == ["second"]


SCRIPT = """
import multiprocessing, os, sys
import nbtrack
from nbtrack.tracking.autolog import options, sessions

def train(name):
    options.choose("toy", {**options.COMMON}, own=True)
    session = sessions.open_loop("toy", name)
    session.before_run_ends(lambda: session.run.log_metric("last", 1))

if __name__ == "__main__":
    child = multiprocessing.get_context("fork").Process(target=train, args=("child",))
    child.start()
    child.join()
    assert child.exitcode == 0
    train("script")
    if sys.argv[1:]:
        raise ValueError("bad")
"""


@pytest.mark.parametrize("fails", [False, True])
def test_a_script_and_its_workers_end_their_loops(tmp_path: Path, fails: bool) -> None:
    import nbtrack

    Path("loop.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "loop.py", *(["fail"] if fails else [])], capture_output=True, text=True, timeout=60
    )

    script, child = nbtrack.search_runs(output_format="list")
    assert done.stderr.count("nbtrack: recorded script-") == 1
    assert done.stderr.count("nbtrack: recorded child-") == 1
    assert child.info.status == "FINISHED"
    assert script.info.status == ("FAILED" if fails else "FINISHED")
    assert child.data.metrics == script.data.metrics == {"last": 1}
