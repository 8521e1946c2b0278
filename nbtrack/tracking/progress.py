"""Loops that tell how far they are: `for batch in run.progress(loader)`.

An item costs one addition; what is shown is drawn by a thread of its own now and then, from the count.
"""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from operator import length_hint
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrack.tracking.progress_board import ProgressBoard

RUNNING, DONE, STOPPED = "running", "done", "stopped"

_RECENT = 10.0
"""Seconds over which the rate is taken."""


class Progress:
    """An iterable that counts the items it gives, for `for` and for `async for`."""

    __slots__ = (
        *("_board", "_ended", "_iterable", "_seen", "_started"),
        *("done", "inner", "name", "status", "total"),
    )

    def __init__(self, iterable: Any, total: Any, name: str | None, board: "ProgressBoard") -> None:
        """Count an iterable.

        Args:
            iterable: Anything that `for` or `async for` takes.
            total: How many items it has; None asks the iterable, which need not know.
            name: What it is called.
            board: Where it is shown.
        """
        self._iterable = iterable
        self._board = board
        self.name = "" if name is None else str(name)
        self.total = _total_of(iterable) if total is None else int(total)
        """None when nobody knows."""
        self.done = 0
        """Items that the loop has been through."""
        self.status = RUNNING
        self.inner: Progress | None = None
        """The loop that goes on inside its item: so much of the item is done."""
        self._started = self._ended = monotonic()
        self._seen: deque[tuple[float, float]] = deque(maxlen=64)

    def __len__(self) -> int:
        return len(self._iterable)

    def __iter__(self) -> Iterator[Any]:
        self._begin()
        try:
            for item in self._iterable:
                yield item
                self.done += 1
            self.status = DONE
        finally:
            self._end()

    async def __aiter__(self) -> AsyncIterator[Any]:
        self._begin()
        try:
            async for item in self._iterable:
                yield item
                self.done += 1
            self.status = DONE
        finally:
            self._end()

    def stop(self) -> None:
        """Say that the loop was left, where nobody else does: an error keeps it in its traceback."""
        if self.status == RUNNING:
            self.status, self._ended = STOPPED, monotonic()

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1; None when nobody knows."""
        return min(1.0, self._done_with_inner() / self.total) if self.total else None

    def words(self) -> str:
        """Such as `37 of 120 · 31 % · 4.2 it/s · 0:19 left`."""
        done, share, is_running = self.done, self.share, self.status == RUNNING
        now = monotonic() if is_running else self._ended
        is_counted = self.total is not None and done <= self.total
        pieces = [f"{done:,} of {self.total:,}" if is_counted else f"{done:,}"]
        if is_counted and share is not None:
            pieces.append(f"{int(100 * share)} %")
        rate = self._rate(now, self._done_with_inner())
        if rate:
            pieces.append(_rate_words(rate))
        if is_running and rate and is_counted and self.total and share is not None:
            pieces.append(f"{clock(self.total * (1 - share) / rate)} left")
        else:
            pieces.append(f"stopped after {self._took(now)}" if self.status == STOPPED else self._took(now))
        words = " · ".join(pieces)
        return f"{self.name} {words}" if self.name else words

    def _done_with_inner(self) -> float:
        inner = self.inner
        return self.done + (0 if inner is None else inner.share or 0)

    def _took(self, now: float) -> str:
        return clock(now - self._started)

    def _rate(self, now: float, done: float) -> float | None:
        """Items a second: lately while it runs, over all at its end; None when nothing is known yet."""
        begin, before = self._started, 0.0
        if self.status == RUNNING:
            self._seen.append((now, done))
            while len(self._seen) > 2 and now - self._seen[1][0] > _RECENT:
                self._seen.popleft()
            if now - self._seen[0][0] > 1 and done > self._seen[0][1]:
                begin, before = self._seen[0]
        return (done - before) / (now - begin) if done > before and now > begin else None

    def _begin(self) -> None:
        self.done, self.status, self._started = 0, RUNNING, monotonic()
        self._seen.clear()
        self._board.begin(self)

    def _end(self) -> None:
        if self.status != DONE:
            self.status = STOPPED
        self._ended = monotonic()
        self._board.end(self)
        self.inner = None


def clock(seconds: float) -> str:
    """How long, as clocks show it: `0:19`, `1:02:03`."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _rate_words(rate: float) -> str:
    if rate >= 100:
        return f"{rate:,.0f} it/s"
    return f"{rate:.1f} it/s" if rate >= 1 else f"{1 / rate:.1f} s/it"


def _total_of(iterable: Any) -> int | None:
    """How many items there will be, if that can be known; whatever the iterable says of it."""
    try:
        total = length_hint(iterable, -1)
    except Exception:  # noqa: BLE001 - a loader of unknown length raises what it likes
        return None
    return total if total > 0 or hasattr(iterable, "__len__") else None
