"""Unpacking an archive that a stranger may have made: plain files and folders, all of them or nothing.

Members are written through folder handles into a hidden folder beside the target, with modes of ours,
and that is renamed when the last one is whole.
"""

import bz2
import gzip
import lzma
import os
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, NamedTuple, cast

from nbtrack.core.errors import AlreadyExistsError, InvalidValueError, NbtrackError, StoreError
from nbtrack.core.names import artifact_parts
from nbtrack.models.safety.forward_file import ForwardFile, ForwardLimitError
from nbtrack.models.safety.safe_files import MOST_LEVELS, open_plain

MOST_MEMBERS: Final = 10_000
MOST_BYTES: Final = 20_000_000_000
MOST_RATIO: Final = 200
_RATIO_FROM = 16_000_000
"""Bytes; less than this is no bomb, whatever it was packed into."""
_MOST_HEADERS = 1 << 30
_PIECE = 1 << 18
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


class _Member(NamedTuple):
    name: str
    """As the archive writes it."""
    is_folder: bool
    size: int
    opened: Any
    """Gives the file with its bytes, when called; only until the next member is asked for."""


def extract(archive: str | os.PathLike[str], target: str | os.PathLike[str]) -> Path:
    """Unpack a tar file (plain, gzip, bzip2, xz) or a zip file into a new folder.

    What kind it is, its first bytes say. Files get the mode 0600 and folders 0700, whatever it asks for.

    Args:
        archive: The file.
        target: A folder that does not exist yet.

    Returns:
        The folder.

    Raises:
        MissingFileError: There is no such archive.
        AlreadyExistsError: The target exists.
        InvalidValueError: It is no archive, is damaged, or holds anything but plain files and folders
            with harmless names; or more than 10,000 of them, more than 20 GB, or more than 200 times
            its own size. Nothing was written.
        StoreError: The target cannot be written. Nothing was left there.
    """
    source, place = Path(archive), Path(target).absolute()
    if os.path.lexists(place):
        raise AlreadyExistsError(f"{str(target)!r} exists already. Choose a new folder to unpack into.")
    with open_plain(source) as file, _refusals(source):
        size = os.fstat(file.fileno()).st_size
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            hidden = place.with_name(f".nbtrack-unpacking-{os.urandom(8).hex()}")
            hidden.mkdir(mode=0o700)
        except OSError as error:
            raise StoreError(f"Cannot unpack into {place}: {error.strerror}.") from error
        try:
            _write(_members(file, size), hidden, size)
            _publish(hidden, place)
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
    return place


@contextmanager
def _refusals(source: Path) -> Generator[None]:
    """Name the archive in whatever is wrong with it."""
    try:
        yield
    except (RefusedError, ForwardLimitError) as refusal:
        raise InvalidValueError(f"The archive {str(source)!r} is not unpacked: {refusal}.") from None
    except NbtrackError:
        raise
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OverflowError,
        MemoryError,
        struct.error,
        gzip.BadGzipFile,
    ) as error:
        raise InvalidValueError(
            f"The archive {str(source)!r} is not unpacked: it is damaged ({str(error)[:200]})."
        ) from None
    except OSError as error:
        # The decompressors speak of bad data as of a failing disk, but without its number.
        if error.errno is None:
            raise InvalidValueError(
                f"The archive {str(source)!r} is not unpacked: it is damaged ({str(error)[:200]})."
            ) from None
        raise StoreError(f"Cannot unpack {str(source)!r}: {error.strerror}.") from error


class RefusedError(Exception):
    """Why an archive is not unpacked, as the end of a sentence."""


def _members(file: BinaryIO, size: int) -> Iterator[_Member]:
    head = file.read(6)
    file.seek(0)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_members(file, size)
    plain: Any = file
    if head.startswith(b"\x1f\x8b"):
        plain = gzip.GzipFile(fileobj=file)
    elif head.startswith(b"BZh"):
        plain = bz2.BZ2File(file)
    elif head == b"\xfd7zXZ\0":
        plain = lzma.LZMAFile(file)  # noqa: SIM115 - what it reads from is closed
    most = size if plain is file else max(_RATIO_FROM, MOST_RATIO * size)
    return _tar_members(ForwardFile(plain, min(most, MOST_BYTES + _MOST_HEADERS)))


def _tar_members(file: ForwardFile) -> Iterator[_Member]:
    with tarfile.open(fileobj=cast("Any", file), mode="r:") as archive:
        for member in archive:
            if member.issparse() or member.sparse is not None:
                raise RefusedError(f"{_shown(member.name)} is a sparse file")
            if not (member.isreg() or member.isdir()):
                raise RefusedError(f"{_shown(member.name)} is {_tar_kind(member)}")
            if member.isreg() and member.mode & (stat.S_ISUID | stat.S_ISGID):
                raise RefusedError(f"{_shown(member.name)} asks for the rights of another user (setuid)")

            def opened(member: tarfile.TarInfo = member) -> Any:
                return archive.extractfile(member)

            yield _Member(member.name, member.isdir(), 0 if member.isdir() else member.size, opened)


def _tar_kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to {_shown(member.linkname)}"
    return "a device" if member.isdev() and not member.isfifo() else "no plain file or folder"


def _zip_members(file: BinaryIO, size: int) -> Iterator[_Member]:
    check_directory(file, size)
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        if len(infos) > MOST_MEMBERS:
            raise RefusedError(f"it holds more than {MOST_MEMBERS:,} members")
        if sum(info.file_size for info in infos) > max(_RATIO_FROM, MOST_RATIO * size):
            raise RefusedError(f"it is more than {MOST_RATIO} times larger than its file")
        check_overlaps(infos)
        for info in infos:
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise RefusedError(f"{_shown(info.orig_filename)} is no plain file or folder")
            if not info.is_dir() and info.external_attr >> 16 & (stat.S_ISUID | stat.S_ISGID):
                raise RefusedError(
                    f"{_shown(info.orig_filename)} asks for the rights of another user (setuid)"
                )
            if info.flag_bits & 1:
                raise RefusedError(f"{_shown(info.orig_filename)} is encrypted")
            if info.is_dir() and info.file_size:
                raise RefusedError(f"{_shown(info.orig_filename)} is a folder with bytes of its own")

            def opened(info: zipfile.ZipInfo = info) -> Any:
                return archive.open(info)

            yield _Member(info.orig_filename, info.is_dir(), info.file_size, opened)


_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_ENTRY_BYTES = 46
_MOST_DIRECTORY = 32_000_000


def check_directory(file: BinaryIO, size: int) -> None:
    """Refuse a list of members that is too long, before it is read into memory as a whole."""
    tail_size = min(size, (1 << 16) + _END.size)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise RefusedError("it is damaged (no list of members)")
    end = size - tail_size + at
    directory = _END.unpack_from(tail, at)[5]
    if end >= _LOCATOR_64.size:
        file.seek(end - _LOCATOR_64.size)
        if file.read(4) == b"PK\x06\x07" and end >= _LOCATOR_64.size + _END_64.size:
            # Where Python looks for it, whatever the locator says.
            end -= _LOCATOR_64.size + _END_64.size
            file.seek(end)
            whole = _END_64.unpack(file.read(_END_64.size))
            if whole[0] == b"PK\x06\x06":
                directory = whole[8]
    if directory > min(_MOST_DIRECTORY, end):
        raise RefusedError("its list of members is too long")
    file.seek(end - directory)
    entries, left = 0, file.read(directory)
    position = 0
    while position + _ENTRY_BYTES <= len(left) and left[position : position + 4] == b"PK\x01\x02":
        lengths = struct.unpack_from("<3H", left, position + 28)
        position += _ENTRY_BYTES + sum(lengths)
        entries += 1
        if entries > MOST_MEMBERS:
            raise RefusedError(f"it holds more than {MOST_MEMBERS:,} members")
    file.seek(0)


def check_overlaps(infos: list[zipfile.ZipInfo]) -> None:
    """Refuse members that share bytes: that is how a small file becomes a large one."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise RefusedError(f"{_shown(info.orig_filename)} shares bytes with another member")
        end = info.header_offset + 30 + info.compress_size


def _write(members: Iterator[_Member], hidden: Path, packed_size: int) -> None:
    """Write members below a folder; each is checked before it is."""
    most = min(MOST_BYTES, max(_RATIO_FROM, MOST_RATIO * packed_size))
    seen = _Names()
    total = 0
    root = os.open(hidden, _FOLDER)
    try:
        for count, member in enumerate(members, start=1):
            if count > MOST_MEMBERS:
                raise RefusedError(f"it holds more than {MOST_MEMBERS:,} members")
            total += member.size
            if total > most:
                raise RefusedError(f"it is more than {MOST_RATIO} times larger than its file, or than 20 GB")
            parts = _parts(member.name)
            if not parts:
                if member.is_folder and member.name:
                    continue  # "./", the folder itself
                raise RefusedError("it holds a member without a name")
            seen.add(parts, is_folder=member.is_folder)
            with _folder(root, parts if member.is_folder else parts[:-1]) as handle:
                if not member.is_folder:
                    _write_file(member, parts[-1], handle)
    finally:
        os.close(root)


def _write_file(member: _Member, name: str, handle: int) -> None:
    source: IO[bytes] | None = member.opened()
    if source is None:
        raise RefusedError(f"{_shown(member.name)} has no content")
    descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=handle)
    with source, os.fdopen(descriptor, "wb") as file:
        left = member.size
        while piece := source.read(min(_PIECE, left + 1)):
            left -= len(piece)
            if left < 0:
                break
            file.write(piece)
    if left:
        raise RefusedError(f"{_shown(member.name)} is not as long as the archive says")


@contextmanager
def _folder(root: int, parts: tuple[str, ...]) -> Generator[int]:
    """A handle of a folder below another, made where there is none; no link is followed."""
    handle = os.dup(root)
    try:
        for part in parts:
            with suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=handle)
            above, handle = handle, os.open(part, _FOLDER, dir_fd=handle)
            os.close(above)
        yield handle
    finally:
        os.close(handle)


class _Names:
    """The names there are, as file systems that do not tell cases apart see them."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, bool]] = {}

    def add(self, parts: tuple[str, ...], *, is_folder: bool) -> None:
        for length in range(1, len(parts) + 1):
            whole = "/".join(parts[:length])
            folder = is_folder or length < len(parts)
            key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", whole).casefold())
            known = self._known.get(key)
            if known is None:
                self._known[key] = (whole, folder)
            elif known[0] != whole:
                raise RefusedError(f"{_shown(whole)} and {_shown(known[0])} differ only in case")
            elif not (known[1] and folder):
                raise RefusedError(f"{_shown(whole)} is in it twice")


def _parts(name: str) -> tuple[str, ...]:
    try:
        parts = artifact_parts(name, kind="name", root="folder")
    except InvalidValueError as error:
        raise RefusedError(str(error).rstrip(".")) from None
    if len(parts) > MOST_LEVELS:
        raise RefusedError(f"{_shown(name)} is more than {MOST_LEVELS} levels deep")
    return parts


def _publish(hidden: Path, place: Path) -> None:
    try:
        # An empty folder that was made meanwhile is replaced, anything else is not.
        os.rename(hidden, place)
    except OSError as error:
        raise StoreError(f"Cannot unpack into {place}: {error.strerror}.") from error


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:79] + "…")
