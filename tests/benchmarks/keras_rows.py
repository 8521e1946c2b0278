"""What is measured of autolog with Keras."""

import os
import warnings
from pathlib import Path

import numpy as np

from tests.benchmarks.timing import Row, in_turn, median, shown

_EPOCHS = 10


def autolog_keras(folder: Path, scale: float) -> Row:
    """Train a tiny network, whose steps Keras itself makes a millisecond long, recorded and not, in turn."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    from nbtrack.tracking.autolog import switching
    from nbtrack.tracking.fluent import default_tracker

    steps = max(2, int(100 * scale))
    random = np.random.default_rng(0)
    inputs, targets = random.random((8 * steps, 8), "float32"), random.random((8 * steps, 1), "float32")

    def fit() -> None:
        net = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
        net.compile("adam", "mse")
        net.fit(inputs, targets, batch_size=8, epochs=_EPOCHS, verbose=0, validation_data=(inputs, targets))

    def recorded(_: int) -> None:
        switching.switch("keras", log_models=False, silent=True)
        fit()

    def bare(_: int) -> None:
        switching.switch("keras", disable=True)
        fit()

    default_tracker.set_tracking_uri(str(folder / "store"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras on torch uses what NumPy will no longer have
            recorded(0)  # the first one imports
            ours, floor = in_turn(recorded, bare, max(2, int(4 * scale)))
    finally:
        switching.switch("keras", disable=True)
        default_tracker.close()
        default_tracker.set_tracking_uri(None)
    return Row(
        f"Keras: a training of {_EPOCHS} epochs of {steps} steps, recorded",
        shown(median(ours)),
        f"not recorded: {shown(median(floor))}",
        "≤ 1.02x + 20 ms",
        median(ours) / median(floor),
    )
