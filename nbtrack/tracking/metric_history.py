"""The points of one metric, in the form that was asked for."""

from typing import Any

from nbtrack.core.entities import Metric
from nbtrack.core.errors import InvalidValueError
from nbtrack.core.paged_lists import PagedList
from nbtrack.stores.contracts import Runs

FORMATS = ("list", "numpy", "pandas")


def read(runs: Runs, run_id: str, key: str, output_format: str = "list") -> Any:
    """Read all points of a metric, ordered by timestamp, then as logged.

    Args:
        runs: Where the run is.
        run_id: The run.
        key: The metric; one that was never logged has no points.
        output_format: `list` for a list of `Metric`; `numpy` for a structured array, (points,),
            with the fields `step`, `timestamp` (ms since 1970, UTC) and `value`; `pandas` for a
            DataFrame with these columns, its timestamps with a time zone, UTC.

    Raises:
        NotFoundError: There is no such run.
        InvalidValueError: It is no output format.
    """
    _check(output_format)
    points = runs.points(run_id, key)
    if output_format == "numpy":
        return points
    if output_format == "pandas":
        return _as_frame(points)
    name, digest = runs.metric_dataset(run_id, key) or (None, None)
    return PagedList(
        Metric(key, value, timestamp, step, None, name, digest) for step, timestamp, value in points.tolist()
    )


def nothing(output_format: str) -> Any:
    """No points, in the form that was asked for."""
    _check(output_format)
    if output_format == "list":
        return PagedList[Metric]()
    import numpy as np

    points = np.empty(0, dtype=[("step", "<i8"), ("timestamp", "<i8"), ("value", "<f8")])
    return points if output_format == "numpy" else _as_frame(points)


def _as_frame(points: Any) -> Any:
    """Points, (points,), as a DataFrame of the columns step, timestamp and value."""
    import numpy as np
    import pandas as pd

    # In milliseconds, as they were logged: nanoseconds end in the year 2262.
    times = pd.DatetimeIndex(points["timestamp"].astype("M8[ms]")).tz_localize("UTC")
    columns = {name: np.ascontiguousarray(points[name]) for name in ("step", "value")}
    return pd.DataFrame({"step": columns["step"], "timestamp": times, "value": columns["value"]})


def _check(output_format: str) -> None:
    if output_format not in FORMATS:
        raise InvalidValueError(f"The output format {output_format!r} is none of {', '.join(FORMATS)}.")
