"""Reaching the files of a model folder: by folder handles, following no link, opening nothing special.

What lies in such a folder may have been put there to harm.
"""

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nbtrack.core.errors import InvalidValueError, MissingFileError
from nbtrack.core.names import artifact_parts

MOST_FILES = 10_000
MOST_LEVELS = 32

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# Without waiting: nobody may ever write to a named pipe that lies there.
_FILE = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class Listing(NamedTuple):
    """What lies in a folder, by path relative to it."""

    files: dict[str, os.stat_result]
    folders: dict[str, os.stat_result]
    """The folder itself is `""`."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(status.st_size for status in self.files.values())


def inner_parts(relative: object, folder: Path) -> tuple[str, ...]:
    """Split a path inside a model folder; it may come from a hostile file.

    Raises:
        InvalidValueError: It is no text, is absolute, climbs (`..`), or holds what no path should.
    """
    parts = artifact_parts(relative, kind="inner path", root=f"model folder {folder}")
    if not parts:
        raise InvalidValueError(f"A path inside the model folder {folder} is empty.")
    return parts


def check_folder(folder: Path, parts: tuple[str, ...] = ()) -> Path:
    """The path of a model folder, or of a folder inside it that is reached through no link.

    Raises:
        MissingFileError: There is no such folder; the message says what lies there.
        InvalidValueError: It is no folder, or cannot be read.
    """
    with _opened(folder, parts):
        return folder.joinpath(*parts)


def scan(folder: Path) -> Listing:
    """List everything below a folder.

    Raises:
        MissingFileError: There is no such folder.
        InvalidValueError: It holds a link or something special (a pipe, a device, a socket), more
            than 10,000 files, or folders deeper than 32.
    """
    listing = Listing({}, {})
    with _opened(folder, ()) as handle:
        listing.folders[""] = os.fstat(handle)
        try:
            _scan(folder, handle, (), listing)
        except OSError as error:
            raise InvalidValueError(
                f"The model folder {folder} cannot be read: {error.filename!r}: {_said(error)}."
            ) from None
    return listing


def _scan(folder: Path, handle: int, parts: tuple[str, ...], listing: Listing) -> None:
    below: list[str] = []
    with os.scandir(handle) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            relative = "/".join((*parts, entry.name))
            if stat.S_ISREG(status.st_mode):
                listing.files[relative] = status
            elif stat.S_ISDIR(status.st_mode):
                listing.folders[relative] = status
                below.append(entry.name)
            else:
                raise InvalidValueError(
                    f"The model folder {folder} holds {_kind(status.st_mode)}, {relative!r}. Models consist "
                    "of plain files and folders: remove it, or put a copy of what is meant in its place."
                )
            if len(listing.files) + len(listing.folders) > MOST_FILES:
                raise InvalidValueError(
                    f"The model folder {folder} holds more than {MOST_FILES:,} files. Pack them, or keep "
                    "data outside the model."
                )
    if below and len(parts) >= MOST_LEVELS:
        raise InvalidValueError(f"The model folder {folder} is more than {MOST_LEVELS} levels deep.")
    for name in below:
        inner = os.open(name, _FOLDER | _NO_LINK, dir_fd=handle)
        try:
            _scan(folder, inner, (*parts, name), listing)
        finally:
            os.close(inner)


def open_inside(folder: Path, relative: object) -> BinaryIO:
    """Open a file of a model folder to read.

    Raises:
        InvalidValueError: The path would leave the folder, runs through a link, or names no plain file.
        MissingFileError: There is no such file; the message says what lies there.
    """
    parts = inner_parts(relative, folder)
    with _opened(folder, parts[:-1], wanted="/".join(parts)) as handle:
        try:
            descriptor = os.open(parts[-1], _FILE, dir_fd=handle)
        except OSError as error:
            raise _unreadable(folder, parts, handle, error) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise InvalidValueError(
            f"{'/'.join(parts)!r} in the model folder {folder} is {_kind(mode)}, no file."
        )
    return os.fdopen(descriptor, "rb")


def open_plain(path: Path) -> BinaryIO:
    """Open a file by its own path; a link in its place is followed, something special is not opened.

    Raises:
        MissingFileError: There is no such file.
        InvalidValueError: It is no plain file, or cannot be read.
    """
    try:
        descriptor = os.open(path, _FILE & ~_NO_LINK)
    except FileNotFoundError:
        raise MissingFileError("file", str(path)) from None
    except (OSError, ValueError) as error:
        raise InvalidValueError(f"{str(path)!r} cannot be read: {_said(error)}.") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise InvalidValueError(f"{str(path)!r} is {_kind(mode)}, no file.")
    return os.fdopen(descriptor, "rb")


@contextmanager
def _opened(folder: Path, parts: tuple[str, ...], wanted: str = "") -> Generator[int]:
    """A handle of a folder inside a model folder, reached without following a link below that."""
    try:
        handle = os.open(folder, _FOLDER)
    except FileNotFoundError:
        raise MissingFileError("model folder", str(folder)) from None
    except (OSError, ValueError) as error:
        raise InvalidValueError(f"The model folder {str(folder)!r} cannot be read: {_said(error)}.") from None
    try:
        for index, part in enumerate(parts):
            try:
                below = os.open(part, _FOLDER | _NO_LINK, dir_fd=handle)
            except OSError as error:
                raise _unreadable(folder, parts[: index + 1], handle, error, wanted) from None
            # In this order: an interrupt in between must not close one of them twice.
            above, handle = handle, below
            os.close(above)
        yield handle
    finally:
        os.close(handle)


def _unreadable(
    folder: Path, parts: tuple[str, ...], handle: int, error: OSError, wanted: str = ""
) -> InvalidValueError | MissingFileError:
    """What is wrong with a path inside a model folder that could not be opened."""
    shown = "/".join(parts)
    try:
        mode = os.stat(parts[-1], dir_fd=handle, follow_symlinks=False).st_mode
    except OSError:
        mode = None
    if mode is None:
        lying = sorted(os.listdir(handle))
        names = ", ".join(lying[:8]) + (", …" if len(lying) > 8 else "")
        where = f"{folder}/{'/'.join(parts[:-1])}".rstrip("/")
        advice = f"In {where} lie {names}." if lying else f"{where} is empty."
        return MissingFileError("file", wanted or shown, lying if len(parts) == 1 else (), advice)
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        what = "a file, not a folder" if isinstance(error, NotADirectoryError) else "not readable"
        said = "" if isinstance(error, NotADirectoryError) else f": {_said(error)}"
        return InvalidValueError(f"{shown!r} in the model folder {folder} is {what}{said}.")
    return InvalidValueError(
        f"{shown!r} in the model folder {folder} is {_kind(mode)}. Models consist of plain files and folders."
    )


def _kind(mode: int) -> str:
    for is_it, name in (
        (stat.S_ISLNK, "a link"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISREG, "a file"),
    ):
        if is_it(mode):
            return name
    return "a device"


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
