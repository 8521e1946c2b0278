"""A registered model from its first version to its archive."""

import mlflow
from mlflow import MlflowClient
from mlflow.pyfunc import load_model
from sklearn.linear_model import LinearRegression

NAME = "tide-heights"
client = MlflowClient()


def train(slope, error):
    model = LinearRegression().fit([[0], [1], [2]], [0, slope, 2 * slope])
    mlflow.log_metric("error", error)
    return model


# In one step, and from a run that is over.
with mlflow.start_run():
    mlflow.sklearn.log_model(train(1, 0.5), artifact_path="model", registered_model_name=NAME)
with mlflow.start_run() as run:
    mlflow.sklearn.log_model(train(2, 0.25), "model")
second = mlflow.register_model(model_uri=f"runs:/{run.info.run_id}/model", name=NAME)
print("version", second.version, second.status, second.current_stage)
with mlflow.start_run() as run:
    info = mlflow.sklearn.log_model(train(3, 0.75), name="model")
third = mlflow.register_model(info.model_uri, NAME, tags={"from": "logged model"})

client.update_registered_model(NAME, description="Heights at the harbour.")
client.update_model_version(name=NAME, version=2, description="Steeper.")
client.set_model_version_tag(NAME, "2", "checked by", "the pilot")

# Stages.
client.transition_model_version_stage(name=NAME, version=1, stage="Production")
for version in (2, 3):
    client.transition_model_version_stage(NAME, version, stage="staging")


def promote(name, source, target, at_most):
    """The candidates that are good enough go to the target; who was there is archived by hand."""
    moved = []
    for candidate in client.get_latest_versions(name, stages=[source]):
        error = client.get_run(candidate.run_id).data.metrics.get("error", 9.0)
        load_model(f"models:/{name}/{candidate.version}").predict([[1]])
        if error > at_most:
            continue
        for old in client.get_latest_versions(name, stages=[target]):
            client.transition_model_version_stage(name=name, version=old.version, stage="Archived")
        client.transition_model_version_stage(name=name, version=candidate.version, stage=target)
        moved.append(candidate.version)
    return moved


print("promoted", promote(NAME, "Staging", "Production", at_most=0.5))
print("promoted", promote(NAME, "Staging", "Production", at_most=1.0))
client.transition_model_version_stage(NAME, 2, "Production", archive_existing_versions=True)
for found in client.search_model_versions(f"name='{NAME}'"):
    print(found.version, found.current_stage)
print("in production:", load_model(f"models:/{NAME}/Production").predict([[1]]).round(6))

# Aliases; one may be named as a stage is.
client.set_registered_model_alias(NAME, "champion", 2)
client.set_registered_model_alias(NAME, "production", version="3")
client.set_registered_model_alias(NAME, "champion", version=1)
print(client.get_model_version_by_alias(NAME, "champion").version, client.get_registered_model(NAME).aliases)
print("champion:", load_model(f"models:/{NAME}@champion").predict([[1]]).round(6))
print("production:", mlflow.sklearn.load_model(f"models:/{NAME}@production").predict([[1]]).round(6))
print("latest:", load_model(f"models:/{NAME}/latest").predict([[1]]).round(6))
client.delete_registered_model_alias(NAME, "champion")
