"""A training that several processes share: the first one records it, the others nothing.

PYTEST_DONT_REWRITE: what pytest makes of `assert` calls `locals()`, and such functions are not looked into.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import nbtrack
import nbtrack.pytorch
from nbtrack.tracking.autolog import cell_end

WORKER = """
import sys
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import nbtrack

rank, meeting = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
nbtrack.autolog()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, x):
        return self.layer(x)


def main():
    torch.manual_seed(0)
    data = TensorDataset(torch.rand(20, 2), torch.rand(20, 1))
    sampler = DistributedSampler(data)
    model = DistributedDataParallel(Net())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(2):
        sampler.set_epoch(epoch)
        for x, y in DataLoader(data, batch_size=5, sampler=sampler):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()
    return model.module.layer.weight


print(main().tolist())
dist.destroy_process_group()
"""


def test_of_two_processes_that_train_together_the_first_records(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    environment = {
        **os.environ,
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(nbtrack.__file__).parent.parent),
    }

    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error::RuntimeWarning", worker, str(rank), tmp_path / "meeting"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for rank in range(2)
    ]
    told = [each.communicate(timeout=60) for each in workers]

    assert [each.returncode for each in workers] == [0, 0], told
    (run,) = nbtrack.search_runs(output_format="list")
    assert run.info.status == "FINISHED"
    assert run.data.params["world_size"] == "2"
    assert run.data.params["model_class"] == "Net"
    assert run.data.params["epochs"] == "2"
    assert _points(run, "training_epoch") == [(0, 0), (2, 1)]
    assert [step for step, _ in _points(run, "training_loss")] == [0, 1, 2, 3]
    assert "nbtrack: recorded Net-" in told[0][1]
    assert "nbtrack" not in told[1][1]
    (model,) = nbtrack.search_logged_models(output_format="list")
    kept = nbtrack.pytorch.load_model(f"models:/{model.model_id}")
    assert str(kept.layer.weight.tolist()) == told[0][0].strip() == told[1][0].strip()


def test_weights_that_lie_in_parts_are_described_and_not_gathered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    meeting = f"file://{tmp_path / 'meeting'}"
    distributed.init_process_group("gloo", init_method=meeting, rank=0, world_size=1)
    try:
        nbtrack.pytorch.autolog(silent=True, log_gradient_norm=True)
        net = fully_shard(nn.Sequential(nn.Linear(2, 1)), mesh=init_device_mesh("cpu", (1,)))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            net(torch.ones(3, 2)).square().mean().backward()
            optimizer.step()
        cell_end.end(None)
    finally:
        distributed.destroy_process_group()

    (run,) = nbtrack.search_runs(output_format="list")
    assert run.data.params["model_class"] == "Sequential"
    assert run.data.params["parameter_count"] == "3"
    assert run.data.tags["nbtrack.autolog.skipped"] == "model: its weights lie in parts on several processes"
    assert nbtrack.search_logged_models(output_format="list") == []


def _points(run: nbtrack.Run, key: str) -> list[Any]:
    history = nbtrack.MlflowClient().get_metric_history(run.info.run_id, key)
    return [(point.step, point.value) for point in history]
