"""What two runs of a store differ in, whatever is there of them."""

from pathlib import Path

import pytest

import nbtrack
from nbtrack.core.cells import ExecutedCell, Slice, SliceCell
from nbtrack.core.errors import InvalidTypeError, NotFoundError
from nbtrack.tracking.tracker import Tracker


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(store=Path("store"))


def record(tracker: Tracker, name: str, *cells: str, lr: float = 0.1, **tags: str) -> str:
    """A run with a slice of these cells."""
    with tracker.start_run(
        run_name=name, tags={f"nbtrack.{key}": value for key, value in tags.items()}
    ) as run:
        run.log_param("lr", lr)
        run.log_metric("accuracy", 1 - lr)
        if cells:
            held = [SliceCell(ExecutedCell(at, text), text, ()) for at, text in enumerate(cells, start=1)]
            run.log_dict(Slice(tuple(held)).to_dictionary(), "slice.json")
            run.log_text(cells[-1], "cell.py")
    return run.info.run_id


def test_runs_are_given_as_they_are_at_hand(tracker: Tracker) -> None:
    before, after = record(tracker, "a", "fit(1)"), record(tracker, "b", "fit(2)", lr=0.05)
    entity = tracker.get_run(after)

    found = [tracker.diff(before, after), tracker.diff(tracker.get_run(before), entity)]
    with tracker.start_run(run_id=after) as active:
        found.append(tracker.diff(before, active))

    for each in found:
        assert [row.values for row in each.params if row.differs] == [("0.1", "0.05")]
        assert [row.verdicts[1] for row in each.metrics] == ["better"]
        assert [cell.kind for cell in each.cells] == ["changed"]


def test_what_is_no_run_is_refused(tracker: Tracker) -> None:
    run_id = record(tracker, "a")

    with pytest.raises(InvalidTypeError, match="A run is given as such, by its id or its name, got int"):
        tracker.diff(run_id, 3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(NotFoundError):
        tracker.diff(run_id, "f" * 32)


def test_a_single_run_is_compared_with_the_attempt_before_it(tracker: Tracker) -> None:
    ids = [record(tracker, "fit", f"fit({at})", lineage="l", attempt=str(at)) for at in (1, 2, 10, 11)]
    record(tracker, "other", lineage="m", attempt="10")
    tracker.delete_run(ids[2])

    found = tracker.diff(ids[3])

    assert (found.before.info.run_id, found.after.info.run_id) == (ids[1], ids[3])
    assert found.names == ("fit#2", "fit#11")


def test_a_run_without_an_attempt_before_it_needs_another_one(tracker: Tracker) -> None:
    first, lone = record(tracker, "fit", lineage="l", attempt="1"), record(tracker, "lone")

    for run_id in (first, lone):
        with pytest.raises(NotFoundError, match=r"No attempt before run .* Give two runs"):
            tracker.diff(run_id)


def test_a_run_that_kept_only_code_is_compared_by_it(tracker: Tracker) -> None:
    before, after = record(tracker, "a"), record(tracker, "b", "import os", "fit(2)")
    tracker.log_text("fit(1)", "cell.py", run_id=before)
    tracker.log_text("fit(1.5)", "cell-2.py", run_id=before)

    found = tracker.diff(before, after)

    assert [
        (each.before.source, each.after.source) for each in found.cells if each.before and each.after
    ] == [("fit(1.5)", "fit(2)")]
    assert "only the tracked cell is known" in found.notes[0]


def test_a_slice_that_cannot_be_read_is_as_none(tracker: Tracker) -> None:
    before, after = record(tracker, "a", "fit(1)"), record(tracker, "b", "fit(2)")
    for text in ("{}", "[1]", "torn", '{"cells": [{"number": 1}]}', '{"cells": []}'):
        tracker.log_text(text, "slice.json", run_id=before)

        found = tracker.diff(before, after)

        assert [each.kind for each in found.cells] == ["changed"]


def test_deleted_runs_running_runs_and_runs_without_anything_are_compared(tracker: Tracker) -> None:
    deleted, bare = record(tracker, "deleted", "fit(1)"), tracker.create_run("0").info.run_id
    tracker.delete_run(deleted)

    found = tracker.diff(deleted, bare)

    assert [row.values for row in found.params] == [("0.1", None)]
    assert [row.values for row in found.metrics] == [(0.9, None)]
    assert found.before.info.status != found.after.info.status
    assert "status" in str(found)


def test_packages_are_compared_where_both_are_known(tracker: Tracker) -> None:
    runs = [record(tracker, name) for name in "abc"]
    store = tracker._store()
    for run_id, version in zip(runs, ("1.0", "2.0"), strict=False):
        held = {"python": {"version": "3"}, "packages": {"numpy": version}}
        tracker.tag_run(run_id, {"nbtrack.environment": store.environments.save(held)})
    tracker.tag_run(runs[2], {"nbtrack.environment": "0" * 64})

    known, unknown = tracker.diff(*runs[:2]), tracker.diff(*runs[1:])

    assert [row.values for row in known.packages] == [("1.0", "2.0")]
    assert unknown.packages == ()
    assert unknown.notes == (f"The packages of 'c' ({runs[2][:8]}) are not known.",)


def test_the_experiment_says_what_is_better(tracker: Tracker) -> None:
    runs: list[str] = []
    for value in (1.0, 2.0):
        with tracker.start_run() as run:
            run.log_metric("size", value)
        runs.append(run.info.run_id)
    tracker.set_experiment_tag("mlflow.experiment.primaryMetric.name", "size")
    tracker.set_experiment_tag("mlflow.experiment.primaryMetric.greaterIsBetter", "false")

    found = tracker.diff(*runs)

    assert found.metrics[0].verdicts == (None, "worse")


def test_a_run_of_another_store_is_compared_by_what_it_holds(tracker: Tracker) -> None:
    elsewhere = Tracker(store=Path("elsewhere"))
    other = elsewhere.get_run(record(elsewhere, "other", "fit(1)", lr=0.3))
    here = record(tracker, "here", "fit(2)")

    found = tracker.diff(other, here)

    assert [row.values for row in found.params] == [("0.3", "0.1")]
    assert found.notes[0].startswith("The code of 'other'")


def test_nbtrack_compares_runs_of_the_default_store() -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_param("lr", 1)

    assert not nbtrack.diff(run, run).differs
