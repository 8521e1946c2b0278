"""Every back end, opened on an empty place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbtrack.stores.contracts import Store
from nbtrack.stores.opening import open_store


@pytest.fixture(params=["local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A fresh store."""
    opened = open_store(tmp_path / "store")
    yield opened
    opened.close()
