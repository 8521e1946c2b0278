"""What a flavor's module must offer.

`saving` and `loading` know only this; `known` says which modules there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nbtrack.models.safety.folder import ModelFolder

if TYPE_CHECKING:
    from nbtrack.models.schema.schemas import Schema


@dataclass(frozen=True)
class SavedFlavor:
    """What a flavor has put into a folder."""

    flavors: Mapping[str, Mapping[str, Any]]
    """The entries of the MLmodel file, by flavor; without `python_function`."""
    python_function: Mapping[str, Any] | None
    """The entry for predictors, without the fields that all have (`env`, `python_version`); None
    where a model cannot predict."""
    modules: frozenset[str] = field(default_factory=frozenset[str])
    """Top-level modules that loading it will import; the requirements come from them."""
    inputs: "Schema | None" = None
    """What the model says it takes, by its type hints; None where it says nothing."""
    outputs: "Schema | None" = None
    """What it says it gives."""
    has_one_input: bool = True
    """Whether the input example is one input; False where it is several, which no signature describes."""


class Scorer(Protocol):
    """A model behind MLflow's way to ask it: data in, predictions out; no schema is looked at here."""

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict.

        Args:
            data: What the signature asks for; where there is none, what the user gave.
            params: All params of the signature; None where it has none.
        """
        ...

    def raw_model(self) -> Any:
        """The framework's own model."""
        ...


class Flavor(Protocol):
    """A module of this folder."""

    NAME: str
    """Its entry in the MLmodel file, such as `sklearn`; `python_function` for the python flavor."""

    def is_model(self, model: Any) -> bool:
        """Whether a model is of this flavor; the framework is not imported for the question."""
        ...

    def save(self, model: Any, folder: Path, *, input_example: Any = None, **options: Any) -> SavedFlavor:
        """Write a model's files into a folder that is still hidden from all others.

        Args:
            model: The model.
            folder: An empty folder.
            input_example: What the user gave; for formats that trace the model.
            **options: The flavor's own.

        Raises:
            InvalidTypeError: It is no model of this flavor.
            InvalidValueError: It cannot be saved, or an option is none; the message says what to do.
        """
        ...

    def load(self, folder: ModelFolder, entry: Mapping[str, Any], **options: Any) -> Any:
        """Read the framework's own model.

        Args:
            folder: Where it lies. Before anything in it runs, `folder.require_trust` is asked.
            entry: The flavor's entry in the MLmodel file, or `python_function` where the file has no
                other; not to be trusted.
            **options: The flavor's own.
        """
        ...

    def scorer(self, model: Any, entry: Mapping[str, Any], folder: Path, config: Mapping[str, Any]) -> Scorer:
        """What predicts with a model that was loaded, or is about to be saved.

        Args:
            model: What `load` returned; or the user's own, just after `save`.
            entry: The `python_function` entry.
            folder: The model's folder.
            config: The model's configuration, merged with what the caller gave.
        """
        ...
