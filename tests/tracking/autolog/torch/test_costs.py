"""What recording a loop costs: no wait for a device, no other graphs, nothing lost by a kill."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters
from torch.nn import functional

import nbtrack
from nbtrack.tracking.autolog import cell_end


@pytest.fixture(autouse=True)
def _recorded() -> None:
    nbtrack.pytorch.autolog(log_models=False, silent=True)


def step_of(model: nn.Module, optimizer: torch.optim.Optimizer, device: str = "cpu") -> Any:
    x = torch.linspace(-1, 1, 24, device=device).reshape(8, 3)

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), x.sum(1, keepdim=True))
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def points() -> list[float]:
    cell_end.end(None)
    (run,) = nbtrack.search_runs(output_format="list")
    history = nbtrack.MlflowClient().get_metric_history(run.info.run_id, "training_loss")
    return [point.value for point in history]


def operations(step: Any) -> Counter[str]:
    """What PyTorch does in 20 steps."""
    step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(20):
            step()
    return Counter({event.key: event.count for event in profile.key_averages()})


def test_no_step_reads_a_number_from_a_device() -> None:
    model = nn.Linear(3, 1)
    step = step_of(model, torch.optim.SGD(model.parameters(), lr=0.1))

    recorded = operations(step)
    nbtrack.autolog(disable=True)
    added = recorded - operations(step)

    # A number that is read would be aten::item, and on a GPU it would be waited for.
    assert added == {"aten::detach": 20, "detach": 20, "aten::copy_": 20}


@pytest.mark.gpu
def test_on_a_gpu_nothing_waits_for_it() -> None:
    model = nn.Linear(3, 1, device="cuda")
    step = step_of(model, torch.optim.Adam(model.parameters()), "cuda")
    seen = [step()]

    torch.cuda.set_sync_debug_mode("error")
    try:
        seen += [step() for _ in range(1000)]
    finally:
        torch.cuda.set_sync_debug_mode("default")

    assert points() == [loss.item() for loss in seen]


@pytest.mark.filterwarnings(
    # PyTorch's of itself, without autolog as well
    "ignore:.torch.jit.script_method. is deprecated",
    "ignore:The .grad attribute of a Tensor that is not a leaf",
)
@pytest.mark.parametrize("is_made_inside", [False, True])
def test_a_compiled_step_has_the_graphs_it_has_without(is_made_inside: bool) -> None:
    def graphs() -> tuple[list[int], list[int], list[float]]:
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        found: list[int] = []

        def backend(graph: Any, _: Any) -> Any:
            found.append(len(graph.graph.nodes))
            return graph

        def made() -> torch.optim.Optimizer:
            return torch.optim.SGD(model.parameters(), lr=0.1)

        torch._dynamo.reset()
        if is_made_inside:
            step: Any = lambda: step_of(model, made())()  # noqa: E731
        else:
            step = step_of(model, made())
        compiled = torch.compile(step, backend=backend)
        counters.clear()
        losses = [compiled().item() for _ in range(3)]
        return found, [sum(counters["graph_break"].values()), counters["frames"]["total"]], losses

    recorded, looked_at, seen = graphs()
    assert points() == seen
    nbtrack.autolog(disable=True)
    bare, looked_at_bare, expected = graphs()

    assert recorded == bare
    # No more breaks and, where the step is all that is compiled, no function of ours.
    assert looked_at[0] <= looked_at_bare[0]
    assert is_made_inside or looked_at[1] <= looked_at_bare[1]
    assert seen == expected


def test_a_kill_loses_at_most_the_last_second_and_an_error_fails_the_run() -> None:
    script = """
import os, signal, sys, time, nbtrack, torch
nbtrack.pytorch.autolog(log_models=False)
model = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
started = time.monotonic()
while time.monotonic() - started < 1.2:
    optimizer.zero_grad()
    model(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    time.sleep(0.01)
print("killed", flush=True)
if sys.argv[1] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
raise ValueError("no more data")
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(nbtrack.__file__).parents[1])}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, how],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for how in ("kill", "raise")
    ]
    said = [process.communicate(timeout=120)[1] for process in started]

    runs = {run.info.status: run for run in nbtrack.search_runs(output_format="list")}
    assert [process.returncode for process in started] == [-signal.SIGKILL, 1]
    assert runs.keys() == {"KILLED", "FAILED"}
    assert runs["KILLED"].data.summaries["training_loss"].count > 10
    assert "failed" in said[1]
    assert "ValueError: no more data" in said[1]
