"""The data that was trained on, as the input `dataset` of the run: its size, columns and digest.

The digest is of all the data up to about 16 MB, as `log_input` has it. Of larger data it is of rows spread
evenly over it, so that it takes some milliseconds; a tag of the input says so. Which of both depends on the
data alone: the same data has the same digest in each run.
"""

from collections.abc import Sequence
from typing import Any, cast

from nbtrack.core.system_tags import DIGEST_OF
from nbtrack.tracking import data_sets
from nbtrack.tracking.autolog.sessions import Session
from nbtrack.tracking.autolog.sklearn import data_rows
from nbtrack.tracking.autolog.sklearn.trainings import Training
from nbtrack.tracking.data_digests import arrays_digest, frame_digest

_WHOLE = 16_000_000
"""Bytes of numbers that are read for a digest: about 12 ms. Everything else counts as so many bytes."""

_SAMPLE = 4_000_000
"""Bytes that are read of larger data."""

_CELL, _LETTER, _COLUMN = 300, 3, 25_000
"""How many bytes of numbers are read in the time of a value that is no number, of a letter in it, and of a
column of a frame."""

_MOST_COLUMNS = 2000
"""Columns of a frame whose names and types are kept; a wider one counts as an array."""

_LOOKED_AT = 20


def log(session: Session, training: Training) -> None:
    """Make the training data an input of the run.

    Args:
        session: Where it is recorded.
        training: The training.
    """
    described = describe(training.X, training.y)
    if described is not None:
        dataset, sampled = described
        session.run.log_input(dataset, "train", {DIGEST_OF: sampled} if sampled else None)


def describe(X: Any, y: Any = None) -> tuple[Any, str | None] | None:
    """The data set that inputs and targets are, and of which rows its digest is if not of all.

    Args:
        X: The inputs; a frame stands alone, as in MLflow.
        y: The targets.

    Returns:
        None for what is no data.
    """
    count = data_rows.row_count(X)
    if not count:
        return None
    inputs = X.to_frame() if hasattr(X, "to_frame") and hasattr(X, "iloc") else X
    if not _is_frame(inputs):
        return _arrays([inputs] if y is None else [inputs, y], count)
    if len(inputs.columns) > _MOST_COLUMNS:
        return _arrays([inputs], count)
    return _frame(inputs, count)


def _frame(X: Any, count: int) -> tuple[Any, str | None]:
    is_pandas = hasattr(X, "iloc")
    make: Any = data_sets.from_pandas if is_pandas else data_sets.from_polars
    step = _step(_cost(X, count), count)
    if step == 1:
        return make(X), None
    part = data_rows.rows(X, slice(None, None, step))
    return make(X, digest=_shortened(frame_digest(part), count)), _said(step, count)


def _arrays(held: list[Any], count: int) -> tuple[Any, str | None] | None:
    """The data set of arrays, sparse matrices or lists of the same number of rows."""
    import numpy as np

    shown: list[Any] = []
    read: list[Any] = []
    said = None
    is_sparse = False
    for data in held:
        step = _step(_cost(data, count), count)
        said = said or _said(step, count)
        part = data if step == 1 else data_rows.rows(data, slice(None, None, step))
        if data_rows.is_sparse(data):
            is_sparse = True
            stored = part.tocsr()
            read += [stored.data, stored.indices, stored.indptr]
            # As large as it says, and made of one number: nothing is filled with zeros.
            shown.append(np.broadcast_to(np.zeros((), stored.dtype), data.shape))
            continue
        array = _array(part)
        if array.dtype.kind == "O" and array.size and not isinstance(array.flat[0], str | int | float | None):
            return None  # rows of something that is no data to numpy, such as dicts
        read.append(array)
        all_rows = (count, *array.shape[1:])
        shown.append(array if step == 1 else np.broadcast_to(np.zeros((), array.dtype), all_rows))
    digest = _shortened(arrays_digest(*read), count) if said or is_sparse else None
    targets = shown[1] if len(shown) > 1 else None
    return data_sets.from_numpy(shown[0], targets=targets, digest=digest), said


def _array(data: Any) -> Any:
    import numpy as np

    if hasattr(data, "detach"):  # a tensor
        data = data.detach().cpu()
    # As an array of text each would take as much memory as the longest.
    is_text = isinstance(data, list | tuple) and isinstance(data[0], str)
    array: Any = np.array(data, dtype=object) if is_text else np.asarray(cast("Any", data))
    return array


def _shortened(digest: str, count: int) -> str:
    """The digest of a part, of data of so many rows."""
    import numpy as np

    return arrays_digest(np.array([count]), np.array([digest]))


def _step(cost: int, count: int) -> int:
    """Of how many rows one is read."""
    return 1 if cost <= _WHOLE else min(count, -(-cost // _SAMPLE))


def _said(step: int, count: int) -> str | None:
    return None if step == 1 else f"of {-(-count // step):,} of {count:,} rows"


def _is_frame(data: Any) -> bool:
    return hasattr(data, "columns") and (hasattr(data, "iloc") or hasattr(data, "get_columns"))


def _cost(data: Any, count: int) -> int:
    """How long it takes to read data, in bytes of numbers that are read in the same time."""
    if data_rows.is_sparse(data):
        return data_rows.nbytes(data)
    if _is_frame(data):
        columns = len(data.columns)
        if columns > _MOST_COLUMNS:
            return count * columns * 8
        cost = columns * _COLUMN + count * columns * 8
        for name, dtype in zip(data.columns, data.dtypes, strict=True):
            if not _is_of_numbers(dtype):
                column = data[name]
                cost += count * _cell_cost(column.head(_LOOKED_AT).to_list())
        return cost
    if isinstance(data, list | tuple):
        first = cast("Sequence[Any]", data)[:_LOOKED_AT]
        width = len(cast("Sequence[Any]", first[0])) if isinstance(first[0], list | tuple) else 1
        return count * width * _cell_cost(first)
    dtype = getattr(data, "dtype", None)
    if dtype is None or _is_of_numbers(dtype):
        return data_rows.nbytes(data)
    width = int(getattr(data, "size", count)) // count
    sample = data_rows.rows(data, slice(_LOOKED_AT))
    return (
        count * width * _cell_cost(sample.ravel().tolist() if hasattr(sample, "ravel") else sample.to_list())
    )


def _is_of_numbers(dtype: Any) -> bool:
    """Whether values of a type of numpy's, pandas' or polars' are read as bytes."""
    if hasattr(dtype, "is_numeric"):
        return bool(dtype.is_numeric() or dtype.is_temporal() or str(dtype) == "Boolean")
    return getattr(dtype, "kind", "O") in "iubfcmM"


def _cell_cost(cells: Sequence[Any]) -> int:
    letters = [len(cell) for cell in cells if isinstance(cell, str)]
    return _CELL + (_LETTER * sum(letters) // len(letters) if letters else 0)
