"""LightGBM's Boosters and estimators: read without a pickle wherever they hold only values."""

import pickle
import shutil
import warnings
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import yaml

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, UntrustedModelError
from nbtrack.models.flavors.known import flavor_named
from nbtrack.models.safety.trust import trust_folder
from tests.models.flavors.round_trips import (
    in_a_fresh_process,
    load,
    make_a_strangers,
    predict,
    round_trip,
    save,
)

RANDOM = np.random.default_rng(7)
X = pd.DataFrame({"length": RANDOM.random(120), "width": RANDOM.random(120)})
KIND = np.where(X["length"] > 0.5, "large", "small")
GROUPS = [10] * 12
CATEGORIES = X.assign(color=pd.Categorical(RANDOM.choice(["red", "green", "blue"], 120)))
QUIET = {"verbose": -1, "n_jobs": 1, "min_child_samples": 2}


def booster(**params: Any) -> lightgbm.Booster:
    data = lightgbm.Dataset(CATEGORIES, X["length"], params={"verbose": -1, "min_data_in_leaf": 2})
    return lightgbm.train({"verbose": -1, "num_threads": 1, **params}, data, 5)


def classifier(**params: Any) -> lightgbm.LGBMClassifier:
    return lightgbm.LGBMClassifier(n_estimators=5, **QUIET, **params).fit(X, KIND)


def stopped_early() -> lightgbm.LGBMClassifier:
    model = lightgbm.LGBMClassifier(n_estimators=60, **QUIET)
    noise = RANDOM.choice(["large", "small"], 120)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # eval_set gets a new name in LightGBM 4.7
        return model.fit(
            X, KIND, eval_set=[(X, noise)], callbacks=[lightgbm.early_stopping(2, verbose=False)]
        )


def test_a_booster_is_text_with_its_categories_and_its_best_iteration(tmp_path: Path) -> None:
    model = booster()
    model.best_iteration = 3

    back = round_trip(model, tmp_path / "m")

    assert (tmp_path / "m" / "model.lgb").read_text().startswith("tree")
    assert back.best_iteration == 3
    assert back.pandas_categorical == model.pandas_categorical
    assert back.feature_name() == ["length", "width", "color"]
    assert np.array_equal(back.predict(CATEGORIES), model.predict(CATEGORIES))


@pytest.mark.parametrize(
    "model",
    [
        classifier(),
        lightgbm.LGBMClassifier(n_estimators=3, class_weight={"large": 2.0, "small": 1.0}, **QUIET).fit(
            X, KIND
        ),
        lightgbm.LGBMClassifier(n_estimators=3, **QUIET).fit(X, pd.cut(X["length"], 3, labels=False)),
        lightgbm.LGBMRegressor(n_estimators=3, boosting_type="dart", **QUIET).fit(X, X["length"]),
        lightgbm.LGBMRanker(n_estimators=3, **QUIET).fit(X, X["length"].round(), group=GROUPS),
        lightgbm.LGBMRegressor(n_estimators=3, **QUIET).fit(X.to_numpy(), X["length"]),
        stopped_early(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_every_estimator_comes_back_whole_without_its_pickle_being_read(model: Any, tmp_path: Path) -> None:
    save(model, tmp_path / "m")
    (tmp_path / "m" / "model.pkl").write_bytes(b"no pickle")

    back = load(tmp_path / "m", trust=True)

    assert type(back) is type(model)
    assert back.get_params() == model.get_params()
    assert set(vars(back)) == set(vars(model))
    assert back.best_iteration_ == model.best_iteration_
    assert back.best_score_ == model.best_score_
    assert back.evals_result_ == model.evals_result_
    assert np.array_equal(back.predict(X), model.predict(X))
    if hasattr(model, "classes_"):
        assert np.array_equal(back.classes_, model.classes_)
        assert np.array_equal(back.predict_proba(X), model.predict_proba(X))


def test_an_estimator_is_a_pickle_for_mlflow(tmp_path: Path) -> None:
    model = classifier()

    about = save(model, tmp_path / "m")

    entry = about.flavors["lightgbm"]
    assert entry["data"] == about.flavors["python_function"]["data"] == "model.pkl"
    assert entry["model_class"] == "lightgbm.sklearn.LGBMClassifier"
    assert entry["lgb_version"] == lightgbm.__version__
    with open(tmp_path / "m" / "model.pkl", "rb") as file:
        assert np.array_equal(pickle.load(file).predict(X), model.predict(X))


def test_an_estimator_with_a_function_in_it_is_a_pickle_that_asks_first(tmp_path: Path) -> None:
    def squares(wanted: Any, given: Any) -> tuple[Any, Any]:
        return given - wanted, np.ones_like(wanted)

    model = lightgbm.LGBMRegressor(n_estimators=3, objective=squares, **QUIET).fit(X, X["length"])

    back = round_trip(model, tmp_path / "m")

    assert not (tmp_path / "m" / "estimator.json").exists()
    assert callable(back.objective)
    assert np.array_equal(back.predict(X), model.predict(X))
    make_a_strangers(tmp_path / "m")
    with pytest.raises(UntrustedModelError, match=r"model.pkl is a pickle"):
        load(tmp_path / "m")
    assert np.array_equal(load(tmp_path / "m", trust=True).predict(X), model.predict(X))


@pytest.mark.parametrize("written_as", ["pickle", "cloudpickle", "skops"])
def test_the_formats_of_mlflow_3_are_written_and_read(written_as: str, tmp_path: Path) -> None:
    model = classifier()

    about = save(model, tmp_path / "m", serialization_format=written_as)

    assert about.flavors["lightgbm"]["serialization_format"] == written_as
    assert np.array_equal(load(tmp_path / "m").predict_proba(X), model.predict_proba(X))
    make_a_strangers(tmp_path / "m")
    with pytest.raises(UntrustedModelError):
        load(tmp_path / "m")
    assert np.array_equal(load(tmp_path / "m", trust=True).predict_proba(X), model.predict_proba(X))


def test_categories_may_come_as_text(tmp_path: Path) -> None:
    model = booster()
    save(model, tmp_path / "m")
    some = CATEGORIES[CATEGORIES["color"] != "blue"].head(5)

    text = some.assign(color=some["color"].astype(str))

    assert np.array_equal(predict(tmp_path / "m", text), model.predict(some))
    assert np.array_equal(predict(tmp_path / "m", some), model.predict(some))


def test_text_in_another_order_than_in_training_is_left_to_lightgbm(tmp_path: Path) -> None:
    trained = pd.DataFrame({name: pd.Categorical(RANDOM.choice(["x", "y"], 120)) for name in ("c", "d")})
    data = lightgbm.Dataset(trained, (trained["c"] == "x") * 9.0, params={"verbose": -1})
    model = lightgbm.train({"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}, data, 5)
    save(model, tmp_path / "m")
    text = trained.astype(str)

    assert np.array_equal(predict(tmp_path / "m", text), model.predict(trained))
    with pytest.raises(ValueError, match="do not match"):
        predict(tmp_path / "m", text[["d", "c"]])


def test_text_finds_its_categories_where_lightgbm_has_renamed_a_column(tmp_path: Path) -> None:
    trained = CATEGORIES.rename(columns={"color": "main color"})
    data = lightgbm.Dataset(trained, X["length"], params={"verbose": -1, "min_data_in_leaf": 2})
    model = lightgbm.train({"verbose": -1, "num_threads": 1}, data, 5)
    save(model, tmp_path / "m")

    text = trained.astype({"main color": str})

    assert np.array_equal(predict(tmp_path / "m", text), model.predict(trained))


def test_params_become_arguments_of_predict(tmp_path: Path) -> None:
    model = classifier()
    scorer = flavor_named("lightgbm").scorer(model, {}, tmp_path, {})

    assert np.array_equal(scorer.predict(X, {"raw_score": True}), model.predict(X, raw_score=True))
    assert np.array_equal(scorer.predict(X), model.predict(X))


@pytest.mark.parametrize("make", [booster, classifier])
def test_a_strangers_trees_ask_for_trust(make: Any, tmp_path: Path) -> None:
    model = make()
    save(model, tmp_path / "m")
    make_a_strangers(tmp_path / "m")

    with pytest.raises(UntrustedModelError, match=r"LightGBM's reader trusts what it reads(?s:.)*trust=True"):
        load(tmp_path / "m")
    assert type(load(tmp_path / "m", trust=True)) is type(model)
    trust_folder(tmp_path / "m")
    assert type(load(tmp_path / "m")) is type(model)


def test_loading_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    save(booster(), tmp_path / "m")
    capfd.readouterr()

    load(tmp_path / "m")

    assert capfd.readouterr() == ("", "")


def test_models_load_in_a_fresh_process_of_their_user(tmp_path: Path) -> None:
    model = stopped_early()
    save(model, tmp_path / "estimator")
    save(model.booster_, tmp_path / "booster")
    np.save(tmp_path / "x.npy", X.to_numpy())

    printed = in_a_fresh_process(
        "import sys, numpy, nbtrack.lightgbm as ours;"
        "data = numpy.load(sys.argv[3]);"
        "print(ours.load_model(sys.argv[1]).booster_.predict(data).tolist());"
        "print(ours.load_model(sys.argv[2]).predict(data).tolist())",
        tmp_path / "estimator",
        tmp_path / "booster",
        tmp_path / "x.npy",
    )

    expected = model.booster_.predict(X).tolist()
    assert [eval(line) for line in printed.splitlines()] == [expected, expected]


def test_what_cannot_be_saved_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidTypeError, match="That is data; give the Booster"):
        save(lightgbm.Dataset(X), tmp_path / "a", flavor="lightgbm")
    with pytest.raises(InvalidTypeError, match=r"got builtins.int"):
        save(3, tmp_path / "b", flavor="lightgbm")
    with pytest.raises(InvalidValueError, match="serialization_format is 'onnx'"):
        save(classifier(), tmp_path / "c", serialization_format="onnx")
    with pytest.warns(RuntimeWarning, match="This LGBMClassifier is not fitted"):
        save(lightgbm.LGBMClassifier(), tmp_path / "d")


def rewrite(folder: Path, **entry: Any) -> None:
    """Say something else in the flavor's entry; as a stranger could."""
    path = folder / "MLmodel"
    held = yaml.safe_load(path.read_text())
    held["flavors"]["lightgbm"].update(entry)
    path.write_text(yaml.safe_dump(held))


def test_a_class_of_a_file_that_lightgbm_does_not_have_asks_for_trust(tmp_path: Path) -> None:
    save(classifier(), tmp_path / "m")
    make_a_strangers(tmp_path / "m")
    for named in ("os.LGBMClassifier", "lightgbm.sklearn.DaskLGBMClassifier", "lightgbm.os.system"):
        rewrite(tmp_path / "m", model_class=named)

        with pytest.raises(UntrustedModelError, match="is a pickle"):
            load(tmp_path / "m")


@pytest.mark.parametrize("content", [b"", b"no trees", pickle.dumps({"a": 1})])
def test_a_booster_that_is_none_is_told_with_its_name(content: bytes, tmp_path: Path) -> None:
    save(booster(), tmp_path / "m")
    (tmp_path / "m" / "model.lgb").write_bytes(content)

    with pytest.raises(InvalidValueError, match=r"'model.lgb' of the model at .* is no Booster"):
        load(tmp_path / "m", trust=True)


@pytest.mark.parametrize("version", ["2.22", "3.17"])
def test_the_models_of_mlflow_load_with_trust(version: str, tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "mlflow_folders" / version
    shutil.copytree(source / "lightgbm_booster" / "model", tmp_path / "b")
    shutil.copytree(source / "lightgbm_classifier" / "model", tmp_path / "c")

    for name in ("b", "c"):
        with pytest.raises(UntrustedModelError):
            load(tmp_path / name)
    assert isinstance(load(tmp_path / "b", trust=True), lightgbm.Booster)
    assert isinstance(load(tmp_path / "c", trust=True), lightgbm.LGBMClassifier)
