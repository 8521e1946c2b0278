"""Runs as a pandas DataFrame with MLflow's columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from nbtrack.core.entities import Run
from nbtrack.core.run_columns import INFO, RunColumns


def as_frame(runs: RunColumns | Sequence[Run]) -> Any:
    """A row for each run, in the order given.

    Returns:
        A DataFrame: the six columns of what identifies a run (times with a time zone, UTC), then
        `metrics.*` (float, NaN where a run has none), `params.*` and `tags.*` (text, None where a
        run has none).
    """
    import numpy as np
    import pandas as pd

    columns = runs if isinstance(runs, RunColumns) else RunColumns.of_runs(runs)
    info: dict[str, Any] = {name: columns.info[name] for name in INFO}
    for name in ("start_time", "end_time"):
        info[name] = _times(info[name])
    rows = len(columns.info["run_id"])
    parts = [pd.DataFrame(info)]
    named_metrics = _named("metrics", columns.metrics)
    texts = {**_named("params", columns.params), **_named("tags", columns.tags)}
    # One array for all columns of a type: pandas takes many small ones ten times as long to put together.
    for held, dtype in ((named_metrics, np.float64), (texts, object)):
        if held:
            block: Any = np.empty((len(held), rows), dtype=dtype)
            for place, values in zip(block, held.values(), strict=True):
                place[:] = values
            parts.append(pd.DataFrame(block.T, dtype=dtype, copy=False))
    frame = pd.concat(parts, axis=1)
    frame.columns = _labels([*INFO, *named_metrics, *texts])
    return frame


def _named(kind: str, columns: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    return {f"{kind}.{key}": values for key, values in columns.items()}


def _times(milliseconds: Sequence[int | None]) -> Any:
    """Times in the unit that pandas itself gives to times in milliseconds."""
    import numpy as np
    import pandas as pd

    nowhere = np.iinfo(np.int64).min
    numbers = np.array([nowhere if time is None else time for time in milliseconds], dtype=np.int64)
    unit = "ns" if pd.__version__.startswith("2.") else "us"
    return pd.DatetimeIndex(numbers.view("M8[ms]")).as_unit(unit).tz_localize("UTC")


def _labels(names: list[str]) -> Any:
    import pandas as pd

    try:
        return pd.Index(names)
    except UnicodeEncodeError:  # a key with half a surrogate pair
        return pd.Index(names, dtype=object)
