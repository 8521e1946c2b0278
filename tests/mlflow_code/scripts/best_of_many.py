"""Train some models, find the best run by a search, load its model and score new rows with it."""

import mlflow
import mlflow.sklearn
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from mlflow.tracking import MlflowClient
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

frame, kind = load_wine(return_X_y=True, as_frame=True)
train, held_out, train_kind, held_out_kind = train_test_split(frame, kind, test_size=0.3, random_state=1)

experiment_id = mlflow.create_experiment("cellar", tags={"grape": "any"})
mlflow.set_experiment(experiment_id=experiment_id)

for strength in (1e-4, 0.01, 1.0):
    with mlflow.start_run(run_name=f"C={strength}"):
        # A function without a name: cloudpickle keeps it.
        model = make_pipeline(
            FunctionTransformer(lambda table: table.clip(lower=0)),
            StandardScaler(),
            LogisticRegression(C=strength),
        )
        model.fit(train, train_kind)
        guess = model.predict(held_out)
        mlflow.log_param("C", strength)
        mlflow.log_metric("accuracy", accuracy_score(held_out_kind, guess))
        mlflow.log_metric("f1", f1_score(held_out_kind, guess, average="macro"))
        mlflow.sklearn.log_model(model, "pipeline", signature=infer_signature(train, guess))

runs = mlflow.search_runs(
    experiment_names=["cellar"], filter_string="metrics.accuracy > 0.5", order_by=["metrics.accuracy DESC"]
)
print(runs[["params.C", "tags.mlflow.runName"]].iloc[0].to_dict(), len(runs))

client = MlflowClient()
experiment = client.get_experiment_by_name("cellar")
(best,) = client.search_runs(
    experiment_ids=[experiment.experiment_id],
    filter_string="attributes.status = 'FINISHED' and params.C != '7'",
    run_view_type=ViewType.ACTIVE_ONLY,
    order_by=["metrics.f1 DESC", "start_time ASC"],
    max_results=1,
)
assert best.info.run_id == runs.iloc[0]["run_id"]
again = mlflow.sklearn.load_model(f"runs:/{best.info.run_id}/pipeline")
assert accuracy_score(held_out_kind, again.predict(held_out)) == best.data.metrics["accuracy"]

held_out.to_csv("new_bottles.csv", index=False)


def score(path):
    import pandas as pd

    scorer = mlflow.pyfunc.load_model(model_uri=f"runs:/{best.info.run_id}/pipeline")
    rows = pd.read_csv(path)
    rows["kind"] = scorer.predict(rows)
    return rows


score("new_bottles.csv").to_csv("kinds.csv", index=False)

try:
    mlflow.sklearn.load_model("runs:/0123456789abcdef0123456789abcdef/pipeline")
except MlflowException as error:
    print(error.error_code)
try:
    scorer = mlflow.pyfunc.load_model(f"runs:/{best.info.run_id}/pipeline")
    scorer.predict(held_out.drop(columns="hue"))
except MlflowException as error:
    print("hue" in str(error))
