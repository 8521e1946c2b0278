"""The verbs of logged models: fluent, on a run, and by id."""

import inspect
import threading
from pathlib import Path

import numpy as np
import pytest

import nbtrack
from nbtrack.core.errors import (
    DeletedError,
    InvalidTypeError,
    InvalidValueError,
    NotFoundError,
    ParamConflictError,
)
from nbtrack.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus, Metric


def values(model_id: str) -> dict[str, float]:
    return {metric.key: metric.value for metric in nbtrack.get_logged_model(model_id).metrics or ()}


def names(**search: object) -> list[str]:
    return [model.name for model in nbtrack.search_logged_models(output_format="list", **search)]  # type: ignore[arg-type]


# ---- made ----------------------------------------------------------------------------------------


def test_a_model_belongs_to_the_active_run_and_says_who_made_it() -> None:
    nbtrack.set_experiment("forest")
    with nbtrack.start_run() as run:
        model = nbtrack.initialize_logged_model("tree", tags={"a": 1}, params={"depth": 3}, model_type="t")
    alone = nbtrack.create_external_model("agent", params={"llm": {"name": "x"}})

    assert (model.source_run_id, model.experiment_id) == (run.run_id, run.info.experiment_id)
    assert (model.status, model.params, model.model_type) == (LoggedModelStatus.PENDING, {"depth": "3"}, "t")
    assert model.tags["a"] == "1"
    assert model.tags["mlflow.user"] == run.data.tags["mlflow.user"]
    assert (alone.source_run_id, alone.status) == (None, "READY")
    assert alone.experiment_id == nbtrack.get_experiment_by_name("forest").experiment_id  # type: ignore[union-attr]
    assert alone.tags["mlflow.model.isExternal"] == "true"
    assert alone.params == {"llm.name": "x"}
    assert nbtrack.last_logged_model() == alone
    assert run.outputs.model_outputs == []


def test_a_model_can_be_of_a_run_that_is_not_active() -> None:
    nbtrack.set_experiment("a")
    with nbtrack.start_run() as run:
        pass
    nbtrack.set_experiment("b")

    model = nbtrack.initialize_logged_model("tree", source_run_id=run.run_id)

    assert model.experiment_id == run.info.experiment_id
    nbtrack.delete_run(run.run_id)
    with pytest.raises(DeletedError):
        nbtrack.initialize_logged_model("tree", source_run_id=run.run_id)


def test_last_logged_model_is_that_of_the_thread() -> None:
    found: list[object] = []
    nbtrack.create_external_model("mine")

    thread = threading.Thread(target=lambda: found.append(nbtrack.last_logged_model()))
    thread.start()
    thread.join()

    assert found == [None]
    assert nbtrack.last_logged_model().name == "mine"  # type: ignore[union-attr]


def test_looking_for_models_makes_no_store(tmp_path: Path) -> None:
    assert nbtrack.last_logged_model() is None
    assert names() == []
    assert nbtrack.search_logged_models().empty
    with pytest.raises(NotFoundError, match="There is no store"):
        nbtrack.get_logged_model("m-1")

    assert not Path(nbtrack.get_tracking_uri()).exists()


def test_only_ready_and_failed_are_final() -> None:
    model = nbtrack.initialize_logged_model("tree")

    assert nbtrack.finalize_logged_model(model.model_id, "FAILED").status == "FAILED"
    assert nbtrack.finalize_logged_model(model.model_id, LoggedModelStatus.READY).status == "READY"
    for wrong in ("PENDING", "UNSPECIFIED", "ready"):
        with pytest.raises(InvalidValueError):
            nbtrack.finalize_logged_model(model.model_id, wrong)


# ---- changed -------------------------------------------------------------------------------------


def test_params_and_tags_of_a_model() -> None:
    model = nbtrack.create_external_model("tree")

    nbtrack.log_model_params({"lr": 0.1}, model.model_id)
    nbtrack.set_logged_model_tags(model.model_id, {"stage": 1, "team": "nlp"})
    nbtrack.delete_logged_model_tag(model.model_id, "stage")

    found = nbtrack.get_logged_model(model.model_id)
    assert found.params == {"lr": "0.1"}
    assert found.tags["team"] == "nlp"
    assert "stage" not in found.tags
    with pytest.raises(ParamConflictError):
        nbtrack.log_model_params({"lr": 0.2}, model.model_id)
    with pytest.raises(InvalidValueError, match="No model is active"):
        nbtrack.log_model_params({"lr": 0.2})
    with nbtrack.set_active_model(model_id=model.model_id):
        nbtrack.log_model_params({"depth": 3})
    assert nbtrack.get_logged_model(model.model_id).params["depth"] == "3"


def test_a_deleted_model_comes_back() -> None:
    model = nbtrack.create_external_model("tree")

    nbtrack.delete_logged_model(model.model_id)
    assert names() == []
    with pytest.raises(NotFoundError, match="It was deleted"):
        nbtrack.get_logged_model(model.model_id)
    nbtrack.restore_logged_model(model.model_id)

    assert names() == ["tree"]


def test_files_of_a_model_by_id(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "weights").write_text("w")
    client = nbtrack.MlflowClient()
    with nbtrack.start_run() as run:
        nbtrack.initialize_logged_model("net")
        model = nbtrack.initialize_logged_model("net")
    alone = client.create_logged_model("0", "alone", tags={"a": "b"})

    for each in (model, alone):
        client.log_model_artifacts(each.model_id, str(tmp_path / "mine"))
        client.log_model_artifact(each.model_id, str(tmp_path / "mine" / "weights"), "deep/er")

        assert [info.path for info in client.list_logged_model_artifacts(each.model_id)] == [
            "deep",
            "weights",
        ]
        assert [info.path for info in client.list_logged_model_artifacts(each.model_id, "deep/er")] == [
            "deep/er/weights"
        ]
        with pytest.raises(InvalidValueError, match=r"'\.\.' would leave"):
            client.list_logged_model_artifacts(each.model_id, "..")
        with pytest.raises(InvalidValueError, match=r"'\.\.' would leave"):
            client.log_model_artifact(each.model_id, str(tmp_path / "mine" / "weights"), "../up")
    assert [info.path for info in nbtrack.list_artifacts(run.run_id)] == ["net-2"]
    assert alone.tags == {"a": "b"}
    assert nbtrack.artifacts.load_text(f"runs:/{run.run_id}/net-2/weights") == "w"


# ---- metrics -------------------------------------------------------------------------------------


def test_a_metric_of_a_model_is_in_the_run_and_on_the_model() -> None:
    model = nbtrack.create_external_model("tree")
    with nbtrack.start_run() as run:
        nbtrack.log_metric("acc", 0.5, step=1, model_id=model.model_id)
        nbtrack.log_metrics({"acc": 0.7, "loss": 0.1}, step=2, model_id=model.model_id)
        nbtrack.log_batch([Metric("batch", 3.0, 1, 0, model_id=model.model_id), Metric("plain", 1.0, 1, 0)])
        nbtrack.log_metric("other", 1)

    assert values(model.model_id) == {"acc": 0.7, "loss": 0.1, "batch": 3.0}
    assert run.data.metrics == {"acc": 0.7, "loss": 0.1, "batch": 3.0, "plain": 1.0, "other": 1.0}
    assert [point.value for point in nbtrack.get_metric_history(run.run_id, "acc")] == [0.5, 0.7]
    assert run.inputs.model_inputs == [LoggedModelInput(model.model_id)]
    (point,) = [each for each in nbtrack.get_logged_model(model.model_id).metrics or () if each.key == "acc"]
    assert (point.step, point.run_id, point.model_id) == (2, run.run_id, model.model_id)


def test_a_metric_of_a_model_on_data_says_so() -> None:
    model = nbtrack.create_external_model("tree")
    data = nbtrack.data.from_numpy(np.arange(4), name="four")
    with nbtrack.start_run() as run:
        nbtrack.log_metric("acc", 0.5, model_id=model.model_id, dataset=data)

    (point,) = nbtrack.get_logged_model(model.model_id).metrics or ()
    assert (point.dataset_name, point.dataset_digest) == ("four", data.digest)
    assert run.inputs.dataset_inputs[0].dataset.name == "four"
    assert names(filter_string="metrics.acc = 0.5", datasets=[{"dataset_name": "four"}]) == ["tree"]
    assert names(filter_string="metrics.acc = 0.5", datasets=[{"dataset_name": "five"}]) == []


def test_a_metric_of_a_model_that_is_not_there_is_refused_and_not_logged() -> None:
    with nbtrack.start_run() as run:
        for log in (
            lambda: nbtrack.log_metric("acc", 0.5, model_id="m-missing"),
            lambda: nbtrack.log_metrics({"acc": 0.5}, model_id="m-missing"),
        ):
            with pytest.raises(NotFoundError, match="m-missing"):
                log()
        with pytest.raises(InvalidTypeError, match="acc"):
            nbtrack.log_metric("acc", "much", model_id="m-missing")

        assert run.data.metrics == {}


def test_metrics_at_the_step_of_a_model_of_the_run_are_measured_of_it() -> None:
    with nbtrack.start_run() as run:
        first, second = nbtrack.create_external_model("net"), nbtrack.create_external_model("net")
        nbtrack.log_outputs([LoggedModelOutput(first.model_id, 1), LoggedModelOutput(second.model_id, 2)])
        for step in range(4):
            nbtrack.log_metric("acc", step / 10, step=step)
        nbtrack.log_metrics({"loss": 0.5}, step=2)
    with nbtrack.start_run(run.run_id):
        nbtrack.log_metric("later", 1, step=1)

    assert values(first.model_id) == {"acc": 0.1, "later": 1.0}
    assert values(second.model_id) == {"acc": 0.2, "loss": 0.5}
    assert run.inputs.model_inputs == []
    assert nbtrack.get_run(run.run_id).data.summaries["acc"].count == 4


def test_what_a_thread_logs_is_measured_of_its_active_model() -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_metric("before", 1)
        with nbtrack.set_active_model(name="agent") as outer:
            assert nbtrack.get_active_model_id() == outer.model_id
            nbtrack.log_metric("acc", 0.5)
            with nbtrack.set_active_model(name="inner") as inner:
                nbtrack.log_metrics({"acc": 0.7, "loss": 1})
            nbtrack.log_metric("acc", 0.6)
            with nbtrack.start_run(nested=True):
                nbtrack.log_metric("nested", 1)
            nbtrack.log_metric("by id", 1, run_id=run.run_id)
        nbtrack.log_metric("after", 1)

    assert nbtrack.get_active_model_id() is None
    assert values(outer.model_id) == {"acc": 0.6, "nested": 1.0, "by id": 1.0}
    assert values(inner.model_id) == {"acc": 0.7, "loss": 1.0}
    assert {"before", "after"} <= set(run.data.metrics)


def test_an_active_model_is_found_by_name_the_newest_first() -> None:
    nbtrack.create_external_model("agent")
    newest = nbtrack.create_external_model("agent")
    other = nbtrack.create_external_model("it's")

    with pytest.warns(UserWarning, match="several models named 'agent'"):
        assert nbtrack.set_active_model(name="agent").model_id == newest.model_id
    assert nbtrack.set_active_model(name="it's").model_id == other.model_id
    assert nbtrack.set_active_model(name="agent", model_id=newest.model_id).model_id == newest.model_id
    with pytest.raises(InvalidValueError, match="is named 'agent', not 'other'"):
        nbtrack.set_active_model(name="other", model_id=newest.model_id)
    with pytest.raises(InvalidValueError, match="takes a name or a model_id"):
        nbtrack.set_active_model()
    with pytest.raises(NotFoundError):
        nbtrack.set_active_model(model_id="m-missing")

    assert nbtrack.get_active_model_id() == newest.model_id
    nbtrack.clear_active_model()
    assert nbtrack.get_active_model_id() is None
    assert len(names()) == 3


@pytest.mark.parametrize("prefix", ["NBTRACK", "MLFLOW"])
def test_the_settings_name_the_first_active_model(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = nbtrack.Tracker()
    model = tracker.create_external_model("agent")
    monkeypatch.setenv(f"{prefix}_ACTIVE_MODEL_ID", model.model_id)

    with tracker.start_run():
        tracker.log_metric("acc", 0.5)
        tracker.clear_active_model()
        tracker.log_metric("acc", 0.6)

    assert tracker.get_active_model_id() is None
    assert [metric.value for metric in tracker.get_logged_model(model.model_id).metrics or ()] == [0.5]


def test_training_goes_on_when_the_active_model_is_gone() -> None:
    model = nbtrack.create_external_model("agent")
    with nbtrack.start_run() as run, nbtrack.set_active_model(model_id=model.model_id):
        nbtrack.log_metric("acc", 0.1)
        nbtrack.delete_logged_model(model.model_id)
        with pytest.warns(RuntimeWarning, match="kept in the run alone"):
            nbtrack.log_metric("acc", 0.2)
        nbtrack.log_metric("acc", 0.3)
        nbtrack.set_tag("still", "here")

    assert nbtrack.get_run(run.run_id).data.metrics == {"acc": 0.3}
    assert nbtrack.get_run(run.run_id).data.tags["still"] == "here"


def test_a_point_that_no_model_is_told_of_is_appended_as_ever() -> None:
    with nbtrack.start_run() as run:
        plain = run._append
        nbtrack.log_metric("acc", 0.1)
        model = nbtrack.create_external_model("agent")
        nbtrack.log_metric("acc", 0.1, model_id=model.model_id)

        assert run._append is plain


# ---- inputs and outputs --------------------------------------------------------------------------


def test_models_are_inputs_and_outputs_of_a_run() -> None:
    used, made = nbtrack.create_external_model("used"), nbtrack.create_external_model("made")
    data = nbtrack.data.from_numpy(np.arange(3), name="three")
    with nbtrack.start_run() as run:
        nbtrack.log_input(model=used)
        nbtrack.log_input(data, "train", model=LoggedModelInput(made.model_id))
        nbtrack.log_inputs([None, data], [None, "test"], [None, None], [used.model_id, None])
        run.log_outputs([LoggedModelOutput(made.model_id, 3)])
    nbtrack.MlflowClient().log_outputs(run.run_id, [LoggedModelOutput(used.model_id, 1)])
    nbtrack.MlflowClient().log_inputs(run.run_id, [], [LoggedModelInput(used.model_id)])

    found = nbtrack.get_run(run.run_id)
    assert found.inputs.model_inputs == [LoggedModelInput(used.model_id), LoggedModelInput(made.model_id)]
    assert [each.context for each in found.inputs.dataset_inputs] == ["test"]
    assert found.outputs.model_outputs == [
        LoggedModelOutput(made.model_id, 3),
        LoggedModelOutput(used.model_id, 1),
    ]
    assert found.to_dictionary()["inputs"]["model_inputs"] == [
        {"model_id": used.model_id},
        {"model_id": made.model_id},
    ]


def test_what_is_no_model_is_refused() -> None:
    with nbtrack.start_run() as run:
        for call, error in (
            (lambda: run.log_input(model=3), InvalidTypeError),
            (lambda: run.log_input(model="m-missing"), NotFoundError),
            (lambda: run.log_outputs(["m-missing"]), InvalidTypeError),
            (lambda: run.log_outputs([LoggedModelOutput("m-missing", 1)]), NotFoundError),
            (lambda: run.log_outputs([LoggedModelOutput("m-missing", "1")]), InvalidTypeError),  # type: ignore[arg-type]
        ):
            with pytest.raises(error):
                call()

        assert (run.inputs.model_inputs, run.outputs.model_outputs) == ([], [])


# ---- searches ------------------------------------------------------------------------------------


def test_a_search_answers_with_mlflows_frame_or_a_list() -> None:
    with nbtrack.start_run():
        for number in range(3):
            model = nbtrack.initialize_logged_model(f"net {number}", params={"n": number})
            nbtrack.log_metric("acc", number / 10, model_id=model.model_id)

    frame = nbtrack.search_logged_models(order_by=[{"field_name": "metrics.acc", "ascending": False}])

    assert list(frame.columns) == [
        "artifact_location",
        "creation_timestamp",
        "experiment_id",
        "last_updated_timestamp",
        "metrics",
        "model_id",
        "model_type",
        "name",
        "params",
        "source_run_id",
        "status",
        "status_message",
        "tags",
    ]
    assert list(frame["name"]) == ["net 2", "net 1", "net 0"]
    assert set(frame["status"]) == {LoggedModelStatus.PENDING}
    assert names() == ["net 2", "net 1", "net 0"]
    assert names(filter_string="params.n >= 1", order_by="name", max_results=1) == ["net 1"]
    assert names(filter_string=nbtrack.Query().params.n == "1") == ["net 1"]
    assert list(nbtrack.search_logged_models(filter_string="name = 'x'").columns) == list(frame.columns)
    for wrong in ({"output_format": "polars"}, {"max_results": 0}, {"filter_string": "nme = 'a'"}):
        with pytest.raises(InvalidValueError):
            nbtrack.search_logged_models(**wrong)  # type: ignore[arg-type]


def test_a_search_in_experiments_that_are_not_there_says_so() -> None:
    experiment_id = nbtrack.create_experiment("trees")
    nbtrack.create_external_model("alone", experiment_id=experiment_id)

    with pytest.warns(UserWarning, match="No experiment with the id 'nope'"):
        assert names(experiment_ids=["nope"]) == []
    with pytest.warns(UserWarning, match=rf"It is the name of one: experiment_ids=\['{experiment_id}'\]"):
        assert names(experiment_ids=["trees", experiment_id]) == ["alone"]
    with pytest.raises(
        InvalidValueError, match=r"no experiment id.*filter_string=\.\.\., get_experiment_by_name"
    ):
        names(experiment_ids="name = 'alone'")
    with pytest.raises(InvalidTypeError, match=r"given as a list, got float 3\.5"):
        names(experiment_ids=3.5)


def test_what_loads_a_model_is_known_however_it_was_logged() -> None:
    with nbtrack.start_run():
        nbtrack.pyfunc.log_model(python_model=lambda rows: rows, name="at once", pip_requirements=[])
        model = nbtrack.initialize_logged_model("before")
        nbtrack.log_model(
            lambda rows: rows, name="before", model_id=model.model_id, flavor="python", pip_requirements=[]
        )

    found = nbtrack.search_logged_models(output_format="list")
    assert {model.name: list(model.flavors) for model in found} == {
        "at once": ["python_function"],
        "before": ["python_function"],
    }


def test_a_search_looks_in_the_active_experiment_unless_told_otherwise() -> None:
    nbtrack.set_experiment("a")
    first = nbtrack.create_external_model("in a")
    nbtrack.set_experiment("b")
    nbtrack.create_external_model("in b")

    assert names() == ["in b"]
    assert names(experiment_ids=[first.experiment_id]) == ["in a"]
    client = nbtrack.MlflowClient()
    page = client.search_logged_models([first.experiment_id, names_id("b")], max_results=1)
    rest = client.search_logged_models(
        [first.experiment_id, names_id("b")], max_results=1, page_token=page.token
    )
    assert [page[0].name, rest[0].name, rest.token] == ["in b", "in a", None]
    assert client.search_logged_models([]) == []


def names_id(name: str) -> str:
    found = nbtrack.get_experiment_by_name(name)
    assert found is not None
    return found.experiment_id


# ---- switched off, and MLflow's arguments --------------------------------------------------------


def test_switched_off_everything_is_taken_and_nothing_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "1")
    model = nbtrack.initialize_logged_model("net")
    with nbtrack.start_run() as run, nbtrack.set_active_model(name="agent"):
        nbtrack.log_metric("acc", 1, model_id=model.model_id)
        nbtrack.log_metric("acc", 1)
        nbtrack.log_outputs([LoggedModelOutput(model.model_id, 1)])
        nbtrack.log_model_params({"a": 1})
        nbtrack.set_logged_model_tags(model.model_id, {"a": 1})
        nbtrack.delete_logged_model_tag(model.model_id, "a")
        assert run.outputs.model_outputs == []
    nbtrack.clear_active_model()
    assert nbtrack.finalize_logged_model(model.model_id, "READY") == nbtrack.get_logged_model(model.model_id)
    assert nbtrack.MlflowClient().list_logged_model_artifacts(model.model_id) == []
    assert names() == []

    assert not Path(nbtrack.get_tracking_uri()).exists()


MLFLOW = {
    "create_external_model": ["name", "source_run_id", "tags", "params", "model_type", "experiment_id"],
    "initialize_logged_model": ["name", "source_run_id", "tags", "params", "model_type", "experiment_id"],
    "finalize_logged_model": ["model_id", "status"],
    "get_logged_model": ["model_id"],
    "last_logged_model": [],
    "search_logged_models": [
        "experiment_ids",
        "filter_string",
        "datasets",
        "max_results",
        "order_by",
        "output_format",
    ],
    "log_model_params": ["params", "model_id"],
    "set_logged_model_tags": ["model_id", "tags"],
    "delete_logged_model_tag": ["model_id", "key"],
    "log_outputs": ["models"],
    "set_active_model": ["name", "model_id"],
    "get_active_model_id": [],
    "clear_active_model": [],
}
CLIENT = {
    "create_logged_model": ["experiment_id", "name", "source_run_id", "tags", "params", "model_type"],
    "get_logged_model": ["model_id"],
    "finalize_logged_model": ["model_id", "status"],
    "delete_logged_model": ["model_id"],
    "set_logged_model_tags": ["model_id", "tags"],
    "delete_logged_model_tag": ["model_id", "key"],
    "log_model_params": ["model_id", "params"],
    "log_model_artifact": ["model_id", "local_path", "artifact_path"],
    "log_model_artifacts": ["model_id", "local_dir", "artifact_path"],
    "list_logged_model_artifacts": ["model_id", "path"],
    "search_logged_models": [
        "experiment_ids",
        "filter_string",
        "datasets",
        "max_results",
        "order_by",
        "page_token",
    ],
    "log_outputs": ["run_id", "models"],
    "log_inputs": ["run_id", "datasets", "models"],
}


@pytest.mark.parametrize(
    ("holder", "name", "arguments"),
    [(nbtrack, *each) for each in MLFLOW.items()]
    + [(nbtrack.MlflowClient(), *each) for each in CLIENT.items()],
)
def test_arguments_are_mlflows_in_its_order(holder: object, name: str, arguments: list[str]) -> None:
    ours = list(inspect.signature(getattr(holder, name)).parameters)

    assert ours[: len(arguments)] == arguments
