"""What `autolog` does today: it says that nothing is logged by itself yet.

Code written for MLflow calls it before it trains; the training goes on, and what it logs itself is kept.
"""

from collections.abc import Mapping, Sequence

from nbtrack.core.version import VERSION
from nbtrack.core.warn import warn_user

_told: set[str] = set()


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    log_traces: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, str] | None = None,
    exclude_flavors: Sequence[str] | None = None,
) -> None:
    """Taken for MLflow's sake: nothing is logged by itself yet, of any framework; a warning says so, once.

    The options are those of MLflow 3.
    """
    if not disable:
        tell("autolog()")


def tell(call: str) -> None:
    """Warn that a call records nothing, once in this process for each call.

    Args:
        call: What the user called, such as `sklearn.autolog()`.
    """
    if call in _told:
        return
    _told.add(call)
    warn_user(
        f"{call} records nothing: nbtrack {VERSION} does not log on its own yet. Your training goes on, and "
        "what it logs itself is kept. Log the rest by hand: log_params, log_metric, log_model "
        "(docs/mlflow.md, What comes later)."
    )
