"""The order of documents by the values they hold, in Python and in SQL, with one answer.

In both directions numbers come first, then text, then lists and objects (all alike), then NaN, then
null and missing values: MLflow's rule. `descending` turns the order round among numbers and among text;
documents that are alike keep the order of their ids.

A position in an order is the values of one document at the paths of the order. What comes after it can
be told without knowing how much comes before it, also when that document has gone.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tinydb.table import Document

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.codec import encode
from nbtrack.documents.push_down import reads_numbers_exactly, value_sql
from nbtrack.documents.queries import Path, find_value


class Order(NamedTuple):
    """One key to sort by: the value at `path`."""

    path: Path
    descending: bool = False


Position = Sequence[Any]
"""A place in an order: one value for each of its keys, None where the document has none."""

_NUMBER, _TEXT, _CONTAINER, _NAN, _MISSING = range(5)


def sort_documents(documents: Iterable[Document], orders: Sequence[Order]) -> list[Document]:
    """Sort documents by the first of `orders`, those alike by the second, and so on, then by id."""
    result = sorted(documents, key=lambda document: document.doc_id)
    # Python's sort keeps the order of equals: the least significant key is sorted first.
    for path, descending in reversed(orders):
        sign = -1 if descending else 1

        def rank(document: Document, path: Path = path, sign: int = sign) -> tuple[int, Any]:
            kind, value = _classify(find_value(document, path))
            return kind * sign, value

        result.sort(key=rank, reverse=descending)
    return result


def position_of(document: Any, orders: Sequence[Order]) -> tuple[Any, ...]:
    """Where a document stands in an order."""
    return tuple(find_value(document, path) for path, _ in orders)


def is_after(document: Any, position: Position, orders: Sequence[Order]) -> bool:
    """Whether a document comes after a position; one that is alike in all keys does not."""
    return _comes_after(position_of(document, orders), position, orders)


class Rank:
    """A position that can be compared: of two in the same order the smaller one comes first."""

    __slots__ = ("_orders", "_position")

    def __init__(self, position: Position, orders: Sequence[Order]) -> None:
        self._position = position
        self._orders = orders

    def __lt__(self, other: "Rank") -> bool:
        return _comes_after(other._position, self._position, self._orders)


def _comes_after(one: Position, other: Position, orders: Sequence[Order]) -> bool:
    for value, limit, (_, descending) in zip(one, other, orders, strict=True):
        found, bound = _classify(value), _classify(limit)
        if found != bound:
            return found < bound if descending and found[0] == bound[0] else found > bound
    return False


def check_position(position: Position, orders: Sequence[Order]) -> None:
    """Refuse a position that has not one value for each key.

    Raises:
        InvalidValueError: It has more or fewer.
    """
    if len(position) != len(orders):
        raise InvalidValueError(
            f"after is one value for each of the {len(orders)} keys of order_by, not {position!r}."
        )


class OrderSql(NamedTuple):
    """An order in SQL: `columns` are computed once for each row, `terms` sort by them.

    `rest` sorts those whose first keys are alike. `beyond` is true for the rows after the position, with
    its `bindings`.
    """

    columns: str
    terms: str
    rest: str
    beyond: str
    bindings: tuple[Any, ...]


def order_sql(orders: Sequence[Order], after: Position | None = None) -> OrderSql | None:
    """The order of documents that are not odd; None if SQL cannot sort by it exactly."""
    if orders and not reads_numbers_exactly():
        return None
    if after is not None and encode(list(after))[1]:
        return None  # it is odd itself
    columns: list[str] = ["doc_id AS found"]
    terms: list[str] = []
    for at, (path, descending) in enumerate(orders):
        value = value_sql(tuple(path))
        if value is None:
            return None
        key = f"key{at}"
        columns.append(f"{value} AS {key}")
        # SQL sorts numbers before text before blobs, which are lists and objects, also NaN's.
        terms.append(_kind_sql(key))
        terms.append(f"CASE WHEN {key} < x'' THEN {key} END{' DESC' if descending else ''}")
    beyond, bindings = ("1", ()) if after is None else _beyond_sql(orders, after)
    return OrderSql(
        ", ".join(columns), ", ".join([*terms, "found"]), ", ".join([*terms[2:], "found"]), beyond, bindings
    )


def _kind_sql(key: str) -> str:
    return (
        f"CASE WHEN {key} < '' THEN {_NUMBER} WHEN {key} < x'' THEN {_TEXT} "
        f"WHEN {key} IS NULL THEN {_MISSING} "
        f"""WHEN jsonb_extract({key}, '$."$float"') = 'NaN' THEN {_NAN} ELSE {_CONTAINER} END"""
    )


def _beyond_sql(orders: Sequence[Order], after: Position) -> tuple[str, tuple[Any, ...]]:
    """What `is_after` says, on the columns of `order_sql`."""
    beyond = "0"
    bindings: tuple[Any, ...] = ()
    # From the last key to the first: each decides unless it is alike.
    for at, ((_, descending), value) in reversed(list(enumerate(zip(orders, after, strict=True)))):
        key, (kind, bound) = f"key{at}", _classify(value)
        kind_sql = _kind_sql(key)
        if kind in (_NUMBER, _TEXT):
            beyond = f"({key} {'<' if descending else '>'} ? OR ({key} = ? AND {beyond}))"
            bindings = (bound, bound, *bindings)
        beyond = f"({kind_sql} > {kind} OR ({kind_sql} = {kind} AND {beyond}))"
    return beyond, bindings


def _classify(value: Any) -> tuple[int, Any]:
    if value is None:
        return _MISSING, 0
    if isinstance(value, int | float):
        return (_NAN, 0) if isinstance(value, float) and math.isnan(value) else (_NUMBER, value)
    if isinstance(value, str):
        return _TEXT, value
    return _CONTAINER, 0
