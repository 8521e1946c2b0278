"""What `%%track` records of a cell without a call: which kinds, of which names."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.nearest_names import nearest

PARAMS, METRICS, DATA, OUTPUT, FIGURES = KINDS = ("params", "metrics", "data", "output", "figures")
"""Scalars that go in, numbers that come out, sizes of data, what is printed, what is drawn."""

CAPTURE_HELP = (
    "What `%%track` records of a cell without a call: True, False, or some of params, metrics, data, output, "
    "figures, as a list or as text with commas."
)
CAPTURE_INCLUDE_HELP = "Names that `%%track` captures, such as ['lr', 'n_*']; empty: all of them."
CAPTURE_EXCLUDE_HELP = "Names that `%%track` does not capture."


def captured_kinds(capture: Any) -> frozenset[str]:
    """The kinds that an option asks for.

    Args:
        capture: True (all of them), False or None (none), or kinds: a list, or text with commas.

    Raises:
        InvalidValueError: There is no such kind.
        InvalidTypeError: It is nothing of that sort.
    """
    if capture is None or isinstance(capture, bool):
        return frozenset(KINDS if capture else ())
    kinds = _texts("capture", capture)
    for kind in kinds:
        if kind not in KINDS:
            close = nearest(kind, KINDS)
            hint = f" Did you mean {close!r}?" if close else ""
            raise InvalidValueError(f"Nothing named {kind!r} is captured, only {', '.join(KINDS)}.{hint}")
    return frozenset(kinds)


def captured_names(name: str, patterns: Any) -> tuple[str, ...]:
    """The patterns of names that an option gives: a list, or text with commas; None is none.

    Args:
        name: The option's, for the error.
        patterns: Such as `["lr", "n_*"]`; case counts.

    Raises:
        InvalidTypeError: It is nothing of that sort.
    """
    return () if patterns is None else _texts(name, patterns)


class NameFilter:
    """Which names are captured."""

    def __init__(self, include: Any = (), exclude: Any = ()) -> None:
        self._include = captured_names("capture_include", include)
        self._exclude = captured_names("capture_exclude", exclude)

    def excludes(self, name: str) -> bool:
        """Whether the options leave a name out; of `config.lr` both it and `config` are asked for."""
        asked = (name, name.partition(".")[0])
        if any(fnmatchcase(each, pattern) for each in asked for pattern in self._exclude):
            return True
        return bool(self._include) and not any(
            fnmatchcase(each, pattern) for each in asked for pattern in self._include
        )


def _texts(name: str, given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return tuple(part for each in given.split(",") if (part := each.strip()))
    if not isinstance(given, Iterable):
        raise InvalidTypeError(f"{name} is a list of texts, got {type(given).__name__} {given!r:.80}.")
    parts = tuple(cast("Iterable[Any]", given))
    for part in parts:
        if not isinstance(part, str):
            raise InvalidTypeError(
                f"{name} is a list of texts, got {type(part).__name__} {part!r:.80} in it."
            )
    return cast("tuple[str, ...]", parts)
