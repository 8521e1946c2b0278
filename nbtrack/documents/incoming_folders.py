"""Folders on their way into the artifacts of a run: filled beside them, then given their name at once.

What a process that was killed has left there is removed when the next folder is begun.
"""

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

from nbtrack.core.errors import InvalidValueError, StoreError
from nbtrack.core.names import artifact_parts
from nbtrack.documents.disk_sync import sync_files, sync_folder

PREFIX = ".nbtrack-incoming-"
"""How names of what is not published yet begin."""

_SETTLED = 60.0
"""Seconds after which a folder that nobody has locked was left behind, and not just made."""


@contextmanager
def incoming_folder(home: Path) -> Generator[Path]:
    """A new empty folder in `home`, for its owner only; what is still there at the end is removed.

    Raises:
        StoreError: It cannot be made.
    """
    import fcntl  # lazy: only who publishes folders needs it
    import shutil

    _remove_abandoned(home)
    folder = home / f"{PREFIX}{os.urandom(8).hex()}"
    try:
        os.mkdir(folder, 0o700)
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise StoreError(f"Cannot make a folder in {home}: {error.strerror}.") from error
    try:
        with suppress(OSError):  # where nothing can be locked, nothing is removed either
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def check_and_sync(folder: Path) -> None:
    """Make what a folder holds survive a power cut, before it gets its name.

    Raises:
        InvalidValueError: It holds a link, or something else that is no file and no folder, or a name
            that no artifact can have.
        OSError: The disk refused.
    """
    all_files: list[str] = []
    all_folders: list[str] = []
    for here, folders, files in os.walk(folder, onerror=_raise):
        for name in (*folders, *files):
            path = os.path.join(here, name)
            relative = os.path.relpath(path, folder)
            artifact_parts(relative)
            mode = os.lstat(path).st_mode
            if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
                kind = "a link" if stat.S_ISLNK(mode) else "no file"
                raise InvalidValueError(
                    f"{relative!r} is {kind}, and the artifacts of a run are files and folders. "
                    "Nothing was published."
                )
        all_files += [os.path.join(here, name) for name in files]
        all_folders.append(here)
    sync_files(all_files)
    for path in reversed(all_folders):
        sync_folder(path)


def _remove_abandoned(home: Path) -> None:
    """Remove what dead processes have left: nobody holds its lock any more."""
    import fcntl
    import shutil

    with suppress(OSError), os.scandir(home) as entries:
        for entry in entries:
            if not entry.name.startswith(PREFIX) or not entry.is_dir(follow_symlinks=False):
                continue
            if time() - entry.stat(follow_symlinks=False).st_mtime < _SETTLED:
                continue
            descriptor = os.open(entry.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(entry.path, ignore_errors=True)
            except OSError:
                pass  # its writer lives
            finally:
                os.close(descriptor)


def _raise(error: OSError) -> None:
    raise error
