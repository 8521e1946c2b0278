"""Databases in real files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbtrack.documents.database import Database


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a test's database goes."""
    return str(tmp_path / "documents.db")


@pytest.fixture
def database(path: str) -> Iterator[Database]:
    with Database(path) as opened:
        yield opened
