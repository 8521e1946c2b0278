"""Loggers of the user's own that log to nbtrack: Lightning's MLFlowLogger, under the drop-in.

Its run is that of the training, and its metrics are logged by it: with its x axis, and once.
"""

from typing import Any


def run_ids(trainer: Any) -> list[str]:
    """The runs that the loggers of a Trainer log to; they are made by asking, as the Trainer would do next.

    Args:
        trainer: The Trainer, before it fits.
    """
    return [str(logger.run_id) for logger in trainer.loggers if _is_ours(logger)]


def _is_ours(logger: Any) -> bool:
    client: Any = getattr(logger, "_mlflow_client", None)
    return type(client).__module__.partition(".")[0] == "nbtrack" and any(
        kind.__name__ == "MLFlowLogger" for kind in type(logger).__mro__
    )
