"""The first rows of training data: what a signature is inferred from, and the input example.

XGBoost's and LightGBM's own data do not give back what they were made of. So the rows are remembered when
such data are made while autolog is on, for as long as they live; the data themselves are not kept alive.
"""

import weakref
from collections.abc import MutableMapping
from typing import Any, NamedTuple, cast

ROWS = 5
"""As many as MLflow looks at."""


class Origin(NamedTuple):
    """What data of a framework's own were made of."""

    rows: Any
    """A copy of the first rows; None where they have no known form."""
    whole: Any
    """A weak reference to all of it; None where there can be none."""


_origins: MutableMapping[Any, Origin] = weakref.WeakKeyDictionary()


def remember(made: Any, data: Any) -> None:
    """Remember what data of a framework's own were made of.

    Args:
        made: Such as a DMatrix.
        data: What the user gave.
    """
    _origins[made] = Origin(first_rows(data), _weak(data))


def origin_of(made: Any) -> Origin | None:
    """What data of a framework's own were made of; None: they were made before autolog was on."""
    try:
        return _origins.get(made)
    except TypeError:
        return None  # it is something else, which the framework will refuse


def first_rows(data: Any) -> Any:
    """A copy of the first rows: it stays the same, and keeps nothing else alive.

    Args:
        data: A DataFrame of pandas or polars, an Arrow table, an array, a sparse matrix or a list of rows.

    Returns:
        The same kind of data, but pandas for Arrow and an array for a list; None of other kinds.
    """
    package = type(data).__module__.partition(".")[0]
    if package == "pandas":
        return data.iloc[:ROWS].copy()
    if package == "polars" and hasattr(data, "get_columns"):
        return type(data)(data.head(ROWS).to_dict(as_series=False), schema=data.schema)
    if package == "pyarrow" and hasattr(data, "to_pandas"):
        return data.slice(0, ROWS).to_pandas()
    if package == "numpy":
        return data[:ROWS].copy()
    if package == "scipy" and hasattr(data, "tocsr") and hasattr(data, "__getitem__"):
        return data[:ROWS].copy()
    if isinstance(data, list) and data and isinstance(data[0], list | tuple):
        import numpy as np

        return np.asarray(cast("list[Any]", data)[:ROWS])
    return None


def _weak(data: Any) -> Any:
    try:
        return weakref.ref(data)
    except TypeError:
        return None
