"""One of each of scikit-learn's estimators, made by its own test tools, and data to train it on."""

import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from sklearn.datasets import make_blobs
from sklearn.decomposition import SparseCoder
from sklearn.exceptions import SkipTestWarning
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances
from sklearn.utils.estimator_checks import _enforce_estimator_tags_X, _enforce_estimator_tags_y

SPECIAL_INPUT = {
    "ClassifierChain": "several labels",
    "CountVectorizer": "texts",
    "DictVectorizer": "dicts",
    "FeatureHasher": "dicts",
    "HashingVectorizer": "texts",
    "IsotonicRegression": "one feature",
    "LabelBinarizer": "labels alone",
    "LabelEncoder": "labels alone",
    "MultiLabelBinarizer": "labels alone",
    "MultiOutputClassifier": "several labels",
    "MultiOutputRegressor": "several targets",
    "MultiTaskElasticNet": "several targets",
    "MultiTaskElasticNetCV": "several targets",
    "MultiTaskLasso": "several targets",
    "MultiTaskLassoCV": "several targets",
    "PatchExtractor": "pictures",
    "RegressorChain": "several targets",
    "TfidfTransformer": "counts",
    "TfidfVectorizer": "texts",
}
"""Estimators that take other data than a table and a column, and get it."""


def _table() -> tuple[Any, Any]:
    # Anew each time: some tools of scikit-learn's change it.
    return make_blobs(n_samples=60, centers=2, n_features=4, random_state=0, cluster_std=1.5)


SPECIAL = {
    "FrozenEstimator": FrozenEstimator(GaussianNB().fit(*_table())),
    "SparseCoder": SparseCoder(dictionary=np.eye(4)),
}
"""Estimators that scikit-learn's own tests make nowhere."""


def instances() -> Iterator[tuple[str, Any]]:
    """The name of each estimator, and one of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", (SkipTestWarning, FutureWarning))
        for name, kind in all_estimators():
            instance = SPECIAL.get(name) or next(iter(_construct_instances(kind)))
            if "random_state" in instance.get_params(deep=False):
                instance.set_params(random_state=0)
            yield name, instance


def data_for(name: str, estimator: Any) -> tuple[Any, ...]:
    """What its `fit` is called with."""
    data, labels = _table()
    texts = ["a fine day", "the rain", "fine food"] * 5
    kind = SPECIAL_INPUT.get(name)
    if kind == "texts":
        return (texts,)
    if kind == "dicts":
        return ([{"a": 1, "b": index} for index in range(9)],)
    if kind == "labels alone":
        return ([["a"], ["b", "c"]] if name == "MultiLabelBinarizer" else list("abca"),)
    if kind == "several labels":
        return data, np.c_[labels, data[:, 0] > data[:, 0].mean()].astype(int)
    if kind == "several targets":
        return data, data[:, :2] * 2
    if kind == "one feature":
        return data[:, 0], data[:, 1]
    if kind == "pictures":
        return (np.arange(3 * 8 * 8, dtype=float).reshape(3, 8, 8),)
    if kind == "counts":
        return (np.arange(12).reshape(4, 3),)
    return (
        _enforce_estimator_tags_X(estimator, data),
        _enforce_estimator_tags_y(estimator, labels),
    )


def learned(estimator: Any, data: Any) -> dict[str, Any]:
    """What a training has found: the numbers among its attributes, the names of all, and what it predicts."""
    found: dict[str, Any] = {"attributes": sorted(vars(estimator))}
    for name, value in vars(estimator).items():
        if isinstance(value, np.ndarray | np.number | int | float | str) and not name.endswith("time_"):
            found[name] = np.asarray(value)
    for method in ("predict", "predict_proba", "transform"):
        if hasattr(estimator, method):
            with suppress(ValueError, TypeError, NotImplementedError):  # labels alone are no table
                output = getattr(estimator, method)(data)
                found[f"{method}()"] = output.toarray() if hasattr(output, "toarray") else np.asarray(output)
    return found


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The keys under which two trainings have found different things."""
    return [key for key in {**one, **other} if not _same(one.get(key), other.get(key))]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        kind = one.dtype.kind
        if kind == "O":  # of names, or of trees: what those know shows in the predictions
            return one.shape == other.shape and [*map(type, one.flat)] == [*map(type, other.flat)]
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=kind in "fc")
    return one == other
