"""What the user's code can reach at this moment: the variables of the functions that are running.

Looking must leave no trace: before Python 3.13 a frame keeps the dict that its variables are read into, and
with it a whole batch of tensors until the function returns.
"""

import gc
import sys
import sysconfig
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import CO_OPTIMIZED
from time import thread_time
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any, cast

# Below these, the stack holds the machinery that runs the user's code.
_ENDS = frozenset(
    (
        "IPython",
        "ipykernel",
        "asyncio",
        "tornado",
        "runpy",
        "threading",
        "multiprocessing",
        "concurrent",
        "_pytest",
        "unittest",
        "importlib",
    )
)
_PASSED_OVER = frozenset(("torch", "nbtrack"))
_READS_LOCALS = frozenset(("locals", "vars", "dir", "eval", "exec"))
_LEAVES = (str, bytes, int, float, complex, type(None), CodeType, BuiltinFunctionType)
_CONTAINERS: tuple[type[Any], ...] = (dict, list, tuple, set, frozenset, deque)
_LARGE = 1_000
"""Entries of a container beyond which it is data: no list of so many modules is looked for."""
_WIDE = 20_000
"""Values that one level has at the most."""
_NOT_OPENED = frozenset(("numpy", "pandas", "matplotlib", "plotly", "PIL", "torch.utils.data"))


def user_frames(frame: FrameType | None) -> list[FrameType]:
    """The frames of the user's code on the stack, and of libraries it runs under; innermost first."""
    found: list[FrameType] = []
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in _ENDS:
            break
        if package not in _PASSED_OVER:
            found.append(frame)
        frame = frame.f_back
    return found


def variables(frame: FrameType) -> dict[str, Any]:
    """The local variables of a frame; those of a module are its globals."""
    code = frame.f_code
    if not code.co_flags & CO_OPTIMIZED:
        return dict(frame.f_locals)
    if sys.version_info < (3, 13) and not _READS_LOCALS.isdisjoint(code.co_names):
        return {}  # what `locals()` gave the user is that same dict, and would change under their hands
    kept = frame.f_locals
    found = dict(kept)
    if sys.version_info < (3, 13) and sys.getrefcount(kept) <= 3:  # here, the argument, the frame
        kept.clear()
    return found


def reachable(
    frames: Iterable[FrameType], opens: Callable[[Any], bool], *, seconds: float, levels: int = 12
) -> Iterator[list[Any]]:
    """What can be reached from variables of frames: first they themselves, then what those hold, and so on.

    None of the user's code runs for it: no property, no `__getattr__`.

    Args:
        frames: Frames, as from `user_frames`.
        opens: Whether to look into a value.
        seconds: How long to look at the most, in time of the processor.
        levels: How deep; an object and the dict of its attributes are two.

    Yields:
        Each level, as a list of values that came in none before.
    """
    deadline = thread_time() + seconds
    seen: set[int] = set()
    kept: list[Any] = []  # so that no id is used again
    level: list[Any] = []
    spaces: set[int] = set()
    for frame in frames:
        level.extend(variables(frame).values())
        if id(frame.f_globals) not in spaces:
            spaces.add(id(frame.f_globals))
            seen.add(id(frame.f_globals))
            level.extend(tuple(frame.f_globals.values()))
    for _ in range(levels):
        fresh: list[Any] = []
        for value in level:
            if isinstance(value, _LEAVES) or id(value) in seen:
                continue
            seen.add(id(value))
            fresh.append(value)
        if not fresh:
            return
        kept.append(fresh)
        yield fresh
        level = []
        for number, value in enumerate(fresh):
            if not number & 63 and thread_time() > deadline:
                return
            if len(level) > _WIDE:
                break
            if opens(value):
                level.extend(_held_by(value))


def _held_by(value: Any) -> Iterable[Any]:
    kind = cast("type[Any]", type(value))
    if issubclass(kind, dict | list | tuple | set | frozenset | deque):
        container = next(base for base in kind.__mro__ if base in _CONTAINERS)
        if container.__len__(value) > _LARGE:  # that of a class of the user's is code of theirs
            return ()
    if kind is FunctionType:
        function = cast("FunctionType", value)
        found = list(gc.get_referents(*(function.__closure__ or ()), function.__dict__))
        if is_users(function.__globals__):
            found.append(function.__globals__)
        return found
    if isinstance(value, ModuleType):
        names = vars(value)
        return tuple(names.values()) if is_users(names) else ()
    if isinstance(value, type) or kind.__module__.partition(".")[0] in _NOT_OPENED:
        return ()
    return gc.get_referents(value)


def is_users(names: Mapping[str, Any]) -> bool:
    """Whether a module, by its globals, is the user's own and no library's."""
    file = names.get("__file__")
    if not isinstance(file, str):
        return names.get("__name__") == "__main__"
    return "site-packages" not in file and "dist-packages" not in file and not file.startswith(_STDLIB)


_STDLIB = sysconfig.get_path("stdlib")
