"""Execute the notebooks in place, with static outputs: `python -m tests.notebooks`.

Each runs in a folder of its own, so that its store is new and the repository stays clean.
"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def execute(path: Path, folder: Path) -> Any:
    """Run a copy of a notebook in a folder, and give the copy with its outputs.

    Raises:
        CellExecutionError: A cell failed.
    """
    copy = folder / path.name
    shutil.copyfile(path, copy)
    notebook = nbformat.read(copy, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=120,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return _normal(notebook)


def rewrite(path: Path) -> None:
    """Execute a notebook and keep its outputs in it."""
    with tempfile.TemporaryDirectory() as folder:
        nbformat.write(execute(path, Path(folder)), path)


def _normal(notebook: Any) -> Any:
    """The notebook without what differs from one machine to the next."""
    notebook.metadata = nbformat.from_dict(_METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    nbformat.validate(notebook)
    return notebook


if __name__ == "__main__":
    for each in NOTEBOOKS:
        began = time.monotonic()
        rewrite(each)
        print(f"{each.name}  {time.monotonic() - began:.1f} s  {each.stat().st_size / 1000:,.0f} kB")
