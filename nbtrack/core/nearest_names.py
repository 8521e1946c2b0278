"""The known name that a misspelt one was meant to be."""

from collections.abc import Iterable

_LONGEST = 100
"""Characters of a name that are looked at: difflib takes time with the square of it."""


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known name that is most like the given one.

    One that differs only by case, spaces around it, its Unicode form or percent-encoding comes first.

    Args:
        name: What was written.
        known: The names there are, the preferred first.
        likeness: How much alike they must be, from 0 to 1; what is below is no slip of the pen.

    Returns:
        The name as it is known, or None.
    """
    names: dict[str, str] = {}
    for each in known:
        names.setdefault(_plain(each), each)
    if not names:
        return None
    from difflib import get_close_matches  # lazy: it is wanted only when something went wrong
    from urllib.parse import unquote

    for written in dict.fromkeys((_plain(name), _plain(unquote(name)))):
        if written in names:
            return names[written]
    shortened: dict[str, str] = {}
    for plain, each in names.items():
        shortened.setdefault(plain[:_LONGEST], each)
    close = get_close_matches(_plain(name)[:_LONGEST], shortened, n=1, cutoff=likeness)
    return shortened[close[0]] if close else None


def _plain(name: str) -> str:
    from unicodedata import normalize  # lazy, as above

    return normalize("NFC", name).strip().casefold()
