"""What happens to kernels, modules and names while cells are tracked; one kernel serves all tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from nbtrack.core.entities import Run
from nbtrack.tracking.tracker import Tracker
from tests.ui.test_real_kernel import TIMEOUT, Kernel

LOAD = "%load_ext nbtrack\nimport nbtrack, os, time"


def start_kernel(folder: Path) -> Kernel:
    """A kernel that serves the notebook `work.ipynb` of a folder."""
    manager = KernelManager(kernel_name="python3")
    environment = {**os.environ, "IPYTHONDIR": str(folder / "ipython"), "JPY_SESSION_NAME": "work.ipynb"}
    manager.start_kernel(cwd=str(folder), env=environment)
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=TIMEOUT)
    kernel = Kernel(manager, client)
    kernel.value(LOAD)
    return kernel


def stop(kernel: Kernel) -> None:
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


def start_again(kernel: Kernel) -> None:
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=TIMEOUT)
    kernel.value(LOAD)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("life")


@pytest.fixture(scope="module")
def kernel(folder: Path) -> Iterator[Kernel]:
    kernel = start_kernel(folder)
    yield kernel
    stop(kernel)


@pytest.fixture
def stored(folder: Path) -> Iterator[Tracker]:
    tracker = Tracker(store=folder / ".nbtrack")
    yield tracker
    tracker.close()


def named(tracker: Tracker, name: str) -> list[Run]:
    """The runs of that name, the first attempt first."""
    found: list[Run] = tracker.search_runs(filter_string=f"run_name = '{name}'", output_format="list")
    return sorted(found, key=lambda run: int(run.data.tags["nbtrack.attempt"]))


def printed(said: list[dict[str, Any]], name: str = "stdout") -> str:
    return "".join(
        each["content"]["text"]
        for each in said
        if each["msg_type"] == "stream" and each["content"]["name"] == name
    )


def test_edited_modules_are_reloaded_in_tracked_cells(kernel: Kernel, folder: Path, stored: Tracker) -> None:
    module = folder / "work_module.py"
    module.write_text("def lr():\n    return 1.0\n")
    kernel.value("%load_ext autoreload\n%autoreload 2\nimport work_module")
    cell = "%%track reloaded\nnbtrack.log_metric('lr', work_module.lr())"
    kernel.value(cell)
    module.write_text("def lr():\n    return 22.0\n")
    os.utime(module, (2_000_000_000, 2_000_000_000))

    _, said = kernel.run(cell)

    assert printed(said, "stderr") == ""
    assert [run.data.metrics["lr"] for run in named(stored, "reloaded")] == [1.0, 22.0]
    kernel.value("%autoreload 0")


def test_emptying_the_namespace_leaves_the_magics(kernel: Kernel, stored: Tracker) -> None:
    kernel.value("%%track emptied --quiet\n%reset -f")
    kernel.value("%reset -f")

    _, said = kernel.run("%%track emptied --quiet\nx = 1")

    assert printed(said, "stderr") == ""
    assert [run.info.status for run in named(stored, "emptied")] == ["FINISHED", "FINISHED"]
    kernel.value("import nbtrack, os, time")


def test_a_tracked_cell_may_ask_the_user(kernel: Kernel, stored: Tracker) -> None:
    message = kernel.client.execute(
        "%%track asked --quiet\nnbtrack.log_param('name', input('who? '))", allow_stdin=True
    )
    asked = kernel.client.get_stdin_msg(timeout=TIMEOUT)
    kernel.client.input("ada")
    kernel.until_idle(message)

    assert asked["content"]["prompt"] == "who? "
    assert kernel.reply(message)["status"] == "ok"
    assert named(stored, "asked")[0].data.params == {"name": "ada"}


def test_a_thread_may_print_and_log_after_its_cell(kernel: Kernel, stored: Tracker) -> None:
    kernel.value(
        "%%track outlived --quiet\nimport threading\ngo, done = threading.Event(), threading.Event()\n"
        "def work():\n    go.wait(60)\n    print('late')\n    done.set()\n"
        "threading.Thread(target=work).start()"
    )

    reply, said = kernel.run("go.set()\ndone.wait(60)")

    assert reply["status"] == "ok"
    assert "Error" not in printed(said, "stderr")
    assert [run.info.status for run in named(stored, "outlived")] == ["FINISHED"]
    assert kernel.value("nbtrack.active_run() is None") == "True"


def test_magics_around_a_tracked_cell_change_nothing(kernel: Kernel, stored: Tracker) -> None:
    for cell in (
        "%%time\n%%track stacked --quiet\nnbtrack.log_metric('m', 1)",
        "%%capture\n%%track stacked --quiet\nnbtrack.log_metric('m', 2)",
        "%%track stacked --quiet\n%%capture out\n%%time\nnbtrack.log_metric('m', 3)",
    ):
        kernel.value(cell)

    assert [run.data.metrics["m"] for run in named(stored, "stacked")] == [1, 2, 3]


def test_two_kernels_of_one_notebook_make_attempts_of_one_lineage(
    kernel: Kernel, folder: Path, stored: Tracker
) -> None:
    other = start_kernel(folder)
    try:
        cell = "%%track shared --quiet\nnbtrack.log_metric('m', 1)\ntime.sleep(0.01)"
        messages = [(each, each.send(cell)) for _ in range(3) for each in (kernel, other)]
        for each, message in messages:
            each.until_idle(message)
            assert each.reply(message)["status"] == "ok"
    finally:
        stop(other)

    runs = named(stored, "shared")
    assert [run.data.tags["nbtrack.attempt"] for run in runs] == list("123456")
    assert len({run.data.tags["nbtrack.lineage"] for run in runs}) == 1
    assert len({run.data.tags["nbtrack.session"] for run in runs}) == 2
    assert {run.info.status for run in runs} == {"FINISHED"}


@pytest.mark.parametrize(
    ("last_words", "status"),
    [("os._exit(3)", "KILLED"), ("exit()", "FINISHED"), ("os.kill(os.getpid(), 9)", "KILLED")],
)
def test_after_the_end_of_a_kernel_the_cell_is_the_next_attempt(
    kernel: Kernel, stored: Tracker, last_words: str, status: str
) -> None:
    name = last_words.partition("(")[0].replace(".", " ").strip()
    process = kernel.manager.provisioner.process
    kernel.send(f"%%track '{name}'\nnbtrack.log_metric('m', 1)\n{last_words}")
    process.wait(TIMEOUT)
    (left,) = named(stored, name)

    start_again(kernel)
    kernel.value(f"%%track '{name}'\nnbtrack.log_metric('m', 2)")

    assert (left.info.status, left.data.metrics) == (status, {"m": 1})
    first, second = named(stored, name)
    assert (first.info.status, second.info.status) == (status, "FINISHED")
    assert second.data.tags["nbtrack.attempt"] == "2"
    assert first.data.tags["nbtrack.lineage"] == second.data.tags["nbtrack.lineage"]
