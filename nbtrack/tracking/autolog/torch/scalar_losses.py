"""The one number that a backward is about, where it does not start from a plain tensor of one element.

- Several tensors: their sum, of which the gradient is.
- A vector, with the gradient that it needs: the mean of its elements, taken for losses of single samples.
- Anything of more dimensions is the inside of a model, not a loss; so is what is computed again inside a
  backward (activation checkpoints), and a backward that is limited to inputs that no optimizer changes.
- Tensors of other types give what they are in this process: a `DTensor` that is the same everywhere.
"""

from collections.abc import Sequence
from typing import Any

from nbtrack.tracking.autolog.torch.optimizers import KnownOptimizers, parameters_of


def of(torch: Any, args: Sequence[Any], kwargs: Any, optimizers: KnownOptimizers) -> Any:
    """The loss of a backward.

    Args:
        torch: The module.
        args: Of `torch.autograd.backward`.
        kwargs: Likewise.
        optimizers: Those there are.

    Returns:
        A tensor of no dimension that needs no gradient; None where there is no loss.
    """
    if _is_inside_backward(torch):
        return None
    given: Any = args[0] if args else kwargs.get("tensors")
    inputs = args[5] if len(args) > 5 else kwargs.get("inputs")
    if inputs is not None and not _are_trained(torch, inputs, optimizers):
        return None
    losses: list[Any] = []
    for tensor in given if type(given) in (list, tuple) else [given]:
        loss = _scalar(torch, tensor)
        if loss is None:
            return None
        losses.append(loss)
    return sum(losses[1:], start=losses[0]) if losses else None


def _is_inside_backward(torch: Any) -> bool:
    running = getattr(torch._C, "_current_graph_task_id", None)
    return running is not None and running() != -1


def _are_trained(torch: Any, inputs: Any, optimizers: KnownOptimizers) -> bool:
    if isinstance(inputs, torch.Tensor):
        inputs = [inputs]
    elif hasattr(inputs, "values"):
        inputs = inputs.values()
    elif type(inputs) not in (list, tuple):
        return False
    wanted = set(map(id, inputs))
    return any(id(each) in wanted for optimizer in optimizers.all() for each in parameters_of(optimizer))


def _scalar(torch: Any, tensor: Any) -> Any:
    local = _local(torch, tensor)
    if local is None or local.is_complex() or not local.numel():
        return None
    if local.numel() == 1:
        return local.reshape(())
    return local.float().mean() if local.dim() == 1 else None


def _local(torch: Any, tensor: Any) -> Any:
    """A plain tensor that needs no gradient; None where there is none."""
    if not isinstance(tensor, torch.Tensor) or not tensor.requires_grad:
        return None
    if type(tensor) is torch.Tensor:
        return tensor.detach()
    placements = getattr(tensor, "placements", None)
    if placements is not None and all(placement.is_replicate() for placement in placements):
        return tensor.to_local().detach()
    if type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        return None
    return tensor.detach().as_subclass(torch.Tensor)
