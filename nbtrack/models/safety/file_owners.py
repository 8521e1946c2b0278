"""Who besides this user could change a file or folder."""

import os
import stat
from functools import cache


def others_can_write(status: os.stat_result) -> bool:
    """Whether the mode lets other users write.

    A group that holds nobody else does not count: many systems give each user one, and let it write.
    """
    mode = status.st_mode
    if stat.S_ISDIR(mode) and mode & stat.S_ISVTX:
        return False  # others may add what is theirs, not replace what is ours
    if mode & stat.S_IWOTH:
        return True
    return bool(mode & stat.S_IWGRP) and not _is_private(status.st_gid)


def others_own(status: os.stat_result) -> bool:
    """Whether it belongs to another user than this one or root."""
    return hasattr(os, "getuid") and status.st_uid not in (0, os.getuid())


def is_exposed(status: os.stat_result) -> bool:
    """Whether another user could change it while it is being used."""
    return others_own(status) or others_can_write(status)


@cache
def _is_private(group: int) -> bool:
    """Whether a group holds nobody but this user (and root)."""
    if group == 0:
        return True
    try:
        import grp
        import pwd

        # One that asks a directory service may list no users: then they are not known, and it is no.
        users = pwd.getpwall()
        own = [user for user in users if user.pw_uid == os.getuid()]
        others = {user.pw_name for user in users if user.pw_uid not in (0, os.getuid())}
        inside = {user.pw_name for user in users if user.pw_gid == group} | set(grp.getgrgid(group).gr_mem)
        return bool(own) and not inside & others and inside <= {user.pw_name for user in users}
    except (ImportError, KeyError, OSError):
        return False
