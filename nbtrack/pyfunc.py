"""Models behind one `predict`, and models that are Python code: what MLflow's users call `mlflow.pyfunc`.

class Doubling(nbtrack.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input * 2

nbtrack.pyfunc.log_model(name="doubling", python_model=Doubling())
model = nbtrack.pyfunc.load_model(f"runs:/{run_id}/doubling")
model.predict(frame)
"""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from nbtrack.core.absent_names import hints_of
from nbtrack.core.errors import InvalidValueError, MissingFileError
from nbtrack.core.warn import warn_user
from nbtrack.models import default_environments
from nbtrack.models.predictor import PyFuncModel
from nbtrack.models.python_model import PythonModel, PythonModelContext
from nbtrack.tracking import model_access

if TYPE_CHECKING:
    from nbtrack.models.model_info import ModelInfo

__all__ = [
    "PyFuncModel",
    "PythonModel",
    "PythonModelContext",
    "get_default_conda_env",
    "get_default_pip_requirements",
    "get_model_dependencies",
    "load_model",
    "log_model",
    "save_model",
]

FLAVOR_NAME = "python_function"  # in an MLmodel file

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    __getattr__ = hints_of(__name__)

CodePaths = Iterable[str | PathLike[str]] | None


def log_model(
    artifact_path: str | None = None,
    loader_module: str | None = None,
    data_path: str | PathLike[str] | None = None,
    code_paths: CodePaths = None,
    infer_code_paths: bool = False,
    conda_env: Any = None,
    python_model: Any = None,
    artifacts: Mapping[str, Any] | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: int | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    model_config: Any = None,
    streamable: bool | None = None,
    resources: Any = None,
    auth_policy: Any = None,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int | None = None,
    model_id: str | None = None,
    prompts: Any = None,
    run_id: str | None = None,
) -> "ModelInfo":
    """Keep a Python model in the active run, or the run of an id; see `nbtrack.log_model`.

    Args:
        artifact_path: Its name; MLflow 2's word for `name`.
        loader_module: A module with `_load_pyfunc(path)`, instead of a `python_model`.
        data_path: A file or folder for the loader module; copied.
        code_paths: Files and folders of code that it imports; they are importable for this model alone.
        infer_code_paths: Also the modules of yours that it imports, wherever they lie.
        conda_env: A conda environment, instead of the requirements that are found.
        python_model: An instance of a class derived from `PythonModel`, a function, or the path of a file
            of code (.py, .ipynb) that calls `nbtrack.models.set_model`.
        artifacts: Name to path or URI (`file:`, `runs:/`, `models:/`) of files and folders that it reads
            as `context.artifacts[name]`; copied.
        registered_model_name: Also make it the next version of this registered model.
        signature: What it takes and gives. None takes it from the type hint on its input, or finds it
            out from the input example; False keeps none.
        input_example: A few rows, kept beside it.
        await_registration_for: Taken for MLflow's sake; a version is ready at once.
        pip_requirements: Lines that replace the requirements that are found, or their file.
        extra_pip_requirements: Lines that are added to them.
        metadata: More to say of it.
        model_config: A dict or YAML file: `context.model_config`.
        streamable: Whether it has `predict_stream`; None looks.
        resources: Taken for MLflow's sake, for Databricks; not kept.
        auth_policy: Likewise.
        name: Its name in the run, with `/` for folders; `model` when there is none.
        params: Params of the model itself.
        tags: Tags of the model itself.
        model_type: A word of yours for what kind it is.
        step: The training step it comes from; None: the end, with the last value of each metric.
        model_id: A model of `initialize_logged_model` that this is.
        prompts: Taken for MLflow's sake; nbtrack has no prompt registry.
        run_id: The run; None is the active run, started when there is none.

    Raises:
        InvalidTypeError: It is no Python model, or an option is of a wrong type.
        InvalidValueError: It cannot be saved, or the options contradict each other.
        MissingFileError: A file that was named is not there.
    """
    del await_registration_for
    _say_what_is_not_used(resources=resources, auth_policy=auth_policy, prompts=prompts)
    return model_access.log_model(
        python_model,
        artifact_path,
        name=name,
        flavor="python",
        run_id=run_id,
        conda_env=conda_env,
        code_paths=_code_paths(code_paths, python_model, loader_module, infer_code_paths),
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
        loader_module=loader_module,
        data_path=data_path,
        artifacts=artifacts,
        model_config=model_config,
        streamable=streamable,
    )


def save_model(
    path: str | PathLike[str],
    loader_module: str | None = None,
    data_path: str | PathLike[str] | None = None,
    code_paths: CodePaths = None,
    infer_code_paths: bool = False,
    conda_env: Any = None,
    mlflow_model: Any = None,
    python_model: Any = None,
    artifacts: Mapping[str, Any] | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    model_config: Any = None,
    streamable: bool | None = None,
    resources: Any = None,
    auth_policy: Any = None,
) -> None:
    """Save a Python model in a folder of yours, outside any run; arguments as in `log_model`.

    Args:
        path: A folder that does not exist yet, or is empty.
        loader_module: A module with `_load_pyfunc(path)`.
        data_path: A file or folder for it.
        code_paths: Files and folders of code that it imports.
        infer_code_paths: Also the modules of yours that it imports.
        conda_env: A conda environment.
        mlflow_model: First fields of its MLmodel file, as an `nbtrack.models.Model`.
        python_model: The model.
        artifacts: Files and folders that it reads.
        signature: What it takes and gives.
        input_example: A few rows.
        pip_requirements: Lines that replace the requirements that are found.
        extra_pip_requirements: Lines that are added to them.
        metadata: More to say of it.
        model_config: A dict or YAML file.
        streamable: Whether it has `predict_stream`.
        resources: Not used.
        auth_policy: Not used.

    Raises:
        AlreadyExistsError: Something lies at `path`.
        InvalidValueError: It cannot be saved.
    """
    _say_what_is_not_used(resources=resources, auth_policy=auth_policy)
    model_access.save_model(
        python_model,
        path,
        flavor="python",
        about=mlflow_model,
        conda_env=conda_env,
        code_paths=_code_paths(code_paths, python_model, loader_module, infer_code_paths),
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        loader_module=loader_module,
        data_path=data_path,
        artifacts=artifacts,
        model_config=model_config,
        streamable=streamable,
    )


def load_model(
    model_uri: str | PathLike[str],
    suppress_warnings: bool = False,
    dst_path: str | PathLike[str] | None = None,
    model_config: Any = None,
    *,
    trust: bool = False,
) -> PyFuncModel:
    """Load a model of any flavor as a predictor.

    Args:
        model_uri: `runs:/<run_id>/<name>`, `models:/<name>/<version>`, `models:/<name>@<alias>`, a folder.
        suppress_warnings: Whether to be silent on packages that differ from those it was made with.
        dst_path: A folder to bring its files to; None leaves them where they are.
        model_config: Values that replace those of its configuration; or a YAML file of them.
        trust: Whether it may run code although it is not yours.

    Raises:
        NotFoundError: There is no such run, model or version.
        InvalidValueError: It cannot predict.
        UntrustedModelError: It is not yours, and would run code.
    """
    return model_access.load_predictor(
        model_uri, dst_path, trust=trust, model_config=model_config, suppress_warnings=suppress_warnings
    )


def get_model_dependencies(model_uri: str | PathLike[str], format: Literal["pip", "conda"] = "pip") -> str:
    """The file that says which packages a model needs, on this machine.

    Args:
        model_uri: As for `load_model`.
        format: `pip` for its `requirements.txt`, `conda` for its `conda.yaml`.

    Returns:
        Its path: for `pip install -r`.

    Raises:
        InvalidValueError: `format` is neither.
        MissingFileError: The model has no such file.
    """
    names = {"pip": "requirements.txt", "conda": "conda.yaml"}
    if format not in names:
        raise InvalidValueError(f"format is 'pip' or 'conda', got {format!r}.")
    file = model_access.local_folder(model_uri) / names[format]
    if not file.is_file():
        raise MissingFileError(
            "requirements file", names[format], advice=f"The model {str(model_uri)!r} lies without it."
        )
    return str(file)


def get_default_pip_requirements() -> list[str]:
    """What any model in Python needs, as lines for `pip_requirements`."""
    return default_environments.default_requirements("python")


def get_default_conda_env() -> dict[str, Any]:
    """What any model in Python needs, as a conda environment to change and give as `conda_env`."""
    return default_environments.default_conda_env("python")


def _code_paths(given: CodePaths, python_model: Any, loader_module: str | None, infer: bool) -> CodePaths:
    if not infer:
        return given
    from nbtrack.models.code.local_code import local_code_paths

    return local_code_paths(python_model, loader_module, given or ())


def _say_what_is_not_used(**given: Any) -> None:
    names = [name for name, value in given.items() if value is not None]
    if names:
        warn_user(f"{' and '.join(names)} of log_model is for Databricks or MLflow's server: not kept.")
