"""A word on keys that a search names and nothing has: a slip of the pen finds nothing, without an error."""

from collections.abc import Sequence
from typing import Any

from nbtrack.core.registry import ModelVersion
from nbtrack.core.run_columns import RunColumns
from nbtrack.core.warn import warn_user
from nbtrack.filters.fields import MODEL_VERSION
from nbtrack.filters.unknown_keys import Mention, mentioned_keys, unknown_key_message
from nbtrack.stores.contracts import Registry, Runs

# `taem` is `team`, but `width` is not `depth`.
_LIKENESS = 0.72


def hint(
    runs: Runs, scope: Sequence[str] | None, filter_string: Any, order_by: Sequence[str] | None, found: Any
) -> None:
    """Warn of a key that no run has, where one much like it is known.

    A key that is like no other is left alone: code asks for tags that no run has yet. So is one that
    the filter names where something was found, but behind IS NULL, where a slip finds every run.

    Args:
        runs: Where the search looked.
        scope: The experiments it looked in; None is all.
        filter_string: What it asked for; only text is looked at.
        order_by: The order it asked for.
        found: The runs, or the columns of the runs, that it found.
    """
    count = len(found.info["run_id"]) if isinstance(found, RunColumns) else len(found)
    if isinstance(filter_string, str) and (not count or "null" in filter_string.lower()):
        for mention in mentioned_keys(filter_string):
            if not count or mention.is_null:
                _hint(runs, scope, mention)
    if not count:
        return
    # Values come before what is missing: if the first run lacks the first key, all of them do.
    for mention in mentioned_keys(None, order_by)[:1]:
        if not _first_has(found, mention):
            _hint(runs, scope, mention)


def hint_versions(
    registry: Registry, filter_string: Any, order_by: Sequence[str] | None, found: Sequence[ModelVersion]
) -> None:
    """As `hint`, of keys that no model version has.

    Args:
        registry: Where the search looked.
        filter_string: What it asked for; only text is looked at.
        order_by: The order it asked for.
        found: The versions that it found.
    """
    mentions: list[Mention] = []
    if isinstance(filter_string, str) and not found:
        mentions = mentioned_keys(filter_string, entity=MODEL_VERSION)
    elif found:
        first = mentioned_keys(None, order_by, MODEL_VERSION)[:1]
        mentions = [each for each in first if not _version_has(found[0], each)]
    for mention in mentions:
        _tell(mention, registry.version_keys(mention.group, mention.key), "model version")


def _version_has(version: ModelVersion, mention: Mention) -> bool:
    held: Any = getattr(version, mention.group) or ()
    return mention.key in ([each.key for each in held] if mention.group == "metrics" else held)


def _first_has(found: Any, mention: Mention) -> bool:
    if isinstance(found, RunColumns):
        column: Sequence[Any] | None = getattr(found, mention.group).get(mention.key)
        return column is not None and column[0] is not None
    return mention.key in getattr(found[0].data, mention.group)


def _hint(runs: Runs, scope: Sequence[str] | None, mention: Mention) -> None:
    if runs.has_key(mention.group, mention.key, scope):
        return
    _tell(mention, runs.recent_keys(mention.group, scope), "run")


def _tell(mention: Mention, known: Sequence[str], noun: str) -> None:
    message = unknown_key_message(mention, known, noun, likeness=_LIKENESS)
    if message is not None and message != unknown_key_message(mention, (), noun):
        warn_user(f"{message[0].upper()}{message[1:]}", UserWarning)
