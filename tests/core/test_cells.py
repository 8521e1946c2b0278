"""Slices as they are kept."""

import json

from nbtrack.core.cells import CellMark, ExecutedCell, Slice, SliceCell


def test_a_slice_is_read_as_it_was_kept() -> None:
    cell = ExecutedCell(3, "x = 1\nx.y", "ab", stopped_at=2, kinds={"x": "value"}, aliases=[["a", "b"]])
    slice_ = Slice((SliceCell(cell, "x = 1", ("defines x",)),), "r", "s", 4, (CellMark("seed", "None."),))

    kept = json.loads(json.dumps(slice_.to_dictionary()))

    assert Slice.from_dictionary(kept) == slice_
