"""The active run: the one ambient value of nbtrack.

Runs are a stack per thread. A thread whose stack is empty uses the process's only active top-level
run if there is just one; so a worker thread logs where its starter does, and two threads with runs
of their own never mix. Runs that were started inside another do not count: which of them are active
at a moment is chance.
"""

import os
import threading
import weakref
from typing import Any, Generic, TypeVar

RunType = TypeVar("RunType")


class ActiveRuns(Generic[RunType]):
    """The stacks of active runs of one tracker."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._everywhere: list[tuple[RunType, list[RunType]]] = []
        """Every active run, with the stack it stands on."""
        self._top: list[RunType] = []
        """Those that were not started inside another."""
        self._lock = threading.Lock()
        _all_active.add(self)

    def current(self) -> RunType | None:
        """The run that a call of this thread logs to; None when it must start one."""
        try:
            return self._local.stack[-1]
        except (AttributeError, IndexError):
            top = self._top
            return top[0] if len(top) == 1 else None

    def innermost(self) -> RunType | None:
        """The run this thread started last and has not ended."""
        stack = self.stack()
        return stack[-1] if stack else None

    def stack(self) -> list[RunType]:
        """The runs this thread has started and not ended, the outermost first."""
        try:
            return self._local.stack
        except AttributeError:
            stack: list[RunType] = []
            self._local.stack = stack
            return stack

    def push(self, run: RunType, *, is_top: bool) -> None:
        """Make a run the active one of this thread.

        Args:
            run: The run.
            is_top: Whether it is a top-level run; False where it was started inside another one.
        """
        stack = self.stack()
        with self._lock:
            self._everywhere.append((run, stack))
            if is_top:
                self._top.append(run)
            stack.append(run)

    def remove(self, run: RunType) -> None:
        """Take a run off; it need not be the innermost, nor of this thread."""
        with self._lock:
            found = [entry for entry in self._everywhere if entry[0] is run]
            found = found or [entry for entry in self._everywhere if entry[0] == run]
            # The stacks first: an interrupt in between leaves what can be taken off once more.
            for taken, stack in found:
                stack[:] = [other for other in stack if other is not taken]
                self._top = [other for other in self._top if other is not taken]
            self._everywhere = [entry for entry in self._everywhere if entry not in found]

    def everywhere(self) -> list[RunType]:
        """The active runs of all threads, in the order in which they were started."""
        with self._lock:
            return [run for run, _ in self._everywhere]

    def _after_fork(self) -> None:
        """Runs in the child: it keeps its parent's runs, but not a lock that may never be freed."""
        self._lock = threading.Lock()


_all_active: "weakref.WeakSet[ActiveRuns[Any]]" = weakref.WeakSet()


def _free_locks_in_child() -> None:
    for active in list(_all_active):
        active._after_fork()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks_in_child)
