"""What a version is to keep of its model and its run, found out at the moment it is registered.

Whatever is not in reach is not known: a version can be registered of anything.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from nbtrack.core.entities import Metric, Run
from nbtrack.core.errors import NbtrackError
from nbtrack.core.registry import ModelVersion, VersionFacts
from nbtrack.core.system_metric_names import is_system_metric
from nbtrack.models.mlmodel import MLMODEL_FILE
from nbtrack.models.requirements import REQUIREMENTS_FILE, requirement_lines
from nbtrack.models.safety.safe_yaml import MOST_BYTES, parse_yaml
from nbtrack.stores.contracts import Artifacts, Store
from nbtrack.tracking.model_uris import ResolvedModel, files_of

if TYPE_CHECKING:
    from nbtrack.core.logged_models import LoggedModel

_MOST_METRICS = 1000
_MOST_REQUIREMENTS = 1000
_LONGEST_SIGNATURE = 1_000_000
"""Characters; that of 5,000 columns has some 350,000. A longer one stays in the files alone."""
_NAMES = tuple(VersionFacts.__dataclass_fields__)
_SIGNATURE = ("inputs", "outputs", "params")


def of_version(origin: ModelVersion | None) -> VersionFacts | None:
    """What another version keeps, of which this one is made; None when it keeps nothing."""
    facts = None if origin is None else VersionFacts(**{name: getattr(origin, name) for name in _NAMES})
    return None if facts == VersionFacts() else facts


def of_model(
    found: ResolvedModel | None,
    store: Store | None,
    run_id: str | None,
    model_id: str | None,
    *,
    held: Mapping[str, Any] | None = None,
) -> VersionFacts:
    """What is known of a model now.

    Args:
        found: Where its files are; None where nobody knows.
        store: The store of its run and of the logged model.
        run_id: The run that made it, which need not be of that store.
        model_id: The logged model, likewise.
        held: What its MLmodel file holds, where that is known; None reads it.
    """
    facts = VersionFacts() if found is None else _of_files(found, held)
    return facts if store is None else replace(facts, **_of_run(store, run_id, model_id))


def _of_files(found: ResolvedModel, held: Mapping[str, Any] | None) -> VersionFacts:
    with suppress(NbtrackError, OSError):
        artifacts, path = files_of(found)
        if held is None:
            held = _mlmodel(artifacts, path)
        return VersionFacts(
            signature=_signature(held.get("signature")),
            model_size_bytes=_size(held.get("model_size_bytes")),
            flavors=_flavors(held.get("flavors")),
            requirements=_requirements(artifacts, path),
        )
    return VersionFacts()


def _of_run(store: Store, run_id: str | None, model_id: str | None) -> dict[str, Any]:
    """Params and metrics of a logged model, completed by those of its run, and the run's name."""
    run: Run | None = None
    model: LoggedModel | None = None
    with suppress(NbtrackError):
        run = None if run_id is None else store.runs.get(run_id)
    with suppress(NbtrackError):
        model = None if model_id is None else store.logged_models.get(model_id)
    if run is None and model is None:
        return {}
    params = dict(model.params) if model is not None else {}
    metrics = list(model.metrics or ()) if model is not None else list[Metric]()
    if run is not None:
        params |= {key: value for key, value in run.data.params.items() if key not in params}
        measured = {metric.key for metric in metrics}
        metrics += [
            Metric(key, each.last, each.last_timestamp, each.last_step, run_id=run.info.run_id)
            for key, each in run.data.summaries.items()
            if key not in measured
        ]
    # How busy the machine was says nothing of the model.
    metrics = [metric for metric in metrics if not is_system_metric(metric.key)]
    return {
        "params": params,
        "metrics": metrics[:_MOST_METRICS],
        "run_name": None if run is None else run.info.run_name,
    }


def _mlmodel(artifacts: Artifacts, path: str | None) -> Mapping[str, Any]:
    name = "/".join(part for part in (path, MLMODEL_FILE) if part)
    with artifacts.open(name) as file:
        held = parse_yaml(file.read(MOST_BYTES + 1), name)
    return cast("Mapping[str, Any]", held) if isinstance(held, Mapping) else {}


def _requirements(artifacts: Artifacts, path: str | None) -> list[str] | None:
    with suppress(NbtrackError, OSError):
        name = "/".join(part for part in (path, REQUIREMENTS_FILE) if part)
        with artifacts.open(name) as file:
            return requirement_lines(file)[:_MOST_REQUIREMENTS]
    return None


def _signature(held: Any) -> dict[str, str | None] | None:
    if not isinstance(held, Mapping):
        return None
    parts = cast("Mapping[str, Any]", held)
    kept = {part: text if isinstance(text := parts.get(part), str) else None for part in _SIGNATURE}
    length = sum(len(text or "") for text in kept.values())
    return kept if 0 < length <= _LONGEST_SIGNATURE else None


def _size(held: Any) -> int | None:
    return held if isinstance(held, int) and not isinstance(held, bool) and held >= 0 else None


def _flavors(held: Any) -> list[str] | None:
    return sorted(map(str, cast("Mapping[Any, Any]", held))) if isinstance(held, Mapping) else None
