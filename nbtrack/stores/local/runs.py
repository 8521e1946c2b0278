"""The runs of a local store: their documents, their metric logs, their truth.

A run's document is patched when something is logged, except metrics: those go to the run's metric
log and are folded into the document at the end and now and then. Whoever reads a running run
folds its tail in memory and looks whether its writer lives, so an answer is right at any moment.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.core import system_tags
from nbtrack.core.datasets import DatasetInput, check_inputs, merge_inputs
from nbtrack.core.entities import LifecycleStage, Run, RunList, RunStatus, ViewType
from nbtrack.core.errors import DeletedError, NbtrackError, NotFoundError, ParamConflictError, StoreError
from nbtrack.core.users import current_user
from nbtrack.documents.codec import encode
from nbtrack.documents.database import Database
from nbtrack.documents.disk_sync import sync_file, sync_folder
from nbtrack.documents.ordering import Order
from nbtrack.documents.queries import Query
from nbtrack.documents.schema import Index
from nbtrack.documents.tables import EACH, Columns
from nbtrack.stores.local import liveness, metric_log, model_lifecycle
from nbtrack.stores.local.artifacts import RunArtifacts
from nbtrack.stores.local.change_log import ChangeLog
from nbtrack.stores.local.events import EventLog
from nbtrack.stores.local.folder import RUN_FILE, RUNS
from nbtrack.stores.local.folding import FoldedMetrics, marks_of
from nbtrack.stores.local.late_workers import LateWorkers
from nbtrack.stores.local.metric_log import now_ms
from nbtrack.stores.local.new_points import NewPoints, new_points
from nbtrack.stores.local.run_forms import RunForms
from nbtrack.stores.local.run_search import AT_REST, RunSearch

if TYPE_CHECKING:
    from nbtrack.core.run_columns import RunColumns

WITH_EXPERIMENT = "deleted_with_experiment"
"""True in the document of a run that went into the bin with its experiment, and comes back with it."""

# A run's document, in whatever form the table hands it out.
Document = MutableMapping[str, Any]

HAS_LINEAGE: Any = Query().tags[system_tags.LINEAGE] != ""
"""Which runs are attempts of a lineage: the index of lineages holds only those."""

_BEGINNING = re.compile(r"[0-9a-f]{4,32}")
_MOST_TRIES = 20


class LocalRuns:
    """Creates, changes, reads and searches the runs of one store folder."""

    def __init__(self, folder: Path, database: Database, events: EventLog, changes: ChangeLog) -> None:
        self._folder = str(folder / RUNS)
        self._home = str(folder)
        self._database = database
        self._events = events
        self._changes = changes
        self._forms = RunForms(folder)
        self._table = database.table(
            "runs",
            unique=[("run_id",)],
            indexes=[
                Index(("run_id",), where=Query().status == RunStatus.RUNNING),
                Index(("start_time",)),
                Index(("tags", system_tags.LINEAGE), where=HAS_LINEAGE),
            ],
            # Running runs change all the time, and are read one by one anyway.
            columns=Columns([("metrics", EACH, "last"), ("params", EACH)], where=AT_REST),
        )
        self._sketches = database.table("sketches", unique=[("run_id",)])
        self._late = LateWorkers(database, self.folder_of)
        self._search = RunSearch(
            self._table,
            self._sketches,
            truth_of=self._truth,
            late_runs=self._late_runs,
            as_run=self._forms.run,
            uri_of=self._forms.artifact_uri,
        )

    def create(
        self,
        experiment_id: str,
        run_name: str,
        *,
        tags: Mapping[str, str],
        start_time: int | None = None,
        artifact_location: str | None = None,
    ) -> str:
        """Begin a run in this process and return its id; it is RUNNING.

        Args:
            experiment_id: An experiment that exists.
            run_name: For people; need not be unique.
            tags: First tags of the run.
            start_time: Milliseconds since 1970, UTC; None is now.
            artifact_location: The `file:` URI of the folder in which the run's artifacts get a folder
                of their own; None is the run's folder in the store.

        Raises:
            StoreError: The store cannot be written; no run is left behind.
        """
        run_id = os.urandom(16).hex()
        document: Document = {
            "run_id": run_id,
            "run_name": run_name,
            "experiment_id": experiment_id,
            "user_id": tags.get(system_tags.USER) or current_user(),
            "status": RunStatus.RUNNING,
            "start_time": now_ms() if start_time is None else start_time,
            "end_time": None,
            "lifecycle_stage": LifecycleStage.ACTIVE,
            "params": {},
            "tags": {**tags, system_tags.RUN_NAME: run_name},
            "metrics": {},
            "folds": 0,
            "writer": liveness.this_process(),
        }
        if artifact_location is not None:
            document["artifact_location"] = artifact_location
        folder = self.folder_of(run_id)
        try:
            os.mkdir(folder, 0o700)
        except FileNotFoundError:
            os.makedirs(folder, 0o700, exist_ok=True)
        except OSError as error:
            raise StoreError(f"Cannot make the run's folder {folder}: {error.strerror}.") from error
        try:
            if artifact_location is not None:
                _make_beside(self._forms.artifact_root(document).parent)
            self._table.insert(document)
            self._events.append("run.started", run_id=run_id, run_name=run_name, experiment_id=experiment_id)
        except BaseException as error:
            if not isinstance(error, NbtrackError):
                # An interrupt may strike when the document is there already.
                with suppress(NbtrackError):
                    self._table.remove(by_run_id(run_id))
            with suppress(OSError):
                os.rmdir(folder)
            raise
        return run_id

    def insert_ended(self, documents: Sequence[Document], sketches: Sequence[Document]) -> None:
        """Add runs that have ended already, all or none; their files are there but for `run.json`.

        Args:
            documents: The document of each.
            sketches: Those of their sketches.

        Raises:
            StoreError: The store cannot be written; no document is left behind.
        """
        held = [document["inputs"] for document in documents if "inputs" in document]
        with self._database.transaction():
            for inputs in held:
                self._forms.shortener([DatasetInput.from_dictionary(each) for each in inputs])(inputs)
            self._table.insert_multiple(documents)
            self._sketches.insert_multiple(sketches)
            for document in documents:
                if "artifact_location" in document:
                    _make_beside(self._forms.artifact_root(document).parent)
                self._write_run_file(document)
        for document in documents:
            run_id, name, experiment = (document[key] for key in ("run_id", "run_name", "experiment_id"))
            self._events.append("run.started", run_id=run_id, run_name=name, experiment_id=experiment)
            self._events.append("run.ended", run_id=run_id, status=document["status"])

    def get(self, run_id: str) -> Run:
        """Read a run as it is now.

        Raises:
            NotFoundError: There is no such run.
        """
        return self._forms.run(*self._truth(self._document(run_id)))

    def take_over(self, run_id: str) -> None:
        """Make this process the writer of a run that is RUNNING and whose writer is gone; let any other be.

        Raises:
            NotFoundError: There is no such run.
            DeletedError: It is deleted.
        """
        document = self._document(run_id)
        if document["lifecycle_stage"] == LifecycleStage.DELETED:
            raise DeletedError(f"Run {run_id!r} is deleted. Restore it before you log to it.")
        folder = self.folder_of(run_id)
        if document["status"] == RunStatus.RUNNING and not liveness.is_alive(document["writer"], folder):

            def change(document: Document) -> None:
                # Another process may have been faster.
                if document["status"] == RunStatus.RUNNING and not liveness.is_alive(
                    document["writer"], folder
                ):
                    document["writer"] = liveness.this_process()

            self._change(run_id, change)

    def has_any(self, condition: Any) -> bool:
        """Whether the document of any run, as it lies in the store, matches."""
        return self._table.contains(condition)

    def name_of(self, run_id: str) -> str | None:
        """The name of a run; None when there is none."""
        document = self._table.get(by_run_id(run_id))
        return None if document is None else document["run_name"]

    def is_open(self, run_id: str) -> bool:
        """Whether a run is RUNNING, so that readers look into its metric log; False when there is none."""
        document = self._table.get(by_run_id(run_id))
        return document is not None and document["status"] == RunStatus.RUNNING

    def resume(self, run_id: str, *, run_name: str | None = None, tags: Mapping[str, str]) -> Run:
        """Make this process the writer of a run that exists; it is RUNNING again.

        Raises:
            NotFoundError: There is no such run.
            DeletedError: It is deleted.
        """

        def change(document: Document) -> None:
            if document["lifecycle_stage"] == LifecycleStage.DELETED:
                raise DeletedError(f"Run {run_id!r} is deleted. Restore it before you resume it.")
            document["status"] = RunStatus.RUNNING
            document["writer"] = liveness.this_process()
            document["tags"].update(tags)
            if run_name:
                document["run_name"] = document["tags"][system_tags.RUN_NAME] = run_name

        self._change(run_id, change)
        self._events.append("run.resumed", run_id=run_id)
        return self.get(run_id)

    def end(self, run_id: str, status: str, *, end_time: int | None = None, tags: Mapping[str, str]) -> None:
        """Fold what is left of the metrics and give the run its final status, in one transaction.

        Args:
            run_id: The run.
            status: One of `RunStatus.ALL`.
            end_time: Milliseconds since 1970, UTC; None is now.
            tags: Last tags, such as the error.

        Raises:
            NotFoundError: There is no such run.
            StoreError: The store cannot be written; the run stays as it was.
        """

        def finish(document: Document) -> None:
            document["status"] = status
            # A clock that was set back must not make a run shorter than nothing.
            ended_at = max(now_ms(), document["start_time"]) if end_time is None else end_time
            document["end_time"] = ended_at if RunStatus.is_terminated(status) else None
            document["writer"] = None
            document["tags"].update(tags)
            if system_tags.RUN_NAME in tags:
                document["run_name"] = tags[system_tags.RUN_NAME]

        self._fold(run_id, finish)
        self._events.append("run.ended", run_id=run_id, status=status)

    def update(self, run_id: str, *, status: str | None = None, run_name: str | None = None) -> None:
        """Change the status, the name or both; a final status ends the run. A new name is a change to undo.

        Raises:
            NotFoundError: There is no such run.
            DeletedError: It is deleted.
        """
        renamed = {} if run_name is None else {system_tags.RUN_NAME: run_name}
        if status is not None and RunStatus.is_terminated(status):
            self.end(run_id, status, tags=renamed)
            return

        before: list[str] = []

        def change(document: Document) -> None:
            before.append(document["run_name"])
            if status is not None:
                document["status"] = status
                document["end_time"] = None
                document["writer"] = liveness.this_process() if status == RunStatus.RUNNING else None
            if run_name is not None:
                document["run_name"] = document["tags"][system_tags.RUN_NAME] = run_name

        with self._changes.together():
            self._change(run_id, change)
            if run_name is not None and run_name != before[-1]:
                self._changes.tell("run.renamed", run_id=run_id, name=run_name, before=before[-1])
        if status is not None:
            self._events.append("run.updated", run_id=run_id, status=status)

    def delete(self, run_id: str, *, with_experiment: bool = False) -> None:
        """Put a run into the bin; one that is there stays there.

        Args:
            run_id: The run.
            with_experiment: Whether it comes back with its experiment.

        Raises:
            NotFoundError: There is no such run.
        """
        names: list[str] = []

        def change(document: Document) -> None:
            if document["lifecycle_stage"] == LifecycleStage.ACTIVE:
                names.append(document["run_name"])
                document["lifecycle_stage"] = LifecycleStage.DELETED
                document["deleted_time"] = now_ms()
                if with_experiment:
                    document[WITH_EXPERIMENT] = True

        reason = model_lifecycle.WITH_EXPERIMENT if with_experiment else model_lifecycle.WITH_RUN
        with self._changes.together():
            self._change(run_id, change)
            model_lifecycle.hide(self._database, _made_by(run_id), reason)
            if names:
                self._changes.tell("run.deleted", run_id=run_id, name=names[-1])

    def restore(self, run_id: str) -> None:
        """Take a run out of the bin; one that is not there stays as it is.

        Raises:
            NotFoundError: There is no such run.
        """
        told: list[dict[str, Any]] = []

        def change(document: Document) -> None:
            was_deleted = document["lifecycle_stage"] == LifecycleStage.DELETED
            document["lifecycle_stage"] = LifecycleStage.ACTIVE
            document.pop("deleted_time", None)
            with_experiment = document.pop(WITH_EXPERIMENT, False)
            if was_deleted:
                told.append({"name": document["run_name"], "with_experiment": with_experiment})

        reasons = (model_lifecycle.WITH_RUN, model_lifecycle.WITH_EXPERIMENT)
        with self._changes.together():
            self._change(run_id, change)
            model_lifecycle.show(self._database, _made_by(run_id), *reasons)
            if told:
                self._changes.tell("run.restored", run_id=run_id, **told[-1])

    def fold(self, run_id: str, *, done: str | None = None) -> None:
        """Fold the points logged so far into the run's document; any process may.

        Args:
            run_id: The run.
            done: The note of a worker that logs no more.

        Raises:
            NotFoundError: There is no such run.
        """
        self._fold(run_id, None, done)

    def note_worker(self, run_id: str, note: str) -> None:
        """Say that this process may log to a run when its owner has ended it; see `late_workers`.

        Args:
            run_id: The run.
            note: A name of the note, for `fold` to take it off.

        Raises:
            StoreError: The store cannot be written.
        """
        self._late.note(note, run_id)

    def set_params(self, run_id: str, params: Mapping[str, str], *, assumed: bool = False) -> None:
        """Write params; all of them or, when one would change, none.

        Args:
            run_id: The run.
            params: The params.
            assumed: Nobody has logged them: they give way to what was logged, and to what will be.

        Raises:
            NotFoundError: There is no such run.
            ParamConflictError: A param has another value already.
        """

        def assume(document: Document) -> None:
            held: dict[str, str] = document["params"]
            new = {key: value for key, value in params.items() if key not in held}
            held.update(new)
            document["assumed_params"] = [*document.get("assumed_params", ()), *new]

        def change(document: Document) -> None:
            held: dict[str, str] = document["params"]
            open_keys: list[str] = document.get("assumed_params", [])
            for key, value in params.items():
                if held.get(key, value) != value and key not in open_keys:
                    raise ParamConflictError(
                        f"Param {key!r} of run {run_id} is {_short(held[key])} and params are written once; "
                        f"{_short(value)} was not logged. Use another key, a tag, or a new run "
                        "(nested=True starts one inside this run)."
                    )
            held.update(params)
            if open_keys:
                document["assumed_params"] = [key for key in open_keys if key not in params]

        self._change(run_id, assume if assumed else change)

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Write tags that a run logs about itself; those that exist are overwritten.

        Raises:
            NotFoundError: There is no such run.
        """
        before: dict[str, str | None] = {}

        def change(document: Document) -> None:
            held: dict[str, str] = document["tags"]
            before.update({key: held.get(key) for key in tags})
            held.update(tags)
            if system_tags.RUN_NAME in tags:
                document["run_name"] = tags[system_tags.RUN_NAME]

        self._change(run_id, change)
        self._events.append("run.tagged", run_id=run_id, tags=dict(tags), before=before)

    def change_tag(self, run_id: str, key: str, change: Callable[[str | None], str]) -> None:
        """Write a tag by what it is now; nobody writes in between.

        Args:
            run_id: The run.
            key: The tag.
            change: Called with the tag's value, None when there is none; returns the new one.

        Raises:
            NotFoundError: There is no such run.
        """
        before: list[str | None] = []
        after: list[str] = []

        def change_document(document: Document) -> None:
            held: dict[str, str] = document["tags"]
            before.append(held.get(key))
            after.append(change(before[-1]))
            held[key] = after[-1]

        self._change(run_id, change_document)
        self._events.append("run.tagged", run_id=run_id, tags={key: after[-1]}, before={key: before[-1]})

    def change_tags(self, run_id: str, tags: Mapping[str, str | None]) -> None:
        """Write tags of a run as people do, and take those off that are None: a change to undo.

        Raises:
            NotFoundError: There is no such run, or it has no tag that is to be taken off; nothing is changed.
        """
        before: dict[str, str | None] = {}
        names: list[str] = []

        def change(document: Document) -> None:
            held: dict[str, str] = document["tags"]
            for key, value in tags.items():
                if value is None and key not in held:
                    raise NotFoundError("tag", key, list(held), holder=f"Run {run_id}")
                if held.get(key) != value:
                    before[key] = held.get(key)
            held.update({key: value for key, value in tags.items() if value is not None})
            for key, value in tags.items():
                if value is None:
                    del held[key]
            if system_tags.RUN_NAME in held:
                document["run_name"] = held[system_tags.RUN_NAME]
            names.append(document["run_name"])

        with self._changes.together():
            self._change(run_id, change)
            if before:
                changed = {key: tags[key] for key in before}
                self._changes.tell("run.tagged", run_id=run_id, name=names[-1], tags=changed, before=before)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag off that a run has logged about itself.

        Raises:
            NotFoundError: There is no such run, or it has no such tag.
        """
        before: list[str] = []

        def change(document: Document) -> None:
            if key not in document["tags"]:
                raise NotFoundError("tag", key, list(document["tags"]), holder=f"Run {run_id}")
            before.append(document["tags"].pop(key))

        self._change(run_id, change)
        self._events.append("run.tagged", run_id=run_id, tags={key: None}, before={key: before[-1]})

    def log_inputs(self, run_id: str, inputs: Iterable[DatasetInput]) -> None:
        """Say which data sets a run used; of one that it has already, the tags are renewed.

        Raises:
            NotFoundError: There is no such run.
            InvalidValueError: A data set has no name or digest, or a text is too long; none is kept.
        """
        checked = check_inputs(inputs)
        shorten = self._forms.shortener(checked)

        def change(document: Document) -> None:
            held: list[dict[str, Any]] = document.setdefault("inputs", [])
            merge_inputs(held, checked)
            shorten(held)

        self._change(run_id, change)

    def link_metric(self, run_id: str, key: str, dataset: Sequence[str]) -> None:
        """Say on which data set a metric was measured.

        Args:
            run_id: The run.
            key: The metric.
            dataset: The name and the digest of the data set.

        Raises:
            NotFoundError: There is no such run.
        """

        def change(document: Document) -> None:
            document.setdefault("metric_datasets", {})[key] = list(dataset)

        self._change(run_id, change)

    def metric_dataset(self, run_id: str, key: str) -> tuple[str, str] | None:
        """Name and digest of the data set a metric was measured on; None where that was not said.

        Raises:
            NotFoundError: There is no such run.
        """
        held = self._document(run_id).get("metric_datasets", {}).get(key)
        return None if held is None else (held[0], held[1])

    def add_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Write tags that nbtrack found out by itself; those that exist stay as they are.

        It is no event: nobody did it. `run.json` shows them, also when the run has ended meanwhile.

        Raises:
            NotFoundError: There is no such run.
            StoreError: The store cannot be written; the run stays as it was.
        """

        def change(document: Document) -> None:
            document["tags"].update({**tags, **document["tags"]})
            self._write_run_file(document)

        self._change(run_id, change)

    def points_since(self, run_id: str, place: Any = None) -> tuple[NewPoints, Any]:
        """The points of a run that were logged after `place`, by metric: steps and values.

        Args:
            run_id: The run.
            place: What the call before returned; None is the beginning.

        Returns:
            Points of each metric, and the place to go on from.

        Raises:
            NotFoundError: No run can have that id.
        """
        return new_points(self.folder_of(run_id), place or {})

    def points(self, run_id: str, key: str) -> Any:
        """All points of one metric.

        Returns:
            A structured array, (points,), with the fields `step`, `timestamp` (ms since 1970,
            UTC) and `value`, ordered by timestamp, then as logged; empty for an unknown metric.

        Raises:
            NotFoundError: There is no such run.
        """
        self._document(run_id)
        sketches = self._sketches.get(by_run_id(run_id))
        return metric_log.read_points(self.folder_of(run_id), key, marks_of(sketches))

    def search(
        self,
        experiment_ids: Sequence[str] | None = None,
        condition: Any = None,
        order_by: Sequence[Order] = (),
        *,
        view: int = ViewType.ACTIVE_ONLY,
        limit: int | None = None,
        offset: int = 0,
        after: str | None = None,
        with_sketches: bool = False,
        one_per_lineage: bool = False,
    ) -> RunList:
        """Find runs.

        Running runs are folded and their writers looked at *before* the condition is asked, so a
        search is right at any moment.

        Args:
            experiment_ids: Only runs of these; None is every experiment.
            condition: What a run's document must match; None matches all.
            order_by: Values first, then NaN, then missing, in both directions. Ties and no order:
                the latest start first, then the run id.
            view: One of `ViewType`.
            limit: How many at most; None is all.
            offset: How many of the first to leave out.
            after: The `token` of the page before, found in the same order; None begins at the first.
                Runs that come and go between two pages make no other run appear twice or never.
            with_sketches: Whether the runs carry the sketches of their metrics.
            one_per_lineage: Of the attempts of one lineage, only the one that comes first; `limit` then
                counts lineages, and the token only says that there are more.

        Raises:
            InvalidValueError: `after` is no page token of this order.
        """
        return self._search.runs(
            experiment_ids,
            condition,
            order_by,
            view=view,
            limit=limit,
            offset=offset,
            after=after,
            with_sketches=with_sketches,
            one_per_lineage=one_per_lineage,
        )

    def search_columns(
        self,
        experiment_ids: Sequence[str] | None = None,
        condition: Any = None,
        order_by: Sequence[Order] = (),
        *,
        view: int = ViewType.ACTIVE_ONLY,
        limit: int | None = None,
    ) -> "RunColumns":
        """What `search` finds, as columns: for many runs at once."""
        return self._search.columns(experiment_ids, condition, order_by, view=view, limit=limit)

    def has_key(self, kind: str, key: str, experiment_ids: Sequence[str] | None = None) -> bool:
        """Whether any run, deleted ones included, has that key.

        Args:
            kind: `metrics`, `params` or `tags`.
            key: The key.
            experiment_ids: Only runs of these; None is every experiment.
        """
        return self._search.has_key(kind, key, experiment_ids)

    def recent_keys(self, kind: str, experiment_ids: Sequence[str] | None = None) -> list[str]:
        """The keys of the latest thousand runs, those of the latest run first: what a user may mean.

        Args:
            kind: `metrics`, `params` or `tags`.
            experiment_ids: Only runs of these; None is every experiment.
        """
        return self._search.recent_keys(kind, experiment_ids)

    def artifacts(self, run_id: str) -> RunArtifacts:
        """The artifacts of a run.

        Raises:
            NotFoundError: There is no such run.
        """
        return RunArtifacts(self._forms.artifact_root(self._document(run_id)))

    def document_of(self, run_id: str) -> Document:
        """A run's document as it stands in the database.

        Raises:
            NotFoundError: There is no such run.
        """
        return self._document(run_id)

    def change_document(self, run_id: str, change: Callable[[Document], None]) -> None:
        """Change a run's document, for what else stands in it; call it inside the transaction of that.

        Raises:
            NotFoundError: There is no such run.
        """
        self._change(run_id, change)

    def own_location(self, run_id: str) -> str | None:
        """The `artifact_location` of a run, that of its experiment; None for the store's own place.

        Raises:
            NotFoundError: There is no such run.
        """
        return self._document(run_id).get("artifact_location")

    def artifact_uri(self, run_id: str, location: str | None) -> str:
        """The URI of the artifact folder of a run, from its `own_location`."""
        return self._forms.artifact_uri(run_id, location)

    def metric_datasets(self, run_id: str) -> dict[str, tuple[str, str]]:
        """Name and digest of the data sets that metrics of a run were measured on, by key.

        Raises:
            NotFoundError: There is no such run.
        """
        held: Mapping[str, Sequence[str]] = self._document(run_id).get("metric_datasets", {})
        return {key: (name, digest) for key, (name, digest) in held.items()}

    def folder_of(self, run_id: str) -> str:
        """Where a run keeps its files; the run need not exist.

        Raises:
            NotFoundError: No folder can have that name.
        """
        if not run_id or run_id.startswith(".") or "/" in run_id or "\\" in run_id or "\0" in run_id:
            raise NotFoundError("run", run_id)
        return os.path.join(self._folder, run_id)

    def save_run_file(self, run_id: str) -> None:
        """Write `run.json` from the document as it is now.

        Raises:
            NotFoundError: There is no such run.
            StoreError: It cannot be written.
        """
        with self._database.transaction():
            self._write_run_file(self._document(run_id))

    def sync_files(self, run_id: str) -> None:
        """Make `run.json` and the names of the run's files survive a power cut.

        Raises:
            StoreError: The disk refused.
        """
        folder = self.folder_of(run_id)
        try:
            sync_file(os.path.join(folder, RUN_FILE))
            sync_folder(folder)
            sync_folder(self._folder)
        except OSError as error:
            raise StoreError(f"Could not sync {folder}: {error.strerror}.") from error

    def _write_run_file(self, document: Document) -> None:
        """Write `run.json`, the readable copy from which a store can be rebuilt, by rename.

        Call it inside a transaction: else an older text could replace a newer one.
        """
        path = os.path.join(self.folder_of(document["run_id"]), RUN_FILE)
        temporary = f"{path}.{os.urandom(4).hex()}"
        try:
            with open(temporary, "wb", buffering=0, opener=_only_for_owner) as file:
                file.write(encode(document)[0].encode() + b"\n")
            os.replace(temporary, path)
        except BaseException as error:
            with suppress(OSError):
                os.unlink(temporary)
            if isinstance(error, OSError):
                raise StoreError(f"Cannot write {path}: {error.strerror}.") from error
            raise

    def _document(self, run_id: str) -> Document:
        document = self._table.get(by_run_id(run_id)) if isinstance(run_id, str) else None
        if document is None:
            raise self._no_run(run_id)
        return document

    def _change(self, run_id: str, change: Callable[[Document], None]) -> None:
        if not self._table.update(change, by_run_id(run_id)):
            raise self._no_run(run_id)

    def _no_run(self, run_id: Any) -> NotFoundError:
        """The error for an id that no run has; it may be the beginning of one, as tables show it."""
        place = f"It was looked for in {self._home}."
        low = str(run_id).strip().lower()
        if not _BEGINNING.fullmatch(low):
            return NotFoundError("run", run_id, advice=place)
        begin_so: Any = (Query().run_id >= low) & (Query().run_id < f"{low}g")
        meant = [row[0] for row in self._table.select_values([("run_id",)], begin_so, limit=2)]
        if len(meant) == 1:
            return NotFoundError("run", run_id, advice=f"Did you mean {meant[0]!r}? {place}")
        several = "The ids of several runs begin so: give more of it. " if meant else ""
        return NotFoundError("run", run_id, advice=f"{several}{place}")

    def _late_runs(self) -> set[str]:
        """The ids of runs whose workers may log late; what the dead have logged is folded first."""
        late = self._late.runs()
        dead = self._late.runs_of_the_dead() if late else set[str]()
        for run_id in dead:
            # Where nothing can be written, the search folds in memory.
            with suppress(NbtrackError):
                try:
                    self.fold(run_id)
                except NotFoundError:
                    self._late.forget(run_id)
        return self._late.runs() if dead else late

    def _fold(self, run_id: str, change: Callable[[Document], None] | None, done: str | None = None) -> None:
        """Fold and change a run, and write `run.json`, in one transaction."""
        folder = self.folder_of(run_id)

        def fold(document: Document) -> None:
            notes = [] if done is None else [done]
            if metric_log.segments(folder):
                # Asked before the points are read: what the dead have written is all there.
                notes += self._late.of_the_dead(run_id)
                folded = FoldedMetrics(document, self._sketches.get(by_run_id(run_id)))
                if folded.advance(folder):
                    document["metrics"] = folded.metrics_document()
                    document["folds"] = folds = document["folds"] + 1
                    sketches = {**folded.sketches_document(run_id), "folds": folds}
                    self._sketches.upsert(sketches, by_run_id(run_id))
            if change:
                change(document)
            self._write_run_file(document)
            self._late.take_off(notes)

        # `update` calls it inside its transaction, so marks and summaries change together.
        self._change(run_id, fold)

    def _truth(self, document: Any) -> tuple[Any, Any]:
        """A run and its sketches as they really are at this moment.

        It gets its latest points: also one at rest, to which a worker may have logged since its parent
        ended it. A running one is KILLED when its writer is gone.
        """
        folder = self.folder_of(document["run_id"])
        while True:
            document, sketches = self._matching_sketches(document)
            is_running = document["status"] == RunStatus.RUNNING
            # Asked before the points are read: what the dead have written is all there.
            is_killed = is_running and not liveness.is_alive(document["writer"], folder)
            if is_killed:
                # It may be gone because it has ended the run since.
                now = self._document(document["run_id"])
                if now["writer"] != document["writer"]:
                    document = now
                    continue
            folded = FoldedMetrics(document, sketches)
            if folded.advance(folder):
                document["metrics"] = folded.metrics_document()
                sketches = folded.sketches_document(document["run_id"])
            if is_killed:
                document["status"] = RunStatus.KILLED
                document["end_time"] = max(
                    liveness.last_activity(folder) or 0, document["start_time"], _last_time(folded)
                )
            return document, sketches

    def _matching_sketches(self, document: Any) -> tuple[Any, Any]:
        """A run's document with the sketches and marks of the same fold, read again until they match.

        They are two documents: one may be read before a fold and the other after it.
        """
        for _ in range(_MOST_TRIES):
            sketches = self._sketches.get(by_run_id(document["run_id"]))
            if document["folds"] == (sketches["folds"] if sketches else 0):
                return document, sketches
            document = self._document(document["run_id"])
        with self._database.transaction():  # nobody folds meanwhile
            return self._document(document["run_id"]), self._sketches.get(by_run_id(document["run_id"]))


@lru_cache(maxsize=256)
def by_run_id(run_id: str) -> Any:
    """The condition that finds one run; building it takes longer than the look-up it asks for."""
    return Query().run_id == run_id


def _made_by(run_id: str) -> Any:
    return Query().source_run_id == run_id


def _last_time(folded: FoldedMetrics) -> int:
    """When the last point was logged, which a file's time may be some milliseconds before; 0 if never.

    Whoever logs may give times of their own; nothing has ended in the future.
    """
    now = now_ms()
    times = (summary.last_timestamp for summary in folded.summaries.values())
    return max((time for time in times if time <= now), default=0)


def _only_for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _make_beside(folder: Path) -> None:
    """Make the folder of one run's artifacts where its experiment wants them."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"Cannot make {folder}, where the experiment keeps its artifacts: {error.strerror}."
        ) from error


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
