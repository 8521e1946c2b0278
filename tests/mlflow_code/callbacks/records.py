"""What a tracking store holds, read by MLflow's client alone: the same words of MLflow and of nbtrack.

The scripts beside this file write it when they end, to the file of their first argument.
"""

import json
from pathlib import Path
from typing import Any


def write_records(to: str, uri: str | None = None) -> None:
    """Write all runs of a store, in the order they were started, as JSON."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiments = {each.experiment_id: each.name for each in client.search_experiments()}
    runs = client.search_runs(
        list(experiments), order_by=["attributes.start_time ASC", "attributes.end_time ASC"]
    )
    names = {run.info.run_id: run.info.run_name for run in runs}
    models = client.search_logged_models(list(experiments))
    Path(to).write_text(
        json.dumps(
            {
                "runs": [
                    {
                        "experiment": experiments[run.info.experiment_id],
                        "name": run.info.run_name,
                        "status": run.info.status,
                        "has_ended": run.info.end_time is not None,
                        "parent": names.get(run.data.tags.get("mlflow.parentRunId", "")),
                        "tags": run.data.tags,
                        "params": run.data.params,
                        "metrics": {key: _points(client, run, key) for key in run.data.metrics},
                        "artifacts": sorted(_files(client, run.info.run_id)),
                    }
                    for run in runs
                ],
                "models": sorted(
                    [model.name, str(model.status), names[model.source_run_id]] for model in models
                ),
            }
        )
    )


def _points(client: Any, run: Any, key: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, key)]


def _files(client: Any, run_id: str, folder: str | None = None) -> list[str]:
    found: list[str] = []
    for each in client.list_artifacts(run_id, folder):
        found += _files(client, run_id, each.path) if each.is_dir else [each.path]
    return found
