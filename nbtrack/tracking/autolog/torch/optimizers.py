"""The optimizers of this process, in the order in which they were made; they are never kept alive."""

import sys
import weakref
from typing import Any


class KnownOptimizers:
    """Those that were made since autolog was switched on, and others once they have been seen."""

    def __init__(self) -> None:
        self.count = 0
        """How many have been made since."""
        self.changes = 0
        """How often one was added."""
        # PyTorch imports it with the first optimizer of the process.
        self.may_be_more = "torch._dynamo" in sys.modules
        """Whether there may be some that were never seen."""
        self._known: dict[int, tuple[weakref.ref[Any], int]] = {}

    def made(self, optimizer: Any) -> None:
        """One is being made; it has no parameters yet."""
        self.count += 1
        self.changes += 1
        for identity, (known, _) in list(self._known.items()):
            if known() is None:
                self._known.pop(identity, None)
        self._known[id(optimizer)] = (weakref.ref(optimizer), self.count)

    def seen(self, optimizer: Any) -> None:
        """One is used, which may have been made before."""
        if self._entry(optimizer) is None:
            self.changes += 1
            self._known[id(optimizer)] = (weakref.ref(optimizer), 0)

    def number_of(self, optimizer: Any) -> int:
        """The how manyth it is; 0: it was made before the first that is known."""
        entry = self._entry(optimizer)
        return 0 if entry is None else entry[1]

    def are_there(self) -> bool:
        """Whether there may be any."""
        return self.may_be_more or any(known() is not None for known, _ in list(self._known.values()))

    def all(self) -> list[Any]:
        """Those that are still there."""
        found = [known() for known, _ in list(self._known.values())]
        return [optimizer for optimizer in found if optimizer is not None]

    def _entry(self, optimizer: Any) -> tuple[weakref.ref[Any], int] | None:
        entry = self._known.get(id(optimizer))
        return entry if entry is not None and entry[0]() is optimizer else None


def parameters_of(optimizer: Any) -> list[Any]:
    """The parameters that an optimizer changes; none while it is being made."""
    groups = getattr(optimizer, "param_groups", ())
    return [parameter for group in groups for parameter in group["params"]]


def mark_of(optimizer: Any) -> int:
    """What tells optimizers apart: those that begin with the same parameter are one to us."""
    for group in getattr(optimizer, "param_groups", ()):
        for parameter in group["params"]:
            return id(parameter)
    return id(optimizer)
