"""What a logged model's document keeps of its metrics: of each, on each data set, the last point.

    metrics     by key: the summary of all its points, for filters and orders
    measured    by `dataset_place`: the data set's name and digest, and the last points by key

All points are in the metric log of the run that logged them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from nbtrack.core.entities import Metric
from nbtrack.core.logged_models import dataset_place
from nbtrack.core.summaries import MetricSummary, fold

MOST_POINTS = 1000
"""Last points that a model keeps, those of all keys and data sets together."""

_ON_NOTHING = dataset_place(None)


def add_points(document: Any, points: Iterable[Metric]) -> list[str]:
    """Add points to a model's document.

    Returns:
        The keys of those for which there was no room.
    """
    left_out: list[str] = []
    room = MOST_POINTS - sum(len(held["metrics"]) for held in document["measured"].values())
    for point in points:
        places = [dataset_place(point.dataset_name, point.dataset_digest)]
        if point.dataset_name is not None and point.dataset_digest is not None:
            places.append(dataset_place(point.dataset_name))
        for number, place in enumerate(places):
            fresh: dict[str, Any] = {"name": point.dataset_name, "metrics": {}}
            fresh["digest"] = None if number else point.dataset_digest
            held = document["measured"].get(place, fresh)
            known = held["metrics"].get(point.key)
            if known is None:
                if room <= 0:
                    left_out.append(point.key)
                    break
                room -= 1
            document["measured"][place] = held
            if known is None or (point.step, point.timestamp) >= (known["step"], known["timestamp"]):
                held["metrics"][point.key] = {
                    "last": point.value,
                    "step": point.step,
                    "timestamp": point.timestamp,
                    "run_id": point.run_id,
                }
        else:
            before = document["metrics"].get(point.key)
            summary = fold(
                before and MetricSummary.from_document(before), [point.step], [point.timestamp], [point.value]
            )
            document["metrics"][point.key] = summary.to_document()
    return left_out


def metrics_of(document: Mapping[str, Any]) -> list[Metric]:
    """The last points of a model's document."""
    return [
        Metric(
            key=key,
            value=point["last"],
            timestamp=point["timestamp"],
            step=point["step"],
            model_id=document["model_id"],
            dataset_name=held["name"],
            dataset_digest=held["digest"],
            run_id=point["run_id"],
        )
        for place, held in document["measured"].items()
        # What stands under a name alone is what stands under its digests, once more.
        if held["digest"] is not None or place == _ON_NOTHING
        for key, point in held["metrics"].items()
    ]
