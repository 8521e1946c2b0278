"""Tracking that is only there where it is installed and asked for."""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from typing import Any


class Tracking:
    """Everything that the rest of the program may ask for; without MLflow it does nothing."""

    def __init__(self, wanted: bool) -> None:
        self.mlflow: Any = None
        if not wanted:
            return
        try:
            import mlflow

            self.mlflow = mlflow
        except ImportError:
            print("MLflow is not installed: nothing is tracked")

    def run(self, **options: Any) -> Any:
        return self.mlflow.start_run(**options) if self.mlflow else nullcontext()

    def metric(self, key: str, value: float) -> None:
        if self.mlflow:
            self.mlflow.log_metric(key, value)


@contextmanager
def maybe_run(wanted: bool, experiment: str) -> Any:
    if not wanted:
        yield None
        return
    try:
        import mlflow
        from mlflow.tracking import MlflowClient
    except ImportError:
        print("no MLflow here")
        yield None
        return
    mlflow.set_experiment(experiment)
    assert MlflowClient().get_experiment_by_name(experiment) is not None
    with mlflow.start_run(run_name="by function") as run:
        yield run


def main() -> None:
    wanted = "--track" in sys.argv
    tracking = Tracking(wanted)
    with tracking.run(run_name="by class"):
        tracking.metric("width", 2.5)
    with maybe_run(wanted, "optional") as run:
        if run is not None:
            import mlflow

            mlflow.log_param("cells", 12)
    print("done")


if __name__ == "__main__":
    main()
