"""Where a store lies: found like `.git`, made when missing, never somebody else's.

    .nbtrack/
      .gitignore        *
      documents.db      every document
      events.log        every change
      runs/<run_id>/    run.json, metrics-<writer>.log, artifacts/
      environments/     <digest>.json: what runs ran in
      schemas/          <digest>.json: long schemas of data sets
      logged_models/    <model_id>/artifacts/ of models that no run has made
      sessions/         <session_id>.jsonl: the cells that a kernel executed

Paths inside are relative, so a store may be moved and copied.
"""

import os
from pathlib import Path

from nbtrack.core.errors import ForeignStoreError, StoreError
from nbtrack.core.warn import warn_user

STORE_NAME = ".nbtrack"
DOCUMENTS, EVENTS, RUNS, ARTIFACTS, RUN_FILE = "documents.db", "events.log", "runs", "artifacts", "run.json"
ENVIRONMENTS, SCHEMAS, MODELS, SESSIONS = "environments", "schemas", "logged_models", "sessions"

_OF_MLFLOW = "mlruns"
_OURS = {
    ".gitignore",
    DOCUMENTS,
    f"{DOCUMENTS}-wal",
    f"{DOCUMENTS}-shm",
    f"{DOCUMENTS}-journal",
    EVENTS,
    RUNS,
    ENVIRONMENTS,
    SCHEMAS,
    MODELS,
    SESSIONS,
}


def find_store(start: Path) -> Path:
    """The store for work done in `start`: the nearest `.nbtrack` upwards, else `start/.nbtrack`.

    The walk stops below the home folder, at a file-system border and at folders of another user:
    what lies beyond is not this project's.
    """
    start = start.absolute()
    home = _home()
    here = start
    try:
        device, owner = os.stat(start).st_dev, os.stat(start).st_uid
        while True:
            if (here / STORE_NAME / DOCUMENTS).exists() or _runs_without_documents(here / STORE_NAME):
                return here / STORE_NAME
            above = here.parent
            if home in (above, here) or above == here:
                break
            stat = os.stat(above)
            if stat.st_dev != device or stat.st_uid != owner:
                break
            here = above
    except OSError:
        return start / STORE_NAME
    return start / STORE_NAME


def choose_folder(path: Path) -> Path:
    """The store folder that a path given by the user means.

    It is the path itself when it is a store, does not exist or is empty; the `.nbtrack` in it
    when there is one. A store that has lost its documents is one, too. Beside a folder of MLflow's, which
    is left as it is, lies ours: `mlruns.nbtrack` beside `mlruns`, also when that is gone.

    Raises:
        ForeignStoreError: It is a file, or a folder with other things in it.
    """
    path = path.absolute()
    beside = path.parent / f"{path.name}{STORE_NAME}"
    try:
        if (path / DOCUMENTS).exists():
            return path
        if not path.exists():
            return beside if path.name == _OF_MLFLOW and (beside / DOCUMENTS).exists() else path
        if not path.is_dir():
            raise ForeignStoreError(
                f"{path} is a file; a store is a folder. Give a folder, or sqlite:///{path} to keep "
                "the store beside it."
            )
        if (path / STORE_NAME / DOCUMENTS).exists() or _runs_without_documents(path / STORE_NAME):
            return path / STORE_NAME
        found = sorted(os.listdir(path))
    except OSError as error:
        if isinstance(error, ForeignStoreError):
            raise
        raise StoreError(f"Cannot look into {path}: {error.strerror}. Check its permissions.") from error
    # A database that another process is making at this moment, or did not live to finish.
    strangers = [name for name in found if name not in _OURS and not name.startswith(f".{DOCUMENTS}.")]
    if not strangers:
        return path
    if _is_of_mlflow(path, strangers):
        warn_user(
            f"{path} is MLflow's, and is left as it is: nbtrack keeps its runs in {beside} and does not show "
            "those of MLflow.",
            UserWarning,
        )
        return choose_folder(beside)
    raise ForeignStoreError(
        f"{path} is not a store of nbtrack: it holds {', '.join(map(repr, strangers[:3]))}. "
        f"Give a new or empty folder, such as {path / STORE_NAME}."
    )


def _is_of_mlflow(path: Path, names: list[str]) -> bool:
    """Whether all in a folder is what MLflow makes: experiments by number, its bin, its models.

    In one that has MLflow's own name, something of the user's may lie beside an experiment.
    """
    rest = [name for name in names if name != "models"]
    numbers = [name for name in rest if name.isdecimal()]
    if path.name == _OF_MLFLOW and any((path / name / "meta.yaml").is_file() for name in numbers):
        return True
    if any(name not in numbers and name != ".trash" for name in rest):
        return False
    return bool(rest or path.name == _OF_MLFLOW) and all((path / name).is_dir() for name in names)


def stores_beside(folder: Path) -> list[Path]:
    """Other stores in the folder that holds a store, or would: those that code written for MLflow makes."""
    found = [*folder.parent.glob(f"*{STORE_NAME}"), folder.parent / _OF_MLFLOW]
    return sorted(path for path in found if path != folder and has_documents(path))


def local_path(uri: str) -> Path:
    """The path behind a `file:` URI that names no other host."""
    from urllib.parse import unquote, urlsplit  # lazy: 5 ms that few stores need

    return Path(unquote(urlsplit(uri).path))


def is_store(folder: Path) -> bool:
    """Whether a store has been made in a folder.

    Raises:
        StoreError: It has lost its documents.
    """
    if has_documents(folder):
        return True
    check_not_lost(folder)
    return (folder / DOCUMENTS).exists()


def has_documents(folder: Path) -> bool:
    """Whether a folder has a database with something in it."""
    try:
        return os.stat(folder / DOCUMENTS).st_size > 0
    except OSError:
        return False


def check_not_lost(folder: Path) -> None:
    """Refuse a folder with runs and no documents: a new database would hide that they are lost.

    Raises:
        StoreError: It is one.
    """
    if count := _runs_without_documents(folder):
        state = "is empty" if (folder / DOCUMENTS).exists() else "is missing"
        raise StoreError(
            f"The store {folder} has lost its {DOCUMENTS}, which {state}: there are {count:,} run folders in "
            f"{folder / RUNS}. Nothing was changed. Put {DOCUMENTS} back from a copy, or move the "
            "folder away to begin a new store."
        )


def _runs_without_documents(folder: Path) -> int:
    """How many run folders there are in a folder without documents; 0 where there are documents."""
    if has_documents(folder):
        return 0
    try:
        with os.scandir(folder / RUNS) as entries:
            count = len([entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")])
    except OSError:
        return 0
    # A run comes after the database: another process may have made both meanwhile.
    return 0 if has_documents(folder) else count


def holds_store(folder: Path) -> bool:
    """Whether a folder looks like a store, whoever made it."""
    return (folder / DOCUMENTS).is_file() and (folder / RUNS).is_dir()


def make_folder(folder: Path) -> None:
    """Make the folders of a store where they are missing; many processes may do so at once.

    Raises:
        StoreError: It cannot be made or written.
    """
    try:
        (folder / RUNS).mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise StoreError(
            f"Cannot make a store in {folder}: {error.strerror}. Choose a folder that you may write "
            "with nbtrack.set_tracking_uri(...) or NBTRACK_TRACKING_URI."
        ) from error


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None
