"""What is watched of Lightning: a Trainer that fits or tests, and the loop that trains.

Nothing is added to `trainer.callbacks`. A callback that does nothing costs 28 µs a step, on steps of
545 µs, since Lightning calls six hooks of each; a patch of what happens once an epoch costs nothing.
"""

from collections.abc import Callable, Generator, Iterator
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from nbtrack.tracking.autolog.lightning import fits, loops
from nbtrack.tracking.autolog.patching import Call, Hook, Patch, function_of

_patches: "WeakKeyDictionary[FunctionType, Patch]" = WeakKeyDictionary()
"""A worker process puts on what autolog may have put on there already: the same patch, then."""


def hooks(module: ModuleType) -> Iterator[Hook]:
    """Hooks into a package of Lightning.

    Args:
        module: `lightning.pytorch` or `pytorch_lightning`.
    """
    package = module.__name__
    trainer, fit_loop, connector = _classes(package)
    observed: list[tuple[Any, str, Callable[[Call, str], Generator[None] | None]]] = [
        (trainer, "fit", fits.of_fit),
        (trainer, "test", fits.of_test),
        (fit_loop, "run", loops.of_run),
        (fit_loop, "on_run_start", loops.of_start),
        (fit_loop, "on_advance_start", loops.of_epoch_start),
        (fit_loop, "on_advance_end", loops.of_epoch_end),
        (fit_loop, "on_run_end", loops.of_end),
        (connector, "update_train_step_metrics", loops.of_step),
    ]
    for kind, name, observe in observed:
        function = function_of(vars(kind).get(name))
        if function is not None:
            yield _patch(function, observe, package)


def _classes(package: str) -> tuple[Any, Any, Any]:
    from importlib import import_module

    return (
        import_module(f"{package}.trainer.trainer").Trainer,
        import_module(f"{package}.loops.fit_loop")._FitLoop,
        import_module(f"{package}.trainer.connectors.logger_connector.logger_connector")._LoggerConnector,
    )


def _patch(
    function: FunctionType, observe: Callable[[Call, str], Generator[None] | None], package: str
) -> Patch:
    patch = _patches.get(function)
    if patch is None:
        patch = Patch(function, lambda call: observe(call, package), framework=fits.FRAMEWORK)
        _patches[function] = patch
    return patch
