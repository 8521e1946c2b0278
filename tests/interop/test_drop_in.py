"""The drop-in with the real MLflow installed beside it; each case in a Python of its own."""

import shutil
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from nbtrack.mlflow_drop_in import MODULES
from tests.drop_in_programs import INSTALLED, output_of, run, with_drop_in

OURS_ALONE = {"mlflow.lightning"}
THEIRS = version("mlflow")
FOLDERS = Path(__file__).parent.parent / "models/mlflow_folders/3.17"
BY_MLFLOWS_NAMES = (
    "pyfunc_code_paths",
    "pyfunc_from_code",
    "pyfunc_function",
    "pyfunc_hinted_function",
    "pyfunc_hints",
)
"""Models whose pickles and code call things by MLflow's names, some of them its own."""


def test_every_module_of_the_table_is_one_of_mlflows() -> None:
    place = Path(str(find_spec("mlflow").origin)).parent  # type: ignore[union-attr]

    def is_there(name: str) -> bool:
        module = place.joinpath(*name.split(".")[1:])
        return module.with_suffix(".py").is_file() or (module / "__init__.py").is_file()

    assert {name for name in MODULES if not is_there(name)} == OURS_ALONE


def test_the_real_mlflow_is_hidden_and_comes_back() -> None:
    program = """
from importlib.metadata import version
import mlflow, mlflow.sklearn
print(mlflow, version("mlflow"), mlflow.sklearn)
drop_in.uninstall()
import mlflow, mlflow.models.signature
print("site-packages" in mlflow.__file__, version("mlflow"), mlflow.models.signature.__file__ is not None)
"""
    shown = with_drop_in(program, warnings="ignore").splitlines()

    assert shown == [
        "<module 'mlflow' (nbtrack)> 3.17.2 <module 'mlflow.sklearn' (nbtrack)>",
        f"True {THEIRS} True",
    ]


def test_after_the_real_mlflow_it_is_refused_and_the_real_one_works_on() -> None:
    program = """
import mlflow
import nbtrack.mlflow_drop_in as drop_in
try:
    drop_in.install()
except Exception as error:
    print(type(error).__name__, error)
import mlflow.sklearn
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
print("site-packages" in mlflow.sklearn.__file__, mlflow.get_run(run.info.run_id).data.metrics)
"""
    refused, after = output_of(program, warnings="ignore").splitlines()

    assert refused.startswith("InvalidStateError MLflow itself has been imported in this process")
    assert after == "True {'loss': 0.5}"


def test_nothing_of_the_real_mlflow_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    program = """
import sys
import mlflow, mlflow.sklearn, mlflow.pyfunc
from mlflow.tracking import MlflowClient
with mlflow.start_run():
    mlflow.log_metric("loss", 0.5)
modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "mlflow"]
print([module for module in modules if not repr(module).endswith("(nbtrack)>")])
"""
    assert with_drop_in(program, warnings="ignore") == "[]\n"
    assert Path(".nbtrack").is_dir()
    assert not Path("mlflow.db").exists()


@pytest.mark.parametrize("begin", ["", INSTALLED, INSTALLED + "import mlflow\n", "import mlflow\n"])
def test_models_of_mlflows_predict_what_they_did_there(begin: str, tmp_path: Path) -> None:
    for name in BY_MLFLOWS_NAMES:
        shutil.copytree(FOLDERS / name, tmp_path / name)
    program = f"""{begin}
import json
from pathlib import Path
import nbtrack
from tests.models.mlflow_folders.values import described, revived
for folder in sorted(Path({str(tmp_path)!r}).glob("pyfunc_*")):
    expected = json.loads((folder / "expected.json").read_text())
    model = nbtrack.pyfunc.load_model(folder / "model", trust=True)
    for once in expected["predictions"]:
        found = described(model.predict(revived(once["input"]), params=once["params"]))
        assert found == once["output"], (folder, found)
    print(folder.name)
"""
    ended = run("-W", "ignore", "-c", program)

    assert ended.status == 0, ended.errors
    assert ended.output == "".join(f"{name}\n" for name in sorted(BY_MLFLOWS_NAMES))


def test_a_model_made_under_the_drop_in_loads_in_the_real_mlflow() -> None:
    made = with_drop_in(
        """
import mlflow
from mlflow.pyfunc import PythonModel
class Doubling(PythonModel):
    def predict(self, context, model_input, params=None):
        return [2 * each for each in model_input]
mlflow.pyfunc.save_model("doubling", python_model=Doubling())
print(mlflow.pyfunc.load_model("doubling").predict([1, 2]))
""",
        warnings="ignore",
    )
    loaded = output_of(
        "import mlflow; print(mlflow.pyfunc.load_model('doubling').predict([1, 2]))", warnings="ignore"
    )

    assert made == loaded == "[2, 4]\n"


def test_mlflows_own_command_is_not_ours_in_a_child() -> None:
    command = Path(sys.executable).with_name("mlflow")
    program = INSTALLED + (
        "import subprocess\n"
        f"print(subprocess.run([{str(command)!r}, '--version'], capture_output=True, text=True).stdout)\n"
    )

    assert run("-c", program).output == f"mlflow, version {THEIRS}\n\n"
