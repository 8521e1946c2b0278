"""Pages: a list that knows how to go on."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


class PagedList(list[T]):
    """A page of what was found.

    Args:
        items: What is on the page.
        token: The page token, opaque text that continues after the page; None when nothing is left.
    """

    def __init__(self, items: Iterable[T] = (), token: str | None = None) -> None:
        super().__init__(items)
        self.token = token
