"""The sizes of data that a tracked cell has read or made, as they are kept in a tag of its run."""

import json
from collections.abc import Mapping
from typing import Any, cast

from nbtrack.core import system_tags


def data_sizes(tags: Mapping[str, str]) -> dict[str, str]:
    """Name of the data to its size, such as `DataFrame 1,797 x 64`; empty where none is known.

    Args:
        tags: Of the run.
    """
    try:
        held: Any = json.loads(tags.get(system_tags.DATA_SIZES, "{}"))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(held, dict):
        return {}
    return {name: size for name, size in cast("dict[str, Any]", held).items() if isinstance(size, str)}
