"""The words of a model's signature: what MLflow's users import from `mlflow.types`, and from its `schema`."""

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
