"""Late workers: processes that log to a run which another process ends.

A worker may log when its parent has ended the run already, and may be gone before it folds that: then
the document of a run at rest does not show all of its points. So a worker leaves a note with its first
point, takes it off when it has folded its last, and whoever folds takes off those of the dead. Few runs
ever have one: a search reads this table and is done.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from nbtrack.documents.database import Database
from nbtrack.documents.queries import Query
from nbtrack.stores.local import liveness

_FORGET_SECONDS = 86_400.0
"""A worker on another machine, whose death cannot be seen, is taken for dead after so long a silence."""


class LateWorkers:
    """The notes of the workers of one store.

    Args:
        database: The store's documents.
        folder_of: Where a run keeps its files, from its id.
    """

    def __init__(self, database: Database, folder_of: Callable[[str], str]) -> None:
        self._table = database.table("late_workers", unique=[("note",)])
        self._folder_of = folder_of

    def note(self, note: str, run_id: str) -> None:
        """Say that this process may log to a run from now on.

        Args:
            note: A name of the note, to take it off by.
            run_id: The run.

        Raises:
            StoreError: The store cannot be written.
        """
        document = {"note": note, "run_id": run_id, "worker": liveness.this_process()}
        self._table.upsert(document, Query().note == note)

    def runs(self) -> set[str]:
        """The ids of the runs with a worker that may have logged what is not folded."""
        return {document["run_id"] for document in self._table.all()}

    def runs_of_the_dead(self) -> set[str]:
        """Those of which a worker is gone: a fold would take off its note."""
        return {document["run_id"] for document in self._table.all() if self._is_gone(document)}

    def of_the_dead(self, run_id: str) -> list[str]:
        """The notes of those workers of a run that are gone; ask before their last points are read."""
        documents: list[Any] = self._table.search(_of_run(run_id))
        return [document["note"] for document in documents if self._is_gone(document)]

    def take_off(self, notes: Iterable[str]) -> None:
        """Remove notes; those that are not there are no error.

        Raises:
            StoreError: The store cannot be written.
        """
        if notes := list(notes):
            self._table.remove(Query().note.one_of(notes))

    def forget(self, run_id: str) -> None:
        """Remove all notes of a run.

        Raises:
            StoreError: The store cannot be written.
        """
        self._table.remove(_of_run(run_id))

    def _is_gone(self, document: Any) -> bool:
        folder = self._folder_of(document["run_id"])
        return not liveness.is_alive(document["worker"], folder, silence=_FORGET_SECONDS)


@lru_cache(maxsize=256)
def _of_run(run_id: str) -> Any:
    return Query().run_id == run_id
