"""What nbtrack takes, how much, and what it gives at once, under the names that other libraries use.

They are in `mlflow.utils.validation`, `mlflow.store.tracking` and `mlflow.store.model_registry`. Libraries
cut or drop what is longer than a limit; nbtrack keeps it, so that most of MLflow's limits are none here.
"""

import sys

MAX_PARAMS_TAGS_PER_BATCH = 100
"""How many others hand over at once; MLflow's number, which costs nothing here."""

MAX_METRICS_PER_BATCH = 1000
MAX_ENTITIES_PER_BATCH = 1000
MAX_DATASETS_PER_BATCH = 1000

MAX_PARAM_VAL_LENGTH = sys.maxsize
MAX_TAG_VAL_LENGTH = sys.maxsize
MAX_EXPERIMENT_TAG_VAL_LENGTH = sys.maxsize
MAX_ENTITY_KEY_LENGTH = sys.maxsize
MAX_EXPERIMENT_TAG_KEY_LENGTH = sys.maxsize
MAX_MODEL_REGISTRY_TAG_KEY_LENGTH = 250
MAX_MODEL_REGISTRY_TAG_VALUE_LENGTH = 100_000
MAX_EXPERIMENT_NAME_LENGTH = 500
MAX_REGISTERED_MODEL_ALIAS_LENGTH = 255

SEARCH_MAX_RESULTS_DEFAULT = 1000
"""How many runs or experiments a page has when nobody says so."""

SEARCH_MAX_RESULTS_THRESHOLD = 50_000
SEARCH_LOGGED_MODEL_MAX_RESULTS_DEFAULT = 100
SEARCH_REGISTERED_MODEL_MAX_RESULTS_DEFAULT = 100
SEARCH_REGISTERED_MODEL_MAX_RESULTS_THRESHOLD = 1000
SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT = 10_000
SEARCH_MODEL_VERSION_MAX_RESULTS_THRESHOLD = 200_000


def validate_param_and_metric_name(name: str) -> bool:
    """Whether a param or metric may be called so: by any text that is not empty."""
    return bool(name)
