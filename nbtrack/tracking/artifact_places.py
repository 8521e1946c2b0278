"""Where artifacts lie, by the names of MLflow's inner modules that people import.

They are in `mlflow.tracking.artifact_utils` and `mlflow.store.artifact.runs_artifact_repo`; what is new
is written with `nbtrack.get_artifact_uri` and `nbtrack.artifacts`.
"""

from os import PathLike
from typing import Any

from nbtrack.core.errors import InvalidValueError
from nbtrack.tracking.artifact_access import uri_of
from nbtrack.tracking.fluent import default_tracker
from nbtrack.tracking.model_uris import local_files, parse_model_uri
from nbtrack.tracking.tracker import Tracker


def get_artifact_uri(run_id: str, artifact_path: str | None = None, tracking_uri: Any = None) -> str:
    """Where an artifact of a run lies, as a `file:` URI; None is the root of them all.

    Raises:
        NotFoundError: There is no such run.
    """
    tracker = default_tracker if tracking_uri is None else Tracker(store=tracking_uri)
    try:
        return uri_of(tracker.get_run(run_id), artifact_path)
    finally:
        if tracker is not default_tracker:
            tracker.close()


def download_artifact_from_uri(artifact_uri: str, output_path: str | PathLike[str] | None = None) -> str:
    """The path on this machine of what a URI means; see `nbtrack.artifacts.download_artifacts`."""
    return str(local_files(default_tracker, artifact_uri, output_path))


_download_artifact_from_uri = download_artifact_from_uri  # MLflow's name


class RunsArtifactRepository:
    """What `runs:/` URIs mean."""

    @staticmethod
    def get_underlying_uri(runs_uri: str, tracking_uri: Any = None) -> str:
        """Where the artifact of `runs:/<run_id>/<path>` lies.

        Raises:
            InvalidValueError: It is no such URI.
            NotFoundError: There is no such run.
        """
        parsed = parse_model_uri(runs_uri)
        if parsed.run_id is None:
            raise InvalidValueError(f"{runs_uri!r:.200} is no URI of a run. Write runs:/<run_id>/<path>.")
        return get_artifact_uri(parsed.run_id, parsed.path, tracking_uri)
