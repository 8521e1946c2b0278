"""The warm parent of the processes that fault tests hurt."""

from collections.abc import Iterator

import pytest

from tests.faults.children import WarmParent


@pytest.fixture(scope="module")
def warm_parent() -> Iterator[WarmParent]:
    """Forks children for one module of tests."""
    parent = WarmParent()
    yield parent
    parent.close()


@pytest.fixture
def children(warm_parent: WarmParent) -> Iterator[WarmParent]:
    """Forks children for one test; none of them outlives it."""
    yield warm_parent
    warm_parent.clear()
