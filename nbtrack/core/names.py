"""What may be a key, an id, a name or an artifact path.

User-given names never become paths of ours; artifact paths are the exception, and
`artifact_parts` is the one place that decides which of them are taken.
"""

import re
from pathlib import PurePath
from typing import Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}")
_DRIVE = re.compile(r"[A-Za-z]:")
_MAX_COMPONENT_BYTES = 255
_MAX_PATH_BYTES = 4000
_MAX_EXPERIMENT_NAME = 500


def check_key(kind: str, key: Any) -> str:
    """Check the key of a metric, param or tag: any text that is not empty.

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It is empty.
    """
    if not isinstance(key, str):
        raise InvalidTypeError(f"The key of a {kind} is text, got {type(key).__name__} {key!r}.")
    if not key:
        raise InvalidValueError(f"The key of a {kind} is empty. Give it a name.")
    return key


def check_run_id(run_id: Any) -> str:
    """Check the form of a run id (it may still name no run).

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It could never be a run id.
    """
    if not isinstance(run_id, str):
        raise InvalidTypeError(f"A run id is text, got {type(run_id).__name__} {run_id!r}.")
    if not _RUN_ID.fullmatch(run_id):
        raise InvalidValueError(f"{run_id[:80]!r} is no run id: those are letters, digits, '_' and '-'.")
    return run_id


def check_experiment_name(name: Any) -> str:
    """Check the name of an experiment: 1 to 500 characters, as in MLflow.

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It is empty, blank or too long.
    """
    if not isinstance(name, str):
        raise InvalidTypeError(f"The name of an experiment is text, got {type(name).__name__} {name!r}.")
    if not name.strip():
        raise InvalidValueError(f"The name of an experiment is empty: {name!r}.")
    if len(name) > _MAX_EXPERIMENT_NAME:
        raise InvalidValueError(
            f"The name of an experiment may have {_MAX_EXPERIMENT_NAME} characters, "
            f"this one has {len(name)}: {name[:60]!r}…"
        )
    return name


def artifact_parts(path: Any, *, kind: str = "artifact path", root: str = "run") -> tuple[str, ...]:
    """Split an artifact path into checked components; nothing given is the artifact root, `()`.

    The verdict is the same on every system, so that what one machine wrote opens on another. What
    changes no meaning is left out: `./a`, `a//b` and `a/` are `a`, `a/b` and `a`.

    Args:
        path: What was given.
        kind: What it is called in errors.
        root: What it must not leave, for errors.

    Raises:
        InvalidTypeError: It is neither text nor a path.
        InvalidValueError: It is absolute, climbs (`..`), holds a backslash, a control character or a
            drive letter, or is too long.
    """
    if isinstance(path, PurePath):
        path = path.as_posix()
    if path is None or path == "":
        return ()
    if not isinstance(path, str):
        raise InvalidTypeError(f"An {kind} is text, got {type(path).__name__} {path!r:.80}.")
    shown = repr(path if len(path) <= 80 else path[:79] + "…")
    refusal = f"The {kind} {shown} is not taken: "
    if path.startswith("/") or _DRIVE.match(path):
        raise InvalidValueError(
            f"{refusal}it is absolute. Give a path inside the {root}, such as 'plots/roc.png'."
        )
    if "\\" in path:
        raise InvalidValueError(f"{refusal}it holds a backslash. Part folders with '/'.")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        raise InvalidValueError(f"{refusal}it holds a control character.")
    try:
        whole = path.encode()
    except UnicodeEncodeError:
        raise InvalidValueError(f"{refusal}it holds half of a surrogate pair.") from None
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    for part in parts:
        if part == "..":
            raise InvalidValueError(f"{refusal}'..' would leave the {root}.")
        if len(part.encode()) > _MAX_COMPONENT_BYTES:
            raise InvalidValueError(f"{refusal}{part[:40]!r}… is longer than {_MAX_COMPONENT_BYTES} bytes.")
    if len(whole) > _MAX_PATH_BYTES:
        raise InvalidValueError(f"{refusal}it is longer than {_MAX_PATH_BYTES} bytes.")
    return parts
