"""Inputs and predictions of models as JSON that says their types."""

from typing import Any

import numpy as np
import pandas as pd


def described(value: Any) -> dict[str, Any]:
    """A value as JSON, with its type and dtypes."""
    if isinstance(value, pd.DataFrame):
        columns = {str(name): described(column) for name, column in value.items()}
        return {"is": "DataFrame", "columns": columns}
    if isinstance(value, pd.Series):
        return {"is": "Series", "dtype": _dtype(value), "values": plain(value.tolist())}
    if isinstance(value, np.ndarray):
        return {"is": "ndarray", "dtype": value.dtype.name, "values": plain(value.tolist())}
    if isinstance(value, dict) and any(isinstance(part, np.ndarray) for part in value.values()):
        return {"is": "dict", "values": {name: described(part) for name, part in value.items()}}
    return {"is": "plain", "values": plain(value)}


def revived(held: dict[str, Any]) -> Any:
    """The value that was described."""
    values = held.get("values")
    match held["is"]:
        case "DataFrame":
            return pd.DataFrame({name: revived(column) for name, column in held["columns"].items()})
        case "Series" if held["dtype"] == "bytes":
            return pd.Series([text.encode() for text in values], dtype=object)
        case "Series":
            return pd.Series(values, dtype=held["dtype"])
        case "ndarray":
            return np.array(values, dtype=held["dtype"])
        case "dict":
            return {name: revived(part) for name, part in values.items()}
        case _:
            return values


def plain(value: Any) -> Any:
    """A value with nothing in it that JSON has no form for."""
    match value:
        case dict():
            return {name: plain(part) for name, part in value.items()}
        case list():
            return [plain(part) for part in value]
        case bytes():
            return value.decode()
        case pd.Timestamp():
            return value.isoformat()
        case np.ndarray() | np.generic():
            return plain(value.tolist())
    return value


def _dtype(column: "pd.Series[Any]") -> str:
    if len(column) and isinstance(column.iloc[0], bytes):
        return "bytes"
    return "object" if column.dtype.name == "str" else column.dtype.name
