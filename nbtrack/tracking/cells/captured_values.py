"""Which values of a notebook's names are params, metrics or data, and how they are kept.

Only values of types that are known for sure are looked at: whatever the user's own classes do in
`__eq__`, `__len__`, `__float__` or `__class__`, none of it is called.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, cast

from nbtrack.core.metric_values import as_value

LONGEST_PARAM = 250
"""Characters of a param; longer texts are no choice that anybody compares."""
_MOST_ITEMS, _DEEPEST, _MOST_BITS = 50, 3, 3000
_SMALLEST_COLLECTION = 20
"""How many items make a list data."""

_PLAIN = (bool, int, float, complex, str, type(None))
_TEXT_OF_TYPES = {
    "datetime": ("datetime", "date", "time", "timedelta"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "uuid": ("UUID",),
    "torch": ("device", "dtype"),
    "pandas": ("Timestamp", "Timedelta"),
}
_CODE = (ModuleType, FunctionType, BuiltinFunctionType, MethodType)
_ARRAY_MODULES = ("numpy", "torch", "jax", "jaxlib", "tensorflow", "cupy")


class NotKept(Exception):
    """A value that would be kept, but for a reason; the message says it in a word or two."""


@dataclass(frozen=True)
class DataSize:
    """How large a piece of data is."""

    name: str
    kind: str
    """`ndarray`, `DataFrame`, `Tensor`, `list` ..."""
    shape: tuple[int, ...]
    """Its dimensions; of a collection its length alone."""
    dtype: str = ""
    columns: tuple[str, ...] = ()

    @property
    def described(self) -> str:
        """Such as `DataFrame 1,797 x 64` or `ndarray 1,797 x 64 float64`."""
        shape = " x ".join(f"{size:,}" for size in self.shape)
        return " ".join(filter(None, (self.kind, shape, self.dtype)))

    def __str__(self) -> str:
        """Such as `X (1,797 x 64)`."""
        shape = " x ".join(f"{size:,}" for size in self.shape)
        return (
            f"{self.name} ({shape})" if self.kind not in _COUNTED else f"{self.name} ({self.kind} of {shape})"
        )


_COUNTED = ("list", "tuple", "dict", "set", "frozenset", "DataLoader", "Dataset")


def param_texts(name: str, value: Any) -> dict[str, str]:
    """What is kept of a name as params: one, those of a dict such as `config.lr`, or none.

    Args:
        name: The name.
        value: What it means.

    Raises:
        NotKept: It is a scalar, or a collection of them, that is too long.
    """
    text = _scalar_text(value)
    if text is not None:
        return {name: text}
    kind = _type_of(value)
    if _is_any(kind, (list, tuple)):
        return _list_param(name, value)
    fields = _fields(value)
    if not fields:
        return {}
    return dict(_flattened(name, fields, 1))


def metric_value(value: Any) -> float | None:
    """The number that a value is; None when it is none: truth values and text are not.

    A tensor on a GPU is waited for.

    Raises:
        NotKept: It is a number that no metric can hold.
    """
    kind = _type_of(value)
    if kind is float:
        return value
    is_number = (
        kind is int or _known(kind, "decimal", ("Decimal",)) or _known(kind, "fractions", ("Fraction",))
    )
    if not is_number and not _is_array_scalar(value):
        return None
    try:
        return as_value("", value)
    except Exception as error:
        raise NotKept("no number that a metric can hold") from error


def is_number(value: Any) -> bool:
    """Whether it is a number of Python's own."""
    return _is_any(_type_of(value), (bool, int, float, complex))


def data_size(name: str, value: Any) -> DataSize | None:
    """How large a value is; None when it is no data."""
    kind = _type_of(value)
    if _is_any(kind, (list, tuple, dict, set, frozenset)):
        length = len(value)
        return DataSize(name, _name(kind), (length,)) if length > _SMALLEST_COLLECTION else None
    root = _root(kind)
    if root in ("pandas", "polars", "scipy", "torch", "datasets", *_ARRAY_MODULES):
        try:
            return _size_of_known(name, value, kind, root)
        except Exception:  # noqa: BLE001 - a library of another version, which has it otherwise
            return None
    return None


def is_no_value(value: Any) -> bool:
    """Whether a value is code rather than data: a module, a function, a class."""
    kind = _type_of(value)
    return _is_any(kind, _CODE) or _inherits(kind, type)


def _scalar_text(value: Any) -> str | None:
    """The text of a scalar; None when it is none.

    Raises:
        NotKept: It is too long.
    """
    kind = _type_of(value)
    if kind is str:
        if len(value) > LONGEST_PARAM:
            raise NotKept("too long")
        return value
    if _is_any(kind, _PLAIN):
        if kind is int and value.bit_length() > _MOST_BITS:
            raise NotKept("too long")
        return _short(str(value))
    if _inherits(kind, PurePath) and _module(kind) in ("pathlib", "pathlib._local"):
        return _short(str(value))
    if (enum := sys.modules.get("enum")) is not None and _inherits(kind, enum.Enum):
        label = object.__getattribute__(value, "__dict__").get("_name_")
        return _short(f"{_name(kind)}.{label}")
    root = _root(kind)
    if root == "numpy" and _is_numpy_scalar(value):
        return _short(str(value))
    if root in _TEXT_OF_TYPES and _is_named(kind, _TEXT_OF_TYPES[root]):
        return _short(str(value))
    return None


def _list_param(name: str, value: Any) -> dict[str, str]:
    """A short list or tuple of scalars, as Python writes it; an empty one is no choice."""
    if not value:
        return {}
    if len(value) > _MOST_ITEMS:
        return {}
    texts: list[str] = []
    for item in cast("list[Any]", value):
        if _is_any(_type_of(item), _PLAIN):
            _scalar_text(item)
            texts.append(repr(item))
        elif _is_any(_type_of(item), (list, tuple)) and all(
            _is_any(_type_of(part), _PLAIN) for part in cast("list[Any]", item)
        ):
            texts.append(repr(item) if len(item) <= _MOST_ITEMS else "")
        else:
            return {}
    text = ", ".join(texts)
    if len(text) > LONGEST_PARAM:
        raise NotKept("too long")
    if type(value) is tuple:
        return {name: f"({text},)" if len(texts) == 1 else f"({text})"}
    return {name: f"[{text}]"}


def _flattened(name: str, fields: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, str]]:
    if len(fields) > _MOST_ITEMS:
        return
    for key, value in fields.items():
        if type(key) is not str or not key or len(key) > LONGEST_PARAM:
            continue
        inner = _fields(value)
        if inner and depth < _DEEPEST:
            yield from _flattened(f"{name}.{key}", inner, depth + 1)
            continue
        try:
            if (text := _scalar_text(value)) is not None:
                yield f"{name}.{key}", text
            elif _is_any(_type_of(value), (list, tuple)):
                yield from _list_param(f"{name}.{key}", value).items()
        except NotKept:
            continue


def _fields(value: Any) -> Mapping[Any, Any] | None:
    """What a dict, a namespace or a dataclass holds; its own code is not run."""
    kind = _type_of(value)
    if kind is dict:
        return cast("dict[Any, Any]", value)
    is_namespace = _known(kind, "types", ("SimpleNamespace",)) or _known(kind, "argparse", ("Namespace",))
    if is_namespace or "__dataclass_fields__" in type.__getattribute__(kind, "__dict__"):
        try:
            held: Any = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return None  # it has slots
        return cast("dict[Any, Any]", held) if type(held) is dict else None
    return None


def _is_array_scalar(value: Any) -> bool:
    """Whether it is a number of numpy, or an array or tensor without dimensions that holds one."""
    kind = _type_of(value)
    root = _root(kind)
    if root not in _ARRAY_MODULES or not _is_genuine(kind):
        return False
    try:
        if root == "torch":
            torch = sys.modules["torch"]
            is_tensor = _is_any(kind, (torch.Tensor, torch.nn.Parameter))
            return (
                is_tensor and value.dim() == 0 and value.dtype not in (torch.bool,) and not value.is_complex()
            )
        if value.ndim != 0:
            return False
        dtype = value.dtype
        return getattr(dtype, "kind", "f") in "iuf" if root != "tensorflow" else not dtype.is_bool
    except Exception:  # noqa: BLE001 - a library of another version, which has it otherwise
        return False


def _is_numpy_scalar(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    kind = _type_of(value)
    if numpy is None or not _is_genuine(kind):
        return False
    if isinstance(value, numpy.dtype):
        return True
    return isinstance(value, numpy.generic) and value.dtype.kind in "biufcUM"


def _size_of_known(name: str, value: Any, kind: type, root: str) -> DataSize | None:
    label = _name(kind)
    if root in ("torch", "datasets") and label not in ("Tensor", "Parameter"):
        return _size_of_loader(name, value, kind)
    if not _is_genuine(kind) or not hasattr(kind, "shape"):
        return None
    if root == "polars" and label == "LazyFrame":
        return None
    shape = tuple(int(size) for size in value.shape)
    if not shape or shape == (0,):
        return None
    if label == "DataFrame":
        columns = tuple(str(column)[:100] for column in list(value.columns)[:_MOST_ITEMS])
        return DataSize(name, label, shape, columns=columns)
    dtype = str(getattr(value, "dtype", ""))
    return DataSize(name, label, shape, dtype.removeprefix("torch.")[:40])


def _size_of_loader(name: str, value: Any, kind: type) -> DataSize | None:
    """Of the loaders and data sets that PyTorch and Hugging Face bring along, not of the user's own."""
    if not _is_genuine(kind):
        return None
    module = _module(kind)
    if module.startswith("torch.utils.data") and _name(kind) == "DataLoader":
        held = data_size(name, value.dataset) if _root(_type_of(value.dataset)) == "torch" else None
        return held and DataSize(name, "DataLoader", held.shape)
    if module.startswith("torch.utils.data") and _name(kind) == "TensorDataset":
        return DataSize(name, "Dataset", (int(value.tensors[0].shape[0]),))
    if module.startswith("torch.utils.data") and _name(kind) == "Subset":
        return (
            DataSize(name, "Dataset", (len(value.indices),)) if type(value.indices) in (list, range) else None
        )
    if module.startswith("datasets.") and _name(kind) == "Dataset":
        return DataSize(name, "Dataset", (int(value.num_rows), int(value.num_columns)))
    return None


def _type_of(value: Any) -> type:
    return type(value)  # pyright: ignore[reportUnknownVariableType]


def _is_any(kind: type, kinds: tuple[type, ...]) -> bool:
    # By identity: a metaclass may have an `__eq__` and a `__hash__`.
    return any(kind is each for each in kinds)


def _inherits(kind: type, parent: type) -> bool:
    return any(parent is each for each in type.__getattribute__(kind, "__mro__"))


def _known(kind: type, module: str, names: tuple[str, ...]) -> bool:
    return _module(kind) == module and _is_named(kind, names)


def _is_named(kind: type, names: tuple[str, ...]) -> bool:
    """Whether a type is one of these of its module, and does not only say so."""
    module = sys.modules.get(_root(kind))
    return any(getattr(module, name, None) is kind for name in names)


def _is_genuine(kind: type) -> bool:
    """Whether a type is found under the name that it says it has."""
    found: Any = sys.modules.get(_module(kind))
    return getattr(found, _name(kind), None) is kind


def _module(kind: type) -> str:
    # A metaclass may have an opinion of its own.
    try:
        module: Any = type.__getattribute__(kind, "__module__")
    except AttributeError:
        return ""
    return module if type(module) is str else ""


def _name(kind: type) -> str:
    return str(type.__getattribute__(kind, "__name__"))


def _root(kind: type) -> str:
    return _module(kind).partition(".")[0]


def _short(text: str) -> str:
    if len(text) > LONGEST_PARAM:
        raise NotKept("too long")
    return text
