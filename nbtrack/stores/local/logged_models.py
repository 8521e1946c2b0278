"""The logged models of a local store: their documents, and where their files lie.

A model that was made in a run keeps its files among the artifacts of the run, in a folder that bears its
name; of a name that is taken already, the first free one of `name-2`, `name-3`, ... One without a run has
a folder of its own in the store.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from time import time_ns
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.entities import LifecycleStage, Metric, Run, ViewType
from nbtrack.core.errors import (
    AlreadyExistsError,
    DeletedError,
    NotFoundError,
    ParamConflictError,
    StoreError,
)
from nbtrack.core.logged_models import LoggedModel, LoggedModelList, LoggedModelStatus
from nbtrack.core.model_links import LoggedModelOutput
from nbtrack.core.names import artifact_parts, check_logged_model_name, check_model_id
from nbtrack.core.run_names import random_run_name
from nbtrack.core.warn import warn_user
from nbtrack.documents.database import Database
from nbtrack.documents.ordering import Order
from nbtrack.documents.queries import Query
from nbtrack.stores.contracts import FoundModel
from nbtrack.stores.local import model_lifecycle, model_metrics
from nbtrack.stores.local.artifacts import RunArtifacts
from nbtrack.stores.local.events import EventLog
from nbtrack.stores.local.experiments import LocalExperiments
from nbtrack.stores.local.folder import ARTIFACTS, MODELS
from nbtrack.stores.local.metric_log import now_ms
from nbtrack.stores.local.model_lifecycle import LISTED
from nbtrack.stores.local.runs import LocalRuns
from nbtrack.stores.page_tokens import make_token, read_token

Document = MutableMapping[str, Any]

# Two models of one millisecond are told apart by the nanosecond.
_NEWEST_FIRST = (
    Order(("creation_timestamp",), True),
    Order(("creation_nanoseconds",), True),
    Order(("model_id",)),
)
_LONGEST_HISTORY = 8000
"""Characters of the tag that lists the models of a run; MLflow's servers take no more."""
_LONGEST_FLAVORS = 2000


class LocalLoggedModels:
    """Creates, changes, reads and searches the logged models of one store folder."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        events: EventLog,
        runs: LocalRuns,
        experiments: LocalExperiments,
    ) -> None:
        self._folder = folder / MODELS
        self._home = str(folder)
        self._database = database
        self._events = events
        self._runs = runs
        self._experiments = experiments
        self._table = model_lifecycle.models_table(database)

    def create(
        self,
        experiment_id: str,
        name: str | None = None,
        *,
        source_run_id: str | None = None,
        model_id: str | None = None,
        path: str | None = None,
        model_type: str | None = None,
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        status: str = LoggedModelStatus.PENDING,
        step: int | None = None,
        as_output: bool = False,
        flavors: Mapping[str, Any] | None = None,
        model_uuid: str | None = None,
        copy_from_run: bool = False,
    ) -> LoggedModel:
        """Keep a model; its run's outputs and its run's list of models change in the same transaction.

        Args:
            experiment_id: An experiment that exists.
            name: Its name; None makes one up.
            source_run_id: The run that made it; None is none.
            model_id: Its id, where that had to be known before; None makes one.
            path: Where its files lie among the artifacts of its run, or will; None is what `free_path`
                says.
            model_type: Any text.
            tags: Its first tags.
            params: Its params; those of the run win, where both are wanted.
            status: One of `LoggedModelStatus`.
            step: Where in the training it was made; None is 0.
            as_output: Whether it becomes an output of its run.
            flavors: What it can be loaded with, as in its MLmodel file: the model keeps their names, and the
                run's tag `mlflow.log-model.history` then lists it.
            model_uuid: How that tag identifies it; None is `model_id`.
            copy_from_run: Whether it gets the run's params, and the run's metrics of `step`; with no step
                the last value of each.

        Raises:
            NotFoundError: There is no such experiment or run.
            DeletedError: One of them is deleted.
            AlreadyExistsError: There is a model of that id, or of that path in the run.
            InvalidValueError: The name is no artifact path.
        """
        name = random_run_name() if name is None else check_logged_model_name(name)
        status = LoggedModelStatus.of(status)
        model_id = f"m-{os.urandom(16).hex()}" if model_id is None else check_model_id(model_id)
        _check_active("experiment", self._experiments.get(str(experiment_id)), str(experiment_id))
        run, location = None, None
        if source_run_id is not None:
            run, location = self._runs.get(source_run_id), self._runs.own_location(source_run_id)
            _check_active("run", run.info, source_run_id)
            path = self.free_path(source_run_id, name) if path is None else check_logged_model_name(path)
        held_params, points = dict(params or {}), list[Metric]()
        if run is not None and copy_from_run:
            held_params.update(run.data.params)
            points = self._points_of(run, step)
        nanoseconds = time_ns()
        now = nanoseconds // 1_000_000
        document: Document = {
            "model_id": model_id,
            "experiment_id": str(experiment_id),
            "name": name,
            "path": path,
            "artifact_location": location,
            "model_type": model_type,
            "source_run_id": source_run_id,
            "status": str(status),
            "status_message": None,
            "creation_timestamp": now,
            "creation_nanoseconds": nanoseconds,
            "last_updated_timestamp": now,
            "lifecycle_stage": LifecycleStage.ACTIVE,
            "deleted_with": {},
            "step": step or 0,
            "tags": dict(tags or {}),
            "params": held_params,
            "metrics": {},
            "measured": {},
            **({"flavors": list(flavors)} if flavors else {}),
        }
        left_out = model_metrics.add_points(document, points)

        def link(run_document: Document) -> None:
            if as_output:
                _add_outputs(run_document, [LoggedModelOutput(model_id, step or 0)])
            if flavors is not None:
                held = run_document["tags"]
                entry = _history_entry(source_run_id or "", path or "", model_uuid or model_id, flavors, now)
                held[system_tags.LOGGED_MODELS] = _longer(held.get(system_tags.LOGGED_MODELS), entry)

        try:
            with self._database.transaction():
                self._table.insert(document)
                if source_run_id is not None and (as_output or flavors is not None):
                    self._runs.change_document(source_run_id, link)
        except AlreadyExistsError as error:
            if self._table.get(_by_id(model_id)) is not None:
                raise AlreadyExistsError(f"There is a logged model {model_id!r} already.") from error
            raise AlreadyExistsError(
                f"Run {source_run_id} has a logged model at {path!r} already. Choose another path."
            ) from error
        known = {key: value for key, value in document.items() if key not in ("metrics", "measured")}
        self._events.append("logged_model.created", **known)
        _tell_left_out(left_out, document)
        return self._as_model(document)

    def get(self, model_id: str, *, deleted: bool = False) -> LoggedModel:
        """Read a model, also one whose run or experiment is deleted.

        Args:
            model_id: The model.
            deleted: Whether it may be in the bin itself.

        Raises:
            NotFoundError: There is none of that id, or it was deleted.
        """
        return self._as_model(self._document(model_id, deleted))

    def find_model(self, run_id: str, path: str) -> FoundModel:
        """What `runs:/<run_id>/<path>` means, where a run has several models of one name.

        The name of models means, of those that are READY, the one of the highest step, and of these the
        latest; whatever else, such as the folder of another one, is taken as it stands.

        Args:
            run_id: The run; it need not exist.
            path: An artifact path: that of a model, or of something in it.
        """
        parts = artifact_parts(path)
        documents: list[Any] = self._table.search((Query().source_run_id == run_id) & LISTED)
        by_name: dict[tuple[str, ...], Any] = {}
        by_path: dict[tuple[str, ...], Any] = {}
        for document in sorted(documents, key=_seniority):
            by_name[tuple(document["name"].split("/"))] = document
            by_path[tuple(document["path"].split("/"))] = document
        for length in range(len(parts), 0, -1):
            for known in (by_name, by_path):
                if (found := known.get(parts[:length])) is not None:
                    place = "/".join((found["path"], *parts[length:]))
                    return FoundModel(self._as_model(found), place)
        return FoundModel(None, "/".join(parts))

    def free_path(self, run_id: str, name: str) -> str:
        """The artifact path for a next model of that name in a run: the name, or `name-2`, `name-3`, ...

        Another process may take it meanwhile: `write_folder` and `create` refuse what is taken.

        Raises:
            NotFoundError: There is no such run.
            InvalidValueError: The name is no artifact path.
        """
        name = check_logged_model_name(name)
        root = self._runs.artifacts(run_id).root
        taken = {row[0] for row in self._table.select_values([("path",)], Query().source_run_id == run_id)}
        path, number = name, 1
        while path in taken or os.path.lexists(root / path):
            number += 1
            path = f"{name}-{number}"
        return path

    def artifacts(self, model_id: str, *, deleted: bool = False) -> tuple[RunArtifacts, str]:
        """The artifacts among which a model's files lie, or will, and the path of its folder among them.

        Args:
            model_id: The model.
            deleted: Whether it may be in the bin.

        Raises:
            NotFoundError: There is no such model, or its run is gone.
            StoreError: The folder of a model without a run cannot be made.
        """
        document = self._document(model_id, deleted)
        if document["source_run_id"] is not None:
            return self._runs.artifacts(document["source_run_id"]), document["path"]
        home = self._folder / model_id
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"Cannot make the model's folder {home}: {error.strerror}.") from error
        return RunArtifacts(home), ARTIFACTS

    def search(
        self,
        experiment_ids: Sequence[str] | None = None,
        condition: Any = None,
        order_by: Sequence[Order] = (),
        *,
        view: int = ViewType.ACTIVE_ONLY,
        limit: int | None = None,
        after: str | None = None,
    ) -> LoggedModelList:
        """Find models.

        Args:
            experiment_ids: Only models of these; None is every experiment.
            condition: What a model's document must match; None matches all.
            order_by: Ties and no order: the newest first, then the id.
            view: One of `ViewType`; a model of a deleted run counts as deleted.
            limit: How many at most; None is all.
            after: The `token` of the page before, to go on behind it.

        Raises:
            InvalidValueError: `after` is no page token of this order.
        """
        scope = condition
        if experiment_ids is not None:
            wanted: Any = Query().experiment_id.one_of(list(experiment_ids))
            scope = wanted if scope is None else wanted & scope
        if view != ViewType.ALL:
            in_view: Any = LISTED if view == ViewType.ACTIVE_ONLY else ~LISTED
            scope = in_view if scope is None else in_view & scope
        orders = [*order_by, *(each for each in _NEWEST_FIRST if each.path not in {o.path for o in order_by})]
        position = None if after is None else read_token(after, orders)
        # One more than asked for tells whether a page follows.
        more = None if limit is None else limit + 1
        found = self._table.select(scope, order_by=orders, after=position, limit=more)
        page = found[:limit]
        token = make_token(page[-1], orders) if len(found) > len(page) else None
        return LoggedModelList(map(self._as_model, page), token)

    def set_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        """Write tags; those that exist are overwritten.

        Raises:
            NotFoundError: There is no such model.
        """
        before: dict[str, str | None] = {}

        def change(document: Document) -> None:
            before.update({key: document["tags"].get(key) for key in tags})
            document["tags"].update(tags)

        self._change(model_id, change)
        self._events.append("logged_model.tagged", model_id=model_id, tags=dict(tags), before=before)

    def delete_tag(self, model_id: str, key: str) -> None:
        """Take a tag off.

        Raises:
            NotFoundError: There is no such model, or it has no such tag.
        """
        before: list[str] = []

        def change(document: Document) -> None:
            if key not in document["tags"]:
                raise NotFoundError(
                    "tag", key, list(document["tags"]), holder=f"The logged model {document['name']!r}"
                )
            before.append(document["tags"].pop(key))

        self._change(model_id, change)
        self._events.append(
            "logged_model.tagged", model_id=model_id, tags={key: None}, before={key: before[-1]}
        )

    def log_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Write params; all of them or, when one would change, none.

        Raises:
            NotFoundError: There is no such model.
            ParamConflictError: A param has another value already.
        """

        def change(document: Document) -> None:
            held: dict[str, str] = document["params"]
            for key, value in params.items():
                if held.get(key, value) != value:
                    raise ParamConflictError(
                        f"Param {key!r} of the logged model {document['name']!r} is {held[key]!r:.60} "
                        f"and params are written once; {value!r:.60} was not logged. Use another key."
                    )
            held.update(params)

        self._change(model_id, change)
        self._events.append("logged_model.params_logged", model_id=model_id, params=dict(params))

    def log_metrics(self, model_id: str, points: Iterable[Metric]) -> None:
        """Say what was measured of a model: it keeps the last point of each metric on each data set.

        It is no event: the points are in the metric log of the run that logs them.

        Raises:
            NotFoundError: There is no such model.
        """
        points = list(points)
        left_out: list[str] = []
        held: list[Document] = []

        def change(document: Document) -> None:
            left_out.extend(model_metrics.add_points(document, points))
            held.append(document)

        self._change(model_id, change)
        _tell_left_out(left_out, held[-1])

    def log_outputs(self, run_id: str, outputs: Sequence[LoggedModelOutput]) -> None:
        """Say which models a run made, and at which steps.

        Raises:
            NotFoundError: There is no such run, or no such model; nothing is kept then.
        """
        with self._database.transaction():
            for output in outputs:
                document = self._document(output.model_id)
                if document["source_run_id"] == run_id:
                    self._table.update({"step": output.step}, _by_id(output.model_id))
            self._runs.change_document(run_id, lambda document: _add_outputs(document, outputs))

    def log_inputs(self, run_id: str, model_ids: Sequence[str]) -> None:
        """Say which models a run used; one that it has already stays as it is.

        Raises:
            NotFoundError: There is no such run, or no such model; nothing is kept then.
        """

        def change(document: Document) -> None:
            held: list[dict[str, str]] = document.setdefault("model_inputs", [])
            known = {each["model_id"] for each in held}
            held.extend({"model_id": each} for each in dict.fromkeys(model_ids) if each not in known)

        for model_id in model_ids:
            self._document(model_id)
        self._runs.change_document(run_id, change)

    def finalize(
        self,
        model_id: str,
        status: str,
        message: str | None = None,
        *,
        flavors: Iterable[str] | None = None,
    ) -> LoggedModel:
        """Say how a model has become: READY or FAILED, and why; and what it can be loaded with.

        Raises:
            NotFoundError: There is no such model.
            InvalidValueError: It is no status.
        """
        status = LoggedModelStatus.of(status)

        def change(document: Document) -> None:
            document["status"] = str(status)
            document["status_message"] = message
            if flavors is not None:
                document["flavors"] = list(flavors)

        self._change(model_id, change)
        told = {} if flavors is None else {"flavors": list(flavors)}
        self._events.append(
            "logged_model.finalized", model_id=model_id, status=str(status), message=message, **told
        )
        return self.get(model_id)

    def delete(self, model_id: str) -> None:
        """Put a model into the bin: it is found no more; its files stay in its run. One that is there stays.

        Raises:
            NotFoundError: There is no such model.
        """
        document = self._table.get(_by_id(model_id))
        if document is None:
            raise self._missing(model_id)
        if document["deleted_with"].get(model_lifecycle.OF_ITSELF):
            return
        model_lifecycle.hide(self._database, _by_id(model_id), model_lifecycle.OF_ITSELF)
        self._events.append("logged_model.deleted", model_id=model_id)

    def restore(self, model_id: str) -> None:
        """Take a model out of the bin.

        Raises:
            NotFoundError: There is none of that id.
        """
        if self._table.get(_by_id(model_id)) is None:
            raise self._missing(model_id)
        with self._database.transaction():
            model_lifecycle.show(self._database, _by_id(model_id), model_lifecycle.OF_ITSELF)
        self._events.append("logged_model.restored", model_id=model_id)

    def _document(self, model_id: str, deleted: bool = False) -> Document:
        document = self._table.get(_by_id(model_id)) if isinstance(model_id, str) else None
        if document is None or (not deleted and document["deleted_with"].get(model_lifecycle.OF_ITSELF)):
            raise self._missing(model_id, document is not None)
        return document

    def _change(self, model_id: str, change: Callable[[Document], None]) -> None:
        def change_and_date(document: Document) -> None:
            if document["deleted_with"].get(model_lifecycle.OF_ITSELF):
                raise self._missing(model_id, True)
            change(document)
            document["last_updated_timestamp"] = now_ms()

        if not self._table.update(change_and_date, _by_id(model_id)):
            raise self._missing(model_id)

    def _missing(self, model_id: str, is_deleted: bool = False) -> NotFoundError:
        restore = f"It was deleted; restore_logged_model({model_id!r}) takes it back."
        advice = restore if is_deleted else f"It was looked for in {self._home}."
        return NotFoundError("logged model", model_id, advice=advice)

    def _as_model(self, document: Mapping[str, Any]) -> LoggedModel:
        run_id = document["source_run_id"]
        if run_id is None:
            location = (self._folder / document["model_id"] / ARTIFACTS).as_uri()
        else:
            root = self._runs.artifact_uri(run_id, document["artifact_location"])
            location = f"{root}/{_quoted(document['path'])}"
        return LoggedModel(
            experiment_id=document["experiment_id"],
            model_id=document["model_id"],
            name=document["name"],
            artifact_location=location,
            creation_timestamp=document["creation_timestamp"],
            last_updated_timestamp=document["last_updated_timestamp"],
            model_type=document["model_type"],
            source_run_id=run_id,
            status=document["status"],
            status_message=document["status_message"],
            tags=document["tags"],
            params=document["params"],
            metrics=model_metrics.metrics_of(document),
            path=document["path"],
            flavors=document.get("flavors", ()),
        )

    def _points_of(self, run: Run, step: int | None) -> list[Metric]:
        """The metrics of a run at a step, or the last ones."""
        points: list[Metric] = []
        run_id = run.info.run_id
        datasets = self._runs.metric_datasets(run_id)
        for key, summary in run.data.summaries.items():
            found = (summary.last, summary.last_timestamp, summary.last_step)
            if step is not None and summary.last_step != step:
                if not summary.first_step <= step <= summary.last_step:
                    continue
                rows = self._runs.points(run_id, key)
                rows = rows[rows["step"] == step]
                if not len(rows):
                    continue
                found = (float(rows["value"][-1]), int(rows["timestamp"][-1]), step)
            name, digest = datasets.get(key, (None, None))
            value, timestamp, at = found
            points.append(
                Metric(key, value, timestamp, at, dataset_name=name, dataset_digest=digest, run_id=run_id)
            )
        return points


@lru_cache(maxsize=256)
def _by_id(model_id: str) -> Any:
    return Query().model_id == model_id


def _quoted(path: str) -> str:
    if path.replace("/", "").replace("_", "").isalnum() and path.isascii():
        return path  # the same, in a tenth of the time
    from urllib.parse import quote  # lazy: 5 ms that few paths need

    return quote(path)


def _seniority(document: Any) -> tuple[bool, int, int, int]:
    """What sorts the models of one name, the one that is meant last."""
    is_ready = document["status"] == LoggedModelStatus.READY
    return is_ready, document["step"], document["creation_timestamp"], document.doc_id


def _check_active(kind: str, holder: Any, name: str) -> None:
    if holder.lifecycle_stage == LifecycleStage.DELETED:
        raise DeletedError(f"The {kind} {name!r} is deleted. Restore it before you log a model to it.")


def _add_outputs(document: Document, outputs: Iterable[LoggedModelOutput]) -> None:
    held: list[dict[str, Any]] = document.setdefault("outputs", [])
    for output in outputs:
        held[:] = [each for each in held if each["model_id"] != output.model_id]
        held.append({"model_id": output.model_id, "step": output.step})


def _history_entry(
    run_id: str, path: str, model_uuid: str, flavors: Mapping[str, Any], time: int
) -> dict[str, Any]:
    """A model as the tag of MLflow 2 lists it, without signature and example, which can be long."""
    try:
        is_short = len(json.dumps(flavors)) <= _LONGEST_FLAVORS
    except (TypeError, ValueError):
        is_short = False
    return {
        "run_id": run_id,
        "artifact_path": path,
        "utc_time_created": datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
        "model_uuid": model_uuid,
        "flavors": dict(flavors) if is_short else {name: {} for name in flavors},
    }


def _longer(history: str | None, entry: dict[str, Any]) -> str:
    """The tag with one more model; the oldest go when it would become too long."""
    try:
        known: Any = json.loads(history or "[]")
    except ValueError:
        known = []
    entries: list[Any] = [*known, entry] if isinstance(known, list) else [entry]
    while len(text := json.dumps(entries)) > _LONGEST_HISTORY and len(entries) > 1:
        entries.pop(0)
    return text


def _tell_left_out(keys: Sequence[str], document: Mapping[str, Any]) -> None:
    if keys:
        warn_user(
            f"The logged model {document['name']!r} keeps {model_metrics.MOST_POINTS:,} metrics; "
            f"{keys[0]!r} is one too many. Its run has all of them.",
            UserWarning,
        )
