"""PyTorch's modules: what MLflow's users call `mlflow.pytorch`.

nbtrack.pytorch.log_model(net, name="classifier", input_example=X[:3])
net = nbtrack.pytorch.load_model(f"runs:/{run_id}/classifier")
"""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from nbtrack.core.absent_names import hints_of
from nbtrack.models import default_environments
from nbtrack.tracking import model_access, torch_states
from nbtrack.tracking.autolog import switching

if TYPE_CHECKING:
    from nbtrack.models.model_info import ModelInfo

__all__ = [
    "autolog",
    "get_default_conda_env",
    "get_default_pip_requirements",
    "load_model",
    "load_state_dict",
    "log_model",
    "log_state_dict",
    "save_model",
    "save_state_dict",
]

FLAVOR_NAME = "pytorch"  # in an MLmodel file

# MLflow's names for the choices of `serialization_format`.
SERIALIZATION_FORMAT_PICKLE = "pickle"
SERIALIZATION_FORMAT_PT2 = "pt2"

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    __getattr__ = hints_of(__name__)


def log_model(
    pytorch_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: Iterable[str | PathLike[str]] | None = None,
    pickle_module: Any = None,
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
    export_model: bool = False,
    serialization_format: str | None = None,
    run_id: str | None = None,
    **kwargs: Any,
) -> "ModelInfo":
    """Keep a module in the active run, or the run of an id; see `nbtrack.log_model`.

    Args:
        pytorch_model: The module, a TorchScript module or an `ExportedProgram`. Of one that is compiled, or
            wrapped for several GPUs, what is inside is kept.
        artifact_path: Its name; MLflow 2's word for `name`.
        conda_env: A conda environment, instead of the requirements that are found.
        code_paths: Files and folders of code that it imports.
        pickle_module: What pickles it instead of cloudpickle.
        registered_model_name: Also make it the next version of this registered model.
        signature: What it takes and gives; None finds it out from the input example, False keeps none.
        input_example: A few rows, kept beside it.
        await_registration_for: Taken for MLflow's sake; a version is ready at once.
        extra_files: Files to lie beside it, such as a vocabulary.
        pip_requirements: Lines that replace the requirements that are found, or their file.
        extra_pip_requirements: Lines that are added to them.
        metadata: More to say of it.
        name: Its name in the run, with `/` for folders; `model` when there is none.
        params: Params of the model itself.
        tags: Tags of the model itself.
        model_type: A word of yours for what kind it is.
        step: The training step it comes from; None: the end, with the last value of each metric.
        model_id: A model of `initialize_logged_model` that this is.
        export_model: MLflow's older word for the format `pt2`.
        serialization_format: `pickle`, the default, takes any module, with classes of a notebook; `pt2`
            traces it with the input example, and needs none of its code to run; `safetensors` keeps the
            weights so that anybody can load them into a module of theirs without trusting you.
        run_id: The run; None is the active run, started when there is none.
        **kwargs: Arguments of `torch.save`.

    Raises:
        InvalidTypeError: It is no module, or an option is of a wrong type.
        InvalidValueError: It cannot be saved, or the options contradict each other.
    """
    del await_registration_for
    return model_access.log_model(
        pytorch_model,
        artifact_path,
        name=name,
        flavor="pytorch",
        run_id=run_id,
        conda_env=conda_env,
        code_paths=code_paths,
        registered_model_name=registered_model_name,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        params=params,
        tags=tags,
        model_type=model_type,
        step=step,
        model_id=model_id,
        pickle_module=pickle_module,
        extra_files=extra_files,
        export_model=export_model,
        serialization_format=serialization_format,
        **kwargs,
    )


def save_model(
    pytorch_model: Any,
    path: str | PathLike[str],
    conda_env: Any = None,
    mlflow_model: Any = None,
    code_paths: Iterable[str | PathLike[str]] | None = None,
    pickle_module: Any = None,
    signature: Any = None,
    input_example: Any = None,
    extra_files: Iterable[str | PathLike[str]] | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    export_model: bool = False,
    serialization_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Save a module in a folder of yours, outside any run; arguments as in `log_model`.

    Args:
        pytorch_model: The module.
        path: A folder that does not exist yet, or is empty.
        conda_env: A conda environment.
        mlflow_model: First fields of its MLmodel file, as an `nbtrack.models.Model`.
        code_paths: Files and folders of code that it imports.
        pickle_module: What pickles it instead of cloudpickle.
        signature: What it takes and gives.
        input_example: A few rows.
        extra_files: Files to lie beside it.
        pip_requirements: Lines that replace the requirements that are found.
        extra_pip_requirements: Lines that are added to them.
        metadata: More to say of it.
        export_model: MLflow's older word for the format `pt2`.
        serialization_format: `pickle`, `pt2` or `safetensors`.
        **kwargs: Arguments of `torch.save`.

    Raises:
        AlreadyExistsError: Something lies at `path`.
        InvalidValueError: It cannot be saved.
    """
    model_access.save_model(
        pytorch_model,
        path,
        flavor="pytorch",
        about=mlflow_model,
        conda_env=conda_env,
        code_paths=code_paths,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        pickle_module=pickle_module,
        extra_files=extra_files,
        export_model=export_model,
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
    """Load a module, in evaluation mode.

    Args:
        model_uri: `runs:/<run_id>/<name>`, `models:/<name>/<version>`, `models:/<name>@<alias>`, a folder.
        dst_path: A folder to bring its files to; None leaves them where they are.
        trust: Whether it may run code although it is not yours: its pickle can do anything.
        device: Where to put it, such as `cuda:1`. None is where it was, or the CPU where this machine has
            no such device.
        model: A module of yours to read the weights of a model in the format `safetensors` into; it is
            returned. Nothing that came with the weights runs, so that no trust is needed.
        **kwargs: Arguments of `torch.load`, such as `map_location` or `mmap`.

    Raises:
        NotFoundError: There is no such run, model or version.
        InvalidValueError: It is no model of PyTorch's, cannot be read, or its weights do not fit `model`.
        UntrustedModelError: It is not yours, and would run code.
    """
    return model_access.load_native(
        model_uri, "pytorch", dst_path, trust=trust, device=device, model=model, **kwargs
    )


def log_state_dict(
    state_dict: Mapping[str, Any], artifact_path: str, run_id: str | None = None, **kwargs: Any
) -> None:
    """Keep a state dict, or a checkpoint of several, among the artifacts of the active run.

    It is no model, but a file `state_dict.pth`; a later one of the same path replaces it.

    Args:
        state_dict: `module.state_dict()`, or a dict of that, an optimizer's, the epoch.
        artifact_path: The artifact folder of the file.
        run_id: The run; None is the active run, started when there is none.
        **kwargs: Arguments of `torch.save`.

    Raises:
        InvalidTypeError: It is no dict: a module is logged by `log_model`.
    """
    torch_states.log_state_dict(state_dict, artifact_path, run_id=run_id, **kwargs)


def save_state_dict(state_dict: Mapping[str, Any], path: str | PathLike[str], **kwargs: Any) -> None:
    """Save a state dict as `state_dict.pth` in a folder of yours.

    Args:
        state_dict: As in `log_state_dict`.
        path: The folder, made where there is none; an older state dict in it is replaced.
        **kwargs: Arguments of `torch.save`.

    Raises:
        InvalidTypeError: It is no dict.
    """
    torch_states.save_state_dict(state_dict, path, **kwargs)


def load_state_dict(state_dict_uri: str | PathLike[str], *, trust: bool = False, **kwargs: Any) -> Any:
    """Load a state dict; also that of a model which was logged in the format `safetensors`.

    Tensors and plain values load from anybody (`weights_only=True`, with PyTorch 2.10 or later).

    Args:
        state_dict_uri: `runs:/<run_id>/<artifact path>`, any model URI, or a folder.
        trust: Whether it may run code although it is not yours.
        **kwargs: Arguments of `torch.load`, such as `map_location`.

    Raises:
        NotFoundError: There is no such run or artifact, or no state dict in it.
        UntrustedModelError: It holds more than tensors and plain values, and is not yours.
    """
    return torch_states.load_state_dict(state_dict_uri, trust=trust, **kwargs)


def get_default_pip_requirements() -> list[str]:
    """What any model of PyTorch needs, as lines for `pip_requirements`."""
    return default_environments.default_requirements("pytorch")


def get_default_conda_env() -> dict[str, Any]:
    """What any model of PyTorch needs, as a conda environment to change and give as `conda_env`."""
    return default_environments.default_conda_env("pytorch")


def _load_pyfunc(  # pyright: ignore[reportUnusedFunction] - MLflow calls it
    path: str, model_config: Mapping[str, Any] | None = None
) -> Any:
    """What MLflow calls to predict with a model in our own format, where nbtrack is installed.

    MLflow has no trust: whoever loads with it lets a model run code.
    """
    return torch_states.scorer_for_mlflow(path, model_config)


def autolog(
    log_every_n_epoch: int = 1,
    log_every_n_step: int | None = None,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: str | None = None,
    extra_tags: Mapping[str, str] | None = None,
    checkpoint: bool = True,
    checkpoint_monitor: str = "val_loss",
    checkpoint_mode: str = "min",
    checkpoint_save_best_only: bool = True,
    checkpoint_save_weights_only: bool = False,
    checkpoint_save_freq: str | int = "epoch",
    log_model_signatures: bool = True,
    *,
    log_gradient_norm: bool = False,
) -> None:
    """Record what PyTorch trains from now on: plain loops, and `Trainer.fit` of Lightning.

    Of a plain loop: the loss at each optimizer step, epochs as the data loader shows them, learning rates,
    optimizer, architecture, throughput, and the module at the end. A loop is recorded in the active run, or
    in a run of its own that ends with the cell or script.

    Args:
        log_every_n_epoch: How often Lightning's metrics of an epoch are kept.
        log_every_n_step: How often Lightning's metrics of a step are kept; None keeps none.
        log_models: Whether to keep the trained models.
        log_datasets: Whether to keep name, digest and schema of the data.
        disable: Record it no more: its functions are again what they were.
        exclusive: Leave the user's runs alone: record only where no run is active.
        disable_for_unsupported_versions: Do not record versions older than those it was made for.
        silent: Print no line for a run, and no warning of ours.
        registered_model_name: Also make each model the next version of this registered model.
        extra_tags: Tags of each run that is started for a training.
        checkpoint: Whether to keep checkpoints of Lightning's trainings.
        checkpoint_monitor: The metric that says which checkpoint is the best.
        checkpoint_mode: `min` or `max`: which of its values is the best.
        checkpoint_save_best_only: Whether a checkpoint is kept only where the metric has improved.
        checkpoint_save_weights_only: Whether checkpoints hold the weights only.
        checkpoint_save_freq: `epoch`, or a number of steps between two checkpoints.
        log_model_signatures: Whether to keep what each model takes and gives.
        log_gradient_norm: Whether to keep the norm of the gradients at each optimizer step of a plain loop.

    Raises:
        InvalidTypeError: An option is of a wrong type.
        InvalidValueError: An option has no meaning.
    """
    switching.switch(
        "pytorch",
        disable=disable,
        log_every_n_epoch=log_every_n_epoch,
        log_every_n_step=log_every_n_step,
        log_models=log_models,
        log_datasets=log_datasets,
        exclusive=exclusive,
        disable_for_unsupported_versions=disable_for_unsupported_versions,
        silent=silent,
        registered_model_name=registered_model_name,
        extra_tags=extra_tags,
        checkpoint=checkpoint,
        checkpoint_monitor=checkpoint_monitor,
        checkpoint_mode=checkpoint_mode,
        checkpoint_save_best_only=checkpoint_save_best_only,
        checkpoint_save_weights_only=checkpoint_save_weights_only,
        checkpoint_save_freq=checkpoint_save_freq,
        log_model_signatures=log_model_signatures,
        log_gradient_norm=log_gradient_norm,
    )
