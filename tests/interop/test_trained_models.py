"""Models of frameworks: what nbtrack saves MLflow loads, and the other way round."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

import nbtrack
from nbtrack.core.errors import UntrustedModelError
from nbtrack.models.mlmodel import Model
from tests.interop.models import TRAINED, trained

pytestmark = pytest.mark.parametrize("name", list(TRAINED))


@pytest.fixture
def of_nbtrack(name: str) -> Path:
    """A model that nbtrack logged in a run."""
    case = TRAINED[name]
    with nbtrack.start_run():
        info = getattr(nbtrack, case.flavor).log_model(
            trained(name), name="flowers", input_example=case.data, params={"depth": 3}, **case.options
        )
    return Path(info.folder)


@pytest.fixture
def of_mlflow(name: str, tmp_path: Path) -> Path:
    """A model that MLflow saved."""
    case = TRAINED[name]
    options: dict[str, Any] = {"pip_requirements": ["numpy"], "input_example": case.data}
    if case.flavor == "sklearn" or name == "lightgbm classifier":
        options["serialization_format"] = "cloudpickle"
    elif case.flavor == "keras":
        # MLflow writes an input example of Keras into a folder that it has not made yet.
        del options["input_example"]
        predictions = case.answers(trained(name), case.data)
        options["signature"] = mlflow.models.infer_signature(case.data, predictions)
    module_of_mlflow(name).save_model(trained(name), str(tmp_path / "flowers"), **(options | case.options))
    return tmp_path / "flowers"


def module_of_mlflow(name: str) -> Any:
    return import_module(f"mlflow.{TRAINED[name].flavor}")


def module_of_nbtrack(name: str) -> Any:
    return getattr(nbtrack, TRAINED[name].flavor)


def assert_predicts_the_same(predictions: Any, name: str) -> None:
    case = TRAINED[name]
    own = np.asarray(case.answers(trained(name), case.data))
    found = np.asarray(predictions)
    assert found.shape == own.shape
    np.testing.assert_allclose(found, own, rtol=1e-6)


def test_mlflow_predicts_with_a_model_of_nbtrack(name: str, of_nbtrack: Path) -> None:
    model = mlflow.pyfunc.load_model(str(of_nbtrack))

    assert_predicts_the_same(model.predict(TRAINED[name].data), name)


def test_mlflow_loads_a_model_of_nbtrack_as_what_it_was(name: str, of_nbtrack: Path) -> None:
    model = module_of_mlflow(name).load_model(str(of_nbtrack))

    assert_predicts_the_same(TRAINED[name].answers(model, TRAINED[name].data), name)


def test_mlflow_reads_what_a_folder_of_nbtrack_says_of_itself(name: str, of_nbtrack: Path) -> None:
    own = Model.load(of_nbtrack)

    read = mlflow.models.Model.load(str(of_nbtrack))

    assert {TRAINED[name].flavor, "python_function"} == set(read.flavors) == set(own.flavors)
    assert read.signature.to_dict() == own.signature.to_dict()
    assert read.run_id == own.run_id
    example = read.load_input_example(str(of_nbtrack))
    np.testing.assert_allclose(np.asarray(example), np.asarray(TRAINED[name].data))
    assert read.get_serving_input(str(of_nbtrack))


def test_mlflow_says_what_is_known_of_a_folder_of_nbtrack(name: str, tmp_path: Path) -> None:
    case = TRAINED[name]
    folder = tmp_path / "model"
    module_of_nbtrack(name).save_model(trained(name), folder, input_example=case.data, **case.options)

    # Of a model that was logged, MLflow would ask its own store, which has no such model id.
    info = mlflow.models.get_model_info(str(folder))

    assert set(info.flavors) == {case.flavor, "python_function"}
    assert info.signature.to_dict() == Model.load(folder).signature.to_dict()
    assert info.saved_input_example_info == Model.load(folder).saved_input_example_info


def test_the_inferred_signature_is_the_one_that_mlflow_infers(
    name: str, of_nbtrack: Path, of_mlflow: Path
) -> None:
    own, theirs = (mlflow.models.Model.load(str(folder)).signature for folder in (of_nbtrack, of_mlflow))

    assert own.inputs == theirs.inputs
    # MLflow asks predict() for it, whatever pyfunc_predict_fn says.
    assert own.outputs == theirs.outputs or name == "sklearn predict_proba"


def test_mlflow_reads_the_requirements_of_nbtrack(name: str, of_nbtrack: Path) -> None:
    lines = mlflow.pyfunc.get_model_dependencies(str(of_nbtrack))

    packages = {"sklearn": "scikit-learn", "pytorch": "torch", "xgboost": "xgboost(-cpu)?"}
    flavor = TRAINED[name].flavor
    assert re.search(rf"^{packages.get(flavor, flavor)}==\d", Path(lines).read_text(), re.MULTILINE)


def test_nbtrack_predicts_with_a_model_of_mlflow(name: str, of_mlflow: Path) -> None:
    model = nbtrack.pyfunc.load_model(of_mlflow, trust=True)

    assert_predicts_the_same(model.predict(TRAINED[name].data), name)


def test_nbtrack_loads_a_model_of_mlflow_as_what_it_was(name: str, of_mlflow: Path) -> None:
    model = module_of_nbtrack(name).load_model(of_mlflow, trust=True)

    assert_predicts_the_same(TRAINED[name].answers(model, TRAINED[name].data), name)


def test_what_could_harm_is_refused_from_mlflow_and_not_from_nbtrack(
    name: str, of_nbtrack: Path, of_mlflow: Path
) -> None:
    assert nbtrack.pyfunc.load_model(of_nbtrack) is not None

    runs_code = list(of_mlflow.rglob("*.pkl")) or list(of_mlflow.rglob("*.pth"))
    if runs_code or TRAINED[name].flavor in ("xgboost", "lightgbm"):
        with pytest.raises(UntrustedModelError):
            nbtrack.pyfunc.load_model(of_mlflow)
