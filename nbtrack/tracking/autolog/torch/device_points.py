"""Points whose values are computed on a device: kept there, and handed out when they have arrived."""

from collections import deque
from typing import Any, Generic, TypeVar

from nbtrack.tracking.autolog.torch.losses import Loss, Losses

T = TypeVar("T")


class DevicePoints(Generic[T]):
    """Values that were not read yet, each with what it belongs to."""

    def __init__(self) -> None:
        self._values: Losses | None = None
        self._waiting: deque[tuple[T, Loss]] = deque()
        """What each belongs to, and where it is kept, in the order they came."""

    def keep(self, about: T, value: Any) -> bool:
        """Copy a value on its device.

        Args:
            about: What it belongs to.
            value: A tensor of no dimension that needs no gradient.

        Returns:
            Whether it will be read; while a CUDA graph is captured nothing is kept.
        """
        import torch

        if self._values is None:
            self._values = Losses(torch)
        kept = self._values.keep(value)
        if kept is not None:
            self._waiting.append((about, kept))
        return kept is not None

    def read(self, *, wait: bool = False) -> list[tuple[T, float]]:
        """Take the values that have arrived, in the order they were kept.

        Args:
            wait: Whether to wait for all.
        """
        if self._values is not None:
            self._values.read(wait=wait)
        found: list[tuple[T, float]] = []
        while self._waiting:
            about, kept = self._waiting[0]
            if kept.block.numbers is None:
                break
            self._waiting.popleft()
            found.append((about, kept.block.numbers[kept.place]))
        return found
