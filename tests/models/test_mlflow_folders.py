"""Folders that MLflow 2.22 and 3.17 wrote (`mlflow_folders/make_folders.py`)."""

import json
import re
from pathlib import Path

import pytest

from nbtrack.models.pickles import inspect

FOLDERS = Path(__file__).parent / "mlflow_folders"
CASES = sorted(str(path.parent.relative_to(FOLDERS)) for path in FOLDERS.glob("*/*/expected.json"))
EXPECTED = {case: json.loads((FOLDERS / case / "expected.json").read_text()) for case in CASES}


def folder_of(case: str) -> Path:
    return FOLDERS / case / "model"


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
