"""XGBoost's Boosters and estimators: kept as they were, in its own formats."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import xgboost
import yaml

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, UntrustedModelError
from nbtrack.models.flavors.known import flavor_named
from nbtrack.models.mlmodel import Model
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
KIND = (X["length"] > 0.5).astype(int)
GROUPS = np.repeat(np.arange(12), 10)
CATEGORIES = X.assign(color=pd.Categorical(RANDOM.choice(["red", "green", "blue"], 120)))


def booster() -> xgboost.Booster:
    return xgboost.train({"max_depth": 2, "nthread": 1}, xgboost.DMatrix(X, KIND), 4)


def classifier(**params: Any) -> xgboost.XGBClassifier:
    return xgboost.XGBClassifier(n_estimators=4, max_depth=2, n_jobs=1, **params).fit(X, KIND)


def stopped_early() -> xgboost.XGBClassifier:
    noise = RANDOM.integers(0, 2, 120)
    model = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=2, n_jobs=1)
    return model.fit(X, KIND, eval_set=[(X, noise)], verbose=False)


def test_a_booster_is_kept_with_the_names_and_types_of_its_features(tmp_path: Path) -> None:
    model = booster()
    model.set_attr(trained_by="ada")

    back = round_trip(model, tmp_path / "m")

    assert isinstance(back, xgboost.Booster)
    assert back.feature_names == ["length", "width"]
    assert back.feature_types == ["float", "float"]
    assert back.attr("trained_by") == "ada"
    assert np.array_equal(back.predict(xgboost.DMatrix(X)), model.predict(xgboost.DMatrix(X)))


@pytest.mark.parametrize(
    "model",
    [
        classifier(),
        xgboost.XGBRegressor(n_estimators=3, n_jobs=1).fit(X, X["length"]),
        xgboost.XGBRanker(n_estimators=3, n_jobs=1).fit(X, KIND, qid=GROUPS),
        xgboost.XGBRFClassifier(n_estimators=3, n_jobs=1).fit(X, KIND),
        xgboost.XGBRFRegressor(n_estimators=3, n_jobs=1).fit(X, X["length"]),
        xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(X, pd.cut(X["length"], 3, labels=False)),
        xgboost.XGBRegressor(n_estimators=3, booster="gblinear", n_jobs=1).fit(X, X["length"]),
    ],
    ids=lambda model: type(model).__name__,
)
def test_every_estimator_comes_back_as_its_class_with_all_it_was_told(model: Any, tmp_path: Path) -> None:
    back = round_trip(model, tmp_path / "m")

    assert type(back) is type(model)
    assert back.get_params() == pytest.approx(model.get_params(), nan_ok=True)
    assert np.array_equal(back.predict(X), model.predict(X))
    assert np.array_equal(predict(tmp_path / "m", X), model.predict(X))


def test_what_an_estimator_was_told_of_missing_values_is_kept(tmp_path: Path) -> None:
    holes = X.mask(RANDOM.random(X.shape) < 0.3, -999.0)
    model = xgboost.XGBClassifier(n_estimators=4, missing=-999.0, n_jobs=1).fit(holes, KIND)

    back = round_trip(model, tmp_path / "m")

    # XGBoost's file alone forgets it, and the numbers would differ.
    assert back.missing == -999.0
    assert np.array_equal(back.predict_proba(holes), model.predict_proba(holes))


def test_the_best_iteration_and_the_results_on_the_way_are_kept(tmp_path: Path) -> None:
    model = stopped_early()

    back = round_trip(model, tmp_path / "m")

    assert back.best_iteration == model.best_iteration < 59
    assert back.evals_result() == model.evals_result()
    assert np.array_equal(back.predict_proba(X), model.predict_proba(X))


def test_an_estimator_that_came_back_can_be_fitted_anew_as_the_first(tmp_path: Path) -> None:
    model = xgboost.XGBRegressor(n_estimators=3, base_score=0.25, n_jobs=1).fit(X, X["length"])

    back = round_trip(model, tmp_path / "m")

    again = model.fit(X, X["width"]).predict(X)
    assert np.array_equal(back.fit(X, X["width"]).predict(X), again)


@pytest.mark.parametrize("model_format", ["ubj", "json", "xgb", "deprecated"])
def test_every_format_of_mlflow_is_written_and_read(model_format: str, tmp_path: Path) -> None:
    model = classifier()

    about = save(model, tmp_path / "m", model_format=model_format)

    entry = about.flavors["xgboost"]
    assert entry["data"] == f"model.{model_format}"
    assert entry["model_class"] == "xgboost.sklearn.XGBClassifier"
    assert entry["model_format"] == model_format
    assert entry["xgb_version"] == xgboost.__version__
    assert about.flavors["python_function"]["loader_module"] == "mlflow.xgboost"
    assert np.array_equal(load(tmp_path / "m").predict(X), model.predict(X))


def test_a_booster_predicts_on_frames_arrays_lists_and_sparse_matrices(tmp_path: Path) -> None:
    model = booster()
    expected = model.predict(xgboost.DMatrix(X))
    save(model, tmp_path / "m")

    for data in (X, X[["width", "length"]][["length", "width"]], X.to_numpy(), X.to_numpy().tolist()):
        assert np.array_equal(predict(tmp_path / "m", data), expected)
    sparse = predict(tmp_path / "m", scipy.sparse.csr_matrix(X.to_numpy()))
    assert np.array_equal(sparse, expected)


def test_categories_are_kept_and_may_come_as_text(tmp_path: Path) -> None:
    model = xgboost.XGBClassifier(n_estimators=4, enable_categorical=True, n_jobs=1).fit(CATEGORIES, KIND)
    expected = model.predict_proba(CATEGORIES)
    back = round_trip(model, tmp_path / "estimator")
    save(model.get_booster(), tmp_path / "booster")
    text = CATEGORIES.assign(color=CATEGORIES["color"].astype(str))

    assert np.array_equal(back.predict_proba(CATEGORIES), expected)
    assert np.array_equal(predict(tmp_path / "estimator", text), model.predict(CATEGORIES))
    # A few rows alone have other codes; what counts is their names.
    some = text[text["color"] != "blue"].head(5)
    assert np.array_equal(predict(tmp_path / "booster", some), expected[some.index, 1])


def test_params_become_arguments_of_predict_and_others_are_named(tmp_path: Path) -> None:
    model = classifier()
    flavor = flavor_named("xgboost")
    scorer = flavor.scorer(model, {}, tmp_path, {})

    assert np.array_equal(scorer.predict(X, {"output_margin": True}), model.predict(X, output_margin=True))
    leaves = flavor.scorer(model.get_booster(), {}, tmp_path, {}).predict(X, {"pred_leaf": True})
    assert leaves.shape == (120, 4)
    with pytest.warns(
        RuntimeWarning, match=r"predict\(\) of this XGBClassifier takes no 'depth': it is ignored"
    ):
        scorer.predict(X, {"depth": 3})


@pytest.mark.parametrize("model_format", ["ubj", "json", "xgb"])
@pytest.mark.parametrize("make", [booster, classifier])
def test_a_strangers_model_asks_for_trust(make: Any, model_format: str, tmp_path: Path) -> None:
    model = make()
    save(model, tmp_path / "m", model_format=model_format)
    make_a_strangers(tmp_path / "m")

    with pytest.raises(UntrustedModelError, match=r"XGBoost's reader trusts what it reads(?s:.)*trust=True"):
        load(tmp_path / "m")
    assert type(load(tmp_path / "m", trust=True)) is type(model)
    trust_folder(tmp_path / "m")
    assert type(load(tmp_path / "m")) is type(model)


def test_a_file_that_would_crash_the_process_is_not_read(tmp_path: Path) -> None:
    save(booster(), tmp_path / "m", model_format="json")
    make_a_strangers(tmp_path / "m")
    file = tmp_path / "m" / "model.json"
    held = json.loads(file.read_text())
    for tree in held["learner"]["gradient_booster"]["model"]["trees"]:
        tree["split_indices"] = [2_000_000_000] * len(tree["split_indices"])
        tree["left_children"] = [0] * len(tree["left_children"])
    file.write_text(json.dumps(held))

    with pytest.raises(UntrustedModelError):
        load(tmp_path / "m")


def test_a_model_loads_in_a_fresh_process_of_its_user(tmp_path: Path) -> None:
    model = stopped_early()
    save(model, tmp_path / "m")
    np.save(tmp_path / "x.npy", X.to_numpy())

    printed = in_a_fresh_process(
        "import sys, numpy, nbtrack.xgboost;"
        "model = nbtrack.xgboost.load_model(sys.argv[1]);"
        "print(type(model).__name__, model.predict_proba(numpy.load(sys.argv[2]))[:, 1].tolist())",
        tmp_path / "m",
        tmp_path / "x.npy",
    )

    assert printed.split()[0] == "XGBClassifier"
    assert np.allclose(eval(printed.partition(" ")[2]), model.predict_proba(X)[:, 1], rtol=0, atol=0)


def test_requirements_name_the_package_that_is_installed(tmp_path: Path) -> None:
    save(classifier(), tmp_path / "m")

    lines = (tmp_path / "m" / "requirements.txt").read_text().splitlines()

    assert [line.partition("==")[0] for line in lines] in (
        ["numpy", "scikit-learn", "scipy", "xgboost"],
        ["numpy", "scikit-learn", "scipy", "xgboost-cpu"],
    )


def test_a_model_that_is_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"This XGBClassifier is not fitted.*Call fit\(\) first"):
        save(xgboost.XGBClassifier(), tmp_path / "m")


def test_what_is_no_model_of_xgboost_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTypeError, match=r"got builtins.dict"):
        save({}, tmp_path / "a", flavor="xgboost")
    with pytest.raises(InvalidTypeError, match="That is data; give the Booster"):
        save(xgboost.DMatrix(X), tmp_path / "b", flavor="xgboost")
    with pytest.raises(InvalidValueError, match=r"model_format is 'pickle'. Use one of ubj, json"):
        save(classifier(), tmp_path / "c", model_format="pickle")


class CarefulClassifier(xgboost.XGBClassifier):
    def careful(self) -> bool:
        return True


def test_a_class_of_ones_own_is_saved_as_the_one_it_is_derived_from(tmp_path: Path) -> None:
    model = CarefulClassifier(n_estimators=3, n_jobs=1).fit(X, KIND)

    with pytest.warns(RuntimeWarning, match=r"nbtrack.sklearn.log_model keeps its class"):
        about = save(model, tmp_path / "m", flavor="xgboost")

    assert about.flavors["xgboost"]["model_class"] == "xgboost.sklearn.XGBClassifier"
    assert np.array_equal(load(tmp_path / "m").predict(X), model.predict(X))


def test_an_objective_of_ones_own_is_told_to_be_left_out(tmp_path: Path) -> None:
    def squares(wanted: Any, given: Any) -> tuple[Any, Any]:
        return given - wanted, np.ones_like(wanted)

    model = xgboost.XGBRegressor(n_estimators=3, objective=squares, n_jobs=1).fit(X, X["length"])

    with pytest.warns(RuntimeWarning, match="cannot hold objective=<function"):
        back = round_trip(model, tmp_path / "m")

    assert np.array_equal(back.predict(X), model.predict(X))


def rewrite(folder: Path, **entry: Any) -> None:
    """Say something else in the flavor's entry; as a stranger could."""
    path = folder / "MLmodel"
    held = yaml.safe_load(path.read_text())
    held["flavors"]["xgboost"].update(entry)
    path.write_text(yaml.safe_dump(held))


def test_a_class_that_a_file_names_is_never_imported(tmp_path: Path) -> None:
    save(classifier(), tmp_path / "m")
    (tmp_path / "work" / "evil_module.py").write_text("raise SystemExit('it was imported')")
    for named in ("evil_module.XGBClassifier", "os.system", "xgboost.compat.sys", "xgboost.sklearn.evil"):
        rewrite(tmp_path / "m", model_class=named)

        with pytest.warns(RuntimeWarning, match=f"{named}.*not imported. It is loaded as an XGBClassifier"):
            back = load(tmp_path / "m", trust=True)

        assert type(back) is xgboost.XGBClassifier


def test_a_folder_of_mlflow_names_no_estimator_file_and_loads(tmp_path: Path) -> None:
    model = classifier()
    save(model, tmp_path / "m")
    (tmp_path / "m" / "estimator.json").unlink()
    rewrite(tmp_path / "m", estimator=None)

    assert np.array_equal(load(tmp_path / "m", trust=True).predict(X), model.predict(X))


@pytest.mark.parametrize("version", ["2.22", "3.17"])
@pytest.mark.parametrize("case", ["xgboost_booster", "xgboost_classifier"])
def test_the_folders_of_mlflow_load(version: str, case: str, tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "mlflow_folders" / version / case / "model"
    folder = tmp_path / "m"
    shutil.copytree(source, folder)

    with pytest.raises(UntrustedModelError):
        load(folder)
    model = load(folder, trust=True)

    assert Model.load(folder).flavors["xgboost"]["model_class"].endswith(type(model).__name__)


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (b"", "ubj"),
        (b"\x80\x04.", "ubj"),
        (b"{}", "json"),
        (b'{"a": 1}', "json"),
        (b"binf" + bytes(300), "xgb"),
    ],
)
def test_a_damaged_file_is_told_with_its_name(content: bytes, suffix: str, tmp_path: Path) -> None:
    save(classifier(), tmp_path / "m")
    (tmp_path / "m" / f"model.{suffix}").write_bytes(content)
    rewrite(tmp_path / "m", data=f"model.{suffix}")

    with pytest.raises(InvalidValueError, match=rf"'model.{suffix}' of the model at"):
        load(tmp_path / "m", trust=True)


def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    save(classifier(), tmp_path / "m")
    shutil.copy(tmp_path / "m" / "model.ubj", tmp_path / "other.ubj")
    rewrite(tmp_path / "m", data="../other.ubj")

    for trust in (False, True):
        with pytest.raises(InvalidValueError, match=r"\.\./other\.ubj"):
            load(tmp_path / "m", trust=trust)
