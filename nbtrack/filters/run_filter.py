"""The filter of a run search: text to a condition on run documents.

    metrics.loss < 0.2 and params.model = 'tree' and tags.team != "nlp" and status = 'FINISHED'

Comparisons joined by `and`. Metrics and times compare with numbers, the rest with quoted text, as
in MLflow; a run that lacks the key matches nothing.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.documents.queries import Query
from nbtrack.documents.tables import Order

_KINDS = {
    "metric": "metrics", "metrics": "metrics",
    "param": "params", "params": "params", "parameter": "params", "parameters": "params",
    "tag": "tags", "tags": "tags",
    "attribute": "", "attributes": "", "attr": "", "run": "",
}  # fmt: skip
_TEXT_ATTRIBUTES = {"run_id", "run_name", "status", "user_id", "experiment_id"}
_NUMBER_ATTRIBUTES = {"start_time", "end_time"}
_ALIASES = {
    "created": "start_time",
    "Created": "start_time",
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
}

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<operator><=|>=|!=|<>|==|=|<|>)
      | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<quoted>'[^']*'|"[^"]*"|`[^`]*`)
      | (?P<word>[^\W\d][\w/:-]*)
      | (?P<dot>\.)
    )""",
    re.VERBOSE,
)


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


def parse_filter(text: str | None) -> Any:
    """Turn a filter into a condition; None and blank text match every run.

    Raises:
        InvalidValueError: It is malformed; the message points at the column.
    """
    if text is None or (isinstance(text, str) and not text.strip()):
        return None
    return _Parser(text).filter()


def parse_order(order_by: Sequence[str] | None) -> list[Order]:
    """Turn `["metrics.loss ASC", "start_time DESC"]` into an order; ascending unless said otherwise.

    Raises:
        InvalidValueError: An entry is malformed.
    """
    if isinstance(order_by, str):
        order_by = [order_by]
    return [_Parser(entry, "Order").order() for entry in order_by or ()]


class _Parser:
    def __init__(self, text: str, kind: str = "Filter") -> None:
        if not isinstance(text, str):
            raise InvalidTypeError(f"Filter and order are text, got {type(text).__name__} {text!r}.")
        self._text = text
        self._kind = kind
        self._tokens = self._tokenize()
        self._at = 0

    def filter(self) -> Any:
        condition = self._comparison()
        while self._peek() is not None:
            token = self._next("and")
            if token.kind != "word" or token.text.lower() != "and":
                self._fail(token, "expected 'and'")
            condition = condition & self._comparison()
        return condition

    def order(self) -> Order:
        path, _ = self._identifier()
        descending = False
        token = self._peek()
        if token is not None:
            direction = token.text.upper()
            if direction not in ("ASC", "DESC") or self._at + 1 < len(self._tokens):
                self._fail(token, "expected ASC or DESC at the end")
            descending = direction == "DESC"
        return Order(path, descending)

    def _comparison(self) -> Any:
        path, is_number = self._identifier()
        operator = self._next("a comparison such as = or <")
        if operator.kind != "operator":
            self._fail(operator, "expected = != < <= > or >=")
        if not is_number and operator.text in ("<", "<=", ">", ">="):
            self._fail(operator, f"{'.'.join(path[:2])} is text: use = or != and quotes")
        value = self._next("a value")
        if is_number:
            if value.kind != "number":
                self._fail(value, f"{'.'.join(path[:2])} compares with a number, without quotes")
            operand: Any = float(value.text) if re.search(r"[.eE]", value.text) else int(value.text)
        else:
            if value.kind != "quoted" or value.text.startswith("`"):
                self._fail(value, f"{'.'.join(path[:2])} compares with text in quotes")
            operand = value.text[1:-1]
        field: Any = Query()
        for part in path:
            field = field[part]
        match operator.text:
            case "=" | "==":
                return field == operand
            case "!=" | "<>":
                return field != operand
            case "<":
                return field < operand
            case "<=":
                return field <= operand
            case ">":
                return field > operand
            case _:
                return field >= operand

    def _identifier(self) -> tuple[tuple[str, ...], bool]:
        first = self._next("a field such as metrics.loss")
        if first.kind not in ("word", "quoted") or first.text.startswith("'"):
            self._fail(first, "expected a field such as metrics.loss or params.lr")
        parts = [_unquoted(first)]
        while (token := self._peek()) is not None and token.kind == "dot":
            self._at += 1
            rest = self._next("the rest of the field's name")
            if rest.kind == "operator" or rest.text.startswith("'"):
                self._fail(rest, "expected the rest of the field's name")
            parts.append(_unquoted(rest))
        if len(parts) == 1:
            return self._attribute(parts[0], first)
        kind = _KINDS.get(parts[0])
        if kind is None:
            self._fail(
                first, f"unknown kind {parts[0]!r}: metrics, params, tags and attributes can be searched"
            )
        key = ".".join(parts[1:])
        if kind == "":
            return self._attribute(key, first)
        return ((kind, key, "last"), True) if kind == "metrics" else ((kind, key), False)

    def _attribute(self, name: str, token: _Token) -> tuple[tuple[str, ...], bool]:
        name = _ALIASES.get(name, name)
        if name in _NUMBER_ATTRIBUTES:
            return (name,), True
        if name not in _TEXT_ATTRIBUTES:
            known = ", ".join(sorted(_TEXT_ATTRIBUTES | _NUMBER_ATTRIBUTES))
            self._fail(
                token,
                f"unknown attribute {name!r}; there are {known}. "
                f"A metric is metrics.{name}, a param params.{name}",
            )
        return (name,), False

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self, wanted: str) -> _Token:
        token = self._peek()
        if token is None:
            self._fail(_Token("end", "", len(self._text)), f"expected {wanted}")
        self._at += 1
        return token

    def _tokenize(self) -> list[_Token]:
        tokens: list[_Token] = []
        position, end = 0, len(self._text.rstrip())
        while position < end:
            match = _TOKEN.match(self._text, position)
            if match is None or match.lastgroup is None:
                start = position + len(self._text[position:]) - len(self._text[position:].lstrip())
                is_quote = self._text[start] in "'\"`"
                reason = (
                    "this quote is never closed" if is_quote else f"{self._text[start]!r} has no meaning here"
                )
                self._fail(_Token("", "", start), reason)
            tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            position = match.end()
        return tokens

    def _fail(self, token: _Token, why: str) -> NoReturn:
        start = max(0, token.column - 60)
        shown = self._text[start : token.column + 60]
        pointer = " " * (token.column - start) + "^"
        raise InvalidValueError(f"{self._kind}, column {token.column + 1}: {why}.\n  {shown}\n  {pointer}")


def _unquoted(token: _Token) -> str:
    return token.text[1:-1] if token.kind == "quoted" else token.text
