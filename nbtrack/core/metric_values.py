"""What is taken as the value, step and time of a point, and what is refused.

The rule: a value is kept exactly as the 64-bit float it is, or refused with an error that names
the metric. Nothing is clamped or cut.
"""

from math import floor, isfinite
from typing import Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError

INT64 = range(-(2**63), 2**63)


def as_value(key: str, value: Any) -> float:
    """Turn what the user logged into the float to keep.

    Takes numbers, numpy scalars, 0-d arrays, arrays and tensors of one element (a tensor on a GPU
    is copied to the host, which waits for the device), `Decimal`, `Fraction`, and text that
    `float()` takes, as MLflow does.

    Raises:
        InvalidTypeError: None, complex numbers, arrays of another size, other objects and
            text that is no number. It is a TypeError.
        InvalidValueError: An integer that a 64-bit float cannot hold exactly.
    """
    if isinstance(value, (float, int)):
        return _exact(key, value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise InvalidTypeError(
                f"Metric {key!r} takes a number, got the text {_short(value)!r}. "
                "Text belongs in a param or a tag."
            ) from None
    item = getattr(value, "item", None)
    if callable(item):
        if _size(value) != 1:
            raise InvalidTypeError(
                f"Metric {key!r} takes one number, got {_describe(value)}. "
                "Log each element under its own key, or a mean."
            )
        inner: Any = item()
        # numpy's longdouble gives itself back, so look no deeper than once.
        if isinstance(inner, (float, int)):
            return _exact(key, inner)
        value = inner
    if value is None or isinstance(value, (complex, bytes, bytearray)) or not hasattr(value, "__float__"):
        raise InvalidTypeError(f"Metric {key!r} takes a number, got {_describe(value)}.")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidTypeError(f"Metric {key!r} takes a number, got {_describe(value)}: {error}.") from None


def as_step(key: str, step: Any) -> int:
    """Turn the step the user gave into an int64; None is 0, as in MLflow.

    Raises:
        InvalidTypeError: It is no whole number.
        InvalidValueError: It does not fit 64 bits.
    """
    if step is None:
        return 0
    return whole_number(f"The step of metric {key!r}", step, INT64)


def as_timestamp(key: str, timestamp: Any) -> int:
    """Check a time in milliseconds since 1970, UTC; of a float such as `time.time() * 1000`, the whole ones.

    Raises:
        InvalidTypeError: It is no number.
        InvalidValueError: It is negative or does not fit 64 bits.
    """
    if isinstance(timestamp, float) and isfinite(timestamp):
        timestamp = floor(timestamp)
    return whole_number(f"The timestamp of metric {key!r} (milliseconds since 1970)", timestamp, range(2**63))


def whole_number(what: str, number: Any, bounds: range) -> int:
    """Turn a whole number of any type into an int.

    Args:
        what: What it is, for the error.
        number: An int, a numpy integer, or a float such as `1.0`.
        bounds: Where it must lie.

    Raises:
        InvalidTypeError: It is no whole number.
        InvalidValueError: It lies outside of the bounds.
    """
    if hasattr(number, "item"):
        number = number.item() if _size(number) == 1 else number
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if not isinstance(number, int):
        raise InvalidTypeError(f"{what} takes a whole number, got {_describe(number)}.")
    if number not in bounds:
        raise InvalidValueError(f"{what} must lie between {bounds[0]} and {bounds[-1]}, got {number}.")
    return number


def _exact(key: str, value: float | int) -> float:
    try:
        kept = float(value)
    except OverflowError:
        kept = None
    # NaN differs from itself; only an integer can differ from its own float otherwise.
    if kept is None or (kept != value and isinstance(value, int)):
        raise InvalidValueError(
            f"Metric {key!r}: the integer {_short(str(value))} does not fit a 64-bit float exactly. "
            "Log float(value) if the nearest float will do, or log it as a param."
        )
    return kept


def _size(value: Any) -> int | None:
    """The number of elements of an array or tensor; numpy has `size`, torch `numel()`."""
    numel = getattr(value, "numel", None)
    if callable(numel):
        count: Any = numel()
        return count
    size = getattr(value, "size", 1)
    return size if isinstance(size, int) else None


def _describe(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None and shape != ():
        return f"{type(value).__name__} of shape {tuple(shape)}"
    return "None" if value is None else f"{type(value).__name__} {_short(repr(value))}"


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
