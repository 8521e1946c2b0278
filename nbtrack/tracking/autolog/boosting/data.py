"""The data of a boosted training: data sets with digests, and the first rows for signature and example.

What a framework makes of data for itself (a DMatrix, a Dataset) lets go of them. So they are referred to
weakly, and their digest is taken after the training, when it is known what it may cost; what is not there
any more by then has no data set.
"""

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from nbtrack.tracking.autolog.boosting.first_rows import first_rows
from nbtrack.tracking.autolog.sessions import Session

_MS_PER_BYTE = 1.4e-6
"""What a digest takes on a slow machine."""
_MS_PER_TEXT = 1e-3
_NOTHING = 3.0
"""Milliseconds that a digest may take whatever else was done."""
_SMALL = 1 << 22
"""Bytes of data that may be kept alive while a training goes on."""
_MOST_DENSE = 1_000_000
"""Cells of a sparse matrix that is turned into a dense one, as MLflow does with all."""


class DataSet(NamedTuple):
    """Data that a training uses."""

    get: Callable[[], Any]
    """Gives the features; None when they are gone."""
    targets: Any
    """What is to be predicted, if it is known."""
    context: str
    """`train` or `eval`."""
    name: str | None
    """What people call it; None is `dataset`."""


class TrainingData:
    """The data of one training."""

    def __init__(self) -> None:
        self.rows: Any = None
        """The first rows of what it is trained on; None where they are not known."""
        self.typed_row: Any = None
        """Where the rows are not known: one that has the right names and types, and means nothing."""
        self.sets: list[DataSet] = []

    def add(self, data: Any, targets: Any, context: str, name: str | None = None) -> None:
        """Take note of data that are here.

        Args:
            data: The features.
            targets: What is to be predicted.
            context: `train` or `eval`.
            name: What people call it.
        """
        self.sets.append(DataSet(_reference(data), targets, context, name))
        if context == "train":
            self.rows = first_rows(data)

    def log(self, session: Session) -> None:
        """Keep the data sets in the run, if the user wants them, and as far as there is time for it."""
        if not session.options.get("log_datasets", True):
            return
        for held in self.sets:
            with session.attempt("data set"):
                features = held.get()
                if features is None:
                    continue
                cost = _cost(features)
                if cost <= _NOTHING or session.affords(cost):
                    session.run.log_input(_data_set(features, held), context=held.context)
                else:
                    name = held.name or "dataset"
                    session.skip(f"data set {name}: its digest would take {cost / 1000:.1g} s")


def _reference(data: Any) -> Callable[[], Any]:
    if _bytes_of(data) <= _SMALL:
        return lambda: data
    try:
        return weakref.ref(data)
    except TypeError:
        return lambda: None


def _bytes_of(data: Any) -> int:
    size = 8
    for length in getattr(data, "shape", ()):
        size *= int(length)
    return size


def _cost(data: Any) -> float:
    """Milliseconds that a digest takes."""
    if hasattr(data, "dtypes") and hasattr(data, "iloc"):
        texts = sum(getattr(dtype, "kind", "O") not in "iufbcmM" for dtype in data.dtypes)
        return len(data) * (texts * _MS_PER_TEXT + 8 * len(data.columns) * _MS_PER_BYTE)
    return (getattr(data, "nbytes", None) or _bytes_of(data)) * _MS_PER_BYTE


def _data_set(features: Any, held: DataSet) -> Any:
    from nbtrack.tracking import data_sets

    package = type(features).__module__.partition(".")[0]
    if package == "pandas":
        return data_sets.from_pandas(features, name=held.name)
    if package == "polars":
        return data_sets.from_polars(features, name=held.name)
    import numpy as np

    if package == "pyarrow":
        return data_sets.from_pandas(features.to_pandas(), name=held.name)
    targets = held.targets if type(held.targets).__module__ == "numpy" else None
    if hasattr(features, "tocsr"):
        rows, columns = features.shape
        if rows * columns > _MOST_DENSE:
            sparse = features.tocsr()
            parts = {"data": sparse.data, "indices": sparse.indices, "indptr": sparse.indptr}
            return data_sets.from_numpy(parts, name=held.name)
        features = features.toarray()
    return data_sets.from_numpy(np.asarray(features), targets=targets, name=held.name)
