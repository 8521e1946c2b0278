"""The order of a search: from texts such as `metrics.loss DESC` to keys to sort by."""

from collections.abc import Sequence

from nbtrack.core.errors import InvalidTypeError
from nbtrack.documents.ordering import Order
from nbtrack.filters.fields import Entity, Finder
from nbtrack.filters.grammar import parse_order_entry
from nbtrack.filters.mistakes import mistake, quote

_SUBJECT = "Order"


def orders_of(order_by: Sequence[str] | str | None, entity: Entity) -> list[Order]:
    """The keys that `order_by` means.

    Args:
        order_by: Fields, each with ASC (if nothing is said) or DESC; the first counts most. One field
            may stand alone, without a list; None is none.
        entity: What is searched.

    Raises:
        InvalidTypeError: It is no list of texts.
        InvalidValueError: An entry is malformed, names an unknown field, or one that is there already.
    """
    if isinstance(order_by, str):
        order_by = [order_by]
    if order_by is not None and not isinstance(order_by, Sequence):
        raise InvalidTypeError(
            f"An order is a list such as ['metrics.loss DESC'], not {type(order_by).__name__} "
            f"{quote(str(order_by))}."
        )
    orders: list[Order] = []
    for text in order_by or ():
        name, descending = parse_order_entry(text)
        field = Finder(entity, text, _SUBJECT).find(name)
        if field.relation or field.is_of_input:
            raise mistake(
                text, name.column, f"{field.label} may be many: nothing can be sorted by it", _SUBJECT
            )
        if any(field.path == order.path for order in orders):
            raise mistake(text, name.column, f"{field.label} is in this order already", _SUBJECT)
        orders.append(Order(field.path, descending))
    return orders
