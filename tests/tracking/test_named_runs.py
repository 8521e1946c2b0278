"""Which run a person means: names, ids, attempts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import nbtrack
from nbtrack.core.entities import Run, ViewType
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.core.lineages import CellIdentity
from nbtrack.tracking.named_runs import find_run
from nbtrack.tracking.tracker import Tracker


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    found = Tracker(store=tmp_path / "store")
    yield found
    found.close()


def attempt(
    tracker: Tracker, name: str | None = None, *, cell_id: str = "a", status: str = "FINISHED"
) -> str:
    run = tracker.start_cell_run(cell=CellIdentity(folder="/", name=name, cell_id=cell_id))
    tracker.finish(run, status)
    return run.run_id


def numbers(runs: list[Run]) -> list[str]:
    return [run.data.tags["nbtrack.attempt"] for run in runs]


def test_a_name_is_the_latest_attempt_and_a_number_behind_it_another_one(tracker: Tracker) -> None:
    ids = [attempt(tracker, "tree") for _ in range(11)]

    assert find_run(tracker, "tree").info.run_id == ids[10]
    assert find_run(tracker, "tree#2").info.run_id == ids[1]
    assert find_run(tracker, "tree#11").info.run_id == ids[10]
    assert find_run(tracker, f"{ids[4]}#2").info.run_id == ids[1]
    assert find_run(tracker, ids[4]).info.run_id == ids[4]


def test_an_attempt_that_is_not_there_is_said_with_how_many_there_have_been(tracker: Tracker) -> None:
    attempt(tracker, "tree")
    attempt(tracker, "tree")
    tracker.finish(tracker.start_run(run_name="plain"), "FINISHED")

    with pytest.raises(NotFoundError, match=r"No attempt 'tree#3'\. 'tree' has had 2\."):
        find_run(tracker, "tree#3")
    with pytest.raises(NotFoundError, match=r"No attempt 'plain#1'\. No tracked cell has made 'plain'\."):
        find_run(tracker, "plain#1")
    with pytest.raises(NotFoundError, match="No run 'nobody#1'"):
        find_run(tracker, "nobody#1")


def test_a_run_that_is_called_so_wins_over_the_attempt(tracker: Tracker) -> None:
    attempt(tracker, "tree")
    called = attempt(tracker, "tree#1")

    assert find_run(tracker, "tree#1").info.run_id == called
    assert find_run(tracker, "tree#1#1").info.run_id == called


def test_only_different_lineages_are_ambiguous(tracker: Tracker) -> None:
    for _ in range(3):
        attempt(tracker, "tree")
    tracker.set_experiment("other")
    attempt(tracker, "tree")

    with pytest.raises(
        InvalidValueError, match=r"(?s)2 runs are meant by 'tree'.*tree ↻ 3  in Default"
    ) as said:
        find_run(tracker, "tree")
    assert len(str(said.value).splitlines()) == 3
    with pytest.raises(InvalidValueError, match="2 runs are meant by 'tree#1'"):
        find_run(tracker, "tree#1")
    assert numbers([find_run(tracker, "tree#2")]) == ["2"]


def test_deleted_attempts_are_meant_only_by_number_or_when_all_are(tracker: Tracker) -> None:
    ids = [attempt(tracker, "tree") for _ in range(3)]
    tracker.delete_run(ids[2])

    assert find_run(tracker, "tree").info.run_id == ids[1]
    assert find_run(tracker, "tree#3").info.run_id == ids[2]
    assert find_run(tracker, "tree", deleted=True).info.run_id == ids[2]


def test_a_renamed_attempt_is_found_by_its_own_name_and_still_has_its_number(tracker: Tracker) -> None:
    ids = [attempt(tracker) for _ in range(2)]
    name = tracker.get_run(ids[0]).info.run_name
    tracker.update_run(ids[1], name="better")

    assert find_run(tracker, name).info.run_id == ids[0]
    assert find_run(tracker, "better").info.run_id == ids[1]
    assert find_run(tracker, f"{name}#2").info.run_id == ids[1]


def test_attempts_are_the_runs_of_the_lineage_in_order(tracker: Tracker) -> None:
    ids = [attempt(tracker, "tree", status=status) for status in ("FINISHED", "FAILED", "FINISHED")]
    tracker.delete_run(ids[0])

    for meant in ("tree", "tree#2", ids[1], ids[1][:12], tracker.get_run(ids[2])):
        assert numbers(tracker.attempts(meant)) == ["2", "3"]
    assert numbers(tracker.attempts("tree", ViewType.ALL)) == ["1", "2", "3"]
    assert numbers(tracker.attempts("tree", ViewType.DELETED_ONLY)) == ["1"]


def test_a_run_that_no_cell_made_is_alone_and_nothing_is_no_run(tracker: Tracker) -> None:
    with pytest.raises(NotFoundError, match="There is no store"):
        tracker.attempts("plain")
    run = tracker.start_run(run_name="plain")
    tracker.finish(run, "FINISHED")

    assert [each.info.run_id for each in tracker.attempts("plain")] == [run.run_id]
    with pytest.raises(NotFoundError):
        tracker.attempts("nobody")
    assert Tracker(enabled=False).attempts("plain") == []


def test_searches_may_have_one_run_for_each_lineage() -> None:
    tracker = nbtrack.Tracker()
    for accuracy in (0.7, 0.9, 0.8):
        run = tracker.start_cell_run(cell=CellIdentity(folder="/", name="tree"))
        run.log_metric("accuracy", accuracy)
        tracker.finish(run, "FINISHED")

    def found(**asked: object) -> list[str]:
        return numbers(tracker.search_runs(output_format="list", one_per_lineage=True, **asked))

    assert found() == ["3"]
    assert found(order_by=["metrics.accuracy DESC"]) == ["2"]
    assert found(filter_string="metrics.accuracy < 0.75") == ["1"]
    with pytest.raises(InvalidValueError, match="one_per_lineage needs output_format"):
        tracker.search_runs(one_per_lineage=True)
    tracker.close()
