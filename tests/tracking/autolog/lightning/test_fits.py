"""Autolog of Lightning in real trainings: which run they make, and what it holds."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch
import pytest
import pytorch_lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, LearningRateFinder, ModelCheckpoint
from lightning.pytorch.tuner import Tuner

import nbtrack
import nbtrack.lightning
from nbtrack.tracking.autolog import sessions, switching
from tests.tracking.autolog.lightning.trainings import Net, OldNet, data, files, points, runs, trainer

Autolog = Callable[..., None]


@pytest.mark.parametrize(("package", "kind"), [(lightning.pytorch, Net), (pytorch_lightning, OldNet)])
def test_a_fit_is_a_run_with_params_curves_summary_and_model(
    autolog: Autolog, package: Any, kind: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    autolog(log_models=True)
    net = kind()

    trainer(package).fit(net, data(), data())

    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.autologging"] == "pytorch"
    assert run.data.tags["Mode"] == "training"
    expected = {
        "epochs": "2",
        "optimizer_name": "Adam",
        "lr": "0.02",
        "betas": "(0.9, 0.999)",
        "eps": "1e-08",
    }
    expected |= {"model_class": kind.__name__, "parameter_count": "4", "trainable_parameter_count": "4"}
    expected |= {"device": "cpu", "precision": "32-true", "batch_size": "8"}
    assert expected.items() <= run.data.params.items()
    assert set(run.data.metrics) == {
        *("train_loss", "train_loss_step", "train_loss_epoch", "only_step", "val_loss")
    }
    assert [step for step, _ in points(run, "val_loss")] == [0, 1]
    assert points(run, "train_loss") == points(run, "train_loss_epoch") != points(run, "train_loss_step")
    assert "4         Total params" in nbtrack.artifacts.load_text(
        f"runs:/{run.info.run_id}/model_summary.txt"
    )
    uri = f"runs:/{run.info.run_id}/model"
    signature = nbtrack.models.get_model_info(uri).signature
    assert "(-1, 3)" in str(signature.inputs)
    assert "(-1, 1)" in str(signature.outputs)
    assert torch.equal(nbtrack.lightning.load_model(uri).net.weight, net.net.weight)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"nbtrack: recorded {kind.__name__}-")


def test_what_a_module_logs_at_the_end_of_an_epoch_belongs_to_it(autolog: Autolog) -> None:
    class Late(Net):
        def on_train_epoch_end(self) -> None:
            self.log("late", float(self.current_epoch))

    autolog()

    trainer().fit(Late(), data())

    (run,) = runs()
    assert points(run, "late") == [(0, 0.0), (1, 1.0)]


def test_the_sanity_check_is_no_part_of_the_training(autolog: Autolog) -> None:
    seen: list[Any] = []

    class Sanity(Callback):
        def on_sanity_check_end(self, trainer: Any, pl_module: Any) -> None:
            seen.append(runs()[0].data.metrics)

    autolog()

    trainer(callbacks=[Sanity()]).fit(Net(), data(), data())

    assert seen == [{}]
    assert [step for step, _ in points(runs()[0], "val_loss")] == [0, 1]


def test_every_nth_step_and_epoch_are_recorded_as_asked(autolog: Autolog) -> None:
    autolog(log_every_n_step=2, log_every_n_epoch=2)

    trainer(max_epochs=4).fit(Net(), data(), data())

    (run,) = runs()
    steps = [1, 3, 5, 7, 9, 11]  # as MLflow counts, of 12
    assert [step for step, _ in points(run, "only_step")] == steps
    assert [step for step, _ in points(run, "train_loss_step")] == steps
    assert [step for step, _ in points(run, "train_loss")] == [1, 3]
    assert [step for step, _ in points(run, "val_loss")] == [1, 3]


def test_hyperparameters_learning_rates_and_limits_are_recorded(autolog: Autolog) -> None:
    class Scheduled(Net):
        def __init__(self, width: int, lr: float, net: dict[str, Any]) -> None:
            super().__init__(lr)
            self.save_hyperparameters()
            self.hparams.lr = "auto"

        def configure_optimizers(self) -> Any:
            optimizer = super().configure_optimizers()
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]

    autolog()

    trainer(gradient_clip_val=0.5, accumulate_grad_batches=2).fit(
        Scheduled(4, 0.1, {"depth": 2, "norm": None}), data()
    )

    (run,) = runs()
    expected = {"width": "4", "lr": "0.1", "hparams/lr": "auto", "net/depth": "2", "net/norm": "None"}
    expected |= {"gradient_clip_val": "0.5", "accumulate_grad_batches": "2", "lr_scheduler": "StepLR"}
    assert expected.items() <= run.data.params.items()
    assert "max_steps" not in run.data.params
    assert points(run, "learning_rate") == [(0, 0.1), (1, 0.05)]


def test_manual_optimization_with_two_optimizers_is_recorded(autolog: Autolog) -> None:
    class Two(Net):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.other = torch.nn.Linear(3, 1)

        def training_step(self, batch: Any, index: int) -> None:
            for optimizer, net in zip(self.optimizers(), (self.net, self.other), strict=True):
                loss = (net(batch[0]) - batch[1]).square().mean()
                optimizer.zero_grad()
                self.manual_backward(loss)
                optimizer.step()
                self.log("loss", loss, on_step=True)

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.net.parameters()), torch.optim.SGD(self.other.parameters(), lr=0.5)

    autolog(log_every_n_step=2)

    trainer().fit(Two(), data())

    (run,) = runs()
    assert run.info.status == "FINISHED"
    expected = {"optimizer_name": "Adam", "lr": "0.001", "optimizer_name-2": "SGD", "lr-2": "0.5"}
    assert expected.items() <= run.data.params.items()
    # Both optimizers step in each of the six batches.
    assert [step for step, _ in points(run, "loss")] == [2, 6, 10]


def test_early_stopping_is_recorded_with_the_best_checkpoint(autolog: Autolog, tmp_path: Path) -> None:
    class Worse(Net):
        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", float(self.current_epoch))

    autolog(log_models=True)
    early = EarlyStopping("val_loss", patience=2)
    best = ModelCheckpoint(dirpath=tmp_path / "mine", filename="best", monitor="val_loss")

    trainer(max_epochs=9, callbacks=[early, best], enable_checkpointing=True).fit(Worse(), data(), data())

    (run,) = runs()
    expected = {
        "monitor": "val_loss",
        "mode": "min",
        "patience": "2",
        "min_delta": "-0.0",
        "stopped_epoch": "0",
    }
    assert expected.items() <= run.data.params.items()
    stopped = {"stopped_epoch": 2.0, "restored_epoch": 0.0, "best_score": 0.0, "wait_count": 2.0}
    assert stopped.items() <= run.data.metrics.items()
    assert "restored_model_checkpoint/best.ckpt" in files(run)


def test_a_test_belongs_to_the_run_of_its_training(autolog: Autolog) -> None:
    autolog()
    net = Net()
    first = trainer()
    first.fit(net, data())
    trainer().fit(Net(), data())

    first.test(net, data(), verbose=False)

    tested, other = runs()
    assert tested.data.tags["Mode"] == "testing"
    assert points(tested, "test_loss") == [(0, round(float(first.callback_metrics["test_loss"]), 5))]
    assert other.data.tags["Mode"] == "training"
    assert tested.info.status == "FINISHED"


def test_a_test_by_another_trainer_finds_its_training_and_a_users_run_wins(autolog: Autolog) -> None:
    autolog()
    net = Net()
    trainer().fit(net, data())

    trainer().test(net, data(), verbose=False)
    with nbtrack.start_run() as mine:
        trainer().test(net, data(), verbose=False)
    trainer().test(Net(), data(), verbose=False)  # of no training: nowhere

    fitted, evaluated = runs()
    assert len(points(fitted, "test_loss")) == 1
    assert evaluated.info.run_id == mine.run_id
    assert len(points(evaluated, "test_loss")) == 1


def test_fits_in_the_users_run_go_into_it_and_do_not_end_it(autolog: Autolog) -> None:
    autolog(log_models=True)

    with nbtrack.start_run() as mine:
        trainer().fit(Net(), data())
        trainer(max_epochs=1).fit(Net(lr=0.5), data())
        assert mine.info.status == "RUNNING"

    (run,) = runs()
    assert "mlflow.autologging" not in run.data.tags
    assert {"lr": "0.02", "lr-2": "0.5", "epochs": "2", "epochs-2": "1"}.items() <= run.data.params.items()
    assert len(nbtrack.search_logged_models(output_format="list")) == 2


def test_exclusive_trial_runs_and_rest_are_not_recorded_as_plain_loops_either(autolog: Autolog) -> None:
    autolog(exclusive=True)
    seen: list[bool] = []

    class Watching(Net):
        def on_train_start(self) -> None:
            seen.append(sessions.is_inside())

    with nbtrack.start_run() as mine:
        trainer().fit(Watching(), data())
    trainer(fast_dev_run=True).fit(Watching(), data())

    assert seen == [True, True]
    assert [run.info.run_id for run in runs()] == [mine.run_id]
    assert runs()[0].data.params == {}


def test_a_second_fit_with_nothing_left_to_do_makes_no_run(autolog: Autolog) -> None:
    autolog()
    same, net = trainer(), Net()
    same.fit(net, data())

    same.fit(net, data())
    same.fit_loop.max_epochs = 3
    same.fit(net, data())

    first, second = runs()
    assert [step for step, _ in points(first, "train_loss")] == [0, 1]
    assert [step for step, _ in points(second, "train_loss")] == [2]


def test_what_is_no_training_makes_no_run(autolog: Autolog) -> None:
    autolog()

    trainer(limit_train_batches=0).fit(Net(), data())
    with pytest.raises(TypeError, match="must be a `LightningModule`"):
        trainer().fit(torch.nn.Linear(1, 1), data())
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        trainer().fit()

    assert runs() == []


@pytest.mark.filterwarnings("ignore:`LightningModule.configure_optimizers` returned `None`")
def test_weights_are_counted_once_the_first_batch_has_told_how_many_there_are(autolog: Autolog) -> None:
    class Lazy(Net):
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.LazyLinear(1)

        def configure_optimizers(self) -> None:
            return None

    autolog()

    trainer().fit(Lazy(), data())

    (run,) = runs()
    assert run.data.params["parameter_count"] == "4"
    assert "optimizer_name" not in run.data.params


def test_an_error_of_the_training_step_fails_the_run_and_goes_on_to_the_user(autolog: Autolog) -> None:
    class Broken(Net):
        def training_step(self, batch: Any, index: int) -> Any:
            if self.current_epoch == 1:
                raise ZeroDivisionError("mine")
            return super().training_step(batch, index)

    autolog(log_models=True)
    failing = trainer()

    with pytest.raises(ZeroDivisionError, match="mine"):
        failing.fit(Broken(), data())

    (run,) = runs()
    assert run.info.status == "FAILED"
    assert "ZeroDivisionError: mine" in run.data.tags["nbtrack.error"]
    assert [step for step, _ in points(run, "train_loss")] == [0]
    assert "model_summary.txt" not in files(run)
    assert "_nbtrack_recorder" not in vars(failing)


def test_an_interrupt_of_which_lightning_makes_an_exit_is_told_as_one(autolog: Autolog) -> None:
    class Stopped(Net):
        def on_train_batch_end(self, *args: Any) -> None:
            raise KeyboardInterrupt

    import signal

    before = signal.getsignal(signal.SIGINT)
    autolog()

    try:
        with pytest.raises(SystemExit):
            trainer().fit(Stopped(), data())
    finally:
        signal.signal(signal.SIGINT, before)  # Lightning leaves it ignored

    (run,) = runs()
    assert run.info.status == "FAILED"
    assert run.data.tags["nbtrack.interrupted"] == "true"


def test_nothing_of_ours_stays_in_trainers_modules_checkpoints_and_pickles(
    autolog: Autolog, tmp_path: Path
) -> None:
    held: list[Any] = []

    class Looking(Callback):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            held.append([type(callback).__name__ for callback in trainer.callbacks])
            trainer.save_checkpoint(tmp_path / "its.ckpt")
            pickle.dumps(pl_module)

    autolog(log_models=True)
    net, mine = Net(), trainer(callbacks=[Looking()])
    before = set(vars(mine))

    mine.fit(net, data())

    assert held == [["Looking"]] * 2
    assert set(vars(mine)) - before <= {"model", "_last_val_dl_reload_epoch"}
    assert [type(callback).__name__ for callback in mine.callbacks] == ["Looking"]
    assert not net._forward_hooks
    assert b"nbtrack" not in (tmp_path / "its.ckpt").read_bytes()
    assert b"nbtrack" not in pickle.dumps(net)


def test_searches_for_a_learning_rate_or_batch_size_make_no_runs(autolog: Autolog) -> None:
    class Sized(Net):
        def train_dataloader(self) -> Any:
            return data(batch_size=self.batch_size)

        def val_dataloader(self) -> Any:
            return data()

    autolog()
    net = Sized()
    net.batch_size = 2
    tuned = trainer(logger=False)

    Tuner(tuned).lr_find(net, num_training=16, early_stop_threshold=None)
    Tuner(tuned).scale_batch_size(net, max_trials=2, steps_per_trial=1)
    assert runs() == []
    trainer(callbacks=[LearningRateFinder(num_training_steps=16, early_stop_threshold=None)]).fit(net)

    (run,) = runs()
    assert [step for step, _ in points(run, "train_loss")] == [0, 1]
    assert run.data.params["lr"] == str(net.lr)


def test_other_loggers_get_what_they_would_get_anyway(autolog: Autolog, tmp_path: Path) -> None:
    from lightning.pytorch.loggers import CSVLogger

    def rows(folder: str) -> str:
        logger = CSVLogger(tmp_path / folder)
        trainer(logger=logger, log_every_n_steps=1).fit(Net(), data(), data())
        return Path(logger.log_dir, "metrics.csv").read_text()

    plain = rows("plain")
    autolog()

    assert rows("recorded") == plain
    assert len(runs()) == 1


def test_switched_off_nothing_is_recorded_and_the_functions_are_the_old_ones(autolog: Autolog) -> None:
    functions = [lightning.pytorch.Trainer.fit, lightning.pytorch.Trainer.test]
    codes = [function.__code__ for function in functions]

    autolog()
    on = [function.__code__ for function in functions]
    switching.switch("pytorch", disable=True)
    trainer().fit(Net(), data())

    assert [function.__code__ for function in functions] == codes != on
    assert functions == [lightning.pytorch.Trainer.fit, lightning.pytorch.Trainer.test]
    assert runs() == []


def test_an_error_of_ours_breaks_no_training(autolog: Autolog, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrack.tracking.autolog.lightning import first_batch, settings
    from nbtrack.tracking.autolog.lightning.recorder import Recorder

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("ours")

    for where, name in (
        (settings, "of_trainer"),
        (first_batch, "_alike"),
        (Recorder, "start_epoch"),
        (Recorder, "end_epoch"),
        (Recorder, "end"),
    ):
        monkeypatch.setattr(where, name, fail)
    autolog(log_models=True, silent=True)
    net = Net()
    before = net.net.weight.clone()

    trainer().fit(net, data())

    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert not torch.equal(net.net.weight, before)
    assert "model/MLmodel" in files(run)


def test_what_the_page_on_autolog_says_is_what_a_run_has(autolog: Autolog, tmp_path: Path) -> None:
    class Scheduled(Net):
        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", float(self.current_epoch))

        def configure_optimizers(self) -> Any:
            optimizer = super().configure_optimizers()
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]

    page = (Path(nbtrack.__file__).parents[1] / "docs" / "autolog.md").read_text(encoding="utf-8")
    section = page.partition("\n## Lightning\n")[2].partition("\n## ")[0]
    autolog(log_models=True)
    changed = {"max_steps": 50, "accumulate_grad_batches": 2, "gradient_clip_val": 0.5, "overfit_batches": 2}
    changed |= {"gradient_clip_algorithm": "norm", "check_val_every_n_epoch": 1, "limit_train_batches": 3}
    callbacks = [EarlyStopping("val_loss", patience=1), ModelCheckpoint(tmp_path / "own")]

    trainer(max_epochs=9, callbacks=callbacks, enable_checkpointing=True, **changed).fit(
        Scheduled(), data(), data()
    )

    (run,) = runs()
    folders = {name.partition("/")[0] + ("/" if "/" in name else "") for name in files(run)} - {"model/"}
    own = {"train_loss", "train_loss_step", "train_loss_epoch", "only_step", "val_loss"}
    recorded = {*run.data.params, *run.data.metrics, *folders} - own
    defaults = torch.optim.Adam(Net().parameters()).defaults.keys()
    assert {key for key in recorded if f"`{key}`" not in section} == set(defaults) - {"lr", "betas"}
    of_early_stopping = {"stopped_epoch", "restored_epoch", "best_score", "wait_count", "monitor", "patience"}
    assert of_early_stopping | {"restored_model_checkpoint/", "checkpoints/", "learning_rate"} <= recorded
    assert {*changed, "lr_scheduler", "batch_size"} - {"check_val_every_n_epoch"} <= recorded
