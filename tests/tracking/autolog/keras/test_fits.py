"""Autolog of Keras in real trainings: which run they make, and what it holds."""

import copy
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras

import nbtrack
import nbtrack.keras
import nbtrack.tensorflow
from nbtrack.core.errors import InvalidValueError
from nbtrack.tracking.autolog import switching

pytestmark = [
    # Keras' torch backend with NumPy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]
X = np.random.default_rng(0).random((16, 3), dtype="float32")
Y = (X.sum(axis=1) > 1.5).astype("float32")
Autolog = Callable[..., None]


@pytest.fixture
def autolog() -> Iterator[Autolog]:
    yield lambda **options: switching.switch("keras", **{"log_models": False, **options})
    switching.switch("keras", disable=True)


def compiled(**options: Any) -> Any:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(**{"loss": "binary_crossentropy", "optimizer": "sgd", "metrics": ["mae"], **options})
    return model


def fit(model: Any, **options: Any) -> Any:
    return model.fit(X, Y, **{"epochs": 2, "batch_size": 8, "verbose": 0, **options})


def runs() -> list[nbtrack.Run]:
    """From the first to the last."""
    return list(nbtrack.search_runs(output_format="list", order_by=["start_time ASC"]))


def points(run: nbtrack.Run, key: str) -> list[tuple[int, float]]:
    return [
        (point.step, point.value) for point in nbtrack.MlflowClient().get_metric_history(run.info.run_id, key)
    ]


def test_a_fit_is_a_run_with_params_curves_summary_data_and_model(autolog: Autolog) -> None:
    autolog(log_models=True)
    model = compiled(optimizer=keras.optimizers.Adam(0.001))

    history = fit(model, validation_data=(X[:4], Y[:4])).history

    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.autologging"] == "keras"
    expected = {"epochs": "2", "batch_size": "8", "validation_split": "0.0", "shuffle": "True"}
    expected |= {"class_weight": "None", "steps_per_epoch": "None", "optimizer_name": model.optimizer.name}
    expected |= {"optimizer_learning_rate": "0.001", "loss_function": "binary_crossentropy"}
    expected |= {"model_class": "Sequential", "parameter_count": "4", "trainable_parameter_count": "4"}
    assert expected.items() <= run.data.params.items()
    assert not {"x", "y", "verbose", "callbacks", "validation_data", "self"} & set(run.data.params)
    assert {key: [value for _, value in points(run, key)] for key in history} == history
    assert [step for step, _ in points(run, "val_loss")] == [0, 1]
    assert points(run, "validation_loss") == points(run, "val_loss")
    assert "dense" in nbtrack.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")
    contexts = {used.dataset.digest: used.tags[0].value for used in run.inputs.dataset_inputs}
    assert contexts == {
        nbtrack.data.from_numpy(X, targets=Y).digest: "train",
        nbtrack.data.from_numpy(X[:4], targets=Y[:4]).digest: "eval",
    }
    loaded = nbtrack.keras.load_model(f"runs:/{run.info.run_id}/model")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_results_are_the_same_with_and_without_it(autolog: Autolog) -> None:
    def trained() -> tuple[Any, Any]:
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
        )
        model.compile("adam", "mse")
        return fit(model, validation_split=0.25).history, model.get_weights()

    bare_history, bare_weights = trained()
    autolog(log_models=True, checkpoint=True)
    history, weights = trained()

    assert history == bare_history
    assert all(np.array_equal(one, other) for one, other in zip(weights, bare_weights, strict=True))


def test_the_users_callbacks_are_left_as_they_are(autolog: Autolog) -> None:
    autolog()
    model = compiled()
    seen: list[Any] = []

    class Own(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(copy.deepcopy(logs))

    own = [Own()]
    history = fit(model, callbacks=own)
    made = keras.callbacks.CallbackList([Own()], add_history=True, model=model, epochs=2, steps=2)
    members = list(made.callbacks)
    fit(model, callbacks=made)
    fit(model, callbacks=Own())
    fit(model, callbacks=(Own(),), epochs=1)

    assert [type(each) for each in own] == [Own]
    assert made.callbacks == members
    assert len(seen) == 7
    assert [len(points(run, "loss")) for run in runs()] == [2, 2, 2, 1]
    assert history is not model.history
    assert type(model.history) is keras.callbacks.History
    assert b"nbtrack" not in pickle.dumps(model)


def test_callbacks_and_epochs_may_be_given_by_place(autolog: Autolog) -> None:
    autolog()

    compiled().fit(X, Y, 4, 3, 0, [])

    (run,) = runs()
    assert (run.data.params["batch_size"], run.data.params["epochs"]) == ("4", "3")
    assert len(points(run, "loss")) == 3


def test_in_the_users_run_it_goes_there_and_a_further_fit_goes_on(autolog: Autolog) -> None:
    autolog()
    model = compiled()

    with nbtrack.start_run() as run:
        fit(model)
        fit(model, initial_epoch=2, epochs=4)
        fit(model, epochs=1)
        assert nbtrack.active_run().info.run_id == run.info.run_id

    (one,) = runs()
    assert one.info.run_id == run.info.run_id
    assert "mlflow.autologging" not in one.data.tags
    assert [step for step, _ in points(one, "loss")] == [0, 1, 2, 3, 4]
    assert one.data.params["epochs"] == "2"
    assert one.data.params["epochs-2"] == "4"
    assert {file.path for file in nbtrack.artifacts.list_artifacts(run_id=run.info.run_id)} == {
        *("model_summary.txt", "model_summary-2.txt", "model_summary-3.txt"),
    }


def test_another_model_in_the_same_run_begins_at_zero(autolog: Autolog) -> None:
    autolog()

    with nbtrack.start_run() as run:
        fit(compiled())
        fit(compiled())

    assert [step for step, _ in points(run, "loss")] == [0, 1, 0, 1]


def test_metrics_every_few_batches(autolog: Autolog) -> None:
    autolog(log_every_epoch=False, log_every_n_steps=3)
    model = compiled()

    fit(model, batch_size=2, validation_data=(X, Y))
    fit(model, batch_size=4)

    first, second = runs()
    assert [step for step, _ in points(first, "loss")] == [3, 6, 9, 12, 15]
    assert [step for step, _ in points(first, "validation_loss")] == [8, 16]
    assert [step for step, _ in points(second, "loss")] == [18, 21, 24]


def test_batches_and_epochs_share_one_axis(autolog: Autolog) -> None:
    autolog(log_every_n_steps=3)
    fit(compiled(), batch_size=4, validation_data=(X, Y))
    autolog(log_every_epoch=False)
    fit(compiled())
    autolog(log_every_n_steps=0)
    fit(compiled())

    both, neither, none = runs()
    assert [step for step, _ in points(both, "loss")] == [3, 6]
    assert [step for step, _ in points(both, "val_loss")] == [4, 8]
    assert neither.data.metrics == {}
    assert [step for step, _ in points(none, "loss")] == [0, 1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_ends_a_training_fails_the_run_and_the_curve_is_kept(
    autolog: Autolog, error: type[BaseException]
) -> None:
    autolog(log_models=True)

    class Ends(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise error("enough")

    with pytest.raises(error, match="enough"):
        fit(compiled(), callbacks=[Ends()])

    (run,) = runs()
    assert run.info.status == "FAILED"
    assert [step for step, _ in points(run, "loss")] == [0]
    assert run.data.params["epochs"] == "2"
    assert nbtrack.active_run() is None


def test_wrong_arguments_fail_as_keras_says(autolog: Autolog) -> None:
    autolog()

    with pytest.raises(TypeError, match="epoch_count"):
        compiled().fit(X, Y, epoch_count=3)
    with pytest.raises(ValueError, match="compile"):
        keras.Sequential([keras.layers.Dense(1)]).fit(X, Y)

    assert [run.info.status for run in runs()] == ["FAILED"]


def test_early_stopping_says_where_it_stopped_and_what_it_restored(
    autolog: Autolog, capsys: pytest.CaptureFixture[str]
) -> None:
    autolog()
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=2, restore_best_weights=True, min_delta=9
    )
    model = compiled()

    found = fit(model, epochs=9, validation_data=(X, Y), callbacks=[stopping])

    (run,) = runs()
    told = {"monitor": "val_loss", "min_delta": "9", "patience": "2", "baseline": "None"}
    told["restore_best_weights"] = "True"
    assert told.items() <= run.data.params.items()
    assert (run.data.metrics["stopped_epoch"], run.data.metrics["restored_epoch"]) == (2, 0)
    losses = found.history["val_loss"]
    assert points(run, "val_loss") == [*enumerate(losses), (3, losses[0])]
    told_loss = f"loss {run.data.metrics['loss']:.4g}, val_loss {run.data.metrics['val_loss']:.4g}"
    assert f"stopped early in epoch 3, 3 epochs, {told_loss}\n" in capsys.readouterr().err
    assert run.data.metrics["val_loss"] == pytest.approx(model.evaluate(X, Y, verbose=0)[0])

    fit(model, epochs=1, validation_data=(X, Y), callbacks=[stopping])
    assert runs()[1].data.params["min_delta"] == "9"


def test_the_line_tells_of_the_last_epoch_where_no_weights_are_restored(
    autolog: Autolog, capsys: pytest.CaptureFixture[str]
) -> None:
    autolog()
    stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=2, min_delta=9)

    losses = fit(compiled(), epochs=9, validation_data=(X, Y), callbacks=[stopping]).history["val_loss"]

    assert f"val_loss {losses[-1]:.4g}\n" in capsys.readouterr().err


def test_a_training_that_the_user_stops_is_finished(autolog: Autolog) -> None:
    autolog()

    class Stops(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = True

    fit(compiled(), epochs=5, callbacks=[Stops()])
    fit(
        compiled(loss="mse", optimizer=keras.optimizers.SGD(float("nan"))),
        epochs=5,
        callbacks=[keras.callbacks.TerminateOnNaN()],
    )

    stopped, broken = runs()
    assert [step for step, _ in points(stopped, "loss")] == [0]
    assert (stopped.info.status, broken.info.status) == ("FINISHED", "FINISHED")
    assert np.isnan(broken.data.metrics["loss"])


def test_a_subclassed_model_has_the_signature_of_its_data(autolog: Autolog) -> None:
    autolog(log_models=True)

    @keras.saving.register_keras_serializable("tests")
    class Own(keras.Model):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.dense = keras.layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.dense(x)

        def train_step(self, data: Any) -> Any:
            return {**super().train_step(data), "own": 0.5}

    model = Own()
    model.compile("sgd", "mse")
    fit(model)

    (run,) = runs()
    assert run.data.params["model_class"] == "Own"
    assert run.data.params["parameter_count"] == "4"
    assert run.data.metrics["own"] == 0.5
    signature = nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model").signature
    assert signature.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "float32", "shape": [-1, 3]}


def test_a_model_that_keras_cannot_save_is_said_with_what_it_lacks(autolog: Autolog) -> None:
    class Own(keras.Model):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(units)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    autolog(log_models=True)
    model = Own(1)
    model.compile("sgd", "mse")

    with pytest.warns(RuntimeWarning, match=r"must override `get_config\(\)` in order to be serializable"):
        fit(model)

    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert len(points(run, "loss")) == 2
    assert run.outputs.model_outputs == []


def test_a_model_that_fit_builds_takes_any_number_of_rows_of_the_type_it_was_trained_on(
    autolog: Autolog,
) -> None:
    autolog(log_models=True)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    wide = X.astype("float64")

    model.fit(wide, Y, verbose=0)

    (run,) = runs()
    loaded = nbtrack.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert loaded.metadata.signature.inputs.to_dict()[0]["tensor-spec"] == {
        "dtype": "float64",
        "shape": [-1, 3],
    }
    assert loaded.metadata.signature.outputs.to_dict()[0]["tensor-spec"]["shape"] == [-1, 1]
    assert loaded.predict(wide).shape == (16, 1)


def test_several_inputs_and_outputs_go_by_name(autolog: Autolog) -> None:
    autolog(log_models=True, log_input_examples=True)
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    both = keras.layers.concatenate([left, right])
    model = keras.Model(
        {"left": left, "right": right},
        {"a": keras.layers.Dense(1, name="a")(both), "b": keras.layers.Dense(2, name="b")(left)},
    )
    model.compile("sgd", {"a": "mse", "b": "mse"}, metrics={"a": ["mae"]}, loss_weights={"a": 1.0, "b": 0.5})
    data = {"left": X, "right": X[:, :2]}

    model.fit(data, {"a": Y[:, None], "b": X[:, :2]}, sample_weight=np.ones(16), verbose=0)

    (run,) = runs()
    assert {"loss", "a_loss", "b_loss", "a_mae"} <= set(run.data.metrics)
    assert run.data.params["sample_weight"] == "ndarray (16,)"
    loaded = nbtrack.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert loaded.metadata.signature.inputs.input_names() == ["left", "right"]
    assert set(loaded.predict(data)) == {"a", "b"}
    (used,) = run.inputs.dataset_inputs
    assert (
        used.dataset.digest == nbtrack.data.from_numpy(data, targets={"a": Y[:, None], "b": X[:, :2]}).digest
    )


def test_generators_loaders_and_datasets_are_trained_on_as_they_are(autolog: Autolog) -> None:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    given: list[int] = []

    def batches() -> Iterator[Any]:
        while True:
            given.append(1)
            yield X[:4], Y[:4]

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return X[8 * index : 8 * index + 8], Y[8 * index : 8 * index + 8]

    compiled().fit(batches(), steps_per_epoch=3, epochs=2, verbose=0, shuffle=False)
    needed = len(given)
    autolog(log_models=True)
    loader = DataLoader(TensorDataset(torch.tensor(X), torch.tensor(Y)[:, None]), batch_size=5)
    compiled().fit(batches(), steps_per_epoch=3, epochs=2, verbose=0, shuffle=False)
    compiled().fit(loader, verbose=0, shuffle=False)
    compiled().fit(Batches(), verbose=0)

    generated, loaded, indexed = runs()
    assert (generated.data.params["batch_size"], loaded.data.params["batch_size"]) == ("4", "5")
    assert "batch_size" not in indexed.data.params
    assert len(given) == 2 * needed
    assert len(loaded.inputs.dataset_inputs) == 1
    assert all("loss" in run.data.metrics for run in (generated, loaded, indexed))
    signature = nbtrack.models.get_model_info(f"runs:/{generated.info.run_id}/model").signature
    assert signature.inputs.to_dict()[0]["tensor-spec"]["shape"] == [-1, 3]


def test_data_frames_keep_their_columns(autolog: Autolog) -> None:
    import pandas as pd

    autolog(log_models=True)
    frame, target = pd.DataFrame(X, columns=["a", "b", "c"]), pd.Series(Y, name="y")

    compiled().fit(frame, target, verbose=0)

    (run,) = runs()
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.digest == nbtrack.data.from_pandas(frame).digest
    assert run.data.params["batch_size"] == "32"  # what Keras takes where nobody chose
    loaded = nbtrack.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert loaded.metadata.signature.inputs.input_names() == ["a", "b", "c"]
    assert loaded.predict(frame).shape == (16, 1)


def test_a_metric_with_a_value_for_each_class_is_logged_by_class(autolog: Autolog) -> None:
    autolog()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=[keras.metrics.F1Score()])

    model.fit(X, np.eye(2)[Y.astype(int)], verbose=0)

    (run,) = runs()
    assert {"f1_score_0", "f1_score_1", "loss"} <= set(run.data.metrics)


def test_a_schedule_is_told_and_followed(autolog: Autolog) -> None:
    autolog()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)

    fit(compiled(optimizer=keras.optimizers.SGD(schedule)))

    (run,) = runs()
    assert run.data.params["optimizer_learning_rate"].startswith(
        "ExponentialDecay(initial_learning_rate=0.1,"
    )
    assert [value for _, value in points(run, "learning_rate")] == pytest.approx([0.05, 0.025])


def test_the_users_own_callback_of_ours_is_not_recorded_twice(autolog: Autolog) -> None:
    autolog()

    fit(compiled(), callbacks=[nbtrack.keras.MlflowCallback()], validation_data=(X, Y))

    (run,) = runs()
    assert [step for step, _ in points(run, "loss")] == [0, 1]
    assert [step for step, _ in points(run, "validation_loss")] == [0, 1]
    assert run.data.params["epochs"] == "2"
    assert "optimizer_name" in run.data.params


def test_what_scikit_learn_fits_inside_makes_no_runs(autolog: Autolog) -> None:
    from keras.wrappers import SKLearnClassifier
    from sklearn.model_selection import GridSearchCV, cross_val_score

    autolog()

    def made(X: Any, y: Any, rate: float = 0.1) -> Any:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
        model.compile(keras.optimizers.SGD(rate), "categorical_crossentropy")
        return model

    labels = np.array(["a", "b"] * 8)
    alone = SKLearnClassifier(made, fit_kwargs={"verbose": 0, "epochs": 1})
    alone.fit(X, labels)
    cross_val_score(alone, X, labels, cv=2)
    assert len(runs()) == 1

    search = GridSearchCV(alone, {"model_kwargs": [{"rate": 0.1}, {"rate": 0.2}]}, cv=2)
    search.fit(X, labels)
    assert len(runs()) == 2  # the best one, which is fitted again
    search.set_params(refit=False).fit(X, labels)
    assert len(runs()) == 2


def test_an_evaluation_is_told_by_the_name_of_its_data(autolog: Autolog) -> None:
    class Evaluates(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.evaluate(X, Y, verbose=0)

    autolog()
    model = compiled()
    X_test, y_test = X[:6], Y[:6]
    model.evaluate(X_test, y_test, verbose=0)
    fit(model, validation_data=(X, Y))
    mine: list[Any] = []

    loss, mae = model.evaluate(X_test, y_test, verbose=0, callbacks=mine)
    found = model.evaluate(x=X[6:], y=Y[6:], verbose=0, return_dict=True)

    (run,) = runs()
    assert {key: value for key, value in run.data.metrics.items() if "test" in key} == {
        "loss_X_test": loss,
        "mae_X_test": mae,
    }
    assert run.data.metrics["loss-2_unknown_dataset"] == found["loss"]
    fit(model, validation_data=(X, Y), callbacks=[Evaluates()])
    assert set(nbtrack.get_run(run.info.run_id).data.metrics) == set(run.data.metrics)
    assert not [key for key in runs()[1].data.metrics if "_X" in key or "dataset" in key]
    assert mine == []
    told = nbtrack.artifacts.load_dict(f"runs:/{run.info.run_id}/metric_info.json")
    assert told["loss_X_test"] == "evaluate(x=X_test, y=y_test)"


def test_trainings_of_several_threads_have_a_run_each(autolog: Autolog) -> None:
    autolog()
    models = [compiled() for _ in range(3)]
    together = threading.Barrier(3)

    class Waits(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            together.wait(30)

    threads = [
        threading.Thread(target=fit, args=(model,), kwargs={"callbacks": [Waits()]}) for model in models
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [run.info.status for run in runs()] == ["FINISHED"] * 3
    assert all([step for step, _ in points(run, "loss")] == [0, 1] for run in runs())


def test_checkpoints_are_kept_by_mlflows_names(autolog: Autolog) -> None:
    autolog(checkpoint=True)
    fit(compiled(), validation_data=(X, Y))
    fit(compiled())
    autolog(checkpoint=True, checkpoint_save_best_only=False, checkpoint_save_weights_only=True)
    model = compiled()
    fit(model)

    best, without, each = runs()
    client = nbtrack.MlflowClient()
    assert {file.path for file in client.list_artifacts(best.info.run_id, "checkpoints")} == {
        "checkpoints/latest_checkpoint.keras",
        "checkpoints/latest_checkpoint_metrics.json",
    }
    told = nbtrack.artifacts.load_dict(f"runs:/{best.info.run_id}/checkpoints/latest_checkpoint_metrics.json")
    assert (told["epoch"], told["global_step"]) == (1, 4)
    assert told["val_loss"] == best.data.metrics["val_loss"]
    assert client.list_artifacts(without.info.run_id, "checkpoints") == []
    assert each.data.tags["mlflow.latest_checkpoint_artifact"] == "checkpoints/epoch_1/checkpoint.weights.h5"
    other = compiled()
    other.load_weights(
        nbtrack.artifacts.download_artifacts(
            f"runs:/{each.info.run_id}/checkpoints/epoch_1/checkpoint.weights.h5"
        )
    )
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def test_checkpoints_may_be_made_every_few_batches(autolog: Autolog) -> None:
    autolog(checkpoint=True, checkpoint_save_freq=3, checkpoint_save_best_only=False)

    fit(compiled(), batch_size=4)

    (run,) = runs()
    assert {file.path for file in nbtrack.MlflowClient().list_artifacts(run.info.run_id, "checkpoints")} == {
        "checkpoints/global_step_3",
        "checkpoints/global_step_6",
    }
    assert [step for step, _ in points(run, "loss")] == [0, 1]


def test_checkpoints_that_nobody_asked_for_do_not_slow_a_training(autolog: Autolog) -> None:
    autolog(checkpoint=True)
    stopping = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
    model = compiled(loss="mse", optimizer=keras.optimizers.SGD(0.5))

    fit(model, epochs=20, validation_data=(X, Y), callbacks=[stopping])

    (run,) = runs()
    uri = f"runs:/{run.info.run_id}/checkpoints/latest_checkpoint"
    kept = nbtrack.artifacts.load_dict(f"{uri}_metrics.json")
    assert kept["epoch"] == run.data.metrics["restored_epoch"]
    saved = keras.saving.load_model(nbtrack.artifacts.download_artifacts(f"{uri}.keras"))
    np.testing.assert_array_equal(saved.get_weights()[0], model.get_weights()[0])
    files = nbtrack.MlflowClient().list_artifacts(run.info.run_id, "checkpoints")
    assert len(files) == 2

    class Worsens(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["val_loss"] = float(epoch)

    fit(model, epochs=3, callbacks=[Worsens()])
    again = f"runs:/{runs()[1].info.run_id}/checkpoints/latest_checkpoint_metrics.json"
    assert nbtrack.artifacts.load_dict(again)["epoch"] == 0


def test_a_metric_to_monitor_that_is_not_there_is_named(autolog: Autolog) -> None:
    autolog(checkpoint=True, checkpoint_monitor="val_f1")

    fit(compiled(), validation_data=(X, Y))

    (run,) = runs()
    assert (
        "checkpoint_monitor is 'val_f1', and there are loss, mae" in run.data.tags["nbtrack.autolog.skipped"]
    )
    with pytest.raises(InvalidValueError, match="checkpoint_mode is 'min' or 'max', got 'maximum'"):
        autolog(checkpoint_mode="maximum")
    with pytest.raises(InvalidValueError, match="a number of batches from 1, got 0"):
        autolog(checkpoint_save_freq=0)


def test_the_names_of_tensorflow(autolog: Autolog) -> None:
    nbtrack.keras.autolog(log_models=False)
    nbtrack.tensorflow.autolog(log_models=False)

    fit(compiled(), validation_data=(X, Y))

    (run,) = runs()
    assert "mlflow.latest_checkpoint_artifact" in run.data.tags
    assert run.data.tags["mlflow.autologging"] == "tensorflow"
    assert run.data.params["opt_name"].startswith("sgd") or run.data.params["opt_name"] == "SGD"
    assert "optimizer_name" not in run.data.params


def test_switched_off_it_is_the_function_it_was(autolog: Autolog) -> None:
    model_fit, code = keras.Model.fit, keras.Model.fit.__code__
    autolog()
    assert keras.Model.fit is model_fit
    assert keras.Model.fit.__code__ is not code

    switching.switch("keras", disable=True)
    fit(compiled())

    assert keras.Model.fit.__code__ is code
    assert runs() == []


def test_the_run_of_a_pipeline_has_the_curves_of_its_network(autolog: Autolog) -> None:
    from keras.wrappers import SKLearnRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    autolog()
    switching.switch("sklearn", log_models=False)

    def made(X: Any, y: Any) -> Any:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    try:
        make_pipeline(StandardScaler(), SKLearnRegressor(made, fit_kwargs={"verbose": 0, "epochs": 2})).fit(
            X, Y
        )
    finally:
        switching.switch("sklearn", disable=True)

    (run,) = runs()
    assert run.data.tags["mlflow.autologging"] == "sklearn"
    assert [step for step, _ in points(run, "loss")] == [0, 1]
    assert "optimizer_learning_rate" in run.data.params


def test_what_it_predicts_is_scored_in_its_run(autolog: Autolog) -> None:
    from sklearn.metrics import accuracy_score, mean_squared_error

    autolog()
    code = mean_squared_error.__code__
    X_test = np.random.default_rng(1).normal(size=(64, 3)).astype("float32")
    y_test = (X_test.sum(axis=1) > 0).astype("float32")
    model = compiled()

    fit(model)
    found = model.predict(X_test, verbose=0)
    error = mean_squared_error(y_test, found)
    accuracy = accuracy_score(y_test, (found > 0.5).astype(int))

    (run,) = runs()
    assert run.data.metrics["mean_squared_error_X_test"] == error
    assert run.data.metrics["accuracy_score_X_test"] == accuracy
    switching.switch("keras", disable=True)
    assert mean_squared_error.__code__ is code
