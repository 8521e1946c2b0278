"""The same scripts, whose libraries log to MLflow, in MLflow itself and under the drop-in record the same."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests" / "mlflow_code" / "callbacks"
TIMED = ("_runtime", "_per_second", "dur", "dur_epoch")
"""Ends of the names of metrics that are never twice the same."""


def recorded_by(command: list[str], script: str, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    done = subprocess.run(
        [*command, str(SCRIPTS / script), "records.json", "sqlite:///runs.db"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=folder,
        env={
            **os.environ,
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "MLFLOW_ALLOW_FILE_STORE": "true",  # MLflow's word for: Lightning's default folder still works
            "HF_HUB_OFFLINE": "1",
            "MLFLOW_TRACKING_URI": "sqlite:///runs.db",
        },
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads((folder / "records.json").read_text())


def comparable(recorded: dict[str, Any], folder: Path) -> dict[str, Any]:
    """By experiment and name, without what differs each time, and what nbtrack does otherwise on purpose."""
    found: dict[str, Any] = {}
    for run in recorded["runs"]:
        generated = "-" in run["name"]
        name = "generated" if generated else run["name"]
        at_random = run["experiment"] == "threads"
        found[f"{run['experiment']}/{name}"] = run | {
            "name": name,
            "tags": {
                key: value
                for key, value in run["tags"].items()
                # Optuna cuts `note` where it takes nbtrack for MLflow's limits, and tells the time.
                if not key.startswith(("nbtrack.", "datetime_", "mlflow.source.git", "mlflow.log-model"))
                and key not in ("mlflow.parentRunId", "note", "mlflow.runName" if generated else "")
            },
            "params": {
                key: value.replace(str(folder), "") for key, value in run["params"].items() if not at_random
            },
            "metrics": {key: _compared(key, points, at_random) for key, points in run["metrics"].items()},
            # A model's files lie in its run, in MLflow 3 beside it.
            "artifacts": [path for path in run["artifacts"] if not path.startswith("checkpoint-")],
        }
    return found | {"models": recorded["models"]}


def _compared(key: str, points: list[list[float]], at_random: bool) -> list[Any]:
    if at_random or key.endswith(TIMED):
        return [step for step, _ in points]
    if key.startswith("validation_"):  # Keras: MLflow gives all of them step 0
        return [value for _, value in points]
    return points


def flat(params: dict[str, str]) -> dict[str, str]:
    """Without nested settings, of which nbtrack makes params and MLflow text."""
    nested = ("accelerator_config", "id2label", "label2id")
    return {key: value for key, value in params.items() if not key.startswith(nested)}


@pytest.mark.parametrize(
    "script",
    [
        "optuna_search.py",
        "lightning_training.py",
        "hugging_face_training.py",
        "torch_loops.py",
        "keras_training.py",
    ],
)
def test_libraries_record_in_nbtrack_what_they_record_in_mlflow(script: str, tmp_path: Path) -> None:
    real, ours = tmp_path / "real", tmp_path / "ours"
    drop_in = ["-m", "nbtrack.mlflow_drop_in"]

    with ThreadPoolExecutor() as both:
        in_mlflow = both.submit(recorded_by, [sys.executable], script, real)
        in_nbtrack = both.submit(recorded_by, [sys.executable, *drop_in], script, ours)
    of_mlflow, of_nbtrack = comparable(in_mlflow.result(), real), comparable(in_nbtrack.result(), ours)

    assert [each.name for each in (*real.glob("runs.*"), *ours.glob("runs.*"))] == ["runs.db", "runs.nbtrack"]
    assert set(of_nbtrack) == set(of_mlflow)
    for key, run in of_mlflow.items():
        if key != "models":
            run["params"], of_nbtrack[key]["params"] = flat(run["params"]), flat(of_nbtrack[key]["params"])
        assert of_nbtrack[key] == run, key
