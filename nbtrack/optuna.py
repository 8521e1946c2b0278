"""Optuna's studies, recorded: each trial is a nested run.

study.optimize(objective, n_trials=20, callbacks=[nbtrack.optuna.TrialsCallback(metric_name="accuracy")])
"""

from typing import TYPE_CHECKING

from nbtrack.core.absent_names import hints_of
from nbtrack.tracking.optuna_trials import TrialsCallback

__all__ = ["TrialsCallback"]

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    __getattr__ = hints_of(__name__)
