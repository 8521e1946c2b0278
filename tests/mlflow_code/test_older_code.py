"""Names that code of other years imports, from inside MLflow as well: they lead to what is there today."""

import json
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import nbtrack
from nbtrack.core.errors import InvalidStateError, InvalidTypeError, InvalidValueError, NotFoundError

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


def test_a_model_file_is_read_by_whatever_a_model_is_called(
    mlflow: ModuleType, model: LogisticRegression, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mlflow.models import Model

    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, "model", registered_model_name="waters")
    mlflow.MlflowClient().set_registered_model_alias("waters", "champion", 1)
    monkeypatch.chdir(tmp_path)
    run_uri = f"runs:/{run.info.run_id}/model"

    for uri in (
        *(run_uri, f"{run_uri}/MLmodel", f"models:/{info.model_id}", info.model_uri),
        *("models:/waters/1", "models:/waters/1/MLmodel", "models:/waters@champion"),
        *(f"{run.info.artifact_uri}/model/MLmodel", f"{run.info.artifact_uri}/model"),
    ):
        read = Model.load(uri)
        assert isinstance(read, Model)
        assert (read.model_id, read.run_id) == (info.model_id, run.info.run_id)
    with pytest.raises(NotFoundError, match="No run"):
        Model.load(f"runs:/{'0' * 32}/model")
    with pytest.raises(NotFoundError, match="waters"):
        Model.load("models:/waters/2")


def test_a_folder_that_is_called_like_a_uri_is_a_folder(
    mlflow: ModuleType, model: LogisticRegression, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    mlflow.sklearn.save_model(model, tmp_path / "models:" / "waters" / "1")

    assert "sklearn" in mlflow.models.Model.load("models:/waters/1").flavors


def test_a_model_is_logged_by_the_module_of_its_framework(
    mlflow: ModuleType, model: LogisticRegression
) -> None:
    from mlflow.models import Model

    info = Model.log("model", flavor=mlflow.sklearn, sk_model=model, registered_model_name="waters")
    mlflow.end_run()
    with mlflow.start_run() as run:
        named = Model.log(
            name="other", flavor=nbtrack.sklearn, sk_model=model, metadata={"team": "sea"}, run_id=info.run_id
        )

    assert mlflow.sklearn.load_model("models:/waters/1").predict(FRAME).tolist() == KIND
    assert (named.run_id, named.name, named.model.metadata) == (info.run_id, "other", {"team": "sea"})
    assert run.info.run_id != info.run_id


def test_a_flavor_of_somebodys_own_is_named(mlflow: ModuleType) -> None:
    own = ModuleType("nbtrack_waters")

    for flavor in (own, None, "sklearn", mlflow.models):
        with pytest.raises(InvalidTypeError, match=r"log a model of another kind|pyfunc\.log_model"):
            mlflow.models.Model.log("model", flavor=flavor, sk_model=1)


@pytest.mark.parametrize(
    ("module", "flavor"),
    [
        ("keras", "keras"),
        ("lightgbm", "lightgbm"),
        ("pyfunc", "python_function"),
        ("pytorch", "pytorch"),
        ("sklearn", "sklearn"),
        ("tensorflow", "tensorflow"),
        ("xgboost", "xgboost"),
    ],
)
def test_a_framework_module_says_how_its_flavor_is_called(
    mlflow: ModuleType, module: str, flavor: str
) -> None:
    assert flavor == getattr(mlflow, module).FLAVOR_NAME


def test_a_model_knows_its_flavor_by_the_name_of_the_module(
    mlflow: ModuleType, model: LogisticRegression
) -> None:
    mlflow.sklearn.save_model(model, "here")

    flavors = mlflow.models.Model.load("here").flavors

    assert set(flavors) == {mlflow.sklearn.FLAVOR_NAME, mlflow.pyfunc.FLAVOR_NAME}


def test_an_environment_is_made_of_parts(mlflow: ModuleType, model: LogisticRegression) -> None:
    from mlflow.utils.environment import _mlflow_conda_env

    pip = ["tides>=2"]
    environment = _mlflow_conda_env(
        additional_conda_deps=["gdal"], additional_pip_deps=pip, additional_conda_channels=["waters"]
    )
    written = _mlflow_conda_env(path="conda.yaml", additional_pip_deps=pip, install_mlflow=False)
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(model, "model", conda_env=environment)
        mlflow.sklearn.log_model(model, "other", conda_env="conda.yaml")

    assert environment["channels"] == ["conda-forge", "waters"]
    assert environment["dependencies"][1:] == ["pip", "gdal", {"pip": pip}]
    assert written is None
    assert pip == ["tides>=2"]
    for name in ("model", "other"):
        needed = mlflow.pyfunc.get_model_dependencies(f"runs:/{run.info.run_id}/{name}")
        assert "tides>=2" in Path(needed).read_text().splitlines()


def test_a_temporary_folder_is_there_inside_of_with(mlflow: ModuleType) -> None:
    from mlflow.utils.file_utils import TempDir

    here = Path.cwd()
    with TempDir() as folder:
        Path(folder.path("1.txt")).write_text("one")
        assert Path(folder.path()).is_absolute()
        assert Path.cwd() == here
        assert Path(folder.path("1.txt")).is_file()
    with suppress(KeyError), TempDir(chdr=True) as changed:
        inside = Path.cwd()
        Path(changed.path("a.txt")).write_text("two")
        assert (inside / "a.txt").read_text() == "two"
        raise KeyError
    with TempDir(remove_on_exit=False) as kept:
        pass

    assert Path.cwd() == here
    assert not Path(folder.path()).exists()
    assert not inside.exists()
    Path(kept.path()).rmdir()
    with pytest.raises(InvalidStateError, match="has no folder yet"):
        TempDir().path("a")


def test_models_are_asked_by_the_inner_names_of_mlflow(mlflow: ModuleType, model: LogisticRegression) -> None:
    from mlflow.environment_variables import MLFLOW_ENABLE_ASYNC_LOGGING
    from mlflow.models.python_api import predict
    from mlflow.models.utils import validate_schema

    assert MLFLOW_ENABLE_ASYNC_LOGGING.get() is False
    assert predict is mlflow.models.predict
    assert validate_schema is mlflow.models.validate_schema


def test_an_argument_that_is_missing_is_told_of_the_function_that_was_called(mlflow: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"^log_param\(\) missing 1 required positional argument: 'value'"):
        mlflow.log_param("height")
    with pytest.raises(TypeError, match=r"^register_model\(\) "):
        nbtrack.register_model()
    with pytest.raises(TypeError, match=r"^log_metric\(\) "):
        nbtrack.Tracker().log_metric()
