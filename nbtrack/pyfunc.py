"""Models of any flavor behind one `predict`: what MLflow's users call `mlflow.pyfunc`."""

from os import PathLike
from typing import TYPE_CHECKING, Any

from nbtrack.tracking import model_access

if TYPE_CHECKING:
    from nbtrack.models.predictor import PyFuncModel

__all__ = ["load_model"]


def load_model(
    model_uri: str | PathLike[str],
    suppress_warnings: bool = False,
    dst_path: str | PathLike[str] | None = None,
    model_config: Any = None,
    *,
    trust: bool = False,
) -> "PyFuncModel":
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
