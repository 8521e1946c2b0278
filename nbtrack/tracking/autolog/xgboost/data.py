"""The data of a training of XGBoost: what its DMatrix objects were made of."""

from collections.abc import Generator, Mapping, Sequence
from inspect import Signature
from typing import Any

from nbtrack.tracking.autolog import sessions
from nbtrack.tracking.autolog.boosting.data import DataSet, TrainingData
from nbtrack.tracking.autolog.boosting.first_rows import origin_of, remember
from nbtrack.tracking.autolog.patching import Call

_MOST_READ_BACK = 500_000
"""Cells of a DMatrix that are read back from it, where the data that it was made of are gone."""

_SAMPLES: Mapping[str, Any] = {"float": 0.5, "q": 0.5, "int": 0, "i": False}
"""A value of each type of feature that a DMatrix knows."""


def observe_made(signature: Signature, call: Call) -> Generator[None] | None:
    """See `patching.Observe`; of the constructors of DMatrix and its kin."""
    del signature  # they are called with named arguments only
    given = call.kwargs
    # What is made to be predicted has no label, and an estimator's fit gives its data itself.
    if given.get("label") is not None and not sessions.is_inside():
        remember(given.get("self"), given.get("data"))
    return None


def of_train(given: Mapping[str, Any]) -> TrainingData:
    """The data of a call of `train`, or `cv`."""
    data = TrainingData()
    trained = given.get("dtrain")
    _add(data, trained, "train", "dataset")
    origin = origin_of(trained)
    if origin is not None and origin.rows is not None:
        data.rows = origin.rows
    else:
        data.typed_row = _typed_row(trained)
    evals: Any = given.get("evals") or ()
    for matrix, name in evals:
        if matrix is not trained:
            _add(data, matrix, "eval", name)
    return data


def of_fit(given: Mapping[str, Any]) -> TrainingData:
    """The data of an estimator's `fit`."""
    data = TrainingData()
    data.add(given.get("X"), given.get("y"), "train")
    evals: Any = given.get("eval_set") or ()
    for number, pair in enumerate(evals):
        if pair[0] is not given.get("X"):
            data.add(pair[0], pair[1], "eval", f"validation_{number}")
    return data


def _add(data: TrainingData, matrix: Any, context: str, name: str) -> None:
    origin = origin_of(matrix)
    if origin is not None and origin.whole is not None:
        data.sets.append(DataSet(lambda: _whole(origin.whole(), matrix), None, context, name))
    elif matrix is not None:
        data.sets.append(DataSet(lambda: _read_back(matrix), None, context, name))


def _whole(features: Any, matrix: Any) -> Any:
    return _read_back(matrix) if features is None else features


def _read_back(matrix: Any) -> Any:
    """What a DMatrix holds, as an array with NaN where something is missing; None when it is large."""
    rows, columns = matrix.num_row(), matrix.num_col()
    if rows * columns > _MOST_READ_BACK:
        return None
    import numpy as np

    held = matrix.get_data().tocoo()
    features = np.full((rows, columns), np.nan, dtype="float32")
    features[held.row, held.col] = held.data
    return features


def _typed_row(matrix: Any) -> Any:
    """A row of the types that a DMatrix has names for; None where it does not tell them.

    Its values mean nothing, but a signature can be inferred from it.
    """
    names: Sequence[str] | None = getattr(matrix, "feature_names", None)
    types: Sequence[str] | None = getattr(matrix, "feature_types", None)
    if not names or not types or any(kind not in _SAMPLES for kind in types):
        return None
    import pandas as pd

    return pd.DataFrame({name: [_SAMPLES[kind]] for name, kind in zip(names, types, strict=True)})
