"""Dataclasses as schemas: each field is a column."""

import dataclasses
import datetime as dt
import types
import typing
from typing import Any, cast

from nbtrack.models.schema.data_types import Array, DataType, Object, Property, ValueType
from nbtrack.models.schema.schemas import ColSpec, Schema
from nbtrack.models.schema.value_types import InferenceError


def dataclass_schema(given: Any) -> Schema:
    """The columns that a dataclass, or an object of one, declares.

    Raises:
        InferenceError: A field is of a type that has none in a signature.
    """
    columns: list[ColSpec] = []
    for name, hint in _hints(given).items():
        kind, required = _hinted(hint, name)
        columns.append(ColSpec(kind, name, required))
    return Schema(columns)


def _hints(given: Any) -> dict[str, Any]:
    kind: type = given if isinstance(given, type) else type(given)
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(cast("Any", kind))}


def _hinted(hint: Any, name: str) -> tuple[ValueType, bool]:
    required = True
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        others = [one for one in typing.get_args(hint) if one is not type(None)]
        if len(others) != 1:
            raise InferenceError(
                f"The field {name!r} is {hint}: of unions only `X | None` has a type in a signature"
            )
        required, hint = len(others) == len(typing.get_args(hint)), others[0]
    if typing.get_origin(hint) is list:
        return Array(_hinted(typing.get_args(hint)[0], name)[0]), required
    if dataclasses.is_dataclass(hint):
        properties = [Property(key, *_hinted(held, f"{name}.{key}")) for key, held in _hints(hint).items()]
        return Object(properties), required
    kind = _OF_HINTS.get(hint)
    if kind is None:
        raise InferenceError(
            f"The field {name!r} is {hint}: a signature has bool, int, float, str, bytes, date, "
            "lists and dataclasses"
        )
    return kind, required


_OF_HINTS: dict[Any, DataType] = {
    bool: DataType.boolean,
    int: DataType.long,
    float: DataType.float,  # MLflow's choice
    str: DataType.string,
    bytes: DataType.binary,
    dt.date: DataType.datetime,
    dt.datetime: DataType.datetime,
}
