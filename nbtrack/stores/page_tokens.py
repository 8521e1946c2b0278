"""Page tokens: opaque text that continues a search after the last run of a page.

A token holds where that run stood in the order, not how many came before it: what is inserted or
deleted between two pages makes no run appear twice or never.
"""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.codec import decode, encode
from nbtrack.documents.ordering import Order, position_of


def make_token(document: Any, orders: Sequence[Order]) -> str:
    """The token that continues after a document."""
    from base64 import urlsafe_b64encode  # lazy: most scripts only log

    position = [_mark_of(orders), *position_of(document, orders)]
    return urlsafe_b64encode(encode(position)[0].encode()).decode()


def read_token(token: str, orders: Sequence[Order]) -> list[Any]:
    """The position at which a token continues, in the same order.

    Raises:
        InvalidValueError: It is no token, or was given out for another order.
    """
    from base64 import urlsafe_b64decode  # lazy, as above

    try:
        mark, *position = decode(urlsafe_b64decode(token.encode()).decode())
    except (AttributeError, TypeError, ValueError, RecursionError):
        raise InvalidValueError(
            f"The page token {_short(token)} is none that a search gave out; pass the `token` of the page "
            "before, or None for the first page."
        ) from None
    if mark != _mark_of(orders) or len(position) != len(orders):
        raise InvalidValueError(
            f"The page token {_short(token)} belongs to a search in another order; go on with the order_by "
            "of the page before, or begin again without a token."
        )
    return position


def _mark_of(orders: Sequence[Order]) -> str:
    """What tells one order from another."""
    text = encode([[list(path), descending] for path, descending in orders])[0]
    return f"{crc32(text.encode('utf-8', 'surrogatepass')):08x}"


def _short(token: Any) -> str:
    shown = repr(token)
    return shown if len(shown) <= 60 else f"{shown[:57]}...{shown[-1]}"
