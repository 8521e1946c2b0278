"""The event log: every change of experiments, registry and runs, one JSON line each.

Append-only and readable. Several processes append to one file: a line is one write.
"""

import json
import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from time import time_ns
from typing import Any

from nbtrack.core.users import current_user

_to_json = json.JSONEncoder(default=str, check_circular=False).encode


class EventLog:
    """Appends to and reads `events.log`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._torn = False
        self._lock = threading.Lock()
        self._synced = 0
        _logs.add(self)

    def append(self, what: str, **details: Any) -> None:
        """Record a change.

        Args:
            what: Thing and verb, such as `run.started`.
            details: What changed, and from what; JSON values.

        A disk that refuses is not an error here: the change itself stands in the documents.
        """
        event = {"time": time_ns() // 1_000_000, "who": current_user(), "what": what, **details}
        line = f"{_to_json(event)}\n".encode()
        with self._lock:
            try:
                if self._descriptor is None:
                    self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                line = b"\n" + line if self._torn else line
                self._torn = os.write(self._descriptor, line) != len(line)
            except OSError:
                self._torn = True

    def read(self) -> Iterator[dict[str, Any]]:
        """The events, the oldest first; torn lines are left out."""
        try:
            with open(self._path, encoding="utf-8", errors="replace") as file:
                for line in file:
                    try:
                        event: Any = json.loads(line)
                    except ValueError:
                        continue
                    if isinstance(event, dict):
                        yield event
        except FileNotFoundError:
            return

    def sync(self) -> None:
        """Make the events survive a power cut, as far as the disk allows."""
        descriptor = self._descriptor
        if descriptor is None:
            return
        size = os.fstat(descriptor).st_size
        if size != self._synced:
            os.fsync(descriptor)
            self._synced = size

    def close(self) -> None:
        """Close the file; a later append opens it again."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _after_fork(self) -> None:
        """Runs in the child, where a lock that another thread held may never be freed."""
        self._lock = threading.Lock()


_logs: "weakref.WeakSet[EventLog]" = weakref.WeakSet()


def _free_locks_in_child() -> None:
    for log in list(_logs):
        log._after_fork()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks_in_child)
