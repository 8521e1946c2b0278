"""What `log_model` returns: where a model lies and what is known of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.models import requirements as required
from nbtrack.models.flavors.known import FLAVORS, native_flavors
from nbtrack.models.mlmodel import PYTHON_FUNCTION, Model

if TYPE_CHECKING:
    from nbtrack.models.signature import ModelSignature


class ModelInfo:
    """A model that was logged or found: its URI, flavors, signature, size and requirements.

    Attributes have MLflow's names.
    """

    def __init__(
        self,
        model: Model,
        model_uri: str,
        *,
        folder: Path | None = None,
        name: str | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        step: int = 0,
        registered_model_version: str | None = None,
    ) -> None:
        self.model = model
        """Its MLmodel file."""
        self.model_uri = model_uri
        """What loads it."""
        self.folder = folder
        """Where it lies on this machine; None where it lies elsewhere."""
        self.name = name
        self.params = dict(params or {})
        self.tags = dict(tags or {})
        self.step = step
        self.registered_model_version = registered_model_version
        """Its number, where it was registered in the same call."""

    @property
    def artifact_path(self) -> str | None:
        """Where it lies in its run."""
        return self.model.artifact_path

    @property
    def flavors(self) -> dict[str, dict[str, Any]]:
        """Its flavors, as the MLmodel file has them."""
        return self.model.flavors

    @property
    def model_id(self) -> str | None:
        """`m-` and 32 hex digits; None where it was saved outside a run."""
        return self.model.model_id

    @property
    def model_uuid(self) -> str:
        """32 hex digits."""
        return self.model.model_uuid

    @property
    def run_id(self) -> str | None:
        """The run that made it."""
        return self.model.run_id

    @property
    def signature(self) -> "ModelSignature | None":
        """What it takes and gives; None where that is not known."""
        return self.model.signature

    @property
    def signature_dict(self) -> dict[str, Any] | None:
        """The signature as the MLmodel file has it."""
        return None if self.signature is None else self.signature.to_dict()

    @property
    def saved_input_example_info(self) -> dict[str, Any] | None:
        """How its input example is stored; None where there is none."""
        return self.model.saved_input_example_info

    @property
    def metadata(self) -> dict[str, Any] | None:
        """What was given as metadata."""
        return self.model.metadata

    @property
    def mlflow_version(self) -> str | None:
        """The MLflow whose layout it has."""
        return self.model.mlflow_version

    @property
    def utc_time_created(self) -> str:
        """UTC, as `YYYY-MM-DD HH:MM:SS.ffffff`."""
        return self.model.utc_time_created

    @property
    def creation_timestamp(self) -> int | None:
        """Milliseconds since 1970, UTC."""
        try:
            made = datetime.fromisoformat(self.model.utc_time_created)
        except ValueError:
            return None
        return int(made.replace(tzinfo=made.tzinfo or UTC).timestamp() * 1000)

    @property
    def size_bytes(self) -> int | None:
        """Bytes of its files."""
        return self.model.model_size_bytes

    @property
    def requirements(self) -> list[str]:
        """The packages it needs, as lines of a requirements file; none where it lies elsewhere."""
        return [] if self.folder is None else required.read_requirements(self.folder)

    @property
    def load_line(self) -> str:
        """The line of code that loads it."""
        native = next((name for name in native_flavors(self.model) if name in FLAVORS), None)
        if native is None and PYTHON_FUNCTION in self.model.flavors:
            native = "pyfunc"
        return f"nbtrack.{native or 'pyfunc'}.load_model({self.model_uri!r})"

    @property
    def predictor_line(self) -> str:
        """The line of code that loads it behind `predict`, whatever its flavor."""
        return f"nbtrack.pyfunc.load_model({self.model_uri!r})"

    def __repr__(self) -> str:
        return f"<ModelInfo {self.name or self.artifact_path!r} model_uri={self.model_uri!r}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import static_views  # lazy: only what is looked at is drawn
        from nbtrack.models import model_views

        return static_views.bundle(model_views.info_card(self))
