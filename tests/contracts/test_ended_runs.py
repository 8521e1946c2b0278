"""What every store must do with runs that have ended before they are kept."""

import time

import pytest

from nbtrack.core.datasets import Dataset, DatasetInput, InputTag
from nbtrack.core.ended_runs import EndedRun
from nbtrack.core.entities import RunStatus
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.documents.queries import Query
from nbtrack.stores.contracts import Store

NAN = float("nan")


def parent(store: Store, **tags: str) -> str:
    return store.runs.create("0", "search", tags=tags)


def test_children_are_kept_whole_and_in_the_order_given(store: Store) -> None:
    data = DatasetInput(Dataset("iris", "abc", "code", "{}", '{"columns": 4}'), (InputTag("for", "train"),))
    children = [
        EndedRun(
            f"candidate {number}",
            1000 + number,
            2000 + number,
            params={"depth": str(number)},
            points=[("score", 0.5 * number, 0), ("score", 0.6, 1), ("time", NAN, 0)],
            tags={"kind": "tree"},
            inputs=[data],
        )
        for number in range(3)
    ]

    run_ids = store.add_children(parent(store), children)

    runs = [store.runs.get(run_id) for run_id in run_ids]
    assert [run.info.run_name for run in runs] == ["candidate 0", "candidate 1", "candidate 2"]
    assert [(run.info.start_time, run.info.end_time) for run in runs] == [
        (1000, 2000),
        (1001, 2001),
        (1002, 2002),
    ]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert [run.data.params for run in runs] == [{"depth": "0"}, {"depth": "1"}, {"depth": "2"}]
    assert runs[2].data.metrics["score"] == 0.6
    summary = runs[2].data.summaries["score"]
    assert (summary.count, summary.max, summary.max_step) == (2, 1.0, 0)
    assert runs[2].data.summaries["time"].nan_count == 1
    assert runs[2].data.sketches["score"] == (1.0, 0.6)
    assert [tuple(point) for point in store.runs.points(run_ids[2], "score")] == [
        (0, 2002, 1.0),
        (1, 2002, 0.6),
    ]
    assert runs[0].inputs.dataset_inputs == (data,)


def test_children_come_from_where_their_parent_does(store: Store) -> None:
    experiment = store.experiments.create("trees")
    source = {"mlflow.user": "ann", "mlflow.source.name": "trees.py", "mlflow.source.git.commit": "c0ffee"}
    source |= {"nbtrack.session": "5e5510", "nbtrack.cell.number": "3", "nbtrack.cell.id": "ab"}
    above = store.runs.create(
        experiment, "search", tags={**source, "team": "nlp", "mlflow.note.content": "x"}
    )

    (run_id,) = store.add_children(above, [EndedRun("one", 1, 2)])

    run = store.runs.get(run_id)
    assert (run.info.experiment_id, run.info.user_id) == (experiment, "ann")
    assert run.data.tags == {**source, "mlflow.parentRunId": above, "mlflow.runName": "one"}


def test_children_are_found_and_changed_like_any_run(store: Store) -> None:
    above = parent(store)
    good, bad = store.add_children(
        above,
        [
            EndedRun("good", 1, 2, points=[("score", 0.9, 0)]),
            EndedRun("bad", 1, 2, status=RunStatus.FAILED, points=[("score", 0.1, 0)]),
        ],
    )

    writer = store.writer(good, owner=False)
    writer.append("score", 0.95, 1, 3000)
    writer.close()
    writer.release()
    store.runs.set_tags(bad, {"seen": "yes"})
    found = store.runs.search(condition=Query().metrics["score"]["last"] > 0.9)

    assert [run.info.run_name for run in found] == ["good"]
    assert store.runs.get(good).data.summaries["score"].count == 2
    assert (store.runs.get(bad).info.status, store.runs.get(bad).data.tags["seen"]) == ("FAILED", "yes")
    assert not store.runs.is_open(good)


def test_when_one_child_cannot_be_kept_none_is(store: Store) -> None:
    above = parent(store)
    nameless = DatasetInput(Dataset("", "abc", "code", "{}"))

    with pytest.raises(InvalidValueError, match="name of a data set is empty"):
        store.add_children(above, [EndedRun("good", 1, 2), EndedRun("bad", 1, 2, inputs=[nameless])])
    with pytest.raises(NotFoundError):
        store.add_children("f" * 32, [EndedRun("orphan", 1, 2)])

    assert [run.info.run_id for run in store.runs.search()] == [above]
    assert store.add_children(above, []) == []


def test_a_hundred_children_are_kept_in_far_less_than_a_second(store: Store) -> None:
    children = [
        EndedRun(f"candidate {number}", 1, 2, params={"depth": str(number)}, points=[("score", 0.5, 0)])
        for number in range(100)
    ]
    above = parent(store)

    began = time.process_time()  # of this process alone: others may be at work
    store.add_children(above, children)
    took = time.process_time() - began

    assert took < 0.5
