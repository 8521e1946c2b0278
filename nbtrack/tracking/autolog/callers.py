"""Who called a patched function: the user, or the framework itself."""

import sys
from collections.abc import Iterator

from nbtrack.tracking.autolog.patching import FILE

_PASSING_ON = frozenset({"sklearn.utils.parallel"})
"""Modules that call what they are given, in other threads: the user may give them a training too."""


def is_called_from(package: str) -> bool:
    """Whether the patched function that is being observed was called by code of a package.

    However far away: what a search, a pipeline or `cross_val_score` fits is called from scikit-learn, in
    worker threads too, and whenever their names were imported.

    Args:
        package: Such as `sklearn`.
    """
    return any(module not in _PASSING_ON for module in calling_modules(package))


def calling_modules(package: str) -> Iterator[str]:
    """The modules of a package whose code lies between the patched function and the user's program.

    Args:
        package: Such as `sklearn`.

    Yields:
        Their names, the nearest first; one that occurs several times comes several times.
    """
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and frame.f_code.co_filename != FILE:
        frame = frame.f_back
    prefix = package + "."
    frame = frame and frame.f_back
    while frame is not None:
        if frame.f_code.co_filename != FILE:
            module = frame.f_globals.get("__name__", "")
            if isinstance(module, str) and (module == package or module.startswith(prefix)):
                yield module
        frame = frame.f_back


def is_below(package: str) -> bool:
    """Whether code of a package is at work further up in this thread, also where no patch is involved.

    Args:
        package: Such as `sklearn`.
    """
    prefix = package + "."
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if isinstance(module, str) and (module == package or module.startswith(prefix)):
            return True
        frame = frame.f_back
    return False
