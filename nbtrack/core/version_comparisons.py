"""What differs between versions of models: what they kept when they were registered, as plain data.

Every value stands in the order of the versions; the first is the one that the others are compared with.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrack.core import system_tags
from nbtrack.core.comparisons import (
    Compared,
    ComparedMetric,
    ComparedText,
    Sections,
    as_plain,
    compared_texts,
    keys_of,
)
from nbtrack.core.metric_directions import is_greater_better
from nbtrack.core.signature_fields import signature_fields
from nbtrack.core.text_tables import file_size
from nbtrack.core.version_metrics import values_by_place

if TYPE_CHECKING:
    import pandas as pd

    from nbtrack.core.registry import ModelVersion

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(.*)", re.DOTALL)


@dataclass(frozen=True)
class VersionComparison(Sections):
    """Versions beside each other, with all that they kept, the same or not; draws itself as a table."""

    versions: "tuple[ModelVersion, ...]"
    params: tuple[ComparedText, ...]
    metrics: tuple[ComparedMetric, ...]
    """Of each metric the last value; of one that was measured on several data sets, on each of them."""
    signature: tuple[ComparedText, ...]
    """By column, tensor or param, such as `input petal length`; the values say what it is."""
    files: tuple[ComparedText, ...]
    """Size and flavors."""
    requirements: tuple[ComparedText, ...]
    """By package; the values are what is demanded of its version."""
    tags: tuple[ComparedText, ...]
    unknown: "tuple[tuple[str, tuple[ModelVersion, ...]], ...]" = ()
    """Sections that are left out, since nothing is known there of some versions; and these versions."""

    @property
    def sections(self) -> dict[str, tuple[Compared, ...]]:
        """Everything that is compared, by what it is."""
        return {
            "metrics": self.metrics,
            "params": self.params,
            "signature": self.signature,
            "files": self.files,
            "requirements": self.requirements,
            "tags": self.tags,
        }

    @property
    def labels(self) -> list[str]:
        """What tells the versions apart: `version 2`, or `iris 2` where they are of several models."""
        is_one = len({version.name for version in self.versions}) == 1
        return [f"{'version' if is_one else each.name} {each.version}" for each in self.versions]

    @property
    def better(self) -> list[list[str]]:
        """For each version the metrics by which no other is better, of those that say what is better."""
        return [[row.key for row in self.metrics if at in row.best] for at in range(len(self.versions))]

    def to_dictionary(self, *, everything: bool = False) -> dict[str, Any]:
        """The comparison as plain dicts and lists.

        Args:
            everything: Also what is the same in all versions.
        """
        whole: dict[str, Any] = {"versions": [_identity(version) for version in self.versions]}
        for name, rows in self.told(everything=everything).items():
            whole[name] = {row.key: as_plain(row) for row in rows}
        return whole

    def to_pandas(self, *, everything: bool = False) -> "pd.DataFrame":
        """The comparison as a DataFrame: a row for what differs, a column for each version.

        Its columns are `section`, `name`, one for each version, and of metrics `delta` (how much more the
        last version has than the first) and `better` (which version is, where that is known).

        Args:
            everything: Also what is the same in all versions.
        """
        import pandas as pd

        rows: list[list[Any]] = []
        for section, told in self.told(everything=everything).items():
            for row in told:
                is_metric = isinstance(row, ComparedMetric)
                delta = row.deltas[-1] if is_metric else None
                best = ", ".join(self.labels[at] for at in row.best) if is_metric else ""
                rows.append([section, row.key, *row.values, delta, best or None])
        labels = [f"{each.name} {each.version}" for each in self.versions]
        frame = pd.DataFrame(rows, columns=["section", "name", *_told_apart(labels), "delta", "better"])
        frame["delta"] = pd.to_numeric(frame["delta"])
        return frame

    def __repr__(self) -> str:
        names = " and ".join(f"{version.name!r} {version.version}" for version in self.versions)
        told = [section for section, rows in self.told().items() if rows]
        said = f"{', '.join(told)} differ" if told else "nothing differs"
        return f"<VersionComparison of {names}: {said}>"

    def __str__(self) -> str:
        from nbtrack.core import version_comparison_view as views  # lazy: only what is looked at is drawn

        return views.version_comparison_view(self).text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import version_comparison_view as views  # lazy: only what is looked at is drawn
        from nbtrack.core.fitting_views import fitted
        from nbtrack.core.static_views import bundle

        return bundle(fitted(lambda count: views.version_comparison_view(self, most=count)))


def compare_versions(
    versions: "Sequence[ModelVersion]", *, directions: Mapping[str, bool] | None = None
) -> VersionComparison:
    """Put versions beside each other.

    Args:
        versions: At least one; the first is what the others are compared with.
        directions: Whether more is better, for metrics whose names do not say.
    """
    # A model without a signature is known to have none; one whose files were out of reach is not known.
    with_files = [
        None if version.flavors is None else signature_texts(version.signature) for version in versions
    ]
    held: dict[str, list[Mapping[str, str] | None]] = {
        "params": [version.params for version in versions],
        "signature": list(with_files),
        "files": [None if not (facts := _files(version)) else facts for version in versions],
        "requirements": [
            None if version.requirements is None else _requirements(version.requirements)
            for version in versions
        ],
        "tags": [_own_tags(version) for version in versions],
    }
    missing = {name: [each is None for each in each_of] for name, each_of in held.items()}
    missing["metrics"] = [version.metrics is None for version in versions]
    texts = {
        name: () if any(missing[name]) else compared_texts([each or {} for each in each_of])
        for name, each_of in held.items()
    }
    return VersionComparison(
        versions=tuple(versions),
        metrics=() if any(missing["metrics"]) else _metrics(versions, directions),
        unknown=tuple(
            (name, tuple(version for version, is_missing in zip(versions, each, strict=True) if is_missing))
            for name, each in missing.items()
            if any(each)
        ),
        **texts,
    )


def signature_texts(signature: Mapping[str, Any] | None) -> dict[str, str]:
    """What each column, tensor and param of a signature is, such as `input petal length`."""
    return {f"{field.part} {field.name}": field.words for field in signature_fields(signature)}


def _metrics(
    versions: "Sequence[ModelVersion]", directions: Mapping[str, bool] | None
) -> tuple[ComparedMetric, ...]:
    held = [values_by_place(version.metrics or ()) for version in versions]
    several = {key for of_version in held for key, values in of_version.items() if len(values) > 1}
    rows: list[ComparedMetric] = []
    for key in keys_of(held):
        greater = is_greater_better(key, directions)
        of_key = [of_version.get(key, {}) for of_version in held]
        if key not in several:
            values = tuple(next(iter(values.values()), None) for values in of_key)
            rows.append(ComparedMetric(key, values, greater))
            continue
        for place in keys_of(of_key):
            name = f"{key} on {place}" if place else key
            rows.append(ComparedMetric(name, tuple(values.get(place) for values in of_key), greater))
    return tuple(rows)


def _files(version: "ModelVersion") -> dict[str, str]:
    size = version.model_size_bytes
    facts = {"flavors": ", ".join(version.flavors)} if version.flavors is not None else {}
    if size is not None:
        facts["size"] = file_size(size) if size < 1000 else f"{file_size(size)} ({size:,} B)"
    return facts


def _requirements(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        match = _REQUIREMENT.fullmatch(line)
        name, rest = match.groups() if match else (line, "")
        found[name] = rest.removeprefix("==") or "any"
    return found


def _own_tags(version: "ModelVersion") -> dict[str, str]:
    return {key: value for key, value in version.tags.items() if not system_tags.is_system_tag(key)}


def _identity(version: "ModelVersion") -> dict[str, Any]:
    names = ("name", "version", "current_stage", "aliases", "run_id", "run_name", "creation_timestamp")
    return {name: getattr(version, name) for name in (*names, "description", "model_size_bytes")}


def _told_apart(labels: Sequence[str]) -> list[str]:
    """Names of columns, of which a version that is compared with itself has two."""
    return [
        label if labels.index(label) == at else f"{label} ({labels[: at + 1].count(label)})"
        for at, label in enumerate(labels)
    ]
