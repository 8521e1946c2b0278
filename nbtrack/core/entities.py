"""The records people see: experiments, runs and what a run holds.

Attribute names and units are MLflow's, so that code written for its entities reads ours. All of
them are frozen: a changed run is a new `Run`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtrack.core.datasets import RunInputs
from nbtrack.core.errors import InvalidValueError
from nbtrack.core.model_links import LoggedModelOutput
from nbtrack.core.paged_lists import PagedList
from nbtrack.core.records import Record
from nbtrack.core.summaries import MetricSummary


class RunStatus:
    """The statuses a run can have, as text; MLflow's."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    ALL = (RUNNING, SCHEDULED, FINISHED, FAILED, KILLED)
    TERMINATED = (FINISHED, FAILED, KILLED)

    @staticmethod
    def is_terminated(status: str | int) -> bool:
        """Whether a run of this status has ended; also of MLflow's numbers."""
        return status in RunStatus.TERMINATED or status in (3, 4, 5)

    # In MLflow a status is a number that these two turn into text and back; ours are text already.

    @staticmethod
    def to_string(status: str | int) -> str:
        """A status as text; also MLflow's numbers, 1 (RUNNING) to 5 (KILLED).

        Raises:
            InvalidValueError: It is no status.
        """
        text = text_of_number(status, RunStatus.ALL)
        if text in RunStatus.ALL:
            return text
        raise InvalidValueError(f"{status!r} is no status of a run. Use one of {', '.join(RunStatus.ALL)}.")

    @staticmethod
    def from_string(status: str) -> str:
        """A status from its text.

        Raises:
            InvalidValueError: It is no status.
        """
        return RunStatus.to_string(status)

    @staticmethod
    def all_status() -> list[str]:
        """Every status."""
        return list(RunStatus.ALL)


class LifecycleStage:
    """Whether a run or an experiment is listed (`active`) or in the bin (`deleted`)."""

    ACTIVE = "active"
    DELETED = "deleted"

    @staticmethod
    def is_valid(lifecycle_stage: str) -> bool:
        """Whether it is one of the two."""
        return lifecycle_stage in (LifecycleStage.ACTIVE, LifecycleStage.DELETED)

    @staticmethod
    def view_type_to_stages(view_type: int = 3) -> list[str]:
        """What a search with this `ViewType` finds; 3 is ALL.

        Raises:
            InvalidValueError: There is no such view.
        """
        stages = {"active_only": [LifecycleStage.ACTIVE], "deleted_only": [LifecycleStage.DELETED]}
        return stages.get(ViewType.to_string(view_type), [LifecycleStage.ACTIVE, LifecycleStage.DELETED])

    @staticmethod
    def matches_view_type(view_type: int, lifecycle_stage: str) -> bool:
        """Whether a search with this `ViewType` finds what is in this lifecycle.

        Raises:
            InvalidValueError: There is no such view, or no such lifecycle.
        """
        if not LifecycleStage.is_valid(lifecycle_stage):
            raise InvalidValueError(f"{lifecycle_stage!r} is neither 'active' nor 'deleted'.")
        return lifecycle_stage in LifecycleStage.view_type_to_stages(view_type)


class ViewType:
    """Which lifecycle a search looks at; MLflow's numbers."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3

    @staticmethod
    def to_string(view_type: int) -> str:
        """The name of a view: `active_only`, `deleted_only` or `all`.

        Raises:
            InvalidValueError: It is no view.
        """
        if view_type not in _VIEWS:
            raise InvalidValueError(f"{view_type!r} is none of ViewType: {', '.join(_VIEWS.values())}.")
        return _VIEWS[view_type]

    @staticmethod
    def from_string(view_type: str) -> int:
        """The view of a name, in any case.

        Raises:
            InvalidValueError: There is no such view.
        """
        for number, name in _VIEWS.items():
            if str(view_type).lower() == name:
                return number
        raise InvalidValueError(f"{view_type!r} is none of ViewType: {', '.join(_VIEWS.values())}.")


_VIEWS = {ViewType.ACTIVE_ONLY: "active_only", ViewType.DELETED_ONLY: "deleted_only", ViewType.ALL: "all"}


class SourceType:
    """What started a run; MLflow's words."""

    NOTEBOOK = "NOTEBOOK"
    JOB = "JOB"
    PROJECT = "PROJECT"
    LOCAL = "LOCAL"
    UNKNOWN = "UNKNOWN"

    # In MLflow a type is a number that these two turn into text and back; ours are text already.

    @staticmethod
    def to_string(source_type: str | int) -> str:
        """A type as text; also MLflow's numbers, 1 (NOTEBOOK) to 5 (UNKNOWN).

        Raises:
            InvalidValueError: There is no such type.
        """
        known = ("NOTEBOOK", "JOB", "PROJECT", "LOCAL", "UNKNOWN")
        text = text_of_number(source_type, known)
        if text not in known:
            raise InvalidValueError(f"{source_type!r} is no source of a run. Use one of {', '.join(known)}.")
        return text

    @staticmethod
    def from_string(source_type: str) -> str:
        """A type from its text.

        Raises:
            InvalidValueError: There is no such type.
        """
        return SourceType.to_string(source_type)


def text_of_number(value: str | int, texts: Sequence[str]) -> str:
    """Which of some texts MLflow's number means, counted from 1; any other value as text."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= len(texts):
        return texts[value - 1]
    return str(value)


@dataclass(frozen=True)
class Metric(Record):
    """One point of a metric."""

    key: str
    value: float
    timestamp: int
    """Milliseconds since 1970, UTC; MLflow's unit."""
    step: int = 0
    """The x position the user gave; may repeat or go back."""
    model_id: str | None = None
    """The model it was measured of, where that was said."""
    dataset_name: str | None = None
    """The data set it was measured on, where that was said."""
    dataset_digest: str | None = None
    run_id: str | None = None

    def to_dictionary(self) -> dict[str, Any]:
        """The point as a plain dict."""
        return dict(self)


@dataclass(frozen=True)
class Param(Record):
    """An input fixed at the start of a run, written once."""

    key: str
    value: str


@dataclass(frozen=True)
class RunTag(Record):
    """A changeable note on a run."""

    key: str
    value: str


@dataclass(frozen=True)
class ExperimentTag(Record):
    """A changeable note on an experiment."""

    key: str
    value: str


@dataclass(frozen=True)
class FileInfo(Record):
    """One file or folder among the artifacts of a run."""

    path: str
    """Relative to the run's artifact root, with `/` between folders."""
    is_dir: bool
    file_size: int | None
    """Bytes; None for a folder."""


@dataclass(frozen=True)
class Experiment(Record):
    """A named group of runs."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str = LifecycleStage.ACTIVE
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    creation_time: int = 0
    """Milliseconds since 1970, UTC."""
    last_update_time: int = 0
    """Milliseconds since 1970, UTC."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(static_views.experiment_card(self))


@dataclass(frozen=True)
class RunInfo(Record):
    """What identifies a run and says how it went."""

    run_id: str
    experiment_id: str
    user_id: str
    status: str
    """One of `RunStatus.ALL`."""
    start_time: int
    """Milliseconds since 1970, UTC."""
    end_time: int | None
    """Milliseconds since 1970, UTC; None while the run goes on."""
    lifecycle_stage: str
    artifact_uri: str = ""
    run_name: str = ""

    @property
    def run_uuid(self) -> str:
        """The run's id, by the name that MLflow 2 has for it beside `run_id`."""
        return self.run_id


@dataclass(frozen=True)
class RunData(Record):
    """What a run recorded."""

    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    """The last value of each metric: last by (step, timestamp, value), as in MLflow."""
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    summaries: Mapping[str, MetricSummary] = field(default_factory=dict[str, MetricSummary])
    """Last, min, max, mean and count of each metric, with their steps."""
    sketches: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    """The shape of each metric in at most 64 values, in the order logged."""

    @property
    def _metric_objs(self) -> list[Metric]:
        """The last point of each metric; libraries that build on MLflow read it there."""
        return [
            Metric(key, summary.last, summary.last_timestamp, summary.last_step)
            for key, summary in self.summaries.items()
        ]

    def to_dictionary(self) -> dict[str, Any]:
        """Metrics, params and tags as plain dicts."""
        return {"metrics": dict(self.metrics), "params": dict(self.params), "tags": dict(self.tags)}


@dataclass(frozen=True)
class RunOutputs(Record):
    """What a run made, in the order in which that was said."""

    model_outputs: Sequence[LoggedModelOutput] = field(default_factory=list[LoggedModelOutput])

    def to_dictionary(self) -> dict[str, Any]:
        """The outputs as nested plain dicts."""
        return {"model_outputs": [each.to_dictionary() for each in self.model_outputs]}


@dataclass(frozen=True)
class Run(Record):
    """One recorded execution, as it was when it was read."""

    info: RunInfo
    data: RunData
    inputs: RunInputs = field(default_factory=RunInputs)
    outputs: RunOutputs = field(default_factory=RunOutputs)

    def __repr__(self) -> str:
        # What a run holds is long; `print(run.data)` shows it.
        return f"<Run {self.info.run_name!r} {self.info.status} run_id={self.info.run_id!r}>"

    def to_dictionary(self) -> dict[str, Any]:
        """The run as nested plain dicts, as MLflow gives it."""
        return {
            "info": dict(self.info),
            "data": self.data.to_dictionary(),
            "inputs": self.inputs.to_dictionary(),
            "outputs": self.outputs.to_dictionary(),
        }

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import mime, static_views  # lazy: only what is looked at is drawn

        return mime.run_bundle(static_views.run_card(self), self)


class RunList(PagedList[Run]):
    """The runs a search found, or a page of them; draws itself as a table."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(static_views.runs_table(self))
