"""Trainings of Keras with MLflow's own callback."""

import os
import sys
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import mlflow
import numpy as np
from records import write_records

to, uri = sys.argv[1:]
mlflow.set_tracking_uri(uri)
mlflow.set_experiment("keras")
X, y = np.ones((8, 3), dtype="float32"), np.zeros((8, 1), dtype="float32")


def fit(*callbacks: Any, **options: Any) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)], name="line")
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.01, name="sgd"), metrics=["mae"])
    model.fit(X, y, batch_size=2, epochs=3, verbose=0, callbacks=list(callbacks), **options)
    return model


with mlflow.start_run(run_name="epochs"):
    fit(mlflow.keras.MlflowCallback(), validation_split=0.5).evaluate(
        X, y, verbose=0, callbacks=[mlflow.keras.MlflowCallback()]
    )
with mlflow.start_run(run_name="batches"):
    fit(mlflow.keras.MLflowCallback(log_every_epoch=False, log_every_n_steps=5))
with mlflow.start_run(run_name="older") as run:
    fit(mlflow.keras.MlflowCallback(run))

write_records(to)
