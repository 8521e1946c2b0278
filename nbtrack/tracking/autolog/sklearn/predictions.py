"""What recorded models have predicted, as long as it may still be scored.

Nothing is kept alive by it: models, predictions and data are referred to weakly, and known by their
identity only while they live. Of the last predictions there are fingerprints too (`prediction_contents`), so
that copies are recognised.
"""

import threading
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any, cast

from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.autolog.sklearn import prediction_contents

MOST_COPIES = 100
"""Of how many predictions copies are recognised, the last ones."""


class Fit:
    """A recorded training, for what is measured of its model later."""

    __slots__ = ("framework", "model_id", "run", "told")

    def __init__(self, framework: str, run: ActiveRun, model_id: str | None) -> None:
        self.framework = framework
        """Whose autolog recorded it."""
        self.run = run
        """It may have ended."""
        self.model_id = model_id
        """The logged model; None where none was."""
        self.told: dict[tuple[str, str], Any] = {}
        """The last value of each metric on each data set."""


class Prediction:
    """What a model gave for one data set."""

    __slots__ = ("bounds", "dataset", "fingerprints", "fit", "model", "rows", "size")

    def __init__(self, fit: Fit, model: Any, dataset: str, result: Any) -> None:
        self.fit = fit
        self.dataset = dataset
        """The data set's name, as it stands in keys of metrics."""
        self.model = _weakly(model)
        self.rows, self.size, self.bounds = _place(result)
        """Rows and values of an array, and where it lies in memory; None of anything else."""
        self.fingerprints: frozenset[int] = frozenset()


class Remembered:
    """The models and predictions of this process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._models: dict[int, tuple[weakref.ref[Any], Fit]] = {}
        self._results: dict[int, tuple[weakref.ref[Any], Prediction]] = {}
        self._owners: dict[int, tuple[weakref.ref[Any], list[Prediction]]] = {}
        """What lies in the memory of an array, by that array."""
        self._copies: deque[Prediction] = deque(maxlen=MOST_COPIES)

    def add_model(self, model: Any, fit: Fit) -> None:
        """Remember a model that was trained; one that cannot be referred to weakly is not."""
        with self._lock:
            _put(self._models, model, fit)

    def fit_of(self, model: Any) -> Fit | None:
        """The training of a model, if it was recorded."""
        return _get(self._models, model)

    def has_models(self) -> bool:
        """Whether anything that was trained is still there."""
        return bool(self._models)

    def has_predictions(self) -> bool:
        """Whether anything that was predicted could still be scored."""
        return bool(self._results or self._owners or self._copies)

    def add(self, prediction: Prediction, result: Any, fingerprints: frozenset[int]) -> None:
        """Remember what a model gave.

        Args:
            prediction: What is known of it.
            result: The array or table itself.
            fingerprints: Of it and its usual derivations.
        """
        with self._lock:
            _put(self._results, result, prediction)
            owner = _owner(result)
            if owner is not None:
                entry = _get(self._owners, owner)
                if entry is None:
                    entry = list[Prediction]()
                    _put(self._owners, owner, entry)
                entry.append(prediction)
                del entry[:-MOST_COPIES]
            if fingerprints:
                prediction.fingerprints = fingerprints
                self._copies.append(prediction)

    def by_identity(self, value: Any) -> Prediction | None:
        """The prediction that an object is."""
        return _get(self._results, value)

    def by_memory(self, value: Any) -> Prediction | None:
        """The prediction that an array or column shows all rows of: a view, `proba[:, 1]`."""
        view = _as_array(value)
        if view is None or view.ndim == 0:
            return None
        owner = _owner(view)
        entry = None if owner is None else _get(self._owners, owner)
        if entry is None:
            return None
        rows, size, bounds = _place(view)
        for prediction in reversed(entry):
            is_whole = rows == prediction.rows or size == prediction.size
            outer = prediction.bounds
            if is_whole and bounds and outer and outer[0] <= bounds[0] and bounds[1] <= outer[1]:
                return prediction
        return None

    def by_content(self, value: Any) -> list[Prediction]:
        """The predictions that something is a copy of, or the usual decision made of; the latest first."""
        rows = prediction_contents.length_of(value)
        with self._lock:
            candidates = [each for each in reversed(self._copies) if each.rows == rows]
        fingerprint = prediction_contents.of_argument(value) if candidates else None
        equal = [each for each in candidates if fingerprint in each.fingerprints]
        return equal if equal and prediction_contents.is_various(value) else []

    def forget(self, run_id: str) -> None:
        """Forget what was trained in a run, and what its models predicted."""
        with self._lock:
            for number, (_, fit) in list(self._models.items()):
                if fit.run.run_id == run_id:
                    self._models.pop(number, None)
            for number, (_, prediction) in list(self._results.items()):
                if prediction.fit.run.run_id == run_id:
                    self._results.pop(number, None)
            for _, entry in list(self._owners.values()):
                entry[:] = [each for each in entry if each.fit.run.run_id != run_id]
            kept = [each for each in self._copies if each.fit.run.run_id != run_id]
            self._copies.clear()
            self._copies.extend(kept)

    def after_fork(self) -> None:
        """Runs in the child, where the lock may never be freed."""
        self._lock = threading.RLock()


def arrays_of(result: Any) -> Iterator[Any]:
    """What of a result is scored: itself, each array of a list, the first of a tuple (mean, deviation)."""
    if isinstance(result, list):
        yield from result
    elif isinstance(result, tuple):
        yield from result[:1]
    else:
        yield result


def _put(table: dict[int, Any], key: Any, value: Any) -> None:
    number = id(key)

    def gone(reference: "weakref.ref[Any]") -> None:
        # The number may belong to another by now.
        entry = table.get(number)
        if entry is not None and entry[0] is reference:
            table.pop(number, None)

    try:
        table[number] = (weakref.ref(key, gone), value)
    except TypeError:
        return  # a number, a list: it cannot be known again


def _get(table: dict[int, Any], key: Any) -> Any:
    entry = table.get(id(key))
    return None if entry is None or entry[0]() is not key else entry[1]


def _weakly(value: Any) -> Any:
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: None


def _as_array(value: Any) -> Any:
    """The array in which a value has its data, without a copy; None where there is none."""
    import numpy as np

    array: Any = value
    # A table might have to be copied together.
    if type(value).__module__.partition(".")[0] == "pandas" and getattr(value, "ndim", 0) == 1:
        array = value.values
    is_array = isinstance(array, np.ndarray)
    return cast("Any", array) if is_array else None


def _owner(value: Any) -> Any:
    """The array whose memory a value lies in."""
    array = _as_array(value)
    while array is not None:
        inner = _as_array(array.base)
        if inner is None:
            break
        array = inner
    return array


def _place(value: Any) -> tuple[int | None, int | None, tuple[int, int] | None]:
    array = _as_array(value)
    if array is None or array.ndim == 0:
        return None, None, None
    import numpy as np

    bounds: Any = getattr(np.lib, "array_utils", np)  # numpy 1 has it at the top
    return array.shape[0], array.size, bounds.byte_bounds(array)
