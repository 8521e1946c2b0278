"""`nbtrack demo`, as the README's first command runs it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from nbtrack.tracking.tracker import Tracker


def demo(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "nbtrack", "demo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_demo_trains_real_models_and_shows_them(tmp_path: Path) -> None:
    printed = demo(tmp_path / "work")

    tracker = Tracker(store=tmp_path / "work" / ".nbtrack", experiment="digits")
    runs = tracker.search_runs(output_format="list")
    models = [run for run in runs if "model" in run.data.params]
    assert len(models) == 10
    assert len({run.data.params["model"] for run in models}) == 4
    assert all(run.info.status == "FINISHED" and run.data.metrics["val_accuracy"] > 0.8 for run in models)
    assert sum("mlflow.parentRunId" in run.data.tags for run in runs) == 8
    curve = next(run for run in runs if run.info.run_name == "gradient descent")
    assert curve.data.summaries["loss"].count == 40
    assert curve.data.summaries["loss"].last < curve.data.summaries["loss"].max
    best = max(models, key=lambda run: run.data.metrics["val_accuracy"])
    assert f"Best: {best.info.run_name}" in printed
    assert re.search(r"gradient descent.*[▁▂▃▄▅▆▇█]{5}", printed)
    assert {info.path for info in tracker.list_artifacts(best.info.run_id)} == {
        "confusion.json",
        "confusion.png",
    }
    tracker.close()
