"""The frameworks that autolog records: which modules are watched for, and who hooks into them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Watched:
    """A module, and the module of ours that hooks into it once it has been imported."""

    module: str
    hooks: str
    submodules: bool = False
    """Whether each module below it is hooked into on its own, as soon as it has been imported."""


@dataclass(frozen=True)
class Framework:
    """What autolog knows of one framework."""

    name: str
    """As in `nbtrack.<name>.autolog`."""
    package: str
    """The distribution that says which version is installed."""
    oldest: str
    """The oldest version that its hooks were made for."""
    watched: tuple[Watched, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Its own options; those that all frameworks have are in `options`."""


_OURS = "nbtrack.tracking.autolog"

_CHECKPOINTS = {
    "checkpoint": True,
    "checkpoint_monitor": "val_loss",
    "checkpoint_mode": "min",
    "checkpoint_save_best_only": True,
    "checkpoint_save_weights_only": False,
    "checkpoint_save_freq": "epoch",
}

FRAMEWORKS: dict[str, Framework] = {
    framework.name: framework
    for framework in (
        Framework(
            "sklearn",
            "scikit-learn",
            "1.4",
            (Watched("sklearn", f"{_OURS}.sklearn.hooks", submodules=True),),
            {
                "max_tuning_runs": 5,
                "log_post_training_metrics": True,
                "serialization_format": "cloudpickle",
                "pos_label": None,
            },
        ),
        Framework(
            "pytorch",
            "torch",
            "2.5",
            (
                Watched("torch", f"{_OURS}.torch.hooks"),
                Watched("lightning.pytorch", f"{_OURS}.lightning.hooks"),
                Watched("pytorch_lightning", f"{_OURS}.lightning.hooks"),
            ),
            {"log_every_n_epoch": 1, "log_every_n_step": None, **_CHECKPOINTS, "log_gradient_norm": False},
        ),
        Framework(
            "xgboost",
            "xgboost",
            "2.1",
            (Watched("xgboost", f"{_OURS}.xgboost.hooks"),),
            {"importance_types": None, "model_format": "ubj"},
        ),
        Framework("lightgbm", "lightgbm", "4.5", (Watched("lightgbm", f"{_OURS}.lightgbm.hooks"),)),
        Framework(
            "keras",
            "keras",
            "3.5",
            (Watched("keras", f"{_OURS}.keras.hooks"),),
            {
                "log_every_epoch": True,
                "log_every_n_steps": None,
                # `nbtrack.tensorflow.autolog` makes them unless told otherwise, as in MLflow.
                **_CHECKPOINTS,
                "checkpoint": False,
                "save_model_kwargs": None,
                "save_exported_model": False,
                "saved_model_kwargs": None,
                "keras_model_kwargs": None,
                # `nbtrack.tensorflow.autolog` records the same under MLflow's other names.
                "flavor": "keras",
            },
        ),
    )
}
