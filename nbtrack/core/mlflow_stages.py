"""The stages of model versions, as in `mlflow.entities.model_registry.model_version_stages`."""

from nbtrack.core.registry import ModelVersionStages

STAGE_NONE = ModelVersionStages.NONE
STAGE_STAGING = ModelVersionStages.STAGING
STAGE_PRODUCTION = ModelVersionStages.PRODUCTION
STAGE_ARCHIVED = ModelVersionStages.ARCHIVED
ALL_STAGES = list(ModelVersionStages.ALL)
DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS = list(ModelVersionStages.ACTIVE)

get_canonical_stage = ModelVersionStages.canonical
