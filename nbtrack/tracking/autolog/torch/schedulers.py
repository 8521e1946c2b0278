"""The schedules of learning rates that were made since autolog was switched on, by their optimizer.

A schedule knows its optimizer, but not the other way round. Those that were made before are looked for
together with the modules (`trained_modules`).
"""

import weakref
from typing import Any

_made: "weakref.WeakKeyDictionary[Any, list[weakref.ref[Any]]]" = weakref.WeakKeyDictionary()


def is_made(scheduler: Any) -> None:
    """Take note of a schedule."""
    optimizer = getattr(scheduler, "optimizer", None)
    if optimizer is not None:
        _made.setdefault(optimizer, []).append(weakref.ref(scheduler))


def made_for(optimizer: Any) -> list[Any]:
    """The schedules of an optimizer that are known and still there, in the order they were made."""
    return [scheduler for one in _made.get(optimizer, ()) if (scheduler := one()) is not None]
