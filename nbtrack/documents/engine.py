"""The engine: one database file, with a connection of its own for every thread of every process.

A connection belongs to the thread that opened it and is closed when that thread ends. Nothing of
SQLite may cross a fork, not even unused: SQLite counts the locks of a process per file, so a child that
opens the file anew believes to hold locks that only its parent holds, and what it writes may be
lost (seen: the parent closes, deletes the -wal file, and the child goes on writing to it). So all
connections are closed just before a fork and reopened when next used, on both sides.
"""

import contextlib
import os
import threading
import weakref
from types import TracebackType
from typing import Any

import apsw

from nbtrack.core.errors import AlreadyExistsError, InvalidStateError, StoreError
from nbtrack.documents import database_file
from nbtrack.documents.failures import explain

BUSY_TIMEOUT = 30.0
"""Seconds that a write waits for the writes of other processes."""

_FORK_PATIENCE = 5.0

Rows = list[tuple[Any, ...]]


class _Link:
    """The connection of one thread, opened on first use."""

    __slots__ = ("connection", "depth", "lock", "pid")

    def __init__(self) -> None:
        self.connection: apsw.Connection | None = None
        self.lock = threading.RLock()  # held while in use: others may close only what is idle
        self.depth = 0  # of nested transactions
        self.pid = os.getpid()

    def close(self, *, checkpoint: bool = True) -> None:
        if self.connection is not None:
            if not checkpoint:
                self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self.connection.close()
            self.connection = None


class _Lease:
    """Lives in the thread's own storage; its end is the thread's end."""

    __slots__ = ("link", "links")

    def __init__(self, link: _Link, links: set[_Link]) -> None:
        self.link = link
        self.links = links

    def __del__(self) -> None:
        if self.link.pid == os.getpid():
            with self.link.lock:
                self.link.close()
            self.links.discard(self.link)


class Engine:
    """One database file; safe to share between threads and across forks.

    Args:
        path: The database file, made when first written to; its folder must exist.
        read_only: Never write, and read even where nothing can be written.
        timeout: Seconds to wait for the writes of other processes.
    """

    def __init__(self, path: str, *, read_only: bool = False, timeout: float = BUSY_TIMEOUT) -> None:
        self.path = path
        self.read_only = read_only
        self.timeout = timeout
        self.rollbacks = 0  # what was learnt about the schema inside a transaction may be wrong after one
        self._closed = False
        self._checked = False
        self._here = threading.local()
        self._links: set[_Link] = set()
        _engines.add(self)
        _watch_forks()

    def run(self, sql: str, bindings: Any = ()) -> Rows:
        """Run one statement and fetch all its rows; alone it is a transaction of its own.

        Raises:
            StoreError: The database cannot be read or written; says why and what to do.
            apsw.ConstraintError, apsw.SQLError: For the caller, who knows what they mean.
        """
        link = self._link()
        with link.lock:
            connection = link.connection or self._open(link)
            try:
                return connection.execute(sql, bindings).fetchall()
            except apsw.Error as error:
                raise explain(error, self.path) from error

    def run_many(self, sql: str, bindings: Any) -> None:
        """Run one statement for each of `bindings`, inside a transaction that is open already."""
        link = self._link()
        with link.lock:
            connection = link.connection or self._open(link)
            try:
                connection.executemany(sql, bindings).fetchall()
            except apsw.Error as error:
                raise explain(error, self.path) from error

    def transaction(self) -> "Transaction":
        """A context in which this thread's changes become one: all of them or, on an exception, none."""
        return Transaction(self, self._link())

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside `transaction()`."""
        return self._link().depth > 0

    def sync(self) -> None:
        """Return when everything committed survives a power cut."""
        if self.read_only or not database_file.has_safe_wal():
            return  # with a rollback journal every commit does
        link = self._link()
        with link.lock:
            if link.connection is None:
                self._open(link)
            # The -wal file may be opened and closed: SQLite takes its locks on the database and the
            # -shm file. Closing a descriptor of those would drop all locks of this process (POSIX).
            # What is not in the -wal any more was synced by the checkpoint that moved it.
            _sync_file(f"{self.path}-wal")
            _sync_folder(os.path.dirname(self.path))

    def backup(self, path: str) -> None:
        """Write an exact copy, as of now, to the new file `path`, while others read and write.

        Raises:
            AlreadyExistsError: Something is at `path`.
        """
        if os.path.lexists(path):
            raise AlreadyExistsError(f"{path!r} exists already; name a new file for the backup.")
        unfinished = f"{path}.{os.urandom(4).hex()}.part"
        link = self._link()
        try:
            with link.lock:
                source = link.connection or self._open(link)
                target = apsw.Connection(unfinished)
                try:
                    with target.backup("main", source, "main") as work:
                        work.step()
                finally:
                    target.close()
            _sync_file(unfinished)
            os.rename(unfinished, path)
        except apsw.Error as error:
            raise explain(error, path) from error
        except OSError as error:
            raise StoreError(f"The backup {path!r} cannot be written: {error}.") from error
        finally:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)

    def close(self) -> None:
        """Close this process's connections; a thread in the middle of a call finishes it first."""
        self._closed = True
        for link in list(self._links):
            if link.pid == os.getpid():
                with link.lock:
                    link.close()
        self._links.clear()

    def _link(self) -> _Link:
        lease: _Lease | None = getattr(self._here, "lease", None)
        if lease is None or lease.link.pid != os.getpid():
            link = _Link()
            self._links.add(link)
            self._here.lease = lease = _Lease(link, self._links)
        return lease.link

    def _open(self, link: _Link) -> apsw.Connection:
        if self._closed:
            raise StoreError(f"The document database {self.path!r} is closed; open it again.")
        with _opening:
            if self.path in _inherited:
                raise StoreError(
                    f"The document database {self.path!r} was in use when this process was forked, so its locks "
                    "cannot be trusted here. Fork outside of transactions, or start workers with 'spawn'."
                )
            if self.read_only:
                connection = database_file.open_for_reading(self.path, self.timeout)
            else:
                connection = database_file.open_for_writing(self.path, self.timeout, check=not self._checked)
            self._checked = True
            link.connection = connection
        return connection


class Transaction:
    """Changes that become one. Re-entrant: an inner one that fails undoes only its own changes."""

    __slots__ = ("_engine", "_link")

    def __init__(self, engine: Engine, link: _Link) -> None:
        self._engine = engine
        self._link = link

    def __enter__(self) -> None:
        link = self._link
        link.lock.acquire()
        try:
            connection = link.connection or self._engine._open(link)
            connection.execute(f"SAVEPOINT s{link.depth}" if link.depth else "BEGIN IMMEDIATE").fetchall()
            link.depth += 1
        except BaseException as error:
            # An interrupt may strike after BEGIN: the write lock must not stay behind.
            if link.depth == 0 and link.connection is not None and link.connection.in_transaction:
                link.connection.execute("ROLLBACK").fetchall()
            link.lock.release()
            if isinstance(error, apsw.Error):
                raise explain(error, self._engine.path) from error
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        link = self._link
        if link.pid != os.getpid():
            if kind is None:
                raise InvalidStateError(
                    "This transaction belongs to the parent process; nothing was written here."
                )
            return
        try:
            link.depth -= 1
            connection = link.connection
            if connection is None or not connection.in_transaction:
                # SQLite itself rolled back (disk full, I/O error); the error is on its way already.
                self._engine.rollbacks += 1
                if kind is None:
                    raise StoreError(
                        f"A transaction on {self._engine.path!r} was undone by an earlier error."
                    )
                return
            try:
                if kind is None:
                    connection.execute(f"RELEASE s{link.depth}" if link.depth else "COMMIT").fetchall()
                    return
            except BaseException as failure:
                self._undo(connection)
                if isinstance(failure, apsw.Error):
                    raise explain(failure, self._engine.path) from failure
                raise
            self._undo(connection)
        finally:
            link.lock.release()

    def _undo(self, connection: apsw.Connection) -> None:
        depth = self._link.depth
        self._engine.rollbacks += 1
        if depth:
            connection.execute(f"ROLLBACK TO s{depth}; RELEASE s{depth}").fetchall()
        elif connection.in_transaction:
            connection.execute("ROLLBACK").fetchall()


def _sync_file(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return  # the last connection moved everything into the database, and synced that
    try:
        # macOS has no fdatasync, and its fsync does not reach the disk without asking for it.
        with contextlib.suppress(ImportError):
            import fcntl

            if full := getattr(fcntl, "F_FULLFSYNC", None):
                fcntl.fcntl(descriptor, full)
                return
        getattr(os, "fdatasync", os.fsync)(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: str) -> None:
    with contextlib.suppress(PermissionError):  # Windows opens no folders, and needs no such sync
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# ---------------------------------------------------------------------------------------- forks

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
_opening = threading.Lock()
"""Held while a connection is opened, and from before a fork until after it."""
_held: list[_Link] = []
_inherited: dict[str, list[_Link]] = {}
"""Paths whose connections could not be closed before the fork that made this process; kept from being
closed, which would act on locks of the parent."""
_watching = False


def _watch_forks() -> None:
    global _watching  # noqa: PLW0603
    if not _watching and hasattr(os, "register_at_fork"):
        _watching = True
        os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)


def _before_fork() -> None:
    _opening.acquire()
    for engine in list(_engines):
        for link in list(engine._links):
            # An unopened one cannot be opened now; its thread may hold the lock, waiting to.
            if link.connection is not None and link.lock.acquire(timeout=_FORK_PATIENCE):
                if link.depth:
                    link.lock.release()  # the forking thread's own transaction goes on in the parent
                    continue
                _held.append(link)
                # Without the checkpoint, which would cost an fsync at each fork.
                link.close(checkpoint=False)


def _after_fork() -> None:
    while _held:
        _held.pop().lock.release()
    _opening.release()


def _in_child() -> None:
    global _opening  # noqa: PLW0603
    _opening = threading.Lock()
    _held.clear()
    for engine in list(_engines):
        left = [link for link in engine._links if link.connection is not None]
        if left:
            _inherited.setdefault(engine.path, []).extend(left)
        engine._links = set()
