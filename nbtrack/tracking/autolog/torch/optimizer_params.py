"""What a run keeps of an optimizer: its name, its defaults, and where groups of parameters differ.

The names are those that MLflow gives a Lightning training: `optimizer_name`, `lr`, `betas`, ...
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch.optim import Optimizer


def optimizer_params(optimizer: "Optimizer", number: int = 1) -> dict[str, Any]:
    """The params of an optimizer.

    Args:
        optimizer: The optimizer, before its first step.
        number: Which of several in one training it is, from 1; of later ones the params are called
            `optimizer_name-2`, `lr-2`, ...
    """
    end = "" if number == 1 else f"-{number}"
    params: dict[str, Any] = {f"optimizer_name{end}": type(optimizer).__name__}
    for key, value in optimizer.defaults.items():
        params[key + end] = plain(value)
    groups = optimizer.param_groups
    for index, group in enumerate(groups):
        for key, value in group.items():
            if key in optimizer.defaults and not _is_cycled(key, group):
                value = plain(group.get("initial_lr", value) if key == "lr" else value)
                if value != plain(optimizer.defaults[key]):
                    params[f"param_group_{index}_{key}{end}"] = value
    if len(groups) > 1:
        params[f"param_groups{end}"] = len(groups)
    return params


def _is_cycled(key: str, group: Mapping[str, Any]) -> bool:
    """Whether a schedule changes it: OneCycleLR and CyclicLR have set it already."""
    return key in ("momentum", "betas") and "max_momentum" in group


def scheduler_name(schedulers: Iterable[Any]) -> str | None:
    """The class of the learning rate schedule, with those that it is made of; None where there is none.

    Args:
        schedulers: Schedulers of one optimizer.
    """
    given = list(dict.fromkeys(schedulers))
    inside = {id(inner) for one in given for inner in _inner(one)}
    return ", ".join(_named(one) for one in given if id(one) not in inside) or None


def _named(scheduler: Any) -> str:
    name = type(scheduler).__name__
    inner = _inner(scheduler)
    return f"{name}({', '.join(_named(one) for one in inner)})" if inner else name


def _inner(scheduler: Any) -> list[Any]:
    """The schedulers that one of PyTorch's calls in turn or together."""
    inner = cast("object", vars(scheduler).get("_schedulers"))
    return [*cast("Sequence[Any]", inner)] if isinstance(inner, list | tuple) else []


def plain(value: Any) -> Any:
    """A value of an optimizer without its tensor; one that lies on a device is not fetched from it."""
    if type(value).__name__ not in ("Tensor", "Parameter"):
        return value
    if value.device.type != "cpu" or value.numel() != 1:
        return f"tensor on {value.device}"
    return value.item()
