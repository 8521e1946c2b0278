"""Runs as a pandas DataFrame with MLflow's columns."""

from collections.abc import Sequence
from typing import Any

from nbtrack.core.entities import Run

_INFO = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time")


def as_frame(runs: Sequence[Run]) -> Any:
    """A row for each run, in the order given.

    Returns:
        A DataFrame: the six columns of what identifies a run (times with a time zone, UTC), then
        `metrics.*` (float, NaN where a run has none), `params.*` and `tags.*` (text, None where a
        run has none).
    """
    import pandas as pd

    columns: dict[str, Any] = {name: [getattr(run.info, name) for run in runs] for name in _INFO}
    for name in ("start_time", "end_time"):
        columns[name] = pd.to_datetime(pd.array(columns[name], dtype="Int64"), unit="ms", utc=True)
    for kind in ("metrics", "params", "tags"):
        held: list[Any] = [getattr(run.data, kind) for run in runs]
        keys = dict.fromkeys(key for mapping in held for key in mapping)
        for key in keys:
            values = [mapping.get(key) for mapping in held]
            dtype = "float64" if kind == "metrics" else object
            columns[f"{kind}.{key}"] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(columns)
