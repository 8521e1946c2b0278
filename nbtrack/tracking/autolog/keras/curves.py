"""Where the curves of a model stand, so that a second `fit` in the same run goes on behind the first."""

import weakref
from typing import Any

_reached: dict[int, tuple["weakref.ref[Any]", str, int]] = {}
"""By the identity of a model: the model, the run, and the next step that is free."""


class Curve:
    """The steps of one training of a model: those of Keras, moved on where the run has them already."""

    def __init__(self, model: Any, run_id: str) -> None:
        """Look up what the run has of the model.

        Args:
            model: What is trained. It is not kept alive.
            run_id: The run.
        """
        self._model, self._run_id = weakref.ref(model), run_id
        known = _reached.get(id(model))
        is_known = known is not None and known[0]() is model and known[1] == run_id
        self._free = known[2] if known is not None and is_known else 0
        self._moved_by: int | None = None

    def step(self, of_keras: int) -> int:
        """Where a point goes: where Keras has it, unless the run has points there of an earlier `fit`."""
        if self._moved_by is None:
            self._moved_by = max(0, self._free - of_keras)
        return of_keras + self._moved_by

    def reached(self, step: int) -> None:
        """Remember that there are points up to this step."""
        model = self._model()
        if model is None:
            return
        self._free = step + 1
        key = id(model)
        if key not in _reached or _reached[key][0]() is not model:
            weakref.finalize(model, _reached.pop, key, None)
        _reached[key] = (self._model, self._run_id, self._free)
