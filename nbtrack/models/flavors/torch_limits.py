"""Whether a stranger's file of tensors takes about the memory that it has bytes.

`weights_only=True` runs nothing, but unpacks what is deflated, and makes bytes and tensors of any size
that the pickle asks for.
"""

import io
import os
import struct
import zipfile
from typing import Any, BinaryIO, Final, cast

from nbtrack.models.safety.archives import RefusedError, check_directory, check_overlaps
from nbtrack.models.safety.pickle_reading import (
    Budget,
    MalformedPickleError,
    OverLimitError,
    Reading,
    read_pickle,
)

_MOST_OPCODES = 2_000_000
_MOST_PICKLE = 64 << 20
_MOST_COPIED = 50_000_000
_MOST_SMALL = 64
_ZIP_START: Final = b"PK\x03\x04"
_MAKES_ANY_SIZE = frozenset({"builtins.bytearray", "torch._tensor._rebuild_from_type_v2"})
_COPIES_NOTHING = ("torch._utils._rebuild_", "torch.nn.parameter.Parameter")


def doubt(file: BinaryIO) -> str | None:
    """Why a file could take far more memory than its size, as a clause; None when it cannot.

    Args:
        file: What `torch.load` would read; left at its start.
    """
    try:
        file.seek(0)
        if file.read(4) != _ZIP_START:
            return "it is not in the form that PyTorch writes since 1.6, whose size is known beforehand"
        size = os.fstat(file.fileno()).st_size
        check_directory(file, size)
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            return _members_doubt(archive) or _pickle_doubt(archive)
    except (RefusedError, zipfile.BadZipFile, struct.error, OSError, ValueError, RuntimeError) as error:
        return f"its zip file is damaged ({str(error)[:200]})"
    finally:
        file.seek(0)


def _members_doubt(archive: zipfile.ZipFile) -> str | None:
    infos = archive.infolist()
    check_overlaps(infos)
    # PyTorch does not tell cases apart, and would not skip what lies before the first member.
    if len({info.orig_filename.lower() for info in infos}) < len(infos):
        return "two of its members have one name"
    if not infos or min(info.header_offset for info in infos):
        return "it does not begin with its first member"
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            return "it is compressed, so that it could take far more memory than its size"
    return None


def _pickle_doubt(archive: zipfile.ZipFile) -> str | None:
    found = [info for info in archive.infolist() if info.orig_filename.lower().endswith("data.pkl")]
    if len(found) != 1 or found[0].file_size > _MOST_PICKLE:
        return "it does not hold one pickle of a usual size"
    calls = _Calls(found[0].file_size)
    try:
        read_pickle(_Bytes(archive.read(found[0])), calls, Budget(_MOST_OPCODES, _MOST_PICKLE))
    except OverLimitError:
        return "its pickle is too long to be looked through"
    except MalformedPickleError as error:
        return f"its pickle is damaged ({error})"
    return calls.doubt


class _Calls(Reading):
    """Looks at what a pickle calls."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._copied = 0
        self._doubt: str | None = None

    @property
    def doubt(self) -> str | None:
        """What is wrong with the calls and imports."""
        for name in self.imports:
            if name in _MAKES_ANY_SIZE or (name.startswith("torch.") and name.endswith("Tensor")):
                return f"it makes a {name.rpartition('.')[2]} of whatever size it says"
        return self._doubt

    def called(self, name: str, arguments: Any) -> None:
        if name.startswith(_COPIES_NOTHING):
            return
        if name.endswith("Storage"):
            self._doubt = "it makes storages of whatever size it says"
        elif not _is_small(arguments):
            self._copied += self._size
            if self._copied > _MOST_COPIED:
                self._doubt = "it copies what it holds again and again"


def _is_small(value: Any, depth: int = 0) -> bool:
    if isinstance(value, tuple):
        items = cast("tuple[Any, ...]", value)
        return depth < 3 and len(items) <= _MOST_SMALL and all(_is_small(each, depth + 1) for each in items)
    return isinstance(value, int) or (isinstance(value, str) and len(value) <= _MOST_SMALL)


class _Bytes:
    """A pickle in memory."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def line(self, most: int) -> bytes:
        return self._file.readline(most)

    def skip(self, size: int) -> None:
        self._file.seek(size, io.SEEK_CUR)
