"""What the names of a notebook mean while it lives: what only the running kernel knows.

Both questions are answered from types and identities alone, so that no code of the user's runs:
a slice is more exact for them, and right without them.
"""

import sys
import zlib
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

ALIASED = "array", "frame", "tensor"
"""Kinds of data whose names share memory only where `ExecutedCell.aliases` says so."""

DATA = frozenset((*ALIASED, "collection", "value"))
"""Kinds of what is learned from: no model is among them, whatever it is passed to."""

# Classes are known by their ids: one of the user's may forbid to be compared or hashed.
_VALUES = frozenset(
    id(cls)
    for cls in (
        *(int, float, complex, bool, str, bytes, range, slice),
        *(type(None), type(Ellipsis), type(NotImplemented)),
    )
)
_VALUE_MODULES = frozenset(("datetime", "decimal", "fractions", "pathlib", "uuid", "zoneinfo"))
_FUNCTIONS = frozenset(
    (
        "function",
        "builtin_function_or_method",
        "method_descriptor",
        "ufunc",
        "wrapper_descriptor",
        "method-wrapper",
    )
)
_CONTAINERS = frozenset(map(id, (list, tuple, set, frozenset, dict)))
_name_of: Any = type.__dict__["__name__"].__get__
_module_of: Any = type.__dict__["__module__"].__get__
_bases_of: Any = type.__dict__["__mro__"].__get__
_dict_of: Any = type.__dict__["__dict__"].__get__
"""What a class is, whatever its own class makes of the question."""
_MOST_LOOKED_AT = 64
"""Elements of a container."""


def facts_of(
    namespace: Mapping[str, Any], names: Iterable[str]
) -> tuple[dict[str, str], tuple[tuple[str, ...], ...]]:
    """What the history keeps of the names when a cell has run; it runs no code of the user's.

    Args:
        namespace: What the notebook's names mean.
        names: Those that the cell had to do with: `effects_of(source).touched`.

    Returns:
        `ExecutedCell.kinds` of the names, with the states of the random generators (`random:numpy`),
        and `ExecutedCell.aliases` of the whole namespace.
    """
    kinds = {name: kind_of(namespace[name]) if name in namespace else "absent" for name in names}
    kinds.update(_random_states())
    return kinds, _aliases(namespace)


def kind_of(value: Any, depth: int = 0) -> str:
    """The kind of an object, as `ExecutedCell.kinds` has it."""
    cls: Any = type(value)  # pyright: ignore[reportUnknownVariableType]
    if id(cls) in _VALUES:
        return "value"
    name: str = _name_of(cls)
    if name == "module":
        held: Any = value.__dict__.get("__name__") if cls is type(sys) else None
        return f"module:{held if type(held) is str else '?'}"
    if name in _FUNCTIONS:
        return "function"
    if issubclass(cls, type):
        return "class"
    if id(cls) in _CONTAINERS:
        return _kind_of_container(value, cls, depth)
    module: Any = _module_of(cls)
    first = module.partition(".")[0] if isinstance(module, str) else ""
    if first in _VALUE_MODULES or (first == "re" and name == "Pattern"):
        return "value"
    if first == "numpy":
        return _kind_of_numpy(value, cls)
    if first == "pandas":
        return _kind_of_pandas(cls)
    if first == "polars" and name in ("DataFrame", "Series", "LazyFrame"):
        return "frame"
    if first == "torch" and name in ("Tensor", "Parameter"):
        return "tensor"
    if first == "torch" and name in ("dtype", "device", "Size"):
        return "value"
    return "iterator" if any("__next__" in _dict_of(base) for base in _bases_of(cls)) else "object"


def _kind_of_container(value: Any, cls: type, depth: int) -> str:
    if depth >= 3:
        return "object"
    elements = islice(value.values() if cls is dict else value, _MOST_LOOKED_AT)
    inner = {kind_of(each, depth + 1) for each in elements}
    if "iterator" in inner:
        return "iterator"
    if inner <= {"value"} and (cls is tuple or cls is frozenset) and len(value) <= _MOST_LOOKED_AT:
        return "value"
    return "collection" if inner <= {"value", "collection"} else "object"


def _kind_of_numpy(value: Any, cls: type) -> str:
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return "object"
    if cls is numpy.ndarray:
        return "object" if value.dtype.hasobject else "array"
    return "value" if issubclass(cls, (numpy.generic, numpy.dtype)) else "object"


def _kind_of_pandas(cls: type) -> str:
    pandas: Any = sys.modules.get("pandas")
    if cls.__name__ in ("Timestamp", "Timedelta", "Period", "Interval", "NAType", "NaTType"):
        return "value"
    if pandas is not None and cls in (pandas.DataFrame, pandas.Series, pandas.Index, pandas.RangeIndex):
        # Since pandas 3 what is taken out of a frame never changes with it.
        return "frame" if not str(pandas.__version__).startswith(("0.", "1.", "2.")) else "object"
    return "object"


def _aliases(namespace: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Names that mean one object, or arrays and tensors in one memory."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    array: Any = getattr(numpy, "ndarray", None)
    tensors = [getattr(torch, "Tensor", None), getattr(getattr(torch, "nn", None), "Parameter", None)]
    groups: dict[Any, list[str]] = {}
    for name, value in list(namespace.items()):
        cls: Any = type(value)  # pyright: ignore[reportUnknownVariableType]
        if (
            id(cls) in _VALUES
            or name[:1] == "_"
            or (_name_of(cls) in _FUNCTIONS and cls is not type(_aliases))
            or cls is type(sys)
        ):
            continue
        key: Any = id(value)
        if cls is array:
            root: Any = value
            while type(root.base) is array:
                root = root.base
            key = id(root) if root.base is None else id(root.base)
        elif any(cls is each for each in tensors):
            try:
                key = ("tensor", value.untyped_storage().data_ptr())
            except (RuntimeError, NotImplementedError):
                key = id(value)
        groups.setdefault(key, []).append(name)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _random_states() -> dict[str, str]:
    """Where the global generators of random numbers stand, of the libraries that are loaded."""
    found: dict[str, str] = {}
    if (random := sys.modules.get("random")) is not None:
        found["random:python"] = f"{hash(random.getstate()) & 0xFFFFFFFF:08x}"
    if (numpy_random := sys.modules.get("numpy.random")) is not None:
        state = numpy_random.get_state(legacy=False)
        inner = state["state"]
        words = inner["key"].tobytes() if "key" in inner else repr(inner).encode()
        found["random:numpy"] = f"{zlib.crc32(words, inner.get('pos', 0)):08x}{state['has_gauss']}"
    torch: Any = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        found["random:torch"] = f"{zlib.crc32(memoryview(torch.get_rng_state().numpy())):08x}"
        if torch.cuda.is_initialized():
            states = [(each.initial_seed(), each.get_offset()) for each in torch.cuda.default_generators]
            found["random:torch"] += f"{zlib.crc32(repr(states).encode()):08x}"
    return found
