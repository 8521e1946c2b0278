"""Checkpoints of a training of Lightning: under MLflow's names, for `load_checkpoint`.

Where the user has asked for them by an option of `checkpoint_*`, each is written. Of those that autolog makes
of its own accord only as many are written as cost the training 1 %; what is left out is made up for when the
training ends: from a copy in memory where it is small, else from the weights if they are still those, or from
the best checkpoint of the user's own.
"""

import copy
import os
import time
from collections.abc import Mapping
from typing import Any

from nbtrack.core.mlflow_tags import LATEST_CHECKPOINT_ARTIFACT_TAG_KEY
from nbtrack.core.warn import warn_user
from nbtrack.tracking.autolog.frameworks import FRAMEWORKS
from nbtrack.tracking.autolog.sessions import ALLOWANCE, SHARE, Session

_FOLDER = "checkpoints"
_SUFFIX = ".pth"
_BYTES_A_SECOND = 200e6
"""How fast a first checkpoint is taken to be written."""
_SECONDS_A_FILE = 0.010
_SMALL = 8 * 2**20
"""Bytes that a checkpoint may have to be kept in memory: copying them takes some milliseconds."""
_IN_PARTS = {"FSDPStrategy", "DeepSpeedStrategy", "ModelParallelStrategy", "XLAStrategy"}
"""Strategies of which no process has all weights: one alone cannot write them."""


class Checkpoints:
    """The checkpoints of one training.

    Args:
        options: Those of `nbtrack.pytorch.autolog`.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        usual = FRAMEWORKS["pytorch"].defaults
        self._is_wanted: bool = options["checkpoint"]
        self._is_asked = any(options[name] != usual[name] for name in usual if name.startswith("checkpoint_"))
        self._monitor: str | None = options["checkpoint_monitor"]
        self._mode: str = options["checkpoint_mode"]
        self._best_only: bool = options["checkpoint_save_best_only"]
        self._weights_only: bool = options["checkpoint_save_weights_only"]
        self._by_epoch = options["checkpoint_save_freq"] == "epoch"
        self._best: float | None = None
        self._spent = 0.0
        """Seconds that checkpoints have cost the training."""
        self._seconds: float | None = None
        """How long writing the last one took."""
        self._owed: dict[str, Any] | None = None
        """The metrics, epoch and step of the best one, where it was not written."""
        self._held: Any = None
        """That one itself."""
        self._is_told = False

    def note(
        self, trainer: Any, epoch: int, metrics: Mapping[str, float], session: Session, trained: float
    ) -> None:
        """Take note of an epoch, or some steps: write a checkpoint if there should be one.

        Args:
            trainer: The Trainer.
            epoch: Which epoch it is in, from 0.
            metrics: What is known of it.
            session: The training.
            trained: Seconds since the training started.
        """
        if not self._is_wanted or _is_in_parts(trainer) or not self._is_better(trainer, metrics):
            return
        started = time.perf_counter()
        about = {**metrics, "epoch": epoch, "global_step": trainer.global_step}
        size = self._size(trainer)
        seconds = self._seconds or _SECONDS_A_FILE + size / _BYTES_A_SECOND
        if self._is_asked or self._spent + seconds <= max(ALLOWANCE, SHARE * trained):
            self._owed = self._held = None
            self._write(self._dump(trainer), about, session)
            self._seconds = time.perf_counter() - started
        else:
            self._owed = about
            self._held = copy.deepcopy(self._dump(trainer)) if size <= _SMALL else None
        self._spent += time.perf_counter() - started

    def rescue(self, session: Session) -> None:
        """The training has failed, or was interrupted: what is held in memory is written."""
        if self._owed is not None and self._held is not None:
            self._write(self._held, self._owed, session)
        self._owed = self._held = None

    def end(self, trainer: Any, session: Session) -> None:
        """The training has ended: what was left out of its best epoch is made up for, if it can be."""
        about = self._owed
        if about is None or self._held is not None:
            self.rescue(session)
            return
        self._owed = None
        if about["global_step"] == trainer.global_step:
            self._write(self._dump(trainer), about, session)
        elif path := self._users_best(trainer):
            name = self._name(about)
            with open(path, "rb") as file:
                session.run.log_stream(file, name)
            self._tell_of(name, about, session)
        else:
            session.skip(f"checkpoint of epoch {about['epoch']}, the best: it would have slowed the training")

    def _is_better(self, trainer: Any, metrics: Mapping[str, float]) -> bool:
        if not self._best_only:
            return True
        if self._monitor not in metrics and not self._is_asked:
            self._watch_what_others_do(trainer, metrics)
        value = metrics.get(self._monitor or "")
        if value is None:
            self._tell_missing(metrics)
            return False
        if self._best is not None and not (value < self._best if self._mode == "min" else value > self._best):
            return False
        self._best = value
        return True

    def _watch_what_others_do(self, trainer: Any, metrics: Mapping[str, float]) -> None:
        """Nobody has said what is best: then it is what the user's own callbacks take for it."""
        for callback in (*trainer.checkpoint_callbacks, *trainer.early_stopping_callbacks):
            monitor = getattr(callback, "monitor", None)
            if monitor in metrics:
                self._monitor, self._mode = monitor, callback.mode
                return

    def _tell_missing(self, metrics: Mapping[str, float]) -> None:
        if self._is_told or not self._is_asked:
            return
        self._is_told = True
        known = ", ".join(sorted(metrics)) or "none"
        warn_user(
            f"No checkpoint is logged: checkpoint_monitor is {self._monitor!r}, and nothing logs it. "
            f"Metrics that there are: {known}. checkpoint_save_best_only=False keeps all checkpoints."
        )

    def _size(self, trainer: Any) -> float:
        """Bytes of a checkpoint, nearly."""
        held = sum(each.numel() * each.element_size() for each in trainer.lightning_module.parameters())
        return held * (1 if self._weights_only else 3)  # Adam keeps two numbers for each weight

    def _dump(self, trainer: Any) -> Any:
        # Not `trainer.save_checkpoint`, which waits for all processes: only this one is here.
        return trainer._checkpoint_connector.dump_checkpoint(self._weights_only)

    def _write(self, checkpoint: Any, about: dict[str, Any], session: Session) -> None:
        import torch

        name = self._name(about)
        # Straight into the store: a large one is not copied.
        session.run._save(name, lambda file: torch.save(checkpoint, file))  # pyright: ignore[reportPrivateUsage]
        self._tell_of(name, about, session)

    def _tell_of(self, name: str, about: dict[str, Any], session: Session) -> None:
        folder, _, file = name.rpartition("/")
        prefix = "latest_" if file.startswith("latest_") else ""
        session.run.log_dict(about, f"{folder}/{prefix}checkpoint_metrics.json")
        session.run.set_tag(LATEST_CHECKPOINT_ARTIFACT_TAG_KEY, name)

    def _name(self, about: Mapping[str, Any]) -> str:
        weights = ".weights" if self._weights_only else ""
        if self._best_only:
            return f"{_FOLDER}/latest_checkpoint{weights}{_SUFFIX}"
        of = f"epoch_{about['epoch']}" if self._by_epoch else f"global_step_{about['global_step']}"
        return f"{_FOLDER}/{of}/checkpoint{weights}{_SUFFIX}"

    def _users_best(self, trainer: Any) -> str | None:
        """The file of the best checkpoint that the user's own callbacks keep by the same metric."""
        for callback in trainer.checkpoint_callbacks:
            if (getattr(callback, "monitor", None), getattr(callback, "mode", None)) == (
                self._monitor,
                self._mode,
            ):
                path = str(callback.best_model_path)
                if os.path.isfile(path) and not self._weights_only:
                    return path
        return None


def _is_in_parts(trainer: Any) -> bool:
    return bool(_IN_PARTS & {kind.__name__ for kind in type(trainer.strategy).__mro__})
