"""Views that stay small: a notebook keeps what it shows, and what it shows of hostile names may be long."""

from collections.abc import Callable, Sequence

from nbtrack.core.static_views import View

MOST_BYTES = 64_000
"""Of the HTML and of the text of what a notebook keeps of one object."""


def fitted(draw: Callable[[int], View], counts: Sequence[int] = (50, 20, 8, 3, 1)) -> View:
    """The first drawing that is small enough; the last if none is.

    Args:
        draw: Draws with at most that many rows, or names, of each kind.
        counts: What to try.
    """
    view = draw(counts[0])
    for count in counts[1:]:
        # A letter takes four bytes at most.
        if max(map(len, view)) * 4 <= MOST_BYTES or max(len(part.encode()) for part in view) <= MOST_BYTES:
            break
        view = draw(count)
    return view
