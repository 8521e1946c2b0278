"""Trainings of Lightning that take a moment, with autolog on."""

import logging
from collections.abc import Callable, Iterator

import pytest

from nbtrack.tracking.autolog import switching

Autolog = Callable[..., None]


@pytest.fixture
def autolog() -> Iterator[Autolog]:
    """Autolog, which keeps no models unless told to: they are most of the time."""
    yield lambda **options: switching.switch("pytorch", **{"log_models": False, **options})
    switching.switch("pytorch", disable=True)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    loggers = [
        logging.getLogger(f"{package}{inside}")
        for package in ("lightning.pytorch", "pytorch_lightning")
        for inside in ("", ".utilities", ".utilities.rank_zero")
    ]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let pass what Lightning warns of: few workers, few steps, what it uses of PyTorch."""
    for item in items:
        if item.path.parent.name == "lightning" and item.path.parent.parent.name == "autolog":
            for message in (
                "ignore:The '.*dataloader' does not have many workers",
                "ignore:The number of training batches",
                "ignore:`isinstance.*LeafSpec",
                "ignore:You defined a `validation_step` but have no `val_dataloader`",
                "ignore::lightning.fabric.utilities.rank_zero.LightningDeprecationWarning",
                "ignore:The model imports 'tests':RuntimeWarning",
            ):
                item.add_marker(pytest.mark.filterwarnings(message))
