"""Which files this process has open."""

import contextlib
import os
from pathlib import Path


def open_files_of(folder: Path) -> list[str]:
    """The files below a folder, also those that were deleted, that this process has open."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return [path for path in found if path.startswith(f"{folder}/")]
