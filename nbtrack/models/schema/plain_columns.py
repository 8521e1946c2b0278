"""Lists of Python's own values as the columns of a DataFrame, at once where every value is what is wanted.

A request of one row is mostly this; where a value is anything else, its column stays one of objects.
"""

from collections.abc import Mapping
from typing import Any

from nbtrack.models.schema.data_types import DataType
from nbtrack.models.schema.exact_values import EXACT_IN_DOUBLE, LARGEST_FLOAT, RANGES


def frame_of_lists(columns: Mapping[Any, list[Any]], kinds: Mapping[Any, Any]) -> Any:
    """A DataFrame of lists of one length.

    Args:
        columns: The values under each name.
        kinds: The type wanted under each name; a name may be absent.
    """
    import numpy as np
    import pandas as pd

    held = {name: _column(values, kinds.get(name)) for name, values in columns.items()}
    dtypes = {getattr(values, "dtype", None) for values in held.values()}
    if len(held) > 1 and len(dtypes) == 1 and getattr(next(iter(dtypes)), "kind", "O") != "O":
        names = pd.Index(list(held), tupleize_cols=False)
        return pd.DataFrame(np.column_stack(list(held.values())), columns=names, copy=False)
    return pd.DataFrame(held, copy=False)


def objects(values: list[Any]) -> Any:
    """An array of objects, each as it is: lists and arrays too."""
    import numpy as np

    made = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        made[row] = value
    return made


def _column(values: list[Any], kind: Any) -> Any:
    import numpy as np

    types = set(map(type, values))
    if types == {str} and kind is DataType.string:
        return values  # pandas gives text the dtype that it has in this version
    if types == {bool} and kind is DataType.boolean:
        return np.array(values, dtype=bool)
    if kind in RANGES and types == {int}:
        least, most = RANGES[kind]
        if least <= min(values) and max(values) <= most:
            return np.array(values, dtype=kind.to_numpy())
    if kind is DataType.double and types and types <= {int, float} and _are_doubles(values, types):
        return np.array(values, dtype=np.float64)
    if (
        kind is DataType.float
        and types == {float}
        and all(-LARGEST_FLOAT <= value <= LARGEST_FLOAT for value in values)
    ):
        return np.array(values, dtype=np.float32)
    return objects(values)


def _are_doubles(values: list[Any], types: set[type]) -> bool:
    return int not in types or all(
        type(value) is float or -EXACT_IN_DOUBLE <= value <= EXACT_IN_DOUBLE for value in values
    )
