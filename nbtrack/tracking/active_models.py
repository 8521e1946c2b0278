"""The active model: the logged model that what a thread logs is measured of."""

import os
import threading
from collections.abc import Callable

from nbtrack.core import settings

_SETTING = "ACTIVE_MODEL_ID"


class ActiveModels:
    """The active model of each thread of one tracker."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._was_set = False

    @property
    def may_be(self) -> bool:
        """Whether a model can be active in any thread."""
        return self._was_set or settings.setting(_SETTING) is not None

    def current(self) -> str | None:
        """The id of the active model of this thread: the one chosen in it, else that of the settings."""
        if not hasattr(self._local, "model_id"):
            return settings.setting(_SETTING)
        return self._local.model_id

    def set(self, model_id: str) -> Callable[[], None]:
        """Make a model the active one of this thread; what is returned makes the one before active again."""
        before = vars(self._local).copy()
        self._local.model_id = model_id
        self._was_set = True

        def restore() -> None:
            vars(self._local).clear()
            vars(self._local).update(before)

        return restore

    def clear(self) -> None:
        """Have no active model in this thread, also none by the settings."""
        for prefix in ("NBTRACK_", "MLFLOW_"):
            os.environ.pop(f"{prefix}{_SETTING}", None)
        self._local.model_id = None
