"""Checkpoints of a training: the model as it is after an epoch or so many batches, kept as artifacts.

Names and tag are MLflow's; the files are those of Keras 3.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from nbtrack.core import mlflow_tags
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.autolog.keras.model_facts import metric_values

FOLDER: Final = "checkpoints"


class Checkpoints:
    """What keeps checkpoints in a run."""

    def __init__(self, run: ActiveRun, options: Mapping[str, Any]) -> None:
        """Read the options.

        Args:
            run: The run.
            options: Those of `nbtrack.tensorflow.autolog`.
        """
        self._run = run
        self._monitor = str(options["checkpoint_monitor"])
        self._is_more_better = options["checkpoint_mode"] == "max"
        self._only_best = bool(options["checkpoint_save_best_only"])
        self._only_weights = bool(options["checkpoint_save_weights_only"])
        every = options["checkpoint_save_freq"]
        self.every_n_batches: int | None = every if isinstance(every, int) else None
        """None: after each epoch."""
        self._best: float | None = None

    def take(self, model: Any, logs: Mapping[str, Any], *, epoch: int, batches: int) -> None:
        """Keep the model as it is, if it is to be kept.

        Args:
            model: The model.
            logs: Its metrics.
            epoch: The epoch, from 0.
            batches: How many batches were trained.
        """
        if self._only_best:
            value = logs.get(self._monitor)
            if value is None or not self._is_better(float(value)):
                return
            self._best = float(value)
            folder, first = FOLDER, "latest_"
        else:
            place = f"epoch_{epoch}" if self.every_n_batches is None else f"global_step_{batches}"
            folder, first = f"{FOLDER}/{place}", ""
        name = f"{first}checkpoint{'.weights.h5' if self._only_weights else '.keras'}"
        with tempfile.TemporaryDirectory() as kept:
            path = Path(kept) / name
            if self._only_weights:
                model.save_weights(str(path))
            else:
                model.save(str(path))
            self._run.log_artifact(path, folder)
        about = {**metric_values(logs), "epoch": epoch, "global_step": batches}
        self._run.log_dict(about, f"{folder}/{first}checkpoint_metrics.json")
        self._run.set_tag(mlflow_tags.LATEST_CHECKPOINT_ARTIFACT_TAG_KEY, f"{folder}/{name}")

    def _is_better(self, value: float) -> bool:
        if self._best is None:
            return value == value  # not NaN
        return value > self._best if self._is_more_better else value < self._best
