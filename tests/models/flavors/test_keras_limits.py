import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras

import nbtrack.keras
from nbtrack.core.errors import UntrustedModelError
from nbtrack.models.flavors import keras_limits

layers = keras.layers
pytestmark = pytest.mark.filterwarnings(
    # Keras' torch backend with NumPy 2.
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


@pytest.fixture(autouse=True)
def _a_low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is seen to be too much here does no harm where it is not seen."""
    monkeypatch.setattr(keras_limits, "ALWAYS_FINE", 10_000_000)


def strangers(path: Path, *parts: Any, shape: tuple[int, ...] = (8,), compiled: Any = None) -> Path:
    model = keras.Sequential([keras.Input(shape), *parts])
    model.compile(loss="mse", optimizer="adam", metrics=compiled or ["mae"])
    model.optimizer.build(model.trainable_variables)
    nbtrack.keras.save_model(model, path / "m")
    (path / "m" / "nbtrack.signature.json").unlink()
    return path / "m"


def rewritten(folder: Path, member: str, change: Callable[[bytes], bytes]) -> Path:
    file = folder / "data" / "model.keras"
    with zipfile.ZipFile(file) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members[member] = change(members.get(member, b""))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in members.items():
            new.writestr(name, content)
    return folder


def with_config(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    def changed(text: bytes) -> bytes:
        config = json.loads(text)
        change(config)
        return json.dumps(config).encode()

    return rewritten(folder, "config.json", changed)


def wide(config: dict[str, Any]) -> None:
    first, dense = config["config"]["layers"]
    first["config"]["batch_shape"] = [None, 4_000]
    dense["config"]["units"] = 2_000
    dense["build_config"] = config["build_config"] = None


def test_layers_that_ask_for_more_than_the_file_ask_a_stranger_for_trust(tmp_path: Path) -> None:
    folder = with_config(strangers(tmp_path, layers.Dense(3)), wide)

    with pytest.raises(UntrustedModelError, match=r"20 times .* \(4000, 2000\) numbers"):
        nbtrack.keras.load_model(folder)
    # Nothing of it waits to be filled with numbers later.
    with keras.StatelessScope():
        pass


def test_metrics_that_ask_for_more_than_the_file_ask_for_trust(tmp_path: Path) -> None:
    folder = strangers(tmp_path, layers.Dense(3), compiled=[keras.metrics.MeanIoU(3)])
    with_config(
        folder,
        lambda config: config["compile_config"]["metrics"][0]["config"].update(num_classes=3_000),
    )

    with pytest.raises(UntrustedModelError, match=r"\(3000, 3000\) numbers"):
        nbtrack.keras.load_model(folder)
    assert nbtrack.keras.load_model(folder, load_model_kwargs={"compile": False})


def test_many_layers_in_a_small_file_ask_for_trust(tmp_path: Path) -> None:
    folder = with_config(
        strangers(tmp_path, layers.Dense(3)),
        lambda config: config.update(more=[{"class_name": "Dense"}] * 60_000),
    )

    with pytest.raises(UntrustedModelError, match="more than 50,000 parts"):
        nbtrack.keras.load_model(folder)


def test_a_long_sequential_which_keras_builds_again_for_each_layer_asks_for_trust(tmp_path: Path) -> None:
    layer = {"module": "keras.layers", "class_name": "Dropout", "config": {"rate": 0.1}}
    folder = with_config(
        strangers(tmp_path, layers.Dense(3)),
        lambda config: config["config"]["layers"].extend([layer] * 250),
    )

    with pytest.raises(UntrustedModelError, match="take very long"):
        nbtrack.keras.load_model(folder)


def test_a_long_configuration_asks_for_trust(tmp_path: Path) -> None:
    folder = with_config(
        strangers(tmp_path, layers.Dense(3)), lambda config: config.update(more=" " * 6_000_000)
    )

    with pytest.raises(UntrustedModelError, match="more than 5,000,000 bytes"):
        nbtrack.keras.load_model(folder)


def test_a_member_that_unpacks_to_far_more_asks_for_trust(tmp_path: Path) -> None:
    folder = rewritten(strangers(tmp_path, layers.Dense(3)), "assets/large", lambda _: bytes(12_000_000))

    with pytest.raises(UntrustedModelError, match="more than 200 times its size"):
        nbtrack.keras.load_model(folder)


def test_weights_that_hdf5_unpacks_to_far_more_ask_for_trust(tmp_path: Path) -> None:
    def with_zeros(content: bytes) -> bytes:
        file = io.BytesIO(content)
        with h5py.File(file, "a") as held:
            held.create_dataset("more", (4_000_000,), dtype="f4", compression="gzip")
        return file.getvalue()

    folder = rewritten(strangers(tmp_path, layers.Dense(3)), "model.weights.h5", with_zeros)

    with pytest.raises(UntrustedModelError, match="weights unpack"):
        nbtrack.keras.load_model(folder)


def test_what_fails_while_it_is_built_is_said_as_an_error_of_nbtracks(tmp_path: Path) -> None:
    folder = with_config(
        strangers(tmp_path, layers.Dense(3)),
        lambda config: config["config"]["layers"][1]["config"].update(units="many"),
    )

    with pytest.raises(nbtrack.NbtrackError, match=r"data/model\.keras|Keras cannot tell"):
        nbtrack.keras.load_model(folder)
    with pytest.raises(nbtrack.NbtrackError, match="cannot be read by Keras"):
        nbtrack.keras.load_model(folder, trust=True)


def test_ones_own_model_may_take_what_it_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_limits, "ALWAYS_FINE", 0)
    monkeypatch.setattr(keras_limits, "MOST_TIMES", 0)
    nbtrack.keras.save_model(keras.Sequential([keras.Input((2,)), layers.Dense(3)]), tmp_path / "m")

    assert nbtrack.keras.load_model(tmp_path / "m").count_params() == 9
    (tmp_path / "m" / "nbtrack.signature.json").unlink()
    with pytest.raises(UntrustedModelError):
        nbtrack.keras.load_model(tmp_path / "m")
    assert nbtrack.keras.load_model(tmp_path / "m", trust=True)


def test_a_large_model_of_a_stranger_loads(tmp_path: Path) -> None:
    folder = strangers(tmp_path, layers.Dense(2_000), shape=(4_000,))

    assert nbtrack.keras.load_model(folder).count_params() == 8_002_000


def normalized() -> Any:
    layer = layers.Normalization()
    layer.adapt(np.ones((4, 8)))
    return layer


USUAL: dict[str, tuple[tuple[int, ...], Callable[[], list[Any]]]] = {
    "dense": ((8,), lambda: [normalized(), layers.Dense(3), layers.BatchNormalization(), layers.PReLU()]),
    "regular": (
        (8,),
        lambda: [
            layers.Dropout(0.5),
            layers.GaussianNoise(0.1),
            layers.SpectralNormalization(layers.Dense(3)),
        ],
    ),
    "recurrent": (
        (5, 8),
        lambda: [
            layers.TimeDistributed(layers.Dense(3)),
            layers.LSTM(4, return_sequences=True),
            layers.Bidirectional(layers.GRU(3)),
        ],
    ),
    "words": ((5,), lambda: [layers.Embedding(10, 4), layers.GlobalAveragePooling1D()]),
    "pictures": (
        (20, 20, 3),
        lambda: [
            layers.RandomFlip(),
            layers.Conv2D(3, 3),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(2, 2),
            layers.Flatten(),
        ],
    ),
    "categories": ((8,), lambda: [layers.Rescaling(2.0), layers.Discretization(bin_boundaries=[0.0, 1.0])]),
}


@pytest.mark.parametrize("kind", USUAL)
def test_usual_models_of_strangers_load(kind: str, tmp_path: Path) -> None:
    shape, make = USUAL[kind]
    metrics = ["mae", keras.metrics.AUC(), keras.metrics.MeanIoU(3)]
    folder = strangers(tmp_path, *make(), shape=shape, compiled=metrics)

    loaded = nbtrack.keras.load_model(folder)

    assert loaded.predict(np.zeros((2, *shape), "float32"), verbose=0) is not None
    assert loaded.optimizer is not None
