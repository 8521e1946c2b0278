import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras

import nbtrack
import nbtrack.keras
import nbtrack.tensorflow
from nbtrack.core.errors import (
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
    UntrustedModelError,
)
from nbtrack.models.flavors import keras as flavor
from nbtrack.models.flavors.keras import KerasScorer
from nbtrack.models.flavors.known import flavor_of
from nbtrack.models.mlmodel import Model
from nbtrack.tracking.model_access import load_predictor

pytestmark = [
    pytest.mark.filterwarnings("ignore:The model imports 'tests':RuntimeWarning"),
    # Keras' torch backend with NumPy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]
FOLDERS = Path(__file__).parents[1] / "mlflow_folders"
X = np.array([[1.0, 0.5], [2.0, 0.1], [3.0, 0.9]], dtype=np.float32)


def sequential(*layers: Any) -> Any:
    return keras.Sequential([keras.Input((2,)), *(layers or [keras.layers.Dense(3), keras.layers.Dense(1)])])


class Tripling(keras.layers.Layer):
    def call(self, x: Any) -> Any:
        return x * 3


@keras.saving.register_keras_serializable(package="ours")
class Registered(keras.Model):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dense = keras.layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.dense(x)


def plus_one(x: Any) -> Any:
    return x + 1


def half_loss(wanted: Any, given: Any) -> Any:
    return keras.ops.mean(wanted - given) / 2


def largest_gap(wanted: Any, given: Any) -> Any:
    return keras.ops.max(wanted - given)


def save(model: Any, folder: Path, **options: Any) -> Path:
    nbtrack.keras.save_model(model, folder, **options)
    return folder


def of_a_stranger(folder: Path) -> Path:
    (folder / "nbtrack.signature.json").unlink()
    return folder


def test_a_model_comes_back_without_trust(tmp_path: Path) -> None:
    model = sequential()

    folder = of_a_stranger(save(model, tmp_path / "m", input_example=pd.DataFrame(X, columns=["a", "b"])))
    loaded = nbtrack.keras.load_model(folder)

    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    np.testing.assert_array_equal(load_predictor(folder).predict(X), model.predict(X, verbose=0))
    assert flavor_of(model) is flavor


def test_the_layout_is_mlflows(tmp_path: Path) -> None:
    folder = save(sequential(), tmp_path / "m")

    told = Model.load(folder).flavors

    assert told["keras"] == {
        "code": None,
        "data": "data",
        "keras_backend": "torch",
        "keras_version": keras.__version__,
        "save_exported_model": False,
    }
    assert told["python_function"]["loader_module"] == "mlflow.keras"
    assert sorted(path.name for path in (folder / "data").iterdir()) == ["keras_module.txt", "model.keras"]
    lines = (folder / "requirements.txt").read_text().split()
    assert f"keras=={keras.__version__}" in lines
    assert any(line.startswith("torch==") for line in lines)


@pytest.mark.parametrize("version", ["2.22", "3.17"])
def test_what_mlflow_wrote_predicts_what_it_predicted_there(version: str) -> None:
    case = FOLDERS / version / "keras_sequential"
    expected = json.loads((case / "expected.json").read_text())["predictions"]

    predictor = load_predictor(case / "model", suppress_warnings=True)

    assert expected
    for each in expected:
        given = np.array(each["input"]["values"], dtype=each["input"]["dtype"])
        np.testing.assert_allclose(predictor.predict(given), each["output"]["values"], rtol=1e-5)


def test_layers_and_functions_of_ones_own_go_along(tmp_path: Path) -> None:
    model = sequential(keras.layers.Dense(3, activation=plus_one), Tripling())
    model.compile(loss=half_loss, optimizer="sgd", metrics=[largest_gap])
    model.fit(X, X.repeat(2, axis=1)[:, :3], epochs=1, verbose=0)

    folder = save(model, tmp_path / "m")
    loaded = nbtrack.keras.load_model(folder)

    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    assert loaded.loss.__name__ == "half_loss"
    assert Model.load(folder).flavors["keras"]["custom_objects"] == [
        "Tripling",
        "half_loss",
        "largest_gap",
        "plus_one",
    ]
    of_a_stranger(folder)
    with pytest.raises(UntrustedModelError, match="Tripling, half_loss, largest_gap, plus_one"):
        nbtrack.keras.load_model(folder)
    own = {each.__name__: each for each in (Tripling, half_loss, largest_gap, plus_one)}
    mine = nbtrack.keras.load_model(folder, custom_objects=own)
    np.testing.assert_array_equal(mine.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_registered_model_of_ones_own_comes_back(tmp_path: Path) -> None:
    model = Registered()
    model(X)

    loaded = nbtrack.keras.load_model(save(model, tmp_path / "m"))

    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_lambda_asks_for_trust(tmp_path: Path) -> None:
    model = sequential(keras.layers.Lambda(lambda x: x * 2))

    folder = save(model, tmp_path / "m")
    own = nbtrack.keras.load_model(folder)
    of_a_stranger(folder)

    np.testing.assert_array_equal(own.predict(X, verbose=0), X * 2)
    with pytest.raises(UntrustedModelError, match="lambda"):
        nbtrack.keras.load_model(folder)
    with pytest.raises(UntrustedModelError, match="safe_mode"):
        nbtrack.keras.load_model(folder, load_model_kwargs={"safe_mode": False})
    assert nbtrack.keras.load_model(folder, trust=True)


def test_an_old_keras_reads_no_strangers_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = of_a_stranger(save(sequential(), tmp_path / "m"))
    monkeypatch.setattr(keras, "__version__", "3.14.0")

    with pytest.raises(UntrustedModelError, match=r"Keras 3\.14\.0"):
        nbtrack.keras.load_model(folder)
    monkeypatch.setattr(keras, "__version__", "3.12.4")
    assert nbtrack.keras.load_model(folder)


def test_an_hdf5_file_asks_for_trust(tmp_path: Path) -> None:
    folder = save(sequential(), tmp_path / "m")
    (folder / "data" / "model.keras").rename(folder / "data" / "model.h5")

    with pytest.raises(UntrustedModelError, match="HDF5"):
        nbtrack.keras.load_model(folder)


def test_a_model_of_a_run_loads_in_a_fresh_process_on_the_backend_that_it_was_made_with() -> None:
    notebook: dict[str, Any] = {"__name__": "__main__", "keras": keras}
    exec("class Doubling(keras.layers.Layer):\n    def call(self, x):\n        return x * 2\n", notebook)
    with nbtrack.start_run() as run:
        nbtrack.log_model(sequential(notebook["Doubling"]()), name="doubling")
    script = (
        "import sys, nbtrack.keras\n"
        "assert 'keras' not in sys.modules\n"
        f"model = nbtrack.keras.load_model('runs:/{run.info.run_id}/doubling')\n"
        "import keras, numpy\n"
        "print(keras.backend.backend(), model.predict(numpy.ones((1, 2)), verbose=0).tolist())\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}

    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )

    assert told.stdout.splitlines() == ["torch [[2.0, 2.0]]"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (keras.Sequential, "Sequential is a class. Give an instance"),
        (keras.layers.Dense(1), r"Put a layer into keras\.Sequential"),
        (torch.nn.Linear(1, 1), "nbtrack.log_model picks the flavor"),
    ],
    ids=["class", "layer", "torch"],
)
def test_what_is_no_model_is_refused_with_what_to_do(given: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidTypeError, match=told):
        save(given, tmp_path / "m")


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="Call it on a few rows"):
        save(Registered(), tmp_path / "m")
    with pytest.raises(InvalidValueError, match="SavedModel"):
        save(sequential(), tmp_path / "m", save_exported_model=True)
    assert not (tmp_path / "m").exists()


def test_a_damaged_or_missing_file_is_named(tmp_path: Path) -> None:
    folder = save(sequential(), tmp_path / "m")
    file = folder / "data" / "model.keras"
    file.write_bytes(b"PK nothing")

    with pytest.raises(InvalidValueError, match=r"'data/model\.keras' in the model .* cannot be read"):
        nbtrack.keras.load_model(folder)
    file.unlink()
    with pytest.raises(MissingFileError, match=r"model\.keras"):
        nbtrack.keras.load_model(folder)
    (folder / "data" / "model").mkdir()
    with pytest.raises(InvalidValueError, match="SavedModel"):
        nbtrack.keras.load_model(folder)


def test_a_table_in_gives_a_table_with_its_index() -> None:
    model = sequential()

    answer = KerasScorer(model).predict(pd.DataFrame(X, index=["a", "b", "c"]), {"batch_size": 2})

    assert list(answer.index) == ["a", "b", "c"]
    np.testing.assert_allclose(answer.to_numpy(), model.predict(X, verbose=0), rtol=1e-6)
    np.testing.assert_allclose(KerasScorer(model).predict(X.tolist()), answer.to_numpy(), rtol=1e-6)
    with pytest.raises(InvalidValueError, match="columns hold others: city"):
        KerasScorer(model).predict(pd.DataFrame({"a": [1.0], "city": ["Oslo"]}))


def test_several_inputs_go_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    left, right = keras.Input((1,), name="left"), keras.Input((1,), name="right")
    model = keras.Model({"left": left, "right": right}, {"sum": left + right, "left": left})
    table = pd.DataFrame({"right": [1.0, 2.0], "other": ["x", "y"], "left": [3.0, 4.0]})

    by_table = KerasScorer(model).predict(table)
    by_dict = KerasScorer(model).predict({"left": np.array([[3.0]]), "right": np.array([[1.0]])})

    assert by_table["sum"].ravel().tolist() == [4.0, 6.0]
    assert by_dict["left"].ravel().tolist() == [3.0]
    assert capsys.readouterr().out == ""


def test_code_written_for_mlflow_tensorflow_works(tmp_path: Path) -> None:
    model = sequential(Tripling())

    with nbtrack.start_run():
        info = nbtrack.tensorflow.log_model(
            model,
            "net",
            custom_objects={"Tripling": Tripling},
            keras_model_kwargs={"save_format": "keras"},
            step=3,
        )
    nbtrack.tensorflow.save_model(model, tmp_path / "m")
    loaded = nbtrack.tensorflow.load_model(info.model_uri, keras_model_kwargs={"compile": False})

    np.testing.assert_array_equal(loaded.predict(X, verbose=0), X * 3)
    assert info.step == 3
    assert "tensorflow" not in sys.modules


def test_what_mlflow_tensorflow_logged_is_read(tmp_path: Path) -> None:
    folder = save(sequential(), tmp_path / "m")
    told = Model.load(folder)
    entry = told.flavors.pop("keras")
    told.flavors["tensorflow"] = {
        "code": None,
        "data": entry["data"],
        "model_type": "keras",
        "save_format": "tf",
    }
    told.flavors["python_function"] |= {"loader_module": "mlflow.tensorflow", "data": "data"}
    told.save(folder / "MLmodel")

    assert nbtrack.tensorflow.load_model(folder)
    assert load_predictor(folder).predict(X).shape == (3, 1)


def test_the_settings_that_keras_wrote_by_itself_do_not_hide_the_backend_of_a_model(tmp_path: Path) -> None:
    nbtrack.keras.save_model(sequential(), tmp_path / "m")
    (tmp_path / "home" / ".keras").mkdir(parents=True)
    # As Keras writes it on its first import, wherever TensorFlow is not installed too.
    settings = {"floatx": "float32", "epsilon": 1e-07, "backend": "tensorflow"}
    (tmp_path / "home" / ".keras" / "keras.json").write_text(json.dumps(settings))
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}

    told = subprocess.run(
        [sys.executable, "-c", _LOAD, str(tmp_path / "m")],
        env={**environment, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
    )

    assert told.stdout.split() == ["torch"], told.stderr


_LOAD = """
import sys
import nbtrack.keras
from nbtrack.models.loading import load_native
from pathlib import Path
load_native(Path(sys.argv[1]), "keras")
import keras
print(keras.backend.backend())
"""


@pytest.mark.parametrize("backend", ["tensorflow", "no_such_backend"])
def test_a_backend_that_is_not_there_is_told_without_what_keras_did_on_the_way(
    backend: str, tmp_path: Path
) -> None:
    nbtrack.keras.save_model(sequential(), tmp_path / "m")

    told = subprocess.run(
        [sys.executable, "-c", _LOAD, str(tmp_path / "m")],
        env={**os.environ, "KERAS_BACKEND": backend, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert "Keras has no backend" in told.stderr
    assert "During handling" not in told.stderr
    assert "direct cause" not in told.stderr
