"""The arguments of a `fit`: what they say as params, and a callback of ours among the others.

Nothing of the user's is changed: the list of callbacks is copied, and a generator is passed on as it is.
"""

import inspect
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType, GeneratorType
from typing import Any, cast

from nbtrack.tracking.autolog.patching import Call

NOT_PARAMS = frozenset({"self", "x", "y", "callbacks", "validation_data", "verbose"})
"""What MLflow leaves out."""

_KERAS_BATCH = 32
"""The rows of a batch where nobody chose, as Keras documents it."""

_LONGEST_WEIGHTS = 1000


class Arguments:
    """The arguments of one call, by name."""

    def __init__(self, call: Call, function: FunctionType) -> None:
        """Read them.

        Raises:
            TypeError: They do not fit the function, which is about to say so itself.
        """
        self._call = call
        self._names = list(inspect.signature(function).parameters)
        bound = inspect.signature(function).bind(*call.args, **call.kwargs)
        bound.apply_defaults()
        self.values: Mapping[str, Any] = bound.arguments

    def get(self, name: str) -> Any:
        """What is given, or the default; None where this Keras has no such argument."""
        return self.values.get(name)

    def exchange(self, name: str, value: Any) -> None:
        """Call with another value, which must be one of the function's arguments."""
        place = self._names.index(name)
        if place < len(self._call.args):
            args = list(self._call.args)
            args[place] = value
            self._call.args = tuple(args)
        else:
            self._call.kwargs = {**self._call.kwargs, name: value}

    def params(self) -> dict[str, Any]:
        """What MLflow keeps as params, those that were not given included."""
        params = {name: value for name, value in self.values.items() if name not in NOT_PARAMS}
        if "sample_weight" in params and params["sample_weight"] is not None:
            params["sample_weight"] = _shape_text(params["sample_weight"])
        weights = params.get("class_weight")
        if isinstance(weights, Mapping):
            named = cast("Mapping[Any, Any]", weights)
            params["class_weight"] = str({key: _plain(value) for key, value in named.items()})[
                :_LONGEST_WEIGHTS
            ]
        size = self.batch_size()
        if size is None:
            params.pop("batch_size", None)  # whatever the data says, later
        else:
            params["batch_size"] = size
        return params

    def batch_size(self) -> int | None:
        """The rows of a batch; None where only the data itself can tell."""
        given = self.get("batch_size")
        data = self.get("x")
        if given is None and is_arrays(data):
            return _KERAS_BATCH
        told: list[Any] = [given, getattr(data, "batch_size", None), getattr(data, "_batch_size", None)]
        for each in told:
            # TensorFlow's data sets have a tensor there.
            size: Any = each.numpy() if hasattr(each, "numpy") else each
            if hasattr(size, "__index__") and not isinstance(size, bool):
                return int(size)
        return None


def is_arrays(data: Any) -> bool:
    """Whether data is arrays, frames or tensors, of which Keras makes batches itself."""
    if isinstance(data, Mapping):
        return all(is_arrays(each) for each in cast("Mapping[Any, Any]", data).values())
    if isinstance(data, list | tuple):
        return all(is_arrays(each) for each in cast("list[Any]", data))
    return hasattr(data, "shape") and hasattr(data, "__array__")


def watch_first_batch(data: Any, told: Callable[[Any], None]) -> Any:
    """A generator that gives what `data` gives; other data is given back.

    Args:
        data: What is trained on.
        told: Called with the first batch, when it comes.
    """
    if not isinstance(data, GeneratorType):
        return data
    generator = cast("Iterator[Any]", data)

    def passed_on() -> Generator[Any]:
        is_first = True
        for batch in generator:
            if is_first:
                is_first = False
                told(batch)
            yield batch

    return passed_on()


def rows_of(batch: Any) -> int | None:
    """The rows of a batch `(x, y, ...)`."""
    if isinstance(batch, Mapping):
        batch = list(cast("Mapping[Any, Any]", batch).values())
    if isinstance(batch, tuple | list):
        parts = cast("list[Any]", batch)
        return rows_of(parts[0]) if parts else None
    shape = getattr(batch, "shape", None)
    return int(shape[0]) if shape is not None and len(shape) else None


@contextmanager
def added(arguments: Arguments, callback: Any, model: Any, callback_lists: type) -> Generator[None]:
    """Call with one callback more, behind those of the user.

    Args:
        arguments: Of the call that is about to be made.
        callback: The callback.
        model: What is trained.
        callback_lists: Keras' `CallbackList`. One that the user made is called as it is: ours is in it until
            the call is over.
    """
    given = arguments.get("callbacks")
    if isinstance(given, callback_lists):
        made: Any = given
        callback.set_model(model)
        callback.set_params(getattr(made, "params", None))
        made.callbacks.append(callback)
        try:
            yield
        finally:
            made.callbacks[:] = [each for each in made.callbacks if each is not callback]
        return
    if given is None:
        given = ()
    several = cast("list[Any]", given) if isinstance(given, list | tuple) else [given]
    arguments.exchange("callbacks", [*several, callback])
    yield


def flat_callbacks(given: Any) -> list[Any]:
    """The user's callbacks, however they are given: one, a list, lists in a list, a `CallbackList`."""
    held = getattr(given, "callbacks", given)
    if held is None:
        return []
    if isinstance(held, Mapping):
        held = list(cast("Mapping[Any, Any]", held).values())
    if isinstance(held, list | tuple):
        return [each for part in cast("list[Any]", held) for each in flat_callbacks(part)]
    return [held]


def _shape_text(weights: Any) -> str:
    """Weights of rows are data, not params; that there are some is one."""
    shape = getattr(weights, "shape", None)
    return f"{type(weights).__name__} {tuple(shape) if shape is not None else ''}".strip()


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
