"""Reading a database where nothing may or can be written: a read-only folder, a read-only disk.

SQLite needs to write in the folder to read a write-ahead log safely. So:

- No -wal and no -journal, or empty ones: the file is read as it is ("immutable"), and looked at
  before and after each statement, which is repeated if a writer came in between.
- A -wal and its -shm: somebody has it open for writing and keeps both; reading along needs no file.
- A -wal alone, or a -journal: their writer died. The files are copied to a private temporary
  folder, again when they change, and read there.
"""

import contextlib
import os
import weakref

import apsw

from nbtrack.core.errors import MissingFileError, StoreError
from nbtrack.documents.database_file import check_header, check_version, connect, file_uri, query
from nbtrack.documents.failures import explain

_MOST_TRIES = 20

Signature = tuple[tuple[int, int, int] | None, ...]
"""Inode, size and time of change of the database, its -wal and its -journal: they change with a commit."""

_SUFFIXES = ("", "-wal", "-journal")


class FrozenFile:
    """One database file, read without writing; shared by the threads of a process.

    Args:
        path: The database file.
        timeout: Seconds to wait for locks, where there are any.
    """

    def __init__(self, path: str, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._copied: Signature | None = None
        self._folder = ""
        self._owner = 0  # the process whose folder it is; a forked child makes its own

    def open(self) -> tuple[apsw.Connection, Signature | None]:
        """Open a connection that cannot write.

        Returns:
            The connection, and the signature for which it shows the truth; None if it always does.

        Raises:
            MissingFileError: There is no such file.
            ForeignStoreError, StoreVersionError, StoreError: It cannot be read.
        """
        if not os.path.exists(self._path):
            raise MissingFileError("document database", self._path, advice="Open it for writing to make it.")
        check_header(self._path)
        signature = self.signature()
        _, wal, journal = signature
        live: Signature | None = signature
        if not (wal and wal[1]) and not (journal and journal[1]):
            where, flags = file_uri(self._path, "immutable=1"), apsw.SQLITE_OPEN_READONLY
        elif os.path.exists(f"{self._path}-shm"):
            where, flags, live = self._path, apsw.SQLITE_OPEN_READONLY, None
        else:
            where, live = self._copy(signature)
            flags = apsw.SQLITE_OPEN_READWRITE  # the copy is ours: SQLite makes a new -shm beside it
        connection = connect(where, flags | apsw.SQLITE_OPEN_URI, self._timeout)
        try:
            check_version(self._path, query(connection, "PRAGMA user_version"))
            query(connection, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY")
        except apsw.Error as error:
            connection.close()
            raise explain(error, self._path) from error
        except BaseException:
            connection.close()
            raise
        return connection, live

    def signature(self) -> Signature:
        """What the files look like now."""
        return tuple(_look_at(f"{self._path}{suffix}") for suffix in _SUFFIXES)

    def _copy(self, signature: Signature) -> tuple[str, Signature]:
        import shutil  # lazy: only the readers of a dead writer's store need these
        import tempfile

        if self._owner != os.getpid():
            self._folder, self._owner, self._copied = tempfile.mkdtemp(prefix="nbtrack-"), os.getpid(), None
            weakref.finalize(self, _remove_folder, self._folder, self._owner)
        if signature == self._copied:
            return os.path.join(self._folder, _copy_name(signature)), signature
        _empty(self._folder)  # who still reads an older copy keeps it open
        for _ in range(_MOST_TRIES):
            copy = os.path.join(self._folder, _copy_name(signature))
            try:
                # Closing the files drops this process's locks on them, but there are none: a connection
                # of ours would keep a -shm.
                for suffix, file in zip(_SUFFIXES, signature, strict=True):
                    if file:
                        shutil.copyfile(f"{self._path}{suffix}", f"{copy}{suffix}")
            except FileNotFoundError:
                pass  # a writer came and cleared the log
            except OSError as error:
                raise StoreError(
                    f"The document database {self._path!r} cannot be copied for reading: {error}. Check that "
                    f"you may read it and that {self._folder!r} has room for it."
                ) from error
            if signature == (now := self.signature()):
                self._copied = signature
                return copy, signature
            signature = now
        raise too_busy(self._path)


def too_busy(path: str) -> StoreError:
    """The error for a file that changes faster than it can be read."""
    return StoreError(
        f"The document database {path!r} changes too fast to be read without writing next to it. Try again, "
        "or open it where you may write in its folder."
    )


def _look_at(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _copy_name(signature: Signature) -> str:
    return "-".join(str(part) for file in signature if file for part in file) + ".db"


def _remove_folder(path: str, owner: int) -> None:
    if owner == os.getpid():
        _empty(path)
        with contextlib.suppress(OSError):
            os.rmdir(path)


def _empty(folder: str) -> None:
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
