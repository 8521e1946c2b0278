"""Artifacts by URI or by run: what MLflow's users call `mlflow.artifacts`.

    import nbtrack

    nbtrack.artifacts.load_text(f"runs:/{run_id}/notes/summary.txt")

An `artifact_uri` is `runs:/<run_id>/<path>`, or the `file:` URI or absolute path of something in the
artifact folder of a run of the store. Without a `tracking_uri`, the store is the one that
`nbtrack.log_metric` and the others use.
"""

from collections.abc import Generator
from contextlib import contextmanager
from os import PathLike
from typing import Any

from nbtrack.core.entities import FileInfo
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.stores.contracts import Store
from nbtrack.stores.opening import open_store, store_exists
from nbtrack.tracking import artifact_access
from nbtrack.tracking.fluent import default_tracker

__all__ = ["download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text"]


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | PathLike[str] | None = None,
    tracking_uri: Any = None,
) -> str:
    """Bring an artifact, or a folder with all it holds, onto this machine, and say where it lies.

    Args:
        artifact_uri: What to bring.
        run_id: The run it belongs to, instead of a URI.
        artifact_path: Path inside that run; None is all of its artifacts.
        dst_path: A folder, made when there is none; the artifact lies in it under its own name. None:
            what lies on this machine already is not copied; read the store's own file, do not write
            to it.
        tracking_uri: The store.

    Raises:
        NotFoundError: There is no such run or artifact.
        InvalidValueError: The URI is of another kind, or not exactly one of URI and run is given.
        StoreError: It cannot be written; what was there before is still there.
    """
    with _opened(tracking_uri, artifact_uri or run_id) as store:
        found, path = artifact_access.find_artifact(store, artifact_uri, run_id, artifact_path)
        return artifact_access.download_artifacts(store, found, path, dst_path)


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: Any = None,
) -> list[FileInfo]:
    """What lies in an artifact folder, one level, by name; of a file, nothing.

    Raises:
        NotFoundError: There is no such run.
        InvalidValueError: The URI is of another kind, or not exactly one of URI and run is given.
    """
    with _opened(tracking_uri, artifact_uri or run_id) as store:
        found, path = artifact_access.find_artifact(store, artifact_uri, run_id, artifact_path)
        return artifact_access.list_artifacts(store, found, path)


def load_text(artifact_uri: str) -> str:
    """Read a text artifact, in UTF-8.

    Raises:
        NotFoundError: There is no such run or artifact.
        InvalidValueError: The URI is of another kind.
    """
    with _opened(None, artifact_uri) as store:
        return artifact_access.load_text(store, *_file(store, artifact_uri))


def load_dict(artifact_uri: str) -> Any:
    """Read an artifact of JSON, or of YAML when it ends in `.yml` or `.yaml`.

    Raises:
        NotFoundError: There is no such run or artifact.
        InvalidValueError: It is neither, or the URI is of another kind.
    """
    with _opened(None, artifact_uri) as store:
        return artifact_access.load_dict(store, *_file(store, artifact_uri))


def load_image(artifact_uri: str) -> Any:
    """Read an image artifact as a Pillow image.

    Raises:
        NotFoundError: There is no such run or artifact.
        InvalidValueError: It is no image, or the URI is of another kind.
    """
    with _opened(None, artifact_uri) as store:
        return artifact_access.load_image(store, *_file(store, artifact_uri))


def _file(store: Store, artifact_uri: str) -> tuple[str, str]:
    run_id, path = artifact_access.find_artifact(store, artifact_uri)
    if path is None:
        raise InvalidValueError(f"{artifact_uri!r} names a run, and no artifact of it.")
    return run_id, path


@contextmanager
def _opened(tracking_uri: Any, name: str | None) -> Generator[Store]:
    if tracking_uri is None:
        yield default_tracker._store_to_read("artifact", str(name))  # pyright: ignore[reportPrivateUsage]
        return
    if not store_exists(tracking_uri):
        raise NotFoundError("artifact", str(name), advice=f"There is no store at {tracking_uri}.")
    store = open_store(tracking_uri)
    try:
        yield store
    finally:
        store.close()
