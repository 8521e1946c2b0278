"""Who is at work."""

import os
from functools import cache


@cache
def current_user() -> str:
    """The name of the user who runs this process."""
    # The rules of Python's getpass.getuser, which loads what a terminal needs for passwords.
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if name := os.environ.get(variable):
            return name
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, OSError, ImportError, AttributeError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
