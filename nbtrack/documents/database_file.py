"""One database file: made, recognised as ours, opened for writing or for reading.

A fresh file is written whole under another name and then linked into place, already marked as ours
and in its journal mode. So fifty processes that open a store at once find nothing or all of it, and
no file of anybody else's is ever written.
"""

import contextlib
import os
import time
from typing import Any

import apsw

from nbtrack.core.errors import ForeignStoreError, MissingFileError, StoreError, StoreVersionError
from nbtrack.documents.failures import explain

APPLICATION_ID = 0x6E627472
"""SQLite's `application_id` of our files: "nbtr" in ASCII."""

SCHEMA_VERSION = 1
"""How tables are laid out in the file; kept as SQLite's `user_version`."""

_FIRST_SAFE_SQLITE = (3, 51, 3)
_LONGEST_PAUSE = 0.005
_SHORTEST_PAUSE = 0.0002


def has_safe_wal() -> bool:
    """Whether this SQLite is free of the WAL-reset bug (3.7.0 to 3.51.2), which corrupts databases.

    With an older one the rollback journal is used: slower, and safe.
    """
    return tuple(int(part) for part in apsw.sqlite_lib_version().split(".")[:3]) >= _FIRST_SAFE_SQLITE


def open_for_writing(path: str, timeout: float, *, check: bool) -> apsw.Connection:
    """Open the database at `path`, made first if there is none.

    Args:
        path: The database file; its folder exists.
        timeout: Seconds to wait for other processes' locks.
        check: Look whether the file is ours and not too new, before anything can write to it.

    Raises:
        ForeignStoreError: The file was made by something else.
        StoreVersionError: It was made by a newer nbtrack.
        StoreError: It cannot be opened.
    """
    try:
        size = os.stat(path).st_size
    except FileNotFoundError:
        _create(path)
        size = os.stat(path).st_size
    except OSError as error:
        raise StoreError(f"The document database {path!r} cannot be opened: {error}.") from error
    if check and size:
        _check_header(path)
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE, timeout)
    try:
        if size == 0:
            _retry_while_busy(lambda: _initialise(connection), timeout)
        _run(connection, "PRAGMA temp_store = MEMORY")
        if has_safe_wal():
            # A commit survives the death of the process; `Engine.sync` makes it survive a power cut.
            _run(connection, "PRAGMA synchronous = NORMAL")
        else:
            _retry_while_busy(lambda: _run(connection, "PRAGMA journal_mode = TRUNCATE"), timeout)
            _run(connection, "PRAGMA synchronous = FULL")
        if check:
            _check_version(path, _run(connection, "PRAGMA user_version"))
    except apsw.Error as error:
        connection.close()
        raise explain(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: str, timeout: float) -> apsw.Connection:
    """Open the database at `path` so that nothing in it can change through this connection.

    Raises:
        MissingFileError: There is no such file.
        ForeignStoreError, StoreVersionError, StoreError: As for `open_for_writing`.
    """
    if not os.path.exists(path):
        raise MissingFileError("document database", path, advice="Open it for writing to make it.")
    _check_header(path)
    connection = _connect(path, apsw.SQLITE_OPEN_READONLY, timeout)
    try:
        _check_version(path, _run(connection, "PRAGMA user_version"))
        _run(connection, "PRAGMA temp_store = MEMORY")
    except apsw.Error as error:
        connection.close()
        raise explain(error, path) from error
    return connection


def _create(path: str) -> None:
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        raise MissingFileError("folder", folder, advice=f"Make it first; {name!r} goes there.")
    fresh = os.path.join(folder, f".{name}.{os.getpid()}-{os.urandom(4).hex()}.new")
    try:
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        try:
            os.write(descriptor, _fresh_image())
            # Without this a power cut may leave a file of zeros, which nothing would recognise.
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(fresh, path)  # unlike a rename this never replaces what another process just made
        except FileExistsError:
            pass
        except OSError:
            # A file system without hard links: SQLite fills an empty file under its own locks.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o666))
    except OSError as error:
        raise StoreError(
            f"The document database {path!r} cannot be made: {error.strerror or error}. Check that you may "
            "write in its folder and that the disk is not full."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(fresh)


def _fresh_image() -> bytes:
    memory = apsw.Connection(":memory:")
    try:
        _run(memory, _MARK)
        image = bytearray(memory.serialize("main"))
    finally:
        memory.close()
    if has_safe_wal():
        # The "file format version numbers" of SQLite's header: 2 says that the journal is a WAL.
        image[18] = image[19] = 2
    return bytes(image)


_MARK = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}"


def _initialise(connection: apsw.Connection) -> None:
    """Mark an empty file as ours; another process may be doing the same."""
    _run(connection, "BEGIN IMMEDIATE")
    try:
        if _run(connection, "PRAGMA application_id") == 0:
            _run(connection, _MARK)
        _run(connection, "COMMIT")
    except BaseException:
        if connection.in_transaction:
            _run(connection, "ROLLBACK")
        raise
    if has_safe_wal():
        _run(connection, "PRAGMA journal_mode = WAL")


def _retry_while_busy(action: Any, timeout: float) -> None:
    # Changing the journal mode answers "busy" at once, without asking the busy handler.
    deadline = time.monotonic() + timeout
    while True:
        try:
            action()
            return
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_pause())


def _check_header(path: str) -> None:
    """Look at the file's own header, through a connection that takes no lock and makes no file.

    It must be SQLite that opens it: closing any other descriptor of the file would drop every lock
    that this process holds on it (POSIX).
    """
    if os.path.isdir(path):
        raise ForeignStoreError(f"{path!r} is a folder, not a document database; it was left alone.")
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    try:
        connection = apsw.Connection(file_uri(path, "immutable=1"), flags=flags)
        try:
            application_id = _run(connection, "PRAGMA application_id")
            version = _run(connection, "PRAGMA user_version")
        finally:
            connection.close()
    except apsw.Error as error:
        raise explain(error, path) from error
    if application_id != APPLICATION_ID:
        raise ForeignStoreError(
            f"{path!r} is a database, but not one of nbtrack's; it was left alone. Choose another path."
        )
    _check_version(path, version)


def _check_version(path: str, version: int) -> None:
    if version > SCHEMA_VERSION:
        raise StoreVersionError(
            f"The document database {path!r} was written by a newer nbtrack (layout {version}; this one knows "
            f"{SCHEMA_VERSION}). Nothing was changed. Upgrade: pip install --upgrade nbtrack"
        )


def file_uri(path: str, parameters: str) -> str:
    """The path as SQLite's `file:` URI."""
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{quoted}?{parameters}"


def _connect(path: str, flags: int, timeout: float) -> apsw.Connection:
    try:
        connection = apsw.Connection(path, flags=flags, statementcachesize=256)
    except apsw.Error as error:
        raise explain(error, path) from error
    deadline = 0.0

    def wait(tries: int) -> bool:
        nonlocal deadline
        now = time.monotonic()
        if tries == 0:
            deadline = now + timeout
        if now >= deadline:
            return False
        time.sleep(_pause())
        return True

    connection.set_busy_handler(wait)
    return connection


def _pause() -> float:
    """A short sleep in seconds, different in each process, so that they do not wake together."""
    spread = _LONGEST_PAUSE - _SHORTEST_PAUSE
    return _SHORTEST_PAUSE + spread * (time.perf_counter_ns() % 1000) / 1000


def _run(connection: apsw.Connection, sql: str) -> Any:
    """Run every statement of `sql`; the first value of the first row, if there is one."""
    rows = connection.execute(sql).fetchall()
    return rows[0][0] if rows else None
