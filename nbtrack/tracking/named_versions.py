"""The version of a registered model that a person means: a number, an alias, a stage, `latest`, a URI."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NbtrackError, NotFoundError
from nbtrack.core.metric_directions import known_directions
from nbtrack.core.names import check_version
from nbtrack.core.registry import ModelVersion, ModelVersionStages
from nbtrack.documents.queries import Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrack.core.registry import RegisteredModel
    from nbtrack.tracking.registry import RegistryVerbs

NUMBER = re.compile(r"[vV]?([0-9]+)", re.ASCII)
"""A version as people write it: `3`, `v3`."""
STAGE_OF = {stage.lower(): stage for stage in ModelVersionStages.ALL}
_MOST_NAMED = 8


def version_named(registry: RegistryVerbs, name: str, version: Any) -> ModelVersion:
    """Read the version that is meant.

    Args:
        registry: Where it is registered.
        name: The registered model.
        version: A number or its text, an alias (`@champion`, and `champion` where no stage is called so),
            a stage in any case, `latest`; or a `models:/` URI or a `ModelVersion`, also of another
            registered model.

    Raises:
        NotFoundError: There is no such registered model or version; the message says what there is.
        InvalidTypeError: It is none of these.
        InvalidValueError: The word means an alias and a stage, or the URI is malformed.
    """
    if isinstance(version, ModelVersion):
        return version
    if isinstance(version, int | float) and not isinstance(version, bool):
        return registry.get_model_version(name, check_version(version))
    if not isinstance(version, str):
        raise InvalidTypeError(
            "A version is a number, an alias such as '@champion', a stage, 'latest' or a models:/ URI; got "
            f"{type(version).__name__} {version!r:.80}."
        )
    text = version.strip()
    if text.startswith("models:/"):
        return _version_at(registry, text)
    if text.startswith("@"):
        return registry.get_model_version_by_alias(name, text[1:])
    if number := NUMBER.fullmatch(text):
        return registry.get_model_version(name, number[1])
    if text.lower() == "latest":
        return registry.get_model_version_by_alias(name, "latest")
    model = registry.get_registered_model(name)
    stage = STAGE_OF.get(text.lower())
    if text in model.aliases and text != stage:
        held = registry.get_model_version(name, model.aliases[text])
        if stage is None or held.current_stage == stage:
            return held
        raise InvalidValueError(
            f"{text!r} is an alias of {name!r} and a stage: write @{text} for the alias, and {stage} for "
            "the stage."
        )
    if stage is not None:
        from nbtrack.tracking.model_uris import ModelUri, find_version  # lazy: most that is named is a number

        return find_version(registry, ModelUri(text, name=name, stage=stage))
    known = [*model.aliases, *ModelVersionStages.ALL]
    holder = f"Registered model {name!r}"
    raise NotFoundError("version", text, known, what_there_is(registry, model), holder)


def what_there_is(registry: RegistryVerbs, model: RegisteredModel) -> str:
    """The versions and aliases of a registered model, for errors."""
    of_it: Any = Query().name == model.name
    newest = registry.search_model_versions(_MOST_NAMED + 1, of_it, ["version_number DESC"])
    if not newest:
        return "It has none yet."
    numbers = _listed([str(each.version) for each in newest])
    aliases = _listed([f"@{alias}" for alias in sorted(model.aliases)])
    return f"It has {numbers}{f'; {aliases}' if aliases else ''}."


def directions_of(tracker: Any, versions: Sequence[ModelVersion]) -> dict[str, bool]:
    """Whether more of a metric is better, as the experiments of the versions' runs say."""
    found: dict[str, bool] = {}
    for version in versions:
        with suppress(NbtrackError):  # the run may be of another store, or deleted for good
            run = tracker.get_run(version.run_id) if version.run_id else None
            experiment = tracker.get_experiment(run.info.experiment_id) if run is not None else None
            found = (known_directions(experiment.tags) if experiment is not None else {}) | found
    return found


def _version_at(registry: RegistryVerbs, uri: str) -> ModelVersion:
    from nbtrack.tracking.model_uris import find_version, read_model_uri

    parsed = read_model_uri(registry, uri)
    if parsed.name is None or parsed.path is not None:
        raise InvalidValueError(
            f"{uri!r:.200} is no version in the registry. Write models:/<name>/<version> or "
            "models:/<name>@<alias>."
        )
    return find_version(registry, parsed)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (" and more" if len(names) > _MOST_NAMED else "")
