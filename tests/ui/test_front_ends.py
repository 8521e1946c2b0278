"""One notebook, run by whatever runs notebooks, leaves the same runs; and fails where it should."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from nbtrack.core.entities import Run
from nbtrack.tracking.notebooks import notebook_on
from nbtrack.tracking.tracker import Tracker

TIMEOUT = 120
CELLS = (
    "lr, epochs = 0.5, 2",
    "%load_ext nbtrack\nimport nbtrack",
    "%%track train -t team=nlp\n"
    "for step in range(epochs):\n    nbtrack.log_metric('loss', lr / (step + 1), step=step)",
    "%%track sleepy\nimport asyncio\nawait asyncio.sleep(0)\nnbtrack.log_param('woke', True)",
    "with nbtrack.start_run(run_name='plain'):\n    nbtrack.log_param('epochs', 7)",
    "%%track broken\nraise ValueError('boom')",
    "%%track never\n1",
)


@dataclass
class Outcome:
    """What one front end left."""

    runs: list[Run]
    has_failed: bool
    said: str

    def named(self, name: str) -> Run:
        return next(run for run in self.runs if run.info.run_name == name)


def write_notebook(path: Path) -> Any:
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    cells[0].metadata["tags"] = ["parameters"]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)
    return notebook


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """What each front end left, of its own copy of the notebook; they run beside each other."""
    root = tmp_path_factory.mktemp("front_ends")
    environment = {**os.environ, "IPYTHONDIR": str(root / "ipython")}
    environment.pop("NBTRACK_TRACKING_URI", None)
    programs = {
        "papermill": [
            *["-m", "papermill", "nb.ipynb", "out.ipynb", "-p", "lr", "0.25", "-p", "epochs", "3"],
            "-r",
            "api_key",
            "x9",
        ],
        "execute": ["-m", "jupyter", "execute", "nb.ipynb"],
        "terminal": ["-m", "IPython", "--colors=NoColor", "nb.ipynb"],
    }
    started: dict[str, subprocess.Popen[str]] = {}
    for name, arguments in programs.items():
        (root / name).mkdir()
        write_notebook(root / name / "nb.ipynb")
        started[name] = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=root / name,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    found: dict[str, Outcome] = {}
    (root / "nbclient").mkdir()
    notebook = write_notebook(root / "nbclient" / "nb.ipynb")
    client = NotebookClient(notebook, timeout=TIMEOUT, resources={"metadata": {"path": root / "nbclient"}})
    has_failed, said = False, ""
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        has_failed, said = True, str(error)
    found["nbclient"] = Outcome(_runs_in(root / "nbclient"), has_failed, said)
    for name, process in started.items():
        said, _ = process.communicate(timeout=TIMEOUT)
        found[name] = Outcome(_runs_in(root / name), process.returncode != 0, said)
    return found


def _runs_in(folder: Path) -> list[Run]:
    tracker = Tracker(store=folder / ".nbtrack")
    found: list[Run] = tracker.search_runs(output_format="list", search_all_experiments=True)
    tracker.close()
    return found[::-1]


@pytest.mark.parametrize("front_end", ["papermill", "execute", "nbclient", "terminal"])
def test_a_notebook_leaves_the_same_runs_and_stops_where_it_fails(
    outcomes: dict[str, Outcome], front_end: str
) -> None:
    outcome = outcomes[front_end]

    assert [(run.info.run_name, run.info.status) for run in outcome.runs] == [
        ("train", "FINISHED"),
        ("sleepy", "FINISHED"),
        ("plain", "FINISHED"),
        ("broken", "FAILED"),
    ]
    assert outcome.has_failed
    assert "boom" in outcome.said
    train = outcome.named("train")
    assert train.data.tags["team"] == "nlp"
    assert train.data.metrics["loss"] > 0
    assert len({run.data.tags["nbtrack.session"] for run in outcome.runs}) == 1


def test_the_parameters_of_papermill_are_params_of_every_run_unless_the_run_says_otherwise(
    outcomes: dict[str, Outcome],
) -> None:
    outcome = outcomes["papermill"]

    assert outcome.named("train").data.params["lr"] == "0.25"
    assert outcome.named("train").data.metrics == {"loss": pytest.approx(0.25 / 3)}
    assert outcome.named("sleepy").data.params == {"lr": "0.25", "epochs": "3", "woke": "True"}
    assert outcome.named("plain").data.params == {"lr": "0.25", "epochs": "7"}
    assert outcome.named("broken").data.params == {"lr": "0.25", "epochs": "3"}
    assert not any("api_key" in run.data.params for run in outcome.runs)


@pytest.mark.parametrize("front_end", ["papermill", "execute"])
def test_the_notebook_is_found_on_the_command_line(outcomes: dict[str, Outcome], front_end: str) -> None:
    notebooks = {run.data.tags.get("nbtrack.notebook") for run in outcomes[front_end].runs}

    assert notebooks == {"nb.ipynb"}


def test_without_a_name_of_the_notebook_the_runs_are_there(outcomes: dict[str, Outcome]) -> None:
    assert {run.data.tags["mlflow.source.name"] for run in outcomes["nbclient"].runs} == {"notebook"}


@pytest.mark.parametrize(
    ("command", "notebook"),
    [
        ("python /venv/bin/papermill in/a.ipynb out/b.ipynb -p lr 1", "in/a.ipynb"),
        ("papermill a.ipynb -", "a.ipynb"),
        ("python -m papermill -p x 1 a.ipynb b.ipynb", "a.ipynb"),
        ("/usr/bin/python /venv/bin/jupyter-nbconvert --to html --execute a.ipynb", "a.ipynb"),
        ("python -m nbconvert --execute --to notebook a.ipynb", "a.ipynb"),
        ("jupyter nbconvert --execute a.ipynb b.ipynb", None),
        ("/venv/bin/python /venv/bin/jupyter-execute a.ipynb", "a.ipynb"),
        ("jupyter lab a.ipynb", None),
        ("python /venv/bin/jupyter-lab a.ipynb", None),
        ("jupyter-notebook a.ipynb", None),
        ("python train.py a.ipynb", None),
        ("", None),
    ],
)
def test_which_notebook_a_command_line_runs(command: str, notebook: str | None) -> None:
    assert notebook_on(command.split()) == notebook
