"""A notebook as its file says it is now: which code cells there are, in which order."""

import json
import os
from dataclasses import dataclass
from typing import Any, cast

_LARGEST = 8_000_000
"""Bytes; a larger file is full of pictures, and would cost the cell that asks too much."""

_last: tuple[tuple[str, int, int], "SavedNotebook"] | None = None


@dataclass(frozen=True)
class SavedCell:
    """A code cell in the file of a notebook."""

    cell_id: str | None
    source: str


@dataclass(frozen=True)
class SavedNotebook:
    """The code cells of a notebook, in its order."""

    cells: tuple[SavedCell, ...]
    saved_at: int
    """Milliseconds since 1970, UTC: what was executed later may not be in it."""


def saved_notebook(path: str | None) -> SavedNotebook | None:
    """What the file of a notebook says; None when it cannot be read, or is no notebook.

    Args:
        path: As the front end tells it; a name alone is looked for in the working directory.
    """
    global _last
    if path is None or not path.endswith(".ipynb"):
        return None
    try:
        status = os.stat(path)
        key = os.path.abspath(path), status.st_mtime_ns, status.st_size
        last = _last
        if last is not None and last[0] == key:
            return last[1]
        if status.st_size > _LARGEST:
            return None
        with open(path, encoding="utf-8") as file:
            cells = _cells_in(json.load(file))
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None
    found = SavedNotebook(cells, status.st_mtime_ns // 1_000_000)
    _last = key, found
    return found


def _cells_in(document: Any) -> tuple[SavedCell, ...]:
    """The code cells of a notebook of nbformat 4.

    Raises:
        KeyError, TypeError, AttributeError: It is none.
    """
    cells: list[SavedCell] = []
    for cell in cast("list[dict[str, Any]]", document["cells"]):
        if cell["cell_type"] == "code":
            source: Any = cell["source"]
            text = source if isinstance(source, str) else "".join(source)
            cell_id = cell.get("id")
            cells.append(SavedCell(cell_id if isinstance(cell_id, str) else None, text))
    return tuple(cells)
