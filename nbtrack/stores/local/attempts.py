"""Which lineage the run of a tracked cell belongs to, and its number there.

A lineage is found, its next number taken and the run begun in one transaction, so two kernels on one
notebook never make two attempts of one number. What is known of cells stands beside the runs, in two
tables; a store without them, or one whose runs came from elsewhere, is read from the tags of the runs.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.entities import Run, RunList, RunStatus, ViewType
from nbtrack.core.lineages import CellIdentity, StartedAttempt, attempt_in, lineage_key
from nbtrack.documents.database import Database
from nbtrack.documents.queries import Query
from nbtrack.documents.schema import Index
from nbtrack.stores.local.runs import HAS_LINEAGE, LocalRuns

_MOST_MOVED = 50
"""Notebooks with a cell of one id that are looked at, to find the one that was moved."""


class LocalAttempts:
    """The attempts of one store folder.

    Args:
        folder: The store; what its cells are called is relative to the folder that it lies in.
        database: Its documents.
        runs: Its runs.
    """

    def __init__(self, folder: Path, database: Database, runs: LocalRuns) -> None:
        self._beside = os.path.realpath(folder.parent)
        self._database = database
        self._runs = runs
        self._cells = database.table("cells", unique=[("key",)], indexes=[Index(("cell_id",))])
        self._lineages = database.table("lineages", unique=[("lineage",)])

    def create(
        self,
        experiment_id: str,
        cell: CellIdentity,
        *,
        new_name: str,
        tags: Mapping[str, str],
        is_new: bool = False,
        artifact_location: str | None = None,
    ) -> StartedAttempt:
        """Begin the run of a cell, as the next attempt of its lineage.

        Args:
            experiment_id: An experiment that exists.
            cell: By what the cell is known again. Its name becomes the run's; without one the run has
                the name of the attempt before.
            new_name: The name of a run without either.
            tags: First tags of the run.
            is_new: Begin a new lineage, which the cell goes on with from then on.
            artifact_location: As of `LocalRuns.create`.

        Raises:
            StoreError: The store cannot be written; no run is left behind and no number is taken.
        """
        place = self._place(cell)
        keys = [lineage_key(experiment_id, place, each) for each in cell.known_by]
        with self._database.transaction():
            held: list[Any] = self._cells.search(Query().key.one_of(keys))
            known: dict[str, str] = {each["key"]: each["lineage"] for each in held}
            if is_new:
                lineage = os.urandom(16).hex()
            else:
                lineage = self._lineage_of(experiment_id, cell, keys[: len(cell.looked_up)], known)
            count, before, is_counted = self._counted(lineage)
            name = cell.name or self._name_of(before) or new_name
            attempt = count + 1
            of_attempt = {system_tags.LINEAGE: lineage, system_tags.ATTEMPT: str(attempt)}
            run_id = self._runs.create(
                experiment_id, name, tags={**tags, **of_attempt}, artifact_location=artifact_location
            )
            counted = {"attempts": attempt, "run_id": run_id}
            if is_counted:
                self._lineages.patch(
                    {(key,): value for key, value in counted.items()}, Query().lineage == lineage
                )
            else:
                self._lineages.insert({"lineage": lineage, **counted})
            for key, identity in zip(keys, cell.known_by, strict=True):
                if key not in known:
                    self._cells.insert(
                        {
                            "key": key,
                            "lineage": lineage,
                            "experiment_id": experiment_id,
                            "notebook": place[1] if cell.notebook else None,
                            # Where it is known by its code alone, nothing tells that its notebook moved.
                            "cell_id": None if identity[0] == "source" else cell.cell_id,
                            "name": cell.name,
                        }
                    )
                elif known[key] != lineage:
                    self._cells.update({"lineage": lineage}, Query().key == key)
        return StartedAttempt(run_id, name, lineage, attempt, before)

    def search(self, lineage: str, *, number: int | None = None, view: int = ViewType.ALL) -> RunList:
        """The attempts of a lineage, the first one first; with `number` only that one."""
        condition: Any = HAS_LINEAGE & (Query().tags[system_tags.LINEAGE] == lineage)
        if number is not None:
            condition &= Query().tags[system_tags.ATTEMPT] == str(number)
        found = self._runs.search(None, condition, view=view, with_sketches=True)
        return RunList(sorted(reversed(found), key=_number_of))

    def latest(
        self, lineage: str, *, before: int | None = None, statuses: Sequence[str] = RunStatus.ALL
    ) -> Run | None:
        """The latest attempt that is not deleted; None when there is none.

        Args:
            lineage: Of which lineage.
            before: Only of attempts with a smaller number.
            statuses: Only of runs with one of these.
        """
        condition: Any = HAS_LINEAGE & (Query().tags[system_tags.LINEAGE] == lineage)
        condition &= Query().status.one_of(list(statuses))
        # All of them: with a limit, the search would begin with the latest runs of the whole store.
        found = self._runs.search(None, condition)
        attempts = [run for run in found if before is None or 0 < _number_of(run) < before]
        return max(attempts, key=_number_of, default=None)

    def _lineage_of(
        self, experiment_id: str, cell: CellIdentity, keys: Sequence[str], known: Mapping[str, str]
    ) -> str:
        """The newest lineage of a cell; one that begins now when it has none."""
        for key in keys:
            if key in known:
                return known[key]
        # The cells of a store that was put together anew are known by the ids of their runs' lineages.
        for key in keys:
            if self._has_runs(key):
                return key
        return self._moved(experiment_id, cell) or keys[-1]

    def _moved(self, experiment_id: str, cell: CellIdentity) -> str | None:
        """The lineage that the cell had when its notebook lay elsewhere, or had another name.

        A notebook that was copied keeps the ids of its cells as well: but then the other one is there.
        """
        if cell.cell_id is None or cell.notebook is None:
            return None
        known: list[Any] = self._cells.search(Query().cell_id == cell.cell_id)
        for each in sorted(known, key=_doc_id_of, reverse=True)[:_MOST_MOVED]:
            is_same = each["experiment_id"] == experiment_id and each["name"] == cell.name
            if is_same and each["notebook"] and not os.path.exists(self._absolute(each["notebook"])):
                # A copy of the notebook where it lies now must not be taken for it as well.
                self._cells.remove(doc_ids=[each.doc_id])
                return each["lineage"]
        return None

    def _counted(self, lineage: str) -> tuple[int, str | None, bool]:
        """How many attempts there have been, the id of the last one, and whether that is written down."""
        counted = self._lineages.get(Query().lineage == lineage)
        if counted is not None:
            return counted["attempts"], counted["run_id"], True
        if not self._has_runs(lineage):
            return 0, None, False
        last = self.search(lineage)[-1]
        return _number_of(last), last.info.run_id, False

    def _has_runs(self, lineage: str) -> bool:
        return self._runs.has_any(HAS_LINEAGE & (Query().tags[system_tags.LINEAGE] == lineage))

    def _name_of(self, run_id: str | None) -> str | None:
        return None if run_id is None else self._runs.name_of(run_id)

    def _place(self, cell: CellIdentity) -> list[str]:
        """What the notebook is called: by its path from here, so that all may be moved together."""
        if cell.notebook is None:
            return ["folder", self._relative(cell.folder)]
        return ["notebook", self._relative(cell.notebook)]

    def _relative(self, path: str) -> str:
        path = os.path.realpath(path)
        try:
            return os.path.relpath(path, self._beside).replace(os.sep, "/")
        except ValueError:
            return path  # on another drive of Windows

    def _absolute(self, place: str) -> str:
        return os.path.join(self._beside, place)


def _number_of(run: Run) -> int:
    return attempt_in(run.data.tags) or 0


def _doc_id_of(document: Any) -> int:
    return document.doc_id
