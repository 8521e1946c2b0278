"""The data of a boosted training: data sets with digests, and the first rows for signature and example.

What a framework makes of data for itself (a DMatrix, a Dataset) lets go of them. So they are referred to
weakly, and described after the training; what is not there any more by then has no data set.
"""

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from nbtrack.core.system_tags import DIGEST_OF
from nbtrack.tracking.autolog.boosting.first_rows import first_rows
from nbtrack.tracking.autolog.sessions import Session
from nbtrack.tracking.autolog.sklearn import train_data_set

_SMALL = 1 << 22
"""Bytes of data that may be kept alive while a training goes on, and are described whatever else was done."""


class DataSet(NamedTuple):
    """Data that a training uses."""

    get: Callable[[], Any]
    """Gives the features; None when they are gone."""
    targets: Any
    """What is to be predicted, if it is known."""
    context: str
    """`train` or `eval`."""
    name: str
    """What people call it; of training data `dataset`, as in MLflow."""


class TrainingData:
    """The data of one training."""

    def __init__(self) -> None:
        self.rows: Any = None
        """The first rows of what it is trained on; None where they are not known."""
        self.typed_row: Any = None
        """Where the rows are not known: one that has the right names and types, and means nothing."""
        self.sets: list[DataSet] = []

    def add(self, data: Any, targets: Any, context: str, name: str = "dataset") -> None:
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
        """Keep the data sets in the run, if the user wants them.

        Args:
            session: The training. What is validated on is left out where too much was done already.
        """
        if not session.options.get("log_datasets", True):
            return
        for held in self.sets:
            with session.attempt("data set"):
                features = held.get()
                if features is None:
                    continue
                if held.context == "train" or _bytes_of(features) <= _SMALL or session.affords():
                    _log(session, held, features)
                else:
                    session.skip(f"data set {held.name}: recording took long enough")


def _log(session: Session, held: DataSet, features: Any) -> None:
    if type(features).__module__.partition(".")[0] == "pyarrow":
        features = features.to_pandas()
    described = train_data_set.describe(features, held.targets)
    if described is not None:
        dataset, sampled = described
        dataset.name = held.name
        session.run.log_input(dataset, held.context, {DIGEST_OF: sampled} if sampled else None)


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
