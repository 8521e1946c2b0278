"""The proof of slices: what is restored of many kinds of notebooks gives the same metric anew."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.history import HistoryManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

import nbtrack
from nbtrack.core.cells import Slice
from nbtrack.core.entities import Run
from nbtrack.tracking.tracker import Tracker
from tests.ui.conftest import Notebook, new_notebook
from tests.ui.restored_notebooks import SESSIONS, Session, scored

_AGAIN = """
import json, os, runpy, sys
import nbtrack

found = {}
for name in sys.argv[1:]:
    os.makedirs(f"again/{name}")
    os.chdir(f"again/{name}")
    nbtrack.set_tracking_uri("store")
    runpy.run_path(f"../../{name}/restored.py", run_name="__main__")
    found[name] = nbtrack.active_run().data.metrics["score"]
    nbtrack.end_run()
    os.chdir("../..")
json.dump(found, open("found.json", "w"))
"""


def executed(notebook: Notebook, session: Session) -> tuple[Slice, float]:
    """Run the cells of a session, for the slice and the metric of its last one."""
    for index, cell in enumerate(session.cells):
        assert notebook.run(cell).success == (index not in session.fails), cell
    run = notebook.runs()[-1]
    return nbtrack.slice_of(run.info.run_id), run.data.metrics["score"]


def places(found: Slice) -> set[int]:
    """The places, from 0, of the cells of a slice in its session; that of `%load_ext` is -1."""
    return {each.cell.number - 2 for each in found.cells}


@pytest.fixture
def _left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the notebooks do to the process."""
    monkeypatch.setattr(HistoryManager, "enabled", False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("NBT_FACTOR", "0")


@pytest.mark.usefixtures("_left_as_it_was")
def test_what_is_restored_of_many_notebooks_gives_the_same_metric_from_a_fresh_start() -> None:
    metrics: dict[str, float] = {}
    superfluous: dict[str, set[int]] = {}
    work = Path.cwd()
    for name, session in SESSIONS.items():
        (work / name).mkdir()
        os.chdir(work / name)
        with new_notebook() as notebook:
            notebook.value("%load_ext nbtrack\nimport nbtrack")
            found, metrics[name] = executed(notebook, session)
        os.chdir(work)
        Path(name, "restored.py").write_text(found.to_script())
        if wrong := places(found) & set(session.unrelated):
            superfluous[name] = wrong
        assert found.left_out + len(found.cells) == len(session.cells) + 1
        assert all(each.reasons for each in found.cells)
        nbformat.validate(nbformat.from_dict(found.to_notebook()))

    done = subprocess.run(
        [sys.executable, "-c", _AGAIN, *SESSIONS], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(Path("found.json").read_text()) == pytest.approx(metrics, rel=1e-12)
    assert superfluous == {}


def execute(notebook: Any) -> None:
    NotebookClient(notebook, kernel_name="python3", timeout=60, store_widget_state=False).execute()


def runs_in(tracker: Tracker) -> list[Run]:
    found: list[Run] = tracker.search_runs(output_format="list", order_by=["attributes.start_time ASC"])
    return found


def test_a_kernel_that_is_killed_leaves_slices_that_run_in_a_fresh_kernel() -> None:
    cells = (
        "%load_ext nbtrack\nimport nbtrack",
        "import asyncio, os",
        "unrelated = 5",
        "async def fetch(x):\n    await asyncio.sleep(0)\n    return x * 2",
        "found = await asyncio.gather(*(fetch(x) for x in range(5)))",
        scored("sum(found)"),
        "found.append(1)",
        f"{scored('sum(found)')}\nif not os.path.exists('again'):\n    os.kill(os.getpid(), 9)",
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    with pytest.raises(DeadKernelError):
        execute(notebook)
    with closing(Tracker(store=".nbtrack")) as stored:
        runs = runs_in(stored)
        slices = [stored.slice_of(run.info.run_id) for run in runs]
        history = stored.cells_of(runs[1].info.run_id)
    Path("again").mkdir()

    restored = [nbformat.from_dict(found.to_notebook()) for found in slices]
    restored[0].cells += restored[1].cells[-2:]
    execute(restored[0])

    assert [(cell.number, cell.status) for cell in history[-2:]] == [(7, "ok"), (8, "running")]
    assert [run.info.status for run in runs] == ["FINISHED", "KILLED"]
    assert [[each.cell.number for each in found.cells] for found in slices] == [
        [1, 2, 4, 5, 6],
        [1, 2, 4, 5, 7, 8],
    ]
    with closing(Tracker(store=".nbtrack")) as stored:
        again = runs_in(stored)
    assert [run.data.metrics["score"] for run in again] == [20.0, 21.0] * 2
