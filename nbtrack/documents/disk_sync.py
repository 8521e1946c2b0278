"""Making what was written survive a power cut."""

import contextlib
import os
import threading
from collections.abc import Iterable


def sync_file(path: str) -> None:
    """Return when the file's data is on the disk; a file that does not exist needs nothing."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        # macOS has no fdatasync, and its fsync does not reach the disk unless asked like this.
        with contextlib.suppress(ImportError):
            import fcntl

            if full := getattr(fcntl, "F_FULLFSYNC", None):
                fcntl.fcntl(descriptor, full)
                return
        getattr(os, "fdatasync", os.fsync)(descriptor)
    finally:
        os.close(descriptor)


def sync_files(paths: Iterable[str]) -> None:
    """Return when the data of all these files is on the disk.

    They are asked for at once, so that the file system commits its journal once for many: six small files
    took 6 ms, and 22 one after the other.

    Raises:
        OSError: The disk refused one of them, or it is not there.
    """
    waiting = list(paths)
    errors: list[OSError] = []

    def work() -> None:
        while waiting and not errors:
            try:
                path = waiting.pop()
            except IndexError:  # another thread was faster
                return
            try:
                descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            except OSError as error:
                errors.append(error)

    threads: list[threading.Thread] = []
    for _ in range(min(len(waiting), _MOST_AT_ONCE) - 1):
        thread = threading.Thread(target=work, name="nbtrack-sync", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter ends, or the process has too many
            break
        threads.append(thread)
    work()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


_MOST_AT_ONCE = 8


def sync_folder(path: str) -> None:
    """Return when the names in the folder are on the disk."""
    with contextlib.suppress(PermissionError):  # Windows opens no folders, and needs no such sync
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
