"""What a search is asked for: a filter in text or a TinyDB query, an order, a view, a number.

The filter language is loaded with the first search: most scripts only log.
"""

from collections.abc import Sequence
from typing import Any

from tinydb.queries import Query, QueryInstance

from nbtrack.core.entities import ViewType
from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.names import shown_number
from nbtrack.documents.ordering import Order

_MOST = 2**62
"""The largest number of anything that SQLite counts to, and one more."""


def run_search(filter_string: Any, order_by: Sequence[str] | None) -> tuple[Any, list[Order]]:
    """The condition (None when every run matches) and the order of a search for runs.

    Args:
        filter_string: The text of a filter, or a condition on documents such as
            `Query().params.lr == "0.1"`.
        order_by: Such as `["metrics.loss ASC"]`.

    Raises:
        InvalidValueError: One of them is malformed.
        InvalidTypeError: The filter is neither text nor a condition.
    """
    from nbtrack.filters.run_filter import parse_filter, parse_order

    given = _given_condition(filter_string)
    return parse_filter(filter_string) if given is None else given, parse_order(order_by)


def experiment_search(filter_string: Any, order_by: Sequence[str] | None) -> tuple[Any, list[Order]]:
    """The condition and the order of a search for experiments; as `run_search`."""
    from nbtrack.filters.experiment_filter import parse_filter, parse_order

    given = _given_condition(filter_string)
    return parse_filter(filter_string) if given is None else given, parse_order(order_by)


def model_search(filter_string: Any, order_by: Sequence[str] | None) -> tuple[Any, list[Order]]:
    """The condition and the order of a search for registered models; as `run_search`."""
    from nbtrack.filters.registry_filter import parse_model_filter, parse_model_order

    given = _given_condition(filter_string)
    return parse_model_filter(filter_string) if given is None else given, parse_model_order(order_by)


def version_search(filter_string: Any, order_by: Sequence[str] | None) -> tuple[Any, list[Order]]:
    """The condition and the order of a search for model versions; as `run_search`."""
    from nbtrack.filters.registry_filter import parse_version_filter, parse_version_order

    given = _given_condition(filter_string)
    return parse_version_filter(filter_string) if given is None else given, parse_version_order(order_by)


def logged_model_search(
    filter_string: Any, datasets: Any, order_by: Sequence[Any] | None
) -> tuple[Any, list[Order]]:
    """The condition and the order of a search for logged models; as `run_search`."""
    from nbtrack.filters.logged_model_filter import parse_filter, parse_order

    given = _given_condition(filter_string)
    if given is not None and datasets:
        raise InvalidValueError("datasets go with a filter in text; a Query names them itself.")
    return parse_filter(filter_string, datasets) if given is None else given, parse_order(order_by)


def check_view(name: str, view: Any) -> None:
    """Check an argument that takes one of `ViewType`.

    Raises:
        InvalidValueError: It is none.
    """
    if view not in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        raise InvalidValueError(f"{name} is one of ViewType (1, 2 or 3), got {view!r}.")


def check_count(name: str, count: Any, most: int | None = None) -> None:
    """Check an argument that says how many at most.

    Raises:
        InvalidValueError: It is no whole number from 1, or larger than `most`.
    """
    if isinstance(count, str) and not count.strip().isdigit():
        # MLflow's functions take the number first, its client the filter.
        raise InvalidValueError(
            f"{name} is a whole number from 1, got {count!r:.80}. "
            "If that is a filter, write filter_string=..."
        )
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InvalidValueError(f"{name} is a whole number from 1, got {shown_number(count)}.")
    if most is None and count > _MOST:
        raise InvalidValueError(f"{name} is at most {_MOST:,}, got {shown_number(count)}. None is all.")
    if most is not None and count > most:
        raise InvalidValueError(
            f"{name} is at most {most:,}, got {shown_number(count)}. Ask for one page after the other: the "
            "`token` of a page is the page_token of the next."
        )


def _given_condition(given: Any) -> Any:
    """The condition itself, where it was given as one; None for text and nothing."""
    if given is None or isinstance(given, str):
        return None
    if isinstance(given, Query):
        raise InvalidValueError("The query compares nothing; write for example Query().params.lr == '0.1'.")
    if isinstance(given, QueryInstance):
        return given
    raise InvalidTypeError(
        f"A filter is text such as 'metrics.loss < 0.2' or a Query, got {type(given).__name__} {given!r:.80}."
    )
