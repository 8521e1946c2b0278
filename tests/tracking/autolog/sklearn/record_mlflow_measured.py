"""Asks the real MLflow which metrics it logs after a training, and writes down its answers.

Run it with a Python that has MLflow and scikit-learn, from the root of the repository:

    MLFLOW_DISABLE_TELEMETRY=true python -m tests.tracking.autolog.sklearn.record_mlflow_measured

It writes `mlflow_measured.json` beside itself: of each cell of `measured_cases.py` the metrics of each run
that has any, with what its `metric_info.json` says of them.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from sklearn.metrics import accuracy_score

from tests.tracking.autolog.sklearn.measured_cases import CASES, PREPARATION

ANSWERS = Path(__file__).with_name("mlflow_measured.json")


def record() -> dict[str, Any]:
    """What each cell left."""
    answers: dict[str, Any] = {}
    for name, cell in CASES.items():
        # Each cell has functions of its own: MLflow exchanges those of the modules.
        mlflow.sklearn.autolog(silent=True, log_models=False, log_datasets=False)
        experiment = mlflow.set_experiment(name)
        exec(PREPARATION + cell, {"__name__": "__main__", "early_accuracy_score": accuracy_score})
        runs = mlflow.search_runs([experiment.experiment_id], output_format="list")
        told = [_told(run) for run in runs]
        answers[name] = sorted((each for each in told if each), key=str)
    return answers


def _told(run: Any) -> dict[str, Any]:
    folder = f"runs:/{run.info.run_id}/metric_info.json"
    files = [file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)]
    if "metric_info.json" not in files:
        return {}
    calls = mlflow.artifacts.load_dict(folder)
    return {key: [run.data.metrics[key], call] for key, call in calls.items()}


if __name__ == "__main__":
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        os.chdir(folder)
        ANSWERS.write_text(json.dumps(record(), indent=1, sort_keys=True) + "\n")
