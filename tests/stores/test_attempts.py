"""The attempts of a store folder: many processes at once, old stores, moved stores."""

import shutil
import subprocess
import sys
from pathlib import Path

from nbtrack.core.lineages import CellIdentity
from nbtrack.documents.database import Database
from nbtrack.stores.local.store import LocalStore

_EACH = 25
_BEGIN = f"""
import sys
from pathlib import Path
from nbtrack.core.lineages import CellIdentity
from nbtrack.stores.local.store import LocalStore

with LocalStore(Path(sys.argv[1])) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range({_EACH}):
        store.attempts.create("0", CellIdentity(folder="/", cell_id="a"), new_name="x", tags={{}})
"""


def begin(store: LocalStore, notebook: Path) -> tuple[str, int]:
    # Without an id nothing but its place and its code tells the cell from others.
    cell = CellIdentity(notebook=str(notebook), source="s")
    started = store.attempts.create("0", cell, new_name="x", tags={})
    return started.lineage, started.number


def test_processes_at_once_never_make_two_attempts_of_one_number(tmp_path: Path) -> None:
    with LocalStore(tmp_path / "store") as store:
        kernels = [
            subprocess.Popen(
                [sys.executable, "-c", _BEGIN, str(store.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            for _ in range(3)
        ]
        for kernel in kernels:
            assert kernel.stdout is not None
            assert kernel.stdout.readline() == b"ready\n"

        for kernel in kernels:
            assert kernel.stdin is not None
            kernel.stdin.write(b"go\n")
            kernel.stdin.flush()
        for kernel in kernels:
            kernel.communicate(timeout=60)

        assert [kernel.returncode for kernel in kernels] == [0, 0, 0]
        runs = store.documents.table("runs").all()
        numbers = [int(run["tags"]["nbtrack.attempt"]) for run in runs]
        assert sorted(numbers) == list(range(1, len(kernels) * _EACH + 1))
        assert len({run["tags"]["nbtrack.lineage"] for run in runs}) == 1


def test_a_store_that_knew_no_lineages_opens_and_gets_their_index(tmp_path: Path) -> None:
    with LocalStore(tmp_path / "store") as store:
        store.runs.create("0", "old", tags={})
    database = Database(tmp_path / "store" / "documents.db")
    indexes = "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE '%lineage%'"
    for (name,) in database._engine.run(indexes):
        database._engine.run(f'DROP INDEX "{name}"')
    assert database._engine.run(indexes) == []
    database.close()

    with LocalStore(tmp_path / "store") as store:
        assert [run.info.run_name for run in store.runs.search()] == ["old"]
        assert store.attempts.search("nobody") == []
        assert begin(store, tmp_path / "a.ipynb")[1] == 1
        assert len(store.documents._engine.run(indexes)) > 0


def test_a_project_that_is_moved_with_its_store_goes_on_with_its_lineages(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "a.ipynb").touch()
    with LocalStore(tmp_path / "project" / ".nbtrack") as store:
        lineage, _ = begin(store, tmp_path / "project" / "a.ipynb")
    shutil.move(tmp_path / "project", tmp_path / "moved")

    with LocalStore(tmp_path / "moved" / ".nbtrack") as store:
        assert begin(store, tmp_path / "moved" / "a.ipynb") == (lineage, 2)


def test_a_link_to_a_notebook_is_the_notebook(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with LocalStore(tmp_path / "store") as store:
        lineage, _ = begin(store, tmp_path / "real" / "a.ipynb")

        assert begin(store, tmp_path / "link" / "a.ipynb") == (lineage, 2)
