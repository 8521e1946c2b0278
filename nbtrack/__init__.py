"""nbtrack: experiment tracking that is native to the notebook.

    import nbtrack

    with nbtrack.start_run(run_name="first"):
        nbtrack.log_param("lr", 0.1)
        nbtrack.log_metric("loss", 0.42, step=1)

    nbtrack.search_runs()

In a notebook, `%load_ext nbtrack` adds `%%track` and `%nbtrack`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nbtrack.core.version import VERSION

if TYPE_CHECKING:
    from nbtrack import artifacts as artifacts
    from nbtrack import data as data
    from nbtrack import entities as entities
    from nbtrack import exceptions as exceptions
    from nbtrack import keras as keras
    from nbtrack import lightgbm as lightgbm
    from nbtrack import lightning as lightning
    from nbtrack import models as models
    from nbtrack import optuna as optuna
    from nbtrack import pyfunc as pyfunc
    from nbtrack import pytorch as pytorch
    from nbtrack import sklearn as sklearn
    from nbtrack import tensorflow as tensorflow
    from nbtrack import tracking as tracking
    from nbtrack import types as types
    from nbtrack import xgboost as xgboost
    from nbtrack.core.entities import Experiment as Experiment
    from nbtrack.core.entities import Metric as Metric
    from nbtrack.core.entities import Run as Run
    from nbtrack.core.entities import RunStatus as RunStatus
    from nbtrack.core.entities import ViewType as ViewType
    from nbtrack.core.errors import NbtrackError as NbtrackError
    from nbtrack.core.logged_models import LoggedModel as LoggedModel
    from nbtrack.documents.queries import Query as Query
    from nbtrack.exceptions import MlflowException as MlflowException
    from nbtrack.tracking.active_model import ActiveModel as ActiveModel
    from nbtrack.tracking.active_run import ActiveRun as ActiveRun
    from nbtrack.tracking.autolog.everything import autolog as autolog
    from nbtrack.tracking.client import MlflowClient as MlflowClient
    from nbtrack.tracking.configurable_tracker import Tracker as Tracker
    from nbtrack.tracking.fluent import active_run as active_run
    from nbtrack.tracking.fluent import approve as approve
    from nbtrack.tracking.fluent import attempts as attempts
    from nbtrack.tracking.fluent import cells_of as cells_of
    from nbtrack.tracking.fluent import changes as changes
    from nbtrack.tracking.fluent import clear_active_model as clear_active_model
    from nbtrack.tracking.fluent import compare_versions as compare_versions
    from nbtrack.tracking.fluent import create_experiment as create_experiment
    from nbtrack.tracking.fluent import create_external_model as create_external_model
    from nbtrack.tracking.fluent import create_run as create_run
    from nbtrack.tracking.fluent import delete_experiment as delete_experiment
    from nbtrack.tracking.fluent import delete_experiment_tag as delete_experiment_tag
    from nbtrack.tracking.fluent import delete_logged_model as delete_logged_model
    from nbtrack.tracking.fluent import delete_logged_model_tag as delete_logged_model_tag
    from nbtrack.tracking.fluent import delete_run as delete_run
    from nbtrack.tracking.fluent import delete_tag as delete_tag
    from nbtrack.tracking.fluent import diff as diff
    from nbtrack.tracking.fluent import download_artifacts as download_artifacts
    from nbtrack.tracking.fluent import end_run as end_run
    from nbtrack.tracking.fluent import finalize_logged_model as finalize_logged_model
    from nbtrack.tracking.fluent import flush as flush
    from nbtrack.tracking.fluent import flush_artifact_async_logging as flush_artifact_async_logging
    from nbtrack.tracking.fluent import flush_async_logging as flush_async_logging
    from nbtrack.tracking.fluent import get_active_model_id as get_active_model_id
    from nbtrack.tracking.fluent import get_artifact_uri as get_artifact_uri
    from nbtrack.tracking.fluent import get_environment as get_environment
    from nbtrack.tracking.fluent import get_experiment as get_experiment
    from nbtrack.tracking.fluent import get_experiment_by_name as get_experiment_by_name
    from nbtrack.tracking.fluent import get_logged_model as get_logged_model
    from nbtrack.tracking.fluent import get_metric_history as get_metric_history
    from nbtrack.tracking.fluent import get_parent_run as get_parent_run
    from nbtrack.tracking.fluent import get_registry_uri as get_registry_uri
    from nbtrack.tracking.fluent import get_run as get_run
    from nbtrack.tracking.fluent import get_tracking_uri as get_tracking_uri
    from nbtrack.tracking.fluent import history as history
    from nbtrack.tracking.fluent import initialize_logged_model as initialize_logged_model
    from nbtrack.tracking.fluent import is_tracking_uri_set as is_tracking_uri_set
    from nbtrack.tracking.fluent import last_active_run as last_active_run
    from nbtrack.tracking.fluent import last_logged_model as last_logged_model
    from nbtrack.tracking.fluent import lift_approval as lift_approval
    from nbtrack.tracking.fluent import list_artifacts as list_artifacts
    from nbtrack.tracking.fluent import load_table as load_table
    from nbtrack.tracking.fluent import log_artifact as log_artifact
    from nbtrack.tracking.fluent import log_artifacts as log_artifacts
    from nbtrack.tracking.fluent import log_batch as log_batch
    from nbtrack.tracking.fluent import log_dict as log_dict
    from nbtrack.tracking.fluent import log_figure as log_figure
    from nbtrack.tracking.fluent import log_image as log_image
    from nbtrack.tracking.fluent import log_input as log_input
    from nbtrack.tracking.fluent import log_inputs as log_inputs
    from nbtrack.tracking.fluent import log_metric as log_metric
    from nbtrack.tracking.fluent import log_metrics as log_metrics
    from nbtrack.tracking.fluent import log_model as log_model
    from nbtrack.tracking.fluent import log_model_params as log_model_params
    from nbtrack.tracking.fluent import log_outputs as log_outputs
    from nbtrack.tracking.fluent import log_param as log_param
    from nbtrack.tracking.fluent import log_params as log_params
    from nbtrack.tracking.fluent import log_stream as log_stream
    from nbtrack.tracking.fluent import log_table as log_table
    from nbtrack.tracking.fluent import log_text as log_text
    from nbtrack.tracking.fluent import progress as progress
    from nbtrack.tracking.fluent import promote as promote
    from nbtrack.tracking.fluent import promotion_requests as promotion_requests
    from nbtrack.tracking.fluent import register_model as register_model
    from nbtrack.tracking.fluent import reject as reject
    from nbtrack.tracking.fluent import rename_experiment as rename_experiment
    from nbtrack.tracking.fluent import request as request
    from nbtrack.tracking.fluent import require_approval as require_approval
    from nbtrack.tracking.fluent import restore_experiment as restore_experiment
    from nbtrack.tracking.fluent import restore_logged_model as restore_logged_model
    from nbtrack.tracking.fluent import restore_run as restore_run
    from nbtrack.tracking.fluent import rollback as rollback
    from nbtrack.tracking.fluent import search_experiments as search_experiments
    from nbtrack.tracking.fluent import search_logged_models as search_logged_models
    from nbtrack.tracking.fluent import search_model_versions as search_model_versions
    from nbtrack.tracking.fluent import search_registered_models as search_registered_models
    from nbtrack.tracking.fluent import search_runs as search_runs
    from nbtrack.tracking.fluent import set_active_model as set_active_model
    from nbtrack.tracking.fluent import set_experiment as set_experiment
    from nbtrack.tracking.fluent import set_experiment_tag as set_experiment_tag
    from nbtrack.tracking.fluent import set_experiment_tags as set_experiment_tags
    from nbtrack.tracking.fluent import set_logged_model_tags as set_logged_model_tags
    from nbtrack.tracking.fluent import set_model_version_tag as set_model_version_tag
    from nbtrack.tracking.fluent import set_registry_uri as set_registry_uri
    from nbtrack.tracking.fluent import set_tag as set_tag
    from nbtrack.tracking.fluent import set_tags as set_tags
    from nbtrack.tracking.fluent import set_tracking_uri as set_tracking_uri
    from nbtrack.tracking.fluent import slice_of as slice_of
    from nbtrack.tracking.fluent import start_run as start_run
    from nbtrack.tracking.fluent import undo as undo
    from nbtrack.tracking.fluent import version_at as version_at
    from nbtrack.tracking.images import Image as Image
    from nbtrack.tracking.system_metrics import (
        disable_system_metrics_logging as disable_system_metrics_logging,
    )
    from nbtrack.tracking.system_metrics import enable_system_metrics_logging as enable_system_metrics_logging
    from nbtrack.tracking.system_metrics import set_system_metrics_node_id as set_system_metrics_node_id
    from nbtrack.tracking.system_metrics import (
        set_system_metrics_samples_before_logging as set_system_metrics_samples_before_logging,
    )
    from nbtrack.tracking.system_metrics import (
        set_system_metrics_sampling_interval as set_system_metrics_sampling_interval,
    )

__version__ = VERSION

# Where each public name lives. They load when first used: `import nbtrack` itself costs nothing.
_HOMES = {
    "nbtrack.core.entities": "Experiment Metric Run RunStatus ViewType",
    "nbtrack.core.errors": "NbtrackError",
    "nbtrack.documents.queries": "Query",
    "nbtrack.exceptions": "MlflowException",
    "nbtrack.tracking.active_run": "ActiveRun",
    "nbtrack.core.logged_models": "LoggedModel",
    "nbtrack.tracking.active_model": "ActiveModel",
    "nbtrack.tracking.autolog.everything": "autolog",
    "nbtrack.tracking.images": "Image",
    "nbtrack.tracking.system_metrics": (
        "disable_system_metrics_logging enable_system_metrics_logging set_system_metrics_node_id "
        "set_system_metrics_samples_before_logging set_system_metrics_sampling_interval"
    ),
    "nbtrack.tracking.configurable_tracker": "Tracker",
    "nbtrack.tracking.client": "MlflowClient",
    "nbtrack.tracking.fluent": (
        "approve history lift_approval promote promotion_requests reject request require_approval rollback "
        "undo version_at compare_versions changes "
        "clear_active_model create_external_model delete_logged_model delete_logged_model_tag "
        "finalize_logged_model get_active_model_id get_logged_model initialize_logged_model "
        "last_logged_model log_model_params log_outputs restore_logged_model search_logged_models "
        "set_active_model set_logged_model_tags "
        "active_run attempts cells_of create_experiment create_run delete_experiment delete_experiment_tag "
        "delete_run delete_tag diff download_artifacts end_run flush flush_artifact_async_logging "
        "flush_async_logging get_artifact_uri get_environment get_experiment get_experiment_by_name "
        "get_metric_history get_parent_run get_registry_uri get_run get_tracking_uri is_tracking_uri_set "
        "last_active_run "
        "list_artifacts load_table log_artifact log_artifacts log_batch log_dict log_figure log_image "
        "log_input log_inputs log_metric log_metrics log_model log_param log_params log_stream "
        "log_table log_text progress register_model rename_experiment restore_experiment restore_run "
        "search_experiments search_model_versions search_registered_models search_runs set_experiment "
        "set_experiment_tag set_experiment_tags set_model_version_tag set_registry_uri set_tag "
        "set_tags set_tracking_uri slice_of start_run"
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_MODULES = (
    "artifacts",
    "data",
    "entities",
    "exceptions",
    "lightgbm",
    "keras",
    "lightning",
    "models",
    "optuna",
    "pyfunc",
    "pytorch",
    "sklearn",
    "tensorflow",
    "tracking",
    "types",
    "xgboost",
)

__all__ = ["load_ipython_extension", "unload_ipython_extension", *_MODULES, *sorted(_HOME_OF)]  # pyright: ignore[reportUnsupportedDunderAll]


def load_ipython_extension(shell: Any) -> None:
    """Add `%%track` and `%nbtrack` to a shell; IPython calls it for `%load_ext nbtrack`."""
    from nbtrack.ui.magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Remove every hook of nbtrack from a shell; IPython calls it for `%unload_ext nbtrack`."""
    from nbtrack.ui.magics import unload

    unload(shell)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"nbtrack.{name}")
    home = _HOME_OF.get(name)
    if home is None:
        from nbtrack.core.absent_names import absent  # lazy: `import nbtrack` costs nothing

        raise absent(__name__, name, __all__)
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
