"""How deep JSON and UBJSON files are nested, before a parser that recurses reads them.

XGBoost's does, in C++: a small file of a stranger, nested deeply enough, ends the whole process.
"""

import re
from typing import BinaryIO, Final

MOST_LEVELS: Final = 100
"""Models of XGBoost have fewer than ten."""

_TOKEN = re.compile(rb'"|[\[{]|[\]}]|\\.', re.DOTALL)
_PIECE = 1 << 20
_SIZES = {b"d": 4, b"D": 8, b"i": 1, b"U": 1, b"I": 2, b"l": 4, b"L": 8, b"C": 1, b"Z": 0, b"T": 0, b"F": 0}
"""Bytes of each plain type of UBJSON."""


class UnknownFormError(ValueError):
    """It is written in a way that is not understood, so its depth is not known."""


def is_too_deep(file: BinaryIO, name: str) -> bool:
    """Whether a file is nested deeper than 100 levels; leaves it at its start.

    Args:
        file: JSON or UBJSON.
        name: Its name, which says what XGBoost takes it for; else its first bytes do.

    Raises:
        UnknownFormError: It is neither.
    """
    file.seek(0)
    head = file.read(2)
    file.seek(0)
    is_json = name.endswith(".json") or (not name.endswith(".ubj") and head[1:] in (b'"', b"}", b" ", b"\n"))
    try:
        return _is_deep_json(file) if is_json else _is_deep_ubjson(file)
    finally:
        file.seek(0)


def _is_deep_json(file: BinaryIO) -> bool:
    depth, in_text, carried = 0, False, b""
    while piece := file.read(_PIECE):
        piece = carried + piece
        # What a backslash at the end escapes comes with the next piece.
        carried = b"\\" if (len(piece) - len(piece.rstrip(b"\\"))) % 2 else b""
        for match in _TOKEN.finditer(piece[: len(piece) - len(carried)]):
            token = match[0]
            if token == b'"':
                in_text = not in_text
            elif in_text:
                continue
            elif token in b"[{":
                depth += 1
                if depth > MOST_LEVELS:
                    return True
            elif token in b"]}":
                depth -= 1
    return False


def _is_deep_ubjson(file: BinaryIO) -> bool:
    # What is open around: for an object True, for an array that ends by a bracket False, else how many
    # values of it are left.
    around: list[bool | int] = []
    started = False
    while around or not started:
        started = True
        if around and not (around[-1] is True or around[-1] is False):
            if around[-1] == 0:
                around.pop()
                continue
            around[-1] -= 1
        mark = _take(file, 1)
        if around and around[-1] is True:
            if mark == b"}":
                around.pop()
                continue
            if mark != b"L":
                raise UnknownFormError(f"a key that begins with {mark!r}")
            _pass(file, _length(file))
            mark = _take(file, 1)
        elif around and around[-1] is False and mark == b"]":
            around.pop()
            continue
        if mark == b"{":
            around.append(True)
        elif mark == b"[":
            _open_array(file, around)
        elif mark == b"S":
            if _take(file, 1) != b"L":
                raise UnknownFormError("a text without a length")
            _pass(file, _length(file))
        elif mark in _SIZES:
            _pass(file, _SIZES[mark])
        elif mark != b"N":
            raise UnknownFormError(f"a value that begins with {mark!r}")
        if len(around) > MOST_LEVELS:
            return True
    return False


def _open_array(file: BinaryIO, around: list[bool | int]) -> None:
    mark = _take(file, 1)
    if mark == b"$":
        kind = _take(file, 1)
        if _take(file, 2) != b"#L" or kind not in _SIZES:
            raise UnknownFormError("an array without a length")
        _pass(file, _SIZES[kind] * _length(file))
    elif mark == b"#":
        if _take(file, 1) != b"L":
            raise UnknownFormError("an array without a length")
        around.append(_length(file))
    else:
        file.seek(-1, 1)
        around.append(False)


def _take(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise UnknownFormError("it ends early")
    return data


def _length(file: BinaryIO) -> int:
    length = int.from_bytes(_take(file, 8), "big", signed=True)
    if length < 0:
        raise UnknownFormError("a negative length")
    return length


def _pass(file: BinaryIO, size: int) -> None:
    if size > _PIECE:
        # A length may be larger than any place in a file.
        here = file.tell()
        if here + size > file.seek(0, 2):
            raise UnknownFormError("it ends early")
        file.seek(here)
    file.seek(size, 1)
