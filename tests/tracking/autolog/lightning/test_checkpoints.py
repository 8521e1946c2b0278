"""Checkpoints of Lightning trainings: which are written, under which names, and that they can be resumed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

import nbtrack
from nbtrack.tracking.autolog.lightning import checkpoints
from tests.tracking.autolog.lightning.trainings import Net, data, files, points, runs, trainer

Autolog = Callable[..., None]


class Dipping(Net):
    """Best in epoch 1."""

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", [2.0, 1.0, 3.0, 4.0][self.current_epoch])


def checkpoint(run: Any) -> tuple[Path, dict[str, Any]]:
    """Where the last one lies, and what is said of it."""
    name = run.data.tags["mlflow.latest_checkpoint_artifact"]
    about = name.rpartition("/")[0] + ("/latest_" if "/latest_" in name else "/") + "checkpoint_metrics.json"
    download = nbtrack.MlflowClient().download_artifacts
    return Path(download(run.info.run_id, name)), json.loads(
        Path(download(run.info.run_id, about)).read_text()
    )


def test_the_checkpoint_is_that_of_the_best_epoch(autolog: Autolog) -> None:
    autolog()

    trainer(max_epochs=4).fit(Dipping(), data(), data())

    (run,) = runs()
    path, about = checkpoint(run)
    assert files(run, "checkpoints") == {
        *("checkpoints/latest_checkpoint.pth", "checkpoints/latest_checkpoint_metrics.json")
    }
    assert path.name == "latest_checkpoint.pth"
    assert (about["epoch"], about["global_step"], about["val_loss"]) == (1, 6, 1.0)
    assert torch.load(path, weights_only=True)["global_step"] == 6


def test_a_training_goes_on_from_a_checkpoint_as_if_it_had_never_stopped(autolog: Autolog) -> None:
    class Scheduled(Net):
        def configure_optimizers(self) -> Any:
            optimizer = super().configure_optimizers()
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]

    whole = Scheduled()
    trainer(max_epochs=4).fit(whole, data(), data())
    autolog()
    trainer(max_epochs=2).fit(Scheduled(), data(), data())
    path, _ = checkpoint(runs()[0])
    net = Scheduled()

    trainer(max_epochs=4).fit(net, data(), data(), ckpt_path=path, weights_only=True)

    assert torch.equal(net.net.weight, whole.net.weight)
    assert [step for step, _ in points(runs()[1], "train_loss")] == [2, 3]


def test_all_epochs_are_kept_when_asked_for(autolog: Autolog) -> None:
    autolog(checkpoint_save_best_only=False, checkpoint_save_weights_only=True)

    trainer().fit(Net(), data())

    (run,) = runs()
    assert files(run, "checkpoints") == {
        f"checkpoints/epoch_{epoch}/{name}"
        for epoch in (0, 1)
        for name in ("checkpoint.weights.pth", "checkpoint_metrics.json")
    }
    path, about = checkpoint(run)
    assert about["epoch"] == 1
    assert "optimizer_states" not in torch.load(path, weights_only=True)


def test_every_few_steps_when_asked_for(autolog: Autolog) -> None:
    autolog(checkpoint_save_best_only=False, checkpoint_save_freq=4)

    trainer(max_epochs=3).fit(Net(), data())

    (run,) = runs()
    assert {name for name in files(run, "checkpoints") if name.endswith("pth")} == {
        *("checkpoints/global_step_4/checkpoint.pth", "checkpoints/global_step_8/checkpoint.pth")
    }


def test_another_metric_may_be_watched_the_other_way(autolog: Autolog) -> None:
    autolog(checkpoint_monitor="val_loss", checkpoint_mode="max")

    trainer(max_epochs=3).fit(Dipping(), data(), data())

    assert checkpoint(runs()[0])[1]["epoch"] == 2


def test_a_metric_that_nothing_logs_is_told_once_if_it_was_asked_for(autolog: Autolog) -> None:
    autolog(checkpoint_monitor="val_los")

    with pytest.warns(RuntimeWarning, match="'val_los', and nothing logs it") as told:
        trainer().fit(Net(), data(), data())

    assert len([warning for warning in told if "val_los'" in str(warning.message)]) == 1
    assert files(runs()[0], "checkpoints") == set()


def test_where_nothing_is_asked_for_what_the_users_callbacks_watch_is_best(autolog: Autolog) -> None:
    class Scored(Net):
        def validation_step(self, batch: Any, index: int) -> None:
            self.log("score", [1.0, 2.0, 0.0][self.current_epoch])

    autolog()

    trainer(
        max_epochs=3, enable_checkpointing=True, callbacks=[ModelCheckpoint(monitor="score", mode="max")]
    ).fit(Scored(), data(), data())

    assert checkpoint(runs()[0])[1]["epoch"] == 1


def test_without_validation_there_is_none_and_nothing_is_said(autolog: Autolog) -> None:
    autolog()

    trainer().fit(Net(), data())

    assert files(runs()[0]) == {"model_summary.txt"}


class TestWhenWritingThemWouldSlowTheTraining:
    @pytest.fixture(autouse=True)
    def _slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checkpoints, "_SECONDS_A_FILE", 10.0)

    @pytest.fixture
    def _large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checkpoints, "_SMALL", 0)

    def test_a_small_one_is_held_until_the_end_as_it_was(self, autolog: Autolog) -> None:
        class Seen(Dipping):
            def on_train_epoch_end(self) -> None:
                weights.append(self.net.weight.detach().clone())

        weights: list[Any] = []
        autolog()

        trainer(max_epochs=3).fit(Seen(), data(), data())

        path, about = checkpoint(runs()[0])
        assert about["epoch"] == 1
        held = torch.load(path, weights_only=True)["state_dict"]["net.weight"]
        assert torch.equal(held, weights[1])
        assert not torch.equal(held, weights[2])

    def test_a_small_one_is_held_until_the_training_fails(self, autolog: Autolog) -> None:
        autolog()

        with pytest.raises(IndexError):  # there is no fifth epoch
            trainer(max_epochs=5).fit(Dipping(), data(), data())

        assert runs()[0].info.status == "FAILED"
        assert checkpoint(runs()[0])[1]["epoch"] == 1

    @pytest.mark.usefixtures("_large")
    def test_the_last_epoch_is_kept_at_the_end_if_it_is_the_best(self, autolog: Autolog) -> None:
        autolog()

        trainer(max_epochs=2).fit(Dipping(), data(), data())

        path, about = checkpoint(runs()[0])
        assert about["epoch"] == 1
        assert torch.load(path, weights_only=True)["global_step"] == 6

    @pytest.mark.usefixtures("_large")
    def test_the_users_own_best_checkpoint_is_taken(self, autolog: Autolog, tmp_path: Path) -> None:
        autolog()
        own = ModelCheckpoint(tmp_path / "own", monitor="val_loss")

        trainer(max_epochs=3, enable_checkpointing=True, callbacks=[own]).fit(Dipping(), data(), data())

        path, about = checkpoint(runs()[0])
        assert about["epoch"] == 1
        assert path.read_bytes() == Path(own.best_model_path).read_bytes()

    @pytest.mark.usefixtures("_large")
    def test_else_the_run_says_that_it_has_none(
        self, autolog: Autolog, capsys: pytest.CaptureFixture[str]
    ) -> None:
        autolog()

        trainer(max_epochs=3).fit(Dipping(), data(), data())

        (run,) = runs()
        assert "checkpoint of epoch 1" in run.data.tags["nbtrack.autolog.skipped"]
        assert "left out: checkpoint of epoch 1" in capsys.readouterr().err
        assert files(run, "checkpoints") == set()

    def test_those_that_were_asked_for_are_written(self, autolog: Autolog) -> None:
        autolog(checkpoint_save_best_only=False)

        trainer(max_epochs=2).fit(Net(), data())

        assert len(files(runs()[0], "checkpoints")) == 4
