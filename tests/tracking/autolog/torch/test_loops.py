"""Plain PyTorch loops: which points are recorded, and in which run."""

import gc
import math
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from joblib import parallel_config
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV
from torch import nn
from torch.nn import functional

import nbtrack
from nbtrack.tracking.autolog import cell_end, sessions
from nbtrack.tracking.autolog.torch import losses

X = torch.linspace(-1, 1, 24).reshape(8, 3)
Y = X.sum(1, keepdim=True)


@pytest.fixture(autouse=True)
def _recorded() -> None:
    nbtrack.pytorch.autolog(log_models=False, silent=True)


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Linear(3, 1)


def sgd(*modules: nn.Module, lr: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.SGD([each for module in modules for each in module.parameters()], lr=lr)


def loss_of(model: nn.Module) -> torch.Tensor:
    return functional.mse_loss(model(X), Y)


def worth(value: float, *modules: nn.Module) -> torch.Tensor:
    """A loss of that value, with gradients of zero."""
    return sum((module(X).sum() * 0 for module in modules), torch.tensor(float(value)))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3) -> list[float]:
    """A loop as everybody writes it; returns its losses."""
    seen: list[float] = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
    return seen


def runs() -> list[Any]:
    """All runs, the oldest first, with every loop ended as the end of a cell ends it."""
    cell_end.end(None)
    return list(reversed(nbtrack.search_runs(output_format="list")))


def curve(run: Any, key: str = "training_loss") -> list[float]:
    return [point.value for point in nbtrack.MlflowClient().get_metric_history(run.info.run_id, key)]


def test_the_loss_of_each_step_is_a_point() -> None:
    model = net()

    seen = train(model, sgd(model), steps=5)

    (run,) = runs()
    points = nbtrack.MlflowClient().get_metric_history(run.info.run_id, "training_loss")
    assert [point.value for point in points] == seen
    assert [point.step for point in points] == [0, 1, 2, 3, 4]
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.autologging"] == "pytorch"


def test_points_have_the_time_of_their_step() -> None:
    model = net()
    optimizer = sgd(model)

    train(model, optimizer, steps=1)
    first = nbtrack.active_run()
    threading.Event().wait(0.05)
    train(model, optimizer, steps=1)

    (run,) = runs()
    points = nbtrack.MlflowClient().get_metric_history(run.info.run_id, "training_loss")
    assert first.info.run_id == run.info.run_id
    assert 40 <= points[1].timestamp - points[0].timestamp < 1000


def test_more_losses_than_a_block_holds_come_in_their_order() -> None:
    model = net()

    seen = train(model, sgd(model, lr=0.001), steps=losses.BLOCK * 2 + 5)

    assert curve(runs()[0]) == seen


def test_training_is_the_same_with_and_without() -> None:
    recorded = net()
    train(recorded, sgd(recorded), steps=4)
    after = torch.rand(3)
    nbtrack.autolog(disable=True)
    bare = net()
    train(bare, sgd(bare), steps=4)

    assert torch.equal(recorded.weight, bare.weight)
    assert torch.equal(after, torch.rand(3))


def test_a_loss_that_is_changed_in_place_afterwards_stays_what_it_was() -> None:
    model = net()
    optimizer = sgd(model)

    loss = loss_of(model)
    seen = loss.item()
    loss.backward()
    with torch.no_grad():
        loss.mul_(100)
    optimizer.step()

    assert curve(runs()[0]) == [seen]


def test_nan_and_infinity_are_kept() -> None:
    model = net()
    optimizer = sgd(model)

    for value in (math.nan, math.inf):
        worth(value, model).backward()
        optimizer.step()

    first, second = curve(runs()[0])
    assert math.isnan(first)
    assert second == math.inf


def test_accumulated_gradients_are_one_point_their_mean() -> None:
    model = net()
    optimizer = sgd(model)

    for values in ((1, 2, 6), (4, 6)):
        optimizer.zero_grad()
        for value in values:
            worth(value, model).backward()
        optimizer.step()

    assert curve(runs()[0]) == [3, 5]


def test_gradients_that_are_set_to_zero_belong_to_no_step() -> None:
    model = net()
    optimizer = sgd(model)
    attacked = X.clone().requires_grad_()

    for zero in (optimizer.zero_grad, model.zero_grad):
        (model(attacked).sum() * 0 + 50).backward()
        zero()
        worth(2, model).backward()
        optimizer.step()

    assert curve(runs()[0]) == [2, 2]


def test_lbfgs_has_one_point_for_each_step_the_mean_of_its_evaluations() -> None:
    model = net()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)
    steps: list[list[float]] = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        steps[-1].append(loss.item())
        return loss

    for _ in range(3):
        steps.append([])
        optimizer.step(closure)

    assert len(steps[0]) > 1
    assert curve(runs()[0]) == pytest.approx([sum(each) / len(each) for each in steps])


def test_a_scaled_loss_is_recorded_as_it_was_and_a_skipped_step_is_none() -> None:
    model = net()
    optimizer = sgd(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    for value, factor in ((10, 1), (20, math.inf), (40, 1)):
        optimizer.zero_grad()
        spoilt = model(X) * factor  # gradients of NaN where it is infinite, and a loss that is none
        loss = worth(value, model) + torch.where(torch.tensor(False), spoilt, 0.0).sum()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    assert curve(runs()[0]) == [10, 30]


@pytest.mark.parametrize(
    ("backward", "value"),
    [
        pytest.param(lambda out: out.sum(0, keepdim=True).mul(0).add(3).backward(), 3, id="one element"),
        pytest.param(lambda out: (out.flatten() * 0 + 5).backward(torch.ones(8)), 5, id="vector"),
        pytest.param(
            lambda out: torch.autograd.backward([out.sum() * 0 + 1, out.sum() * 0 + 3]), 4, id="several"
        ),
        pytest.param(lambda out: (out * 0 + 5).backward(torch.ones(8, 1)), None, id="matrix"),
    ],
)
def test_a_backward_is_of_one_number(backward: Callable[[torch.Tensor], None], value: float | None) -> None:
    model = net()
    optimizer = sgd(model)

    worth(0, model).backward()
    optimizer.step()
    backward(model(X))
    optimizer.step()

    assert curve(runs()[0]) == [0] + [value] * (value is not None)


def test_each_optimizer_of_a_gan_has_its_curve() -> None:
    generator, critic = net(), net(1)
    optimizers = sgd(generator), sgd(critic)

    for _ in range(2):
        for optimizer, value in zip(optimizers, (1, 2), strict=True):
            optimizer.zero_grad()
            worth(value, generator, critic).backward()
            optimizer.step()

    (run,) = runs()
    assert curve(run) == [1, 1]
    assert curve(run, "training_loss-2") == [2, 2]


def test_losses_taken_before_either_step_go_to_the_optimizer_they_lead_to() -> None:
    actor, critic = net(), net(1)
    optimizers = sgd(actor), sgd(critic)

    for _ in range(3):
        worth(7, critic).backward()
        worth(1, actor).backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    (run,) = runs()
    assert curve(run) == [1, 1, 1]
    assert curve(run, "training_loss-2") == [7, 7, 7]


def test_losses_that_all_come_from_one_function_go_to_the_next_step() -> None:
    actor, critic = net(), net(1)
    optimizers = sgd(actor), sgd(critic)

    def update(model: nn.Module, optimizer: torch.optim.Optimizer, value: float) -> None:
        optimizer.zero_grad()
        worth(value, model).backward()
        optimizer.step()

    for _ in range(3):
        update(actor, optimizers[0], 1)
        update(critic, optimizers[1], 7)

    (run,) = runs()
    assert curve(run) == [1, 1, 1]
    assert curve(run, "training_loss-2") == [7, 7, 7]


def test_one_loss_of_two_optimizers_is_one_curve() -> None:
    body, head = net(), nn.Linear(1, 1)
    optimizers = sgd(body), sgd(head)

    for value in (3, 4):
        (head(body(X)).sum() * 0 + value).backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    (run,) = runs()
    assert curve(run) == [3, 4]
    assert [key for key in run.data.metrics if "loss" in key] == ["training_loss"]


def test_another_training_has_another_run() -> None:
    seen = []
    for seed in range(3):
        model = net(seed)
        seen.append(train(model, sgd(model)))

    assert [curve(run) for run in runs()] == seen


def test_fine_tuning_goes_on_in_the_same_run() -> None:
    model = net()

    seen = train(model, sgd(model))
    seen += train(model, sgd(model, lr=0.01))

    (run,) = runs()
    assert curve(run) == seen


def test_a_training_inside_another_does_not_end_it_for_good() -> None:
    outer = net()
    optimizer = sgd(outer)
    seen: list[float] = []

    for seed in range(4):
        inner = net(seed)
        train(inner, sgd(inner), steps=1)
        seen += train(outer, optimizer, steps=1)

    found = runs()
    assert len(found) == 2
    assert curve(found[0], "training_loss-2") == seen


def test_without_an_optimizer_nothing_is_recorded() -> None:
    model = net()

    with torch.no_grad():
        model(X)
    loss_of(model).backward()

    assert runs() == []


def test_a_training_that_is_recorded_otherwise_is_not_recorded_twice() -> None:
    model = net()

    with sessions.unrecorded():
        train(model, sgd(model))

    assert runs() == []


def test_the_users_run_gets_the_curve_and_goes_on() -> None:
    model = net()

    with nbtrack.start_run() as mine:
        seen = train(model, sgd(model))
        cell_end.end(None)
        assert curve(mine) == seen
        assert mine.info.status == "RUNNING"

    (run,) = runs()
    assert curve(run) == seen
    assert "mlflow.autologging" not in run.data.tags


def test_a_second_training_in_the_users_run_has_a_curve_beside_the_first() -> None:
    with nbtrack.start_run():
        seen = [train(model, sgd(model)) for model in (net(0), net(1))]

    (run,) = runs()
    assert [curve(run), curve(run, "training_loss-2")] == seen


def test_a_run_that_the_user_starts_in_the_loop_takes_over() -> None:
    model = net()
    optimizer = sgd(model)

    before = train(model, optimizer)
    with nbtrack.start_run():
        after = train(model, optimizer)

    first, second = runs()
    assert (curve(first), first.info.status) == (before, "FINISHED")
    assert curve(second) == after


def test_what_the_user_logs_in_the_loop_goes_into_its_run() -> None:
    model = net()
    optimizer = sgd(model)

    train(model, optimizer)
    nbtrack.log_metric("accuracy", 0.5)
    train(model, optimizer)

    (run,) = runs()
    assert run.data.metrics["accuracy"] == 0.5
    assert len(curve(run)) == 6


def test_an_error_in_the_loop_fails_its_run() -> None:
    model = net()

    train(model, sgd(model))
    cell_end.end(ValueError("no such column"))

    (run,) = runs()
    assert run.info.status == "FAILED"
    assert len(curve(run)) == 3


def test_the_next_cell_has_a_run_of_its_own() -> None:
    model = net()
    optimizer = sgd(model)

    seen = []
    for _ in range(2):
        seen.append(train(model, optimizer))
        cell_end.end(None)

    assert [curve(run) for run in runs()] == seen


def test_two_threads_train_two_models_in_two_runs() -> None:
    seen: dict[int, list[float]] = {}
    barrier = threading.Barrier(2)

    def work(seed: int) -> None:
        model = net(seed)
        optimizer = sgd(model)
        barrier.wait()
        seen[seed] = train(model, optimizer, steps=50)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(curve(run) for run in runs()) == sorted(seen.values())


def test_a_forked_child_records_nothing_of_its_parents_training() -> None:
    model = net()
    optimizer = sgd(model)
    seen = train(model, optimizer)

    child = os.fork()
    if child == 0:
        train(model, optimizer, steps=2000)  # more than wait to be written
        os._exit(0)
    _, status = os.waitpid(child, 0)
    seen += train(model, optimizer)

    (run,) = runs()
    assert status == 0
    assert curve(run) == seen


def test_workers_of_a_data_loader_disturb_nothing() -> None:
    model = net()
    optimizer = sgd(model)
    loader = torch.utils.data.DataLoader(list(zip(X, Y, strict=True)), batch_size=4, num_workers=1)

    for _ in range(2):
        for x, y in loader:
            optimizer.zero_grad()
            functional.mse_loss(model(x), y).backward()
            optimizer.step()

    (run,) = runs()
    assert len(curve(run)) == 4


def test_optimizers_that_step_inside_another_make_no_steps_of_their_own() -> None:
    class Both(torch.optim.Optimizer):
        def __init__(self, *parts: torch.optim.Optimizer) -> None:
            super().__init__([each for part in parts for each in part.param_groups[0]["params"]], {"lr": 0})
            self.parts = parts

        def step(self, closure: Any = None) -> None:
            for part in self.parts:
                part.step(closure)

    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))

    seen = train(model, Both(sgd(model[0]), sgd(model[1])))

    (run,) = runs()
    assert curve(run) == seen
    assert "training_loss-2" not in run.data.metrics


def test_a_step_that_fails_leaves_the_next_in_order() -> None:
    model, other = net(), net(1)
    failing, optimizer = sgd(other), sgd(model)

    def fail() -> float:
        raise ValueError("no data")

    with pytest.raises(ValueError, match="no data"):
        failing.step(fail)
    seen = train(model, optimizer)

    (run,) = runs()
    assert curve(run) == seen


def test_optimizers_of_the_same_parameters_have_one_curve() -> None:
    model = net()
    first, second = sgd(model), torch.optim.Adam(model.parameters())

    seen = train(model, first) + train(model, second)

    assert curve(runs()[0]) == seen


def test_what_a_search_of_scikit_learn_trains_is_not_recorded_in_worker_threads_either() -> None:
    class Net(BaseEstimator):
        def __init__(self, lr: float = 0.1) -> None:
            self.lr = lr

        def fit(self, x: Any, y: Any) -> "Net":
            model = net()
            train(model, sgd(model, lr=self.lr))
            return self

        def score(self, x: Any, y: Any) -> float:
            return 0.0

    with parallel_config(backend="threading"):
        GridSearchCV(Net(), {"lr": [0.1, 0.2]}, cv=2, n_jobs=2).fit(X.numpy(), Y.numpy())

    assert runs() == []


def test_a_loss_without_a_number_is_no_point() -> None:
    model = net()
    optimizer = sgd(model)
    loss_of(model).backward()

    nothing = nn.Linear(3, 1, device="meta")
    nothing(X.to("meta")).sum().backward()
    optimizer.step()

    assert len(curve(runs()[0])) == 1


def test_memory_is_the_users_to_free() -> None:
    model = net()
    optimizer = sgd(model)
    train(model, optimizer)
    known = weakref.ref(optimizer)

    del optimizer
    gc.collect()

    assert known() is None


def test_every_nth_point_is_recorded_on_request() -> None:
    nbtrack.pytorch.autolog(log_models=False, silent=True, log_every_n_step=3)
    model = net()

    seen = train(model, sgd(model), steps=7)

    assert curve(runs()[0]) == seen[::3]


def test_switched_off_nothing_is_left_of_it() -> None:
    optimizer = torch.optim.Optimizer
    functions = [torch.autograd.backward, torch.amp.GradScaler.scale, nn.Module.zero_grad]
    functions += [optimizer.__init__, optimizer.zero_grad]
    model = net()
    train(model, sgd(model))

    nbtrack.autolog(disable=True)
    train(model, sgd(model))

    (run,) = runs()
    assert len(curve(run)) == 3
    assert run.info.status == "FINISHED"
    for function in functions:
        assert not any("nbtrack" in name for name in (function.__kwdefaults__ or {}))
        assert function.__code__.co_varnames[:1] != ("_nbtrack_listener",)
