"""The records of the registry: registered models, their versions, and what hangs on both.

Attribute names and units are MLflow's, so that code written for its entities reads ours. All of
them are frozen: a changed version is a new `ModelVersion`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbtrack.core.entities import Metric, text_of_number
from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.late_fields import Late
from nbtrack.core.paged_lists import PagedList
from nbtrack.core.records import Record

if TYPE_CHECKING:
    from nbtrack.core.version_comparisons import VersionComparison


class ModelVersionStages:
    """The stages a model version can be in; MLflow's older scheme beside aliases."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"

    ALL = (NONE, STAGING, PRODUCTION, ARCHIVED)
    ACTIVE = (STAGING, PRODUCTION)
    """Those in which versions are at work."""

    @staticmethod
    def canonical(stage: Any) -> str:
        """A stage as it is kept, from its name in any case: `production` is `Production`.

        Raises:
            InvalidTypeError: It is not text.
            InvalidValueError: There is no such stage.
        """
        if not isinstance(stage, str):
            raise InvalidTypeError(
                f"A stage is text, got {type(stage).__name__} {stage!r:.80}. "
                f"There are {', '.join(ModelVersionStages.ALL)}."
            )
        found = _STAGE_OF.get(stage.strip().lower())
        if found is None:
            hint = _did_you_mean(stage)
            raise InvalidValueError(
                f"{stage[:80]!r} is no stage of a model version. "
                f"There are {', '.join(ModelVersionStages.ALL)}.{hint}"
            )
        return found

    @staticmethod
    def nearest(word: str) -> str | None:
        """The stage that a misspelt or shortened word was meant to be; None when it is like none."""
        from nbtrack.core.nearest_names import nearest  # lazy: it is wanted only when something went wrong

        low = word.strip().lower()
        begun = [stage for stage in ModelVersionStages.ALL if low and stage.lower().startswith(low)]
        return begun[0] if begun else nearest(low, ModelVersionStages.ALL)


_STAGE_OF = {stage.lower(): stage for stage in ModelVersionStages.ALL}


def _did_you_mean(word: str) -> str:
    close = ModelVersionStages.nearest(word)
    return f" Did you mean {close!r}?" if close else ""


class ModelVersionStatus:
    """Whether a model version can be used, as text; in nbtrack it is READY at once."""

    PENDING_REGISTRATION = "PENDING_REGISTRATION"
    FAILED_REGISTRATION = "FAILED_REGISTRATION"
    READY = "READY"

    ALL = (PENDING_REGISTRATION, FAILED_REGISTRATION, READY)

    # In MLflow a status is a number that these two turn into text and back; ours are text already.

    @staticmethod
    def to_string(status: str | int) -> str:
        """A status as text; also MLflow's numbers, 1 (PENDING_REGISTRATION) to 3 (READY).

        Raises:
            InvalidValueError: It is none.
        """
        text = text_of_number(status, ModelVersionStatus.ALL)
        if text not in ModelVersionStatus.ALL:
            raise InvalidValueError(
                f"{status!r} is no status of a model version. Use one of {', '.join(ModelVersionStatus.ALL)}."
            )
        return text

    @staticmethod
    def from_string(status: str) -> str:
        """A status from its text.

        Raises:
            InvalidValueError: It is none.
        """
        return ModelVersionStatus.to_string(status)

    @staticmethod
    def all_status() -> list[str]:
        """Every status."""
        return list(ModelVersionStatus.ALL)


@dataclass(frozen=True)
class RegisteredModelTag(Record):
    """A changeable note on a registered model."""

    key: str
    value: str


@dataclass(frozen=True)
class ModelVersionTag(Record):
    """A changeable note on a model version."""

    key: str
    value: str


@dataclass(frozen=True)
class RegisteredModelAlias(Record):
    """A movable name for one version of a registered model."""

    alias: str
    version: int


@dataclass(frozen=True)
class VersionFacts(Record):
    """What a version keeps of its model and its run; the fields are those of `ModelVersion`."""

    params: Mapping[str, str] | None = None
    metrics: list[Metric] | None = None
    signature: Mapping[str, str | None] | None = None
    model_size_bytes: int | None = None
    flavors: list[str] | None = None
    requirements: list[str] | None = None
    run_name: str | None = None


@dataclass(frozen=True)
class ModelVersion(Record):
    """An immutable, numbered entry of a registered model; points to a run's model."""

    name: str
    version: int
    """From 1; never used twice in one registered model."""
    creation_timestamp: int
    """Milliseconds since 1970, UTC."""
    last_updated_timestamp: int | None = None
    """Milliseconds since 1970, UTC; tags and aliases do not move it."""
    description: str | None = None
    user_id: str | None = None
    """Who registered it."""
    current_stage: str = ModelVersionStages.NONE
    """One of `ModelVersionStages.ALL`."""
    source: str | None = None
    """Where its files are, as it was said: a model URI, a `file:` URI or a path."""
    run_id: str | None = None
    """The run that made it, where that is known."""
    status: str = ModelVersionStatus.READY
    status_message: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    run_link: str | None = None
    """The address of a run elsewhere, as it was said."""
    aliases: list[str] = field(default_factory=list[str])
    model_id: str | None = None
    """The logged model it was made of, where there is one."""
    # What follows is as it was when the version was registered, and stays so; None where it was out of reach.
    params: Mapping[str, str] | None = None
    """Those of the logged model, then those of the run that the model does not have."""
    metrics: Late[list[Metric] | None] = Late(None)  # noqa: RUF009 - a descriptor, which holds nothing
    """What was measured of the logged model, then the last point of the run's other metrics."""
    signature: Mapping[str, str | None] | None = None
    """What the model takes and gives: `inputs`, `outputs` and `params`, each the JSON text of the MLmodel
    file or None. `ModelSignature.from_dict` reads it. None also for a model without a signature."""
    model_size_bytes: int | None = None
    """Bytes of the model's own files, without the MLmodel file."""
    flavors: list[str] | None = None
    """The names of what it can be loaded as, such as `sklearn` and `python_function`."""
    requirements: list[str] | None = None
    """The packages it needs, as lines of a requirements file."""
    run_name: str | None = None
    """What its run was called."""

    @property
    def metric_values(self) -> dict[str, float]:
        """The value of each metric; of one that was measured on several data sets the last."""
        return last_values(self.metrics or ())

    def compare(self, other: "ModelVersion") -> "VersionComparison":
        """What differs between this version and another one, which may be of another registered model.

        It draws itself as a table; `to_pandas` makes a DataFrame of it.

        Raises:
            InvalidTypeError: The other one is no version.
        """
        from nbtrack.core.version_comparisons import compare_versions  # lazy: it knows this module

        if not isinstance(other, ModelVersion):
            raise InvalidTypeError(
                f"A version is compared with a version, got {type(other).__name__} {other!r:.80}. "
                "nbtrack.compare_versions takes numbers, aliases and stages."
            )
        return compare_versions([self, other])

    def __repr__(self) -> str:
        marks = "".join(f" @{alias}" for alias in self.aliases)
        stage = "" if self.current_stage == ModelVersionStages.NONE else f" {self.current_stage}"
        return f"<ModelVersion {self.name!r} {self.version}{stage}{marks}>"

    def to_dictionary(self) -> dict[str, Any]:
        """The version as a plain dict."""
        plain: dict[str, Any] = {**dict(self), "tags": dict(self.tags), "aliases": list(self.aliases)}
        if self.metrics is not None:
            plain["metrics"] = [metric.to_dictionary() for metric in self.metrics]
        return plain

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import registry_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(registry_views.version_card(self))


def last_values(metrics: Iterable[Metric]) -> dict[str, float]:
    """One number for each metric: of one that was measured on several data sets, the last."""
    last: dict[str, Metric] = {}
    for metric in metrics:
        known = last.get(metric.key)
        if known is None or (metric.step, metric.timestamp) >= (known.step, known.timestamp):
            last[metric.key] = metric
    return {key: metric.value for key, metric in last.items()}


@dataclass(frozen=True)
class RegisteredModel(Record):
    """A name under which versions are collected."""

    name: str
    creation_timestamp: int
    """Milliseconds since 1970, UTC."""
    last_updated_timestamp: int | None = None
    """Milliseconds since 1970, UTC; tags and aliases do not move it."""
    description: str | None = None
    latest_versions: list[ModelVersion] = field(default_factory=list[ModelVersion])
    """The highest version in each stage that has any; without their aliases, as in MLflow."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    aliases: Mapping[str, int] = field(default_factory=dict[str, int])
    """The version that each alias names."""

    def __repr__(self) -> str:
        highest = max((version.version for version in self.latest_versions), default=None)
        return f"<RegisteredModel {self.name!r}{' without versions' if highest is None else f' {highest}'}>"

    def to_dictionary(self) -> dict[str, Any]:
        """The registered model as nested plain dicts."""
        versions = [version.to_dictionary() for version in self.latest_versions]
        return {
            **dict(self),
            "latest_versions": versions,
            "tags": dict(self.tags),
            "aliases": dict(self.aliases),
        }

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import registry_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(registry_views.model_card(self))


class RegisteredModelList(PagedList[RegisteredModel]):
    """The registered models a search found, or a page of them; draws itself as a table."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import registry_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(registry_views.models_table(self))


class ModelVersionList(PagedList[ModelVersion]):
    """The model versions a search found, or a page of them; draws itself as a table."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import registry_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(registry_views.versions_table(self))
