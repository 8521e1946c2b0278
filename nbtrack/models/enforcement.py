"""Data brought into the form that a signature asks for."""

from collections.abc import Mapping
from typing import Any

from nbtrack.models.param_schemas import ParamSchema
from nbtrack.models.schemas import Schema


def enforce_input(data: Any, schema: Schema) -> Any:
    """Data in the form of a schema."""
    del schema
    return data


def enforce_params(params: Mapping[str, Any] | None, schema: ParamSchema | None) -> dict[str, Any] | None:
    """All params of a schema: those given, and the defaults of the others."""
    if schema is None:
        return None if params is None else dict(params)
    return {**{each.name: each.default for each in schema.params}, **(params or {})}
