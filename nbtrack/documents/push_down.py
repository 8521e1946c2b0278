"""Conditions as SQL whose answer is the one Python gives on the decoded documents.

A row holds `doc`, a JSONB value. What makes Python and SQL differ is handled here, value by value:

- `jsonb_extract` gives text, numbers (booleans as 1 and 0, like Python's), and blobs for lists and
  objects, so that the list `["a"]` never equals the text `'["a"]'`. NaN is stored as an object
  (see `nbtrack.documents.codec`), hence a blob: equal to no number and different from every one.
- SQL sorts numbers before text before blobs, where Python's comparison of two types does not match:
  every `< <= > >=` is held within its own type.
- SQL's NULL is a missing value or JSON's null; `json_type` tells them apart.
- A condition may be NULL instead of false. `NOT` is therefore written `IS NOT TRUE`.

Paths and constants that cannot be written down exactly are not pushed. Documents that SQL cannot
compare exactly are marked `odd` when they are written; SQL answers for all others, and the caller
evaluates the odd ones in Python.
"""

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from nbtrack.documents.codec import MAX_INTEGER, encode
from nbtrack.documents.queries import Always, Both, Comparison, Condition, Either, Negation, Path

# Quoted path steps have no escapes; keys that begin with "$" are stored in another form.
_UNSAFE_KEY = re.compile(r'^\$|["\\\x00-\x1f\ud800-\udfff]')
_MOST_PLACEHOLDERS = 16
_EXACT_FLOATS = 2.0**53
_LARGEST_TREE = 200  # SQLite allows expressions 1,000 deep


class Compiled(NamedTuple):
    """A condition in SQL."""

    sql: str
    bindings: tuple[Any, ...]
    is_exact: bool
    """False if the SQL is also true for documents that do not match: evaluate those in Python."""


Literals = Mapping[tuple[Any, ...], str]
"""SQL of comparisons to be written without bindings, by `literal_key`; see `compile_literally`."""


def compile_condition(condition: Any, literals: Literals | None = None) -> Compiled | None:
    """Turn a condition into SQL on the columns of a document table.

    Args:
        condition: Any TinyDB query. Parts that are not `Condition`s of ours are not pushed.
        literals: Comparisons to write out, so that SQLite recognises a partial index.

    Returns:
        None if SQL cannot narrow the documents down.
    """
    return _compile(condition, literals or {}, _LARGEST_TREE)


def compile_literally(condition: Any) -> tuple[str, dict[tuple[Any, ...], str]] | None:
    """The SQL of a condition with its constants written out, and the same for each comparison in it.

    None if the condition cannot be pushed as a whole.
    """
    comparisons: dict[tuple[Any, ...], str] = {}
    _collect(condition, comparisons)
    compiled = compile_condition(condition, comparisons)
    if compiled is None or not compiled.is_exact or compiled.bindings:
        return None
    return compiled.sql, comparisons


def literal_key(comparison: Comparison) -> tuple[Any, ...]:
    """What tells a comparison from every other one; 1 and True are different constants here."""
    return (comparison.operator, comparison.path, type(comparison.value), comparison.value)


@lru_cache(maxsize=4096)
def path_sql(path: Path) -> str | None:
    """The SQL text of a JSON path, quotes included; None if SQLite has no such path."""
    if not path or any(_UNSAFE_KEY.search(key) for key in path):
        return None
    steps = "".join(f'."{key}"' for key in path).replace("'", "''")
    return f"'${steps}'"


def value_sql(path: Path) -> str | None:
    """The SQL of the value at `path`; indexes are made on this very text."""
    literal = path_sql(path)
    return literal and f"jsonb_extract(doc, {literal})"


def _compile(condition: Any, literals: Literals, room: int) -> Compiled | None:
    if room < 0:
        return None
    if isinstance(condition, Comparison):
        return _compile_comparison(condition, literals)
    if isinstance(condition, Both):
        left = _compile(condition.left, literals, room - 1)
        right = _compile(condition.right, literals, room - 1)
        if left is None or right is None:
            one = left or right
            return one and one._replace(is_exact=False)
        return _join(left, "AND", right)
    if isinstance(condition, Either):
        left = _compile(condition.left, literals, room - 1)
        right = left and _compile(condition.right, literals, room - 1)
        return left and right and _join(left, "OR", right)
    if isinstance(condition, Negation):
        inner = _compile(condition.inner, literals, room - 1)
        # The negation of "these and more" is not "everything but these".
        if inner is None or not inner.is_exact:
            return None
        return Compiled(f"({inner.sql}) IS NOT TRUE", inner.bindings, True)
    if isinstance(condition, Always):
        return Compiled("1", (), True)
    return None


def _join(left: Compiled, word: str, right: Compiled) -> Compiled:
    return Compiled(
        f"({left.sql} {word} {right.sql})",
        left.bindings + right.bindings,
        left.is_exact and right.is_exact,
    )


def _compile_comparison(comparison: Comparison, literals: Literals) -> Compiled | None:
    operator, path, value = comparison.operator, comparison.path, comparison.value
    if literals and (sql := literals.get(_hashable_key(comparison))):
        return Compiled(sql, (), True)
    if operator == "one_of":
        return _compile_one_of(path, value)
    kind = _kind(value)
    if kind is None:
        return None
    sql = _comparison_sql(operator, path, kind)
    if sql is None:
        return None
    return Compiled(sql, _bindings(operator, kind, value), True)


def _hashable_key(comparison: Comparison) -> tuple[Any, ...] | None:
    key = literal_key(comparison)
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _kind(value: Any) -> str | None:
    """How a constant compares: number, step (a number with a next one), text, null or nan.

    None if SQL cannot hold it exactly.
    """
    if value is None:
        return "null"
    if isinstance(value, float):
        if -_EXACT_FLOATS < value < _EXACT_FLOATS:
            return "step"
        return "number" if value == value else "nan"  # noqa: PLR0124
    if isinstance(value, int):
        if type(value).__eq__ is not int.__eq__ or not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
            return None
        return "step" if -_EXACT_FLOATS < value < _EXACT_FLOATS else "number"
    if isinstance(value, str) and type(value).__eq__ is str.__eq__ and "\0" not in value:
        try:
            value.encode()
        except UnicodeEncodeError:
            return None
        return "text"
    return None


@lru_cache(maxsize=4096)
def _comparison_sql(operator: str, path: Path, kind: str) -> str | None:
    literal = path_sql(path)
    if literal is None:
        return None
    value = f"jsonb_extract(doc, {literal})"
    type_ = f"json_type(doc, {literal})"
    if operator == "exists" or (operator == "!=" and kind == "nan"):
        return f"{type_} IS NOT NULL"
    if kind == "null":
        return {"==": f"{type_} = 'null'", "!=": f"{type_} <> 'null'"}.get(operator, "0")
    if kind == "nan":
        return "0"
    if operator == "==":
        return f"{value} = ?"
    if operator == "!=":
        # SQL answers NULL for a missing value and for null, which is not equal to any constant.
        return f"ifnull({value} <> ?, {type_} = 'null')"
    if kind == "text":
        return {
            "<": f"({value} < ? AND {value} >= '')",
            "<=": f"{value} BETWEEN '' AND ?",
            ">": f"({value} > ? AND {value} < x'')",
            ">=": f"({value} >= ? AND {value} < x'')",
        }[operator]
    # Numbers come first in SQL's order; 9e999 is infinite, and BETWEEN looks the value up only once.
    return {
        "<": f"{value} < ?",
        "<=": f"{value} <= ?",
        ">": f"{value} BETWEEN ? AND 9e999" if kind == "step" else f"({value} > ? AND {value} < '')",
        ">=": f"{value} BETWEEN ? AND 9e999",
    }[operator]


def _bindings(operator: str, kind: str, value: Any) -> tuple[Any, ...]:
    if operator == "exists" or kind in ("null", "nan"):
        return ()
    if kind == "text":
        return (str.__str__(value),)
    if kind == "step" and operator == ">":
        # Below 2**53 no integer lies between a float and the next one, so "> a" is ">= next(a)".
        return (math.nextafter(float(value), math.inf),)
    return (float(value),) if isinstance(value, float) else (int(value),)


def _compile_one_of(path: Path, items: Any) -> Compiled | None:
    literal = path_sql(path)
    if literal is None or not isinstance(items, tuple):
        return None
    values: list[Any] = []
    accepts_null = False
    for item in items:  # pyright: ignore[reportUnknownVariableType]
        kind = _kind(item)
        if kind is None:
            return None
        if kind == "null":
            accepts_null = True
        elif kind != "nan":  # NaN is in no list: it equals nothing
            values.extend(_bindings("==", kind, item))
    tests: list[str] = []
    bindings: tuple[Any, ...] = ()
    if values:
        if len(values) > _MOST_PLACEHOLDERS:  # one text for all lengths, and no limit on their number
            inside, bindings = "SELECT value FROM json_each(?)", (encode(values)[0],)
        else:
            inside, bindings = ", ".join("?" * len(values)), tuple(values)
        tests.append(f"jsonb_extract(doc, {literal}) IN ({inside})")
    if accepts_null:
        tests.append(f"json_type(doc, {literal}) = 'null'")
    return Compiled(f"({' OR '.join(tests)})" if tests else "0", bindings, True)


def _collect(condition: Any, found: dict[tuple[Any, ...], str]) -> None:
    if isinstance(condition, Both | Either):
        _collect(condition.left, found)
        _collect(condition.right, found)
    elif isinstance(condition, Negation):
        _collect(condition.inner, found)
    elif isinstance(condition, Comparison) and condition.operator in ("==", "!="):
        compiled = _compile_comparison(condition, {})
        if compiled is not None and compiled.sql.count("?") == len(compiled.bindings):
            sql = compiled.sql
            for value in compiled.bindings:
                if isinstance(value, float):
                    return
                sql = sql.replace("?", sql_literal(value))
            found[literal_key(condition)] = sql


def sql_literal(value: str | int) -> str:
    """A constant written out in SQL."""
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def id_list(doc_ids: list[int]) -> str:
    """Document ids as JSON text, for `doc_id IN (SELECT value FROM json_each(?))`."""
    return json.dumps(doc_ids)


__all__ = [
    "Compiled",
    "Condition",
    "Literals",
    "compile_condition",
    "compile_literally",
    "id_list",
    "literal_key",
    "path_sql",
    "sql_literal",
    "value_sql",
]
