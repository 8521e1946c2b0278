"""Whether a folder lies on another machine's disk, where SQLite's write-ahead log does not work.

The log's index is memory shared between processes, which a network file system cannot share.
"""

import os
import re

_MOUNTS = "/proc/self/mountinfo"
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|ncpfs|afs|9p|lustre|gpfs|beegfs|ceph|glusterfs|virtiofs|fuse\..*"
)
# Local, though they go through FUSE.
_LOCAL = re.compile(r"fuse\.(fuse-overlayfs|ntfs-3g|exfat)")


def is_on_network(folder: str) -> bool:
    """Whether `folder` is on a network file system; False where that cannot be told."""
    try:
        device = os.stat(folder).st_dev
        with open(_MOUNTS, encoding="utf-8", errors="replace") as mounts:
            kind = _kind_of(f"{os.major(device)}:{os.minor(device)}", mounts.read())
    except (OSError, AttributeError):  # no such file or function outside Linux
        return False
    return _NETWORK.fullmatch(kind) is not None and _LOCAL.fullmatch(kind) is None


def _kind_of(device: str, mounts: str) -> str:
    """The type of the file system on `device` in the text of Linux's mountinfo; "" if it is not there."""
    for line in mounts.splitlines():
        fields, _, kind = line.partition(" - ")
        if fields.split(" ")[2:3] == [device]:
            return kind.split(" ")[0]
    return ""
