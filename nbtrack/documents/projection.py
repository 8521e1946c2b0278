"""Reading only some of a document: the values at paths, in Python and in SQL, with one answer."""
# ruff: noqa: S608 - paths are quoted where they are made.

from collections.abc import Mapping
from typing import Any, Final, cast

from nbtrack.documents.push_down import path_sql
from nbtrack.documents.queries import find_value

EACH: Final = object()
"""Stands in a path for every key of an object: `("metrics", EACH, "last")`."""


def project(document: Any, path: tuple[Any, ...]) -> Any:
    """What is found at `path`; None where there is nothing.

    With `EACH` in the path: a dict of what is found in each value of the object there, by its key.
    """
    if EACH not in path:
        return find_value(document, path)
    at = path.index(EACH)
    held = find_value(document, path[:at])
    if not isinstance(held, Mapping):
        return None
    return {key: find_value(value, path[at + 1 :]) for key, value in cast("Mapping[str, Any]", held).items()}


def projection_sql(path: tuple[Any, ...]) -> str | None:
    """The JSON of what `project` finds in a document that is not odd; None if SQL cannot say it."""
    if EACH not in path:
        literal = path_sql(path)
        return literal and f"doc -> {literal}"
    at = path.index(EACH)
    outer, inner = path_sql(path[:at]), path_sql(path[at + 1 :])
    if outer is None or inner is None:
        return None
    # A text that is no object is not JSON to `->`. As a blob, the whole is not taken for text.
    value = f"CASE type WHEN 'object' THEN value -> {inner} END"
    return (
        f"CASE json_type(doc, {outer}) WHEN 'object' THEN "
        f"(SELECT jsonb_group_object(key, {value}) FROM jsonb_each(doc, {outer})) END"
    )
