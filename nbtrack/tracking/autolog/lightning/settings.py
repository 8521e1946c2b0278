"""What a training of Lightning was told to do: the params of its run."""

from collections.abc import Mapping
from typing import Any, cast

from nbtrack.models.flavors.lightning import hyper_parameters
from nbtrack.tracking.autolog.torch.optimizer_params import optimizer_params, scheduler_name

_EARLY_STOPPING = ("monitor", "mode", "patience", "min_delta", "stopped_epoch")
_USUAL = {
    "max_steps": (-1, None),
    "accumulate_grad_batches": (1, None),
    "gradient_clip_val": (0, 0.0, None),
    "gradient_clip_algorithm": (None,),
    "check_val_every_n_epoch": (1,),
    "val_check_interval": (1.0, None),
    "limit_train_batches": (1.0, None),
    "overfit_batches": (0, 0.0, None),
}
"""Arguments of a Trainer that change what comes out, with the values that change nothing."""


def of_trainer(trainer: Any, module: Any) -> dict[str, Any]:
    """Params of a training that is about to start: those of MLflow under its names, and more.

    Args:
        trainer: The Trainer, with its optimizers and data.
        module: The LightningModule.
    """
    params: dict[str, Any] = {"epochs": trainer.max_epochs}
    params.update(_of_optimizers(trainer))
    if early_stopping := early_stopping_of(trainer):
        params.update(
            {name: getattr(early_stopping, name) for name in _EARLY_STOPPING if hasattr(early_stopping, name)}
        )
    params["model_class"] = type(module).__name__
    params.update(sizes(module))
    params["device"] = str(trainer.strategy.root_device)
    params["precision"] = trainer.precision
    if trainer.world_size > 1:
        params["world_size"] = trainer.world_size
    if batch_size := _batch_size(trainer):
        params["batch_size"] = batch_size
    for name, usual in _USUAL.items():
        value = getattr(trainer, name, None)
        if value not in usual:
            params[name] = value
    return with_hyper_parameters(
        params, {**_hyper_parameters(trainer.datamodule), **_hyper_parameters(module)}
    )


def sizes(module: Any) -> dict[str, int]:
    """How many weights a module has; nothing while its first batch must still tell.

    Args:
        module: The LightningModule.
    """
    from torch.nn.parameter import is_lazy

    held = list(module.parameters())
    if any(is_lazy(parameter) for parameter in held):
        return {}
    return {
        "parameter_count": sum(parameter.numel() for parameter in held),
        "trainable_parameter_count": sum(parameter.numel() for parameter in held if parameter.requires_grad),
    }


def early_stopping_of(trainer: Any) -> Any:
    """The callback of a Trainer that stops it early; None where it has none."""
    return next(iter(trainer.early_stopping_callbacks), None)


def of_stopping(early_stopping: Any) -> dict[str, float]:
    """What is known of a training that was stopped early, under MLflow's names; nothing of another.

    Args:
        early_stopping: Its EarlyStopping.
    """
    stopped = early_stopping.stopped_epoch
    if not stopped:
        return {}
    metrics: dict[str, float] = {
        "stopped_epoch": stopped,
        "restored_epoch": stopped - max(1, early_stopping.patience),
    }
    for name in ("best_score", "wait_count"):
        if hasattr(early_stopping, name):
            metrics[name] = float(getattr(early_stopping, name))
    return metrics


def learning_rates(trainer: Any) -> dict[str, float]:
    """The learning rate, where a schedule changes it; groups of parameters with another have their own.

    Args:
        trainer: The Trainer.
    """
    if not trainer.lr_scheduler_configs:
        return {}
    groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
    rates = [float(group["lr"]) for group in groups]
    named = {f"learning_rate-{place}": rate for place, rate in enumerate(rates) if rate != rates[0]}
    return {"learning_rate": rates[0], **named}


def with_hyper_parameters(params: dict[str, Any], hyper_parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Params, and hyperparameters that are not among them already.

    Args:
        params: What Lightning says; it is what counts.
        hyper_parameters: What the user says; nested ones get names with a slash, as with Lightning's loggers.
    """
    together = dict(params)
    for name, value in _flat(hyper_parameters).items():
        if name not in together:
            together[name] = value
        elif str(together[name]) != str(value):
            together[f"hparams/{name}"] = value
    return together


def _of_optimizers(trainer: Any) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for number, optimizer in enumerate(trainer.optimizers, 1):
        # Lightning may wrap it, in a class made for it; and it makes one up where the module has none.
        inner = getattr(optimizer, "_optimizer", optimizer)
        if type(inner).__name__ != "_MockOptimizer":
            params.update(optimizer_params(inner, number))
    if schedule := scheduler_name(config.scheduler for config in trainer.lr_scheduler_configs):
        params["lr_scheduler"] = schedule
    return params


def _batch_size(trainer: Any) -> Any:
    loader = trainer.train_dataloader
    size = getattr(loader, "batch_size", None)
    if size is None:
        size = getattr(getattr(loader, "batch_sampler", None), "batch_size", None)
    return size


def _hyper_parameters(holder: Any) -> dict[str, Any]:
    """What `save_hyperparameters()` noted in a module or data module, unless it is not to be logged."""
    if holder is None or not getattr(holder, "_log_hyperparams", True):
        return {}
    held = getattr(holder, "hparams", None)
    if not isinstance(held, Mapping):
        return {}
    from torch import Tensor, nn

    kept = {
        name: value
        for name, value in cast("Mapping[Any, Any]", held).items()
        if not isinstance(value, nn.Module | Tensor)
    }
    return hyper_parameters(_Holder(kept))


class _Holder:
    """Something with hyperparameters."""

    def __init__(self, hparams: Mapping[Any, Any]) -> None:
        self.hparams = hparams


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flat(cast("Mapping[str, Any]", value), f"{prefix}{name}/"))
        else:
            flat[f"{prefix}{name}"] = value
    return flat
