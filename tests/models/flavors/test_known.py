"""Which flavor a model is of, without any framework being imported to find out."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import torch
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

from nbtrack.core.errors import InvalidTypeError
from nbtrack.models.flavors.known import flavor_of
from nbtrack.pyfunc import PythonModel

ROOT = Path(__file__).parents[3]
X = np.arange(8.0).reshape(4, 2)
Y = [0, 1, 0, 1]


class Doubling(PythonModel):
    def predict(self, context: Any, model_input: Any) -> Any:
        return model_input * 2


class LikeAnEstimator:
    """What CatBoost's, skorch's and others' estimators look like."""

    def fit(self, data: Any, wanted: Any) -> "LikeAnEstimator":
        return self

    def predict(self, data: Any) -> Any:
        return data

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {}


class OwnClassifier(xgboost.XGBClassifier):
    pass


def double(model_input: list[float]) -> list[float]:
    return [2 * each for each in model_input]


@pytest.mark.parametrize(
    ("model", "flavor"),
    [
        (LinearRegression(), "sklearn"),
        (xgboost.XGBClassifier(), "xgboost"),
        (xgboost.XGBRFRegressor(), "xgboost"),
        (xgboost.train({}, xgboost.DMatrix(X, Y), 1), "xgboost"),
        (lightgbm.LGBMRanker(), "lightgbm"),
        (make_pipeline(xgboost.XGBClassifier()), "sklearn"),
        (make_pipeline(lightgbm.LGBMClassifier()), "sklearn"),
        (GridSearchCV(xgboost.XGBClassifier(), {}), "sklearn"),
        (OwnClassifier(), "sklearn"),
        (LikeAnEstimator(), "sklearn"),
        (torch.nn.Linear(2, 1), "pytorch"),
        (Doubling(), "python"),
        (double, "python"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_the_flavor_of_a_model_is_that_of_what_it_is_itself(model: Any, flavor: str) -> None:
    chosen = flavor_of(model)

    assert flavor == chosen.NAME


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (None, r"The model is None.*A function without return gives None"),
        (
            RandomForestClassifier,
            r"is the class RandomForestClassifier, not an object.*Classifier\(\.\.\.\)",
        ),
        (Doubling, r"is the class Doubling"),
        (
            [LinearRegression(), LinearRegression()],
            r"is a list of 2 \(LinearRegression\)\. Log each by itself",
        ),
        ((), r"is a tuple of 0 \(nothing\)"),
        ({"a": LinearRegression()}, r"is a dict with the keys 'a'"),
        (torch.nn.Linear(2, 1).state_dict(), r"is a state dict.*nbtrack\.pytorch\.log_state_dict"),
        (pd.DataFrame({"a": [1]}), r"DataFrame, which is data\. nbtrack\.log_table"),
        (X, r"numpy\.ndarray, which is data"),
        (torch.zeros(2), r"torch\.Tensor, which is data"),
        (xgboost.DMatrix(X), r"DMatrix, which is data\. Log the Booster"),
        (lightgbm.Dataset(X), r"Dataset, which is data"),
        ("model.pkl", r"is 'model\.pkl', a text or path\. nbtrack\.log_artifact"),
        (Path("model.pkl"), r"is 'model\.pkl', a text or path"),
        (KFold(), r"no flavor for a sklearn\.model_selection\._split\.KFold\. It is a part of a framework"),
        (3, r"no flavor for an int\. Wrap it"),
    ],
    ids=lambda each: "" if isinstance(each, str) else type(each).__name__,
)
def test_what_is_no_model_is_told_with_what_to_do(model: Any, message: str) -> None:
    with pytest.raises(InvalidTypeError, match=message):
        flavor_of(model)


def test_no_framework_is_imported_to_find_out() -> None:
    program = """
import sys
from nbtrack.models.flavors.known import flavor_of
class Like:
    def fit(self, X, y): ...
    def predict(self, X): ...
    def get_params(self): ...
print(flavor_of(Like()).NAME)
print(sorted({name.partition('.')[0] for name in sys.modules} & {
    'sklearn', 'torch', 'xgboost', 'lightgbm', 'keras', 'lightning', 'numpy', 'pandas', 'skops'}))
"""

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.split("\n")[:2] == ["sklearn", "[]"]
