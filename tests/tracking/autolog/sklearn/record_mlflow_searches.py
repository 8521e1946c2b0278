"""Asks the real MLflow what it records of searches, and writes down its answers.

Run it with a Python that has MLflow and scikit-learn, from the root of the repository:

    MLFLOW_DISABLE_TELEMETRY=true python -m tests.tracking.autolog.sklearn.record_mlflow_searches

It writes `mlflow_searches.json` beside itself: of each search of `search_cases.py` its own run, and those of
its candidates.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import mlflow

from tests.tracking.autolog.sklearn.search_cases import CASES

ANSWERS = Path(__file__).with_name("mlflow_searches.json")


def record() -> dict[str, Any]:
    """What each search left."""
    answers: dict[str, Any] = {}
    for name, (search, options) in CASES.items():
        mlflow.sklearn.autolog(silent=True, **options)
        experiment = mlflow.set_experiment(name)
        search()
        found = mlflow.search_runs([experiment.experiment_id], output_format="list")
        (above,) = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
        answers[name] = {
            "search": _told(above),
            "candidates": [_told(run) for run in found if run is not above],
        }
    return answers


def _told(run: Any) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    models = run.outputs.model_outputs if run.outputs is not None else []
    return {
        "status": run.info.status,
        "params": run.data.params,
        "metrics": {
            # How long something took is another time each time.
            key: None if "_time" in key else value
            for key, value in run.data.metrics.items()
        },
        "tags": {
            key: value
            for key, value in run.data.tags.items()
            if not key.startswith("mlflow.") or key == "mlflow.autologging"
        },
        "artifacts": sorted(file.path for file in client.list_artifacts(run.info.run_id)),
        "inputs": [tag.value for each in run.inputs.dataset_inputs for tag in each.tags],
        "models": sorted(client.get_logged_model(model.model_id).name for model in models),
    }


if __name__ == "__main__":
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        os.chdir(folder)
        ANSWERS.write_text(json.dumps(record(), indent=1, sort_keys=True) + "\n")
