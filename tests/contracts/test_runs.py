"""What every store must do with runs."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.entities import Run, RunStatus, ViewType
from nbtrack.core.errors import InvalidStateError, NbtrackError, NotFoundError, ParamConflictError
from nbtrack.documents.queries import Query
from nbtrack.documents.tables import Order
from nbtrack.stores.contracts import Store

TRICKY = ["loss", "val/loss", "a.b", 'q"uo\\te', "日本 語", "nul\0", "$float", "half \ud800", "x" * 300, " "]


def begin(store: Store, name: str = "one", **tags: str) -> str:
    return store.runs.create("0", name, tags=tags)


def log(store: Store, run_id: str, points: list[tuple[str, float, int, int]]) -> None:
    writer = store.writer(run_id, owner=True)
    for key, value, step, timestamp in points:
        writer.append(key, value, step, timestamp)
    writer.close()


def finished(store: Store, name: str, points: list[tuple[str, float, int, int]] = (), **params: str) -> str:  # type: ignore[assignment]
    run_id = begin(store, name)
    store.runs.set_params(run_id, params)
    log(store, run_id, list(points))
    store.runs.end(run_id, RunStatus.FINISHED, tags={})
    return run_id


def names(runs: list[Run]) -> list[str]:
    return [run.info.run_name for run in runs]


def test_a_new_run_is_running_and_knows_its_start(store: Store) -> None:
    run = store.runs.get(begin(store, "first", team="nlp"))

    assert (run.info.run_name, run.info.status, run.info.experiment_id) == ("first", "RUNNING", "0")
    assert run.info.end_time is None
    assert run.info.lifecycle_stage == "active"
    assert run.info.start_time > 1_600_000_000_000
    assert len(run.info.run_id) == 32
    assert run.data.tags == {"team": "nlp", "mlflow.runName": "first"}
    assert run.data.params == run.data.metrics == {}


def test_points_are_seen_at_once_and_summarised(store: Store) -> None:
    run_id = begin(store)
    writer = store.writer(run_id, owner=True)

    for step, value in enumerate([3.0, 1.0, 2.0]):
        writer.append("loss", value, step, 1000 + step)

    summary = store.runs.get(run_id).data.summaries["loss"]
    assert (summary.last, summary.last_step, summary.last_timestamp) == (2.0, 2, 1002)
    assert (summary.min, summary.min_step, summary.max, summary.max_step) == (1.0, 1, 3.0, 0)
    assert (summary.mean, summary.count) == (2.0, 3)
    assert store.runs.get(run_id).data.metrics == {"loss": 2.0}
    assert store.runs.get(run_id).data.sketches == {"loss": (3.0, 1.0, 2.0)}
    writer.close()


@given(
    st.lists(
        st.tuples(st.floats(), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**62)),
        min_size=1,
        max_size=20,
    )
)
def test_points_come_back_bit_for_bit(store: Store, points: list[tuple[float, int, int]]) -> None:
    run_id = begin(store)
    log(store, run_id, [("m", value, step, timestamp) for value, step, timestamp in points])

    for _ in range(2):  # before and after folding
        found = store.runs.points(run_id, "m").tolist()
        expected = sorted(points, key=lambda point: point[2])
        assert [(struct.pack("<d", value), step, timestamp) for step, timestamp, value in found] == [
            (struct.pack("<d", value), step, timestamp) for value, step, timestamp in expected
        ]
        store.runs.end(run_id, RunStatus.FINISHED, tags={})


@pytest.mark.parametrize("key", TRICKY, ids=ascii)
def test_any_text_is_a_key(store: Store, key: str) -> None:
    run_id = begin(store)
    log(store, run_id, [(key, 0.5, 1, 7)])
    store.runs.set_params(run_id, {key: "param"})
    store.runs.set_tags(run_id, {key: "tag"})

    for _ in range(2):
        data = store.runs.get(run_id).data
        assert data.metrics == {key: 0.5}
        assert data.params == {key: "param"}
        assert data.tags[key] == "tag"
        assert store.runs.points(run_id, key).tolist() == [(1, 7, 0.5)]
        store.runs.end(run_id, RunStatus.FINISHED, tags={})


def test_many_keys_in_one_run(store: Store) -> None:
    run_id = begin(store)
    log(store, run_id, [(f"metric {index}", float(index), 0, 1) for index in range(3000)])

    store.runs.end(run_id, RunStatus.FINISHED, tags={})

    assert store.runs.get(run_id).data.metrics == {f"metric {index}": float(index) for index in range(3000)}
    assert store.runs.points(run_id, "metric 2999").tolist() == [(0, 1, 2999.0)]


def test_a_long_history_is_one_array(store: Store) -> None:
    run_id = begin(store)
    log(store, run_id, [("loss", index / 2, index, index) for index in range(20_000)])
    store.runs.end(run_id, RunStatus.FINISHED, tags={})

    points = store.runs.points(run_id, "loss")

    assert np.array_equal(points["step"], np.arange(20_000))
    assert np.array_equal(points["value"], np.arange(20_000) / 2)
    assert store.runs.get(run_id).data.summaries["loss"].count == 20_000
    assert len(store.runs.get(run_id).data.sketches["loss"]) <= 64


def test_folding_again_and_again_counts_each_point_once(store: Store) -> None:
    run_id = begin(store)
    first, second = store.writer(run_id, owner=True), store.writer(run_id, owner=False)

    for index in range(50):
        (first if index % 2 else second).append("loss", float(index), index, index)
        if index % 7 == 0:
            store.runs.fold(run_id)
    first.close()
    second.close()
    store.runs.end(run_id, RunStatus.FINISHED, tags={})
    store.runs.fold(run_id)

    summary = store.runs.get(run_id).data.summaries["loss"]
    assert (summary.count, summary.mean, summary.min, summary.max) == (50, pytest.approx(24.5), 0.0, 49.0)
    assert len(store.runs.points(run_id, "loss")) == 50


def test_points_are_read_on_from_where_reading_ended(store: Store) -> None:
    run_id = begin(store)
    writer = store.writer(run_id, owner=True)

    read, place = store.runs.points_since(run_id)
    for step in range(3):
        writer.append("loss", step / 2, step, 1000)
    first, place = store.runs.points_since(run_id, place)
    none, place = store.runs.points_since(run_id, place)
    store.runs.fold(run_id)
    for step in range(200):  # as many are read by other means
        writer.append("acc", float(step), step, 1000)
    writer.append("loss", float("nan"), 3, 1000)
    second, place = store.runs.points_since(run_id, place)
    writer.close()

    assert (read, first, none) == ({}, {"loss": ([0, 1, 2], [0.0, 0.5, 1.0])}, {})
    assert second["acc"] == (list(range(200)), [float(step) for step in range(200)])
    assert (second["loss"][0], str(second["loss"][1])) == ([3], "[nan]")
    assert all(type(each) is float for each in second["acc"][1])


def test_an_unknown_metric_has_no_points_and_an_unknown_run_is_an_error(store: Store) -> None:
    run_id = begin(store)

    assert store.runs.points(run_id, "nothing").tolist() == []
    for ask in (store.runs.get, store.runs.fold, lambda missing: store.runs.points(missing, "loss")):
        with pytest.raises(NotFoundError, match="f" * 32):
            ask("f" * 32)
    with pytest.raises(NotFoundError):
        store.runs.set_params("f" * 32, {"lr": "1"})
    with pytest.raises(NotFoundError):
        store.runs.end("f" * 32, RunStatus.FINISHED, tags={})


def test_a_param_is_written_once_and_a_conflict_writes_nothing(store: Store) -> None:
    run_id = begin(store)
    store.runs.set_params(run_id, {"lr": "0.1", "depth": "3"})

    store.runs.set_params(run_id, {"lr": "0.1"})
    with pytest.raises(ParamConflictError, match=r"'lr'.*'0.1'.*'0.2'"):
        store.runs.set_params(run_id, {"new": "1", "lr": "0.2"})

    assert store.runs.get(run_id).data.params == {"lr": "0.1", "depth": "3"}


@pytest.mark.parametrize(
    "value",
    ["", "x" * 2_000_000, "nul\0", "half \ud800", "'; drop table runs; --"],
    ids=lambda v: ascii(v)[:20],
)
def test_params_of_any_length_and_text_are_kept_whole(store: Store, value: str) -> None:
    run_id = begin(store)

    store.runs.set_params(run_id, {"p": value})

    assert store.runs.get(run_id).data.params["p"] == value


def test_tags_are_overwritten_and_the_name_tag_renames(store: Store) -> None:
    run_id = begin(store, "before")

    store.runs.set_tags(run_id, {"stage": "draft"})
    store.runs.set_tags(run_id, {"stage": "final", "mlflow.runName": "after"})

    run = store.runs.get(run_id)
    assert run.data.tags["stage"] == "final"
    assert run.info.run_name == "after"


def test_a_run_ends_with_its_status_and_can_be_resumed(store: Store) -> None:
    run_id = begin(store)
    store.runs.end(run_id, RunStatus.FAILED, end_time=5, tags={"why": "boom"})
    ended = store.runs.get(run_id)

    resumed = store.runs.resume(run_id, run_name="again", tags={"more": "1"})

    assert (ended.info.status, ended.info.end_time, ended.data.tags["why"]) == ("FAILED", 5, "boom")
    assert (resumed.info.status, resumed.info.run_name, resumed.data.tags["more"]) == (
        "RUNNING",
        "again",
        "1",
    )


def test_search_filters_orders_and_pages(store: Store) -> None:
    for index in range(6):
        finished(store, f"run {index}", [("acc", index / 10, 0, 1)], model="tree" if index % 2 else "linear")
    trees = Query().params.model == "tree"
    by_accuracy = [Order(("metrics", "acc", "last"), True)]

    assert names(store.runs.search(condition=trees, order_by=by_accuracy)) == ["run 5", "run 3", "run 1"]
    assert names(store.runs.search(order_by=by_accuracy, limit=2, offset=1)) == ["run 4", "run 3"]
    assert names(store.runs.search(experiment_ids=["none"])) == []
    assert len(store.runs.search(view=ViewType.ALL)) == 6
    assert store.runs.search(view=ViewType.DELETED_ONLY) == []


def test_search_sees_running_runs_as_they_are_now(store: Store) -> None:
    done = finished(store, "done", [("acc", 0.5, 0, 1)])
    running = begin(store, "running")
    writer = store.writer(running, owner=True)
    writer.append("acc", 0.9, 0, 1)
    good = Query().metrics.acc.last > 0.7
    by_accuracy = [Order(("metrics", "acc", "last"), True)]

    assert names(store.runs.search(condition=good)) == ["running"]
    writer.append("acc", 0.1, 1, 2)
    assert store.runs.search(condition=good) == []
    assert names(store.runs.search(order_by=by_accuracy)) == ["done", "running"]
    assert [run.info.run_id for run in store.runs.search(order_by=by_accuracy, limit=1, offset=1)] == [
        running
    ]
    assert store.runs.search(with_sketches=True, order_by=by_accuracy)[1].data.sketches["acc"] == (0.9, 0.1)
    assert done != running
    writer.close()


@pytest.mark.parametrize("descending", [False, True])
def test_nan_comes_after_values_and_missing_after_nan(store: Store, descending: bool) -> None:
    for name, values in (("nan", [math.nan]), ("none", []), ("low", [-math.inf]), ("high", [2.0])):
        finished(store, name, [("m", value, 0, 1) for value in values])

    found = names(store.runs.search(order_by=[Order(("metrics", "m", "last"), descending)]))

    assert found == [*(["high", "low"] if descending else ["low", "high"]), "nan", "none"]


def test_without_an_order_the_latest_start_comes_first(store: Store) -> None:
    for name, start in (("old", 1), ("new", 3), ("middle", 2)):
        store.runs.create("0", name, tags={}, start_time=start)

    assert names(store.runs.search()) == ["new", "middle", "old"]


def test_the_default_experiment_is_there_and_names_are_unique(store: Store) -> None:
    assert store.experiments.get("0").name == "Default"
    made = store.experiments.create("digits", {"team": "nlp"})

    with pytest.raises(NbtrackError, match="'digits' exists already"):
        store.experiments.create("digits")

    assert store.experiments.get(made).tags == {"team": "nlp"}
    assert store.experiments.ensure("digits").experiment_id == made
    assert store.experiments.find("nothing") is None
    assert {each.name for each in store.experiments.search()} == {"Default", "digits"}
    with pytest.raises(NotFoundError, match="'12345'"):
        store.experiments.get("12345")


def test_a_deleted_run_cannot_be_resumed(store: Store) -> None:
    run_id = finished(store, "gone")
    store.documents.table("runs").update({"lifecycle_stage": "deleted"}, Query().run_id == run_id)

    with pytest.raises(InvalidStateError, match="deleted"):
        store.runs.resume(run_id, tags={})

    assert store.runs.search() == []
    assert names(store.runs.search(view=ViewType.DELETED_ONLY)) == ["gone"]


def test_a_deleted_run_is_kept_and_comes_back(store: Store) -> None:
    run_id = finished(store, "one", [("loss", 0.5, 0, 1)])

    store.runs.delete(run_id)
    store.runs.delete(run_id)

    assert names(store.runs.search()) == []
    assert names(store.runs.search(view=ViewType.DELETED_ONLY)) == ["one"]
    assert store.runs.get(run_id).data.metrics == {"loss": 0.5}

    store.runs.restore(run_id)
    store.runs.restore(run_id)

    assert names(store.runs.search()) == ["one"]
    for verb in (store.runs.delete, store.runs.restore):
        with pytest.raises(NotFoundError, match="nowhere"):
            verb("nowhere")


def test_a_tag_is_taken_off(store: Store) -> None:
    run_id = begin(store, team="nlp", owner="ada")

    store.runs.delete_tag(run_id, "owner")

    assert "owner" not in store.runs.get(run_id).data.tags
    assert store.runs.get(run_id).data.tags["team"] == "nlp"
    with pytest.raises(NotFoundError, match=rf"Run {run_id} has no tag 'tean'\. Did you mean 'team'\?"):
        store.runs.delete_tag(run_id, "tean")
    with pytest.raises(NotFoundError, match="nowhere"):
        store.runs.delete_tag("nowhere", "team")


def test_status_and_name_are_changed_by_id(store: Store) -> None:
    run_id = begin(store, "old")

    store.runs.update(run_id, status=RunStatus.FAILED, run_name="new")

    ended = store.runs.get(run_id)
    assert (ended.info.status, ended.info.run_name) == ("FAILED", "new")
    assert ended.data.tags["mlflow.runName"] == "new"
    assert ended.info.end_time is not None

    store.runs.update(run_id, status=RunStatus.SCHEDULED)

    waiting = store.runs.get(run_id).info
    assert (waiting.status, waiting.end_time) == ("SCHEDULED", None)


def test_a_run_that_is_written_is_not_taken_over(store: Store) -> None:
    run_id = begin(store)
    before = store.documents.table("runs").get(Query().run_id == run_id)["writer"]

    store.runs.take_over(run_id)

    assert store.documents.table("runs").get(Query().run_id == run_id)["writer"] == before


def test_a_run_whose_writer_is_gone_is_taken_over_and_running_again(store: Store) -> None:
    run_id = begin(store)
    gone = {"pid": 2**22 + 1, "started": 1.0}
    table = store.documents.table("runs")
    table.update(lambda document: document["writer"].update(gone), Query().run_id == run_id)
    assert store.runs.get(run_id).info.status == "KILLED"

    store.runs.take_over(run_id)

    assert store.runs.get(run_id).info.status == "RUNNING"


def test_a_killed_run_stays_killed_when_somebody_logs_to_it(store: Store) -> None:
    run_id = begin(store)
    store.runs.end(run_id, RunStatus.KILLED, tags={})

    store.runs.take_over(run_id)

    assert store.runs.get(run_id).info.status == "KILLED"
    assert not store.runs.is_open(run_id)


def test_a_metric_knows_its_data_set(store: Store) -> None:
    run_id = begin(store)

    store.runs.link_metric(run_id, "loss", ["iris", "0a1b"])

    assert store.runs.metric_dataset(run_id, "loss") == ("iris", "0a1b")
    assert store.runs.metric_dataset(run_id, "other") is None


def test_assumed_params_give_way_to_what_is_logged_before_and_after(store: Store) -> None:
    run_id = store.runs.create("0", "run", tags={})
    store.runs.set_params(run_id, {"early": "1"})

    store.runs.set_params(run_id, {"early": "2", "late": "2", "kept": "2"}, assumed=True)
    store.runs.set_params(run_id, {"late": "3"})

    assert store.runs.get(run_id).data.params == {"early": "1", "late": "3", "kept": "2"}
    for taken in ({"late": "4"}, {"early": "4"}):
        with pytest.raises(ParamConflictError):
            store.runs.set_params(run_id, taken)
