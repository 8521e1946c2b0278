"""What autolog records of XGBoost, and that it changes nothing of a training."""

import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, train

import nbtrack
from nbtrack.tracking.autolog.boosting import iteration_metrics
from nbtrack.tracking.autolog.switching import switch

ROWS = 60
PARAMS = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1, "eval_metric": ["logloss", "auc"]}


@pytest.fixture(autouse=True)
def _recorded() -> None:
    record()


def record(**options: Any) -> None:
    """Without pictures, which take most of the time."""
    switch("xgboost", **{"importance_types": [], **options})


def data(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(seed)
    X = pd.DataFrame(random.normal(size=(ROWS, 3)), columns=["height", "width", "depth"])
    return X, (X.height + random.normal(scale=0.3, size=ROWS) > 0).to_numpy().astype(int)


def matrix(seed: int = 0) -> xgboost.DMatrix:
    X, y = data(seed)
    return xgboost.DMatrix(X, y)


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
    record(importance_types=None)
    dtrain, dvalid = matrix(), matrix(1)
    seen: dict[str, Any] = {}

    booster = train(
        PARAMS,
        dtrain,
        3,
        evals=[(dtrain, "train"), (dvalid, "valid")],
        evals_result=seen,
        verbose_eval=False,
    )

    run = only_run()
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.autologging"] == "xgboost"
    assert run.data.params == {
        "objective": "binary:logistic",
        "max_depth": "2",
        "nthread": "1",
        "eval_metric": "['logloss', 'auc']",
        "num_boost_round": "3",
        "maximize": "None",
        "early_stopping_rounds": "None",
        "verbose_eval": "False",
        "custom_metric": "None",
    }
    assert set(run.data.metrics) == {"train-logloss", "train-auc", "valid-logloss", "valid-auc"}
    assert curve(run, "valid-logloss") == list(enumerate(seen["valid"]["logloss"]))
    assert {"feature_importance_weight.json", "feature_importance_weight.png", "model"} <= set(artifacts(run))
    kept = json.loads(nbtrack.artifacts.load_text(f"runs:/{run.info.run_id}/feature_importance_weight.json"))
    assert kept == booster.get_score(importance_type="weight")
    used = [
        (each.dataset.name, {tag.key: tag.value for tag in each.tags}["mlflow.data.context"])
        for each in run.inputs.dataset_inputs
    ]
    assert used == [("dataset", "train"), ("valid", "eval")]
    info = nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model")
    assert [(each.name, each.type.name) for each in info.signature.inputs] == [
        ("height", "double"),
        ("width", "double"),
        ("depth", "double"),
    ]
    assert info.flavors["xgboost"]["model_format"] == "ubj"


def test_the_logged_model_is_the_trained_one() -> None:
    X, y = data()

    model = XGBClassifier(n_estimators=3, n_jobs=1).fit(X, y)

    again = nbtrack.xgboost.load_model(f"runs:/{only_run().info.run_id}/model")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("spelling", ["rounds", "callback", "estimator"])
def test_early_stopping_is_recorded_however_it_is_spelt(
    spelling: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dtrain, dvalid = matrix(), matrix(1)
    params = {**PARAMS, "eval_metric": "logloss", "eta": 1.0}
    evals = [(dtrain, "validation_0"), (dvalid, "validation_1")]

    if spelling == "rounds":
        best = train(params, dtrain, 50, evals=evals, early_stopping_rounds=2, verbose_eval=False)
    elif spelling == "callback":
        stop = [xgboost.callback.EarlyStopping(rounds=2, save_best=True)]
        best = train(params, dtrain, 50, evals=evals, callbacks=stop, verbose_eval=False)
    else:
        (X, y), eval_set = data(), [data(), data(1)]
        best = XGBClassifier(
            n_estimators=50, eval_metric="logloss", max_depth=2, learning_rate=1.0, early_stopping_rounds=2
        ).fit(X, y, eval_set=eval_set, verbose=False)

    run = only_run()
    points = curve(run, "validation_1-logloss")
    stopped = best.best_iteration + 2
    assert 0 < stopped < 49
    assert run.data.metrics["best_iteration"] == best.best_iteration
    assert run.data.metrics["stopped_iteration"] == stopped
    assert [step for step, _ in points] == list(range(stopped + 2))
    # MLflow's last point is the best one again.
    assert points[-1][1] == points[best.best_iteration][1] == min(value for _, value in points)
    told = f": validation_1-logloss {points[-1][1]:.4g}, the best of {stopped + 1} iterations, model logged"
    assert told in capsys.readouterr().err


def test_an_estimator_is_recorded_with_its_params_and_curves() -> None:
    X, y = data()

    XGBRegressor(n_estimators=2, max_depth=2, eval_metric="mae", random_state=7).fit(
        X.to_numpy(), y, eval_set=[(X.to_numpy(), y)], verbose=False
    )

    run = only_run()
    assert run.data.params["max_depth"] == "2"
    assert run.data.params["n_estimators"] == run.data.params["num_boost_round"] == "2"
    assert run.data.params["learning_rate"] == "None"
    assert run.data.tags["estimator_name"] == "XGBRegressor"
    assert run.data.tags["estimator_class"] == "xgboost.sklearn.XGBRegressor"
    assert [step for step, _ in curve(run, "validation_0-mae")] == [0, 1]
    info = nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model")
    assert info.flavors["xgboost"]["model_class"] == "xgboost.sklearn.XGBRegressor"
    assert "float64" in str(info.signature.inputs)


def test_a_forest_and_a_ranker_are_recorded_too() -> None:
    X, y = data()

    XGBRFClassifier(n_estimators=2, max_depth=2, n_jobs=1).fit(X, y)
    ranker = XGBRanker(n_estimators=2, eval_metric="ndcg@3", n_jobs=1)
    groups = np.repeat(np.arange(6), ROWS // 6)
    ranker.fit(X, y, qid=groups, eval_set=[(X, y)], eval_qid=[groups], verbose=False)

    ranked, forest = runs()
    assert forest.data.params["num_parallel_tree"] == "2"
    assert forest.data.tags["estimator_name"] == "XGBRFClassifier"
    assert set(ranked.data.metrics) == {"validation_0-ndcg_at_3"}


def test_without_data_to_validate_on_there_are_no_curves() -> None:
    train({"nthread": 1}, matrix(), 2)

    assert only_run().data.metrics == {}


def test_cross_validation_is_one_run_with_mean_and_deviation() -> None:
    result = xgboost.cv(
        {**PARAMS, "eval_metric": "logloss", "eta": 1.0}, matrix(), 30, nfold=2, early_stopping_rounds=2
    )

    run = only_run()
    points = curve(run, "test-logloss-mean")
    assert run.data.params["nfold"] == "2"
    assert set(run.data.metrics) == {
        *(f"{part}-logloss-{what}" for part in ("train", "test") for what in ("mean", "std")),
        "best_iteration",
        "stopped_iteration",
    }
    assert [value for _, value in points[: len(result)]] == list(result["test-logloss-mean"])
    assert run.data.metrics["best_iteration"] == len(result) - 1
    assert "model" not in artifacts(run)


def test_the_result_is_the_same_bit_for_bit() -> None:
    dtrain, dvalid = matrix(), matrix(1)
    params = {**PARAMS, "subsample": 0.5, "seed": 3}

    def trained() -> tuple[bytes, dict[str, Any]]:
        seen: dict[str, Any] = {}
        evals = [(dtrain, "train"), (dvalid, "valid")]
        booster = train(params, dtrain, 5, evals=evals, evals_result=seen, verbose_eval=False)
        return bytes(booster.save_raw()), seen

    recorded = trained()
    switch("xgboost", disable=True)
    plain = trained()

    assert recorded == plain
    assert len(runs()) == 1


def test_nothing_of_ours_stays_in_an_estimator() -> None:
    X, y = data()
    callbacks = [xgboost.callback.EvaluationMonitor(period=2)]
    model = XGBClassifier(n_estimators=3, n_jobs=1, callbacks=callbacks)

    model.fit(X, y, eval_set=[(X, y)], verbose=False)

    assert model.callbacks is callbacks
    assert len(callbacks) == 1
    assert b"nbtrack" not in pickle.dumps(model)
    assert clone(model.set_params(callbacks=None)).get_params()["n_estimators"] == 3
    assert len(runs()) == 1


def test_the_functions_are_those_of_xgboost_again_when_it_is_switched_off() -> None:
    codes = {each: each.__wrapped__.__code__ for each in (train, XGBClassifier.fit, xgboost.DMatrix.__init__)}

    switch("xgboost", disable=True)

    assert all(each.__wrapped__.__code__ is not code for each, code in codes.items())
    assert all("xgboost" in each.__wrapped__.__code__.co_filename for each in codes)
    train({"nthread": 1}, matrix(), 1)
    assert runs() == []


def test_a_training_that_goes_on_counts_its_iterations_on() -> None:
    dtrain = matrix()
    params = {**PARAMS, "eval_metric": "logloss"}
    first = train(params, dtrain, 2, evals=[(dtrain, "train")], early_stopping_rounds=5, verbose_eval=False)

    train(
        params,
        dtrain,
        3,
        evals=[(dtrain, "train")],
        xgb_model=first,
        early_stopping_rounds=5,
        verbose_eval=False,
    )

    run = runs()[0]
    assert [step for step, _ in curve(run, "train-logloss")] == [2, 3, 4, 5]
    assert run.data.metrics["best_iteration"] == run.data.metrics["stopped_iteration"] == 4


def test_a_training_that_goes_on_in_one_run_has_one_curve() -> None:
    dtrain = matrix()

    with nbtrack.start_run():
        first = train(PARAMS, dtrain, 2, evals=[(dtrain, "train")], verbose_eval=False)
        train(PARAMS, dtrain, 2, evals=[(dtrain, "train")], xgb_model=first, verbose_eval=False)

    assert set(only_run().data.metrics) == {"train-logloss", "train-auc"}
    assert [step for step, _ in curve(only_run(), "train-auc")] == [0, 1, 2, 3]


def test_a_fit_that_fails_before_it_trains_leaves_the_next_training_alone() -> None:
    X, y = data()

    with pytest.raises(ValueError, match="Invalid classes"):
        XGBClassifier(n_jobs=1).fit(X, np.where(y, 5, 3))
    train({"nthread": 1}, matrix(), 1)

    trained, failed = runs()
    assert (failed.info.status, trained.info.status) == ("FAILED", "FINISHED")
    assert trained.data.params["nthread"] == "1"
    assert "model" in artifacts(trained)


def test_a_model_that_stopped_early_once_says_nothing_of_it_later() -> None:
    dtrain = matrix()
    first = train(PARAMS, dtrain, 2, evals=[(dtrain, "a")], early_stopping_rounds=5, verbose_eval=False)

    train(PARAMS, dtrain, 2, evals=[(dtrain, "a")], xgb_model=first, verbose_eval=False)

    assert "best_iteration" not in runs()[0].data.metrics


def test_two_trainings_in_a_run_of_the_users_stand_side_by_side() -> None:
    record(importance_types=["gain"])
    dtrain = matrix()

    with nbtrack.start_run():
        for depth in (1, 2):
            train(
                {"max_depth": depth, "nthread": 1, "eval_metric": "rmse"},
                dtrain,
                2,
                evals=[(dtrain, "train")],
                verbose_eval=False,
            )
        train({"max_depth": 2, "nthread": 1}, dtrain, 1)

    run = only_run()
    assert run.data.params["max_depth"] == "1"
    assert run.data.params["max_depth-2"] == "2"
    assert [step for step, _ in curve(run, "train-rmse")] == [0, 1]
    assert [step for step, _ in curve(run, "train-rmse-2")] == [0, 1]
    assert "feature_importance_gain-2.json" in artifacts(run)
    assert "mlflow.autologging" not in run.data.tags


def test_what_was_trained_until_an_interrupt_is_kept() -> None:
    class Interrupt(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if epoch == 2:
                raise KeyboardInterrupt
            return False

    dtrain = matrix()

    with pytest.raises(KeyboardInterrupt):
        train(PARAMS, dtrain, 9, evals=[(dtrain, "train")], callbacks=[Interrupt()], verbose_eval=False)

    run = only_run()
    assert run.info.status == "FAILED"
    assert [step for step, _ in curve(run, "train-auc")] == [0, 1, 2]
    assert nbtrack.active_run() is None


def test_what_xgboost_refuses_is_refused_as_ever() -> None:
    with pytest.raises(TypeError, match="missing"):
        train(PARAMS)
    with pytest.raises(TypeError):
        train(PARAMS, matrix(), evals=[(data()[0], "train")])
    with pytest.raises(xgboost.core.XGBoostError, match="Unknown metric function none"):
        train({"eval_metric": "none"}, matrix(), evals=[(matrix(), "train")])

    assert [run.info.status for run in runs()] == ["FAILED", "FAILED"]


def test_functions_among_the_params_are_kept_by_name() -> None:
    def gradient(predicted: np.ndarray, dtrain: xgboost.DMatrix) -> tuple[np.ndarray, np.ndarray]:
        return predicted - dtrain.get_label(), np.ones_like(predicted)

    def half(predicted: np.ndarray, dtrain: xgboost.DMatrix) -> tuple[str, float]:
        return "half@2", 0.5

    dtrain = matrix()
    train(
        {"nthread": 1, "disable_default_eval_metric": 1},
        dtrain,
        2,
        obj=gradient,
        custom_metric=half,
        evals=[(dtrain, "train")],
        verbose_eval=False,
    )

    run = only_run()
    assert run.data.params["obj"].endswith(".gradient")
    assert run.data.params["custom_metric"].endswith(".half")
    assert curve(run, "train-half_at_2") == [(0, 0.5), (1, 0.5)]


def test_a_list_of_params_may_name_several_metrics() -> None:
    dtrain = matrix()

    train(
        [("nthread", 1), ("eval_metric", "rmse"), ("eval_metric", "mae")],
        dtrain,
        1,
        evals=[(dtrain, "train")],
        verbose_eval=False,
    )

    assert only_run().data.params["eval_metric"] == "['rmse', 'mae']"
    assert set(only_run().data.metrics) == {"train-rmse", "train-mae"}


def test_a_matrix_from_before_tells_the_types_of_named_features() -> None:
    switch("xgboost", disable=True)
    X, y = data()
    named = xgboost.DMatrix(X.assign(count=range(ROWS), large=X.height > 0), y)
    nameless = xgboost.DMatrix(X.to_numpy(), y)
    record(log_input_examples=True)

    train({"nthread": 1}, named, 1)
    train({"nthread": 1}, nameless, 1)

    without, with_names = (nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model") for run in runs())
    assert [each.type.name for each in with_names.signature.inputs] == ["double"] * 3 + ["long", "boolean"]
    assert with_names.saved_input_example_info is None
    assert without.signature is None


def test_the_first_rows_are_the_input_example_where_it_is_wanted() -> None:
    record(log_input_examples=True)
    X, y = data()
    dtrain = xgboost.DMatrix(X, y)
    X.loc[:] = 0.0

    train({"nthread": 1}, dtrain, 1)

    model = nbtrack.pyfunc.load_model(f"runs:/{only_run().info.run_id}/model")
    pd.testing.assert_frame_equal(model.input_example, data()[0].head(5))


def test_the_data_set_is_the_frame_that_the_matrix_was_made_of() -> None:
    X, y = data()
    dtrain, gone = xgboost.DMatrix(X, y), matrix()

    train({"nthread": 1}, dtrain, 1)
    train({"nthread": 1}, gone, 1)

    read_back, alive = (run.inputs.dataset_inputs[0].dataset for run in runs())
    assert alive.digest == nbtrack.data.from_pandas(X).digest
    assert "height" in alive.schema
    assert json.loads(read_back.profile)["features_shape"] == [ROWS, 3]


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        ({"log_models": False}, "model"),
        ({"importance_types": ["gain"]}, "feature_importance_weight.json"),
    ],
)
def test_what_is_not_wanted_is_left_out(options: dict[str, Any], left_out: str) -> None:
    record(**options)

    train({"nthread": 1}, matrix(), 1)

    assert left_out not in artifacts(only_run())
    assert ("feature_importance_gain.json" in artifacts(only_run())) == (
        options.get("importance_types") == ["gain"]
    )


def test_the_other_options_are_honoured() -> None:
    record(
        log_datasets=False,
        log_model_signatures=False,
        registered_model_name="prices",
        model_format="json",
        extra_tags={"team": "nlp"},
    )
    X, y = data()

    XGBClassifier(n_estimators=1, n_jobs=1).fit(X, y)

    run = only_run()
    info = nbtrack.models.get_model_info("models:/prices/1")
    assert info.signature is None
    assert info.flavors["xgboost"]["model_format"] == "json"
    assert not run.inputs.dataset_inputs
    assert run.data.tags["team"] == "nlp"


def test_exclusive_leaves_a_run_of_the_users_alone() -> None:
    record(exclusive=True)
    X, y = data()

    with nbtrack.start_run():
        XGBClassifier(n_estimators=1, n_jobs=1).fit(X, y, eval_set=[(X, y)], verbose=False)

    assert only_run().data.metrics == {}
    assert only_run().data.params == {}


def test_the_notice_says_how_the_training_ended(capsys: pytest.CaptureFixture[str]) -> None:
    dtrain = matrix()

    train({"nthread": 1}, dtrain, 2, evals=[(dtrain, "train")], verbose_eval=False)

    run = only_run()
    error = run.data.metrics["train-rmse"]
    assert capsys.readouterr().err == (
        f"nbtrack: recorded {run.info.run_name} ({run.info.run_id[:8]}): "
        f"train-rmse {error:.4g} after 2 iterations, model logged\n"
    )


def test_what_scikit_learn_tries_out_is_not_recorded_and_what_it_trains_at_last_is() -> None:
    X, y = data()
    model = XGBClassifier(n_estimators=1, n_jobs=1)

    cross_val_score(model, X, y, cv=2)
    OneVsRestClassifier(model).fit(X, y)
    assert runs() == []

    GridSearchCV(model, {"max_depth": [1, 2]}, cv=2).fit(X, y)
    make_pipeline(StandardScaler(), model).fit(X, y)
    TransformedTargetRegressor(XGBRegressor(n_estimators=1, n_jobs=1)).fit(X, y)

    assert [run.data.tags["estimator_name"] for run in runs()] == [
        "XGBRegressor",
        "XGBClassifier",
        "XGBClassifier",
    ]


def test_a_class_of_the_users_own_is_recorded_once() -> None:
    X, y = data()

    class Mine(XGBClassifier):
        def fit(self, X: Any, y: Any, **rest: Any) -> Any:
            return super().fit(X, y, **rest)

    Mine(n_estimators=1, n_jobs=1).fit(X, y)

    assert only_run().data.tags["estimator_name"] == "Mine"


def test_odd_data_are_trained_on_as_ever() -> None:
    from scipy.sparse import csr_matrix

    X, y = data()
    colours = pd.DataFrame({"colour": pd.Categorical(["red", "blue"] * (ROWS // 2)), "height": X.height})
    sparse = csr_matrix(np.where(X.to_numpy() > 0, X.to_numpy(), 0.0))
    params = {"nthread": 1}

    train(params, xgboost.QuantileDMatrix(X, y), 1)
    train(params, xgboost.DMatrix(sparse, y), 1)
    train(params, xgboost.DMatrix(X.to_numpy().tolist(), y), 1)
    train(params, xgboost.DMatrix(colours, y, enable_categorical=True), 1)
    train({"booster": "gblinear", "nthread": 1}, matrix(), 1)

    linear, categories, lists, sparse_run, quantised = runs()
    assert all("model" in artifacts(run) for run in runs())
    columns = nbtrack.models.get_model_info(f"runs:/{categories.info.run_id}/model").signature.inputs
    assert [each.type.name for each in columns] == ["string", "double"]
    assert linear.info.status == "FINISHED"
    for run in (lists, sparse_run, quantised):
        assert nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model").signature is not None
        assert run.inputs.dataset_inputs


def test_a_run_that_ends_too_early_costs_no_training() -> None:
    record(log_models=False)
    dtrain = matrix()
    ended: list[int] = []

    class End(xgboost.callback.TrainingCallback):
        def before_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if epoch == 1:
                nbtrack.end_run()
            ended.append(epoch)
            return False

    with pytest.warns(RuntimeWarning, match="metrics of each iteration"):
        train(PARAMS, dtrain, 3, evals=[(dtrain, "train")], callbacks=[End()], verbose_eval=False)

    assert ended == [0, 1, 2]


def test_a_pipeline_has_the_curves_of_its_last_step_in_its_run() -> None:
    switch("sklearn")
    record(importance_types=["gain"])
    X, y = data()
    model = make_pipeline(StandardScaler(), XGBClassifier(n_estimators=2, n_jobs=1, eval_metric="auc"))

    model.fit(X, y, xgbclassifier__eval_set=[(X.to_numpy(), y)], xgbclassifier__verbose=False)

    run = only_run()
    assert run.data.tags["mlflow.autologging"] == "sklearn"
    assert [step for step, _ in curve(run, "validation_0-auc")] == [0, 1]
    assert "feature_importance_gain.json" in artifacts(run)
    assert "num_boost_round" not in run.data.params


def test_points_can_be_seen_while_the_training_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iteration_metrics, "WAIT_MS", 0)
    seen: list[int] = []

    class Look(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            seen.append(len(curve(only_run(), "train-auc")))
            return False

    dtrain = matrix()
    train(PARAMS, dtrain, 3, evals=[(dtrain, "train")], callbacks=[Look()], verbose_eval=False)

    assert seen == [1, 2, 3]
