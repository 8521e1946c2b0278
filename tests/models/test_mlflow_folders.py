"""Folders that MLflow 2.22 and 3.17 wrote (`mlflow_folders/make_folders.py`), read by nbtrack."""

import json
import math
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import nbtrack
from nbtrack.core.errors import InvalidValueError, UntrustedModelError
from nbtrack.models.flavors.known import FLAVORS
from nbtrack.models.mlmodel import Model
from nbtrack.models.requirements import read_requirements
from nbtrack.models.safety.pickles import inspect
from tests.models.mlflow_folders.values import described, plain, revived

FOLDERS = Path(__file__).parent / "mlflow_folders"
CASES = sorted(str(path.parent.relative_to(FOLDERS)) for path in FOLDERS.glob("*/*/expected.json"))
EXPECTED = {case: json.loads((FOLDERS / case / "expected.json").read_text()) for case in CASES}
FLAVOR = {case: (EXPECTED[case]["flavor"] or "").replace("python_function", "python") for case in CASES}
MODELS = [case for case in CASES if FLAVOR[case] in FLAVORS]
"""All but state dicts, which are no models."""
NEEDING_TRUST = [
    case
    for case in MODELS
    if EXPECTED[case]["pickles"] or EXPECTED[case]["runs"] or FLAVOR[case] in ("xgboost", "lightgbm")
]
"""Those that run code, and those whose readers trust what they read."""
PYTHON = ".".join(map(str, sys.version_info[:2]))

# The packages of these folders are those of one day.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*was made with other packages than are installed"),
    pytest.mark.filterwarnings("ignore:Trying to unpickle estimator"),
    # Keras asks tensors of PyTorch in a way that numpy 2 will not take.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


def folder_of(case: str) -> Path:
    return FOLDERS / case / "model"


def is_code_of_another_python(case: str) -> bool:
    """Whether a folder holds compiled code that only the Python that wrote it can run."""
    holds = EXPECTED[case]["pickles"].values()
    return EXPECTED[case]["python"] != PYTHON and any("by value" in what for what in holds)


def assert_same(found: Any, wanted: Any) -> None:
    """Values as they were described; numbers as near as float32 holds them."""
    match wanted:
        case dict():
            assert isinstance(found, dict)
            assert list(found) == list(wanted)
            for key, value in wanted.items():
                assert_same(found[key], value)
        case list():
            assert isinstance(found, list)
            assert len(found) == len(wanted)
            for one, other in zip(found, wanted, strict=True):
                assert_same(one, other)
        case float() if math.isnan(wanted):
            assert found is None or math.isnan(found)
        case float():
            assert found == pytest.approx(wanted, rel=1e-5)
        case _:
            assert found == wanted


@pytest.mark.parametrize("case", [case for case in MODELS if not is_code_of_another_python(case)])
def test_a_folder_of_mlflow_predicts_what_it_predicted_there(case: str) -> None:
    model = nbtrack.pyfunc.load_model(folder_of(case), trust=case in NEEDING_TRUST)

    for once in EXPECTED[case]["predictions"]:
        predictions = model.predict(revived(once["input"]), params=once["params"])
        assert_same(described(predictions), once["output"])


@pytest.mark.parametrize("case", [case for case in MODELS if EXPECTED[case]["flavor"] != "python_function"])
def test_a_folder_of_mlflow_loads_as_what_it_was(case: str) -> None:
    flavor = EXPECTED[case]["flavor"]
    predict_function = Model.load(folder_of(case)).flavors["python_function"].get("predict_fn", "predict")

    model = getattr(nbtrack, flavor).load_model(folder_of(case), trust=case in NEEDING_TRUST)

    for once in EXPECTED[case]["predictions"]:
        predictions = answer(model, revived(once["input"]), predict_function)
        assert_same(plain(np.asarray(predictions).tolist()), plain(revived(once["output"]).tolist()))


def answer(model: Any, data: Any, predict_function: str) -> Any:
    """What a model of a framework says by itself."""
    import torch
    import xgboost

    if isinstance(model, xgboost.Booster):
        return model.predict(xgboost.DMatrix(data))
    if hasattr(model, predict_function):
        return getattr(model, predict_function)(data)
    with torch.no_grad():
        return model(torch.from_numpy(data)).numpy()


@pytest.mark.parametrize("case", [case for case in CASES if "state_dict" in case and "pytorch" in FLAVORS])
def test_a_state_dict_of_mlflow_loads_without_trust(case: str) -> None:
    state = nbtrack.pytorch.load_state_dict(folder_of(case))

    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == {
        "0.weight": (3, 2),
        "0.bias": (3,),
        "2.weight": (1, 3),
        "2.bias": (1,),
    }


@pytest.mark.parametrize("case", NEEDING_TRUST)
def test_a_folder_that_could_harm_is_refused_and_says_how_to_trust_it(case: str) -> None:
    modules = set(sys.modules)

    with pytest.raises(
        UntrustedModelError, match=r"trust=True(?s:.)*nbtrack trust|nbtrack trust(?s:.)*trust=True"
    ):
        nbtrack.pyfunc.load_model(folder_of(case))

    assert not [name for name in set(sys.modules) - modules if name.startswith("flower_code")]


@pytest.mark.parametrize(
    "case", [case for case in NEEDING_TRUST if "by value" in " ".join(EXPECTED[case]["pickles"].values())]
)
def test_code_compiled_by_another_python_is_refused_with_both_versions(case: str, tmp_path: Path) -> None:
    folder = shutil.copytree(folder_of(case), tmp_path / "model")
    mlmodel = folder / "MLmodel"
    mlmodel.write_text(re.sub(r"python_version: [\d.]+", "python_version: 3.9.2", mlmodel.read_text()))

    with pytest.raises(InvalidValueError, match=r"3\.9") as refused:
        nbtrack.pyfunc.load_model(folder, trust=True)

    assert PYTHON in str(refused.value)


@pytest.mark.parametrize("case", MODELS)
def test_what_a_folder_says_of_itself_is_read_and_written_again_as_it_was(case: str) -> None:
    said = yaml.safe_load((folder_of(case) / "MLmodel").read_text())

    model = Model.load(folder_of(case))

    again = model.to_dict()
    assert {key: value for key, value in again.items() if value is not None} == {
        key: value for key, value in said.items() if value is not None
    }
    assert model.mlflow_version == EXPECTED[case]["mlflow"]


@pytest.mark.parametrize("case", MODELS)
def test_the_signature_of_a_folder_is_that_of_its_file(case: str) -> None:
    said = yaml.safe_load((folder_of(case) / "MLmodel").read_text()).get("signature")

    signature = Model.load(folder_of(case)).signature

    if said is None:
        assert signature is None
    else:
        own = signature.to_dict()
        for part in ("inputs", "outputs", "params"):
            assert (said[part] is None) == (own[part] is None)
            assert said[part] is None or json.loads(own[part]) == json.loads(said[part])


@pytest.mark.parametrize(
    "case", [case for case in MODELS if (folder_of(case) / "input_example.json").exists()]
)
def test_the_input_example_of_a_folder_predicts(case: str) -> None:
    model = nbtrack.pyfunc.load_model(folder_of(case), trust=case in NEEDING_TRUST)

    example = model.input_example

    assert example is not None
    assert len(model.predict(example)) >= 1


@pytest.mark.parametrize("case", MODELS)
def test_the_requirements_of_a_folder_are_its_lines(case: str) -> None:
    lines = (folder_of(case) / "requirements.txt").read_text().split("\n")

    assert read_requirements(folder_of(case)) == lines


MAY_BE_IMPORTED = {
    "__builtin__": "set",
    "builtins": "dict list str type",
    "cloudpickle.cloudpickle": "_builtin_type _class_setstate _function_setstate _make_cell _make_empty_cell "
    "_make_function _make_skeleton_class subimport",
    "collections": "OrderedDict defaultdict",
    "flower_code.hinted": "Greeting Person",
    "flower_code.models": "Scale",
    "flower_code.networks": "Doubling",
    "lightgbm.basic": "Booster",
    "lightgbm.sklearn": "LGBMClassifier",
    "mlflow.exceptions": "MlflowException",
    "mlflow.models.signature": "_TypeHints",
    "mlflow.pyfunc.model": "PythonModel _FunctionPythonModel",
    "mlflow.pyfunc.utils.data_validation": "FuncInfo _validate_model_input",
    "numpy": "dtype ndarray",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy._core.numeric": "_frombuffer",
    "pathlib": "Path",
    "sklearn.linear_model._base": "LinearRegression",
    "sklearn.linear_model._logistic": "LogisticRegression",
    "sklearn.pipeline": "Pipeline",
    "sklearn.preprocessing._data": "StandardScaler",
    "sklearn.preprocessing._label": "LabelEncoder",
    "torch": "FloatStorage",
    "torch._utils": "_rebuild_parameter _rebuild_tensor_v2",
    "torch.nn.modules.activation": "ReLU",
    "torch.nn.modules.container": "Sequential",
    "torch.nn.modules.linear": "Linear",
}


@pytest.mark.parametrize("case", CASES)
def test_the_pickles_of_a_folder_are_told_beside_it_and_import_what_they_may(case: str) -> None:
    allowed = {f"{module}.{name}" for module, names in MAY_BE_IMPORTED.items() for name in names.split()}
    files = [path for path in folder_of(case).rglob("*") if path.is_file()]

    reports = {path.relative_to(folder_of(case)).as_posix(): inspect(path) for path in files}

    found = {name: report for name, report in reports.items() if report is not None}
    assert found.keys() == EXPECTED[case]["pickles"].keys()
    assert all(report.complete for report in found.values())
    assert {name for report in found.values() for name in report.imports} <= allowed


def test_the_folders_are_small_and_name_no_machine() -> None:
    files = [path for path in FOLDERS.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    contents = [path.read_bytes() for path in files]

    assert len(CASES) >= 54
    assert sum(map(len, contents)) < 1_500_000
    paths = {match for content in contents for match in re.findall(rb"/(?:tmp|root|home)/[\w/]*", content)}
    assert {path.split(b"/")[2] for path in paths} == {b"ada"}
