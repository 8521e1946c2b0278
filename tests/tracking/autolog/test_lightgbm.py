"""What autolog records of LightGBM, and that it changes nothing of a training."""

import json
import pickle
from inspect import signature
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor, train
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import nbtrack
from nbtrack.tracking.autolog import importance
from nbtrack.tracking.autolog.switching import switch

ROWS = 60
QUIET = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 2, "num_leaves": 4, "deterministic": True}
PARAMS = {**QUIET, "objective": "binary", "metric": ["binary_logloss", "auc"]}
SMALL = {"n_estimators": 2, "num_leaves": 4, "min_child_samples": 2, "n_jobs": 1, "verbosity": -1}

pytestmark = [
    pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated"),
    pytest.mark.filterwarnings("ignore:X does not have valid feature names"),
]


@pytest.fixture(autouse=True)
def _recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pictures take most of the time; test_importance draws some.
    monkeypatch.setattr(importance, "drawn", lambda kind, scores: _nothing())
    record()


def _nothing() -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(1, 1))


def record(**options: Any) -> None:
    switch("lightgbm", **options)


def data(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(seed)
    X = pd.DataFrame(random.normal(size=(ROWS, 3)), columns=["height", "width", "depth"])
    return X, (X.height + random.normal(scale=0.3, size=ROWS) > 0).to_numpy().astype(int)


def dataset(seed: int = 0, **options: Any) -> lightgbm.Dataset:
    X, y = data(seed)
    return lightgbm.Dataset(X, y, **options)


def runs() -> list[Any]:
    return nbtrack.search_runs(output_format="list")


def only_run() -> Any:
    (run,) = runs()
    return run


def curve(run: Any, key: str) -> list[tuple[int, float]]:
    points = nbtrack.MlflowClient().get_metric_history(run.info.run_id, key)
    return [(point.step, point.value) for point in points]


def artifacts(run: Any) -> list[str]:
    return [each.path for each in nbtrack.MlflowClient().list_artifacts(run.info.run_id)]


def test_train_is_recorded_as_mlflow_records_it() -> None:
    X, y = data()
    seen: dict[str, Any] = {}
    training = lightgbm.Dataset(X, y)

    booster = train(
        PARAMS,
        training,
        3,
        [training, dataset(1, reference=training)],
        ["mine", "yours"],
        callbacks=[lightgbm.record_evaluation(seen)],
    )

    run = only_run()
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.autologging"] == "lightgbm"
    assert run.data.params == {
        **{key: str(value) for key, value in PARAMS.items()},
        "num_boost_round": "3",
        "keep_training_booster": "False",
    }
    assert set(run.data.metrics) == {
        f"{name}-{metric}" for name in ("mine", "yours") for metric in PARAMS["metric"]
    }
    assert curve(run, "yours-binary_logloss") == list(enumerate(seen["yours"]["binary_logloss"]))
    kept = json.loads(nbtrack.artifacts.load_text(f"runs:/{run.info.run_id}/feature_importance_split.json"))
    assert kept == dict(zip(X.columns, booster.feature_importance("split").tolist(), strict=True))
    assert {"feature_importance_gain.json", "feature_importance_gain.png"} <= set(artifacts(run))
    used = [
        (each.dataset.name, {tag.key: tag.value for tag in each.tags}["mlflow.data.context"])
        for each in run.inputs.dataset_inputs
    ]
    assert used == [("dataset", "train"), ("yours", "eval")]
    assert run.inputs.dataset_inputs[0].dataset.digest == nbtrack.data.from_pandas(X).digest
    info = nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model")
    assert [each.name for each in info.signature.inputs] == ["height", "width", "depth"]


@pytest.mark.parametrize("spelling", ["param", "callback", "estimator"])
def test_early_stopping_is_recorded_however_it_is_spelt(
    spelling: str, capsys: pytest.CaptureFixture[str]
) -> None:
    params = {**PARAMS, "metric": "binary_logloss", "learning_rate": 1.0}
    training = dataset()
    valid = dataset(1, reference=training)
    stop = lightgbm.early_stopping(2, verbose=False)

    if spelling == "param":
        best = train({**params, "early_stopping_round": 2}, training, 50, valid_sets=[valid]).best_iteration
    elif spelling == "callback":
        best = train(params, training, 50, valid_sets=[valid], callbacks=[stop]).best_iteration
    else:
        X, y = data()
        model = LGBMClassifier(**{**SMALL, "n_estimators": 50, "learning_rate": 1.0})
        best = model.fit(X, y, eval_set=[data(1)], callbacks=[stop]).best_iteration_

    run = only_run()
    points = curve(run, "valid_0-binary_logloss")
    # As in MLflow, both are counted from 1.
    assert run.data.metrics["best_iteration"] == best
    assert run.data.metrics["stopped_iteration"] == best + 2 < 50
    assert [step for step, _ in points] == list(range(best + 3))
    assert points[-1][1] == points[best - 1][1] == min(value for _, value in points)
    told = f": valid_0-binary_logloss {points[-1][1]:.4g}, the best of {best + 2} iterations, model logged"
    assert told in capsys.readouterr().err


def test_an_estimator_is_recorded_with_its_params_and_curves() -> None:
    X, y = data()

    model = LGBMRegressor(**SMALL, random_state=7).fit(
        X, y, eval_set=[(X, y), data(1)], eval_names=["mine", "yours"], eval_metric="mae"
    )

    run = only_run()
    assert run.data.params["num_leaves"] == "4"
    assert run.data.params["random_state"] == "7"
    assert run.data.params["n_estimators"] == run.data.params["num_boost_round"] == "2"
    assert run.data.tags["estimator_name"] == "LGBMRegressor"
    assert run.data.tags["estimator_class"] == "lightgbm.sklearn.LGBMRegressor"
    assert curve(run, "yours-l1") == list(enumerate(model.evals_result_["yours"]["l1"]))
    again = nbtrack.lightgbm.load_model(f"runs:/{run.info.run_id}/model")
    assert np.array_equal(again.predict(X), model.predict(X))


def test_a_ranker_is_recorded_too() -> None:
    X, y = data()
    groups = [10] * (ROWS // 10)

    LGBMRanker(**SMALL).fit(X, y, group=groups, eval_set=[data(1)], eval_group=[groups], eval_at=[1, 3])

    assert set(only_run().data.metrics) == {"valid_0-ndcg_at_1", "valid_0-ndcg_at_3"}


def test_without_data_to_validate_on_there_are_no_curves() -> None:
    train(PARAMS, dataset(), 2)

    assert only_run().data.metrics == {}


def test_cross_validation_is_one_run_with_mean_and_deviation() -> None:
    result = lightgbm.cv(
        {**PARAMS, "metric": "binary_logloss", "learning_rate": 1.0},
        dataset(),
        40,
        nfold=2,
        callbacks=[lightgbm.early_stopping(2, verbose=False)],
        return_cvbooster=True,
    )

    run = only_run()
    points = curve(run, "valid-binary_logloss-mean")
    best = len(result["valid binary_logloss-mean"])
    assert run.data.params["nfold"] == "2"
    assert run.data.metrics["best_iteration"] == best
    assert [value for _, value in points[:best]] == result["valid binary_logloss-mean"]
    assert "valid-binary_logloss-stdv" in run.data.metrics
    assert "model" not in artifacts(run)


def test_the_result_is_the_same_bit_for_bit() -> None:
    params = {**PARAMS, "bagging_fraction": 0.5, "bagging_freq": 1, "seed": 3}

    def trained() -> str:
        training = dataset()
        valid_sets = [training, dataset(1, reference=training)]
        return train(params, training, 5, valid_sets=valid_sets).model_to_string()

    recorded = trained()
    switch("lightgbm", disable=True)

    assert trained() == recorded
    assert len(runs()) == 1


def test_nothing_of_ours_stays_in_an_estimator_or_a_callback() -> None:
    X, y = data()

    def first(env: Any) -> None:
        del env

    def second(env: Any) -> None:
        del env

    callbacks = [first, second]
    model = LGBMClassifier(**SMALL)

    model.fit(X, y, eval_set=[(X, y)], callbacks=callbacks)
    recorded_orders = [each.__dict__.pop("order") for each in callbacks]
    switch("lightgbm", disable=True)
    LGBMClassifier(**SMALL).fit(X, y, eval_set=[(X, y)], callbacks=callbacks)

    assert callbacks == [first, second]
    assert recorded_orders == [each.__dict__["order"] for each in callbacks]
    assert b"nbtrack" not in pickle.dumps(model)
    assert clone(model).get_params() == model.get_params()
    assert len(runs()) == 1


def test_the_functions_are_those_of_lightgbm_again_when_it_is_switched_off() -> None:
    switch("lightgbm", disable=True)
    functions = [train, lightgbm.cv, LGBMClassifier.fit, lightgbm.Dataset.__init__]
    codes = [each.__code__ for each in functions]
    signatures = [signature(each) for each in functions]

    record()
    exchanged = [each.__code__ for each in functions]
    shown = [signature(each) for each in functions]
    switch("lightgbm", disable=True)

    assert all(ours is not theirs for ours, theirs in zip(exchanged, codes, strict=True))
    assert shown == signatures
    assert [each.__code__ for each in functions] == codes
    assert all(each.__code__ is code for each, code in zip(functions, codes, strict=True))


def test_a_training_that_goes_on_counts_its_iterations_on() -> None:
    first = train(PARAMS, dataset(), 2)

    train({**PARAMS, "early_stopping_round": 9}, dataset(), 3, valid_sets=[dataset(1)], init_model=first)

    run = runs()[0]
    assert [step for step, _ in curve(run, "valid_0-auc")] == [2, 3, 4, 5]
    assert run.data.metrics["stopped_iteration"] == 5
    assert 3 <= run.data.metrics["best_iteration"] <= 5


def test_two_trainings_in_a_run_of_the_users_stand_side_by_side() -> None:
    with nbtrack.start_run():
        for leaves in (2, 3):
            train({**PARAMS, "num_leaves": leaves}, dataset(), 2, valid_sets=[dataset(1)])

    run = only_run()
    assert run.data.params["num_leaves"] == "2"
    assert run.data.params["num_leaves-2"] == "3"
    assert [step for step, _ in curve(run, "valid_0-auc")] == [0, 1]
    assert [step for step, _ in curve(run, "valid_0-auc-2")] == [0, 1]
    assert "feature_importance_gain-2.json" in artifacts(run)


def test_what_was_trained_until_an_error_is_kept() -> None:
    def fail(env: Any) -> None:
        if env.iteration == 2:
            raise OSError("enough")

    with pytest.raises(OSError, match="enough"):
        train(PARAMS, dataset(), 9, valid_sets=[dataset(1)], callbacks=[fail])

    run = only_run()
    assert run.info.status == "FAILED"
    assert [step for step, _ in curve(run, "valid_0-auc")] == [0, 1, 2]


def test_what_lightgbm_refuses_is_refused_as_ever() -> None:
    with pytest.raises(TypeError, match="missing"):
        train(PARAMS)
    with pytest.raises(TypeError, match="only accepts Dataset"):
        train(PARAMS, data()[0])

    assert [run.info.status for run in runs()] == ["FAILED"]


def test_functions_among_the_params_are_kept_by_name() -> None:
    def squared(predicted: np.ndarray, training: lightgbm.Dataset) -> tuple[np.ndarray, np.ndarray]:
        return predicted - training.get_label(), np.ones_like(predicted)

    def half(predicted: np.ndarray, valid: lightgbm.Dataset) -> tuple[str, float, bool]:
        return "half@2", 0.5, True

    train(
        {**QUIET, "objective": squared, "metric": "None"},
        dataset(),
        2,
        valid_sets=[dataset(1)],
        feval=[half],
    )

    run = only_run()
    assert run.data.params["objective"].endswith(".squared")
    assert run.data.params["feval"].startswith("['test_functions")
    assert curve(run, "valid_0-half_at_2") == [(0, 0.5), (1, 0.5)]


def test_a_data_set_that_has_let_go_of_its_data_still_has_a_signature() -> None:
    X, y = data()
    switch("lightgbm", disable=True)
    from_before = lightgbm.Dataset(X, y, params=QUIET).construct()
    record()
    constructed = lightgbm.Dataset(X, y, params=QUIET).construct()

    train(PARAMS, constructed, 1)
    train(PARAMS, constructed, 1)
    train(PARAMS, from_before, 1)

    infos = [nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model") for run in runs()]
    assert [info.signature is None for info in infos] == [True, False, False]
    digest = nbtrack.data.from_pandas(X).digest
    assert [[each.dataset.digest for each in run.inputs.dataset_inputs] for run in runs()] == [
        [],
        [digest],
        [digest],
    ]


def test_the_data_to_validate_on_may_be_spelt_in_the_new_way() -> None:
    (X, y), (other_X, other_y) = data(), data(1)
    if "eval_X" not in signature(LGBMRegressor.fit).parameters:
        LGBMRegressor(**SMALL).fit(X, y, eval_set=[(other_X, other_y)])
    else:
        LGBMRegressor(**SMALL).fit(X, y, eval_X=other_X, eval_y=other_y)

    assert [each.dataset.name for each in only_run().inputs.dataset_inputs] == ["dataset", "valid_0"]
    assert set(only_run().data.metrics) == {"valid_0-l2"}


def test_categories_are_text_in_the_signature() -> None:
    X, y = data()
    colours = X.assign(colour=pd.Categorical(["red", "blue"] * (ROWS // 2)))

    LGBMClassifier(**SMALL).fit(colours, y)

    info = nbtrack.models.get_model_info(f"runs:/{only_run().info.run_id}/model")
    assert [each.type.name for each in info.signature.inputs] == ["double"] * 3 + ["string"]


def test_the_options_are_honoured() -> None:
    record(log_models=False, log_datasets=False, extra_tags={"team": "nlp"})
    train(PARAMS, dataset(), 1)
    record(log_input_examples=True, registered_model_name="prices")
    X, y = data()
    LGBMClassifier(**SMALL).fit(X, y)
    record(exclusive=True)
    with nbtrack.start_run():
        LGBMClassifier(**SMALL).fit(X, y)

    users, with_example, bare = runs()
    assert "model" not in artifacts(bare)
    assert not bare.inputs.dataset_inputs
    assert bare.data.tags["team"] == "nlp"
    example = nbtrack.pyfunc.load_model("models:/prices/1").input_example
    pd.testing.assert_frame_equal(example, X.head(5))
    assert "model" in artifacts(with_example)
    assert users.data.params == {}


def test_what_scikit_learn_tries_out_is_not_recorded_and_what_it_trains_at_last_is() -> None:
    X, y = data()
    model = LGBMClassifier(**SMALL)

    cross_val_score(model, X, y, cv=2)
    assert runs() == []

    GridSearchCV(model, {"num_leaves": [2, 3]}, cv=2).fit(X, y)
    make_pipeline(StandardScaler(), model).fit(X, y)

    assert [run.data.tags["estimator_name"] for run in runs()] == ["LGBMClassifier"] * 2
