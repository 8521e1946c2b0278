"""The order of documents by the values they hold, in Python and in SQL, with one answer.

In both directions numbers come first, then text, then lists and objects (all alike), then NaN, then
null and missing values: MLflow's rule. `descending` turns the order round among numbers and among text;
documents that are alike keep the order of their ids.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tinydb.table import Document

from nbtrack.documents.push_down import path_sql
from nbtrack.documents.queries import Path


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
            kind, value = _classify(_find(document, path))
            return kind * sign, value

        result.sort(key=rank, reverse=descending)
    return result


def order_sql(orders: Sequence[Order]) -> str | None:
    """The terms of ORDER BY for documents that are not odd; None if a path cannot be written in SQL."""
    terms: list[str] = []
    for path, descending in orders:
        literal = path_sql(path)
        if literal is None:
            return None
        value = f"jsonb_extract(doc, {literal})"
        is_nan = f"""jsonb_extract(doc, {literal[:-1]}."$float"') = 'NaN'"""
        terms.append(
            f"CASE typeof({value}) WHEN 'real' THEN {_NUMBER} WHEN 'integer' THEN {_NUMBER} "
            f"WHEN 'text' THEN {_TEXT} WHEN 'null' THEN {_MISSING} "
            f"ELSE CASE WHEN {is_nan} THEN {_NAN} ELSE {_CONTAINER} END END"
        )
        # Lists and objects are blobs here; among themselves they are all alike.
        terms.append(f"CASE WHEN {value} < x'' THEN {value} END{' DESC' if descending else ''}")
    terms.append("doc_id")
    return ", ".join(terms)


def _find(document: Any, path: Path) -> Any:
    try:
        for key in path:
            document = document[key]
    except (KeyError, TypeError):
        return None
    return document


def _classify(value: Any) -> tuple[int, Any]:
    if value is None:
        return _MISSING, 0
    if isinstance(value, int | float):
        return (_NAN, 0) if isinstance(value, float) and math.isnan(value) else (_NUMBER, value)
    if isinstance(value, str):
        return _TEXT, value
    return _CONTAINER, 0
