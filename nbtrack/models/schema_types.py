"""The words of a signature in one place: what MLflow's users import from `mlflow.types.schema`."""

from nbtrack.models.data_types import AnyType as AnyType
from nbtrack.models.data_types import Array as Array
from nbtrack.models.data_types import DataType as DataType
from nbtrack.models.data_types import Map as Map
from nbtrack.models.data_types import Object as Object
from nbtrack.models.data_types import Property as Property
from nbtrack.models.data_types import SparkMLVector as SparkMLVector
from nbtrack.models.param_schemas import ParamSchema as ParamSchema
from nbtrack.models.param_schemas import ParamSpec as ParamSpec
from nbtrack.models.schemas import ColSpec as ColSpec
from nbtrack.models.schemas import Schema as Schema
from nbtrack.models.schemas import TensorSpec as TensorSpec
