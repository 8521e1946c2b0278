"""Which functions of scikit-learn's searches are patched, beyond `fit`: that is in `hooks`."""

from collections.abc import Iterator
from types import ModuleType

from nbtrack.tracking.autolog.patching import Hook


def hooks(module: ModuleType) -> Iterator[Hook]:
    """The hooks of a module of scikit-learn's."""
    del module
    yield from ()
