import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch
import numpy as np
import pytest
import pytorch_lightning
import torch
from lightning.pytorch.utilities.compile import from_compiled

import nbtrack
import nbtrack.lightning
import nbtrack.pytorch
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, UntrustedModelError
from nbtrack.models.flavors import lightning as flavor
from nbtrack.models.flavors.known import flavor_of
from nbtrack.models.mlmodel import Model
from nbtrack.tracking.model_access import load_predictor

pytestmark = [
    pytest.mark.filterwarnings("ignore:The model imports 'tests':RuntimeWarning"),
    # What Lightning says of a fit of two steps, and of what it uses of PyTorch.
    pytest.mark.filterwarnings("ignore::lightning.fabric.utilities.rank_zero.LightningDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The '.*dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:`isinstance.*LeafSpec"),
]
X = np.array([[1.0, 0.5], [2.0, 0.1]], dtype=np.float32)


class Net(lightning.pytorch.LightningModule):
    def __init__(self, width: int = 3, activation: Any = torch.relu, rates: tuple[float, ...] = (0.1, 0.2)):
        super().__init__()
        self.save_hyperparameters()
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.Linear(width, 1))
        self.seen: list[Any] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)

    def training_step(self, batch: torch.Tensor, index: int) -> torch.Tensor:
        loss = self(batch).square().mean()
        self.log("loss", loss)
        self.seen.append(self.trainer)
        if index == 0:
            self.logged = nbtrack.lightning.log_model(self, "in_training")
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class OldNet(pytorch_lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)


@pytest.fixture
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.pytorch.utilities")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.mark.usefixtures("_quiet")
def test_a_module_is_logged_while_its_trainer_trains_it(tmp_path: Path) -> None:
    net = Net(width=4)
    trainer = lightning.pytorch.Trainer(
        max_steps=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with nbtrack.start_run() as run:
        trainer.fit(net, torch.utils.data.DataLoader(torch.from_numpy(X), batch_size=1))
        nbtrack.lightning.log_model(net, "after")

    in_training = nbtrack.lightning.load_model(f"runs:/{run.info.run_id}/in_training")
    after = nbtrack.lightning.load_model(f"runs:/{run.info.run_id}/after")

    assert net.trainer is trainer
    assert net.seen == [trainer, trainer]
    assert in_training._trainer is None
    assert in_training.seen == [None]
    assert after.seen == [None, None]
    assert torch.equal(after.layers[0].weight, net.layers[0].weight)
    assert not torch.equal(in_training.layers[0].weight, net.layers[0].weight)


def test_a_compiled_module_is_logged_as_it_was_written(tmp_path: Path) -> None:
    net = Net()
    compiled = torch.compile(net, backend="eager")
    inside = from_compiled(compiled)
    before = dict(vars(inside))

    nbtrack.lightning.save_model(inside, tmp_path / "net")

    assert dict(vars(inside)) == before
    loaded = nbtrack.lightning.load_model(tmp_path / "net")
    assert loaded._compiler_ctx is None
    assert torch.equal(loaded(torch.from_numpy(X)), net.layers(torch.from_numpy(X)))


def test_hyperparameters_are_kept_with_the_module(tmp_path: Path) -> None:
    with nbtrack.start_run():
        info = nbtrack.lightning.log_model(Net(width=5), "net", params={"width": 6, "more": 1})
    folder = info.folder
    assert folder is not None

    told = Model.load(folder).flavors

    assert told["lightning"]["hyper_parameters"]["width"] == 5
    assert told["lightning"]["hyper_parameters"]["rates"] == [0.1, 0.2]
    assert "relu" in told["lightning"]["hyper_parameters"]["activation"]
    assert (info.params["width"], info.params["more"]) == ("6", "1")
    assert nbtrack.lightning.load_model(folder).hparams.width == 5


def test_mlflow_finds_a_module_of_pytorch(tmp_path: Path) -> None:
    nbtrack.lightning.save_model(Net(), tmp_path / "m")

    told = Model.load(tmp_path / "m")

    assert told.flavors["pytorch"]["model_data"] == "data"
    assert told.flavors["python_function"]["loader_module"] == "mlflow.pytorch"
    assert told.flavors["lightning"]["lightning_version"] == lightning.__version__
    assert isinstance(nbtrack.pytorch.load_model(tmp_path / "m"), Net)
    lines = (tmp_path / "m" / "requirements.txt").read_text().split()
    assert f"lightning=={lightning.__version__}" in lines
    assert load_predictor(tmp_path / "m").predict(X).shape == (2, 1)


@pytest.mark.parametrize("written_as", ["pickle", "safetensors"])
def test_modules_of_both_packages_and_formats_come_back(tmp_path: Path, written_as: str) -> None:
    net = OldNet()

    nbtrack.lightning.save_model(net, tmp_path / "m", serialization_format=written_as)
    loaded = nbtrack.lightning.load_model(tmp_path / "m")

    assert flavor_of(net) is flavor
    assert torch.equal(loaded.layer.weight, net.layer.weight)
    (tmp_path / "m" / "nbtrack.signature.json").unlink()
    with pytest.raises(UntrustedModelError):
        nbtrack.lightning.load_model(tmp_path / "m")


def test_a_module_that_mlflow_would_log_as_pytorch_is_read(tmp_path: Path) -> None:
    nbtrack.pytorch.save_model(Net(), tmp_path / "m")
    nbtrack.pytorch.save_model(torch.nn.Linear(1, 1), tmp_path / "other")

    assert isinstance(nbtrack.lightning.load_model(tmp_path / "m"), Net)
    with pytest.raises(InvalidValueError, match=r"nbtrack\.pytorch\.load_model loads it"):
        nbtrack.lightning.load_model(tmp_path / "other")


def test_a_compiled_module_is_saved_uncompiled(tmp_path: Path) -> None:
    nbtrack.lightning.save_model(torch.compile(Net(), backend="eager"), tmp_path / "m")

    assert type(nbtrack.lightning.load_model(tmp_path / "m")) is Net


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (torch.nn.Linear(1, 1), "nbtrack.pytorch saves other modules"),
        (Net, "Give an instance"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_lightning_module_is_refused(given: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidTypeError, match=told):
        nbtrack.lightning.save_model(given, tmp_path / "m")


def test_asking_for_the_flavor_does_not_import_lightning() -> None:
    script = (
        "import sys, torch\n"
        "from nbtrack.models.flavors.known import flavor_of\n"
        "assert flavor_of(torch.nn.Linear(1, 1)).NAME == 'pytorch'\n"
        "assert not {'lightning', 'pytorch_lightning'} & sys.modules.keys()\n"
    )

    subprocess.run([sys.executable, "-c", script], check=True)
