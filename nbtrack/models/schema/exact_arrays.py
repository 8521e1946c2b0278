"""Arrays of numbers as another dtype, where no number changes; else the first that would."""

from typing import TYPE_CHECKING, Any

from nbtrack.models.schema.mismatches import MisfitError

if TYPE_CHECKING:
    import numpy as np

_WHOLE_BITS = {2: 11, 4: 24, 8: 53, 12: 64, 16: 64}
"""Up to how many bits each whole number is a float of that many bytes."""


def exact_cast(values: "np.ndarray[Any, Any]", dtype: "np.dtype[Any]") -> "np.ndarray[Any, Any]":
    """An array as another dtype; the same array if it is of that dtype.

    Raises:
        MisfitError: A number would change, or the dtypes are of kinds that have nothing in common.
    """
    if values.dtype == dtype:
        return values
    given, wanted = values.dtype.kind, dtype.kind
    if given == wanted and given in "USM":
        return values
    if given not in "biuf" or wanted not in "biufc":
        raise MisfitError("no conversion leads there")
    if wanted == "b":
        _refuse(values, (values != 0) & (values != 1), "neither 0 nor 1")
    elif wanted in "iu" and given in "iu":
        _check_range(values, dtype)
    elif wanted in "iu" and given == "f":
        _check_whole(values, dtype)
    elif wanted in "fc" and given in "iu":
        size = dtype.itemsize if wanted == "f" else dtype.itemsize // 2
        _check_magnitude(values, _WHOLE_BITS[size], dtype)
    elif wanted == "f" and given == "f" and dtype.itemsize < values.dtype.itemsize:
        return _narrower(values, dtype)
    return values.astype(dtype)


def _check_range(values: Any, dtype: Any) -> None:
    import numpy as np

    if np.can_cast(values.dtype, dtype, "safe") or not values.size:
        return
    limits = np.iinfo(dtype)
    # numpy's numbers of 64 bits with and without sign meet as floats: Python's do not.
    if int(values.min()) < limits.min or int(values.max()) > limits.max:
        bad = [not limits.min <= held <= limits.max for held in values.ravel().tolist()]
        _refuse(values, np.array(bad), f"outside of {dtype} ({limits.min} to {limits.max})")


def _check_whole(values: Any, dtype: Any) -> None:
    import numpy as np

    missing = np.isnan(values)
    if missing.any():
        _refuse(values, missing, "missing, and whole numbers cannot be")
    _refuse(values, ~np.isfinite(values) | (np.trunc(values) != values), "not whole")
    limits = np.iinfo(dtype)
    # The largest number of 64 bits is no float: the next one is its limit.
    too_large = (values < float(limits.min)) | (values >= float(limits.max) + (limits.bits < 54))
    _refuse(values, too_large, f"outside of {dtype} ({limits.min} to {limits.max})")


def _check_magnitude(values: Any, bits: int, dtype: Any) -> None:
    if values.dtype.itemsize * 8 <= bits or not values.size:
        return
    limit = 2**bits
    if int(values.max()) > limit or int(values.min()) < -limit:
        bad = (values > limit) if values.dtype.kind == "u" else (values > limit) | (values < -limit)
        _refuse(values, bad, f"beyond ±2**{bits}, up to where {dtype} holds every whole number")


def _narrower(values: Any, dtype: Any) -> Any:
    import numpy as np

    with np.errstate(over="ignore"):
        made = values.astype(dtype)
    _refuse(values, (made != values) & ~np.isnan(values), f"no {dtype}: it would be rounded")
    return made


def _refuse(values: Any, bad: Any, why: str) -> None:
    """Refuse an array for the first of its values that is bad."""
    if bad.any():
        place = int(bad.ravel().argmax())
        raise MisfitError(f"{values.ravel()[place].item()!r} is {why}", place)
