"""Pages: a list that knows how to go on."""

from collections.abc import Iterable
from typing import Any, TypeVar

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

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # IPython has a printer for lists, which it asks before the MIME bundle of a list.
        draw = getattr(self, "_repr_mimebundle_", None)
        printer.text(repr(self) if cycle or draw is None else draw()["text/plain"])
