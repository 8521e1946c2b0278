"""The words of a model's signature: what MLflow's users import from `mlflow.types`, and from its `schema`."""

import sys
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

# For `from nbtrack.types.schema import ColSpec`, as MLflow's users write it; `os.path` is made like this.
sys.modules[f"{__name__}.schema"] = schema
