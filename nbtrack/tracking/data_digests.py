"""Digests of data: 8 hex digits that change when any value, name, type or the order changes.

They are the same in every process and on every machine, and the same for a pandas and a polars
frame that hold the same. All of the data is read: 80 MB of floats take about 60 ms.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

from nbtrack.tracking.plain_values import plain

_BLOCK = 1 << 22
"""Bytes that are hashed at a time, so that data is never copied whole."""
_CELLS = 50_000
"""Cells that are turned into text at a time."""


def frame_digest(frame: Any) -> str:
    """The digest of a pandas or polars DataFrame.

    The index of a pandas frame counts, unless it is 0, 1, 2, ...
    """
    digest = _Digest()
    for name, column in _columns(frame):
        digest.add_text(json.dumps(["column", plain(name)]))
        _add_column(digest, column)
    return digest.text()


def arrays_digest(*arrays: Any) -> str:
    """The digest of arrays, or of dicts of arrays by name; None for one that is not there counts too."""
    digest = _Digest()
    for held in arrays:
        named: dict[Any, Any] = dict(held) if isinstance(held, Mapping) else {None: held}  # pyright: ignore[reportUnknownArgumentType]
        digest.add_text(json.dumps(["arrays", len(named)]))
        for name, array in named.items():
            digest.add_text(json.dumps([plain(name), array is None]))
            if array is not None:
                _add_array(digest, array)
    return digest.text()


class _Digest:
    def __init__(self) -> None:
        self._hash = sha256()

    def add_text(self, text: str) -> None:
        # Its length first: where one text ends and the next begins is part of the data.
        self._hash.update(b"%d:" % len(text))
        self._hash.update(text.encode("utf-8", "surrogatepass"))

    def add_bytes(self, data: Any) -> None:
        self._hash.update(data)

    def text(self) -> str:
        return self._hash.hexdigest()[:8]


def _columns(frame: Any) -> Iterable[tuple[Any, Any]]:
    if not hasattr(frame, "iloc"):
        return ((column.name, column) for column in frame.get_columns())
    import pandas as pd

    columns: list[tuple[Any, Any]] = list(frame.items())
    index = frame.index
    if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1:
        return columns
    levels = [index.get_level_values(at).to_series() for at in range(index.nlevels)]
    return [*((["index", level.name], level) for level in levels), *columns]


def _add_column(digest: _Digest, column: Any) -> None:
    """Add a column of either library: numbers and times as bytes, everything else as JSON."""
    import numpy as np

    is_pandas = hasattr(column, "iloc")
    # Types of numpy's have a byte order, those of pandas' own have none.
    if is_pandas and hasattr(column.dtype, "newbyteorder") and column.dtype.kind in "iubfcmM":
        _add_array(digest, column.to_numpy())
        return
    missing = column.isna().to_numpy() if is_pandas else column.is_null().to_numpy()
    has_missing = bool(missing.any())
    if is_pandas and hasattr(column.dtype, "tz") and column.dtype.tz is not None:
        digest.add_text("utc")
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    elif not is_pandas and getattr(column.dtype, "time_zone", None):
        digest.add_text("utc")
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    kind = getattr(column.dtype, "kind", "O") if is_pandas else _polars_kind(column)
    if kind in "iubfcmM":
        if has_missing and kind in "iub":
            digest.add_text("missing")
            digest.add_bytes(np.ascontiguousarray(missing))
        _add_array(digest, _pandas_values(column, kind) if is_pandas else _polars_values(column))
        return
    _add_cells(digest, column.tolist() if is_pandas else column.to_list(), missing if has_missing else None)


def _polars_kind(column: Any) -> str:
    if column.dtype.is_numeric() and not column.dtype.is_decimal():
        return "f" if column.dtype.is_float() else "i"
    if str(column.dtype) == "Boolean":
        return "b"
    return "M" if str(column.dtype).startswith("Datetime") else "O"


def _pandas_values(column: Any, kind: str) -> Any:
    """A column of numbers or times as an array; a missing whole number is 0."""
    import numpy as np

    dtype = getattr(column.dtype, "numpy_dtype", None)
    if dtype is None or kind in "mM":
        return column.to_numpy()
    return column.to_numpy(dtype=dtype, na_value=0 if kind in "iub" else np.nan)


def _polars_values(column: Any) -> Any:
    if column.dtype.is_integer():
        return column.fill_null(0).to_numpy()
    return (column.fill_null(False) if str(column.dtype) == "Boolean" else column).to_numpy()


def _add_array(digest: _Digest, array: Any) -> None:
    """Add shape, type and values of a numpy array, in little-endian and row after row."""
    import numpy as np

    if array.dtype.kind in "mM":
        digest.add_text(array.dtype.kind)
        for part in _times(array):
            _add_array(digest, part)
        return
    if array.dtype.kind not in "iubfc":
        _add_cells(digest, array.ravel().tolist(), None, json.dumps(list(array.shape)))
        return
    little = array.dtype.newbyteorder("<")
    digest.add_text(f"{little.str} {list(array.shape)}")
    # NaN has many forms in bits, which differ between processors.
    without_nan = _one_nan if array.dtype.kind in "fc" else _as_is
    for block in _blocks(array):
        digest.add_bytes(np.ascontiguousarray(without_nan(block.astype(little, copy=False))))


def _blocks(array: Any) -> Iterable[Any]:
    if not array.size:
        return
    if not array.ndim:
        yield array
        return
    rows = max(1, _BLOCK // max(1, array.nbytes // len(array)))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]


def _one_nan(block: Any) -> Any:
    import numpy as np

    missing = np.isnan(block)
    if not missing.any():
        return block
    block = block.copy()
    block[missing] = np.nan
    return block


def _as_is(block: Any) -> Any:
    return block


def _times(array: Any) -> list[Any]:
    """Times and durations in microseconds, and what remains: versions of pandas differ in the unit."""
    import numpy as np

    coarse = array.astype(f"{array.dtype.kind}8[us]")
    whole = coarse.view(np.int64)
    if np.datetime_data(array.dtype)[0] not in ("ns", "ps", "fs", "as"):
        return [whole]
    rest = (array - coarse).astype(np.int64)
    # What is no time is the smallest number, before and after.
    rest[np.isnat(array)] = 0
    return [whole, rest] if rest.any() else [whole]


def _add_cells(digest: _Digest, cells: list[Any], missing: Any, about: str = "") -> None:
    digest.add_text(f"cells {len(cells)} {about}")
    if missing is not None:
        cells = [None if is_missing else cell for cell, is_missing in zip(cells, missing, strict=True)]
    encode: Callable[[Any], str] = json.JSONEncoder(default=_cell, sort_keys=False).encode
    for start in range(0, len(cells), _CELLS):
        part = cells[start : start + _CELLS]
        try:
            text = encode(part)
        except (TypeError, ValueError):
            text = encode([plain(cell) for cell in part])
        digest.add_text(text)


def _cell(cell: Any) -> Any:
    """A cell that JSON has no form for: by its bytes where it has some, for a `str()` may hold an address."""
    if callable(as_bytes := getattr(cell, "tobytes", None)):
        data: Any = as_bytes()
        return [type(cell).__name__, list(getattr(cell, "shape", ())), sha256(data).hexdigest()]
    return plain(cell)
