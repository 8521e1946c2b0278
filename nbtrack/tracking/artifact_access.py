"""Reading artifacts of a store: by run and path, or by URI; listed, downloaded, loaded.

One place for all who read them: `Tracker`, `MlflowClient` and `nbtrack.artifacts`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from nbtrack.core.entities import FileInfo, Run
from nbtrack.core.errors import (
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
    NotFoundError,
    StoreError,
)
from nbtrack.core.names import artifact_parts, check_run_id
from nbtrack.stores.contracts import Artifacts, Store

_INCOMING = ".nbtrack-download-"


def list_artifacts(store: Store, run_id: str, path: str | None = None) -> list[FileInfo]:
    """What lies in an artifact folder of a run, one level, by name; of a file, nothing.

    Raises:
        NotFoundError: There is no such run.
        InvalidValueError: `path` would leave the run or is malformed.
    """
    return artifacts_of(store, run_id).list(_normal(path))


def download_artifacts(
    store: Store, run_id: str, path: str | None = None, dst_path: str | os.PathLike[str] | None = None
) -> str:
    """Bring an artifact, or a folder with all it holds, onto this machine.

    Args:
        store: Where the run is.
        run_id: The run.
        path: File or folder inside the run; None is all of them.
        dst_path: A folder, made when there is none; the artifact lies in it under its own name,
            without the folders above it in the run. None: as in MLflow, an artifact that lies on
            this machine already is not copied. What is returned is then the store's own file: read
            it, do not write to it.

    Returns:
        Where the file or folder lies now.

    Raises:
        NotFoundError: There is no such run, or no such artifact.
        InvalidValueError: `path` would leave the run, or a link in `dst_path` leads out of that.
        StoreError: It cannot be written; what was there before is still there.
    """
    return download(artifacts_of(store, run_id), path, dst_path)


def download(
    artifacts: Artifacts, path: str | None = None, dst_path: str | os.PathLike[str] | None = None
) -> str:
    """Bring something of given artifacts onto this machine, as `download_artifacts` does."""
    path = _normal(path)
    if dst_path is None:
        local = artifacts.local_path(path)
        if local is not None:
            return local
        from tempfile import mkdtemp  # lazy: a local store needs none

        dst_path = mkdtemp(prefix="nbtrack-")
    target = Path(dst_path).expanduser()
    try:
        return _downloaded(artifacts, path, target)
    except (StoreError, NotFoundError):
        raise
    except OSError as error:
        raise StoreError(
            f"Cannot download {path or 'the artifacts'!r} to {target}: {error.strerror}."
        ) from error


def copy_local(source: Path, dst_path: str | os.PathLike[str]) -> str:
    """Copy a file or folder of this machine into a folder, under its own name; all of it or nothing.

    Args:
        source: File or folder; links in it are copied as links.
        dst_path: A folder, made when there is none.

    Returns:
        Where the copy lies.

    Raises:
        StoreError: It cannot be read or written.
    """
    target = Path(dst_path).expanduser()
    source = source.absolute()
    import shutil  # lazy, as above
    from tempfile import mkdtemp

    try:
        _make_target(target)
        _check_stays_inside(target, source.name)
        incoming = Path(mkdtemp(prefix=_INCOMING, dir=target))
        try:
            if source.is_dir():
                shutil.copytree(source, incoming / source.name, symlinks=True)
            else:
                shutil.copy(source, incoming / source.name)
            _publish(incoming / source.name, target / source.name)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
    except StoreError:
        raise
    except (OSError, shutil.Error) as error:
        raise StoreError(f"Cannot copy {source} to {target}: {error.strerror or error}.") from error
    return str(target.absolute() / source.name)


def load_text(store: Store, run_id: str, path: str) -> str:
    """Read a text artifact of a run, in UTF-8.

    Raises:
        NotFoundError: There is no such run, or no such artifact.
        InvalidValueError: `path` would leave the run or is malformed.
    """
    return read_text(artifacts_of(store, run_id), path)


def load_dict(store: Store, run_id: str, path: str) -> Any:
    """Read an artifact of a run as `read_dict` does."""
    return read_dict(artifacts_of(store, run_id), path)


def load_image(store: Store, run_id: str, path: str) -> Any:
    """Read an artifact of a run as `read_image` does."""
    return read_image(artifacts_of(store, run_id), path)


def read_text(artifacts: Artifacts, path: str) -> str:
    """Read a text artifact, in UTF-8.

    Raises:
        NotFoundError: There is no such artifact.
        InvalidValueError: `path` is malformed.
    """
    with artifacts.open(path) as file:
        data = file.read()
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def read_dict(artifacts: Artifacts, path: str) -> Any:
    """Read an artifact of JSON, or of YAML when it ends in `.yml` or `.yaml`.

    Raises:
        NotFoundError: There is no such artifact.
        InvalidValueError: It is no JSON or YAML, or `path` is malformed.
    """
    text = read_text(artifacts, path)
    if path.lower().endswith((".yml", ".yaml")):
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InvalidValueError(f"The artifact {path!r} is no YAML: {error}.") from error
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidValueError(f"The artifact {path!r} is no JSON: {error}.") from error


def read_image(artifacts: Artifacts, path: str) -> Any:
    """Read an image artifact as a Pillow image.

    Raises:
        NotFoundError: There is no such artifact.
        InvalidValueError: It is no image, or `path` is malformed.
    """
    from PIL import Image as pillow
    from PIL import UnidentifiedImageError

    with artifacts.open(path) as file:
        try:
            image = pillow.open(file)
            image.load()
        except (UnidentifiedImageError, OSError) as error:
            raise InvalidValueError(f"The artifact {path!r} cannot be read as an image: {error}.") from error
    return image


def uri_of(run: Run, path: str | None = None) -> str:
    """The URI of an artifact of a run, or of its artifact folder; it need not exist.

    Raises:
        InvalidValueError: `path` would leave the run or is malformed.
    """
    from urllib.parse import quote

    return "/".join([run.info.artifact_uri, *map(quote, artifact_parts(path))])


def find_artifact(
    store: Store,
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
) -> tuple[str, str | None]:
    """The run and the artifact path that are meant.

    Args:
        store: Where the run is.
        artifact_uri: `runs:/<run_id>/<path>`, or the `file:` URI or absolute path of something in
            the artifact folder of a run of the store. Behind `runs:` the name of a model that was
            logged several times means the one that `LoggedModels.find_model` finds.
        run_id: The run, instead of a URI.
        artifact_path: Path inside that run; None is its root.

    Raises:
        InvalidValueError: Not exactly one of URI and run is given, or the URI is of another kind.
        NotFoundError: There is no such run.
    """
    if (artifact_uri is None) == (run_id is None):
        raise InvalidValueError("Give either artifact_uri or run_id.")
    if run_id is not None:
        return check_run_id(run_id), artifact_path
    if artifact_path is not None:
        raise InvalidValueError("artifact_path goes with run_id; an artifact_uri names the path itself.")
    if not isinstance(artifact_uri, str | os.PathLike):
        raise InvalidTypeError(f"An artifact_uri is text, got {type(artifact_uri).__name__}.")
    uri = os.fspath(artifact_uri)
    if uri.startswith("runs:/"):
        run_id, path = _parse_runs_uri(uri)
        return run_id, path and store.logged_models.find_model(run_id, path).path
    return _find_by_place(store, uri)


def _parse_runs_uri(uri: str) -> tuple[str, str | None]:
    run_id, _, path = uri.removeprefix("runs:/").partition("/")
    if not run_id:
        raise InvalidValueError(f"{uri!r} names no run. Write runs:/<run_id>/<path>.")
    return check_run_id(run_id), path or None


def _find_by_place(store: Store, uri: str) -> tuple[str, str | None]:
    """The run in whose artifact folder a `file:` URI or an absolute path lies."""
    from urllib.parse import unquote

    if uri.startswith("/"):
        given = Path(uri).as_uri()
    elif uri.startswith("file:/"):
        given = "file://" + "/" + uri.removeprefix("file:").removeprefix("//localhost").lstrip("/")
    else:
        raise InvalidValueError(
            f"{uri!r} is no URI of an artifact. Write runs:/<run_id>/<path>, "
            "or give run_id and artifact_path."
        )
    # Whatever folder an experiment keeps its artifacts in, the run's id is part of the path.
    for part in dict.fromkeys(reversed(given.split("/"))):
        try:
            root = store.runs.get(check_run_id(unquote(part))).info.artifact_uri
        except (InvalidValueError, NotFoundError):
            continue
        if unquote(given) == unquote(root) or unquote(given).startswith(unquote(root) + "/"):
            return unquote(part), unquote(given)[len(unquote(root)) + 1 :] or None
    raise InvalidValueError(f"{uri!r} lies in no artifact folder of a run of the store {store.uri}.")


def artifacts_of(store: Store, run_id: str) -> Artifacts:
    """The artifacts of a run; what autolog has still to draw or write is among them."""
    if cell_end := sys.modules.get("nbtrack.tracking.autolog.cell_end"):
        cell_end.settle(run_id)
    return store.runs.artifacts(check_run_id(run_id))


def _normal(path: str | None) -> str | None:
    return "/".join(artifact_parts(path)) or None


def _downloaded(artifacts: Artifacts, path: str | None, target: Path) -> str:
    folders, files = _tree(artifacts, path)
    _make_target(target)
    above, _, name = (path or "").rpartition("/")
    for place in (*folders, *files):
        _check_stays_inside(target, place.removeprefix(f"{above}/"))
    import shutil  # lazy, as above
    from tempfile import mkdtemp

    # All of it is here before the first of it gets its name.
    incoming = Path(mkdtemp(prefix=_INCOMING, dir=target))
    try:
        for folder in folders:
            (incoming / folder).mkdir(parents=True, exist_ok=True)
        for file in files:
            (incoming / file).parent.mkdir(parents=True, exist_ok=True)
            with artifacts.open(file) as source, open(incoming / file, "wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
        _publish(incoming / (path or ""), target / name)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return str(target.absolute() / name)


def _make_target(target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise StoreError(
            f"dst_path {str(target)!r} is no folder: a file is there, or above it. Choose another one; it is "
            "made when there is none."
        ) from None


def _publish(source: Path, target: Path) -> None:
    """Give a file or folder its name; a folder that is there already takes what lies in the new one."""
    if source.is_dir() and target.is_dir():
        for name in sorted(os.listdir(source)):
            _publish(source / name, target / name)
    else:
        os.replace(source, target)


def _tree(artifacts: Artifacts, path: str | None) -> tuple[list[str], list[str]]:
    """The folders and files that a path means, each folder before what lies in it."""
    parts = artifact_parts(path)
    level = artifacts.list("/".join(parts))
    if not level and parts:
        above = {info.path: info for info in artifacts.list("/".join(parts[:-1]))}
        if path not in above:
            raise MissingFileError("artifact", str(path), list(above))
        return ([path], []) if above[path].is_dir else ([], [path])
    folders, files = [path] if path else [], list[str]()
    waiting = list(reversed(level))
    while waiting:
        info = waiting.pop()
        artifact_parts(info.path)
        if info.is_dir:
            folders.append(info.path)
            waiting += reversed(artifacts.list(info.path))
        else:
            files.append(info.path)
    return folders, files


def _check_stays_inside(target: Path, place: str) -> None:
    """Refuse a place that links in the target folder lead out of it."""
    root = target.resolve()
    if not (root / place).parent.resolve().is_relative_to(root) or (root / place).is_symlink():
        raise InvalidValueError(
            f"{place!r} would leave {target} by a link that lies there. Remove the link, or choose "
            "another dst_path."
        )
