"""Functions of ours inside SQL, for the few values that SQLite's own functions answer differently.

They are not called for every row: another thread that computes makes each call wait for Python's lock.
"""

from typing import Any

import apsw

from nbtrack.documents.text_conditions import like_matcher, number_of

ILIKE = "nbtrack_ilike"
NUMBER = "nbtrack_number"


def add_functions(connection: apsw.Connection) -> None:
    """Make the functions known to one connection."""
    connection.create_scalar_function(ILIKE, _ilike, 2, deterministic=True)
    connection.create_scalar_function(NUMBER, _number, 1, deterministic=True)


def _ilike(*arguments: Any) -> bool:
    text, pattern = arguments
    return like_matcher(pattern, True)(text)


def _number(*arguments: Any) -> int | float | None:
    return number_of(arguments[0])
