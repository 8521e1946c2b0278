"""Autolog of scikit-learn is off before and after each test, and says nothing of its runs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nbtrack.tracking.autolog import drawing, switching


@pytest.fixture
def autolog() -> Iterator[Callable[..., None]]:
    """Switches it on, with the options it is given."""

    def switch_on(**options: Any) -> None:
        switching.switch("sklearn", **{"silent": True, **options})

    yield switch_on
    switching.switch("sklearn", disable=True)
    drawing._waiting.clear()  # nobody looks at them, and each takes a tenth of a second
