"""What the page on autolog says of XGBoost and LightGBM is what a run has, and the other way round."""

import re
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost

import nbtrack
from nbtrack.tracking.autolog.switching import switch

PAGE = Path(__file__).parents[3] / "docs" / "autolog.md"


def row(section: str, what: str) -> list[str]:
    """The code words of a row of the table of a section."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    line = next(each for each in text.splitlines() if each.startswith(f"| {what} |"))
    return re.findall(r"`([^`]+)`", line)


def artifacts(run: Any) -> set[str]:
    return {each.path for each in nbtrack.MlflowClient().list_artifacts(run.info.run_id)}


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 3))
    return X, (X[:, 0] > 0).astype(int)


def test_of_xgboost(data: tuple[np.ndarray, np.ndarray]) -> None:
    switch("xgboost", silent=True)
    X, y = data

    model = xgboost.XGBClassifier(n_estimators=2, early_stopping_rounds=1, eval_metric="logloss", n_jobs=1)
    model.fit(X, y, eval_set=[(X.copy(), y)], verbose=False)
    xgboost.cv({"nthread": 1}, xgboost.DMatrix(X, y), 1, nfold=2)

    cross, run = nbtrack.search_runs(output_format="list")
    documented = set(row("XGBoost", "params")) - {"cv"}
    assert documented <= {*run.data.params, *cross.data.params}
    own = set(model.get_xgb_params()) | {"eval_metric"}
    assert {*run.data.params, *cross.data.params} - own - {"nthread"} == documented
    assert {key for key in run.data.tags if key.startswith("estimator")} == set(row("XGBoost", "tags"))
    assert row("XGBoost", "metrics")[1] in run.data.metrics
    assert {"test-rmse-mean", "test-rmse-std"} <= set(cross.data.metrics)
    assert {"<data>-<metric>-mean", "<data>-<metric>-std"} <= set(row("XGBoost", "metrics"))
    assert set(row("XGBoost", "early stopping")) == set(run.data.metrics) - {"validation_0-logloss"}
    files = {f"feature_importance_{kind}" for kind in row("XGBoost", "importance") if kind == "weight"}
    assert artifacts(run) == {f"{file}.{end}" for file in files for end in ("json", "png")} | {"model"}
    assert row("XGBoost", "data sets") == ["dataset", "train", "eval"]
    assert [each.dataset.name for each in run.inputs.dataset_inputs] == ["dataset", "validation_0"]


def test_of_lightgbm(data: tuple[np.ndarray, np.ndarray]) -> None:
    switch("lightgbm", silent=True)
    X, y = data
    params = {"verbosity": -1, "num_threads": 1, "objective": "binary", "min_data_in_leaf": 2}
    training = lightgbm.Dataset(X, y)

    lightgbm.train(
        {**params, "early_stopping_round": 1},
        training,
        2,
        valid_sets=[training, lightgbm.Dataset(X.copy(), y, reference=training)],
    )
    lightgbm.cv(params, lightgbm.Dataset(X, y), 1, nfold=2)

    cross, run = nbtrack.search_runs(output_format="list")
    assert set(run.data.params) - {*params, "early_stopping_round"} == set(row("LightGBM", "params"))
    names = {key.partition("-")[0] for key in run.data.metrics if "-" in key}
    assert names <= set(row("LightGBM", "metrics"))
    assert set(cross.data.metrics) == {
        each.replace("<metric>", "binary_logloss")
        for each in row("LightGBM", "metrics")
        if each.startswith("valid-")
    }
    assert set(row("LightGBM", "early stopping")) <= set(run.data.metrics)
    assert set(row("LightGBM", "importance")) - {".png"} <= artifacts(run)
