"""Printed text without the secrets in it.

Lines that may hold one are looked at closely, all others cost next to nothing: an output may be a
megabyte. Numbers and ordinary words after `token:` stay, they are what language models print.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from nbtrack.core.secrets import REDACTED, is_secret_name, redact_drawn, redact_urls

_HINTS = ("pass", "pw", "secret", "cred", "token", "auth", "jwt", "cookie", "dsn", "bearer", "key", "://")
_FORMS = ("hooks.slack", "webhooks", ":AA")
_LONG = r"[A-Za-z0-9+/_-]{16,}"
_LONG_WORD = re.compile(_LONG)
_PREFIX = re.compile(
    r"gh[pousr]_|github_pat|glpat|hf_|api_org|r8_|sk-|[sr]k_|gsk_|nvapi|xox|xapp|A[A-Z]{3}[A-Z0-9]{16}|AIza"
    r"|ya29|GOCSPX|dapi|eyJ|npm_|pypi-|SG\.|key-|AGE-SECRET|shp|dckr|lin_api|hvs\."
)
_DIGIT, _LETTER = re.compile(r"\d"), re.compile(r"[A-Za-z]")
_WORD = re.compile(r"[\w.-]+")
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY.*?(?:-----END [A-Z ]*PRIVATE KEY[ -]*|\Z)", re.DOTALL | re.IGNORECASE
)
_HEADER = re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?)(?:[a-z]+\s+)?[^\s'\",;]+")
_BEARER = re.compile(r"(?i)\b(bearer\s+)(?=[^\s'\",;]*\d)[^\s'\",;]{8,}")
_PAIR = re.compile(
    r"""(['"]?)([A-Za-z_][\w.-]{0,99})\1(\s*(?:[:=]|=>|->)\s*)("[^"]*"|'[^']*'|[^\s,;&{}\[\]'"]+)"""
)
_FLAG = re.compile(r"(?<!\S)(--?([A-Za-z][\w-]{1,99})\s+)([^\s-]\S*)")
_ORDINARY = re.compile(
    r"(?i)|true|false|none|null|[+-]?[\d.,]{1,12}(?:e[+-]?\d+)?%?|[A-Za-z]{1,12}[.,;:!?)]*|\W+"
)
_HARMLESS = re.compile(r"(?i)|true|false|none|null|yes|no|on|off|[01]|\*+|<[^>]*>|\[redacted\]")
_SHORTEST_KNOWN, _LONGEST_KNOWN = 8, 4096
_LONGEST_LINE, _LONGEST_NAME = 20_000, 100


def redact_text(text: str, known: Iterable[str] = ()) -> str:
    """A text without the secrets in it, with as many lines unless a whole key was printed.

    Args:
        text: What was printed.
        known: Secrets that are known, such as the values of variables; short ones and plain words are
            left where they are.
    """
    for value in known:
        if _SHORTEST_KNOWN <= len(value) <= _LONGEST_KNOWN and not value.isalpha() and value in text:
            text = text.replace(value, REDACTED)
    if "PRIVATE KEY" in text:
        text = _KEY_BLOCK.sub(REDACTED, text)
    lowered = text.lower()
    hints = [hint for hint in _HINTS if hint in lowered]
    hints += [form for form in _FORMS if form in text]
    patterns = [*(re.escape(hint) for hint in hints), _LONG]
    # Without regard to case only where it counts: it makes a search slower.
    may_hold_one = re.compile("|".join(patterns), re.IGNORECASE if hints else 0)
    parts: list[str] = []
    done = start = 0
    while (found := may_hold_one.search(text, start)) is not None:
        begin = text.rfind("\n", 0, found.start()) + 1
        start = text.find("\n", found.end())
        start = len(text) if start < 0 else start
        line = text[begin:start]
        if (redacted := _redacted(line)) != line:
            parts += text[done:begin], redacted
            done = start
    return "".join((*parts, text[done:]))


def _redacted(line: str) -> str:
    if len(line) > _LONGEST_LINE:
        return "".join(_redacted(piece) for piece in _pieces(line))
    if any(_may_be_drawn(word) for word in _LONG_WORD.findall(line)) or any(form in line for form in _FORMS):
        line = redact_drawn(line, hint=line)
    if "://" in line:
        line = redact_urls(line)
    if any(_names_secret(word) for word in _WORD.findall(line)):
        line = _BEARER.sub(_kept_first, _HEADER.sub(_kept_first, line))
        line = _FLAG.sub(_flag, _PAIR.sub(_pair, line))
    return line


def _may_be_drawn(word: str) -> bool:
    if _PREFIX.match(word) is not None:
        return True
    return _DIGIT.search(word) is not None and _LETTER.search(word) is not None


@lru_cache(4096)
def _names_secret(word: str) -> bool:
    return not word[:1].isdigit() and len(word) <= _LONGEST_NAME and is_secret_name(word)


def _pieces(line: str) -> list[str]:
    """A line that is very long, cut between words where there are any."""
    pieces: list[str] = []
    start = 0
    while start < len(line):
        end = start + _LONGEST_LINE // 2
        if end < len(line):
            end = line.rfind(" ", start, end) + 1 or end
        pieces.append(line[start:end])
        start = end
    return pieces


def _kept_first(match: "re.Match[str]") -> str:
    return f"{match[1]}{REDACTED}"


def _is_secret(name: str, value: str) -> bool:
    if not is_secret_name(name) or _HARMLESS.fullmatch(value) or REDACTED in value:
        return False
    return not (name.lower().endswith(("token", "auth", "pass", "keys")) and _ORDINARY.fullmatch(value))


def _pair(match: "re.Match[str]") -> str:
    quote, name, between, value = match.groups()
    if not _is_secret(name, value.strip("'\"")):
        return match[0]
    mark = value[0] if value[0] in "'\"" else ""
    return f"{quote}{name}{quote}{between}{mark}{REDACTED}{mark}"


def _flag(match: "re.Match[str]") -> str:
    return f"{match[1]}{REDACTED}" if _is_secret(match[2], match[3]) else match[0]
