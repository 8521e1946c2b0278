"""What differs between runs: params, metrics, tags, data sets, code and environment, as plain data.

Every value stands in the order of the runs; None where a run has none. The first run is the one that
the others are compared with. Versions of models are compared likewise, in `core/version_comparisons.py`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from nbtrack.core import system_tags
from nbtrack.core.entities import Run
from nbtrack.core.metric_directions import is_greater_better
from nbtrack.core.system_metric_names import is_system_metric

# What identifies the code that ran; other tags with a fixed meaning differ in any two runs.
_CODE_TAGS = {
    "git commit": system_tags.GIT_COMMIT,
    "git branch": system_tags.GIT_BRANCH,
    "git changes": system_tags.GIT_DIRTY,
    "source": system_tags.SOURCE_NAME,
    "command": system_tags.COMMAND,
}


@dataclass(frozen=True)
class ComparedText:
    """A param, a tag or another text of several things that are compared."""

    key: str
    values: tuple[str | None, ...]

    @property
    def differs(self) -> bool:
        """Whether they do not agree."""
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class ComparedMetric:
    """A metric of several things that are compared: the last values, or the smallest or largest ones."""

    key: str
    """Such as `loss`, or `loss.min` for the smallest values."""
    values: tuple[float | None, ...]
    greater_is_better: bool | None = None
    """None when nobody knows."""

    @property
    def differs(self) -> bool:
        """Whether they do not agree; NaN agrees with NaN."""
        return len({str(value) for value in self.values}) > 1

    @property
    def deltas(self) -> tuple[float | None, ...]:
        """How much more each has than the first; None where one of them has no number."""
        first = self.values[0]
        return tuple(
            None
            if index == 0 or first is None or value is None or not math.isfinite(value - first)
            else value - first
            for index, value in enumerate(self.values)
        )

    @property
    def shares(self) -> tuple[float | None, ...]:
        """The deltas as shares of the first value: 0.1 is ten per cent more; None where it is 0."""
        first = self.values[0]
        return tuple(None if delta is None or not first else delta / abs(first) for delta in self.deltas)

    @property
    def verdicts(self) -> tuple[str | None, ...]:
        """Whether each is `better` or `worse` than the first; None where nobody knows, or it is the same.

        NaN is worse than any number.
        """
        return (None, *(self._verdict(self.values[0], value) for value in self.values[1:]))

    def _verdict(self, first: float | None, value: float | None) -> str | None:
        if self.greater_is_better is None or first is None or value is None or str(first) == str(value):
            return None
        if math.isnan(first) or math.isnan(value):
            return "better" if math.isnan(first) else "worse"
        if first == value:
            return None
        return "better" if (value > first) == self.greater_is_better else "worse"

    @property
    def best(self) -> tuple[int, ...]:
        """Which have the best value, counted from 0; none when that is not known, or all have it."""
        if self.greater_is_better is None:
            return ()
        numbers = [value for value in self.values if value is not None and not math.isnan(value)]
        if len(numbers) < 2 or len(set(numbers)) < 2:
            return ()
        best = max(numbers) if self.greater_is_better else min(numbers)
        return tuple(index for index, value in enumerate(self.values) if value == best)


Compared = ComparedText | ComparedMetric


class Sections:
    """What a comparison compares, section by section."""

    quiet: ClassVar[frozenset[str]] = frozenset()
    """Sections that are told only with everything."""

    @property
    def sections(self) -> Mapping[str, Sequence[Compared]]:
        """Everything that is compared, by what it is."""
        raise NotImplementedError

    def told(self, *, everything: bool = False) -> dict[str, list[Compared]]:
        """The sections without what says nothing: what is the same, and how busy machines were.

        Args:
            everything: With all of it.
        """
        return {
            name: [row for row in rows if everything or (row.differs and name not in self.quiet)]
            for name, rows in self.sections.items()
        }


@dataclass(frozen=True)
class Comparison(Sections):
    """Several runs beside each other, with all that they hold, the same or not."""

    runs: tuple[Run, ...]
    params: tuple[ComparedText, ...]
    metrics: tuple[ComparedMetric, ...]
    tags: tuple[ComparedText, ...]
    data: tuple[ComparedText, ...]
    """Data sets by name and what they were used for; the values are digest and size."""
    code: tuple[ComparedText, ...]
    environment: tuple[ComparedText, ...]
    """Python, platform and packages, as far as they are known."""
    machine: tuple[ComparedMetric, ...] = ()
    """System metrics: they differ in any two runs, so they are told only with everything."""

    quiet = frozenset({"machine"})

    @property
    def sections(self) -> dict[str, tuple[Compared, ...]]:
        """Everything that is compared, by what it is."""
        return {
            "params": self.params,
            "metrics": self.metrics,
            "tags": self.tags,
            "data": self.data,
            "code": self.code,
            "environment": self.environment,
            "machine": self.machine,
        }

    def to_dictionary(self, *, everything: bool = False) -> dict[str, Any]:
        """The comparison as plain dicts and lists.

        Args:
            everything: Also what is the same in all runs.
        """
        whole: dict[str, Any] = {
            "runs": [
                {
                    "run_id": run.info.run_id,
                    "run_name": run.info.run_name,
                    "experiment_id": run.info.experiment_id,
                    "status": run.info.status,
                    "start_time": run.info.start_time,
                    "end_time": run.info.end_time,
                }
                for run in self.runs
            ]
        }
        for name, rows in self.told(everything=everything).items():
            whole[name] = {row.key: as_plain(row) for row in rows}
        return whole


def compare(
    runs: Sequence[Run],
    *,
    environments: Sequence[Mapping[str, Any] | None] = (),
    directions: Mapping[str, bool] | None = None,
) -> Comparison:
    """Put runs beside each other.

    Args:
        runs: At least one; the first is what the others are compared with.
        environments: `python`, `platform` and `packages` of each run, as the store keeps them; None for a
            run of which they are not known, empty for none at all.
        directions: Whether more is better, for metrics whose names do not say.
    """
    metrics = list(_metrics(runs, directions))
    return Comparison(
        runs=tuple(runs),
        params=compared_texts([run.data.params for run in runs]),
        metrics=tuple(row for row in metrics if not is_system_metric(row.key)),
        tags=compared_texts([_own_tags(run) for run in runs]),
        data=compared_texts([_data_sets(run) for run in runs]),
        code=compared_texts([_code(run) for run in runs]),
        environment=compared_texts([_environment(each) for each in environments]),
        machine=tuple(row for row in metrics if is_system_metric(row.key)),
    )


def compared_texts(held: Sequence[Mapping[str, str]]) -> tuple[ComparedText, ...]:
    """Texts by key, one mapping for each of what is compared."""
    return tuple(ComparedText(key, tuple(mapping.get(key) for mapping in held)) for key in keys_of(held))


def keys_of(held: Iterable[Mapping[str, Any]]) -> list[str]:
    """The keys of several mappings, each once, in the order in which they come."""
    return list(dict.fromkeys(key for mapping in held for key in mapping))


def _metrics(runs: Sequence[Run], directions: Mapping[str, bool] | None) -> Iterable[ComparedMetric]:
    for key in keys_of(run.data.summaries for run in runs):
        summaries = [run.data.summaries.get(key) for run in runs]
        greater = is_greater_better(key, directions)
        last = ComparedMetric(key, tuple(None if each is None else each.last for each in summaries), greater)
        yield last
        if greater is None:
            continue
        # The best point of a curve is what people choose by; often it is not the last one.
        name = "max" if greater else "min"
        extremes = tuple(None if each is None else float(getattr(each, name)) for each in summaries)
        best = ComparedMetric(f"{key}.{name}", extremes, greater)
        if str(best.values) != str(last.values):
            yield best


def _own_tags(run: Run) -> dict[str, str]:
    return {key: value for key, value in run.data.tags.items() if not system_tags.is_system_tag(key)}


def _data_sets(run: Run) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in run.inputs.dataset_inputs:
        name = each.dataset.name + (f" ({each.context})" if each.context else "")
        rows = "" if each.dataset.rows is None else f", {each.dataset.rows:,} rows"
        what = f"{each.dataset.digest}{rows}"
        found[name] = f"{found[name]}; {what}" if name in found else what
    return found


def _code(run: Run) -> dict[str, str]:
    return {name: run.data.tags[tag] for name, tag in _CODE_TAGS.items() if tag in run.data.tags}


def _environment(environment: Mapping[str, Any] | None) -> dict[str, str]:
    if environment is None:
        return {}
    python: Mapping[str, Any] = environment.get("python") or {}
    platform: Mapping[str, Any] = environment.get("platform") or {}
    facts = {
        "python": " ".join(str(python[part]) for part in ("implementation", "version") if part in python),
        "platform": " ".join(
            str(platform[part]) for part in ("system", "release", "machine") if platform.get(part)
        ),
    }
    packages: Mapping[str, Any] = environment.get("packages") or {}
    return {key: text for key, text in facts.items() if text} | {
        name: str(version) for name, version in sorted(packages.items())
    }


def as_plain(row: Compared) -> Any:
    """A row of a comparison as plain lists and dicts."""
    if isinstance(row, ComparedText):
        return list(row.values)
    return {
        "values": list(row.values),
        "deltas": list(row.deltas),
        "greater_is_better": row.greater_is_better,
        "best": list(row.best),
    }
