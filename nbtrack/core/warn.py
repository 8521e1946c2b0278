"""Warnings that point at the user's line, not at ours."""

import inspect
import warnings
from types import FrameType

PATCHED = "<nbtrack autolog>"
"""Where tracebacks say that a function is which autolog observes."""


def warn_user(message: str, category: type[Warning] = RuntimeWarning) -> None:
    """Warn about the innermost line that is not nbtrack's own."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_back is not None and _is_ours(frame):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)


def _is_ours(frame: FrameType) -> bool:
    if frame.f_code.co_filename == PATCHED:
        return True
    # Our context managers run through contextlib, which is nobody's line.
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in ("nbtrack", "contextlib")
