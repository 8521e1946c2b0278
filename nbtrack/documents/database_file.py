"""One database file: made, recognised as ours, opened for writing.

A fresh file is written whole under another name and then linked into place, already marked as ours
and in its journal mode. So fifty processes that open a store at once find nothing or all of it, and
no file of anybody else's is ever written.
"""

import contextlib
import os
import struct
import time
from collections.abc import Callable
from typing import Any, cast

import apsw

from nbtrack.core.errors import ForeignStoreError, MissingFileError, StoreError, StoreVersionError
from nbtrack.documents.failures import explain
from nbtrack.documents.filesystems import is_on_network
from nbtrack.documents.sql_functions import add_functions

APPLICATION_ID = 0x6E627472
"""SQLite's `application_id` of our files: "nbtr" in ASCII."""

SCHEMA_VERSION = 1
"""How tables are laid out in the file; kept as SQLite's `user_version`."""

# Measured on 100,000 runs of 1.3 kB: a search without an index takes 41 ms with pages of 16 kB and
# 56 ms with pages of 4 kB; an insert takes 5 µs longer.
_PAGES = "PRAGMA page_size = 16384"
_MARK = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}"
# https://sqlite.org/fileformat.html#the_database_header: magic, user_version, application_id
_HEADER = struct.Struct(">16s44xI4xI")
_FIRST_SAFE_SQLITE = (3, 51, 3)
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.005


def open_for_writing(path: str, timeout: float, *, check: bool) -> apsw.Connection:
    """Open the database at `path`, made first if there is none.

    Args:
        path: The database file; its folder exists.
        timeout: Seconds to wait for other processes' locks.
        check: Look whether the file is ours and not too new, before anything can write to it. The
            first connection of a process does.

    Raises:
        ForeignStoreError: The file was made by something else.
        StoreVersionError: It was made by a newer nbtrack.
        StoreError: It cannot be opened.
    """
    if check:
        if not os.path.exists(path):
            _create(path)
        # An empty file has no header yet: somebody touched it, or hard links do not work here.
        if os.path.getsize(path):
            check_header(path)
    connection = connect(path, apsw.SQLITE_OPEN_READWRITE, timeout)
    try:
        if check:
            _prepare(connection, path, timeout)
        # With a WAL a commit survives the death of the process, and `Engine.sync` makes it survive a
        # power cut; with a rollback journal every commit does.
        level = "NORMAL" if is_wal(connection) else "FULL"
        query(connection, f"PRAGMA synchronous = {level}; PRAGMA temp_store = MEMORY")
    except apsw.Error as error:
        connection.close()
        raise explain(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: str, flags: int, timeout: float) -> apsw.Connection:
    """Open a connection that waits up to `timeout` seconds for other processes' locks."""
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
    add_functions(connection)
    return connection


def check_header(path: str) -> None:
    """Look at the file's own header without taking a lock or making a file.

    SQLite's file layer must open it: closing any other descriptor of the file would drop every lock
    that this process holds on it (POSIX). And no connection may: another process may be writing.
    """
    if os.path.isdir(path):
        raise ForeignStoreError(f"{path!r} is a folder, not a document database; it was left alone.")
    try:
        file = apsw.VFSFile("", path, [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0])
        try:
            header = file.xRead(_HEADER.size, 0)
        finally:
            file.xClose()
    except apsw.Error as error:
        raise explain(error, path) from error
    magic, version, application_id = _HEADER.unpack(header.ljust(_HEADER.size, b"\0"))
    if magic != b"SQLite format 3\0":
        raise explain(apsw.NotADBError("file is not a database"), path)
    if application_id != APPLICATION_ID:
        raise ForeignStoreError(
            f"{path!r} is a database, but not one of nbtrack's; it was left alone. Choose another path."
        )
    check_version(path, version)


def check_version(path: str, version: int) -> None:
    """Refuse what a newer nbtrack wrote."""
    if version > SCHEMA_VERSION:
        raise StoreVersionError(
            f"The document database {path!r} was written by a newer nbtrack (layout {version}; this "
            f"one knows {SCHEMA_VERSION}). Nothing was changed. Upgrade: pip install --upgrade nbtrack"
        )


def file_uri(path: str, parameters: str) -> str:
    """The path as SQLite's `file:` URI."""
    if os.sep == "\\":
        path = "/" + path.replace("\\", "/")
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{quoted}?{parameters}"


def query(connection: apsw.Connection, sql: str) -> Any:
    """Run every statement of `sql`; the first value of the first row, if there is one."""
    rows = cast("list[Any]", connection.execute(sql).fetchall())
    return rows[0][0] if rows else None


def has_safe_wal() -> bool:
    """Whether this SQLite is free of the WAL-reset bug (3.7.0 to 3.51.2), which corrupts databases."""
    return tuple(int(part) for part in apsw.sqlite_lib_version().split(".")[:3]) >= _FIRST_SAFE_SQLITE


def is_wal(connection: apsw.Connection) -> bool:
    """Whether the database keeps a write-ahead log; else a rollback journal: slower, safe everywhere."""
    return query(connection, "PRAGMA journal_mode") == "wal"


def _wants_wal(path: str) -> bool:
    return has_safe_wal() and not is_on_network(os.path.dirname(path))


def _only_for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _create(path: str) -> None:
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        raise MissingFileError("folder", folder, advice=f"Make it first; {name!r} goes there.")
    fresh = os.path.join(folder, f".{name}.{os.getpid()}-{os.urandom(4).hex()}.new")
    try:
        with open(fresh, "xb", opener=_only_for_owner) as file:
            file.write(_fresh_image(is_wal=_wants_wal(path)))
            file.flush()
            # Without this a power cut may leave a file of zeros, which nothing would recognise.
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # unlike a rename this never replaces what another process just made
        except FileExistsError:
            pass
        except OSError:
            # A file system without hard links: SQLite fills an empty file under its own locks.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise StoreError(
            f"The document database {path!r} cannot be made: {error.strerror or error}. Check that you may "
            "write in its folder and that the disk is not full."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(fresh)


def _fresh_image(*, is_wal: bool) -> bytes:
    memory = apsw.Connection(":memory:")
    try:
        query(memory, f"{_PAGES}; {_MARK}")
        image = bytearray(memory.serialize("main"))
    finally:
        memory.close()
    if is_wal:
        # The "file format version numbers" of SQLite's header: 2 says that the journal is a WAL.
        image[18] = image[19] = 2
    return bytes(image)


def _prepare(connection: apsw.Connection, path: str, timeout: float) -> None:
    """Mark an empty file as ours, see that the journal is the right one, and check the version again."""
    if query(connection, "PRAGMA application_id") == 0:
        _retry_while_busy(lambda: _mark(connection), timeout)
    if not connection.readonly("main"):
        wanted = "wal" if _wants_wal(path) else "delete"
        if is_wal(connection) != (wanted == "wal"):
            _retry_while_busy(lambda: query(connection, f"PRAGMA journal_mode = {wanted}"), timeout)
    # What the header says may be older than what the write-ahead log says.
    check_version(path, query(connection, "PRAGMA user_version"))


def _mark(connection: apsw.Connection) -> None:
    query(connection, _PAGES)  # has no effect once there is a page
    query(connection, "BEGIN IMMEDIATE")
    try:
        if query(connection, "PRAGMA application_id") == 0:  # nobody else did it meanwhile
            query(connection, _MARK)
        query(connection, "COMMIT")
    except BaseException:
        if connection.in_transaction:
            query(connection, "ROLLBACK")
        raise


def _retry_while_busy(action: Callable[[], Any], timeout: float) -> None:
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


def _pause() -> float:
    """A short sleep in seconds, never the same, so that waiting processes do not wake together."""
    return _SHORTEST_PAUSE + (_LONGEST_PAUSE - _SHORTEST_PAUSE) * (time.perf_counter_ns() % 1000) / 1000
