"""Frames: written and read back, in stretches, and with any byte of them damaged."""

import random
import struct
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.stores.local import metric_frames
from nbtrack.stores.local.metric_frames import (
    ARRAY_BYTES,
    FRAME_BYTES,
    Decoded,
    decode,
    header,
    name_frames,
    point_frame,
)

_int64 = st.integers(-(2**63), 2**63 - 1)
_keys = st.text(st.characters(codec=None), min_size=1, max_size=80)  # lone surrogates among them


class Piece(NamedTuple):
    """What was written: a header, a name or a point, at this place of the segment."""

    start: int
    data: bytes
    number: int
    name: str | None = None
    point: tuple[int, int, bytes] | None = None


@st.composite
def segments(draw: st.DrawFn) -> list[Piece]:
    """A segment as a writer makes it: each name before the first point that uses its number."""
    pieces = [Piece(0, header(), -1)]
    keys = draw(st.lists(_keys, min_size=1, max_size=5, unique=True))
    order = draw(st.lists(st.integers(0, len(keys) - 1), max_size=25))
    known: dict[int, int] = {}
    for choice in order:
        at = pieces[-1].start + len(pieces[-1].data)
        if choice not in known:
            known[choice] = len(known)
            pieces.append(Piece(at, name_frames(keys[choice], known[choice]), known[choice], keys[choice]))
            at += len(pieces[-1].data)
        step, timestamp, value = draw(st.tuples(_int64, _int64, st.floats()))
        frame = point_frame(step, timestamp, value, known[choice])
        pieces.append(Piece(at, frame, known[choice], point=(step, timestamp, struct.pack("<d", value))))
    return pieces


def whole(pieces: list[Piece]) -> bytes:
    return b"".join(piece.data for piece in pieces)


def points(decoded: Decoded) -> list[tuple[int, int, bytes, int]]:
    """(step, timestamp, bits of the value, key number) of each point."""
    values = np.asarray(decoded.values, dtype="<f8")
    columns = [np.asarray(c).tolist() for c in (decoded.steps, decoded.timestamps, decoded.key_numbers)]
    return [
        (step, timestamp, value.tobytes(), number)
        for step, timestamp, number, value in zip(*columns, values, strict=True)
    ]


def said(decoded: Decoded) -> tuple[object, ...]:
    """All that a decoder says, in one form for both."""
    return points(decoded), decoded.names, decoded.end, decoded.damage


@given(segments())
def test_frames_come_back_as_they_were_written(pieces: list[Piece]) -> None:
    data = whole(pieces)

    decoded = metric_frames._decode_loop(data)

    assert points(decoded) == [(*piece.point, piece.number) for piece in pieces if piece.point]
    assert decoded.names == {piece.number: piece.name for piece in pieces if piece.name is not None}
    assert (decoded.end, decoded.damage) == (len(data), [])
    assert said(metric_frames._decode_arrays(data)) == said(decoded)


@given(segments(), st.data())
def test_two_stretches_say_what_one_says(pieces: list[Piece], data: st.DataObject) -> None:
    written = whole(pieces)
    cut = data.draw(st.integers(0, len(written)))

    for read in (metric_frames._decode_loop, metric_frames._decode_arrays):
        first = read(written[:cut])
        second = read(written[first.end :])

        assert first.damage == second.damage == []
        assert points(first) + points(second) == points(read(written))
        assert {**first.names, **second.names} == read(written).names
        assert first.end <= cut
        assert first.end + second.end == len(written)


def test_a_long_name_is_read_whole_or_not_yet() -> None:
    name = name_frames("é" * 100, 0)
    written = header() + name + point_frame(1, 2, 0.5, 0)

    for frames in range(1, len(name) // FRAME_BYTES):
        seen = decode(written[: FRAME_BYTES * (1 + frames)])

        assert (seen.names, seen.end) == ({}, FRAME_BYTES)
    assert decode(written[: FRAME_BYTES + len(name)]).names == {0: "é" * 100}


def damaged(data: bytes, draw: st.DrawFn) -> tuple[bytes, int, int]:
    """Damaged bytes, and the range of the original bytes that is touched."""
    kind = draw(st.sampled_from(["flip", "cut off", "insert", "remove", "zeros"]))
    at = draw(st.integers(0, len(data) - 1))
    if kind == "flip":
        return data[:at] + bytes([data[at] ^ draw(st.integers(1, 255))]) + data[at + 1 :], at, at + 1
    if kind == "cut off":
        return data[:at], at, len(data)
    if kind == "insert":
        return data[:at] + draw(st.binary(min_size=1, max_size=100)) + data[at:], at, at
    length = draw(st.integers(1, 100))
    filling = bytes(len(data[at : at + length])) if kind == "zeros" else b""
    return data[:at] + filling + data[at + length :], at, min(at + length, len(data))


@given(segments(), st.data())
def test_whatever_happens_to_some_bytes_the_other_points_are_read(
    pieces: list[Piece], data: st.DataObject
) -> None:
    original = whole(pieces)
    broken, start, stop = data.draw(st.composite(lambda draw: damaged(original, draw))())

    decoded = metric_frames._decode_loop(broken)

    def is_touched(piece: Piece) -> bool:
        """Whether a byte of it was changed, or bytes were put between its bytes."""
        return (piece.start < stop and start < piece.start + len(piece.data)) or (
            start == stop and piece.start < start < piece.start + len(piece.data)
        )

    untouched = [(*piece.point, piece.number) for piece in pieces if piece.point and not is_touched(piece)]
    everything = [(*piece.point, piece.number) for piece in pieces if piece.point]
    found = points(decoded)
    assert _is_subsequence(untouched, found)
    assert _is_subsequence(found, everything)
    for piece in pieces:
        if piece.name is not None and not is_touched(piece):
            assert decoded.names[piece.number] == piece.name
    if original == broken:
        return
    assert decoded.damage or decoded.end < len(broken) or len(broken) < len(original)


@given(segments(), st.data())
def test_both_decoders_say_the_same_of_damaged_bytes(pieces: list[Piece], data: st.DataObject) -> None:
    broken = whole(pieces)
    for _ in range(data.draw(st.integers(1, 4))):
        if broken:
            broken, _, _ = data.draw(st.composite(lambda draw: damaged(broken, draw))())  # noqa: B023

    assert said(metric_frames._decode_arrays(broken)) == said(metric_frames._decode_loop(broken))


@given(
    st.binary(max_size=300)
    | st.lists(st.binary(min_size=28, max_size=28), max_size=8).map(
        lambda bodies: b"".join(metric_frames._sealed(body) for body in bodies)
    )
)
def test_any_bytes_can_be_read(data: bytes) -> None:
    assert said(metric_frames._decode_arrays(data)) == said(metric_frames._decode_loop(data))


def test_damage_is_named_by_its_byte_range() -> None:
    data = bytearray(
        header() + name_frames("loss", 0) + b"".join(point_frame(i, i, 0.5, 0) for i in range(9))
    )
    data[5 * FRAME_BYTES + 3] ^= 1
    data[8 * FRAME_BYTES : 8 * FRAME_BYTES] = b"junk!"

    decoded = decode(bytes(data))

    assert decoded.damage == [(5 * 32, 6 * 32), (8 * 32, 8 * 32 + 5)]
    assert decoded.steps == [0, 1, 2, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("length", [ARRAY_BYTES - FRAME_BYTES, ARRAY_BYTES, ARRAY_BYTES + FRAME_BYTES])
def test_long_stretches_are_read_like_short_ones(length: int) -> None:
    chance = random.Random(length)
    count = length // FRAME_BYTES - 2
    data = header() + name_frames("loss", 0)
    data += b"".join(point_frame(index, 7, chance.random(), 0) for index in range(count))

    assert said(decode(data)) == said(metric_frames._decode_loop(data))
    assert isinstance(decode(data).values, list) == (length < ARRAY_BYTES)


def _is_subsequence(few: list[object], many: list[object]) -> bool:
    rest = iter(many)
    return all(each in rest for each in few)
