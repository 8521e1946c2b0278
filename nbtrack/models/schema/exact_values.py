"""One Python value as a type of a signature, where nothing is lost; else why not.

What is given is never changed: a list or dict with something to convert in it is built anew. A
Python float has no width, so it may become a `float` of 32 bits: the nearest one is what it means.
"""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError
from nbtrack.models.schema.data_types import AnyType, Array, DataType, Map, Object, ValueType, quoted

EXACT_IN_DOUBLE = 2**53
"""Every whole number up to here is a double; also of the other sign."""
EXACT_IN_FLOAT = 2**24
LARGEST_FLOAT = 3.4028234663852886e38
RANGES = {DataType.integer: (-(2**31), 2**31 - 1), DataType.long: (-(2**63), 2**63 - 1)}


class ValueMisfitError(InvalidTypeError):
    """A value is not of the type wanted, and cannot become one without a loss.

    Attributes:
        path: The keys and places that lead to the value, inside what was given.
        value: The value itself.
        why: What is wrong, without its subject.
    """

    def __init__(self, value: Any, why: str) -> None:
        self.path: list[str | int] = []
        self.value, self.why = value, why
        super().__init__(why)

    def __str__(self) -> str:
        where = "".join(f"[{key!r}]" for key in self.path)
        return f"{f'at {where}: ' if where else ''}{self.why}"


def fitted(value: Any, kind: ValueType, required: bool = True) -> Any:
    """A value as a type; the same object where nothing needs converting.

    Args:
        value: What was given.
        kind: The type wanted.
        required: Whether None and NaN are refused; the items of arrays and maps may be missing.

    Raises:
        ValueMisfitError: It is not of that type and cannot be made so exactly.
    """
    if isinstance(kind, AnyType):
        return value
    if not required and is_missing(value):
        return value
    if isinstance(kind, DataType):
        return fitted_scalar(value, kind)
    if isinstance(kind, Array):
        return _fitted_array(value, kind)
    if isinstance(kind, Object):
        return _fitted_object(value, kind)
    return _fitted_map(value, kind)


def fitted_scalar(value: Any, kind: DataType) -> Any:
    """A scalar as a Python value of a type: bool, int, float, str, bytes, date or datetime.

    Raises:
        ValueMisfitError: It is not of that type and cannot be made so exactly.
    """
    plain = python_scalar(value)
    if kind in _WHOLE:
        return _whole(plain, kind)
    if kind in _REAL:
        return _real(plain, kind)
    if kind is DataType.datetime:
        return _moment(plain)
    if kind is DataType.boolean and isinstance(plain, bool):
        return plain
    if kind is DataType.string and isinstance(plain, str):
        return plain
    # MLflow hands text on where bytes are wanted: JSON has no bytes.
    if kind is DataType.binary and isinstance(plain, bytes | bytearray | str):
        return plain
    raise _misfit(value, kind)


def python_scalar(value: Any) -> Any:
    """A number, text or time of numpy as Python's own; anything else as it is."""
    if type(value).__module__ == "numpy" and hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0:
        if value.dtype.kind == "M":
            return value.astype("datetime64[us]").item() if isinstance(value.item(), int) else value.item()
        return value.item()
    return value


def is_missing(value: Any) -> bool:
    """Whether a value says that there is none: None, NaN, NaT, pandas' NA."""
    if value is None:
        return True
    if isinstance(value, float):
        return value != value
    return type(value).__name__ in ("NaTType", "NAType") or (
        type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0 and bool(value != value)
    )


def type_name(value: Any) -> str:
    """The name of a value's type, as a message has it; with numpy's or pandas' prefix where it is theirs."""
    kind = cast("Any", type(value))
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"


_WHOLE = (DataType.integer, DataType.long)
_REAL = (DataType.float, DataType.double)


def _whole(value: Any, kind: DataType) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _misfit(value, kind)
    least, most = RANGES[kind]
    if not least <= value <= most:
        raise ValueMisfitError(value, f"{value} does not fit into {kind.name} ({least} to {most})")
    return value


def _real(value: Any, kind: DataType) -> float:
    if isinstance(value, float):
        if kind is DataType.float and LARGEST_FLOAT < abs(value) < float("inf"):
            raise ValueMisfitError(value, f"{value} is too large for a float of 32 bits")
        return value
    if isinstance(value, Decimal) and (not value.is_finite() or Decimal(repr(float(value))) == value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _misfit(value, kind)
    exact = EXACT_IN_DOUBLE if kind is DataType.double else EXACT_IN_FLOAT
    if abs(value) > exact:
        raise ValueMisfitError(
            value, f"{value} is beyond ±{exact}, up to where a {kind.name} holds every whole number"
        )
    return float(value)


def _moment(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value) if len(value) <= 10 else dt.datetime.fromisoformat(value)
        except ValueError:
            raise ValueMisfitError(
                value, f"{quoted(value)} is no date or time in ISO 8601, such as '2026-05-03T12:00:00'"
            ) from None
    raise _misfit(value, DataType.datetime)


def _fitted_array(value: Any, kind: Array) -> Any:
    if type(value).__module__ == "numpy" and getattr(value, "ndim", 0):
        return _fitted_ndarray(value, kind)
    if isinstance(value, tuple):
        value = list(cast("tuple[Any, ...]", value))
    if not isinstance(value, list):
        raise _misfit(value, kind)
    items = cast("list[Any]", value)
    plain = _PLAIN.get(kind.dtype) if isinstance(kind.dtype, DataType) else None
    if plain is not None and all(type(item) is plain for item in items):
        return items
    made = [_inside(item, kind.dtype, place, required=False) for place, item in enumerate(items)]
    return items if all(new is old for new, old in zip(made, items, strict=True)) else made


# Lists of these need no look at each value.
_PLAIN: dict[DataType, type] = {
    DataType.boolean: bool,
    DataType.double: float,
    DataType.string: str,
    DataType.binary: bytes,
}


def _fitted_ndarray(value: Any, kind: Array) -> Any:
    import numpy as np

    if isinstance(kind.dtype, DataType) and value.ndim == 1:
        dtype = kind.dtype.to_numpy()
        if value.dtype == dtype or value.dtype.kind == dtype.kind in ("U", "S", "M"):
            return value
        made = [_inside(item, kind.dtype, place, required=False) for place, item in enumerate(value.tolist())]
        return np.array(made, dtype=object if dtype.kind in "USM" else dtype)
    return _fitted_array(value.tolist(), kind)


def _fitted_object(value: Any, kind: Object) -> Any:
    entries = _dict(value, kind)
    properties = {one.name: one for one in kind.properties}
    if missing := [one.name for one in kind.properties if one.required and one.name not in entries]:
        raise ValueMisfitError(value, f"lacks {', '.join(map(repr, missing))}; it has {_names(entries)}")
    if extra := [name for name in entries if name not in properties]:
        raise ValueMisfitError(
            value,
            f"has {', '.join(map(repr, extra))}, which the signature has not; it has {_names(properties)}",
        )
    made = {
        name: _inside(held, properties[name].dtype, name, properties[name].required)
        for name, held in entries.items()
    }
    return value if all(made[name] is held for name, held in entries.items()) else made


def _fitted_map(value: Any, kind: Map) -> Any:
    entries = _dict(value, kind)
    for name in entries:
        if not isinstance(name, str):
            raise ValueMisfitError(
                name, f"the keys of a map are text, not {quoted(name)} ({type_name(name)})"
            )
    made = {name: _inside(held, kind.value_type, name, required=False) for name, held in entries.items()}
    return value if all(made[name] is held for name, held in entries.items()) else made


def _inside(value: Any, kind: ValueType, key: str | int, required: bool = True) -> Any:
    try:
        return fitted(value, kind, required)
    except ValueMisfitError as error:
        error.path.insert(0, key)
        raise


def _dict(value: Any, kind: ValueType) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return cast("dict[Any, Any]", value)
    raise _misfit(value, kind)


def _names(entries: Mapping[Any, Any]) -> str:
    return ", ".join(map(repr, list(entries)[:8])) or "nothing"


def _misfit(value: Any, kind: ValueType) -> ValueMisfitError:
    wanted = kind.name if isinstance(kind, DataType) else repr(kind)
    return ValueMisfitError(value, f"{quoted(value)} ({type_name(value)}) is no {wanted}")
