"""The words of a model's signature: what MLflow's users import from `mlflow.types`, and from its `schema`."""

from typing import TYPE_CHECKING

from nbtrack.core.absent_names import hints_of
from nbtrack.models.schema import schema_types as schema
from nbtrack.models.schema.schema_types import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)

__all__ = [
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Map",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "TensorSpec",
    "schema",
]

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    __getattr__ = hints_of(__name__)
