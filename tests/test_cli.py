"""The command line, as a person would use it."""

import csv
import ctypes
import io
import json
import math
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nbtrack
from nbtrack.cli import main
from nbtrack.core.entities import Run, ViewType
from nbtrack.tracking.tracker import Tracker

TIMEOUT = 60


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False, **options)


def lines(*arguments: str) -> list[str]:
    """What a command that must succeed prints."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


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
    tracker.flush()  # what the runs ran in is found out in the background
    return tracker


@pytest.fixture
def search() -> Tracker:
    """A search over three learning rates, each with a file and a folder."""
    tracker = Tracker(store=Path(".nbtrack"), experiment="search")
    for lr in (1, 2, 10):
        with tracker.start_run(run_name=f"lr={lr}", tags={"team": "nlp"} if lr > 1 else {}) as started:
            started.log_params({"lr": lr, "model": "tree"})
            started.log_metrics({"loss": 1 / lr, "accuracy": 1 - 1 / lr})
            started.log_metric("loss", 0.8 / lr, step=1)
            started.log_text("weights", "model/weights.bin")
            started.log_text("{}", "model/config/a.json")
            started.log_text("note", "note.txt")
    return tracker


def only(tracker: Tracker, name: str) -> Run:
    (found,) = tracker.search_runs(
        filter_string=f"run_name = '{name}'",
        output_format="list",
        search_all_experiments=True,
        run_view_type=ViewType.ALL,
    )
    return found


# ---- runs ----------------------------------------------------------------------------------------


def test_runs_lists_every_experiment_the_latest_first(recorded: Tracker) -> None:
    shown = lines("runs")

    assert shown[0].split()[:4] == ["run", "status", "loss", "lr"]
    assert {line.split()[0] for line in shown[2:4]} == {"first", "second"}
    assert any("✗ FAILED" in line for line in shown)
    assert "experiments: " in shown[-1]
    assert "Default (1)" in shown[-1]


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
    assert {"first", "second"} < set(run("runs", "-e", "Default", "-e", "other").output.split())
    assert "first" not in run("runs", "--filter", "status = 'FAILED'").output
    assert "second" not in run("runs", "--order", "metrics.loss DESC", "-n", "1").output
    assert "No runs." in run("runs", "-f", "params.lr = '7'").output


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("metrics.accuracy", ["lr=10", "lr=2", "lr=1"]),
        ("metrics.loss", ["lr=10", "lr=2", "lr=1"]),
        ("metrics.loss.max", ["lr=10", "lr=2", "lr=1"]),
        ("metrics.loss desc", ["lr=1", "lr=2", "lr=10"]),
        ("start_time", ["lr=10", "lr=2", "lr=1"]),
        ("start_time ASC", ["lr=1", "lr=2", "lr=10"]),
        ("params.model", ["lr=10", "lr=2", "lr=1"]),
    ],
)
def test_the_best_and_the_latest_come_first(search: Tracker, order: str, expected: list[str]) -> None:
    assert [line.split()[0] for line in lines("runs", "-o", order, "-c", "status")[2:5]] == expected


def test_the_experiment_may_say_what_is_better(search: Tracker) -> None:
    search.set_experiment_tags(
        {
            "mlflow.experiment.primaryMetric.name": "accuracy",
            "mlflow.experiment.primaryMetric.greaterIsBetter": "false",
        }
    )

    assert lines("runs", "-e", "search", "-o", "metrics.accuracy", "-n", "1")[-2].startswith("lr=1 ")


def test_columns_are_any_fields(search: Tracker) -> None:
    wanted = "params.lr,metrics.loss.min, tags.team ,duration,experiment,start_time"

    shown = lines("runs", "-o", "params.lr", "-c", wanted, "-c", "metrics.`loss`")

    assert shown[0].split() == [
        "run", "params.lr", "metrics.loss.min", "tags.team", "duration", "experiment", "start_time",
        "metrics.loss",
    ]  # fmt: skip
    assert shown[2].split()[:3] == ["lr=1", "1", "0.8000"]
    assert "search" in shown[2]
    assert shown[2].split()[-1] == "█▁"


def test_a_long_name_is_cut_in_a_terminal_and_whole_in_a_pipe(
    search: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with search.start_run(run_name="n" * 500) as started:
        started.log_param("long", "v" * 500)

    whole = run("runs", "-c", "params.long").output
    monkeypatch.setattr("nbtrack.cli.terminal_width", lambda: 100)
    cut = run("runs", "-c", "params.long").output

    assert "n" * 500 in whole
    assert "v" * 500 in whole
    assert "nnn…" in cut
    assert max(map(len, cut.splitlines())) <= 100


def test_a_column_with_a_comma_in_its_key_stands_in_quotes() -> None:
    with Tracker(store=Path(".nbtrack")).start_run() as started:
        started.log_param("a, b", "both")

    assert lines("runs", "-c", "params.`a, b`,status")[2].split()[1:2] == ["both"]


def test_runs_as_json_is_valid_json(recorded: Tracker) -> None:
    listed = json.loads(run("runs", "--json", "-e", "Default").output)

    assert [entry["info"]["run_name"] for entry in listed] == ["first"]
    assert listed[0]["data"]["metrics"] == {"loss": "nan"}
    assert listed[0]["data"]["params"] == {"lr": "0.1"}
    assert listed[0]["data"]["summaries"]["loss"]["count"] == 3
    assert json.loads(run("runs", "--json", "-c", "params.lr,metrics.loss.min", "-e", "Default").output) == [
        {"params.lr": "0.1", "metrics.loss.min": 2.0}
    ]


def test_runs_as_csv_has_a_column_for_everything(search: Tracker) -> None:
    search.tag_run(only(search, "lr=1").info.run_id, {"note": 'two\nlines, "quoted"'})

    rows = list(csv.DictReader(io.StringIO(run("runs", "--csv").output)))

    assert [row["run_name"] for row in rows] == ["lr=10", "lr=2", "lr=1"]
    assert rows[2]["tags.note"] == 'two\nlines, "quoted"'
    assert (rows[0]["params.lr"], rows[0]["metrics.accuracy"], rows[0]["experiment"]) == (
        "10",
        "0.9",
        "search",
    )
    assert run("runs", "--csv", "-c", "params.lr", "-n", "1").output == "params.lr\n10\n"


def test_more_runs_than_asked_for_are_mentioned(search: Tracker) -> None:
    assert "There are more than these 2; choose how many with -n." in lines("runs", "-n", "2")
    assert not any("more" in line for line in lines("runs", "-n", "3"))
    assert len(lines("runs", "-n", "60")) == 6


def test_deleted_runs_are_shown_when_they_are_asked_for(search: Tracker) -> None:
    search.delete_run(only(search, "lr=2").info.run_id)

    def names(*options: str) -> list[str]:
        return [row["run_name"] for row in csv.DictReader(io.StringIO(run("runs", "--csv", *options).output))]

    assert names() == ["lr=10", "lr=1"]
    assert names("--deleted") == ["lr=2"]
    assert names("--all") == ["lr=10", "lr=2", "lr=1"]


# ---- show and compare ----------------------------------------------------------------------------


def test_show_takes_an_id_its_beginning_or_a_name(recorded: Tracker) -> None:
    run_id = only(recorded, "first").info.run_id

    by_name = run("show", "first").output

    assert run("show", run_id).output == run("show", run_id[:8]).output == by_name
    assert run("show", run_id[:6].upper()).output == by_name
    for expected in ("✓ FINISHED", run_id, "lr", "NaN", "cell.py", "loss = train()", "experiment Default"):
        assert expected in by_name
    assert "\x1b" not in by_name
    assert "ValueError: boom" in run("show", "second").output


def test_show_tells_what_the_run_ran_in(recorded: Tracker) -> None:
    recorded.tag_run(only(recorded, "first").info.run_id, {"mlflow.note.content": "One\nTwo"})
    recorded.flush()

    shown = run("show", "first").output
    whole = json.loads(run("show", "first", "--json").output)

    assert "  python" in shown
    assert sys.version.split()[0] in shown
    assert "note:\n  One\n  Two\n" in shown
    assert whole["info"]["run_name"] == "first"
    assert whole["experiment"] == "Default"
    assert whole["environment"]["packages"]["click"]
    assert [each["path"] for each in whole["artifacts"]] == ["cell.py"]


def test_an_ambiguous_name_lists_the_runs(recorded: Tracker) -> None:
    with recorded.start_run(run_name="first"):
        pass

    result = run("show", "first")

    assert result.exit_code == 1
    assert "2 runs are meant by 'first'. Give an id:" in result.output
    assert (
        len([line for line in result.output.splitlines() if line.endswith(("in Default", "in other"))]) == 2
    )


def test_a_name_and_the_beginning_of_another_id_are_ambiguous_but_a_whole_id_is_not(search: Tracker) -> None:
    run_id = only(search, "lr=1").info.run_id
    with search.start_run(run_name=run_id[:4]) as short, search.start_run(run_name=run_id, nested=True):
        pass

    result = run("delete", run_id[:4])

    assert result.exit_code == 1
    assert f"2 runs are meant by '{run_id[:4]}'" in result.output
    assert run_id[:12] in result.output
    assert short.run_id[:12] in result.output
    assert len(search.search_runs()) == 5
    assert run("delete", run_id).output.startswith("Deleted 'lr=1'")


def test_a_run_that_matches_by_its_name_alone_is_meant(search: Tracker) -> None:
    with search.start_run(run_name="beef"):
        pass

    assert run("delete", "beef").output.startswith("Deleted 'beef'")


def test_a_deleted_run_stands_back_behind_an_active_one_of_its_name(recorded: Tracker) -> None:
    with recorded.start_run(run_name="first") as again:
        pass
    recorded.delete_run(again.run_id)

    assert again.run_id not in run("show", "first").output
    assert run("restore", "first").output.startswith("Restored 'first' (" + again.run_id[:8])


def test_compare_shows_what_differs(search: Tracker) -> None:
    shown = lines("compare", "lr=1", "lr=10")

    assert [line.split() for line in shown if line.startswith("  ")][:4] == [
        ["lr=1", "lr=10"],
        ["lr", "1", "10"],
        ["loss", "↓", "0.8000", "0.08000", "▼", "-0.7200", "★", "best"],
        ["accuracy", "↑", "0", "0.9000", "▲", "+0.9000", "★", "best"],
    ]
    assert any(line.split() == ["team", "nlp"] for line in shown)
    assert "same in both: model=tree" in shown
    assert any(line.split()[:1] == ["model"] for line in lines("compare", "lr=1", "lr=10", "--all"))
    whole = json.loads(run("compare", "lr=1", "lr=10", "lr=2", "--json").output)
    assert whole["params"] == {"lr": ["1", "10", "2"]}
    assert whole["metrics"]["accuracy"]["best"] == [1]


def test_packages_that_differ_are_compared(search: Tracker) -> None:
    store = search._store()
    for name, version in (("lr=1", "1.0"), ("lr=2", "2.0")):
        digest = store.environments.save({"python": {"version": "3"}, "packages": {"numpy": version}})
        search.tag_run(only(search, name).info.run_id, {"nbtrack.environment": digest})

    assert ["numpy", "1.0", "2.0"] in [line.split() for line in lines("compare", "lr=1", "lr=2")]


# ---- experiments ---------------------------------------------------------------------------------


def test_experiments_tells_how_many_runs_there_are(search: Tracker) -> None:
    search.set_experiment_tag("owner", "ada")
    search.create_experiment("empty")
    search.delete_run(only(search, "lr=1").info.run_id)

    shown = {line.split()[0]: line.split() for line in lines("experiments")}
    plain = {each["name"]: each for each in json.loads(run("experiments", "--json").output)}

    assert shown["experiment"] == ["experiment", "runs", "latest", "run", "tags"]
    assert (shown["search"][1], shown["search"][-1]) == ("2", "owner=ada")
    assert shown["empty"] == ["empty", "0"]
    assert (plain["search"]["runs"], plain["empty"]["latest_run"]) == (2, None)


def test_experiments_are_filtered_ordered_and_shown_when_deleted(search: Tracker) -> None:
    for name in ("b", "a"):
        search.create_experiment(name)
    search.delete_experiment(search.get_experiment_by_name("a").experiment_id)

    def names(*options: str) -> list[str]:
        return [each["name"] for each in json.loads(run("experiments", "--json", *options).output)]

    assert names("-o", "name") == ["Default", "b", "search"]
    assert names("-f", "name LIKE 'sea%'") == ["search"]
    assert names("--deleted") == ["a"]
    assert "a (deleted)" in run("experiments", "--all").output
    assert "No experiments." in run("experiments", "-f", "name = 'none'").output


# ---- changes, and how to undo them ---------------------------------------------------------------


def undo(output: str) -> Result:
    """Do what a line says that undoes it."""
    import shlex

    (command,) = [line.partition("Undo: nbtrack ")[2] for line in output.splitlines() if "Undo: " in line]
    return run(*shlex.split(command))


def test_a_run_is_deleted_and_restored(search: Tracker) -> None:
    deleted = run("delete", "lr=2")

    assert deleted.output.startswith("Deleted 'lr=2' (")
    assert only(search, "lr=2").info.lifecycle_stage == "deleted"
    assert "is deleted already" in run("delete", "lr=2").output
    assert undo(deleted.output).output.startswith("Restored 'lr=2' (")
    assert only(search, "lr=2").info.lifecycle_stage == "active"
    assert "is not deleted" in run("restore", "lr=2").output


def test_several_runs_are_deleted_or_none(search: Tracker) -> None:
    refused = run("delete", "lr=1", "lr=3")
    assert refused.exit_code == 1
    assert only(search, "lr=1").info.lifecycle_stage == "active"

    assert run("delete", "lr=1", "lr=10", "-y").exit_code == 0
    assert len(search.search_runs()) == 1


def test_an_experiment_is_deleted_with_its_runs_and_restored(search: Tracker) -> None:
    deleted = run("delete", "--experiment", "search")

    assert deleted.output.startswith("Deleted the experiment 'search' and its runs.")
    assert "No runs." in run("runs").output
    assert undo(deleted.output).exit_code == 0
    assert len(search.search_runs()) == 3


@pytest.mark.parametrize(("old", "new"), [("lr=2", "the best one"), ("lr=2", "quoted 'name'")])
def test_a_run_is_renamed(search: Tracker, old: str, new: str) -> None:
    renamed = run("rename", old, new)

    assert lines("show", new)[0].startswith(f"✓ FINISHED {new} ")
    assert undo(renamed.output).exit_code == 0
    assert only(search, old)


def test_an_experiment_is_renamed(search: Tracker) -> None:
    renamed = run("rename", "-e", "search", "found it")

    assert len(lines("runs", "-e", "found it")) == 6
    assert undo(renamed.output).exit_code == 0
    assert search.get_experiment_by_name("search")


def test_tags_are_set_taken_off_and_shown(search: Tracker) -> None:
    changed = run("tag", "lr=2", "team=vision", "checked=yes", "why=a = b")

    assert [line.split() for line in lines("tag", "lr=2")[2:]] == [
        ["checked", "yes"],
        ["team", "vision"],
        ["why", "a", "=", "b"],
    ]
    assert undo(changed.output).exit_code == 0
    assert [line.split() for line in lines("tag", "lr=2")[2:]] == [["team", "nlp"]]
    removed = run("tag", "lr=2", "--remove", "team")
    assert "has no tags" in run("tag", "lr=2").output
    assert undo(removed.output).exit_code == 0
    assert only(search, "lr=2").data.tags["team"] == "nlp"


def test_an_experiment_has_tags_too(search: Tracker) -> None:
    changed = run("tag", "-e", "search", "team=nlp")

    assert search.get_experiment_by_name("search").tags == {"team": "nlp"}
    assert undo(changed.output).exit_code == 0
    assert search.get_experiment_by_name("search").tags == {}


def test_a_tag_changes_nothing_else_of_a_run_that_was_killed() -> None:
    program = (
        "import os, nbtrack\nnbtrack.start_run(run_name='lost')\nnbtrack.log_metric('m', 1)\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program], timeout=TIMEOUT, check=False)

    run("tag", "lost", "seen=yes")

    found = only(Tracker(store=Path(".nbtrack")), "lost")
    assert (found.info.status, found.data.tags["seen"], found.data.metrics) == ("KILLED", "yes", {"m": 1})


def test_a_note_is_written_shown_read_and_removed(search: Tracker) -> None:
    written = run("note", "lr=2", "Too *slow*.")

    assert lines("note", "lr=2", "--show") == ["Too *slow*."]
    assert "note:\n  Too *slow*.\n" in run("show", "lr=2").output
    assert undo(written.output).output.startswith("Removed the note on 'lr=2'")
    assert lines("note", "lr=2", "--show") == ["There is no note."]
    assert run("note", "lr=2", "-", input="From\na file\n").exit_code == 0
    assert lines("note", "lr=2", "--show") == ["From", "a file"]


def test_an_editor_needs_a_terminal(search: Tracker) -> None:
    result = run("note", "lr=2")

    assert result.exit_code == 2
    assert "give the TEXT" in result.output


# ---- artifacts -----------------------------------------------------------------------------------


def test_artifacts_are_listed(search: Tracker) -> None:
    def paths(*arguments: str) -> list[str]:
        return [line.split()[0] for line in lines("artifacts", "ls", *arguments)[2:]]

    assert paths("lr=2") == ["model/", "note.txt"]
    assert paths("lr=2", "model") == ["model/config/", "model/weights.bin"]
    assert paths("lr=2", "model/") == ["model/config/", "model/weights.bin"]
    assert paths("lr=2", "note.txt") == ["note.txt"]
    assert paths("lr=2", "model", "-r") == ["model/config/", "model/config/a.json", "model/weights.bin"]
    plain = json.loads(run("artifacts", "ls", "lr=2", "--json").output)
    assert plain[1] == {"path": "note.txt", "is_dir": False, "file_size": 4}


def test_a_file_is_got_under_its_own_or_another_name(search: Tracker) -> None:
    Path("folder").mkdir()

    assert lines("artifacts", "get", "lr=2", "model/weights.bin") == ["Got 1 file, 7 B: weights.bin"]
    assert run("artifacts", "get", "lr=2", "note.txt", "-o", "other.txt").exit_code == 0
    assert run("artifacts", "get", "lr=2", "note.txt", "-o", "folder").exit_code == 0
    assert run("artifacts", "get", "lr=2", "note.txt", "-o", "new/").exit_code == 0

    assert Path("weights.bin").read_text() == "weights"
    for path in ("other.txt", "folder/note.txt", "new/note.txt"):
        assert Path(path).read_text() == "note"


def test_a_folder_and_everything_are_got(search: Tracker) -> None:
    short = only(search, "lr=2").info.run_id[:8]

    assert run("artifacts", "get", "lr=2", "model").exit_code == 0
    assert lines("artifacts", "get", "lr=2") == [f"Got 3 files, 13 B: artifacts-{short}"]

    assert Path("model/config/a.json").read_text() == "{}"
    assert Path(f"artifacts-{short}/model/weights.bin").read_text() == "weights"


def test_nothing_is_overwritten_unless_that_is_said(search: Tracker) -> None:
    Path("note.txt").write_text("mine")
    Path("model").mkdir()
    Path("model/mine.txt").write_text("mine")

    for path in ("note.txt", "model"):
        refused = run("artifacts", "get", "lr=2", path)
        assert refused.exit_code == 1
        assert "exists already" in refused.output
    assert Path("note.txt").read_text() == "mine"
    for path in ("note.txt", "model"):
        assert run("artifacts", "get", "lr=2", path, "--force").exit_code == 0

    assert Path("note.txt").read_text() == "note"
    assert sorted(path.name for path in Path("model").iterdir()) == ["config", "mine.txt", "weights.bin"]


def test_a_folder_never_takes_the_place_of_a_file_nor_a_file_that_of_a_folder(search: Tracker) -> None:
    Path("model").write_text("mine")
    Path("deep/note.txt").mkdir(parents=True)

    for arguments in (("model",), ("note.txt", "-o", "deep/")):
        refused = run("artifacts", "get", "lr=2", *arguments, "--force")
        assert refused.exit_code == 1
        assert refused.output.startswith("Error: Cannot write")
    assert Path("model").read_text() == "mine"
    assert sorted(os.listdir()) == [".nbtrack", "deep", "model"]


def test_artifacts_that_are_not_there_are_named(search: Tracker) -> None:
    for arguments in (("ls", "lr=2", "modle"), ("get", "lr=2", "modle"), ("get", "lr=2", "../documents.db")):
        assert run("artifacts", *arguments).exit_code == 1
    assert "Did you mean 'model'?" in run("artifacts", "get", "lr=2", "modle").output


# ---- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("show", "frist"), "Did you mean 'first'?"),
        (("show", "97"), "at least 4 characters are needed"),
        (("rename", "first", ""), "A new name is text that can be seen, got ''"),
        (("rename", "-e", "other", " "), "A new name is text that can be seen, got ' '"),
        (("artifacts", "get", "second"), "has no artifacts"),
        (("--store", "nowhere", "runs"), "There is no store at"),
        (("--store", "nowhere", "experiments"), "There is no store at"),
        (("runs", "-e", "othre"), "Did you mean 'other'?"),
        (("runs", "-f", "metrics.loss <"), "column 15: expected a value"),
        (("runs", "-o", "loss"), "Order, column 1: unknown attribute 'loss'"),
        (("runs", "-c", "params.lr,loss"), "Column, column 1: unknown attribute 'loss'"),
        (("runs", "-c", "status,metrics."), "Column, column 9: "),
        (("runs", "-c", "metrics.loss DESC"), "a column has no direction"),
        (("runs", "-c", "children.status"), "it is no column"),
        (("compare", "first", "first"), "at least two different runs"),
        (("tag", "first", "team"), "A tag is given as KEY=VALUE, got 'team'"),
        (("tag", "first", "--remove", "team"), "No tag 'team'"),
        (("rename", "-e", "other", "Default"), "Default"),
        (("restore", "-e", "other"), "other"),
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
    assert sorted(os.listdir()) == [".nbtrack"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs", "-n", "0"),
        ("runs", "--json", "--csv"),
        ("runs", "--deleted", "--all"),
        ("delete",),
        ("delete", "first", "-e", "other"),
        ("rename", "first"),
        ("tag",),
        ("launch",),
        ("completion", "powershell"),
    ],
)
def test_a_wrong_usage_is_exit_code_2(recorded: Tracker, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert result.output.startswith("Usage: ")


def test_help_and_version() -> None:
    assert nbtrack.__version__ in run("--version").output
    help_of_all = run("--help").output
    for name, command in main.commands.items():
        assert f"  {name} " in help_of_all
        shown = run(name, "-h")
        assert shown.exit_code == 0
        assert (command.help or "").split("\n")[0].rstrip(".").split(" ")[-1] in shown.output
    assert "..." not in help_of_all.replace("[ARGS]...", "")
    assert "Examples:\n  main runs\n  main runs -e digits" in run("runs", "-h").output


def test_looking_makes_no_store() -> None:
    assert "No runs." in run("runs").output
    assert lines("runs")[-1].startswith("There is no store yet: the first run makes")
    assert lines("runs")[-1].endswith("see: nbtrack demo")
    assert run("--store", "nowhere", "runs", "--help").exit_code == 0
    assert "No experiments." in run("experiments").output
    assert "No run 'first'." in run("show", "first").output
    assert not Path(".nbtrack").exists()


def test_an_answer_that_found_nothing_names_the_stores_beside() -> None:
    for uri in ("sqlite:///mlflow.db", "file:./mlruns"):
        tracker = Tracker(store=uri)
        tracker.start_run().end()
        tracker.close()
    Path("empty.nbtrack").mkdir()

    here = f"{Path.cwd()}/mlflow.nbtrack {Path.cwd()}/mlruns"
    assert f"Beside it: {here} (--store, or NBTRACK_TRACKING_URI, chooses)" in run("runs").output
    assert "Beside it" not in run("--store", "mlflow.nbtrack", "runs").output
    nbtrack.set_experiment("none yet")
    assert f"(in {Path.cwd()}/.nbtrack) Beside it: {here}" in run("runs").output


def test_what_switches_off_recording_does_not_switch_off_commands(
    search: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "1")

    assert lines("runs", "-c", "status")[2].startswith("lr=10 ")
    assert [line.split()[0] for line in lines("experiments")[2:]] == ["search", "Default"]
    assert "a=b" in run("tag", "lr=1", "a=b").output
    assert "Deleted" in run("delete", "lr=2").output

    monkeypatch.delenv("NBTRACK_DISABLED")
    assert only(search, "lr=1").data.tags["a"] == "b"
    assert only(search, "lr=2").info.lifecycle_stage == "deleted"


def test_a_column_that_only_other_runs_have_is_empty_without_a_word(search: Tracker) -> None:
    assert len(lines("runs", "-f", "run_name = 'lr=1'", "-c", "tags.team")) == 3


# ---- as a process --------------------------------------------------------------------------------


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nbtrack", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        **options,
    )


def in_terminal(
    *arguments: str, keys: str = "", environment: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run a command in a terminal of its own, and answer its question; the exit status and what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell in the background ignores it
            os.environ.update({"COLUMNS": "70", "LINES": "40", **(environment or {})})
            os.execv(sys.executable, [sys.executable, "-m", "nbtrack", *arguments])
        finally:
            os._exit(70)
    shown = b""
    try:
        while True:
            # Python loses an interrupt that strikes as it begins to wait for a line: then one more.
            if not select.select([terminal], [], [], 0.5)[0] and keys == "\x03" and b"[y/N]" in shown:
                os.write(terminal, b"\x03")
                continue
            if not (piece := os.read(terminal, 4096)):
                break
            if b"[y/N]" in piece and b"[y/N]" not in shown:
                os.write(terminal, keys.encode())
            shown += piece
    except OSError:
        pass  # Linux says so when the other side is closed
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode().replace("\r\n", "\n")


def test_a_terminal_gets_ages_and_nothing_that_steers_it() -> None:
    tracker = Tracker(store=Path(".nbtrack"))
    with tracker.start_run(run_name="evil \x1b]0;title\x07") as started:
        started.log_param("p\x1b[31m", "\x1b[2J\x9b")
        started.set_tag("t", "\x1b[2J")

    commands = ["runs", "runs --csv", "runs --json", f"show {started.run_id}", f"tag {started.run_id}"]
    for command in commands:
        status, shown = in_terminal(*command.split())

        assert status == 0, shown
        assert not any(sign in shown for sign in "\x1b\x07\x9b"), command
    assert "just now" in in_terminal("runs")[1]


@pytest.mark.parametrize(("keys", "left"), [("y\n", 1), ("n\n", 3), ("\x03", 3)])
def test_a_terminal_is_asked_before_several_runs_are_deleted(search: Tracker, keys: str, left: int) -> None:
    status, shown = in_terminal("delete", "lr=1", "lr=2", keys=keys)

    assert "Delete 2 runs? [y/N]" in shown
    assert len(search.search_runs()) == left
    assert status == (1 if keys == "\x03" else 0)
    assert "Traceback" not in shown


def test_long_copies_show_how_far_they_are_where_somebody_looks(tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(bytes(12_000_000))
    with Tracker(store=Path(".nbtrack")).start_run(run_name="big") as started:
        started.log_artifact(tmp_path / "big.bin")

    status, shown = in_terminal("artifacts", "get", "big", "big.bin", "-o", "copy.bin")
    quiet = process("artifacts", "get", "big", "big.bin", "-o", "again.bin")

    assert status == 0, shown
    assert "Copying" in shown
    assert "100%" in shown
    assert (quiet.stdout, quiet.stderr) == ("Got 1 file, 12.0 MB: again.bin\n", "")
    assert Path("copy.bin").stat().st_size == 12_000_000


def test_a_note_is_written_in_the_editor(search: Tracker, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho 'From the editor' > \"$1\"\n")
    editor.chmod(0o755)

    status, shown = in_terminal("note", "lr=2", environment={"EDITOR": str(editor), "VISUAL": str(editor)})

    assert status == 0, shown
    assert "Wrote the note on 'lr=2'" in shown
    assert only(search, "lr=2").data.tags["mlflow.note.content"] == "From the editor"


def test_a_pipe_that_is_closed_is_no_error(search: Tracker) -> None:
    done = subprocess.run(
        f"{sys.executable} -m nbtrack runs --json | head -c 10",
        shell=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )

    assert done.stdout == "[\n  {\n    "
    assert done.stderr == ""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("redirected", "reason"),
    [
        ("runs >&-", "the standard output is closed"),
        ("runs > /dev/full", "No space left on device"),
        ("--version > /dev/full", "No space left on device"),
    ],
)
def test_an_output_that_takes_nothing_is_one_line(
    search: Tracker, redirected: str, reason: str, unbuffered: str
) -> None:
    done = subprocess.run(
        f"{sys.executable} -m nbtrack {redirected}",
        shell=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )

    assert done.returncode == 1
    assert done.stderr == f"Error: Nothing can be written to the standard output: {reason}.\n"


def test_warnings_are_a_line_on_stderr(search: Tracker) -> None:
    done = process("runs", "-f", "metrics.los < 1")

    assert done.returncode == 0
    assert "No runs." in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: ")
    assert "'loss'" in line


def test_columns_that_no_run_has_are_hinted_at(search: Tracker) -> None:
    done = process("runs", "-c", "status,params.lrr,metrics.loss.mni", "-c", "tags.teem")

    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "warning: No run has a param 'lrr' (column, column 1); did you mean 'lr'?",
        "warning: No run has a metric 'loss.mni' (column, column 1); did you mean 'loss.min'?",
        "warning: No run has a tag 'teem' (column, column 1); did you mean 'team'?",
    ]


def test_a_terminal_without_unicode_shows_other_signs(search: Tracker) -> None:
    search.tag_run(only(search, "lr=2").info.run_id, {"who": "日本"})

    # Where the encoding is ASCII, click writes UTF-8: a terminal that says so mostly shows it.
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = process("show", "lr=2", env=environment, encoding="latin-1")

    assert done.returncode == 0, done.stderr
    assert "v FINISHED lr=2" in done.stdout
    assert "who=??" in done.stdout
    done = process("diff", "lr=1", "lr=2", env=environment, encoding="latin-1")
    assert done.stdout.startswith("lr=1 > lr=2\n")


def test_a_failure_of_our_own_is_no_stack_trace(search: Tracker) -> None:
    Path(".nbtrack/documents.db").write_bytes(b"no database at all, and longer than a header" * 100)

    done = process("runs")

    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


def _lose_the_rights_of_root() -> None:
    """Let permissions bind the command even where the tests run as root."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE


def test_a_store_that_cannot_be_written_can_be_read(search: Tracker) -> None:
    search.close()
    everything = [Path(".nbtrack"), *Path(".nbtrack").rglob("*")]
    for path in everything:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        read = [
            process(*words, preexec_fn=_lose_the_rights_of_root) for words in (["runs"], ["show", "lr=2"])
        ]
        refused = process("tag", "lr=2", "a=b", preexec_fn=_lose_the_rights_of_root)
    finally:
        for path in everything:
            path.chmod(path.stat().st_mode | 0o200)

    assert [(done.returncode, done.stderr) for done in read] == [(0, ""), (0, "")]
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: The document database")
    assert "cannot be written" in refused.stderr


def test_pandas_ipython_and_other_commands_are_not_loaded(search: Tracker) -> None:
    program = (
        "import sys\nfrom nbtrack.cli import main\nmain(['runs'], standalone_mode=False)\n"
        "main(['models', 'requests'], standalone_mode=False)\n"
        "print({'pandas', 'IPython', 'numpy', 'nbtrack.ui.commands.registering',"
        " 'nbtrack.ui.commands.predicting'}"
        " & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=TIMEOUT, check=True
    )

    assert done.stdout.splitlines()[-1] == "set()"


# ---- completion ----------------------------------------------------------------------------------


def completions(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    done = process(
        env={**os.environ, "_NBTRACK_COMPLETE": "bash_complete", "COMP_LINE": " ".join(["nbtrack", *words])}
    )
    assert done.returncode == 0, done.stderr
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["exp"], ["experiments"]),
        (["runs", "--fil"], ["--filter"]),
        (["runs", "-e", "se"], ["search"]),
        (["show", "lr=1"], ["lr=10", "lr=1"]),
        (["show", "two"], ["'two words'"]),
        (["show", "'two"], ["two words"]),
        (["runs", "-o", "metrics.lo"], [f"metrics.loss{part}" for part in ("", ".min", ".max", ".mean")][:1]),
        (["runs", "-o", "metrics.loss"], [f"metrics.loss{part}" for part in ("", ".min", ".max", ".mean")]),
        (["runs", "-f", "'params.lr > 1 and tags.te"], ["params.lr > 1 and tags.team"]),
        (["runs", "-c", "params.lr,dur"], ["params.lr,duration"]),
        (["tag", "lr=2", "--remove", "te"], ["team="]),
        (["artifacts", "get", "lr=2", "model/"], ["model/config/", "model/weights.bin"]),
        (["--store", "http://nowhere", "show", "l"], []),
    ],
)
def test_the_shell_completes_from_the_store(search: Tracker, words: list[str], expected: list[str]) -> None:
    with search.start_run(run_name="two words"):
        pass

    assert completions(*words) == expected


def test_an_id_is_completed(search: Tracker) -> None:
    run_id = only(search, "lr=2").info.run_id

    assert completions("show", run_id[:6]) == [run_id]


def test_bash_completes_what_is_typed(search: Tracker) -> None:
    with search.start_run(run_name="two words"):
        pass
    search.create_registered_model("flower beds")
    search.create_registered_model("iris")
    search.create_model_version("iris", "x")
    search.set_registered_model_alias("iris", "champion", 1)
    expected = {
        "nbtrack sh": "nbtrack show ",
        "nbtrack show lr=2": "nbtrack show lr=2 ",
        "nbtrack show tw": "nbtrack show 'two words' ",
        "cd . && X=1 nbtrack runs -f 'params.lr > 1 and tags.te": "params.lr > 1 and tags.team' ",
        "nbtrack models show iris @": "nbtrack models show iris @champion ",
        "nbtrack models show iris @cha": "nbtrack models show iris @champion ",
        "nbtrack models show flo": "nbtrack models show 'flower beds' ",
    }

    completed = in_bash(list(expected))

    assert {typed: line for typed, line in completed.items() if not line.endswith(expected[typed])} == {}


def in_bash(typed: list[str]) -> dict[str, str]:
    """What stands in the line of a bash that works in a terminal when TAB is pressed behind some text."""
    Path("bin").mkdir()
    Path("bin/nbtrack").write_text(f'#!/bin/sh\nexec {sys.executable} -m nbtrack "$@"\n')
    Path("bin/nbtrack").chmod(0o755)
    Path("script").write_text(process("completion", "bash").stdout)
    tell = 'printf "\\2%s\\3" "$READLINE_LINE"; READLINE_LINE='
    Path("rc").write_text(f"PS1='> '\nsource ./script\nbind -x '\"\\C-o\": {tell}'\n")
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.environ |= {"PATH": f"bin:{os.environ['PATH']}", "TERM": "dumb", "COLUMNS": "200"}
            os.execvp("bash", ["bash", "--rcfile", "rc", "-i"])
        finally:
            os._exit(70)
    lines: dict[str, str] = {}
    shown = b""
    try:
        while not shown.endswith(b"> "):
            shown += os.read(terminal, 4096)
        for each in typed:
            os.write(terminal, f"{each}\t\x0f".encode())
            shown = b""
            while not (found := re.search(b"\x02(.*?)\x03", shown, re.DOTALL)):
                assert select.select([terminal], [], [], TIMEOUT)[0], shown
                shown += os.read(terminal, 4096)
            lines[each] = found[1].decode()
        return lines
    finally:
        os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script(shell: str) -> None:
    assert f"_NBTRACK_COMPLETE={shell}_complete" in run("completion", shell).output
