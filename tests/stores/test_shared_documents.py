import json
from pathlib import Path

import pytest

from nbtrack.core.datasets import Dataset, DatasetInput
from nbtrack.core.errors import StoreError
from nbtrack.stores.local.shared_documents import SharedDocuments
from nbtrack.stores.local.store import LocalStore


def test_a_torn_file_is_written_anew(tmp_path: Path) -> None:
    environments = SharedDocuments(tmp_path, "environments", "environment")
    digest = environments.save({"a": 1})
    path = tmp_path / "environments" / f"{digest}.json"
    path.write_bytes(b"")

    assert environments.save({"a": 1}) == digest
    assert environments.get(digest) == {"a": 1}


def test_a_file_that_was_changed_is_noticed(tmp_path: Path) -> None:
    environments = SharedDocuments(tmp_path, "environments", "environment")
    digest = environments.save({"a": 1})
    path = tmp_path / "environments" / f"{digest}.json"
    path.write_bytes(path.read_bytes().replace(b"1", b"2"))

    with pytest.raises(StoreError, match="damaged"):
        environments.get(digest)


def test_a_file_that_is_there_is_not_touched(tmp_path: Path) -> None:
    environments = SharedDocuments(tmp_path, "environments", "environment")
    digest = environments.save({"a": 1})
    before = (tmp_path / "environments" / f"{digest}.json").stat()

    environments.save({"a": 1})

    (path,) = (tmp_path / "environments").iterdir()
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_store_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    environments = SharedDocuments(tmp_path / "gone", "environments", "environment")

    with pytest.raises(StoreError, match="gone"):
        environments.save({"a": 1})

    assert not (tmp_path / "gone").exists()


def test_a_long_schema_is_kept_once_for_all_runs(tmp_path: Path) -> None:
    schema = json.dumps([{"name": f"column {number}", "type": "double"} for number in range(500)])
    wide = DatasetInput(Dataset("wide", "0a1b2c3d", "local", "{}", schema=schema))
    short = DatasetInput(Dataset("short", "0a1b2c3d", "local", "{}", schema='["a"]'))
    with LocalStore(tmp_path / "store") as store:
        run_ids = [store.runs.create("0", "run", tags={}) for _ in range(3)]
        for run_id in run_ids:
            store.runs.log_inputs(run_id, [wide, short])
            store.runs.log_inputs(run_id, [wide])

        for run_id in run_ids:
            assert store.runs.get(run_id).inputs.dataset_inputs == (wide, short)
        documents = store.documents.table("runs").all()
        (kept,) = (tmp_path / "store" / "schemas").iterdir()

    assert max(len(json.dumps(document)) for document in documents) < 2500
    assert json.loads(kept.read_text()) == {"schema": schema}


def test_a_run_is_read_also_when_the_schema_of_its_data_is_lost(tmp_path: Path) -> None:
    wide = DatasetInput(Dataset("wide", "0a1b2c3d", "local", "{}", schema="x" * 5000))
    with LocalStore(tmp_path / "store") as store:
        run_id = store.runs.create("0", "run", tags={})
        store.runs.log_inputs(run_id, [wide])
    (kept,) = (tmp_path / "store" / "schemas").iterdir()
    kept.unlink()

    with LocalStore(tmp_path / "store") as store:
        (found,) = store.runs.get(run_id).inputs.dataset_inputs

    assert (found.dataset.name, found.dataset.schema) == ("wide", None)
