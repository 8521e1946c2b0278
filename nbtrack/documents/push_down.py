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
# ruff: noqa: S608 - paths are quoted where they are made, constants are bound.

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import apsw

from nbtrack.documents.codec import MAX_INTEGER, encode
from nbtrack.documents.queries import Always, Both, Comparison, Either, Negation, Path
from nbtrack.documents.sql_functions import ILIKE, NUMBER, RLIKE
from nbtrack.documents.text_conditions import SPACES, AnyItem, Like, RegularExpression, SpelledNumber

# Quoted path steps have no escapes; keys that begin with "$" are stored in another form.
_UNSAFE_KEY = re.compile(r'^\$|["\\\x00-\x1f\ud800-\udfff]')
_MOST_PLACEHOLDERS = 16
_MOST_PARTS = 1000
_DEEPEST = 50
"""Parts of a thousand nest ten deep: together below SQLite's limit of 1,000 nested expressions."""
_EXACT_FLOATS = 2.0**53


class Compiled(NamedTuple):
    """A condition in SQL."""

    sql: str
    bindings: tuple[Any, ...]
    is_exact: bool
    """False if the SQL is also true for documents that do not match: evaluate those in Python."""


Literals = Mapping[tuple[Any, ...], str]
"""Comparisons to be written without bindings, as SQL; the keys are `compile_literally`'s."""


def compile_condition(condition: Any, literals: Literals | None = None) -> Compiled | None:
    """Turn a condition into SQL on the columns of a document table.

    Args:
        condition: Any TinyDB query. Parts that are not `Condition`s of ours are not pushed.
        literals: Comparisons to write out, so that SQLite recognises a partial index.

    Returns:
        None if SQL cannot narrow the documents down.
    """
    return _compile(condition, literals or {}, _DEEPEST)


def compile_literally(condition: Any) -> tuple[str, Literals] | None:
    """The SQL of a condition with its constants written out, and of each comparison in it.

    None unless all of it consists of == and != with text, integers, booleans and None.
    """
    literals: dict[tuple[Any, ...], str] = {}
    _collect_literals(condition, literals)
    compiled = compile_condition(condition, literals)
    if compiled is None or not compiled.is_exact or compiled.bindings:
        return None
    return compiled.sql, literals


@lru_cache(maxsize=4096)
def path_sql(path: Path) -> str | None:
    """The SQL text of a JSON path, quotes included; None if SQLite has no such path."""
    for key in path:
        # TinyDB's `update` takes keys that are no text; they become text in JSON.
        if not isinstance(key, str) or _UNSAFE_KEY.search(key):  # pyright: ignore[reportUnnecessaryIsInstance]
            return None
    if not path:
        return None
    steps = "".join(f'."{key}"' for key in path).replace("'", "''")
    return f"'${steps}'"


def value_sql(path: Path) -> str | None:
    """The SQL of the value at `path`; indexes are made on this very text."""
    literal = path_sql(path)
    return literal and f"jsonb_extract(doc, {literal})"


@lru_cache(maxsize=1)
def reads_numbers_exactly() -> bool:
    """Whether this SQLite reads the text of a float as the float that Python printed.

    SQLite 3.51.3 misses one random float in ten by its last bit, 3.53.0 none of 2,760,000 (measured).
    With an older one numbers are compared and sorted in Python.
    """
    return tuple(int(part) for part in apsw.sqlite_lib_version().split(".")[:2]) >= (3, 53)


def _compile(condition: Any, literals: Literals, room: int) -> Compiled | None:
    if isinstance(condition, Comparison):
        return _compile_comparison(condition, literals)
    if isinstance(condition, Always):
        return Compiled("1", (), True)
    if isinstance(condition, SpelledNumber):
        return _compile_number(condition)
    if isinstance(condition, Like):
        return _compile_like(condition)
    if isinstance(condition, RegularExpression):
        return _compile_expression(condition)
    if room == 0:
        return None
    if isinstance(condition, AnyItem):
        return _compile_any(condition, room - 1)
    if isinstance(condition, (Both, Either)):
        if len(condition.parts) > _MOST_PARTS:
            return None
        parts = [_compile(part, literals, room - 1) for part in condition.parts]
        pushed = [part for part in parts if part is not None]
        if isinstance(condition, Either):
            return _join(" OR ", pushed) if len(pushed) == len(parts) else None
        if not pushed:
            return None
        joined = _join(" AND ", pushed)
        return joined if len(pushed) == len(parts) else joined._replace(is_exact=False)
    if isinstance(condition, Negation):
        inner = _compile(condition.inner, literals, room - 1)
        # The negation of "these and more" is not "everything but these".
        if inner is None or not inner.is_exact:
            return None
        return Compiled(f"({inner.sql}) IS NOT TRUE", inner.bindings, True)
    return None


def _join(word: str, parts: list[Compiled]) -> Compiled:
    # SQLite asks from left to right, and Python's part of the work takes longest.
    parts = sorted(parts, key=lambda part: RLIKE in part.sql)
    return Compiled(
        _nested(word, [part.sql for part in parts]),
        tuple(binding for part in parts for binding in part.bindings),
        all(part.is_exact for part in parts),
    )


def _nested(word: str, parts: list[str]) -> str:
    """The parts joined in pairs of pairs: SQLite counts each part of a plain chain as a level."""
    if len(parts) <= 2:
        return f"({word.join(parts)})"
    middle = len(parts) // 2
    return f"({_nested(word, parts[:middle])}{word}{_nested(word, parts[middle:])})"


def _compile_comparison(comparison: Comparison, literals: Literals) -> Compiled | None:
    operator, path, value = comparison.operator, comparison.path, comparison.value
    if operator == "one_of":
        return _compile_one_of(path, value)
    kind = "nothing" if operator == "exists" else _kind_of(value)
    sql = kind and _comparison_sql(operator, path, kind)
    if sql is None or kind is None:
        return None
    bindings = _bindings(operator, kind, value)
    if literals and (literal := literals.get((operator, path, kind, bindings))):
        return Compiled(literal, (), True)
    return Compiled(sql, bindings, True)


def _kind_of(value: Any) -> str | None:
    """How a constant compares: number, step (a number with a next one), text, null or nan.

    None if SQL cannot hold it exactly, or if its class compares in a way of its own.
    """
    if value is None:
        return "null"
    if isinstance(value, (int, float)) and not reads_numbers_exactly():
        return None
    if isinstance(value, float):
        if -_EXACT_FLOATS < value < _EXACT_FLOATS:
            return "step"
        return "nan" if math.isnan(value) else "number"
    if isinstance(value, int):
        if type(value).__eq__ is not int.__eq__ or not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
            return None
        return "step" if -_EXACT_FLOATS < value < _EXACT_FLOATS else "number"
    if isinstance(value, str) and type(value).__eq__ is str.__eq__ and "\0" not in value:
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                return None
        return "text"
    return None


@lru_cache(maxsize=4096)
def _comparison_sql(operator: str, path: Path, kind: str, constant: str = "?") -> str | None:
    literal = path_sql(path)
    if literal is None:
        return None
    json_type = f"json_type(doc, {literal})"
    if operator == "exists" or (operator == "!=" and kind == "nan"):
        return f"{json_type} IS NOT NULL"
    if operator == "<>" and kind in ("nan", "null"):
        return f"{json_type} <> 'null'"
    if kind == "null":
        return {"==": f"{json_type} = 'null'", "!=": f"{json_type} <> 'null'"}.get(operator, "0")
    if kind == "nan":
        return "0"
    value = f"jsonb_extract(doc, {literal})"
    if operator == "!=":
        # SQL answers NULL for a missing value and for null, which is not equal to any constant.
        return f"ifnull({value} <> {constant}, {json_type} = 'null')"
    return _ordered_sql(operator, value, kind, constant)


def _ordered_sql(operator: str, value: str, kind: str, constant: str = "?") -> str:
    """A comparison of SQL's `value` with text or a number; not true of NULL."""
    if operator in ("==", "<>"):
        return f"{value} {'=' if operator == '==' else '<>'} {constant}"
    if kind == "text":
        # The plus keeps the bound of the type from being the one that an index is searched for.
        return {
            "<": f"({value} < {constant} AND +{value} >= '')",
            "<=": f"{value} BETWEEN '' AND {constant}",
            ">": f"({value} > {constant} AND +{value} < x'')",
            ">=": f"({value} >= {constant} AND +{value} < x'')",
        }[operator]
    # Numbers come first in SQL's order; 9e999 is infinite, and BETWEEN looks the value up only once.
    return {
        "<": f"{value} < {constant}",
        "<=": f"{value} <= {constant}",
        ">": f"{value} BETWEEN {constant} AND 9e999"
        if kind == "step"
        else f"({value} > {constant} AND {value} < '')",
        ">=": f"{value} BETWEEN {constant} AND 9e999",
    }[operator]


def _bindings(operator: str, kind: str, value: Any) -> tuple[Any, ...]:
    if kind in ("nothing", "null", "nan"):
        return ()
    if kind == "text":
        return (str.__str__(value),)
    if kind == "step" and operator == ">":
        # Below 2**53 no integer lies between a float and the next one: "> a" is ">= next(a)".
        return (math.nextafter(float(value), math.inf),)
    return (float(value),) if isinstance(value, float) else (int(value),)


def _compile_one_of(path: Path, items: Any) -> Compiled | None:
    literal = path_sql(path)
    if literal is None:
        return None
    return _one_of_sql(f"jsonb_extract(doc, {literal})", items, f"json_type(doc, {literal}) = 'null'")


def _one_of_sql(value: str, items: Any, is_null: str) -> Compiled | None:
    if not isinstance(items, tuple):
        return None
    values: list[Any] = []
    accepts_null = False
    for item in items:  # pyright: ignore[reportUnknownVariableType]
        kind = _kind_of(item)
        if kind is None:
            return None
        if kind == "null":
            accepts_null = True
        else:
            values.extend(_bindings("==", kind, item))  # none for NaN, which equals nothing
    tests: list[str] = []
    bindings: tuple[Any, ...] = ()
    if values:
        if len(values) > _MOST_PLACEHOLDERS:  # one text for all lengths, and no limit on their number
            inside, bindings = "SELECT value FROM json_each(?)", (encode(values)[0],)
        else:
            inside, bindings = ", ".join("?" * len(values)), tuple(values)
        tests.append(f"{value} IN ({inside})")
    if accepts_null:
        tests.append(is_null)
    return Compiled(f"({' OR '.join(tests)})" if tests else "0", bindings, True)


def _compile_number(condition: SpelledNumber) -> Compiled | None:
    value = _number_sql(condition.path)
    if value is None:
        return None
    operator, constant = condition.operator, condition.value
    if operator == "one_of":
        return _one_of_sql(value, constant, "0")
    kind = _kind_of(constant)
    if kind == "nan":
        return Compiled(f"{value} IS NOT NULL" if operator == "<>" else "0", (), True)
    if kind not in ("step", "number"):
        return None
    return Compiled(_ordered_sql(operator, value, kind), _bindings(operator, kind, constant), True)


@lru_cache(maxsize=4096)
def _number_sql(path: Path) -> str | None:
    """The number that a value is or spells: NaN as an empty blob, NULL if there is none.

    A comparison with something of numeric affinity makes SQLite read text that spells a finite number,
    and no other, by the very rules of `number_of`; all other text is greater than every number. Of its
    digits SQLite reads 19, hence Python reads those that are longer: no float that Python printed is.
    """
    literal = path_sql(path)
    if literal is None or not reads_numbers_exactly():
        return None
    # The inner SELECT makes SQLite look the value up once instead of five times.
    return (
        f"(SELECT CASE WHEN x <= CAST(9e999 AS NUMERIC) THEN CASE WHEN length(x) > 19 "
        f"AND length(ltrim(x, '+-0. ')) > 19 AND {_DIGITS} > 19 "
        f"THEN {NUMBER}(x) ELSE CAST(x AS NUMERIC) END "
        f"WHEN x < x'' THEN {_SPELLED_WORDS} "
        f"""WHEN jsonb_extract(x, '$."$float"') = 'NaN' THEN x'' END """
        f"FROM (SELECT jsonb_extract(doc, {literal}) AS x))"
    )


_DIGITS = (
    "length(replace(ltrim(substr(x, 1, instr(replace(x, 'E', 'e') || 'e', 'e') - 1), '+-0. '), '.', ''))"
)
"""How many digits count in the number that x spells: those before the exponent, without leading zeros."""

_SPELLED_WORDS = (
    f"CASE lower(trim(x, '{SPACES}')) WHEN 'nan' THEN x'' WHEN '+nan' THEN x'' WHEN '-nan' THEN x'' "
    + " ".join(f"WHEN '{sign}{word}' THEN 9e999" for sign in ("", "+") for word in ("inf", "infinity"))
    + " WHEN '-inf' THEN -9e999 WHEN '-infinity' THEN -9e999 END"
)


def _compile_like(condition: Like) -> Compiled | None:
    literal = path_sql(condition.path)
    pattern = condition.pattern.casefold() if condition.ignore_case else condition.pattern
    if literal is None or len(pattern) > _LONGEST_PATTERN or _UNSAFE_PATTERN.search(pattern):
        return None
    is_text, text = f"json_type(doc, {literal}) = 'text'", f"jsonb_extract(doc, {literal})"
    if not condition.ignore_case:
        bindings: tuple[Any, ...] = (_GLOB_SIGN.sub(_as_glob, pattern),)
        return Compiled(f"({is_text} AND {text} GLOB ?)", bindings, True)
    # SQLite folds ASCII letters only: it decides on ASCII text, Python on the rest.
    test = f"CASE WHEN x GLOB ? THEN {ILIKE}(x, ?) ELSE x LIKE ? END"
    sql = f"({is_text} AND (SELECT {test} FROM (SELECT {text} AS x)))"
    return Compiled(sql, (_NOT_ASCII, condition.pattern, pattern), True)


def _compile_expression(condition: RegularExpression) -> Compiled | None:
    literal = path_sql(condition.path)
    if literal is None or "\0" in condition.pattern:
        return None
    sql = f"(json_type(doc, {literal}) = 'text' AND {RLIKE}(jsonb_extract(doc, {literal}), ?))"
    return Compiled(sql, (condition.pattern,), True)


_LONGEST_PATTERN = 10_000
"""SQLite refuses patterns of more than 50,000 bytes."""
_UNSAFE_PATTERN = re.compile("[\0\ud800-\udfff\ufffd-\uffff]")
"""What SQLite takes for the end, cannot hold, or has taken for one another (before 3.54)."""
_GLOB_SIGN = re.compile(r"[%_*?\[]")
_NOT_ASCII = "*[^\x01-\x7f]*"


def _as_glob(sign: re.Match[str]) -> str:
    return {"%": "*", "_": "?"}.get(sign.group(), f"[{sign.group()}]")


def _compile_any(condition: AnyItem, room: int) -> Compiled | None:
    literal = path_sql(condition.path)
    inner = _compile(condition.condition, {}, room)
    if literal is None or inner is None:
        return None
    # Inside, `doc` is the row's in the argument of json_each and the item's in what `inner` reads.
    items = f"SELECT CASE WHEN type = 'object' THEN value END, type FROM json_each(doc, {literal})"
    return inner._replace(
        sql=f"(json_type(doc, {literal}) = 'array' AND EXISTS (WITH item(doc, kind) AS ({items}) "
        # NaN is stored as an object, but is none.
        f"""SELECT 1 FROM item WHERE kind = 'object' AND json_type(doc, '$."$float"') IS NULL """
        f"AND {inner.sql}))"
    )


def _collect_literals(condition: Any, found: dict[tuple[Any, ...], str]) -> None:
    if isinstance(condition, (Both, Either)):
        for part in condition.parts:
            _collect_literals(part, found)
    elif isinstance(condition, Negation):
        _collect_literals(condition.inner, found)
    elif isinstance(condition, Comparison) and condition.operator in ("==", "!="):
        operator, path, kind = condition.operator, condition.path, _kind_of(condition.value)
        bindings = _bindings(operator, kind, condition.value) if kind else ()
        constant = _literal_sql(bindings[0]) if bindings else ""
        if kind and constant is not None and (sql := _comparison_sql(operator, path, kind, constant)):
            found[(operator, path, kind, bindings)] = sql


def _literal_sql(value: Any) -> str | None:
    if isinstance(value, float):
        return None  # SQL text need not name the very same float
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
