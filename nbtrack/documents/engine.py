"""The engine: one database file, statements, transactions; safe between threads, processes and forks.

A statement alone is a transaction of its own; several become one inside `transaction()`. Writers
wait for each other, readers for nobody.
"""

import contextlib
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn, TypeVar

import apsw

from nbtrack.core.errors import AlreadyExistsError, InvalidStateError, StoreError
from nbtrack.documents import database_file, links
from nbtrack.documents.disk_sync import sync_file, sync_folder
from nbtrack.documents.failures import explain
from nbtrack.documents.frozen import FrozenFile, Signature, too_busy
from nbtrack.documents.links import Link, Links

BUSY_TIMEOUT = 30.0
"""Seconds that a change waits for the changes of other processes."""

_MOST_TRIES = 20
_NOT_PERMITTED = (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError)

Rows = list[tuple[Any, ...]]
T = TypeVar("T")


class Engine:
    """One database file.

    Args:
        path: The database file, made when first used; its folder must exist.
        read_only: Never write, and read even where nothing can be written.
        timeout: Seconds to wait for the changes of other processes.
    """

    def __init__(self, path: str, *, read_only: bool = False, timeout: float = BUSY_TIMEOUT) -> None:
        self.path = path
        self.read_only = read_only
        self.timeout = timeout
        self.links = Links(path)
        self.rollbacks = 0
        """What was learnt about the schema inside a transaction may be wrong after one more of these."""
        self._closed = False
        self._checked = False
        self._frozen = FrozenFile(path, timeout)

    def run(self, sql: str, bindings: Any = ()) -> Rows:
        """Run one statement and fetch all its rows.

        Raises:
            StoreError: The database cannot be read or written; says why and what to do.
            apsw.ConstraintError, apsw.SQLError: For the caller, who knows what they mean.
        """
        link = self.links.of_this_thread()
        with link.lock:
            connection = self.connection(link)
            if link.signature is not None:
                return self._repeat(link, lambda frozen: _fetch(frozen, sql, bindings))
            try:
                return connection.execute(sql, bindings).fetchall()  # pyright: ignore[reportUnknownVariableType]
            except apsw.Error as error:
                self.fail(error)

    def insert(self, sql: str, bindings: Any) -> int:
        """Run one INSERT; returns the id of the new row. Raises what `run` does."""
        link = self.links.of_this_thread()
        with link.lock:
            connection = self.connection(link)
            try:
                connection.execute(sql, bindings).fetchall()
                return connection.last_insert_rowid()
            except apsw.Error as error:
                self.fail(error)

    def run_many(self, sql: str, bindings: Any) -> None:
        """Run one statement for each of `bindings`, inside `transaction()`. Raises what `run` does."""
        link = self.links.of_this_thread()
        with link.lock:
            connection = self.connection(link)
            try:
                connection.executemany(sql, bindings).fetchall()
            except apsw.Error as error:
                self.fail(error)

    def transaction(self) -> "Transaction":
        """A context in which this thread's changes become one: all of them or, on an exception, none."""
        return Transaction(self)

    def sync(self) -> None:
        """Return when everything committed survives a power cut."""
        link = self.links.of_this_thread()
        with link.lock:
            connection = self.connection(link)
            if (
                link.signature is not None
                or connection.readonly("main")
                or not database_file.is_wal(connection)
            ):
                return  # with a rollback journal every commit does
            try:
                # The -wal file may be opened and closed: SQLite takes its locks on the database and the
                # -shm file. Closing a descriptor of those would drop all locks of this process (POSIX).
                # What has left the -wal was synced by the checkpoint that moved it.
                sync_file(f"{self.path}-wal")
                sync_folder(os.path.dirname(self.path))
            except OSError as error:
                raise StoreError(
                    f"The document database {self.path!r} cannot be synced to disk: {error}. Check the disk."
                ) from error

    def backup(self, path: str) -> None:
        """Write an exact copy, as of now, to the new file `path`, while others read and write.

        Raises:
            AlreadyExistsError: Something is at `path`.
        """
        if os.path.lexists(path):
            raise AlreadyExistsError(f"{path!r} exists already; name a new file for the backup.")
        unfinished = f"{path}.{os.urandom(4).hex()}.part"
        link = self.links.of_this_thread()
        try:
            with link.lock:
                connection = self.connection(link)
                if link.signature is None:
                    _copy_to(unfinished, connection)
                else:
                    self._repeat(link, lambda frozen: _copy_to(unfinished, frozen))
            sync_file(unfinished)
            os.rename(unfinished, path)
            sync_folder(os.path.dirname(path))
        except StoreError:
            raise
        except (apsw.Error, OSError) as error:
            raise StoreError(
                f"The backup {path!r} of {self.path!r} cannot be written: {error}. Check that its folder "
                "exists, that you may write there and that the disk is not full."
            ) from error
        finally:
            for suffix in ("", "-wal", "-shm", "-journal"):
                with contextlib.suppress(OSError):
                    os.unlink(unfinished + suffix)

    def close(self) -> None:
        """Close this process's connections; other threads in a transaction may finish it first."""
        self._closed = True
        self.links.close(self.timeout)

    def connection(self, link: Link) -> apsw.Connection:
        """The connection of a link whose lock is held.

        Raises:
            StoreError: The transaction that is open on it has been undone, or the database is closed.
        """
        connection = link.connection
        if link.transactions and (connection is None or not connection.in_transaction):
            # SQLite itself rolled back, on a full disk, say; or the database was closed.
            raise StoreError(f"A transaction on {self.path!r} was undone by an earlier error; do it again.")
        if self._closed and not link.transactions:
            link.close()
            raise StoreError(f"The document database {self.path!r} is closed; open it again.")
        return connection or self._open(link)

    def _open(self, link: Link) -> apsw.Connection:
        with links.opening():
            if links.is_inherited(self.path):
                raise StoreError(
                    f"The document database {self.path!r} was in use when this process was forked, so "
                    "its locks cannot be trusted here. Fork outside of transactions, or use 'spawn'."
                )
            connection, signature = self._frozen.open() if self.read_only else self._open_writable()
            self._checked = True
            link.signature = signature
            link.connection = connection
        return connection

    def _open_writable(self) -> tuple[apsw.Connection, Signature | None]:
        try:
            return database_file.open_for_writing(self.path, self.timeout, check=not self._checked), None
        except StoreError as error:
            # The folder may be somebody else's: then it is read, and changes are refused one by one.
            if not isinstance(error.__cause__, _NOT_PERMITTED) or not os.path.exists(self.path):
                raise
            return self._frozen.open()

    def _repeat(self, link: Link, action: Callable[[apsw.Connection], T]) -> T:
        """Do `action` on a frozen connection until no writer came in between."""
        for _ in range(_MOST_TRIES):
            connection = self.connection(link)
            shown = link.signature  # None once a writer is there, who keeps what it takes to read along
            try:
                result = action(connection)
            except apsw.Error as error:
                if shown is None or shown == self._frozen.signature():
                    self.fail(error)
            else:
                if shown is None or shown == self._frozen.signature():
                    return result
            link.close()
        raise too_busy(self.path)

    def fail(self, error: apsw.Error) -> NoReturn:
        """Raise what one of apsw's errors means."""
        if self.read_only and isinstance(error, apsw.ReadOnlyError):
            raise StoreError(
                f"The document database {self.path!r} was opened with read_only=True; open it without to "
                "change it."
            ) from error
        explained = explain(error, self.path)
        try:
            if explained is error:
                raise error
            raise explained from error
        finally:
            # An error that its own frame holds on to is a circle: with it, the variables of all callers, a
            # user's tensors among them, would stay until the garbage collector comes by.
            del error, explained


class Transaction:
    """Changes that become one. Re-entrant: an inner one that fails undoes only its own changes.

    Use it once, with `with`.
    """

    __slots__ = ("_engine", "_link", "_token")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._link = engine.links.of_this_thread()
        self._token = object()

    def __enter__(self) -> None:
        link = self._link
        try:
            with link.lock:
                connection = self._engine.connection(link)
                level = len(link.transactions)
                link.transactions.append(self._token)
                self.__class__ = _OpenTransaction  # pyright: ignore[reportAttributeAccessIssue]
                connection.execute(f"SAVEPOINT s{level}" if level else "BEGIN IMMEDIATE").fetchall()
        except BaseException as error:
            # An interrupt may strike after BEGIN: the write lock must not stay behind.
            self._undo()
            if isinstance(error, apsw.Error):
                self._engine.fail(error)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._link.pid != os.getpid():
            if kind is None:
                raise InvalidStateError(
                    "This transaction belongs to the parent process; nothing was written by this one."
                )
            return
        try:
            if kind is None:
                self._commit()
        except apsw.Error as failure:
            self._undo()
            self._engine.fail(failure)
        finally:
            self._undo()

    def _commit(self) -> None:
        link = self._link
        with link.lock:
            connection = self._engine.connection(link)
            level = link.transactions.index(self._token)
            connection.execute(f"RELEASE s{level}" if level else "COMMIT").fetchall()
            self._forget(level)

    def _undo(self) -> None:
        """Undo what is still open of this transaction, if anything is."""
        link = self._link
        if self._token not in link.transactions:
            return
        with link.lock:
            self._engine.rollbacks += 1
            level = link.transactions.index(self._token)
            connection = link.connection
            # SQLite itself may have rolled back already: on a full disk, say.
            if connection is not None and connection.in_transaction:
                if level:
                    # Interrupted, it may not have been begun yet, or be part of the outer one already.
                    with contextlib.suppress(apsw.SQLError):
                        connection.execute(f"ROLLBACK TO s{level}; RELEASE s{level}").fetchall()
                else:
                    connection.execute("ROLLBACK").fetchall()
            self._forget(level)

    def _forget(self, level: int) -> None:
        del self._link.transactions[level:]
        self.__class__ = Transaction  # pyright: ignore[reportAttributeAccessIssue]


class _OpenTransaction(Transaction):
    """A transaction between its begin and its end; undone when nobody holds it any more.

    That happens when an interrupt strikes just before __exit__. Others have no finalizer: Python
    ignores an interrupt that strikes inside one.
    """

    __slots__ = ()

    def __del__(self) -> None:
        if self._link.pid == os.getpid():
            self._undo()


def _fetch(connection: apsw.Connection, sql: str, bindings: Any) -> Rows:
    return connection.execute(sql, bindings).fetchall()  # pyright: ignore[reportUnknownVariableType]


def _copy_to(path: str, source: apsw.Connection) -> None:
    target = apsw.Connection(path)
    try:
        with target.backup("main", source, "main") as work:
            work.step()
    finally:
        target.close()
