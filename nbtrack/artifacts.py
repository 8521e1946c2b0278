"""Artifacts by URI or by run: what MLflow's users call `mlflow.artifacts`.

    import nbtrack

    nbtrack.artifacts.load_text(f"runs:/{run_id}/notes/summary.txt")

An `artifact_uri` is `runs:/<run_id>/<path>`, any `models:/` URI with or without a path inside the model, or
the `file:` URI or absolute path of something in the artifact folder of a run of the store. Without a
`tracking_uri`, the store is the one that `nbtrack.log_metric` and the others use.
"""

from collections.abc import Generator
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any

from nbtrack.core.absent_names import hints_of
from nbtrack.core.entities import FileInfo
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.stores.contracts import Artifacts, Store
from nbtrack.stores.opening import open_store, store_exists
from nbtrack.tracking import artifact_access, model_uris
from nbtrack.tracking.fluent import default_tracker

__all__ = ["download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text"]

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    __getattr__ = hints_of(__name__)


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
    with _opened(tracking_uri, artifact_uri or run_id) as (store, where):
        if _is_model(artifact_uri, run_id, artifact_path):
            return str(model_uris.local_files(where, artifact_uri, dst_path))
        found, path = artifact_access.find_artifact(store, artifact_uri, run_id, artifact_path)
        return artifact_access.download_artifacts(store, found, path, dst_path)


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: Any = None,
) -> list[FileInfo]:
    """What lies in an artifact folder, one level, by name; of a file, nothing.

    The paths are those in the run, or in the model of a `models:/` URI.

    Raises:
        NotFoundError: There is no such run.
        InvalidValueError: The URI is of another kind, or not exactly one of URI and run is given.
    """
    with _opened(tracking_uri, artifact_uri or run_id) as (store, where):
        if _is_model(artifact_uri, run_id, artifact_path):
            return model_uris.list_files(where, artifact_uri)
        found, path = artifact_access.find_artifact(store, artifact_uri, run_id, artifact_path)
        return artifact_access.list_artifacts(store, found, path)


def load_text(artifact_uri: str) -> str:
    """Read a text artifact, in UTF-8.

    Raises:
        NotFoundError: There is no such run or artifact.
        InvalidValueError: The URI is of another kind.
    """
    with _opened(None, artifact_uri) as (store, where):
        return artifact_access.read_text(*_file(store, where, artifact_uri))


def load_dict(artifact_uri: str) -> Any:
    """Read an artifact of JSON, or of YAML when it ends in `.yml` or `.yaml`.

    Raises:
        NotFoundError: There is no such run or artifact.
        InvalidValueError: It is neither, or the URI is of another kind.
    """
    with _opened(None, artifact_uri) as (store, where):
        return artifact_access.read_dict(*_file(store, where, artifact_uri))


def load_image(artifact_uri: str) -> Any:
    """Read an image artifact as a Pillow image.

    Raises:
        NotFoundError: There is no such run or artifact.
        InvalidValueError: It is no image, or the URI is of another kind.
    """
    with _opened(None, artifact_uri) as (store, where):
        return artifact_access.read_image(*_file(store, where, artifact_uri))


def _is_model(artifact_uri: Any, run_id: str | None, artifact_path: str | None) -> bool:
    is_alone = run_id is None and artifact_path is None
    return is_alone and isinstance(artifact_uri, str) and artifact_uri.startswith("models:")


def _file(store: Store, where: model_uris.Where, artifact_uri: str) -> tuple[Artifacts, str]:
    """The artifacts among which a file is, and its path among them."""
    if _is_model(artifact_uri, None, None):
        artifacts, path = model_uris.files_of(model_uris.resolve_model(where, artifact_uri))
    else:
        run_id, path = artifact_access.find_artifact(store, artifact_uri)
        artifacts = artifact_access.artifacts_of(store, run_id)
    if path is None:
        raise InvalidValueError(f"{artifact_uri!r} names a run or a model, and no artifact of it.")
    return artifacts, path


@contextmanager
def _opened(tracking_uri: Any, name: str | None) -> Generator[tuple[Store, model_uris.Where]]:
    """The store, and where models are looked for."""
    if tracking_uri is None:
        store = default_tracker._store_to_read("artifact", str(name))  # pyright: ignore[reportPrivateUsage]
        yield store, default_tracker
        return
    if not store_exists(tracking_uri):
        raise NotFoundError("artifact", str(name), advice=f"There is no store at {tracking_uri}.")
    store = open_store(tracking_uri)
    try:
        yield store, store
    finally:
        store.close()
