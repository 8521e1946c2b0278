"""The metrics of a version in few words: one number for each, those that people know first."""

from collections.abc import Iterable, Sequence

from nbtrack.core.entities import Metric
from nbtrack.core.metric_directions import is_greater_better


def values_by_place(metrics: Iterable[Metric]) -> dict[str, dict[str, float]]:
    """The values of each metric, by the data set on which it was measured: none is an empty text."""
    metrics = list(metrics)
    digests: dict[str, set[str | None]] = {}
    for metric in metrics:
        if metric.dataset_name is not None:
            digests.setdefault(metric.dataset_name, set()).add(metric.dataset_digest)
    found: dict[str, dict[str, float]] = {}
    for metric in metrics:
        place = metric.dataset_name or ""
        if len(digests.get(place, ())) > 1:
            place = f"{place} ({metric.dataset_digest or '?'})"
        found.setdefault(metric.key, {})[place] = metric.value
    return found


def labelled_values(metrics: Iterable[Metric]) -> list[tuple[str, float]]:
    """The metrics and their values, in their order; of several data sets each: `accuracy on test`."""
    labelled: list[tuple[str, float]] = []
    for key, values in values_by_place(metrics).items():
        if len(values) == 1:
            labelled.append((key, next(iter(values.values()))))
        else:
            labelled += [(f"{key} on {place}" if place else key, value) for place, value in values.items()]
    return labelled


def known_first(keys: Iterable[str]) -> list[str]:
    """Metrics, those first whose names say what is better: these are what models are chosen by."""
    return sorted(keys, key=lambda key: is_greater_better(key) is None)


def shared_metrics(versions: Sequence[Iterable[str]], count: int) -> list[str]:
    """The metrics to show of several versions: what most of them have, the known ones first.

    Args:
        versions: The metrics of each.
        count: How many at most.
    """
    held: dict[str, int] = {}
    for keys in versions:
        for key in keys:
            held[key] = held.get(key, 0) + 1
    order = {key: number for number, key in enumerate(known_first(held))}
    most = sorted(held, key=lambda key: (is_greater_better(key) is None, -held[key], order[key]))
    return most[:count]
