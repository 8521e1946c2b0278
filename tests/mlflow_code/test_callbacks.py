"""Callbacks of other libraries, which import mlflow, log into nbtrack: in real searches and trainings."""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbtrack import mlflow_drop_in as drop_in

SCRIPTS = Path(__file__).parent / "callbacks"


def recorded_by(script: str, folder: Path, uri: str) -> dict[str, Any]:
    """Run a script as it stands, in a folder; what it recorded, as MLflow's client tells it there."""
    command = [
        sys.executable,
        "-W",
        "error::RuntimeWarning",
        "-m",
        "nbtrack.mlflow_drop_in",
    ]  # ours are those
    done = subprocess.run(
        [*command, str(SCRIPTS / script), "records.json", uri],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "records.json").read_text())


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Optuna's callback has recorded."""
    return recorded_by("optuna_search.py", tmp_path_factory.mktemp("optuna"), "sqlite:///runs.db")


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Lightning's logger has recorded, and the folders it has made."""
    folder = tmp_path_factory.mktemp("lightning")
    recorded = recorded_by("lightning_training.py", folder, "file:./runs")
    recorded["untold"] = json.loads((folder / "records.json-untold").read_text())
    recorded["folders"] = sorted(
        each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")
    )
    return recorded


def of(recorded: dict[str, Any], experiment: str) -> dict[str, dict[str, Any]]:
    """The runs of an experiment, by name."""
    return {run["name"]: run for run in recorded["runs"] if run["experiment"] == experiment}


# ---- Optuna ---------------------------------------------------------------------------------------


def test_each_trial_of_optuna_is_a_run_with_its_params_its_value_and_its_state(
    searches: dict[str, Any],
) -> None:
    runs = of(searches, "plain")

    assert [run["status"] for run in runs.values()] == ["FINISHED"] * 3
    assert set(runs) == {"0", "1", "2"}
    assert runs["0"]["params"] == {"rate": "0.5488135039273248", "kernel": "rbf"}
    assert runs["0"]["metrics"] == {"loss": [[0, 0.5488135039273248]]}
    assert runs["1"]["metrics"] == {}
    tags = runs["0"]["tags"]
    assert (tags["state"], runs["1"]["tags"]["state"]) == ("COMPLETE", "PRUNED")
    assert (tags["number"], tags["direction"], tags["sizes"]) == ("0", "MINIMIZE", "[1, 2]")
    assert tags["kernel_distribution"] == "CategoricalDistribution(choices=('rbf', 'poly'))"
    assert tags["note"] == "n" * 9000, "Optuna cuts what MLflow would not take"


def test_trials_of_optuna_nest_in_a_run_and_hold_what_the_objective_logs(searches: dict[str, Any]) -> None:
    runs = of(searches, "own")

    assert {name: run["parent"] for name, run in runs.items()} == {
        "search": None,
        "0": "search",
        "1": "search",
    }
    assert runs["search"]["metrics"] == {"trials": [[0, 2.0]]}
    rate = float(runs["1"]["params"]["rate"])
    assert runs["1"]["params"] == {"rate": str(rate), "power": "2"}
    assert runs["1"]["metrics"] == {
        "cost": [[0, rate]],
        "gain": [[0, rate**2]],
        "progress": [[step, rate * step] for step in range(3)],
    }
    assert runs["1"]["artifacts"] == ["rate.txt"]
    tags = runs["1"]["tags"]
    assert (tags["team"], tags["dataset"]) == ("nlp", "iris")
    assert tags["direction"] == "['MINIMIZE', 'MAXIMIZE']"


def test_a_trial_of_optuna_that_fails_leaves_one_run_with_what_it_logged(searches: dict[str, Any]) -> None:
    runs = of(searches, "failing")

    assert {name: run["tags"]["state"] for name, run in runs.items()} == {
        "0": "COMPLETE",
        "1": "FAIL",
        "2": "COMPLETE",
    }
    assert runs["1"]["metrics"] == {"seen": [[0, 1.0]]}
    assert set(runs["2"]["metrics"]) == {"seen", "value"}
    assert len([run for run in searches["runs"] if run["experiment"] == "failing"]) == 3


def test_trials_of_optuna_in_threads_do_not_mix(searches: dict[str, Any]) -> None:
    runs = of(searches, "threads")

    assert sorted(runs) == ["0", "1", "2", "3", "4", "5"]
    assert all(run["metrics"]["seen"] == [[0, float(name)]] for name, run in runs.items())
    assert all(run["parent"] is None for run in runs.values())
    assert {run["status"] for run in runs.values()} == {"FINISHED"}


# ---- Lightning ------------------------------------------------------------------------------------


def test_a_training_of_lightning_is_a_run_with_its_hyperparameters_and_curves(
    trainings: dict[str, Any],
) -> None:
    run = of(trainings, "plain")["first"]

    assert (run["status"], run["has_ended"], run["artifacts"]) == ("FINISHED", True, [])
    assert run["params"] == {"rate": "0.1", "fails": "False", "nested/depth/of": "2", "nothing": "None"}
    epochs = run["metrics"].pop("epoch")
    steps = {key: [step for step, _ in points] for key, points in run["metrics"].items()}
    assert steps == {
        "train_loss_step": [0, 1, 2, 3],
        "train_loss_epoch": [1, 3],
        "val_loss": [1, 3],
    }
    assert {value for _, value in epochs} == {0, 1}
    losses = [value for _, value in run["metrics"]["train_loss_step"]]
    assert losses == sorted(losses, reverse=True)
    assert run["tags"]["team"] == "nlp"
    assert run["tags"]["mlflow.source.type"] == "LOCAL"
    assert run["tags"]["mlflow.source.name"].endswith("lightning_training.py")


def test_checkpoints_of_lightning_are_artifacts(trainings: dict[str, Any]) -> None:
    runs = of(trainings, "checkpoints")

    held = {name: {Path(file).parts[0] for file in run["artifacts"]} for name, run in runs.items()}
    assert runs["last"]["artifacts"] == [
        "best/aliases.txt",
        "best/best.ckpt",
        "best/metadata.yaml",
        "note.txt",
    ]
    assert held["all"] == {"epoch=0-step=2", "epoch=1-step=4", "last"}
    assert set(runs["all"]["metrics"]) == {
        "net-train_loss_step",
        "net-train_loss_epoch",
        "net-val_loss",
        "net-epoch",
    }
    assert {run["status"] for run in runs.values()} == {"FINISHED"}


def test_a_training_of_lightning_that_fails_is_failed(trainings: dict[str, Any]) -> None:
    run = of(trainings, "plain")["failed"]

    assert run["status"] == "FAILED"
    assert [step for step, _ in run["metrics"]["train_loss_step"]] == [0, 1]


def test_lightning_logs_into_a_run_that_is_active(trainings: dict[str, Any]) -> None:
    runs = of(trainings, "own")

    assert list(runs) == ["mine"]
    assert runs["mine"]["status"] == "FINISHED"
    assert runs["mine"]["metrics"]["after"] == [[0, 1.5]]
    assert [step for step, _ in runs["mine"]["metrics"]["val_loss"]] == [1, 3]


def test_where_lightning_is_told_nothing_it_logs_into_its_own_folder(trainings: dict[str, Any]) -> None:
    (run,) = trainings["untold"]["runs"]

    assert (run["experiment"], run["name"], run["status"]) == ("lightning_logs", "somewhere", "FINISHED")
    assert run["metrics"] == {"loss": [[3, 0.5]]}
    assert trainings["folders"] == ["checkpoints", "mlruns", "runs"]


# ---- others -----------------------------------------------------------------------------------------


def test_what_libraries_ask_before_they_use_mlflow_is_answered() -> None:
    drop_in.install()
    try:
        import mlflow  # pyright: ignore[reportMissingImports]
        from mlflow.utils.validation import validate_param_and_metric_name  # pyright: ignore

        assert importlib.util.find_spec("mlflow") is not None
        assert importlib.metadata.version("mlflow") == mlflow.__version__ >= "3"
        assert Path(mlflow.__file__).is_file(), "MONAI takes a package without a file for no package"
        assert validate_param_and_metric_name("training loss (mean)"), "Ignite drops what it says no to"
        assert not validate_param_and_metric_name("")
    finally:
        drop_in.uninstall()
