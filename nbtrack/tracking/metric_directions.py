"""Whether more of a metric is better, as the experiments of runs say of their primary metrics."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol

from nbtrack.core.errors import NotFoundError
from nbtrack.core.metric_directions import known_directions


class KnowsExperiments(Protocol):
    """A tracker, as far as it is needed here."""

    def get_experiment(self, experiment_id: str) -> Any:
        """Read an experiment."""
        ...


def directions_of(tracker: KnowsExperiments, experiment_ids: Iterable[str]) -> dict[str, bool]:
    """What experiments say of their primary metrics, by the names of these."""
    found: dict[str, bool] = {}
    for experiment_id in dict.fromkeys(experiment_ids):
        with suppress(NotFoundError):  # runs may have been copied here without their experiment
            found |= known_directions(tracker.get_experiment(experiment_id).tags)
    return found
