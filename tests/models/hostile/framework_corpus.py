"""More models that were made to harm, by framework; those of a flavor that is there are tried."""

import base64
import importlib.util
import json
import marshal
import os
import pickle
import re
import shutil
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.models.hostile.making import MKDIR, Case, Harm, Make, harmful, write

FOLDERS = Path(__file__).parents[1] / "mlflow_folders/3.17"
KERAS_FILE = FOLDERS / "keras_sequential/model/data/model.keras"


def pytorch(make: Callable[[Path, Path], object], **more: bytes | str) -> Make:
    """A model of PyTorch, with the file that `make` writes into its data folder."""

    def made(folder: Path, marker: Path) -> None:
        own = {"model_data": "data", "pytorch_version": "2.5.0"}
        predictor = {"loader_module": "mlflow.pytorch", "data": "data", "pickle_module_name": "planted"}
        write(folder, {"flavors": {"pytorch": own, "python_function": predictor}}, **more)
        (folder / "data").mkdir(exist_ok=True)
        make(folder / "data", marker)

    return made


def saved(name: str = "model.pth", *, is_zip: bool = True) -> Callable[[Path, Path], None]:
    def make(data: Path, marker: Path) -> None:
        import torch

        content = {"w": torch.zeros(2), "harm": Harm(marker)}
        torch.save(content, data / name, _use_new_zipfile_serialization=is_zip)

    return make


def pickled(name: str) -> Callable[[Path, Path], object]:
    return lambda data, marker: (data / name).write_bytes(pickle.dumps(Harm(marker)))


def with_file(name: str, content: bytes) -> Callable[[Path, Path], object]:
    return lambda data, marker: (data / name).write_bytes(content)


def state_that_calls(folder: Path, marker: Path) -> None:
    saved("state_dict.pth")(folder, marker)


def read_by_planted(data: Path, marker: Path) -> None:
    """The file says that a module of the model's own reads pickles."""
    import torch

    torch.save(torch.nn.Linear(1, 1), data / "model.pth")
    (data / "pickle_module_info.txt").write_text("planted")
    (data / "planted.py").write_text(harmful(marker))


def script(data: Path, marker: Path) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), data / "model.pth")


def exported(data: Path, marker: Path) -> None:
    with zipfile.ZipFile(data / "model.pt2", "w") as archive:
        archive.writestr("model/archive_format", "pt2")
        archive.writestr("model/data/weights/model.pt", pickle.dumps(Harm(marker)))
        archive.writestr("model/data/sample_inputs/model.pt", pickle.dumps(Harm(marker)))


def safetensors(header: Any, size: int | None = None, body: bytes = bytes(8)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + body


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
LYING = {
    "a header of 2^60 bytes": safetensors({}, 1 << 60),
    "a header of 99 MB": safetensors({}, 99_000_000),
    "a header that is no JSON": safetensors(b"\x80\x04cos\nmkdir\n."),
    "a header nested deeply": safetensors(b"[" * 100_000),
    "tensors that share bytes": safetensors({"a": TENSOR, "b": {**TENSOR, "data_offsets": [4, 12]}}),
    "a tensor behind the end": safetensors({"a": {**TENSOR, "data_offsets": [1 << 40, (1 << 40) + 8]}}),
    "a tensor with a hole": safetensors({"a": {**TENSOR, "data_offsets": [8, 16]}}, body=bytes(16)),
    "a shape that does not fit": safetensors({"a": {**TENSOR, "shape": [1 << 62, 1 << 62]}}),
    "a negative shape": safetensors({"a": {**TENSOR, "shape": [-2]}}),
    "a type of nobody": safetensors({"a": {**TENSOR, "dtype": "object"}}),
}


def booster(flavor: str, name: str, content: Callable[[Path], bytes], **own: Any) -> Make:
    """A model of XGBoost or LightGBM."""

    def make(folder: Path, marker: Path) -> None:
        version = {"xgboost": "xgb_version", "lightgbm": "lgb_version"}[flavor]
        entry = {"data": name, version: "1.0.0", **own}
        predictor = {"loader_module": f"mlflow.{flavor}", "data": name}
        write(folder, {"flavors": {flavor: entry, "python_function": predictor}})
        (folder / name).write_bytes(content(marker))
        (folder / "planted.py").write_text(harmful(marker))

    return make


def outside_its_trees(marker: Path) -> bytes:
    """XGBoost ends the process where it reads this, or predicts with it."""
    held = json.loads((FOLDERS / "xgboost_classifier/model/model.json").read_text())
    for tree in held["learner"]["gradient_booster"]["model"]["trees"]:
        tree["split_indices"] = [2_000_000_000] * len(tree["split_indices"])
        tree["left_children"] = [0] * len(tree["left_children"])
    return json.dumps(held).encode()


def outside_its_text(marker: Path) -> bytes:
    text = (FOLDERS / "lightgbm_booster/model/model.lgb").read_text()
    return re.sub("(?m)^tree_sizes=.*", "tree_sizes=2000000000 2000000000", text).encode()


def lightgbm_estimator(folder: Path, marker: Path) -> None:
    kind = "lightgbm.sklearn.LGBMClassifier"
    booster("lightgbm", "model.pkl", lambda _: b"N.", model_class=kind, estimator="estimator.json")(
        folder, marker
    )
    (folder / "booster.lgb").write_bytes(outside_its_text(marker))
    (folder / "estimator.json").write_text('{"booster_attributes": {}}')


def lightgbm_skops(folder: Path, marker: Path) -> None:
    import lightgbm
    import skops.io

    kind = "lightgbm.sklearn.LGBMRegressor"
    booster("lightgbm", "model.skops", lambda _: b"", model_class=kind)(folder, marker)
    model = lightgbm.LGBMRegressor(n_estimators=1, verbose=-1).fit([[1.0], [2.0]], [0.0, 1.0])
    skops.io.dump(model, folder / "model.skops")


def otherwise_fine(change: Callable[[Path], object]) -> Make:
    """A model that runs nothing when it is loaded, so that no look at the whole folder comes first."""

    def make(folder: Path, marker: Path) -> None:
        shutil.copytree(FOLDERS / "sklearn_skops/model", folder, dirs_exist_ok=True)
        change(folder)

    return make


def piped(name: str) -> Make:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return otherwise_fine(change)


def linked(name: str) -> Make:
    def change(folder: Path) -> None:
        (folder / name).rename(folder.parent / name)
        (folder / name).symlink_to(folder.parent / name)

    return otherwise_fine(change)


def harm(marker: Path) -> bytes:
    return pickle.dumps(Harm(marker))


def keras(change: Callable[[dict[str, Any], Path], object], **predictor: Any) -> Make:
    """A model of Keras with another configuration."""

    def make(folder: Path, marker: Path) -> None:
        own = {
            "data": "data",
            "keras_backend": "torch",
            "keras_version": "3.0.0",
            "save_exported_model": False,
        }
        python = {"loader_module": "mlflow.keras", "data": "data", **predictor}
        write(folder, {"flavors": {"keras": own, "python_function": python}}, data__planted_dot_py="")
        (folder / "data" / "planted.py").write_text(harmful(marker))
        (folder / "data" / "keras_module.txt").write_text("planted")
        with (
            zipfile.ZipFile(KERAS_FILE) as source,
            zipfile.ZipFile(folder / "data" / "model.keras", "w") as target,
        ):
            for member in source.infolist():
                content = source.read(member)
                if member.filename == "config.json":
                    config = json.loads(content)
                    change(config, marker)
                    content = json.dumps(config).encode()
                target.writestr(member.filename, content)

    return make


def with_lambda(config: dict[str, Any], marker: Path) -> None:
    code = compile(f"__import__('os').mkdir({str(marker)!r})", "<harm>", "eval")
    encoded = base64.b64encode(marshal.dumps(code)).decode()
    layer = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {
            "name": "lambda",
            "function": {
                "class_name": "__lambda__",
                "config": {"code": encoded, "defaults": None, "closure": None},
            },
        },
        "registered_name": None,
    }
    config["config"]["layers"].append(layer)


def with_class(module: str, name: str, **arguments: Any) -> Callable[[dict[str, Any], Path], object]:
    """A layer that is a class, or a function, of any module."""

    def change(config: dict[str, Any], marker: Path) -> None:
        given = {key: str(marker) if value == "MARKER" else value for key, value in arguments.items()}
        config["config"]["layers"].append(
            {"module": module, "class_name": name, "config": given, "registered_name": f"x>{name}"}
        )

    return change


def h5_with_lambda(folder: Path, marker: Path) -> None:
    own = {"data": "data", "keras_version": "2.11.0", "save_exported_model": False}
    python = {"loader_module": "mlflow.keras", "data": "data"}
    write(folder, {"flavors": {"keras": own, "python_function": python}})
    (folder / "data").mkdir()
    (folder / "data" / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(2000))
    (folder / "data" / "keras_module.txt").write_text("tensorflow.keras")


FORMS: dict[str, dict[str, Case]] = {
    "pytorch": {
        "torch, whole": Case(pytorch(saved()), MKDIR, "pytorch", is_live=True),
        "torch, whole, before zip": Case(pytorch(saved(is_zip=False)), MKDIR, "pytorch", is_live=True),
        "torch, a bare pickle": Case(pytorch(pickled("model.pth")), MKDIR, "pytorch", is_live=True),
        "torch, as a predictor": Case(pytorch(saved()), MKDIR, is_live=True),
        "torch, weights only": Case(pytorch(saved()), ".", "pytorch weights"),
        "torch, read by a planted module": Case(
            pytorch(read_by_planted), "is not loaded", "pytorch", harmless=("pytorch weights",)
        ),
        "torch, a script": Case(pytorch(script), r"is not loaded.*would import", "pytorch"),
        "torch, an exported program": Case(pytorch(exported), "is not loaded", "pytorch"),
        "torch, a state that calls": Case(state_that_calls, MKDIR, "pytorch state", is_live=True),
        "torch, pickle named safetensors": Case(
            pytorch(pickled("model.safetensors")), "safetensors|Safetensor|header", "pytorch state"
        ),
        "torch, pickle beside safetensors": Case(
            pytorch(
                lambda data, marker: [
                    with_file("model.safetensors", safetensors({"a": TENSOR}))(data, marker),
                    pickled("module.pkl")(data, marker),
                ]
            ),
            MKDIR,
            "pytorch",
            is_live=True,
            harmless=("pytorch state",),
        ),
        **{
            f"safetensors with {what}": Case(
                pytorch(with_file("model.safetensors", content)), ".", "pytorch state"
            )
            for what, content in LYING.items()
        },
    },
    "xgboost": {
        "xgboost, pickle named ubj": Case(booster("xgboost", "model.ubj", harm), ".", "xgboost"),
        "xgboost, pickle named xgb": Case(booster("xgboost", "model.xgb", harm), ".", "xgboost"),
        "xgboost, JSON nested deeply": Case(
            booster("xgboost", "model.json", lambda marker: b'{"learner":' + b"[" * 200_000), ".", "xgboost"
        ),
        "xgboost, places outside its trees": Case(
            booster("xgboost", "model.json", outside_its_trees), "XGBoost's reader trusts", "xgboost"
        ),
        "xgboost, as a predictor": Case(
            booster("xgboost", "model.json", outside_its_trees), "XGBoost's reader trusts"
        ),
        "xgboost, a class of os": Case(
            booster("xgboost", "model.ubj", harm, model_class="os.mkdir"), ".", "xgboost"
        ),
        "xgboost, a planted class": Case(
            booster("xgboost", "model.ubj", harm, model_class="planted.Model"), ".", "xgboost"
        ),
        "xgboost, a class through its own modules": Case(
            booster("xgboost", "model.ubj", harm, model_class="xgboost.core.os.mkdir"), ".", "xgboost"
        ),
    },
    "sklearn": {
        "requirements a pipe, in a harmless model": Case(
            piped("requirements.txt"), "is a named pipe", harmless=("sklearn",)
        ),
        "requirements a link, in a harmless model": Case(
            linked("requirements.txt"), "is a link", harmless=("sklearn",)
        ),
        "MLmodel a link, in a harmless model": Case(linked("MLmodel"), "is a link"),
        "model a link, in a harmless model": Case(linked("model.skops"), "is a link"),
    },
    "lightgbm": {
        "lightgbm, pickle": Case(
            booster("lightgbm", "model.pkl", harm, model_class="lightgbm.sklearn.LGBMClassifier"),
            MKDIR,
            "lightgbm",
            is_live=True,
        ),
        "lightgbm, pickle named lgb": Case(
            booster("lightgbm", "model.lgb", harm, model_class="lightgbm.basic.Booster"), ".", "lightgbm"
        ),
        "lightgbm, places outside its text": Case(
            booster("lightgbm", "model.lgb", outside_its_text), "LightGBM's reader trusts", "lightgbm"
        ),
        "lightgbm, places outside its text, in an estimator": Case(
            lightgbm_estimator, "LightGBM's reader trusts", "lightgbm"
        ),
        "lightgbm, places outside its text, in a skops file": Case(
            lightgbm_skops, "skops does not trust: .*lightgbm", "lightgbm"
        ),
        "lightgbm, a class of os": Case(
            booster("lightgbm", "model.pkl", harm, model_class="os.mkdir"), ".", "lightgbm"
        ),
    },
    "keras": {
        "keras, a lambda": Case(keras(with_lambda), ".", "keras"),
        "keras, a planted class": Case(keras(with_class("planted", "Layer")), ".", "keras"),
        "keras, a function of os": Case(keras(with_class("os", "mkdir", path="MARKER")), ".", "keras"),
        "keras, a class of subprocess": Case(
            keras(with_class("subprocess", "Popen", args=["mkdir", "MARKER"])), ".", "keras"
        ),
        "keras, as a predictor": Case(keras(with_lambda), "."),
        "keras, HDF5": Case(h5_with_lambda, ".", "keras"),
    },
}

FRAMEWORK_CASES: dict[str, Case] = {
    name: case
    for flavor, cases in FORMS.items()
    if importlib.util.find_spec(f"nbtrack.{flavor.strip()}") is not None
    for name, case in cases.items()
}
