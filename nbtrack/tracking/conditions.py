"""What a search is asked for: a filter in text or a TinyDB query, and a view."""

from collections.abc import Callable
from typing import Any

from tinydb.queries import Query, QueryInstance

from nbtrack.core.entities import ViewType
from nbtrack.core.errors import InvalidTypeError, InvalidValueError


def condition_of(given: Any, parse: Callable[[str | None], Any]) -> Any:
    """The condition of a filter; None when everything matches.

    Args:
        given: The text of a filter, or a condition on documents such as `Query().params.lr == "0.1"`.
        parse: What turns text into a condition.

    Raises:
        InvalidValueError: The text is malformed.
        InvalidTypeError: It is neither.
    """
    if given is None or isinstance(given, str):
        return parse(given)
    if isinstance(given, Query):
        raise InvalidValueError("The query compares nothing; write for example Query().params.lr == '0.1'.")
    if isinstance(given, QueryInstance):
        return given
    raise InvalidTypeError(
        f'A filter is text such as "metrics.loss < 0.2" or a Query, got {type(given).__name__} {given!r:.80}.'
    )


def check_view(name: str, view: Any) -> None:
    """Check an argument that takes one of `ViewType`.

    Raises:
        InvalidValueError: It is none.
    """
    if view not in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        raise InvalidValueError(f"{name} is one of ViewType (1, 2 or 3), got {view!r}.")


def check_count(name: str, count: Any) -> None:
    """Check an argument that says how many at most.

    Raises:
        InvalidValueError: It is no whole number from 1.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InvalidValueError(f"{name} is a whole number from 1, got {count!r}.")
