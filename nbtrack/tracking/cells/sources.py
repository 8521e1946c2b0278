"""Questions about sources, which say where values may have come from (`effects`)."""

from collections.abc import Iterable
from typing import TypeVar

from nbtrack.tracking.cells.effects import Deferred, Sources

_T = TypeVar("_T")


def union(groups: Iterable[Iterable[_T]]) -> frozenset[_T]:
    """All members of groups."""
    return frozenset(each for group in groups for each in group)


def derived(sources: Sources) -> Sources:
    """Where something taken out of values comes from."""
    if not sources:
        return sources
    found = _DERIVED.get(sources)
    if found is None:
        found = frozenset(
            f"~{source.lstrip('^')}"
            if type(source) is str and source[0] != "~" and source[-1] != ")"
            else source
            for source in sources
        )
        if all(type(source) is str for source in sources) and len(_DERIVED) < 20_000:
            _DERIVED[sources] = found
    return found


_DERIVED: dict[Sources, Sources] = {}


def copied(sources: Sources) -> Sources:
    """Where what a copy of values holds comes from."""
    return frozenset(
        f"^{source}"
        if isinstance(source, str) and source[0] not in "~^" and source[-1] != ")"
        else f"^{source[1:]}"
        if isinstance(source, str) and source[0] == "~"
        else source
        for source in sources
    )


def uncopied(sources: Sources) -> Sources:
    """Where something comes from that may be a copy, or what it holds."""
    if not any(isinstance(source, str) and source[0] == "^" for source in sources):
        return sources
    return frozenset(
        f"~{source[1:]}" if isinstance(source, str) and source[0] == "^" else source for source in sources
    )


def themselves(sources: Sources) -> Sources:
    """Those that are no copies: what changes when the object is changed, but nothing that it holds."""
    return frozenset(source for source in sources if not (isinstance(source, str) and source[0] == "^"))


def as_from(source: str, sources: Sources) -> Sources:
    """Where a value comes from that came from others by way of a parameter, as `source` says."""
    if source[0] == "~":
        return derived(sources)
    return copied(sources) if source[0] == "^" else sources


def objects_in(sources: Sources) -> Sources:
    """The sources that are objects which may hold others."""
    return frozenset(source for source in sources if not isinstance(source, Deferred))


def bare(source: str) -> str:
    """The name in a source."""
    return source.lstrip("~^").removesuffix("()")


def without_parameters(sources: Sources) -> Sources:
    """Those that are no parameters."""
    return frozenset(each for each in sources if not (isinstance(each, str) and bare(each).startswith(":")))


def argument_for(
    function: Deferred, parameter: str, arguments: Iterable[tuple[int | str, Sources]], *, skipped: int = 0
) -> Iterable[Sources]:
    """What may be passed for a parameter. `skipped`: so many first parameters are bound already (`self`)."""
    names = function.parameters
    is_given = False
    place = names.index(parameter) - skipped if parameter in names else None
    for given, sources in arguments:
        if given in (parameter, -1, place):
            is_given = True
            yield sources
        elif parameter.startswith("*") and (
            isinstance(given, str) or given >= sum(not name.startswith("*") for name in names) - skipped
        ):
            yield sources
    if not is_given and function.holds:
        yield function.holds | {function}
