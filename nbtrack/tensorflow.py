"""Keras' models by the names of `mlflow.tensorflow`, for code that was written for it.

It is `nbtrack.keras` with MLflow's other arguments; TensorFlow itself is not imported, and its modules
that are no models of Keras are not taken.
"""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from nbtrack import keras
from nbtrack.core.absent_names import hints_of
from nbtrack.models import default_environments
from nbtrack.tracking.autolog import switching

if TYPE_CHECKING:
    from nbtrack.models.model_info import ModelInfo

__all__ = [
    "autolog",
    "get_default_conda_env",
    "get_default_pip_requirements",
    "load_model",
    "log_model",
    "save_model",
]

FLAVOR_NAME = "tensorflow"  # in an MLmodel file

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    _hint = hints_of(__name__)

    def __getattr__(name: str) -> Any:
        if name in ("MlflowCallback", "MLflowCallback"):  # MLflow has both
            from nbtrack.tracking.keras_callback import MlflowTensorFlowCallback  # lazy: it needs Keras

            return MlflowTensorFlowCallback
        return _hint(name)


def log_model(
    model: Any,
    artifact_path: str | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    conda_env: Any = None,
    code_paths: Iterable[str | PathLike[str]] | None = None,
    signature: Any = None,
    input_example: Any = None,
    registered_model_name: str | None = None,
    await_registration_for: int | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    saved_model_kwargs: Mapping[str, Any] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    extra_files: Iterable[str | PathLike[str]] | None = None,
    **more: Any,
) -> "ModelInfo":
    """Keep a model of Keras in a run; see `nbtrack.keras.log_model`, which `more` goes to.

    `saved_model_kwargs` is for modules of TensorFlow that are no models of Keras, and is not used.
    """
    del saved_model_kwargs
    return keras.log_model(
        model,
        artifact_path,
        custom_objects=custom_objects,
        conda_env=conda_env,
        code_paths=code_paths,
        signature=signature,
        input_example=input_example,
        registered_model_name=registered_model_name,
        await_registration_for=await_registration_for,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        save_model_kwargs=_of_keras_3(keras_model_kwargs),
        metadata=metadata,
        extra_files=extra_files,
        **more,
    )


def save_model(
    model: Any,
    path: str | PathLike[str],
    conda_env: Any = None,
    code_paths: Iterable[str | PathLike[str]] | None = None,
    mlflow_model: Any = None,
    custom_objects: Mapping[str, Any] | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    saved_model_kwargs: Mapping[str, Any] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    extra_files: Iterable[str | PathLike[str]] | None = None,
) -> None:
    """Save a model of Keras in a folder of yours; see `nbtrack.keras.save_model`."""
    del saved_model_kwargs
    keras.save_model(
        model,
        path,
        conda_env=conda_env,
        code_paths=code_paths,
        mlflow_model=mlflow_model,
        custom_objects=custom_objects,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        save_model_kwargs=_of_keras_3(keras_model_kwargs),
        metadata=metadata,
        extra_files=extra_files,
    )


def load_model(
    model_uri: str | PathLike[str],
    dst_path: str | PathLike[str] | None = None,
    saved_model_kwargs: Mapping[str, Any] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    *,
    trust: bool = False,
) -> Any:
    """Load a model of Keras, also one that `mlflow.tensorflow` logged; see `nbtrack.keras.load_model`."""
    del saved_model_kwargs
    options = dict(keras_model_kwargs or {})
    return keras.load_model(model_uri, dst_path, options.pop("custom_objects", None), options, trust=trust)


def get_default_pip_requirements(include_cloudpickle: bool = False) -> list[str]:
    """What any model of Keras needs, as lines for `pip_requirements`."""
    return default_environments.default_requirements("keras", cloudpickle=include_cloudpickle)


def get_default_conda_env(include_cloudpickle: bool = False) -> dict[str, Any]:
    """What any model of Keras needs, as a conda environment to change and give as `conda_env`."""
    return default_environments.default_conda_env("keras", cloudpickle=include_cloudpickle)


def _of_keras_3(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Without the choice of a format that Keras 3 no longer has."""
    return {name: value for name, value in (options or {}).items() if name != "save_format"}


def autolog(
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: str | None = None,
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    saved_model_kwargs: Mapping[str, Any] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    extra_tags: Mapping[str, str] | None = None,
    log_every_epoch: bool = True,
    log_every_n_steps: int | None = None,
    checkpoint: bool = True,
    checkpoint_monitor: str = "val_loss",
    checkpoint_mode: str = "min",
    checkpoint_save_best_only: bool = True,
    checkpoint_save_weights_only: bool = False,
    checkpoint_save_freq: str | int = "epoch",
) -> None:
    """Record what `Model.fit` of Keras 3 trains from now on, by the names of MLflow's TensorFlow flavor.

    It is `nbtrack.keras.autolog` but for the params of the optimizer, which are called `opt_...`.

    Args:
        log_models: Whether to keep the trained models.
        log_datasets: Whether to keep name, digest and schema of the data.
        disable: Record it no more: its functions are again what they were.
        exclusive: Leave the user's runs alone: record only where no run is active.
        disable_for_unsupported_versions: Do not record versions older than those it was made for.
        silent: Print no line for a run, and no warning of ours.
        registered_model_name: Also make each model the next version of this registered model.
        log_input_examples: Whether to keep a few rows of the data with each model.
        log_model_signatures: Whether to keep what each model takes and gives.
        saved_model_kwargs: Taken for MLflow's sake: models are saved as Keras saves them.
        keras_model_kwargs: Arguments of Keras' `save`.
        extra_tags: Tags of each run that is started for a training.
        log_every_epoch: Whether to keep the metrics of each epoch.
        log_every_n_steps: Keep the metrics of every so many batches as well; then all steps count batches.
        checkpoint: Whether to keep checkpoints; unless an option below asks for them, as many as cost the
            training 1 %.
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
        flavor="tensorflow",
        log_models=log_models,
        log_datasets=log_datasets,
        exclusive=exclusive,
        disable_for_unsupported_versions=disable_for_unsupported_versions,
        silent=silent,
        registered_model_name=registered_model_name,
        log_input_examples=log_input_examples,
        log_model_signatures=log_model_signatures,
        saved_model_kwargs=saved_model_kwargs,
        keras_model_kwargs=keras_model_kwargs,
        extra_tags=extra_tags,
        log_every_epoch=log_every_epoch,
        log_every_n_steps=log_every_n_steps,
        checkpoint=checkpoint,
        checkpoint_monitor=checkpoint_monitor,
        checkpoint_mode=checkpoint_mode,
        checkpoint_save_best_only=checkpoint_save_best_only,
        checkpoint_save_weights_only=checkpoint_save_weights_only,
        checkpoint_save_freq=checkpoint_save_freq,
    )
