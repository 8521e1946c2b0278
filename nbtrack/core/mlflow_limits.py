"""What nbtrack takes, and how much, under the names that other libraries use of `mlflow.utils.validation`.

They cut or drop what is longer. nbtrack keeps it, so that where MLflow has a limit there is none.
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


def validate_param_and_metric_name(name: str) -> bool:
    """Whether a param or metric may be called so: by any text that is not empty."""
    return bool(name)
