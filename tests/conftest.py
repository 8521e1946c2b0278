"""What every test stands on: an empty folder, a clean environment, no run left active."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

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

HAS_GPU = Path("/dev/nvidiactl").exists()
_left_out: list[str] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a GPU where there is none."""
    needy = [] if HAS_GPU else [item for item in items if item.get_closest_marker("gpu")]
    if needy:
        _left_out[:] = [item.nodeid for item in needy]
        config.hook.pytest_deselected(items=needy)
        items[:] = [item for item in items if item not in needy]


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
    """Off, with nothing that waits for the end of the script, and nothing warned of yet."""
    if switching := sys.modules.get("nbtrack.tracking.autolog.switching"):
        switching.switch_all(disable=True)
    if patching := sys.modules.get("nbtrack.tracking.autolog.patching"):
        patching._told.clear()
    if cell_end := sys.modules.get("nbtrack.tracking.autolog.cell_end"):
        cell_end.end(None)


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    """A tracker on a store of its own."""
    tracker = Tracker(store=tmp_path / "store")
    yield tracker
    tracker.close()
