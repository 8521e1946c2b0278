"""Lineages in real kernels, which send the ids of cells and know their notebook, as JupyterLab's do."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from nbtrack.tracking.tracker import Tracker
from tests.ui.test_real_kernel import TIMEOUT, Kernel

NOTEBOOK = {
    "load": "%load_ext nbtrack\nimport nbtrack, os, time",
    "data": "%%track --quiet\ndata = [1, 2, 3]",
    "sum": "%%track --quiet\nnbtrack.log_metric('sum', sum(data))",
    "tree": "%%track tree --quiet\nnbtrack.log_metric('depth', 2)",
}


class NotebookKernel(Kernel):
    """A kernel of a notebook."""

    def send_cell(self, cell_id: str, cell: str) -> str:
        """Begin a cell as JupyterLab does."""
        content = {"code": cell, "silent": False, "store_history": True, "allow_stdin": False}
        content |= {"user_expressions": {}, "stop_on_error": True}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell_id})
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def run_cell(self, cell_id: str, cell: str) -> None:
        """Run a cell, whatever becomes of it."""
        message = self.send_cell(cell_id, cell)
        self.until_idle(message)
        self.reply(message)

    def run_all(self) -> None:
        for cell_id, cell in NOTEBOOK.items():
            self.run_cell(cell_id, cell)

    def restart(self) -> None:
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready(timeout=TIMEOUT)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], NotebookKernel]]:
    """Starts kernels of one notebook."""
    (tmp_path / "a.ipynb").touch()
    kernels: list[NotebookKernel] = []

    def begin() -> NotebookKernel:
        manager = KernelManager(kernel_name="python3")
        own = {"IPYTHONDIR": str(tmp_path / "ipython"), "JPY_SESSION_NAME": str(tmp_path / "a.ipynb")}
        manager.start_kernel(env={**os.environ, **own}, cwd=str(tmp_path))
        client = manager.blocking_client()
        client.start_channels()
        kernels.append(NotebookKernel(manager, client))
        return kernels[-1]

    try:
        yield begin
    finally:
        for kernel in kernels:
            kernel.client.stop_channels()
            kernel.manager.shutdown_kernel(now=True)


def attempts_in(folder: Path) -> list[tuple[str, str, str]]:
    """The cell, the number and the status of each run, in the order of their start."""
    tracker = Tracker(store=folder / ".nbtrack")
    found = tracker.search_runs(output_format="list")
    tracker.close()
    tags = ("nbtrack.cell.id", "nbtrack.attempt")
    return [(*(run.data.tags[tag] for tag in tags), run.info.status) for run in found[::-1]]


def test_restart_and_run_all_gives_the_next_attempt_of_each_cell_in_the_same_order(
    start: Callable[[], NotebookKernel], tmp_path: Path
) -> None:
    kernel = start()
    kernel.client.wait_for_ready(timeout=TIMEOUT)
    kernel.run_all()
    kernel.run_cell("sum", "%%track --quiet\nos.kill(os.getpid(), 2)\ntime.sleep(600)")
    message = kernel.send_cell("sum", "%%track --quiet\nprint('killed next', flush=True)\ntime.sleep(600)")
    kernel.until_printed(message, "killed next")

    kernel.restart()
    kernel.run_all()

    assert attempts_in(tmp_path) == [
        ("data", "1", "FINISHED"),
        ("sum", "1", "FINISHED"),
        ("tree", "1", "FINISHED"),
        ("sum", "2", "KILLED"),
        ("sum", "3", "KILLED"),
        ("data", "2", "FINISHED"),
        ("sum", "4", "FINISHED"),
        ("tree", "2", "FINISHED"),
    ]
