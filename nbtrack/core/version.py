"""The version of nbtrack, and of the API that it offers."""

VERSION = "0.1.0"

MLFLOW_VERSION = "3.17.2"
"""The MLflow whose names, meanings and formats are those of nbtrack."""
