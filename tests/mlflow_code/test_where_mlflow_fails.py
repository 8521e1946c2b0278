"""What people write in good faith, on which MLflow 3.17 itself fails or does something else."""

import json
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import nbtrack
from nbtrack.cli import main

FRAME = pd.DataFrame({"low": [0.1, 0.2, 0.3, 0.4], "high": [1.5, 2.0, 4.0, 4.5]})
KIND = [0, 0, 1, 1]


@pytest.fixture
def model() -> LogisticRegression:
    return LogisticRegression().fit(FRAME, KIND)


def paths_of(mlflow: ModuleType, run_id: str, path: str | None = None) -> list[str]:
    return [found.path for found in mlflow.MlflowClient().list_artifacts(run_id, path)]


def test_a_module_of_pytorch_needs_no_input_example(mlflow: ModuleType) -> None:
    net = torch.nn.Linear(2, 1)

    with mlflow.start_run() as run:
        mlflow.pytorch.log_model(net, "net")

    assert "net/data/model.pth" in paths_of(mlflow, run.info.run_id, "net/data")
    again = mlflow.pytorch.load_model(f"runs:/{run.info.run_id}/net")
    assert torch.equal(again.weight, net.weight)


def test_a_pipeline_may_hold_a_lambda(mlflow: ModuleType) -> None:
    pipeline = make_pipeline(FunctionTransformer(lambda table: table * 2), LogisticRegression()).fit(
        FRAME, KIND
    )

    with mlflow.start_run():
        info = mlflow.sklearn.log_model(pipeline, "pipeline")

    assert mlflow.pyfunc.load_model(info.model_uri).predict(FRAME).tolist() == KIND


@pytest.mark.parametrize("kind", ["sklearn", "pytorch", "pyfunc"])
def test_log_model_of_the_top_finds_out_what_it_is_given(
    mlflow: ModuleType, model: LogisticRegression, kind: str
) -> None:
    class Same(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined, misc]
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return model_input

    given: Any = {"sklearn": model, "pytorch": torch.nn.Linear(2, 1), "pyfunc": Same()}[kind]

    with mlflow.start_run() as run:
        mlflow.log_model(given, "models/any")

    found = mlflow.models.get_model_info(f"runs:/{run.info.run_id}/models/any")
    assert ("python_function" if kind == "pyfunc" else kind) in found.flavors


@pytest.mark.parametrize("given", [("artifacts/of/mine", {}), (None, {"name": "artifacts/of/mine"})])
def test_a_name_may_hold_slashes(
    mlflow: ModuleType, model: LogisticRegression, given: tuple[str | None, dict[str, str]]
) -> None:
    path, options = given

    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(model, path, **options)

    # Where MLflow 2 had it: among the artifacts of the run.
    assert "artifacts/of/mine/MLmodel" in paths_of(mlflow, run.info.run_id, "artifacts/of/mine")
    loaded = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/artifacts/of/mine")
    assert loaded.predict(FRAME).tolist() == KIND


def test_artifact_path_and_name_are_one_thing_by_two_names(
    mlflow: ModuleType, model: LogisticRegression
) -> None:
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(model, artifact_path="by_path")
        mlflow.sklearn.log_model(model, name="by_name")
        with pytest.raises(mlflow.exceptions.MlflowException, match="name is 'b', and artifact_path 'a'"):
            mlflow.sklearn.log_model(model, artifact_path="a", name="b")

    assert paths_of(mlflow, run.info.run_id) == ["by_name", "by_path"]


def test_a_table_of_columns_and_rows_apart_has_its_rows(mlflow: ModuleType) -> None:
    with mlflow.start_run():
        mlflow.log_table(
            data={"columns": ["kind", "low", "high"], "data": [["a", 1, 2], ["b", 3, 4]]},
            artifact_file="t.json",
        )

    table = mlflow.load_table("t.json")
    assert table.to_dict("list") == {"kind": ["a", "b"], "low": [1, 3], "high": [2, 4]}


@pytest.mark.parametrize(
    "uri", ["./mlruns", "mlruns", "file:./mlruns", "file://{here}/mlruns", Path("mlruns")]
)
def test_runs_go_to_an_mlruns_folder(mlflow: ModuleType, uri: str | Path) -> None:
    mlflow.set_tracking_uri(uri.format(here=Path.cwd()) if isinstance(uri, str) else uri)

    with mlflow.start_run() as run:
        mlflow.log_metric("height", 2.5)

    assert mlflow.get_run(run.info.run_id).data.metrics == {"height": 2.5}
    said = uri.format(here=Path.cwd()) if isinstance(uri, str) else str(uri)
    is_path = not said.startswith("file:")
    assert mlflow.get_tracking_uri() == (str(Path("mlruns").absolute()) if is_path else said)
    assert Path("mlruns", "documents.db").exists()


def test_runs_go_beside_an_mlruns_folder_that_mlflow_made(mlflow: ModuleType) -> None:
    Path("mlruns/0").mkdir(parents=True)
    Path("mlruns/0/meta.yaml").write_text("name: Default\n")

    with pytest.warns(UserWarning, match=r"mlruns is MLflow's, and is left as it is.*mlruns\.nbtrack"):
        mlflow.set_tracking_uri("file:./mlruns")
    with mlflow.start_run() as run:
        pass

    assert mlflow.get_run(run.info.run_id).info.status == "FINISHED"
    assert [path.name for path in Path("mlruns").rglob("*")] == ["0", "meta.yaml"]


def test_stages_are_no_reason_for_a_warning(mlflow: ModuleType, model: LogisticRegression) -> None:
    client = mlflow.MlflowClient()
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, "model", registered_model_name="waters")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client.transition_model_version_stage("waters", 1, "Production")
        (found,) = client.get_latest_versions("waters", stages=["Production"])
        loaded = mlflow.pyfunc.load_model("models:/waters/Production")

    assert (found.version, found.current_stage) == (1, "Production")
    assert loaded.predict(FRAME).tolist() == KIND


@pytest.mark.parametrize("version", [1, "1"])
def test_an_alias_may_be_named_as_a_stage_is(
    mlflow: ModuleType, model: LogisticRegression, version: int | str
) -> None:
    client = mlflow.MlflowClient()
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, "model", registered_model_name="waters")

    client.set_registered_model_alias("waters", "production", version=version)

    assert client.get_model_version_by_alias("waters", "production").version == 1
    assert mlflow.pyfunc.load_model("models:/waters@production").predict(FRAME).tolist() == KIND


def test_rows_without_names_are_taken_by_place(
    mlflow: ModuleType, model: LogisticRegression, capsys: pytest.CaptureFixture[str]
) -> None:
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            model, "model", signature=mlflow.models.infer_signature(FRAME, model.predict(FRAME))
        )
    loaded = mlflow.pyfunc.load_model(info.model_uri)

    assert loaded.predict([[0.1, 1.5], [0.4, 4.5]]).tolist() == [0, 1]
    assert loaded.predict(np.array([[0.4, 4.5]])).tolist() == [1]

    # What people send to a server, from a file.
    Path("body.json").write_text('{"inputs": [[0.1, 1.5], [0.4, 4.5]]}')
    options = ["-i", "body.json", "-t", "json", "--env-manager", "local"]
    main(["models", "predict", "-m", info.model_uri, *options], standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == {"predictions": [0, 1]}


def test_autolog_around_a_plain_loop_of_pytorch_keeps_what_the_loop_logs(mlflow: ModuleType) -> None:
    mlflow.pytorch.autolog(log_models=False)
    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    with mlflow.start_run() as run:
        loss = net(torch.ones(3, 2)).square().mean()
        loss.backward()
        optimizer.step()
        mlflow.log_metric("loss", loss.item())

    assert mlflow.get_run(run.info.run_id).data.metrics["loss"] == loss.item()


def test_metrics_that_were_imported_before_autolog_stay_what_they_are(mlflow: ModuleType) -> None:
    before = accuracy_score
    mlflow.sklearn.autolog(log_models=False)
    with mlflow.start_run():
        model = LogisticRegression().fit(FRAME, KIND)

    assert accuracy_score(KIND, model.predict(FRAME)) == 1.0
    assert accuracy_score is before


def test_an_experiment_is_meant_by_its_name_where_the_place_comes_later(mlflow: ModuleType) -> None:
    mlflow.set_experiment("moved")
    mlflow.set_tracking_uri("sqlite:///mlflow.db")

    with mlflow.start_run() as run:
        mlflow.log_param("kept", "in the second place")

    assert mlflow.get_experiment(run.info.experiment_id).name == "moved"
    assert nbtrack.Tracker(store="mlflow.nbtrack").get_run(run.info.run_id).data.params == {
        "kept": "in the second place"
    }


def test_the_modules_that_people_import_are_there(mlflow: ModuleType) -> None:
    import mlflow.pyfunc
    from mlflow.models.signature import ModelSignature, infer_signature
    from mlflow.tracking import MlflowClient
    from mlflow.types import DataType
    from mlflow.types.schema import ColSpec, Schema

    columns = Schema([ColSpec("double", "low"), ColSpec("double", "high")])

    assert infer_signature(FRAME) == ModelSignature(inputs=columns)
    assert columns.inputs[0].type is DataType.double
    assert MlflowClient is nbtrack.MlflowClient
    assert mlflow.pyfunc.PythonModel is nbtrack.pyfunc.PythonModel


def test_the_words_of_signatures_are_where_they_are_in_mlflow() -> None:
    signature, schema = import_module("nbtrack.models.signature"), import_module("nbtrack.types.schema")

    columns = schema.Schema([schema.ColSpec("long")])

    assert signature.ModelSignature(columns) == nbtrack.models.infer_signature([1])


def test_tags_need_not_be_text(mlflow: ModuleType) -> None:
    with mlflow.start_run(tags={"round": 1, "final": False, "rate": 0.5}) as run:
        pass

    tags = mlflow.get_run(run.info.run_id).data.tags
    assert {key: tags[key] for key in ("round", "final", "rate")} == {
        "round": "1",
        "final": "False",
        "rate": "0.5",
    }
