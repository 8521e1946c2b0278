"""What is measured of autolog with Lightning."""

import logging
import warnings
from pathlib import Path
from typing import Any

from tests.benchmarks.timing import Row, in_turn, median, shown

_EPOCHS = 10


def autolog_lightning(folder: Path, scale: float) -> Row:
    """Train a tiny module, whose steps Lightning itself makes 0.5 ms long, recorded and not, in turn."""
    import lightning.pytorch
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from nbtrack.tracking.autolog import switching
    from nbtrack.tracking.fluent import default_tracker

    class Net(lightning.pytorch.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))

        def forward(self, x: Any) -> Any:
            return self.net(x)

        def training_step(self, batch: Any, index: int) -> Any:
            loss = (self(batch[0]) - batch[1]).square().mean()
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", (self(batch[0]) - batch[1]).square().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

    steps = max(2, int(100 * scale))
    rows = TensorDataset(torch.randn(8 * steps, 8), torch.randn(8 * steps, 1))
    train, validation = DataLoader(rows, batch_size=8), DataLoader(rows, batch_size=8 * steps)

    def fit() -> None:
        lightning.pytorch.Trainer(
            max_epochs=_EPOCHS,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=folder,
        ).fit(Net(), train, validation)

    def recorded(_: int) -> None:
        switching.switch("pytorch", log_models=False, silent=True)
        fit()

    def bare(_: int) -> None:
        switching.switch("pytorch", disable=True)
        fit()

    default_tracker.set_tracking_uri(str(folder / "store"))
    levels = {name: logging.getLogger(name).level for name in _LOUD}
    try:
        for name in _LOUD:
            logging.getLogger(name).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            recorded(0)  # the first one imports
            ours, floor = in_turn(recorded, bare, max(2, int(6 * scale)))
    finally:
        switching.switch("pytorch", disable=True)
        default_tracker.close()
        default_tracker.set_tracking_uri(None)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    return Row(
        f"Lightning: a training of {_EPOCHS} epochs of {steps} steps, recorded with its checkpoints",
        shown(median(ours)),
        f"not recorded: {shown(median(floor))}",
        "≤ 1.02x + 20 ms",
        median(ours) / median(floor),
    )


_LOUD = ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero")
