"""The data sets of a `fit`: what was trained on and what was validated on, with digests.

Only data that is there as a whole has a digest: arrays, tensors, frames, and a torch DataLoader of tensors.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from nbtrack.tracking.autolog.keras.fit_arguments import Arguments, is_arrays

if TYPE_CHECKING:
    from nbtrack.tracking.autolog.sessions import Session

_MS_PER_BYTE = 1.4e-6
"""What a digest takes on a slow machine: 188 MB took 240 ms."""
_ALWAYS = 2.0
"""Milliseconds that nobody asks about."""


class TrainingData:
    """The data sets of one training. Large ones are read after it, when it is known what they may cost."""

    def __init__(self, session: "Session", model: Any, arguments: Arguments) -> None:
        self._session = session
        self._model = model
        self._waiting: dict[str, tuple[Any, Any]] = {}
        if not session.options.get("log_datasets", True):
            return
        self._take("train", arguments.get("x"), arguments.get("y"))
        held = arguments.get("validation_data")
        if isinstance(held, list | tuple) and held:
            parts = cast("list[Any]", held)
            self._take("eval", parts[0], parts[1] if len(parts) > 1 else None)
        else:
            self._take("eval", held, None)

    def log_now(self) -> None:
        """Keep what costs little."""
        self._log(last=False)

    def log_later(self) -> None:
        """Keep the rest, as far as the training was long enough; of what is left out the run says so."""
        self._log(last=True)

    def _take(self, context: str, x: Any, y: Any) -> None:
        tensors = getattr(getattr(x, "dataset", None), "tensors", None)
        if y is None and isinstance(tensors, tuple) and tensors:  # a DataLoader of a TensorDataset
            parts = cast("tuple[Any, ...]", tensors)
            x, y = parts[0], parts[1] if len(parts) > 1 else None
        if x is not None and is_arrays(x):
            self._waiting[context] = (x, y if y is not None and is_arrays(y) else None)

    def _log(self, *, last: bool) -> None:
        for context, (x, y) in list(self._waiting.items()):
            cost = (_bytes_of(x) + _bytes_of(y)) * _MS_PER_BYTE
            if cost <= _ALWAYS or self._session.affords(cost):
                del self._waiting[context]
                with self._session.attempt(f"the data set of {context}"):
                    self._session.run.log_input(_data_set(x, y, self._model), context=context)
            elif last:
                del self._waiting[context]
                self._session.skip(f"data set ({context}): its digest would take {cost / 1000:.1g} s")


def _data_set(x: Any, y: Any, model: Any) -> Any:
    from nbtrack.tracking import data_sets

    if hasattr(x, "iloc"):
        frame = x if hasattr(x, "columns") else x.to_frame()
        if y is None:
            return data_sets.from_pandas(frame)
        if hasattr(y, "iloc") or len(getattr(y, "shape", ())) == 1:
            name = str(getattr(y, "name", None) or "target")
            if name not in frame.columns and not hasattr(y, "columns"):
                values = y.to_numpy() if hasattr(y, "iloc") else y
                return data_sets.from_pandas(frame.assign(**{name: values}), targets=name)
    inputs: list[str] = [each.name for each in getattr(model, "inputs", None) or ()]
    outputs: list[str] = list(getattr(model, "output_names", None) or ())
    targets = None if y is None else _by_name(y, outputs, "output")
    return data_sets.from_numpy(_by_name(x, inputs, "input"), targets=targets)


def _by_name(held: Any, names: list[str], kind: str) -> Any:
    """Arrays by the names that the model has for them; one is one."""
    if isinstance(held, list | tuple):
        parts = cast("list[Any]", held)
        known = names if len(names) == len(parts) else [f"{kind}_{at}" for at in range(len(parts))]
        return {name: _array(part) for name, part in zip(known, parts, strict=True)}
    if isinstance(held, Mapping):
        return {str(name): _array(part) for name, part in cast("Mapping[Any, Any]", held).items()}
    return _array(held)


def _array(held: Any) -> Any:
    return held.to_numpy() if hasattr(held, "iloc") else held


def _bytes_of(held: Any) -> int:
    if isinstance(held, list | tuple):
        return sum(_bytes_of(each) for each in cast("list[Any]", held))
    if isinstance(held, Mapping):
        return sum(_bytes_of(each) for each in cast("Mapping[Any, Any]", held).values())
    if hasattr(held, "nbytes"):
        return int(held.nbytes)
    shape = getattr(held, "shape", ())
    size = 8
    for length in shape:
        size *= int(length or 0)
    return size
