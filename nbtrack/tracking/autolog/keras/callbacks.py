"""The callback through which Keras tells of a training: it is among the user's while one `fit` runs.

It needs Keras, so it is imported when there is something to record.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from nbtrack.tracking.autolog.keras.recorder import Recorder


class EpochCallback(keras.callbacks.Callback):
    """Tells of epochs. It has nothing to do with batches, so that Keras goes through them as before."""

    def __init__(self, recorder: "Recorder") -> None:
        super().__init__()
        self.recorder = recorder

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """The model is built, and nothing is trained."""
        self.recorder.train_begins()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """An epoch begins."""
        self.recorder.epoch_begins(epoch)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """An epoch is over."""
        self.recorder.epoch_ends(self, epoch, logs)

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """A validation is over."""
        self.recorder.validation_ends(logs)


class BatchCallback(EpochCallback):
    """Tells of batches as well."""

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """A batch is trained."""
        self.recorder.batch_ends(self, batch, logs)


class TestCallback(keras.callbacks.Callback):
    """Remembers what an `evaluate` found."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Mapping[str, Any] = {}

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """The evaluation is over."""
        self.found = dict(logs or {})
