"""Tracked cells in real kernels, as Jupyter and nbclient run them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from nbtrack.core.entities import Run
from nbtrack.tracking.tracker import Tracker

TIMEOUT = 60


class Kernel:
    """A kernel, and what its cells said: the messages in the order in which they came."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def send(self, cell: str) -> str:
        return self.client.execute(cell)

    def until_idle(self, message: str) -> list[dict[str, Any]]:
        """What a cell said until it was done."""
        said: list[dict[str, Any]] = []
        while True:
            received = self.client.get_iopub_msg(timeout=TIMEOUT)
            if received["parent_header"].get("msg_id") != message:
                continue
            if received["msg_type"] == "status" and received["content"]["execution_state"] == "idle":
                return said
            said.append(received)

    def until_printed(self, message: str, text: str) -> None:
        """Wait until a cell that goes on has printed a text."""
        printed = ""
        while text not in printed:
            received = self.client.get_iopub_msg(timeout=TIMEOUT)
            if received["parent_header"].get("msg_id") == message and received["msg_type"] == "stream":
                printed += received["content"]["text"]

    def reply(self, message: str) -> dict[str, Any]:
        while True:
            received = self.client.get_shell_msg(timeout=TIMEOUT)
            if received["parent_header"].get("msg_id") == message:
                return received["content"]

    def run(self, cell: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        message = self.send(cell)
        said = self.until_idle(message)
        return self.reply(message), said

    def value(self, cell: str) -> str:
        """Run a cell that must not fail, for the text of its last value."""
        reply, said = self.run(cell)
        assert reply["status"] == "ok", reply
        return "".join(
            each["content"]["data"]["text/plain"] for each in said if each["msg_type"] == "execute_result"
        )


def shown(said: list[dict[str, Any]]) -> list[str]:
    """What kinds of things a cell showed, in order; cards by their text."""
    kinds: list[str] = []
    for each in said:
        if each["msg_type"] == "display_data":
            kinds.append(each["content"]["data"]["text/plain"])
        elif each["msg_type"] in ("stream", "execute_result", "error"):
            kinds.append(each["msg_type"])
    return kinds


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """A kernel in the test's folder, with nbtrack loaded."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "IPYTHONDIR": str(Path.cwd() / "ipython")})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        kernel = Kernel(manager, client)
        kernel.value("%load_ext nbtrack\nimport nbtrack, time")
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def stored() -> Iterator[Tracker]:
    """Another process's look at the store of the kernel."""
    tracker = Tracker(store=Path.cwd() / ".nbtrack")
    yield tracker
    tracker.close()


def runs_in(tracker: Tracker) -> list[Run]:
    found: list[Run] = tracker.search_runs(output_format="list", search_all_experiments=True)
    return found[::-1]


def test_the_card_comes_last_and_the_value_is_kept(kernel: Kernel, stored: Tracker) -> None:
    reply, said = kernel.run("%%track first\nprint('printed')\nnbtrack.log_metric('m', 1)\n6 * 7")

    assert reply["status"] == "ok"
    kinds = shown(said)
    assert kinds[:2] == ["stream", "execute_result"]
    assert kinds[2].startswith("✓ FINISHED first")
    assert len(kinds) == 3
    assert kernel.value("Out[2]") == "42"
    (run,) = runs_in(stored)
    assert run.data.tags["mlflow.source.type"] == "NOTEBOOK"


def test_await_works_and_the_card_still_comes_last(kernel: Kernel, stored: Tracker) -> None:
    reply, said = kernel.run("%%track\nimport asyncio\nawait asyncio.sleep(0.01)\nprint('woke')\n'slept'")

    assert reply["status"] == "ok"
    assert shown(said)[:2] == ["stream", "execute_result"]
    assert shown(said)[2].startswith("✓ FINISHED")
    assert [run.info.status for run in runs_in(stored)] == ["FINISHED"]


def test_a_failing_cell_is_an_error_for_the_front_end(kernel: Kernel, stored: Tracker) -> None:
    for cell in (
        "%%track\n1/0",
        "%%track\n%%time\n1/0",
        "%%time\n%%track\n1/0",
        "%%track\nawait oops",
        "%%track\nx = (",
    ):
        reply, said = kernel.run(cell)

        assert reply["status"] == "error", cell
        assert shown(said)[-1].startswith("✗ FAILED"), cell
        assert "error" in shown(said)[:-1], cell
    assert {run.info.status for run in runs_in(stored)} == {"FAILED"}


def traceback_of(said: list[dict[str, Any]]) -> str:
    (error,) = [each["content"] for each in said if each["msg_type"] == "error"]
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error["traceback"]))


@pytest.mark.parametrize("track", ["%%track\n", ""])
def test_an_error_of_ours_shows_the_frames_of_the_user(kernel: Kernel, track: str) -> None:
    reply, said = kernel.run(
        track + "def tell(value):\n    nbtrack.log_param('lr', value)\n\ntell(1)\ntell(2)"
    )

    shown = traceback_of(said)
    assert reply["ename"] == "ParamConflictError"
    assert "tell(2)" in shown
    assert "nbtrack.log_param('lr', value)" in shown
    assert reply["evalue"] in shown
    assert "/nbtrack/" not in shown
    assert kernel.value(
        "import sys, traceback; 'active_run.py' in str(traceback.extract_tb(sys.last_traceback))"
    )


def test_what_the_user_did_before_an_error_of_ours_is_shown(kernel: Kernel) -> None:
    _, said = kernel.run("try:\n    1/0\nexcept ZeroDivisionError:\n    nbtrack.get_run('nobody')")

    shown = traceback_of(said)
    assert "1/0" in shown
    assert "nbtrack.get_run('nobody')" in shown
    assert "/nbtrack/" not in shown


def test_other_errors_and_those_after_unloading_are_shown_whole(kernel: Kernel) -> None:
    _, other = kernel.run("class Odd:\n    def __str__(self):\n        1/0\n\nnbtrack.set_tag('t', Odd())")
    kernel.value("%unload_ext nbtrack")
    _, unloaded = kernel.run("nbtrack.get_run('nobody')")

    assert "/nbtrack/" in traceback_of(other)
    assert "/nbtrack/" in traceback_of(unloaded)


def test_a_mistake_in_the_line_stops_run_all_too(kernel: Kernel) -> None:
    reply, said = kernel.run("%%track --bogus\nprint('ran')")

    assert reply["status"] == "error"
    (usage,) = [each["content"]["text"] for each in said if each["msg_type"] == "stream"]
    assert usage.startswith("UsageError: %%track: unrecognized arguments: --bogus. Usage: ")
    assert usage.count("\n") == 1


_LOOP = "while True:\n    time.sleep(0.01)"
_AWAITING_LOOP = "import asyncio\nwhile True:\n    await asyncio.sleep(0.01)"


def test_a_file_is_scored_into_a_cell_and_an_error_of_the_model_is_one_sentence(kernel: Kernel) -> None:
    (Path.cwd() / "x.csv").write_text("x\n1\n2\n")
    (Path.cwd() / "bad.csv").write_text("x\n1\n-2\n")
    kernel.value(
        "class Crash(nbtrack.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input):\n"
        "        if (model_input['x'] < 0).any():\n"
        "            raise ValueError('length too long')\n"
        "        return model_input['x'] * 2\n"
        "columns = nbtrack.types.Schema([nbtrack.types.ColSpec('double', 'x')])\n"
        "signature = nbtrack.models.ModelSignature(inputs=columns)\n"
        "nbtrack.pyfunc.save_model('Crash', python_model=Crash(), signature=signature)"
    )

    reply, said = kernel.run("%nbtrack models predict -m Crash -i x.csv")
    failed, told = kernel.run("%nbtrack models predict -m Crash -i bad.csv")

    assert reply["status"] == "ok"
    assert "".join(each["content"]["text"] for each in said if each["msg_type"] == "stream") == (
        "prediction\n2.0\n4.0\n"
    )
    assert failed["ename"] == "UsageError"
    shown = "".join(each["content"]["text"] for each in told if each["msg_type"] == "stream")
    assert shown == (
        "UsageError: The model 'Crash' failed in predict() on bad.csv, lines 2 to 3: "
        "ValueError: length too long\n"
    )


@pytest.mark.parametrize(
    ("head", "loop"),
    [
        ("%%track busy", _LOOP),
        ("%%track busy", _AWAITING_LOOP),
        ("%%track busy\n%%time", _LOOP),
        ("%%capture --no-stdout\n%%track busy", _LOOP),
    ],
)
def test_an_interrupt_is_killed_and_the_kernel_goes_on(
    kernel: Kernel, stored: Tracker, head: str, loop: str
) -> None:
    # A thread prints, for IPython loses an interrupt that strikes while it does.
    said_by_thread = "import threading\nthreading.Thread(target=print, args=('looping',)).start()"
    message = kernel.send(f"{head}\nnbtrack.log_metric('m', 1)\n{said_by_thread}\n{loop}")
    kernel.until_printed(message, "looping")

    kernel.manager.interrupt_kernel()

    said = kernel.until_idle(message)
    assert shown(said)[-1].startswith("■ KILLED busy")
    kernel.reply(message)
    (run,) = runs_in(stored)
    assert (run.info.status, run.data.metrics) == ("KILLED", {"m": 1})
    assert run.data.tags["nbtrack.interrupted"] == "true"
    assert kernel.value("nbtrack.active_run() is None") == "True"
    assert kernel.value("%%track next\n'on'") == "'on'"
    assert [run.info.status for run in runs_in(stored)] == ["KILLED", "FINISHED"]


def test_a_kernel_that_is_restarted_leaves_a_killed_run_and_tracks_anew(
    kernel: Kernel, stored: Tracker
) -> None:
    message = kernel.send(
        "%%track lost\nnbtrack.log_metric('m', 5)\nprint('looping', flush=True)\ntime.sleep(600)"
    )
    kernel.until_printed(message, "looping")
    assert [run.info.status for run in runs_in(stored)] == ["RUNNING"]

    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=TIMEOUT)

    (run,) = runs_in(stored)
    assert (run.info.status, run.data.metrics) == ("KILLED", {"m": 5})
    kernel.value("%load_ext nbtrack\nimport nbtrack")
    kernel.value("%%track again\n1")
    assert [run.info.status for run in runs_in(stored)] == ["KILLED", "FINISHED"]


def test_a_cell_that_kills_its_kernel_leaves_a_killed_run(kernel: Kernel, stored: Tracker) -> None:
    process = kernel.manager.provisioner.process

    kernel.send("%%track left\nimport os\nos.kill(os.getpid(), 9)")
    process.wait(TIMEOUT)

    assert [run.info.status for run in runs_in(stored)] == ["KILLED"]


def test_a_cell_that_capture_cannot_begin_is_a_failed_run(kernel: Kernel, stored: Tracker) -> None:
    # IPython has no %%capture around top-level await in a kernel; it shows the error and reports success.
    kernel.run("%%track\n%%capture\nimport asyncio\nawait asyncio.sleep(0)")

    assert [run.info.status for run in runs_in(stored)] == ["FAILED"]


def test_a_store_that_is_deleted_while_the_cell_runs_does_not_fail_it(kernel: Kernel) -> None:
    reply, said = kernel.run(
        "%%track\nimport shutil\nshutil.rmtree('.nbtrack')\nnbtrack.log_param('x', 1)\n'value'"
    )

    assert reply["status"] == "ok"
    assert "execute_result" in shown(said)
    assert "nbtrack" in "".join(each["content"]["text"] for each in said if each["msg_type"] == "stream")
    assert kernel.value("nbtrack.active_run() is None") == "True"
    assert kernel.value("%%track\n1") == "1"


def test_the_tab_key_completes_the_nbtrack_line(kernel: Kernel) -> None:
    kernel.value("%%track 'depth 2' -e digits --quiet\nnbtrack.log_metric('loss', 1)")

    def completed(line: str) -> list[str]:
        reply = kernel.client.complete(line, len(line), reply=True, timeout=TIMEOUT)["content"]
        assert reply["status"] == "ok"
        return [line[: reply["cursor_start"]] + match for match in reply["matches"]]

    assert completed("%nbtrack comp") == ["%nbtrack compare"]
    assert completed("%nbtrack show de") == ["%nbtrack show 'depth 2'"]
    assert completed("%nbtrack runs -e d") == ["%nbtrack runs -e digits"]
    assert completed("%nbtrack runs -c status,metrics.l") == ["%nbtrack runs -c status,metrics.loss"]
    assert completed("x = 1\n%nbtrack runs --col") == ["x = 1\n%nbtrack runs --columns"]
    assert completed("%%track -e d") == ["%%track -e digits"]
    kernel.value("%config Completer.use_jedi = False")
    assert completed("%%track dep") == ["%%track 'depth 2'"]


def notebook_of(*cells: str) -> Any:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def execute(notebook: Any) -> None:
    NotebookClient(notebook, kernel_name="python3", timeout=TIMEOUT, store_widget_state=False).execute()


def test_run_all_stops_at_a_failing_tracked_cell(stored: Tracker) -> None:
    notebook = notebook_of(
        "%load_ext nbtrack",
        "%%track good\n'value'",
        "%%track bad\nraise RuntimeError('no')",
        "print('never')",
    )

    with pytest.raises(CellExecutionError, match="raise RuntimeError"):
        execute(notebook)

    good, bad = notebook.cells[1].outputs, notebook.cells[2].outputs
    assert [output.output_type for output in good] == ["execute_result", "display_data"]
    assert [output.output_type for output in bad] == ["error", "display_data"]
    assert "<strong>✗ FAILED bad</strong>" in bad[1].data["text/html"]
    assert notebook.cells[3].outputs == []
    assert [run.info.status for run in runs_in(stored)] == ["FINISHED", "FAILED"]


def run_in_terminal(cells: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        input=cells,
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT,
        env={**os.environ, "IPYTHONDIR": str(Path.cwd() / "ipython")},
    )


def test_a_terminal_shows_the_card_as_text() -> None:
    # A cell magic ends with two empty lines there.
    cells = (
        "%load_ext nbtrack\nimport nbtrack\n"
        "%%track in a terminal\nnbtrack.log_metric('m', 1)\n'value'\n\n\n%nbtrack runs\n"
    )

    done = run_in_terminal(cells)

    value, card, table = re.split("✓ FINISHED in a terminal · |run id ", done.stdout)
    assert "Out[3]: 'value'" in value
    assert " · m 1\n" in card
    assert "in a terminal  ✓ FINISHED  1" in table
    assert "<table>" not in done.stdout
    assert done.stderr == ""


def test_an_interrupt_in_a_terminal_is_killed_too(stored: Tracker) -> None:
    # The cell sends the signal itself: IPython loses one that strikes while it prints.
    cells = (
        "%load_ext nbtrack\nimport os, signal, time\n"
        "%%track busy\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(600)\n\n\nprint('still here')\n"
    )

    done = run_in_terminal(cells)

    assert "■ KILLED busy" in done.stdout
    assert "still here" in done.stdout
    assert [run.info.status for run in runs_in(stored)] == ["KILLED"]
