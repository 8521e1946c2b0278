"""Names that code of other years imports, from inside MLflow as well: they lead to what is there today."""

import json
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import nbtrack
from nbtrack.core.errors import InvalidValueError, MissingFileError, NotFoundError

FRAME = pd.DataFrame({"low": [0.1, 0.2, 0.3, 0.4], "high": [1.5, 2.0, 4.0, 4.5]})
KIND = [0, 0, 1, 1]


@pytest.fixture
def model() -> LogisticRegression:
    return LogisticRegression().fit(FRAME, KIND)


def test_a_version_is_registered_from_where_a_runs_artifact_lies(
    mlflow: ModuleType, model: LogisticRegression
) -> None:
    from mlflow.store.artifact.runs_artifact_repo import RunsArtifactRepository
    from mlflow.tracking.artifact_utils import _download_artifact_from_uri, get_artifact_uri

    client = mlflow.MlflowClient()
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(model, "models/of mine")
        mlflow.log_text("two", "notes/1.txt")
    uri = f"runs:/{run.info.run_id}"

    source = RunsArtifactRepository.get_underlying_uri(f"{uri}/models/of mine")
    client.create_registered_model("waters")
    client.create_model_version("waters", source, run.info.run_id)

    assert source == f"{run.info.artifact_uri}/models/of%20mine"
    assert get_artifact_uri(run.info.run_uuid, "models/of mine") == source
    assert get_artifact_uri(run.info.run_id, tracking_uri=mlflow.get_tracking_uri()) == run.info.artifact_uri
    assert mlflow.pyfunc.load_model("models:/waters/1").predict(FRAME).tolist() == KIND
    assert Path(_download_artifact_from_uri(f"{uri}/notes/1.txt")).read_text() == "two"
    assert Path(_download_artifact_from_uri(f"{uri}/notes", "here")).joinpath("1.txt").is_file()
    with pytest.raises(InvalidValueError, match="no URI of a run"):
        RunsArtifactRepository.get_underlying_uri("models:/waters/1")
    with pytest.raises(NotFoundError, match="No run"):
        get_artifact_uri("0" * 32)


@pytest.mark.parametrize(
    ("framework", "options", "expected"),
    [
        ("sklearn", {}, ["scikit-learn"]),
        (
            "sklearn",
            {"include_cloudpickle": True, "include_skops": True},
            ["cloudpickle", "scikit-learn", "skops"],
        ),
        ("lightgbm", {"include_cloudpickle": True}, ["cloudpickle", "lightgbm"]),
        ("tensorflow", {"include_cloudpickle": True}, ["cloudpickle", "keras"]),
        ("keras", {}, ["keras"]),
        ("pytorch", {}, ["cloudpickle", "torch"]),
        ("pyfunc", {}, ["cloudpickle"]),
    ],
)
def test_what_a_framework_needs(
    mlflow: ModuleType, framework: str, options: dict[str, bool], expected: list[str]
) -> None:
    module = getattr(mlflow, framework)

    lines = module.get_default_pip_requirements(**options)

    assert [line.partition("==")[0] for line in lines] == expected
    assert all(line.partition("==")[2] for line in lines)
    assert module.get_default_conda_env(**options)["dependencies"][-1] == {"pip": lines}


def test_an_environment_is_made_from_what_the_framework_needs(
    mlflow: ModuleType, model: LogisticRegression
) -> None:
    environment = mlflow.sklearn.get_default_conda_env()
    environment["dependencies"][-1]["pip"].append("tides>=2")

    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(model, "model", conda_env=environment)

    (needed,) = Path(nbtrack.pyfunc.get_model_dependencies(f"runs:/{run.info.run_id}/model")).parent.glob(
        "req*"
    )
    assert needed.read_text().splitlines()[-1] == "tides>=2"
    assert (
        mlflow.sklearn.get_default_conda_env()["dependencies"][-1]["pip"] != needed.read_text().splitlines()
    )


def test_a_model_is_asked_as_a_server_would_be(mlflow: ModuleType, model: LogisticRegression) -> None:
    from mlflow.models import convert_input_example_to_serving_input, validate_serving_input

    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            model, "model", signature=mlflow.models.infer_signature(FRAME, KIND), input_example=FRAME
        )
    body = convert_input_example_to_serving_input(FRAME)

    assert validate_serving_input(info.model_uri, body).tolist() == KIND
    assert validate_serving_input(info.model_uri, json.loads(body)).tolist() == KIND
    with pytest.raises(InvalidValueError, match="it lacks 'high'"):
        validate_serving_input(info.model_uri, {"dataframe_records": [{"low": 1.0}]})
    with pytest.raises(InvalidValueError, match="should have one of"):
        validate_serving_input(info.model_uri, {"rows": []})


def test_logging_in_the_background_is_asked_for_in_one_place(mlflow: ModuleType) -> None:
    mlflow.config.enable_async_logging()
    mlflow.config.set_tracking_uri("elsewhere")
    with mlflow.start_run() as run:
        mlflow.log_metric("height", 2.5, synchronous=False).wait()
    mlflow.config.enable_async_logging(False)

    assert mlflow.config.get_tracking_uri().endswith("elsewhere")
    assert mlflow.get_run(run.info.run_id).data.metrics == {"height": 2.5}


def test_a_model_file_is_not_read_by_the_uri_of_a_run(mlflow: ModuleType) -> None:
    with pytest.raises(MissingFileError, match=r"nbtrack\.models\.get_model_info takes that URI"):
        mlflow.models.Model.load(f"runs:/{'0' * 32}/model")
