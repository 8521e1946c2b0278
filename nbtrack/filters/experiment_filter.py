"""The filter and the order of an experiment search: text to a condition on experiment documents.

Such as `name like 'digits%' and tags.team = 'nlp' and creation_time > '2026-11-01'`.
"""

from collections.abc import Sequence

from nbtrack.documents.ordering import Order
from nbtrack.documents.queries import Condition
from nbtrack.filters.conditions import filter_of
from nbtrack.filters.fields import EXPERIMENT
from nbtrack.filters.orders import orders_of


def parse_filter(text: str | None) -> Condition | None:
    """Turn a filter into a condition; `filter_of` says what it raises."""
    return filter_of(text, EXPERIMENT)


def parse_order(order_by: Sequence[str] | str | None) -> list[Order]:
    """Turn `["name ASC", "creation_time DESC"]` into an order; ascending unless said otherwise.

    Raises:
        InvalidTypeError: It is no list of texts.
        InvalidValueError: An entry is malformed, or names a field twice.
    """
    return orders_of(order_by, EXPERIMENT)
