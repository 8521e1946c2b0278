"""The order of documents by the values they hold, in Python and in SQL, with one answer.

In both directions numbers come first, then text, then lists and objects (all alike), then NaN, then
null and missing values: MLflow's rule. `descending` turns the order round among numbers and among text;
documents that are alike keep the order of their ids.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tinydb.table import Document

from nbtrack.documents.push_down import reads_numbers_exactly, value_sql
from nbtrack.documents.queries import Path, find_value


class Order(NamedTuple):
    """One key to sort by: the value at `path`."""

    path: Path
    descending: bool = False


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


class OrderSql(NamedTuple):
    """An order in SQL: `columns` are computed once for each row, `terms` sort by them."""

    columns: str
    terms: str


def order_sql(orders: Sequence[Order]) -> OrderSql | None:
    """The order of documents that are not odd; None if SQL cannot sort by it exactly."""
    if orders and not reads_numbers_exactly():
        return None
    columns: list[str] = ["doc_id AS found"]
    terms: list[str] = []
    for at, (path, descending) in enumerate(orders):
        value = value_sql(tuple(path))
        if value is None:
            return None
        key = f"key{at}"
        columns.append(f"{value} AS {key}")
        # SQL sorts numbers before text before blobs, which are lists and objects, also NaN's.
        terms.append(
            f"CASE WHEN {key} < '' THEN {_NUMBER} WHEN {key} < x'' THEN {_TEXT} "
            f"WHEN {key} IS NULL THEN {_MISSING} "
            f"""WHEN jsonb_extract({key}, '$."$float"') = 'NaN' THEN {_NAN} ELSE {_CONTAINER} END"""
        )
        terms.append(f"CASE WHEN {key} < x'' THEN {key} END{' DESC' if descending else ''}")
    return OrderSql(", ".join(columns), ", ".join([*terms, "found"]))


def _classify(value: Any) -> tuple[int, Any]:
    if value is None:
        return _MISSING, 0
    if isinstance(value, int | float):
        return (_NAN, 0) if isinstance(value, float) and math.isnan(value) else (_NUMBER, value)
    if isinstance(value, str):
        return _TEXT, value
    return _CONTAINER, 0
