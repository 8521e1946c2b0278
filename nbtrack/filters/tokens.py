"""The words of a filter: names, text, numbers, operators, each with its column.

The text is read once from left to right, in time linear in its length.
"""

import re
from typing import NamedTuple

from nbtrack.core.errors import InvalidTypeError
from nbtrack.filters.mistakes import mistake, quote

MOST_CHARACTERS = 65_536
MOST_TOKENS = 10_000
"""With the limits of `grammar` these keep the longest parse within 50 ms."""

OPERATORS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_HINTS = {
    "&&": "write 'and'",
    "&": "write 'and'",
    "||": "write 'or'",
    "|": "write 'or'",
    "!": "write 'not'",
    "=<": "write <=",
    "=>": "write >=",
    "===": "write =",
    "~": "write RLIKE for a regular expression, LIKE for a pattern",
    "=~": "write RLIKE for a regular expression",
    "!~": "write NOT RLIKE for a regular expression",
}

_TOKEN = re.compile(
    r"""
    \s*(?:
    (?P<name>[^\W\d][\w/:@-]*)
  | (?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-](?i:inf(?:inity)?|nan))
  | (?P<operator>[<>=!~&|]+)
  | (?P<sign>[(),])
  | (?P<quote>['"`])
    )""",
    re.VERBOSE,
)
_CURLY = tuple("\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u00b4")
_BRACKETS = re.compile(r"""\[\s*(['"`])([^'"`]+)\1\s*\]""")
_SIGNED_NAME = re.compile(r"-\s*([^\W\d][\w/:@.-]*)")
_KEY = re.compile(r"[\w/:@-]+")
_AFTER_NUMBER = re.compile(r"[\w.:/@+-]+")


class Part(NamedTuple):
    """One step of a name: `metrics`, or `val loss` of metrics.`val loss`."""

    text: str
    is_quoted: bool
    column: int


class Token(NamedTuple):
    """One word of a filter."""

    kind: str
    """name, text, number, operator, sign (a parenthesis or comma) or end."""
    text: str
    """As written; of text what is inside the quotes, of an operator its usual form."""
    column: int
    """From 0."""
    parts: tuple[Part, ...] = ()
    """Of a name; of text in double quotes, which may be a name, its only one."""

    @property
    def word(self) -> str:
        """A bare name in capitals, for it may be a keyword; else nothing."""
        return self.text.upper() if self.kind == "name" and len(self.parts) == 1 else ""

    @property
    def sign(self) -> str:
        """A parenthesis or comma; else nothing."""
        return self.text if self.kind == "sign" else ""


def tokenize(text: str, subject: str = "Filter") -> list[Token]:
    """Split a filter, or an entry of an order, into its words; the last one is its end.

    Raises:
        InvalidTypeError: It is no text.
        InvalidValueError: It is too long, or holds something that is no word.
    """
    if not isinstance(text, str):
        raise InvalidTypeError(
            f"{subject} is text such as 'metrics.loss < 0.2', not {type(text).__name__} {quote(str(text))}."
        )
    if len(text) > MOST_CHARACTERS:
        raise mistake(text, MOST_CHARACTERS, f"a filter has at most {MOST_CHARACTERS:,} characters", subject)
    tokens: list[Token] = []
    count, position, end = 0, 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            wrong = end - len(text[position:end].lstrip())
            raise mistake(text, wrong, _why_no_word(text, wrong, subject, tokens), subject)
        kind = match.lastgroup
        word, start, position = match[kind], match.start(kind), match.end()
        count += 1
        if kind == "name" or (kind == "quote" and word != "'"):
            first = Part(word, False, start)
            if kind == "quote":
                inside, position = _read_quoted(text, start, subject)
                first = Part(inside, True, start)
            parts = (first,)
            if text.startswith(".", position):
                parts, position = _read_name(text, first, position, subject)
                count += len(parts) - 1
            if word == '"' and len(parts) == 1:
                tokens.append(Token("text", first.text, start, parts))
            else:
                tokens.append(Token("name", text[start:position], start, parts))
        elif kind == "quote":
            inside, position = _read_quoted(text, start, subject)
            tokens.append(Token("text", inside, start))
        elif kind == "operator":
            if word not in OPERATORS:
                hint = _HINTS.get(word, f"there are {' '.join(['=', *list(OPERATORS)[2:]])}")
                raise mistake(text, start, f"{quote(word)} has no meaning here; {hint}", subject)
            tokens.append(Token(kind, OPERATORS[word], start))
        else:
            if kind == "number" and (after := _AFTER_NUMBER.match(text, position)):
                wrong = text[start : after.end()]
                why = f"{quote(wrong)} is no number; text and dates stand in quotes"
                raise mistake(text, start, why, subject)
            tokens.append(Token(kind, word, start))
        if count > MOST_TOKENS:
            raise mistake(text, start, f"a filter has at most {MOST_TOKENS:,} words", subject)
    tokens.append(Token("end", "", end))
    return tokens


def _read_quoted(text: str, start: int, subject: str) -> tuple[str, int]:
    """What stands between quotes, and where it ends; a doubled quote inside means the quote itself."""
    sign = text[start]
    pieces: list[str] = []
    position = start + 1
    while True:
        close = text.find(sign, position)
        if close < 0:
            raise mistake(text, start, "this quote is never closed", subject)
        pieces.append(text[position:close])
        if not text.startswith(sign, close + 1):
            return sign.join(pieces), close + 1
        position = close + 2


def _read_name(text: str, first: Part, position: int, subject: str) -> tuple[tuple[Part, ...], int]:
    """The steps of a name that begins with `first`, and where it ends."""
    parts = [first]
    while text.startswith(".", position) and len(parts) <= MOST_TOKENS:
        start = position + 1
        if text.startswith(('"', "`", "'"), start):
            inside, position = _read_quoted(text, start, subject)
            parts.append(Part(inside, True, start))
        elif match := _KEY.match(text, start):
            position = match.end()
            parts.append(Part(match.group(), False, start))
        else:
            why = "expected the rest of the field's name; a key with other signs stands in backticks"
            if text[start : start + 1] in _CURLY:
                why = _straight(text[start])
            raise mistake(text, start, why, subject)
    return tuple(parts), position


def _why_no_word(text: str, wrong: int, subject: str, before: list[Token]) -> str:
    """What to say of a sign that begins no word: most come from other languages or from an editor."""
    sign = text[wrong]
    nothing = f"{sign!r} has no meaning here"
    if sign in _CURLY:
        return _straight(sign)
    if sign == "[":
        if before and before[-1].word == "IN":
            return f"{nothing}; a list stands in parentheses: IN ('a', 'b')"
        group = before[-1].text if before and before[-1].kind == "name" else "metrics"
        match = _BRACKETS.match(text, wrong)
        key = match[2] if match else "loss"
        bare = f"{group}.{key} or " if _KEY.fullmatch(key) else ""
        return f"{nothing}; a key stands behind a dot: {quote(f'{bare}{group}.`{key}`')[1:-1]}"
    if sign in "+-*/%":
        if subject == "Order" and (match := _SIGNED_NAME.match(text, wrong)):
            return f"{nothing}; for the largest first write {quote(f'{match[1]} DESC')[1:-1]}"
        if sign in "+-" and re.match(r"\s+[0-9.]", text[wrong + 1 :]):
            return f"{nothing}; a sign stands right before its number"
        return f"{nothing}; nothing is computed: compare a field as it is, such as metrics.loss > -1"
    return nothing


def _straight(sign: str) -> str:
    return f"{sign!r} is no quote here; type straight ones: ' or \""
