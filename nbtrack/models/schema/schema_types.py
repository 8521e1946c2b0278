"""The words of a signature in one place: what MLflow's users import from `mlflow.types.schema`."""

from nbtrack.models.schema.data_types import AnyType as AnyType
from nbtrack.models.schema.data_types import Array as Array
from nbtrack.models.schema.data_types import DataType as DataType
from nbtrack.models.schema.data_types import Map as Map
from nbtrack.models.schema.data_types import Object as Object
from nbtrack.models.schema.data_types import Property as Property
from nbtrack.models.schema.data_types import SparkMLVector as SparkMLVector
from nbtrack.models.schema.param_schemas import ParamSchema as ParamSchema
from nbtrack.models.schema.param_schemas import ParamSpec as ParamSpec
from nbtrack.models.schema.schemas import ColSpec as ColSpec
from nbtrack.models.schema.schemas import Schema as Schema
from nbtrack.models.schema.schemas import TensorSpec as TensorSpec
