"""Logged models: a model as an entity of its own, with params, metrics and tags; its files lie in a run.

Attribute names and units are MLflow 3's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nbtrack.core.entities import Metric
from nbtrack.core.errors import InvalidValueError
from nbtrack.core.paged_lists import PagedList
from nbtrack.core.records import Record


class LoggedModelStatus(StrEnum):
    """How far a logged model is, as text."""

    UNSPECIFIED = "UNSPECIFIED"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"

    @staticmethod
    def is_finalized(status: str) -> bool:
        """Whether nothing more is to come: it is READY or FAILED."""
        return status in (LoggedModelStatus.READY, LoggedModelStatus.FAILED)

    @classmethod
    def from_int(cls, status_int: int) -> "LoggedModelStatus":
        """The status of MLflow's number, 0 (UNSPECIFIED) to 3 (FAILED).

        Raises:
            InvalidValueError: It is none of them.
        """
        known = list(cls)
        if not isinstance(status_int, int) or not 0 <= status_int < len(known):
            raise InvalidValueError(f"{status_int!r} is no number of a model's status: those are 0 to 3.")
        return known[status_int]

    def to_int(self) -> int:
        """MLflow's number of it."""
        return list(LoggedModelStatus).index(self)

    @classmethod
    def of(cls, status: Any) -> "LoggedModelStatus":
        """A status from its text or MLflow's number.

        Raises:
            InvalidValueError: It is no status.
        """
        if isinstance(status, int):
            return cls.from_int(status)
        try:
            return cls(status)
        except ValueError:
            known = ", ".join(cls)
            raise InvalidValueError(f"{status!r} is no status of a model. Use one of {known}.") from None


@dataclass(frozen=True)
class LoggedModelTag(Record):
    """A changeable note on a logged model."""

    key: str
    value: str


@dataclass(frozen=True)
class LoggedModelParameter(Record):
    """A param of a logged model, written once."""

    key: str
    value: str


@dataclass(frozen=True)
class LoggedModel(Record):
    """One model as it was when it was read."""

    experiment_id: str
    model_id: str
    """`m-` and 32 hex digits; unique everywhere."""
    name: str
    """Several models may have one name, also in one run."""
    artifact_location: str
    """The URI of the folder of its files."""
    creation_timestamp: int
    """Milliseconds since 1970, UTC."""
    last_updated_timestamp: int
    """Milliseconds since 1970, UTC."""
    model_type: str | None = None
    """Any text, to find models of one kind by."""
    source_run_id: str | None = None
    """The run that it was made in; None where there was none."""
    status: LoggedModelStatus = LoggedModelStatus.READY
    status_message: str | None = None
    """Why it failed, where that was said."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    metrics: Sequence[Metric] | None = field(default_factory=list[Metric])
    """What was measured of it: of each metric, on each data set, the last point."""
    path: str | None = None
    """Where its files lie among the artifacts of its run; None without a run. nbtrack's own."""
    flavors: Sequence[str] = ()
    """What it can be loaded with, such as `sklearn`, as far as that is known. nbtrack's own."""

    def __post_init__(self) -> None:
        # MLflow's numbers, and its lists of key and value, are taken as well.
        object.__setattr__(self, "status", LoggedModelStatus.of(self.status))
        for name in ("tags", "params"):
            held: Any = getattr(self, name)
            if not isinstance(held, Mapping):
                object.__setattr__(self, name, {each.key: each.value for each in held or ()})

    @property
    def model_uri(self) -> str:
        """What loads it: `models:/<model_id>`."""
        return f"models:/{self.model_id}"

    def to_dictionary(self) -> dict[str, Any]:
        """The model as a plain dict, with MLflow's names and its number of the status."""
        return {name: self.status.to_int() if name == "status" else getattr(self, name) for name in _NAMES}

    @staticmethod
    def columns() -> list[str]:
        """The keys of `to_dictionary`, which are the columns of a DataFrame of models."""
        return list(_NAMES)

    def __repr__(self) -> str:
        # What a model holds is long; `model.params`, `model.metrics` and `model.tags` show it.
        return f"<LoggedModel {self.name!r} {self.status} model_id={self.model_id!r}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import logged_model_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(logged_model_views.logged_model_card(self))


_NAMES = sorted(name for name in LoggedModel.__dataclass_fields__ if name not in ("path", "flavors"))


def dataset_place(name: str | None, digest: str | None = None) -> str:
    """Under what name a model's document keeps what was measured on a data set.

    Args:
        name: The name of the data set; None stands for metrics that were measured on none.
        digest: Its digest; None for all data sets of that name together.
    """
    if name is None:
        return "-"
    from hashlib import sha256  # lazy: few metrics name their data

    return sha256(f"{name}\0{digest or ''}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


class LoggedModelList(PagedList[LoggedModel]):
    """The models a search found, or a page of them; draws itself as a table."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import logged_model_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(logged_model_views.logged_models_table(self))
