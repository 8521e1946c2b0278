"""Conditions on text: patterns, regular expressions, and numbers that are written as text.

Each is a `Condition`: called, it looks at a document in memory; `nbtrack.documents.push_down` turns
it into SQL with the same answer. None matches where the value is missing or of another type.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from nbtrack.core.errors import InvalidValueError, MissingExtraError
from nbtrack.documents.queries import Condition, Path, compare, find_value

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORDS = {"inf": "inf", "infinity": "inf", "nan": "nan"}
SPACES = " \t\n\v\f\r"
"""What may stand around a number; SQLite's list."""
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
LONGEST_EXPRESSION = 1000
"""Characters of a regular expression."""
_EXPRESSION_MEMORY = 2**18
"""Bytes that RE2 may use: one is compiled in 3 ms, or refused in 18 (measured), however it is written."""
_SHOWN = 60
_LONGEST_INTEGER = 4000  # Python refuses to read integers of more than 4,300 digits


class Like(Condition):
    """Text that a pattern describes as a whole: `%` is any text, `_` any one character.

    Attributes:
        path: Where the text stands.
        pattern: There is no escape character.
        ignore_case: Whether both are compared casefolded, so that `STRASSE` is like `straße`.
    """

    def __init__(self, path: Path, pattern: str, *, ignore_case: bool = False) -> None:
        self.path = path
        self.pattern = pattern
        self.ignore_case = ignore_case
        self._matches: Callable[[str], bool] | None = None

    def __call__(self, value: Mapping[str, Any]) -> bool:
        """Compare the text found in the document."""
        text = find_value(value, self.path)
        if not isinstance(text, str):
            return False
        if self._matches is None:  # SQL mostly answers alone
            self._matches = like_matcher(self.pattern, self.ignore_case)
        return self._matches(text)

    def describe(self) -> tuple[Any, ...]:
        """The parts."""
        return ("like", self.path, self.pattern, self.ignore_case)


class RegularExpression(Condition):
    """Text in which an RE2 expression is found; the search takes time linear in the text.

    Attributes:
        path: Where the text stands.
        pattern: RE2's syntax: no look-around, no back-references; `(?i)` ignores case.

    Raises:
        InvalidValueError: `pattern` is no such expression.
        MissingExtraError: The package google-re2 is missing.
    """

    def __init__(self, path: Path, pattern: str) -> None:
        self.path = path
        self.pattern = pattern
        self._found = expression_matcher(pattern)

    def __call__(self, value: Mapping[str, Any]) -> bool:
        """Search the text found in the document."""
        text = find_value(value, self.path)
        return isinstance(text, str) and self._found(text)

    def describe(self) -> tuple[Any, ...]:
        """The parts."""
        return ("re2", self.path, self.pattern)


class SpelledNumber(Condition):
    """The number that a value is or spells, compared with a number.

    What spells a number is what Python's `float()` takes: `10`, `1e-3`, `.5`, `inf`, `nan`, with spaces
    around it; but no `_` inside, and ASCII digits only. Any other text matches nothing, also not `<>`.

    Attributes:
        operator: `== <> < <= > >= one_of`.
        path: Where the value stands.
        value: A number; a tuple of numbers for `one_of`.
    """

    def __init__(self, operator: str, path: Path, value: Any) -> None:
        self.operator = operator
        self.path = path
        self.value = value

    def __call__(self, value: Mapping[str, Any]) -> bool:
        """Compare the number found in the document."""
        number = number_of(find_value(value, self.path))
        return number is not None and bool(compare(self.operator, number, self.value))

    def describe(self) -> tuple[Any, ...]:
        """The parts."""
        return ("number", self.operator, self.path, self.value)


class AnyItem(Condition):
    """True where one object of the list at `path` meets `condition`, which sees that object alone."""

    def __init__(self, path: Path, condition: Condition) -> None:
        self.path = path
        self.condition = condition

    def __call__(self, value: Mapping[str, Any]) -> bool:
        """Ask the condition about one item after the other."""
        items: Any = find_value(value, self.path)
        if not isinstance(items, list):
            return False
        return any(isinstance(item, dict) and self.condition(item) for item in items)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    def describe(self) -> tuple[Any, ...] | None:
        """The path and the condition's own parts."""
        inner = self.condition.describe()
        return None if inner is None else ("any", self.path, inner)


def number_of(value: Any) -> int | float | None:
    """The number that `value` is or spells; None if it does neither.

    Integers of 64 bits stay integers, so that large ones compare exactly.
    """
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip(SPACES)
    if _NUMBER.fullmatch(text):
        if len(text) < _LONGEST_INTEGER and text.lstrip("+-").isdigit():
            number = int(text)
            if _SMALLEST <= number <= _LARGEST:
                return number
        return float(text)
    sign = text[:1] if text[:1] in ("+", "-") else ""
    word = _WORDS.get(text[len(sign) :].lower()) if text.isascii() else None
    return None if word is None else float(sign + word)


@lru_cache(maxsize=256)
def like_matcher(pattern: str, ignore_case: bool) -> Callable[[str], bool]:
    """The test of a LIKE pattern; its time is at most the product of both lengths."""
    if ignore_case:
        inner = like_matcher(pattern.casefold(), False)
        return lambda text: inner(text.casefold())
    first, *rest = pattern.split("%")
    if not rest:
        whole = _expression(first)
        return lambda text: whole.fullmatch(text) is not None
    *middle, last = rest
    start, end = _expression(first), _expression(last)
    between = [_expression(piece) for piece in middle if piece]
    room = len(first) + len(last)

    def matches(text: str) -> bool:
        stop = len(text) - len(last)
        if len(text) < room or not start.match(text) or not end.match(text, stop):
            return False
        at = len(first)
        for piece in between:  # the leftmost place for each leaves most room for those after it
            found = piece.search(text, at, stop)
            if found is None:
                return False
            at = found.end()
        return True

    return matches


def _expression(piece: str) -> re.Pattern[str]:
    """A pattern without `%`: each sign matches one character, so nothing is tried twice."""
    return re.compile("".join("." if sign == "_" else re.escape(sign) for sign in piece), re.DOTALL)


@lru_cache(maxsize=64)
def expression_matcher(pattern: str) -> Callable[[str], bool]:
    """The test of a regular expression. Raises what `RegularExpression` does."""
    try:
        re2: Any = importlib.import_module("re2")  # lazy: only filters with RLIKE need it
    except ImportError:
        raise MissingExtraError("A regular expression in a filter", "google-re2") from None
    if len(pattern) > LONGEST_EXPRESSION:
        raise InvalidValueError(
            f"A regular expression has at most {LONGEST_EXPRESSION:,} characters, not {len(pattern):,}."
        )
    options = re2.Options()
    options.log_errors = False  # it would print to stderr
    options.max_mem = _EXPRESSION_MEMORY
    try:
        expression = re2.compile(pattern, options)
    except re2.error as error:
        shown = pattern if len(pattern) <= _SHOWN else f"{pattern[:_SHOWN]}…"
        told: Any = error.args[0] if error.args else ""
        reason = told.decode(errors="replace") if isinstance(told, bytes) else str(told)
        raise InvalidValueError(f"{shown!r} is no regular expression of RE2: {reason[:_SHOWN]}") from None
    except UnicodeEncodeError:
        raise InvalidValueError("This is no regular expression: it holds lone surrogates.") from None

    def found(text: str) -> bool:
        try:
            return expression.search(text) is not None
        except UnicodeEncodeError:  # lone surrogates: RE2 reads UTF-8
            return False

    return found
