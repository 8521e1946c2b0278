"""`nbtrack.keras.MlflowCallback` in real trainings."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras

import nbtrack
import nbtrack.keras
import nbtrack.tensorflow
from nbtrack.core.errors import InvalidTypeError, InvalidValueError

pytestmark = [
    # Keras' torch backend with NumPy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]
X = np.ones((8, 3), dtype="float32")
Y = np.zeros((8, 1), dtype="float32")


def compiled(**options: Any) -> Any:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.5, name="sgd"), metrics=["mae"], **options)
    return model


def fit(model: Any, *callbacks: Any, **options: Any) -> Any:
    return model.fit(X, Y, batch_size=2, epochs=2, verbose=0, callbacks=list(callbacks), **options)


def points(run: nbtrack.Run, key: str) -> list[tuple[int, float]]:
    return [
        (point.step, point.value) for point in nbtrack.MlflowClient().get_metric_history(run.info.run_id, key)
    ]


def test_a_fit_is_logged_by_epoch_with_the_optimizer_and_the_summary() -> None:
    with nbtrack.start_run() as run:
        history = fit(compiled(), nbtrack.keras.MlflowCallback(), validation_data=(X, Y)).history

    logged = nbtrack.get_run(run.info.run_id).data
    assert logged.params["optimizer_name"] == "sgd"
    assert logged.params["optimizer_learning_rate"] == "0.5"
    assert set(logged.metrics) == {
        *("loss", "mae", "val_loss", "val_mae", "validation_loss", "validation_mae"),
    }
    assert points(run, "loss") == list(enumerate(history["loss"]))
    assert points(run, "val_mae") == list(enumerate(history["val_mae"]))
    assert points(run, "validation_loss") == list(enumerate(history["val_loss"]))
    summary = nbtrack.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")
    assert "dense" in summary
    assert "Trainable params: 4" in summary


def test_metrics_may_be_logged_every_few_batches_and_go_on_in_a_second_fit() -> None:
    model = compiled()
    callback = nbtrack.keras.MlflowCallback(log_every_epoch=False, log_every_n_steps=3)

    with nbtrack.start_run() as run:
        fit(model, callback, validation_data=(X, Y))
        fit(model, nbtrack.keras.MlflowCallback(log_every_epoch=False, log_every_n_steps=5))

    assert [step for step, _ in points(run, "loss")] == [3, 6, 10, 15]
    assert [step for step, _ in points(run, "validation_loss")] == [4, 8]
    assert "val_loss" not in nbtrack.get_run(run.info.run_id).data.metrics


def test_batches_that_keras_runs_together_are_counted_one_by_one() -> None:
    callback = nbtrack.keras.MlflowCallback(False, 3)

    with nbtrack.start_run() as run:
        for epoch in range(2):
            callback.on_epoch_begin(epoch)
            callback.on_train_batch_end(
                3, {"loss": 0.5}
            )  # what `steps_per_execution=4` calls, elsewhere than on torch

    assert [step for step, _ in points(run, "loss")] == [4, 8]


def test_an_evaluation_alone_is_a_validation() -> None:
    with nbtrack.start_run() as run:
        found = compiled().evaluate(
            X, Y, verbose=0, return_dict=True, callbacks=[nbtrack.keras.MLflowCallback()]
        )

    assert nbtrack.get_run(run.info.run_id).data.metrics == {
        f"validation_{key}": v for key, v in found.items()
    }


def test_an_evaluation_after_a_fit_is_the_latest_value() -> None:
    model, callback = compiled(), nbtrack.keras.MlflowCallback()

    with nbtrack.start_run() as run:
        fit(model, callback, validation_data=(X[:1], Y[:1]))
        found = model.evaluate(X, Y + 1, verbose=0, return_dict=True, callbacks=[callback])

    assert nbtrack.get_run(run.info.run_id).data.metrics["validation_loss"] == found["loss"]


def test_a_run_in_the_first_place_is_where_it_logs() -> None:
    with nbtrack.start_run() as chosen:
        pass

    with nbtrack.start_run() as active:
        fit(compiled(), nbtrack.keras.MlflowCallback(chosen))

    assert [step for step, _ in points(chosen, "loss")] == [0, 1]
    assert nbtrack.artifacts.list_artifacts(run_id=chosen.info.run_id)[0].path == "model_summary.txt"
    assert nbtrack.get_run(active.info.run_id).data.metrics == {}
    assert nbtrack.get_run(active.info.run_id).data.params == {}


def test_the_metrics_can_be_those_of_a_logged_model() -> None:
    model = compiled()
    with nbtrack.start_run():
        logged = nbtrack.keras.log_model(model, name="net")
    with nbtrack.start_run():
        fit(model, nbtrack.keras.MlflowCallback(model_id=logged.model_id))

    measured = nbtrack.get_logged_model(logged.model_id).metrics
    assert {metric.key for metric in measured} >= {"loss", "mae"}


def test_under_the_name_of_tensorflow_params_are_called_as_there() -> None:
    with nbtrack.start_run() as run:
        fit(compiled(), nbtrack.tensorflow.MlflowCallback())

    assert nbtrack.get_run(run.info.run_id).data.params["opt_name"] == "sgd"


def test_what_cannot_be_logged_is_said_once_and_does_not_end_the_training() -> None:
    model = compiled()

    with nbtrack.start_run() as run:
        nbtrack.log_param("optimizer_name", "mine")
        with pytest.warns(
            RuntimeWarning, match="could not log the optimizer's settings, the training goes on"
        ) as told:
            fit(model, nbtrack.keras.MlflowCallback())

    assert len([each for each in told if "MlflowCallback" in str(each.message)]) == 1
    assert nbtrack.get_run(run.info.run_id).data.params == {"optimizer_name": "mine"}
    assert [step for step, _ in points(run, "loss")] == [0, 1]
    assert nbtrack.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")


def test_metrics_that_are_no_numbers_are_said_once() -> None:
    callback = nbtrack.keras.MlflowCallback()

    with nbtrack.start_run():
        with pytest.warns(RuntimeWarning, match="could not log metrics.*'words'"):
            callback.on_epoch_end(0, {"loss": "words"})
        callback.on_epoch_end(1, {"loss": "words"})


@pytest.mark.parametrize(
    ("every_epoch", "every_steps", "error", "words"),
    [
        (True, 3, InvalidValueError, "log_every_n_steps=3 goes with log_every_epoch=False"),
        (False, None, InvalidTypeError, "needs log_every_n_steps, a whole number of batches; it is None"),
        (False, 2.5, InvalidTypeError, "a whole number of batches; it is 2.5"),
        (False, 0, InvalidValueError, "has to be 1 or more; it is 0"),
    ],
)
def test_it_says_what_does_not_go_together(
    every_epoch: bool, every_steps: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        nbtrack.keras.MlflowCallback(every_epoch, every_steps)


def test_without_keras_it_says_what_to_install() -> None:
    script = """
import sys
sys.modules["keras"] = None
import nbtrack.keras
assert "MlflowCallback" not in nbtrack.keras.__all__  # nobody's `import *` needs Keras
nbtrack.keras.MlflowCallback
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert "A Keras model needs keras, which is not installed: pip install keras" in done.stderr
