"""Keras' models, of Keras 3 on any backend: what MLflow's users call `mlflow.keras`.

nbtrack.keras.log_model(model, name="classifier", input_example=X[:3])
model = nbtrack.keras.load_model(f"runs:/{run_id}/classifier")
"""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from nbtrack.core.absent_names import hints_of
from nbtrack.models import default_environments
from nbtrack.tracking import model_access
from nbtrack.tracking.autolog import switching

if TYPE_CHECKING:
    from nbtrack.models.model_info import ModelInfo
    from nbtrack.tracking.keras_callback import MlflowCallback as MlflowCallback

__all__ = [
    "autolog",
    "get_default_conda_env",
    "get_default_pip_requirements",
    "load_model",
    "log_model",
    "save_model",
]

FLAVOR_NAME = "keras"  # in an MLmodel file

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    _hint = hints_of(__name__)

    def __getattr__(name: str) -> Any:
        if name in ("MlflowCallback", "MLflowCallback"):  # MLflow has both
            from nbtrack.tracking.keras_callback import MlflowCallback  # lazy: it needs Keras

            return MlflowCallback
        return _hint(name)


def log_model(
    model: Any,
    artifact_path: str | None = None,
    save_exported_model: bool = False,
    conda_env: Any = None,
    signature: Any = None,
    input_example: Any = None,
    registered_model_name: str | None = None,
    await_registration_for: int | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    save_model_kwargs: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    code_paths: Iterable[str | PathLike[str]] | None = None,
    extra_files: Iterable[str | PathLike[str]] | None = None,
    run_id: str | None = None,
) -> "ModelInfo":
    """Keep a model in the active run, or the run of an id; see `nbtrack.log_model`.

    Args:
        model: The `keras.Model`; it must be built.
        artifact_path: Its name; MLflow 2's word for `name`.
        save_exported_model: MLflow's word for TensorFlow's own format, which nbtrack does not write.
        conda_env: A conda environment, instead of the requirements that are found.
        signature: What it takes and gives; None finds it out from the input example, False keeps none.
        input_example: A few rows, kept beside it.
        registered_model_name: Also make it the next version of this registered model.
        await_registration_for: Taken for MLflow's sake; a version is ready at once.
        pip_requirements: Lines that replace the requirements that are found, or their file.
        extra_pip_requirements: Lines that are added to them.
        save_model_kwargs: Arguments of `model.save`.
        metadata: More to say of it.
        name: Its name in the run, with `/` for folders; `model` when there is none.
        params: Params of the model itself.
        tags: Tags of the model itself.
        model_type: A word of yours for what kind it is.
        step: The training step it comes from.
        model_id: A model of `initialize_logged_model` that this is.
        custom_objects: Classes and functions of yours that it is made of, by name. Those of its layers,
            loss and metrics are found; all of them go along as a pickle.
        code_paths: Files and folders of code that it imports.
        extra_files: Files to lie beside it, such as a vocabulary.
        run_id: The run; None is the active run, started when there is none.

    Raises:
        InvalidTypeError: It is no model of Keras 3, or an option is of a wrong type.
        InvalidValueError: It is not built, cannot be saved, or the options contradict each other.
    """
    del await_registration_for
    return model_access.log_model(
        model,
        artifact_path,
        name=name,
        flavor="keras",
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
        custom_objects=custom_objects,
        save_exported_model=save_exported_model,
        save_model_kwargs=save_model_kwargs,
        extra_files=extra_files,
    )


def save_model(
    model: Any,
    path: str | PathLike[str],
    save_exported_model: bool = False,
    conda_env: Any = None,
    mlflow_model: Any = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    save_model_kwargs: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    code_paths: Iterable[str | PathLike[str]] | None = None,
    extra_files: Iterable[str | PathLike[str]] | None = None,
) -> None:
    """Save a model in a folder of yours, outside any run; arguments as in `log_model`.

    Args:
        model: The model.
        path: A folder that does not exist yet, or is empty.
        save_exported_model: MLflow's word for TensorFlow's own format.
        conda_env: A conda environment.
        mlflow_model: First fields of its MLmodel file, as an `nbtrack.models.Model`.
        signature: What it takes and gives.
        input_example: A few rows.
        pip_requirements: Lines that replace the requirements that are found.
        extra_pip_requirements: Lines that are added to them.
        save_model_kwargs: Arguments of `model.save`.
        metadata: More to say of it.
        custom_objects: Classes and functions of yours that it is made of.
        code_paths: Files and folders of code that it imports.
        extra_files: Files to lie beside it.

    Raises:
        AlreadyExistsError: Something lies at `path`.
        InvalidValueError: It cannot be saved.
    """
    model_access.save_model(
        model,
        path,
        flavor="keras",
        about=mlflow_model,
        conda_env=conda_env,
        code_paths=code_paths,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        custom_objects=custom_objects,
        save_exported_model=save_exported_model,
        save_model_kwargs=save_model_kwargs,
        extra_files=extra_files,
    )


def load_model(
    model_uri: str | PathLike[str],
    dst_path: str | PathLike[str] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    load_model_kwargs: Mapping[str, Any] | None = None,
    *,
    trust: bool = False,
) -> Any:
    """Load a model, in Keras' safe mode.

    Where Keras is not imported yet and no backend is chosen, the one that the model was made with is, if
    it is installed.

    Args:
        model_uri: `runs:/<run_id>/<name>`, `models:/<name>/<version>`, `models:/<name>@<alias>`, a folder.
        dst_path: A folder to bring its files to; None leaves them where they are.
        custom_objects: Classes and functions of yours that it is made of, by name; they hold before those
            that were kept with it.
        load_model_kwargs: Arguments of `keras.saving.load_model`, such as `{"compile": False}`.
        trust: Whether it may run code although it is not yours: with layers and functions of its own,
            and lambdas, it does.

    Raises:
        NotFoundError: There is no such run, model or version.
        InvalidValueError: It is no model of Keras, or Keras cannot read it.
        UntrustedModelError: It is not yours, and would run code.
    """
    return model_access.load_native(
        model_uri,
        "keras",
        dst_path,
        trust=trust,
        custom_objects=custom_objects,
        load_model_kwargs=load_model_kwargs,
    )


def autolog(
    log_every_epoch: bool = True,
    log_every_n_steps: int | None = None,
    log_models: bool = True,
    log_model_signatures: bool = True,
    save_exported_model: bool = False,
    log_datasets: bool = True,
    log_input_examples: bool = False,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: str | None = None,
    save_model_kwargs: Mapping[str, Any] | None = None,
    extra_tags: Mapping[str, str] | None = None,
    *,
    checkpoint: bool = False,
    checkpoint_monitor: str = "val_loss",
    checkpoint_mode: str = "min",
    checkpoint_save_best_only: bool = True,
    checkpoint_save_weights_only: bool = False,
    checkpoint_save_freq: str | int = "epoch",
) -> None:
    """Record what `Model.fit` of Keras 3 trains from now on.

    Params of the fit and of the optimizer, metrics of each epoch, the architecture, data sets, and the model
    at the end. The options from `checkpoint` on are nbtrack's own.

    Args:
        log_every_epoch: Whether to keep the metrics of each epoch.
        log_every_n_steps: Keep the metrics of every so many batches as well; then all steps count batches.
        log_models: Whether to keep the trained models.
        log_model_signatures: Whether to keep what each model takes and gives.
        save_exported_model: MLflow's word for TensorFlow's own format, which nbtrack does not write; the run
            says so, and has the model in Keras' own.
        log_datasets: Whether to keep name, digest and schema of the data.
        log_input_examples: Whether to keep a few rows of the data with each model.
        disable: Record it no more: its functions are again what they were.
        exclusive: Leave the user's runs alone: record only where no run is active.
        disable_for_unsupported_versions: Do not record versions older than those it was made for.
        silent: Print no line for a run, and no warning of ours.
        registered_model_name: Also make each model the next version of this registered model.
        save_model_kwargs: Arguments of Keras' `save`.
        extra_tags: Tags of each run that is started for a training.
        checkpoint: Whether to keep checkpoints.
        checkpoint_monitor: The metric that says which checkpoint is the best.
        checkpoint_mode: `min` or `max`: which of its values is the best.
        checkpoint_save_best_only: Whether a checkpoint is kept only where the metric has improved.
        checkpoint_save_weights_only: Whether checkpoints hold the weights only.
        checkpoint_save_freq: `epoch`, or a number of batches between two checkpoints.

    Raises:
        InvalidTypeError: An option is of a wrong type.
        InvalidValueError: An option has no meaning.
    """
    switching.switch(
        "keras",
        disable=disable,
        log_every_epoch=log_every_epoch,
        log_every_n_steps=log_every_n_steps,
        log_models=log_models,
        log_model_signatures=log_model_signatures,
        save_exported_model=save_exported_model,
        log_datasets=log_datasets,
        log_input_examples=log_input_examples,
        exclusive=exclusive,
        disable_for_unsupported_versions=disable_for_unsupported_versions,
        silent=silent,
        registered_model_name=registered_model_name,
        save_model_kwargs=save_model_kwargs,
        extra_tags=extra_tags,
        checkpoint=checkpoint,
        checkpoint_monitor=checkpoint_monitor,
        checkpoint_mode=checkpoint_mode,
        checkpoint_save_best_only=checkpoint_save_best_only,
        checkpoint_save_weights_only=checkpoint_save_weights_only,
        checkpoint_save_freq=checkpoint_save_freq,
    )


def get_default_pip_requirements() -> list[str]:
    """What any model of Keras needs, as lines for `pip_requirements`."""
    return default_environments.default_requirements("keras")


def get_default_conda_env() -> dict[str, Any]:
    """What any model of Keras needs, as a conda environment to change and give as `conda_env`."""
    return default_environments.default_conda_env("keras")
