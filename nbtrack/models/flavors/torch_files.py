"""The files of a PyTorch module: which formats there are, how each is written and read.

A pickle of the whole module and TorchScript (`model.pth`), an exported program (`model.pt2`): MLflow's.
Weights as safetensors beside a pickle of the module without them (`model.safetensors`, `module.pkl`): ours;
the weights run nothing when they are read, so that a stranger's can be loaded into a module of one's own.
Everything is streamed: a tensor is never copied as a whole to be written.
"""

import os
import pickle
import warnings
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, BinaryIO, Final, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingExtraError, said
from nbtrack.core.versions import is_at_least
from nbtrack.models.code.code_paths import current_code
from nbtrack.models.code.pickling import modules_of, noting_pickler, unpicklable
from nbtrack.models.code.unpickling import PythonVersion, unpickler_for
from nbtrack.models.flavors.known import is_from
from nbtrack.models.flavors.torch_prediction import as_tensor, evaluating, is_several_inputs

PICKLE_FILE: Final = "model.pth"
EXPORTED_FILE: Final = "model.pt2"
WEIGHTS_FILE: Final = "model.safetensors"
MODULE_FILE: Final = "module.pkl"
PICKLE_MODULE_FILE: Final = "pickle_module_info.txt"
STATE_DICT_FILE: Final = "state_dict.pth"

MLFLOW_PICKLE_MODULE: Final = "mlflow.pytorch.pickle_module"
"""cloudpickle under the name that MLflow imports to read the file."""

SAFE_WEIGHTS_ONLY: Final = "2.10"
"""The PyTorch whose `weights_only` holds: before 2.6 (CVE-2025-32434) and 2.10 (CVE-2026-24747) a
crafted file ran code all the same."""

_SAVE_OPTIONS = frozenset({"pickle_protocol", "_use_new_zipfile_serialization", "_disable_byteorder_record"})
_LOAD_OPTIONS = frozenset({"mmap", "encoding", "errors", "fix_imports"})


def weights_only_is_safe() -> bool:
    """Whether a stranger's file may be read with `weights_only=True`."""
    import torch

    return is_at_least(torch.__version__, SAFE_WEIGHTS_ONLY)


def save_pickle(model: Any, data: Path, pickle_module: Any, options: Mapping[str, Any]) -> frozenset[str]:
    """Write a whole module as a pickle.

    Args:
        model: The module.
        data: The folder.
        pickle_module: The user's module of `Pickler` and `Unpickler`; None is cloudpickle, which takes
            classes of notebooks and scripts along.
        options: Arguments of `torch.save`.

    Returns:
        The top-level modules that loading it will import.

    Raises:
        InvalidTypeError: `torch.save` has no such argument.
        InvalidValueError: Something in it cannot be pickled.
        OSError: It cannot be written.
    """
    import torch

    if unknown := sorted(options.keys() - _SAVE_OPTIONS):
        raise InvalidTypeError(f"log_model has no argument {unknown[0]!r}, and torch.save has none either.")
    seen: set[str] = set()
    is_ours = pickle_module is None or getattr(pickle_module, "__name__", "") in (
        MLFLOW_PICKLE_MODULE,
        "cloudpickle",
    )
    by = _cloudpickle_module(seen) if is_ours else pickle_module
    name = MLFLOW_PICKLE_MODULE if is_ours else str(cast("Any", pickle_module).__name__)
    (data / PICKLE_MODULE_FILE).write_text(name, encoding="utf-8")
    try:
        torch.save(model, str(data / PICKLE_FILE), pickle_module=by, **options)
    except (KeyboardInterrupt, MemoryError, OSError):
        raise
    except Exception as error:
        raise _failed_write(model, error) from error
    if is_ours:
        return modules_of(seen)
    kinds = {str(type(part).__module__) for part in model.modules()}
    return modules_of(kinds, by_cloudpickle=False) | modules_of({name}, by_cloudpickle=False)


def save_script(model: Any, data: Path) -> None:
    """Write a TorchScript module; MLflow keeps it under the name of the pickle."""
    import torch

    (data / PICKLE_MODULE_FILE).write_text(MLFLOW_PICKLE_MODULE, encoding="utf-8")
    with _no_deprecations():
        torch.jit.save(model, str(data / PICKLE_FILE))


def save_exported(model: Any, data: Path, input_example: Any) -> None:
    """Trace a module with its input example, and write the program.

    Args:
        model: The module; or an `ExportedProgram`, written as it is.
        data: The folder.
        input_example: What `forward` takes: an array, tensor or DataFrame; a tuple or list of arrays; a
            dict of them. The first dimension of each may differ later.

    Raises:
        InvalidValueError: There is no example, or PyTorch cannot export the module.
    """
    import torch

    if not is_at_least(torch.__version__, "2.6"):
        raise InvalidValueError(
            f"serialization_format='pt2' needs torch 2.6 or later, and {torch.__version__} is installed."
        )
    program = model if is_exported_program(model) else _exported(model, input_example)
    torch.export.save(program, str(data / EXPORTED_FILE))


def save_weights(model: Any, data: Path) -> frozenset[str]:
    """Write a module's parameters and buffers as safetensors, and a pickle of the rest of it.

    Returns:
        The top-level modules that loading it will import.

    Raises:
        InvalidValueError: Something in the rest cannot be pickled, or safetensors has no form for a tensor.
    """
    import torch

    safetensors = _safetensors()
    tensors = dict(model.state_dict(keep_vars=True))
    for name, value in tensors.items():
        if not hasattr(value, "data_ptr"):
            raise InvalidValueError(
                f"The state of this {type(model).__name__} holds more than tensors: {name!r} is a "
                f"{type(value).__name__}. Use serialization_format='pickle'."
            )
    try:
        safetensors.save_model(model, str(data / WEIGHTS_FILE), metadata={"format": "pt"})
    except (ValueError, RuntimeError, KeyError, NotImplementedError) as error:
        raise InvalidValueError(
            f"safetensors has no form for the weights of this {type(model).__name__}: {said(error)}. "
            "Use serialization_format='pickle'."
        ) from error
    kept = _names_in(data / WEIGHTS_FILE)
    plain = (torch.Tensor, torch.nn.Parameter)
    names = {id(value): name for name, value in tensors.items() if name in kept and type(value) in plain}
    seen: set[str] = set()

    class WithoutWeights(_module_pickler(seen)):
        def persistent_id(self, obj: Any) -> Any:
            name = names.get(id(obj))
            if name is None:
                return None
            return name, bool(obj.requires_grad), isinstance(obj, torch.nn.Parameter)

    try:
        with open(data / MODULE_FILE, "xb") as file:
            WithoutWeights(file, protocol=5).dump(model)
    except (KeyboardInterrupt, MemoryError, OSError):
        raise
    except Exception as error:
        raise unpicklable(model, error) from error
    return modules_of(seen) | {"safetensors"}


def load_pickle(
    file: BinaryIO,
    pickle_module_name: str,
    options: Mapping[str, Any],
    *,
    python_version: PythonVersion = None,
) -> Any:
    """Read a whole module from a pickle that is trusted, or from TorchScript.

    Args:
        file: Its file.
        pickle_module_name: What it was written with.
        options: Arguments of `torch.load`.
        python_version: The Python that wrote it; code of another would end the process.
    """
    import torch

    options = dict(options)
    if unknown := sorted(options.keys() - _LOAD_OPTIONS - {"map_location", "weights_only", "pickle_module"}):
        raise InvalidTypeError(f"load_model has no argument {unknown[0]!r}, and torch.load has none either.")
    path = path_of(file)
    if is_script(file):
        with _no_deprecations():
            return cast("Any", torch.jit).load(
                path, map_location=_script_location(options.get("map_location"))
            )
    options.setdefault("map_location", where_it_can)
    if not options.get("weights_only"):
        options["weights_only"] = False
        options.setdefault("pickle_module", _reading_module(pickle_module_name, python_version))
    return torch.load(path, **options)


def load_exported(file: BinaryIO, device: Any) -> Any:
    """Read an exported program that is trusted, as a module.

    Args:
        file: Its file.
        device: Where to move it; None is where it was, or the CPU where that is not there.
    """
    import torch

    with _no_deprecations():
        program = torch.export.load(cast("Any", file))
    wanted = device
    if wanted is None:
        devices = {str(tensor.device) for tensor in program.state_dict.values()}
        wanted = None if all(_is_there(each) for each in devices) else "cpu"
    if wanted is not None:
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, str(torch.device(wanted)))
    return program.module()


def load_weights(
    weights: Path, module: BinaryIO, device: Any, *, python_version: PythonVersion = None
) -> Any:
    """Read a module that is trusted from its two files."""
    torch_device = "cpu" if device is None else str(device)
    safetensors = _safetensors()
    with _named_weights(weights):
        tensors: dict[str, Any] = safetensors.load_file(str(weights), device=torch_device)

    made: dict[str, Any] = {}

    class WithWeights(unpickler_for(current_code(), python_version=python_version)):
        def persistent_load(self, pid: Any) -> Any:
            name, requires_grad, is_parameter = pid
            if name not in made:  # parts that share a parameter go on sharing it
                tensor = _tensor_again(tensors, name, requires_grad=requires_grad, is_parameter=is_parameter)
                made[name] = tensor
            return made[name]

    return WithWeights(module).load()


def load_weights_into(model: Any, weights: Path, device: Any) -> Any:
    """Read weights into a module of the caller's; nothing of the folder runs.

    Raises:
        InvalidValueError: The module has other parameters.
    """
    safetensors = _safetensors()
    if device is not None:
        model.to(device)
    try:
        with _named_weights(weights):
            safetensors.load_model(model, str(weights))
    except InvalidValueError:
        raise
    except (RuntimeError, ValueError) as error:
        raise InvalidValueError(f"The weights do not fit this {type(model).__name__}: {error}") from error
    return model


@contextmanager
def _named_weights(weights: Path) -> Generator[None]:
    """Name the file when it is no safetensors file."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        raise InvalidValueError(f"{str(weights)!r} is no safetensors file: {said(error)}.") from error


def read_weights(weights: Path, device: Any = None) -> dict[str, Any]:
    """The tensors of a safetensors file, by name.

    Raises:
        InvalidValueError: It is none.
    """
    safetensors = _safetensors()
    with _named_weights(weights):
        return safetensors.load_file(str(weights), device="cpu" if device is None else str(device))


def load_tensors(file: BinaryIO, options: Mapping[str, Any]) -> Any:
    """Read a file of plain values and tensors with `weights_only=True`, which runs nothing.

    Raises:
        pickle.UnpicklingError: It holds something else.
    """
    import torch

    options = {"map_location": where_it_can, **options, "weights_only": True}
    return torch.load(path_of(file), **options)


def check_device(device: Any) -> None:
    """Refuse a device that this machine has not got.

    Raises:
        InvalidValueError: There is none such; or it names no device.
    """
    import torch

    try:
        is_there = _is_there(torch.device(device))
    except (RuntimeError, TypeError) as error:
        raise InvalidValueError(f"device is {device!r}, which names none: {error}") from error
    if not is_there:
        raise InvalidValueError(
            f"device is {str(device)!r}, and this machine has no such device. Leave it out, or give "
            "device='cpu'."
        )


def where_it_can(storage: Any, location: str) -> Any:
    """A `map_location`: where a tensor was, or the CPU where this machine has no such device."""
    return None if _is_there(location) else storage


def is_script(file: BinaryIO) -> bool:
    """Whether a file is TorchScript; leaves it at its start."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        names = []
    file.seek(0)
    return any(name.count("/") == 1 and name.endswith("/constants.pkl") for name in names)


def is_exported_program(model: Any) -> bool:
    """Whether it is what `torch.export.export` returns."""
    return any(
        kind.__module__ == "torch.export.exported_program" and kind.__name__ == "ExportedProgram"
        for kind in type(model).__mro__
    )


def path_of(file: BinaryIO) -> Any:
    """A path that leads to an open file itself, whatever has its name by now; else the file.

    PyTorch streams, and maps into memory, only what it has a path for.
    """
    path = f"/proc/self/fd/{file.fileno()}"
    return path if os.path.exists(path) else file


def _cloudpickle_module(seen: set[str]) -> Any:
    """What `torch.save` takes as a pickle module."""
    module = ModuleType(MLFLOW_PICKLE_MODULE)
    module.Pickler = _module_pickler(seen)  # type: ignore[attr-defined]
    module.dump = pickle.dump  # type: ignore[attr-defined] - for the format before zip
    return module


def _module_pickler(seen: set[str]) -> type[pickle.Pickler]:
    """Picklers of modules: the Trainer or Fabric of Lightning that trains one is left out, as None."""

    class ModulePickler(noting_pickler(seen)):
        def reducer_override(self, obj: Any) -> Any:
            if type(obj).__name__ in ("Trainer", "Fabric") and is_from(
                obj, "lightning", "pytorch_lightning", "lightning_fabric"
            ):
                return type(None), ()
            return cast("Any", super()).reducer_override(obj)

    return ModulePickler


def _reading_module(name: str, python_version: PythonVersion) -> Any:
    """The module to read a pickle with: any that is not Python's own way is imported by name."""
    if name in (MLFLOW_PICKLE_MODULE, "cloudpickle", "pickle", ""):
        unpickler = unpickler_for(current_code(), python_version=python_version)

        def load(file: BinaryIO, **options: Any) -> Any:
            return unpickler(file, **options).load()

        return SimpleNamespace(__name__="pickle", Unpickler=unpickler, load=load)
    from importlib import import_module

    try:
        return import_module(name)  # the folder is trusted
    except ImportError as error:
        raise InvalidValueError(
            f"The model was pickled with the module {name!r}, which is not installed here: {said(error)}."
        ) from error


def _failed_write(model: Any, error: Exception) -> Exception:
    # PyTorch's own writer tells a full disk by a RuntimeError.
    if isinstance(error, RuntimeError) and ("inline_container" in str(error) or "miniz" in str(error)):
        return OSError(str(error).splitlines()[0])
    return unpicklable(model, error)


def _exported(model: Any, example: Any) -> Any:
    """A module's program, with batches of any size."""
    import torch

    if example is None:
        raise InvalidValueError(
            "serialization_format='pt2' traces the module with an input example. Give input_example=, an "
            "array or tensor such as the module takes, or a tuple or dict of them."
        )
    positional, named = _arguments(example)
    attempts = [(positional, named)]
    if (doubled := _doubled(positional, named)) is not None:
        # A batch of one row would fix the size of all batches at one.
        attempts.insert(0, doubled)
    failure: Exception | None = None
    with evaluating(model), torch.no_grad(), _no_deprecations():
        for args, kwargs in attempts:
            try:
                return torch.export.export(
                    model, args, kwargs, dynamic_shapes=_batches_of_any_size(model, args, kwargs)
                )
            except Exception as error:  # noqa: BLE001 - PyTorch's own kinds are many, and private
                failure = error
    raise InvalidValueError(
        f"PyTorch cannot export this {type(model).__name__} with that input example: "
        f"{str(failure).strip().rstrip('.')[:500]}. serialization_format='pickle' takes it as it is."
    ) from failure


def _arguments(example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example, Mapping):
        return (), {str(name): as_tensor(value) for name, value in cast("Mapping[Any, Any]", example).items()}
    if is_several_inputs(example):
        return tuple(as_tensor(each) for each in cast("list[Any]", example)), {}
    return (as_tensor(example),), {}


def _doubled(
    positional: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    tensors = [*positional, *named.values()]
    if not tensors or any(each.ndim == 0 or each.shape[0] != 1 for each in tensors):
        return None

    def twice(tensor: Any) -> Any:
        return tensor.repeat(2, *(1,) * (tensor.ndim - 1))

    return tuple(map(twice, positional)), {name: twice(each) for name, each in named.items()}


def _batches_of_any_size(model: Any, positional: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    import inspect

    import torch

    def dims(tensor: Any) -> Any:
        return {0: torch.export.Dim.AUTO} if tensor.ndim else None

    if not named:
        return tuple(map(dims, positional))
    order = inspect.signature(model.forward).parameters
    return {name: dims(named[name]) for name in order if name in named}


def _tensor_again(tensors: Mapping[str, Any], name: str, *, requires_grad: bool, is_parameter: bool) -> Any:
    import torch

    if name not in tensors:
        raise InvalidValueError(f"The weights of the model lack {name!r}.")
    tensor = tensors[name]
    if is_parameter:
        return torch.nn.Parameter(tensor, requires_grad=requires_grad)
    return tensor.requires_grad_(requires_grad) if requires_grad else tensor


def _names_in(weights: Path) -> set[str]:
    import safetensors

    with cast("Any", safetensors).safe_open(str(weights), framework="pt") as file:
        return set(file.keys())


def _is_there(location: Any) -> bool:
    """Whether this machine has a device, such as `cuda:1`."""
    import torch

    kind, _, number = str(location).partition(":")
    if kind in ("cpu", "meta"):
        return True
    if kind == "cuda":
        return torch.cuda.is_available() and int(number or 0) < torch.cuda.device_count()
    if kind == "mps":
        return torch.backends.mps.is_available()
    module = getattr(torch, kind, None)
    return module is not None and bool(getattr(module, "is_available", lambda: True)())


def _script_location(map_location: Any) -> Any:
    import torch

    if map_location is None or callable(map_location):
        return None if torch.cuda.is_available() else "cpu"
    return map_location


@contextmanager
def _no_deprecations() -> Generator[None]:
    """TorchScript says of itself that it is deprecated: also to who loads a model, and to who exports one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError as error:
        raise MissingExtraError("The safetensors format", "safetensors") from error
    return safetensors.torch
