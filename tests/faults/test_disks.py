"""Disks that are full, refuse or vanish.

Training goes on, it is said once, and what was kept is written when there is room again.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbtrack.core.entities import RunStatus
from nbtrack.core.errors import StoreError
from nbtrack.stores.local import metric_log, run_writer
from nbtrack.stores.local.metric_log import MetricLogWriter
from nbtrack.tracking.tracker import Tracker
from tests.faults.children import Ack, WarmParent
from tests.faults.ledger import damage_of, look

# ---- disks that fill up ------------------------------------------------------------------------


class Quota:
    """A limit on the size of files: each write beyond it fails, or is cut short, as on a full disk."""

    def __init__(self, store: Path) -> None:
        import resource

        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._resource = resource

    def fill(self) -> None:
        self.leave(0)

    def leave(self, size: int) -> None:
        """Allow files of at most `size` bytes. Python ignores SIGXFSZ, so writes fail with an error."""
        self._resource.setrlimit(self._resource.RLIMIT_FSIZE, (size, self._limits[1]))

    def free(self) -> None:
        self._resource.setrlimit(self._resource.RLIMIT_FSIZE, self._limits)


class SmallDisk:
    """A small file system of its own, with a file that takes all the room there is."""

    def __init__(self, store: Path) -> None:
        self._ballast = store.parent / "ballast"

    def fill(self) -> None:
        with open(self._ballast, "wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1 << 9, 64, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass

    def free(self) -> None:
        self._ballast.unlink()


DISKS: dict[str, Any] = {"quota": Quota, "small disk": SmallDisk}


def mount(folder: Path) -> bool:
    """Make `folder` a small file system; False where we may not."""
    if os.name != "posix" or not shutil.which("mount"):
        return False
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=True)


def kinds_of_disks() -> list[str]:
    """Those that can be had here: a file system of one's own takes the right to mount it."""
    folder = Path(tempfile.mkdtemp())
    if not mount(folder):
        return ["quota"]
    unmount(folder)
    folder.rmdir()
    return list(DISKS)


@pytest.fixture(params=kinds_of_disks())
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The kind of a disk that can fill up, and a place for a store on it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "small disk":
        assert mount(folder)
    yield request.param, folder / "store"
    if request.param == "small disk":
        unmount(folder)


def heard(call: Callable[[], Any]) -> list[str]:
    """The warnings of a call, all of them, also those said before."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return [f"{each.category.__name__}: {each.message}" for each in found]


def quiet_background() -> None:
    """Leave it to the test when the background works, so that it need not wait for it."""
    run_writer.SYNC_SECONDS = 3600.0


def train(tracker: Tracker, start: int, stop: int) -> None:
    """A training loop that logs all there is to log."""
    for step in range(start, stop):
        tracker.log_metric("loss", step, step=step)
        tracker.log_metrics({"acc": step, f"new {step // 20}": step}, step=step)
        if step % 10 == 0:
            tracker.log_params({f"p{step}": step, f"q{step}": step})
            tracker.set_tag("latest", step)
            tracker.log_text(f"{step}\n" * 100, f"notes/{step}.txt")


def wrongs(store: Path, run_id: str, steps: range, status: str) -> list[str]:
    """What is not as `train` would have left it on a good disk."""
    found = look(store, run_id)
    problems = damage_of(store)
    for key in ("loss", "acc"):
        seen = [point.step for point in found.points.get(key, [])]
        if seen != list(steps):
            problems.append(f"{len(seen)} of {len(steps)} points of {key!r}, up to {max(seen, default=None)}")
        if found.counts.get(key) != len(seen):
            problems.append(f"miscounted: {key!r}")
    logged = [step for step in steps if step % 10 == 0]
    if found.params != {f"{name}{step}": str(step) for step in logged for name in "pq"}:
        problems.append(f"{len(found.params)} params")
    if found.tags["latest"] != str(logged[-1]):
        problems.append(f"an old tag: {found.tags['latest']}")
    if found.texts != {f"notes/{step}.txt": f"{step}\n" * 100 for step in logged}:
        problems.append(f"{len(found.texts)} texts")
    if found.status != status:
        problems.append(f"it is {found.status}")
    return problems


def train_on_a_full_disk(ack: Ack, kind: str, store: Path) -> None:
    quiet_background()
    disk = DISKS[kind](store)
    tracker = Tracker(store=store)
    run = tracker.start_run()
    train(tracker, 0, 50)
    disk.fill()
    said = heard(lambda: train(tracker, 50, 150))
    ack(json.dumps([run.run_id, said]))
    os.read(ack.fds[0], 1)  # the test reads meanwhile
    disk.free()
    said = heard(lambda: (run._retry(), run._writer.log.flush(), train(tracker, 150, 200)))
    tracker.end_run()
    tracker.close()
    ack(json.dumps(said))


def test_training_goes_on_while_the_disk_is_full(
    disk: tuple[str, Path], children: WarmParent, tmp_path: Path
) -> None:
    kind, store = disk
    gate, go_on = os.pipe()
    child = children.start(train_on_a_full_disk, kind, store, fds=[gate])
    os.close(gate)

    lines = child.wait_for_lines(1)
    assert lines, child.end() or child.errors
    run_id, said = json.loads(lines[0])
    # A copy, for a reader may need room too.
    shutil.copytree(store, tmp_path / "as it is")
    while_full = look(tmp_path / "as it is", run_id)
    os.close(go_on)
    child.succeed()

    assert [point.step for point in while_full.points["loss"]][:50] == list(range(50))
    assert while_full.params.keys() >= {f"p{step}" for step in range(0, 50, 10)}
    metrics = [text for text in said if "cannot write metrics" in text]
    documents = [text for text in said if "could not write to its store" in text]
    assert len(metrics) == len(documents) == 1
    assert sorted(said) == sorted([*metrics, *documents])
    assert str(store) in metrics[0]
    assert "Training goes on" in metrics[0]
    assert json.loads(child.lines[1]) == []
    assert wrongs(store, run_id, range(200), RunStatus.FINISHED) == []


def end_on_a_full_disk(ack: Ack, kind: str, store: Path, then: str) -> None:
    quiet_background()
    disk = DISKS[kind](store)
    tracker = Tracker(store=store)
    run = tracker.start_run()
    train(tracker, 0, 50)
    disk.fill()
    heard(lambda: (train(tracker, 50, 100), tracker.end_run()))
    assert tracker.active_run() is None
    disk.free()
    if then == "another run":
        with tracker.start_run():
            pass
    elif then == "flush":
        tracker.flush()
    if then != "close":
        assert run.info.status == RunStatus.FINISHED
    tracker.close()
    ack(run.run_id)


@pytest.mark.parametrize("then", ["another run", "flush", "close"])
def test_a_run_that_ends_on_a_full_disk_is_ended_when_there_is_room(
    disk: tuple[str, Path], then: str, children: WarmParent
) -> None:
    kind, store = disk

    child = children.start(end_on_a_full_disk, kind, store, then).succeed()

    assert wrongs(store, child.lines[0], range(100), RunStatus.FINISHED) == []


def train_on_a_disk_that_stays_full(ack: Ack, kind: str, store: Path) -> None:
    quiet_background()
    disk = DISKS[kind](store)
    tracker = Tracker(store=store)
    run = tracker.start_run()
    train(tracker, 0, 50)
    disk.fill()
    said = heard(lambda: (train(tracker, 50, 100), tracker.end_run(), tracker.close()))
    disk.free()
    ack(json.dumps([run.run_id, said]))


def test_points_that_are_lost_in_the_end_are_counted_aloud(
    disk: tuple[str, Path], children: WarmParent
) -> None:
    kind, store = disk

    child = children.start(train_on_a_disk_that_stays_full, kind, store).succeed()

    run_id, said = json.loads(child.lines[0])
    found = look(store, run_id)
    kept = [point.step for point in found.points["loss"]]
    assert kept[:50] == list(range(50))
    assert found.status == RunStatus.KILLED or kind == "small disk"
    assert any("points of run" in text and "are lost" in text for text in said)


def train_and_raise(ack: Ack, kind: str, store: Path) -> None:
    quiet_background()
    disk = DISKS[kind](store)
    tracker = Tracker(store=store, on_error="raise")
    run = tracker.start_run()
    tracker.log_metric("loss", 0, step=0)
    disk.fill()
    refused = 0
    for call in (
        lambda: [tracker.log_metric("loss", step, step=step) for step in range(1, 1000)],
        lambda: [tracker.log_metric(f"new {step}", 1.0) for step in range(1000)],
        lambda: tracker.log_params({f"p{step}": "x" * 10_000 for step in range(300)}),
        lambda: tracker.set_tags({f"t{step}": "x" * 10_000 for step in range(300)}),
        lambda: tracker.log_text("x" * 4_000_000, "big.txt"),
    ):
        try:
            call()
        except StoreError:
            refused += 1
    disk.free()
    tracker.log_metric("loss", 2000, step=2000)
    tracker.log_param("p", 1)
    tracker.end_run()
    tracker.close()
    ack(json.dumps([run.run_id, refused]))


def test_a_full_disk_is_an_error_where_that_was_asked_for(
    disk: tuple[str, Path], children: WarmParent
) -> None:
    kind, store = disk

    child = children.start(train_and_raise, kind, store).succeed()

    run_id, refused = json.loads(child.lines[0])
    found = look(store, run_id)
    steps = [point.step for point in found.points["loss"]]
    assert refused == 5
    # What fitted into the last block of the file is there; what was refused is not, and nothing twice.
    assert steps == [*range(len(steps) - 1), 2000]
    assert len(steps) < 1000
    assert found.params == {"p": "1"}
    assert found.texts == {}
    assert (found.status, damage_of(store)) == (RunStatus.FINISHED, [])


def write_short(ack: Ack, store: Path) -> None:
    quiet_background()
    quota = Quota(store)
    tracker = Tracker(store=store)
    run = tracker.start_run()
    said: list[str] = []
    step = 0
    for room in range(1, 32, 3):
        tracker.log_metric("loss", step, step=step)
        size = max((store / "runs" / run.run_id).glob("metrics-*")).stat().st_size
        quota.leave(size + room)
        said += heard(lambda step=step: tracker.log_metric("loss", step + 1, step=step + 1))
        quota.free()
        run._writer.log.flush()
        step += 2
    tracker.end_run()
    tracker.close()
    ack(json.dumps([run.run_id, step, said]))


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has limits on the size of files")
def test_after_each_kind_of_short_write_all_points_are_read(children: WarmParent, tmp_path: Path) -> None:
    child = children.start(write_short, tmp_path / "store").succeed()

    run_id, steps, said = json.loads(child.lines[0])
    found = look(tmp_path / "store", run_id)
    assert [point.step for point in found.points["loss"]] == list(range(steps))
    assert found.counts["loss"] == steps
    assert len(said) == 11


# ---- a store that vanishes ---------------------------------------------------------------------


def train_without_a_store(ack: Ack, store: Path) -> None:
    quiet_background()
    tracker = Tracker(store=store)
    run = tracker.start_run()
    train(tracker, 0, 20)
    shutil.rmtree(store)

    def go_on() -> None:
        train(tracker, 20, 60)
        # A thread that has no connection yet finds no database.
        thread = threading.Thread(target=train, args=(tracker, 60, 100))
        thread.start()
        thread.join()

    said = heard(go_on)
    said += heard(run._store._keeper.round)  # what the background does within a second
    said += heard(lambda: (tracker.end_run(), tracker.close()))
    ack(json.dumps(said))


def test_training_goes_on_when_the_store_is_deleted(children: WarmParent, tmp_path: Path) -> None:
    child = children.start(train_without_a_store, tmp_path / "store").succeed()

    said = json.loads(child.lines[0])
    assert any("is gone" in text for text in said)
    assert any("was deleted or replaced" in text for text in said)
    assert not (tmp_path / "store").exists()
    assert all(text.startswith("RuntimeWarning: ") for text in said)
    assert len(said) < 10


def train_beside_a_moved_store(ack: Ack, store: Path) -> None:
    quiet_background()
    tracker = Tracker(store=store)
    run = tracker.start_run()
    train(tracker, 0, 20)
    store.rename(store.with_name("moved"))
    said = heard(lambda: train(tracker, 20, 40))
    store.with_name("moved").rename(store)
    train(tracker, 40, 60)
    tracker.end_run()
    tracker.close()
    ack(json.dumps([run.run_id, said]))


def test_a_store_that_was_away_for_a_moment_holds_everything(children: WarmParent, tmp_path: Path) -> None:
    store = tmp_path / "store"

    child = children.start(train_beside_a_moved_store, store).succeed()

    run_id, said = json.loads(child.lines[0])
    assert len(said) == 1
    assert "was deleted or replaced" in said[0]
    assert wrongs(store, run_id, range(60), RunStatus.FINISHED) == []


# ---- the control -------------------------------------------------------------------------------


def train_carelessly(ack: Ack, kind: str, store: Path) -> None:
    """A broken writer: what the disk refuses is dropped, without a word."""

    def drop(self: MetricLogWriter, points: Any, error: OSError) -> None:
        self._leave_segment()
        self._unsaved.clear()

    MetricLogWriter._refused = drop  # type: ignore[method-assign]
    metric_log._RETRY_SECONDS = 0.0
    train_on_a_full_disk(ack, kind, store)


def test_the_check_of_full_disks_sees_points_that_are_dropped(
    disk: tuple[str, Path], children: WarmParent
) -> None:
    kind, store = disk
    gate, go_on = os.pipe()
    child = children.start(train_carelessly, kind, store, fds=[gate])
    os.close(gate)
    os.close(go_on)
    child.end()

    run_id, said = json.loads(child.lines[0])
    assert [text for text in said if "cannot write metrics" in text] == []
    assert any("points of" in problem for problem in wrongs(store, run_id, range(200), RunStatus.FINISHED))
