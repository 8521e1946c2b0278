"""Sorting as people mean it: the best and the latest first, unless a direction is said."""

import re
from collections.abc import Iterable, Mapping

from nbtrack.core.metric_directions import is_greater_better
from nbtrack.filters.fields import RUN, Entity, Finder
from nbtrack.filters.grammar import parse_order_entry

_SAID = re.compile(r"\s(?:asc|desc)\s*\Z", re.IGNORECASE)
_VALUES = ("last", "min", "max", "mean")
_FROM_LARGEST = (
    "start_time",
    "end_time",
    "creation_time",
    "last_update_time",
    "creation_timestamp",
    "last_updated_timestamp",
    "version_number",
)


def with_directions(
    order_by: Iterable[str], directions: Mapping[str, bool] | None = None, *, entity: Entity = RUN
) -> list[str]:
    """Add the direction that people expect to fields that have none.

    Metrics of which more is better, times and versions begin with the largest; everything else with the
    smallest.

    Args:
        order_by: Fields, such as `metrics.accuracy` or `params.lr DESC`.
        directions: Whether more is better, for metrics whose names do not say.
        entity: What is sorted.

    Raises:
        InvalidValueError: An entry is malformed, or names an unknown field.
    """
    found: list[str] = []
    for text in order_by:
        if _SAID.search(text):
            found.append(text)
            continue
        field = Finder(entity, text, "Order").find(parse_order_entry(text)[0])
        is_value = field.group == "metrics" and field.path[-1] in _VALUES
        from_largest = (is_value and is_greater_better(field.key, directions)) or field.label in _FROM_LARGEST
        found.append(f"{text} DESC" if from_largest else text)
    return found
