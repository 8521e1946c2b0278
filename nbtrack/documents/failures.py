"""What goes wrong in the engine, said so that one knows what to do: apsw's errors become StoreError."""

import apsw

from nbtrack.core.errors import ForeignStoreError, StoreError

_ADVICE: tuple[tuple[type[apsw.Error], str], ...] = (
    (
        apsw.BusyError,
        "is locked by another process and stayed so. Find the program that holds it (`fuser` or `lsof` "
        "show it), end it or wait for it, then try again",
    ),
    (
        apsw.ReadOnlyError,
        "cannot be written: check the permissions of the file and of its folder",
    ),
    (
        apsw.PermissionsError,
        "cannot be accessed: check the permissions of the file and of its folder",
    ),
    (
        apsw.CantOpenError,
        "cannot be opened: check that its folder exists and that you may read and write there",
    ),
    (apsw.FullError, "cannot grow: the disk is full. Free some space, then try again"),
    (
        apsw.CorruptError,
        "is damaged. Leave the file as it is and run `nbtrack doctor`, or restore a backup",
    ),
    (
        apsw.IOError,
        "cannot be read or written: the disk reports an error. Check the disk and its free space",
    ),
    (
        apsw.TooBigError,
        "cannot hold a document of over 1 GB: store the large value as an artifact",
    ),
    (apsw.ConnectionClosedError, "is closed: open the database again"),
)


def explain(error: apsw.Error, path: str) -> Exception:
    """The error to raise for one of apsw's: a StoreError that names `path` and says what to do.

    Violated constraints and faults in SQL are returned as they are: their callers know what they mean.
    """
    if isinstance(error, apsw.NotADBError):
        return ForeignStoreError(
            f"{path!r} is not a document database of nbtrack; it was left alone. Choose another path."
        )
    for kind, advice in _ADVICE:
        if isinstance(error, kind):
            return StoreError(f"The document database {path!r} {advice}. (SQLite: {error})")
    if isinstance(error, (apsw.ConstraintError, apsw.SQLError)):
        return error
    return StoreError(
        f"The document database {path!r} failed. (SQLite: {str(error) or type(error).__name__})"
    )
