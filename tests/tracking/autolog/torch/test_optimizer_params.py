"""What a run keeps of an optimizer."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler as schedules

from nbtrack.tracking.autolog.torch.optimizer_params import optimizer_params, scheduler_name


def weights(count: int = 1) -> list[nn.Parameter]:
    return [nn.Parameter(torch.zeros(2)) for _ in range(count)]


def test_the_defaults_have_the_names_that_mlflow_gives_them() -> None:
    params = optimizer_params(torch.optim.Adam(weights(), lr=0.01, betas=(0.8, 0.9)))

    assert params["optimizer_name"] == "Adam"
    assert params["lr"] == 0.01
    assert params["betas"] == (0.8, 0.9)
    assert params["fused"] is None
    assert "param_groups" not in params


def test_groups_tell_where_they_differ() -> None:
    first, second = weights(2)
    groups: list[dict[str, Any]] = [{"params": [first]}, {"params": [second], "lr": 0.5, "momentum": 0.9}]

    params = optimizer_params(torch.optim.SGD(groups, lr=0.1))

    assert params["lr"] == 0.1
    assert params["param_groups"] == 2
    assert {key: value for key, value in params.items() if key.startswith("param_group_")} == {
        "param_group_1_lr": 0.5,
        "param_group_1_momentum": 0.9,
    }


@pytest.mark.parametrize(
    "schedule",
    [
        lambda optimizer: schedules.OneCycleLR(optimizer, max_lr=1.0, total_steps=10),
        lambda optimizer: schedules.LinearLR(optimizer, start_factor=0.1),
    ],
)
def test_what_a_schedule_has_set_already_is_no_setting_of_a_group(schedule: Any) -> None:
    optimizer = torch.optim.Adam(weights(), lr=0.1)
    schedule(optimizer)

    groups = [key for key in optimizer_params(optimizer) if key.startswith("param_group_")]

    # OneCycleLR has a first learning rate of its own.
    assert groups in ([], ["param_group_0_lr"])


def test_a_later_optimizer_has_params_of_its_own() -> None:
    params = optimizer_params(torch.optim.SGD(weights(), lr=0.1), 2)

    assert params["optimizer_name-2"] == "SGD"
    assert params["lr-2"] == 0.1


def test_a_tensor_is_kept_as_its_number() -> None:
    optimizer = torch.optim.Adam(weights(), lr=torch.tensor(0.25))

    assert optimizer_params(optimizer)["lr"] == 0.25


def test_a_schedule_is_named_with_what_it_is_made_of() -> None:
    optimizer = torch.optim.SGD(weights(), lr=0.1)
    warm, cool = schedules.LinearLR(optimizer), schedules.CosineAnnealingLR(optimizer, 5)
    both = schedules.SequentialLR(optimizer, [warm, cool], [2])

    assert scheduler_name([warm, cool, both]) == "SequentialLR(LinearLR, CosineAnnealingLR)"
    assert scheduler_name([cool, cool]) == "CosineAnnealingLR"
    assert scheduler_name([]) is None
