"""What every store must do with logged models."""

import json
from typing import TYPE_CHECKING

import pytest

from nbtrack.core.entities import Metric, ViewType
from nbtrack.core.errors import (
    AlreadyExistsError,
    DeletedError,
    InvalidTypeError,
    InvalidValueError,
    NotFoundError,
    ParamConflictError,
)
from nbtrack.core.logged_models import LoggedModel, LoggedModelStatus
from nbtrack.core.model_links import LoggedModelInput, LoggedModelOutput
from nbtrack.documents.ordering import Order
from nbtrack.documents.queries import Query
from nbtrack.stores.contracts import Store

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def run_id(store: Store) -> str:
    return store.runs.create("0", "one", tags={})


def ready(store: Store, run_id: str | None, name: str = "model", step: int | None = None) -> LoggedModel:
    return store.logged_models.create(
        "0", name, source_run_id=run_id, step=step, status="READY", as_output=True
    )


def log(store: Store, run_id: str, *points: tuple[str, float, int]) -> None:
    writer = store.writer(run_id, owner=False)
    for number, (key, value, step) in enumerate(points):
        writer.append(key, value, step, 1000 + number)
    writer.close()


def names(store: Store, view: int = ViewType.ACTIVE_ONLY) -> list[str]:
    return [model.name for model in store.logged_models.search(order_by=[Order(("name",))], view=view)]


def test_a_model_comes_back_as_it_was_made(store: Store, run_id: str) -> None:
    made = store.logged_models.create(
        "0", "nets/first", source_run_id=run_id, model_type="agent", tags={"a": "b"}, params={"lr": "0.1"}
    )

    found = store.logged_models.get(made.model_id)

    assert found == made
    assert found.status == LoggedModelStatus.PENDING == "PENDING"
    assert (found.name, found.path, found.model_type) == ("nets/first", "nets/first", "agent")
    assert found.tags == {"a": "b"}
    assert found.params == {"lr": "0.1"}
    assert found.model_uri == f"models:/{made.model_id}"
    assert found.artifact_location == f"{store.runs.get(run_id).info.artifact_uri}/nets/first"
    assert len(found.model_id) == 34


def test_a_model_without_a_name_gets_one(store: Store) -> None:
    assert store.logged_models.create("0").name


def test_what_cannot_be_made_says_why(store: Store, run_id: str) -> None:
    deleted = store.runs.create("0", "deleted", tags={})
    store.runs.delete(deleted)
    create = store.logged_models.create
    made = create("0", "model", source_run_id=run_id)

    with pytest.raises(NotFoundError, match="experiment"):
        create("17", "model")
    with pytest.raises(NotFoundError, match="run"):
        create("0", "model", source_run_id="0" * 32)
    with pytest.raises(DeletedError, match="Restore it"):
        create("0", "model", source_run_id=deleted)
    with pytest.raises(AlreadyExistsError, match=made.model_id):
        create("0", "other", model_id=made.model_id)
    with pytest.raises(AlreadyExistsError, match="'model' already"):
        create("0", "other", source_run_id=run_id, path="model")
    with pytest.raises(InvalidValueError, match=r"'\.\.' would leave"):
        create("0", "../up")
    with pytest.raises(InvalidValueError, match="name of a model is empty"):
        create("0", "")
    with pytest.raises(InvalidTypeError, match="is text, got int"):
        create("0", 3)  # type: ignore[arg-type]
    assert names(store) == ["model"]


def test_the_run_says_what_it_made(store: Store, run_id: str) -> None:
    first = ready(store, run_id, step=3)
    second = ready(store, run_id, "other")

    outputs = store.runs.get(run_id).outputs

    assert outputs.model_outputs == [
        LoggedModelOutput(first.model_id, 3),
        LoggedModelOutput(second.model_id, 0),
    ]
    assert outputs.to_dictionary()["model_outputs"][0] == {"model_id": first.model_id, "step": 3}
    assert store.runs.search()[0].outputs == outputs


def test_outputs_and_inputs_can_be_said_later(store: Store, run_id: str) -> None:
    model, other = (
        store.logged_models.create("0", "a", source_run_id=run_id),
        store.logged_models.create("0", "b"),
    )

    store.logged_models.log_outputs(run_id, [LoggedModelOutput(model.model_id, 1)])
    store.logged_models.log_outputs(run_id, [LoggedModelOutput(model.model_id, 2)])
    store.logged_models.log_inputs(run_id, [other.model_id, other.model_id])
    store.logged_models.log_inputs(run_id, [other.model_id])

    run = store.runs.get(run_id)
    assert run.outputs.model_outputs == [LoggedModelOutput(model.model_id, 2)]
    assert run.inputs.model_inputs == [LoggedModelInput(other.model_id)]
    with pytest.raises(NotFoundError, match="m-missing"):
        store.logged_models.log_inputs(run_id, ["m-missing"])
    with pytest.raises(NotFoundError, match="m-missing"):
        store.logged_models.log_outputs(run_id, [LoggedModelOutput("m-missing", 1)])
    assert store.runs.get(run_id) == run


def test_the_tag_of_a_run_lists_its_models_and_stays_short(store: Store, run_id: str) -> None:
    long = {"sklearn": {"pickled_model": "x" * 3000}}
    for number in range(40):
        store.logged_models.create(
            "0",
            f"m{number}",
            source_run_id=run_id,
            flavors=long if number % 2 else {"python_function": {"env": "e"}},
        )

    text = store.runs.get(run_id).data.tags["mlflow.log-model.history"]

    assert len(text) <= 8000
    last = json.loads(text)[-2:]
    assert [entry["artifact_path"] for entry in last] == ["m38", "m39"]
    assert [entry["flavors"] for entry in last] == [{"python_function": {"env": "e"}}, {"sklearn": {}}]
    assert set(last[0]) == {"run_id", "artifact_path", "utc_time_created", "model_uuid", "flavors"}
    assert last[0]["run_id"] == run_id


def test_a_model_can_take_over_what_its_run_has_logged(store: Store, run_id: str) -> None:
    store.runs.set_params(run_id, {"lr": "0.1"})
    log(
        store, run_id, ("loss", 0.9, 0), ("loss", 0.5, 1), ("loss", 0.2, 2), ("acc", 0.8, 1), ("late", 1.0, 7)
    )
    store.runs.link_metric(run_id, "acc", ("iris", "abc"))

    def copied(step: int | None) -> list[tuple[str, float, int]]:
        model = store.logged_models.create("0", source_run_id=run_id, step=step, copy_from_run=True)
        assert model.params == {"lr": "0.1"}
        return sorted((metric.key, metric.value, metric.step) for metric in model.metrics or ())

    assert copied(1) == [("acc", 0.8, 1), ("loss", 0.5, 1)]
    assert copied(2) == [("loss", 0.2, 2)]
    assert copied(5) == []
    assert copied(None) == [("acc", 0.8, 1), ("late", 1.0, 7), ("loss", 0.2, 2)]
    newest = store.logged_models.search()[0]
    (acc,) = [metric for metric in newest.metrics or () if metric.key == "acc"]
    assert (acc.dataset_name, acc.dataset_digest) == ("iris", "abc")
    assert (acc.run_id, acc.model_id) == (run_id, newest.model_id)


def test_a_model_keeps_the_last_point_of_each_metric_on_each_data_set(store: Store, run_id: str) -> None:
    model_id = ready(store, run_id).model_id

    def point(value: float, step: int, digest: str | None) -> Metric:
        return Metric(
            "acc",
            value,
            1000,
            step,
            dataset_name="iris" if digest else None,
            dataset_digest=digest,
            run_id=run_id,
        )

    store.logged_models.log_metrics(model_id, [point(0.1, 0, None), point(0.2, 1, None)])
    store.logged_models.log_metrics(model_id, [point(0.3, 1, "a"), point(0.9, 2, "b"), point(0.4, 0, "b")])

    model = store.logged_models.get(model_id)
    assert [(each.value, each.step, each.dataset_digest) for each in model.metrics or ()] == [
        (0.2, 1, None),
        (0.3, 1, "a"),
        (0.9, 2, "b"),
    ]
    found: list[Callable[[], object]] = [
        lambda: store.logged_models.search(condition=Query().metrics.acc.last == 0.9),
        lambda: store.logged_models.search(condition=Query().metrics.acc.min < 0.2),
    ]
    assert [look() for look in found] == [[model], [model]]


def test_a_model_keeps_only_so_many_metrics(store: Store, run_id: str) -> None:
    model_id = ready(store, run_id).model_id
    store.logged_models.log_metrics(model_id, [Metric(f"m{number}", 1.0, 1, 0) for number in range(1000)])

    with pytest.warns(UserWarning, match=r"keeps 1,000 metrics; 'new' is one too many"):
        store.logged_models.log_metrics(model_id, [Metric("new", 1.0, 1, 0), Metric("m5", 2.0, 2, 1)])

    metrics = {metric.key: metric.value for metric in store.logged_models.get(model_id).metrics or ()}
    assert "new" not in metrics
    assert metrics["m5"] == 2.0


def test_params_are_written_once_and_tags_change(store: Store) -> None:
    model = store.logged_models.create("0", "model", tags={"a": "1"}, params={"lr": "0.1"})

    store.logged_models.log_params(model.model_id, {"lr": "0.1", "depth": "3"})
    with pytest.raises(ParamConflictError, match="'lr'"):
        store.logged_models.log_params(model.model_id, {"width": "1", "lr": "0.2"})
    store.logged_models.set_tags(model.model_id, {"a": "2", "b": "3"})
    store.logged_models.delete_tag(model.model_id, "b")
    with pytest.raises(NotFoundError, match="'b'"):
        store.logged_models.delete_tag(model.model_id, "b")

    found = store.logged_models.get(model.model_id)
    assert found.params == {"lr": "0.1", "depth": "3"}
    assert found.tags == {"a": "2"}
    assert found.last_updated_timestamp >= model.last_updated_timestamp


def test_a_model_is_finalized(store: Store) -> None:
    model = store.logged_models.create("0", "model")

    failed = store.logged_models.finalize(model.model_id, "FAILED", "no space left")

    assert failed == store.logged_models.get(model.model_id)
    assert (failed.status, failed.status_message) == (LoggedModelStatus.FAILED, "no space left")
    assert store.logged_models.finalize(model.model_id, LoggedModelStatus.READY).status_message is None
    with pytest.raises(InvalidValueError, match="'done' is no status"):
        store.logged_models.finalize(model.model_id, "done")


def test_a_model_says_what_it_can_be_loaded_with(store: Store, run_id: str) -> None:
    made = store.logged_models.create("0", "a", source_run_id=run_id, flavors={"sklearn": {}, "onnx": {}})
    first = store.logged_models.create("0", "b")
    then = store.logged_models.finalize(first.model_id, "READY", flavors=["xgboost"])

    assert list(store.logged_models.get(made.model_id).flavors) == ["sklearn", "onnx"]
    assert (list(first.flavors), list(then.flavors)) == ([], ["xgboost"])
    assert list(store.logged_models.finalize(first.model_id, "READY").flavors) == ["xgboost"]


def test_a_deleted_model_is_gone_until_it_is_restored(store: Store, run_id: str) -> None:
    model_id = ready(store, run_id).model_id

    store.logged_models.delete(model_id)
    store.logged_models.delete(model_id)

    for way in (
        lambda: store.logged_models.get(model_id),
        lambda: store.logged_models.set_tags(model_id, {"a": "b"}),
        lambda: store.logged_models.artifacts(model_id),
    ):
        with pytest.raises(NotFoundError, match="It was deleted"):
            way()
    assert names(store) == []
    assert names(store, ViewType.DELETED_ONLY) == names(store, ViewType.ALL) == ["model"]
    assert store.logged_models.find_model(run_id, "model").model is None
    assert store.logged_models.get(model_id, deleted=True).model_id == model_id
    assert store.logged_models.artifacts(model_id, deleted=True)[1] == "model"
    with pytest.raises(NotFoundError, match="It was looked for in"):
        store.logged_models.get("m-" + "0" * 32, deleted=True)
    store.logged_models.restore(model_id)
    assert names(store) == ["model"]


def test_the_models_of_a_deleted_run_or_experiment_are_not_listed(store: Store) -> None:
    experiment_id = store.experiments.create("other")
    first, second = (store.runs.create(experiment_id, name, tags={}) for name in ("a", "b"))
    for run_id, name in ((first, "a1"), (first, "a2"), (second, "b1"), (None, "lone")):
        store.logged_models.create(experiment_id, name, source_run_id=run_id)
    gone = store.logged_models.create(experiment_id, "gone", source_run_id=first)
    store.logged_models.delete(gone.model_id)

    store.runs.delete(first)
    assert names(store) == ["b1", "lone"]
    store.experiments.delete(experiment_id)
    assert names(store) == []
    store.experiments.restore(experiment_id)
    assert names(store) == ["b1", "lone"]
    store.runs.restore(first)
    assert names(store) == ["a1", "a2", "b1", "lone"]
    assert store.logged_models.get(store.logged_models.search(limit=1)[0].model_id)


def test_a_run_that_is_restored_out_of_a_deleted_experiment_brings_its_models(store: Store) -> None:
    experiment_id = store.experiments.create("other")
    run_id = store.runs.create(experiment_id, "a", tags={})
    store.logged_models.create(experiment_id, "mine", source_run_id=run_id)
    store.logged_models.create(experiment_id, "lone")
    store.experiments.delete(experiment_id)

    store.runs.restore(run_id)

    assert names(store) == ["mine"]


# ---- paths ---------------------------------------------------------------------------------------


def test_models_of_one_name_lie_beside_each_other(store: Store, run_id: str) -> None:
    paths = [ready(store, run_id, name).path for name in ("model", "model", "a/b", "model", "a/b", "model-2")]

    assert paths == ["model", "model-2", "a/b", "model-3", "a/b-2", "model-2-2"]
    assert store.logged_models.free_path(run_id, "model") == "model-4"


def test_a_path_that_an_artifact_has_is_not_free(store: Store, run_id: str) -> None:
    store.runs.artifacts(run_id).save_bytes("nets/model", lambda file: file.write(b"mine") and None)

    assert store.logged_models.free_path(run_id, "nets/model") == "nets/model-2"
    assert store.logged_models.free_path(run_id, "nets/other") == "nets/other"


def test_the_name_means_the_highest_step_then_the_latest(store: Store, run_id: str) -> None:
    find = store.logged_models.find_model
    early, late = ready(store, run_id, step=5), ready(store, run_id, step=2)
    assert find(run_id, "model") == (early, "model")
    again = ready(store, run_id, step=5)
    assert find(run_id, "model/MLmodel") == (again, "model-3/MLmodel")
    assert find(run_id, "model-2/data/x") == (late, "model-2/data/x")

    store.logged_models.delete(again.model_id)
    assert find(run_id, "model/") == (early, "model")
    assert find(run_id, "plots/model") == (None, "plots/model")
    assert find("0" * 32, "model") == (None, "model")


def test_a_model_that_is_ready_goes_before_one_that_is_not(store: Store, run_id: str) -> None:
    made = ready(store, run_id)

    failed = store.logged_models.create("0", "model", source_run_id=run_id, step=9, status="FAILED")

    assert store.logged_models.find_model(run_id, "model").model == made
    assert store.logged_models.find_model(run_id, "model-2").model == failed


def test_the_name_of_a_model_inside_another_is_found(store: Store, run_id: str) -> None:
    outer, inner = ready(store, run_id, "a"), ready(store, run_id, "a/b")

    assert store.logged_models.find_model(run_id, "a/b/c") == (inner, "a/b/c")
    assert store.logged_models.find_model(run_id, "a/c") == (outer, "a/c")


def test_files_of_a_model_lie_in_its_run_or_in_a_place_of_their_own(store: Store, run_id: str) -> None:
    ready(store, run_id)
    in_run, alone = ready(store, run_id), store.logged_models.create("0", "alone")

    for model in (in_run, alone):
        artifacts, folder = store.logged_models.artifacts(model.model_id)
        artifacts.save_bytes(f"{folder}/w", lambda file: file.write(b"mine") and None)

    assert [info.path for info in store.runs.artifacts(run_id).list("model-2")] == ["model-2/w"]
    artifacts, folder = store.logged_models.artifacts(alone.model_id)
    assert [info.path for info in artifacts.list(folder)] == [f"{folder}/w"]
    assert alone.artifact_location.endswith(f"/{folder}")
    assert alone.artifact_location == store.logged_models.get(alone.model_id).artifact_location
    assert alone.model_id in alone.artifact_location


# ---- searches ------------------------------------------------------------------------------------


def test_pages_hold_every_model_once_also_while_others_come_and_go(store: Store) -> None:
    for number in range(25):
        store.logged_models.create("0", f"m{number:02}", params={"group": str(number % 3)})
    order = [Order(("params", "group"), True)]

    page = store.logged_models.search(["0"], order_by=order, limit=7)
    found = list(page)
    while page.token:
        store.logged_models.create("0", "new", params={"group": "9"})
        page = store.logged_models.search(["0"], order_by=order, limit=7, after=page.token)
        found += page

    assert sorted(model.name for model in found) == [f"m{number:02}" for number in range(25)]
    groups = [model.params["group"] for model in found]
    assert groups == sorted(groups, reverse=True)


def test_a_search_stays_in_its_experiments(store: Store) -> None:
    other = store.experiments.create("other")
    store.logged_models.create("0", "here")
    store.logged_models.create(other, "there")

    assert [model.name for model in store.logged_models.search([other])] == ["there"]
    assert store.logged_models.search([]) == []
    assert [model.name for model in store.logged_models.search()] == ["there", "here"]
