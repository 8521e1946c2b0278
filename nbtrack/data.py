"""Data sets for `log_input`: what MLflow's users call `mlflow.data`.

import nbtrack
from nbtrack import data

with nbtrack.start_run() as run:
run.log_input(data.from_pandas(frame, source="iris.csv", name="iris"), context="train")
"""

from typing import TYPE_CHECKING

from nbtrack.core.absent_names import hints_of
from nbtrack.core.datasets import Dataset
from nbtrack.tracking.data_sets import (
    NumpyDataset,
    PandasDataset,
    PolarsDataset,
    from_numpy,
    from_pandas,
    from_polars,
    get_source,
)
from nbtrack.tracking.data_sources import DataSource

__all__ = [
    "DataSource",
    "Dataset",
    "DatasetSource",
    "NumpyDataset",
    "PandasDataset",
    "PolarsDataset",
    "from_numpy",
    "from_pandas",
    "from_polars",
    "get_source",
]

DatasetSource = DataSource
"""MLflow's name of it."""

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    __getattr__ = hints_of(__name__)
