"""Whole scripts for MLflow 2 and 3, as they stand: what they print, and what is recorded of them.

Where a script runs both ways, it says the same and leaves the same behind.
"""

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import nbtrack
from nbtrack.core.entities import Run
from tests.mlflow_code.conftest import SCRIPTS, RunScript


def runs_of(experiment: str) -> dict[str, Run]:
    """The runs of an experiment by their names."""
    client = nbtrack.MlflowClient()
    found = client.get_experiment_by_name(experiment)
    assert found is not None, f"no experiment {experiment!r}"
    runs = client.search_runs([found.experiment_id])
    return {run.info.run_name: run for run in runs}


def only_run(experiment: str = "Default") -> Run:
    (run,) = runs_of(experiment).values()
    return run


def files_of(run: Run) -> set[str]:
    """The artifacts of a run, without what is in the folders of its models beside their MLmodel files."""
    root = Path(str(run.info.artifact_uri).removeprefix("file:"))
    paths = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    models = {path.parent for path in paths if path.name == "MLmodel"}
    return {
        str(path)
        for path in paths
        if path.name == "MLmodel" or not models.intersection((path, *path.parents))
    }


def test_a_search_by_hand_with_nested_runs(run: RunScript) -> None:
    printed = run("tuning.py", "--epochs", "2", "--rates", "0.1", "0.5")

    assert printed.splitlines() == ["search", "None FINISHED {'rate': '0.05'}", "caught: it diverged"]
    runs = runs_of("tides/forecast/search")
    search, best, failed = runs.pop("search"), runs.pop("rate 0.5"), runs.pop("too far")
    assert search.data.params == {"epochs": "2", "candidates": "2"}
    assert search.data.metrics == {"loss": 0.25}
    assert search.data.tags["round"] == "1"
    assert search.data.tags["stable"] == "True"
    assert search.data.tags["best"] == best.info.run_id
    assert search.data.tags["mlflow.note.content"] == "Which rate?"
    assert best.data.tags["mlflow.parentRunId"] == search.info.run_id
    assert best.data.tags["chosen"] == "yes"
    history = nbtrack.MlflowClient().get_metric_history(best.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(0, 0.5), (1, 0.25), (2, 0.01)]
    assert best.info.status == "FINISHED"
    assert (failed.info.status, failed.data.params) == ("FAILED", {"rate": "7"})
    assert runs.pop("rate 0.1").data.metrics == {"loss": 0.81, "gap": 0.405, "best": 0.5}
    (afterthought,) = runs.values()
    assert afterthought.data.tags["kind"] == "afterthought"
    assert afterthought.data.tags["mlflow.source.name"].endswith("tuning.py")
    experiment = nbtrack.get_experiment_by_name("tides/forecast/search")
    assert experiment is not None
    assert experiment.tags == {"owner": "harbour office"}


def test_settings_of_pydantic_are_params(run: RunScript) -> None:
    assert run("typed_settings.py") == ""

    found = only_run("settings")
    assert found.data.params == {
        "depth": "5",
        "rate": "0.01",
        "layers": "[8, 4]",
        "seed": "None",
        "shuffle": "True",
        "optimizer": "{'name': 'sgd', 'momentum': 0.9}",
        "name": "sgd",
        "momentum": "0.9",
    }
    kept = nbtrack.artifacts.load_dict(f"runs:/{found.info.run_id}/settings.json")
    assert kept["optimizer"] == {"name": "sgd", "momentum": 0.9}


def test_a_switch_that_is_off_leaves_nothing(run: RunScript, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACK", "0")

    assert run("typed_settings.py") == "nothing is tracked\n"

    assert not Path(".nbtrack").exists()


def test_tracking_that_is_asked_for(run: RunScript) -> None:
    assert run("optional_tracking.py", "--track") == "done\n"

    assert only_run("Default").data.metrics == {"width": 2.5}
    assert only_run("optional").data.params == {"cells": "12"}
    assert only_run("optional").info.run_name == "by function"


def test_tracking_that_is_not_asked_for(run: RunScript) -> None:
    assert run("optional_tracking.py") == "done\n"

    assert not Path(".nbtrack").exists()


def test_tracking_without_mlflow_and_without_the_drop_in_is_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)  # what Python takes for "not installed"
    monkeypatch.setattr(sys, "argv", ["optional_tracking.py", "--track"])

    runpy.run_path(str(SCRIPTS / "optional_tracking.py"), run_name="__main__")

    assert "MLflow is not installed: nothing is tracked\n" in capsys.readouterr().out
    assert not Path(".nbtrack").exists()


def test_artifacts_of_all_kinds(run: RunScript) -> None:
    printed = run("reports.py")

    assert printed.splitlines() == [
        "Low water at noon.",
        "{'high': 4.1, 'low': 0.3}",
        "6.0",
        "{'station': ['a', 'b'], 'low': [0.5, 0.25], 'high': [4, 3]}",
        "['1.csv', 'readme.txt']",
        "['figures/bars.html', 'figures/black.png', 'figures/height.png']",
    ]
    found = only_run()
    uri = f"runs:/{found.info.run_id}"
    assert files_of(found) == {
        *("levels.json", "copies/first/levels.json", "plots/readme.txt", "plots/by_week/1.csv"),
        *("pictures/readme.txt", "pictures/by_week/1.csv", "notes/today.txt", "stations.yaml"),
        *("summary.json", "raw/trace.bin", "heights.json", "tables/range.json"),
        *("figures/height.png", "figures/bars.html", "figures/black.png"),
    }
    assert nbtrack.artifacts.load_dict(f"{uri}/stations.yaml") == {"stations": ["a", "b"], "depth": {"a": 3}}
    assert nbtrack.artifacts.load_text(f"{uri}/notes/today.txt").endswith("Höchststand: 4,1 m\n")
    assert nbtrack.artifacts.load_image(f"{uri}/figures/black.png").size == (6, 4)
    assert json.loads(found.data.tags["mlflow.loggedArtifacts"]) == [
        {"path": "heights.json", "type": "table"},
        {"path": "tables/range.json", "type": "table"},
    ]


def test_the_best_of_many_runs_is_found_and_scores_a_file(run: RunScript) -> None:
    printed = run("best_of_many.py")

    first, *errors = printed.splitlines()
    assert first == "{'params.C': '1.0', 'tags.mlflow.runName': 'C=1.0'} 2"
    assert errors == ["RESOURCE_DOES_NOT_EXIST", "True"]
    assert files_of(runs_of("cellar")["C=0.01"]) == {"pipeline/MLmodel"}
    scored = pd.read_csv("kinds.csv")
    assert len(scored) == 54
    assert set(scored["kind"]) == {0, 1, 2}


def test_a_registered_model_from_its_first_version_to_its_archive(run: RunScript) -> None:
    printed = run("life_of_a_model.py")

    assert printed.splitlines() == [
        "version 2 READY None",
        "promoted []",
        "promoted [3]",
        "3 Archived",
        "2 Production",
        "1 Archived",
        "in production: [2.]",
        "1 {'champion': 1, 'production': 3}",
        "champion: [1.]",
        "production: [3.]",
        "latest: [3.]",
    ]
    client = nbtrack.MlflowClient()
    registered = client.get_registered_model("tide-heights")
    assert registered.description == "Heights at the harbour."
    assert registered.aliases == {"production": 3}
    second = client.get_model_version("tide-heights", 2)
    assert (second.description, second.tags) == ("Steeper.", {"checked by": "the pilot"})
    assert nbtrack.get_run(str(second.run_id)).data.metrics == {"error": 0.25}
    assert client.get_model_version("tide-heights", 3).tags == {"from": "logged model"}


def test_python_models_with_files_and_a_signature_by_hand(run: RunScript) -> None:
    printed = run("readings.py")

    assert printed.splitlines() == [
        "[10.2, 14.0]",
        "[10.222]",
        "['reading', 'station']",
        "INVALID_PARAMETER_VALUE",
        "Gauge",
        "[14]",
        "True True",
    ]
    info = nbtrack.models.get_model_info(f"runs:/{only_run().info.run_id}/gauge")
    assert info.signature is not None
    assert [column.type.name for column in info.signature.inputs] == ["double", "string"]
    assert info.flavors["python_function"]["artifacts"]["levels"]["path"] == "artifacts/levels.json"


def test_places_named_after_the_experiment(run: RunScript) -> None:
    printed = run("places.py")

    assert printed.splitlines() == [
        "database: moved ['moved', 'Default']",
        "file: moved",
        "folder: moved 1.0",
        "the same folder: moved 2.0",
        "client: 1",
    ]
    assert {path.parent.name for path in Path().rglob("documents.db")} == {
        "mlflow.nbtrack",
        "mlruns",
        ".nbtrack",
    }
    assert not Path("mlflow.db").exists()


def test_logged_models_of_mlflow_3(with_drop_in: RunScript) -> None:
    printed = with_drop_in("three.py")

    assert printed.splitlines() == [
        "tree_4 True {'r2'}",
        "True READY",
        "4",
        "True True",
        "[1.5]",
        "[0, 1]",
        "['tides']",
        "['hour']",
    ]
    (version,) = nbtrack.search_model_versions(filter_string="name = 'trees'")
    assert nbtrack.get_logged_model(str(version.model_id)).tags["kind"] == "tree"


def test_a_library_that_logs_by_client_and_entities(with_drop_in: RunScript) -> None:
    printed = with_drop_in("by_client.py")

    assert printed.splitlines() == [
        "{'station': 'north', 'depth': '12', 'unit': 'm'} {'height': 9.5} yes",
        "[(0, 0.0), (1, 0.5), (2, 1.0), (3, 1.5), (4, 9.5)]",
        "FINISHED outer",
        "True",
        "['inner'] None",
        "1 deleted",
        "INVALID_PARAMETER_VALUE 400",
    ]


def test_loops_of_pytorch_and_keras_by_the_name_of_tensorflow(with_drop_in: RunScript) -> None:
    printed = with_drop_in("networks.py")

    assert printed.splitlines() == ["(2, 1) True", "(2, 1)", "True", "Sequential", "False"]
    loop = runs_of("swell")["loop"]
    assert loop.data.params == {"hidden": "4", "rate": "0.05", "epochs": "2"}
    assert len(nbtrack.MlflowClient().get_metric_history(loop.info.run_id, "batch_loss")) == 8
    assert files_of(loop) == {"model.txt", "bare/MLmodel", "nets/swell/MLmodel", "models/any/MLmodel"}
    assert "keras" in nbtrack.models.get_model_info("models:/layers/1").flavors
    signature = nbtrack.models.get_model_info("models:/swell/1").signature
    assert signature is not None
    assert signature.inputs is not None
    assert signature.inputs.is_tensor_spec()


def test_code_that_leaves_the_logging_to_autolog_runs_quietly(
    with_install: Callable[..., tuple[str, str]],
) -> None:
    printed, said = with_install("automatic.py")

    assert printed == "2.0\n"
    assert said == ""
    assert only_run().data.metrics["by hand"] == 1.0
