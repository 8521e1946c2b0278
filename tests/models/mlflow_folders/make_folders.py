"""Write small model folders with MLflow, and what it predicts with them.

Run with each MLflow whose layout is to be read:

    python tests/models/mlflow_folders/make_folders.py OUT

It writes `OUT/<major.minor>/<case>/model/`, a folder as MLflow wrote it, and `expected.json` beside it: the
flavor, which files are pickles and what each holds, inputs, and what `mlflow.pyfunc.load_model` predicts.

Two things are cleaned, and nothing else is touched: names of files in pickled code and exported programs,
and the working directory in MLmodel, which becomes `/home/ada/work`. At the end every file is searched for
names of this machine.

What the pickles hold: estimators of scikit-learn and LightGBM, modules of `torch.nn`, state dicts, and the
classes and functions of this file, which are pickled by value because it is `__main__` (as a notebook is).
"""

import getpass
import json
import os
import shutil
import socket
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["KERAS_BACKEND"] = "torch"
os.environ["MLFLOW_LOGGING_LEVEL"] = "ERROR"

import cloudpickle
import lightgbm
import mlflow
import mlflow.lightgbm
import mlflow.pyfunc.model
import mlflow.pytorch
import mlflow.sklearn
import mlflow.xgboost
import numpy as np
import pandas as pd
import torch
import xgboost
import yaml
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from values import described

VERSION = ".".join(mlflow.__version__.split(".")[:2])
IS_3 = VERSION.startswith("3")

Make = Callable[[Path], dict[str, Any]]
_cases: dict[str, Make] = {}


def case(make: Make) -> Make:
    """A function that writes one folder and says what lies in it."""
    _cases[make.__name__] = make
    return make


# The data: small, and linear, so that a prediction can be checked by eye.

FLOWERS = pd.DataFrame(
    {"length": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "width": [0.5, 0.1, 0.9, 0.3, 0.7, 0.2]},
)
PRICE = FLOWERS["length"] * 2 + FLOWERS["width"]
IS_LARGE = (FLOWERS["length"] > 3).astype("int64")
HOLDS = {
    "linear": "a LinearRegression of scikit-learn",
    "pipeline": "a Pipeline of scikit-learn: StandardScaler, LogisticRegression",
}
REQUIREMENTS = {
    "sklearn": ["scikit-learn", "cloudpickle"],
    "torch": ["torch", "numpy"],
    "xgboost": ["xgboost"],
    "lightgbm": ["lightgbm"],
    "python": ["cloudpickle", "pandas"],
}


def linear() -> LinearRegression:
    return LinearRegression().fit(FLOWERS, PRICE)


# scikit-learn


@case
def sklearn_cloudpickle(path: Path) -> dict[str, Any]:
    # No requirements given: this folder shows what MLflow infers.
    mlflow.sklearn.save_model(
        linear(),
        path,
        serialization_format="cloudpickle",
        input_example=FLOWERS.head(2),
        metadata={"team": "flowers", "tries": 3},
    )
    return {"flavor": "sklearn", "pickles": {"model.pkl": HOLDS["linear"]}, "inputs": [FLOWERS]}


@case
def sklearn_pickle(path: Path) -> dict[str, Any]:
    flowers = FLOWERS.to_numpy()
    mlflow.sklearn.save_model(
        LinearRegression().fit(flowers, PRICE),
        path,
        serialization_format="pickle",
        input_example=flowers[:2],
        pip_requirements=REQUIREMENTS["sklearn"],
    )
    return {"flavor": "sklearn", "pickles": {"model.pkl": HOLDS["linear"]}, "inputs": [flowers]}


@case
def sklearn_predict_proba(path: Path) -> dict[str, Any]:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(FLOWERS, IS_LARGE)
    mlflow.sklearn.save_model(
        pipeline,
        path,
        serialization_format="cloudpickle",
        signature=infer_signature(FLOWERS, pipeline.predict_proba(FLOWERS)),
        pyfunc_predict_fn="predict_proba",
        pip_requirements=REQUIREMENTS["sklearn"],
    )
    return {"flavor": "sklearn", "pickles": {"model.pkl": HOLDS["pipeline"]}, "inputs": [FLOWERS]}


@case
def sklearn_skops(path: Path) -> dict[str, Any]:
    if not IS_3:
        return {}
    mlflow.sklearn.save_model(
        linear(),
        path,
        signature=infer_signature(FLOWERS, PRICE),
        pip_requirements=["scikit-learn", "skops"],
        serialization_format="skops",
    )
    return {"flavor": "sklearn", "pickles": {}, "inputs": [FLOWERS]}


@case
def sklearn_logged(path: Path) -> dict[str, Any]:
    """Logged in a run, registered, and downloaded by its version, which adds a file."""
    with mlflow.start_run():
        mlflow.log_param("depth", 3)
        mlflow.sklearn.log_model(
            linear(),
            "model",
            serialization_format="cloudpickle",
            signature=infer_signature(FLOWERS, PRICE),
            pip_requirements=REQUIREMENTS["sklearn"],
            registered_model_name="flowers",
        )
    path.mkdir()
    mlflow.artifacts.download_artifacts("models:/flowers/1", dst_path=str(path))
    return {"flavor": "sklearn", "pickles": {"model.pkl": HOLDS["linear"]}, "inputs": [FLOWERS]}


# PyTorch


def network() -> torch.nn.Module:
    layers = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    with torch.no_grad():
        for number, parameter in enumerate(layers.parameters()):
            parameter.copy_(torch.arange(parameter.numel()).reshape(parameter.shape) / 10 + number)
    return layers.eval()


TENSORS = FLOWERS.to_numpy(dtype="float32")


@case
def pytorch_pickle(path: Path) -> dict[str, Any]:
    mlflow.pytorch.save_model(
        network(),
        path,
        signature=infer_signature(TENSORS, network()(torch.from_numpy(TENSORS)).detach().numpy()),
        pip_requirements=REQUIREMENTS["torch"],
        **({"serialization_format": "pickle"} if IS_3 else {}),
    )
    holds = "a Sequential of Linear and ReLU of torch.nn"
    return {"flavor": "pytorch", "pickles": {"data/model.pth": holds}, "inputs": [TENSORS]}


@case
def pytorch_own_class(path: Path) -> dict[str, Any]:
    """A module whose class lies in `code/`."""
    from flower_code.networks import Doubling

    mlflow.pytorch.save_model(
        Doubling(network()),
        path,
        code_paths=["flower_code"],
        pip_requirements=REQUIREMENTS["torch"],
        **({"serialization_format": "pickle"} if IS_3 else {}),
    )
    holds = "Doubling of code/flower_code/networks.py, around a Sequential of torch.nn"
    return {"flavor": "pytorch", "pickles": {"data/model.pth": holds}, "inputs": [TENSORS]}


@case
def pytorch_pt2(path: Path) -> dict[str, Any]:
    if not IS_3:
        return {}
    mlflow.pytorch.save_model(
        network(),
        path,
        input_example=TENSORS,
        pip_requirements=REQUIREMENTS["torch"],
        serialization_format="pt2",
    )
    holds = "an exported program; torch.export.load unpickles its example inputs"
    return {"flavor": "pytorch", "pickles": {"data/model.pt2": holds}, "inputs": [TENSORS]}


@case
def pytorch_state_dict(path: Path) -> dict[str, Any]:
    mlflow.pytorch.save_state_dict(network().state_dict(), str(path))
    holds = "the state dict of a Sequential: tensors by name"
    return {"flavor": None, "pickles": {"state_dict.pth": holds}, "inputs": []}


# Trees


@case
def xgboost_booster(path: Path) -> dict[str, Any]:
    data = xgboost.DMatrix(FLOWERS, label=PRICE)
    mlflow.xgboost.save_model(
        xgboost.train({"max_depth": 2, "eta": 0.5, "min_child_weight": 0}, data, num_boost_round=5),
        path,
        signature=infer_signature(FLOWERS, PRICE.astype("float32")),
        pip_requirements=REQUIREMENTS["xgboost"],
    )
    return {"flavor": "xgboost", "pickles": {}, "inputs": [FLOWERS]}


@case
def xgboost_classifier(path: Path) -> dict[str, Any]:
    model = xgboost.XGBClassifier(n_estimators=5, max_depth=2, min_child_weight=0).fit(FLOWERS, IS_LARGE)
    mlflow.xgboost.save_model(
        model,
        path,
        model_format="json",
        input_example=FLOWERS.head(2),
        pip_requirements=REQUIREMENTS["xgboost"],
    )
    return {"flavor": "xgboost", "pickles": {}, "inputs": [FLOWERS]}


LIGHTGBM = {"min_data_in_leaf": 1, "min_data_in_bin": 1, "verbose": -1, "num_leaves": 4}


@case
def lightgbm_booster(path: Path) -> dict[str, Any]:
    data = lightgbm.Dataset(FLOWERS, label=PRICE)
    mlflow.lightgbm.save_model(
        lightgbm.train(LIGHTGBM | {"objective": "regression"}, data, num_boost_round=5),
        path,
        signature=infer_signature(FLOWERS, PRICE),
        pip_requirements=REQUIREMENTS["lightgbm"],
    )
    return {"flavor": "lightgbm", "pickles": {}, "inputs": [FLOWERS]}


@case
def lightgbm_classifier(path: Path) -> dict[str, Any]:
    model = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=1, min_data_in_bin=1, verbose=-1)
    mlflow.lightgbm.save_model(
        model.fit(FLOWERS, IS_LARGE),
        path,
        signature=infer_signature(FLOWERS, IS_LARGE),
        pip_requirements=REQUIREMENTS["lightgbm"],
        **({"serialization_format": "cloudpickle"} if IS_3 else {}),
    )
    holds = "an LGBMClassifier, its trees as text"
    return {"flavor": "lightgbm", "pickles": {"model.pkl": holds}, "inputs": [FLOWERS]}


# Keras


@case
def keras_sequential(path: Path) -> dict[str, Any]:
    import keras
    import mlflow.keras

    layers = [keras.layers.Dense(3, activation="relu"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input([2]), *layers])
    model.set_weights([np.full(w.shape, 0.5, dtype="float32") for w in model.get_weights()])
    mlflow.keras.save_model(
        model,
        str(path),
        signature=infer_signature(TENSORS, np.zeros((6, 1), dtype="float32")),
        pip_requirements=["keras"],
    )
    return {"flavor": "keras", "pickles": {}, "inputs": [TENSORS]}


# Python models. Their classes and functions lie in this file, which is `__main__`: they are pickled by value.


class Shift(mlflow.pyfunc.PythonModel):
    """Adds a number read from an artifact."""

    def load_context(self, context):
        self.by = float(Path(context.artifacts["by"]).read_text())
        self.words = sorted(entry.name for entry in Path(context.artifacts["words"]).iterdir())

    def predict(self, context, model_input, params=None):
        return model_input["length"].to_numpy() + self.by + len(self.words)


class Configured(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input * context.model_config["factor"]


class WithParams(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        params = params or {}
        names = [params["name"]] * len(model_input)
        return pd.DataFrame({"name": names, "value": model_input["length"] * params["factor"]})


class Joining(mlflow.pyfunc.PythonModel):
    """Takes arrays and objects."""

    def predict(self, context, model_input, params=None):
        rows = model_input.to_dict(orient="records")
        return [" ".join(row["words"]) + " of " + row["who"]["name"] for row in rows]


class Summing(mlflow.pyfunc.PythonModel):
    """Takes two named tensors."""

    def predict(self, context, model_input, params=None):
        return model_input["image"].sum(axis=(1, 2)) + model_input["bias"]


class Hinted(mlflow.pyfunc.PythonModel):
    """Has the signature its hint says."""

    def predict(self, model_input: list[dict[str, str]]) -> list[str]:
        return [one["word"].upper() for one in model_input]


class AsGiven(mlflow.pyfunc.PythonModel):
    """Has no signature, and answers what it was given."""

    def predict(self, context, model_input, params=None):
        return model_input


def shout(texts: list[str]) -> list[str]:
    return [text.upper() + "!" for text in texts]


def add_lengths(model_input):
    return model_input["length"] + model_input["width"]


BY_VALUE = "of make_folders.py, by value"


@case
def pyfunc_artifacts(path: Path) -> dict[str, Any]:
    Path("by.txt").write_text("0.25")
    Path("words").mkdir(exist_ok=True)
    Path("words", "one.txt").write_text("one")
    mlflow.pyfunc.save_model(
        path,
        python_model=Shift(),
        artifacts={"by": "by.txt", "words": "words"},
        signature=infer_signature(FLOWERS, PRICE),
        pip_requirements=REQUIREMENTS["python"],
    )
    return {"pickles": {"python_model.pkl": f"Shift {BY_VALUE}"}, "inputs": [FLOWERS]}


@case
def pyfunc_model_config(path: Path) -> dict[str, Any]:
    mlflow.pyfunc.save_model(
        path,
        python_model=Configured(),
        model_config={"factor": 3, "nested": {"a": [1, 2]}},
        pip_requirements=REQUIREMENTS["python"],
    )
    return {"pickles": {"python_model.pkl": f"Configured {BY_VALUE}"}, "inputs": [FLOWERS]}


@case
def pyfunc_params(path: Path) -> dict[str, Any]:
    params = {"name": "iris", "factor": 2.0, "weights": [1.0, 2.0], "deep": True, "depth": 3}
    mlflow.pyfunc.save_model(
        path,
        python_model=WithParams(),
        signature=infer_signature(FLOWERS, params=params),
        pip_requirements=REQUIREMENTS["python"],
    )
    return {
        "pickles": {"python_model.pkl": f"WithParams {BY_VALUE}"},
        "inputs": [FLOWERS, (FLOWERS, {"factor": 0.5}), (FLOWERS, {"factor": 2, "name": "rose"})],
    }


@case
def pyfunc_objects(path: Path) -> dict[str, Any]:
    sample = [
        {"words": ["good", "day"], "who": {"name": "Ada", "age": 36}},
        {"words": ["bye"], "who": {"name": "Bob"}},
    ]
    mlflow.pyfunc.save_model(
        path,
        python_model=Joining(),
        signature=infer_signature(sample, ["text"]),
        input_example=sample,
        pip_requirements=REQUIREMENTS["python"],
    )
    return {
        "pickles": {"python_model.pkl": f"Joining {BY_VALUE}"},
        "inputs": [sample, pd.DataFrame(sample)],
    }


@case
def pyfunc_tensors(path: Path) -> dict[str, Any]:
    sample = {
        "image": np.arange(12, dtype="float32").reshape(3, 2, 2),
        "bias": np.array([0.5, 1.0, 1.5], dtype="float64"),
    }
    mlflow.pyfunc.save_model(
        path,
        python_model=Summing(),
        signature=infer_signature(sample, np.zeros(3)),
        input_example=sample,
        pip_requirements=REQUIREMENTS["python"],
    )
    return {"pickles": {"python_model.pkl": f"Summing {BY_VALUE}"}, "inputs": [sample]}


@case
def pyfunc_every_type(path: Path) -> dict[str, Any]:
    """Columns of every scalar type; one of them optional."""
    names = ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]
    columns = [ColSpec(DataType[name], name) for name in names]
    columns.append(ColSpec(DataType.double, "maybe", required=False))
    frame = pd.DataFrame(
        {
            "boolean": [True, False],
            "integer": np.array([1, 2], dtype="int32"),
            "long": np.array([3, 4], dtype="int64"),
            "float": np.array([0.5, 1.5], dtype="float32"),
            "double": np.array([0.25, 0.75], dtype="float64"),
            "string": ["a", "b"],
            "binary": [b"x", b"y"],
            "datetime": pd.to_datetime(["2026-05-03", "2026-05-04"]).as_unit("ns"),
        }
    )
    top, cuts = ParamSpec("top", DataType.integer, 5), ParamSpec("cuts", DataType.double, [0.1], (-1,))
    mlflow.pyfunc.save_model(
        path,
        python_model=AsGiven(),
        signature=ModelSignature(inputs=Schema(columns), params=ParamSchema([top, cuts])),
        pip_requirements=REQUIREMENTS["python"],
    )
    return {"pickles": {"python_model.pkl": f"AsGiven {BY_VALUE}"}, "inputs": [frame]}


@case
def pyfunc_dict_example(path: Path) -> dict[str, Any]:
    sample = {"question": "why?", "limit": 3}
    mlflow.pyfunc.save_model(
        path,
        python_model=AsGiven(),
        input_example=sample,
        pip_requirements=REQUIREMENTS["python"],
    )
    return {"pickles": {"python_model.pkl": f"AsGiven {BY_VALUE}"}, "inputs": [sample]}


@case
def pyfunc_hints(path: Path) -> dict[str, Any]:
    mlflow.pyfunc.save_model(
        path,
        python_model=Hinted(),
        input_example=[{"word": "good"}],
        pip_requirements=REQUIREMENTS["python"],
    )
    return {
        "pickles": {"python_model.pkl": f"Hinted {BY_VALUE}"},
        "inputs": [[{"word": "good"}, {"word": "bye"}]],
    }


@case
def pyfunc_function(path: Path) -> dict[str, Any]:
    mlflow.pyfunc.save_model(
        path,
        python_model=add_lengths,
        input_example=FLOWERS.head(1),
        pip_requirements=REQUIREMENTS["python"],
    )
    return {"pickles": {"python_model.pkl": f"add_lengths {BY_VALUE}"}, "inputs": [FLOWERS]}


@case
def pyfunc_hinted_function(path: Path) -> dict[str, Any]:
    mlflow.pyfunc.save_model(
        path, python_model=shout, input_example=["good"], pip_requirements=REQUIREMENTS["python"]
    )
    return {"pickles": {"python_model.pkl": f"shout {BY_VALUE}"}, "inputs": [["good", "day"]]}


@case
def pyfunc_code_paths(path: Path) -> dict[str, Any]:
    from flower_code.models import Scale

    mlflow.pyfunc.save_model(
        path,
        python_model=Scale(4),
        code_paths=["flower_code"],
        signature=infer_signature(FLOWERS, PRICE),
        pip_requirements=REQUIREMENTS["python"],
    )
    holds = "Scale of code/flower_code/models.py, by name"
    return {"pickles": {"python_model.pkl": holds}, "inputs": [FLOWERS]}


@case
def pyfunc_pydantic(path: Path) -> dict[str, Any]:
    """The hint is a class of pydantic, which lies in `code/`."""
    from flower_code.hinted import Greeting

    mlflow.pyfunc.save_model(
        path,
        python_model=Greeting(),
        code_paths=["flower_code"],
        input_example=[{"name": "Ada", "age": 36}],
        pip_requirements=[*REQUIREMENTS["python"], "pydantic"],
    )
    holds = "Greeting of code/flower_code/hinted.py, by name"
    return {
        "pickles": {"python_model.pkl": holds},
        "inputs": [[{"name": "Ada", "age": 36}, {"name": "Bob"}]],
    }


@case
def pyfunc_from_code(path: Path) -> dict[str, Any]:
    mlflow.pyfunc.save_model(
        path,
        python_model="model_file.py",
        model_config={"factor": 2},
        signature=infer_signature(FLOWERS, PRICE),
        pip_requirements=["pandas"],
    )
    return {"pickles": {}, "runs": ["model_file.py"], "inputs": [FLOWERS]}


@case
def pyfunc_loader_module(path: Path) -> dict[str, Any]:
    Path("factor.json").write_text('{"factor": 5}')
    mlflow.pyfunc.save_model(
        path,
        loader_module="flower_code.loader",
        data_path="factor.json",
        code_paths=["flower_code"],
        pip_requirements=["pandas"],
    )
    return {"pickles": {}, "runs": ["code/flower_code/loader.py"], "inputs": [FLOWERS]}


# What is written beside the folders.


def write(name: str, make: Make, out: Path) -> None:
    folder = out / VERSION / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = make(folder / "model")
    if not made:
        shutil.rmtree(folder)
        return
    expected: dict[str, Any] = {
        "mlflow": mlflow.__version__,
        "python": ".".join(map(str, sys.version_info[:2])),
        "flavor": made.get("flavor", "python_function"),
        "pickles": made["pickles"],
        "runs": made.get("runs", []),
        "predictions": [],
    }
    for given in made["inputs"]:
        data, params = given if isinstance(given, tuple) else (given, None)
        model = mlflow.pyfunc.load_model(str(folder / "model"))
        entry = {
            "input": described(data),
            "params": params,
            "output": described(model.predict(data, params=params)),
        }
        expected["predictions"].append(entry)
    for copy in folder.rglob("__pycache__"):
        shutil.rmtree(copy)
    clean(folder / "model" / "MLmodel")
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


# Nothing of this machine.


def without_paths() -> None:
    """Let cloudpickle and torch.export write no folders: names of files alone, no stack traces."""
    here = Path(__file__).name
    globals()["__file__"] = here
    for module in list(sys.modules.values()):
        if module.__name__.startswith("mlflow.pyfunc") and getattr(module, "__file__", None):
            module.__file__ = module.__file__.rpartition("site-packages/")[2]
    reduce_code = cloudpickle.cloudpickle._code_reduce

    def reduce_cleaned(code):
        return reduce_code(code.replace(co_filename=Path(code.co_filename).name))

    cloudpickle.Pickler._dispatch_table[type(without_paths.__code__)] = reduce_cleaned
    save = torch.export.save

    def save_cleaned(program, path):
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)
        save(program, path)

    torch.export.save = save_cleaned


def clean(mlmodel: Path) -> None:
    if not mlmodel.exists():
        return
    text = mlmodel.read_text().replace(str(Path.cwd()), "/home/ada/work")
    mlmodel.write_text(text)
    yaml.safe_load(text)


def search_for_names(out: Path, work: str) -> None:
    """Fail when a file names something of this machine."""
    names = {work, str(Path.home()), sys.prefix, socket.gethostname(), str(out)}
    needles = [name.encode() for name in names] + [b"/tmp", f"/{getpass.getuser()}".encode()]
    for file in sorted(path for path in out.rglob("*") if path.is_file()):
        contents = [file.read_bytes()]
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                contents += [archive.read(member) for member in archive.namelist()]
        for needle in needles:
            for content in contents:
                at = content.find(needle)
                if at >= 0:
                    raise SystemExit(f"{file} names {needle!r}: {content[max(0, at - 60) : at + 60]!r}")


def main() -> None:
    here, out = Path(__file__).resolve().parent, Path(sys.argv[1]).resolve()
    only = sys.argv[2:]
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(here / "flower_code", Path(work, "flower_code"))
        shutil.copy(here / "model_file.py", work)
        os.chdir(work)
        sys.path.insert(0, work)
        sys.dont_write_bytecode = True
        mlflow.set_tracking_uri("sqlite:///mlflow.db" if IS_3 else f"{work}/mlruns")
        mlflow.set_experiment("folders")
        without_paths()
        for name, make in _cases.items():
            if not only or name in only:
                write(name, make, out)
                print(VERSION, name, flush=True)
        os.chdir("/")
        search_for_names(out / VERSION, work)


if __name__ == "__main__":
    main()
