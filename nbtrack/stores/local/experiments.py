"""The experiments of a local store."""

import os
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from nbtrack.core.entities import Experiment, LifecycleStage, ViewType
from nbtrack.core.errors import AlreadyExistsError, InvalidStateError, NotFoundError
from nbtrack.core.names import check_experiment_name
from nbtrack.core.paged_lists import PagedList
from nbtrack.documents.database import Database
from nbtrack.documents.queries import Query
from nbtrack.documents.tables import Order
from nbtrack.stores.local import model_lifecycle
from nbtrack.stores.local.change_log import ChangeLog
from nbtrack.stores.local.events import EventLog
from nbtrack.stores.local.folder import RUNS
from nbtrack.stores.local.metric_log import now_ms
from nbtrack.stores.local.runs import WITH_EXPERIMENT
from nbtrack.stores.page_tokens import make_token, read_token

DEFAULT_ID, DEFAULT_NAME = "0", "Default"


class LocalExperiments:
    """Creates, changes and reads the experiments of one store folder."""

    def __init__(self, folder: Path, database: Database, events: EventLog, changes: ChangeLog) -> None:
        self._folder = folder
        self._database = database
        self._events = events
        self._changes = changes
        self._table = database.table("experiments", unique=[("experiment_id",), ("name",)])
        self._runs = database.table("runs")
        self.default_location = (folder / RUNS).as_uri()

    def ensure_default(self) -> None:
        """Put experiment "0", Default, into a store that has none yet."""
        if self._table.get(_by_id(DEFAULT_ID)) is None:
            try:
                self._table.insert(_document(DEFAULT_ID, DEFAULT_NAME, {}, None))
            except AlreadyExistsError:
                return  # another process was faster

    def create(
        self, name: str, tags: Mapping[str, str] | None = None, artifact_location: str | None = None
    ) -> str:
        """Make an experiment and return its id.

        Args:
            name: 1 to 500 characters that no other experiment has.
            tags: Its first tags.
            artifact_location: The folder that gets the artifacts of its runs, as a `file:` URI; None is
                the store.

        Raises:
            InvalidValueError: The name is empty or too long.
            AlreadyExistsError: There is one of that name, perhaps deleted.
        """
        check_experiment_name(name)
        # Eighteen digits, as MLflow's file store has them: random, so that stores can be merged.
        experiment_id = str(10**17 + int.from_bytes(os.urandom(16)) % (9 * 10**17))
        try:
            self._table.insert(_document(experiment_id, name, tags or {}, artifact_location))
        except AlreadyExistsError:
            raise self._taken(name) from None
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
        document = self._table.get(_by_id(str(experiment_id)))
        if document is None:
            raise self._missing(str(experiment_id))
        return self._as_experiment(document)

    def find(self, name: str) -> Experiment | None:
        """Read an experiment by its name, also a deleted one; None when there is none."""
        document = self._table.get(Query().name == name)
        return None if document is None else self._as_experiment(document)

    def search(
        self,
        condition: Any = None,
        order_by: Sequence[Order] = (),
        *,
        view: int = ViewType.ACTIVE_ONLY,
        limit: int | None = None,
        after: str | None = None,
    ) -> PagedList[Experiment]:
        """Find experiments.

        Args:
            condition: What an experiment's document must match; None matches all.
            order_by: Ties and no order: the newest first, then the id.
            view: One of `ViewType`.
            limit: How many at most; None is all.
            after: The `token` of the page before, to go on behind it.

        Raises:
            InvalidValueError: `after` is no page token of this order.
        """
        if view != ViewType.ALL:
            stage = LifecycleStage.DELETED if view == ViewType.DELETED_ONLY else LifecycleStage.ACTIVE
            in_view = Query().lifecycle_stage == stage
            condition = in_view if condition is None else in_view & condition
        order = [*order_by, Order(("creation_time",), True), Order(("experiment_id",))]
        position = None if after is None else read_token(after, order)
        # One more than asked for tells whether a page follows.
        more = None if limit is None else limit + 1
        found = self._table.select(condition, order_by=order, after=position, limit=more)
        page = found[:limit]
        token = make_token(page[-1], order) if len(found) > len(page) else None
        return PagedList([self._as_experiment(document) for document in page], token)

    def rename(self, experiment_id: str, name: str) -> None:
        """Give an experiment another name.

        Raises:
            InvalidValueError: The name is empty or too long.
            NotFoundError: There is none of that id.
            InvalidStateError: It is deleted.
            AlreadyExistsError: Another one has that name, perhaps a deleted one.
        """
        check_experiment_name(name)
        before: list[str] = []

        def change(document: MutableMapping[str, Any]) -> None:
            if document["lifecycle_stage"] == LifecycleStage.DELETED:
                raise InvalidStateError(
                    f"Experiment {document['name']!r} is deleted. Restore it before you rename it."
                )
            before.append(document["name"])
            document["name"] = name

        try:
            with self._changes.together():
                self._change(experiment_id, change)
                if name != before[-1]:
                    self._changes.tell(
                        "experiment.renamed", experiment_id=experiment_id, name=name, before=before[-1]
                    )
        except AlreadyExistsError:
            raise self._taken(name) from None

    def delete(self, experiment_id: str) -> None:
        """Put an experiment and its runs into the bin.

        Raises:
            NotFoundError: There is none of that id.
            InvalidStateError: It is deleted already.
        """
        with self._changes.together():
            name = self._set_stage(experiment_id, LifecycleStage.DELETED)
            of_it = (Query().experiment_id == experiment_id) & (
                Query().lifecycle_stage == LifecycleStage.ACTIVE
            )
            self._runs.update(
                {
                    "lifecycle_stage": LifecycleStage.DELETED,
                    "deleted_time": now_ms(),
                    WITH_EXPERIMENT: True,
                },
                of_it,
            )
            model_lifecycle.hide(self._database, _of(experiment_id), model_lifecycle.WITH_EXPERIMENT)
            self._changes.tell("experiment.deleted", experiment_id=experiment_id, name=name)

    def restore(self, experiment_id: str) -> None:
        """Take an experiment out of the bin, with the runs that went there with it.

        Runs that were deleted one by one before stay there.

        Raises:
            NotFoundError: There is none of that id.
            InvalidStateError: It is not deleted.
        """

        def come_back(document: MutableMapping[str, Any]) -> None:
            document["lifecycle_stage"] = LifecycleStage.ACTIVE
            document.pop("deleted_time", None)
            del document[WITH_EXPERIMENT]

        with self._changes.together():
            name = self._set_stage(experiment_id, LifecycleStage.ACTIVE)
            went_with_it = (Query().experiment_id == experiment_id) & (Query()[WITH_EXPERIMENT] == True)  # noqa: E712
            self._runs.update(come_back, went_with_it)
            model_lifecycle.show(self._database, _of(experiment_id), model_lifecycle.WITH_EXPERIMENT)
            self._changes.tell("experiment.restored", experiment_id=experiment_id, name=name)

    def set_tags(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Write tags; those that exist are overwritten.

        Raises:
            NotFoundError: There is none of that id.
        """
        self.change_tags(experiment_id, tags)

    def delete_tag(self, experiment_id: str, key: str) -> None:
        """Take a tag off.

        Raises:
            NotFoundError: There is none of that id, or it has no such tag.
        """
        self.change_tags(experiment_id, {key: None})

    def change_tags(self, experiment_id: str, tags: Mapping[str, str | None]) -> None:
        """Write tags, and take those off that are None.

        Raises:
            NotFoundError: There is none of that id, or it has no tag that is to be taken off.
        """
        before: dict[str, str | None] = {}
        names: list[str] = []

        def change(document: MutableMapping[str, Any]) -> None:
            held: dict[str, str] = document["tags"]
            for key, value in tags.items():
                if value is None and key not in held:
                    raise NotFoundError("tag", key, list(held), holder=f"Experiment {document['name']!r}")
                if held.get(key) != value:
                    before[key] = held.get(key)
            held.update({key: value for key, value in tags.items() if value is not None})
            for key, value in tags.items():
                if value is None:
                    del held[key]
            names.append(document["name"])

        with self._changes.together():
            self._change(experiment_id, change)
            if before:
                changed = {key: tags[key] for key in before}
                self._changes.tell(
                    "experiment.tagged",
                    experiment_id=experiment_id,
                    name=names[-1],
                    tags=changed,
                    before=before,
                )

    def document_of(self, experiment_id: str) -> Mapping[str, Any]:
        """An experiment's document as it stands in the database.

        Raises:
            NotFoundError: There is none of that id.
        """
        document = self._table.get(_by_id(experiment_id))
        if document is None:
            raise self._missing(experiment_id)
        return document

    def _change(self, experiment_id: str, change: Callable[[MutableMapping[str, Any]], None]) -> None:
        def change_and_date(document: MutableMapping[str, Any]) -> None:
            change(document)
            document["last_update_time"] = now_ms()

        if not self._table.update(change_and_date, _by_id(experiment_id)):
            raise self._missing(experiment_id)

    def _set_stage(self, experiment_id: str, stage: str) -> str:
        """Put an experiment into the bin, or take it out; returns its name."""
        names: list[str] = []

        def change(document: MutableMapping[str, Any]) -> None:
            if document["lifecycle_stage"] == stage:
                raise InvalidStateError(f"Experiment {document['name']!r} is {stage} already.")
            document["lifecycle_stage"] = stage
            names.append(document["name"])
            if stage == LifecycleStage.DELETED:
                document["deleted_time"] = now_ms()
            else:
                document.pop("deleted_time", None)

        self._change(experiment_id, change)
        return names[-1]

    def _missing(self, experiment_id: str) -> NotFoundError:
        return NotFoundError(
            "experiment with the id", experiment_id, advice=f"It was looked for in {self._folder}."
        )

    def _taken(self, name: str) -> AlreadyExistsError:
        held = self.find(name)
        is_deleted = held is not None and held.lifecycle_stage == LifecycleStage.DELETED
        advice = (
            f"It is deleted: restore it (restore_experiment({held.experiment_id!r})) or choose another name."
            if held is not None and is_deleted
            else "Choose another name, or use that one (set_experiment)."
        )
        return AlreadyExistsError(f"An experiment named {name!r} exists already. {advice}")

    def _as_experiment(self, document: Mapping[str, Any]) -> Experiment:
        return Experiment(
            experiment_id=document["experiment_id"],
            name=document["name"],
            artifact_location=document.get("artifact_location") or self.default_location,
            lifecycle_stage=document["lifecycle_stage"],
            tags=document["tags"],
            creation_time=document["creation_time"],
            last_update_time=document["last_update_time"],
        )


@lru_cache(maxsize=256)
def _by_id(experiment_id: str) -> Any:
    return Query().experiment_id == experiment_id


def _of(experiment_id: str) -> Any:
    return Query().experiment_id == experiment_id


def _document(
    experiment_id: str, name: str, tags: Mapping[str, str], artifact_location: str | None
) -> dict[str, Any]:
    now = now_ms()
    document: dict[str, Any] = {
        "experiment_id": experiment_id,
        "name": name,
        "lifecycle_stage": LifecycleStage.ACTIVE,
        "tags": dict(tags),
        "creation_time": now,
        "last_update_time": now,
    }
    if artifact_location is not None:
        document["artifact_location"] = artifact_location
    return document
