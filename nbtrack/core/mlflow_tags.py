"""MLflow's names for the tags with a fixed meaning, as in `mlflow.utils.mlflow_tags`."""

from nbtrack.core import system_tags

MLFLOW_EXPERIMENT_SOURCE_ID = "mlflow.experiment.sourceId"
MLFLOW_EXPERIMENT_SOURCE_TYPE = "mlflow.experiment.sourceType"
MLFLOW_RUN_NAME = system_tags.RUN_NAME
MLFLOW_RUN_NOTE = system_tags.NOTE
MLFLOW_PARENT_RUN_ID = system_tags.PARENT_RUN_ID
MLFLOW_ARTIFACT_LOCATION = "mlflow.artifactLocation"
MLFLOW_USER = system_tags.USER
MLFLOW_SOURCE_TYPE = system_tags.SOURCE_TYPE
MLFLOW_SOURCE_NAME = system_tags.SOURCE_NAME
MLFLOW_GIT_COMMIT = system_tags.GIT_COMMIT
MLFLOW_GIT_BRANCH = system_tags.GIT_BRANCH
MLFLOW_GIT_DIRTY = system_tags.GIT_DIRTY
MLFLOW_GIT_REPO_URL = system_tags.GIT_REPOSITORY_URL
MLFLOW_GIT_DIFF = "mlflow.source.git.diff"
MLFLOW_LOGGED_MODELS = system_tags.LOGGED_MODELS
MLFLOW_MODEL_IS_EXTERNAL = system_tags.EXTERNAL_MODEL
MLFLOW_MODEL_VERSIONS = "mlflow.modelVersions"
MLFLOW_PROJECT_ENV = "mlflow.project.env"
MLFLOW_PROJECT_ENTRY_POINT = "mlflow.project.entryPoint"
MLFLOW_DOCKER_IMAGE_URI = "mlflow.docker.image.uri"
MLFLOW_DOCKER_IMAGE_ID = "mlflow.docker.image.id"
MLFLOW_AUTOLOGGING = "mlflow.autologging"
MLFLOW_LOGGED_ARTIFACTS = system_tags.LOGGED_ARTIFACTS
MLFLOW_LOGGED_IMAGES = system_tags.LOGGED_IMAGES
MLFLOW_RUN_SOURCE_TYPE = "mlflow.runSourceType"
MLFLOW_DATASET_CONTEXT = "mlflow.data.context"
MLFLOW_PROJECT_BACKEND = "mlflow.project.backend"
MLFLOW_EXPERIMENT_PRIMARY_METRIC_NAME = "mlflow.experiment.primaryMetric.name"
MLFLOW_EXPERIMENT_PRIMARY_METRIC_GREATER_IS_BETTER = "mlflow.experiment.primaryMetric.greaterIsBetter"
LATEST_CHECKPOINT_ARTIFACT_TAG_KEY = "mlflow.latest_checkpoint_artifact"
