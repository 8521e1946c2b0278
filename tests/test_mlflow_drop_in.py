"""The drop-in: what `import mlflow` gives, what it does not have, how it is installed and taken out again."""

import json
from pathlib import Path

import pytest

from nbtrack.core.version import MLFLOW_VERSION
from nbtrack.mlflow_drop_in import MODULES
from tests.drop_in_programs import output_of, with_drop_in

HELD = json.loads(Path(__file__).with_name("mlflow_names.json").read_text())
NAMES: dict[str, list[str]] = HELD["names"]
"""Public names of MLflow's modules, as `record_mlflow_names.py` found them."""


@pytest.fixture
def their_mlflow(tmp_path: Path) -> Path:
    """A folder with a package `mlflow` that is not nbtrack's."""
    package = tmp_path / "site" / "mlflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = 'theirs'\n")
    (package / "onnx.py").write_text("")
    return package.parent


# ---- what there is -------------------------------------------------------------------------------


def test_every_module_of_the_table_imports_and_ours_stay_what_they_are() -> None:
    program = """
import sys
from importlib import import_module

for path, homes in drop_in.MODULES.items():
    module = import_module(path)
    assert module.__name__ == path and module is sys.modules[path]
    for home in homes.split():
        ours = import_module(home)
        assert ours is not module and ours.__name__ == ours.__spec__.name == home
    for name in module.__all__:
        assert getattr(module, name) is not None and name in dir(module), (path, name)
print(len(drop_in.MODULES))
"""
    assert with_drop_in(program) == f"{len(MODULES)}\n"


def test_a_module_has_the_names_of_mlflows_or_says_which_it_has_not() -> None:
    program = """
import json
from importlib import import_module

answers = {}
for module, names in NAMES.items():
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        answers[module] = str(error)
        continue
    for name in names:
        try:
            getattr(found, name)
        except AttributeError as error:
            answers[f"{module}.{name}"] = str(error)
            try:
                exec(f"from {module} import {name}")
            except ImportError as again:
                assert str(again) == str(error), again
        except ModuleNotFoundError as error:
            assert error.name in ("keras", "tensorflow"), error  # the name is there, they are not
print(json.dumps(answers))
"""
    absent: dict[str, str] = json.loads(with_drop_in(f"NAMES = {NAMES!r}\n{program}"))

    for name, said in absent.items():
        assert said.startswith("nbtrack, which answers for mlflow here, has no ")
        assert repr(name) in said
    # Those that people import; the rest is for language models, and MLflow's own machinery.
    for module, missing in {
        "mlflow.artifacts": "",
        "mlflow.client": "",
        "mlflow.lightgbm": "",
        "mlflow.models.signature": "",
        "mlflow.pytorch": "load_checkpoint",
        "mlflow.sklearn": "",
        "mlflow.system_metrics": "",
        "mlflow.tracking": "",
        "mlflow.tracking.client": "",
        "mlflow.types": "",
        "mlflow.xgboost": "",
    }.items():
        assert [name for name in NAMES[module] if f"{module}.{name}" in absent] == missing.split(), module
    assert {"mlflow.onnx", "mlflow.projects", "mlflow.transformers"} <= absent.keys()


def test_code_written_for_mlflow_finds_what_it_imports() -> None:
    program = """
import mlflow
import mlflow.pyfunc as python_function
import mlflow.sklearn, mlflow.tensorflow
from mlflow import MlflowClient, artifacts, log_metric
from mlflow.client import MlflowClient as again
from mlflow.data.pandas_dataset import PandasDataset
from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from mlflow.entities.model_registry.model_version_status import ModelVersionStatus
from mlflow.entities.view_type import ViewType as view_type
from mlflow.environment_variables import MLFLOW_TRACKING_URI
from mlflow.exceptions import ExecutionException, MlflowException, RestException
from mlflow.models import Model, ModelSignature, infer_signature, set_signature
from mlflow.models.signature import infer_signature as inferred
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.store.entities import PagedList
from mlflow.store.tracking import SEARCH_MAX_RESULTS_DEFAULT
from mlflow.tracking import MlflowClient as client, fluent, set_tracking_uri
from mlflow.tracking.context import registry
from mlflow.tracking.context.registry import resolve_tags
from mlflow.tracking.fluent import start_run
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array, Object, Property
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME
from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH
from mlflow.version import VERSION

assert MlflowClient is again is client and view_type is ViewType and start_run == mlflow.start_run
assert registry.resolve_tags is resolve_tags and inferred is infer_signature
assert ModelVersionStatus.from_string("READY") == ModelVersionStatus.READY
assert MLFLOW_RUN_NAME == "mlflow.runName" and MLFLOW_TRACKING_URI.get() is None
assert mlflow.sklearn.SERIALIZATION_FORMAT_SKOPS == "skops" and mlflow.data.from_numpy
assert mlflow.__version__ == VERSION
assert "tensorflow" not in __import__("sys").modules

with mlflow.start_run(tags=resolve_tags({"mlflow.runName": "first"})) as run:
    log_metric("loss", 0.5)
print(MlflowClient().get_run(run.info.run_id).info.run_name, mlflow.search_runs()["metrics.loss"].tolist())
"""
    assert with_drop_in(program) == "first [0.5]\n"


def test_importing_mlflow_loads_no_more_than_importing_nbtrack() -> None:
    program = """
import sys
import nbtrack.mlflow_drop_in as drop_in
before = set(sys.modules)
drop_in.install()
import mlflow, mlflow.sklearn, mlflow.pytorch, mlflow.models.signature, mlflow.tracking.fluent
from mlflow import entities, pyfunc
print(sorted(name for name in set(sys.modules) - before if not name.startswith("mlflow")))
"""
    assert output_of(program) == "[]\n"


def test_a_name_once_looked_up_costs_nothing_more() -> None:
    assert with_drop_in("import mlflow; mlflow.log_metric; print('log_metric' in vars(mlflow))") == "True\n"


# ---- what there is not ---------------------------------------------------------------------------


def test_what_is_absent_is_named_and_said_to_be_nbtracks_lack() -> None:
    who = "nbtrack, which answers for mlflow here, has no"
    later = "yet: docs/mlflow.md says what comes later"
    program = """
import mlflow
for line in (
    "mlflow.evaluate", "from mlflow import evaluate", "import mlflow.onnx", "from mlflow import onnx",
    "import mlflow.onnx.nested", "from mlflow.onnx import log_model", "mlflow.log_metrc",
    "from mlflow.sklearn import log_modl", "import mlflow.utils.promptlab", "mlflow.trace",
    "import mlflow.metrics.genai",
    "from mlflow.exceptions import Nothing",
):
    try:
        exec(line)
    except (AttributeError, ImportError) as error:
        print(type(error).__name__, error)
"""
    assert with_drop_in(program).splitlines() == [
        f"AttributeError {who} 'mlflow.evaluate' {later}",
        f"ImportError {who} 'mlflow.evaluate' {later}",
        f"ModuleNotFoundError {who} 'mlflow.onnx' {later}",
        f"ImportError {who} 'mlflow.onnx' {later}",
        f"ModuleNotFoundError {who} 'mlflow.onnx' {later}",
        f"ModuleNotFoundError {who} 'mlflow.onnx' {later}",
        f"AttributeError {who} 'mlflow.log_metrc'; did you mean 'log_metric'?",
        f"ImportError {who} 'mlflow.sklearn.log_modl'; did you mean 'log_model'?",
        f"ModuleNotFoundError {who} 'mlflow.utils.promptlab'; it has async_logging, environment, "
        "file_utils, mlflow_tags, validation",
        f"AttributeError {who} 'mlflow.trace': what MLflow has for language models is no part of nbtrack "
        "(docs/mlflow.md)",
        f"ModuleNotFoundError {who} 'mlflow.metrics' {later}",
        f"ImportError {who} 'mlflow.exceptions.Nothing'",
    ]


def test_who_asks_whether_a_module_is_there_is_told() -> None:
    program = """
from importlib.util import find_spec
print(find_spec("mlflow").name, find_spec("mlflow.sklearn").name, find_spec("mlflow.utils.promptlab"))
import mlflow
print(hasattr(mlflow, "evaluate"), hasattr(mlflow, "log_metric"), hasattr(mlflow.sklearn, "log_modl"))
print(hasattr(mlflow, "core"), hasattr(mlflow.utils.mlflow_tags, "system_tags"))
"""
    expected = "mlflow mlflow.sklearn None\nFalse True False\nFalse False\n"
    assert with_drop_in(program) == expected


# ---- what people do with modules -----------------------------------------------------------------


def test_a_star_gives_functions_and_no_modules_of_frameworks() -> None:
    program = """
from mlflow import *
print(callable(log_metric), callable(MlflowClient), "sklearn" in globals(), "lightning" in globals())
"""
    assert with_drop_in(program) == "True True False False\n"


def test_what_is_set_on_a_module_is_what_it_gives_until_it_is_loaded_again() -> None:
    program = """
import importlib
from unittest.mock import patch
import mlflow

original = mlflow.log_metric
with patch("mlflow.log_metric") as fake, patch("mlflow.sklearn.log_model") as log_model:
    mlflow.log_metric("a", 1)
    mlflow.sklearn.log_model("m")
    assert fake.call_count == log_model.call_count == 1
assert mlflow.log_metric == original and mlflow.sklearn.log_model.__module__ == "nbtrack.sklearn"
mlflow.log_metric, mlflow.mine, sklearn = len, 1, mlflow.sklearn
import nbtrack
assert mlflow.log_metric is len and nbtrack.log_metric == original
assert importlib.reload(mlflow) is mlflow
assert mlflow.log_metric == original and mlflow.mine == 1 and mlflow.sklearn is sklearn
print("good")
"""
    assert with_drop_in(program) == "good\n"


def test_modules_can_be_looked_into() -> None:
    program = """
import inspect, pickle, pkgutil
import mlflow, mlflow.entities

print(mlflow, inspect.ismodule(mlflow), mlflow.__package__)
print({"log_metric", "sklearn", "tracking", "MlflowClient", "__version__"} <= set(dir(mlflow)))
print({"client", "fluent", "MlflowClient"} <= set(dir(mlflow.tracking)))
print("system_tags" in dir(mlflow.utils.mlflow_tags))
print("trust" in inspect.signature(mlflow.sklearn.load_model).parameters)
print(len(inspect.getmembers(mlflow.entities)) > 20)
print(pkgutil.resolve_name("mlflow.tracking:MlflowClient") is mlflow.MlflowClient)
metric = mlflow.entities.Metric("loss", 0.5, 1, 0)
assert pickle.loads(pickle.dumps(metric)) == metric
for thing in (mlflow.MlflowClient, mlflow.sklearn.log_model, mlflow.MlflowException, mlflow.autolog):
    assert pickle.loads(pickle.dumps(thing)) is thing
"""
    shown = with_drop_in(program).splitlines()

    assert shown[0] == "<module 'mlflow' (nbtrack)> True mlflow"
    assert shown[1:] == ["True", "True", "False", "True", "True", "True"]


def test_a_function_that_uses_mlflow_goes_through_cloudpickle() -> None:
    program = """
import cloudpickle, pickle, mlflow
def version():
    return mlflow.__version__, mlflow.sklearn.__name__
print(pickle.loads(cloudpickle.dumps(version))())
"""
    assert with_drop_in(program) == f"('{MLFLOW_VERSION}', 'mlflow.sklearn')\n"


def test_a_model_whose_code_imports_mlflow_is_not_said_to_need_code_of_yours() -> None:
    program = """
import mlflow
from nbtrack.core.package_names import is_local_module
from nbtrack.models.requirements import infer_requirements
print(is_local_module("mlflow"), infer_requirements(["mlflow.pyfunc"]))
"""
    assert with_drop_in(program) == "False []\n"


@pytest.mark.parametrize("first", ["", "import mlflow\n"])
def test_the_code_of_models_gets_the_modules_that_everybody_gets(first: str) -> None:
    program = """
from nbtrack.models.code import mlflow_names
print(mlflow_names.are_needed(), mlflow_names.named("mlflow.models.signature", "_TypeHints").__name__)
tags = mlflow_names.stand_in("mlflow.utils.mlflow_tags")
import mlflow.utils.mlflow_tags
print(tags is mlflow.utils.mlflow_tags, mlflow_names.stand_in("mlflow.pyfunc.utils").pyfunc.__name__)
drop_in.uninstall()
print(mlflow_names.are_needed(), mlflow_names.stand_in("mlflow.pyfunc").PythonModel.__name__)
"""
    assert with_drop_in(first + program) == "True TypeHints\nTrue checking\nTrue PythonModel\n"


def test_a_module_of_the_same_beginning_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "mlflow_extras.py").write_text("mine = 1\n")

    assert with_drop_in("import mlflow_extras; print(mlflow_extras.mine)", path=(tmp_path,)) == "1\n"


# ---- the package ---------------------------------------------------------------------------------


def test_who_asks_for_the_version_of_the_package_gets_the_one_that_is_offered(their_mlflow: Path) -> None:
    info = their_mlflow / "mlflow-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mlflow\nVersion: 1.0\n")
    program = """
from importlib import metadata
from nbtrack.core.installed_packages import installed_packages
print(metadata.version("mlflow"), metadata.version("mlflow-skinny"), metadata.metadata("MLflow")["Name"])
print(metadata.requires("mlflow"), metadata.files("mlflow"))
print([each.version for each in metadata.distributions() if each.metadata["Name"] == "mlflow"])
print(installed_packages()["mlflow"], list(metadata.distributions(name="mlflow", path=["elsewhere"])))
"""
    offered = f"{MLFLOW_VERSION} {MLFLOW_VERSION} mlflow\nNone None\n"

    assert with_drop_in(program, path=(their_mlflow,)) == f"{offered}['1.0']\n1.0 []\n"


def test_lightning_finds_mlflow_and_its_version() -> None:
    program = """
from lightning_utilities.core.imports import RequirementCache, module_available
print(bool(RequirementCache("mlflow>=2.8.0", "mlflow")), bool(RequirementCache("mlflow>=99")))
print(module_available("mlflow.tracking"), module_available("mlflow.onnx"))
"""
    assert with_drop_in(program, warnings="default") == "True False\nTrue False\n"


# ---- errors --------------------------------------------------------------------------------------


def test_mlflows_errors_are_made_raised_and_caught() -> None:
    program = """
import json, pickle
import mlflow
from mlflow.exceptions import INVALID_PARAMETER_VALUE, ExecutionException, MlflowException, RestException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

def show(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.error_code) == (type(error), str(error), error.error_code)
    print(error.message, "|", error.error_code, error.get_http_status_code())

show(MlflowException("plain"))
show(MlflowException("numbered", INVALID_PARAMETER_VALUE))
show(MlflowException("keyword", error_code=RESOURCE_DOES_NOT_EXIST))
show(MlflowException("named", error_code="RESOURCE_ALREADY_EXISTS"))
show(MlflowException("unknown", error_code=987654))
show(MlflowException.invalid_parameter_value("short"))
show(RestException({"error_code": "PERMISSION_DENIED", "message": "not you"}))
show(RestException({"unexpected": 1}))
show(ExecutionException("run failed"))
print(MlflowException("more", param="lr").serialize_as_json())
print(ErrorCode.Name(1000), ErrorCode.Value("BAD_REQUEST"))
try:
    mlflow.get_run("0" * 32)
except MlflowException as error:
    print(error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST))
"""
    assert with_drop_in(program).splitlines() == [
        "plain | INTERNAL_ERROR 500",
        "numbered | INVALID_PARAMETER_VALUE 400",
        "keyword | RESOURCE_DOES_NOT_EXIST 404",
        "named | RESOURCE_ALREADY_EXISTS 400",
        "unknown | INTERNAL_ERROR 500",
        "short | INVALID_PARAMETER_VALUE 400",
        "PERMISSION_DENIED: not you | PERMISSION_DENIED 403",
        "INTERNAL_ERROR: {'unexpected': 1} | INTERNAL_ERROR 500",
        "run failed | INTERNAL_ERROR 500",
        '{"error_code": "INTERNAL_ERROR", "message": "more", "param": "lr"}',
        "INVALID_PARAMETER_VALUE 4",
        "True",
    ]


# ---- installing ----------------------------------------------------------------------------------

STATE = "state = lambda: (sys.meta_path[:], sys.path[:], os.environ.get('PYTHONPATH'), set(sys.modules))\n"


def test_installing_twice_is_installing_once() -> None:
    program = """
import os, sys, mlflow
"""
    program += STATE + "before = state(); drop_in.install(); print(state() == before, drop_in.is_installed())"

    assert with_drop_in(program) == "True True\n"


def test_what_is_installed_can_be_taken_out(their_mlflow: Path) -> None:
    program = """
import os, sys
import nbtrack.mlflow_drop_in as drop_in
"""
    program += STATE
    program += """
before = state()
drop_in.uninstall()
drop_in.install()
import mlflow, mlflow.sklearn
print(mlflow.__version__, os.environ["PYTHONPATH"].count("worker_path"))
drop_in.uninstall()
assert state() == before and not drop_in.is_installed()
old = mlflow
import mlflow, mlflow.onnx
print(mlflow.__version__, old.__version__, old.pytorch.__name__, old.log_metric.__name__)
"""
    expected = f"{MLFLOW_VERSION} 1\ntheirs {MLFLOW_VERSION} mlflow.pytorch log_metric\n"
    assert output_of(program, path=(their_mlflow,)) == expected


def test_an_empty_folder_of_the_python_path_stays_the_working_directory() -> None:
    program = """
import os
import nbtrack.mlflow_drop_in as drop_in
os.environ["PYTHONPATH"] = ":/lib"
drop_in.install(); print(os.environ["PYTHONPATH"].endswith("worker_path::/lib"))
drop_in.uninstall(); print(os.environ["PYTHONPATH"])
"""
    assert output_of(program) == "True\n:/lib\n"


def test_without_a_python_path_there_is_none_afterwards() -> None:
    program = """
import os, sys
import nbtrack.mlflow_drop_in as drop_in
del os.environ["PYTHONPATH"]
drop_in.install(); print(os.environ["PYTHONPATH"].endswith("worker_path"))
drop_in.uninstall(); print("PYTHONPATH" in os.environ)
"""
    assert output_of(program) == "True\nFalse\n"


@pytest.mark.parametrize("imported", ["mlflow", "mlflow.onnx"])
def test_where_mlflow_itself_has_been_imported_it_is_left_alone(their_mlflow: Path, imported: str) -> None:
    program = f"""
import os, sys
import nbtrack.mlflow_drop_in as drop_in, nbtrack.core.errors
import {imported}
{STATE}
before = state()
try:
    drop_in.install()
except nbtrack.NbtrackError as error:
    print(error.error_code, error)
import mlflow
print(state()[:3] == before[:3], drop_in.is_installed(), mlflow.__version__)
"""
    said, after = output_of(program, path=(their_mlflow,)).splitlines()

    assert said.startswith("INVALID_STATE MLflow itself has been imported in this process")
    assert "before the first `import mlflow`" in said
    assert "restart the kernel" in said
    assert after == "True False theirs"


def test_mlflow_beside_it_is_hidden(their_mlflow: Path) -> None:
    program = "import mlflow; print(mlflow.__version__, mlflow); import mlflow.onnx"

    with pytest.raises(AssertionError, match=r"nbtrack, which answers for mlflow here, has no 'mlflow.onnx'"):
        with_drop_in(program, path=(their_mlflow,))


def test_a_cell_of_a_notebook_installs_it() -> None:
    program = """
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("import nbtrack.mlflow_drop_in; nbtrack.mlflow_drop_in.install()").raise_error()
shell.run_cell("import mlflow\\nwith mlflow.start_run():\\n    mlflow.log_metric('loss', 0.5)").raise_error()
shell.run_cell("%load_ext mlflow").raise_error()
print(shell.run_cell("mlflow.search_runs()['metrics.loss'].tolist()").result)
with provisionalcompleter():
    print([each.text for each in shell.Completer.completions("mlflow.log_metr", 15)])
"""
    shown = output_of(program, warnings="default").splitlines()

    assert shown[-2:] == ["[0.5]", "['log_metric', 'log_metrics']"]
