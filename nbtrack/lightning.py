"""Lightning's modules, of `lightning` and of `pytorch_lightning`.

nbtrack.lightning.log_model(module, name="classifier")
module = nbtrack.lightning.load_model(f"runs:/{run_id}/classifier")

MLflow reads what is logged here with `mlflow.pytorch.load_model`, and nbtrack reads here what
`mlflow.pytorch.log_model` kept of a LightningModule.
"""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from nbtrack.core.absent_names import hints_of
from nbtrack.pytorch import autolog
from nbtrack.tracking import model_access

if TYPE_CHECKING:
    from nbtrack.models.model_info import ModelInfo

__all__ = ["autolog", "load_model", "log_model", "save_model"]

FLAVOR_NAME = "lightning"  # in an MLmodel file

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    __getattr__ = hints_of(__name__)


def log_model(
    lightning_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: Iterable[str | PathLike[str]] | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: int | None = None,
    extra_files: Iterable[str | PathLike[str]] | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int | None = None,
    model_id: str | None = None,
    serialization_format: str | None = None,
    run_id: str | None = None,
    **kwargs: Any,
) -> "ModelInfo":
    """Keep a LightningModule in the active run, or the run of an id; see `nbtrack.log_model`.

    It may be attached to a Trainer, also in the middle of a fit; what is kept is not, and yours stays
    as it is.

    Args:
        lightning_model: The module.
        artifact_path: Its name; MLflow 2's word for `name`.
        conda_env: A conda environment, instead of the requirements that are found.
        code_paths: Files and folders of code that it imports.
        registered_model_name: Also make it the next version of this registered model.
        signature: What it takes and gives; None finds it out from the input example, False keeps none.
        input_example: A few rows, kept beside it.
        await_registration_for: Taken for MLflow's sake; a version is ready at once.
        extra_files: Files to lie beside it, such as a vocabulary.
        pip_requirements: Lines that replace the requirements that are found, or their file.
        extra_pip_requirements: Lines that are added to them.
        metadata: More to say of it.
        name: Its name in the run, with `/` for folders; `model` when there is none.
        params: Params of the model itself, beside its hyperparameters (`save_hyperparameters`); of two of
            one name these hold.
        tags: Tags of the model itself.
        model_type: A word of yours for what kind it is.
        step: The training step it comes from; None: the end, with the last value of each metric.
        model_id: A model of `initialize_logged_model` that this is.
        serialization_format: `pickle`, `pt2` or `safetensors`, as for PyTorch.
        run_id: The run; None is the active run, started when there is none.
        **kwargs: Arguments of `torch.save`.

    Raises:
        InvalidTypeError: It is no LightningModule, or an option is of a wrong type.
        InvalidValueError: It cannot be saved, or the options contradict each other.
    """
    from nbtrack.models.flavors.lightning import hyper_parameters

    del await_registration_for
    return model_access.log_model(
        lightning_model,
        artifact_path,
        name=name,
        flavor="lightning",
        run_id=run_id,
        conda_env=conda_env,
        code_paths=code_paths,
        registered_model_name=registered_model_name,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        params={**hyper_parameters(lightning_model), **(params or {})},
        tags=tags,
        model_type=model_type,
        step=step,
        model_id=model_id,
        extra_files=extra_files,
        serialization_format=serialization_format,
        **kwargs,
    )


def save_model(
    lightning_model: Any,
    path: str | PathLike[str],
    conda_env: Any = None,
    mlflow_model: Any = None,
    code_paths: Iterable[str | PathLike[str]] | None = None,
    signature: Any = None,
    input_example: Any = None,
    extra_files: Iterable[str | PathLike[str]] | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    serialization_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Save a LightningModule in a folder of yours, outside any run; arguments as in `log_model`.

    Args:
        lightning_model: The module.
        path: A folder that does not exist yet, or is empty.
        conda_env: A conda environment.
        mlflow_model: First fields of its MLmodel file, as an `nbtrack.models.Model`.
        code_paths: Files and folders of code that it imports.
        signature: What it takes and gives.
        input_example: A few rows.
        extra_files: Files to lie beside it.
        pip_requirements: Lines that replace the requirements that are found.
        extra_pip_requirements: Lines that are added to them.
        metadata: More to say of it.
        serialization_format: `pickle`, `pt2` or `safetensors`.
        **kwargs: Arguments of `torch.save`.

    Raises:
        AlreadyExistsError: Something lies at `path`.
        InvalidValueError: It cannot be saved.
    """
    model_access.save_model(
        lightning_model,
        path,
        flavor="lightning",
        about=mlflow_model,
        conda_env=conda_env,
        code_paths=code_paths,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        extra_files=extra_files,
        serialization_format=serialization_format,
        **kwargs,
    )


def load_model(
    model_uri: str | PathLike[str],
    dst_path: str | PathLike[str] | None = None,
    *,
    trust: bool = False,
    device: Any = None,
    model: Any = None,
    **kwargs: Any,
) -> Any:
    """Load a LightningModule, in evaluation mode and attached to no Trainer.

    Args:
        model_uri: `runs:/<run_id>/<name>`, `models:/<name>/<version>`, `models:/<name>@<alias>`, a folder.
        dst_path: A folder to bring its files to; None leaves them where they are.
        trust: Whether it may run code although it is not yours: its pickle can do anything.
        device: Where to put it, as in `nbtrack.pytorch.load_model`.
        model: A module of yours to read the weights of a model in the format `safetensors` into.
        **kwargs: Arguments of `torch.load`.

    Raises:
        NotFoundError: There is no such run, model or version.
        InvalidValueError: It is no LightningModule.
        UntrustedModelError: It is not yours, and would run code.
    """
    return model_access.load_native(
        model_uri, "lightning", dst_path, trust=trust, device=device, model=model, **kwargs
    )
