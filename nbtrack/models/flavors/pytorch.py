"""The pytorch flavor: modules of PyTorch, whole, exported or as weights."""

import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast

from nbtrack.core.errors import (
    InvalidTypeError,
    InvalidValueError,
    MissingExtraError,
    MissingFileError,
    NbtrackError,
)
from nbtrack.models.code.unpickling import python_of
from nbtrack.models.flavors import torch_files as files
from nbtrack.models.flavors import torch_limits
from nbtrack.models.flavors.contracts import SavedFlavor
from nbtrack.models.flavors.extra_files import copy_extra_files
from nbtrack.models.flavors.known import is_from
from nbtrack.models.flavors.torch_prediction import TorchScorer, is_exported, is_several_inputs
from nbtrack.models.safety.folder import ModelFolder

NAME: Final = "pytorch"
FORMATS = ("pickle", "pt2", "safetensors")
LOADER_MODULE: Final = "mlflow.pytorch"
OWN_LOADER_MODULE: Final = "nbtrack.pytorch"
"""What MLflow imports to load a predictor of a format that only nbtrack reads."""

_DATA = "data"


def is_model(model: Any) -> bool:
    """Whether it is a module of PyTorch, or a program exported from one."""
    return _is_module(model) or files.is_exported_program(model)


def save(
    model: Any,
    folder: Path,
    *,
    input_example: Any = None,
    serialization_format: str | None = None,
    pickle_module: Any = None,
    extra_files: Iterable[str | os.PathLike[str]] | None = None,
    export_model: bool = False,
    **save_options: Any,
) -> SavedFlavor:
    """Write a module.

    Args:
        model: The module. Of one that is compiled, or wrapped for several GPUs, what is inside is saved.
        folder: An empty folder.
        input_example: What it takes; the format `pt2` traces it with that.
        serialization_format: `pickle`, `pt2` or `safetensors`; None is a pickle, as MLflow 2 does.
        pickle_module: What pickles it instead of cloudpickle.
        extra_files: Files to lie beside it.
        export_model: MLflow's older word for the format `pt2`.
        **save_options: Arguments of `torch.save`.

    Raises:
        InvalidTypeError: It is no module; the message says what to do with it.
        InvalidValueError: It cannot be saved in that format.
        MissingFileError: One of the extra files is not there.
    """
    torch = _torch()
    written_as = _format(model, serialization_format, export_model=export_model)
    model = checked(model)
    if isinstance(input_example, tuple) and len(cast("Any", input_example)) == 2:
        # MLflow's way to give params with an example.
        first, second = cast("tuple[Any, Any]", input_example)
        input_example = first if isinstance(second, dict) else cast("Any", input_example)
    data = folder / _DATA
    data.mkdir()
    modules: frozenset[str] = frozenset()
    if written_as == "pt2":
        files.save_exported(model, data, input_example)
    elif written_as == "safetensors":
        modules = files.save_weights(model, data)
    elif isinstance(model, torch.jit.ScriptModule):
        files.save_script(model, data)
    else:
        modules = files.save_pickle(model, data, pickle_module, save_options)
    entry: dict[str, Any] = {"model_data": _DATA, "pytorch_version": str(torch.__version__)}
    predictor: dict[str, Any] = {"data": _DATA, "config": {"device": None}}
    if written_as == "safetensors":
        entry["serialization_format"] = written_as
        predictor["loader_module"] = OWN_LOADER_MODULE
        modules |= {"nbtrack"}
    else:
        predictor["loader_module"] = LOADER_MODULE
        info = data / files.PICKLE_MODULE_FILE
        predictor["pickle_module_name"] = info.read_text() if info.exists() else files.MLFLOW_PICKLE_MODULE
    if told := copy_extra_files(extra_files, folder):
        entry["extra_files"] = told
    return SavedFlavor(
        {NAME: entry},
        predictor,
        modules | {"torch", "numpy"},
        has_one_input=not is_several_inputs(input_example),
    )


def load(
    folder: ModelFolder,
    entry: Mapping[str, Any],
    *,
    device: Any = None,
    model: Any = None,
    **options: Any,
) -> Any:
    """Read a module, in evaluation mode; see `Flavor.load`.

    Args:
        folder: Where it lies.
        entry: Its entry in the MLmodel file.
        device: Where to put it; None is where it was, or the CPU where this machine has no such device.
        model: A module of the caller's to read weights into; then nothing in the folder runs.
        **options: Arguments of `torch.load`.
    """
    torch = _torch()
    if device is not None:
        files.check_device(device)
    data = str(entry.get("model_data") or entry.get("data") or _DATA)
    name = _file_in(folder, data)
    if name.endswith(files.WEIGHTS_FILE):
        return _load_weights(folder, data, name, device, model)
    if model is not None:
        raise InvalidValueError(
            f"model= reads weights, and the model at {folder.path} is kept whole ({name}). Load it without."
        )
    if name.endswith(files.EXPORTED_FILE):
        folder.require_trust(name, why="an exported program holds pickles")
        with folder.open(name) as file, _named_failures(folder, name, entry):
            return files.load_exported(file, device)
    if not (options.get("weights_only") and files.weights_only_is_safe()) or _is_script(folder, name):
        folder.require_trust(name, why="it is a pickle, and a pickle runs code when it is read")
    else:
        _check_memory(folder, name)
    if device is not None:
        options.setdefault("map_location", device)
    with folder.open(name) as file, _named_failures(folder, name, entry), _named_weights_only(folder, name):
        loaded = files.load_pickle(
            file, _pickle_module_name(folder, data), options, python_version=lambda: python_of(folder)
        )
    if not isinstance(loaded, torch.nn.Module):
        raise InvalidValueError(
            f"{name!r} in the model {str(folder.path)!r} holds no module but a {type(loaded).__name__}."
        )
    loaded.eval()
    return loaded if device is None else loaded.to(device)


def scorer(model: Any, entry: Mapping[str, Any], folder: Path, config: Mapping[str, Any]) -> TorchScorer:
    """What predicts with a module; see `Flavor.scorer`."""
    del entry, folder
    if files.is_exported_program(model):
        return TorchScorer(model.module())
    if "device" not in config:  # it is the user's own, just saved: it stays where it is
        return TorchScorer(checked(model))
    device = config["device"]
    if device is None and not is_exported(model) and _torch().cuda.is_available():
        device = "cuda"
    return TorchScorer(model, device)


def checked(model: Any) -> Any:
    """The module that is saved of what a user gives.

    Raises:
        InvalidTypeError: It is no module; the message says what to do with it.
        InvalidValueError: It has no values to save.
    """
    if files.is_exported_program(model):
        return model
    if not _is_module(model):
        raise InvalidTypeError(_no_module(model))
    model = unwrapped(model)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_meta:
            raise InvalidValueError(
                f"{name!r} of this {type(model).__name__} is on the meta device: it has a shape and no "
                "values. Load its weights first, with model.to_empty(device='cpu') and load_state_dict."
            )
        if any(kind.__name__ == "DTensor" for kind in type(tensor).__mro__):
            raise InvalidValueError(
                f"{name!r} of this {type(model).__name__} lies in parts on several processes. Gather it "
                "first (torch.distributed.checkpoint.state_dict.get_model_state_dict with "
                "full_state_dict=True), and log a module with these values."
            )
    return model


def load_state(folder: ModelFolder, name: str, options: Mapping[str, Any]) -> Any:
    """Read a state dict.

    What needs no trust is read without: `weights_only=True`, where this PyTorch keeps that promise.

    Args:
        folder: Where it lies.
        name: Its file there.
        options: Arguments of `torch.load`.

    Raises:
        UntrustedModelError: It holds more than tensors and plain values, and is not the user's own.
    """
    import pickle

    torch = _torch()
    wanted = options.get("weights_only")
    reason = f"{name} is a pickle, and PyTorch {torch.__version__} cannot read a stranger's safely"
    if wanted is not False and files.weights_only_is_safe():
        _check_memory(folder, name)
        try:
            with folder.open(name) as file, _named_failures(folder, name, {}):
                return files.load_tensors(file, options)
        except pickle.UnpicklingError as error:
            if wanted:
                raise
            found = str(error).partition("WeightsUnpickler error: ")[2] or str(error)
            reason = f"{name} holds more than tensors and plain values: {found.strip().splitlines()[0]:.200}"
    elif wanted is False:
        reason = f"{name} is a pickle, and weights_only=False lets it run code"
    folder.require_trust(name, why=reason)
    with folder.open(name) as file, _named_failures(folder, name, {}):
        return files.load_pickle(file, "pickle", {**options, "weights_only": wanted or False})


def _is_module(model: Any) -> bool:
    return any(
        kind.__module__ == "torch.nn.modules.module" and kind.__name__ == "Module"
        for kind in type(model).__mro__
    )


def unwrapped(model: Any) -> Any:
    """The module that was compiled, or wrapped to run on several GPUs; others as they are.

    Raises:
        InvalidValueError: It lies in parts on several processes.
    """
    while True:
        kinds = {(kind.__module__, kind.__name__) for kind in type(model).__mro__}
        names = {name for _, name in kinds}
        if "OptimizedModule" in names and hasattr(model, "_orig_mod"):
            model = model._orig_mod  # torch.compile has no other way back
        elif ("torch.nn.parallel.data_parallel", "DataParallel") in kinds or (
            "torch.nn.parallel.distributed",
            "DistributedDataParallel",
        ) in kinds:
            model = model.module
        elif any(module.startswith("torch.distributed.fsdp") for module, _ in kinds):
            raise InvalidValueError(
                "This FullyShardedDataParallel lies in parts on several processes. Gather its state dict "
                "(FullyShardedDataParallel.full_tensor_state_dict or StateDictType.FULL_STATE_DICT), and "
                "log a module with these values."
            )
        else:
            return model


def _no_module(model: Any) -> str:
    if isinstance(model, type):
        return (
            f"nbtrack.pytorch saves a module, and {model.__qualname__} is a class. Give an instance, "
            f"{model.__name__}(...)."
        )
    if isinstance(model, Mapping):
        return (
            f"nbtrack.pytorch.log_model takes a module, got a {type(cast('Any', model)).__name__}. "
            "nbtrack.pytorch.log_state_dict keeps a state dict or checkpoint."
        )
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    if is_from(model, "torch"):
        return (
            f"nbtrack.pytorch.log_model takes a module, got a {kind}. nbtrack.pytorch.log_state_dict keeps "
            "what is no module, such as {'optimizer': optimizer.state_dict()}."
        )
    return (
        f"nbtrack.pytorch saves modules of PyTorch, got {kind}. nbtrack.log_model picks the flavor by itself."
    )


def _format(model: Any, given: str | None, *, export_model: bool) -> str:
    if export_model:
        if given == "pickle":
            raise InvalidValueError("export_model=True is serialization_format='pt2'. Give one of the two.")
        given = "pt2"
    if given is not None and given not in FORMATS:
        close = get_close_matches(str(given), FORMATS, n=1)
        raise InvalidValueError(
            f"serialization_format is {given!r}. Use one of {', '.join(FORMATS)}."
            f"{f' Did you mean {close[0]!r}?' if close else ''}"
        )
    if files.is_exported_program(model):
        if given not in (None, "pt2"):
            raise InvalidValueError(f"An ExportedProgram is saved as 'pt2', not {given!r}.")
        return "pt2"
    if given in ("pt2", "safetensors") and is_from_script(model):
        raise InvalidValueError(
            f"A TorchScript module is saved as it is, not as {given!r}. Leave serialization_format out."
        )
    return given or "pickle"


def is_from_script(model: Any) -> bool:
    """Whether it is a TorchScript module."""
    return any(kind.__module__.startswith("torch.jit.") for kind in type(model).__mro__)


def _file_in(folder: ModelFolder, data: str) -> str:
    """The file of a model, by what its folder holds."""
    for file in (files.WEIGHTS_FILE, files.PICKLE_FILE, files.EXPORTED_FILE):
        if folder.holds(f"{data}/{file}"):
            return f"{data}/{file}"
    try:
        folder.directory(data)
    except InvalidValueError:
        return data  # very old models: the file itself
    raise MissingFileError(
        "PyTorch model file",
        data,
        advice=f"{str(folder.path)!r} holds none of {files.PICKLE_FILE}, {files.EXPORTED_FILE} and "
        f"{files.WEIGHTS_FILE} there.",
    )


def _load_weights(folder: ModelFolder, data: str, name: str, device: Any, model: Any) -> Any:
    weights = folder.file(name)
    if model is not None:
        return files.load_weights_into(checked(model), weights, device).eval()
    structure = f"{data}/{files.MODULE_FILE}"
    folder.require_trust(
        structure,
        why="it is the pickle of the module around the weights; its weights alone load without: "
        "load_model(uri, model=Net())",
    )
    with folder.open(structure) as file, _named_failures(folder, structure, {}):
        loaded = files.load_weights(weights, file, device, python_version=lambda: python_of(folder))
    loaded.eval()
    return loaded if device is None else loaded.to(device)


def _pickle_module_name(folder: ModelFolder, data: str) -> str:
    name = f"{data}/{files.PICKLE_MODULE_FILE}"
    if not folder.holds(name):
        return ""
    with folder.open(name) as file:
        return file.read(1000).decode("utf-8", "replace").strip()


def _is_script(folder: ModelFolder, name: str) -> bool:
    """Whether a file is TorchScript, which `weights_only` does not hold back."""
    with folder.open(name) as file:
        return files.is_script(file)


def _check_memory(folder: ModelFolder, name: str) -> None:
    """Ask for trust where a file of tensors could take far more memory than its size."""
    with folder.open(name) as file:
        doubt = torch_limits.doubt(file)
    if doubt:
        folder.require_trust(name, why=f"in {name}, {doubt}")


@contextmanager
def _named_weights_only(folder: ModelFolder, name: str) -> Generator[None]:
    """Say why a file that holds more than weights is not read with `weights_only=True`."""
    import pickle

    try:
        yield
    except pickle.UnpicklingError as error:
        found = str(error).partition("WeightsUnpickler error: ")[2] or str(error)
        raise InvalidValueError(
            f"{name!r} in the model {str(folder.path)!r} is not read with weights_only=True: "
            f"{' '.join(found.split())[:300]}"
        ) from error


@contextmanager
def _named_failures(folder: ModelFolder, name: str, entry: Mapping[str, Any]) -> Generator[None]:
    """Name the model, and the PyTorch it was made with, when PyTorch cannot read it."""
    try:
        yield
    except NbtrackError:
        raise
    except (RuntimeError, OSError, EOFError, AttributeError, ImportError, TypeError) as error:
        made_with = entry.get("pytorch_version")
        told = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        if isinstance(error, EOFError):
            told = "it ends early"
        raise InvalidValueError(
            f"{name!r} in the model {str(folder.path)!r} cannot be read: {told}."
            f"{f' It was made with PyTorch {made_with}.' if made_with else ''}"
            f"{_INSTALL if isinstance(error, AttributeError | ImportError) else ''}"
        ) from error


_INSTALL = " Install the package that is missing, or log the model again with code_paths=[...]."


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("A PyTorch model", "torch") from error
    return torch
