"""Trainings with Lightning's MLFlowLogger: checkpoints, one that fails, one in a run of ours, one untold."""

import logging
import sys
from contextlib import suppress
from typing import Any

import lightning
import mlflow
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import MLFlowLogger
from records import write_records

to, uri = sys.argv[1:]
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Line(lightning.LightningModule):
    def __init__(self, rate: float = 0.1, fails: bool = False, **more: Any) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch: Any, at: int) -> Any:
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, at: int) -> None:
        if self.hparams.fails:
            raise RuntimeError("no such luck")
        self.log("val_loss", self.layer(batch[0]).pow(2).mean())

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=self.hparams.rate)


def train(logger: MLFlowLogger, folder: str, fails: bool = False, **keep: Any) -> None:
    lightning.seed_everything(0, verbose=False)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(4, 2)), batch_size=2)
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=logger,
        log_every_n_steps=1,
        callbacks=[ModelCheckpoint(dirpath=f"checkpoints/{folder}", **keep)],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(Line(fails=fails, nested={"depth": {"of": 2}}, nothing=None), data, data)


train(MLFlowLogger("plain", run_name="first", tracking_uri=uri, tags={"team": "nlp"}), "plain")

best = {"monitor": "val_loss", "save_top_k": 1, "filename": "best"}
at_the_end = MLFlowLogger("checkpoints", run_name="last", tracking_uri=uri, log_model=True, synchronous=False)
train(at_the_end, "end", **best)
at_the_end.experiment.log_text(at_the_end.run_id, "thanks", "note.txt")

meanwhile = MLFlowLogger("checkpoints", run_name="all", tracking_uri=uri, log_model="all", prefix="net")
train(meanwhile, "all", monitor="val_loss", save_top_k=2, save_last=True)

with suppress(RuntimeError):
    train(MLFlowLogger("plain", run_name="failed", tracking_uri=uri), "failed", fails=True)

mlflow.set_tracking_uri(uri)
mlflow.set_experiment("own")
with mlflow.start_run(run_name="mine") as run:
    train(MLFlowLogger(run_id=run.info.run_id, tracking_uri=uri), "mine")
    mlflow.log_metric("after", 1.5)

# Told nothing of where to log: its own folder.
untold = MLFlowLogger(run_name="somewhere")
untold.log_metrics({"loss": 0.5}, step=3)
untold.finalize()

write_records(to, uri)
write_records(f"{to}-untold", f"file:{untold.save_dir}")
