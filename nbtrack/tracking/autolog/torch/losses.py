"""Losses, kept on the device they were computed on until they are read, many at once.

A loss is copied when its backward begins, since training loops change losses in place afterwards. Reading a
number from a GPU makes the program wait for it; so a block of them is copied away behind the work that is
under way there, and looked at once it has arrived. Nothing here waits, but for `read(wait=True)`.
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

    __slots__ = ("memory", "numbers", "places", "used")

    def __init__(self, memory: "_Memory") -> None:
        self.memory: _Memory | None = memory
        self.places = memory.places
        self.used = 0
        self.numbers: list[float] | None = None
        """What they are; None until they have been read."""


class Loss:
    """A loss whose gradient was taken, and that no step has used yet."""

    # Of most losses no more than these two is ever said; making them is in the way of each step.
    is_scaled = False
    """Whether a GradScaler has scaled it, which may skip a step."""
    comes_from: tuple[int, int] | None = None
    """The place of its backward, where `leads_to` is known."""
    leads_to: frozenset[int] | None = None
    """The optimizers whose parameters got its gradient, by their marks; None: not known."""
    refused_by: frozenset[int] = frozenset()
    """The optimizers that have set their gradients to zero since, by their marks."""

    def __init__(self, block: Block, place: int) -> None:
        self.block = block
        self.place = place


class Losses:
    """The losses of one thread, on all devices."""

    def __init__(self, torch: Any) -> None:
        """Nothing is allocated before the first loss.

        Args:
            torch: The module.
        """
        self.lock = threading.RLock()
        """Held while they are kept or read: another thread may end the run."""
        self._torch = torch
        self._of_device: dict[int, _DeviceLosses] = {}
        self._number = -2
        self._last: _DeviceLosses | None = None
        """Those on the device of that number, where the last loss was."""

    def keep(self, loss: Any) -> Loss | None:
        """Copy a loss, on its device.

        Args:
            loss: A tensor of one element.

        Returns:
            Where its number will be; None where it could not be read, or would become part of a CUDA graph.
        """
        number = loss.get_device()  # to hash its device would take longer
        with self.lock:
            last = self._last
            if last is None or number != self._number:
                last = self._on_device_of(loss, number)
                if last is None:
                    return None
            if last.may_be_captured and last.is_captured():
                return None
            block = last.block or last.new_block()
            place = block.used
            copied = loss.detach()
            block.places[place].copy_(copied.reshape(()) if copied.dim() else copied)
            block.used = place + 1
            if place + 1 == BLOCK:
                last.begin_reading()
        return Loss(block, place)

    def read(self, *, wait: bool = False) -> None:
        """Have all that is kept read, and take the numbers that have arrived.

        Args:
            wait: Whether to wait for those that are under way.
        """
        for losses in list(self._of_device.values()):
            losses.collect()
            losses.begin_reading()
            losses.collect(wait=wait)

    def _on_device_of(self, loss: Any, number: int) -> "_DeviceLosses | None":
        if loss.device.type in _UNREADABLE:
            return None
        if number not in self._of_device:
            self._of_device[number] = _DeviceLosses(self._torch, loss.device)
        self._number, self._last = number, self._of_device[number]
        return self._last


class _DeviceLosses:
    """The losses of one thread on one device."""

    def __init__(self, torch: Any, device: Any) -> None:
        self.block: Block | None = None
        """The one that is being filled."""
        self.may_be_captured = device.type == "cuda"
        self._torch = torch
        self._device = device
        self._spare: list[_Memory] = []
        self._under_way: deque[Block] = deque()

    def is_captured(self) -> bool:
        """Whether what is done on the device becomes a part of a CUDA graph, and is not done now."""
        return self.may_be_captured and self._torch.cuda.is_current_stream_capturing()

    def new_block(self) -> Block:
        memory = self._spare.pop() if self._spare else _Memory(self._torch, self._device)
        self.block = Block(memory)
        return self.block

    def begin_reading(self) -> None:
        """Have what is kept so far read; further losses go into another block."""
        if self.is_captured():
            return
        block, self.block = self.block, None
        if block is not None and block.memory is not None:
            block.memory.begin_reading(self._torch)
            self._under_way.append(block)

    def collect(self, *, wait: bool = False) -> None:
        """Take the numbers that have arrived; waiting for those under way if told so."""
        while self._under_way:
            block = self._under_way[0]
            memory = block.memory
            if memory is not None:
                if not memory.is_read(wait=wait):
                    return
                block.numbers = memory.numbers(block.used)
                block.memory = None
                block.places = ()
                self._spare.append(memory)
            self._under_way.popleft()


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
