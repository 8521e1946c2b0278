"""The three levels of durability: what was returned, within a second, after a flush.

That a returned call survives `kill -9` is in tests/faults. Here: what is handed to the disk, and when.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbtrack.stores.local import run_writer
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.tracker import Tracker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the names of open files from /proc")


class Synced:
    """The files that were synced, by their paths below the store."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.sizes: dict[str, int] = {}
        self.changed = threading.Condition()

    def note(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path.is_relative_to(self.store):
            with self.changed:
                self.sizes[str(path.relative_to(self.store))] = os.fstat(descriptor).st_size
                self.changed.notify_all()

    def wait_for(self, ready: Callable[[], bool]) -> bool:
        with self.changed:
            return self.changed.wait_for(ready, timeout=30)


@pytest.fixture
def synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Synced]:
    synced = Synced(tmp_path / "store")
    for name in ("fsync", "fdatasync"):
        real = getattr(os, name)

        def noted(descriptor: int, real: Callable[[int], None] = real) -> None:
            real(descriptor)
            synced.note(descriptor)

        monkeypatch.setattr(os, name, noted)
    # What is found out of the environment is written to run.json at some later time.
    monkeypatch.setenv("NBTRACK_CAPTURE_ENVIRONMENT", "false")
    return synced


def files_of(run: ActiveRun, store: Path) -> dict[str, int]:
    """The files and folders that hold a run, with the size that must be on the disk."""
    folder = store / "runs" / run.run_id
    found = {str(path.relative_to(store)): path.stat().st_size for path in folder.iterdir()}
    wal = store / "documents.db-wal"
    return {**found, "events.log": (store / "events.log").stat().st_size, wal.name: wal.stat().st_size}


def test_end_with_sync_has_synced_every_file_and_folder(tracker: Tracker, synced: Synced) -> None:
    with tracker.start_run() as run:
        run.log_params({"lr": 0.1})
        run.log_metric("loss", 1.0)
        run.end(sync=True)

    for path, size in files_of(run, synced.store).items():
        assert synced.sizes.get(path) == size, path
    assert {"runs", f"runs/{run.run_id}", "."} <= {str(Path(path)) for path in synced.sizes}


def test_flush_has_synced_what_was_logged_so_far(
    tracker: Tracker, synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_writer, "SYNC_SECONDS", 3600)  # nobody else syncs
    with tracker.start_run() as run:
        run.log_metric("loss", 1.0)
        run.log_param("lr", 0.1)

        run.flush()

        for path, size in files_of(run, synced.store).items():
            assert synced.sizes.get(path) == size, path
        assert '"lr":"0.1"' in (synced.store / "runs" / run.run_id / "run.json").read_text()


def test_the_background_syncs_running_and_ended_runs_by_itself(tracker: Tracker, synced: Synced) -> None:
    with tracker.start_run() as run:
        run.log_metric("loss", 1.0)
        segment = next(path for path in files_of(run, synced.store) if "metrics-" in path)
        assert synced.wait_for(lambda: synced.sizes.get(segment, 0) >= 96)
        for step in range(10):
            run.log_metric("loss", 1.0, step=step)

    everything = files_of(run, synced.store)
    assert synced.wait_for(lambda: all(synced.sizes.get(path) == size for path, size in everything.items()))


def test_an_artifact_is_on_the_disk_before_it_has_its_name(tracker: Tracker, synced: Synced) -> None:
    with tracker.start_run() as run:
        run.log_text("x" * 1000, "notes/a.txt")

    synced_artifacts = [path for path in synced.sizes if "artifacts/notes/" in path]
    assert len(synced_artifacts) == 1
    assert synced.sizes[synced_artifacts[0]] == 1000
    assert "incoming" in synced_artifacts[0]
