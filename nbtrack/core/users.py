"""Who is at work."""

import os
from functools import cache


@cache
def current_user() -> str:
    """The name of the user who runs this process."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
