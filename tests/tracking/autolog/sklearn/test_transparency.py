"""Estimators are under autolog what they are without: to Python, scikit-learn's own checks, in a pickle."""

import copy
import inspect
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from sklearn.utils.estimator_checks import check_estimator

import nbtrack
from nbtrack.tracking.autolog import switching
from nbtrack.tracking.autolog.patching import function_of

Autolog = Callable[..., None]
X, y = load_iris(return_X_y=True)


def _pipeline() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=500))


def _functions() -> Iterator[tuple[str, FunctionType]]:
    """Every function and method that scikit-learn defines, with its name."""
    all_estimators()  # imports their modules
    for name, module in list(sys.modules.items()):
        if not name.startswith("sklearn") or ".tests" in name:
            continue
        for held in list(vars(module).values()):
            is_own_class = isinstance(held, type) and held.__module__ == name
            for each in vars(held).values() if is_own_class else [held]:
                function = function_of(each) if is_own_class else each
                if isinstance(function, FunctionType):
                    yield f"{function.__module__}.{function.__qualname__}", function


def test_switching_off_gives_every_function_its_own_code_back(autolog: Autolog) -> None:
    functions = dict(_functions())
    codes: dict[str, CodeType] = {name: function.__code__ for name, function in functions.items()}
    dicts = {name: dict(vars(function)) for name, function in functions.items()}

    autolog()
    exchanged = [name for name, function in functions.items() if function.__code__ is not codes[name]]
    switching.switch("sklearn", disable=True)

    assert len([name for name in exchanged if name.endswith(".fit")]) > 120
    assert "sklearn.cluster._kmeans.KMeans.fit" in exchanged
    assert [name for name, function in functions.items() if function.__code__ is not codes[name]] == []
    assert [name for name, function in functions.items() if vars(function) != dicts[name]] == []


def test_methods_are_the_same_objects_with_the_same_signature(autolog: Autolog) -> None:
    methods = [LogisticRegression.fit, KMeans.fit_predict, Pipeline.fit, vars(StandardScaler)["fit"]]
    before = [(str(inspect.signature(each)), each.__doc__, each.__qualname__) for each in methods]

    autolog()

    after = [(str(inspect.signature(each)), each.__doc__, each.__qualname__) for each in methods]
    assert after == before
    assert LogisticRegression.fit is methods[0]
    assert str(inspect.signature(LogisticRegression().fit)) == "(X, y, sample_weight=None)"


def test_an_estimator_is_cloned_copied_and_shown_as_ever(autolog: Autolog) -> None:
    bare = _pipeline().fit(X, y)
    shown, page = repr(bare), bare._repr_html_().count("estimator")
    autolog()

    ours = _pipeline().fit(X, y)

    assert repr(ours) == repr(clone(ours)) == repr(copy.deepcopy(ours)) == shown
    assert ours._repr_html_().count("estimator") == page
    assert vars(ours).keys() == vars(bare).keys()
    assert np.array_equal(copy.deepcopy(ours).predict(X), bare.predict(X))


def test_pickles_are_the_same_bytes_as_without_autolog(autolog: Autolog) -> None:
    bare = GaussianNB().fit(X, y)
    as_joblib = BytesIO()
    joblib.dump(bare, as_joblib)
    autolog()

    ours = GaussianNB().fit(X, y)

    assert pickle.dumps(ours) == pickle.dumps(bare)
    assert cloudpickle.dumps(ours) == cloudpickle.dumps(bare)
    file = BytesIO()
    joblib.dump(ours, file)
    assert file.getvalue() == as_joblib.getvalue()
    assert pickle.loads(pickle.dumps(GaussianNB.fit)) is GaussianNB.fit


_LOAD = """
import pickle, sys
model = pickle.loads(open(sys.argv[1], "rb").read())
assert not any(name.partition(".")[0] == "nbtrack" for name in sys.modules), "nbtrack was loaded"
print(model.predict([[5.1, 3.5, 1.4, 0.2]])[0])
"""


def test_a_process_without_nbtrack_loads_what_was_pickled(autolog: Autolog, tmp_path: Path) -> None:
    autolog()

    (tmp_path / "model.pkl").write_bytes(cloudpickle.dumps(_pipeline().fit(X, y)))

    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(tmp_path / "model.pkl")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "0", done.stderr


@pytest.mark.parametrize(
    "estimator",
    [GaussianNB(), DecisionTreeClassifier(), LocalOutlierFactor()],
    ids=lambda each: type(each).__name__,
)
def test_scikit_learns_own_checks_hold(autolog: Autolog, estimator: Any) -> None:
    autolog(log_models=False, log_datasets=False)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_fail=None)

    assert len(results) > 40
    assert [each["check_name"] for each in results if each["status"] == "failed"] == []


def test_a_traceback_leads_to_the_users_line_and_scikit_learns(autolog: Autolog) -> None:
    autolog()

    with pytest.raises(ValueError, match="NaN") as caught:
        Ridge().fit([[float("nan")]], [1.0])

    files = [str(entry.path) for entry in caught.traceback]
    assert files[0] == __file__
    assert any("sklearn" in file for file in files)
    assert [file for file in files if file.startswith(str(Path(nbtrack.__file__).parent))] == []


def test_a_deep_copy_of_a_bound_method_still_trains(autolog: Autolog) -> None:
    autolog()

    fit = copy.deepcopy(GaussianNB().fit)

    assert fit(X, y).predict(X[:1]).tolist() == [0]
