"""The MLmodel file: what a model folder says of itself, in MLflow's words.

Reading takes the files of MLflow 2 and 3 and keeps what it does not know, so that writing a file
that was read loses nothing.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingFileError
from nbtrack.core.version import MLFLOW_VERSION

if TYPE_CHECKING:
    from os import PathLike

    from nbtrack.models.model_info import ModelInfo
    from nbtrack.models.schema.schema_types import ParamSchema, Schema
    from nbtrack.models.signature import ModelSignature

MLMODEL_FILE: Final = "MLmodel"
PYTHON_FUNCTION: Final = "python_function"
FROM_TYPE_HINT: Final = "is_signature_from_type_hint"
"""The field that says that the model checks its input by its type hint, and not by the signature."""


class Model:
    """What a model folder says of itself: flavors, signature, where it comes from.

    Attributes have MLflow's names. What an MLmodel file holds beyond them stays in `extra`.
    """

    def __init__(
        self,
        /,  # a file may have a field named self
        artifact_path: str | None = None,
        run_id: str | None = None,
        utc_time_created: str | None = None,
        flavors: Mapping[str, Mapping[str, Any]] | None = None,
        signature: "ModelSignature | None" = None,
        saved_input_example_info: Mapping[str, Any] | None = None,
        model_uuid: str | None = None,
        mlflow_version: str | None = MLFLOW_VERSION,  # whose layout is written; its readers look at it
        metadata: Mapping[str, Any] | None = None,
        model_size_bytes: int | None = None,
        model_id: str | None = None,
        nbtrack_version: str | None = None,
        **extra: Any,
    ) -> None:
        self.artifact_path = artifact_path
        """Where it lies in its run."""
        self.run_id = run_id
        self.utc_time_created = utc_time_created or _now()
        """UTC, as `YYYY-MM-DD HH:MM:SS.ffffff`."""
        self.flavors: dict[str, dict[str, Any]] = {
            name: dict(entry) for name, entry in (flavors or {}).items()
        }
        self.signature = signature
        self.saved_input_example_info = (
            None if saved_input_example_info is None else dict(saved_input_example_info)
        )
        self.model_uuid = model_uuid or uuid4().hex
        self.mlflow_version = mlflow_version
        self.metadata = None if metadata is None else dict(metadata)
        self.model_size_bytes = model_size_bytes
        """Bytes of the model's own files, without the MLmodel file."""
        self.model_id = model_id
        """`m-` and 32 hex digits; None where it was saved outside a run."""
        self.nbtrack_version = nbtrack_version
        self.extra = extra

    @classmethod
    def load(cls, path: "str | PathLike[str]") -> "Model":
        """Read the MLmodel file of a model folder; no code of it runs.

        Args:
            path: The folder, or the file; or what `nbtrack.models.get_model_info` takes, such as
                `runs:/<run_id>/<name>`, `models:/<name>/<version>` and `models:/<name>@<alias>`.

        Raises:
            MissingFileError: There is no such folder, or no MLmodel file in it.
            NotFoundError: There is no such run, model or version.
            InvalidValueError: It is no MLmodel file; the message says why.
        """
        file = Path(path)
        if isinstance(path, str) and _URI.match(path) and not file.exists():
            # It is known above what a URI means; the table of this folder leads there.
            models = import_module("nbtrack.models")
            return cast("Model", models.get_model_info(path).model)
        if file.is_dir():
            file = file / MLMODEL_FILE
        if not file.is_file():
            lying = sorted(child.name for child in file.parent.iterdir()) if file.parent.is_dir() else []
            advice = (
                f"{str(file.parent)!r} holds {', '.join(lying[:8])}{', …' if len(lying) > 8 else ''}: "
                "give the folder that holds the MLmodel file."
                if lying
                else f"It was looked for at {str(file)!r}."
            )
            raise MissingFileError("MLmodel file", str(path), advice=advice)
        from nbtrack.models.safety.safe_yaml import read_yaml_inside

        return cls.from_dict(read_yaml_inside(file.parent, file.name), where=str(file))

    @classmethod
    def log(
        cls,
        artifact_path: str | None = None,
        flavor: Any = None,
        registered_model_name: str | None = None,
        await_registration_for: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        **options: Any,
    ) -> "ModelInfo":
        """Log a model by the `log_model` of a framework module, as code of MLflow's older users does.

        Args:
            artifact_path: Its name; MLflow 2's word for `name`, which is taken too.
            flavor: One of nbtrack's modules, such as `nbtrack.sklearn`.
            registered_model_name: Also make it the next version of this registered model.
            await_registration_for: Taken for MLflow's sake; a version is ready at once.
            metadata: More to say of it.
            run_id: The run; None is the active run, started when there is none.
            **options: The model, by its name there (`sk_model=`), and the other arguments of `log_model`.

        Raises:
            InvalidTypeError: It is none of nbtrack's modules; or as `log_model` does.
        """
        package, _, name = str(getattr(flavor, "__name__", "")).partition(".")
        # A module of somebody's own has a `log_model` that calls this one.
        if package not in ("nbtrack", "mlflow") or name not in _MODULES_THAT_LOG:
            raise InvalidTypeError(
                f"Model.log takes a framework module of nbtrack's as flavor, such as nbtrack.sklearn, got "
                f"{flavor!r:.200}. Log a model of another kind with nbtrack.pyfunc.log_model: as a "
                "PythonModel, or with loader_module= and data_path=."
            )
        return import_module(f"nbtrack.{name}").log_model(
            artifact_path=artifact_path,
            registered_model_name=registered_model_name,
            await_registration_for=await_registration_for,
            metadata=metadata,
            run_id=run_id,
            **options,
        )

    @classmethod
    def from_dict(cls, model_dict: Any, *, where: str = "The MLmodel") -> "Model":
        """A model from what its file holds.

        Raises:
            InvalidValueError: Something in it is missing or of a wrong kind; the message names it.
        """
        if not isinstance(model_dict, Mapping):
            raise InvalidValueError(
                f"{where} is no MLmodel file: it holds a {type(model_dict).__name__}, not fields."
            )
        held = cast("Mapping[str, Any]", model_dict)
        known: dict[str, Any] = {str(key): value for key, value in held.items()}
        flavors = known.get("flavors")
        if not isinstance(flavors, Mapping) or not flavors:
            raise InvalidValueError(
                f"{where} is no MLmodel file of a model that can be loaded: it names no flavors."
            )
        for name, entry in cast("Mapping[Any, Any]", flavors).items():
            if not isinstance(name, str) or not isinstance(entry, Mapping):
                raise InvalidValueError(f"{where}: the flavor {name!r} is no set of fields.")
        for field, kind in _KINDS.items():
            value = known.get(field)
            if value is not None and not isinstance(value, kind):
                # YAML reads an unquoted date and number as such; all of these are shown, never computed.
                if kind is str and isinstance(value, int | float | datetime):
                    known[field] = str(value)
                    continue
                raise InvalidValueError(
                    f"{where}: {field} should be {kind.__name__}, and is "
                    f"{type(value).__name__} {value!r:.80}."
                )
        signature = known.pop("signature", None)
        if signature is not None:
            from nbtrack.models.signature import ModelSignature

            known["signature"] = ModelSignature.from_dict(signature)
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """What its file holds; None where a field is not set and MLflow writes it anyway."""
        held: dict[str, Any] = {
            **self.extra,
            "flavors": self.flavors,
            "mlflow_version": self.mlflow_version,
            "model_id": self.model_id,
            "model_size_bytes": self.model_size_bytes,
            "model_uuid": self.model_uuid,
            "utc_time_created": self.utc_time_created,
        }
        for field in ("artifact_path", "run_id", "metadata", "saved_input_example_info", "nbtrack_version"):
            if getattr(self, field) is not None:
                held[field] = getattr(self, field)
        if self.signature is not None:
            held["signature"] = self.signature.to_dict()
        return held

    def to_yaml(self) -> str:
        """The text of its file."""
        from nbtrack.models.yaml_text import yaml_text

        return yaml_text(self.to_dict(), sort_keys=True)

    def save(self, path: "str | PathLike[str]") -> None:
        """Write its file.

        Args:
            path: The file, `MLmodel` in the model's folder.
        """
        Path(path).write_text(self.to_yaml(), encoding="utf-8")

    def add_flavor(self, name: str, **params: Any) -> "Model":
        """Add a flavor, or replace it."""
        self.flavors[name] = params
        return self

    def get_input_schema(self) -> "Schema | None":
        """What it takes; None where that is not known."""
        return None if self.signature is None else self.signature.inputs

    def get_output_schema(self) -> "Schema | None":
        """What it gives; None where that is not known."""
        return None if self.signature is None else self.signature.outputs

    def get_params_schema(self) -> "ParamSchema | None":
        """The params of its `predict`; None where there are none."""
        return None if self.signature is None else self.signature.params

    def load_input_example(self, path: "str | PathLike[str]") -> Any:
        """The input example that lies in its folder; None when it has none.

        Args:
            path: The folder.
        """
        if self.saved_input_example_info is None:
            return None
        from nbtrack.models.schema.input_examples import InputExample

        return InputExample.read(Path(path), self.saved_input_example_info, self.get_input_schema())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.to_dict() == other.to_dict()

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __repr__(self) -> str:
        return f"<Model {self.artifact_path or self.model_uuid!r}: {', '.join(self.flavors)}>"


_URI: Final = re.compile(r"[a-z][a-z0-9+.-]+:")  # one letter is a drive
_MODULES_THAT_LOG: Final = frozenset(
    {"keras", "lightgbm", "lightning", "pyfunc", "pytorch", "sklearn", "tensorflow", "xgboost"}
)
_KINDS: dict[str, type] = {
    "artifact_path": str,
    "run_id": str,
    "model_id": str,
    "model_uuid": str,
    "utc_time_created": str,
    "mlflow_version": str,
    "nbtrack_version": str,
    "model_size_bytes": int,
    "metadata": dict,
    "saved_input_example_info": dict,
    "signature": dict,
}


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
