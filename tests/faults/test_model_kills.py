"""SIGKILL while models are logged: what is listed is whole, loads and is registered; nothing is lost."""

import itertools
import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression

import nbtrack
from nbtrack.core.errors import NbtrackError
from nbtrack.tracking.model_logging import LoggedFolder
from nbtrack.tracking.tracker import Tracker
from tests.faults.children import Ack, WarmParent, rounds, seeded, spin

X = np.array([[0.0], [1.0], [2.0]])
ATTEMPTS = 50
LONG = 0.2
"""Seconds, longer than it takes to log a model."""


def log_models_for_ever(ack: Ack, store: Path) -> None:
    """Log and register model after model until killed; acknowledges each with its number."""
    run = Tracker(store=store).start_run()
    ack(run.run_id)
    for number in itertools.count():
        model = LinearRegression().fit(X, X[:, 0] * number)
        run.log_model(model, name="model", step=number, registered_model_name="registered")
        ack(str(number))


def list_before_it_is_there(ack: Ack, store: Path) -> None:
    """Broken on purpose: lists a model before its files have their place."""

    def log(self: Any) -> None:
        self._about.artifact_path = self._store.logged_models.free_path(self._about.run_id, "model")
        self._list()
        with self._store.runs.artifacts(self._about.run_id).write_folder(self._about.artifact_path) as folder:
            self._save(folder)
        self._register()
        self._is_done = True

    LoggedFolder.log = log
    log_models_for_ever(ack, store)


def list_and_register_one_after_the_other(ack: Ack, store: Path) -> None:
    """Broken on purpose: a model is listed for a moment before it is registered."""

    def list_and_register(self: Any) -> None:
        self._list()
        spin(LONG)
        self._register()

    LoggedFolder._list_and_register = list_and_register
    log_models_for_ever(ack, store)


def kill_while_logging_models(
    children: WarmParent, store: Path, random: Random, work: Any = log_models_for_ever, within: float = 0.03
) -> list[str]:
    """Kill a child `within` seconds after it has logged a model; what is wrong in the store afterwards."""
    child = children.start(work, store)
    child.wait_for_lines(1 + random.randrange(1, 5))
    spin(random.uniform(0, within))
    child.kill()
    child.end()
    run_id, acknowledged = child.lines[0], len(child.lines) - 1

    tracker = Tracker(store=store)
    found = tracker._store().logged_models.search()
    problems: list[str] = []
    values: list[float] = []
    for model in found:
        folder = store / "runs" / run_id / "artifacts" / model.path
        try:
            values.append(round(nbtrack.sklearn.load_model(folder, trust=True).coef_[0]))
            if model.status != "READY":
                problems.append(f"half a model is listed: {model.path} is {model.status}")
            nbtrack.sklearn.load_model(folder)  # its signature is whole, too
        except (NbtrackError, EOFError) as error:
            problems.append(f"half a model is listed: {model.path}: {error}")
    if missing := set(range(acknowledged)) - set(values):
        problems.append(f"lost: models {sorted(missing)}")
    if len(found) > acknowledged + 1:
        problems.append(f"invented: {len(found)} models, {acknowledged} logged")
    versions = {version.model_id: version for version in tracker._store().registry.search_versions()}
    problems += [f"not registered: {model.path}" for model in found if model.model_id not in versions]
    if len(versions) > len(found):
        problems.append(f"invented: {len(versions)} versions of {len(found)} models")
    for model in found:
        said = json.loads(model.tags.get("mlflow.modelVersions", "[]"))
        version = versions.get(model.model_id)
        if version is not None and said != [{"name": "registered", "version": version.version}]:
            problems.append(f"{model.path} does not know its version: {said}")
    tracker.close()
    return problems


def test_a_kill_leaves_no_half_model_listed(children: WarmParent, tmp_path: Path) -> None:
    random = seeded("models")

    for number in range(rounds(5, 200)):
        assert kill_while_logging_models(children, tmp_path / str(number), random) == []


def test_control_a_model_that_is_listed_first_is_caught(children: WarmParent, tmp_path: Path) -> None:
    random = seeded("models listed first")

    caught = any(
        kill_while_logging_models(children, tmp_path / str(number), random, list_before_it_is_there)
        for number in range(ATTEMPTS)
    )

    assert caught


def test_control_a_model_that_is_listed_before_it_is_registered_is_caught(
    children: WarmParent, tmp_path: Path
) -> None:
    random = seeded("models registered later")
    caught: list[str] = []

    for number in range(ATTEMPTS):
        caught += kill_while_logging_models(
            children, tmp_path / str(number), random, list_and_register_one_after_the_other, within=2 * LONG
        )
        if caught:
            break

    assert [problem.partition(":")[0] for problem in caught] == ["not registered"]
