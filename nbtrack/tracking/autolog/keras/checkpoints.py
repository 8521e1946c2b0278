"""Checkpoints of a training: the model as it is after an epoch or so many batches, kept as artifacts.

Names and tag are MLflow's; the files are those of Keras 3. Where the user has asked for them by an option of
`checkpoint_*`, each is written. Those that `nbtrack.tensorflow.autolog` makes of its own accord may cost the
training 1 %; the last of those left out is made up for at the end, if the model still has its weights.
"""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from nbtrack.core import mlflow_tags
from nbtrack.tracking.autolog.frameworks import FRAMEWORKS
from nbtrack.tracking.autolog.keras.model_facts import metric_values
from nbtrack.tracking.autolog.sessions import ALLOWANCE, SHARE, Session

FOLDER: Final = "checkpoints"
_SECONDS_A_FILE = 0.015
_BYTES_A_SECOND = 200e6
"""How fast a first checkpoint is taken to be written."""


class Checkpoints:
    """What keeps the checkpoints of one training."""

    def __init__(self, session: Session) -> None:
        """Read the options.

        Args:
            session: The training.
        """
        given, usual = session.options, FRAMEWORKS["keras"].defaults
        self._session = session
        self._is_asked = any(given[name] != usual[name] for name in usual if name.startswith("checkpoint_"))
        self._monitor = str(given["checkpoint_monitor"])
        self._is_more_better = given["checkpoint_mode"] == "max"
        self._only_best = bool(given["checkpoint_save_best_only"])
        self._only_weights = bool(given["checkpoint_save_weights_only"])
        every = given["checkpoint_save_freq"]
        self.every_n_batches: int | None = every if isinstance(every, int) else None
        """None: after each epoch."""
        self._best: float | None = None
        self._others = ""
        """The metrics that there are where the one to be monitored is not."""
        self._started = time.perf_counter()
        self._spent = 0.0
        self._seconds: float | None = None
        """How long the last one took."""
        self._left_out: tuple[int, int, Mapping[str, Any]] | None = None

    def take(self, model: Any, logs: Mapping[str, Any], *, epoch: int, batches: int) -> None:
        """Keep the model as it is, if it is to be kept.

        Args:
            model: The model.
            logs: Its metrics.
            epoch: The epoch, from 0.
            batches: How many batches were trained.
        """
        if self._only_best and not self._is_best(logs):
            return
        if self._is_asked or self._affords(model):
            self._left_out = None
            self._write(model, logs, epoch, batches)
        else:
            self._left_out = (epoch, batches, logs)

    def end(self, model: Any, epoch: int) -> None:
        """The training has ended.

        Args:
            model: The model.
            epoch: The epoch whose weights it has.
        """
        if self._is_asked and self._only_best and self._best is None and self._others:
            missing = f"checkpoint_monitor is {self._monitor!r}, and there are {self._others}"
            self._session.skip(f"checkpoints: {missing}")
        if self._left_out is None:
            return
        left_out, batches, logs = self._left_out
        if left_out == epoch:
            self._write(model, logs, epoch, batches)
        else:
            self._session.skip(f"checkpoint of epoch {left_out}, the best: it would have slowed the training")

    def _is_best(self, logs: Mapping[str, Any]) -> bool:
        value = metric_values(logs).get(self._monitor)
        if value is None:
            self._others = ", ".join(logs)
            return False
        value = float(value)
        if self._best is not None and not (
            value > self._best if self._is_more_better else value < self._best
        ):
            return False
        self._best = value
        return value == value  # not NaN

    def _affords(self, model: Any) -> bool:
        # Optimizers keep up to two numbers for each weight.
        size = model.count_params() * 4 * (1 if self._only_weights else 3)
        seconds = self._seconds or _SECONDS_A_FILE + size / _BYTES_A_SECOND
        return self._spent + seconds <= max(ALLOWANCE, SHARE * (time.perf_counter() - self._started))

    def _write(self, model: Any, logs: Mapping[str, Any], epoch: int, batches: int) -> None:
        started = time.perf_counter()
        run = self._session.run
        place = f"epoch_{epoch}" if self.every_n_batches is None else f"global_step_{batches}"
        folder, first = (FOLDER, "latest_") if self._only_best else (f"{FOLDER}/{place}", "")
        name = f"{first}checkpoint{'.weights.h5' if self._only_weights else '.keras'}"
        with tempfile.TemporaryDirectory() as kept:
            path = Path(kept) / name
            if self._only_weights:
                model.save_weights(str(path))
            else:
                model.save(str(path))
            run.log_artifact(path, folder)
        about = {**metric_values(logs), "epoch": epoch, "global_step": batches}
        run.log_dict(about, f"{folder}/{first}checkpoint_metrics.json")
        run.set_tag(mlflow_tags.LATEST_CHECKPOINT_ARTIFACT_TAG_KEY, f"{folder}/{name}")
        self._seconds = time.perf_counter() - started
        self._spent += self._seconds
