"""What every test stands on: an empty folder, a clean environment, no run left active."""

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from nbtrack.tracking import fluent
from nbtrack.tracking.tracker import Tracker

settings.register_profile(
    "nbtrack",
    # What lands must not depend on luck; new examples are found where people work.
    derandomize=bool(os.environ.get("CI")),
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("nbtrack")

# What imports Keras first decides which backend all tests use; its own default, TensorFlow, is not here.
os.environ.setdefault("KERAS_BACKEND", "torch")

# Each test has a home of its own, where matplotlib would look at all fonts anew, and say so if it takes long.
os.environ.setdefault("MPLCONFIGDIR", str(Path(tempfile.gettempdir(), f"nbtrack-tests-fonts-{os.getuid()}")))

# The workers share the processors already, and the numbers of a test shall not depend on how many there are.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Hundreds of processes are started; where none may keep bytecode, each compiles all of nbtrack.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

MOST_WORKERS = 4
"""Each imports all frameworks for itself: half a minute of a processor, and a gigabyte."""

HAS_GPU = Path("/dev/nvidiactl").exists()
_left_out: list[str] = []
_CARRIED = "nbtrack_left_out"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """How many processes `-n auto` means: none beside this one for a file or two."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    if len(config.args) <= 2 and all(".py" in argument for argument in config.args):
        return 0
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, MOST_WORKERS)


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Look for no garbage among what is being imported: it would take as long as the imports."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Nor ever again: a shell that ends, for one, has all objects looked at."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Likewise what the tests of a file have imported, without what they left."""
    yield
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a GPU where there is none."""
    needy = [] if HAS_GPU else [item for item in items if item.get_closest_marker("gpu")]
    if needy:
        _left_out[:] = [item.nodeid for item in needy]
        config.hook.pytest_deselected(items=needy)
        items[:] = [item for item in items if item not in needy]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that reports what this one has left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_CARRIED] = _left_out


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take that: it is the same of all workers."""
    _left_out[:] = getattr(node, "workeroutput", {}).get(_CARRIED, _left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List it."""
    for name in _left_out:
        terminalreporter.write_line(f"left out, there is no GPU: {name}")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(("NBTRACK_", "MLFLOW_")) and not name.startswith("NBTRACK_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    yield
    _leave_autolog()
    fluent.default_tracker.close()
    fluent.default_tracker.set_tracking_uri(None)
    fluent.default_tracker.set_registry_uri(None)
    fluent.default_tracker.experiment = None
    for name in list(os.environ):
        if name.startswith("NBTRACK_") and not name.startswith("NBTRACK_TEST_"):
            del os.environ[name]


def _leave_autolog() -> None:
    """Off, with nothing that waits for the end of the script or after it, and nothing warned of yet."""
    if switching := sys.modules.get("nbtrack.tracking.autolog.switching"):
        switching.switch_all(disable=True)
    if patching := sys.modules.get("nbtrack.tracking.autolog.patching"):
        patching._told.clear()
    if cell_end := sys.modules.get("nbtrack.tracking.autolog.cell_end"):
        cell_end.end(None)
    if drawing := sys.modules.get("nbtrack.tracking.autolog.drawing"):
        # On a busy machine, drawing is put off: to a test that knows nothing of it.
        drawing._waiting.clear()
        drawing._postponed.clear()


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    """A tracker on a store of its own."""
    tracker = Tracker(store=tmp_path / "store")
    yield tracker
    tracker.close()
