"""What every store must do, whatever it is made of.

`tracking` and what lies above it knows only this; `opening` chooses the back end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol

from nbtrack.core.entities import Experiment, FileInfo, Metric, Run, RunList, RunStatus, ViewType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from os import PathLike
    from pathlib import Path

    from nbtrack.core.cells import ExecutedCell
    from nbtrack.core.changes import Change, ChangeList
    from nbtrack.core.datasets import DatasetInput
    from nbtrack.core.ended_runs import EndedRun
    from nbtrack.core.lineages import CellIdentity, StartedAttempt
    from nbtrack.core.logged_models import LoggedModel, LoggedModelList
    from nbtrack.core.model_links import LoggedModelOutput
    from nbtrack.core.paged_lists import PagedList
    from nbtrack.core.promotions import Destination, PromotionRequest, PromotionRequestList
    from nbtrack.core.registry import (
        ModelVersion,
        ModelVersionList,
        RegisteredModel,
        RegisteredModelList,
        VersionFacts,
    )
    from nbtrack.core.registry_events import RegistryEvent, RegistryHistory
    from nbtrack.core.run_columns import RunColumns
    from nbtrack.documents.database import Database
    from nbtrack.documents.tables import Order


class Experiments(Protocol):
    """The experiments of a store."""

    def create(
        self, name: str, tags: Mapping[str, str] | None = None, artifact_location: str | None = None
    ) -> str:
        """Make an experiment and return its id; AlreadyExistsError when the name is taken."""
        ...

    def ensure(self, name: str) -> Experiment:
        """The experiment of that name, made when there is none; also a deleted one."""
        ...

    def get(self, experiment_id: str) -> Experiment:
        """Read an experiment, also a deleted one; NotFoundError when there is none of that id."""
        ...

    def find(self, name: str) -> Experiment | None:
        """Read an experiment by its name, also a deleted one."""
        ...

    def search(
        self,
        condition: Any = None,
        order_by: Sequence[Order] = (),
        *,
        view: int = ViewType.ACTIVE_ONLY,
        limit: int | None = None,
        after: str | None = None,
    ) -> PagedList[Experiment]:
        """Find experiments; ties and no order: the newest first. The `token` goes on as `after`."""
        ...

    def rename(self, experiment_id: str, name: str) -> None:
        """Give an experiment another name; AlreadyExistsError when it is taken."""
        ...

    def delete(self, experiment_id: str) -> None:
        """Put an experiment and its runs into the bin; InvalidStateError when it is there already."""
        ...

    def restore(self, experiment_id: str) -> None:
        """Take an experiment out of the bin, with the runs that went there with it."""
        ...

    def set_tags(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Write tags, overwriting."""
        ...

    def delete_tag(self, experiment_id: str, key: str) -> None:
        """Take a tag off; NotFoundError when there is none of that key."""
        ...

    def change_tags(self, experiment_id: str, tags: Mapping[str, str | None]) -> None:
        """Write tags, and take those off that are None; all or none."""
        ...


class Artifacts(Protocol):
    """The artifacts of one run."""

    def save_file(self, local_path: str | PathLike[str], folder: str | None = None) -> None:
        """Copy a local file or folder into an artifact folder."""
        ...

    def save_folder(self, local_folder: str | PathLike[str], folder: str | None = None) -> None:
        """Copy what a local folder holds into an artifact folder."""
        ...

    def save_bytes(self, path: str, write: Callable[[BinaryIO], None], *, sync: bool = True) -> None:
        """Publish one artifact, whole or not at all; without `sync`, a power cut soon after may empty it."""
        ...

    def write_folder(
        self, path: str, *, renamed: Callable[[Path], str] | None = None
    ) -> AbstractContextManager[Path]:
        """Publish a whole folder or nothing: an empty local one to fill, listed when the block ends well.

        When something lies at `path`, `renamed` says another path, and may change the folder to fit it;
        without it that is an AlreadyExistsError.
        """
        ...

    def list(self, path: str | None = None) -> list[FileInfo]:
        """What lies in an artifact folder, one level, by name."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Open one artifact to read; MissingFileError when there is none."""
        ...

    def local_path(self, path: str | None = None) -> str | None:
        """Where an artifact lies on this machine; None when it must be fetched.

        MissingFileError when there is none.
        """
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Wait for, and keep out, others that change artifacts of this run by what these hold."""
        ...


class RunWriter(Protocol):
    """One run being written by this process."""

    @property
    def run_id(self) -> str:
        """The run."""
        ...

    @property
    def is_owner(self) -> bool:
        """Whether this process started or resumed the run, and so will end it."""
        ...

    @property
    def append(self) -> Callable[[str, float, int, int], None]:
        """Write one point: key, value, step, timestamp in ms."""
        ...

    def document_changed(self) -> None:
        """Say that something other than a metric was written."""
        ...

    def sync(self) -> None:
        """Make all that was written of this run survive a power cut."""
        ...

    def close(self) -> None:
        """Write no more points."""
        ...

    def finish(self, status: str, tags: Mapping[str, str]) -> None:
        """Write the end of the run, or, in a worker, what it added."""
        ...

    def release(self) -> None:
        """Write what was added and leave the run as it is."""
        ...


class Runs(Protocol):
    """The runs of a store."""

    def create(
        self,
        experiment_id: str,
        run_name: str,
        *,
        tags: Mapping[str, str],
        start_time: int | None = None,
        artifact_location: str | None = None,
    ) -> str:
        """Begin a run in this process and return its id."""
        ...

    def get(self, run_id: str) -> Run:
        """Read a run as it is now; NotFoundError when there is none."""
        ...

    def take_over(self, run_id: str) -> None:
        """Write a RUNNING run whose writer is gone from this process; InvalidStateError if it is deleted."""
        ...

    def is_open(self, run_id: str) -> bool:
        """Whether a run is RUNNING, so that readers look into its metric log."""
        ...

    def resume(self, run_id: str, *, run_name: str | None = None, tags: Mapping[str, str]) -> Run:
        """Make this process the writer of a run that exists."""
        ...

    def end(self, run_id: str, status: str, *, end_time: int | None = None, tags: Mapping[str, str]) -> None:
        """Fold what is left of the metrics and give the run its final status."""
        ...

    def update(self, run_id: str, *, status: str | None = None, run_name: str | None = None) -> None:
        """Change status, name or both; a final status ends the run."""
        ...

    def delete(self, run_id: str) -> None:
        """Put a run into the bin; one that is there stays there."""
        ...

    def restore(self, run_id: str) -> None:
        """Take a run out of the bin; one that is not there stays as it is."""
        ...

    def fold(self, run_id: str) -> None:
        """Fold the points logged so far into the run's document."""
        ...

    def set_params(self, run_id: str, params: Mapping[str, str], *, assumed: bool = False) -> None:
        """Write params, all or none; ParamConflictError when one would change.

        Assumed ones are those that nobody has logged: what is logged under their keys replaces them.
        """
        ...

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Write tags that a run logs about itself, overwriting."""
        ...

    def change_tags(self, run_id: str, tags: Mapping[str, str | None]) -> None:
        """Write tags as people do, and take those off that are None; all or none, and a change to undo."""
        ...

    def change_tag(self, run_id: str, key: str, change: Callable[[str | None], str]) -> None:
        """Write a tag by what it is now, None when there is none; nobody writes in between."""
        ...

    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag off; NotFoundError when there is none of that key."""
        ...

    def log_inputs(self, run_id: str, inputs: Iterable[DatasetInput]) -> None:
        """Say which data sets a run used; one that it has already only gets the tags."""
        ...

    def link_metric(self, run_id: str, key: str, dataset: Sequence[str]) -> None:
        """Say on which data set, by name and digest, a metric was measured."""
        ...

    def metric_dataset(self, run_id: str, key: str) -> tuple[str, str] | None:
        """Name and digest of the data set a metric was measured on; None where that was not said."""
        ...

    def add_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Write tags that nbtrack found out by itself, where there are none of these keys; no event."""
        ...

    def points(self, run_id: str, key: str) -> Any:
        """All points of one metric as a structured array, (points,): step, timestamp, value."""
        ...

    def points_since(
        self, run_id: str, place: Any = None
    ) -> tuple[dict[str, tuple[list[int], list[float]]], Any]:
        """Steps and values of each metric that were logged after `place`, and the place to go on from.

        None is the beginning. It is cheap: for pictures of a run that goes on.
        """
        ...

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
        """Find runs; running ones as they are at this moment.

        The `token` of what is returned, given as `after` in the same order, continues behind it; runs that
        come and go meanwhile make no other run appear twice or never.

        With `one_per_lineage` only the first attempt of each lineage is returned; `limit` counts lineages,
        and the token only says that there are more.
        """
        ...

    def search_columns(
        self,
        experiment_ids: Sequence[str] | None = None,
        condition: Any = None,
        order_by: Sequence[Order] = (),
        *,
        view: int = ViewType.ACTIVE_ONLY,
        limit: int | None = None,
    ) -> RunColumns:
        """What `search` finds, as columns; `RunColumns.of_runs` makes them where nothing is faster."""
        ...

    def has_key(self, kind: str, key: str, experiment_ids: Sequence[str] | None = None) -> bool:
        """Whether any run has that key; `kind` is `metrics`, `params` or `tags`."""
        ...

    def recent_keys(self, kind: str, experiment_ids: Sequence[str] | None = None) -> list[str]:
        """Keys of the latest runs, to suggest one from; `kind` as in `has_key`."""
        ...

    def artifacts(self, run_id: str) -> Artifacts:
        """The artifacts of a run."""
        ...


class Attempts(Protocol):
    """The runs that tracked cells have made, by lineage."""

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
        """Begin the run of a cell in this process, as the next attempt of its lineage.

        It has the cell's name, else that of the attempt before, else `new_name`. With `is_new` it begins a
        lineage, which the cell goes on with from then on. No two attempts of one lineage get one number.
        """
        ...

    def search(self, lineage: str, *, number: int | None = None, view: int = ViewType.ALL) -> RunList:
        """The attempts of a lineage, the first one first; with `number` only that one."""
        ...

    def latest(
        self, lineage: str, *, before: int | None = None, statuses: Sequence[str] = RunStatus.ALL
    ) -> Run | None:
        """The latest attempt that is not deleted: with a number below `before`, with one of `statuses`."""
        ...


class FoundModel(NamedTuple):
    """What an artifact path of a run means."""

    model: LoggedModel | None
    """The model that lies there, or around it; None when there is none."""
    path: str
    """Where it lies among the artifacts of the run."""


class LoggedModels(Protocol):
    """The logged models of a store."""

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
        status: str = "PENDING",
        step: int | None = None,
        as_output: bool = False,
        flavors: Mapping[str, Any] | None = None,
        model_uuid: str | None = None,
        copy_from_run: bool = False,
    ) -> LoggedModel:
        """Keep a model; what its run says of it changes in the same transaction.

        Args:
            experiment_id: An experiment that exists.
            name: Its name, an artifact path; None makes one up.
            source_run_id: The run that made it; None is none.
            model_id: Its id, where that had to be known before; None makes one.
            path: Where its files lie among the artifacts of its run, or will; None is `free_path`.
            model_type: Any text.
            tags: Its first tags.
            params: Its params; those of the run win, where both are wanted.
            status: One of `LoggedModelStatus`.
            step: Where in the training it was made; None is 0.
            as_output: Whether it becomes an output of its run.
            flavors: What it can be loaded with: the run's tag `mlflow.log-model.history` then lists it.
            model_uuid: How that tag identifies it; None is `model_id`.
            copy_from_run: Whether it gets the run's params, and the run's metrics of `step`; with no step
                the last value of each.
        """
        ...

    def get(self, model_id: str, *, deleted: bool = False) -> LoggedModel:
        """Read a model, also one whose run is deleted; NotFoundError when it is deleted itself.

        With `deleted` it may be in the bin.
        """
        ...

    def find_model(self, run_id: str, path: str) -> FoundModel:
        """What `runs:/<run_id>/<path>` means, also where there are several models of one name.

        Of those that are READY the one of the highest step, of these the latest.
        """
        ...

    def free_path(self, run_id: str, name: str) -> str:
        """The artifact path for a next model of that name in a run."""
        ...

    def artifacts(self, model_id: str, *, deleted: bool = False) -> tuple[Artifacts, str]:
        """The artifacts among which a model's files lie, or will, and the path of its folder among them.

        With `deleted` the model may be in the bin.
        """
        ...

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
        """Find models; ties and no order: the newest first. The `token` goes on as `after`."""
        ...

    def set_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        """Write tags, overwriting."""
        ...

    def delete_tag(self, model_id: str, key: str) -> None:
        """Take a tag off; NotFoundError when there is none of that key."""
        ...

    def log_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Write params, all or none; ParamConflictError when one would change."""
        ...

    def log_metrics(self, model_id: str, points: Iterable[Metric]) -> None:
        """Say what was measured of a model: it keeps the last point of each metric on each data set."""
        ...

    def log_outputs(self, run_id: str, outputs: Sequence[LoggedModelOutput]) -> None:
        """Say which models a run made; all or none."""
        ...

    def log_inputs(self, run_id: str, model_ids: Sequence[str]) -> None:
        """Say which models a run used; all or none."""
        ...

    def finalize(
        self,
        model_id: str,
        status: str,
        message: str | None = None,
        *,
        flavors: Iterable[str] | None = None,
    ) -> LoggedModel:
        """Say how a model has become, and why; and what it can be loaded with."""
        ...

    def delete(self, model_id: str) -> None:
        """Put a model into the bin; its files stay; one that is there stays there."""
        ...

    def restore(self, model_id: str) -> None:
        """Take a model out of the bin."""
        ...


class Changes(Protocol):
    """What people changed of runs and experiments: each change is written in its own transaction."""

    def together(self, *, undoes: int | None = None, why: str | None = None) -> AbstractContextManager[None]:
        """What is changed in the block is one change, in one transaction: all of it or, by an error, nothing.

        `undoes` is the number of the change that it takes back.
        """
        ...

    def latest(self, limit: int | None = None) -> ChangeList:
        """The latest changes, the oldest first, with who took them back."""
        ...

    def undoable(self, number: int | None = None) -> Change:
        """The change that `undo` would take back."""
        ...

    def undo(self, number: int | None = None, *, why: str | None = None) -> Change:
        """Take back the change of that number, or the latest of this user's that stands; whole or not at all.

        InvalidStateError: it was taken back already, what it changed was changed again, or nothing is left.
        NotFoundError: there is none of that number. AlreadyExistsError: what would come back has a name
        that is taken.
        """
        ...


class Environments(Protocol):
    """What runs ran in: Python, platform, packages; kept once for all runs that share it."""

    def save(self, document: Mapping[str, Any]) -> str:
        """Keep an environment, unless it is kept already, and return its digest."""
        ...

    def get(self, digest: str) -> dict[str, Any]:
        """Read an environment; NotFoundError when there is none of that digest."""
        ...


class CellSessions(Protocol):
    """The cells that kernels executed: for each life of a kernel a list that only grows."""

    def append(self, session_id: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Keep what has become known of cells; once it returned, it survives the death of the process.

        Args:
            session_id: 32 hex digits; a new one begins a session.
            records: Fields of `ExecutedCell`, JSON values. `number` says of which cell; what was kept of
                it before stays, unless it is here again. `source_of`, the number of an earlier cell,
                stands for a `source` that is the same.

        InvalidValueError: it is no session id, or a record has no number.
        """
        ...

    def read(self, session_id: str) -> list[ExecutedCell]:
        """The cells of a session by their numbers, as far as is known; NotFoundError when there is none."""
        ...


class Registry(Protocol):
    """The registered models of a store and their versions.

    Each change is one transaction that nobody else writes into, and one event, in the same order; `why`
    is a comment that the event keeps. A version is given as a number or its text, a stage in any case.
    NotFoundError: there is no such registered model or version.
    """

    def create_model(
        self,
        name: str,
        *,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        why: str | None = None,
    ) -> RegisteredModel:
        """Make a registered model without versions; AlreadyExistsError when the name is taken."""
        ...

    def get_model(self, name: str) -> RegisteredModel:
        """Read a registered model."""
        ...

    def find_model(self, name: str) -> RegisteredModel | None:
        """Read a registered model; None when there is none of that name."""
        ...

    def rename_model(self, name: str, new_name: str, *, why: str | None = None) -> RegisteredModel:
        """Give a registered model, and its versions, another name; AlreadyExistsError if it is taken."""
        ...

    def describe_model(
        self, name: str, description: str | None, *, why: str | None = None
    ) -> RegisteredModel:
        """Write the description of a registered model; None takes it away."""
        ...

    def delete_model(self, name: str, *, why: str | None = None) -> None:
        """Remove a registered model with all its versions, whatever stage they are in."""
        ...

    def set_model_tags(self, name: str, tags: Mapping[str, Any], *, why: str | None = None) -> None:
        """Write tags of a registered model, overwriting."""
        ...

    def delete_model_tag(self, name: str, key: str, *, why: str | None = None) -> None:
        """Take a tag off a registered model, if it has one of that key."""
        ...

    def set_alias(
        self,
        name: str,
        alias: str,
        version: Any,
        *,
        why: str | None = None,
        grounds: Mapping[str, Any] | None = None,
    ) -> int | None:
        """Let an alias name a version, and no other from now on; the number of the event, if it is one.

        `grounds` are further fields of the event. ApprovalError: it demands an approval, and there is
        neither a `request` that was approved nor a `rollback` among them.
        """
        ...

    def delete_alias(self, name: str, alias: str, *, why: str | None = None) -> None:
        """Take an alias away, if there is one of that name."""
        ...

    def create_version(
        self,
        name: str,
        source: str,
        *,
        location: str | None = None,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        model_id: str | None = None,
        facts: VersionFacts | None = None,
        make_model: bool = False,
        why: str | None = None,
    ) -> ModelVersion:
        """Add a version, whose number is one more than the registered model ever had.

        `location` is where its files are, whatever the registry does later; None is the source. `facts` is
        what it keeps of its model and its run, also when it is deleted and the deletion is undone. With
        `make_model` a registered model that does not exist is made in the same change.
        """
        ...

    def get_version(self, name: str, version: Any) -> ModelVersion:
        """Read a version."""
        ...

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Read the version an alias names; `latest` is the highest. UnknownAliasError: none has it."""
        ...

    def location_of(self, name: str, version: Any) -> str:
        """Where the files of a version are; see `create_version`."""
        ...

    def latest_versions(self, name: str, stages: Sequence[str] | None = None) -> ModelVersionList:
        """The highest version in each stage that has any, the lowest of them first."""
        ...

    def describe_version(
        self, name: str, version: Any, description: str | None, *, why: str | None = None
    ) -> ModelVersion:
        """Write the description of a version; None takes it away."""
        ...

    def set_stage(
        self,
        name: str,
        version: Any,
        stage: str,
        *,
        archive_others: bool = False,
        why: str | None = None,
        grounds: Mapping[str, Any] | None = None,
    ) -> int | None:
        """Move a version to a stage, and with `archive_others` the others in it to Archived.

        The number of the event, `grounds` and ApprovalError: as in `set_alias`.
        """
        ...

    def delete_version(self, name: str, version: Any, *, why: str | None = None) -> None:
        """Remove a version, whatever stage it is in, and its aliases; its number is not used again."""
        ...

    def set_version_tags(
        self, name: str, version: Any, tags: Mapping[str, Any], *, why: str | None = None
    ) -> None:
        """Write tags of a version, overwriting."""
        ...

    def delete_version_tag(self, name: str, version: Any, key: str, *, why: str | None = None) -> None:
        """Take a tag off a version, if it has one of that key."""
        ...

    def search_models(
        self,
        condition: Any = None,
        order_by: Sequence[Order] = (),
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> RegisteredModelList:
        """Find registered models; ties and no order: by name. The `token` goes on as `after`."""
        ...

    def search_versions(
        self,
        condition: Any = None,
        order_by: Sequence[Order] = (),
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> ModelVersionList:
        """Find model versions; no order: the latest updated first. Ties: by name, the highest first."""
        ...

    def version_keys(self, kind: str, key: str) -> list[str]:
        """That key alone if any version has it, else those of the latest versions, to suggest one from.

        `kind` is `metrics`, `params` or `tags`.
        """
        ...

    def versions_in(self, name: str, stage: str) -> list[int]:
        """The numbers of the versions in a stage, the lowest first."""
        ...

    def demand_approval(
        self, name: str, to: Destination, rule: Mapping[str, Any] | None, *, why: str | None = None
    ) -> None:
        """Let every move to a stage or alias wait for approval; a rule of None ends that.

        ApprovalError: only the approvers of the present rule may change it.
        """
        ...

    def approvals(self, name: str) -> dict[str, dict[str, Any]]:
        """The rules of approval, by stage and `@alias`."""
        ...

    def ask(
        self,
        name: str,
        version: Any,
        to: Destination,
        *,
        if_better: str | None = None,
        higher_is_better: bool | None = None,
        archive_existing_versions: bool = True,
        why: str | None = None,
    ) -> PromotionRequest:
        """Ask to move a version; what is asked for already is the request there is."""
        ...

    def request_to_decide(self, name: str, request: int | None = None) -> PromotionRequest:
        """The pending request of that number, or the only one; InvalidStateError when that says nothing."""
        ...

    def decide(self, request: PromotionRequest, status: str, *, why: str | None = None) -> PromotionRequest:
        """Approve, reject or withdraw a request; the move is another change in the same transaction.

        ApprovalError: this user may not.
        """
        ...

    def requests(self, name: str | None = None, *, pending: bool = True) -> PromotionRequestList:
        """The requests of a registered model, or of all, the oldest first; or only those that wait."""
        ...

    def history(self, name: str) -> RegistryHistory:
        """Every change of a registered model and its versions, the oldest first, also under former names.

        Also of one that was deleted, as long as no other has its name.
        """
        ...

    def version_ever(self, name: str, version: Any) -> ModelVersion:
        """Read a version, also one that was deleted, as it was then."""
        ...

    def undoable(self, name: str, number: int | None = None) -> RegistryEvent:
        """The change that `undo` would take back."""
        ...

    def undo(self, name: str, number: int | None = None, *, why: str | None = None) -> RegistryEvent:
        """Take back a change, or the latest that stands and is no registration.

        InvalidStateError: it is not to be taken back, or what it changed was changed again.
        AlreadyExistsError: what would come back has a name that is taken.
        """
        ...


class Store(Protocol):
    """Experiments, runs, registered models and their files in one place."""

    @property
    def uri(self) -> str:
        """The tracking URI of the store."""
        ...

    @property
    def artifact_location(self) -> str:
        """Where artifacts lie of experiments that want no place of their own."""
        ...

    @property
    def documents(self) -> Database:
        """Its document database."""
        ...

    @property
    def experiments(self) -> Experiments:
        """Its experiments."""
        ...

    @property
    def runs(self) -> Runs:
        """Its runs."""
        ...

    @property
    def attempts(self) -> Attempts:
        """The attempts of its lineages."""
        ...

    @property
    def logged_models(self) -> LoggedModels:
        """Its logged models."""
        ...

    @property
    def changes(self) -> Changes:
        """What people changed of its runs and experiments."""
        ...

    @property
    def environments(self) -> Environments:
        """What its runs ran in."""
        ...

    @property
    def cell_sessions(self) -> CellSessions:
        """The cells that kernels executed."""
        ...

    @property
    def registry(self) -> Registry:
        """Its registered models."""
        ...

    def is_there(self) -> bool:
        """Whether it is still the store that was opened: not deleted, not replaced."""
        ...

    def writer(self, run_id: str, *, owner: bool, raises: bool = False) -> RunWriter:
        """Begin to write to a run.

        Args:
            run_id: A run that exists.
            owner: Whether this process started or resumed it.
            raises: Whether a point that the store refuses is an error, and not kept for later.
        """
        ...

    def add_children(self, parent_id: str, children: Sequence[EndedRun]) -> list[str]:
        """Keep runs that have ended already as children of one, in its experiment; all or none.

        They get the tags of the parent that say where a run comes from. Returns their ids, in that order.
        """
        ...

    def sync(self) -> None:
        """Make everything written so far survive a power cut."""
        ...

    def close(self) -> None:
        """Close the files."""
        ...
