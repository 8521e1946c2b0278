"""Trainings whose records are compared with those of the real MLflow: name -> (options, what trains)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor


class Case(NamedTuple):
    """One training, and the options of autolog that it is done with."""

    train: Callable[[], Any]
    options: Mapping[str, Any] = MappingProxyType({})


def _iris() -> tuple[Any, Any]:
    return load_iris(return_X_y=True)


def _iris_frame() -> tuple[Any, Any]:
    return load_iris(return_X_y=True, as_frame=True)


def _cancer(rows: int = 200) -> tuple[Any, Any]:
    data, target = load_breast_cancer(return_X_y=True, as_frame=True)
    return data.iloc[:rows, :6], target.iloc[:rows]


def _diabetes() -> tuple[Any, Any]:
    data, target = load_diabetes(return_X_y=True)
    return data[:150], target[:150]


def _weights(rows: int) -> Any:
    return np.linspace(0.1, 2, rows)


def _words() -> tuple[Any, Any]:
    data, target = _iris()
    return data, np.array(["setosa", "versicolor", "virginica"])[target]


def _two_targets() -> tuple[Any, Any]:
    data, target = _diabetes()
    return data, np.c_[target, target[::-1]]


def _two_labels() -> tuple[Any, Any]:
    data, target = _iris()
    return data, np.c_[target, (data[:, 0] > 5.8).astype(int)]


def _multilabel() -> tuple[Any, Any]:
    data, target = _iris()
    return data, np.c_[target == 0, data[:, 0] > 5.8].astype(int)


def _sparse() -> tuple[Any, Any]:
    from scipy.sparse import csr_matrix

    data, target = _iris()
    return csr_matrix(data), target


def _polars() -> tuple[Any, Any]:
    import polars as pl

    data, target = _iris_frame()
    return pl.DataFrame({name: data[name].to_list() for name in data}), target.to_numpy()


def _titanic() -> tuple[Any, Any]:
    data = pd.DataFrame({"age": np.arange(40) % 13 + 20.5, "port": ["S", "C", "Q", "S"] * 10})
    return data, np.array(["drowned", "rescued"] * 20)


_TEXTS = ["what a fine day", "the rain never ends", "fine food, fine wine", "an endless queue"] * 3
_MOODS = ["good", "bad"] * 6


def _text_pipeline() -> Any:
    return make_pipeline(TfidfVectorizer(), LogisticRegression())


def _columns() -> Any:
    columns = ColumnTransformer([("number", StandardScaler(), ["age"]), ("word", OneHotEncoder(), ["port"])])
    return Pipeline([("columns", columns), ("tree", DecisionTreeClassifier(max_depth=2, random_state=0))])


CASES: dict[str, Case] = {
    "logistic": Case(lambda: LogisticRegression(max_iter=500).fit(*_iris())),
    "logistic of a frame": Case(lambda: LogisticRegression(max_iter=500).fit(*_iris_frame())),
    "binary": Case(lambda: RandomForestClassifier(n_estimators=5, random_state=0).fit(*_cancer())),
    "binary with a positive label": Case(
        lambda: RandomForestClassifier(n_estimators=5, random_state=0).fit(*_cancer()), {"pos_label": 0}
    ),
    "words as labels": Case(lambda: DecisionTreeClassifier(max_depth=2, random_state=0).fit(*_words())),
    "weighted": Case(lambda: GaussianNB().fit(*_iris(), sample_weight=_weights(150))),
    "weighted by position": Case(lambda: GaussianNB().fit(*_iris(), _weights(150))),
    "all by name": Case(lambda: GaussianNB().fit(y=_iris()[1], X=_iris()[0])),
    "support vectors": Case(lambda: SVC().fit(*_iris())),
    "binary support vectors": Case(lambda: SVC().fit(*_cancer())),
    "neighbours": Case(lambda: KNeighborsClassifier().fit(*_iris())),
    "ridge": Case(lambda: Ridge().fit(*_diabetes())),
    "weighted ridge": Case(lambda: Ridge().fit(*_diabetes(), sample_weight=_weights(150))),
    "forest of regressors": Case(lambda: RandomForestRegressor(4, random_state=0).fit(*_diabetes())),
    "two targets": Case(lambda: LinearRegression().fit(*_two_targets())),
    "a regressor a target": Case(lambda: MultiOutputRegressor(Ridge()).fit(*_two_targets())),
    "a classifier a target": Case(lambda: MultiOutputClassifier(GaussianNB()).fit(*_two_labels())),
    "several labels": Case(lambda: KNeighborsClassifier().fit(*_multilabel())),
    "transformed target": Case(
        lambda: TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1).fit(*_diabetes())
    ),
    "pipeline": Case(lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(*_iris())),
    "pipeline of columns": Case(lambda: _columns().fit(*_titanic())),
    "stacking": Case(
        lambda: StackingClassifier(
            [("tree", DecisionTreeClassifier(max_depth=1, random_state=0)), ("bayes", GaussianNB())], cv=2
        ).fit(*_iris())
    ),
    "calibrated": Case(lambda: CalibratedClassifierCV(GaussianNB(), cv=2).fit(*_iris())),
    "clusters": Case(lambda: KMeans(3, n_init=1, random_state=0).fit(_iris()[0])),
    "clusters with labels": Case(lambda: KMeans(3, n_init=1, random_state=0).fit(*_iris())),
    "clusters predicted": Case(lambda: DBSCAN().fit_predict(_iris()[0])),
    "outliers": Case(lambda: IsolationForest(n_estimators=5, random_state=0).fit(_iris()[0])),
    "mixture": Case(lambda: GaussianMixture(2, random_state=0).fit(_iris()[0])),
    "components": Case(lambda: PCA(2, random_state=0).fit(_iris()[0])),
    "components, transformed": Case(lambda: PCA(2, random_state=0).fit_transform(_iris()[0])),
    "sparse": Case(lambda: LogisticRegression(max_iter=500).fit(*_sparse())),
    "polars": Case(lambda: DecisionTreeClassifier(max_depth=2, random_state=0).fit(*_polars())),
    "lists": Case(
        lambda: DecisionTreeRegressor(max_depth=2, random_state=0).fit(
            [[0.0, 1], [1, 0], [2, 5]], [1.5, 2, 3]
        )
    ),
    "texts": Case(lambda: _text_pipeline().fit(_TEXTS, _MOODS)),
    "series of texts": Case(lambda: _text_pipeline().fit(pd.Series(_TEXTS, name="text"), pd.Series(_MOODS))),
    "one class": Case(lambda: GaussianNB().fit(_iris()[0][:50], _iris()[1][:50])),
    "without models": Case(lambda: GaussianNB().fit(*_iris()), {"log_models": False}),
    "without data sets": Case(lambda: GaussianNB().fit(*_iris()), {"log_datasets": False}),
    "without signature": Case(lambda: GaussianNB().fit(*_iris()), {"log_model_signatures": False}),
    "with an example": Case(lambda: GaussianNB().fit(*_iris_frame()), {"log_input_examples": True}),
    "a scaler alone": Case(lambda: StandardScaler().fit(_iris()[0])),
}
