"""Functions of ours inside SQL: regular expressions, and what SQLite's own functions answer differently.

A call costs less than a tenth of decoding a document. Another thread that computes makes calls wait
for Python's lock, as it does all of Python: 100,000 of them took three times as long (measured).
"""

from typing import Any

import apsw

from nbtrack.documents.text_conditions import expression_matcher, like_matcher, number_of

ILIKE = "nbtrack_ilike"
NUMBER = "nbtrack_number"
RLIKE = "nbtrack_rlike"


def add_functions(connection: apsw.Connection) -> None:
    """Make the functions known to one connection."""
    connection.create_scalar_function(ILIKE, _ilike, 2, deterministic=True)
    connection.create_scalar_function(RLIKE, _rlike, 2, deterministic=True)
    connection.create_scalar_function(NUMBER, _number, 1, deterministic=True)


def _ilike(*arguments: Any) -> bool:
    text, pattern = arguments
    return like_matcher(pattern, True)(text)


def _rlike(*arguments: Any) -> bool:
    text, pattern = arguments
    return expression_matcher(pattern)(text)


def _number(*arguments: Any) -> int | float | None:
    return number_of(arguments[0])
