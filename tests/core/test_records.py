"""The records read as MLflow's entities do."""

import pytest

import nbtrack
from nbtrack.core.errors import InvalidValueError
from nbtrack.entities import (
    FileInfo,
    LifecycleStage,
    Metric,
    ModelVersionStatus,
    RunInfo,
    RunStatus,
    SourceType,
    ViewType,
)
from nbtrack.exceptions import MlflowException, RestException
from nbtrack.tracking.tracker import Tracker


def test_a_record_is_walked_over_as_names_and_values() -> None:
    info = RunInfo("a" * 32, "0", "me", "FINISHED", 1, 2, "active", "file:///x", "swift-otter-1")

    assert dict(info)["run_name"] == "swift-otter-1"
    assert list(dict(info)) == [
        "run_id",
        "experiment_id",
        "user_id",
        "status",
        "start_time",
        "end_time",
        "lifecycle_stage",
        "artifact_uri",
        "run_name",
    ]
    assert dict(FileInfo("a", False, 3)) == {"path": "a", "is_dir": False, "file_size": 3}


def test_a_point_has_mlflows_fields() -> None:
    point = Metric("loss", 0.5, 1_700_000_000_000, 3, "m-1", "iris", "0a1b2c3d", "a" * 32)

    assert point.to_dictionary() == {
        "key": "loss",
        "value": 0.5,
        "timestamp": 1_700_000_000_000,
        "step": 3,
        "model_id": "m-1",
        "dataset_name": "iris",
        "dataset_digest": "0a1b2c3d",
        "run_id": "a" * 32,
    }


def test_a_run_has_inputs_outputs_and_the_last_points(tracker: Tracker) -> None:
    with tracker.start_run(run_name="first") as run:
        run.log_metric("loss", 0.5, step=3, timestamp=7)
        active = dict(run)

    found = tracker.get_run(run.run_id)
    assert active.keys() == dict(found).keys() == {"info", "data", "inputs", "outputs"}
    assert found.to_dictionary()["info"]["run_name"] == "first"
    assert found.to_dictionary()["data"]["metrics"] == {"loss": 0.5}
    assert found.to_dictionary()["inputs"] == {"dataset_inputs": [], "model_inputs": []}
    assert found.to_dictionary()["outputs"] == {"model_outputs": []}
    assert found.data._metric_objs == [Metric("loss", 0.5, 7, 3)]
    assert tracker.get_metric_history(run.run_id, "loss").token is None


def test_words_are_turned_as_in_mlflow() -> None:
    assert RunStatus.is_terminated(RunStatus.from_string("KILLED"))
    assert RunStatus.is_terminated(3)
    assert not RunStatus.is_terminated("RUNNING")
    assert not RunStatus.is_terminated("soon")
    assert not RunStatus.is_terminated(0)
    assert SourceType.to_string(SourceType.from_string("JOB")) == "JOB"
    assert LifecycleStage.is_valid("deleted")
    assert not LifecycleStage.is_valid("gone")


def test_mlflows_numbers_are_turned_into_text() -> None:
    assert RunStatus.to_string(5) == "KILLED"
    assert [SourceType.to_string(number) for number in (1, 4, 5)] == ["NOTEBOOK", "LOCAL", "UNKNOWN"]
    assert ModelVersionStatus.to_string(3) == ModelVersionStatus.READY
    for turn in (RunStatus.to_string, SourceType.to_string, ModelVersionStatus.to_string):
        for wrong in (0, 6, True, "1", None):
            with pytest.raises(InvalidValueError, match=f"{wrong!r} is no"):
                turn(wrong)


def test_a_view_says_which_lifecycles_it_finds() -> None:
    assert LifecycleStage.view_type_to_stages() == ["active", "deleted"]
    assert LifecycleStage.view_type_to_stages(ViewType.ACTIVE_ONLY) == ["active"]
    assert LifecycleStage.matches_view_type(ViewType.DELETED_ONLY, "deleted")
    assert not LifecycleStage.matches_view_type(ViewType.DELETED_ONLY, "active")
    with pytest.raises(InvalidValueError, match="4 is none of ViewType"):
        LifecycleStage.view_type_to_stages(4)
    with pytest.raises(InvalidValueError, match="'gone' is neither"):
        LifecycleStage.matches_view_type(ViewType.ALL, "gone")


def test_mlflows_errors_are_nbtracks() -> None:
    assert nbtrack.MlflowException is MlflowException is RestException is nbtrack.NbtrackError
