"""Comparisons with parents and children."""

from typing import Any

import pytest

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.queries import Query
from nbtrack.filters.relations import resolve
from nbtrack.filters.run_filter import parse_filter
from nbtrack.tracking.tracker import Tracker


@pytest.fixture
def names(tracker: Tracker) -> Any:
    with tracker.start_run(run_name="sweep"):
        for depth, loss in ((3, 0.7), (6, 0.05)):
            with tracker.start_run(run_name=f"inner {depth}", nested=True) as run:
                run.log_param("depth", depth)
                run.log_metric("loss", loss)
                if depth == 6:
                    with tracker.start_run(run_name="leaf", nested=True):
                        tracker.log_metric("loss", 0.01)
    with tracker.start_run(run_name="alone"):
        tracker.log_param("depth", 3)
    moving = tracker.start_run(run_name="moving")
    with tracker.start_run(run_name="inner of moving", nested=True):
        tracker.log_metric("loss", 0.9)
    moving.log_metric("loss", 0.5)

    def search(text: str) -> list[str]:
        found = tracker.search_runs(filter_string=text, output_format="list")
        frame = tracker.search_runs(filter_string=text)
        assert frame["run_id"].tolist() == [run.info.run_id for run in found]
        return sorted(run.info.run_name for run in found)

    return search


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parent.run_name = 'sweep'", ["inner 3", "inner 6"]),
        ("parent.run_name = 'sweep' and params.depth > 3", ["inner 6"]),
        ("parent.params.depth = 6", ["leaf"]),
        ("parent.metrics.loss = 0.5 and parent.status = 'running'", ["inner of moving"]),
        ("children.metrics.loss < 0.1", ["inner 6", "sweep"]),
        ("children.metrics.loss < 0.1 and children.params.depth = 3", ["sweep"]),
        ("children.metrics.loss > 0.8", ["moving"]),
        ("children.run_id is not null and not children.metrics.loss > 0.6", ["inner 6"]),
        ("not parent.run_id is not null", ["alone", "moving", "sweep"]),
        ("parent.params.depth is null", ["inner 3", "inner 6", "inner of moving"]),
        ("parent.run_name = 'nobody' or children.run_name = 'nobody'", []),
        ("not (parent.run_name like '%' or children.run_name like '%')", ["alone"]),
    ],
)
def test_runs_are_found_by_those_above_and_below(names: Any, text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_a_condition_without_relations_stays_as_it_is() -> None:
    condition = parse_filter("metrics.loss < 1 and not (params.lr = 1 or dataset.name = 'x')")

    assert resolve(condition, lambda _: pytest.fail("nothing to look up")) is condition
    assert resolve(None, lambda _: []) is None


def test_an_unresolved_relation_is_never_taken_for_an_answer() -> None:
    condition: Any = parse_filter("parent.run_name = 'sweep'")

    with pytest.raises(InvalidValueError, match="needs other runs"):
        condition({"run_id": "a"})
    assert condition == parse_filter("parent.run_name = 'sweep'")
    assert condition != parse_filter("children.run_name = 'sweep'")


def test_each_relation_is_looked_up_once() -> None:
    asked: list[Any] = []
    condition = parse_filter(
        "parent.run_name = 'a' and (children.status = 'FAILED' or not parent.run_name = 'b')"
    )

    resolved = resolve(condition, lambda inner: asked.append(inner) or [])

    assert len(asked) == 3
    assert asked[0] == (Query().run_name == "a")
    assert not resolved({"run_id": "a", "tags": {}})
