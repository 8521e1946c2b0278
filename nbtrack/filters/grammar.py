"""The grammar of filters, MLflow's and more: from text to a tree.

    either     = both {OR both}
    both       = negated {AND negated} [AND]            (the last AND at the end of the text only)
    negated    = NOT negated | "(" either ")" | clause
    clause     = name ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") value
               | name [NOT] IN "(" value {"," value} ")"
               | name [NOT] BETWEEN value AND value
               | name [NOT] (LIKE | ILIKE | RLIKE) value
               | name IS [NOT] NULL
    order      = name [ASC | DESC]

Which names there are, and what they compare with, is said by `nbtrack.filters.fields`.
"""

from typing import NoReturn

from nbtrack.filters.mistakes import did_you_mean, mistake, quote
from nbtrack.filters.tokens import Token, tokenize
from nbtrack.filters.tree import And, Clause, Literal, Name, Not, Or, Tree

MOST_COMPARISONS = 1_000
"""How many comparisons a filter joins; an IN, however long its list, is one."""
MOST_EXPRESSIONS = 10
"""How many of them are an RLIKE; regular expressions take long to prepare."""
DEEPEST = 50
"""How deep parentheses and NOTs nest."""

_WORD_OPERATORS = ("IN", "BETWEEN", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL", "NOT IN", "NOT LIKE")
_FOREIGN = {
    **{"REGEXP": "RLIKE", "REGEX": "RLIKE", "MATCHES": "RLIKE", "CONTAINS": "LIKE '%…%'", "EQUALS": "="},
    **{"EQ": "=", "NE": "!=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="},
}
"""What other languages say."""
_NUMBERS = {"INF": float("inf"), "INFINITY": float("inf"), "NAN": float("nan")}
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_LONGEST_INTEGER = 20


def parse(text: str) -> Tree:
    """Read a filter.

    Raises:
        InvalidTypeError: It is no text.
        InvalidValueError: It is malformed, or beyond the limits; the message points at the column.
    """
    return _Parser(text, "Filter").filter()


def parse_order_entry(text: str) -> tuple[Name, bool]:
    """Read one entry of an order: the field, and whether its largest values come first.

    Raises:
        InvalidTypeError: It is no text.
        InvalidValueError: It is malformed.
    """
    return _Parser(text, "Order").order()


class _Parser:
    def __init__(self, text: str, subject: str) -> None:
        self._text = text
        self._subject = subject
        self._tokens = tokenize(text, subject)
        # A step too far, before a mistake is found, finds the end again.
        self._tokens += [self._tokens[-1]] * 2
        self._at = 0
        self._depth = 0
        self._comparisons = 0
        self._expressions = 0

    def filter(self) -> Tree:
        tree = self._either()
        token = self._token
        if token.kind != "end":
            if token.sign == ")":
                self._fail(token, "no parenthesis is open here")
            self._fail(token, f"expected 'and' or 'or'{did_you_mean(token.text, ('and', 'or'))}")
        return tree

    def order(self) -> tuple[Name, bool]:
        name = self._name()
        token = self._token
        if token.kind == "end":
            return name, False
        if token.word not in ("ASC", "DESC"):
            hint = "; each field is an entry of its own" if token.sign == "," else ""
            self._fail(token, f"expected ASC or DESC at the end{hint}")
        self._at += 1
        if self._token.kind != "end":
            hint = "; each field is an entry of its own" if self._token.sign == "," else ""
            self._fail(self._token, f"nothing can stand after {token.text}{hint}")
        return name, token.word == "DESC"

    # --- what joins comparisons ---

    def _either(self) -> Tree:
        parts = [self._both()]
        while self._takes("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self) -> Tree:
        parts = [self._negated()]
        while self._takes("AND"):
            if self._token.kind == "end":  # MLflow takes it too
                break
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negated(self) -> Tree:
        token = self._token
        is_not = token.word == "NOT"
        if not is_not and token.sign != "(":
            return self._clause()
        if self._depth == DEEPEST:
            self._fail(token, f"a filter nests at most {DEEPEST} deep")
        self._depth += 1
        self._at += 1
        if is_not:
            tree: Tree = Not(self._negated())
        else:
            tree = self._either()
            if self._token.sign != ")":
                self._fail(self._token, f"expected 'and', 'or' or the ')' of column {token.column + 1}")
            self._at += 1
        self._depth -= 1
        return tree

    # --- one comparison ---

    def _clause(self) -> Clause:
        name = self._name()
        token = self._token
        self._comparisons += 1
        if self._comparisons > MOST_COMPARISONS:
            self._fail_at(
                name.column, f"a filter joins at most {MOST_COMPARISONS:,} comparisons; IN takes a list"
            )
        self._at += 1
        if token.kind == "operator":
            return Clause(name, token.text, (self._value(),), token.column)
        word = token.word
        if word == "IS":
            operator = "IS NOT NULL" if self._takes("NOT") else "IS NULL"
            if not self._takes("NULL"):
                self._fail(self._token, "expected NULL")
            return Clause(name, operator, (), token.column)
        prefix = ""
        if word == "NOT":
            prefix, word = "NOT ", self._token.word
            self._at += 1
        if word in ("LIKE", "ILIKE", "RLIKE"):
            self._expressions += word == "RLIKE"
            if self._expressions > MOST_EXPRESSIONS:
                self._fail(token, f"a filter holds at most {MOST_EXPRESSIONS} regular expressions")
            return Clause(name, prefix + word, (self._value(),), token.column)
        if word == "IN":
            return Clause(name, f"{prefix}IN", self._list(), token.column)
        if word == "BETWEEN":
            low = self._value()
            if not self._takes("AND"):
                self._fail(self._token, "expected the AND of BETWEEN")
            return Clause(name, f"{prefix}BETWEEN", (low, self._value()), token.column)
        if prefix:
            self._at -= 1
            self._fail(self._token, "expected IN, BETWEEN, LIKE, ILIKE or RLIKE after NOT")
        self._fail_operator(token)

    def _name(self) -> Name:
        token = self._token
        if not token.parts:
            example = "a field such as metrics.loss or params.lr"
            self._fail(
                token, f"expected {example}{'; it stands before the comparison' if token.text else ''}"
            )
        if token.word in ("AND", "OR"):
            self._fail(token, f"expected a field such as metrics.loss before {token.text!r}")
        self._at += 1
        return Name(
            tuple([part.text for part in token.parts]),
            tuple([part.is_quoted for part in token.parts]),
            token.parts,
        )

    def _list(self) -> tuple[Literal, ...]:
        if self._token.sign != "(":
            self._fail(self._token, "expected a list in parentheses: IN ('a', 'b')")
        self._at += 1
        values: list[Literal] = []
        while True:
            values.append(self._value())
            token = self._token
            if token.sign not in (",", ")"):
                self._fail(token, "expected ',' or ')'")
            self._at += 1
            if token.sign == ")":
                return tuple(values)
            token = self._token
            if token.sign == ")":  # Python writes ('a',)
                self._at += 1
                return tuple(values)

    def _value(self) -> Literal:
        token = self._token
        if token.kind == "text":
            self._at += 1
            return Literal(token.text, token.column)
        if token.kind == "number":
            self._at += 1
            return Literal(_number(token.text), token.column)
        if token.word in _NUMBERS:
            self._at += 1
            return Literal(_NUMBERS[token.word], token.column)
        if token.kind == "name" and token.word not in ("AND", "OR", "NOT", "NULL"):
            self._fail(token, f"expected a value; text stands in quotes: {quote(token.text)}")
        hint = "; to find what is missing write IS NULL" if token.word == "NULL" else ""
        self._fail(token, f"expected a value: a number, or text in quotes{hint}")

    # --- small steps ---

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _takes(self, word: str) -> bool:
        taken = self._token.word == word
        self._at += taken
        return taken

    def _fail_operator(self, token: Token) -> NoReturn:
        why = "expected a comparison such as =, < or LIKE"
        if token.word in _FOREIGN:
            why += f"; write {_FOREIGN[token.word]}"
        elif token.kind == "name":
            hint = did_you_mean(token.text, _WORD_OPERATORS)
            why += hint or "; a name with spaces stands in backticks"
        self._fail(token, why)

    def _fail(self, token: Token, why: str) -> NoReturn:
        self._fail_at(token.column, why)

    def _fail_at(self, column: int, why: str) -> NoReturn:
        raise mistake(self._text, column, why, self._subject)


def _number(text: str) -> int | float:
    """An integer of 64 bits, which compares exactly, or a float, as metrics are."""
    if len(text) <= _LONGEST_INTEGER and text.lstrip("+-").isdigit():
        number = int(text)
        if _SMALLEST <= number <= _LARGEST:
            return number
    return float(text)
