"""Asks the real MLflow what it records of trainings, and writes down its answers.

Run it with a Python that has MLflow, scikit-learn and polars, from the root of the repository:

    MLFLOW_DISABLE_TELEMETRY=true python -m tests.tracking.autolog.sklearn.record_mlflow_fits

It writes `mlflow_fits.json` beside itself: what each training of `fit_cases.py` left, or null where MLflow
made no run.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import mlflow

from tests.tracking.autolog.sklearn.fit_cases import CASES

ANSWERS = Path(__file__).with_name("mlflow_fits.json")


def record() -> dict[str, Any]:
    """What each training left."""
    answers: dict[str, Any] = {}
    for name, case in CASES.items():
        mlflow.sklearn.autolog(silent=True, **case.options)
        experiment = mlflow.set_experiment(name.replace(",", ""))
        case.train()
        found = mlflow.search_runs([experiment.experiment_id], output_format="list")
        assert len(found) < 2, name
        answers[name] = _told(found[0]) if found else None
    return answers


def _told(run: Any) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    run_id = run.info.run_id
    told = {
        "status": run.info.status,
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": {
            key: value
            for key, value in run.data.tags.items()
            if not key.startswith("mlflow.") or key == "mlflow.autologging"
        },
        "artifacts": sorted(file.path for file in client.list_artifacts(run_id)),
        "inputs": [
            {
                "context": {tag.key: tag.value for tag in each.tags},
                "name": each.dataset.name,
                "source_type": each.dataset.source_type,
                "schema": json.loads(each.dataset.schema),
                "profile": json.loads(each.dataset.profile),
            }
            for each in run.inputs.dataset_inputs
        ],
        "model": None,
    }
    if run.outputs is not None and run.outputs.model_outputs:
        (output,) = run.outputs.model_outputs
        model = client.get_logged_model(output.model_id)
        info = mlflow.models.get_model_info(model.model_uri)
        told["model"] = {
            "name": model.name,
            "params": model.params,
            "metrics": {metric.key: metric.value for metric in model.metrics or ()},
            "signature": None if info.signature is None else info.signature.to_dict(),
            "has_example": info.saved_input_example_info is not None,
            "flavors": sorted(info.flavors),
        }
    return told


if __name__ == "__main__":
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        os.chdir(folder)
        ANSWERS.write_text(json.dumps(record(), indent=1, sort_keys=True) + "\n")
