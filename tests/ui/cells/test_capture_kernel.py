"""Capture in a real kernel: inline figures, threads, interrupts, awaiting cells, a kernel that dies."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from nbtrack.core.entities import Run
from nbtrack.tracking.tracker import Tracker
from tests.ui.test_real_kernel import TIMEOUT, Kernel, shown


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("capture")


@pytest.fixture(scope="module")
def kernel(place: Path) -> Iterator[Kernel]:
    """One kernel for all tests."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "IPYTHONDIR": str(place / "ipython")}, cwd=str(place))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        started = Kernel(manager, client)
        started.value("%load_ext nbtrack\nimport nbtrack, time, sys, os")
        yield started
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def tracker(place: Path) -> Iterator[Tracker]:
    tracker = Tracker(store=place / ".nbtrack")
    yield tracker
    tracker.close()


def run_named(tracker: Tracker, name: str) -> Run:
    (run,) = [
        run
        for run in tracker.search_runs(output_format="list", search_all_experiments=True)
        if run.info.run_name == name
    ]
    return run


def output_of(tracker: Tracker, name: str) -> str:
    return tracker.load_text(run_named(tracker, name).info.run_id, "output.txt")


def test_the_user_sees_what_they_would_see_and_inline_figures_are_kept(
    kernel: Kernel, tracker: Tracker
) -> None:
    cell = (
        "import matplotlib.pyplot as plt\nprint('first')\nplt.plot([1, 2])\nplt.show()\n"
        "print('second', file=sys.stderr)\nos.system('echo shell')\nplt.figure()\nplt.plot([2, 1])\n'value'"
    )
    kernel.value("%matplotlib inline")
    _, plain = kernel.run(cell)

    _, said = kernel.run(f"%%track figures\n{cell}")

    assert [kind for kind in shown(said)[:-1] if kind != "stream"] == [
        kind for kind in shown(plain) if kind != "stream"
    ]
    run = run_named(tracker, "figures")
    files = [info.path for info in tracker.list_artifacts(run.info.run_id, "figures")]
    assert files == ["figures/figure-1.png", "figures/figure-2.png"]
    picture = Path(tracker.download_artifacts(run.info.run_id, "figures/figure-2.png")).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert output_of(tracker, "figures").startswith("first\nsecond\n")
    assert shown(said)[-1].startswith("✓ FINISHED figures")


def test_an_interrupted_cell_keeps_what_it_had(kernel: Kernel, tracker: Tracker) -> None:
    message = kernel.send(
        "%%track stopped\nlr = 0.1\nloss = sum([0.5])\nprint('ready')\nwhile True:\n"
        "    time.sleep(0.01)\nlate = sum([1])"
    )
    kernel.until_printed(message, "ready")

    kernel.manager.interrupt_kernel()
    kernel.until_idle(message)

    run = run_named(tracker, "stopped")
    assert (run.info.status, run.data.params, run.data.metrics) == ("KILLED", {"lr": "0.1"}, {"loss": 0.5})
    assert output_of(tracker, "stopped") == "ready\n"
    kernel.reply(message)


def test_a_cell_that_awaits_is_captured(kernel: Kernel, tracker: Tracker) -> None:
    kernel.value(
        "%%track awaiting\nimport asyncio\nrounds = 3\nasync def work(n):\n    await asyncio.sleep(0.001)\n"
        "    print('round', n)\n    return n\n"
        "done = sum(await asyncio.gather(*(work(i) for i in range(rounds))))\nNone"
    )

    run = run_named(tracker, "awaiting")
    assert (run.data.params, run.data.metrics) == ({"rounds": "3"}, {"done": 3.0})
    assert output_of(tracker, "awaiting") == "round 0\nround 1\nround 2\n"


def test_a_kernel_that_dies_leaves_its_params(kernel: Kernel, tracker: Tracker) -> None:
    kernel.send("%%track dead\nlr = 0.1\nos.kill(os.getpid(), 9)")
    while kernel.manager.is_alive():
        pass

    run = run_named(tracker, "dead")
    assert run.info.status == "KILLED"
    assert run.data.params == {"lr": "0.1"}
