"""The filter and the order of a search for logged models: text to a condition on their documents.

    metrics.accuracy > 0.9 and params.model = 'tree' and status = 'READY'

Where data sets are named, only what was measured on one of them counts as a metric.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.logged_models import dataset_place
from nbtrack.documents.ordering import Order
from nbtrack.documents.queries import Both, Comparison, Condition, Either, Negation
from nbtrack.filters.conditions import filter_of
from nbtrack.filters.fields import LOGGED_MODEL
from nbtrack.filters.mistakes import did_you_mean, listed
from nbtrack.filters.orders import orders_of

Datasets = Sequence[Mapping[str, str]]

_ORDER_KEYS = ("field_name", "ascending", "dataset_name", "dataset_digest")
_DATASET_KEYS = ("dataset_name", "dataset_digest")


def parse_filter(text: str | None, datasets: Datasets | None = None) -> Condition | None:
    """Turn a filter into a condition.

    Args:
        text: The filter; None matches all.
        datasets: `{"dataset_name": ..., "dataset_digest": ...}` of each; the digest may be left out.
            Without a metric in the filter: models of which anything was measured on one of them.

    Raises:
        InvalidTypeError: It is no text; or the data sets are no dicts.
        InvalidValueError: It is malformed, or a data set has no name.
    """
    condition = filter_of(text, LOGGED_MODEL)
    places = [_place(dataset, "A data set", _DATASET_KEYS) for dataset in datasets or ()]
    if not places:
        return condition
    measured = Either(*(Comparison("exists", ("measured", place)) for place in places))
    if condition is None:
        return measured
    moved, count = _on(condition, places)
    return moved if count else Both(condition, measured)


def parse_order(order_by: Sequence[Any] | str | None) -> list[Order]:
    """Turn `["metrics.accuracy DESC"]` into an order, or MLflow's dicts.

    Args:
        order_by: Texts as for runs, or dicts of `field_name`, `ascending` (True if not given), and for a
            metric the `dataset_name` and `dataset_digest` on which it was measured.

    Raises:
        InvalidTypeError: It is no list of these.
        InvalidValueError: An entry is malformed, or names a field twice.
    """
    if order_by is None or isinstance(order_by, str):
        return orders_of(order_by, LOGGED_MODEL)
    if isinstance(order_by, Mapping) or not isinstance(order_by, Sequence):
        raise InvalidTypeError(
            f"An order is a list such as ['metrics.accuracy DESC'], not {type(order_by).__name__} "
            f"{str(cast('Any', order_by))[:80]!r}."
        )
    orders: list[Order] = []
    for entry in order_by:
        if isinstance(entry, Mapping):
            order = _order_of(cast("Mapping[Any, Any]", entry))
        else:
            (order,) = orders_of([entry], LOGGED_MODEL)
        if any(order.path == known.path for known in orders):
            raise InvalidValueError(f"{entry!r} names a field that is in this order already.")
        orders.append(order)
    return orders


def _order_of(entry: Mapping[Any, Any]) -> Order:
    name, ascending = entry.get("field_name"), entry.get("ascending", True)
    if not isinstance(name, str) or not name:
        raise InvalidValueError(f"An entry of an order has a field_name, {entry!r:.120} has none.")
    _check_keys(entry, "An entry of an order", _ORDER_KEYS)
    group, dot, key = name.partition(".")
    if dot and not key.startswith(("`", '"')):
        # MLflow takes all behind the first dot as the key, blanks and signs included.
        name = f"{group}.`{key.replace('`', '``')}`"
    (order,) = orders_of([f"{name} {'ASC' if ascending else 'DESC'}"], LOGGED_MODEL)
    if entry.get("dataset_name") is None and entry.get("dataset_digest") is None:
        return order
    if order.path[0] != "metrics":
        raise InvalidValueError(f"{entry!r:.200}: only metrics are measured on data sets.")
    place = _place(entry, "An entry of an order", _ORDER_KEYS)
    return Order(_path_on(place, order.path[1]), order.descending)


def _place(dataset: Any, what: str, known: Sequence[str]) -> str:
    if not isinstance(dataset, Mapping):
        raise InvalidTypeError(
            f"{what} is a dict such as {{'dataset_name': 'iris'}}, got {type(dataset).__name__}."
        )
    named = cast("Mapping[Any, Any]", dataset)
    _check_keys(named, what, known)
    name, digest = named.get("dataset_name"), named.get("dataset_digest")
    if not isinstance(name, str) or not name:
        raise InvalidValueError(f"{what} has a dataset_name, {dataset!r:.120} has none.")
    return dataset_place(name, None if digest is None else str(digest))


def _check_keys(given: Mapping[Any, Any], what: str, known: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            hint = did_you_mean(str(key), known)
            raise InvalidValueError(f"{what} has no {key!r}; there are {listed(known)}{hint}")


def _path_on(place: str, key: str) -> tuple[str, ...]:
    return "measured", place, "metrics", key, "last"


def _on(condition: Any, places: Sequence[str]) -> tuple[Condition, int]:
    """The condition with each comparison of a metric asked on the data sets, and how many there were."""
    if isinstance(condition, Both | Either):
        moved = [_on(part, places) for part in condition.parts]
        return type(condition)(*(part for part, _ in moved)), sum(count for _, count in moved)
    if isinstance(condition, Negation):
        inner, count = _on(condition.inner, places)
        return Negation(inner), count
    if isinstance(condition, Comparison) and condition.path[0] == "metrics":
        if condition.path[2:] != ("last",):
            raise InvalidValueError(
                f"Of metric {condition.path[1]!r} only the last value is known for each data set; "
                f"leave out .{condition.path[-1]}, or the datasets."
            )
        asked = [
            Comparison(condition.operator, _path_on(place, condition.path[1]), condition.value)
            for place in places
        ]
        return Either(*asked), 1
    return condition, 0
