"""The summary of a module as text."""

import torch
from torch import nn

from nbtrack.tracking.autolog.torch.module_summary import LINES, counts, summary

LINEAR = ["Linear(in_features=4,", "out_features=4,", "bias=True)"]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(6))
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.embedding.weight
        self.scale = nn.Parameter(torch.ones(()))
        self.blocks[0].requires_grad_(False)


def test_layers_are_a_tree_with_classes_parameters_and_shapes() -> None:
    lines = summary([Net()]).splitlines()

    assert [line.split() for line in lines] == [
        ["layer", "class", "parameters", "trainable", "weights"],
        ["Net", "161", "in", "part", "scale", "scalar"],
        ["embedding", "Embedding(10,", "4)", "40", "yes", "weight", "10x4"],
        ["blocks", "ModuleList", "120", "in", "part"],
        ["0", "Sequential", "20", "no"],
        ["0", *LINEAR, "20", "no", "weight", "4x4,", "bias", "4"],
        ["1", "ReLU"],
        ["1-5", "(5", "times)", "Sequential", "20", "yes"],
        ["0", *LINEAR, "20", "yes", "weight", "4x4,", "bias", "4"],
        ["1", "ReLU"],
        ["head", "Linear(in_features=4,", "out_features=10,", "bias=False)", "40", "yes", "weight", "10x4"],
        ["161", "parameters,", "141", "of", "them", "trainable,", "644", "B"],
    ]
    assert [line.index(name) for line, name in zip(lines, ("layer", "Net"), strict=False)] == [0, 19]
    assert lines[5].startswith("      0            Linear(")


def test_a_huge_module_gives_a_text_that_ends() -> None:
    huge = nn.Sequential(*(nn.Linear(1, width) for width in range(1, LINES + 51)))

    lines = summary([huge]).splitlines()

    assert lines[-2] == "... and 51 more layers"
    assert len(lines) == LINES + 3


def test_lazy_layers_have_no_size_yet() -> None:
    lazy = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 1))

    text = summary([lazy])

    assert "weight ?, bias ?" in text
    assert text.endswith("4 parameters, 4 of them trainable, 16 B\n")


def test_no_code_of_the_users_runs_for_it() -> None:
    class Odd(nn.Linear):
        def extra_repr(self) -> str:
            raise AssertionError

    assert "Odd" in summary([Odd(1, 1)])


def test_parameters_are_counted_with_their_bytes() -> None:
    half = nn.Parameter(torch.zeros(3, dtype=torch.float16))
    frozen = nn.Parameter(torch.zeros(2, 2), requires_grad=False)

    told = counts([half, frozen])

    assert (told.parameters, told.trainable, told.size) == (7, 3, 22)
