"""The types a value can have in a signature: scalars, and arrays, objects and maps made of them.

Names, constructors and JSON are MLflow's. Types are immutable and hashable; loading them loads no numpy.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from nbtrack.core.articles import with_article
from nbtrack.core.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    import numpy as np

# A type in a file may be nested by anybody, as deep as they like.
DEEPEST = 64


class DataType(Enum):
    """A scalar type: what one cell of a column holds."""

    boolean = 1
    integer = 2
    """32 bits, with sign."""
    long = 3
    """64 bits, with sign."""
    float = 4
    """32 bits."""
    double = 5
    """64 bits."""
    string = 6
    binary = 7
    datetime = 8

    def __repr__(self) -> str:
        return self.name

    def to_numpy(self) -> "np.dtype[Any]":
        """The dtype an array of such values has."""
        import numpy as np

        return np.dtype(_NUMPY[self.name])

    def to_pandas(self) -> "np.dtype[Any]":
        """The dtype a column of such values has; text and bytes are objects, as MLflow says."""
        import numpy as np

        return np.dtype(object if self.name in ("string", "binary") else _NUMPY[self.name])

    def to_python(self) -> type:
        """The Python type of one such value."""
        return _PYTHON[self.name]

    @classmethod
    def all_types(cls) -> "list[DataType]":
        """Every scalar type."""
        return list(cls)

    @classmethod
    def from_numpy_type(cls, np_type: Any) -> "DataType | None":
        """The scalar type whose dtype is exactly this one; None if there is none."""
        return next((kind for kind in cls if kind.to_numpy() == np_type), None)

    @classmethod
    def check_type(cls, data_type: "DataType", value: Any) -> bool:
        """Whether a value is of exactly the Python or numpy type of a scalar type; nothing is converted."""
        name = type(value).__name__
        if type(value).__module__ == "numpy":
            return name.rstrip("_") in _NUMPY_NAMES[data_type.name]
        if data_type is DataType.datetime:
            return isinstance(value, dt.date)
        return type(value) is data_type.to_python() or (
            data_type is DataType.binary and type(value) is bytearray
        )


_NUMPY = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "str",
    "binary": "bytes",
    "datetime": "datetime64[ns]",
}
_NUMPY_NAMES = {
    "boolean": ("bool",),
    "integer": ("int32",),
    "long": ("int64", "longlong"),
    "float": ("float32",),
    "double": ("float64",),
    "string": ("str",),
    "binary": ("bytes",),
    "datetime": ("datetime64",),
}
_PYTHON: dict[str, type] = {
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "string": str,
    "binary": bytes,
    "datetime": dt.date,
}


class _Nested:
    """What `Property`, `Array`, `Object`, `Map` and `AnyType` have in common: they are made of JSON."""

    def to_dict(self) -> dict[str, Any]:
        """The type as MLflow's JSON has it."""
        raise NotImplementedError

    @classmethod
    def from_json_dict(cls, **kwargs: Any) -> Any:
        """A type from the entries of its JSON object; the opposite of `to_dict`."""
        made = type_from_json(kwargs)
        if not isinstance(made, cls):
            raise InvalidValueError(
                f"The JSON of {with_article(cls.__name__)} was wanted, not {quoted(kwargs)}"
            )
        return made


@dataclass(frozen=True, init=False, repr=False)
class Array(_Nested):
    """A list of values of one type."""

    dtype: "ValueType"

    def __init__(self, dtype: "ValueType | str") -> None:
        object.__setattr__(self, "dtype", as_value_type(dtype, "dtype of an Array"))

    def __repr__(self) -> str:
        return f"Array({self.dtype!r})"

    def to_dict(self) -> dict[str, Any]:
        """The type as MLflow's JSON has it."""
        return {"type": "array", "items": type_to_json(self.dtype)}


class SparkMLVector(Array):
    """A vector of Spark ML, which models from Spark may want: an array of doubles."""

    def __init__(self) -> None:
        super().__init__(DataType.double)

    def __repr__(self) -> str:
        return "SparkML vector"

    def to_dict(self) -> dict[str, Any]:
        """The type as MLflow's JSON has it."""
        return {"type": "sparkml_vector"}


@dataclass(frozen=True, init=False, repr=False)
class Property:
    """One named entry of an `Object`."""

    name: str
    dtype: "ValueType"
    required: bool

    def __init__(self, name: str, dtype: "ValueType | str", required: bool = True) -> None:
        if not isinstance(name, str):
            raise InvalidTypeError(
                f"The name of a Property is text, not {name!r}, which is {with_article(type(name).__name__)}"
            )
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "dtype", as_value_type(dtype, f"dtype of the Property {name!r}"))
        object.__setattr__(self, "required", bool(required))

    def __lt__(self, other: "Property") -> bool:
        return self.name < other.name

    def __repr__(self) -> str:
        return f"{self.name}: {self.dtype!r} ({'required' if self.required else 'optional'})"

    def to_dict(self) -> dict[str, Any]:
        """The property as MLflow's JSON has it: its name, to its type."""
        return {self.name: {**type_to_json(self.dtype), "required": self.required}}

    @classmethod
    def from_json_dict(cls, **kwargs: Any) -> "Property":
        """A property from JSON; the only entry is its name."""
        return _property(kwargs, 0)


@dataclass(frozen=True, init=False, repr=False)
class Object(_Nested):
    """A dict with named entries, each of its own type; their order means nothing."""

    _properties: tuple[Property, ...]

    def __init__(self, properties: Sequence[Property]) -> None:
        if not isinstance(properties, list | tuple) or not all(
            isinstance(held, Property) for held in properties
        ):
            raise InvalidTypeError(f"The properties of an Object are a list of Property, not {properties!r}")
        if not properties:
            raise InvalidValueError("An Object needs at least one Property; AnyType() takes any dict")
        names = [held.name for held in properties]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidValueError(f"An Object cannot have two properties of one name: {', '.join(twice)}")
        object.__setattr__(self, "_properties", tuple(sorted(properties)))

    @property
    def properties(self) -> list[Property]:
        """The entries, sorted by name."""
        return list(self._properties)

    def __repr__(self) -> str:
        return "{" + ", ".join(map(repr, self._properties)) + "}"

    def to_dict(self) -> dict[str, Any]:
        """The type as MLflow's JSON has it."""
        properties = {name: held for one in self._properties for name, held in one.to_dict().items()}
        return {"type": "object", "properties": properties}


@dataclass(frozen=True, init=False, repr=False)
class Map(_Nested):
    """A dict of any names, with values of one type."""

    value_type: "ValueType"

    def __init__(self, value_type: "ValueType | str") -> None:
        object.__setattr__(self, "value_type", as_value_type(value_type, "value_type of a Map"))

    def __repr__(self) -> str:
        return f"Map(str -> {self.value_type!r})"

    def to_dict(self) -> dict[str, Any]:
        """The type as MLflow's JSON has it."""
        return {"type": "map", "values": type_to_json(self.value_type)}


@dataclass(frozen=True, repr=False)
class AnyType(_Nested):
    """Any value at all, None too: nothing is checked."""

    def __repr__(self) -> str:
        return "Any"

    def to_dict(self) -> dict[str, Any]:
        """The type as MLflow's JSON has it."""
        return {"type": "any"}


ValueType = DataType | Array | Object | Map | AnyType


def as_value_type(given: Any, what: str) -> ValueType:
    """A type, or the scalar type of that name.

    Raises:
        InvalidTypeError: It is neither; `what` says where it was given.
    """
    if isinstance(given, DataType | Array | Object | Map | AnyType):
        return given
    if isinstance(given, str):
        try:
            return DataType[given]
        except KeyError:
            pass
    raise InvalidTypeError(
        f"{given!r} cannot be the {what}: it is one of {', '.join(kind.name for kind in DataType)}, "
        "or an Array, Object, Map or AnyType"
    )


def type_to_json(kind: ValueType) -> dict[str, Any]:
    """A type as MLflow's JSON has it."""
    return {"type": kind.name} if isinstance(kind, DataType) else kind.to_dict()


def type_from_json(held: Any, depth: int = 0) -> ValueType:
    """A type from MLflow's JSON.

    Raises:
        InvalidValueError: It is no type, or one nested more than `DEEPEST` times.
    """
    if depth > DEEPEST:
        raise InvalidValueError(f"A type is nested deeper than {DEEPEST} times")
    if isinstance(held, str):  # MLflow's documentation writes {"items": "string"}
        return as_value_type(held, "type")
    entries = _entries(held)
    kind = entries.get("type")
    if kind == "array":
        return Array(type_from_json(_entry(entries, "items"), depth + 1))
    if kind == "object":
        properties = _entries(_entry(entries, "properties"))
        return Object([_property({name: one}, depth + 1) for name, one in properties.items()])
    if kind == "map":
        return Map(type_from_json(_entry(entries, "values"), depth + 1))
    if kind == "any":
        return AnyType()
    if kind == "sparkml_vector":
        return SparkMLVector()
    if kind is None:
        raise InvalidValueError(f"A type in a signature lacks its `type`: {quoted(held)}")
    return as_value_type(kind, "type")


def _property(held: Mapping[str, Any], depth: int) -> Property:
    if len(held) != 1:
        raise InvalidValueError(f"The JSON of a Property has one entry, its name, not {len(held)}")
    ((name, entries),) = held.items()
    required = _entries(entries).get("required", True)
    return Property(name, type_from_json(entries, depth), bool(required))


def _entries(held: Any) -> dict[str, Any]:
    if not isinstance(held, Mapping):
        raise InvalidValueError(f"A type in a signature is a JSON object, not {quoted(held)}")
    return dict(cast("Mapping[str, Any]", held))


def _entry(entries: dict[str, Any], name: str) -> Any:
    if name not in entries:
        raise InvalidValueError(f"The type {entries['type']!r} lacks its `{name}`: {quoted(entries)}")
    return entries[name]


def quoted(held: Any) -> str:
    """A value as a message quotes it: its beginning."""
    text = repr(held)
    return text if len(text) <= 120 else f"{text[:117]}..."
