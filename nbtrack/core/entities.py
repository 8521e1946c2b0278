"""The records people see: experiments, runs and what a run holds.

Attribute names and units are MLflow's, so that code written for its entities reads ours. All of
them are frozen: a changed run is a new `Run`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbtrack.core.datasets import RunInputs
from nbtrack.core.errors import InvalidValueError
from nbtrack.core.paged_lists import PagedList
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
    def is_terminated(status: str) -> bool:
        """Whether a run of this status has ended."""
        return status in RunStatus.TERMINATED

    # In MLflow a status is a number that these two turn into text and back; ours are text already.

    @staticmethod
    def to_string(status: str | int) -> str:
        """A status as text; also MLflow's numbers, 1 (RUNNING) to 5 (KILLED).

        Raises:
            InvalidValueError: It is no status.
        """
        if isinstance(status, int) and not isinstance(status, bool) and 1 <= status <= len(RunStatus.ALL):
            return RunStatus.ALL[status - 1]
        if status in RunStatus.ALL:
            return str(status)
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


@dataclass(frozen=True)
class Metric:
    """One point of a metric."""

    key: str
    value: float
    timestamp: int
    """Milliseconds since 1970, UTC; MLflow's unit."""
    step: int = 0
    """The x position the user gave; may repeat or go back."""
    dataset_name: str | None = None
    """The data set the metric was measured on, where that was said."""
    dataset_digest: str | None = None


@dataclass(frozen=True)
class Param:
    """An input fixed at the start of a run, written once."""

    key: str
    value: str


@dataclass(frozen=True)
class RunTag:
    """A changeable note on a run."""

    key: str
    value: str


@dataclass(frozen=True)
class ExperimentTag:
    """A changeable note on an experiment."""

    key: str
    value: str


@dataclass(frozen=True)
class FileInfo:
    """One file or folder among the artifacts of a run."""

    path: str
    """Relative to the run's artifact root, with `/` between folders."""
    is_dir: bool
    file_size: int | None
    """Bytes; None for a folder."""


@dataclass(frozen=True)
class Experiment:
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
class RunInfo:
    """What identifies a run and says how it went."""

    run_id: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    """One of `RunStatus.ALL`."""
    start_time: int
    """Milliseconds since 1970, UTC."""
    end_time: int | None
    """Milliseconds since 1970, UTC; None while the run goes on."""
    lifecycle_stage: str
    artifact_uri: str


@dataclass(frozen=True)
class RunData:
    """What a run recorded."""

    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    """The last value of each metric: last by (step, timestamp, value), as in MLflow."""
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    summaries: Mapping[str, MetricSummary] = field(default_factory=dict[str, MetricSummary])
    """Last, min, max, mean and count of each metric, with their steps."""
    sketches: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    """The shape of each metric in at most 64 values, in the order logged."""


@dataclass(frozen=True)
class Run:
    """One recorded execution, as it was when it was read."""

    info: RunInfo
    data: RunData
    inputs: RunInputs = field(default_factory=RunInputs)

    def __repr__(self) -> str:
        # What a run holds is long; `print(run.data)` shows it.
        return f"<Run {self.info.run_name!r} {self.info.status} run_id={self.info.run_id!r}>"

    def to_dictionary(self) -> dict[str, Any]:
        """The run as nested plain dicts, as MLflow gives it."""
        return {
            "info": {name: getattr(self.info, name) for name in RunInfo.__dataclass_fields__},
            "data": {
                "metrics": dict(self.data.metrics),
                "params": dict(self.data.params),
                "tags": dict(self.data.tags),
            },
            "inputs": self.inputs.to_dictionary(),
        }

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(static_views.run_card(self))


class RunList(PagedList[Run]):
    """The runs a search found, or a page of them; draws itself as a table."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(static_views.runs_table(self))
