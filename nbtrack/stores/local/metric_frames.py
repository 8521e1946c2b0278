"""The bytes of a metric log: frames of 32 bytes, each with a checksum of its own.

A segment begins with a header frame. A point is one frame. A key gets a number when it is first
used in a segment; its name is a run of frames written before the first point that uses the
number. Frames are little-endian:

    point         step int64, timestamp int64 (ms), value float64, key number,      crc32
    name          length uint32 and 20 bytes of UTF-8,             key number | NAME, crc32
    more of it    24 bytes of UTF-8,                               key number | MORE, crc32
    header        magic, format version,                           HEADER,            crc32

The checksum covers the 28 bytes before it. A frame that fails it is either the torn end of the
segment or damage; `decode` finds the next whole frame, wherever it begins.
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple
from zlib import crc32

FRAME_BYTES = 32
POINT = struct.Struct("<qqdI")
"""Step, timestamp, value, key number; the checksum of these 28 bytes follows."""

_TEXT = struct.Struct("<24sI")
_FRAME = struct.Struct("<qqdII")
_CRC = struct.Struct("<I")
_LENGTH = struct.Struct("<I")

_KIND = 0xC000_0000
_POINT = 0
_MORE = 0x4000_0000
_NAME = 0x8000_0000
_HEADER = 0xC000_0000
MAX_KEYS = 0x3FFF_FFFF

_MAGIC = b"nbtrack points\n"
_VERSION = 1

# Below this many bytes a loop over frames beats the 0.1 s that importing numpy takes.
ARRAY_BYTES = 4096 * FRAME_BYTES


class Decoded(NamedTuple):
    """What a stretch of a segment holds."""

    steps: Any
    """(points,) int64, in the order written: a list, or an array for a long stretch."""
    timestamps: Any
    """(points,) int64, milliseconds since 1970, UTC."""
    values: Any
    """(points,) float64."""
    key_numbers: Any
    """(points,) which key, an index into the names of the segment."""
    names: dict[int, str]
    """Key numbers defined in this stretch, with their names."""
    end: int
    """Bytes that are whole; what follows is a torn end, or still being written."""
    damage: list[tuple[int, int]]
    """Byte ranges before `end` that hold no whole frame."""
    in_arrays: bool
    """Whether the points are numpy arrays."""


def header() -> bytes:
    """The first frame of every segment."""
    return _sealed(_TEXT.pack(_MAGIC + bytes([_VERSION]), _HEADER))


def name_frames(key: str, number: int) -> bytes:
    """The frames that give a key its number."""
    # Lone surrogates are kept: any text that Python can hold is a key.
    text = key.encode("utf-8", "surrogatepass")
    frames = [_sealed(_TEXT.pack(_LENGTH.pack(len(text)) + text[:20], _NAME | number))]
    frames += [
        _sealed(_TEXT.pack(text[start : start + 24], _MORE | number)) for start in range(20, len(text), 24)
    ]
    return b"".join(frames)


def point_frame(step: int, timestamp: int, value: float, number: int) -> bytes:
    """One point; the writer's hot path does the same in place."""
    return _sealed(POINT.pack(step, timestamp, value, number))


def decode(data: bytes, arrays_from: int = ARRAY_BYTES) -> Decoded:
    """Read the frames of a stretch that begins at a frame's first byte.

    Args:
        data: Bytes of one segment, from its beginning or from the `end` of an earlier stretch.
        arrays_from: From so many bytes on the points are numpy arrays.
    """
    return _decode_arrays(data) if len(data) >= arrays_from else _decode_loop(data)


def _sealed(body: bytes) -> bytes:
    return body + _CRC.pack(crc32(body))


def _decode_loop(data: bytes) -> Decoded:
    steps: list[int] = []
    timestamps: list[int] = []
    values: list[float] = []
    numbers: list[int] = []
    texts = _Names()
    offsets, end, damage = _whole_frames(data)
    end = _before_unfinished_name(data, end, damage)
    for offset in offsets:
        step, timestamp, value, number, _ = _FRAME.unpack_from(data, offset)
        if number <= MAX_KEYS:
            steps.append(step)
            timestamps.append(timestamp)
            values.append(value)
            numbers.append(number)
        else:
            texts.add(number, data[offset : offset + 24])
    return Decoded(steps, timestamps, values, numbers, texts.complete, end, damage, in_arrays=False)


def _whole_frames(data: bytes) -> tuple[list[int], int, list[tuple[int, int]]]:
    """Offsets of the frames that pass their checksum, where they end, and the ranges that do not."""
    offsets: list[int] = []
    damage: list[tuple[int, int]] = []
    at = end = 0
    for offset in _candidates(data):
        if offset < at:
            continue
        if offset > at:
            damage.append((at, offset))
        offsets.append(offset)
        at = end = offset + FRAME_BYTES
    return offsets, end, damage


def _before_unfinished_name(data: bytes, end: int, damage: list[tuple[int, int]]) -> int:
    """Where the whole bytes end if a name of several frames, of which the last is missing, is left out.

    A reader may look while it is being written; its first half alone would be forgotten.
    """
    first = damage[-1][1] if damage else 0
    at = end - FRAME_BYTES
    room = 20
    while at >= first:
        number = _FRAME.unpack_from(data, at)[3]
        if number & _KIND == _NAME:
            return at if _LENGTH.unpack_from(data, at)[0] > room else end
        if number & _KIND != _MORE:
            return end
        room += 24
        at -= FRAME_BYTES
    return end


def _candidates(data: bytes) -> Iterator[int]:
    """Where frames begin: one after the other, and after damage at the next byte that fits."""
    offset, last = 0, len(data) - FRAME_BYTES
    view = memoryview(data)
    unpack = _CRC.unpack_from
    while offset <= last:
        # A short write may have left half a frame in the middle, so look at every byte after it.
        if crc32(view[offset : offset + 28]) == unpack(data, offset + 28)[0]:
            yield offset
            offset += FRAME_BYTES
        else:
            offset += 1


def _decode_arrays(data: bytes) -> Decoded:
    import numpy as np

    usable = len(data) - len(data) % FRAME_BYTES
    frames = np.frombuffer(data, dtype=_frame_type(), count=usable // FRAME_BYTES)
    good = _checksums(np.frombuffer(data, dtype="<u2", count=usable // 2).reshape(-1, 16)) == frames["crc"]
    damage: list[tuple[int, int]] = []
    end = usable
    if not good.all():
        # Damage, or a torn end: the loop decides from the first bad frame on, byte by byte.
        first_bad = int(good.argmin()) * FRAME_BYTES
        offsets, tail_end, tail_damage = _whole_frames(data[first_bad:])
        damage = [(first_bad + start, first_bad + stop) for start, stop in tail_damage]
        pieces = [data[:first_bad]]
        pieces += [data[first_bad + offset : first_bad + offset + FRAME_BYTES] for offset in offsets]
        frames = np.frombuffer(b"".join(pieces), dtype=_frame_type())
        end = first_bad + tail_end
    end = _before_unfinished_name(data, end, damage)
    points, names = split_frames(frames)
    return Decoded(
        points["step"],
        points["timestamp"],
        points["value"],
        points["number"],
        names,
        end,
        damage,
        in_arrays=True,
    )


def read_frames(path: str, size: int) -> Any:
    """Read the first `size` bytes of a segment as a structured array, (frames,); None if there are fewer."""
    import numpy as np

    try:
        frames = np.fromfile(path, dtype=_frame_type(), count=size // FRAME_BYTES)
    except OSError:
        return None
    return frames if frames.nbytes == size else None


def split_frames(frames: Any) -> tuple[Any, dict[int, str]]:
    """Part the points from the names of their keys.

    Args:
        frames: (frames,) structured, known to be whole.

    Returns:
        A structured array of the points, (points,) with the fields `step`, `timestamp`, `value`
        and `number`, and the names by key number.
    """
    import numpy as np

    is_point = frames["number"] <= MAX_KEYS
    others = np.flatnonzero(~is_point)
    if not others.size:
        return frames, {}
    texts = _Names()
    for index in others.tolist():
        texts.add(int(frames["number"][index]), frames[index].tobytes()[:24])
    # Names usually stand at the beginning; a slice is free where a mask copies every frame.
    if others[-1] == others.size - 1:
        return frames[others.size :], texts.complete
    return frames[is_point], texts.complete


class _Names:
    """Puts the names of keys together from their frames."""

    def __init__(self) -> None:
        self.complete: dict[int, str] = {}
        self._pieces: dict[int, tuple[int, bytes]] = {}

    def add(self, number: int, body: bytes) -> None:
        kind, number = number & _KIND, number & MAX_KEYS
        if kind == _HEADER:
            return
        if kind == _NAME:
            wanted, text = _LENGTH.unpack_from(body)[0], body[4:]
        elif number in self._pieces:
            wanted, text = self._pieces[number][0], self._pieces[number][1] + body
        else:
            return
        if len(text) >= wanted:
            self.complete[number] = _decoded(text[:wanted])
            self._pieces.pop(number, None)
        else:
            self._pieces[number] = wanted, text


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return text.decode("utf-8", "replace")  # nbtrack never writes that, but a reader must not fail


def _frame_type() -> list[tuple[str, str]]:
    return [
        ("step", "<i8"),
        ("timestamp", "<i8"),
        ("value", "<f8"),
        ("number", "<u4"),
        ("crc", "<u4"),
    ]


_crc_tables: Any = None


def _checksums(words: Any) -> Any:
    """The crc32 of many frames at once.

    A CRC of messages of one length is linear: it is the XOR of what each 16-bit word contributes
    at its place, and the CRC of zeros. So 14 look-ups per frame replace a call per frame.

    Args:
        words: (frames, 16) uint16; the last two are the checksum and not looked at.

    Returns:
        (frames,) uint32.
    """
    import numpy as np

    global _crc_tables
    if _crc_tables is None:
        _crc_tables = _make_crc_tables()
    result = np.full(len(words), crc32(bytes(28)), dtype=np.uint32)
    for place in range(14):
        result ^= _crc_tables[place][words[:, place]]
    return result


def _make_crc_tables() -> Any:
    """(14, 65536) uint32: what a 16-bit word at each place adds to the checksum."""
    import numpy as np

    zeros = crc32(bytes(28))
    single = np.array(
        [
            [crc32(bytes(place) + bytes([byte]) + bytes(27 - place)) ^ zeros for byte in range(256)]
            for place in range(28)
        ],
        dtype=np.uint32,
    )
    # Little-endian: the low byte of a word stands first.
    return (single[0::2, None, :] ^ single[1::2, :, None]).reshape(14, 65536)
