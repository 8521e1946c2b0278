"""Syncing many files at once: each of them, and an error of any."""

import os
import threading
from pathlib import Path

import pytest

from nbtrack.documents.disk_sync import sync_files


def test_each_file_is_synced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / str(number) for number in range(30)]
    for file in files:
        file.write_text("x")
    synced: list[int] = []
    sync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)

    sync_files(map(str, files))

    assert sorted(synced) == sorted(file.stat().st_ino for file in files)


def test_a_file_that_cannot_be_synced_is_an_error(tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(10)]
    for file in files[:-1]:
        file.write_text("x")

    with pytest.raises(FileNotFoundError):
        sync_files(map(str, files))


def test_it_works_where_no_thread_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    sync_files([str(tmp_path / "a"), str(tmp_path / "b")])


def test_nothing_needs_nothing() -> None:
    sync_files([])
