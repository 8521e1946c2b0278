"""The words of a line behind a magic: split, with their quotes, and filled in from the notebook."""

import re
from collections.abc import Callable
from typing import NamedTuple

# A word is made of these. What stands in braces is an expression: its quotes and spaces are its own.
_SEGMENT = re.compile(
    r"""(?P<literal>'[^']*')|(?P<quoted>"[^"]*")|(?P<bare>(?:\{(?:[^{}]|\{[^{}]*\})*\}|[^\s"'])+)"""
)
_QUOTES = ("'", '"')
_NEEDS_QUOTES = re.compile(r"""[\s"'{}$]""")


class OpenQuoteError(ValueError):
    """A quote is not closed; the message says where."""


class Words(NamedTuple):
    """A line that is being typed."""

    before: list[str]
    """The words that are done, each as it was written."""
    typed: str
    """What there is of the last word, as it was written; empty after a space."""


def split_words(line: str) -> list[str]:
    """The words of a line, each as it was written, with its quotes.

    Raises:
        OpenQuoteError: A quote is not closed.
    """
    words = _split(line)
    last = words.typed
    if last and _open_quote(last):
        raise OpenQuoteError(f"a quote {_open_quote(last)} is not closed in {last!r}")
    return [*words.before, last] if last else words.before


def split_typed(line: str) -> Words:
    """The words of a line up to the cursor; the last one may be in a quote that is still open."""
    return _split(line)


def filled_in(word: str, expand: Callable[[str], str] = str) -> str:
    """A word without its quotes, variables filled in except in single quotes, as in a shell.

    Args:
        word: As it was written.
        expand: Fills in `{expressions}` and `$names`.
    """
    text = ""
    position = 0
    while position < len(word):
        segment = _SEGMENT.match(word, position)
        if segment is None:
            return text + word[position + 1 :]  # behind a quote that is still open
        if segment["literal"] is not None:
            text += segment["literal"][1:-1]
        elif segment["quoted"] is not None:
            text += expand(segment["quoted"][1:-1])
        else:
            text += expand(segment["bare"])
        position = segment.end()
    return text


def quoted(text: str, typed: str = "") -> str:
    """Text as a word of a line.

    Args:
        text: Any text; one with both kinds of quotes cannot be written.
        typed: What there is of the word: a quote it begins with is kept, and left open.
    """
    if typed[:1] in _QUOTES:
        return typed[0] + text
    if not _NEEDS_QUOTES.search(text):
        return text
    # What stands in single quotes is not filled in.
    return f'"{text}"' if "'" in text else f"'{text}'"


def _split(line: str) -> Words:
    words: list[str] = []
    start = position = 0
    while position < len(line):
        if line[position].isspace():
            if position > start:
                words.append(line[start:position])
            position += 1
            start = position
            continue
        segment = _SEGMENT.match(line, position)
        if segment is None:
            break
        position = segment.end()
    return Words(words, line[start:])


def _open_quote(word: str) -> str:
    """The quote that a word leaves open; empty when it leaves none."""
    position = 0
    while position < len(word):
        segment = _SEGMENT.match(word, position)
        if segment is None:
            return word[position]
        position = segment.end()
    return ""
