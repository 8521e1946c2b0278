"""The traceback of an error of ours as IPython shows it: the user's frames, without those inside nbtrack."""

import os
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import Any

from nbtrack.core import errors
from nbtrack.core.errors import NbtrackError

_HOOK = "_render_traceback_"
"""IPython asks an exception for a method of this name before it draws the traceback itself."""
_OURS = str(Path(errors.__file__).parents[1]) + os.sep
_PATHS = sysconfig.get_paths()
_INSTALLED = tuple(_PATHS[key] + os.sep for key in ("stdlib", "platstdlib", "purelib", "platlib"))


class OwnFrames:
    """Draws errors of ours for a shell, from when it is made until it is removed; no other exception."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

        def drawn(error: NbtrackError) -> list[str]:
            return self._drawn(error)

        self._hook = drawn
        setattr(NbtrackError, _HOOK, drawn)

    def remove(self) -> None:
        """Let IPython draw them as it does others, unless another shell has been loaded since."""
        if vars(NbtrackError).get(_HOOK) is self._hook:
            delattr(NbtrackError, _HOOK)

    def _drawn(self, error: NbtrackError) -> list[str]:
        links: list[tuple[BaseException, TracebackType | None, Any, Any, bool]] = []
        try:
            _hide_ours(error, links)
            return self._whole(error)
        except Exception:  # noqa: BLE001 - then the whole traceback is better than none
            _restore(links)
            return self._whole(error)
        finally:
            _restore(links)

    def _whole(self, error: NbtrackError) -> list[str]:
        return self._shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)


def _hide_ours(error: BaseException, links: list[Any]) -> bool:
    """Take our frames out of an error and of those it came from; whether any frame is left."""
    if any(error is link[0] for link in links):
        return True
    before = error.__traceback__, error.__cause__, error.__context__, error.__suppress_context__
    links.append((error, *before))
    error.__traceback__ = _of_the_user(error.__traceback__)
    if error.__cause__ is not None and not _hide_ours(error.__cause__, links):
        error.__cause__ = None
    if error.__context__ is not None and not _hide_ours(error.__context__, links):
        error.__context__ = None
    error.__suppress_context__ = before[3]
    return error.__traceback__ is not None or before[0] is None


def _restore(links: list[Any]) -> None:
    for error, trace, cause, context, suppressed in links:
        error.__traceback__ = trace
        error.__cause__ = cause
        error.__context__ = context
        error.__suppress_context__ = suppressed


def _of_the_user(trace: TracebackType | None) -> TracebackType | None:
    """A copy without our frames, and without those of libraries that we called."""
    kept: list[TracebackType] = []
    is_inside = False
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        is_ours = path.startswith(_OURS)
        is_inside = is_ours or (is_inside and path.startswith(_INSTALLED))
        if not is_inside:
            kept.append(trace)
        trace = trace.tb_next
    copied = None
    for each in reversed(kept):
        copied = TracebackType(copied, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return copied
