"""LightGBM's models: what MLflow's users call `mlflow.lightgbm`.

nbtrack.lightgbm.log_model(booster, name="prices", input_example=X[:3])
booster = nbtrack.lightgbm.load_model(f"runs:/{run_id}/prices")
"""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from nbtrack.core.absent_names import hints_of
from nbtrack.models import default_environments
from nbtrack.tracking import model_access
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

FLAVOR_NAME = "lightgbm"  # in an MLmodel file

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    __getattr__ = hints_of(__name__)


def log_model(
    lgb_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: Iterable[str | PathLike[str]] | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: int | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int | None = None,
    model_id: str | None = None,
    name: str | None = None,
    serialization_format: str | None = None,
    skops_trusted_types: Sequence[str] | None = None,
    run_id: str | None = None,
) -> "ModelInfo":
    """Keep a Booster or an estimator in the active run, or the run of an id; see `nbtrack.log_model`.

    Boosters, and estimators that hold nothing but values, load without trusting whoever made them.

    Args:
        lgb_model: A Booster, or an estimator such as LGBMClassifier; a pipeline that holds one is for
            `nbtrack.sklearn`.
        artifact_path: Its name; MLflow 2's word for `name`.
        conda_env: A conda environment, instead of the requirements that are found.
        code_paths: Files and folders of code that it imports.
        registered_model_name: Also make it the next version of this registered model.
        signature: What it takes and gives; None finds it out from the input example, False keeps none.
        input_example: A few rows, kept beside it.
        await_registration_for: Taken for MLflow's sake; a version is ready at once.
        pip_requirements: Lines that replace the requirements that are found, or their file.
        extra_pip_requirements: Lines that are added to them.
        metadata: More to say of it.
        params: Params of the model itself.
        tags: Tags of the model itself.
        model_type: A word of yours for what kind it is.
        step: The training step it comes from; None: the end, with the last value of each metric.
        model_id: A model of `initialize_logged_model` that this is.
        name: Its name in the run, with `/` for folders; `model` when there is none.
        serialization_format: How an estimator is written for MLflow: `cloudpickle`, `pickle` or `skops`. A
            Booster is always LightGBM's text.
        skops_trusted_types: Types that the skops format may hold beyond those it trusts.
        run_id: The run; None is the active run, started when there is none.

    Raises:
        InvalidTypeError: It is no model of LightGBM's, or an option is of a wrong type.
        InvalidValueError: It cannot be saved, or the options contradict each other.
    """
    del await_registration_for
    return model_access.log_model(
        lgb_model,
        artifact_path,
        name=name,
        flavor="lightgbm",
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
        serialization_format=serialization_format,
        skops_trusted_types=skops_trusted_types,
    )


def save_model(
    lgb_model: Any,
    path: str | PathLike[str],
    conda_env: Any = None,
    code_paths: Iterable[str | PathLike[str]] | None = None,
    mlflow_model: Any = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    serialization_format: str | None = None,
    skops_trusted_types: Sequence[str] | None = None,
) -> None:
    """Save a Booster or an estimator in a folder of yours, outside any run; arguments as in `log_model`.

    Args:
        lgb_model: A Booster or an estimator.
        path: A folder that does not exist yet, or is empty.
        conda_env: A conda environment.
        code_paths: Files and folders of code that it imports.
        mlflow_model: First fields of its MLmodel file, as an `nbtrack.models.Model`.
        signature: What it takes and gives.
        input_example: A few rows.
        pip_requirements: Lines that replace the requirements that are found.
        extra_pip_requirements: Lines that are added to them.
        metadata: More to say of it.
        serialization_format: How an estimator is written for MLflow: `cloudpickle`, `pickle` or `skops`.
        skops_trusted_types: Types that the skops format may hold beyond those it trusts.

    Raises:
        AlreadyExistsError: Something lies at `path`.
        InvalidValueError: It cannot be saved.
    """
    model_access.save_model(
        lgb_model,
        path,
        flavor="lightgbm",
        about=mlflow_model,
        conda_env=conda_env,
        code_paths=code_paths,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        serialization_format=serialization_format,
        skops_trusted_types=skops_trusted_types,
    )


def load_model(
    model_uri: str | PathLike[str], dst_path: str | PathLike[str] | None = None, *, trust: bool = False
) -> Any:
    """Load a Booster or an estimator as it was.

    Args:
        model_uri: `runs:/<run_id>/<name>`, `models:/<name>/<version>`, `models:/<name>@<alias>`, a folder.
        dst_path: A folder to bring its files to; None leaves them where they are.
        trust: Whether it may be read although it is not yours: trees that were made to harm can crash
            this process, or worse; pickles and code that lies in the model run.

    Raises:
        NotFoundError: There is no such run, model or version.
        InvalidValueError: It is no model of LightGBM's; the message says what loads it.
        UntrustedModelError: It is not yours, and you did not trust it.
    """
    return model_access.load_native(model_uri, "lightgbm", dst_path, trust=trust)


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: str | None = None,
    extra_tags: Mapping[str, str] | None = None,
) -> None:
    """Record what LightGBM trains from now on, by `lightgbm.train` and by its estimators.

    Params, the metrics of the evaluation sets at each iteration, feature importance, the best iteration,
    data sets and the model.

    Args:
        log_input_examples: Whether to keep a few rows of the data with each model.
        log_model_signatures: Whether to keep what each model takes and gives.
        log_models: Whether to keep the trained models.
        log_datasets: Whether to keep name, digest and schema of the data.
        disable: Record it no more: its functions are again what they were.
        exclusive: Leave the user's runs alone: record only where no run is active.
        disable_for_unsupported_versions: Do not record versions older than those it was made for.
        silent: Print no line for a run, and no warning of ours.
        registered_model_name: Also make each model the next version of this registered model.
        extra_tags: Tags of each run that is started for a training.

    Raises:
        InvalidTypeError: An option is of a wrong type.
        InvalidValueError: An option has no meaning.
    """
    switching.switch(
        "lightgbm",
        disable=disable,
        log_input_examples=log_input_examples,
        log_model_signatures=log_model_signatures,
        log_models=log_models,
        log_datasets=log_datasets,
        exclusive=exclusive,
        disable_for_unsupported_versions=disable_for_unsupported_versions,
        silent=silent,
        registered_model_name=registered_model_name,
        extra_tags=extra_tags,
    )


def get_default_pip_requirements(include_cloudpickle: bool = False, include_skops: bool = False) -> list[str]:
    """What any model of LightGBM needs, as lines for `pip_requirements`; and its pickle or skops file."""
    return default_environments.default_requirements(
        "lightgbm", cloudpickle=include_cloudpickle, skops=include_skops
    )


def get_default_conda_env(include_cloudpickle: bool = False, include_skops: bool = False) -> dict[str, Any]:
    """What any model of LightGBM needs, as a conda environment to change and give as `conda_env`."""
    return default_environments.default_conda_env(
        "lightgbm", cloudpickle=include_cloudpickle, skops=include_skops
    )
