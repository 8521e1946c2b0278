"""nbtrack: the fluent functions on a store in the working directory."""

from typing import Any

import data
import serving

import nbtrack


class Nbtrack:
    package = "nbtrack"

    def open(self) -> None:
        nbtrack.set_tracking_uri("store")
        nbtrack.set_experiment("Default")

    def start(self) -> None:
        self.run = nbtrack.start_run()

    def run_id(self) -> str:
        return self.run.info.run_id

    def log(self, value: float, step: int) -> None:
        nbtrack.log_metric("loss", value, step=step)

    def log_params_and_tags(self, params: dict[str, str], tags: dict[str, str]) -> None:
        nbtrack.log_params(params)
        nbtrack.set_tags(tags)

    def end(self) -> None:
        nbtrack.end_run()

    def prepare_to_read(self) -> None:
        pass

    def is_kept(self, run: str) -> bool:
        return nbtrack.get_run(run).info.status == "FINISHED"

    def values(self, run: str) -> Any:
        return nbtrack.get_metric_history(run, "loss", output_format="numpy")["value"]

    def params_and_tags(self, run: str) -> tuple[dict[str, str], dict[str, str]]:
        held = nbtrack.get_run(run).data
        tags = {key: value for key, value in held.tags.items() if not key.startswith(("mlflow.", "nbtrack."))}
        return dict(held.params), tags

    def make_runs(self, runs: int) -> None:
        for run in range(runs):
            with nbtrack.start_run(tags=data.tags_of(run)):
                nbtrack.log_params(data.params_of(run))
                nbtrack.log_metrics(data.metrics_of(run))

    def search(self) -> list[float]:
        found = nbtrack.search_runs(
            filter_string=f"metrics.acc > {data.ENOUGH} and params.lr = '0.1'",
            order_by=["metrics.acc DESC"],
            max_results=data.FIRST,
            output_format="list",
        )
        return [run.data.metrics["acc"] for run in found]

    def frame(self) -> Any:
        return nbtrack.search_runs()

    def column_of_acc(self) -> str:
        return "metrics.acc"

    def make_points(self, points: int) -> str:
        with nbtrack.start_run() as run:
            for step in range(points):
                nbtrack.log_metric("loss", data.value_at(step), step=step)
        return run.info.run_id


serving.serve(Nbtrack())
