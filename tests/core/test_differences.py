"""What differs between two runs, as plain data."""

import json
import math
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.cells import ExecutedCell, Slice, SliceCell
from nbtrack.core.comparisons import ComparedMetric
from nbtrack.core.differences import Difference, RunEvidence, difference
from nbtrack.core.metric_changes import change_words
from tests.core.test_comparisons import make_run

_ENVIRONMENT = {
    "python": {"version": "3.11.7", "implementation": "cpython"},
    "platform": {"system": "Linux"},
    "packages": {"numpy": "2.1", "six": "1", "platform": "1.0"},
}
_OPPOSITE = {"added": "removed", "removed": "added", "better": "worse", "worse": "better"}


def slice_of(*sources: str) -> Slice:
    return Slice(
        tuple(SliceCell(ExecutedCell(at, text), text, ()) for at, text in enumerate(sources, start=1))
    )


def full(name: str, *sources: str, **held: Any) -> RunEvidence:
    return RunEvidence(make_run(name, **held), slice_of(*sources) if sources else None, _ENVIRONMENT)


def before_and_after() -> tuple[RunEvidence, RunEvidence]:
    before = full(
        "a",
        "lr = 0.1\nfit(lr)",
        params={"lr": "0.1", "model": "tree", "old": "1"},
        metrics={"accuracy": [0.5], "loss": [3.0, 1.0, 2.0], "gone": [1.0], "same": [1.0]},
        tags={"team": "nlp", "mlflow.source.git.commit": "a" * 40, "mlflow.source.git.dirty": "false"},
        data=(("iris", "11"),),
    )
    after = full(
        "b",
        "import os",
        "lr = 0.05\nfit(lr)",
        params={"lr": "0.05", "model": "tree"},
        metrics={"accuracy": [0.75], "loss": [3.0, 2.0], "same": [1.0], "fresh": [math.nan]},
        tags={
            "mlflow.source.git.commit": "b" * 40,
            "mlflow.source.git.dirty": "true",
            "nbtrack.git.changed_files": "1",
        },
        data=(("iris", "22"),),
    )
    packages = {"numpy": "2.2", "six": "1", "platform": "1.0", "torch": "3"}
    return before, replace(after, environment={**_ENVIRONMENT, "packages": packages})


def values(rows: Any) -> dict[str, tuple[Any, ...]]:
    return {row.key: row.values for row in rows if row.differs}


def test_everything_that_a_reviewer_asks_for_is_compared() -> None:
    found = difference(*before_and_after())

    assert values(found.params) == {"lr": ("0.1", "0.05"), "old": ("1", None)}
    assert list(values(found.metrics)) == ["accuracy", "loss.min", "gone", "fresh"]
    assert [each.kind for each in found.cells] == ["added", "changed"]
    assert values(found.packages) == {"numpy": ("2.1", "2.2"), "torch": (None, "3")}
    assert values(found.git) == {"commit": ("a" * 40, "b" * 40), "not committed": ("nothing", "1 file")}
    assert values(found.data) == {"iris (train)": ("11", "22")}
    assert values(found.tags) == {"team": ("nlp", None)}
    assert found.environment[0].values == ("cpython 3.11.7", "cpython 3.11.7")


def test_a_line_says_what_it_comes_to() -> None:
    found = difference(*before_and_after())

    assert found.counts == [
        "metrics: 1 better, 1 worse, 2 other",
        "2 params",
        "2 cells (2 lines)",
        "2 packages",
        "git",
        "data",
        "tags",
    ]
    assert repr(found) == (
        "<Difference 'a' → 'b': accuracy 0.5000 → 0.7500 ▲ +0.2500 (+50.0%) better; "
        f"{'; '.join(found.counts)}>"
    )


def test_a_run_does_not_differ_from_itself() -> None:
    run, _ = before_and_after()

    found = difference(run, run)

    assert not found.differs
    assert found.counts == []
    assert repr(found) == "<Difference 'a (aaaaaaaa)' → 'a (aaaaaaaa)': nothing differs>"
    assert found.to_dictionary()["params"] == {}
    assert found.to_dictionary(everything=True)["params"]["lr"] == {"before": "0.1", "after": "0.1"}


def test_how_a_run_ended_counts() -> None:
    run, _ = before_and_after()
    failed = replace(run, run=replace(run.run, info=replace(run.run.info, status="FAILED")))

    found = difference(run, failed)

    assert found.differs
    assert repr(found).endswith(": the status differs>")


def mirrored(found: dict[str, Any]) -> dict[str, Any]:
    """The plain data of a difference, as that of the other way round must be, whatever stands first."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            swap = {"before": "after", "after": "before", "left": "right", "right": "left"}
            swap |= {"before_marks": "after_marks", "after_marks": "before_marks"}
            return {
                swap.get(key, key): _OPPOSITE.get(each, each) if key in ("kind", "verdict") else turned(each)
                for key, each in value.items()
                # How much less is another share than how much more.
                if key not in ("delta", "share")
            }
        return [turned(each) for each in value] if isinstance(value, list) else value

    return turned(found)


def unordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: unordered(each) for key, each in sorted(value.items()) if key not in ("delta", "share")}
    if isinstance(value, (list, tuple)):
        return sorted((unordered(each) for each in value), key=lambda each: json.dumps(each, default=str))
    return str(value) if isinstance(value, float) else value


_TEXTS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2", "x" * 50]), max_size=3)
_METRICS = st.dictionaries(
    st.sampled_from(["loss", "acc", "size"]),
    st.lists(st.sampled_from([0.0, 1.0, 2.5, math.nan, math.inf]), min_size=1, max_size=2),
)
_SOURCES = st.lists(st.sampled_from(["x = 1", "x = 2", "import os", "fit(x)\nprint(x)"]), max_size=3)
_RUNS = st.builds(
    lambda params, metrics, tags, sources: full("a", *sources, params=params, metrics=metrics, tags=tags),
    *(_TEXTS, _METRICS, _TEXTS, _SOURCES),
)


@given(_RUNS, _RUNS)
def test_the_other_way_round_everything_is_mirrored(before: RunEvidence, after: RunEvidence) -> None:
    found, other = difference(before, after), difference(after, before)

    assert unordered(mirrored(found.to_dictionary(everything=True))) == unordered(
        other.to_dictionary(everything=True)
    )


def test_nan_is_worse_than_any_number_and_the_same_as_nan() -> None:
    def verdict(first: float | None, last: float | None, greater: bool | None = True) -> str | None:
        return ComparedMetric("x", (first, last), greater).verdicts[1]

    assert verdict(1.0, math.nan) == "worse"
    assert verdict(math.nan, 1.0) == "better"
    assert verdict(math.nan, math.nan) is None
    assert verdict(1.0, math.inf, greater=False) == "worse"
    assert verdict(1.0, 2.0, greater=None) is None
    assert verdict(None, 2.0) is None
    assert verdict(0.0, -0.0) is None


def test_how_a_metric_changed_is_said_in_words() -> None:
    def words(first: float | None, last: float | None, greater: bool | None = True) -> str:
        return change_words(ComparedMetric("x", (first, last), greater))

    assert words(0.5, 0.51) == "▲ +0.01000 (+2.0%) better"
    assert words(0.5, 0.25, None) == "▼ -0.2500 (-50.0%)"
    assert words(1.0, 1.0001) == "▲ +0.0001 better"
    assert words(0.0, 2.0, False) == "▲ +2 worse"
    assert words(1.0, 20.0) == "▲ +19 (+1,900%) better"
    assert words(1.0, math.nan) == "worse"
    assert words(None, 1.0) == "added"
    assert words(1.0, None) == "removed"
    assert words(1.0, 1.0) == ""
    assert words(math.nan, math.inf, None) == "changed"


def test_what_is_not_known_is_said_and_not_called_a_change() -> None:
    whole = full("a", "import os", "fit(1)")
    bare = RunEvidence(make_run("b"), ["fit(2)"])
    nothing = RunEvidence(make_run("c"))

    partly, none, scripts = difference(whole, bare), difference(nothing, whole), difference(nothing, nothing)

    assert [(each.kind, each.before.source if each.before else "") for each in partly.cells] == [
        ("changed", "fit(1)")
    ]
    assert partly.notes == (
        "Of 'b' (bbbbbbbb) only the tracked cell is known, so only that one is compared.",
        "The packages of 'b' (bbbbbbbb) are not known.",
    )
    assert (none.cells, none.packages) == ((), ())
    assert none.notes[0] == "The code of 'c' (cccccccc) is not known: it recorded no cell."
    assert scripts.notes == ()


def test_attempts_of_one_lineage_are_called_by_their_numbers() -> None:
    def attempt(number: str, lineage: str = "l") -> RunEvidence:
        tags = {"nbtrack.lineage": lineage, "nbtrack.attempt": number}
        return RunEvidence(make_run("fit", f"{number * 8}{lineage}", tags=tags))

    def names(*runs: RunEvidence) -> tuple[str, str]:
        found: Difference = difference(*runs)
        return found.names

    assert names(attempt("1"), attempt("2")) == ("fit#1", "fit#2")
    assert names(attempt("1"), attempt("2", "m")) == ("fit (11111111)", "fit (22222222)")


def test_plain_data_is_json_that_holds_what_differs() -> None:
    plain = json.loads(json.dumps(difference(*before_and_after()).to_dictionary()))

    assert list(plain)[:5] == ["before", "after", "params", "metrics", "cells"]
    assert plain["metrics"]["accuracy"] == {
        "before": 0.5,
        "after": 0.75,
        "delta": 0.25,
        "share": 0.5,
        "verdict": "better",
        "greater_is_better": True,
    }
    assert plain["cells"][1]["lines"][0]["before_marks"] == [[5, 8]]
    assert plain["differs"] is True
