"""Asking a PyTorch module with tables and arrays: what goes in becomes tensors, what comes out numbers."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, said
from nbtrack.models.schema.data_kinds import is_pandas_frame


class TorchScorer:
    """A module behind `predict`, in evaluation mode and without gradients.

    The module is left in the mode in which it was. Data goes to the device where its parameters are.

    Args:
        model: The module.
        device: Where to move it; None leaves it where it is.
    """

    def __init__(self, model: Any, device: Any = None) -> None:
        self._model = model
        if device is not None:
            model.to(device)

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict.

        Args:
            data: A DataFrame, Series, list or array (rows, ...) is one tensor; a tuple of arrays, or a list
                of them, is one argument each; a dict is arguments by name where `forward` has such
                parameters, else one argument. Floating-point data gets the type of the parameters.
            params: Further arguments of `forward`, by name.

        Returns:
            An array, or tuples and dicts of arrays as the module gives them. For a DataFrame in, what has
            a row for each of its rows is a DataFrame with the same index.
        """
        import torch

        model = self._model
        if params and "device" in params and "device" not in _argument_names(model):
            raise InvalidValueError(
                "The device is chosen when a model is loaded: nbtrack.pyfunc.load_model(uri, "
                "model_config={'device': 'cpu'})."
            )
        device, dtype = _device_and_type(model)

        def tensor(value: Any) -> Any:
            return as_tensor(value, device=device, dtype=dtype)

        positional: tuple[Any, ...] = ()
        named: dict[str, Any] = {}
        if isinstance(data, Mapping):
            tensors = {str(key): tensor(value) for key, value in cast("Mapping[Any, Any]", data).items()}
            if tensors.keys() <= _argument_names(model):
                named = tensors
            else:
                positional = (tensors,)
        elif is_several_inputs(data):
            positional = tuple(tensor(value) for value in cast("list[Any]", data))
        else:
            positional = (tensor(data),)
        with torch.no_grad(), evaluating(model):
            # Not inference_mode: modules that differentiate in their forward (energies to forces)
            # turn gradients on themselves, which it forbids.
            given = model(*positional, **named, **(params or {}))
        return _told(from_tensors(given), data)

    def raw_model(self) -> Any:
        """The module."""
        return self._model


@contextmanager
def evaluating(model: Any) -> Generator[None]:
    """Put a module into evaluation mode for a while; every part of it gets its own mode back."""
    modes = [(part, part.training) for part in model.modules()]
    if is_exported(model) or not any(training for _, training in modes):
        yield
        return
    model.eval()
    try:
        yield
    finally:
        # `train` first: modules that override it undo there what their `eval` did (merged weights).
        model.train(modes[0][1])
        for part, training in modes:
            part.training = training


def is_exported(model: Any) -> bool:
    """Whether a module comes from `torch.export`: it has no modes, and stays on its device."""
    return type(model).__module__.startswith("torch.fx.") and "eval" in vars(model)


def is_several_inputs(data: Any) -> bool:
    """Whether it is a tuple or list of arrays or tensors, one for each argument, and not rows of numbers."""
    import numpy as np
    import torch

    if not isinstance(data, tuple | list) or not data:
        return False
    return all(isinstance(each, np.ndarray | torch.Tensor) for each in cast("list[Any]", data))


def as_tensor(value: Any, *, device: Any = None, dtype: Any = None) -> Any:
    """One tensor of what a user gives.

    Args:
        value: A DataFrame, Series, array, tensor, number or nested list.
        device: Where it goes; None leaves a tensor where it is.
        dtype: The type of floating-point values; None keeps them, and makes tables float32.

    Raises:
        InvalidValueError: It holds text, dates or what else no tensor holds; the message names the columns.
    """
    import torch

    tensor = value if isinstance(value, torch.Tensor) else torch.from_numpy(_array(value, dtype))
    floats = tensor.is_floating_point() and dtype is not None
    return tensor.to(device=device, dtype=dtype if floats else None)


def from_tensors(value: Any) -> Any:
    """Arrays of what a module gives, in the dicts and tuples that it gives; bfloat16 becomes float32."""
    import torch

    if isinstance(value, torch.Tensor):
        tensor = value.detach()
        if tensor.layout != torch.strided:
            tensor = tensor.to_dense()
        # NumPy has no bfloat16, nor the 8-bit kinds; float32 holds each of their values.
        if tensor.dtype == torch.bfloat16 or "float8" in str(tensor.dtype):
            tensor = tensor.float()
        return tensor.cpu().resolve_conj().resolve_neg().numpy()
    if isinstance(value, Mapping):
        return {key: from_tensors(each) for key, each in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, tuple | list):
        several = [from_tensors(each) for each in cast("list[Any]", value)]
        return several if isinstance(value, list) else tuple(several)
    return value


def _array(value: Any, dtype: Any) -> Any:
    """A NumPy array that PyTorch takes: numbers, writable, in this machine's byte order."""
    import numpy as np

    if is_pandas_frame(value):
        wanted = np.float64 if str(dtype) == "torch.float64" else np.float32
        try:
            return np.array(value.to_numpy(dtype=wanted, na_value=np.nan), order="C")
        except (TypeError, ValueError) as error:
            texts = [str(name) for name, kind in value.dtypes.items() if kind.kind not in "biufc"]
            raise InvalidValueError(
                f"A tensor holds numbers, and these columns do not: {', '.join(texts[:6])}"
                f"{', …' if len(texts) > 6 else ''} ({error})."
            ) from error
    try:
        array = np.asarray(value, order="C")
    except ValueError as error:
        raise InvalidValueError(f"This {type(value).__name__} makes no array: {said(error)}.") from error
    if array.dtype.kind not in "biufc":
        raise InvalidTypeError(
            f"A tensor holds numbers, got {type(value).__name__} of {array.dtype}: {value!r:.80}."
        )
    if array.dtype.itemsize > 8 and array.dtype.kind == "f":
        array = array.astype(np.float64)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    # PyTorch warns of arrays that it could write to, but must not.
    return array if array.flags.writeable else array.copy()


def _device_and_type(model: Any) -> tuple[Any, Any]:
    """Where a module's parameters are, and their floating-point type; None where it has none."""
    device = dtype = None
    for held in (model.parameters(), model.buffers()):
        for tensor in held:
            if device is None:
                device = tensor.device
            if tensor.is_floating_point() and tensor.dtype.itemsize > 1:
                return device, tensor.dtype
    return device, dtype


def _argument_names(model: Any) -> set[str]:
    """The names of what a module's `forward` takes."""
    schema = getattr(getattr(model, "forward", None), "schema", None)
    if schema is not None:  # TorchScript
        return {argument.name for argument in schema.arguments} - {"self"}
    import inspect

    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError, AttributeError):
        return set()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {each.name for each in parameters if each.kind in kinds}


def _told(predictions: Any, data: Any) -> Any:
    """A DataFrame for a DataFrame, where each row has its prediction."""
    if not is_pandas_frame(data):
        return predictions
    import pandas as pd

    if hasattr(predictions, "ndim") and predictions.ndim in (1, 2) and len(predictions) == len(data):
        return pd.DataFrame(predictions, index=data.index)
    return predictions
