"""Interrupts at every instant at which Python can deliver one, one after the other.

CPython runs signal handlers where a Python function begins and where a call into C returns, and those
are the instants of which a profile function is told. So a test need not hope for luck: it throws a
KeyboardInterrupt at the first instant of a call, at the second, and so on to the last.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """How an interrupted call went."""

    reached: bool
    """Whether the KeyboardInterrupt came out of the call."""
    struck: bool
    """Whether there was such an instant; else the call was over before."""


def interrupted(call: Callable[[], Any], instant: int) -> Outcome:
    """Make a call and interrupt it at its nth instant, from 1."""
    seen = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal seen
        if event in ("call", "c_return"):
            seen += 1
            if seen == instant:
                raise KeyboardInterrupt

    reached = False
    gc.disable()  # what it finalizes is not the call's, and would be struck in its place
    sys.setprofile(profile)
    try:
        call()
    except KeyboardInterrupt:
        reached = True
    finally:
        sys.setprofile(None)
        gc.enable()
    return Outcome(reached, seen >= instant)


@contextmanager
def swallowed() -> Iterator[list[str]]:
    """Collects the interrupts that Python itself drops: those that strike in a finalizer."""
    found: list[str] = []
    before = sys.unraisablehook

    def note(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            found.append(str(unraisable.object))
        # A file that was just being opened is closed by Python, with a warning.
        elif not isinstance(unraisable.exc_value, ResourceWarning):
            before(unraisable)

    sys.unraisablehook = note
    try:
        yield found
    finally:
        sys.unraisablehook = before
