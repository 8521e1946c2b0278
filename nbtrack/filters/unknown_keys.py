"""The keys that a filter or an order mentions, to tell people of those that nothing has.

A store that has no metric `los` answers `metrics.los < 1` with nothing: right, but no help.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from nbtrack.filters.fields import RUN, SUMMARY_TYPES, Entity, Finder
from nbtrack.filters.grammar import parse, parse_order_entry
from nbtrack.filters.mistakes import did_you_mean, listed, quote
from nbtrack.filters.tree import Name, clauses_of

_BARE = re.compile(r"[\w/:@.-]+")


class Mention(NamedTuple):
    """A key that a filter or an order mentions."""

    group: str
    """metrics, params or tags."""
    key: str
    column: int
    """Of the field's first letter, from 1."""
    summary: str = ""
    """The part of a metric's summary that is asked for, if it is not the last value."""
    subject: str = "Filter"
    """Or Order."""
    is_null: bool = False
    """Whether the filter asks for runs that lack it: a key that no run has finds all of them."""


def mentioned_keys(
    text: str | None, order_by: Sequence[str] | str | None = None, entity: Entity = RUN
) -> list[Mention]:
    """The metrics, params and tags in a filter and an order, in their order, each once.

    Raises:
        InvalidValueError: One of them is malformed.
    """
    found: list[Mention] = []
    if text and text.strip():
        finder = Finder(entity, text)
        found += [
            _mention(clause.name, finder, clause.operator == "IS NULL") for clause in clauses_of(parse(text))
        ]
    for entry in [order_by] if isinstance(order_by, str) else order_by or ():
        found.append(_mention(parse_order_entry(entry)[0], Finder(entity, entry, "Order")))
    seen: dict[tuple[str, str], Mention] = {}
    for mention in found:
        if mention.group:
            first = seen.setdefault((mention.group, mention.key), mention)
            if mention.is_null and not first.is_null:
                seen[mention.group, mention.key] = first._replace(is_null=True)
    return list(seen.values())


def unknown_key_message(
    mention: Mention, known: Collection[str], noun: str = "run", likeness: float = 0.6
) -> str | None:
    """What to tell of a key that is not among the `known` ones of its group; None if it is.

    Args:
        mention: The key.
        known: All keys of that group where the search looks.
        noun: What is searched, without an article.
        likeness: How much alike a key must be to be suggested, from 0 to 1.
    """
    group, key, summary = mention.group, mention.key, mention.summary
    if key in known:
        return None
    place = f"{mention.subject.lower()}, column {mention.column}"
    message = f"no {noun} has a {group.removesuffix('s')} {quote(key)} ({place})"
    whole = f"{key}.{summary}"
    if summary and whole in known:
        return f"{message}; the metric {quote(whole)} is written metrics.`{whole}`"
    stem, _, part = key.rpartition(".")
    if group == "metrics" and stem in known and noun == "run":
        siblings = [name for name in known if name.startswith(f"{stem}.")]
        meant = did_you_mean(key, siblings, likeness=likeness)
        return message + meant if meant else _unknown_summary(stem, part, place)
    return message + did_you_mean(key, known, likeness=likeness)


def _unknown_summary(key: str, part: str, place: str) -> str:
    """What to tell of metrics.loss.mni where there is a metric `loss`."""
    label = f"metrics.{key}" if _BARE.fullmatch(key) else f"metrics.`{key.replace('`', '``')}`"
    summaries = listed(SUMMARY_TYPES)
    hint = did_you_mean(part, SUMMARY_TYPES, label.replace("{", "{{").replace("}", "}}") + ".{}")
    return f"metric {quote(key)} has no summary {quote(part)} ({place}); there are {summaries}{hint}"


def _mention(name: Name, finder: Finder, is_null: bool = False) -> Mention:
    field = finder.find(name)
    summary = "".join(field.path[2:]) if field.group == "metrics" else ""
    summary = "" if summary == "last" else summary
    return Mention(field.group, field.key, name.column + 1, summary, finder.subject, is_null)
