"""scikit-learn's estimators: with code of the notebook inside, as skops files, and from elsewhere."""

import json
import pickle
import shutil
import threading
import warnings
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import xgboost
import yaml
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, UntrustedModelError
from nbtrack.models.flavors.known import flavor_named
from tests.models.flavors.round_trips import (
    in_a_fresh_process,
    load,
    make_a_strangers,
    predict,
    round_trip,
    save,
)

RANDOM = np.random.default_rng(7)
X = pd.DataFrame(
    {"length": RANDOM.random(60), "width": RANDOM.random(60), "color": RANDOM.choice(["red", "green"], 60)}
)
NUMBERS = X[["length", "width"]]
KIND = np.where(X["length"] > 0.5, "large", "small")


def pipeline() -> Any:
    columns = ColumnTransformer(
        [
            ("log", FunctionTransformer(lambda numbers: np.log1p(numbers)), ["length", "width"]),
            ("color", OneHotEncoder(), ["color"]),
        ]
    )
    return make_pipeline(columns, LogisticRegression()).fit(X, KIND)


def test_a_pipeline_with_lambdas_is_kept(tmp_path: Path) -> None:
    model = pipeline()

    back = round_trip(model, tmp_path / "m")

    assert np.array_equal(back.predict_proba(X), model.predict_proba(X))
    assert predict(tmp_path / "m", X).tolist() == model.predict(X).tolist()


def test_a_search_is_kept_with_its_results(tmp_path: Path) -> None:
    model = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(NUMBERS, KIND)

    back = round_trip(model, tmp_path / "m")

    assert back.best_params_ == model.best_params_
    assert back.cv_results_.keys() == model.cv_results_.keys()
    assert predict(tmp_path / "m", NUMBERS).tolist() == model.predict(NUMBERS).tolist()


def test_what_holds_an_estimator_of_another_library_is_one_of_scikit_learn(tmp_path: Path) -> None:
    inner = xgboost.XGBClassifier(n_estimators=2, n_jobs=1)
    held = make_pipeline(StandardScaler(), inner).fit(NUMBERS, X["color"] == "red")

    about = save(held, tmp_path / "m")

    assert "sklearn" in about.flavors
    names = [line.partition("==")[0] for line in (tmp_path / "m" / "requirements.txt").read_text().split()]
    assert {"cloudpickle", "numpy", "scikit-learn", "scipy"} < set(names)
    assert {"xgboost", "xgboost-cpu"} & set(names)


def test_estimators_of_a_notebook_go_along_into_another_process(tmp_path: Path) -> None:
    # A script of its own, because here a class has a module that can be imported.
    program = """
import sys, numpy
from sklearn.base import BaseEstimator, ClassifierMixin
import nbtrack.sklearn

class Above(ClassifierMixin, BaseEstimator):
    def __init__(self, limit=0.5):
        self.limit = limit

    def fit(self, X, y):
        self.classes_ = numpy.unique(y)
        return self

    def predict(self, X):
        import math
        return numpy.where(numpy.asarray(X)[:, 0] > self.limit, math.floor(1.5), 0)

nbtrack.sklearn.save_model(Above(0.25).fit([[1.0]], [1]), sys.argv[1])
"""
    in_a_fresh_process(program, tmp_path / "m")

    printed = in_a_fresh_process(
        "import sys, nbtrack.sklearn, nbtrack.pyfunc;"
        "print(nbtrack.sklearn.load_model(sys.argv[1]).limit);"
        "print(nbtrack.pyfunc.load_model(sys.argv[1]).predict([[0.2], [0.3]]).tolist())",
        tmp_path / "m",
    )

    assert printed.split("\n")[:2] == ["0.25", "[0, 1]"]


class Above(ClassifierMixin, BaseEstimator):
    def __init__(self, limit: float = 0.5) -> None:
        self.limit = limit

    def fit(self, data: Any, kinds: Any) -> "Above":
        self.classes_ = np.unique(kinds)
        return self

    def predict(self, data: Any) -> Any:
        return np.asarray(data)[:, 0] > self.limit


def test_a_class_in_a_file_of_ones_own_is_told_to_be_given_too(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match=r"The model imports 'tests', which is code of yours.*code_paths"):
        save(Above().fit([[1.0]], [1]), tmp_path / "m")


def test_a_predictor_calls_the_method_that_was_chosen(tmp_path: Path) -> None:
    model = LogisticRegression().fit(NUMBERS, KIND)
    save(model, tmp_path / "m", pyfunc_predict_fn="predict_proba")

    assert np.array_equal(predict(tmp_path / "m", NUMBERS), model.predict_proba(NUMBERS))


def test_a_method_that_the_estimator_has_not_is_told(tmp_path: Path) -> None:
    scaler = StandardScaler().fit(NUMBERS)

    with pytest.warns(RuntimeWarning, match=r"no predict\(\).*pyfunc_predict_fn='transform' lets it"):
        about = save(scaler, tmp_path / "a")
    save(scaler, tmp_path / "b", pyfunc_predict_fn="transform")

    assert "python_function" not in about.flavors
    assert np.allclose(load(tmp_path / "a").transform(NUMBERS), predict(tmp_path / "b", NUMBERS))
    with pytest.raises(InvalidValueError, match="names a method, got 'a b'"):
        save(scaler, tmp_path / "c", pyfunc_predict_fn="a b")


def test_a_file_may_not_choose_a_hidden_method(tmp_path: Path) -> None:
    model = LogisticRegression().fit(NUMBERS, KIND)

    with pytest.raises(InvalidValueError, match="'__reduce_ex__' as the method"):
        flavor_named("sklearn").scorer(model, {"predict_fn": "__reduce_ex__"}, tmp_path, {})


def test_params_become_arguments_of_predict(tmp_path: Path) -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor

    model = GaussianProcessRegressor(alpha=0.1).fit(NUMBERS, X["length"])
    scorer = flavor_named("sklearn").scorer(model, {}, tmp_path, {})

    _, spread = scorer.predict(NUMBERS, {"return_std": True})
    assert spread.shape == (60,)
    with pytest.warns(RuntimeWarning, match="takes no 'depth'"):
        scorer.predict(NUMBERS, {"depth": 1})


def test_a_model_that_was_never_fitted_is_kept_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match=r"This Pipeline is not fitted.*Call fit\(\)"):
        save(make_pipeline(StandardScaler(), LogisticRegression(C=3.0)), tmp_path / "m")

    assert load(tmp_path / "m")[-1].C == 3.0


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LogisticRegression, "LogisticRegression is a class, and no fitted estimator"),
        (X, "got pandas"),
        ({"a": 1}, "got builtins.dict"),
    ],
)
def test_what_is_no_estimator_is_refused(model: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidTypeError, match=message):
        save(model, tmp_path / "m", flavor="sklearn")


def test_what_cannot_be_pickled_is_named(tmp_path: Path) -> None:
    model = LogisticRegression().fit(NUMBERS, KIND)
    model.lock_ = threading.Lock()

    with pytest.raises(InvalidValueError, match=r"cannot be pickled: .*'_thread.lock'"):
        save(model, tmp_path / "m")


# Pickles


def test_a_strangers_pickle_is_refused_and_loads_with_trust(tmp_path: Path) -> None:
    model = LogisticRegression().fit(NUMBERS, KIND)
    save(model, tmp_path / "m")
    make_a_strangers(tmp_path / "m")

    with pytest.raises(UntrustedModelError, match=r"model\.pkl is a pickle, which runs code"):
        load(tmp_path / "m")
    assert np.array_equal(load(tmp_path / "m", trust=True).predict(NUMBERS), model.predict(NUMBERS))


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("xz", 1)])
@pytest.mark.parametrize("name", ["model.pkl", "model.joblib"])
def test_what_joblib_wrote_is_read(compress: Any, name: str, tmp_path: Path) -> None:
    model = RandomForestClassifier(3, random_state=0).fit(NUMBERS, KIND)
    save(model, tmp_path / "m")
    (tmp_path / "m" / "model.pkl").unlink()
    joblib.dump(model, tmp_path / "m" / name, compress=compress)
    rewrite(tmp_path / "m", pickled_model=name, serialization_format=None)

    back = load(tmp_path / "m", trust=True)

    assert np.array_equal(back.predict(NUMBERS), model.predict(NUMBERS))


def test_an_array_of_joblib_that_comes_late_is_read(tmp_path: Path) -> None:
    model = LogisticRegression().fit(NUMBERS, KIND)
    model.notes_ = ["a long text " * 20_000, np.arange(5)]
    save(model, tmp_path / "m")
    state = {"notes": model.notes_[0], "model": model}
    joblib.dump(state, tmp_path / "m" / "model.pkl")

    back = load(tmp_path / "m", trust=True)

    assert back["model"].notes_[1].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"\x80\x05K", b"not a pickle", b"\x80\x05cno_such_module\nX\n."]
)
def test_a_damaged_pickle_is_told_with_its_name(content: bytes, tmp_path: Path) -> None:
    save(LogisticRegression().fit(NUMBERS, KIND), tmp_path / "m")
    (tmp_path / "m" / "model.pkl").write_bytes(content)

    with pytest.raises(InvalidValueError, match=r"'model\.pkl' of the model at .* cannot be read"):
        load(tmp_path / "m", trust=True)


def test_a_pickle_that_ends_early_is_said_to(tmp_path: Path) -> None:
    save(LogisticRegression().fit(NUMBERS, KIND), tmp_path / "m")
    (tmp_path / "m" / "model.pkl").write_bytes(b"\x80")

    with pytest.raises(InvalidValueError, match=r"cannot be read: it ends early\."):
        load(tmp_path / "m", trust=True)


def test_a_missing_package_is_named_with_what_installs_it(tmp_path: Path) -> None:
    save(LogisticRegression().fit(NUMBERS, KIND), tmp_path / "m")
    (tmp_path / "m" / "model.pkl").write_bytes(b"\x80\x04cno_such_module\nThing\n.")

    with pytest.raises(
        InvalidValueError, match=r"needs the module 'no_such_module'. `pip install -r .*code_paths"
    ):
        load(tmp_path / "m", trust=True)


def test_a_model_of_another_version_gets_one_warning_that_names_both(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), RandomForestClassifier(4)).fit(NUMBERS, KIND)
    save(model, tmp_path / "m")
    content = (tmp_path / "m" / "model.pkl").read_bytes()
    version = __import__("sklearn").__version__
    other = "0" + version[1:]  # as long, for the pickle's sake
    (tmp_path / "m" / "model.pkl").write_bytes(content.replace(version.encode(), other.encode()))
    rewrite(tmp_path / "m", sklearn_version=other)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        load(tmp_path / "m", trust=True)

    assert len(seen) == 1
    assert f"made with scikit-learn {other}, and {version} is installed" in str(seen[0].message)


def test_a_pickle_that_only_names_a_class_of_the_notebook_is_told(tmp_path: Path) -> None:
    program = (
        "import sys, warnings, nbtrack.sklearn\n"
        "from sklearn.linear_model import LinearRegression\n"
        "class Own(LinearRegression): pass\n"
        "warnings.simplefilter('always')\n"
        "with warnings.catch_warnings(record=True) as seen:\n"
        "    model = Own().fit([[1], [2]], [1, 2])\n"
        "    nbtrack.sklearn.save_model(model, sys.argv[1], serialization_format='pickle')\n"
        "print([str(each.message) for each in seen])"
    )

    printed = in_a_fresh_process(program, tmp_path / "m")

    assert "The pickle only names Own, from this notebook or script" in printed


# skops


def test_a_skops_file_loads_without_trust_in_a_fresh_process(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(NUMBERS, KIND)
    save(model, tmp_path / "m", serialization_format="skops")
    make_a_strangers(tmp_path / "m")

    assert np.array_equal(load(tmp_path / "m").predict(NUMBERS), model.predict(NUMBERS))


class Doubled(TransformerMixin, BaseEstimator):
    def fit(self, data: Any, kinds: Any = None) -> "Doubled":
        self.fitted_ = True
        return self

    def transform(self, data: Any) -> Any:
        return data * 2


def test_types_that_skops_does_not_know_are_named_by_the_user_and_ask_for_trust(tmp_path: Path) -> None:
    model = make_pipeline(Doubled(), LinearRegression()).fit(NUMBERS, X["length"])
    named = f"{Doubled.__module__}.Doubled"

    with pytest.raises(
        InvalidValueError, match=rf"does not trust: {named}. Name them as skops_trusted_types"
    ):
        save(model, tmp_path / "a", serialization_format="skops")
    about = save(model, tmp_path / "b", serialization_format="skops", skops_trusted_types=[named])

    assert about.flavors["sklearn"]["skops_trusted_types"] == [named]
    assert np.allclose(load(tmp_path / "b").predict(NUMBERS), model.predict(NUMBERS))
    # The file's own list is the word of whoever wrote it.
    make_a_strangers(tmp_path / "b")
    with pytest.raises(UntrustedModelError, match=rf"types that skops does not trust: {named}"):
        load(tmp_path / "b")
    assert np.allclose(load(tmp_path / "b", trust=True).predict(NUMBERS), model.predict(NUMBERS))


def test_what_skops_cannot_hold_is_told_with_what_can(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"by name only.*serialization_format='cloudpickle'"):
        save(pipeline(), tmp_path / "a", serialization_format="skops")
    model = LogisticRegression().fit(NUMBERS, KIND)
    model.made_by_ = (number for number in range(3))
    with pytest.raises(InvalidValueError, match="serialization_format='cloudpickle' takes everything"):
        save(model, tmp_path / "b", serialization_format="skops")


def skops_model(folder: Path, schema: Any, **files: bytes) -> Path:
    """A model of a stranger's, whose skops file says this."""
    save(LogisticRegression().fit(NUMBERS, KIND), folder, serialization_format="skops")
    make_a_strangers(folder)
    with zipfile.ZipFile(folder / "model.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", schema if isinstance(schema, str) else json.dumps(schema))
        for name, content in files.items():
            archive.writestr(name, content)
    return folder


def array(name: str, number: int) -> dict[str, Any]:
    return {
        "__class__": "ndarray",
        "__module__": "numpy",
        "__loader__": "NdArrayNode",
        "type": "numpy",
        "file": name,
        "__id__": number,
    }


def listed(*items: Any) -> dict[str, Any]:
    return {
        "__class__": "list",
        "__module__": "builtins",
        "__loader__": "ListNode",
        "content": list(items),
        "protocol": 2,
        "_skops_version": "0.16.0",
    }


def test_a_skops_file_that_names_one_array_again_and_again_is_refused(tmp_path: Path) -> None:
    folder = skops_model(
        tmp_path / "m",
        listed(*(array("a.npy", number) for number in range(3000))),
        **{"a.npy": bytes(10_000_000)},
    )

    with pytest.raises(InvalidValueError, match="more than 200 times its size in memory"):
        load(folder)


@pytest.mark.parametrize("schema", ["{", "[]", '{"protocol": 2}', "[" * 100_000])
def test_a_skops_file_that_is_none_is_told_with_its_name(schema: str, tmp_path: Path) -> None:
    folder = skops_model(tmp_path / "m", schema)

    with pytest.raises(InvalidValueError, match=r"'model\.skops' of the model at"):
        load(folder)


def test_a_pickle_under_the_name_of_a_skops_file_is_not_read_as_one(tmp_path: Path) -> None:
    folder = skops_model(tmp_path / "m", "{}")
    (folder / "model.skops").write_bytes(pickle.dumps(print))

    with pytest.raises(InvalidValueError, match="cannot be read by skops: BadZipFile"):
        load(folder, trust=True)


def rewrite(folder: Path, **entry: Any) -> None:
    """Say something else in the flavor's entry; as a stranger could."""
    path = folder / "MLmodel"
    held = yaml.safe_load(path.read_text())
    held["flavors"]["sklearn"].update(entry)
    path.write_text(yaml.safe_dump(held))


def test_a_format_that_is_none_is_refused(tmp_path: Path) -> None:
    model = LogisticRegression().fit(NUMBERS, KIND)
    with pytest.raises(InvalidValueError, match=r"serialization_format is 'onnx'. Use one of cloudpickle"):
        save(model, tmp_path / "a", serialization_format="onnx")
    save(model, tmp_path / "b")
    rewrite(tmp_path / "b", serialization_format="dill")

    with pytest.raises(InvalidValueError, match="says it is written as 'dill'"):
        load(tmp_path / "b")


@pytest.mark.parametrize("version", ["2.22", "3.17"])
def test_the_pickles_of_mlflow_load_with_trust(version: str, tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "mlflow_folders" / version / "sklearn_pickle" / "model"
    shutil.copytree(source, tmp_path / "m")

    assert isinstance(load(tmp_path / "m", trust=True), LinearRegression)
