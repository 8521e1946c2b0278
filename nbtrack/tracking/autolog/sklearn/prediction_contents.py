"""Fingerprints of what a model predicted, so that a copy of it is recognised when the array is long gone.

`pred.tolist()`, `pd.Series(pred)`, a column of a table and the usual decision (`proba[:, 1] > 0.5`,
`argmax`) hold what was predicted, value by value, or a fixed function of it. That is proof enough where the
values are so many and various that nothing else happens to be the same.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

MOST = 50_000
"""The most values that are looked at; of more, only the memory is compared."""

FEWEST = 8
"""Fewer values are the same by accident."""

_MOST_COLUMNS = 10
_MOST_TEXTS = 5_000
_SAMPLE = 4_096
_BITS = 16.0


def of_result(result: Any, method: str, classes: Any) -> frozenset[int]:
    """Fingerprints of a prediction, and of the functions of it that people score.

    Args:
        result: What the model gave: (rows,) or (rows, columns).
        method: The method that gave it, such as `predict_proba`.
        classes: The model's `classes_`, or None.
    """
    values = _array(result)
    if values is None:
        return frozenset()
    return frozenset(_of_forms(values, method, classes))


def of_argument(argument: Any) -> int | None:
    """The fingerprint of what a metric was given; None: it is no copy of a prediction."""
    values = _array(argument)
    return None if values is None else _fingerprint(values)


def is_various(argument: Any) -> bool:
    """Whether others hold the same values only by an unlikely accident, going by how often each occurs."""
    import numpy as np

    values = _array(argument)
    if values is None:
        return False
    flat = values.ravel()
    flat = flat[:: 1 + flat.size // _SAMPLE]
    if flat.dtype.kind == "O":
        flat = flat.astype(str)
    counts = np.unique(flat, return_counts=True)[1]
    shares = counts / flat.size
    return -math.fsum(shares * np.log2(shares)) * flat.size >= _BITS


def of_data(data: Any) -> int | None:
    """The fingerprint of data that Python cannot refer to weakly, such as a list."""
    values = _array(data)
    return None if values is None else _fingerprint(values)


def length_of(values: Any) -> int | None:
    """How many rows there are, known at once; None for what is never a copy of a prediction."""
    package = type(values).__module__.partition(".")[0]
    if type(values) not in (list, tuple) and package not in ("numpy", "pandas", "polars"):
        return None
    try:
        return len(values)
    except TypeError:
        return None


def _of_forms(values: "np.ndarray", method: str, classes: Any) -> Iterator[int]:
    import numpy as np

    yield _fingerprint(values)
    if values.dtype.kind != "f":
        return
    if values.ndim == 2 and values.shape[1] <= _MOST_COLUMNS:
        # Of two classes one column says everything, and people take the second.
        for column in range(1 if values.shape[1] == 2 else 0, values.shape[1]):
            yield _fingerprint(values[:, column])
    if values.ndim == 2 and method in ("predict_proba", "predict_log_proba", "decision_function"):
        # A network may say it of one class only.
        is_binary = method == "predict_proba" and values.shape[1] <= 2
        chosen = (values[:, -1] > 0.5).astype(int) if is_binary else values.argmax(axis=1)
        yield _fingerprint(chosen)
        if getattr(classes, "shape", None) == (values.shape[1],) != (1,):
            named = _array(classes[chosen])
            if named is not None and not np.array_equal(classes, np.arange(values.shape[1])):
                yield _fingerprint(named)
    if values.ndim == 1 and method in ("decision_function", "score_samples"):
        yield _fingerprint(-values)  # of outliers: the lower, the more abnormal
        yield _fingerprint(values > 0)
    if values.ndim == 1 and method == "predict":
        with np.errstate(all="ignore"):
            # Of a model that was trained on logarithms.
            yield _fingerprint(np.exp(values))
            yield _fingerprint(np.expm1(values))


def _array(values: Any) -> "np.ndarray | None":
    """Numbers, or texts, as an array of a few thousand values; None for anything else."""
    import numpy as np

    rows = length_of(values)
    if rows is None or not FEWEST <= rows <= MOST:
        return None
    array = np.asarray(values)
    if array.ndim not in (1, 2) or array.size > MOST:
        return None
    if array.dtype.kind in "biuf":
        return array
    if array.size > _MOST_TEXTS:
        return None
    listed = array.ravel().tolist()
    if all(isinstance(each, str) for each in listed):
        return array
    if all(isinstance(each, bool | int | float) for each in listed):
        return array.astype(np.float64)
    return None


def _fingerprint(values: "np.ndarray") -> int:
    """The same for equal values in the same order, whatever their type and shape."""
    import numpy as np

    if values.dtype.kind in "biuf":
        # Adding 0 makes one zero of the two.
        return hash((values.astype(np.float64, order="C") + 0.0).tobytes())
    return hash("\0".join(values.ravel().tolist()))
