"""The registered models and versions that a person means by what they type.

A version is a number, an alias behind an `@`, a stage or `latest`; a bare word may be an alias, too. Name
and version may stand in one word, as in URIs: `iris/3`, `iris@champion`, `models:/iris/Production`.
"""

from typing import NamedTuple

import click

from nbtrack.core.errors import InvalidValueError
from nbtrack.core.registry import ModelVersion, ModelVersionStages, RegisteredModel
from nbtrack.documents.queries import Query
from nbtrack.tracking.named_versions import NUMBER, STAGE_OF, version_named, what_there_is
from nbtrack.tracking.tracker import Tracker


class Meant(NamedTuple):
    """What words mean."""

    name: str
    version: str | None
    """As it was typed; None where it was not."""


def meant(tracker: Tracker, name: str, version: str | None = None) -> Meant:
    """The name and the version, if they stand in one word: `iris/3`, `iris@champion`, a URI.

    Raises:
        InvalidValueError: The version is said twice.
    """
    text = name.removeprefix("models:").lstrip("/") if name.startswith("models:/") else name
    model, slash, rest = text.partition("/")
    if not slash and "@" in text and not _is_known(tracker, text):
        model, _, alias = text.rpartition("@")
        rest = f"@{alias}"
    if rest and version is not None:
        raise InvalidValueError(f"Two versions are named, in {name!r} and by {version!r}. Give one.")
    return Meant(model, rest.strip("/") or version)


def find_model(tracker: Tracker, name: str) -> RegisteredModel:
    """The registered model of a name.

    Raises:
        NotFoundError: There is none.
        InvalidValueError: A version is named.
    """
    return tracker.get_registered_model(meant_model(tracker, name))


def meant_model(tracker: Tracker, name: str) -> str:
    """The name of the registered model that is meant; it may have been deleted.

    Raises:
        InvalidValueError: A version is named.
    """
    model, version = meant(tracker, name)
    if version is not None:
        raise InvalidValueError(f"{name!r} names a version. Give the registered model, {model!r}.")
    return model


def find_version(tracker: Tracker, name: str, version: str | None = None) -> ModelVersion:
    """The version that is meant.

    Raises:
        NotFoundError: There is no such registered model or version; the message says what there is.
        InvalidValueError: No version is named, or the word means an alias and a stage.
    """
    name, text = meant(tracker, name, version)
    if text is None:
        model = tracker.get_registered_model(name)
        raise InvalidValueError(f"Say which version of {name!r}. {what_there_is(tracker, model)}")
    return version_named(tracker, name, text)


def find_version_before(
    tracker: Tracker, name: str, version: str, last: str | None, metavar: str
) -> tuple[ModelVersion, str]:
    """The version that is meant before another word, and that word; name and version may be one word.

    Raises:
        UsageError: The last word is missing.
        NotFoundError: As of `find_version`.
    """
    if last is not None:
        return find_version(tracker, name, version), last
    if meant(tracker, name).version is None:
        raise click.UsageError(f"Missing argument '{metavar}': give NAME, VERSION and {metavar}.")
    return find_version(tracker, name), version


def reads_as_version(text: str) -> bool:
    """Whether a word can only be meant as a version; a bare alias could be any word."""
    return text.startswith("@") or NUMBER.fullmatch(text) is not None or text.lower() in ("latest", *STAGE_OF)


def called_version(version: ModelVersion) -> str:
    """How a sentence names a version: `version 3 of 'iris'`."""
    return f"version {version.version} of {version.name!r}"


def in_use(version: ModelVersion) -> str:
    """What a version is in use as: `Production, @champion`; empty for nothing."""
    stage = [] if version.current_stage == ModelVersionStages.NONE else [version.current_stage]
    return ", ".join([*stage, *(f"@{alias}" for alias in version.aliases)])


def _is_known(tracker: Tracker, name: str) -> bool:
    return bool(tracker.search_registered_models(1, Query().name == name))


def versions_of(name: str, filter_string: str = "") -> str:
    """The filter of the versions of one registered model, and of those only what matches another one."""
    quoted = name.replace("'", "''")
    return f"name = '{quoted}'" + (f" and ({filter_string})" if filter_string.strip() else "")
