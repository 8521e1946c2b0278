"""Live cards and bars as a front end gets them from a real kernel, and as a notebook keeps them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from nbtrack.core import mime
from tests.ui.test_real_kernel import TIMEOUT, Kernel, execute, notebook_of


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for all tests."""
    folder = tmp_path_factory.mktemp("live")
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "IPYTHONDIR": str(folder / "ipython")}, cwd=str(folder))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        started = Kernel(manager, client)
        started.value("%load_ext nbtrack\nimport nbtrack, time\n%config NBTrack.live_hz = 5")
        yield started
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def shown(said: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """What was displayed or replaced: how, where, and its text."""
    return [
        (
            each["msg_type"],
            each["content"]["transient"]["display_id"],
            each["content"]["data"]["text/plain"],
        )
        for each in said
        if each["msg_type"] in ("display_data", "update_display_data")
    ]


def test_a_card_is_followed_in_place_until_the_cell_is_interrupted(kernel: Kernel) -> None:
    message = kernel.send(
        "%%track busy --live\nstep = 0\nwhile True:\n"
        "    nbtrack.log_metric('loss', 1 / (step + 1), step=step)\n    step += 1\n    time.sleep(0.002)"
    )
    said: list[dict[str, Any]] = []
    while not any("steps/s" in text for _, _, text in shown(said)):
        received = kernel.client.get_iopub_msg(timeout=TIMEOUT)
        if received["parent_header"].get("msg_id") == message:
            said.append(received)

    kernel.manager.interrupt_kernel()
    said += kernel.until_idle(message)

    kernel.reply(message)
    first, *between, last = shown(said)
    assert first[0] == "display_data"
    assert {kind for kind, _, _ in (*between, last)} == {"update_display_data"}
    assert len({place for _, place, _ in (first, *between, last)}) == 1
    assert " · drawn " in between[-1][2], "what a kernel that is killed now would leave"
    assert last[2].startswith("■ KILLED busy")


def test_a_bar_of_a_loop_that_is_interrupted_says_where_it_stopped(kernel: Kernel) -> None:
    message = kernel.send("for i in nbtrack.progress(range(10**6), name='step'):\n    time.sleep(0.001)")
    while True:
        received = kernel.client.get_iopub_msg(timeout=TIMEOUT)
        if received["msg_type"] == "update_display_data":
            break

    kernel.manager.interrupt_kernel()

    last = shown(kernel.until_idle(message))[-1]
    kernel.reply(message)
    assert last[2].startswith("■ step ")
    assert "stopped after" in last[2]


def test_a_notebook_that_is_executed_keeps_the_last_card_in_its_place() -> None:
    notebook = notebook_of(
        "%load_ext nbtrack\nimport nbtrack",
        "%%track first --live\nfor step in nbtrack.progress(range(9)):\n"
        "    nbtrack.log_metric('loss', step, step=step)\n'value'",
    )

    execute(notebook)

    card, value = notebook.cells[1].outputs
    assert (card.output_type, value.output_type) == ("display_data", "execute_result")
    assert card.data["text/plain"].startswith("✓ FINISHED first")
    assert "✓ 9 of 9" in card.data["text/plain"]
    assert "<svg" in card.data["text/html"]
    assert card.data[mime.MIME_TYPE]["snapshot"]["status"] == "FINISHED"
    assert str(Path.cwd()) not in str(card.data)
