"""The notebooks: they run, and what is committed of them shows what they do, wherever it is read."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks import FOLDER, NOTEBOOKS, execute

_PATHS_OF_A_MACHINE = re.compile(r"/(?:root|work|tmp|home|Users)\b|[A-Z]:\\")
_MAX_BYTES = 150_000

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def kinds_of(notebook: Any) -> list[list[str]]:
    """What each cell shows, by kind and MIME type; a stream is one however it was cut."""
    shown: list[list[str]] = []
    for cell in notebook.cells:
        kinds: list[str] = []
        for output in cell.get("outputs", []):
            kind = output.get("name") or "+".join(sorted(output.get("data", {}))) or output.output_type
            if kinds[-1:] != [kind]:
                kinds.append(kind)
        shown.append(kinds)
    return shown


def printed_by(notebook: Any) -> list[str]:
    printed = [
        "".join(output.get("text", "") for output in cell.get("outputs", [])) for cell in notebook.cells
    ]
    # Runs have ids of their own in each execution, and those that autolog starts names.
    return [re.sub(r"recorded \S+ \([0-9a-f]{8}\)|\brun [0-9a-f]{32}", "recorded", text) for text in printed]


def test_there_is_a_quickstart() -> None:
    assert "quickstart" in [path.stem for path in NOTEBOOKS]


@each_notebook
def test_it_runs_and_shows_what_is_committed(path: Path, tmp_path: Path) -> None:
    before = sorted(FOLDER.iterdir())

    executed = execute(path, tmp_path)

    committed = nbformat.read(path, as_version=4)
    assert kinds_of(executed) == kinds_of(committed)
    assert printed_by(executed) == printed_by(committed)
    assert sorted(FOLDER.iterdir()) == before
    assert (tmp_path / ".nbtrack" / "documents.db").exists()


@each_notebook
def test_its_outputs_are_committed_and_static(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]

    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(output.output_type != "error" for output in outputs)
    assert any("text/html" in output.get("data", {}) for output in outputs)
    assert all("text/plain" in output.data for output in outputs if "data" in output)
    assert all("vnd.jupyter.widget" not in kind for output in outputs for kind in output.get("data", {}))
    assert all(output.get("name") != "stderr" for output in outputs)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(not cell.metadata for cell in notebook.cells)


@each_notebook
def test_it_is_small_and_knows_nothing_of_the_machine_it_ran_on(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert len(text) < _MAX_BYTES
    assert [match.group() for match in _PATHS_OF_A_MACHINE.finditer(text)] == []


@each_notebook
def test_its_cells_have_ids_of_their_own(path: Path) -> None:
    ids = [cell["id"] for cell in nbformat.read(path, as_version=4).cells]

    assert len(set(ids)) == len(ids)
