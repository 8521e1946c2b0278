"""What SQLite reports becomes an error that names the file and says what to do."""

import apsw
import pytest

from nbtrack.core.errors import ForeignStoreError, NbtrackError, StoreError
from nbtrack.documents.failures import explain


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (apsw.BusyError("database is locked"), "end it or wait for it"),
        (apsw.ReadOnlyError("attempt to write a readonly database"), "check the permissions"),
        (apsw.PermissionsError("access permission denied"), "check the permissions"),
        (apsw.CantOpenError("unable to open database file"), "check that its folder exists"),
        (apsw.FullError("database or disk is full"), "Free some space"),
        (apsw.CorruptError("database disk image is malformed"), "nbtrack doctor"),
        (apsw.IOError("disk I/O error"), "Check the disk"),
        (apsw.TooBigError("string or blob too big"), "as an artifact"),
        (apsw.ConnectionClosedError("closed"), "open the database again"),
        (apsw.ProtocolError("locking protocol"), "failed"),
        (apsw.InternalError(), "InternalError"),
    ],
)
def test_every_failure_names_the_file_and_says_what_to_do(error: apsw.Error, advice: str) -> None:
    explained = explain(error, "/data/documents.db")

    assert isinstance(explained, StoreError)
    assert isinstance(explained, OSError)
    assert "'/data/documents.db'" in str(explained)
    assert advice in str(explained)
    assert str(error) in str(explained)


def test_a_file_of_something_else_is_no_store() -> None:
    assert isinstance(explain(apsw.NotADBError("file is not a database"), "x.db"), ForeignStoreError)


@pytest.mark.parametrize("kind", [apsw.ConstraintError, apsw.SQLError])
def test_what_the_caller_understands_is_left_to_it(kind: type[apsw.Error]) -> None:
    error = kind("something")

    assert explain(error, "x.db") is error
    assert not isinstance(error, NbtrackError)
