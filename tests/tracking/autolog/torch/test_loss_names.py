"""What the graph of a loss tells of it."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nbtrack.tracking.autolog.torch.loss_names import autocast_type, loss_function

net = nn.Linear(3, 3)
x, goal = torch.ones(4, 3), torch.zeros(4, dtype=torch.int64)
out = net(x)


class FocalLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Any) -> Any:
        return values.sum()

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return gradient.expand(4, 3)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (F.cross_entropy(out, goal), "cross_entropy"),
        (F.cross_entropy(out, goal, label_smoothing=0.1), "cross_entropy"),
        (F.cross_entropy(out, goal) / 4, "cross_entropy"),
        (F.nll_loss(out, goal), "nll_loss"),
        (F.mse_loss(out, x), "mse_loss"),
        ((F.mse_loss(out, x, reduction="none") * 2).mean(), "mse_loss"),
        (((out - x) ** 2).mean(), "mse_loss"),
        (F.l1_loss(out, x), "l1_loss"),
        (F.huber_loss(out, x), "huber_loss"),
        (F.smooth_l1_loss(out, x), "smooth_l1_loss"),
        (F.binary_cross_entropy_with_logits(out, x), "binary_cross_entropy_with_logits"),
        (F.binary_cross_entropy(out.sigmoid(), x), "binary_cross_entropy"),
        (FocalLoss.apply(out), "FocalLoss"),
        (F.mse_loss(out, x) + 0.1 * F.cross_entropy(out, goal), "mse_loss + cross_entropy"),
        (F.mse_loss(out, x) + 0.1 * net.weight.abs().sum(), "mse_loss + ..."),
        (torch.stack([F.mse_loss(out, x), F.l1_loss(out, x)]).sum(), "mse_loss + l1_loss"),
        (((out - x) ** 3).mean(), None),
        (out.sum(), None),
        (F.mse_loss(out, x) * net.bias.sum(), None),
    ],
)
def test_the_loss_function_is_read_from_the_graph_or_not_told(loss: Any, name: str | None) -> None:
    assert loss_function(loss.grad_fn) == name


def test_autocast_shows_in_the_graph_after_it_was_left() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = F.mse_loss(net(x), x)

    assert autocast_type(loss.grad_fn) == "bfloat16"
    assert autocast_type(F.mse_loss(out, x).grad_fn) == ""


def test_what_hides_the_weights_hides_autocast() -> None:
    assert autocast_type(FocalLoss.apply(torch.ones(4, 3, requires_grad=True)).grad_fn) is None
