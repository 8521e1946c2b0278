"""The verbs: Tracker, the run object, and what they promise."""

import asyncio
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import nbtrack
from nbtrack.core.entities import Metric, Run, RunList
from nbtrack.core.errors import (
    AlreadyExistsError,
    ForeignStoreError,
    InvalidStateError,
    InvalidValueError,
    NbtrackError,
    NotFoundError,
    ParamConflictError,
    RunAlreadyActiveError,
    StoreError,
)
from nbtrack.documents.queries import Query
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.tracker import Tracker
from tests.tracking.open_files import open_files_of


def test_a_run_from_start_to_end(tracker: Tracker) -> None:
    with tracker.start_run(run_name="first", tags={"team": "nlp", "n": 3}, description="a *note*") as run:
        assert tracker.log_param("lr", 0.1) == 0.1
        tracker.log_params({"depth": 3, "model": None})
        tracker.log_metric("loss", 0.5, step=1)
        tracker.log_metrics({"loss": 0.25, "acc": np.float32(0.5)}, step=2)
        tracker.set_tag("done", True)

    found = tracker.get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.info.end_time is not None
    assert found.info.end_time >= found.info.start_time
    assert found.data.params == {"lr": "0.1", "depth": "3", "model": "None"}
    assert found.data.metrics == {"loss": 0.25, "acc": 0.5}
    assert found.data.tags["team"] == "nlp"
    assert found.data.tags["n"] == "3"
    assert found.data.tags["done"] == "True"
    assert found.data.tags["mlflow.note.content"] == "a *note*"
    assert found.data.tags["mlflow.runName"] == "first"
    assert found.data.tags["mlflow.source.type"] == "LOCAL"
    assert found.data.tags["mlflow.user"] == found.info.user_id
    assert tracker.active_run() is None


def test_the_data_of_the_active_run_is_current(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        tracker.log_param("lr", 1)
        tracker.log_metric("loss", 3.0)

        active = tracker.active_run()
        assert active is not None
        assert active == run
        assert active.data.params == {"lr": "1"}
        assert active.data.metrics == {"loss": 3.0}
        assert active.info.status == "RUNNING"
        assert isinstance(active, Run)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308])
def test_values_are_kept_exactly(tracker: Tracker, value: float) -> None:
    with tracker.start_run() as run:
        run.log_metric("m", value)

        assert repr(run.data.metrics["m"]) == repr(value)
    assert repr(tracker.get_run(run.run_id).data.metrics["m"]) == repr(value)
    assert repr(tracker.get_metric_history(run.run_id, "m")[0].value) == repr(value)
    assert repr(tracker.search_runs(output_format="list")[0].data.metrics["m"]) == repr(value)


def test_tensors_and_arrays_of_one_element_are_taken(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        for step, value in enumerate(
            [torch.tensor(0.5), torch.tensor([0.5]), np.array([0.5]), np.float16(0.5), "0.5"]
        ):
            run.log_metric("m", value, step=step)

    assert [point.value for point in run.metric_history("m")] == [0.5] * 5


@pytest.mark.parametrize("value", [None, 1j, "fast", [1.0], np.zeros(2), torch.zeros(2)], ids=repr)
def test_other_values_are_a_type_error_and_nothing_is_logged(tracker: Tracker, value: object) -> None:
    with tracker.start_run() as run:
        with pytest.raises(TypeError, match="'loss'"):
            run.log_metric("loss", value)
        with pytest.raises(TypeError, match="'loss'"):
            run.log_metrics({"ok": 1.0, "loss": value})

        assert run.data.metrics == {}


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, 0.5, "1"])
def test_impossible_steps_are_refused(tracker: Tracker, step: object) -> None:
    with tracker.start_run() as run:
        with pytest.raises(NbtrackError, match="step of metric 'loss'"):
            run.log_metric("loss", 1.0, step=step)  # type: ignore[arg-type]

        assert run.data.metrics == {}


def test_steps_may_repeat_and_go_back(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        for step, value in ((5, 1.0), (3, 2.0), (5, 0.5), (-2, 9.0)):
            run.log_metric("loss", value, step=step, timestamp=1000)

    assert [(point.step, point.value) for point in run.metric_history("loss")] == [
        (5, 1.0),
        (3, 2.0),
        (5, 0.5),
        (-2, 9.0),
    ]
    assert run.data.metrics == {"loss": 1.0}
    assert run.data.summaries["loss"].min_step == 5
    assert run.data.summaries["loss"].first_step == -2


def test_histories_as_list_and_as_array(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        run.log_metric("loss", 2.0, step=1, timestamp=20)
        run.log_metric("loss", 1.0, step=2, timestamp=10)

    assert tracker.get_metric_history(run.run_id, "loss") == [
        Metric("loss", 1.0, 10, 2),
        Metric("loss", 2.0, 20, 1),
    ]
    array = tracker.get_metric_history(run.run_id, "loss", output_format="numpy")
    assert array["value"].tolist() == [1.0, 2.0]
    assert array["timestamp"].dtype == np.int64
    assert tracker.get_metric_history(run.run_id, "nothing") == []
    with pytest.raises(NbtrackError, match="'csv'"):
        tracker.get_metric_history(run.run_id, "loss", output_format="csv")


def test_a_timestamp_of_zero_is_now_as_in_mlflow_and_a_negative_one_is_refused(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        run.log_metric("loss", 1.0, timestamp=0)
        with pytest.raises(NbtrackError, match="timestamp"):
            run.log_metric("loss", 1.0, timestamp=-5)

    assert run.metric_history("loss")[0].timestamp > 1_600_000_000_000


def test_params_conflict_but_the_same_text_is_fine(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        run.log_param("lr", 0.1)
        run.log_param("lr", "0.1")
        with pytest.raises(ParamConflictError, match="written once"):
            run.log_params({"other": 1, "lr": 0.2})

    assert run.data.params == {"lr": "0.1"}


@pytest.mark.parametrize("call", ["log_metric", "log_param", "set_tag"])
@pytest.mark.parametrize("key", ["", None, 3])
def test_impossible_keys_are_refused(tracker: Tracker, call: str, key: object) -> None:
    with tracker.start_run() as run, pytest.raises(NbtrackError, match="key of a"):
        getattr(run, call)(key, 1.0)


@pytest.mark.parametrize("call", ["log_metrics", "log_params", "set_tags"])
def test_several_are_given_as_a_dict(tracker: Tracker, call: str) -> None:
    with tracker.start_run() as run, pytest.raises(TypeError, match="as a dict"):
        getattr(run, call)([("a", 1)])


def test_starting_inside_a_run_needs_nested(tracker: Tracker) -> None:
    with tracker.start_run() as parent:
        with pytest.raises(RunAlreadyActiveError, match=f"{parent.run_id}.*end_run.*nested=True"):
            tracker.start_run()
        with tracker.start_run(nested=True) as child:
            assert tracker.active_run() == child
        assert tracker.active_run() == parent

    assert child.data.tags["mlflow.parentRunId"] == parent.run_id
    assert "mlflow.parentRunId" not in parent.data.tags


def test_a_parent_can_be_named(tracker: Tracker) -> None:
    with tracker.start_run() as parent:
        pass

    with tracker.start_run(parent_run_id=parent.run_id) as child:
        pass
    with tracker.start_run(), pytest.raises(NbtrackError, match="End it first"):
        tracker.start_run(parent_run_id=parent.run_id, nested=True)

    assert child.data.tags["mlflow.parentRunId"] == parent.run_id
    with pytest.raises(NotFoundError):
        tracker.start_run(parent_run_id="f" * 32)
    assert tracker.active_run() is None


def test_resume_goes_on_where_the_run_stood(tracker: Tracker) -> None:
    with tracker.start_run(run_name="first") as run:
        run.log_metric("loss", 2.0, step=1)

    with tracker.start_run(run_id=run.run_id, tags={"again": "yes"}) as resumed:
        resumed.log_metric("loss", 1.0, step=2)

    found = tracker.get_run(run.run_id)
    assert resumed.run_id == run.run_id
    assert [point.value for point in tracker.get_metric_history(run.run_id, "loss")] == [2.0, 1.0]
    assert (found.data.summaries["loss"].count, found.data.tags["again"], found.info.status) == (
        2,
        "yes",
        "FINISHED",
    )
    assert found.info.run_name == "first"


def test_resuming_what_is_not_there_is_an_error(tracker: Tracker) -> None:
    for run_id in ("f" * 32, "../../etc", ""):
        if run_id:
            with pytest.raises(NbtrackError):
                tracker.start_run(run_id=run_id)
    assert tracker.active_run() is None


@pytest.mark.parametrize(
    ("run_id", "message"),
    [
        ("my run", r"'my run' is no run id.* A name is given as run_name='my run'\.$"),
        ("baseline", r"No run 'baseline'\. A name is given as run_name='baseline'\. It was looked for in"),
        ("f" * 32, r"No run 'f{32}'\. It was looked for in"),
    ],
)
def test_a_name_in_the_place_of_a_run_id_is_told_where_it_goes(
    tracker: Tracker, run_id: str, message: str
) -> None:
    with pytest.raises(NbtrackError, match=message):
        tracker.start_run(run_id)


@pytest.mark.parametrize("variable", ["NBTRACK_RUN_ID", "MLFLOW_RUN_ID"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("zzz", r"No run 'zzz'\. {} asks for it\. It was looked for in"),
        ("a b", "{} is set: 'a b' is no run id"),
    ],
)
def test_a_run_that_the_environment_asks_for_in_vain_names_the_variable(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(NbtrackError, match=message.format(variable)) as caught:
        tracker.start_run()

    assert "run_name" not in str(caught.value)
    assert tracker.active_run() is None


@pytest.mark.parametrize("variable", ["NBTRACK_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_ID"])
def test_an_experiment_that_the_environment_asks_for_in_vain_names_the_variable(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "999")

    for act in (tracker.start_run, tracker.create_run, lambda: tracker.set_experiment_tag("a", 1)):
        with pytest.raises(
            NotFoundError, match=rf"No experiment with the id '999'\. {variable} asks for it\."
        ):
            act()


def test_the_environment_asks_once_to_resume(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    with tracker.start_run() as run:
        pass
    monkeypatch.setenv("MLFLOW_RUN_ID", run.run_id)

    with tracker.start_run() as resumed:
        pass
    with tracker.start_run() as other:
        pass

    assert resumed.run_id == run.run_id != other.run_id


@pytest.mark.parametrize(
    ("error", "status", "interrupted"),
    [
        (ValueError("boom"), "FAILED", False),
        (KeyboardInterrupt(), "FAILED", True),
        (SystemExit(1), "FAILED", False),
        (SystemExit(0), "FINISHED", False),
        (SystemExit(), "FINISHED", False),
    ],
    ids=repr,
)
def test_leaving_by_an_exception(
    tracker: Tracker, error: BaseException, status: str, interrupted: bool
) -> None:
    with pytest.raises(type(error)), tracker.start_run() as run:
        raise error

    assert run.info.status == status
    assert run.data.tags.get("nbtrack.interrupted") == ("true" if interrupted else None)
    if status == "FAILED":
        assert type(error).__name__ in run.data.tags["nbtrack.error"]


def test_ending_inside_the_block_and_twice_is_fine(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        tracker.end_run("KILLED")
        assert tracker.active_run() is None
    run.end()
    tracker.end_run()

    assert run.info.status == "KILLED"


@pytest.mark.parametrize("status", ["finished", "DONE", "", "RUNNING", "SCHEDULED"])
def test_an_unknown_status_is_refused_and_the_run_goes_on(tracker: Tracker, status: str) -> None:
    with tracker.start_run() as run:
        with pytest.raises(NbtrackError, match="no status of a run"):
            tracker.end_run(status)
        with pytest.raises(NbtrackError, match="no status of a run"):
            run.end(status)
        assert tracker.active_run() == run


def test_logging_after_the_end_says_that_the_run_has_ended(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        run.log_metric("loss", 1.0)

    with pytest.raises(NbtrackError, match="has ended"):
        run.log_metric("loss", 2.0)
    assert run.data.summaries["loss"].count == 1


def test_logging_without_a_run_starts_one(tracker: Tracker) -> None:
    tracker.log_metric("loss", 1.0)
    run = tracker.active_run()
    tracker.log_param("lr", 1)
    tracker.end_run()

    assert run is not None
    assert run.data.params == {"lr": "1"}
    assert run.info.status == "FINISHED"


def test_end_with_sync_and_flush(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        run.log_metric("loss", 1.0)
        run.flush()
        tracker.flush()
        run.end(sync=True)

    assert run.info.status == "FINISHED"


# ---- experiments ---------------------------------------------------------------------------------


def test_runs_go_into_the_experiment_that_was_set(tracker: Tracker) -> None:
    first = tracker.set_experiment("digits")
    with tracker.start_run() as run:
        pass

    assert run.info.experiment_id == first.experiment_id
    assert tracker.set_experiment("digits").experiment_id == first.experiment_id
    assert tracker.set_experiment(experiment_id="0").name == "Default"
    assert tracker.create_experiment("other", tags={"n": 1}) != first.experiment_id
    other = tracker.get_experiment_by_name("other")
    assert other is not None
    assert other.tags == {"n": "1"}
    with pytest.raises(AlreadyExistsError):
        tracker.create_experiment("other")


def test_set_experiment_before_set_tracking_uri_does_the_right_thing(
    tracker: Tracker, tmp_path: Path
) -> None:
    tracker.set_experiment("digits")
    tracker.set_tracking_uri(tmp_path / "other")

    with tracker.start_run() as run:
        pass

    there = tracker.get_experiment_by_name("digits")
    assert there is not None
    assert run.info.experiment_id == there.experiment_id
    assert run.info.artifact_uri.startswith((tmp_path / "other").as_uri())
    assert len(tracker.search_runs()) == 1


def test_experiments_from_the_environment(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "from-mlflow")
    with tracker.start_run() as run:
        pass
    monkeypatch.setenv("NBTRACK_EXPERIMENT_NAME", "from-nbtrack")
    with tracker.start_run() as other:
        pass

    assert tracker.get_experiment(run.info.experiment_id).name == "from-mlflow"
    assert tracker.get_experiment(other.info.experiment_id).name == "from-nbtrack"


@pytest.mark.parametrize(
    "arguments",
    [{}, {"experiment_name": "a", "experiment_id": "0"}, {"experiment_name": ""}, {"experiment_name": 3}],
)
def test_impossible_experiments_are_refused(tracker: Tracker, arguments: dict[str, object]) -> None:
    with pytest.raises(NbtrackError):
        tracker.set_experiment(**arguments)  # type: ignore[arg-type]


def test_an_experiment_that_is_not_there(tracker: Tracker) -> None:
    with pytest.raises(NotFoundError, match="'12345'"):
        tracker.set_experiment(experiment_id="12345")
    with pytest.raises(NotFoundError, match="'12345'"):
        tracker.start_run(experiment_id=12345)
    with pytest.raises(TypeError, match="experiment_id"):
        tracker.start_run(experiment_id=1.5)  # type: ignore[arg-type]
    assert tracker.active_run() is None
    assert len(tracker.search_runs(search_all_experiments=True)) == 0


def test_a_deleted_experiment_takes_no_runs(tracker: Tracker) -> None:
    tracker.set_experiment("old")
    tracker.documents.table("experiments").update({"lifecycle_stage": "deleted"}, Query().name == "old")

    with pytest.raises(InvalidStateError, match="'old' is deleted"):
        tracker.start_run()
    with pytest.raises(InvalidStateError, match="'old' is deleted"):
        tracker.set_experiment("old")


# ---- artifacts -----------------------------------------------------------------------------------


def artifact(tracker: Tracker, run: ActiveRun, path: str) -> bytes:
    with tracker._store().runs.artifacts(run.run_id).open(path) as file:
        return file.read()


def test_text_dicts_and_files(tracker: Tracker, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\0\1")
    folder = tmp_path / "data" / "deep"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("a")

    with tracker.start_run() as run:
        run.log_text("häh\n", "notes/summary.txt")
        run.log_dict({"b": 1, "a": [math.inf, Path("x")]}, "config.json")
        run.log_dict({"b": 1, "a": ["é"]}, "config.yaml")
        run.log_dict([1, 2], "no-extension")
        run.log_artifact(tmp_path / "model.bin")
        run.log_artifact(str(tmp_path / "model.bin"), "models/v1")
        run.log_artifact(tmp_path / "data")
        run.log_artifacts(tmp_path / "data", "flat")

    assert artifact(tracker, run, "notes/summary.txt").decode() == "häh\n"
    assert json.loads(artifact(tracker, run, "config.json")) == {"b": 1, "a": [math.inf, "x"]}
    assert artifact(tracker, run, "config.yaml").decode() == "b: 1\na:\n- é\n"
    assert yaml.safe_load(artifact(tracker, run, "config.yaml")) == {"b": 1, "a": ["é"]}
    assert json.loads(artifact(tracker, run, "no-extension")) == [1, 2]
    assert artifact(tracker, run, "model.bin") == artifact(tracker, run, "models/v1/model.bin") == b"\0\1"
    assert artifact(tracker, run, "data/deep/a.txt") == artifact(tracker, run, "flat/deep/a.txt") == b"a"
    assert [
        (info.path, info.is_dir, info.file_size) for info in tracker.list_artifacts(run.run_id, "models")
    ] == [("models/v1", True, None)]
    assert tracker.list_artifacts(run.run_id, "nothing") == []
    assert tracker.load_text(run.run_id, "notes/summary.txt") == "häh\n"


def test_figures_of_both_libraries(tracker: Tracker) -> None:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    plot = go.Figure(go.Scatter(y=[1, 2]))
    with tracker.start_run() as run:
        run.log_figure(figure, "a.png")
        run.log_figure(figure, "plots/a.svg", save_kwargs={"dpi": 50})
        run.log_figure(plot, "a.html")
        run.log_figure(plot, "a.json")
        with pytest.raises(NbtrackError, match="'txt'"):
            run.log_figure(plot, "a.txt")
        with pytest.raises(TypeError, match="matplotlib or plotly"):
            run.log_figure("no figure", "b.png")
        with pytest.raises(ImportError, match="pip install kaleido"):
            run.log_figure(plot, "b.png")

    assert artifact(tracker, run, "a.png").startswith(b"\x89PNG")
    assert b"<svg" in artifact(tracker, run, "plots/a.svg")
    html = artifact(tracker, run, "a.html")
    assert b"<script src=" not in html
    assert json.loads(artifact(tracker, run, "a.json"))["data"]
    assert [info.path for info in tracker.list_artifacts(run.run_id)] == [
        "a.html",
        "a.json",
        "a.png",
        "plots",
    ]


@pytest.mark.parametrize("path", ["../x", "/x", "a\\b", "a/../../x", "nul\0", "C:\\x", "x" * 300])
def test_artifact_paths_that_leave_the_run_are_refused(tracker: Tracker, tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("x")
    with tracker.start_run() as run:
        for call in (
            lambda: run.log_text("x", path),
            lambda: run.log_dict({}, path),
            lambda: run.log_artifact(tmp_path / "file", path),
            lambda: run.log_artifacts(tmp_path / "work", path),
            lambda: tracker.list_artifacts(run.run_id, path),
        ):
            with pytest.raises(NbtrackError, match="artifact path"):
                call()

    assert tracker.list_artifacts(run.run_id) == []


def test_a_link_out_of_the_run_is_refused(tracker: Tracker, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    with tracker.start_run() as run:
        run.log_text("x", "a.txt")
        root = tmp_path / "store" / "runs" / run.run_id / "artifacts"
        (root / "link").symlink_to(outside)
        (root / "file").symlink_to(outside / "secret")
        for call in (
            lambda: run.log_text("x", "link/b.txt"),
            lambda: tracker.load_text(run.run_id, "link/secret"),
            lambda: tracker.load_text(run.run_id, "file"),
        ):
            with pytest.raises(NbtrackError, match="link"):
                call()
        run.log_text("mine", "file")

    assert os.listdir(outside) == ["secret"]
    assert (outside / "secret").read_text() == "secret"
    assert tracker.load_text(run.run_id, "file") == "mine"


def test_missing_files_are_file_not_found_errors(tracker: Tracker, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_text("x")
    with tracker.start_run() as run:
        with pytest.raises(FileNotFoundError, match="Did you mean"):
            run.log_artifact(tmp_path / "modle.bin")
        with pytest.raises(FileNotFoundError, match="folder"):
            run.log_artifacts(tmp_path / "nothing")
        with pytest.raises(FileNotFoundError, match="log_artifact"):
            run.log_artifacts(tmp_path / "model.bin")
        with pytest.raises(FileNotFoundError):
            tracker.load_text(run.run_id, "nothing.txt")
        with pytest.raises(TypeError, match="takes text"):
            run.log_text(b"x", "a.txt")  # type: ignore[arg-type]


def test_a_failing_writer_publishes_nothing(tracker: Tracker) -> None:
    class Broken:
        def savefig(self, file: object, **_: object) -> None:
            file.write(b"half")  # type: ignore[attr-defined]
            raise ValueError("no more")

    with tracker.start_run() as run, pytest.raises(ValueError, match="no more"):
        run.log_figure(Broken(), "plots/a.png")

    assert tracker.list_artifacts(run.run_id, "plots") == []


# ---- search --------------------------------------------------------------------------------------


def test_runs_as_a_frame_and_as_a_list(tracker: Tracker) -> None:
    for index in range(4):
        with tracker.start_run(run_name=f"run {index}") as run:
            run.log_param("lr", index)
            run.log_metric("acc", index / 10)
    with tracker.start_run(run_name="bare"):
        pass

    frame = tracker.search_runs(filter_string="metrics.acc > 0", order_by=["metrics.acc DESC"])
    listed = tracker.search_runs(output_format="list", max_results=2)

    assert list(frame.columns[:6]) == [
        "run_id",
        "experiment_id",
        "status",
        "artifact_uri",
        "start_time",
        "end_time",
    ]
    assert frame["metrics.acc"].tolist() == [0.3, 0.2, 0.1]
    assert frame["params.lr"].tolist() == ["3", "2", "1"]
    assert str(frame["start_time"].dt.tz) == "UTC"
    assert isinstance(listed, RunList)
    assert len(listed) == 2
    assert listed[0].info.start_time >= listed[1].info.start_time
    whole = tracker.search_runs()
    assert whole["params.lr"].isna().sum() == whole["metrics.acc"].isna().sum() == 1
    assert whole.loc[whole["tags.mlflow.runName"] == "bare", "params.lr"].tolist() == [None]


def test_no_runs_are_a_frame_with_the_columns_of_a_run(tracker: Tracker) -> None:
    frame = tracker.search_runs()

    assert frame.empty
    assert list(frame.columns) == [
        "run_id",
        "experiment_id",
        "status",
        "artifact_uri",
        "start_time",
        "end_time",
    ]


def test_where_a_search_looks(tracker: Tracker) -> None:
    for name in ("a", "b"):
        tracker.set_experiment(name)
        with tracker.start_run(run_name=f"in {name}"):
            pass
    experiment = tracker.get_experiment_by_name("a")
    assert experiment is not None

    def names(**where: object) -> list[str]:
        return [run.info.run_name for run in tracker.search_runs(output_format="list", **where)]  # type: ignore[arg-type]

    assert names() == ["in b"]
    with pytest.warns(UserWarning, match="No experiment named 'nothing'"):
        assert names(experiment_names=["a", "nothing"]) == ["in a"]
    assert names(experiment_ids=[experiment.experiment_id]) == ["in a"]
    assert names(experiment_ids=experiment.experiment_id) == ["in a"]
    assert names(experiment_names="a") == ["in a"]
    assert names(experiment_ids=[]) == ["in b"]
    assert sorted(names(search_all_experiments=True)) == ["in a", "in b"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"output_format": "csv"},
        {"max_results": 0},
        {"max_results": "5"},
        {"experiment_ids": ["0"], "experiment_names": ["a"]},
        {"filter_string": "metrics.loss <"},
        {"order_by": ["up"]},
        {"filter_string": 5},
        {"run_view_type": 9},
    ],
)
def test_impossible_searches_are_refused(tracker: Tracker, arguments: dict[str, object]) -> None:
    with pytest.raises(NbtrackError):
        tracker.search_runs(**arguments)  # type: ignore[arg-type]


# ---- threads, tasks, several trackers ------------------------------------------------------------


def test_a_worker_thread_logs_to_the_only_active_run(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        worker = threading.Thread(target=lambda: tracker.log_metric("from thread", 1.0))
        worker.start()
        worker.join()

    assert run.data.metrics == {"from thread": 1.0}
    assert len(tracker.search_runs()) == 1


def test_threads_with_runs_of_their_own_never_mix(tracker: Tracker) -> None:
    barrier = threading.Barrier(4, timeout=30)
    seen: dict[int, str] = {}

    def work(number: int) -> None:
        with tracker.start_run(run_name=str(number)) as run:
            barrier.wait()
            for step in range(100):
                tracker.log_metric("m", float(number), step=step)
            tracker.log_param("number", number)
            seen[number] = run.run_id
            barrier.wait()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for number, run_id in seen.items():
        run = tracker.get_run(run_id)
        assert run.data.params == {"number": str(number)}
        assert run.data.summaries["m"].count == 100
        assert run.data.summaries["m"].min == run.data.summaries["m"].max == number


def test_a_thread_beside_two_active_runs_starts_its_own(tracker: Tracker) -> None:
    barrier = threading.Barrier(3, timeout=30)
    made: list[str] = []

    def hold() -> None:
        with tracker.start_run():
            barrier.wait()
            barrier.wait()

    holders = [threading.Thread(target=hold) for _ in range(2)]
    for holder in holders:
        holder.start()
    barrier.wait()
    tracker.log_metric("m", 1.0)
    active = tracker.active_run()
    made.append(active.run_id if active else "")
    tracker.end_run()
    barrier.wait()
    for holder in holders:
        holder.join()

    assert len(tracker.search_runs()) == 3
    assert tracker.get_run(made[0]).data.metrics == {"m": 1.0}


def test_concurrent_tasks_use_run_objects(tracker: Tracker) -> None:
    async def task(number: int) -> str:
        run = tracker.start_run(nested=True)
        for step in range(10):
            run.log_metric("m", float(number), step=step)
            await asyncio.sleep(0)
        run.end()
        return run.run_id

    async def main() -> list[str]:
        return await asyncio.gather(*[task(number) for number in range(5)])

    for number, run_id in enumerate(asyncio.run(main())):
        summary = tracker.get_run(run_id).data.summaries["m"]
        assert (summary.count, summary.min, summary.max) == (10, number, number)
    assert tracker.active_run() is None


def test_two_trackers_do_not_meet(tmp_path: Path) -> None:
    left, right = Tracker(store=tmp_path / "left"), Tracker(store=tmp_path / "right", experiment="e")
    with left.start_run() as one, right.start_run() as two:
        left.log_metric("m", 1.0)
        right.log_metric("m", 2.0)

    assert one.data.metrics == {"m": 1.0}
    assert two.data.metrics == {"m": 2.0}
    assert right.get_experiment(two.info.experiment_id).name == "e"
    left.close()
    right.close()


# ---- the store -----------------------------------------------------------------------------------


def test_the_store_is_found_like_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = Tracker()
    with tracker.start_run() as run:
        pass
    deep = tmp_path / "work" / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)

    below = Tracker()

    assert below.get_tracking_uri() == str(tmp_path / "work" / ".nbtrack")
    assert below.get_run(run.run_id).info.run_id == run.run_id
    assert (tmp_path / "work" / ".nbtrack" / ".gitignore").read_text() == "*\n"
    tracker.close()
    below.close()


def test_asking_where_the_store_is_makes_nothing(tmp_path: Path) -> None:
    Tracker().get_tracking_uri()

    assert list((tmp_path / "work").iterdir()) == []


def test_the_store_stays_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Tracker()
    with tracker.start_run():
        monkeypatch.chdir(tmp_path)
        tracker.log_metric("m", 1.0)

    assert tracker.get_tracking_uri() == str(tmp_path / "work" / ".nbtrack")
    assert len(tracker.search_runs()) == 1
    tracker.close()


def test_a_moved_store_works(tracker: Tracker, tmp_path: Path) -> None:
    with tracker.start_run() as run:
        run.log_metric("loss", 1.0)
        run.log_text("x", "a.txt")
    tracker.close()
    (tmp_path / "store").rename(tmp_path / "moved")

    moved = Tracker(store=tmp_path / "moved")

    assert moved.get_run(run.run_id).data.metrics == {"loss": 1.0}
    assert moved.load_text(run.run_id, "a.txt") == "x"
    assert moved.get_metric_history(run.run_id, "loss")[0].value == 1.0
    moved.close()


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("x")
    before = sorted(str(path) for path in tmp_path.rglob("*"))

    with pytest.raises(ForeignStoreError, match=r"chapter1\.tex"):
        Tracker(store=tmp_path / "thesis").start_run()

    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "files", [["0/meta.yaml", "notes.txt"], ["0/x"], ["0/x", "417/x", "models/x"], [".trash/x"], ["models/x"]]
)
def test_beside_a_folder_of_mlflow_lies_ours(tmp_path: Path, files: list[str]) -> None:
    for name in files:
        (tmp_path / "mlruns" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mlruns" / name).touch()
    before = sorted(str(path) for path in (tmp_path / "mlruns").rglob("*"))
    tracker = Tracker()

    with pytest.warns(UserWarning, match=r"is left as it is: nbtrack keeps its runs in .*mlruns\.nbtrack"):
        tracker.set_tracking_uri(tmp_path / "mlruns")
    with tracker.start_run() as run:
        pass
    tracker.close()

    assert sorted(str(path) for path in (tmp_path / "mlruns").rglob("*")) == before
    shutil.rmtree(tmp_path / "mlruns")
    tracker.set_tracking_uri(f"file://{tmp_path}/mlruns")
    assert tracker.get_run(run.run_id).info.status == "FINISHED"
    tracker.close()


@pytest.mark.parametrize("names", [["models"], ["0", "notes"], ["meta.yaml"]])
def test_what_a_foreign_folder_holds_is_quoted(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / "work" / name).mkdir(parents=True)

    with pytest.raises(ForeignStoreError, match=f"it holds {', '.join(map(repr, names))}\\."):
        Tracker().set_tracking_uri(tmp_path / "work")


def test_a_sqlite_uri_is_a_folder_beside_the_file_which_stays_as_it_is(tmp_path: Path) -> None:
    import sqlite3

    theirs = tmp_path / "mlflow.db"
    connection = sqlite3.connect(theirs)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    before = theirs.read_bytes()
    tracker = Tracker()

    with pytest.warns(UserWarning, match="left as it is"):
        tracker.set_tracking_uri(f"sqlite:///{theirs}")
    with tracker.start_run():
        pass
    tracker.close()

    assert (tmp_path / "mlflow.nbtrack" / "documents.db").exists()
    assert theirs.read_bytes() == before


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://me:secret@host/db",
        "http://host",
        "s3://bucket",
        "databricks",
        "databricks://profile",
        "databricks:profile",
        "databricks-uc",
        "databricks-uc:profile",
        "uc",
        "uc:http://host",
        "",
        "file:",
        "file://host/x",
        3,
        "sqlite://",
    ],
)
def test_uris_that_mean_no_store_are_refused_and_passwords_are_not_shown(uri: object) -> None:
    with pytest.raises(NbtrackError) as caught:
        Tracker().set_tracking_uri(uri)  # type: ignore[arg-type]

    assert "secret" not in str(caught.value)


def test_a_store_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(StoreError, match="file"):
        Tracker(store=tmp_path / "file" / "below").start_run()


# ---- switched off --------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["environment", "argument"])
def test_switched_off_every_call_does_nothing(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "environment":
        monkeypatch.setenv("NBTRACK_DISABLED", "1")
    tracker = Tracker(store=tmp_path / "off", enabled=way == "environment")

    tracker.set_experiment("digits")
    tracker.log_metric("implicit", 1.0)
    tracker.end_run()
    with tracker.start_run(run_name="x") as run:
        assert tracker.active_run() is run
        assert tracker.log_param("lr", 0.1) == 0.1
        tracker.log_params({"a": 1})
        tracker.log_metric("loss", object())
        tracker.log_metrics({"loss": 1})
        tracker.set_tag("a", 1)
        tracker.set_tags({"a": 1})
        tracker.log_text("x", "../x")
        tracker.log_dict({}, "x")
        tracker.log_artifact("nothing")
        tracker.log_artifacts("nothing")
        tracker.log_figure(None, "x")
        tracker.flush()
        with tracker.start_run() as inner:
            assert inner.metric_history("loss") == []
        assert run.data.metrics == {}
        assert run.info.status == "RUNNING"
    assert tracker.search_runs(output_format="list") == []
    assert tracker.search_runs().empty
    tracker.close()

    assert not (tmp_path / "off").exists()


def delete(store: Path) -> None:
    """Delete a store; what the background makes in it meanwhile is no reason to fail."""
    shutil.rmtree(store.rename(store.with_name(f"deleted-{time.monotonic_ns()}")), ignore_errors=True)


def test_a_store_that_is_deleted_between_runs_is_made_anew(tracker: Tracker, tmp_path: Path) -> None:
    with tracker.start_run():
        pass
    delete(tmp_path / "store")

    with tracker.start_run(run_name="after") as run:
        run.log_metric("loss", 1.0)

    fresh = Tracker(store=tmp_path / "store")
    assert [found.info.run_name for found in fresh.search_runs(output_format="list")] == ["after"]
    assert fresh.get_run(run.run_id).data.metrics == {"loss": 1.0}
    fresh.close()


def test_a_store_that_was_deleted_is_closed_when_it_is_made_anew(tracker: Tracker, tmp_path: Path) -> None:
    for _ in range(2):
        with tracker.start_run() as run:
            run.log_metric("loss", 1.0)
        delete(tmp_path / "store")
    tracker.create_experiment("again")

    assert [path for path in open_files_of(tmp_path) if path.endswith("(deleted)")] == []


def test_a_deleted_store_stays_open_for_the_run_that_is_written_in_it(tmp_path: Path) -> None:
    tracker = Tracker(store=tmp_path / "store")
    run = tracker.start_run()
    store = tracker._store()
    (tmp_path / "store").rename(tmp_path / "moved")
    tracker.create_experiment("again")
    delete(tmp_path / "store")
    (tmp_path / "moved").rename(tmp_path / "store")

    run.log_metric("loss", 1.0)
    tracker.end_run()

    assert store.runs.get(run.run_id).data.metrics == {"loss": 1.0}
    tracker.close()


def test_a_store_that_is_deleted_under_a_run_is_told_and_stops_nothing(tmp_path: Path) -> None:
    tracker = Tracker(store=tmp_path / "store")
    run = tracker.start_run()
    delete(tmp_path / "store")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run.log_param("lr", 1)
        run.log_metric("loss", 1.0)
        tracker.close()
        tracker._unfinished.clear()  # or the end of the process would try once more
        tracker._settle()

    told = [warning for warning in caught if "deleted or replaced" in str(warning.message)]
    assert told
    assert told[0].filename == __file__


def test_nothing_is_made_for_an_experiment_while_switched_off(tmp_path: Path) -> None:
    assert Tracker(store=tmp_path / "off", enabled=False).create_experiment("x") == "0"
    assert not (tmp_path / "off").exists()


def test_a_nested_run_in_a_worker_thread_is_a_child_of_the_starters(tracker: Tracker) -> None:
    made: list[ActiveRun] = []

    def work() -> None:
        with tracker.start_run(nested=True) as child:
            made.append(child)

    with tracker.start_run() as parent:
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()

    assert made[0].data.tags["mlflow.parentRunId"] == parent.run_id


def in_threads(count: int, work: Callable[[], None]) -> None:
    """Call it in so many threads, and wait for all; what one raises is raised."""
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(work) for _ in range(count)]:
            done.result(timeout=60)


def test_all_runs_that_worker_threads_nest_are_children_of_the_starters(tracker: Tracker) -> None:
    for is_one_after_the_other in [True, False] * 10:
        gate, release = threading.Barrier(4, timeout=30), threading.Event()
        children: list[ActiveRun] = []

        def work(
            begun: threading.Event,
            gate: threading.Barrier | None = None if is_one_after_the_other else gate,
            release: threading.Event = release,
            children: list[ActiveRun] = children,
        ) -> None:
            if gate is not None:
                gate.wait()
            with tracker.start_run(nested=True) as child:
                children.append(child)
                begun.set()
                assert release.wait(30)

        with ThreadPoolExecutor(4) as pool, tracker.start_run() as parent:
            events = [threading.Event() for _ in range(4)]
            for begun in events:
                pool.submit(work, begun)
                if is_one_after_the_other:
                    assert begun.wait(30)
            assert all(begun.wait(30) for begun in events)
            release.set()

        assert [child.data.tags.get("mlflow.parentRunId") for child in children] == [parent.run_id] * 4


@pytest.mark.parametrize("how", ["nested", "parent_run_id", "resumed"])
def test_a_run_inside_another_changes_nothing_for_other_threads(tracker: Tracker, how: str) -> None:
    with tracker.start_run() as parent, tracker.start_run(nested=True) as child:
        pass
    asked: dict[str, dict[str, Any]] = {
        "nested": {"nested": True},
        "parent_run_id": {"parent_run_id": parent.run_id},
        "resumed": {"run_id": child.run_id},
    }
    begun, logged = threading.Barrier(2, timeout=30), threading.Barrier(2, timeout=30)

    def hold() -> None:
        with tracker.start_run(**asked[how]):
            begun.wait()
            logged.wait()

    with tracker.start_run(run_id=parent.run_id):
        holder = threading.Thread(target=hold)
        holder.start()
        begun.wait()
        in_threads(1, lambda: tracker.log_metric("from thread", 1.0))
        logged.wait()
        holder.join()

    assert tracker.get_run(parent.run_id).data.metrics == {"from thread": 1.0}


def test_a_thread_logs_to_the_top_level_run_also_while_its_starter_is_in_a_nested_one(
    tracker: Tracker,
) -> None:
    with tracker.start_run() as parent, tracker.start_run(nested=True) as child:
        in_threads(1, lambda: tracker.log_metric("from thread", 1.0))

    assert parent.data.metrics == {"from thread": 1.0}
    assert child.data.metrics == {}


def test_a_run_whose_parent_is_active_elsewhere_is_the_top_one_of_its_process(tracker: Tracker) -> None:
    with tracker.start_run() as parent:
        pass

    with tracker.start_run(parent_run_id=parent.run_id) as child:
        in_threads(1, lambda: tracker.log_metric("from thread", 1.0))

    assert child.data.metrics == {"from thread": 1.0}


@pytest.mark.parametrize(
    "uri", ["sqlite:///a.db", "file:./runs", "sqlite:///{here}/a.db", "file://{here}/runs"]
)
@pytest.mark.parametrize("how", ["call", "setting"])
def test_a_uri_is_given_back_as_it_was_said_and_leads_to_the_same_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, how: str
) -> None:
    uri = uri.format(here=tmp_path)
    if how == "call":
        nbtrack.set_tracking_uri(uri)
        nbtrack.set_registry_uri(uri)
    else:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setenv("MLFLOW_REGISTRY_URI", uri)
    assert nbtrack.get_tracking_uri() == nbtrack.get_registry_uri() == uri

    with nbtrack.start_run() as run:
        pass

    assert nbtrack.get_tracking_uri() == nbtrack.get_registry_uri() == uri
    client = nbtrack.MlflowClient(tracking_uri=nbtrack.get_tracking_uri())
    assert client.tracking_uri == uri
    assert client.get_run(run.run_id).info.status == "FINISHED"
    client.close()


@pytest.mark.parametrize("how", ["call", "setting"])
def test_a_relative_uri_leads_to_the_same_store_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "call":
        nbtrack.set_tracking_uri("sqlite:///a.db")
    else:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///a.db")
    with nbtrack.start_run():
        pass

    monkeypatch.chdir(tmp_path)

    assert nbtrack.get_tracking_uri() == str(tmp_path / "work" / "a.nbtrack")


def test_a_setting_that_changes_does_not_rename_the_store_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nbtrack.start_run():
        pass

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///later.db")

    assert nbtrack.get_tracking_uri() == str(tmp_path / "work" / ".nbtrack")


@pytest.mark.parametrize("word", ["databricks", "databricks-uc", "uc"])
def test_a_folder_may_have_a_name_that_means_a_server_to_mlflow(word: str) -> None:
    for choose in (nbtrack.set_tracking_uri, nbtrack.set_registry_uri):
        with pytest.raises(InvalidValueError, match=rf"'\./{word}'.*Leave it out.*docs/mlflow\.md"):
            choose(word)
    assert not Path(word).exists()

    nbtrack.set_tracking_uri(f"./{word}")
    nbtrack.log_metric("m", 1.0)

    assert Path(word, "documents.db").exists()


def test_a_setting_that_means_a_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks")

    with pytest.raises(InvalidValueError, match="MLFLOW_TRACKING_URI is set: 'databricks'"):
        nbtrack.start_run()


def test_a_server_is_answered_with_what_works_today() -> None:
    with pytest.raises(
        InvalidValueError, match=r"127\.0\.0\.1:8080.*Leave it out.*a folder.*docs/mlflow\.md"
    ):
        nbtrack.set_tracking_uri("http://127.0.0.1:8080")


def test_an_argument_that_a_tracker_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="'stroe'; there are store"):
        nbtrack.Tracker(stroe="x")


def test_a_setting_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host")

    with pytest.raises(NbtrackError, match="MLFLOW_TRACKING_URI is set: nbtrack cannot keep runs"):
        Tracker().start_run()


def test_what_a_file_cannot_hold_is_refused(tracker: Tracker) -> None:
    with tracker.start_run() as run, pytest.raises(NbtrackError, match="has no form for this"):
        run.log_dict({(1, 2): 3}, "a.json")
    assert tracker.list_artifacts(run.run_id) == []


def test_a_run_name_wins_over_its_tag_and_is_kept_as_text(tracker: Tracker) -> None:
    with tracker.start_run(run_name="a", tags={"mlflow.runName": "b"}) as run:
        assert (run.info.run_name, run.data.tags["mlflow.runName"]) == ("a", "a")
    with tracker.start_run(run_name=3, description=4) as fold:  # type: ignore[arg-type]
        assert (fold.info.run_name, fold.data.tags["mlflow.note.content"]) == ("3", "4")


def test_tags_that_are_no_dict_start_no_run(tracker: Tracker) -> None:
    with pytest.raises(TypeError, match="tags are given as a dict, got list"):
        tracker.start_run(tags=["a"])  # type: ignore[arg-type]

    assert tracker.active_run() is None


def test_a_search_for_none_at_most_is_for_all(tracker: Tracker) -> None:
    for _ in range(3):
        with tracker.start_run():
            pass

    assert len(tracker.search_runs(max_results=None)) == 3
    assert len(tracker.search_runs(max_results=None, output_format="list")) == 3


def test_artifacts_may_be_named_as_paths_are(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        run.log_text("x", "./notes//a.txt")
        run.log_dict({}, Path("conf") / "a.yaml")  # type: ignore[arg-type]
        run.log_table({"a": [1]}, "./t.json")

        assert [info.path for info in tracker.list_artifacts(run.run_id, "notes/")] == ["notes/a.txt"]
        assert tracker.load_text(run.run_id, "conf/a.yaml") == "{}\n"
        assert '"path": "t.json"' in run.data.tags["mlflow.loggedArtifacts"]
        assert tracker.load_table("t.json", [run.run_id])["a"].tolist() == [1]


def test_a_script_started_from_here_logs_to_the_experiment_that_was_chosen(tmp_path: Path) -> None:
    nbtrack.set_tracking_uri(tmp_path / "store")
    nbtrack.set_experiment("digits")
    code = "import nbtrack; print(nbtrack.get_experiment(nbtrack.start_run().info.experiment_id).name)"

    def names(**variables: str) -> str:
        environment = {**os.environ, **variables}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert names() == "digits"
    assert names(MLFLOW_EXPERIMENT_NAME="letters") == "letters"
    nbtrack.rename_experiment(nbtrack.set_experiment("digits").experiment_id, "numbers")
    assert names() == "numbers"


def test_a_tracker_of_its_own_is_not_told_what_the_functions_have_chosen(tmp_path: Path) -> None:
    nbtrack.set_experiment("digits")

    with Tracker(store=tmp_path / "store").start_run() as run:
        pass

    assert run.info.experiment_id == "0"
