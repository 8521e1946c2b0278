"""Aim: `Run.track` into a local repository, and its own reading functions."""

from typing import Any

import data
import serving
from aim import Repo, Run
from aim.storage.context import Context


class Aim:
    package = "aim"

    def open(self) -> None:
        self.repo = Repo.from_path(".", init=not Repo.exists("."))

    def start(self) -> None:
        self.run = Run(
            repo=self.repo,
            system_tracking_interval=None,
            log_system_params=False,
            capture_terminal_logs=False,
        )

    def run_id(self) -> str:
        return self.run.hash

    def log(self, value: float, step: int) -> None:
        self.run.track(value, name="loss", step=step)

    def log_params_and_tags(self, params: dict[str, str], tags: dict[str, str]) -> None:
        self.run["params"] = params
        self.run["tags"] = tags

    def end(self) -> None:
        self.run.close()

    def prepare_to_read(self) -> None:
        # What `aim storage reindex` calls.
        self.repo._recreate_index()

    def is_kept(self, run: str) -> bool:
        return not self.repo.get_run(run).active

    def values(self, run: str) -> Any:
        metric = self.repo.get_run(run).get_metric("loss", Context({}))
        _, (values,) = metric.data.view("val").numpy()  # ordered by step, which `metric.values` is not
        return values

    def params_and_tags(self, run: str) -> tuple[dict[str, str], dict[str, str]]:
        held = self.repo.get_run(run)
        return dict(held["params"]), dict(held["tags"])

    def make_points(self, points: int) -> str:
        self.start()
        for step in range(points):
            self.log(data.value_at(step), step)
        run = self.run_id()
        self.end()
        return run


serving.serve(Aim())
