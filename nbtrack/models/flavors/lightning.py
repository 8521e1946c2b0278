"""The lightning flavor: a LightningModule, kept as the PyTorch module that it is, with its hyperparameters.

The entry `pytorch` beside its own is what MLflow reads.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.models.flavors import pytorch
from nbtrack.models.flavors.contracts import SavedFlavor
from nbtrack.models.flavors.torch_prediction import TorchScorer
from nbtrack.models.safety.folder import ModelFolder

NAME: Final = "lightning"

_PACKAGES = ("lightning", "pytorch_lightning")
_LONGEST_TEXT = 200
_COMPILED = ("_compiler_ctx", "forward", "training_step", "validation_step", "test_step", "predict_step")
"""What Lightning puts into a module that is compiled."""


def is_model(model: Any) -> bool:
    """Whether it is a LightningModule, of `lightning` or of `pytorch_lightning`."""
    return _package_of(model) is not None


def save(model: Any, folder: Path, *, input_example: Any = None, **options: Any) -> SavedFlavor:
    """Write a LightningModule, without the Trainer that it may be attached to.

    Args:
        model: The module; it stays attached.
        folder: An empty folder.
        input_example: As for PyTorch.
        **options: Those of PyTorch.

    Raises:
        InvalidTypeError: It is no LightningModule.
        InvalidValueError: It cannot be saved in that format.
    """
    inner = pytorch.unwrapped(model)
    package = _package_of(inner)
    if package is None:
        raise InvalidTypeError(
            f"nbtrack.lightning saves a LightningModule, got "
            f"{'the class ' if isinstance(model, type) else 'a '}{_name_of(model)}. "
            f"{'Give an instance' if isinstance(model, type) else 'nbtrack.pytorch saves other modules'}."
        )
    from importlib import import_module

    with _uncompiled(inner):
        saved = pytorch.save(inner, folder, input_example=input_example, **options)
    entry = {
        **saved.flavors[pytorch.NAME],
        "lightning_package": package,
        "lightning_version": str(import_module(package).__version__),
        "hyper_parameters": hyper_parameters(inner),
    }
    return replace(saved, flavors={NAME: entry, **saved.flavors}, modules=saved.modules | {package})


def load(folder: ModelFolder, entry: Mapping[str, Any], **options: Any) -> Any:
    """Read a LightningModule; options as for PyTorch. It is attached to no Trainer."""
    model = pytorch.load(folder, entry, **options)
    if not is_model(model):
        raise InvalidValueError(
            f"The model at {str(folder.path)!r} is a {_name_of(model)} and no LightningModule. "
            "nbtrack.pytorch.load_model loads it."
        )
    return model


def scorer(model: Any, entry: Mapping[str, Any], folder: Path, config: Mapping[str, Any]) -> TorchScorer:
    """What predicts with a LightningModule: its `forward`."""
    return pytorch.scorer(model, entry, folder, config)


def hyper_parameters(model: Any) -> dict[str, Any]:
    """What `save_hyperparameters()` noted, as values that a file has a form for; others as their text."""
    held = getattr(pytorch.unwrapped(model), "hparams", None)
    if not isinstance(held, Mapping):
        return {}
    return {str(name): _plain(value) for name, value in cast("Mapping[Any, Any]", held).items()}


@contextmanager
def _uncompiled(module: Any) -> Generator[None]:
    """The module without what `torch.compile` has made of its steps, which cannot be pickled."""
    held: dict[str, Any] = module.__dict__
    if held.get("_compiler_ctx") is None:
        yield
        return
    compiled: dict[str, Any] = {name: held[name] for name in _COMPILED if name in held}
    for name in compiled:
        del held[name]
    held["_compiler_ctx"] = None
    try:
        yield
    finally:
        held.update(compiled)


def _package_of(model: Any) -> str | None:
    for kind in type(model).__mro__:
        package = kind.__module__.partition(".")[0]
        if kind.__name__ == "LightningModule" and package in _PACKAGES:
            return package
    return None


def _plain(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in cast("list[Any]", value)]
    return str(value)[:_LONGEST_TEXT]


def _name_of(model: Any) -> str:
    kind = model if isinstance(model, type) else type(model)
    return f"{kind.__module__}.{kind.__qualname__}"
