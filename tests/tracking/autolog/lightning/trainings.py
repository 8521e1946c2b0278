"""What the tests of Lightning train."""

from typing import Any

import lightning.pytorch
import pytorch_lightning
import torch
from torch.utils.data import DataLoader, TensorDataset

import nbtrack


def data(rows: int = 24, batch_size: int = 8) -> Any:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, 3, generator=generator)
    return DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=batch_size)


class Training:
    """What a module does, of either package."""

    def build(self, lr: float) -> None:
        torch.manual_seed(1)
        self.net = torch.nn.Linear(3, 1)
        self.lr = lr

    def forward(self, x: Any) -> Any:
        return self.net(x)

    def training_step(self: Any, batch: Any, index: int) -> Any:
        x, y = batch
        loss = (self(x) - y).square().mean()
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        self.log("only_step", loss)
        return loss

    def validation_step(self: Any, batch: Any, index: int) -> None:
        x, y = batch
        self.log("val_loss", (self(x) - y).square().mean())

    def test_step(self: Any, batch: Any, index: int) -> None:
        x, y = batch
        self.log("test_loss", (self(x) - y).square().mean())

    def configure_optimizers(self: Any) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.lr)


class Net(Training, lightning.pytorch.LightningModule):
    def __init__(self, lr: float = 0.02) -> None:
        super().__init__()
        self.build(lr)


class OldNet(Training, pytorch_lightning.LightningModule):
    def __init__(self, lr: float = 0.02) -> None:
        super().__init__()
        self.build(lr)


def trainer(package: Any = lightning.pytorch, **options: Any) -> Any:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    usual = {"max_epochs": 2, "accelerator": "cpu", "enable_checkpointing": False, **quiet}
    return package.Trainer(**usual | options)


def runs() -> list[nbtrack.Run]:
    """From the first to the last."""
    return list(
        nbtrack.search_runs(output_format="list", order_by=["start_time ASC"], search_all_experiments=True)
    )


def points(run: Any, key: str) -> list[tuple[int, float]]:
    history = nbtrack.MlflowClient().get_metric_history(run.info.run_id, key)
    return [(point.step, round(point.value, 5)) for point in history]


def files(run: Any, folder: str | None = None) -> set[str]:
    found = nbtrack.MlflowClient().list_artifacts(run.info.run_id, folder)
    below = [files(run, each.path) for each in found if each.is_dir]
    return {each.path for each in found if not each.is_dir}.union(*below)
