"""Searches whose records are compared with those of the real MLflow: name -> (what searches, options)."""

from collections.abc import Callable
from typing import Any

from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

X, Y = load_iris(return_X_y=True, as_frame=True)
TREE = DecisionTreeClassifier(random_state=0)
DEPTHS = {"max_depth": [1, 2, 3]}
PIPELINE = Pipeline([("scale", StandardScaler()), ("model", SVC())])
BOTH = ["accuracy", "f1_macro"]

CASES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "grid": (lambda: GridSearchCV(TREE, DEPTHS, cv=3).fit(X, Y), {}),
    "grid without a limit": (
        lambda: GridSearchCV(TREE, {"max_depth": list(range(1, 8))}, cv=2).fit(X, Y),
        {"max_tuning_runs": None},
    ),
    "the best two": (lambda: GridSearchCV(TREE, DEPTHS, cv=3).fit(X, Y), {"max_tuning_runs": 2}),
    "no candidates": (lambda: GridSearchCV(TREE, DEPTHS, cv=3).fit(X, Y), {"max_tuning_runs": 0}),
    "of a pipeline": (lambda: GridSearchCV(PIPELINE, {"model__C": [0.1, 1.0]}, cv=3).fit(X, Y), {}),
    "several metrics": (
        lambda: GridSearchCV(TREE, DEPTHS, cv=3, scoring=BOTH, refit="f1_macro").fit(X, Y),
        {"max_tuning_runs": None},
    ),
    "nothing refitted": (
        lambda: GridSearchCV(TREE, DEPTHS, cv=3, scoring=BOTH, refit=False, return_train_score=True).fit(
            X, Y
        ),
        {"max_tuning_runs": None},
    ),
    "random": (
        lambda: RandomizedSearchCV(TREE, DEPTHS, n_iter=2, cv=3, random_state=0).fit(X, Y),
        {},
    ),
}
