"""How a script ends, and the status that another process then reads: the truth table.

Each line of the table is a script of its own, with the interpreter's whole life and death.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from nbtrack.core.entities import Run, RunStatus
from nbtrack.tracking.tracker import Tracker
from tests.faults.children import PATIENCE, ROOT, WarmParent, run_script
from tests.faults.test_kills import log_for_ever

FINISHED, FAILED, KILLED = RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED

BEGINNING = """
import os, signal, sys
import nbtrack
signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, whoever starts this
nbtrack.set_tracking_uri("store")
"""

INSIDE = (
    BEGINNING
    + """
with nbtrack.start_run():
    nbtrack.log_metric("loss", 0.5)
    {end}
"""
)

OUTSIDE = (
    BEGINNING
    + """
nbtrack.start_run()
nbtrack.log_metric("loss", 0.5)
{end}
"""
)

LET_GO = (
    BEGINNING
    + """
def train():
    nbtrack.Tracker(store="store").start_run().log_metric("loss", 0.5)
train()
import gc; gc.collect()
{end}
"""
)


class Case(NamedTuple):
    """One line of the table."""

    program: str
    end: str
    status: str
    code: int
    error: str = ""
    """How the tag nbtrack.error begins; empty when there is none."""
    interrupted: bool = False
    says: str = ""
    """What the script's standard error ends with."""


CTRL_C = "os.kill(os.getpid(), signal.SIGINT); [i for i in range(10**7)]"
"""The signal, and then something that it can interrupt."""

TABLE = {
    "the end of the block": Case(INSIDE, "pass", FINISHED, 0),
    "the end of the script": Case(OUTSIDE, "pass", FINISHED, 0),
    "end_run": Case(OUTSIDE, "nbtrack.end_run('FAILED')", FAILED, 0),
    "an exception in the block": Case(
        INSIDE, "raise ValueError('bad')", FAILED, 1, "ValueError: bad", says="ValueError: bad\n"
    ),
    "an exception, the run left active": Case(
        OUTSIDE, "raise ValueError('bad')", FAILED, 1, "ValueError: bad", says="ValueError: bad\n"
    ),
    "sys.exit() in the block": Case(INSIDE, "sys.exit()", FINISHED, 0),
    "sys.exit(0) in the block": Case(INSIDE, "sys.exit(0)", FINISHED, 0),
    "sys.exit(1) in the block": Case(INSIDE, "sys.exit(1)", FAILED, 1, "SystemExit: 1"),
    "sys.exit('why') in the block": Case(
        INSIDE, "sys.exit('why')", FAILED, 1, "SystemExit: why", says="why\n"
    ),
    "sys.exit(0), the run left active": Case(OUTSIDE, "sys.exit(0)", FINISHED, 0),
    # Python tells nobody with which code it is about to exit: that is what `with` is for.
    "sys.exit(1), the run left active": Case(OUTSIDE, "sys.exit(1)", FINISHED, 1),
    "an interrupt in the block": Case(
        INSIDE, CTRL_C, FAILED, -signal.SIGINT, "KeyboardInterrupt", True, "KeyboardInterrupt\n"
    ),
    "an interrupt, the run left active": Case(
        OUTSIDE, CTRL_C, FAILED, -signal.SIGINT, "KeyboardInterrupt", True, "KeyboardInterrupt\n"
    ),
    "a second interrupt while the first is handled": Case(
        INSIDE,
        f"""
    try:
        {CTRL_C}
    finally:
        {CTRL_C}
""",
        FAILED,
        -signal.SIGINT,
        "KeyboardInterrupt",
        True,
        "KeyboardInterrupt\n",
    ),
    "a polite end (SIGTERM)": Case(INSIDE, "os.kill(os.getpid(), signal.SIGTERM)", KILLED, -signal.SIGTERM),
    "a polite end that the script turns into an exit": Case(
        OUTSIDE,
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); os.kill(os.getpid(), signal.SIGTERM)",
        FINISHED,
        0,
    ),
    "a kill (SIGKILL)": Case(INSIDE, "os.kill(os.getpid(), signal.SIGKILL)", KILLED, -signal.SIGKILL),
    "a crash (SIGSEGV)": Case(INSIDE, "os.kill(os.getpid(), signal.SIGSEGV)", KILLED, -signal.SIGSEGV),
    "a hung up terminal (SIGHUP)": Case(
        # Under `nohup` it would be ignored.
        OUTSIDE,
        "signal.signal(signal.SIGHUP, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGHUP)",
        KILLED,
        -signal.SIGHUP,
    ),
    "os._exit(0)": Case(INSIDE, "os._exit(0)", KILLED, 0),
    "os.abort()": Case(OUTSIDE, "os.abort()", KILLED, -signal.SIGABRT),
    "a tracker that nobody holds any more": Case(LET_GO, "pass", FINISHED, 0),
    "an exception after the tracker was let go": Case(
        LET_GO, "1 / 0", FAILED, 1, "ZeroDivisionError", says="division by zero\n"
    ),
}


def read(store: Path) -> Run:
    """The only run of a store, as another process reads it."""
    tracker = Tracker(store=store)
    (run,) = tracker.search_runs(output_format="list")
    tracker.close()
    return run


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_the_status_says_how_the_script_ended(case: Case, tmp_path: Path) -> None:
    done = run_script(case.program.format(end=case.end), folder=tmp_path)

    run = read(tmp_path / "store")
    assert run.info.status == case.status
    assert done.returncode == case.code
    assert run.data.metrics == {"loss": 0.5}
    assert run.data.tags.get("nbtrack.error", "").startswith(case.error)
    assert ("nbtrack.error" in run.data.tags) == bool(case.error)
    assert run.data.tags.get("nbtrack.interrupted") == ("true" if case.interrupted else None)
    assert (run.info.end_time or 0) >= run.info.start_time
    # Nothing of ours: only what the script's own end says.
    assert done.stderr.endswith(case.says)
    assert ("Traceback" in done.stderr) == bool(case.says and case.says != "why\n")
    assert "nbtrack/" not in done.stderr


NESTED = (
    BEGINNING
    + """
with nbtrack.start_run(run_name="outer"):
    with nbtrack.start_run(run_name="good", nested=True):
        pass
    with nbtrack.start_run(run_name="bad", nested=True):
        raise ValueError("bad")
"""
)


def test_each_of_nested_runs_has_its_own_status(tmp_path: Path) -> None:
    run_script(NESTED, folder=tmp_path)

    tracker = Tracker(store=tmp_path / "store")
    found = {run.info.run_name: run.info.status for run in tracker.search_runs(output_format="list")}
    tracker.close()
    assert found == {"outer": FAILED, "good": FINISHED, "bad": FAILED}


PROMPT = """
import nbtrack
nbtrack.set_tracking_uri("store")
run = nbtrack.start_run()
nbtrack.no_such_thing
nbtrack.log_metric("loss", 0.5)
exit()
"""


def test_a_slip_at_the_prompt_does_not_fail_the_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-i", "-q"],
        input=PROMPT,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert "no_such_thing" in done.stderr
    run = read(tmp_path / "store")
    assert (run.info.status, run.data.metrics) == (FINISHED, {"loss": 0.5})


# ---- while it lasts ----------------------------------------------------------------------------


def test_a_stopped_writer_is_not_taken_for_dead(children: WarmParent, tmp_path: Path) -> None:
    child = children.start(log_for_ever, tmp_path / "store", "stopped")
    child.wait_for(200)
    child.kill(signal.SIGSTOP)

    assert read(tmp_path / "store").info.status == RunStatus.RUNNING
    child.kill(signal.SIGCONT)
    child.wait_for(len(child.acks) + 100)
    assert read(tmp_path / "store").info.status == RunStatus.RUNNING
    child.kill()
    child.end()
    assert read(tmp_path / "store").info.status == KILLED


def test_a_dead_writer_is_seen_before_anybody_has_waited_for_it(children: WarmParent, tmp_path: Path) -> None:
    """A process that nobody has waited for yet is a zombie: it has a pid, and is dead."""
    child = children.start(log_for_ever, tmp_path / "store", "zombie")
    child.wait_for(100)
    child.kill()
    while child.is_busy():
        pass

    assert Path(f"/proc/{child.pid}").exists()
    assert read(tmp_path / "store").info.status == KILLED
    child.end()


def test_a_killed_run_can_be_resumed_and_ended(children: WarmParent, tmp_path: Path) -> None:
    child = children.start(log_for_ever, tmp_path / "store", "resumed")
    child.wait_for(100)
    child.kill()
    child.end()
    before = read(tmp_path / "store")

    tracker = Tracker(store=tmp_path / "store")
    with tracker.start_run(run_id=before.info.run_id) as run:
        assert run.info.status == RunStatus.RUNNING
    tracker.close()

    assert (before.info.status, read(tmp_path / "store").info.status) == (KILLED, FINISHED)


# ---- the control -------------------------------------------------------------------------------

LYING = """
import nbtrack.tracking.tracker
nbtrack.tracking.tracker._end_at_exit = lambda tracker: None
"""


def test_the_table_sees_an_exit_that_ends_nothing(tmp_path: Path) -> None:
    """Without what runs at exit, a run left active looks as if its process had been killed."""
    case = TABLE["the end of the script"]

    run_script(LYING + case.program.format(end=case.end), folder=tmp_path)

    assert read(tmp_path / "store").info.status == KILLED
