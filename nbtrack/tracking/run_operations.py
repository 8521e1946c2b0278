"""What a call with `synchronous=False` gives back: MLflow's handle on work that is still going on."""

from typing import Any


class RunOperations:
    """Work that was asked for in the background. nbtrack has done it when the call returns."""

    operation_futures: tuple[Any, ...] = ()
    """Nothing is left to wait for."""

    def __repr__(self) -> str:
        return "<RunOperations: done>"

    def wait(self) -> None:
        """Return at once: it is done."""


DONE = RunOperations()


def enable_async_logging(enable: bool = True) -> None:
    """Taken for MLflow's sake, where it is `mlflow.config.enable_async_logging`: every call logs at once."""
