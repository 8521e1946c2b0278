"""Tags with a fixed meaning: MLflow's, so that its clients and imports find them, and our own."""

RUN_NAME = "mlflow.runName"
PARENT_RUN_ID = "mlflow.parentRunId"
USER = "mlflow.user"
SOURCE_NAME = "mlflow.source.name"
SOURCE_TYPE = "mlflow.source.type"
NOTE = "mlflow.note.content"
LOGGED_IMAGES = "mlflow.loggedImages"
LOGGED_ARTIFACTS = "mlflow.loggedArtifacts"
"""A JSON list of `{"path", "type": "table"}`: the tables of a run."""

LOGGED_MODELS = "mlflow.log-model.history"
"""A JSON list of the models that were logged in a run, as MLflow 2 writes it."""

EXTERNAL_MODEL = "mlflow.model.isExternal"
"""`true` on a logged model whose files are kept elsewhere."""

GIT_COMMIT = "mlflow.source.git.commit"
GIT_BRANCH = "mlflow.source.git.branch"
GIT_REPOSITORY_URL = "mlflow.source.git.repoURL"
GIT_DIRTY = "mlflow.source.git.dirty"
"""`true` when files that Git knows differ from the commit, else `false`; absent when Git did not say."""

GIT_CHANGED_FILES = "nbtrack.git.changed_files"
"""How many files that Git knows differ from the commit; absent when none does."""

ENVIRONMENT = "nbtrack.environment"
"""The digest of Python, platform and packages; the store keeps them once for all runs that share them."""

PYTHON_VERSION = "nbtrack.python_version"
"""Such as `3.13.1`."""

COMMAND = "nbtrack.command"
"""The command line that started the process, without secrets."""

WORKING_DIRECTORY = "nbtrack.working_directory"
"""Where the process worked, relative to the root of the Git repository."""

INTERRUPTED = "nbtrack.interrupted"
"""`true` on a run that a KeyboardInterrupt ended."""

ERROR = "nbtrack.error"
"""The last line of the traceback that ended the run."""

AUTOLOG_SKIPPED = "nbtrack.autolog.skipped"
"""What autolog left out of a run, and why."""

DIGEST_OF = "nbtrack.digest"
"""Tag of an input whose digest is not of all its data: of how many rows it is."""

CELL_ID = "nbtrack.cell.id"
"""The id the front end gave the tracked cell (nbformat 4.5); absent under nbclient."""

SESSION = "nbtrack.session"
"""The life of the kernel that executed the cell that made a run: names the file that lists its cells."""

CELL_NUMBER = "nbtrack.cell.number"
"""Which executed cell of that session made a run, from 1."""

LAST_CELL = "nbtrack.cell.last"
"""Which executed cell ended a run that another one had begun."""

LINEAGE = "nbtrack.lineage"
"""The runs that one tracked cell has made have this in common."""

ATTEMPT = "nbtrack.attempt"
"""Which run of its lineage a run is, from 1."""

DATA_SIZES = "nbtrack.data"
"""A JSON object: how large the data is that a tracked cell has read or made, by name."""

MARKS = "nbtrack.marks"
"""A JSON list of `{"kind", "text"}`: the honest marks of a tracked cell's run."""

NOTEBOOK = "nbtrack.notebook"
"""File name of the notebook a run was tracked in, where the front end tells it."""

SOURCE_TYPE_LOCAL = "LOCAL"
SOURCE_TYPE_NOTEBOOK = "NOTEBOOK"

_PREFIXES = ("mlflow.", "nbtrack.")


def is_system_tag(key: str) -> bool:
    """Whether a tag has a fixed meaning, so that views leave it out of the user's own."""
    return key.startswith(_PREFIXES)
