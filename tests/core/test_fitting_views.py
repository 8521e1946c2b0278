"""Views that stay small."""

from nbtrack.core.fitting_views import MOST_BYTES, fitted
from nbtrack.core.static_views import View


def drawing(letter: str, per_row: int = 5000) -> tuple[list[int], View]:
    tried: list[int] = []

    def draw(count: int) -> View:
        tried.append(count)
        return View(letter * per_row * count, letter)

    return tried, fitted(draw)


def test_what_is_small_is_drawn_once() -> None:
    assert drawing("x", per_row=100)[0] == [50]


def test_what_is_too_long_is_drawn_with_fewer_rows_until_it_fits() -> None:
    tried, view = drawing("x")

    assert tried == [50, 20, 8]
    assert len(view.html.encode()) <= MOST_BYTES


def test_bytes_count_and_not_letters() -> None:
    assert drawing("字")[0] == [50, 20, 8, 3]
    assert drawing("字", per_row=1500)[0] == [50, 20, 8]


def test_what_never_fits_is_drawn_as_short_as_can_be() -> None:
    assert drawing("x", per_row=100_000)[0] == [50, 20, 8, 3, 1]
