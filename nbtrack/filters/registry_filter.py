"""The filters and orders of the registry's searches: text to conditions on its documents.

Such as `name like 'iris%' and tags.team = 'nlp'` for registered models, and
`name = 'iris' and metrics.accuracy > 0.9 and current_stage = 'Production'` for their versions, which
have the params and metrics that they kept when they were registered.
"""

from collections.abc import Sequence

from nbtrack.documents.ordering import Order
from nbtrack.documents.queries import Condition
from nbtrack.filters.conditions import filter_of
from nbtrack.filters.fields import MODEL_VERSION, REGISTERED_MODEL
from nbtrack.filters.orders import orders_of


def parse_model_filter(text: str | None) -> Condition | None:
    """Turn a filter of registered models into a condition; `filter_of` says what it raises."""
    return filter_of(text, REGISTERED_MODEL)


def parse_model_order(order_by: Sequence[str] | str | None) -> list[Order]:
    """Turn `["name ASC", "timestamp DESC"]` into an order; `orders_of` says what it raises."""
    return orders_of(order_by, REGISTERED_MODEL)


def parse_version_filter(text: str | None) -> Condition | None:
    """Turn a filter of model versions into a condition; `filter_of` says what it raises."""
    return filter_of(text, MODEL_VERSION)


def parse_version_order(order_by: Sequence[str] | str | None) -> list[Order]:
    """Turn `["version_number DESC"]` into an order; `orders_of` says what it raises."""
    return orders_of(order_by, MODEL_VERSION)
