"""Everything by the client and the entities, as libraries do it, without an active run."""

import time

from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param, Run, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

client = MlflowClient()
try:
    experiment_id = client.create_experiment("library")
except MlflowException:
    experiment_id = client.get_experiment_by_name("library").experiment_id
parent = client.create_run(experiment_id, tags={MLFLOW_RUN_NAME: "outer"})
run = client.create_run(experiment_id, tags={MLFLOW_PARENT_RUN_ID: parent.info.run_id}, run_name="inner")
assert isinstance(run, Run)
assert isinstance(client.get_experiment(experiment_id), Experiment)
run_id = run.info.run_id

now = int(time.time() * 1000)
client.log_batch(
    run_id,
    metrics=[Metric("height", step / 2, now - 4 + step, step) for step in range(4)],
    params=[Param("station", "north"), Param("depth", str(12))],
    tags=[RunTag("checked", "yes")],
)
client.log_metric(run_id, "height", 9.5, step=4)
client.log_param(run_id, "unit", "m")
client.log_text(run_id, "all well", "log.txt")
client.set_terminated(run_id, status="FINISHED")
client.set_terminated(parent.info.run_id, RunStatus.to_string(RunStatus.FAILED))

read = client.get_run(run_id)
print(read.data.params, read.data.metrics, read.data.tags["checked"])
print([(point.step, point.value) for point in client.get_metric_history(run_id, "height")])
print(read.info.status, client.get_parent_run(run_id).info.run_name)
print(client.download_artifacts(run_id, "log.txt").endswith("log.txt"))
found = client.search_runs(
    [experiment_id], f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent.info.run_id}'", ViewType.ALL, max_results=5
)
print([each.info.run_name for each in found], found.token)
client.delete_run(run_id)
print(len(client.search_runs([experiment_id])), client.get_run(run_id).info.lifecycle_stage)
try:
    client.log_param(parent.info.run_id, "station", "north")
    client.log_param(parent.info.run_id, "station", "south")
except MlflowException as error:
    print(error.error_code, error.get_http_status_code())
