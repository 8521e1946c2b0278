"""Reading only some of a document: the values at paths, in Python and in SQL, with one answer."""
# ruff: noqa: S608 - paths are quoted where they are made.

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


class Projection:
    """Several paths, read by one statement from a document that is not odd.

    Args:
        paths: The paths.
    """

    def __init__(self, paths: Sequence[tuple[Any, ...]]) -> None:
        plain = [at for at, path in enumerate(paths) if EACH not in path]
        each = [at for at, path in enumerate(paths) if EACH in path]
        literals = [path_sql(paths[at]) for at in plain]
        objects = [_each_sql(paths[at]) for at in each]
        # The values of plain paths come first, and one look at the document finds them all.
        self._order = [*plain, *each]
        self._plain = len(plain)
        self.sql: str | None = None
        """JSON text: a list of the values of the plain paths, then the others; None if SQL cannot say it."""
        if None not in literals and None not in objects:
            # Of a single path, json_extract gives the bare value.
            found = [str(literal) for literal in literals] * (2 if len(plain) == 1 else 1)
            first = f"json_extract(doc, {', '.join(found)})" if found else "'[]'"
            self.sql = " || ".join(["'['", first, *(f"',' || {sql}" for sql in objects), "']'"])

    def rows(self, decoded: Iterable[list[Any]]) -> Iterator[list[Any]]:
        """The values in the order of the paths, from the decoded text."""
        places = sorted(range(len(self._order)), key=self._order.__getitem__)
        is_ordered = places == list(range(len(places)))
        if is_ordered and 1 < self._plain == len(places) - 1:
            for values, last in decoded:
                values.append(last)
                yield values
            return
        for plain, *each in decoded:
            values = [*plain[: self._plain], *each]
            yield values if is_ordered else [values[place] for place in places]


def _each_sql(path: tuple[Any, ...]) -> str | None:
    """The JSON text of what `project` finds at a path with `EACH`; None if SQL cannot say it."""
    at = path.index(EACH)
    outer, inner = path_sql(path[:at]), path_sql(path[at + 1 :])
    if outer is None or inner is None:
        return None
    # A text that is no object is not JSON to `->`.
    value = f"CASE type WHEN 'object' THEN value -> {inner} END"
    return (
        f"CASE json_type(doc, {outer}) WHEN 'object' THEN "
        f"(SELECT json_group_object(key, {value}) FROM jsonb_each(doc, {outer})) ELSE 'null' END"
    )
