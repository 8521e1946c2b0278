"""Being told when a module has been imported: at once if it was, else right after its import."""

import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

Told = Callable[[ModuleType], None]


def watch(name: str, told: Told, *, submodules: bool = False) -> None:
    """Tell of a module whenever it is imported from now on, and at once if it has been.

    Args:
        name: The module, such as `lightning.pytorch`.
        told: Called with it, once its code has run.
        submodules: Whether to tell of those below it as well, of each on its own.
    """
    with _lock:
        _watched[name] = (told, submodules)
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
    prefix = name + "."
    for found, module in list(sys.modules.items()):
        # What is being imported at this moment is told of when that is done.
        if (found == name or (submodules and found.startswith(prefix))) and _is_complete(module):
            told(module)


def unwatch(name: str) -> None:
    """Tell no more of a module; with the last one we leave Python's importing alone."""
    with _lock:
        _watched.pop(name, None)
        if not _watched and _finder in sys.meta_path:
            sys.meta_path.remove(_finder)


_watched: dict[str, tuple[Told, bool]] = {}
_lock = threading.RLock()


def _told_of(name: str) -> Told | None:
    entry = _watched.get(name)
    if entry is not None:
        return entry[0]
    above = name.rpartition(".")[0]
    while above:
        entry = _watched.get(above)
        if entry is not None and entry[1]:
            return entry[0]
        above = above.rpartition(".")[0]
    return None


def _is_complete(module: Any) -> bool:
    spec = getattr(module, "__spec__", None)
    return isinstance(module, ModuleType) and not getattr(spec, "_initializing", False)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds what the others find, and notes when its code has run."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if _told_of(fullname) is None:
            return None
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(fullname, path, target) if find is not None else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


_finder = _Finder()


class _Loader(importlib.abc.Loader):
    """Loads as the loader inside does, which takes its place before any code of the module runs."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._inner
        module.__loader__ = self._inner
        self._inner.exec_module(module)
        told = _told_of(module.__name__)
        if told is not None:
            told(sys.modules.get(module.__name__, module))
