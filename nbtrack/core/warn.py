"""Warnings that point at the user's line, not at ours."""

import inspect
import warnings
from types import FrameType


def warn_user(message: str, category: type[Warning] = RuntimeWarning) -> None:
    """Warn about the innermost line that is not nbtrack's own."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_back is not None and _is_ours(frame):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == "nbtrack"
