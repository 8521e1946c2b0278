"""What autolog costs a boosted training of several seconds."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

import nbtrack
from nbtrack.tracking.autolog import cell_end
from nbtrack.tracking.autolog.switching import switch
from nbtrack.tracking.fluent import default_tracker
from tests.benchmarks.timing import Row, median, shown

ROUNDS = 400
"""Iterations of about 12 ms, each with four points."""


def autolog_xgboost(folder: Path, scale: float) -> Row:
    """Train with XGBoost, recorded and not."""
    import xgboost

    train, valid = _data(0), _data(1)
    params = {"objective": "binary:logistic", "eval_metric": ["logloss", "auc"], "nthread": 1}

    def fit(rounds: int) -> None:
        dtrain, dvalid = xgboost.DMatrix(*train), xgboost.DMatrix(*valid)
        evals = [(dtrain, "train"), (dvalid, "valid")]
        xgboost.train(params, dtrain, rounds, evals=evals, verbose_eval=False)

    return _measured("xgboost", "XGBoost", fit, folder, scale)


def autolog_lightgbm(folder: Path, scale: float) -> Row:
    """Train with LightGBM, recorded and not."""
    import lightgbm

    train, valid = _data(0), _data(1)
    params = {"objective": "binary", "metric": ["binary_logloss", "auc"], "num_threads": 1, "verbosity": -1}

    def fit(rounds: int) -> None:
        dtrain = lightgbm.Dataset(*train)
        dvalid = lightgbm.Dataset(*valid, reference=dtrain)
        lightgbm.train(params, dtrain, rounds, valid_sets=[dtrain, dvalid])

    return _measured("lightgbm", "LightGBM", fit, folder, scale)


def _measured(framework: str, name: str, fit: Callable[[int], None], folder: Path, scale: float) -> Row:
    nbtrack.set_tracking_uri(folder / "store")
    rounds = max(3, int(ROUNDS * scale))
    times: dict[bool, list[int]] = {True: [], False: []}
    switch(framework, silent=True)
    fit(1)  # what is imported once is not counted
    for turn in range(max(1, int(5 * scale))):
        for is_recorded in (turn % 2 == 0, turn % 2 == 1):
            switch(framework, disable=not is_recorded, **({"silent": True} if is_recorded else {}))
            start = perf_counter_ns()
            fit(rounds)
            times[is_recorded].append(perf_counter_ns() - start)
    switch(framework, disable=True)
    cell_end.end(None)
    default_tracker.close()
    nbtrack.set_tracking_uri(None)
    ours, bare = median(times[True]), median(times[False])
    return Row(
        f"{name}, {rounds} iterations with 4 points each and the model, recorded by autolog",
        f"{shown(ours)} ({ours / bare - 1:+.1%})",
        f"the same, not recorded: {shown(bare)}",
        "≤ +2 %",
        ours / bare,
    )


def _data(seed: int) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    features = random.normal(size=(20_000, 20))
    return features, (features[:, 0] + features[:, 1] * features[:, 2] > 0).astype(int)
