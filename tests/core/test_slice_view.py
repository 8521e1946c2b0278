"""How a slice looks."""

import re

from nbtrack.core.cells import CellMark, ExecutedCell, Slice, SliceCell


def slice_of(*cells: tuple[int, str, str], left_out: int = 0, marks: tuple[CellMark, ...] = ()) -> Slice:
    found = [SliceCell(ExecutedCell(number, source), source, (reason,)) for number, source, reason in cells]
    return Slice(tuple(found), run_id="ab" * 16, left_out=left_out, marks=marks)


def test_the_cells_stand_in_order_with_their_reasons() -> None:
    found = slice_of(
        (2, "x = 1\ny = 2", "defines x"),
        (11, "x", "is the cell itself"),
        left_out=9,
        marks=(CellMark("seed", "Nothing seeds numpy."),),
    )

    bundle = found._repr_mimebundle_()

    assert bundle["text/plain"] == (
        "slice of run abababab · 2 of 11 executed cells\n"
        "  ⚠ Nothing seeds numpy.\n"
        "\n"
        "cell  2  defines x\n"
        "  │ x = 1\n"
        "  │ y = 2\n"
        "\n"
        "cell 11  is the cell itself\n"
        "  │ x"
    )
    words = re.sub(r"<[^>]*>", " ", bundle["text/html"])
    for word in ("2 of 11 executed cells", "Nothing seeds numpy.", "cell 2", "defines x", "x = 1\ny = 2"):
        assert word in words
    assert "<pre>x = 1\ny = 2</pre>" in bundle["text/html"]


def test_hostile_texts_stay_texts() -> None:
    hostile = "<script>alert(1)</script>\x1b[31m$x$"

    bundle = slice_of((1, hostile, hostile), marks=(CellMark("seed", hostile),))._repr_mimebundle_()

    assert "<script" not in bundle["text/html"]
    assert "\x1b" not in bundle["text/plain"] + bundle["text/html"]


def test_a_huge_slice_is_small_to_look_at() -> None:
    many = slice_of(
        *((number, f"x = {number}\n" * 300, "again and again " * 50) for number in range(1, 3000))
    )
    wide = slice_of((1, "x" * 5_000_000, "<" * 1_000_000))

    for found in (many, wide):
        for text in found._repr_mimebundle_().values():
            assert len(text.encode()) <= 64_000
    assert "cells before these" in many._repr_mimebundle_()["text/plain"]
    assert "cell 2999" in many._repr_mimebundle_()["text/plain"]
