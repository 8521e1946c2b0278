"""Which optimizers a loss gives gradients to, where there are several: a GAN's two, an actor and a critic.

That is found by following the graph of the loss down to its parameters, which takes milliseconds: so once
for each place in the user's code where a backward is called, and again when an optimizer has been made.
"""

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nbtrack.tracking.autolog.patching import FILE
from nbtrack.tracking.autolog.torch.optimizers import KnownOptimizers, mark_of, parameters_of

if TYPE_CHECKING:
    from types import CodeType

_MOST_NODES = 20_000

Place = tuple[int, int]
"""Where a backward is called: the identity of the code, and the instruction in it."""


class GradientPaths:
    """What has been found out about the losses of one thread."""

    def __init__(self, torch: Any, optimizers: KnownOptimizers) -> None:
        self._library = os.path.dirname(torch.__file__) + os.sep
        self._optimizers = optimizers
        self._changes = -1
        self._are_several = False
        self._known: dict[Place, frozenset[int] | None] = {}
        self._codes: list[CodeType] = []  # kept, so that no other gets their identity

    def are_several(self) -> bool:
        """Whether there are optimizers of different parameters; asked at each loss."""
        if self._changes != self._optimizers.changes:
            self._changes = self._optimizers.changes
            self._are_several = len(set(map(mark_of, self._optimizers.all()))) > 1
            self._known.clear()
            self._codes.clear()
        return self._are_several

    def place(self) -> Place:
        """Where the user's code calls the backward that is being told of."""
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        while frame.f_back is not None:
            if not frame.f_code.co_filename.startswith((self._library, _OURS, FILE)):
                break
            frame = frame.f_back
        place = (id(frame.f_code), frame.f_lasti)
        if place not in self._known:
            self._codes.append(frame.f_code)
        return place

    def leads_to(self, grad_fn: Any, place: Place) -> frozenset[int] | None:
        """The optimizers whose parameters get the gradient of a loss, by their marks; None: not known.

        Args:
            grad_fn: The loss's, before its backward.
            place: Where that is called.
        """
        if place in self._known:
            return self._known[place]
        marks: dict[int, set[int]] = {}
        for optimizer in self._optimizers.all():
            for parameter in parameters_of(optimizer):
                marks.setdefault(id(parameter), set()).add(mark_of(optimizer))
        found: set[int] = set()
        for parameter in _leaves(grad_fn):
            found |= marks.get(id(parameter), set())
        # A graph may end before the parameters, at a function that computes part of the model again.
        self._known[place] = frozenset(found) or None
        return self._known[place]

    def doubt(self, place: Place) -> None:
        """Losses of several kinds come from there, such as from a function that all of them go through."""
        self._known[place] = None


_OURS = os.path.dirname(__file__) + os.sep


def _leaves(grad_fn: Any) -> Iterator[Any]:
    seen: set[Any] = set()
    waiting: list[Any] = [grad_fn]
    while waiting and len(seen) < _MOST_NODES:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if type(node).__name__ == "AccumulateGrad":
            yield node.variable
        else:
            waiting.extend(following for following, _ in node.next_functions)
