"""Python values -> the type they have in a signature, and the type that many have in common."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError
from nbtrack.models.schema.data_kinds import as_array
from nbtrack.models.schema.data_types import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    ValueType,
    quoted,
)
from nbtrack.models.schema.exact_values import is_missing, type_name


class InferenceError(InvalidTypeError):
    """No schema can be inferred from the data; the message says from which part, and why."""


def value_type(value: Any) -> ValueType:
    """The type of one value.

    Raises:
        InferenceError: It has none.
    """
    if is_missing(value):
        return AnyType()
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value)
        if not entries:
            return AnyType()
        for name in entries:
            if not isinstance(name, str):
                raise InferenceError(f"The names in a dict are text, not {quoted(name)} ({type_name(name)})")
        kinds = {name: value_type(held) for name, held in entries.items()}
        return Object([Property(name, kind, not isinstance(kind, AnyType)) for name, kind in kinds.items()])
    if isinstance(value, list | tuple):
        held = list(cast("list[Any]", value))
        return Array(merged_type(held)) if held else AnyType()
    if (array := as_array(value)) is not None and array.shape:
        return _array_type(array)
    return _scalar_type(value)


def merged_type(values: list[Any]) -> ValueType:
    """The type that all values have in common; `any` where none of them says.

    Raises:
        InferenceError: Two of them have nothing in common.
    """
    first = cast("Any", type(values[0])) if values else object
    if (plain := _OF_PYTHON.get(first)) and all(type(value) is first for value in values):
        return AnyType() if plain is DataType.double and all(map(is_missing, values)) else plain
    found: ValueType | None = None
    for value in values:
        kind = value_type(value)
        found = kind if found is None else merge(found, kind)
    return found or AnyType()


def merge(one: ValueType, other: ValueType) -> ValueType:
    """The type that holds what either of two types holds.

    Raises:
        InferenceError: There is none.
    """
    if one == other:
        return one
    if isinstance(one, AnyType) or isinstance(other, AnyType):
        known = other if isinstance(one, AnyType) else one
        if isinstance(known, Object):  # where nothing was, each of its entries was absent
            return Object([Property(held.name, held.dtype, False) for held in known.properties])
        return known
    if isinstance(one, Array) and isinstance(other, Array):
        return Array(merge(one.dtype, other.dtype))
    if isinstance(one, Map) and isinstance(other, Map):
        return Map(merge(one.value_type, other.value_type))
    if isinstance(one, Object) and isinstance(other, Object):
        return _merge_objects(one, other)
    if one in _NUMBERS and other in _NUMBERS:  # a whole number among fractions is one of them
        return DataType.long if one in _WHOLE and other in _WHOLE else DataType.double
    raise InferenceError(
        f"Some values are {one!r}, others {other!r}: a signature has one type for all of them"
    )


_WHOLE = (DataType.integer, DataType.long)
_NUMBERS = (*_WHOLE, DataType.float, DataType.double)


def _merge_objects(one: Object, other: Object) -> Object:
    ours = {held.name: held for held in one.properties}
    theirs = {held.name: held for held in other.properties}
    properties: list[Property] = []
    for name in {**ours, **theirs}:
        mine, its = ours.get(name), theirs.get(name)
        if mine is None or its is None:
            held = cast("Property", mine or its)
            properties.append(Property(name, held.dtype, False))
        else:
            properties.append(Property(name, merge(mine.dtype, its.dtype), mine.required and its.required))
    return Object(properties)


_OF_PYTHON: dict[type, DataType] = {
    bool: DataType.boolean,
    float: DataType.double,
    str: DataType.string,
    bytes: DataType.binary,
    bytearray: DataType.binary,
}


def _scalar_type(value: Any) -> DataType:
    kind = cast("Any", type(value))
    if found := _OF_PYTHON.get(kind):
        return found
    if isinstance(value, dt.date):
        return DataType.datetime
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return DataType.long
        raise InferenceError(f"{quoted(value)} needs more than 64 bits")
    dtype = getattr(value, "dtype", None)
    if type(value).__module__ == "numpy" and dtype is not None:
        if (found := dtype_type(dtype)) is not None:
            return found
        if dtype.kind == "u" and value < 2**63:
            return DataType.long
        if dtype.kind == "O" and getattr(value, "ndim", 1) == 0:
            return _scalar_type(value.item())
    if (array := as_array(value)) is not None and type(value).__module__ != "numpy":
        return _scalar_type(array[()])
    raise InferenceError(f"{quoted(value)} ({type_name(value)}) has no type in a signature")


def _array_type(array: Any) -> ValueType:
    if array.dtype.kind in "OV" or not array.size:
        held = array.tolist() if hasattr(array, "tolist") else array.toarray().tolist()
        if not array.size:
            raise InferenceError("An empty array says nothing of its type")
        return Array(merged_type(held))
    kind: ValueType = _scalar_type(array.ravel()[0])
    for _ in array.shape:
        kind = Array(kind)
    return kind


def dtype_type(dtype: Any) -> DataType | None:
    """The type that holds all values of a numpy dtype; None for objects, unsigned 64 bits, other kinds."""
    kind, size = dtype.kind, dtype.itemsize
    if kind == "b":
        return DataType.boolean
    if kind == "i":
        return DataType.integer if size <= 4 else DataType.long
    if kind == "u" and size < 8:
        return DataType.integer if size < 4 else DataType.long
    if kind == "f" and size <= 8:
        return DataType.float if size <= 4 else DataType.double
    return {"U": DataType.string, "S": DataType.binary, "M": DataType.datetime}.get(kind)
