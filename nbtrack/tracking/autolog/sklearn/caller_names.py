"""What the user calls a value: the variable that the code which called a patched function holds it in.

A function that only passes on what it was given leads to its caller: in `evaluate(model, X_test)` the data
are `X_test`, whatever the parameter is called.
"""

import sys
from collections.abc import Iterable
from inspect import CO_NEWLOCALS
from types import FrameType
from typing import Any

from nbtrack.tracking.autolog.patching import FILE

_MOST_FRAMES = 50


def caller() -> FrameType | None:
    """The frame that called the patched function which is being observed."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and frame.f_code.co_filename != FILE:
        frame = frame.f_back
    while frame is not None and frame.f_code.co_filename == FILE:
        frame = frame.f_back
    return frame


def module_of(frame: FrameType | None) -> str:
    """The module whose code a frame runs; empty where that is not known."""
    name = None if frame is None else frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""


def name_of(value: Any, frame: FrameType | None) -> str | None:
    """The variable of a value, as seen from a frame; None: it has no name there.

    Args:
        value: Told by its identity.
        frame: Where the name was used.
    """
    parameter = None
    for _ in range(_MOST_FRAMES):
        if frame is None or value is None:
            break
        passed_as = _parameter(value, frame)
        if passed_as is None:
            # The innermost parameter is the name of what its caller did not name.
            return _variable(value, frame) or parameter
        parameter = parameter or passed_as
        frame = frame.f_back
    return parameter


def _parameter(value: Any, frame: FrameType) -> str | None:
    """The parameter by which the function of a frame was given the value; `""`: one without a name."""
    code = frame.f_code
    if not code.co_flags & CO_NEWLOCALS:  # a module or a cell
        return None
    count = code.co_argcount + code.co_kwonlyargcount
    has_list, has_dict = bool(code.co_flags & 0x04), bool(code.co_flags & 0x08)
    names, here = code.co_varnames, frame.f_locals
    for name in names[:count]:
        if here.get(name) is value:
            return name
    if has_list and any(each is value for each in here.get(names[count], ())):
        return ""
    if has_dict:
        for name, each in here.get(names[count + has_list], {}).items():
            if each is value:
                return str(name)
    return None


def _variable(value: Any, frame: FrameType) -> str | None:
    here = frame.f_locals
    # The name it had first says most: loops over data sets have another for all of them. But a notebook has
    # what it showed last in `_` and its kin as well, which come before all others.
    names = sorted(_names_in(here, here, value), key=lambda name: name.startswith("_"))
    if not names and here is not frame.f_globals:
        names = _names_in(frame.f_globals, frame.f_code.co_names, value)
        if not names and (owner := here.get("self")) is not None:
            attributes = getattr(owner, "__dict__", {})
            names = _names_in(attributes, frame.f_code.co_names, value)
    return names[0] if names else None


def _names_in(namespace: Any, names: Iterable[str], value: Any) -> list[str]:
    # The list is made at once: other threads may be assigning. Tools have variables that no user could name.
    return [name for name in list(names) if namespace.get(name) is value and name.isidentifier()]
