"""The filter and the order of a run search: text to a condition on run documents.

    metrics.loss.min < 0.2 and (params.lr between 0.01 and 0.1 or tags.team in ('nlp', 'vision'))

MLflow's filters and more; docs/searching.md says what they mean. A condition that compares parents or
children is to be given to `nbtrack.filters.relations.resolve` before it is asked.
"""

from collections.abc import Sequence

from nbtrack.documents.ordering import Order
from nbtrack.documents.queries import Condition
from nbtrack.filters.conditions import filter_of
from nbtrack.filters.fields import RUN
from nbtrack.filters.orders import orders_of


def parse_filter(text: str | None) -> Condition | None:
    """Turn a filter into a condition; `filter_of` says what it raises."""
    return filter_of(text, RUN)


def parse_order(order_by: Sequence[str] | str | None) -> list[Order]:
    """Turn `["metrics.loss ASC", "start_time DESC"]` into an order; ascending unless said otherwise.

    Raises:
        InvalidTypeError: It is no list of texts.
        InvalidValueError: An entry is malformed, or names a field twice.
    """
    return orders_of(order_by, RUN)
