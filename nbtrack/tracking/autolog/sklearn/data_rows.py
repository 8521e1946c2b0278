"""Rows of whatever scikit-learn trains on: arrays, frames, sparse matrices, lists, texts."""

from collections.abc import Sized
from copy import deepcopy
from typing import Any, cast


def row_count(data: Any) -> int | None:
    """How many rows there are; None for what cannot be counted without consuming it, or is no data."""
    shape = getattr(data, "shape", None)
    if isinstance(shape, tuple):
        lengths = cast("tuple[Any, ...]", shape)
        return int(lengths[0]) if lengths else None
    if isinstance(data, list | tuple) or (isinstance(data, Sized) and hasattr(data, "__getitem__")):
        return None if isinstance(data, str | bytes | dict) else len(cast("Sized", data))
    return None


def rows(data: Any, which: slice) -> Any:
    """Some of the rows, as data of the same kind; mostly a view.

    Raises:
        TypeError: Rows cannot be taken of it.
    """
    if hasattr(data, "iloc"):
        return data.iloc[which]
    if is_sparse(data) and getattr(data, "format", "") not in ("csr", "csc", "lil", "dok"):
        data = data.tocsr()
    return data[which]


def first_rows(data: Any, count: int) -> Any:
    """A copy of the first rows, which training cannot change; None where there is no way to take them."""
    if row_count(data) is None:
        return None
    taken: Any = rows(data, slice(count))
    if _is_from(taken, "polars"):
        return taken  # never changes
    return taken.copy() if hasattr(taken, "shape") and hasattr(taken, "copy") else deepcopy(taken)


def are_equal(one: Any, other: Any) -> bool:
    """Whether rows are what they were; True where it cannot be told."""
    import numpy as np

    if hasattr(one, "equals"):
        return bool(one.equals(other))
    if is_sparse(one):
        return one.shape == other.shape and not (one != other).nnz
    kind = one.dtype.kind if _is_from(one, "numpy") else "O"
    if kind not in "biufc":
        return True
    return bool(np.array_equal(one, other, equal_nan=kind in "fc"))


def nbytes(data: Any) -> int:
    """About how many bytes numbers take; 0 for what does not say."""
    if is_sparse(data):
        return sum(int(getattr(getattr(data, part, None), "nbytes", 0)) for part in _PARTS)
    if hasattr(data, "iloc"):
        usage = data.memory_usage(index=False)
        return int(usage.sum() if hasattr(usage, "sum") else usage)
    if hasattr(data, "estimated_size"):
        return int(data.estimated_size())
    held = getattr(data, "nbytes", 0)
    return held if isinstance(held, int) else 0


_PARTS = ("data", "indices", "indptr")


def is_sparse(data: Any) -> bool:
    """Whether it is a sparse matrix or array of SciPy's."""
    return _is_from(data, "scipy") and hasattr(data, "nnz")


def _is_from(data: Any, package: str) -> bool:
    return cast("type[Any]", type(data)).__module__.partition(".")[0] == package
