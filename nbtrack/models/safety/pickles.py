"""What the pickles in a file would import, found without running one opcode.

The file is known by its first bytes, never by its name: pickles alone or in a row, in a zip file or an
old tar file of PyTorch, in arrays of numpy, compressed by joblib. It is streamed, and no more than a
limit is read of it. This is for people who decide whether they trust a model; nothing is safe because
this finds nothing in it.
"""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast

from nbtrack.models.safety.forward_file import ForwardFile, ForwardLimitError
from nbtrack.models.safety.pickle_reading import (
    UNKNOWN,
    Budget,
    MalformedPickleError,
    OverLimitError,
    Reading,
    read_pickle,
)
from nbtrack.models.safety.safe_files import open_plain

_MOST_OPCODES = 2_000_000
_MOST_UNPACKED = 1 << 30
"""Bytes that are unpacked of a compressed file; what is not compressed is passed over, at no cost."""
_MOST_MEMBERS = 10_000
_MOST_NESTED = 64 << 20
_DEEPEST = 4
_MOST_TAR = 1 << 36
_PIECE = 1 << 18
_DAMAGE = (
    MalformedPickleError,
    OSError,
    EOFError,
    ValueError,
    IndexError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    ForwardLimitError,
)
"""What comes of reading a file that is not what it says."""


@dataclass(frozen=True)
class PickleReport:
    """What a file with pickles would import when it is loaded."""

    path: str
    format: str
    """What it is, such as `pickle`, `torch zip` or `gzip of pickle`."""
    imports: tuple[str, ...]
    """Dotted names, the most telling first."""
    complete: bool
    """Whether all of it was read and understood."""


def reading_budget() -> Budget:
    """How much is read when nothing else is said; for several files, it can be shared among them."""
    return Budget(_MOST_OPCODES, _MOST_UNPACKED)


def inspect(path: Path, budget: Budget | None = None) -> PickleReport | None:
    """Say what a file would import if it were unpickled; None when it holds no pickle.

    Raises:
        MissingFileError: There is no such file.
        InvalidValueError: It is no plain file, or cannot be read.
    """
    budget = budget or reading_budget()
    with open_plain(path) as file:
        found = _inspect(file, budget, 0)
    if found is None:
        return None
    ranked = sorted(found.imports, key=_rank)
    return PickleReport(str(path), found.format, tuple(ranked), found.complete)


@dataclass
class _Found:
    format: str
    imports: dict[str, None]
    complete: bool


class _Stream:
    """Bytes with a look ahead, and with a limit where they cost something."""

    def __init__(self, raw: Any, budget: Budget | None = None) -> None:
        self.file: io.BufferedReader = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)
        self._budget = budget

    def peek(self, size: int) -> bytes:
        return self.file.peek(size)[:size]

    def read(self, size: int) -> bytes:
        if size <= _PIECE:
            return self._spent(self.file.read(size))
        # Sizes are what a file says of itself: what is not there is not waited for in memory.
        pieces: list[bytes] = []
        while size and (piece := self._spent(self.file.read(min(size, _PIECE)))):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def line(self, most: int) -> bytes:
        return self._spent(self.file.readline(most))

    def skip(self, size: int) -> None:
        if self._budget is None:
            self.file.seek(size, io.SEEK_CUR)
            return
        while size and (piece := self._spent(self.file.read(min(size, _PIECE)))):
            size -= len(piece)
        if size:
            raise MalformedPickleError("it ends early")

    def _spent(self, data: bytes) -> bytes:
        if self._budget is not None:
            self._budget.bytes -= len(data)
            if self._budget.bytes < 0:
                raise OverLimitError("too much to unpack")
        return data


def _inspect(file: Any, budget: Budget, depth: int, unpacked: Budget | None = None) -> _Found | None:
    """What a stream holds, by its first bytes."""
    stream = _Stream(file, unpacked)
    try:
        head = stream.peek(512)
    except _DAMAGE:
        return None
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(stream, budget, depth, unpacked)
    for name, (magic, unpack) in _PACKED.items():
        if magic.match(head):
            return _in_packed(name, unpack, stream, budget, depth)
    if head.startswith(b"\x93NUMPY"):
        return _in_array(stream, budget)
    if head[257:262] == b"ustar":
        return _in_tar(stream, budget, depth)
    return _in_a_row(stream, budget)


def _in_a_row(stream: _Stream, budget: Budget) -> _Found | None:
    """Pickles, one after the other."""
    reading = Reading()
    count, complete = 0, True
    while head := stream.peek(2):
        is_surely_one = head[0] == 0x80 and len(head) == 2 and head[1] <= 5
        if count and not is_surely_one and not reading.is_torch_legacy:
            break  # what `pickle.load` leaves alone
        if count == 5 and reading.is_torch_legacy:
            break  # the numbers of the tensors
        try:
            read_pickle(stream, reading, budget)
        except _DAMAGE as error:
            if count == 0 and not _was_one(reading, is_surely_one, error):
                return None
            complete = False
            count += 1
            break
        count += 1
    if not count:
        return None
    name = "torch pickles" if reading.is_torch_legacy else "pickle" if count == 1 else "pickles"
    return _Found(name, reading.imports, complete)


def _was_one(reading: Reading, begins_as_one: bool, error: Exception) -> bool:
    """Whether what could not be followed to its end is a pickle all the same, and no text or numbers."""
    if begins_as_one:
        return bool(reading.imports) or reading.opcodes > 2 or isinstance(error, OverLimitError)
    return bool(reading.imports) and all(map(_is_name, reading.imports))


def _in_zip(stream: _Stream, budget: Budget, depth: int, unpacked: Budget | None) -> _Found | None:
    """The pickles in the members of a zip file."""
    try:
        file: Any = stream.file
        if depth or unpacked is not None:
            if depth >= _DEEPEST:
                return _Found("zip", {}, False)
            data = stream.read(_MOST_NESTED + 1)
            if len(data) > _MOST_NESTED:
                return _Found("zip", {}, False)
            file = io.BytesIO(data)
        with zipfile.ZipFile(file) as archive:
            return _in_members(archive, budget, depth)
    except _DAMAGE:
        return _Found("zip", {}, False)


def _in_members(archive: zipfile.ZipFile, budget: Budget, depth: int) -> _Found | None:
    members = archive.infolist()
    names = [member.filename for member in members]
    is_torch = any(name.endswith("/data.pkl") for name in names)
    found: list[_Found] = []
    complete = len(members) <= _MOST_MEMBERS
    for member in members[:_MOST_MEMBERS]:
        is_pickle = member.filename.endswith((".pkl", ".pickle"))
        if is_torch and not is_pickle and re.search(r"/(data|\.data)/", member.filename):
            continue  # the numbers of a tensor
        try:
            with archive.open(member) as file:
                inner = _inspect(file, budget, depth + 1, budget)
        except OverLimitError:
            complete = False
            break
        except _DAMAGE:
            complete = complete and not is_pickle
            continue
        if inner is not None:
            found.append(inner)
    is_script = any(name.endswith("/constants.pkl") for name in names)
    what = "TorchScript" if is_script else "torch zip" if is_torch else "zip"
    if not found and complete:
        return None
    if what == "zip" and found and all(each.format == "numpy array" for each in found):
        what = "numpy arrays"
    return _merged(what, found, complete)


def _in_tar(stream: _Stream, budget: Budget, depth: int) -> _Found | None:
    """The pickles in a tar file, as PyTorch wrote it at first."""
    found: list[_Found] = []
    complete = True
    try:
        with tarfile.open(fileobj=cast("Any", ForwardFile(stream, _MOST_TAR)), mode="r:") as archive:
            for number, member in enumerate(archive):
                if number >= _MOST_MEMBERS:
                    complete = False
                    break
                file = archive.extractfile(member) if member.isreg() else None
                if file is None or depth >= _DEEPEST:
                    continue
                with file:
                    inner = _inspect(io.BytesIO(file.read(_MOST_NESTED)), budget, depth + 1, budget)
                if inner is not None:
                    found.append(inner)
    except _DAMAGE:
        complete = False
    return _merged("tar", found, complete) if found else None


def _in_array(stream: _Stream, budget: Budget) -> _Found | None:
    """The pickle in an array of Python objects; an array of numbers holds none."""
    try:
        head = stream.read(8)
        size = int.from_bytes(stream.read(2 if head[6] == 1 else 4), "little")
        if size > _PIECE or "'O'" not in _without_byte_order(stream.read(size).decode("latin-1")):
            return None if size <= _PIECE else _Found("numpy array", {}, False)
    except (MalformedPickleError, IndexError):
        return _Found("numpy array", {}, False)
    found = _in_a_row(stream, budget)
    return _Found("numpy array", found.imports if found else {}, bool(found and found.complete))


def _without_byte_order(header: str) -> str:
    return re.sub(r"'[|<>=]O\d*'", "'O'", header)


def _in_packed(
    name: str, unpack: "Callable[[_Stream], Any]", stream: _Stream, budget: Budget, depth: int
) -> _Found | None:
    if depth >= _DEEPEST:
        return _Found(name, {}, False)
    try:
        file = unpack(stream)
        inner = None if file is None else _inspect(file, budget, depth + 1, budget)
    except _DAMAGE:
        return _Found(name, {}, False)
    if file is None:
        return _Found(name, {}, False)
    return None if inner is None else _Found(f"{name} of {inner.format}", inner.imports, inner.complete)


class _Inflated(io.RawIOBase):
    """What a zlib stream holds."""

    def __init__(self, source: _Stream) -> None:
        self._source = source
        self._inflate = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer)
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._source.read(1 << 16)
            data = self._inflate.decompress(packed, size)
            if data:
                buffer[: len(data)] = data
                return len(data)
            if not packed:
                break
        return 0


def _by_library(library: str) -> "Callable[[_Stream], Any]":
    """Unpack by a library that need not be there; None when it is not."""

    def unpack(stream: _Stream) -> Any:
        module = library.partition(":")[0]
        if find_spec(module.partition(".")[0]) is None:
            return None
        return getattr(import_module(module), library.partition(":")[2])(stream)

    return unpack


def _opened(kind: Any) -> "Callable[[_Stream], Any]":
    return lambda stream: kind(cast("Any", stream))


_PACKED: Final[dict[str, tuple[re.Pattern[bytes], "Callable[[_Stream], Any]"]]] = {
    "gzip": (re.compile(rb"\x1f\x8b"), lambda stream: gzip.GzipFile(fileobj=cast("Any", stream))),
    "bzip2": (re.compile(rb"BZh[1-9]1AY&SY"), _opened(bz2.BZ2File)),
    "xz": (re.compile(rb"\xfd7zXZ\0"), _opened(lzma.LZMAFile)),
    "lzma": (re.compile(rb"\x5d\0\0"), _opened(lzma.LZMAFile)),
    "zlib": (re.compile(rb"\x78[\x01\x5e\x9c\xda]"), lambda stream: _Inflated(stream)),
    "lz4": (re.compile(rb"\x04\x22\x4d\x18"), _by_library("lz4.frame:LZ4FrameFile")),
    "zstd": (re.compile(rb"\x28\xb5\x2f\xfd"), _by_library("compression.zstd:ZstdFile")),
}


def _merged(name: str, found: Iterable[_Found], complete: bool) -> _Found:
    imports: dict[str, None] = {}
    for each in found:
        imports.update(each.imports)
        complete = complete and each.complete
    return _Found(name, imports, complete)


def _is_name(text: str) -> bool:
    return text == UNKNOWN or all(part.isidentifier() for part in text.split("."))


# What a model rarely needs and an attack does; any part of a name counts.
_TELLING = re.compile(
    r"os|posix|nt|subprocess|sys|shutil|socket|pty|platform|ctypes|importlib|runpy|code|codeop|compileall|imp"
    r"|pkgutil|zipimport|pip|setuptools|ensurepip|venv|webbrowser|urllib|http|requests|httpx|ftplib|smtplib"
    r"|asyncio|multiprocessing|threading|signal|_?pickle|dill|marshal|shelve|types|inspect|pdb|bdb|trace"
    r"|timeit|c?[pP]rofile|doctest|unittest|atexit|commands|popen2|builtins|__builtin__|tempfile|glob"
    r"|_?io|mmap|gc|_?operator|_?functools|load"
)
_HARMLESS = re.compile(
    r"(builtins|__builtin__)\.(set|frozenset|object|bytearray|complex|list|dict|tuple|slice|range|int|float"
    r"|str|bool|bytes|type)"
)
_USUAL = re.compile(
    r"numpy|scipy|sklearn|pandas|torch|torchvision|xgboost|lightgbm|catboost|keras|tensorflow|joblib"
    r"|collections|copyreg|copy_reg|datetime|pathlib|decimal|fractions|uuid|lightning|pytorch_lightning"
    r"|transformers|polars|pyarrow|array|_codecs|enum"
)


def _rank(name: str) -> tuple[int, str]:
    """Where an import stands in a list: what is unusual first."""
    parts = name.split(".")
    harmless = _HARMLESS.fullmatch(name) is not None
    if name == UNKNOWN or (not harmless and any(map(_TELLING.fullmatch, parts))):
        return (0, name)
    if parts[0] == "cloudpickle":
        return (1, name)  # functions and classes of its own, as bytecode
    return (3 if harmless or _USUAL.fullmatch(parts[0]) else 2, name)
