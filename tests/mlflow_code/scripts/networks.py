"""A loop of PyTorch, and a model of Keras by the names of `mlflow.tensorflow`."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import sys

import keras
import mlflow
import mlflow.pytorch
import mlflow.tensorflow
import numpy as np
import torch
from mlflow.models.signature import infer_signature
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
mlflow.set_experiment("swell")


class Swell(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.into = nn.Linear(3, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.into(x)))


heights = torch.randn(64, 3)
loader = DataLoader(TensorDataset(heights, heights.sum(1, keepdim=True)), batch_size=16, shuffle=True)

with mlflow.start_run(run_name="loop") as run:
    settings = {"hidden": 4, "rate": 0.05, "epochs": 2}
    mlflow.log_params(settings)
    model = Swell(settings["hidden"])
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["rate"])
    for epoch in range(settings["epochs"]):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
            mlflow.log_metric("batch_loss", loss.detach())
        mlflow.log_metric("loss", total / len(loader), step=epoch)
    mlflow.log_text(str(model), "model.txt")

    # No input example, no signature.
    mlflow.pytorch.log_model(model, "bare")
    model.eval()
    with torch.no_grad():
        signature = infer_signature(heights[:2].numpy(), model(heights[:2]).numpy())
    mlflow.pytorch.log_model(
        pytorch_model=model,
        artifact_path="nets/swell",
        signature=signature,
        registered_model_name="swell",
    )
    mlflow.log_model(model, "models/any")

same = mlflow.pytorch.load_model(f"runs:/{run.info.run_id}/bare")
assert torch.equal(same(heights), model(heights))
same = mlflow.pytorch.load_model("models:/swell/1", map_location="cpu")
assert isinstance(same, Swell)
predicted = mlflow.pyfunc.load_model("models:/swell/latest").predict(heights[:2].numpy())
print(predicted.shape, np.allclose(predicted, model(heights[:2]).detach().numpy()))
print(mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/models/any").predict(heights[:2].numpy()).shape)

dense = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
with mlflow.start_run(run_name="layers") as run:
    mlflow.tensorflow.log_model(dense, artifact_path="layers")
again = mlflow.tensorflow.load_model(f"runs:/{run.info.run_id}/layers")
print(np.allclose(again.predict(heights.numpy(), verbose=0), dense.predict(heights.numpy(), verbose=0)))
with mlflow.start_run():
    mlflow.keras.log_model(dense, name="layers", registered_model_name="layers")
print(type(mlflow.keras.load_model("models:/layers/1")).__name__)
print("tensorflow" in sys.modules)
