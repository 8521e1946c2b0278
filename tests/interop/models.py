"""Small models of every flavor, and data for them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import lightgbm
import pandas as pd
import torch
import xgboost
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nbtrack.models.flavors.known import FLAVORS

FLOWERS = pd.DataFrame(
    {"length": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "width": [0.5, 0.1, 0.9, 0.3, 0.7, 0.2]},
)
PRICE = FLOWERS["length"] * 2 + FLOWERS["width"]
IS_LARGE = (FLOWERS["length"] > 3).astype("int64")
TENSORS = FLOWERS.to_numpy(dtype="float32", copy=True)


@dataclass(frozen=True)
class Trained:
    """A model of a framework, and how it is saved; the modules of nbtrack and MLflow have one name."""

    flavor: str
    make: Callable[[], Any]
    data: Any = field(default_factory=lambda: FLOWERS)
    options: dict[str, Any] = field(default_factory=dict)
    answers: Callable[[Any, Any], Any] = lambda model, data: model.predict(data)
    """What the framework itself predicts."""


def _network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1)).eval()


def _ask_network(network: Any, data: Any) -> Any:
    with torch.no_grad():
        return network(torch.from_numpy(data)).numpy()


def _keras() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input([2]), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(1)]
    )


def _lightgbm(**options: Any) -> dict[str, Any]:
    return {"min_child_samples": 1, "min_data_in_bin": 1, "verbose": -1} | options


TRAINED = {
    "sklearn": Trained("sklearn", lambda: LinearRegression().fit(FLOWERS, PRICE)),
    "sklearn on an array": Trained(
        "sklearn", lambda: LinearRegression().fit(FLOWERS.to_numpy(), PRICE), data=FLOWERS.to_numpy()
    ),
    "sklearn pickle": Trained(
        "sklearn",
        lambda: LinearRegression().fit(FLOWERS, PRICE),
        options={"serialization_format": "pickle"},
    ),
    "sklearn skops": Trained(
        "sklearn", lambda: LinearRegression().fit(FLOWERS, PRICE), options={"serialization_format": "skops"}
    ),
    "sklearn predict_proba": Trained(
        "sklearn",
        lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(FLOWERS, IS_LARGE),
        options={"pyfunc_predict_fn": "predict_proba"},
        answers=lambda model, data: model.predict_proba(data),
    ),
    "pytorch": Trained(
        "pytorch",
        _network,
        data=TENSORS,
        options={"serialization_format": "pickle"},
        answers=_ask_network,
    ),
    "pytorch export": Trained(
        "pytorch",
        _network,
        data=TENSORS,
        options={"serialization_format": "pt2"},
        answers=_ask_network,
    ),
    "xgboost Booster": Trained(
        "xgboost",
        lambda: xgboost.train(
            {"max_depth": 2, "min_child_weight": 0}, xgboost.DMatrix(FLOWERS, PRICE), num_boost_round=5
        ),
        answers=lambda model, data: model.predict(xgboost.DMatrix(data)),
    ),
    "xgboost classifier": Trained(
        "xgboost",
        lambda: xgboost.XGBClassifier(n_estimators=5, min_child_weight=0).fit(FLOWERS, IS_LARGE),
        options={"model_format": "json"},
    ),
    "lightgbm Booster": Trained(
        "lightgbm",
        lambda: lightgbm.train(_lightgbm(objective="regression"), lightgbm.Dataset(FLOWERS, PRICE), 5),
    ),
    "lightgbm classifier": Trained(
        "lightgbm", lambda: lightgbm.LGBMClassifier(**_lightgbm(n_estimators=5)).fit(FLOWERS, IS_LARGE)
    ),
    "keras": Trained(
        "keras", _keras, data=TENSORS, answers=lambda model, data: model.predict(data, verbose=0)
    ),
}


TRAINED = {name: case for name, case in TRAINED.items() if case.flavor in FLAVORS}


@cache
def trained(name: str) -> Any:
    """The model; made once."""
    return TRAINED[name].make()
