"""Trainings of skorch and of PyTorch-Ignite, with their loggers."""

import sys
from typing import Any

import mlflow
import numpy as np
import torch
from ignite.engine import Engine, Events
from ignite.handlers.mlflow_logger import MLflowLogger
from mlflow.tracking import MlflowClient
from records import write_records
from skorch import NeuralNetClassifier
from skorch.callbacks import MlflowLogger

to, uri = sys.argv[1:]
mlflow.set_tracking_uri(uri)
mlflow.set_experiment("skorch")
X = np.random.RandomState(0).randn(40, 4).astype("float32")
y = (X.sum(1) > 0).astype("int64")


def fit(logger: MlflowLogger) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Softmax(-1))
    NeuralNetClassifier(network, max_epochs=3, callbacks=[logger], verbose=0).fit(X, y)


with mlflow.start_run(run_name="active"):
    fit(MlflowLogger())

client = MlflowClient()
experiment = client.get_experiment_by_name("skorch")
fit(
    MlflowLogger(client.create_run(experiment.experiment_id, run_name="given"), client, log_on_batch_end=True)
)
given = client.create_run(experiment.experiment_id, run_name="open")
fit(MlflowLogger(given, client, terminate_after_train=False, create_artifact=False))

mlflow.set_experiment("ignite")
mlflow.start_run(run_name="engine")
logger = MLflowLogger(tracking_uri=uri)
logger.log_params({"seed": 1})


def step(engine: Engine, batch: Any) -> dict[str, float]:
    return {"loss": float(batch)}


engine = Engine(step)
logger.attach_output_handler(
    engine, event_name=Events.ITERATION_COMPLETED, tag="training", output_transform=lambda output: output
)
logger.attach_opt_params_handler(
    engine,
    event_name=Events.EPOCH_STARTED,
    optimizer=torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5),
)
engine.run([1, 2, 3], max_epochs=2)
logger.close()

write_records(to)
