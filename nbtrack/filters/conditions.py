"""From a filter to a condition on documents: what each comparison means.

A comparison asks for a value: a document that lacks the field, or has null there, matches none but
IS NULL. NOT before a comparison or a parenthesis turns the answer round, also for such a document.
"""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.queries import Both, Comparison, Condition, Either, Negation, Path
from nbtrack.documents.text_conditions import AnyItem, Like, RegularExpression, SpelledNumber
from nbtrack.filters.fields import INPUTS, Entity, Field, Finder, Type
from nbtrack.filters.grammar import parse
from nbtrack.filters.mistakes import did_you_mean, listed, mistake, quote
from nbtrack.filters.relations import Related
from nbtrack.filters.tree import And, Clause, Literal, Not, Tree

_SAME = ("=", "!=", "IN", "NOT IN")
_ORDERED = ("<", "<=", ">", ">=", "BETWEEN", "NOT BETWEEN")
_PATTERNS = ("LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "RLIKE", "NOT RLIKE")
_NULL = ("IS NULL", "IS NOT NULL")
_OPERATORS = {
    Type.TEXT: (*_SAME, *_PATTERNS, *_NULL),
    Type.NOTE: (*_SAME, *_ORDERED, *_PATTERNS, *_NULL),
    Type.NUMBER: (*_SAME, *_ORDERED, *_NULL),
    Type.TIME: (*_SAME, *_ORDERED, *_NULL),
    Type.LOCATION: (*_SAME, *_NULL),
}
_NAN = float("nan")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DATE_LIKE = re.compile(
    r"\s*([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2}))?)?)?"
)


def filter_of(text: str | None, entity: Entity) -> Condition | None:
    """The condition that a filter means; None and blank text match everything.

    Args:
        text: The filter.
        entity: What is searched.

    Raises:
        InvalidTypeError: It is no text.
        InvalidValueError: It is malformed, names an unknown field or compares one in a way that it
            cannot be; the message points at the column.
    """
    if text is None or (isinstance(text, str) and not text.strip()):
        return None
    return _Compiler(entity, text).compile(parse(text))


class _Compiler:
    def __init__(self, entity: Entity, text: str) -> None:
        self._text = text
        self._defaults = entity.defaults
        self._finder = Finder(entity, text)

    def compile(self, tree: Tree) -> Condition:
        if isinstance(tree, Clause):
            return self._clause(tree)
        if isinstance(tree, Not):
            return Negation(self.compile(tree.inner))
        combined = [self.compile(part) for part in tree.parts]
        return Both(*combined) if isinstance(tree, And) else _either(combined)

    def _clause(self, clause: Clause) -> Condition:
        field = self._finder.find(clause.name)
        if clause.operator not in _OPERATORS[field.type]:
            self._fail(clause.operator_column, _refusal(field))
        # "no input has one" is not "an input has none"
        is_null = clause.operator == "IS NULL"
        condition = Comparison("<>", field.path, None) if is_null else self._comparison(field, clause)
        if field.is_of_input:
            condition = AnyItem(INPUTS, condition)
        if is_null:
            condition = Negation(condition)
        default = self._defaults.get(field.path)
        if default is not None and condition({field.group: {field.key: default}}):
            condition = Either(condition, Negation(_exists(field.path)))
        return Related(field.relation, condition) if field.relation else condition

    def _comparison(self, field: Field, clause: Clause) -> Condition:
        path, operator = field.path, clause.operator
        if operator == "IS NOT NULL":
            return Comparison("<>", path, None)
        if operator in _PATTERNS:
            return self._pattern(field, clause)
        values = [self._value(field, literal) for literal in clause.values]
        compare = Comparison
        if field.type is Type.NOTE:
            compare = SpelledNumber if _are_numbers(values) else Comparison
            if compare is Comparison:
                self._check_text(field, clause, values)
        match operator:
            case "=":
                return compare("==", path, values[0])
            case "!=":
                return compare("<>", path, values[0])
            case "IN":
                return compare("one_of", path, tuple(values))
            case "NOT IN":
                has_value = SpelledNumber("<>", path, _NAN) if compare is SpelledNumber else _exists(path)
                return Both(has_value, Negation(compare("one_of", path, tuple(values))))
            case "BETWEEN":
                return Both(compare(">=", path, values[0]), compare("<=", path, values[1]))
            case "NOT BETWEEN":
                return Either(compare("<", path, values[0]), compare(">", path, values[1]))
            case _:
                return compare(operator, path, values[0])

    def _check_text(self, field: Field, clause: Clause, values: list[str | int | float]) -> None:
        """Refuse what is no comparison of text with text."""
        for value, literal in zip(values, clause.values, strict=True):
            if not isinstance(value, str):
                self._fail(literal.column, "numbers and text in quotes cannot stand in one comparison")
        if clause.operator in _ORDERED:
            self._fail(
                clause.values[0].column,
                f"text in quotes has no {clause.operator}: to compare {field.label} as a number, "
                "leave out the quotes",
            )

    def _pattern(self, field: Field, clause: Clause) -> Condition:
        literal = clause.values[0]
        word = clause.operator.removeprefix("NOT ")
        if not isinstance(literal.value, str):
            self._fail(literal.column, f"{word} takes text in quotes")
        if word == "RLIKE":
            try:
                condition: Condition = RegularExpression(field.path, literal.value)
            except InvalidValueError as error:
                self._fail(literal.column, str(error).removesuffix("."))
        else:
            pattern = field.read(literal.value)
            condition = Like(field.path, pattern, ignore_case=word == "ILIKE")
        if word == clause.operator:
            return condition
        return Both(_exists(field.path), Negation(condition))

    def _value(self, field: Field, literal: Literal) -> str | int | float:
        value = literal.value
        if isinstance(value, str):
            return self._text_value(field, literal, value)
        if value != value:
            why = "nothing equals NaN"
            if field.group == "metrics" and len(field.path) > 2:
                why += f"; {'.'.join(('metrics', field.key))}.nan_count > 0 finds runs that logged one"
            self._fail(literal.column, why)
        if field.type in (Type.TEXT, Type.LOCATION):
            self._fail(literal.column, f"{field.label} compares with text in quotes")
        return value

    def _text_value(self, field: Field, literal: Literal, value: str) -> str | int | float:
        if field.type is Type.NUMBER and field.read is str:
            self._fail(literal.column, f"{field.label} compares with a number, without quotes")
        try:
            read = milliseconds(value) if field.type is Type.TIME else field.read(value)
        except ValueError as error:
            self._fail(literal.column, str(error))
        if field.values and read not in field.values:
            hint = did_you_mean(value, field.values)
            self._fail(
                literal.column, f"{quote(value)} is no {field.label}; there are {listed(field.values)}{hint}"
            )
        return read

    def _fail(self, column: int, why: str) -> NoReturn:
        raise mistake(self._text, column, why)


def _either(conditions: list[Condition]) -> Condition:
    """One of the conditions; `a = 1 or a = 2 or …` becomes one look at `a`, however many there are."""
    alternatives: dict[Any, list[Any]] = {}
    others: list[Condition] = []
    for condition in conditions:
        if isinstance(condition, (Comparison, SpelledNumber)) and condition.operator in ("==", "one_of"):
            values = condition.value if condition.operator == "one_of" else (condition.value,)
            alternatives.setdefault((type(condition), condition.path), []).extend(values)
        else:
            others.append(condition)
    merged: list[Condition] = [
        kind("==", path, values[0]) if len(values) == 1 else kind("one_of", path, tuple(values))
        for (kind, path), values in alternatives.items()
    ]
    return Either(*merged, *others) if len(merged) + len(others) > 1 else (merged or others)[0]


def _exists(path: Path) -> Condition:
    return Comparison("<>", path, None)


def _are_numbers(values: list[str | int | float]) -> bool:
    return not any(isinstance(value, str) for value in values)


def _refusal(field: Field) -> str:
    operators = [word for word in _OPERATORS[field.type] if not word.startswith("NOT ")]
    if field.type is Type.LOCATION:
        return f"{field.label} can only be the same or another: use {' '.join(operators)}; or compare run_id"
    kind = {Type.TEXT: "text", Type.TIME: "a time"}.get(field.type, "a number")
    return f"{field.label} is {kind}: use {' '.join(operators)}"


def milliseconds(date: str) -> int | float:
    """Milliseconds since 1970, UTC, of a date as in ISO 8601; without a zone it is local time.

    Raises:
        ValueError: It is no date; the message says why, or what one looks like.
    """
    try:
        moment = datetime.fromisoformat(date.strip())
        if moment.tzinfo is None:
            moment = moment.astimezone()
        microseconds = (moment - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            _beyond_the_calendar(date)
            or "expected milliseconds since 1970, or a date such as '2026-11-21' or '2026-11-21 14:00'"
        ) from None
    whole, rest = divmod(microseconds, 1000)
    return microseconds / 1000 if rest else whole


def _beyond_the_calendar(date: str) -> str:
    """Why a text that looks like a date is none; nothing if it does not look like one."""
    match = _DATE_LIKE.match(date)
    if match is None:
        return ""
    year, month, day, *clock = (int(part or 0) for part in match.groups())
    if not 1 <= month <= 12:
        return f"there is no such date: {quote(date)} has the month {month}"
    days = monthrange(year, month)[1]
    if not 1 <= day <= days:
        return f"there is no such date: {quote(date)} has the day {day}, that month {days} days"
    for unit, value, most in zip(("hour", "minute", "second"), clock, (23, 59, 59), strict=True):
        if value > most:
            return f"there is no such time: {quote(date)} has the {unit} {value}"
    return ""
