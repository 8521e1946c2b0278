"""Asks the real MLflow for its names, and writes them down for `test_mlflow_drop_in.py`.

Run it with a Python that has MLflow:

    MLFLOW_DISABLE_TELEMETRY=true python -m tests.record_mlflow_names

It writes `mlflow_names.json` beside itself: the public names of the modules that its users import, and the
arguments of its `autolog` functions. These are read from the source, as some of them need a framework.
"""

import ast
import json
from importlib import import_module
from pathlib import Path
from types import ModuleType

import mlflow

NAMES = Path(__file__).with_name("mlflow_names.json")
MODULES = """
    mlflow mlflow.artifacts mlflow.client mlflow.data mlflow.entities mlflow.entities.model_registry
    mlflow.exceptions mlflow.keras mlflow.lightgbm mlflow.models mlflow.models.signature mlflow.projects
    mlflow.pyfunc mlflow.pytorch mlflow.sklearn mlflow.store mlflow.system_metrics mlflow.tensorflow
    mlflow.tracking mlflow.tracking.client mlflow.tracking.context.registry mlflow.tracking.fluent
    mlflow.types mlflow.types.schema mlflow.utils mlflow.utils.mlflow_tags mlflow.utils.validation
    mlflow.xgboost mlflow.catboost mlflow.onnx mlflow.shap mlflow.spark mlflow.statsmodels mlflow.transformers
"""
OF_CONSTANTS = ("mlflow.utils.mlflow_tags", "mlflow.utils.validation")
AUTOLOG = {
    "mlflow": ("mlflow.tracking.fluent", "autolog"),
    "mlflow.keras": ("mlflow.keras.autologging", "autolog"),
    **{
        f"mlflow.{flavor}": (f"mlflow.{flavor}", "autolog")
        for flavor in ("lightgbm", "pytorch", "sklearn", "tensorflow", "xgboost")
    },
}


def names_of(name: str) -> list[str]:
    """The public names of a module; of one that does not import here, from its text."""
    try:
        module = import_module(name)
    except ImportError:
        found: set[str] = set()
        tree = source_of(name)
        found.update(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{name}."):
                found.update(alias.name for alias in node.names)
        return sorted(each for each in found if not each.startswith("_"))
    listed = getattr(module, "__all__", ())
    return sorted(
        each
        for each, value in vars(module).items()
        if not each.startswith("_") and (each in listed or is_its_own(value, name))
    )


def is_its_own(value: object, module: str) -> bool:
    if module in OF_CONSTANTS:
        return isinstance(value, str | int)
    home = getattr(value, "__module__", None)
    return not isinstance(value, ModuleType) and isinstance(home, str) and home.startswith(module)


def arguments_of(module: str, function: str) -> list[list[str]]:
    """Names and defaults, as they are written."""
    for node in source_of(module).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            names = [argument.arg for argument in node.args.args]
            defaults = [ast.unparse(default) for default in node.args.defaults]
            return [list(pair) for pair in zip(names, defaults, strict=True)]
    raise LookupError(f"{module} has no function {function}")


def source_of(module: str) -> ast.Module:
    place = Path(mlflow.__file__).parent.joinpath(*module.split(".")[1:])
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return ast.parse(file.read_text())


if __name__ == "__main__":
    held = {
        "mlflow": mlflow.__version__,
        "names": {module: names_of(module) for module in MODULES.split()},
        "autolog": {module: arguments_of(*place) for module, place in AUTOLOG.items()},
    }
    NAMES.write_text(json.dumps(held, indent=1) + "\n")
