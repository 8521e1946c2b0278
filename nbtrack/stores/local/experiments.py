"""The experiments of a local store."""

import random
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from nbtrack.core.entities import Experiment, LifecycleStage, ViewType
from nbtrack.core.errors import AlreadyExistsError, NotFoundError
from nbtrack.core.names import check_experiment_name
from nbtrack.documents.database import Database
from nbtrack.documents.queries import Query
from nbtrack.stores.local.events import EventLog
from nbtrack.stores.local.folder import RUNS
from nbtrack.stores.local.metric_log import now_ms

DEFAULT_ID, DEFAULT_NAME = "0", "Default"


class LocalExperiments:
    """Creates and reads the experiments of one store folder."""

    def __init__(self, folder: Path, database: Database, events: EventLog) -> None:
        self._folder = folder
        self._events = events
        self._table = database.table("experiments", unique=[("experiment_id",), ("name",)])

    def ensure_default(self) -> None:
        """Put experiment "0", Default, into a store that has none yet."""
        if self._table.get(Query().experiment_id == DEFAULT_ID) is None:
            try:
                self._table.insert(_document(DEFAULT_ID, DEFAULT_NAME, {}))
            except AlreadyExistsError:
                return  # another process was faster

    def create(self, name: str, tags: Mapping[str, str] | None = None) -> str:
        """Make an experiment and return its id.

        Raises:
            InvalidValueError: The name is empty or too long.
            AlreadyExistsError: There is one of that name, perhaps deleted.
        """
        check_experiment_name(name)
        # Eighteen digits, as MLflow's file store has them: random, so that stores can be merged.
        experiment_id = str(random.SystemRandom().randrange(10**17, 10**18))
        try:
            self._table.insert(_document(experiment_id, name, tags or {}))
        except AlreadyExistsError:
            held = self.find(name)
            state = f"It is {held.lifecycle_stage}." if held else ""
            raise AlreadyExistsError(f"An experiment named {name!r} exists already. {state}") from None
        self._events.append("experiment.created", experiment_id=experiment_id, name=name)
        return experiment_id

    def ensure(self, name: str) -> Experiment:
        """The experiment of that name, made when there is none; also a deleted one.

        Raises:
            InvalidValueError: The name is empty or too long.
        """
        for _ in range(2):
            found = self.find(name)
            if found is not None:
                return found
            # Between the look and the making another process may be faster: then look again.
            with suppress(AlreadyExistsError):
                return self.get(self.create(name))
        raise NotFoundError("experiment", name)

    def get(self, experiment_id: str) -> Experiment:
        """Read an experiment, also a deleted one.

        Raises:
            NotFoundError: There is none of that id.
        """
        document = self._table.get(Query().experiment_id == str(experiment_id))
        if document is None:
            raise NotFoundError(
                "experiment with the id", str(experiment_id), advice=f"It was looked for in {self._folder}."
            )
        return self._as_experiment(document)

    def find(self, name: str) -> Experiment | None:
        """Read an experiment by its name, also a deleted one; None when there is none."""
        document = self._table.get(Query().name == name)
        return None if document is None else self._as_experiment(document)

    def search(self, view: int = ViewType.ACTIVE_ONLY) -> list[Experiment]:
        """All experiments, the newest first."""
        found = [self._as_experiment(document) for document in self._table.all()]
        wanted = {
            ViewType.ACTIVE_ONLY: (LifecycleStage.ACTIVE,),
            ViewType.DELETED_ONLY: (LifecycleStage.DELETED,),
        }.get(view, (LifecycleStage.ACTIVE, LifecycleStage.DELETED))
        kept = [experiment for experiment in found if experiment.lifecycle_stage in wanted]
        return sorted(kept, key=lambda experiment: (-experiment.creation_time, experiment.experiment_id))

    def _as_experiment(self, document: Mapping[str, Any]) -> Experiment:
        return Experiment(
            experiment_id=document["experiment_id"],
            name=document["name"],
            artifact_location=(self._folder / RUNS).as_uri(),
            lifecycle_stage=document["lifecycle_stage"],
            tags=document["tags"],
            creation_time=document["creation_time"],
            last_update_time=document["last_update_time"],
        )


def _document(experiment_id: str, name: str, tags: Mapping[str, str]) -> dict[str, Any]:
    now = now_ms()
    return {
        "experiment_id": experiment_id,
        "name": name,
        "lifecycle_stage": LifecycleStage.ACTIVE,
        "tags": dict(tags),
        "creation_time": now,
        "last_update_time": now,
    }
