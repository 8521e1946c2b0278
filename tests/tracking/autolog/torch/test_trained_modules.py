"""Which modules an optimizer trains, from what the user's code can reach.

PYTEST_DONT_REWRITE: what pytest makes of `assert` calls `locals()`, and such functions are not looked into.
"""

import inspect
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from nbtrack.tracking.autolog.torch import trained_modules as searching
from nbtrack.tracking.autolog.torch.trained_modules import Trained, trained_modules, trained_modules_anywhere
from nbtrack.tracking.autolog.torch.user_frames import variables

early = nn.Linear(2, 2)
early_optimizer = torch.optim.SGD(early.parameters(), lr=0.1)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(2, 3)
        self.head = nn.Linear(3, 1)


def found(optimizer: Any) -> Trained:
    """As in a step that the caller makes."""
    frame = inspect.currentframe()
    return trained_modules(optimizer, frame and frame.f_back)


def sgd(*parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD([each for several in parameters for each in several], lr=0.1)


def test_a_local_variable_is_found_with_its_name() -> None:
    net = Net()

    result = found(sgd(net.parameters()))

    assert result.modules == [net]
    assert result.is_whole
    assert result.names == {id(net): "net"}


def test_a_module_of_the_whole_file_is_found() -> None:
    assert found(early_optimizer).modules == [early]


def test_a_module_of_a_caller_is_found_further_up() -> None:
    net = Net()
    optimizer = sgd(net.parameters())

    def step() -> Trained:
        return found(optimizer)

    def train() -> Trained:
        return step()

    assert train().modules == [net]


def test_modules_are_found_in_attributes_lists_dicts_and_closures() -> None:
    deep = SimpleNamespace(agent=SimpleNamespace(nets={"all": [nn.Linear(1, 2), nn.GRU(1, 2)]}))

    def made() -> tuple[Any, Any]:
        hidden = Net()
        return lambda: hidden, sgd(hidden.parameters())

    enclosing, optimizer = made()

    in_deep = found(sgd(*(net.parameters() for net in deep.agent.nets["all"])))
    in_closure = found(optimizer)

    assert in_deep.modules == deep.agent.nets["all"]
    assert in_deep.is_whole
    assert in_closure.modules == [enclosing()]


def test_the_outermost_module_is_what_the_user_calls_the_model() -> None:
    net = Net()
    body = net.body

    assert found(sgd(net.parameters())).modules == [net]
    assert body is net.body


def test_frozen_parts_belong_to_the_model_of_the_part_that_is_trained() -> None:
    net = Net()
    head = net.head
    net.body.requires_grad_(False)

    assert found(sgd(head.parameters())).modules == [net]


def test_one_half_of_a_module_whose_other_half_waits_for_another_optimizer_is_the_model() -> None:
    gan = Net()
    generator, discriminator = gan.body, gan.head

    assert found(sgd(generator.parameters())).modules == [generator]
    assert found(sgd(discriminator.parameters())).modules == [discriminator]


def test_several_modules_come_in_the_order_of_their_parameters() -> None:
    decoder, encoder = nn.Linear(3, 20), nn.GRU(1, 2)

    result = found(sgd(encoder.parameters(), decoder.parameters()))

    assert result.modules == [encoder, decoder]
    assert result.names == {id(encoder): "encoder", id(decoder): "decoder"}


def test_wrappers_are_looked_through() -> None:
    net = Net()
    compiled = torch.compile(net, backend="eager")
    parallel = nn.DataParallel(net)
    both = nn.DataParallel(compiled)

    for wrapper in (compiled, parallel, both):
        assert found(sgd(wrapper.parameters())).modules == [net]


def test_a_module_that_shares_weights_is_found_once() -> None:
    net = nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 4, bias=False))
    net[1].weight = net[0].weight

    assert found(sgd(net.parameters())).modules == [net]


def test_parameters_without_a_module_are_not_made_up_for() -> None:
    weight = nn.Parameter(torch.zeros(3))

    result = found(sgd([weight]))

    assert result.modules == []
    assert not result.is_whole


def test_what_the_user_reads_by_locals_stays_as_it_was() -> None:
    def train() -> dict[str, Any]:
        settings = locals()
        net = Net()
        found(sgd(net.parameters()))
        return settings

    assert train() == {}


def test_looking_keeps_no_variable_alive() -> None:
    class Batch:
        pass

    frame = inspect.currentframe()
    assert frame is not None
    batch = Batch()
    before = sys.getrefcount(batch)

    held = variables(frame)["batch"]

    assert held is batch
    del held
    assert sys.getrefcount(batch) == before


def test_looking_runs_no_code_of_the_users() -> None:
    class Touchy:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

        @property
        def model(self) -> Any:
            raise AssertionError

        def __eq__(self, other: object) -> bool:
            raise AssertionError

        __hash__ = None  # type: ignore[assignment]

    touchy = [Touchy()]
    net = Net()

    assert found(sgd(net.parameters())).modules == [net]
    assert touchy


def test_what_is_far_away_is_found_among_all_objects() -> None:
    class Registry:
        net = Net()

    optimizer = sgd(Registry.net.parameters())

    assert trained_modules_anywhere(optimizer).modules == [Registry.net]


def test_a_module_that_is_not_made_yet_is_passed_over() -> None:
    half = Net.__new__(Net)
    net = Net()

    assert found(sgd(net.parameters())).modules == [net]
    assert trained_modules_anywhere(sgd(net.parameters())).modules == [net]
    del half


def test_the_search_ends_in_time_whatever_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [[[number] for number in range(999)] for _ in range(40)]
    nothing = sgd([nn.Parameter(torch.zeros(3))])

    seconds: list[float] = []
    for limit in (60.0, 0.002):
        monkeypatch.setattr(searching, "SECONDS", limit)
        begun = time.thread_time()
        found(nothing)
        seconds.append(time.thread_time() - begun)

    assert seconds[1] < seconds[0] / 2
    assert many


def test_schedules_that_were_made_before_are_met_on_the_way() -> None:
    net = Net()
    optimizer, other = sgd(net.parameters()), sgd(Net().parameters())
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    unrelated = torch.optim.lr_scheduler.StepLR(other, 1)

    assert found(optimizer).schedulers == [scheduler]
    assert unrelated.optimizer is other
