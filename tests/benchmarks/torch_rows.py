"""What is measured of PyTorch loops that autolog records."""

from pathlib import Path
from time import perf_counter_ns
from typing import Any

import nbtrack
from nbtrack.tracking.fluent import default_tracker
from tests.benchmarks.timing import Row, median, shown

_ROUND = 100
"""Steps between switching autolog on and off."""


def torch_loop(folder: Path, scale: float) -> Row:
    """Steps of about 1 ms of a loop: without autolog, with it, and with a `log_metric` by hand."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    fluent = default_tracker
    fluent.set_tracking_uri(str(folder / "store"))
    step = _step_of_a_millisecond(torch)
    times: dict[str, list[int]] = {"bare": [], "ours": [], "by hand": []}

    def by_hand() -> None:
        nbtrack.log_metric("loss", step().item())

    try:
        with nbtrack.start_run():
            for _ in range(max(2, int(40 * scale))):
                for name, own in times.items():
                    nbtrack.pytorch.autolog(disable=name != "ours", log_models=False, silent=True)
                    for _ in range(5):
                        step()  # the first ones describe the training
                    own += [_timed(by_hand if name == "by hand" else step) for _ in range(_ROUND)]
    finally:
        nbtrack.pytorch.autolog(disable=True)
        fluent.close()
        fluent.set_tracking_uri(None)
        torch.set_num_threads(threads)
    bare, ours, hand = (median(own) for own in times.values())
    return Row(
        "`autolog` of a plain PyTorch loop: added to a step",
        f"{shown(max(0, ours - bare))} ({max(0, ours / bare - 1):.1%})",
        f"the step: {shown(bare)}; `log_metric` of the loss by hand adds {shown(max(0, hand - bare))}",
        "≤ 2 %",
        ours / bare,
    )


def _step_of_a_millisecond(torch: Any) -> Any:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 192), torch.nn.ReLU(), torch.nn.Linear(192, 10))
    optimizer = torch.optim.Adam(model.parameters())
    inputs, labels = torch.randn(256, 64), torch.randint(10, (256,))

    def step() -> Any:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _timed(step: Any) -> int:
    start = perf_counter_ns()
    step()
    return perf_counter_ns() - start
