"""From a tracking URI to an open store; the one place that names the back ends."""

from pathlib import Path
from typing import Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.warn import warn_user
from nbtrack.stores.contracts import Artifacts, Store
from nbtrack.stores.local.artifacts import RunArtifacts
from nbtrack.stores.local.folder import choose_folder, find_store, is_store, stores_beside
from nbtrack.stores.local.store import LocalStore

_SQLITE_HEADER = b"SQLite format 3\0"
_WORDS_OF_SERVERS = frozenset({"databricks", "databricks-uc", "uc"})
"""Those that mean a server to MLflow without `://`; with a colon, a profile of it follows."""
_WITHOUT_SERVER = (
    "Leave it out, and the nearest .nbtrack is used, or give a folder, such as './.nbtrack'; "
    "docs/mlflow.md says what comes later."
)


def store_folder(uri: Any = None) -> Path:
    """The store folder that a tracking URI means.

    Args:
        uri: A folder (text or Path), a `file:` URI, or `sqlite:///d/x.db`, which means the folder
            `d/x.nbtrack`. None is the nearest `.nbtrack` from the working directory upwards, else
            a new one there.

    Raises:
        InvalidValueError: It is no tracking URI that this nbtrack knows.
        ForeignStoreError: Something else lives there.
    """
    if uri is None:
        return find_store(Path.cwd())
    if isinstance(uri, Path):
        return choose_folder(uri.expanduser())
    if not isinstance(uri, str):
        raise InvalidTypeError(f"A tracking URI is text or a Path, got {type(uri).__name__} {uri!r}.")
    if not uri.strip() or "\0" in uri:
        raise InvalidValueError(f"{uri!r} is no tracking URI. Give a folder, such as './.nbtrack'.")
    scheme = uri.partition(":")[0].lower() if ":" in uri else ""
    if scheme == "file":
        return choose_folder(_file_path(uri))
    if scheme == "sqlite":
        return choose_folder(_beside_database(uri))
    # One letter is a drive of Windows.
    if len(scheme) > 1 and "://" in uri:
        raise InvalidValueError(
            f"nbtrack cannot keep runs at {_without_password(uri)!r} yet: it knows folders, file: and "
            f"sqlite:/// URIs. {_WITHOUT_SERVER}"
        )
    if (scheme or uri.strip()) in _WORDS_OF_SERVERS:
        raise InvalidValueError(
            f"{uri!r} is MLflow's word for a server, which nbtrack cannot use yet; a folder of that name is "
            f"{'./' + uri.strip()!r}. {_WITHOUT_SERVER}"
        )
    return choose_folder(Path(uri).expanduser())


def store_exists(uri: Any = None) -> bool:
    """Whether there is a store already where a tracking URI points.

    Raises:
        NbtrackError: See `store_folder`.
    """
    return is_store(store_folder(uri))


def other_stores(uri: Any = None) -> list[str]:
    """Tracking URIs of stores that lie beside the one that a tracking URI means.

    Raises:
        NbtrackError: See `store_folder`.
    """
    return [str(path) for path in stores_beside(store_folder(uri))]


def open_store(uri: Any = None) -> Store:
    """Open the store that a tracking URI means, making it when there is none.

    Raises:
        NbtrackError: See `store_folder` and `LocalStore`.
    """
    return LocalStore(store_folder(uri))


def open_folder(folder: Path) -> Artifacts:
    """Any folder of this machine, read as artifacts are: no link in it leads out."""
    return RunArtifacts(folder)


def _file_path(uri: str) -> Path:
    from urllib.parse import unquote, urlsplit  # lazy: 5 ms that a plain folder does not need

    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise InvalidValueError(
            f"{uri!r} names the host {parts.netloc!r}; a store lies on this machine: file:///folder."
        )
    if parts.query or parts.fragment:
        raise InvalidValueError(
            f"{uri!r} holds '?' or '#'. Write them as %3F and %23 if they belong to the path."
        )
    if not parts.path:
        raise InvalidValueError(f"{uri!r} names no folder. Give one: file:///home/me/project/.nbtrack.")
    return Path(unquote(parts.path))


def _beside_database(uri: str) -> Path:
    from urllib.parse import unquote  # lazy, as above

    if not uri.lower().startswith("sqlite:///") or not (
        text := unquote(uri[len("sqlite:///") :]).partition("?")[0]
    ):
        raise InvalidValueError(
            f"{uri!r} names no file. Write sqlite:///relative.db or sqlite:////absolute.db."
        )
    if text == ":memory:":
        raise InvalidValueError("nbtrack keeps no store in memory, where runs would be lost. Give a folder.")
    path = Path(text)
    folder = path.with_suffix(".nbtrack") if path.suffix else path.with_name(path.name + ".nbtrack")
    if _is_database(path):
        warn_user(
            f"{path} is left as it is: nbtrack keeps its runs in {folder} and does not show those in the "
            "database.",
            UserWarning,
        )
    return folder


def _is_database(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER
    except OSError:
        return False


def _without_password(uri: str) -> str:
    """The URI as it may be shown: without user and password."""
    scheme, _, rest = uri.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
