"""What is watched of PyTorch besides the loss: data loaders."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any


def hooks(module: ModuleType) -> Iterator[Any]:
    """Hooks for `torch`, to be chained to those of the loss."""
    del module
    yield from ()
