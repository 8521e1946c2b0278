"""How a script ends and what its run then says, read by another process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrack.core.entities import Run
from nbtrack.tracking.tracker import Tracker

_BEGIN = """
import os, signal, sys
import nbtrack
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin without it
nbtrack.set_tracking_uri({store!r})
"""


def run_script(body: str, store: Path) -> tuple[Run, str]:
    """Run a script of its own process; the run it made, and what it complained."""
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN.format(store=str(store)) + body],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    tracker = Tracker(store=store)
    runs = tracker.search_runs(output_format="list")
    tracker.close()
    assert len(runs) == 1, done.stderr
    return runs[0], done.stderr


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("with nbtrack.start_run(): nbtrack.log_metric('m', 1.0)", "FINISHED"),
        ("nbtrack.start_run(); nbtrack.log_metric('m', 1.0)", "FINISHED"),
        ("nbtrack.log_metric('m', 1.0)", "FINISHED"),
        ("with nbtrack.start_run(): nbtrack.log_metric('m', 1.0); sys.exit()", "FINISHED"),
        ("with nbtrack.start_run(): nbtrack.log_metric('m', 1.0); sys.exit(1)", "FAILED"),
        ("with nbtrack.start_run(): nbtrack.log_metric('m', 1.0); 1 / 0", "FAILED"),
        ("nbtrack.start_run(); nbtrack.log_metric('m', 1.0); 1 / 0", "FAILED"),
        (
            "with nbtrack.start_run(): nbtrack.log_metric('m', 1.0); os.kill(os.getpid(), signal.SIGINT)",
            "FAILED",
        ),
        ("nbtrack.start_run(); nbtrack.log_metric('m', 1.0); os.kill(os.getpid(), signal.SIGINT)", "FAILED"),
        ("nbtrack.start_run(); nbtrack.log_metric('m', 1.0); os.kill(os.getpid(), signal.SIGTERM)", "KILLED"),
        ("nbtrack.start_run(); nbtrack.log_metric('m', 1.0); os.kill(os.getpid(), signal.SIGKILL)", "KILLED"),
        ("with nbtrack.start_run(): nbtrack.log_metric('m', 1.0); os._exit(0)", "KILLED"),
    ],
)
def test_the_status_says_how_it_ended(tmp_path: Path, body: str, status: str) -> None:
    run, complaints = run_script(body, tmp_path / "store")

    assert run.info.status == status
    assert run.data.metrics == {"m": 1.0}
    assert run.info.end_time is not None
    assert run.info.end_time >= run.info.start_time
    assert "nbtrack/" not in complaints.replace("nbtrack/tests", ""), "our own frames in the user's traceback"
    if "1 / 0" in body:
        assert run.data.tags["nbtrack.error"] == "ZeroDivisionError: division by zero"
    assert run.data.tags.get("nbtrack.interrupted") == ("true" if "SIGINT" in body else None)


def test_a_stopped_writer_is_not_called_dead(tmp_path: Path) -> None:
    program = _BEGIN.format(store=str(tmp_path / "store")) + (
        "nbtrack.start_run(); nbtrack.log_metric('m', 1.0); print('ready', flush=True); sys.stdin.readline()"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    tracker = Tracker(store=tmp_path / "store")

    writer.send_signal(signal.SIGSTOP)
    os.waitpid(writer.pid, os.WUNTRACED)
    stopped = tracker.search_runs(output_format="list")[0].info.status
    writer.send_signal(signal.SIGCONT)
    writer.communicate("\n", timeout=60)

    assert stopped == "RUNNING"
    assert tracker.search_runs(output_format="list")[0].info.status == "FINISHED"
    tracker.close()


def test_an_interrupt_inside_a_log_call_reaches_the_user_and_leaves_all_in_order(tmp_path: Path) -> None:
    body = """
import random
random.seed(2026)
acknowledged = {}
interrupts = 0
with nbtrack.start_run() as run:
    run.log_metric("m", 0.0, step=-1)
    step = 0
    while interrupts < 150:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, 0.0008))
        try:
            while True:
                run.log_metric("m", float(step), step=step)
                acknowledged[f"m {step}"] = True
                if step % 20 == 0:
                    run.log_param(f"p{step}", step)
                    acknowledged[f"p{step}"] = True
                step += 1
        except KeyboardInterrupt:
            interrupts += 1
            step += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    run.log_metric("after", 1.0)
steps = [point.step for point in run.metric_history("m")]
points = [key for key in acknowledged if key.startswith("m ")]
params = [key for key in acknowledged if key.startswith("p")]
assert len(set(steps)) == len(steps), "doubled"
assert {int(key[2:]) for key in points} <= set(steps), "lost"
assert len(steps) - 1 - len(points) <= interrupts, "invented"
data = run.data
assert set(params) <= set(data.params), "params lost"
assert data.metrics["after"] == 1.0
assert data.summaries["m"].count == len(steps)
nbtrack.set_experiment("still works")
print(interrupts, len(points), len(params))
"""
    begin = "signal.signal(signal.SIGALRM, signal.default_int_handler)\n"

    run, complaints = run_script(begin + body, tmp_path / "store")

    assert complaints == ""
    assert run.info.status == "FINISHED"
