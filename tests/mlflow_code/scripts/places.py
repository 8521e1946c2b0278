"""Where runs go: the experiment is named before the place, and places are URIs of several kinds."""

from pathlib import Path

import mlflow


def log_one():
    with mlflow.start_run() as run:
        mlflow.log_metric("height", 1)
    return mlflow.get_experiment(run.info.experiment_id).name


mlflow.set_experiment("moved")
mlflow.set_tracking_uri("sqlite:///mlflow.db")
print("database:", log_one(), [found.name for found in mlflow.search_experiments()])

mlflow.set_tracking_uri(f"file://{Path.cwd()}/shared/mlruns")
print("file:", log_one())
mlflow.set_tracking_uri(Path("mlruns"))
print("folder:", log_one(), mlflow.search_runs()["metrics.height"].sum())
mlflow.set_tracking_uri("file:./mlruns")
print("the same folder:", log_one(), mlflow.search_runs()["metrics.height"].sum())

client = mlflow.MlflowClient(tracking_uri="sqlite:///mlflow.db")
found = client.get_experiment_by_name("moved")
print("client:", len(client.search_runs([found.experiment_id])))
