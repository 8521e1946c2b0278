"""What is watched of PyTorch besides the loss: data loaders that begin, and schedules of learning rates."""

from collections.abc import Generator, Iterator
from types import ModuleType

from nbtrack.tracking.autolog.patching import Call, Hook, Patch
from nbtrack.tracking.autolog.torch import loader_passes, schedulers


def hooks(module: ModuleType) -> Iterator[Hook]:
    """Hooks for `torch`, to be chained to those of the loss."""
    from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
    from torch.utils.data import DataLoader

    del module
    yield Patch(DataLoader.__iter__, _loader_begins, framework="pytorch")
    yield Patch(LRScheduler.__init__, _schedule_is_made, framework="pytorch")
    yield Patch(ReduceLROnPlateau.__init__, _schedule_is_made, framework="pytorch")


def _loader_begins(call: Call) -> Generator[None]:
    yield
    if call.error is None:
        from torch import is_grad_enabled

        loader_passes.has_begun(call.args[0], call.result, trains=is_grad_enabled())


def _schedule_is_made(call: Call) -> Generator[None]:
    yield
    if call.error is None:
        schedulers.is_made(call.args[0])
