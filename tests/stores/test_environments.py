from pathlib import Path

import pytest

from nbtrack.core.errors import StoreError
from nbtrack.stores.local.environments import LocalEnvironments


def test_a_torn_file_is_written_anew(tmp_path: Path) -> None:
    environments = LocalEnvironments(tmp_path)
    digest = environments.save({"a": 1})
    path = tmp_path / "environments" / f"{digest}.json"
    path.write_bytes(b"")

    assert environments.save({"a": 1}) == digest
    assert environments.get(digest) == {"a": 1}


def test_a_file_that_was_changed_is_noticed(tmp_path: Path) -> None:
    environments = LocalEnvironments(tmp_path)
    digest = environments.save({"a": 1})
    path = tmp_path / "environments" / f"{digest}.json"
    path.write_bytes(path.read_bytes().replace(b"1", b"2"))

    with pytest.raises(StoreError, match="damaged"):
        environments.get(digest)


def test_a_file_that_is_there_is_not_touched(tmp_path: Path) -> None:
    environments = LocalEnvironments(tmp_path)
    digest = environments.save({"a": 1})
    before = (tmp_path / "environments" / f"{digest}.json").stat()

    environments.save({"a": 1})

    (path,) = (tmp_path / "environments").iterdir()
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_store_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    environments = LocalEnvironments(tmp_path / "gone")

    with pytest.raises(StoreError, match="gone"):
        environments.save({"a": 1})

    assert not (tmp_path / "gone").exists()
