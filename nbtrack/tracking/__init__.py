"""The verbs: the fluent functions, `Tracker`, `MlflowClient` and the run object."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrack.tracking.client import MlflowClient as MlflowClient
    from nbtrack.tracking.configurable_tracker import Tracker as Tracker
    from nbtrack.tracking.fluent import get_registry_uri as get_registry_uri
    from nbtrack.tracking.fluent import get_tracking_uri as get_tracking_uri
    from nbtrack.tracking.fluent import is_tracking_uri_set as is_tracking_uri_set
    from nbtrack.tracking.fluent import set_registry_uri as set_registry_uri
    from nbtrack.tracking.fluent import set_tracking_uri as set_tracking_uri

# What MLflow's users import from here; it loads when first used.
_HOME_OF = {
    "MlflowClient": "nbtrack.tracking.client",
    "Tracker": "nbtrack.tracking.configurable_tracker",
    "get_tracking_uri": "nbtrack.tracking.fluent",
    "is_tracking_uri_set": "nbtrack.tracking.fluent",
    "get_registry_uri": "nbtrack.tracking.fluent",
    "set_registry_uri": "nbtrack.tracking.fluent",
    "set_tracking_uri": "nbtrack.tracking.fluent",
}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        from nbtrack.core.absent_names import absent  # lazy: it is wanted only when something went wrong

        raise absent(__name__, name, _HOME_OF, import_module("nbtrack").__all__)
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
