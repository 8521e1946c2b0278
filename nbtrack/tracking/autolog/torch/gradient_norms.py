"""The norm of all gradients before each step, where the user asks for it.

It is computed on the device, and read later with the losses: no step waits for it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nbtrack.tracking.autolog.torch.device_points import DevicePoints
from nbtrack.tracking.autolog.torch.learning_rates import now_ms

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from nbtrack.tracking.autolog.sessions import Session


class GradientNorms:
    """The curves of the optimizers of one training."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._points: DevicePoints[tuple[str, int, int]] = DevicePoints()
        """With metric, step and time of each."""

    def take(self, optimizer: "Optimizer", metric: str, step: int) -> None:
        """Compute the L2 norm of all gradients of an optimizer, as `clip_grad_norm_` does."""
        import torch

        gradients = [
            parameter.grad
            for group in optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        with torch.no_grad():
            norm = total_norm(gradients)
            if norm is None:
                return
            # An optimizer that takes scaled gradients (fused, under a GradScaler) has their scale beside it.
            scale = getattr(optimizer, "grad_scale", None)
            self._points.keep(
                (metric, step, now_ms()), norm if scale is None else norm / scale.to(norm.device)
            )

    def read(self, *, wait: bool = False) -> None:
        """Log the norms that have come from the device.

        Args:
            wait: Whether to wait for all.
        """
        for (metric, step, timestamp), norm in self._points.read(wait=wait):
            self._session.run.append_point(metric, norm, step, timestamp)


def total_norm(gradients: Iterable[Any]) -> "Tensor | None":
    """The L2 norm of gradients together, on the device of the first; None where there are none.

    Gradients that lie in parts on several processes are left out: their norm would take a message to all.
    """
    import torch

    # Public functions take many tensors one by one.
    foreach_norm: Any = getattr(torch, "_foreach_norm")  # noqa: B009 - to a type checker it is private
    groups: dict[Any, list[Tensor]] = {}
    for gradient in gradients:
        if type(gradient).__name__ == "DTensor":
            continue
        values = gradient.coalesce().values() if gradient.is_sparse else gradient
        groups.setdefault((values.device, values.dtype), []).append(values.detach())
    norms: list[Tensor] = []
    for (_, dtype), several in groups.items():
        # A norm in 16 bits would overflow where none of the gradients does.
        wide = torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
        norms += foreach_norm(several, 2, wide)
    if not norms:
        return None
    device = norms[0].device
    return torch.stack([norm.to(device, torch.float32) for norm in norms]).square().sum().sqrt()
