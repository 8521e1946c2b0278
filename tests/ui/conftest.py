"""A real IPython shell for each test, with nbtrack loaded, and a real kernel where that matters."""

import atexit
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

from nbtrack.core.entities import Run
from nbtrack.tracking.fluent import default_tracker


@dataclass
class Notebook:
    """Cells run one after the other, and what they leave."""

    shell: InteractiveShell
    shown: CapturingDisplayPublisher

    def run(self, cell: str) -> ExecutionResult:
        """Run a cell as a front end does."""
        return self.shell.run_cell(cell, store_history=True)

    def value(self, cell: str) -> Any:
        """Run a cell that must not fail, for its last value."""
        result = self.run(cell)
        result.raise_error()
        return result.result

    @property
    def cards(self) -> list[str]:
        """The texts of what was displayed, in order."""
        return [
            output["data"]["text/plain"] for output in self.shown.outputs if "text/html" in output["data"]
        ]

    @property
    def pages(self) -> list[str]:
        """The HTML of what was displayed, in order."""
        return [output["data"]["text/html"] for output in self.shown.outputs if "text/html" in output["data"]]

    @staticmethod
    def runs() -> list[Run]:
        """All runs, the first started first."""
        found: list[Run] = default_tracker.search_runs(output_format="list", search_all_experiments=True)
        if not found:
            return []
        # Several may have started within one millisecond; documents are numbered in order.
        documents = default_tracker._store().documents.table("runs").all()
        order = {document["run_id"]: document.doc_id for document in documents}
        return sorted(found, key=lambda run: order[run.info.run_id])

    def only_run(self) -> Run:
        """The one run there is."""
        (run,) = self.runs()
        return run


@contextmanager
def new_notebook() -> Generator[Notebook]:
    """A shell without nbtrack, in which nothing was executed."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.display_pub = CapturingDisplayPublisher(parent=shell)
    shell.user_ns["shell"] = shell
    yield Notebook(shell, shell.display_pub)
    shell.run_line_magic("unload_ext", "nbtrack")
    atexit.unregister(shell.atexit_operations)
    shell.atexit_operations()
    shell.restore_sys_module_state()
    InteractiveShell.clear_instance()


@pytest.fixture
def bare_notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A shell without nbtrack."""
    monkeypatch.setattr(HistoryManager, "enabled", False)
    with new_notebook() as notebook:
        yield notebook


@pytest.fixture
def notebook(bare_notebook: Notebook) -> Notebook:
    """A shell in which `%load_ext nbtrack` was run."""
    bare_notebook.value("%load_ext nbtrack\nimport nbtrack")
    return bare_notebook
