"""The metric log: what was appended is read, whatever the disk, threads, forks and damage do."""

import errno
import itertools
import math
import os
import struct
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.errors import CorruptLogError, InvalidValueError, StoreError
from nbtrack.stores.local import metric_log
from nbtrack.stores.local.metric_frames import FRAME_BYTES
from nbtrack.stores.local.metric_log import MetricLogWriter, read_points, read_tail, segments
from tests.faults.interrupting import interrupted, swallowed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run."""
    run = tmp_path / "run"
    run.mkdir()
    return run


@pytest.fixture
def log(folder: Path) -> Iterator[MetricLogWriter]:
    writer = MetricLogWriter(str(folder))
    yield writer
    writer.close()


class Disk:
    """Stands between the log and the system: refuses writes, or takes only their first bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: int | None = None
        self.takes: int | None = None
        self.written = 0
        self._write = os.write
        monkeypatch.setattr(os, "write", self)
        monkeypatch.setattr(metric_log, "_write", self)

    def __call__(self, descriptor: int, data: bytes) -> int:
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        if self.takes is not None:
            data = data[: self.takes]
        self.written += 1
        return self._write(descriptor, data)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk that does what the test says."""
    return Disk(monkeypatch)


def values(folder: Path, key: str = "loss") -> list[float]:
    return read_points(str(folder), key)["value"].tolist()


def test_points_are_there_when_append_returned(log: MetricLogWriter, folder: Path) -> None:
    log.append("loss", 0.5, 3, 1000)
    log.append("acc", math.nan, -1, 2000)

    assert read_points(str(folder), "loss").tolist() == [(3, 1000, 0.5)]
    assert math.isnan(values(folder, "acc")[0])
    assert values(folder, "nothing") == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "ü" * 50, "\ud800"]),
            st.floats(),
            st.integers(-(2**63), 2**63 - 1),
            st.integers(0, 2**63 - 1),
        ),
        max_size=30,
    )
)
def test_what_is_written_is_read(tmp_path: Path, points: list[tuple[str, float, int, int]]) -> None:
    folder = tmp_path / os.urandom(8).hex()
    folder.mkdir()
    log = MetricLogWriter(str(folder))
    for key, value, step, timestamp in points:
        log.append(key, value, step, timestamp)
    log.close()

    for key in {point[0] for point in points}:
        found = read_points(str(folder), key).tolist()
        mine = sorted((point for point in points if point[0] == key), key=lambda point: point[3])
        assert [(step, timestamp, struct.pack("<d", value)) for step, timestamp, value in found] == [
            (step, timestamp, struct.pack("<d", value)) for _, value, step, timestamp in mine
        ]


def test_no_segment_is_made_before_the_first_point(log: MetricLogWriter, folder: Path) -> None:
    assert segments(str(folder)) == []

    log.append("loss", 0.5, 0, 0)

    assert len(segments(str(folder))) == 1


def test_a_closed_log_refuses(log: MetricLogWriter) -> None:
    log.append("loss", 0.5, 0, 0)
    log.close()

    with pytest.raises(InvalidValueError, match="'loss' was not logged"):
        log.append("loss", 0.5, 1, 0)


def test_segments_are_read_in_the_order_in_which_they_were_begun(folder: Path) -> None:
    for value in range(5):
        log = MetricLogWriter(str(folder))
        log.append("loss", float(value), 0, 7)
        log.close()
    for age, name in enumerate(segments(str(folder))):
        os.utime(folder / name, (1000 - age, 1000 - age))  # as a copy leaves them

    assert values(folder) == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_points_come_by_time_and_then_as_written(log: MetricLogWriter, folder: Path) -> None:
    for value, timestamp in ((1.0, 5), (2.0, 3), (3.0, 5), (4.0, 3)):
        log.append("loss", value, 0, timestamp)

    assert values(folder) == [2.0, 4.0, 1.0, 3.0]


# ---- refusing disks ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EROFS])
def test_refused_points_are_kept_and_written_later_in_order(
    number: int, log: MetricLogWriter, folder: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metric_log, "_RETRY_SECONDS", 0.0)
    log.append("loss", 0.0, 0, 7)

    def log_all() -> None:
        for step in range(1, 50):
            log.append("loss" if step % 2 else f"new {step}", float(step), step, 7)

    disk.error = number
    with pytest.warns(RuntimeWarning, match="Training goes on") as warned:
        log_all()
    assert log.unsaved == 49
    assert values(folder) == [0.0]
    disk.error = None
    log.append("loss", 50.0, 50, 7)

    assert len(warned) == 1
    assert str(folder) in str(warned[0].message)
    assert log.unsaved == 0
    assert values(folder) == [0.0, *(float(step) for step in range(1, 50, 2)), 50.0]
    assert values(folder, "new 2") == [2.0]


def test_a_refusing_disk_is_told_of_again_after_it_has_recovered(
    log: MetricLogWriter, disk: Disk, folder: Path
) -> None:
    for _ in range(2):
        disk.error = errno.ENOSPC
        with pytest.warns(RuntimeWarning, match="No space left"):
            log.append("loss", 0.5, 0, 0)
        assert not log.flush()
        disk.error = None
        assert log.flush()

    assert values(folder) == [0.5, 0.5]


def test_a_full_disk_collects_no_empty_segments(log: MetricLogWriter, disk: Disk, folder: Path) -> None:
    disk.error = errno.ENOSPC
    with pytest.warns(RuntimeWarning):
        log.append("loss", 0.5, 0, 0)

    for _ in range(5):
        log.flush()

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("takes", [0, 1, 16, 31])
def test_after_a_short_write_everything_is_read_once(
    takes: int, log: MetricLogWriter, disk: Disk, folder: Path
) -> None:
    log.append("loss", 0.0, 0, 7)
    disk.takes = takes
    with pytest.warns(RuntimeWarning, match=f"only {takes} of 32 bytes"):
        log.append("loss", 1.0, 1, 7)
    disk.takes = None
    log.append("loss", 2.0, 2, 7)
    log.flush()

    assert values(folder) == [0.0, 1.0, 2.0]
    assert len(segments(str(folder))) == 2


@pytest.mark.parametrize("takes", [0, 5, 32, 40])
def test_after_half_a_name_the_points_of_the_key_are_read(
    takes: int, log: MetricLogWriter, disk: Disk, folder: Path
) -> None:
    log.append("loss", 0.0, 0, 7)
    disk.takes = takes
    with pytest.warns(RuntimeWarning):
        log.append("a long name " * 10, 1.0, 1, 7)
    disk.takes = None
    log.flush()

    assert values(folder, "a long name " * 10) == [1.0]
    assert values(folder) == [0.0]


def test_the_oldest_points_go_when_there_are_too_many_and_that_is_said(
    log: MetricLogWriter, disk: Disk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metric_log, "BUFFERED_POINTS", 10)
    disk.error = errno.ENOSPC
    with pytest.warns(RuntimeWarning, match="up to 10"):
        log.append("loss", 0.0, 0, 7)
    for step in range(1, 15):
        log.append("loss", float(step), step, 7)

    disk.error = None
    with pytest.warns(RuntimeWarning, match="5 points are lost"):
        log.flush()

    assert values(folder) == [float(step) for step in range(5, 15)]


def test_a_writer_that_raises_keeps_nothing_back(folder: Path, disk: Disk) -> None:
    log = MetricLogWriter(str(folder), raises=True)
    log.append("loss", 0.0, 0, 7)

    disk.error = errno.ENOSPC
    for key in ("loss", "new"):
        with pytest.raises(StoreError, match=r"No space left.*The point was not logged"):
            log.append(key, 1.0, 1, 7)
    disk.error, disk.takes = None, 9
    with pytest.raises(StoreError, match="only 9 of 32"):
        log.append("loss", 2.0, 2, 7)
    disk.takes = None
    log.append("loss", 3.0, 3, 7)
    log.close()

    assert log.unsaved == 0
    assert values(folder) == [0.0, 3.0]


# ---- interrupts --------------------------------------------------------------------------------


def test_an_interrupt_writes_a_point_once_or_not_at_all(log: MetricLogWriter, folder: Path) -> None:
    for instant in itertools.count(1):
        key = f"key {instant}"

        first = interrupted(lambda key=key: log.append(key, 1.0, 1, 1), instant)
        again = interrupted(lambda key=key: log.append(key, 2.0, 2, 2), instant)
        log.append(key, 3.0, 3, 3)

        found = values(folder, key)
        assert sorted(set(found)) == found
        assert found[-1] == 3.0
        assert log.unsaved == 0
        if not first.struck and not again.struck:
            break

    assert instant > 10


def test_interrupts_while_the_log_closes_keep_no_descriptor_and_no_lock(folder: Path) -> None:
    for instant in itertools.count(1):
        log = MetricLogWriter(str(folder))
        log.append("loss", float(instant), instant, instant)

        with swallowed() as lost:
            outcome = interrupted(log.close, instant)
        thread = threading.Thread(target=log.close)
        thread.start()
        thread.join(30)

        assert not thread.is_alive()
        assert outcome.reached == outcome.struck
        assert lost == []
        if not outcome.struck:
            break

    assert values(folder) == [float(number) for number in range(1, instant + 1)]


# ---- threads and forks -------------------------------------------------------------------------


def test_threads_share_a_segment_and_lose_nothing(log: MetricLogWriter, folder: Path) -> None:
    def work(number: int) -> None:
        for step in range(500):
            log.append("shared", float(step), step, number)
            log.append(f"own {number} {step % 20}", float(step), step, number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    points = read_points(str(folder), "shared")
    assert len(segments(str(folder))) == 1
    for number in range(8):
        assert points["step"][points["timestamp"] == number].tolist() == list(range(500))
        assert sum(len(values(folder, f"own {number} {part}")) for part in range(20)) == 500


def test_a_call_under_way_while_the_log_closes_is_not_lost(
    log: MetricLogWriter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other thread has looked up the segment and not yet written when this one closes the log."""
    log.append("loss", 0.0, 0, 1)
    looked, closed = threading.Event(), threading.Event()
    write = os.write

    def slow(descriptor: int, data: bytes) -> int:
        looked.set()
        closed.wait()
        return write(descriptor, data)

    monkeypatch.setattr(metric_log, "_write", slow)
    thread = threading.Thread(target=log.append, args=("loss", 1.0, 1, 2))
    thread.start()
    looked.wait()
    log.close()
    other = os.open(folder / "other", os.O_WRONLY | os.O_CREAT)  # it may get a number that was free
    closed.set()
    thread.join()
    os.close(other)

    assert values(folder) == [0.0, 1.0]
    assert (folder / "other").read_bytes() == b""


def test_descriptors_are_given_back(folder: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    for _ in range(20):
        log = MetricLogWriter(str(folder))
        log.append("loss", 0.5, 0, 0)
        log.close()

    if before:
        assert len(os.listdir("/proc/self/fd")) == before


# ---- reading -----------------------------------------------------------------------------------


def test_a_reader_goes_on_where_it_stopped(log: MetricLogWriter, folder: Path) -> None:
    log.append("loss", 0.0, 0, 0)
    path = str(folder / segments(str(folder))[0])
    first = read_tail(path)
    log.append("a name of several frames, which are read whole", 1.0, 1, 0)
    log.append("loss", 2.0, 2, 0)

    second = read_tail(path, first.mark)
    third = read_tail(path, second.mark)

    assert (first.decoded.values, second.decoded.values, third.decoded.values) == ([0.0], [1.0, 2.0], [])
    assert second.mark.keys == ["loss", "a name of several frames, which are read whole"]
    assert second.mark == read_tail(path).mark == third.mark


def test_a_torn_end_waits_for_the_next_read(log: MetricLogWriter, folder: Path) -> None:
    log.append("loss", 0.0, 0, 0)
    path = folder / segments(str(folder))[0]
    whole = path.read_bytes()
    log.append("loss", 1.0, 1, 0)
    written = path.read_bytes()

    path.write_bytes(written[: len(whole) + 11])
    torn = read_tail(str(path))
    path.write_bytes(written)

    assert torn.mark.end == len(whole)
    assert read_tail(str(path), torn.mark).decoded.values == [1.0]


def test_a_segment_that_became_shorter_is_an_error_that_names_it(log: MetricLogWriter, folder: Path) -> None:
    for step in range(5):
        log.append("loss", 0.0, step, 0)
    path = folder / segments(str(folder))[0]
    mark = read_tail(str(path)).mark
    path.write_bytes(path.read_bytes()[:FRAME_BYTES])

    with pytest.raises(CorruptLogError, match=r"is shorter.*32 of 224 bytes"):
        read_tail(str(path), mark)
    with pytest.raises(StoreError, match="Cannot read"):
        read_tail(str(folder / "metrics-none.log"))


@given(data=st.data())
def test_marks_change_nothing_about_what_is_read(tmp_path: Path, data: st.DataObject) -> None:
    """Marks save the checking of each frame; damage behind one is found by its checksum."""
    folder = tmp_path / os.urandom(8).hex()
    folder.mkdir()
    log = MetricLogWriter(str(folder))
    marks: dict[str, Any] = {}
    for step in range(data.draw(st.integers(1, 30))):
        log.append(data.draw(st.sampled_from(["loss", "acc", "ü" * 40])), float(step), step, step)
        if data.draw(st.booleans()):
            name = segments(str(folder))[0]
            marks[name] = read_tail(str(folder / name), marks.get(name, metric_log.START)).mark
    log.close()
    path = folder / segments(str(folder))[0]
    if data.draw(st.booleans()):
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)

    for key in ("loss", "acc", "ü" * 40):
        assert read_points(str(folder), key, marks).tolist() == read_points(str(folder), key).tolist()


def test_a_name_beyond_all_reason_takes_no_memory(folder: Path) -> None:
    from nbtrack.stores.local.metric_frames import header, name_frames, point_frame

    number = 0x3FFF_FFFF
    path = folder / "metrics-hostile.log"
    path.write_bytes(header() + name_frames("big", number) + point_frame(1, 2, 0.5, number))

    assert read_tail(str(path)).mark.keys == []
    assert values(folder, "big") == [0.5]


def test_nothing_is_warned_of_in_peace(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log = MetricLogWriter(str(folder))
        for step in range(100):
            log.append(f"key {step % 3}", 0.5, step, 0)
        log.sync()
        log.close()
        log.sync()
        log.close()
