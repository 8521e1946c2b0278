"""What differs between runs, as data and as a table."""

import math
from typing import Any

import pytest

from nbtrack.core.comparison_view import comparison_view
from nbtrack.core.comparisons import compare
from nbtrack.core.datasets import CONTEXT, Dataset, DatasetInput, InputTag, RunInputs
from nbtrack.core.entities import Run, RunData, RunInfo
from nbtrack.core.summaries import fold
from nbtrack.core.text_tables import text_width


def make_run(
    name: str,
    run_id: str = "",
    *,
    params: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
    metrics: dict[str, list[float]] | None = None,
    data: tuple[tuple[str, str], ...] = (),
) -> Run:
    summaries = {
        key: fold(None, list(range(len(values))), [0] * len(values), values)
        for key, values in (metrics or {}).items()
    }
    inputs = tuple(
        DatasetInput(Dataset(dataset, digest, "local", "{}"), (InputTag(CONTEXT, "train"),))
        for dataset, digest in data
    )
    return Run(
        RunInfo(run_id or name * 8, "0", "me", "FINISHED", 0, 1500, "active", "file:///x", name),
        RunData(
            metrics={key: summary.last for key, summary in summaries.items()},
            params=params or {},
            tags=tags or {},
            summaries=summaries,
        ),
        RunInputs(inputs),
    )


def lines_of(*runs: Run, width: int | None = None, **options: Any) -> list[str]:
    return comparison_view(compare(runs), width=width, **options).text.splitlines()


def test_each_value_stands_in_the_order_of_the_runs() -> None:
    first = make_run("a", params={"lr": "0.1", "model": "tree"}, tags={"team": "nlp", "mlflow.user": "x"})
    second = make_run("b", params={"lr": "0.2", "model": "tree", "depth": "4"})

    comparison = compare([first, second])

    assert {row.key: (row.values, row.differs) for row in comparison.params} == {
        "lr": (("0.1", "0.2"), True),
        "model": (("tree", "tree"), False),
        "depth": ((None, "4"), True),
    }
    assert [(row.key, row.values) for row in comparison.tags] == [("team", ("nlp", None))]


def test_metrics_tell_change_and_the_best() -> None:
    first = make_run("a", metrics={"accuracy": [0.5], "loss": [3.0, 1.0, 2.0], "epochs": [3]})
    second = make_run("b", metrics={"accuracy": [0.75], "loss": [3.0, 2.0], "epochs": [4]})
    third = make_run("c", metrics={"accuracy": [math.nan]})

    metrics = {row.key: row for row in compare([first, second, third]).metrics}

    assert list(metrics) == ["accuracy", "loss", "loss.min", "epochs"]
    assert metrics["accuracy"].deltas == (None, 0.25, None)
    assert metrics["accuracy"].best == (1,)
    assert metrics["loss"].values == (2.0, 2.0, None)
    assert metrics["loss"].best == ()
    assert (metrics["loss.min"].values, metrics["loss.min"].best) == ((1.0, 2.0, None), (0,))
    assert (metrics["epochs"].deltas, metrics["epochs"].best) == ((None, 1.0, None), ())


def test_how_busy_the_machines_were_is_told_only_with_everything() -> None:
    runs = [
        make_run(name, metrics={"system/cpu_utilization_percentage": [use]})
        for name, use in (("a", 5.0), ("b", 9.0))
    ]

    assert compare(runs).metrics == ()
    assert not any("cpu" in line for line in lines_of(*runs))
    assert "Nothing that both of them recorded differs." in lines_of(*runs)
    assert any("cpu" in line for line in lines_of(*runs, everything=True))
    assert compare(runs).to_dictionary()["machine"] == {}


def test_nan_is_the_same_as_nan_and_an_infinity_has_no_distance() -> None:
    first = make_run("a", metrics={"loss": [math.nan], "gap": [math.inf]})
    second = make_run("b", metrics={"loss": [math.nan], "gap": [1.0]})

    loss, gap = compare([first, second]).metrics

    assert not loss.differs
    assert gap.deltas == (None, None)


def test_the_experiment_may_say_what_is_better() -> None:
    runs = [make_run("a", metrics={"size": [1.0]}), make_run("b", metrics={"size": [2.0]})]

    (size,) = compare(runs, directions={"size": True}).metrics

    assert size.best == (1,)


def test_data_sets_code_and_packages_are_compared() -> None:
    first = make_run("a", tags={"mlflow.source.git.commit": "abc"}, data=(("iris", "11"),))
    second = make_run("b", tags={"mlflow.source.git.commit": "def"}, data=(("iris", "22"), ("wine", "33")))
    environments = [
        {
            "python": {"version": "3.11.7", "implementation": "cpython"},
            "packages": {"numpy": "2.1", "six": "1"},
        },
        {
            "python": {"version": "3.12.0", "implementation": "cpython"},
            "packages": {"numpy": "2.2", "six": "1"},
        },
    ]

    whole = compare([first, second], environments=environments).to_dictionary()

    assert whole["data"] == {"iris (train)": ["11", "22"], "wine (train)": [None, "33"]}
    assert whole["code"] == {"git commit": ["abc", "def"]}
    assert whole["environment"] == {"python": ["cpython 3.11.7", "cpython 3.12.0"], "numpy": ["2.1", "2.2"]}
    assert compare([first, second], environments=[None, None]).environment == ()


def test_plain_data_holds_what_differs_or_everything() -> None:
    runs = [make_run("a", params={"x": "1", "y": "2"}), make_run("b", params={"x": "1", "y": "3"})]

    assert compare(runs).to_dictionary()["params"] == {"y": ["2", "3"]}
    assert compare(runs).to_dictionary(everything=True)["params"] == {"x": ["1", "1"], "y": ["2", "3"]}
    assert [run["run_name"] for run in compare(runs).to_dictionary()["runs"]] == ["a", "b"]


def test_the_table_shows_what_differs_and_counts_the_rest() -> None:
    first = make_run("a", params={"lr": "0.1", "model": "tree"}, metrics={"loss": [2.0]})
    second = make_run("b", params={"lr": "0.2", "model": "tree"}, metrics={"loss": [1.5]})

    lines = lines_of(first, second)

    assert lines[0].split() == ["a", "b"]
    assert [line.split() for line in lines[6:10]] == [
        ["params"],
        ["lr", "0.1", "0.2"],
        ["metrics"],
        ["loss", "↓", "2", "1.500", "▼", "-0.5000", "★", "best"],
    ]
    assert lines[-1] == "same in both: model=tree"
    assert not any(line.startswith("  model") for line in lines)
    assert any(line.startswith("  model") for line in lines_of(first, second, everything=True))


def test_nothing_that_differs_is_said() -> None:
    run = make_run("a", params={"lr": "0.1"})

    assert "Nothing that both of them recorded differs." in lines_of(run, make_run("b", params={"lr": "0.1"}))


def test_runs_of_one_name_are_told_apart_by_their_ids() -> None:
    lines = lines_of(make_run("a", "1" * 32), make_run("a", "2" * 32))

    assert "a (11111111)" in lines[0]
    assert "a (22222222)" in lines[0]


def test_runs_that_do_not_fit_stand_below_beside_the_first_one_again() -> None:
    runs = [make_run(f"run {index}", params={"lr": f"0.{index}"}) for index in range(5)]

    lines = lines_of(*runs, width=64)

    heads = [line for line in lines if line.lstrip().startswith("run 0")]
    assert [head.replace("run ", "").split() for head in heads] == [["0", "1", "2"], ["0", "3", "4"]]
    assert max(map(text_width, lines)) <= 64
    assert lines_of(*runs)[0].count("run") == 5


def test_html_says_the_same_and_shows_names_as_text() -> None:
    evil = "<script>alert(1)</script>\x1b[31m"
    first = make_run(evil, "1" * 32, params={evil: evil})
    second = make_run("b", params={evil: "0.2"})

    view = comparison_view(compare([first, second]))

    assert "<script>" not in view.html
    assert "\x1b" not in view.html + view.text
    assert "&lt;script&gt;" in view.html
    for word in ("params", "0.2", "run id", "✓ FINISHED"):
        assert word in view.html
        assert word in view.text


@pytest.mark.parametrize("text", ["", " ", "two\nlines", "x" * 500])
def test_any_param_takes_one_line(text: str) -> None:
    lines = lines_of(make_run("a", params={"p": text}), make_run("b"))

    (line,) = [line for line in lines if line.startswith("  p ")]
    assert len(line) < 120
