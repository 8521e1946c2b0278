"""The environment variables of MLflow's that nbtrack reads, as objects of `mlflow.environment_variables`."""

import os
from typing import Any


class Variable:
    """An environment variable and how its text is read.

    Args:
        name: With its prefix.
        type: `str`, `int`, `float` or `bool`.
        default: The value where it is not set.
    """

    def __init__(self, name: str, type: type, default: Any = None) -> None:
        self.name, self.type, self.default = name, type, default

    @property
    def defined(self) -> bool:
        """Whether it is set."""
        return self.is_set()

    def is_set(self) -> bool:
        """Whether it is set."""
        return self.name in os.environ

    def get_raw(self) -> str | None:
        """Its text; None where it is not set."""
        return os.environ.get(self.name)

    def get(self) -> Any:
        """Its value.

        Raises:
            ValueError: Its text cannot be read.
        """
        text = self.get_raw()
        if text is None:
            return self.default
        if self.type is bool:
            return text.strip().lower() in ("1", "true", "yes", "on")
        return self.type(text)

    def set(self, value: Any) -> None:
        """Set it, for this process and those it starts."""
        os.environ[self.name] = str(value)

    def unset(self) -> None:
        """Take it out of the environment."""
        os.environ.pop(self.name, None)

    def __str__(self) -> str:
        return f"{self.name} (default: {self.default})"

    def __repr__(self) -> str:
        return repr(self.name)

    def __format__(self, format_spec: str) -> str:
        return self.name.__format__(format_spec)


MLFLOW_TRACKING_URI = Variable("MLFLOW_TRACKING_URI", str)
MLFLOW_REGISTRY_URI = Variable("MLFLOW_REGISTRY_URI", str)
MLFLOW_EXPERIMENT_NAME = Variable("MLFLOW_EXPERIMENT_NAME", str)
MLFLOW_EXPERIMENT_ID = Variable("MLFLOW_EXPERIMENT_ID", str)
MLFLOW_RUN_ID = Variable("MLFLOW_RUN_ID", str)
MLFLOW_RUN_CONTEXT = Variable("MLFLOW_RUN_CONTEXT", str)
MLFLOW_ENABLE_ASYNC_LOGGING = Variable("MLFLOW_ENABLE_ASYNC_LOGGING", bool, False)
"""Taken for MLflow's sake: logging is immediate either way."""

MLFLOW_ACTIVE_MODEL_ID = Variable("MLFLOW_ACTIVE_MODEL_ID", str)
MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING = Variable("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", bool, False)
MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL = Variable("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", float)
MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING = Variable("MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", int)
MLFLOW_SYSTEM_METRICS_NODE_ID = Variable("MLFLOW_SYSTEM_METRICS_NODE_ID", str)
