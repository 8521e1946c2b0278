"""What one process holds while it writes a run, and the background that looks after it."""

import os
import shutil
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbtrack.core.entities import RunStatus
from nbtrack.core.errors import StoreError
from nbtrack.stores.local import liveness, metric_log, run_writer
from nbtrack.stores.local.run_writer import RunWriter
from nbtrack.stores.local.store import LocalStore


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalStore]:
    """A store whose background works only when the test lets it."""
    monkeypatch.setattr(run_writer, "SYNC_SECONDS", 3600.0)
    opened = LocalStore(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture
def writer(store: LocalStore) -> RunWriter:
    return store.writer(store.runs.create("0", "one", tags={}), owner=True)


def refuse(*_: Any) -> int:
    raise OSError(28, "No space left on device")


def test_the_background_begins_with_a_run_and_ends_with_the_store(store: LocalStore) -> None:
    before = store._keeper._thread

    store.writer(store.runs.create("0", "one", tags={}), owner=True).close()
    thread = store._keeper._thread
    store.close()

    assert before is None
    assert thread is not None
    assert thread.daemon
    assert not thread.is_alive()


def test_run_json_shows_what_was_logged_after_a_round(store: LocalStore, writer: RunWriter) -> None:
    file = Path(store.runs.folder_of(writer.run_id), "run.json")
    store.runs.set_params(writer.run_id, {"lr": "0.1"})
    writer.document_changed()

    store._keeper.round()
    first = file.read_text()
    touched = file.stat().st_mtime_ns
    store._keeper.round()

    assert '"lr":"0.1"' in first
    assert file.stat().st_mtime_ns == touched


def test_a_long_run_is_folded_now_and_then(
    store: LocalStore, writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_writer, "_FOLD_BYTES", 320)
    for step in range(20):
        writer.append("loss", float(step), step, step)
    store._keeper.round()

    folded = store.documents.table("runs").all()[0]["metrics"]["loss"]["count"]
    writer.append("loss", 20.0, 20, 20)
    store._keeper.round()

    assert folded == 20
    assert store.documents.table("runs").all()[0]["metrics"]["loss"]["count"] == 20
    assert store.runs.get(writer.run_id).data.summaries["loss"].count == 21


def test_a_worker_folds_what_it_logged_after_its_parent_ended_the_run(store: LocalStore) -> None:
    run_id = store.runs.create("0", "one", tags={})
    worker = store.writer(run_id, owner=False)
    store.runs.end(run_id, RunStatus.FINISHED, tags={})

    worker.append("loss", 1.0, 1, 1)
    store._keeper.round()

    assert store.documents.table("runs").all()[0]["metrics"]["loss"]["count"] == 1


def test_only_the_owner_has_a_heartbeat(
    store: LocalStore, writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = store.writer(writer.run_id, owner=False)
    monkeypatch.setattr(liveness, "HEARTBEAT_SECONDS", 0.0)
    beats: list[str] = []
    monkeypatch.setattr(liveness, "beat", beats.append)

    writer.upkeep()
    worker.upkeep()

    assert beats == [store.runs.folder_of(writer.run_id)]


def test_a_run_whose_folder_is_gone_is_told_of_once(store: LocalStore, writer: RunWriter) -> None:
    writer.append("loss", 1.0, 1, 1)
    shutil.rmtree(store.runs.folder_of(writer.run_id))

    with pytest.warns(RuntimeWarning, match=f"run {writer.run_id} is gone"):
        store._keeper.round()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store._keeper.round()
        writer.append("loss", 2.0, 2, 2)
        writer.close()
        store._keeper.retire(writer)
        store._keeper.round()
    assert store._keeper._retired == {}


def test_trouble_that_is_over_is_told_of_when_it_comes_back(
    store: LocalStore, writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(store.runs, "save_run_file", lambda _: refuse())
            writer.document_changed()
            with pytest.warns(RuntimeWarning, match="No space left"):
                store._keeper.round()
        store._keeper.round()

    assert not writer._changed


def test_what_the_disk_refused_until_the_end_is_saved_and_folded_later(
    store: LocalStore, writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.append("loss", 0.0, 0, 0)
    with monkeypatch.context() as patch:
        patch.setattr(metric_log, "_write", refuse)
        patch.setattr(os, "write", refuse)
        with pytest.warns(RuntimeWarning, match="Training goes on"):
            writer.append("loss", 1.0, 1, 1)
        writer.close()
    writer.finish(RunStatus.FINISHED, {})
    before = store.runs.get(writer.run_id).data.summaries["loss"].count

    store._keeper.round()

    assert (before, store.runs.get(writer.run_id).data.summaries["loss"].count) == (1, 2)
    assert store._keeper._retired == {}


def test_points_that_stay_refused_are_counted_when_the_store_closes(
    store: LocalStore, writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metric_log, "_write", refuse)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.warns(RuntimeWarning, match="Training goes on"):
        writer.append("loss", 1.0, 1, 1)
    writer.append("loss", 2.0, 2, 2)
    monkeypatch.setattr(store._keeper, "round", lambda: None)

    with pytest.warns(RuntimeWarning, match=f"2 points of run {writer.run_id} are lost"):
        store._keeper.stop()

    writer.log._unsaved.clear()


def test_what_many_short_runs_leave_is_synced_together(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "sync", lambda: synced.append(len(store._keeper._retired)))
    for number in range(run_writer._MANY + 5):
        writer = store.writer(store.runs.create("0", f"{number}", tags={}), owner=True)
        writer.close()
        writer.finish(RunStatus.FINISHED, {})

    store._keeper.round()

    assert synced == [run_writer._MANY + 5]
    assert store._keeper._retired == {}


def test_a_mark_that_is_put_on_during_a_sync_stays(
    store: LocalStore, writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A param that is logged while run.json is written must reach the next one."""
    save = store.runs.save_run_file

    def save_late(run_id: str) -> None:
        save(run_id)
        writer.document_changed()

    monkeypatch.setattr(store.runs, "save_run_file", save_late)
    writer.sync()

    assert writer._changed


def test_a_sync_that_fails_is_tried_again(
    store: LocalStore, writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.append("loss", 1.0, 1, 1)
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, refuse)
    for _ in range(2):
        with pytest.raises(StoreError, match="sync"):
            writer.sync()

    monkeypatch.undo()
    writer.sync()

    assert not writer._changed
    assert not writer._unsynced


def test_an_older_run_json_never_replaces_a_newer_one(store: LocalStore, writer: RunWriter) -> None:
    """Whoever writes it, in whatever thread, does so in the order of the document's changes."""
    done = threading.Event()

    def save_all_the_time() -> None:
        while not done.is_set():
            store.runs.save_run_file(writer.run_id)

    thread = threading.Thread(target=save_all_the_time)
    thread.start()
    for number in range(30):
        store.runs.end(writer.run_id, RunStatus.FINISHED, tags={"number": str(number)})
        store.runs.resume(writer.run_id, tags={})
    store.runs.end(writer.run_id, RunStatus.FAILED, tags={"number": "last"})
    done.set()
    thread.join()

    text = Path(store.runs.folder_of(writer.run_id), "run.json").read_text()
    assert '"status":"FAILED"' in text
    assert '"number":"last"' in text
    names = os.listdir(store.runs.folder_of(writer.run_id))
    assert names == ["run.json"]
