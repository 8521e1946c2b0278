"""Losses, kept on the device they were computed on until they are read, many at once.

A loss is copied when its backward begins, since training loops change losses in place afterwards. Reading a
number from a GPU makes the program wait for it; so a block of them is copied away behind the work that is
under way there, and looked at once it has arrived. Nothing here waits, but for `collect(wait=True)`.
"""

import threading
from collections import deque
from typing import Any

BLOCK = 256
"""Losses that are read at once, at most."""

_UNREADABLE = frozenset({"meta", "xla", "lazy"})
"""Devices whose numbers are never there, or not before the work of a step is cut short for them."""


class Block:
    """Some losses that are read together."""

    __slots__ = ("memory", "numbers", "used")

    def __init__(self, memory: "_Memory") -> None:
        self.memory: _Memory | None = memory
        self.used = 0
        self.numbers: list[float] | None = None
        """What they are; None until they have been read."""


class Losses:
    """The losses of one thread, on all devices."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held while they are kept or read: another thread may end the run."""
        self._of_device: dict[int, DeviceLosses] = {}

    def on_device_of(self, loss: Any, torch: Any) -> "DeviceLosses | None":
        """The losses where a loss is; None where they could not be read.

        Args:
            loss: A tensor.
            torch: The module.
        """
        number = loss.get_device()  # hashing its device would take longer than all the rest
        if number not in self._of_device or loss.is_meta:
            device = loss.device
            if device.type in _UNREADABLE:
                return None
            self._of_device[number] = DeviceLosses(torch, device)
        return self._of_device[number]

    def read(self, *, wait: bool = False) -> None:
        """Have all that is kept read, and take the numbers that have arrived.

        Args:
            wait: Whether to wait for those that are under way.
        """
        for losses in list(self._of_device.values()):
            losses.collect()
            losses.begin_reading()
            losses.collect(wait=wait)


class DeviceLosses:
    """The losses of one thread on one device."""

    def __init__(self, torch: Any, device: Any) -> None:
        """Nothing is allocated before the first loss.

        Args:
            torch: The module.
            device: Where the losses are.
        """
        self._torch = torch
        self._device = device
        self._may_be_captured = device.type == "cuda"
        self._block: Block | None = None
        self._spare: list[_Memory] = []
        self._under_way: deque[Block] = deque()

    def keep(self, loss: Any) -> tuple[Block, int] | None:
        """Copy a loss, on its device.

        Args:
            loss: A tensor of no dimension that needs no gradient.

        Returns:
            The block and the place in it where its number will be; None while a CUDA graph is captured,
            which the copy would become a part of.
        """
        if self._is_captured():
            return None
        block = self._block
        if block is None:
            memory = self._spare.pop() if self._spare else _Memory(self._torch, self._device)
            block = self._block = Block(memory)
        place = block.used
        block.memory.places[place].copy_(loss)  # pyright: ignore[reportOptionalMemberAccess]
        block.used = place + 1
        if block.used == BLOCK:
            self.begin_reading()
        return block, place

    def begin_reading(self) -> None:
        """Have what is kept so far read; further losses go into another block."""
        if self._is_captured():
            return
        block, self._block = self._block, None
        if block is not None and block.memory is not None:
            block.memory.begin_reading(self._torch)
            self._under_way.append(block)

    def collect(self, *, wait: bool = False) -> None:
        """Take the numbers that have arrived.

        Args:
            wait: Whether to wait for those that are under way.
        """
        while self._under_way:
            block = self._under_way[0]
            memory = block.memory
            if memory is not None:
                if not memory.is_read(wait=wait):
                    return
                block.numbers = memory.numbers(block.used)
                block.memory = None
                self._spare.append(memory)
            self._under_way.popleft()

    def _is_captured(self) -> bool:
        """Whether what is done on the device becomes a part of a CUDA graph, and is not done now."""
        return self._may_be_captured and self._torch.cuda.is_current_stream_capturing()


class _Memory:
    """Where a block of losses lies, on the device and on its way from there."""

    def __init__(self, torch: Any, device: Any) -> None:
        # Apple's GPUs, and some of Intel's, know no double precision.
        dtype = torch.float64 if device.type in ("cpu", "cuda") else torch.float32
        # What is made in inference mode could not be written to outside of it.
        with torch.inference_mode(False):
            self.values: Any = torch.empty(BLOCK, dtype=dtype, device=device)
            # Only these can be waited for without the whole device; of others a block is read as it is.
            self.arrived: Any = torch.cuda.Event() if device.type == "cuda" else None
            self.copy: Any = self.values
            if self.arrived is not None:
                self.copy = torch.empty(BLOCK, dtype=dtype, pin_memory=True)
        self.places: tuple[Any, ...] = self.values.unbind()

    def begin_reading(self, torch: Any) -> None:
        if self.arrived is not None:
            self.copy.copy_(self.values, non_blocking=True)
            self.arrived.record(torch.cuda.current_stream(self.values.device))

    def is_read(self, *, wait: bool) -> bool:
        if self.arrived is None:
            return True
        if wait:
            self.arrived.synchronize()
        return bool(self.arrived.query())

    def numbers(self, used: int) -> list[float]:
        return self.copy[:used].tolist()
