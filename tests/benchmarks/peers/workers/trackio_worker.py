"""Trackio: `trackio.init`, `trackio.log`, its local SQLite store and its own reading functions."""

import sqlite3
import uuid
from typing import Any

import data
import orjson
import serving
import trackio
from trackio.sqlite_storage import SQLiteStorage

_PROJECT = "bench"
_OWN = "_"
"""How Trackio's own keys of a config begin."""


class Trackio:
    package = "trackio"

    def open(self) -> None:
        SQLiteStorage.init_db(_PROJECT)

    def start(self) -> None:
        # A name of our own: to make one, Trackio lists all runs of the project.
        self.run = trackio.init(
            project=_PROJECT, name=uuid.uuid4().hex, embed=False, auto_log_gpu=False, auto_log_cpu=False
        )
        self.is_empty = True

    def run_id(self) -> str:
        return self.run.name

    def log(self, value: float, step: int) -> None:
        trackio.log({"loss": value}, step=step)
        self.is_empty = False

    def log_params_and_tags(self, params: dict[str, str], tags: dict[str, str]) -> None:
        self.run.config.update({**params, **tags})

    def end(self) -> None:
        if self.is_empty:
            # Trackio writes a run, and its config, with the run's first point.
            trackio.log({"loss": 0.0})
        trackio.finish()

    def prepare_to_read(self) -> None:
        pass

    def is_kept(self, run: str) -> bool:
        return SQLiteStorage.get_run_config(_PROJECT, run) is not None

    def values(self, run: str) -> Any:
        import numpy as np

        points = SQLiteStorage.get_metric_values(_PROJECT, run, "loss")
        points.sort(key=lambda point: point["step"])
        return np.array([point["value"] for point in points])

    def params_and_tags(self, run: str) -> tuple[dict[str, str], dict[str, str]]:
        config = SQLiteStorage.get_run_config(_PROJECT, run) or {}
        own = {key: value for key, value in config.items() if not key.startswith(_OWN)}
        tags = {key: own.pop(key) for key in list(own) if key in data.MANY_TAGS}
        return own, tags

    def make_runs(self, runs: int) -> None:
        """Log one run, then copy its rows in SQL."""
        self.start()
        self.run.config.update({**data.params_of(0), **data.tags_of(0)})
        trackio.log(data.metrics_of(0))
        trackio.finish()
        connection = sqlite3.connect(SQLiteStorage.get_project_db_path(_PROJECT))
        connection.row_factory = sqlite3.Row
        for table, column, content in (
            ("configs", "config", lambda run: {**data.params_of(run), **data.tags_of(run)}),
            ("metrics", "metrics", data.metrics_of),
        ):
            (row,) = connection.execute(f"SELECT * FROM {table} WHERE run_name = ?", (self.run_id(),))
            model = {key: value for key, value in dict(row).items() if key not in ("id", "log_id")}
            columns, places = ", ".join(model), ", ".join(f":{key}" for key in model)
            connection.executemany(
                f"INSERT INTO {table} ({columns}) VALUES ({places})",
                (
                    {
                        **model,
                        "run_id": f"{run:032x}",
                        "run_name": f"run-{run}",
                        column: orjson.dumps({**orjson.loads(model[column]), **content(run)}).decode(),
                    }
                    for run in range(1, runs)
                ),
            )
        connection.commit()
        connection.close()

    def search(self) -> list[float]:
        """Trackio has no filter language, but a function for read-only SQL."""
        answer = SQLiteStorage.query_project(
            _PROJECT,
            "SELECT c.run_id, c.run_name, c.config, m.metrics, m.metrics ->> '$.acc' AS acc "
            "FROM configs c JOIN metrics m ON m.run_id = c.run_id "
            f"WHERE c.config ->> '$.lr' = '0.1' AND m.metrics ->> '$.acc' > {data.ENOUGH} "
            f"ORDER BY acc DESC LIMIT {data.FIRST}",
        )
        return [row["acc"] for row in answer["rows"]]

    def frame(self) -> Any:
        """The columns that other trackers give: identity, time, params and tags, metrics."""
        import pandas as pd

        answer = SQLiteStorage.query_project(
            _PROJECT,
            "SELECT c.run_id, c.run_name, c.created_at, c.config, m.metrics "
            "FROM configs c JOIN metrics m ON m.run_id = c.run_id",
            max_rows=10**9,
        )
        frame = pd.DataFrame(
            [
                {
                    "run_id": row["run_id"],
                    "run_name": row["run_name"],
                    "created_at": row["created_at"],
                    **orjson.loads(row["config"]),
                    **orjson.loads(row["metrics"]),
                }
                for row in answer["rows"]
            ]
        )
        frame["created_at"] = pd.to_datetime(frame["created_at"])
        return frame

    def column_of_acc(self) -> str:
        return "acc"

    def make_points(self, points: int) -> str:
        name = uuid.uuid4().hex
        SQLiteStorage.bulk_log(
            _PROJECT,
            name,
            [{"loss": data.value_at(step)} for step in range(points)],
            steps=list(range(points)),
            run_id=name,
        )
        return name


serving.serve(Trackio())
