"""A store in a folder, opened."""

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from nbtrack.documents.database import Database
from nbtrack.stores.local import folder as store_folder
from nbtrack.stores.local.change_log import ChangeLog
from nbtrack.stores.local.events import EventLog
from nbtrack.stores.local.experiments import LocalExperiments
from nbtrack.stores.local.run_writer import Keeper, RunWriter
from nbtrack.stores.local.runs import LocalRuns
from nbtrack.stores.local.shared_documents import SharedDocuments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrack.core.ended_runs import EndedRun
    from nbtrack.stores.local.attempts import LocalAttempts
    from nbtrack.stores.local.cell_sessions import LocalCellSessions
    from nbtrack.stores.local.changes import LocalChanges
    from nbtrack.stores.local.logged_models import LocalLoggedModels
    from nbtrack.stores.local.registry import LocalRegistry


class LocalStore:
    """Experiments, runs and their files in one folder.

    Any number of processes and threads may use the folder at once.
    """

    def __init__(self, path: Path) -> None:
        """Open the store in `path`, making it when there is none.

        Raises:
            ForeignStoreError: Something else lives there.
            StoreVersionError: A newer nbtrack made it.
            StoreError: It cannot be made or opened, or it has lost its documents.
        """
        self.path = path
        if not store_folder.has_documents(path):
            store_folder.check_not_lost(path)
            store_folder.make_folder(path)
        self.documents = Database(path / store_folder.DOCUMENTS)
        self._documents_path = str(path / store_folder.DOCUMENTS)
        self.events = EventLog(path / store_folder.EVENTS)
        self._change_log = ChangeLog(self.documents, self.events)
        self.experiments = LocalExperiments(path, self.documents, self.events, self._change_log)
        self.experiments.ensure_default()
        self._opened_file = _identity(self._documents_path)
        self.runs = LocalRuns(path, self.documents, self.events, self._change_log)
        self._logged_models: LocalLoggedModels | None = None
        self._attempts: LocalAttempts | None = None
        self.environments = SharedDocuments(path, store_folder.ENVIRONMENTS, "environment")
        self._keeper = Keeper(self.documents.sync, self.events)
        self._changes: LocalChanges | None = None
        self._registry: LocalRegistry | None = None
        self._cell_sessions: LocalCellSessions | None = None

    @property
    def logged_models(self) -> "LocalLoggedModels":
        """Its logged models."""
        if self._logged_models is None:
            from nbtrack.stores.local.logged_models import LocalLoggedModels  # lazy: few scripts log a model

            self._logged_models = LocalLoggedModels(
                self.path, self.documents, self.events, self.runs, self.experiments
            )
        return self._logged_models

    @property
    def changes(self) -> "LocalChanges":
        """What people changed of its runs and experiments."""
        if self._changes is None:
            from nbtrack.stores.local.changes import LocalChanges  # lazy: most scripts only log

            self._changes = LocalChanges(self._change_log, self.runs, self.experiments)
        return self._changes

    @property
    def attempts(self) -> "LocalAttempts":
        """The attempts of its lineages."""
        if self._attempts is None:
            from nbtrack.stores.local.attempts import LocalAttempts  # lazy: only tracked cells make any

            self._attempts = LocalAttempts(self.path, self.documents, self.runs)
        return self._attempts

    @property
    def uri(self) -> str:
        """The tracking URI of this store: its folder."""
        return str(self.path)

    @property
    def artifact_location(self) -> str:
        """Where artifacts lie of experiments that want no place of their own."""
        return self.experiments.default_location

    @property
    def registry(self) -> "LocalRegistry":
        """Its registered models."""
        if self._registry is None:
            from nbtrack.stores.local.registry import LocalRegistry  # lazy: most scripts only log

            self._registry = LocalRegistry(self.documents, self.events)
        return self._registry

    @property
    def cell_sessions(self) -> "LocalCellSessions":
        """The cells that kernels executed."""
        if self._cell_sessions is None:
            from nbtrack.stores.local.cell_sessions import LocalCellSessions  # lazy: scripts have no cells

            self._cell_sessions = LocalCellSessions(self.path)
        return self._cell_sessions

    def is_there(self) -> bool:
        """Whether the database is still the file that was opened."""
        return _identity(self._documents_path) == self._opened_file

    def writer(self, run_id: str, *, owner: bool, raises: bool = False) -> RunWriter:
        """Begin to write to a run.

        Args:
            run_id: A run that exists.
            owner: Whether this process started or resumed it.
            raises: Whether a point that the disk refuses is an error, and not kept for later.
        """
        return RunWriter(self.runs, run_id, owner=owner, keeper=self._keeper, raises=raises)

    def add_children(self, parent_id: str, children: "Sequence[EndedRun]") -> list[str]:
        """Keep runs that have ended already as children of one; all of them or, when one cannot be, none.

        Args:
            parent_id: The run they belong to.
            children: What is to be kept of each; they are in its experiment, and have its source and user.

        Returns:
            Their ids, in the order given.

        Raises:
            NotFoundError: There is no such parent.
            StoreError: The store cannot be written.
        """
        from nbtrack.stores.local import ended_runs  # lazy: few scripts have any

        logs = ended_runs.add_children(self.runs, parent_id, children)
        for run_id, log in logs.items():
            RunWriter(self.runs, run_id, owner=True, keeper=self._keeper, ended=log)
        return list(logs)

    def sync(self) -> None:
        """Make everything written so far survive a power cut.

        Raises:
            StoreError: The disk refused.
        """
        self._keeper.sync()

    def close(self) -> None:
        """Close the files; runs that are still written must be ended before."""
        self._keeper.stop()
        self.events.close()
        self.documents.close()

    def __enter__(self) -> "LocalStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _identity(path: str) -> tuple[int, int] | None:
    """What tells a file from another one of its name; None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
