"""Which fields filters and orders know: for each entity a table, and how a name finds its field.

A new entity is a new `Entity`; nothing else knows one by name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NoReturn

from nbtrack.core.entities import LifecycleStage, RunStatus
from nbtrack.core.errors import InvalidValueError
from nbtrack.core.logged_models import LoggedModelStatus
from nbtrack.core.names import check_version
from nbtrack.core.registry import ModelVersionStages
from nbtrack.core.summaries import MetricSummary
from nbtrack.documents.queries import Path
from nbtrack.filters.mistakes import did_you_mean, listed, mistake, quote
from nbtrack.filters.tree import Name


class Type(Enum):
    """What a field holds, and so what it compares with."""

    TEXT = "text"
    NOTE = "text or number"
    """A param or tag: text, which compares as a number with a number."""
    NUMBER = "number"
    TIME = "time"
    """Milliseconds since 1970, UTC; compares with a number of them, or a date in quotes."""
    LOCATION = "location"
    """Text that is derived from an id: it is the same or another, and has no pattern."""


@dataclass(frozen=True)
class Attribute:
    """One attribute of an entity."""

    type: Type = Type.TEXT
    path: Path | None = None
    """Where it stands in the document; None: under its name."""
    read: Callable[[str], Any] = str
    """What turns quoted text into what the document holds; raises ValueError with the reason. A number that
    is to be taken in quotes has one of its own."""
    values: tuple[str, ...] = ()
    """All that it can be, where that is a closed list; else nothing."""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entity:
    """What can be searched.

    Attributes:
        noun: What one is called, with its article.
        attributes: By name.
        groups: Which of metrics, params, tags and dataset it has.
        relations: Which other entities of its kind it leads to.
        has_summaries: Whether its documents have summaries of metrics, and not only the last values.
        defaults: What a field that is missing counts as, by path.
    """

    noun: str
    attributes: Mapping[str, Attribute]
    groups: frozenset[str]
    relations: frozenset[str] = frozenset()
    has_summaries: bool = True
    defaults: Mapping[Path, str] = field(default_factory=dict[Path, str])


@dataclass(frozen=True)
class Field:
    """A field that a name has found."""

    label: str
    """How errors call it."""
    type: Type
    path: Path
    """From the root of the document; of a data set from that of the input."""
    read: Callable[[str], Any] = str
    values: tuple[str, ...] = ()
    """All that it can be, where that is a closed list; else nothing."""
    relation: str = ""
    """parent or children, if it is a field of those; else nothing."""
    is_of_input: bool = False
    """Whether it is a field of the run's inputs, of which there may be several."""
    group: str = ""
    """metrics, params or tags; else nothing."""
    key: str = ""
    """The key within its group."""


_RUN_ID = re.compile(r"/([^/]+)/artifacts/?\Z")


def _run_id_of(uri: str) -> str:
    found = _RUN_ID.search(uri)
    if found is None:
        raise ValueError("an artifact_uri ends in /<run_id>/artifacts; or compare run_id")
    return found[1]


_STATUS = Attribute(read=str.upper, values=tuple(RunStatus.all_status()))
_STAGE = Attribute(read=str.lower, values=(LifecycleStage.ACTIVE, LifecycleStage.DELETED))

RUN = Entity(
    noun="a run",
    attributes={
        "run_id": Attribute(),
        "run_name": Attribute(aliases=("run name",)),
        "user_id": Attribute(),
        "status": _STATUS,
        "artifact_uri": Attribute(Type.LOCATION, ("run_id",), _run_id_of),
        "experiment_id": Attribute(),
        "start_time": Attribute(Type.TIME, aliases=("created",)),
        "end_time": Attribute(Type.TIME),
        "lifecycle_stage": _STAGE,
    },
    groups=frozenset({"metrics", "params", "tags", "dataset"}),
    relations=frozenset({"parent", "children"}),
)

EXPERIMENT = Entity(
    noun="an experiment",
    attributes={
        "name": Attribute(),
        "experiment_id": Attribute(),
        "creation_time": Attribute(Type.TIME),
        "last_update_time": Attribute(Type.TIME),
        "lifecycle_stage": _STAGE,
    },
    groups=frozenset({"tags"}),
)

LOGGED_MODEL = Entity(
    noun="a logged model",
    attributes={
        "name": Attribute(),
        "model_id": Attribute(),
        "model_type": Attribute(),
        "status": Attribute(read=str.upper, values=tuple(LoggedModelStatus)),
        "source_run_id": Attribute(aliases=("run_id",)),
        "experiment_id": Attribute(),
        "creation_timestamp": Attribute(
            Type.TIME, aliases=("creation_time", "creation_timestamp_ms", "created")
        ),
        "last_updated_timestamp": Attribute(
            Type.TIME, aliases=("last_updated_time", "last_update_time", "last_updated_timestamp_ms")
        ),
        "lifecycle_stage": _STAGE,
    },
    groups=frozenset({"metrics", "params", "tags"}),
)


def _whole_number(text: str) -> int:
    """A version in quotes, which is a number as well."""
    try:
        return check_version(text)
    except InvalidValueError:
        raise ValueError("a version is a whole number") from None


# MLflow keeps prompts as registered models with this tag, and its clients leave them out of every search.
_NO_PROMPT: dict[Path, str] = {("tags", "mlflow.prompt.is_prompt"): "false"}

REGISTERED_MODEL = Entity(
    noun="a registered model",
    attributes={
        "name": Attribute(),
        "description": Attribute(),
        "creation_timestamp": Attribute(Type.TIME),
        "last_updated_timestamp": Attribute(Type.TIME, aliases=("timestamp",)),
    },
    groups=frozenset({"tags"}),
    defaults=_NO_PROMPT,
)

MODEL_VERSION = Entity(
    noun="a model version",
    attributes={
        "name": Attribute(),
        "version_number": Attribute(Type.NUMBER, ("version",), _whole_number, aliases=("version",)),
        "run_id": Attribute(),
        "source_path": Attribute(path=("source",), aliases=("source",)),
        "current_stage": Attribute(read=str.capitalize, values=ModelVersionStages.ALL, aliases=("stage",)),
        "model_id": Attribute(),
        "user_id": Attribute(),
        "description": Attribute(),
        "model_size_bytes": Attribute(Type.NUMBER, aliases=("size",)),
        "creation_timestamp": Attribute(Type.TIME),
        "last_updated_timestamp": Attribute(Type.TIME, aliases=("timestamp",)),
    },
    groups=frozenset({"metrics", "params", "tags"}),
    has_summaries=False,
    defaults=_NO_PROMPT,
)

_GROUPS = {
    "metrics": ("metric",),
    "params": ("param", "parameter", "parameters"),
    "tags": ("tag",),
    "dataset": ("datasets",),
    "attributes": ("attribute", "attr", "run"),
}
_GROUP_OF = {alias: group for group, aliases in _GROUPS.items() for alias in (group, *aliases)}

SUMMARY_TYPES = {
    name: Type.TIME if name == "last_timestamp" else Type.NUMBER
    for name in MetricSummary.__dataclass_fields__
}
"""The parts of a metric's summary, which stand after its key, and what they hold."""
_INPUT_PATHS: dict[str, Path] = {
    "name": ("dataset", "name"),
    "digest": ("dataset", "digest"),
    "context": ("tags", "mlflow.data.context"),
}
INPUTS: Path = ("inputs",)
"""Where a run's document lists its inputs."""


@dataclass(frozen=True)
class Finder:
    """Finds the fields of one entity for the names in one text.

    Attributes:
        entity: Whose fields.
        text: The filter or the entry of an order; errors show it.
        subject: Which of them it is.
    """

    entity: Entity
    text: str
    subject: str = "Filter"
    _found: dict[Name, Field] = field(default_factory=dict["Name", "Field"], compare=False)

    def find(self, name: Name) -> Field:
        """The field of that name.

        Raises:
            InvalidValueError: There is none; the message names the nearest one.
        """
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._find(name, 0, "")
        return found

    def _find(self, name: Name, at: int, relation: str) -> Field:
        """The field that the steps of `name` from `at` on lead to."""
        steps = name.steps[at:]
        if len(steps) == 1:
            return self._attribute(steps[0], name, at, relation)
        first = steps[0].lower()
        if first in self.entity.relations:
            if relation:
                self._fail(name, at, f"{relation}.{first} is one relation too many; only one can be followed")
            return self._find(name, at + 1, first)
        group = _GROUP_OF.get(first, "")
        if group == "attributes":
            return self._attribute(".".join(steps[1:]), name, at + 1, relation)
        if group not in self.entity.groups:
            self._fail_group(name, at)
        if group == "metrics":
            return self._metric(name, at, relation)
        key = ".".join(steps[1:])
        label = self._label(relation, group, key)
        if group != "dataset":
            self._check_key(key, name, at)
            return Field(label, Type.NOTE, (group, key), relation=relation, group=group, key=key)
        path = _INPUT_PATHS.get(key)
        if path is None:
            hint = did_you_mean(key, _INPUT_PATHS, "dataset.{}")
            self._fail(
                name,
                at + 1,
                f"unknown field {quote(key)} of a dataset; there are {listed(_INPUT_PATHS)}{hint}",
            )
        return Field(label, Type.TEXT, path, relation=relation, is_of_input=True)

    def _metric(self, name: Name, at: int, relation: str) -> Field:
        """metrics.KEY is the last value, metrics.KEY.min the smallest, unless `min` is in quotes."""
        steps = name.steps[at + 1 :]
        summary = "last"
        if len(steps) > 1 and not name.quoted[-1] and steps[-1].lower() in SUMMARY_TYPES:
            summary, steps = steps[-1].lower(), steps[:-1]
        key = ".".join(steps)
        self._check_key(key, name, at)
        label = self._label(relation, "metrics", ".".join(name.steps[at + 1 :]))
        path = ("metrics", key, summary)
        if not self.entity.has_summaries:
            path = path[:2]
            if summary != "last":
                whole = quote(f"{key}.{summary}")[1:-1]
                why = (
                    f"{self.entity.noun} has the last value of each metric: write metrics.{self._label(key)}"
                )
                self._fail(
                    name, at + 1, f"{why}; a metric of the name {whole!r} is written metrics.`{whole}`"
                )
        return Field(
            label,
            SUMMARY_TYPES[summary],
            path,
            relation=relation,
            group="metrics",
            key=key,
        )

    def _attribute(self, word: str, name: Name, at: int, relation: str) -> Field:
        attributes = self.entity.attributes
        lowered = word.lower()
        known = lowered if lowered in attributes else self._aliases.get(lowered)
        if known is None:
            self._fail_attribute(word, name, at)
        attribute = attributes[known]
        return Field(
            self._label(relation, "", known),
            attribute.type,
            attribute.path or (known,),
            attribute.read,
            attribute.values,
            relation,
        )

    @property
    def _aliases(self) -> dict[str, str]:
        return {
            alias: name for name, attribute in self.entity.attributes.items() for alias in attribute.aliases
        }

    @staticmethod
    def _label(*steps: str) -> str:
        return quote(".".join(step for step in steps if step))[1:-1]

    def _check_key(self, key: str, name: Name, at: int) -> None:
        if not key:
            self._fail(name, at + 1, "this key is empty")

    def _fail_group(self, name: Name, at: int) -> NoReturn:
        noun, word = self.entity.noun, name.steps[at]
        groups = ["attributes", *sorted(self.entity.groups), *sorted(self.entity.relations)]
        known = [alias for group in groups for alias in (group, *_GROUPS.get(group, ()))]
        why = f"unknown kind {quote(word)}: {noun} has {listed(groups)}{did_you_mean(word, known)}"
        self._fail(name, at, why)

    def _fail_attribute(self, word: str, name: Name, at: int) -> NoReturn:
        noun, groups = self.entity.noun, self.entity.groups
        hint = did_you_mean(word, [*self.entity.attributes, *self._aliases])
        if not hint and {"metrics", "params"} <= groups and not name.quoted[at]:
            hint = f". A metric is metrics.{self._label(word)}, a param params.{self._label(word)}"
        elif not hint and "tags" in groups:
            hint = f". A tag is tags.{self._label(word)}"
        known = listed(self.entity.attributes)
        self._fail(name, at, f"unknown attribute {quote(word)} of {noun}; there are {known}{hint}")

    def _fail(self, name: Name, at: int, why: str) -> NoReturn:
        raise mistake(self.text, name.parts[at].column, why, self.subject)
