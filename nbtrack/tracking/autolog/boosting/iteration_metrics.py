"""The curves of a boosted training: a point of each metric after each iteration.

An iteration only leaves a mark. What it has measured is read and written a few times a second, or at once
where iterations are slow: written one by one, the points of iterations of half a millisecond would take 3 %
of the training.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from nbtrack.core import metric_values
from nbtrack.tracking.autolog.patching import warn_of
from nbtrack.tracking.autolog.sessions import Session

WAIT_MS = 250
"""How long a point may wait to be written: what waits is lost when the process is killed."""

Score = tuple[str, str, Any]
"""What a metric was on a data set after an iteration: the name of the data, of the metric, the value."""

_WHAT = "metrics of each iteration"


class IterationMetrics:
    """The curves of one training.

    A later training in the same run has curves of its own, `train-rmse-2`, unless it goes on with a model
    that was trained before: then its iterations are counted on, and so is the curve.
    """

    def __init__(self, session: Session, read: Callable[[Any], Iterable[Score]]) -> None:
        """Begin.

        Args:
            session: The training.
            read: Gives the metrics of an iteration from the mark that `add` was given.
        """
        self._session = session
        self._read = read
        self._keys: dict[tuple[str, str], str] = {}
        self._suffix = f"-{session.ordinal}" if session.ordinal > 1 else ""
        self._last: tuple[str, float] | None = None
        self._has_best = False
        self._waiting: deque[tuple[int, int, Any]] = deque()
        self._write_at = 0
        self.first_step = 0
        """Iterations that the model had been trained for before."""
        self.count = 0
        """Iterations that were recorded."""

    def begin_at(self, iterations: int) -> None:
        """The training goes on with a model that has been trained for so many iterations."""
        self.first_step = iterations
        if iterations:
            self._suffix = ""

    def attempt(self) -> AbstractContextManager[None]:
        """What fails here must not end the training; see `Session.attempt`."""
        return self._session.attempt(_WHAT)

    def add(self, step: int, mark: Any) -> None:
        """An iteration has ended.

        Args:
            step: The iteration, from 0.
            mark: What leads to its metrics; see `read`.
        """
        self.count += 1
        now = time.time_ns() // 1_000_000
        self._waiting.append((step, now, mark))
        if now >= self._write_at:
            self.write()
            self._write_at = now + WAIT_MS

    def write(self) -> None:
        """Log what waits. It never raises: this is in the middle of a training."""
        waiting, append = self._waiting, self._session.run.append_point
        try:
            while waiting:
                step, timestamp, mark = waiting.popleft()
                for score in self._read(mark):
                    append(*self._measured(*score), step, timestamp)
        except Exception as failure:  # noqa: BLE001 - as in `Session.attempt`, which would cost more than a point
            warn_of(failure, self._session.framework, f"{self._session.title} ({_WHAT})")

    def tell(self) -> None:
        """Say in the notice of the run how the training ended: the last metric is what is stopped by.

        Where early stopping found a best iteration, that is the value of the model that is used.
        """
        if self._last is not None:
            key, value = self._last
            when = ", the best of" if self._has_best else " after"
            self._session.say(f"{key} {value:.4g}{when} {self.count} iterations")

    def keep_best(self, about: Mapping[str, int], best: Iterable[Score]) -> None:
        """Log what early stopping found.

        As in MLflow, the metrics at the best iteration become one more point behind the last one: their
        last value is then that of the model that is used.

        Args:
            about: `best_iteration` and `stopped_iteration`, counted as the framework counts.
            best: The metrics at the best iteration.
        """
        self._session.log_metrics(about)
        values = dict(self._measured(*score) for score in best)
        self._has_best = bool(values)
        self._session.log_metrics(values, step=self.first_step + self.count)

    def _measured(self, data: str, metric: str, value: Any) -> tuple[str, float]:
        key = self._keys.get((data, metric))
        if key is None:
            # MLflow takes no @ in the name of a metric, as in ndcg@3.
            key = self._keys[data, metric] = f"{data}-{metric}".replace("@", "_at_") + self._suffix
        self._last = key, value if type(value) is float else metric_values.as_value(key, value)
        return self._last
