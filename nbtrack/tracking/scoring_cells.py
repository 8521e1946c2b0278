"""Cells of a text file as the values that a signature wants; or what is wrong with them.

The type of a column comes from the signature, never from the rows at hand: rows of one file must not
differ in type because of where it was cut into chunks.
"""

import base64
import binascii
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from nbtrack.models.schema.data_types import DataType, ValueType

MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "-NaN", "-nan", "null", "NULL", "None", "<NA>")
"""Texts that stand for no value in a column of numbers, booleans or times; in one of text they are text."""

_TRUE = ("true", "True", "TRUE", "1", "t", "T", "yes")
_FALSE = ("false", "False", "FALSE", "0", "f", "F", "no")
_NUMBERS = (DataType.integer, DataType.long, DataType.float, DataType.double)
_BOOLEANS = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}


@dataclass(frozen=True)
class Column:
    """A column that the model takes."""

    name: Any
    kind: ValueType
    required: bool = True

    @property
    def dtype(self) -> str:
        """What pandas reads it as; `str` for what is converted afterwards."""
        if self.kind in (DataType.integer, DataType.long):
            sized = "int32" if self.kind is DataType.integer else "int64"
            return sized if self.required else sized.capitalize()
        if self.kind in (DataType.float, DataType.double):
            return "float32" if self.kind is DataType.float else "float64"
        return "str"

    @property
    def missing(self) -> list[str]:
        """Texts that stand for no value."""
        if self.dtype != "str":
            return list(MISSING)
        return [""] if self.kind is DataType.string and not self.required else []

    def converted(self, texts: Any) -> Any:
        """A Series of texts as this type.

        Raises:
            ValueError: One is of another type; `read` says which.
        """
        if self.kind is DataType.string or self.dtype != "str":
            return texts
        import pandas as pd

        if self.kind is DataType.boolean:
            made = texts.map(_BOOLEANS)
            if made.isna().any():
                raise ValueError("one is no boolean")
            return made.astype(bool)
        if self.kind is DataType.datetime:
            made: Any = cast("Any", pd).to_datetime(texts.where(~texts.isin(MISSING)), format="ISO8601")
            if self.required and made.isna().any():
                raise ValueError("one is missing")
            return made
        return pd.Series([self.read(text) for text in texts], index=texts.index, dtype=object)

    def read(self, text: str) -> Any:
        """One cell.

        Raises:
            ValueError: It is of another type; the message says so.
        """
        kind = self.kind
        if kind is DataType.string:
            return None if text == "" and not self.required else text
        if text.strip() in MISSING:
            if kind in (DataType.float, DataType.double):
                return math.nan
            if self.required:
                raise ValueError(f"it is empty, and the model needs a {_named(kind)}")
            return None
        try:
            if "_" in text and kind in _NUMBERS:  # Python's own way to write numbers
                raise ValueError(text)
            return _READERS[kind](text) if isinstance(kind, DataType) else json.loads(text)
        except (ValueError, KeyError, OverflowError, binascii.Error):
            raise ValueError(f"{text!r:.80} is no {_named(kind)}") from None

    def series(self, values: list[Any]) -> Any:
        """Cells that were read one by one, in the dtype that the others have."""
        import pandas as pd

        if self.dtype != "str":
            return pd.Series(values, dtype=self.dtype)
        if self.kind is DataType.boolean:
            return pd.Series(values, dtype=object if None in values else bool)
        if self.kind is DataType.datetime:
            return cast("Any", pd).to_datetime(pd.Series(values, dtype=object), format="ISO8601")
        return pd.Series(values, dtype="str" if self.kind is DataType.string else object)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer() or abs(number) > 2**53:
            raise
        return int(number)


def _sized(bits: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = _whole(text)
        if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise OverflowError(text)
        return number

    return read


def _boolean(text: str) -> bool:
    return _BOOLEANS[text.strip()]


def _time(text: str) -> str:
    datetime.fromisoformat(text.strip())
    return text.strip()


_READERS: dict[DataType, Callable[[str], Any]] = {
    DataType.boolean: _boolean,
    DataType.integer: _sized(32),
    DataType.long: _sized(64),
    DataType.float: float,
    DataType.double: float,
    DataType.datetime: _time,
    DataType.binary: lambda text: base64.b64decode(text, validate=True),
}


def _named(kind: ValueType) -> str:
    return kind.name if isinstance(kind, DataType) else f"JSON of {kind!r}"
