"""The passes that are made through data loaders at this moment.

A loader tells when it begins. How far it is stands in the iterator of PyTorch, which counts its batches; so
nothing is patched that a batch passes through.
"""

import threading
import weakref
from dataclasses import dataclass
from time import perf_counter
from typing import Any

OVER = -1
"""What a pass that has ended, or was left, gives as its batches."""

_KEPT = 32
"""Passes that are remembered at the most, of all threads."""


class Pass:
    """One pass through a data loader."""

    __slots__ = ("__weakref__", "_iterator", "_loader", "began", "ended", "seen", "shape", "thread")

    def __init__(self, loader: Any, iterator: Any) -> None:
        self._loader = weakref.ref(loader)
        self.shape = shape_of(loader)
        self._iterator = weakref.ref(iterator, self._is_gone)
        self.began = perf_counter()
        self.ended: float | None = None
        """When its iterator was given up, or begun anew (persistent workers)."""
        self.thread = threading.get_ident()
        self.seen = 0
        """Batches it had given when an optimizer last made a step for one of them."""

    def is_like(self, other: "Pass") -> bool:
        """Whether it goes through the same loader, which is still there."""
        loader = self._loader()
        return loader is not None and loader is other._loader()

    def batches(self) -> int:
        """How many batches it has given; `OVER` when it has ended or was left."""
        iterator = self._iterator()
        return OVER if iterator is None or self.ended is not None else iterator._num_yielded

    def begins_anew(self, iterator: Any) -> None:
        """Take note that an iterator begins, which may be the one of this pass."""
        if self.ended is None and self._iterator() is iterator:
            self.ended = perf_counter()

    def _is_gone(self, _reference: object) -> None:
        if self.ended is None:
            self.ended = perf_counter()


_open: list[Pass] = []
"""Passes that may be going on, in the order they began."""
_lock = threading.Lock()


def has_begun(loader: Any, iterator: Any, *, trains: bool) -> None:
    """Take note that a data loader has begun.

    Args:
        loader: The loader.
        iterator: What its `__iter__` gave.
        trains: Whether it may be for training: gradients are on.
    """
    if not hasattr(iterator, "_num_yielded"):
        return
    with _lock:
        for one in _open:
            one.begins_anew(iterator)
        _open[:] = [one for one in _open if one.ended is None][-_KEPT:]
        if trains:
            _open.append(Pass(loader, iterator))


def open_passes() -> list[Pass]:
    """The passes that are going on, in the order they began; those of this thread, where it has any."""
    found = [one for one in tuple(_open) if one.ended is None]
    if not found:
        return found
    thread = threading.get_ident()
    return [one for one in found if one.thread == thread] or found


@dataclass(frozen=True)
class Shape:
    """What a pass through a loader holds; None where that is not known beforehand."""

    batch_size: int | None
    batches: int | None
    samples: int | None
    dataset_class: str
    dataset_length: int | None

    def samples_in(self, batches: int) -> int | None:
        """How many samples some of its batches held; the last one may be smaller."""
        if self.batch_size is None:
            return None
        count = batches * self.batch_size
        return count if self.samples is None or batches != self.batches else min(count, self.samples)


def shape_of(loader: Any) -> Shape:
    """What a pass through a data loader holds."""
    size = loader.batch_size
    if size is None:
        size = getattr(loader.batch_sampler, "batch_size", None)
    size = size if isinstance(size, int) else None
    kind = type(loader.dataset).__name__
    if _is_stream(loader):  # asked for its length, PyTorch warns when it turns out longer
        return Shape(size, None, None, kind, None)
    samples = None if loader.batch_size is None else _length(loader.sampler)
    return Shape(size, _length(loader), samples, kind, _length(loader.dataset))


def _length(given: Any) -> int | None:
    try:
        return len(given)
    except (TypeError, NotImplementedError):  # a sampler or a data set that does not know
        return None


def _is_stream(loader: Any) -> bool:
    from torch.utils.data import IterableDataset

    return isinstance(loader.dataset, IterableDataset)
