"""The metric log of a run: one append-only segment per writing process, one frame per point.

A point is one `os.write` to the process's own segment: no lock, no other file, at once. When
`append` returned, the point is with the operating system and survives the death of the process;
`sync` makes it survive a power cut. Frames are never rewritten and a torn end is never cut off,
so a reader may keep an offset for hours.
"""

import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from operator import call
from time import monotonic, time_ns
from typing import Any, NamedTuple
from zlib import crc32

from nbtrack.core.errors import CorruptLogError, InvalidValueError, StoreError
from nbtrack.core.warn import warn_user
from nbtrack.documents.disk_sync import sync_file
from nbtrack.stores.local import metric_frames
from nbtrack.stores.local.metric_frames import ARRAY_BYTES, FRAME_BYTES, MAX_KEYS, POINT, Decoded

_PREFIX, _SUFFIX = "metrics-", ".log"

BUFFERED_POINTS = 1_000_000
"""Points kept in memory while the disk refuses them, about 100 MB; then the oldest are dropped."""

_RETRY_SECONDS = 1.0

# Without it the number of references of an object changes at any moment.
_HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()

_pack = POINT.pack
_write = os.write


class MetricLogWriter:
    """Appends the points of one run from this process; its threads share it.

    A forked child that uses its parent's writer gets a segment of its own.
    """

    def __init__(
        self, folder: str, *, on_segment: Callable[[], None] | None = None, raises: bool = False
    ) -> None:
        """Begin a part of the log; its segment is made with the first point.

        Args:
            folder: The run's folder; it exists.
            on_segment: Called after a segment was made: in this process, or in a forked child.
            raises: Whether a point that the disk refuses is an error, and not kept in memory.
        """
        self._folder = folder
        self._on_segment = on_segment
        self._raises = raises
        self._segment = _Segment(-1, {})
        self._lock = threading.RLock()
        self._closed = False
        self._unsaved: deque[tuple[str, float, int, int]] = deque()
        self._dropped = 0
        self._warned = False
        self._retry_at = 0.0
        self._synced: dict[str, int] = {}  # bytes of each of our segments that survive a power cut
        self._left_bytes = 0
        _writers.add(self)

    def append(self, key: str, value: float, step: int, timestamp: int) -> None:
        """Write one point.

        Args:
            key: The metric; any text.
            value: A float.
            step: int64.
            timestamp: Milliseconds since 1970, UTC.

        A disk that refuses raises only where that was asked for: else the point is kept in memory, a
        warning says so once, and later calls, `flush` and `close` try again.

        An interrupt (KeyboardInterrupt) leaves the point written or not, never in part and never twice.

        Raises:
            StoreError: The disk refused, and the writer was made with `raises`.
            InvalidValueError: The log is closed.
        """
        segment = self._segment
        number = segment.numbers.get(key)
        if number is None or self._unsaved:
            self._append_slowly(key, value, step, timestamp)
            return
        frame = _pack(step, timestamp, value, number)
        frame += crc32(frame).to_bytes(4, "little")
        try:
            written = _write(segment.descriptor, frame)
        except OSError as error:
            self._refused([(key, value, step, timestamp)], error)
            return
        if written != FRAME_BYTES:
            self._refused([(key, value, step, timestamp)], _short_write(written, FRAME_BYTES))

    def flush(self) -> bool:
        """Write what the disk refused earlier; True when nothing is left in memory."""
        with self._lock:
            self._retry_at = 0.0
            self._save_buffered()
            return not self._unsaved

    def sync(self) -> None:
        """Make every point written so far survive a power cut, also after `close`.

        Raises:
            StoreError: The disk refused.
        """
        self.flush()
        for name, synced in list(self._synced.items()):
            path = os.path.join(self._folder, name)
            try:
                size = os.stat(path).st_size
                if size != synced:
                    sync_file(path)
                    self._synced[name] = size
            except OSError as error:
                raise StoreError(f"Could not sync {path}: {error.strerror}.") from error

    def close(self) -> None:
        """End this process's part of the log. A call of another thread that is under way succeeds."""
        self.flush()
        with self._lock:
            self._closed = True
            self._leave_segment()

    @property
    def unsaved(self) -> int:
        """Points that are in memory only, because the disk refused them."""
        return len(self._unsaved)

    @property
    def bytes_written(self) -> int:
        """Size of all segments of this writer."""
        segment = self._segment  # which keeps its descriptor open
        return self._left_bytes + (os.fstat(segment.descriptor).st_size if segment.descriptor >= 0 else 0)

    def _append_slowly(self, key: str, value: float, step: int, timestamp: int) -> None:
        """The first point of a key, and every point while the disk refuses."""
        _pack(step, timestamp, value, 0)  # what does not fit a frame must not get into the buffer
        with self._lock:
            if self._closed:
                raise InvalidValueError(
                    f"The run has ended, metric {key!r} was not logged. "
                    "Go on with it by start_run(run_id=...)."
                )
            self._unsaved.append((key, value, step, timestamp))
            if len(self._unsaved) > BUFFERED_POINTS:
                self._unsaved.popleft()
                self._dropped += 1
            if monotonic() >= self._retry_at:
                self._save_buffered()

    def _save_buffered(self) -> None:
        unsaved = self._unsaved
        while unsaved:
            point = unsaved[0]
            key, value, step, timestamp = point
            try:
                number = self._number_of(key)
                frame = metric_frames.point_frame(step, timestamp, value, number)
                # One call, made from C: no interrupt can come after the write and before the point is
                # off the list, which would write it twice.
                steps: Any = (partial(_write, self._segment.descriptor, frame), unsaved.popleft)
                written, _ = map(call, steps)
                if written != FRAME_BYTES:
                    unsaved.appendleft(point)
                    raise _short_write(written, FRAME_BYTES)
            except OSError as error:
                self._refused([], error)
                return
        self._retry_at = 0.0
        if self._warned:
            self._recovered()

    def _number_of(self, key: str) -> int:
        segment = self._segment
        if segment.descriptor < 0:
            segment = self._open_segment()
        number = segment.numbers.get(key)
        if number is None:
            number = len(segment.numbers)
            if number > MAX_KEYS:
                raise InvalidValueError(
                    f"A run holds at most {MAX_KEYS} metrics; {key[:60]!r} is one too many."
                )
            _write_whole(segment.descriptor, metric_frames.name_frames(key, number))
            # Known to the other threads only once the name is in the file before their points.
            segment.numbers[key] = number
        return number

    def _open_segment(self) -> "_Segment":
        # Names sort in the order in which segments were begun, whatever copied the files since.
        name = f"{_PREFIX}{time_ns():016x}{os.urandom(4).hex()}{_SUFFIX}"
        path = os.path.join(self._folder, name)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        segment = _Segment(os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600), {}, name)
        try:
            _write_whole(segment.descriptor, metric_frames.header())
        except BaseException:
            with suppress(OSError):
                os.unlink(path)  # a full disk would collect one for every attempt
            raise
        self._segment = segment
        self._synced[name] = 0
        if self._on_segment:
            self._on_segment()
        return segment

    def _leave_segment(self) -> None:
        """Use another segment from now on."""
        segment = self._segment
        if segment.descriptor < 0:
            return
        self._left_bytes += os.fstat(segment.descriptor).st_size
        self._segment = _Segment(-1, {})
        # Another thread may be about to write to it. Then the last one closes it: closing it here
        # could send that thread's point into whatever file gets its number next.
        if _HAS_GIL and sys.getrefcount(segment) == _references():
            descriptor, segment.descriptor = segment.descriptor, -1
            os.close(descriptor)
        else:
            segment.closer = _Closer(segment.descriptor)

    def _refused(self, points: list[tuple[str, float, int, int]], error: OSError) -> None:
        where = f"nbtrack cannot write metrics to {self._folder}: {error.strerror or error}."
        with self._lock:
            # Half a frame may lie at its end; what follows goes into a new segment.
            self._leave_segment()
            if self._raises:
                self._unsaved.clear()  # the point of this call; there are no others
                raise StoreError(f"{where} The point was not logged.") from error
            self._unsaved.extend(points)
            self._retry_at = monotonic() + _RETRY_SECONDS
            is_first, self._warned = not self._warned, True
        if is_first:
            warn_user(
                f"{where} Training goes on; points are kept in memory (up to {BUFFERED_POINTS:,}) and "
                "written when the disk takes them."
            )

    def _recovered(self) -> None:
        self._warned = False
        if lost := self._dropped:
            self._dropped = 0
            warn_user(
                f"nbtrack can write metrics to {self._folder} again, but {lost:,} points are lost: "
                f"more than the {BUFFERED_POINTS:,} that are kept in memory."
            )

    def _after_fork(self) -> None:
        """Runs in the child: the segment is the parent's, and so may be a lock that nobody will free."""
        self._lock = threading.RLock()
        self._leave_segment()
        self._unsaved = deque()
        self._synced, self._left_bytes = {}, 0


class _Segment:
    """An open segment."""

    __slots__ = ("__weakref__", "closer", "descriptor", "name", "numbers")

    def __init__(self, descriptor: int, numbers: dict[str, int], name: str = "") -> None:
        self.descriptor = descriptor
        self.numbers = numbers
        self.name = name
        self.closer: _Closer | None = None


class _Closer:
    """Closes the descriptor of a segment when the last thread that uses it has let go of it.

    Only then is there one: Python ignores an interrupt that strikes inside a finalizer.
    """

    __slots__ = ("descriptor",)

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        with suppress(OSError):  # nothing depends on it: what was written is with the operating system
            os.close(self.descriptor)


def _references() -> int:
    """What `sys.getrefcount` says of a segment that only one local variable holds."""
    segment = _Segment(-1, {})
    return sys.getrefcount(segment)


def _write_whole(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    if written != len(data):
        raise _short_write(written, len(data))


def _short_write(written: int, size: int) -> OSError:
    return OSError(f"only {written} of {size} bytes could be written")


_writers: "weakref.WeakSet[MetricLogWriter]" = weakref.WeakSet()


def _forget_segments_in_child() -> None:
    for writer in list(_writers):
        writer._after_fork()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_segments_in_child)


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time_ns() // 1_000_000


class SegmentMark(NamedTuple):
    """How far a segment has been read, kept with what was made of it."""

    end: int
    """Bytes read, all of them whole frames."""
    checksum: int
    """crc32 of these bytes: a reader compares it instead of checking a million frames one by one."""
    keys: list[str]
    """The names defined so far; the index is the key number."""


class Tail(NamedTuple):
    """What was appended to a segment after a mark."""

    decoded: Decoded
    mark: SegmentMark


START = SegmentMark(0, 0, [])


def segments(folder: str) -> list[str]:
    """Names of the segments in a run's folder, in the order in which they were begun."""
    try:
        found = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted(name for name in found if name.startswith(_PREFIX) and name.endswith(_SUFFIX))


def read_tail(path: str, mark: SegmentMark = START, *, arrays_from: int = ARRAY_BYTES) -> Tail:
    """Read the points that were appended to a segment after `mark`.

    Args:
        path: The segment.
        mark: How far it has been read.
        arrays_from: From so many bytes on the points come as numpy arrays.

    A torn end is left for the next call. Damage in the middle is skipped; its byte ranges are in
    `decoded.damage`.

    Raises:
        StoreError: The file cannot be read.
    """
    data = _read(path, mark.end)
    decoded = metric_frames.decode(data, arrays_from)
    keys = list(mark.keys)
    for number, name in sorted(decoded.names.items()):
        if number * FRAME_BYTES >= mark.end + decoded.end:
            continue  # more keys than there is room for names: not written by nbtrack
        keys += [""] * (number + 1 - len(keys))
        keys[number] = name
    checksum = crc32(data[: decoded.end], mark.checksum) if decoded.end else mark.checksum
    return Tail(decoded, SegmentMark(mark.end + decoded.end, checksum, keys))


def read_points(folder: str, key: str, marks: Mapping[str, SegmentMark] | None = None) -> Any:
    """Read all points of one metric.

    Args:
        folder: The run's folder.
        key: The metric.
        marks: How far each segment was checked already, by segment name. Those bytes are compared
            with one checksum; the rest, and all of it when that differs, frame by frame.

    Returns:
        A structured array, (points,), with the fields `step` (int64), `timestamp` (int64, ms
        since 1970, UTC) and `value` (float64), ordered by timestamp, then as written.
    """
    import numpy as np

    pieces = [
        piece
        for name in segments(folder)
        for piece in _points_of(os.path.join(folder, name), key, (marks or {}).get(name))
    ]
    pieces = [piece for piece in pieces if len(piece)]
    if not pieces:
        return no_points()
    fields = ["step", "timestamp", "value"]
    points = pieces[0][fields] if len(pieces) == 1 else np.concatenate([piece[fields] for piece in pieces])
    timestamps = points["timestamp"]
    if len(timestamps) > 1 and (timestamps[1:] < timestamps[:-1]).any():
        points = points[np.argsort(timestamps, kind="stable")]
    return points


def no_points() -> Any:
    """An empty array, as `read_points` gives for a metric without points."""
    import numpy as np

    return np.empty(0, dtype=_POINT_TYPE)


def _points_of(path: str, key: str, mark: SegmentMark | None) -> list[Any]:
    """The points of a metric in one segment: those before the mark, and those after it."""
    import numpy as np

    names: dict[int, str] = {}
    found: list[Any] = []
    whole = metric_frames.read_frames(path, mark.end) if mark else None
    if mark and whole is not None and crc32(whole) == mark.checksum:
        points, names = metric_frames.split_frames(whole)
        found.append(points)
    tail = _read(path, mark.end if mark and found else 0)
    if tail:
        decoded = metric_frames.decode(tail)
        names.update(decoded.names)
        found.append(_as_array(decoded))
    numbers = [number for number, text in names.items() if text == key]
    if not numbers:
        return []
    return [points if len(names) == 1 else points[np.isin(points["number"], numbers)] for points in found]


_POINT_TYPE = [("step", "<i8"), ("timestamp", "<i8"), ("value", "<f8")]


def _as_array(decoded: Decoded) -> Any:
    import numpy as np

    points = np.empty(len(decoded.steps), dtype=[*_POINT_TYPE, ("number", "<u4")])
    points["step"], points["timestamp"] = decoded.steps, decoded.timestamps
    points["value"], points["number"] = decoded.values, decoded.key_numbers
    return points


def _read(path: str, offset: int) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            if offset:
                size = os.fstat(file.fileno()).st_size
                if size < offset:
                    raise CorruptLogError(
                        f"{path} is shorter than what was read of it: {size} of {offset} bytes."
                    )
                file.seek(offset)
            return file.read()
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"Cannot read {path}: {error.strerror}.") from error
