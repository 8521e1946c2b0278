"""MLflow: the fluent functions on a SQLite store, logging synchronously (its default)."""

import sqlite3
import uuid
from typing import Any

import data
import mlflow
import serving
from mlflow.tracking import MlflowClient


class Mlflow:
    package = "mlflow"

    def open(self) -> None:
        mlflow.set_tracking_uri("sqlite:///mlflow.db")
        self.client = MlflowClient()
        self.client.get_experiment("0")  # makes the tables of a new store

    def start(self) -> None:
        self.run = mlflow.start_run()

    def run_id(self) -> str:
        return self.run.info.run_id

    def log(self, value: float, step: int) -> None:
        mlflow.log_metric("loss", value, step=step)

    def log_params_and_tags(self, params: dict[str, str], tags: dict[str, str]) -> None:
        mlflow.log_params(params)
        mlflow.set_tags(tags)

    def end(self) -> None:
        mlflow.end_run()

    def prepare_to_read(self) -> None:
        pass

    def is_kept(self, run: str) -> bool:
        return self.client.get_run(run).info.status == "FINISHED"

    def values(self, run: str) -> Any:
        import numpy as np

        return np.array([point.value for point in self.client.get_metric_history(run, "loss")])

    def params_and_tags(self, run: str) -> tuple[dict[str, str], dict[str, str]]:
        held = self.client.get_run(run).data
        tags = {key: value for key, value in held.tags.items() if not key.startswith("mlflow.")}
        return dict(held.params), tags

    def make_runs(self, runs: int) -> None:
        """Log one run, then copy its rows in SQL: through the API 10,000 runs take minutes."""
        with mlflow.start_run() as first:
            mlflow.set_tags(data.tags_of(0))
            mlflow.log_params(data.params_of(0))
            mlflow.log_metrics(data.metrics_of(0))
        for run in range(1, runs):
            texts = {"params": data.params_of(run), "tags": data.tags_of(run)}
            metrics = data.metrics_of(run)
            self._copy(first.info.run_id, {**texts, "metrics": metrics, "latest_metrics": metrics})
        self._write_copies()

    _TABLES = ("runs", "params", "tags", "metrics", "latest_metrics")

    def _copy(self, model: str, changed: dict[str, dict[str, Any]]) -> None:
        """Remember the rows of a run for a new one, with other values."""
        if not hasattr(self, "rows"):
            connection = sqlite3.connect("mlflow.db")
            connection.row_factory = sqlite3.Row
            self.rows = {
                table: [
                    dict(row)
                    for row in connection.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", (model,))
                ]
                for table in self._TABLES
            }
            self.copies: dict[str, list[dict[str, Any]]] = {table: [] for table in self._TABLES}
            connection.close()
        run_uuid = uuid.uuid4().hex
        for table in self._TABLES:
            for row in self.rows[table]:
                copy = {**row, "run_uuid": run_uuid}
                if table == "runs":
                    copy["artifact_uri"] = row["artifact_uri"].replace(model, run_uuid)
                elif row["key"] in changed[table]:
                    copy["value"] = changed[table][row["key"]]
                self.copies[table].append(copy)

    def _write_copies(self) -> None:
        connection = sqlite3.connect("mlflow.db")
        for table, copies in self.copies.items():
            if copies:
                columns = ", ".join(copies[0])
                places = ", ".join(f":{column}" for column in copies[0])
                connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", copies)
        connection.commit()
        connection.close()

    def search(self) -> list[float]:
        found = mlflow.search_runs(
            filter_string=f"metrics.acc > {data.ENOUGH} and params.lr = '0.1'",
            order_by=["metrics.acc DESC"],
            max_results=data.FIRST,
            output_format="list",
        )
        return [run.data.metrics["acc"] for run in found]

    def frame(self) -> Any:
        return mlflow.search_runs()

    def column_of_acc(self) -> str:
        return "metrics.acc"

    def make_points(self, points: int) -> str:
        """Log one point, then copy its row in SQL, with other steps and values."""
        with mlflow.start_run() as run:
            mlflow.log_metric("loss", data.value_at(0), step=0)
        connection = sqlite3.connect("mlflow.db")
        connection.row_factory = sqlite3.Row
        (found,) = connection.execute("SELECT * FROM metrics WHERE run_uuid = ?", (run.info.run_id,))
        row = dict(found)
        columns, places = ", ".join(row), ", ".join(f":{column}" for column in row)
        connection.executemany(
            f"INSERT INTO metrics ({columns}) VALUES ({places})",
            (
                {**row, "step": step, "value": data.value_at(step), "timestamp": row["timestamp"] + step}
                for step in range(1, points)
            ),
        )
        connection.commit()
        connection.close()
        return run.info.run_id


serving.serve(Mlflow())
