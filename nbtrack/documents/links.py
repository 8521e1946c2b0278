"""The connections of this process: one for each thread that uses a database, none across a fork.

All are closed just before a fork and reopened when next used, on both sides; other threads finish
their statement first. (SQLite counts the locks of a process per file. A child that opens the file anew,
while connections of its parent are open, believes to hold locks that only the parent holds, and what
it writes may be lost. Seen: the parent closes and deletes the -wal file, the child goes on writing to
it.) What cannot be closed, because a transaction is open on it, is the parent's alone: the child gets an
error instead of the file.
"""

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Generator
from typing import Any

import apsw

_PATIENCE = 5.0
"""Seconds that a fork waits for the transaction of another thread."""


class Link:
    """The connection of one thread, opened on first use."""

    __slots__ = ("connection", "lock", "pid", "signature", "thread", "transactions")

    def __init__(self) -> None:
        self.connection: apsw.Connection | None = None
        self.signature: Any = None  # what a frozen connection shows; see `nbtrack.documents.frozen`
        self.lock = threading.RLock()  # held while in use: others may close only what is idle
        self.transactions: list[object] = []  # a token for each that is open, the outermost first
        self.pid = os.getpid()
        self.thread = threading.get_ident()

    def close(self, *, checkpoint: bool = True) -> None:
        """Close the connection; without a checkpoint the write-ahead log stays, which is fast."""
        if self.connection is not None:
            if not checkpoint:
                self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self.connection.close()
            self.connection = None


class _Lease:
    """Lives in the thread's own storage: its end is the thread's end."""

    __slots__ = ("link", "links")

    def __init__(self, link: Link, links: set[Link]) -> None:
        self.link = link
        self.links = links

    def __del__(self) -> None:
        link: Link | None = getattr(self, "link", None)  # none when an interrupt struck in the making
        if link is not None and link.pid == os.getpid():
            # Never waiting: when the interpreter ends, the thread that holds the lock is gone for good.
            if link.lock.acquire(blocking=False):
                link.close()
                link.lock.release()
            self.links.discard(link)


class Links:
    """The connections of this process's threads to one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.all: set[Link] = set()
        self.lock = threading.Lock()  # for small state that threads share; a forked child gets a new one
        self._here = threading.local()
        _registry.watch(self)

    def of_this_thread(self) -> Link:
        """The link of the thread that asks."""
        lease: _Lease | None = getattr(self._here, "lease", None)
        if lease is None or lease.link.pid != os.getpid():
            link = Link()
            self.all.add(link)
            self._here.lease = lease = _Lease(link, self.all)
        return lease.link

    def close(self, patience: float) -> None:
        """Close all connections; a thread in the middle of a transaction has `patience` seconds to end it."""
        for link in list(self.all):
            if _lock_when_idle(link, patience):
                try:
                    link.close()
                finally:
                    link.lock.release()
            elif link.thread == threading.get_ident():
                link.close()  # undoes the transaction; any other thread closes its own when it ends


def _lock_when_idle(link: Link, patience: float) -> bool:
    """Take the lock of a link once no transaction is open on it.

    Returns:
        False if that did not come to pass in `patience` seconds, or if the transaction is this
        thread's own, which cannot end meanwhile; then the lock is not taken.
    """
    deadline = time.monotonic() + patience
    while link.lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
        if not link.transactions:
            return True
        link.lock.release()
        if link.thread == threading.get_ident() or time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return False


class _Registry:
    """All links of this process, for the moment of a fork."""

    def __init__(self) -> None:
        self._files: dict[int, weakref.ref[Links]] = {}
        # Held while a connection is opened, and from before a fork until after it.
        self._opening = threading.Lock()
        self._is_still = False
        self._held: list[Link] = []
        self._inherited: dict[str, list[Link]] = {}
        self._is_watching = False

    def watch(self, links: Links) -> None:
        if not self._is_watching and hasattr(os, "register_at_fork"):
            self._is_watching = True
            os.register_at_fork(
                before=self._before, after_in_parent=self._in_parent, after_in_child=self._in_child
            )
        key = id(links)
        self._files[key] = weakref.ref(links, lambda _: self._files.pop(key, None))

    @contextlib.contextmanager
    def opening(self) -> Generator[None, None, None]:
        with self._opening:
            yield

    def is_inherited(self, path: str) -> bool:
        return path in self._inherited

    def _known(self) -> list[Links]:
        return [links for found in list(self._files.values()) if (links := found()) is not None]

    def _before(self) -> None:
        self._is_still = self._opening.acquire(timeout=_PATIENCE)
        for links in self._known():
            for link in list(links.all):
                # An unopened one cannot be opened now; its thread may hold the lock, waiting to.
                if link.connection is None:
                    continue
                # What is not idle goes on in the parent.
                if _lock_when_idle(link, _PATIENCE):
                    self._held.append(link)
                    link.close(checkpoint=False)  # a checkpoint would cost an fsync at every fork

    def _in_parent(self) -> None:
        while self._held:
            self._held.pop().lock.release()
        if self._is_still:
            self._opening.release()

    def _in_child(self) -> None:
        self._opening = threading.Lock()
        self._held.clear()
        for links in self._known():
            links.lock = threading.Lock()
            left = [link for link in links.all if link.connection is not None]
            if left or not self._is_still:
                self._keep(links.path, left)
            links.all = set()

    def _keep(self, path: str, links: list[Link]) -> None:
        """Never let go of the parent's connections: closing one would act on the parent's transaction."""
        if not self._inherited:
            import atexit  # lazy: only for a child that was forked inside a transaction

            atexit.register(_leak, self._inherited)
        self._inherited.setdefault(path, []).extend(links)


def _leak(links: Any) -> None:
    """Keep `links` from being finalized when the interpreter ends."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(links))


_registry = _Registry()


def opening() -> contextlib.AbstractContextManager[None]:
    """The time in which a connection is opened: nobody forks meanwhile."""
    return _registry.opening()


def is_inherited(path: str) -> bool:
    """Whether connections of the parent process to `path` were open when this one was forked."""
    return _registry.is_inherited(path)
