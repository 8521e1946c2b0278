"""The curves of a boosted training: a point of each metric after each iteration.

Each point is logged at once. It costs 2 µs beside an iteration of a millisecond or more, can be looked at
while the training goes on, and survives whatever ends the process.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from time import time_ns
from typing import Any

from nbtrack.tracking.autolog.sessions import Session

Score = tuple[str, str, Any]
"""What a metric was on a data set after an iteration: the name of the data, of the metric, the value."""


class IterationMetrics:
    """The curves of one training.

    A later training in the same run has curves of its own, `train-rmse-2`, unless it goes on with a model
    that was trained before: then its iterations are counted on, and so is the curve.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._log = session.run.log_metric
        self._keys: dict[tuple[str, str], str] = {}
        self._suffix = f"-{session.ordinal}" if session.ordinal > 1 else ""
        self._last: tuple[str, Any] | None = None
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
        return self._session.attempt("metrics of each iteration")

    def add(self, step: int, scores: Iterable[Score]) -> None:
        """Log what the metrics are after an iteration.

        Args:
            step: The iteration, from 0.
            scores: The metrics, on each data set.
        """
        self.count += 1
        with self.attempt():
            now = time_ns() // 1_000_000
            for data, metric, value in scores:
                key = self._key(data, metric)
                self._log(key, value, step, timestamp=now)
                self._last = key, value

    def tell(self) -> None:
        """Say in the notice of the run how the training ended: the last metric is what is stopped by."""
        if self._last is not None:
            with self.attempt():
                self._session.say(f"{self._last[0]} {float(self._last[1]):.4g} after {self.count} iterations")

    def keep_best(self, about: Mapping[str, int], best: Iterable[Score]) -> None:
        """Log what early stopping found.

        As in MLflow, the metrics at the best iteration become one more point behind the last one: their
        last value is then that of the model that is used.

        Args:
            about: `best_iteration` and `stopped_iteration`, counted as the framework counts.
            best: The metrics at the best iteration.
        """
        with self._session.attempt("best iteration"):
            self._session.log_metrics(about)
            step = self.first_step + self.count
            self._session.log_metrics(
                {self._key(data, metric): value for data, metric, value in best}, step=step
            )

    def _key(self, data: str, metric: str) -> str:
        key = self._keys.get((data, metric))
        if key is None:
            # MLflow takes no @ in the name of a metric, as in ndcg@3.
            key = self._keys[data, metric] = f"{data}-{metric}".replace("@", "_at_") + self._suffix
        return key
