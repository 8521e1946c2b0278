"""Making what was written survive a power cut."""

import contextlib
import os


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


def sync_folder(path: str) -> None:
    """Return when the names in the folder are on the disk."""
    with contextlib.suppress(PermissionError):  # Windows opens no folders, and needs no such sync
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
