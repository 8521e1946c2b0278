"""The command line, as a person would use it."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import nbtrack
from nbtrack.cli import main
from nbtrack.tracking.tracker import Tracker


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


@pytest.fixture
def recorded() -> Tracker:
    """Two runs in the store of the working directory."""
    tracker = Tracker(store=Path(".nbtrack"))
    with tracker.start_run(run_name="first") as first:
        first.log_param("lr", 0.1)
        for step, value in enumerate([3.0, 2.0, math.nan]):
            first.log_metric("loss", value, step=step)
        first.log_text("loss = train()\n\tprint('\x1b[31m')", "cell.py")
    tracker.set_experiment("other")
    with pytest.raises(ValueError, match="boom"), tracker.start_run(run_name="second"):
        raise ValueError("boom")
    return tracker


def test_runs_lists_every_experiment_the_latest_first(recorded: Tracker) -> None:
    lines = run("runs").output.splitlines()

    assert lines[0].split()[:4] == ["run", "status", "loss", "lr"]
    assert {line.split()[0] for line in lines[2:4]} == {"first", "second"}
    assert any("✗ FAILED" in line for line in lines)
    assert "experiments: " in lines[-1]
    assert "Default (1)" in lines[-1]


def test_runs_fits_the_terminal_and_is_whole_in_a_pipe(
    recorded: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run("runs").output
    monkeypatch.setattr("nbtrack.cli.terminal_width", lambda: 30)
    narrow = run("runs").output

    assert "left out" not in whole
    assert "ago" not in whole
    assert "left out: lr, took, started" in narrow.splitlines()
    assert max(map(len, narrow.splitlines()[:4])) <= 30


def test_runs_can_be_chosen_and_ordered(recorded: Tracker) -> None:
    assert "second" not in run("runs", "-e", "Default").output
    assert "first" not in run("runs", "--filter", "status = 'FAILED'").output
    assert "second" not in run("runs", "--order", "metrics.loss DESC", "-n", "1").output
    assert "No runs." in run("runs", "-f", "params.lr = '7'").output


def test_runs_as_json_is_valid_json(recorded: Tracker) -> None:
    listed = json.loads(run("runs", "--json", "-e", "Default").output)

    assert [entry["info"]["run_name"] for entry in listed] == ["first"]
    assert listed[0]["data"]["metrics"] == {"loss": "nan"}
    assert listed[0]["data"]["params"] == {"lr": "0.1"}
    assert listed[0]["data"]["summaries"]["loss"]["count"] == 3


def test_show_takes_an_id_its_beginning_or_a_name(recorded: Tracker) -> None:
    run_id = recorded.search_runs(experiment_names=["Default"], output_format="list")[0].info.run_id

    by_name = run("show", "first").output

    assert run("show", run_id).output == run("show", run_id[:8]).output == by_name
    for expected in ("✓ FINISHED", run_id, "lr", "NaN", "cell.py", "loss = train()"):
        assert expected in by_name
    assert "\x1b" not in by_name
    assert json.loads(run("show", "first", "--json").output)["info"]["run_id"] == run_id
    assert "ValueError: boom" in run("show", "second").output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("show", "frist"), "Did you mean 'first'?"),
        (("runs", "-e", "othre"), "Did you mean 'other'?"),
        (("runs", "-f", "metrics.loss <"), "column 15: expected a value"),
        (("--store", "http://host", "runs"), "nbtrack cannot keep runs at"),
    ],
)
def test_mistakes_are_one_sentence_and_an_exit_code(
    recorded: Tracker, arguments: tuple[str, ...], expected: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert expected in result.output
    assert "Traceback" not in result.output


def test_an_ambiguous_name_lists_the_ids(recorded: Tracker) -> None:
    with recorded.start_run(run_name="first"):
        pass

    result = run("show", "first")

    assert result.exit_code == 1
    assert "2 runs are meant by 'first'" in result.output


def test_help_and_version() -> None:
    assert nbtrack.__version__ in run("--version").output
    assert run("runs", "-n", "0").exit_code == 2
    for arguments in (("--help",), ("runs", "-h"), ("show", "-h"), ("demo", "-h")):
        assert run(*arguments).exit_code == 0


def test_looking_makes_no_store() -> None:
    assert "No runs." in run("runs").output
    assert (
        "There is no store at" in run("show", "first").output
        or "No run 'first'" in run("show", "first").output
    )
    assert not Path(".nbtrack").exists()
