import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from time import monotonic

import nbformat
import pytest
from nbclient import NotebookClient

from nbtrack.core import system_tags
from nbtrack.core.entities import Run
from nbtrack.stores.opening import open_store
from nbtrack.tracking import environment
from nbtrack.tracking.tracker import Tracker
from tests.tracking.git import commit_all, git, make_repository

ROOT = Path(__file__).parents[2]


def one_run(tracker: Tracker, **arguments: object) -> Run:
    with tracker.start_run(**arguments) as run:  # type: ignore[arg-type]
        pass
    tracker.flush()
    return tracker.get_run(run.run_id)


def environment_of(tracker: Tracker, run: Run) -> dict:
    return environment.of_run(tracker._store(), run)


def run_script(text: str, folder: Path, *arguments: str, **variables: str) -> None:
    (folder / "script.py").write_text(text)
    subprocess.run(
        [sys.executable, "script.py", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        check=True,
        timeout=60,
    )


ONE_RUN = "import nbtrack\nwith nbtrack.start_run():\n    pass\n"


def runs_in(folder: Path) -> list[Run]:
    return Tracker(store=folder / ".nbtrack").search_runs(output_format="list", order_by=["start_time"])


# ---- what is kept ----------------------------------------------------------------------------------


def test_a_run_knows_its_commit_from_the_start(tracker: Tracker) -> None:
    commit = make_repository(Path.cwd())

    with tracker.start_run() as run:
        tags = run.data.tags

    assert (tags[system_tags.GIT_COMMIT], tags[system_tags.GIT_BRANCH]) == (commit, "main")
    assert tags[system_tags.WORKING_DIRECTORY] == "."


def test_what_a_run_ran_in_can_be_read(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = make_repository(Path.cwd())
    git(Path.cwd(), "remote", "add", "origin", "https://ada:canary@github.com/ada/x.git")
    Path("train.py").write_text("print(2)\n")
    below = Path("sub/folder")
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    found = environment_of(tracker, one_run(tracker))

    assert found["git"] == {
        "commit": commit,
        "branch": "main",
        "repository_url": "https://github.com/ada/x.git",
        "dirty": True,
        "changed_files": 1,
    }
    assert found["working_directory"] == "sub/folder"
    assert found["python"] == {"version": sys.version.split()[0], "implementation": "cpython"}
    assert found["platform"]["system"] == os.uname().sysname
    assert found["packages"]["tinydb"]
    assert found["command"].startswith("python")


def test_outside_a_repository_all_but_git_is_kept(tracker: Tracker) -> None:
    run = one_run(tracker)

    found = environment_of(tracker, run)
    assert set(found["git"].values()) == {None}
    assert found["working_directory"] is None
    assert found["packages"]["tinydb"]
    assert not [key for key in run.data.tags if "git" in key]


def test_a_change_between_two_runs_is_seen(tracker: Tracker) -> None:
    make_repository(Path.cwd())
    first = one_run(tracker)
    commit = commit_all(Path.cwd())
    second = one_run(tracker)
    git(Path.cwd(), "checkout", "-q", "-b", "next")
    third = one_run(tracker)

    assert first.data.tags[system_tags.GIT_COMMIT] != commit
    assert second.data.tags[system_tags.GIT_COMMIT] == commit
    assert third.data.tags[system_tags.GIT_BRANCH] == "next"
    assert [run.data.tags[system_tags.GIT_DIRTY] for run in (first, second, third)] == ["false"] * 3


def test_runs_share_one_environment(tracker: Tracker, tmp_path: Path) -> None:
    runs = [one_run(tracker) for _ in range(5)]

    assert len({run.data.tags[system_tags.ENVIRONMENT] for run in runs}) == 1
    assert len(list((tmp_path / "store/environments").iterdir())) == 1


def test_the_second_run_knows_at_its_start_what_the_first_has_found_out(tracker: Tracker) -> None:
    make_repository(Path.cwd())
    one_run(tracker)

    with tracker.start_run() as run:
        tags = run.data.tags

    assert {system_tags.ENVIRONMENT, system_tags.COMMAND, system_tags.GIT_DIRTY} <= set(tags)


def test_a_run_that_starts_while_the_first_is_looked_at_misses_nothing(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile: list[dict[str, str]] = []
    command_line = environment._command_line

    def look() -> str | None:
        meanwhile.append(environment.first_tags(tracker._store()))
        return command_line()

    monkeypatch.setattr(environment, "_command", None)
    monkeypatch.setattr(environment, "_command_line", look)

    one_run(tracker)

    # Once a run has this, nobody looks for the rest.
    assert [system_tags.ENVIRONMENT in tags for tags in meanwhile] == [False]


def test_each_store_gets_its_own_copy(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tracker = Tracker(store=tmp_path / name)
        run = one_run(tracker)
        assert environment_of(tracker, run)["packages"]
        tracker.close()


def test_it_stands_in_the_readable_copy_too_although_the_run_has_ended(
    tracker: Tracker, tmp_path: Path
) -> None:
    make_repository(Path.cwd())

    run = one_run(tracker)

    text = (tmp_path / "store/runs" / run.info.run_id / "run.json").read_text()
    assert json.loads(text)["tags"] == run.data.tags
    assert run.data.tags[system_tags.GIT_DIRTY] == "false"


def test_it_is_no_event(tracker: Tracker, tmp_path: Path) -> None:
    one_run(tracker)

    events = [json.loads(line)["what"] for line in (tmp_path / "store/events.log").read_text().splitlines()]
    assert [what for what in events if what.startswith("run.")] == ["run.started", "run.ended"]


def test_tags_of_the_user_stay(tracker: Tracker) -> None:
    make_repository(Path.cwd())

    run = one_run(tracker, tags={system_tags.GIT_COMMIT: "mine", system_tags.COMMAND: "make all"})

    assert run.data.tags[system_tags.GIT_COMMIT] == "mine"
    assert run.data.tags[system_tags.COMMAND] == "make all"


def test_a_run_whose_environment_is_gone_is_read_all_the_same(tracker: Tracker, tmp_path: Path) -> None:
    run = one_run(tracker)
    next((tmp_path / "store/environments").iterdir()).unlink()

    found = environment_of(tracker, run)

    assert (found["packages"], found["python"]) == ({}, None)


def test_reading_waits_for_what_is_being_found_out(tracker: Tracker) -> None:
    make_repository(Path.cwd())
    with tracker.start_run() as run:
        found = environment_of(tracker, run.snapshot())

    assert found["git"]["dirty"] is False
    assert found["packages"]


# ---- scripts ---------------------------------------------------------------------------------------


def test_a_script_that_ends_at_once_is_known_whole(tmp_path: Path) -> None:
    commit = make_repository(tmp_path / "project")

    run_script(ONE_RUN, tmp_path / "project", "--lr", "0.1", "--api-key", "canary")

    (run,) = runs_in(tmp_path / "project")
    assert run.data.tags[system_tags.GIT_COMMIT] == commit
    assert run.data.tags[system_tags.GIT_DIRTY] == "false"
    assert run.data.tags[system_tags.COMMAND].endswith("script.py --lr 0.1 --api-key [redacted]")
    assert run.data.tags[system_tags.SOURCE_NAME] == "script.py"
    assert system_tags.ENVIRONMENT in run.data.tags


def test_a_script_in_a_repository_is_found_from_elsewhere(tmp_path: Path) -> None:
    commit = make_repository(tmp_path / "project")
    (tmp_path / "project/train.py").write_text(ONE_RUN)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    subprocess.run(
        [sys.executable, "../project/train.py"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=60,
    )

    (run,) = runs_in(elsewhere)
    assert run.data.tags[system_tags.GIT_COMMIT] == commit
    assert run.data.tags[system_tags.GIT_DIRTY] == "true"
    assert system_tags.WORKING_DIRECTORY not in run.data.tags


def test_no_canary_of_the_environment_or_the_command_line_is_in_the_store(tmp_path: Path) -> None:
    project = tmp_path / "project"
    make_repository(project)
    git(project, "remote", "add", "origin", "https://canary01:canary02@host/x.git?token=canary03")

    run_script(
        ONE_RUN,
        project,
        *("--password", "canary04", "TOKEN=canary05", "https://ada:canary06@host/x"),
        *("ghp_canary0708canary0708", "--db.pass=canary09"),
        AWS_SECRET_ACCESS_KEY="canary10",
        HF_TOKEN="canary11",
        MY_SETTING="canary12",
        PIP_INDEX="https://canary13@host",
    )

    kept = b"".join(path.read_bytes() for path in (project / ".nbtrack").rglob("*") if path.is_file())
    assert b"redacted" in kept
    assert b"canary" not in kept


def test_code_on_the_command_line_is_not_kept(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", ONE_RUN + "# canary", "--lr", "0.1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=60,
    )

    (run,) = runs_in(tmp_path)
    assert "canary" not in run.data.tags[system_tags.COMMAND]
    assert run.data.tags[system_tags.COMMAND].endswith("-c … --lr 0.1")


def test_workers_that_only_log_leave_the_environment_to_their_parent(tmp_path: Path) -> None:
    make_repository(tmp_path)
    text = """
import multiprocessing, os, nbtrack

def work(method):
    nbtrack.log_metric("x", 1.0)
    nbtrack.set_tag(method, os.getpid())

if __name__ == "__main__":
    with nbtrack.start_run():
        for method in ("fork", "spawn"):
            context = multiprocessing.get_context(method)
            worker = context.Process(target=work, args=(method,))
            worker.start()
            worker.join()
            assert worker.exitcode == 0
"""
    run_script(text, tmp_path)

    (run,) = runs_in(tmp_path)
    assert run.data.tags[system_tags.COMMAND].endswith("script.py")
    assert {"fork", "spawn", system_tags.GIT_DIRTY} <= set(run.data.tags)


def test_a_forked_child_that_starts_a_run_of_its_own_has_its_environment(tmp_path: Path) -> None:
    make_repository(tmp_path)
    text = """
import os, sys, nbtrack
with nbtrack.start_run(run_name="parent"):
    pass
pid = os.fork()
with nbtrack.start_run(run_name="child" if pid == 0 else "parent again"):
    pass
if pid:
    assert os.waitpid(pid, 0)[1] == 0
"""
    run_script(text, tmp_path)

    runs = runs_in(tmp_path)
    assert {run.info.run_name for run in runs} == {"parent", "child", "parent again"}
    for run in runs:
        assert {system_tags.GIT_DIRTY, system_tags.ENVIRONMENT} <= set(run.data.tags), run.info.run_name


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_what_is_being_found_out_is_left_to_the_parent() -> None:
    store = open_store("store")
    environment._background._pending["run"] = environment._Waiting(store, "run", None, {}, 0.0)
    busy = environment._background.is_busy_with("run")
    pid = os.fork()
    if pid == 0:
        os._exit(int(environment._background.is_busy_with("run")))
    del environment._background._pending["run"]
    store.close()

    assert busy
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_slow_git_keeps_a_script_for_a_second_at_most(tmp_path: Path) -> None:
    project = tmp_path / "project"
    commit = make_repository(project)
    slow = tmp_path / "bin/git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexec sleep 30\n")
    slow.chmod(0o700)
    began = monotonic()

    run_script(ONE_RUN, project, PATH=f"{slow.parent}:{os.environ['PATH']}")

    (run,) = runs_in(project)
    assert (tmp_path / "asked").exists()
    assert monotonic() - began < 15
    assert run.data.tags[system_tags.GIT_COMMIT] == commit
    assert {system_tags.ENVIRONMENT, system_tags.COMMAND} <= set(run.data.tags)
    assert system_tags.GIT_DIRTY not in run.data.tags


def test_many_short_runs_ask_git_a_few_times(tmp_path: Path) -> None:
    project = tmp_path / "project"
    make_repository(project)
    counting = tmp_path / "bin/git"
    counting.parent.mkdir()
    counting.write_text(f'#!/bin/sh\necho >> {tmp_path}/asked\nPATH={os.environ["PATH"]} exec git "$@"\n')
    counting.chmod(0o700)

    run_script(ONE_RUN * 100, project, PATH=f"{counting.parent}:{os.environ['PATH']}")

    runs = runs_in(project)
    assert len(runs) == 100
    assert all(system_tags.GIT_DIRTY in run.data.tags for run in runs)
    assert len((tmp_path / "asked").read_text().splitlines()) <= 10


# ---- notebooks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["JPY_SESSION_NAME", "IPYNB_FILE", "__vsc_ipynb_file__", None])
def test_a_run_of_a_notebook_has_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    commit = make_repository(tmp_path / "project")
    (tmp_path / "elsewhere").mkdir()
    started_in = tmp_path / ("project" if variable is None else "elsewhere")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell(f"import nbtrack\nnbtrack.set_tracking_uri('{tmp_path}/store')\n{ONE_RUN}")
    ]
    if variable is not None:
        monkeypatch.setenv(variable, str(tmp_path / "project/find loss.ipynb"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(started_in)}}).execute()

    (run,) = Tracker(store=tmp_path / "store").search_runs(output_format="list")
    assert run.data.tags[system_tags.GIT_COMMIT] == commit
    assert run.data.tags[system_tags.GIT_DIRTY] == "false"
    assert system_tags.ENVIRONMENT in run.data.tags
    assert system_tags.COMMAND not in run.data.tags
    assert run.data.tags[system_tags.SOURCE_TYPE] == "NOTEBOOK"
    name = "notebook" if variable is None else "find loss.ipynb"
    assert run.data.tags[system_tags.SOURCE_NAME] == name


# ---- when it cannot be -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["0", "false", "no", "off", " OFF "])
def test_it_can_be_switched_off(tracker: Tracker, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    make_repository(Path.cwd())
    monkeypatch.setenv("NBTRACK_CAPTURE_ENVIRONMENT", value)

    run = one_run(tracker)

    assert set(run.data.tags) == {"mlflow.user", "mlflow.source.name", "mlflow.source.type", "mlflow.runName"}


def test_a_disabled_tracker_captures_nothing(tmp_path: Path) -> None:
    tracker = Tracker(store=tmp_path / "store", enabled=False)

    with tracker.start_run():
        pass
    tracker.close()

    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda: Path(".git/HEAD").write_bytes(b"\xff\xfe\x00"),
        lambda: Path(".git/config").write_bytes(b"\xff[\x00"),
        lambda: Path(".git/HEAD").write_text("ref: refs/heads/\0"),
        lambda: Path(".git/index").write_bytes(b"damaged"),
        lambda: (Path(".git/HEAD").unlink(), Path(".git/HEAD").mkdir()),
        lambda: Path(".git/refs/heads/main").write_text("nothing"),
    ],
)
def test_a_damaged_repository_disturbs_no_run(tracker: Tracker, damage) -> None:
    make_repository(Path.cwd())
    damage()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = one_run(tracker)

    assert run.info.status == "FINISHED"
    assert system_tags.ENVIRONMENT in run.data.tags


def test_a_working_directory_that_is_gone_disturbs_no_run(tracker: Tracker, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    here = Path.cwd()
    os.chdir(gone)
    gone.rmdir()
    try:
        run = one_run(tracker)
    finally:
        os.chdir(here)

    assert system_tags.ENVIRONMENT in run.data.tags


def test_a_store_that_was_deleted_is_not_made_again(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    run_id = store.runs.create("0", "run", tags={})
    os.rename(tmp_path / "store", tmp_path / "moved")

    environment.capture_later(store, run_id, {})
    environment.settle(store)

    assert not (tmp_path / "store").exists()
    store.close()


# ---- tags from the environment ---------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["NBTRACK_RUN_CONTEXT", "MLFLOW_RUN_CONTEXT"])
def test_tags_can_be_given_by_the_environment(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, '{"team": "nlp", "job": 17, "nested": {"a": [1]}, "mlflow.user": "ci"}')

    tags = one_run(tracker, tags={"job": "18"}).data.tags

    assert (tags["team"], tags["job"], tags["nested"], tags["mlflow.user"]) == (
        "nlp",
        "18",
        '{"a": [1]}',
        "ci",
    )


@pytest.mark.parametrize("text", ["{", "[1]", "null", '"x"', '{"": "x"}', "[" * 100_000])
def test_a_context_that_is_no_object_is_told_once(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("NBTRACK_RUN_CONTEXT", text)

    with pytest.warns(RuntimeWarning, match="NBTRACK_RUN_CONTEXT") as told:
        runs = [one_run(tracker), one_run(tracker)]

    assert len(told) == 1
    assert all(run.info.status == "FINISHED" for run in runs)
