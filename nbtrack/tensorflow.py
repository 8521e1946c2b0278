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
from nbtrack.tracking import autolog_notice

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
    """Taken for MLflow's sake: nothing is logged by itself yet; see `nbtrack.autolog`."""
    if not disable:
        autolog_notice.tell("tensorflow.autolog()")
