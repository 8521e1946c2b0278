"""A PyTorch module of a user."""

import torch


class Doubling(torch.nn.Module):
    """Doubles what another module answers."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * self.inner(x)
