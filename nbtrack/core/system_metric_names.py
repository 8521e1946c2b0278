"""The names of system metrics: MLflow's, below `system/`."""

PREFIX = "system/"


def is_system_metric(key: str) -> bool:
    """Whether a metric says how the machine was, and not how the training went."""
    return key.startswith(PREFIX)
