"""The code of a cell without the secrets in it.

Passwords, tokens and keys that are written into code are replaced, everything else stays as it is,
and so do the numbers of the lines. A scanner of its own goes over the text: cells hold magics and
shell commands, and some cannot be parsed.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from nbtrack.core.secrets import REDACTED, is_secret_name, redact_arguments, redact_drawn, redact_urls

_LONGEST, _LONGEST_NAME, _MOST_NAMES = 20_000, 100, 12


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HINT = re.compile(r"(?i)pass|pw|secret|cred|token|auth|jwt|cookie|dsn|bearer|key")
_WORD = re.compile(r"[\w.-]+")
_LONG = re.compile(r"[A-Za-z0-9+/_=.-]{16,}")
_FORM = re.compile(r"PRIVATE KEY|hooks\.slack|webhooks|://[^\s'\"]*[@?#]|\d:AA", re.IGNORECASE)
_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\f\r]+|\\\r?\n)
    | (?P<comment>\#[^\n]*)
    | (?P<string>(?:[rRbBfFuUtT]{1,2})?(?:\"\"\"|\'\'\'|\"|\'))
    | (?P<name>[^\W\d]\w*)
    | (?P<number>\d[\w.]*)
    | (?P<line>\n)
    | (?P<operator>[=!<>]=|:=|->|(?:\*\*|//|>>|<<|[-+*/%@&|^])=?|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ENDS = {
    '"""': re.compile(r'(?:[^\\"]|\\.|"(?!""))*+', re.DOTALL),
    "'''": re.compile(r"(?:[^\\']|\\.|'(?!''))*+", re.DOTALL),
    '"': re.compile(r'(?:[^\\"\n]|\\.)*+', re.DOTALL),
    "'": re.compile(r"(?:[^\\'\n]|\\.)*+", re.DOTALL),
}
_KEYWORDS = _words(
    "if elif else while for return assert with as in is not and or lambda await yield raise del import from "
    "class def try except finally global nonlocal pass break continue async"
)
_HEADS = _words("if elif else while for with class def try except finally async")
_COMPARISONS = frozenset(("==", "!=", "<", ">", "<=", ">=", "in", "is", "not"))
_COMPARISON = re.compile(r"[ \t]*(?:[=!<>]=|[<>]|(?:in|is|not)\b)")
_ASSIGNMENTS = frozenset(("=", ":=", "+=", "|="))

_CELL_MAGIC = re.compile(r"\s*%%[^\n]*(?:\n|$)")

# Cell magics that run the rest of the cell as Python; that of others is text.
_PYTHON_MAGIC = re.compile(r"%%(?:track|time|timeit|capture|prun|python3?|pypy|ipytest|memit|mprun|heat)\b")
_GIVEN_BY_NAME = _words(
    "setdefault putenv setenv getenv get pop set add_header add_unredirected_header set_secret set_password "
    "Header setattr patch_env"
)
"""Functions whose second argument is the value of what the first one names."""

_HARMLESS = re.compile(
    r"(?i)\s*(?:|%s|%\(\w+\)s|true|false|none|null|yes|no|on|off|auto|default|env|prompt|[01])\s*"
)
_SPECIAL_TOKEN = re.compile(r"[<\[({|#@].{0,30}[>\])}|#@]|[A-Za-z]{1,12}|\W{1,6}|\d{1,6}")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_WORDS_AROUND = re.compile(r"(?i)\b(?:bearer|basic|token|apikey|digest|key|auth|password|user)\b|[\W_]+")
_BEARER = re.compile(
    r"(?i)\b(bearer|basic|token|apikey|digest)(\s+)(?=[^\s'\",;]*\d)(?=[^\s'\",;]*[A-Za-z])[\w+/=.~-]{10,}"
)
_ONLY_BEARER = re.compile(r"(?i)(bearer\s+)[^\s{}]{4,}")
_PAIR = re.compile(
    r"""(?<![\w.-])(['"]?)([A-Za-z_][\w.-]{0,60})\1(\s*[:=]\s*)("[^"\n]*"|'[^'\n]*'|[^\s,;&{}()\[\]'"`\\]+)"""
)
_TYPES = _words(
    "str string bytes int float bool any optional none true false list dict tuple text union callable"
)
_WORD_OF_LINE = re.compile(r"""(?:[^\s"']+|"[^"\n]*"|'[^'\n]*'|["'])+""")
_SET_ENV = re.compile(r"(\s*%(?:set_)?env\s+)([A-Za-z_]\w*)(\s+)(\S.*)")
_HEX = re.compile(r"(?i)[0-9a-f]{24,}")


@lru_cache(maxsize=4)  # its history, its file and its card ask for the same cell
def redact_code(source: str) -> tuple[str, tuple[str, ...]]:
    """Replace the secrets in the code of a cell.

    A literal is a secret when what it is assigned to, passed as or the value of has a secret name, or
    when it looks like one wherever it stands. `password = ask("Password")` stays as it is.

    Args:
        source: The cell as it was written, with its magics; it need not be valid.

    Returns:
        The code, with as many lines, and what was replaced: names, each once, or `line 3` for what
        had none.
    """
    if not _may_hold_one(source):
        return source, ()
    scan = _Scan(source)
    scan.go()
    return "".join(scan.parts), tuple(dict.fromkeys(scan.names))


def _may_hold_one(text: str) -> bool:
    """Whether it is worth to look closer: most cells hold no secret, and each is asked."""
    if _FORM.search(text):
        return True
    if any(_HINT.search(word) and is_secret_name(word[:_LONGEST_NAME]) for word in set(_WORD.findall(text))):
        return True
    return any(redact_drawn(piece[:_LONGEST]) != piece for piece in set(_LONG.findall(text)))


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


@dataclass
class _Frame:
    """An open bracket, or the statement that all of them are in."""

    bracket: str = ""
    callee: str = ""
    """What is called; empty where the bracket calls nothing."""
    inherited: tuple[str, ...] = ()
    """What the whole bracket is the value of."""
    is_value: bool = True
    """False for a call or a subscript: what stands in it is not what is assigned."""
    first: str = ""
    """The first text in it."""
    position: int = 0
    targets: list[list[str]] = field(default_factory=list[list[str]])
    """Of a statement: the names on the left of each `=`."""
    seen: list[str] = field(default_factory=list[str])
    """The names since the last comma that may turn out to be a target or a key."""
    name: str = ""
    """The key or keyword of the item that is being read."""
    is_head: bool = False
    """Whether it is the statement before the colon of a block."""

    def names(self) -> tuple[str, ...]:
        """What a literal that stands here is the value of."""
        found = (self.name,) if self.name else ()
        if self.position == 1 and self.callee in _GIVEN_BY_NAME:
            return (*found, self.first)
        if not self.is_value:
            return found
        of_statement = (names[min(self.position, len(names) - 1)] for names in self.targets)
        return (*found, *of_statement, *self.inherited)[:_MOST_NAMES]


class _Scan:
    """One pass over a source, token by token."""

    def __init__(self, source: str) -> None:
        self.parts: list[str] = []
        self.names: list[str] = []
        self._source = source
        self._at = 0
        self._line = 1
        self._frames = [_Frame()]
        self._before = _Token("line", "\n", 0)
        """The last token that is no space."""
        self._key = ""
        """The text in the subscript that was closed last."""

    def go(self) -> None:
        """Read all of it."""
        source = self._source
        end = len(source)
        is_python = self._leave_cell_magics()
        while self._at < end:
            if not is_python or self._is_at_magic():
                self._take_text_line()
                continue
            match = _TOKEN.match(source, self._at)
            assert match is not None  # the last alternative matches anything  # noqa: S101
            kind = str(match.lastgroup)
            text = match[0]
            if kind == "string":
                self._take_string(text)
                continue
            self._at = match.end()
            line = self._line
            self._line += text.count("\n")
            if kind == "space":
                self.parts.append(text)
            elif kind == "comment":
                self.parts.append(self._in_text(text, "", line))
            else:
                token = _Token(kind, text, line)
                self.parts.append(self._number(token) if kind == "number" else text)
                self._follow(token)
                self._before = token

    # ---- lines that are no Python -------------------------------------------------------------

    def _leave_cell_magics(self) -> bool:
        """Take the cell magics at the top; whether Python follows."""
        while (match := _CELL_MAGIC.match(self._source, self._at)) is not None:
            is_python = _PYTHON_MAGIC.match(match[0].lstrip()) is not None
            while self._at < match.end():
                self._take_text_line()
            if not is_python:
                return False
        return True

    def _is_at_magic(self) -> bool:
        following = self._source[self._at]
        if following not in "%!" or len(self._frames) > 1:
            return False
        before = self._before
        is_start = before.kind == "line" or before.text == ";"
        is_value = before.text == "=" and not self._source.startswith("!=", self._at)
        return is_start or is_value

    def _take_text_line(self) -> None:
        source, start = self._source, self._at
        end = source.find("\n", start) + 1 or len(source)
        text = source[start:end]
        self._at = end
        self.parts.append(self._shell_line(text))
        self._line += text.count("\n")
        self._frames = [_Frame()]
        self._before = _Token("line", "\n", self._line)

    def _shell_line(self, text: str) -> str:
        if not _may_hold_one(text):
            return text
        if (match := _SET_ENV.match(text)) is not None and is_secret_name(match[2]):
            self.names.append(match[2])
            return f"{match[1]}{match[2]}{match[3]}{REDACTED}{text[match.end(4) :]}"
        words = list(_WORD_OF_LINE.finditer(text))
        bare = [word[0][1:-1] if _is_quoted(word[0]) else word[0] for word in words]
        redacted = redact_arguments(bare)
        hex_is_fine = "nbtrack" in text or "%%track" in text or "git" in text
        pieces: list[str] = []
        at = 0
        for word, given, result in zip(words, bare, redacted, strict=True):
            pieces.append(text[at : word.start()])
            at = word.end()
            if result == given or (
                hex_is_fine and _HEX.search(given) and _HEX.sub(REDACTED, given) == result
            ):
                pieces.append(word[0])
                continue
            self.names.append(f"line {self._line}")
            quote = word[0][0] if _is_quoted(word[0]) else ""
            pieces.append(f"{quote}{result}{quote}")
        line = "".join((*pieces, text[at:]))
        return _PAIR.sub(lambda match: self._pair(match, self._line, is_code=True), line)

    # ---- Python -------------------------------------------------------------------------------

    def _take_string(self, opening: str) -> None:
        source, start, line = self._source, self._at, self._line
        quote = opening.lstrip("rRbBfFuUtT")
        prefix = opening[: -len(quote)].lower()
        body_at = start + len(opening)
        match = _ENDS[quote].match(source, body_at)
        end = body_at if match is None else match.end()
        body = source[body_at:end]
        closing = quote if source.startswith(quote, end) else ""
        self._at = end + len(closing)
        self._line += body.count("\n")
        redacted = self._judge(body, prefix, line)
        self.parts.append(f"{opening}{redacted}{closing}")
        token = _Token("string", body, line)
        self._follow(token)
        self._before = token

    def _judge(self, body: str, prefix: str, line: int) -> str:
        """The text of a literal, or what stands in its place."""
        frame = self._frames[-1]
        is_compared = self._before.text in _COMPARISONS or self._is_before_comparison()
        is_key = frame.bracket == "{" and not frame.name and self._is_before(":")
        is_format = "f" in prefix or "t" in prefix
        names = () if is_compared or is_key else frame.names()
        if frame.name in ("default", "value") and frame.first:
            names = (*names, frame.first)
        for name in names:
            if is_secret_name(name) and not _is_harmless(body, name, is_format=is_format):
                self.names.append(name)
                return _blank(body)
        hint = " ".join((*names, frame.callee, self._before_comparison()))
        return self._in_text(body, hint, line)

    def _in_text(self, text: str, hint: str, line: int) -> str:
        """A text without what looks like a secret in it; what it is the value of is no reason."""
        if len(text) > _LONGEST:
            pieces = (text[at : at + _LONGEST] for at in range(0, len(text), _LONGEST))
            return "".join(self._in_text(piece, hint, line) for piece in pieces)
        if len(text) < 8 or not _may_hold_one(text):
            return text
        found = redact_urls(redact_drawn(text, hint))
        found = _BEARER.sub(rf"\1\2{REDACTED}", found)
        if only := _ONLY_BEARER.fullmatch(found):
            found = f"{only[1]}{REDACTED}"
        if found != text:
            self.names.append(next((name for name in hint.split() if is_secret_name(name)), f"line {line}"))
            if found.count("\n") != text.count("\n"):
                found = _blank(text)
        if "=" in found or ":" in found:
            found = _PAIR.sub(lambda match: self._pair(match, line), found)
        return found

    def _pair(self, match: "re.Match[str]", line: int, *, is_code: bool = False) -> str:
        """`password: hunter2` in a text; prose such as `token: The next word` stays."""
        quote, name, between, value = match.groups()
        bare = value.strip("'\"")
        if not is_secret_name(name) or REDACTED in value or _is_harmless(bare, name, is_format=True):
            return match[0]
        rest = match.string[match.end() : match.end() + 80].partition("\n")[0]
        if bare == value and (
            re.match(r"[\w.]*[\[(]", value + rest)  # `password=ask()`, `token = tokens[0]`
            or (not is_code and between == " = " and value.replace(".", "_").isidentifier())
        ):
            return match[0]
        is_prose = ":" in between and bare == value and bare.strip(".,").isalpha()
        if is_prose and (bare.lower().strip(".,") in _TYPES or rest.strip(" \t,;.'\")}|=")):
            return match[0]
        self.names.append(name)
        mark = value[0] if bare != value else ""
        return f"{quote}{name}{quote}{between}{mark}{REDACTED}{mark}"

    def _number(self, token: _Token) -> str:
        """A number is no secret, unless a long one has a secret name."""
        digits = token.text.replace("_", "")
        if len(digits) < 4 or not digits.isdecimal() or self._before.text in _COMPARISONS:
            return token.text
        for name in self._frames[-1].names():
            if is_secret_name(name) and not _is_harmless(digits, name, is_format=False):
                self.names.append(name)
                return repr(REDACTED)
        return token.text

    def _follow(self, token: _Token) -> None:
        """Know after each token what the next literal is the value of."""
        kind, text, _ = token
        frame = self._frames[-1]
        if kind == "line" or text == ";":
            if len(self._frames) == 1:
                self._frames = [_Frame()]
        elif kind == "name":
            if text not in _KEYWORDS:
                self._note(text)
            elif not frame.bracket:
                frame.seen = []
                frame.is_head |= text in _HEADS and (self._before.kind == "line" or self._before.text in ";:")
        elif kind == "string":
            frame.first = frame.first or text[:80].lstrip("-")
            if frame.bracket:
                frame.seen = [text[:80]]
        elif kind == "operator":
            self._follow_operator(text, frame)

    def _note(self, name: str) -> None:
        """A name of what may turn out to be a target; of `a.b.c` it is the last one that counts."""
        seen = self._frames[-1].seen
        if self._before.text == "." and seen:
            seen[-1] = name
        elif len(seen) <= self._frames[-1].position or not self._frames[-1].bracket:
            seen.append(name)

    def _follow_operator(self, text: str, frame: _Frame) -> None:
        if text in "([{":
            before = self._before
            is_operand = (before.kind == "name" and before.text not in _KEYWORDS) or before.text in ")]"
            is_operand = is_operand or (before.kind == "string" and text == "[")
            is_value = not is_operand or text == "{"
            callee = before.text if is_operand and text == "(" and before.kind == "name" else ""
            opened = _Frame(text, callee, is_value=is_value)
            if is_value and not frame.bracket and frame.position == 0:
                opened.targets = frame.targets  # `a, b = ("x", "y")`
            elif is_value:
                opened.inherited = frame.names()
            self._frames.append(opened)
        elif text in ")]}":
            if len(self._frames) > 1:
                closed = self._frames.pop()
                if closed.bracket == "[" and not closed.is_value:
                    self._key = closed.first or (closed.seen[-1] if closed.seen else "")
                    if self._key and self._frames[-1].seen:
                        self._frames[-1].seen[-1] = self._key
                elif closed.bracket == "(" and closed.is_value and not self._frames[-1].bracket:
                    self._frames[-1].seen = closed.seen or self._frames[-1].seen  # `(a, b) = ...`
        elif text == ",":
            frame.position += 1
            if frame.bracket and not (frame.bracket in "([" and frame.is_value):
                frame.seen = []
            frame.name = ""
        elif text in _ASSIGNMENTS:
            if frame.bracket:
                frame.name = frame.seen[0] if frame.seen and not frame.is_value else _last(frame.seen)
            else:
                frame.targets.append(frame.seen or [""])
                frame.position = 0
            frame.seen = []
        elif text == ":":
            if frame.bracket == "{":
                frame.name = _last(frame.seen)
                frame.seen = []
            elif not frame.bracket and (frame.is_head or frame.seen[:1] == ["case"]):
                self._frames[-1] = _Frame()  # `if ready: password = ...`
            elif not frame.bracket:
                frame.seen = frame.seen[:1]

    def _is_before(self, operator: str) -> bool:
        """Whether an operator, and not a longer one, comes next."""
        at = self._at
        source = self._source
        while at < len(source) and source[at] in " \t":
            at += 1
        return source.startswith(operator, at) and source[at + 1 : at + 2] != "="

    def _is_before_comparison(self) -> bool:
        return _COMPARISON.match(self._source, self._at) is not None

    def _before_comparison(self) -> str:
        """What a literal is compared with; empty when it is not."""
        if self._before.text not in _COMPARISONS:
            return ""
        return _last(self._frames[-1].seen)


def _last(names: list[str]) -> str:
    return names[-1] if names else ""


def _is_quoted(word: str) -> bool:
    return len(word) > 1 and word[0] in "'\"" and word[-1] == word[0]


def _is_harmless(value: str, name: str, *, is_format: bool) -> bool:
    """Whether a value is none to hide, though its name says so."""
    if _HARMLESS.fullmatch(value) or value == REDACTED:
        return True
    if name.lower() == "token" and _SPECIAL_TOKEN.fullmatch(value):
        return True  # of a language
    if is_format and "{" in value:
        return not _WORDS_AROUND.sub("", _PLACEHOLDER.sub("", value))
    return False


def _blank(text: str) -> str:
    """What stands in the place of a text, with as many lines."""
    ends = re.findall(r"\\?\r?\n", text)
    return REDACTED + "".join(ends)
