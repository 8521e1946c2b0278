"""What a module takes and gives, as seen of its first batch: the signature of the model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrack.models.signature import ModelSignature
    from nbtrack.tracking.autolog.sessions import Session

_CALLS = 8
"""How many calls are looked at: in some strategies the training step itself is a call of the module."""


class FirstBatch:
    """The first call of a module with one tensor that gives one, looked at and forgotten.

    Args:
        file: Where it is written down for another process; None where the training is in this one.
    """

    def __init__(self, file: str | None) -> None:
        self._file = file
        self._seen: dict[str, str | None] | None = None
        self._handle: Any = None
        self._calls = 0

    def watch(self, module: Any, session: "Session") -> None:
        """Look at the calls of a module, from now until one tells something."""
        if getattr(module, "_compiler_ctx", None) is not None:
            return  # it would be compiled again

        def look(_: Any, inputs: tuple[Any, ...], output: Any) -> None:
            with session.attempt("signature"):
                self._look(inputs, output)

        self._handle = module.register_forward_hook(look)

    def stop(self) -> None:
        """Look no more."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def signature(self) -> "ModelSignature | None":
        """What was seen; None where nothing was."""
        from nbtrack.models.signature import ModelSignature

        if self._seen is None and self._file is not None and Path(self._file).exists():
            self._seen = json.loads(Path(self._file).read_text())
        return None if self._seen is None else ModelSignature.from_dict(self._seen)

    def _look(self, inputs: tuple[Any, ...], output: Any) -> None:
        self._calls += 1
        tells = len(inputs) == 1 and _is_tensor(inputs[0]) and _is_tensor(output)
        if tells or self._calls >= _CALLS:
            self.stop()
        if tells:
            self._note(inputs[0], output)

    def _note(self, given: Any, output: Any) -> None:
        from nbtrack.models.schema.schema_inference import infer_schema
        from nbtrack.models.schema.value_types import InferenceError
        from nbtrack.models.signature import ModelSignature

        try:
            inputs, outputs = infer_schema(_alike(given)), infer_schema(_alike(output))
        except InferenceError:
            return  # of a type that has no place in a signature
        self._seen = ModelSignature(inputs=inputs, outputs=outputs).to_dict()
        if self._file is not None:
            Path(self._file).write_text(json.dumps(self._seen))


def _is_tensor(value: Any) -> bool:
    from torch import Tensor

    return isinstance(value, Tensor) and value.ndim > 0


def _alike(tensor: Any) -> Any:
    """A tensor of that type and shape with one row, for which no device is waited for."""
    from torch import zeros

    return zeros((1, *tensor.shape[1:]), dtype=tensor.dtype)
