"""Runs as columns: what a table or a DataFrame of many runs is made of, without an object for each run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbtrack.core.entities import Run

INFO = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time")
"""What identifies a run and says how it went: MLflow's columns, in its order."""


@dataclass(frozen=True)
class RunColumns:
    """The same runs, in the same order, in every column."""

    info: Mapping[str, Sequence[Any]]
    """The columns `INFO`; times in milliseconds since 1970, UTC, `end_time` None while a run goes on."""
    metrics: Mapping[str, Sequence[float | None]]
    """The last value of each metric, None where a run has none; the keys in the order first met."""
    params: Mapping[str, Sequence[str | None]]
    tags: Mapping[str, Sequence[str | None]]

    @staticmethod
    def of_runs(runs: Sequence[Run]) -> "RunColumns":
        """The columns of runs that are there as objects."""
        return RunColumns(
            info={name: [getattr(run.info, name) for run in runs] for name in INFO},
            metrics=columns_of([run.data.metrics for run in runs]),
            params=columns_of([run.data.params for run in runs]),
            tags=columns_of([run.data.tags for run in runs]),
        )


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Mappings as columns: (rows,) for each key, in the order first met, None where a row lacks it."""
    columns: dict[str, list[Any]] = {}
    extend_columns(columns, rows, 0)
    return columns


def extend_columns(columns: dict[str, list[Any]], rows: Sequence[Mapping[str, Any]], length: int) -> None:
    """Add rows at the end of columns.

    Args:
        columns: The columns so far; get those of new keys as well.
        rows: What to add.
        length: How many rows the columns hold.
    """
    # Most runs of an experiment hold the same keys in the same order.
    shapes = dict.fromkeys(map(tuple, rows))
    keys = dict.fromkeys(key for shape in shapes for key in shape)
    if len(shapes) > 1:
        blank: dict[str, Any] = dict.fromkeys(keys)
        rows = [{**blank, **row} for row in rows]
    for key, values in zip(keys, zip(*[row.values() for row in rows], strict=True), strict=True):
        if key not in columns:
            columns[key] = [None] * length
        columns[key].extend(values)
    for key in columns.keys() - keys.keys():
        columns[key].extend([None] * len(rows))
