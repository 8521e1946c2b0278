"""Trainings of Lightning in several processes, and with loggers that log to nbtrack themselves."""

import json
import pickle
from collections.abc import Callable
from typing import Any

import lightning.pytorch
import pytest
from lightning.pytorch.callbacks import Callback

import nbtrack
from nbtrack.tracking.autolog import switching
from nbtrack.tracking.autolog.lightning import loops, recorder
from nbtrack.tracking.autolog.lightning.hooks import hooks
from tests.drop_in_programs import with_drop_in
from tests.tracking.autolog.lightning.trainings import Net, data, points, runs, trainer

Autolog = Callable[..., None]

PROGRAM = """
import json, logging
import mlflow
mlflow.autolog()  # before Lightning is imported
from lightning.pytorch.loggers import MLFlowLogger
from tests.tracking.autolog.lightning.trainings import Net, data, files, points, runs, trainer

for name in ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero"):
    logging.getLogger(name).setLevel(logging.ERROR)
trainer(strategy="ddp_fork", devices=2).fit(Net(), data(), data())
logger = MLFlowLogger("Default", tracking_uri=mlflow.get_tracking_uri())
logging = trainer(logger=logger, log_every_n_steps=3)
net = Net()
logging.fit(net, data(), data())
logging.test(net, data(), verbose=False)
told = [
    {
        "id": run.info.run_id,
        "status": run.info.status,
        "params": run.data.params,
        "points": {key: points(run, key) for key in run.data.metrics},
        "files": sorted(files(run)),
        "signature": str(mlflow.models.get_model_info(f"runs:/{run.info.run_id}/model").signature.inputs),
    }
    for run in runs()
]
print(json.dumps({"runs": told, "logger": logger.run_id}))
"""


def test_forked_processes_make_one_run_and_an_mlflow_logger_has_its_run_to_itself() -> None:
    told = json.loads(with_drop_in(PROGRAM, warnings="ignore").splitlines()[-1])

    forked, logged = told["runs"]
    assert (forked["status"], forked["params"]["world_size"]) == ("FINISHED", "2")
    assert [step for step, _ in forked["points"]["val_loss"]] == [0, 1]
    assert "(-1, 3)" in forked["signature"]
    assert {"checkpoints/latest_checkpoint.pth", "model/MLmodel", "model_summary.txt"} <= set(forked["files"])
    assert logged["id"] == told["logger"]
    assert logged["status"] == "FINISHED"
    assert logged["params"]["optimizer_name"] == "Adam"
    # The logger's x axis, and each point once.
    assert [step for step, _ in logged["points"]["val_loss"]] == [2, 5]
    assert len(logged["points"]["test_loss"]) == 1
    assert {"checkpoints/latest_checkpoint.pth", "model/MLmodel"} <= set(logged["files"])


def test_a_process_that_is_spawned_records_into_the_run_of_its_parent(
    autolog: Autolog, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    class Sending(Callback):
        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            sent.append(pickle.dumps(getattr(trainer, loops.ATTRIBUTE)))

    autolog(log_models=True)
    with nbtrack.start_run():
        trainer(max_epochs=1, callbacks=[Sending()]).fit(Net(), data())
        switching.switch("pytorch", disable=True)
        monkeypatch.setattr(recorder.os, "getpid", lambda: -1)  # there, it is another process
        child = trainer(max_epochs=4)
        setattr(child, loops.ATTRIBUTE, pickle.loads(sent[0]))
        try:
            child.fit(Net(lr=0.5), data())
        finally:
            for hook in hooks(lightning.pytorch):
                hook.take_off()

    (run,) = runs()
    assert [step for step, _ in points(run, "train_loss")] == [0, 0, 1, 2, 3]
    assert run.data.params["lr-2"] == "0.5"


def test_a_copy_where_the_training_goes_on_records_nothing(autolog: Autolog) -> None:
    copies: list[Any] = []

    class Copying(Callback):
        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            copies.append(pickle.loads(pickle.dumps(getattr(trainer, loops.ATTRIBUTE))))

    autolog()

    trainer(callbacks=[Copying()]).fit(Net(), data())

    assert [copy.is_paused for copy in copies] == [True]
    assert [step for step, _ in points(runs()[0], "train_loss")] == [0, 1]
