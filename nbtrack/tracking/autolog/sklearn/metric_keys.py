"""How metrics that are measured after a training are called, and what `metric_info.json` says of them.

The names are MLflow's: `accuracy_score_X_test`, the second call `accuracy_score-2_X_test`; other data that
the same variable held before are `X_test`, these are `X_test-2`.
"""

import threading
import weakref
from collections import OrderedDict
from inspect import signature
from types import FrameType
from typing import Any

from nbtrack.tracking.autolog.sklearn import prediction_contents
from nbtrack.tracking.autolog.sklearn.caller_names import name_of

UNNAMED = "unknown_dataset"
"""The name of data that no variable holds."""

_MOST_RUNS = 500
_LONGEST_TEXT = 32


class _OfRun:
    """What was measured in one run."""

    def __init__(self) -> None:
        self.datasets: dict[str, list[Any]] = {}
        self.calls: dict[str, list[tuple[str, str]]] = {}


_runs: OrderedDict[str, _OfRun] = OrderedDict()
_lock = threading.RLock()


def dataset_name(run_id: str, data: Any, frame: FrameType | None) -> str:
    """The name of a data set in keys of a run's metrics.

    Args:
        run_id: The run.
        data: What a model was given.
        frame: Where the user gave it.
    """
    name = name_of(data, frame) or UNNAMED
    known = _sign(data)
    with _lock:
        there = _of(run_id).datasets.setdefault(name, [])
        for index, other in enumerate(there):
            if (other() is data) if isinstance(other, weakref.ref) else (other == known):
                return _numbered(name, index)
        there.append(known)
        return _numbered(name, len(there) - 1)


def new_key(run_id: str, metric: str, dataset: str, call: str) -> str:
    """The key of a metric that has been measured just now.

    Args:
        run_id: The run it goes to.
        metric: The name of the function.
        dataset: As `dataset_name` gave it.
        call: The call as text.
    """
    with _lock:
        of_metric = _of(run_id).calls.setdefault(metric, [])
        key = f"{_numbered(metric, len(of_metric))}_{dataset}"
        of_metric.append((key, call))
        return key


def calls_of(run_id: str) -> dict[str, str]:
    """Which call gave which metric of a run, by key."""
    with _lock:
        return dict(sorted(pair for pairs in _of(run_id).calls.values() for pair in pairs))


def call_text(
    called: str, parameters: list[str], args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType | None
) -> str:
    """A call as text, such as `f1_score(y_true=y_test, y_pred=pred, average='macro')`.

    Args:
        called: The name of the function.
        parameters: Those of its parameters that can be given by position.
        args: What it was given by position.
        kwargs: What it was given by name.
        frame: Where the names of variables are looked up.
    """
    given = [*zip(parameters, args, strict=False), *kwargs.items()]
    return f"{called}({', '.join(f'{name}={_text(value, frame)}' for name, value in given)})"


def parameters_of(function: Any) -> list[str]:
    """The names of a function's parameters, in their order."""
    return list(signature(function).parameters)


def _text(value: Any, frame: FrameType | None) -> str:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return repr(value[:_LONGEST_TEXT] + "...")
    if value is None or _is_scalar(value):
        return repr(value)
    return name_of(value, frame) or f"<{type(value).__name__}>"


def _is_scalar(value: Any) -> bool:
    import numpy as np

    return bool(np.isscalar(value))


def _sign(data: Any) -> Any:
    """What data are known again by: themselves, weakly; a list by what it holds."""
    try:
        return weakref.ref(data)
    except TypeError:
        return prediction_contents.of_data(data) or id(data)


def _of(run_id: str) -> _OfRun:
    found = _runs.pop(run_id, None) or _OfRun()
    _runs[run_id] = found  # the last is the one used last
    while len(_runs) > _MOST_RUNS:
        _runs.popitem(last=False)
    return found


def _numbered(name: str, index: int) -> str:
    return name if index == 0 else f"{name}-{index + 1}"


def after_fork() -> None:
    """Runs in the child, where the lock may never be freed."""
    global _lock
    _lock = threading.RLock()
