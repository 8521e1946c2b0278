"""The code of the user's that a Python model imports, found for `infer_code_paths`."""

import sys
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, cast

from nbtrack.core.package_names import is_local_module
from nbtrack.models.code.code_imports import imports_of_code, imports_of_source
from nbtrack.models.code.model_code import is_code_file


def local_code_paths(
    model: Any, loader_module: str | None, given: Iterable[str | PathLike[str]]
) -> list[str | PathLike[str]]:
    """Files and folders of code, those that were given first.

    Args:
        model: The Python model, or the path of its file of code.
        loader_module: Its loader module.
        given: What the user named himself.
    """
    paths = list(given)
    known = {Path(path).expanduser().resolve() for path in paths}
    waiting = {module.partition(".")[0] for module in _named_by(model, loader_module)}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        place = _place_of(name)
        if place is None or place in known:
            continue
        known.add(place)
        paths.append(place)
        waiting |= imports_of_source(place) - seen
    return paths


def _named_by(model: Any, loader_module: str | None) -> Iterable[str]:
    if loader_module is not None:
        yield loader_module
    if is_code_file(model):
        yield from imports_of_source(Path(model))
    elif model is not None:
        kind: Any = model if hasattr(model, "__code__") else cast("Any", type(model))
        yield str(kind.__module__)
        parts: list[Any] = [kind, *vars(kind).values()]
        for part in parts:
            each: Any = getattr(part, "__wrapped__", part)
            if code := getattr(each, "__code__", None):
                yield from imports_of_code(code)
                yield from (
                    str(getattr(value, "__module__", None) or getattr(value, "__name__", ""))
                    for name in code.co_names
                    if (value := each.__globals__.get(name)) is not None
                )


def _place_of(module: str) -> Path | None:
    """The file or folder of a module of the user's; None for installed ones and Python's own."""
    if not is_local_module(module):
        return None
    origin = getattr(sys.modules.get(module), "__file__", None)
    if origin is None:
        return None
    file = Path(origin).resolve()
    return file.parent if file.name == "__init__.py" else file
