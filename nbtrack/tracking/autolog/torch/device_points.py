"""Points whose values are computed on a device: kept there, and handed out when they have arrived."""

from collections import deque
from typing import Any, Generic, TypeVar

from nbtrack.tracking.autolog.torch.losses import Block, DeviceLosses

T = TypeVar("T")


class DevicePoints(Generic[T]):
    """Values that were not read yet, each with what it belongs to."""

    def __init__(self) -> None:
        self._keepers: dict[Any, DeviceLosses] = {}
        """By device."""
        self._waiting: deque[tuple[T, Block, int]] = deque()
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

        keeper = self._keepers.get(value.device)
        if keeper is None:
            keeper = self._keepers[value.device] = DeviceLosses(torch, value.device)
        place = keeper.keep(value)
        if place is not None:
            self._waiting.append((about, *place))
        return place is not None

    def read(self, *, wait: bool = False) -> list[tuple[T, float]]:
        """Take the values that have arrived, in the order they were kept.

        Args:
            wait: Whether to wait for all.
        """
        for keeper in self._keepers.values():
            keeper.collect()
            keeper.begin_reading()
            keeper.collect(wait=wait)
        found: list[tuple[T, float]] = []
        while self._waiting:
            about, block, place = self._waiting[0]
            if block.numbers is None:
                break
            self._waiting.popleft()
            found.append((about, block.numbers[place]))
        return found
