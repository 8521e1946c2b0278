"""What is recorded of plain loops besides the loss, in real trainings.

PYTEST_DONT_REWRITE: what pytest makes of `assert` calls `locals()`, and such functions are not looked into.
"""

import gc
import math
import re
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import nbtrack
import nbtrack.pytorch
from nbtrack.tracking.autolog import cell_end

# The module of a test is no installed package.
pytestmark = pytest.mark.filterwarnings("ignore:The model imports 'tests':RuntimeWarning")

Autolog = Callable[..., None]
X = torch.arange(40.0).reshape(20, 2) / 40
DATA = TensorDataset(X, X.sum(dim=1, keepdim=True))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(2, 3)
        self.head = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).relu())


@pytest.fixture(autouse=True)
def autolog() -> Iterator[Autolog]:
    def choose(**options: Any) -> None:
        nbtrack.pytorch.autolog(**{"log_models": False, "silent": True, **options})

    choose()
    yield choose
    nbtrack.pytorch.autolog(disable=True)


def step(net: nn.Module, optimizer: Any, batch: Any) -> float:
    x, y = batch
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def train(batches: Iterable[Any], *, epochs: int = 1, net: nn.Module | None = None, **options: Any) -> Any:
    net = Net() if net is None else net
    optimizer = torch.optim.SGD(net.parameters(), **{"lr": 0.1, **options})
    losses = [[step(net, optimizer, batch) for batch in batches] for _ in range(epochs)]
    return net, losses


def the_run() -> nbtrack.Run:
    """The only one there is, ended."""
    cell_end.end(None)
    (run,) = nbtrack.search_runs(output_format="list")
    return run


def points(run: nbtrack.Run, key: str) -> list[tuple[int, float]]:
    history = nbtrack.MlflowClient().get_metric_history(run.info.run_id, key)
    return [(point.step, point.value) for point in history]


def steps(run: nbtrack.Run, key: str) -> list[int]:
    return [step for step, _ in points(run, key)]


def artifacts(run: nbtrack.Run) -> set[str]:
    return {file.path for file in nbtrack.MlflowClient().list_artifacts(run.info.run_id)}


def models(run: nbtrack.Run) -> dict[str, Any]:
    """The modules that the run has logged, loaded."""
    found = nbtrack.search_logged_models(output_format="list")
    return {
        model.name: nbtrack.pytorch.load_model(f"models:/{model.model_id}")
        for model in found
        if model.source_run_id == run.info.run_id
    }


def alike(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(key == name and torch.equal(value, given) for (key, value), (name, given) in pairs)


# ---- what is trained, and with what ------------------------------------------------------------


def test_a_run_tells_what_is_trained_and_with_what() -> None:
    train(DataLoader(DATA, batch_size=8))

    params = the_run().data.params

    assert params["model_class"] == "Net"
    assert params["parameter_count"] == params["trainable_parameter_count"] == "13"
    assert params["optimizer_name"] == "SGD"
    assert params["lr"] == "0.1"
    assert params["loss_function"] == "mse_loss"
    assert params["device"] == "cpu"
    assert params["precision"] == "float32"
    assert params["batch_size"] == "8"
    assert params["dataset_class"] == "TensorDataset"
    assert params["dataset_length"] == "20"
    assert params["epochs"] == "1"
    assert "lr_scheduler" not in params
    assert "world_size" not in params


def test_the_summary_of_the_model_is_an_artifact_at_once() -> None:
    with nbtrack.start_run() as run:
        train(DataLoader(DATA, batch_size=8))
        text = nbtrack.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")

    assert "  body  Linear(in_features=2, out_features=3, bias=True)" in text
    assert text.endswith("13 parameters, 13 of them trainable, 52 B\n")


def test_the_line_of_a_run_names_the_model(autolog: Autolog, capsys: pytest.CaptureFixture[str]) -> None:
    autolog(silent=False)

    train(DataLoader(DATA, batch_size=8), epochs=2)
    the_run()

    assert "nbtrack: recorded Net-" in (said := capsys.readouterr().err)
    assert re.search(r": training_loss \S+ after \d+ steps, 2 epochs\n$", said), said


def test_frozen_parts_count_but_are_not_trainable() -> None:
    net = Net()
    net.body.requires_grad_(False)

    train([DATA[:8]], net=net)
    params = the_run().data.params

    assert params["parameter_count"] == "13"
    assert params["trainable_parameter_count"] == "4"


def test_parameters_without_a_module_are_counted() -> None:
    weight = nn.Parameter(torch.zeros(2, 1))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    F.mse_loss(X @ weight, DATA.tensors[1]).backward()
    optimizer.step()

    params = the_run().data.params

    assert params["parameter_count"] == "2"
    assert "model_class" not in params


def test_autocast_is_told_by_its_type() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = F.mse_loss(net(X).float(), DATA.tensors[1])
    loss.backward()
    optimizer.step()

    assert the_run().data.params["precision"] == "autocast bfloat16"


def test_weights_of_another_type_are_told_by_it() -> None:
    train([(X.double(), DATA.tensors[1].double())], net=Net().double())

    assert the_run().data.params["precision"] == "float64"


def test_a_compiled_model_is_told_by_its_own_class(autolog: Autolog) -> None:
    autolog(log_models=True)
    net = Net()
    compiled: Any = torch.compile(net, backend="eager")

    train([DATA[:8]] * 2, net=compiled)
    run = the_run()

    assert run.data.params["model_class"] == "Net"
    assert alike(models(run)["model"], net)


def test_the_two_halves_of_a_gan_stand_beside_each_other(autolog: Autolog) -> None:
    autolog(log_models=True)
    generator, discriminator = nn.Linear(2, 2), Net()

    def play() -> None:
        first = torch.optim.Adam(generator.parameters(), lr=0.01)
        second = torch.optim.SGD(discriminator.parameters(), lr=0.02)
        for x, y in DataLoader(DATA, batch_size=10):
            second.zero_grad()
            F.mse_loss(discriminator(generator(x).detach()), y).backward()
            second.step()
            first.zero_grad()
            discriminator(generator(x)).mean().backward()
            first.step()

    play()
    run = the_run()

    params = run.data.params
    assert (params["optimizer_name"], params["optimizer_name-2"]) == ("SGD", "Adam")
    assert (params["lr"], params["lr-2"]) == ("0.02", "0.01")
    assert (params["model_class"], params["model_class-2"]) == ("Net", "Linear")
    assert (params["parameter_count"], params["parameter_count-2"]) == ("13", "6")
    assert models(run).keys() == {"generator", "discriminator"}
    assert points(run, "learning_rate-1") == [(0, 0.01), (1, 0.01)]


def test_an_optimizer_that_is_made_anew_for_each_epoch_is_one() -> None:
    net = Net()
    for rate in (0.4, 0.2, 0.1):
        optimizer = torch.optim.SGD(net.parameters(), lr=rate)
        for batch in DataLoader(DATA, batch_size=10):
            step(net, optimizer, batch)

    run = the_run()

    assert not [key for key in run.data.params if key.endswith(("-2", "-3"))]
    assert points(run, "learning_rate") == [(0, 0.4), (2, 0.2), (4, 0.1), (5, 0.1)]
    assert run.data.params["epochs"] == "3"


# ---- learning rates --------------------------------------------------------------------------


def test_the_learning_rate_has_a_point_where_it_changes() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.8)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    for _ in range(5):
        step(net, optimizer, DATA[:8])
        schedule.step()

    run = the_run()

    assert points(run, "learning_rate") == [(0, 0.8), (2, 0.4), (4, 0.2)]
    assert run.data.params["lr_scheduler"] == "StepLR"


def test_groups_have_curves_of_their_own_once_they_differ() -> None:
    net = Net()
    groups = [{"params": net.body.parameters()}, {"params": net.head.parameters()}]
    optimizer = torch.optim.SGD(groups, lr=0.5)
    for number in range(4):
        if number == 2:
            optimizer.param_groups[0]["lr"] = 0.25
        step(net, optimizer, DATA[:8])

    run = the_run()

    assert points(run, "learning_rate") == [(0, 0.5), (2, 0.25), (3, 0.25)]
    assert points(run, "learning_rate-1") == [(2, 0.5), (3, 0.5)]


def test_a_learning_rate_that_is_a_tensor_is_followed_when_it_is_written_to() -> None:
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=torch.tensor(0.5))
    for number in range(3):
        if number == 1:
            optimizer.param_groups[0]["lr"].fill_(0.25)
        step(net, optimizer, DATA[:8])

    assert points(the_run(), "learning_rate") == [(0, 0.5), (1, 0.25), (2, 0.25)]


def test_a_schedule_that_is_made_late_is_told_at_the_end() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    step(net, optimizer, DATA[:8])
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    schedule.step(0.5)

    assert the_run().data.params["lr_scheduler"] == "ReduceLROnPlateau"


# ---- epochs and speed ------------------------------------------------------------------------


def test_epochs_are_passes_through_the_loader_that_trains() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    training, validation = DataLoader(DATA, batch_size=8), DataLoader(DATA, batch_size=5)
    losses: list[float] = []
    for _ in range(3):
        losses += [step(net, optimizer, batch) for batch in training]
        for x, _ in validation:
            net(x)
        with torch.no_grad():
            for x, _ in validation:
                net(x)

    run = the_run()

    assert run.data.params["epochs"] == "3"
    assert run.data.params["batch_size"] == "8"
    assert points(run, "training_epoch") == [(0, 0), (3, 1), (6, 2)]
    assert points(run, "training_loss_epoch") == [
        (epoch, pytest.approx(sum(losses[3 * epoch : 3 * epoch + 3]) / 3)) for epoch in range(3)
    ]


def test_validation_in_the_middle_of_an_epoch_does_not_end_it() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    validation = DataLoader(DATA, batch_size=5)
    for _ in range(2):
        for batch in DataLoader(DATA, batch_size=4):
            step(net, optimizer, batch)
            for x, _ in validation:
                net(x)

    assert points(the_run(), "training_epoch") == [(0, 0), (5, 1)]


def test_a_loader_with_workers_that_stay_begins_anew() -> None:
    loader = DataLoader(DATA, batch_size=10, num_workers=1, persistent_workers=True)

    train(loader, epochs=3)
    run = the_run()

    assert points(run, "training_epoch") == [(0, 0), (2, 1), (4, 2)]


def test_a_loader_with_workers_that_stay_begins_anew_where_it_was_left() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loader = DataLoader(DATA, batch_size=4, num_workers=1, persistent_workers=True)
    for taken in (2, 4, 5):
        batches = [batch for _, batch in zip(range(taken), loader, strict=False)]
        step(net, optimizer, batches[-1])

    assert points(the_run(), "training_epoch") == [(0, 0), (1, 1), (2, 2)]


def test_a_first_step_on_a_single_batch_belongs_to_the_first_epoch() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loader = DataLoader(DATA, batch_size=5)
    for _ in range(2):
        single = iter(loader)
        step(net, optimizer, next(single))
    for _ in range(2):
        for batch in loader:
            step(net, optimizer, batch)

    assert points(the_run(), "training_epoch") == [(0, 0), (6, 1)]


def test_a_batch_of_another_loader_in_between_makes_no_epoch() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    training, validation = DataLoader(DATA, batch_size=5), DataLoader(DATA, batch_size=2)
    for _ in range(3):
        batches, checks = iter(training), iter(validation)
        net(next(checks)[0])
        for batch in batches:
            step(net, optimizer, batch)

    assert points(the_run(), "training_epoch") == [(0, 0), (4, 1), (8, 2)]


def test_a_loader_that_is_read_without_gradients_makes_no_epochs() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with torch.no_grad():
        checks = iter(DataLoader(DATA, batch_size=2))
    for _ in range(6):
        step(net, optimizer, DATA[:8])
        next(checks)

    assert not points(the_run(), "training_epoch")


def test_whole_data_sets_as_one_batch_are_epochs_beside_another_loader() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    others = iter(DataLoader(DATA, batch_size=2))
    for _ in range(3):
        for batch in DataLoader(DATA, batch_size=20):
            next(others)
            step(net, optimizer, batch)

    assert points(the_run(), "training_epoch") == [(0, 0), (1, 1), (2, 2)]


def test_a_stream_has_epochs_and_no_length() -> None:
    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Iterator[Any]:
            return iter(DATA)

        def __len__(self) -> int:
            return 3  # PyTorch would warn of it, were it asked

    train(DataLoader(Stream(), batch_size=8), epochs=2)
    run = the_run()

    assert points(run, "training_epoch") == [(0, 0), (3, 1)]
    assert run.data.params["dataset_class"] == "Stream"
    assert "dataset_length" not in run.data.params


def test_of_loaders_inside_each_other_the_outer_one_makes_epochs() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    tasks = DataLoader(TensorDataset(torch.arange(3)), batch_size=1)
    for _ in range(2):
        for _task in tasks:
            for batch in DataLoader(DATA, batch_size=10):
                step(net, optimizer, batch)

    run = the_run()

    assert run.data.params["epochs"] == "2"
    assert points(run, "training_epoch") == [(0, 0), (6, 1)]


def test_loaders_side_by_side_make_the_epochs_of_one() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    unlabelled, labelled = DataLoader(DATA, batch_size=2), DataLoader(DATA, batch_size=5)
    others = iter(unlabelled)
    for _ in range(2):
        for batch in labelled:
            next(others)
            step(net, optimizer, batch)

    run = the_run()

    assert points(run, "training_epoch") == [(0, 0), (4, 1)]
    assert run.data.params["batch_size"] == "5"


@pytest.mark.parametrize("is_by_loader", [True, False])
def test_single_batches_make_no_epochs(is_by_loader: bool) -> None:
    loader = DataLoader(DATA, batch_size=4)
    batches = (next(iter(loader)) if is_by_loader else DATA[:4] for _ in range(6))

    train(batches)
    run = the_run()

    assert "epochs" not in run.data.params
    assert not points(run, "training_loss_epoch")
    assert not points(run, "training_epoch")
    assert len(points(run, "training_loss")) == 6
    assert steps(run, "steps_per_second")


def test_an_epoch_that_is_broken_off_is_one() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loader = DataLoader(DATA, batch_size=2)
    for _ in range(2):
        for number, batch in enumerate(loader):
            if number == 3:
                break
            step(net, optimizer, batch)

    assert points(the_run(), "training_epoch") == [(0, 0), (3, 1)]


def test_gradients_of_several_batches_make_one_step_of_the_epoch() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(2):
        for number, (x, y) in enumerate(DataLoader(DATA, batch_size=5)):
            F.mse_loss(net(x), y).backward()
            if number % 2:
                optimizer.step()
                optimizer.zero_grad()

    run = the_run()

    assert points(run, "training_epoch") == [(0, 0), (2, 1)]
    ratios = [
        samples / number
        for (_, samples), (_, number) in zip(
            points(run, "samples_per_second"), points(run, "steps_per_second"), strict=True
        )
    ]
    assert ratios == [pytest.approx(10), pytest.approx(10)]


def test_the_speed_counts_the_samples_of_a_smaller_last_batch() -> None:
    train(DataLoader(DATA, batch_size=8), epochs=2)
    run = the_run()

    samples, made = points(run, "samples_per_second"), points(run, "steps_per_second")

    assert [number for number, _ in samples] == [2, 5]
    assert [one / other for (_, one), (_, other) in zip(samples, made, strict=True)] == [
        pytest.approx(20 / 3)
    ] * 2


def test_every_nth_epoch_is_kept_where_the_user_wants_no_more(autolog: Autolog) -> None:
    autolog(log_every_n_epoch=2)

    train(DataLoader(DATA, batch_size=10), epochs=5)

    # The last one stands for the outcome.
    assert steps(the_run(), "training_loss_epoch") == [1, 3, 4]


# ---- several trainings in a run ---------------------------------------------------------------


def test_a_second_training_in_the_run_has_metrics_of_its_own(autolog: Autolog) -> None:
    autolog(log_gradient_norm=True)
    with nbtrack.start_run():
        train(DataLoader(DATA, batch_size=10), epochs=2, lr=0.1)
        train(DataLoader(DATA, batch_size=5), epochs=3, lr=0.2)
    run = the_run()

    metrics = {"training_loss", "training_loss_epoch", "training_epoch", "learning_rate", "gradient_norm"}
    metrics |= {"steps_per_second", "samples_per_second"}
    assert run.data.metrics.keys() == metrics | {f"{metric}-2" for metric in metrics}
    assert points(run, "learning_rate") == [(0, 0.1), (3, 0.1)]
    assert points(run, "learning_rate-2") == [(0, 0.2), (11, 0.2)]
    assert points(run, "training_epoch") == [(0, 0), (2, 1)]
    assert points(run, "training_epoch-2") == [(0, 0), (4, 1), (8, 2)]
    assert steps(run, "training_loss_epoch") == [0, 1]
    assert steps(run, "training_loss_epoch-2") == [0, 1, 2]
    assert steps(run, "gradient_norm") == list(range(4))
    assert steps(run, "gradient_norm-2") == list(range(12))


def test_learning_rates_of_groups_and_trainings_never_share_a_curve() -> None:
    def train_groups(*rates: float) -> None:
        nets = [nn.Linear(2, 1) for _ in rates]
        groups = [{"params": each.parameters(), "lr": rate} for each, rate in zip(nets, rates, strict=True)]
        step(nn.Sequential(nets[0]), torch.optim.SGD(groups, lr=0.1), DATA[:8])

    with nbtrack.start_run():
        train_groups(0.1, 0.2)
        train_groups(0.3, 0.4, 0.5)
        train_groups(0.6)
    with nbtrack.start_run():
        train_groups(0.1, 0.2, 0.3)
        train_groups(0.4, 0.5)
    cell_end.end(None)

    found = [
        {key.removeprefix("learning_rate"): rate for key, rate in run.data.metrics.items() if "rate" in key}
        for run in nbtrack.search_runs(order_by=["start_time"], output_format="list")
    ]
    assert found == [
        {"": 0.1, "-1": 0.2, "-2": 0.3, "-2-group1": 0.4, "-2-group2": 0.5, "-3": 0.6},
        {"": 0.1, "-1": 0.2, "-2": 0.3, "-2-group0": 0.4, "-2-group1": 0.5},
    ]


def test_a_training_in_the_run_that_goes_on_keeps_its_metrics() -> None:
    net, inner = Net(), nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with nbtrack.start_run():
        for batch in DataLoader(DATA, batch_size=10):
            step(net, optimizer, batch)
        train(DataLoader(DATA, batch_size=5), net=inner, lr=0.2)
        for batch in DataLoader(DATA, batch_size=10):
            step(net, optimizer, batch)
    run = the_run()

    assert {value for _, value in points(run, "learning_rate")} == {0.1}
    assert {value for _, value in points(run, "learning_rate-2")} == {0.2}
    assert points(run, "training_epoch") == [(0, 0), (2, 1)]
    assert points(run, "training_epoch-2") == [(0, 0)]


def test_of_very_many_trainings_in_the_run_the_first_have_metrics() -> None:
    with nbtrack.start_run():
        for _ in range(22):
            train(DataLoader(DATA, batch_size=10))
    run = the_run()

    for metric in ("training_loss", "learning_rate", "training_epoch", "training_loss_epoch"):
        assert steps(run, f"{metric}-20")
        assert f"{metric}-21" not in run.data.metrics
        assert len(steps(run, metric)) <= 2
    assert run.data.tags["nbtrack.autolog.skipped"] == "metrics of more than 20 optimizers"


# ---- gradients ------------------------------------------------------------------------------


def test_the_norm_of_all_gradients_is_kept_on_request(autolog: Autolog) -> None:
    autolog(log_gradient_norm=True)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    norms: list[float] = []
    for batch in DataLoader(DATA, batch_size=8):
        optimizer.zero_grad()
        F.mse_loss(net(batch[0]), batch[1]).backward()
        norms.append(nn.utils.clip_grad_norm_(net.parameters(), math.inf).item())
        optimizer.step()

    assert points(the_run(), "gradient_norm") == [
        (number, pytest.approx(norm)) for number, norm in enumerate(norms)
    ]


def test_without_the_option_there_is_no_gradient_norm() -> None:
    train([DATA[:8]])

    assert not points(the_run(), "gradient_norm")


# ---- the model ------------------------------------------------------------------------------


def test_the_model_is_kept_as_it_is_at_the_end(autolog: Autolog) -> None:
    autolog(log_models=True, registered_model_name="adder")
    net = Net()
    net.head.eval()

    with nbtrack.start_run():
        train(DataLoader(DATA, batch_size=8), net=net)
    run = the_run()

    assert alike(models(run)["model"], net)
    assert (net.training, net.body.training, net.head.training) == (True, True, False)
    assert all(parameter.grad is not None for parameter in net.parameters())
    assert nbtrack.MlflowClient().get_model_version("adder", "1").run_id == run.info.run_id


def test_the_model_of_a_function_that_has_returned_is_kept(autolog: Autolog) -> None:
    autolog(log_models=True)

    weights = train(DataLoader(DATA, batch_size=8))[0].state_dict()
    gc.collect()

    kept = models(the_run())["model"]
    assert all(torch.equal(value, weights[key]) for key, value in kept.state_dict().items())


def test_a_model_that_nobody_holds_is_given_back_when_the_next_optimizer_is_made(autolog: Autolog) -> None:
    autolog(log_models=True)
    gone = weakref.ref(train(DataLoader(DATA, batch_size=8))[0])
    held = gone() is not None

    torch.optim.SGD(Net().parameters(), lr=0.1)

    assert held
    assert gone() is None
    assert models(the_run()).keys() == {"model"}


def test_no_model_is_kept_where_none_is_wanted() -> None:
    train([DATA[:8]])

    assert models(the_run()) == {}


def test_of_a_model_that_cannot_be_pickled_the_weights_are_kept(autolog: Autolog) -> None:
    class Tied(Net):
        def __init__(self) -> None:
            super().__init__()
            self.handle = (each for each in ())

    autolog(log_models=True)
    net = Tied()

    train([DATA[:8]], net=net)
    run = the_run()

    weights = nbtrack.pytorch.load_state_dict(f"runs:/{run.info.run_id}/model_weights")
    assert torch.equal(weights["body.weight"], net.body.weight)
    assert run.data.tags["nbtrack.autolog.skipped"] == (
        "model: only its weights could be kept, in model_weights"
    )


def test_a_second_training_in_the_run_has_a_summary_of_its_own() -> None:
    with nbtrack.start_run():
        first = train([DATA[:8]])
        second = train([DATA[:8]])
    run = the_run()

    assert first
    assert second
    assert artifacts(run) == {"model_summary.txt", "model_summary-2.txt"}


def test_what_was_made_before_autolog_is_found(autolog: Autolog) -> None:
    nbtrack.pytorch.autolog(disable=True)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    loader = DataLoader(DATA, batch_size=10)
    autolog()

    for batch in loader:
        step(net, optimizer, batch)
        schedule.step()

    params = the_run().data.params
    assert params["model_class"] == "Net"
    assert params["lr_scheduler"] == "StepLR"
    assert params["epochs"] == "1"


def test_schedules_and_loaders_are_theirs_again_when_autolog_is_off() -> None:
    from torch.optim.lr_scheduler import LRScheduler

    before = (DataLoader.__iter__.__code__, LRScheduler.__init__.__code__)
    nbtrack.pytorch.autolog(disable=True)
    after = (DataLoader.__iter__.__code__, LRScheduler.__init__.__code__)

    assert [code.co_filename for code in before] == ["<nbtrack autolog>"] * 2
    assert all(code.co_filename.endswith(".py") for code in after)


def test_a_training_that_goes_on_after_another_inside_it_keeps_its_last_weights(autolog: Autolog) -> None:
    autolog(log_models=True)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loader = DataLoader(DATA, batch_size=10)
    for epoch in range(3):
        for batch in loader:
            step(net, optimizer, batch)
        if epoch == 1:
            train([DATA[:8]], net=nn.Linear(2, 1))
    cell_end.end(None)

    (run,) = nbtrack.search_runs(filter_string="params.model_class = 'Net'", output_format="list")
    kept = nbtrack.pytorch.load_model(f"runs:/{run.info.run_id}/model")
    assert alike(kept, net)
    assert points(run, "training_epoch") == [(0, 0), (2, 1), (4, 2)]
    assert steps(run, "learning_rate") == [0, 3, 5]


def test_groups_that_a_checkpoint_replaces_or_that_are_added_are_followed() -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.body.parameters(), lr=0.5)
    step(net, optimizer, DATA[:8])
    optimizer.add_param_group({"params": net.head.parameters(), "lr": 0.25})
    step(net, optimizer, DATA[:8])
    state = optimizer.state_dict()
    state["param_groups"][0]["lr"] = 0.125
    optimizer.load_state_dict(state)
    step(net, optimizer, DATA[:8])

    run = the_run()

    assert points(run, "learning_rate") == [(0, 0.5), (2, 0.125)]
    assert points(run, "learning_rate-1") == [(1, 0.25), (2, 0.25)]


def test_all_that_is_recorded_stands_in_the_documentation(autolog: Autolog) -> None:
    autolog(log_models=True, log_gradient_norm=True)
    page = (Path(nbtrack.__file__).parent.parent / "docs" / "autolog.md").read_text()
    section = page.partition("## Plain PyTorch loops\n")[2].partition("\n## ")[0]
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    for batch in DataLoader(DATA, batch_size=8):
        step(net, optimizer, batch)
        schedule.step()

    run = the_run()

    recorded = {*run.data.params, *run.data.metrics, *artifacts(run)}
    assert {key for key in recorded if f"`{key}`" not in section} == optimizer.defaults.keys() - {"lr"}
    assert {"lr_scheduler", "epochs", "gradient_norm", "model", "model_summary.txt"} < recorded
