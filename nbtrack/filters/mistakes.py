"""How a filter or an order says no: the column, the reason, and a caret under the place."""

from collections.abc import Collection, Iterable

from nbtrack.core.errors import InvalidValueError

_SHOWN = 60
_LONGEST_WORD = 60


def mistake(text: str, column: int, why: str, subject: str = "Filter") -> InvalidValueError:
    """The error for a malformed text, to be raised.

    Args:
        text: The filter, or one entry of an order.
        column: Where in it, from 0; `len(text)` is its end.
        why: What is wrong there, and what to do; without a full stop at its end.
        subject: What `text` is.
    """
    line_start = text.rfind("\n", 0, column) + 1
    line_end = text.find("\n", column)
    line = text[line_start : len(text) if line_end < 0 else line_end]
    at = column - line_start
    start = max(0, at - _SHOWN)
    shown = "".join(sign if sign.isprintable() else " " for sign in line[start : at + _SHOWN])
    number = text.count("\n", 0, column) + 1
    place = f"line {number}, column {at + 1}" if number > 1 else f"column {at + 1}"
    stop = "" if why.endswith("?") else "."
    return InvalidValueError(f"{subject}, {place}: {why}{stop}\n  {shown}\n  {' ' * (at - start)}^")


def quote(word: str) -> str:
    """A word as errors show it: in quotes, on one line, not too long."""
    return repr(word if len(word) <= _LONGEST_WORD else f"{word[: _LONGEST_WORD - 1]}…")


def listed(words: Iterable[str]) -> str:
    """`"name, digest and context"`."""
    names = list(words)
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def did_you_mean(word: str, known: Collection[str], form: str = "{}", likeness: float = 0.6) -> str:
    """`"; did you mean 'status'?"`, or nothing if no known word is like this one.

    Args:
        word: What was written.
        known: The words that would have been right.
        form: How the word is shown: `"metrics.{}"`.
        likeness: How much alike they must be, from 0 to 1; what is below is no slip of the pen.
    """
    from difflib import get_close_matches  # lazy: it is wanted only when something went wrong

    if len(word) > _LONGEST_WORD:  # difflib takes time with the square of it
        return ""
    names = {name.lower(): name for name in known if len(name) <= _LONGEST_WORD}
    close = get_close_matches(word.lower(), list(names), n=1, cutoff=likeness)
    return f"; did you mean {form.format(names[close[0]])!r}?" if close else ""
