"""How a run and a logged model belong together: the run used the model, or made it."""

from dataclasses import dataclass
from typing import Any

from nbtrack.core.records import Record


@dataclass(frozen=True)
class LoggedModelInput(Record):
    """A model that a run used."""

    model_id: str

    def to_dictionary(self) -> dict[str, Any]:
        """The input as a plain dict."""
        return dict(self)


@dataclass(frozen=True)
class LoggedModelOutput(Record):
    """A model that a run made."""

    model_id: str
    step: int = 0
    """Where in the training that was: the x position of the metrics measured of it."""

    def to_dictionary(self) -> dict[str, Any]:
        """The output as a plain dict."""
        return dict(self)
