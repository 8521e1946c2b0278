"""The code that lies in a model's folder: importable for that model, and for nobody else.

MLflow puts it on `sys.path` for good, so that of two models whose code has the same module names the
second gets the code of the first. Here the modules of a model are in `sys.modules` only while it is
being loaded; what its code imports later, it finds through an `__import__` of its own.
"""

import builtins
import importlib
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import resolve_name
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

from nbtrack.models.code import mlflow_names
from nbtrack.models.safety.folder import ModelFolder

_NEVER_OURS = frozenset(sys.stdlib_module_names) | {"nbtrack", "mlflow"}
_lock = RLock()
_import_of_python = builtins.__import__


class ModelCode:
    """What one model imports.

    Args:
        place: A private copy of its `code/` folder; None where it has none.
    """

    def __init__(self, place: Path | None = None) -> None:
        self._place = place
        self._names = frozenset() if place is None else _top_level_names(place)
        self._modules: dict[str, ModuleType] = {}
        self._displaced: dict[str, ModuleType] = {}
        self._finder = _Finder(self)
        self.builtins: dict[str, Any] = {**vars(builtins), "__import__": self._import}
        """For the globals of the model's code."""

    @contextmanager
    def importable(self) -> Generator[None]:
        """While it lasts, everybody finds the model's modules under their names."""
        token = _current.set(self)
        try:
            if self._place is None and not self._modules:
                yield
                return
            with _lock:
                outer = _Active.code
                if outer is self:
                    yield
                    return
                if outer is not None:
                    outer._swap_out()
                self._swap_in()
                try:
                    yield
                finally:
                    self._swap_out()
                    if outer is not None:
                        outer._swap_in()
        finally:
            _current.reset(token)

    def add_module(self, module: ModuleType) -> None:
        """Make a module one of the model's own; its code gets the model's `__import__`."""
        module.__dict__["__builtins__"] = self.builtins
        self._modules[module.__name__] = module
        self._names |= {module.__name__}
        if _Active.code is self:
            sys.modules[module.__name__] = module

    def find_spec(self, name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """Where a module of the model lies; None for all others."""
        if self._place is None or name.partition(".")[0] not in self._names:
            return None
        spec = PathFinder.find_spec(name, [str(self._place)] if "." not in name else path)
        if spec is None:
            return None
        if type(spec.loader) is SourceFileLoader:
            spec.loader = _SourceLoader(spec.loader.name, spec.loader.path, self.builtins)
        elif spec.loader is None and spec.submodule_search_locations is not None:
            # A folder without __init__.py looks itself up on sys.path again, where it is not.
            spec.submodule_search_locations = list(spec.submodule_search_locations)
        return spec

    def _swap_in(self) -> None:
        for name in list(sys.modules):
            if name.partition(".")[0] in self._names:
                self._displaced[name] = sys.modules.pop(name)
        sys.modules.update(self._modules)
        sys.meta_path.insert(0, self._finder)
        _Active.code = self

    def _swap_out(self) -> None:
        sys.meta_path.remove(self._finder)
        for name in list(sys.modules):
            if name.partition(".")[0] in self._names:
                self._modules[name] = sys.modules.pop(name)
        sys.modules.update(self._displaced)
        self._displaced.clear()
        _Active.code = None

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """`__import__`, for the model's own code."""
        absolute = name
        if level:
            package = str((globals or {}).get("__package__") or "")
            absolute = resolve_name("." * level + name, package) if package else name
        top = absolute.partition(".")[0]
        if top in self._names and _Active.code is not self:
            known = self._known(absolute, fromlist)
            if known is not None:
                return known
            with self.importable():
                return _import_of_python(name, globals, locals, fromlist or (), level)
        if top == "mlflow" and not level and mlflow_names.are_needed():
            leaf = mlflow_names.stand_in(name)
            return leaf if fromlist else mlflow_names.stand_in("mlflow")
        return _import_of_python(name, globals, locals, fromlist or (), level)

    def _known(self, name: str, fromlist: Sequence[str] | None) -> ModuleType | None:
        """What is imported already, without taking the lock."""
        module = self._modules.get(name)
        if module is None:
            return None
        if not fromlist:
            return self._modules.get(name.partition(".")[0])
        return module if all(hasattr(module, each) for each in fromlist if each != "*") else None


class _Active:
    """Whose modules are in `sys.modules` now; guarded by the lock."""

    code: ModelCode | None = None


class _Finder(MetaPathFinder):
    def __init__(self, code: ModelCode) -> None:
        self._code = code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return self._code.find_spec(fullname, path)


class _SourceLoader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, own_builtins: dict[str, Any]) -> None:
        super().__init__(fullname, path)
        self._builtins = own_builtins

    def exec_module(self, module: ModuleType) -> None:
        # Functions keep the builtins of the moment they are made in.
        module.__dict__["__builtins__"] = self._builtins
        super().exec_module(module)


_current: ContextVar[ModelCode | None] = ContextVar("nbtrack_model_code", default=None)


def current_code() -> ModelCode:
    """The code of the model that is being loaded; one without modules where none is."""
    return _current.get() or ModelCode()


def code_of(folder: ModelFolder, relative: object) -> ModelCode:
    """The code of a model folder.

    Args:
        folder: The folder.
        relative: Its folder of code, as the MLmodel file names it; None or empty: it has none.

    Raises:
        UntrustedModelError: The model is not the user's own.
        MissingFileError: There is no such folder.
    """
    if not relative:
        return ModelCode()
    folder.directory(relative)
    folder.require_trust(str(relative), why="it brings Python code, which is imported")
    importlib.invalidate_caches()
    return ModelCode(folder.private_copy(relative))


def _top_level_names(place: Path) -> frozenset[str]:
    found = {entry.name.partition(".")[0] for entry in place.iterdir()}
    return frozenset(name for name in found if name.isidentifier()) - _NEVER_OURS - {"__pycache__"}
