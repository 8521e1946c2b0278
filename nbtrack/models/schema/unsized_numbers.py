"""Numbers from files, which have no width: doubles as the floats that a model takes.

Text and JSON cannot say `float32`, so a double in a file means the nearest float, in each format alike.
"""

from typing import Any, cast

from nbtrack.models.schema.data_types import DataType
from nbtrack.models.schema.schemas import Schema


def with_floats(frame: Any, schema: Schema | None) -> Any:
    """A table of a file with its columns of doubles rounded to float, where the signature wants float.

    Args:
        frame: A pandas DataFrame; it is not changed.
        schema: What the model takes; None changes nothing.

    Returns:
        The frame itself where there is nothing to round. A number that no float comes near stays as it is, in
        a column of doubles: whoever checks it against the schema says which.
    """
    if schema is None:
        return frame
    made: dict[int, Any] = {}
    for place, name in enumerate(frame.columns):
        if not _is_float(schema, place, name):
            continue
        column = frame.iloc[:, place]
        if column.dtype == "float64":
            made[place] = _rounded(column)
    if not made:
        return frame
    import pandas as pd

    parts = [made.get(place, frame.iloc[:, place]) for place in range(len(frame.columns))]
    return pd.concat(parts, axis=1)


def _is_float(schema: Schema, place: int, name: Any) -> bool:
    specs: list[Any] = schema.inputs
    if schema.has_input_names():
        spec = next((each for each in specs if each.name == name or str(each.name) == str(name)), None)
    elif schema.is_tensor_spec():
        spec = specs[0]
    else:
        spec = specs[place] if place < len(specs) else None
    return spec is not None and (spec.type is DataType.float or str(spec.type) == "float32")


def _rounded(column: Any) -> Any:
    import numpy as np

    values = column.to_numpy()
    with np.errstate(over="ignore"):
        rounded: Any = values.astype("float32")
    beyond = np.isinf(rounded) & np.isfinite(values)
    if beyond.any():
        rounded = cast("Any", np).where(beyond, values, rounded.astype("float64"))
    import pandas as pd

    return pd.Series(rounded, index=column.index, name=column.name, copy=False)
