"""MLflow 3: logged models, the metrics that belong to them, data sets."""

import mlflow
import pandas as pd
from mlflow.data.pandas_dataset import PandasDataset
from mlflow.entities import LoggedModel
from sklearn.tree import DecisionTreeRegressor

frame = pd.DataFrame({"hour": range(24), "height": [(hour % 12) / 4 for hour in range(24)]})
dataset: PandasDataset = mlflow.data.from_pandas(frame, name="tides", targets="height")
client = mlflow.MlflowClient()

mlflow.set_experiment("three")
with mlflow.start_run() as run:
    mlflow.log_input(dataset, context="training")
    for depth in (1, 4):
        tree = DecisionTreeRegressor(max_depth=depth).fit(frame[["hour"]], frame["height"])
        info = mlflow.sklearn.log_model(
            tree,
            name=f"tree_{depth}",
            params={"depth": depth},
            tags={"kind": "tree"},
            step=depth,
            input_example=frame[["hour"]].head(2),
        )
        fit = tree.score(frame[["hour"]], frame["height"])
        mlflow.log_metric("r2", fit, step=depth, model_id=info.model_id, dataset=dataset)

found = mlflow.search_logged_models(
    experiment_ids=[run.info.experiment_id],
    filter_string="metrics.r2 > 0.9 AND params.depth = '4'",
    output_format="list",
)
(model,) = found
assert isinstance(model, LoggedModel)
print(model.name, model.model_uri == f"models:/{model.model_id}", {metric.key for metric in model.metrics})
print(mlflow.last_logged_model().model_id == model.model_id, mlflow.get_logged_model(model.model_id).status)
tree = mlflow.sklearn.load_model(model.model_uri)
print(tree.get_depth())
version = mlflow.register_model(model.model_uri, "trees")
print(version.model_id == model.model_id, client.get_model_version("trees", "1").run_id == run.info.run_id)
print(mlflow.pyfunc.load_model("models:/trees/1").predict(pd.DataFrame({"hour": [5]})))
print(mlflow.pyfunc.load_model("models:/trees/1").input_example["hour"].tolist())
print([used.dataset.name for used in mlflow.get_run(run.info.run_id).inputs.dataset_inputs])
print(mlflow.models.get_model_info(model.model_uri).signature.inputs.input_names())
