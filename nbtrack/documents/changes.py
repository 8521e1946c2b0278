"""A change of nested fields: applied to a document in memory, or written as one SQL expression."""

from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, NamedTuple, cast

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.codec import encode
from nbtrack.documents.push_down import path_sql
from nbtrack.documents.queries import Path

_MOST_SET = 8
"""Fields set one by one; more are merged as one JSON text, so that the statement need not be parsed anew."""


class Assignment(NamedTuple):
    """What stands after SET in an UPDATE of a document table."""

    sql: str
    bindings: tuple[Any, ...]


def apply_changes(document: MutableMapping[str, Any], changes: Mapping[Path, Any]) -> None:
    """Set nested fields of a document in memory; objects on the way are made where missing.

    Raises:
        InvalidValueError: Something on the way is there, but is no object.
    """
    for path, value in changes.items():
        holder: Any = document
        for depth, key in enumerate(path[:-1]):
            holder = cast("MutableMapping[str, Any]", holder).setdefault(key, {})
            if not isinstance(holder, dict):
                raise InvalidValueError(
                    f"{'.'.join(path)!r} cannot be set: {'.'.join(path[: depth + 1])!r} holds {holder!r}, "
                    "which has no fields. Nothing was changed."
                )
        holder[path[-1]] = value


def check_paths(changes: Mapping[Path, Any]) -> None:
    """Refuse paths that name no field."""
    for path in changes:
        keys: Any = path
        if not keys or isinstance(keys, str) or not all(isinstance(key, str) for key in keys):
            raise InvalidValueError(f'A path is a tuple of keys such as ("params", "lr"), not {path!r}.')


def assign(changes: Mapping[Path, Any]) -> Assignment | None:
    """The changes as SQL; None where that would not do exactly what `apply_changes` does.

    The SQL fails with "malformed JSON" where `apply_changes` raises InvalidValueError.
    """
    values = [encode(value, path) for path, value in changes.items()]
    is_odd = any(odd for _, odd in values)
    paths = tuple(changes)
    if len(paths) > _MOST_SET and not is_odd and all(map(_is_simple, changes.values())):
        sql, bindings = _merge_sql(paths), (encode(_nest(changes))[0],)
    else:
        sql, bindings = _set_sql(paths), tuple(text for text, _ in values)
    if sql is None:
        return None
    return Assignment(f"{sql}, odd = 1" if is_odd else sql, bindings)


@lru_cache(maxsize=512)
def _set_sql(paths: tuple[Path, ...]) -> str | None:
    if not _is_exact(paths):
        return None
    arguments = "".join(f", {path_sql(path)}, jsonb(?)" for path in paths)
    return _guard(paths, f"jsonb_set(doc{arguments})")


@lru_cache(maxsize=512)
def _merge_sql(paths: tuple[Path, ...]) -> str | None:
    # A merge patch (RFC 7396) sets text, numbers and booleans as they are; null and objects it does not.
    return _guard(paths, "jsonb_patch(doc, ?)") if _is_exact(paths) else None


def _is_simple(value: Any) -> bool:
    """Whether a merge patch sets the value as it is: text, a boolean, or a number that is not NaN."""
    return isinstance(value, (str, int, float)) and value == value


def _is_exact(paths: tuple[Path, ...]) -> bool:
    """Whether SQLite can write all paths, and none lies inside another."""
    known = set(paths)
    return all(path_sql(path) is not None for path in paths) and not any(
        path[:length] in known for path in paths for length in range(1, len(path))
    )


def _guard(paths: tuple[Path, ...], expression: str) -> str:
    """Let the statement fail where SQLite would change nothing, or replace what is no object."""
    holders = {path[:length] for path in paths for length in range(1, len(path))}
    if not holders:
        return f"doc = {expression}"
    tests = ["odd = 0"]
    for holder in sorted(holders, key=len):
        path = str(path_sql(holder))
        tests.append(f"ifnull(json_type(doc, {path}), 'object') = 'object'")
        # NaN is stored as an object; so are other values, but only in odd documents.
        tests.append(f"""json_type(doc, {path[:-1]}."$float"') IS NULL""")
    return f"doc = CASE WHEN {' AND '.join(tests)} THEN {expression} ELSE jsonb('!') END"


def _nest(changes: Mapping[Path, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    apply_changes(nested, changes)
    return nested
