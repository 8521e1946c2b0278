"""A conda environment made of parts, by MLflow's name in `mlflow.utils.environment`.

What is new takes `get_default_conda_env` of a framework module, or no environment at all: what a model needs
is found.
"""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any


def conda_env_of(
    path: str | PathLike[str] | None = None,
    additional_conda_deps: Iterable[str] | None = None,
    additional_pip_deps: Iterable[str] | None = None,
    additional_conda_channels: Iterable[str] | None = None,
    install_mlflow: bool = True,
) -> dict[str, Any] | None:
    """A conda environment with this Python, to give as `conda_env`.

    Args:
        path: A file to write it to; then nothing is returned.
        additional_conda_deps: What conda installs beside Python and pip.
        additional_pip_deps: What pip installs.
        additional_conda_channels: Where conda looks beside conda-forge.
        install_mlflow: Taken for MLflow's sake: a model of nbtrack's names neither of the two.
    """
    from nbtrack.models.requirements import conda_environment  # lazy: few who log a model ask

    del install_mlflow
    environment = conda_environment(list(additional_pip_deps or ()))
    *first, by_pip = environment["dependencies"]
    environment["dependencies"] = [*first, *(additional_conda_deps or ()), by_pip]
    environment["channels"] += additional_conda_channels or ()
    if path is None:
        return environment
    from nbtrack.models.yaml_text import yaml_text

    Path(path).write_text(yaml_text(environment), encoding="utf-8")
    return None


_mlflow_conda_env = conda_env_of  # MLflow's name
