"""The user's list of trusted models: a file for each, named by the digest of the model's content.

In the configuration folder, beside the key. Adding and removing are one system call each, so processes
that do it at the same time lose nothing.
"""

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from nbtrack.core.errors import ConfigurationError
from nbtrack.models.safety.folder_digests import FileDigest
from nbtrack.models.safety.user_key import checked_folder, made_folder

_FOLDER = "trusted-models"
_DIGEST = re.compile(r"[0-9a-f]{64}")


class TrustedModel(NamedTuple):
    """A model whose content the user trusts."""

    digest: str
    """sha256 of its content, in hex."""
    path: str
    """Where it lay when it was trusted."""
    timestamp: int
    """Milliseconds since 1970, UTC."""


def add(digest: str, path: Path, files: Mapping[str, FileDigest]) -> None:
    """Trust whatever model has this content.

    Args:
        digest: Of all its files together.
        path: Where it lies.
        files: Its files; kept to say later what has changed.

    Raises:
        ConfigurationError: The list cannot be written, or others could write to it.
    """
    place = made_folder() / _FOLDER
    held = {name: [each.sha256, each.size] for name, each in sorted(files.items())}
    text = json.dumps(
        {"path": str(path.absolute()), "timestamp": int(time.time() * 1000), "files": held}, indent=1
    )
    temporary = place / f".{digest}-{os.urandom(8).hex()}"
    try:
        with suppress(FileExistsError):
            os.mkdir(place, 0o700)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.replace(temporary, place / digest)
    except OSError as error:
        raise ConfigurationError(f"{place} cannot be written: {error.strerror}.") from error


def remove(digest: str) -> bool:
    """Trust a content no more; says whether it was trusted.

    Raises:
        ConfigurationError: The list cannot be written, or others could write to it.
    """
    folder = checked_folder()
    if folder is None or not _DIGEST.fullmatch(digest):
        return False
    try:
        os.unlink(folder / _FOLDER / digest)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ConfigurationError(f"{folder / _FOLDER} cannot be written: {error.strerror}.") from error
    return True


def listed() -> list[TrustedModel]:
    """The trusted models, the latest first.

    Raises:
        ConfigurationError: Others could write to the list.
    """
    folder = checked_folder()
    if folder is None:
        return []
    found: list[TrustedModel] = []
    for digest in _digests(folder):
        path, timestamp = "", 0
        with suppress(OSError, ValueError, KeyError, TypeError):
            held = json.loads((folder / _FOLDER / digest).read_text(encoding="utf-8"))
            path, timestamp = str(held["path"]), int(held["timestamp"])
        found.append(TrustedModel(digest, path, timestamp))
    return sorted(found, key=lambda each: each.timestamp, reverse=True)


def files_trusted_at(path: Path) -> dict[str, FileDigest] | None:
    """What a folder held when it was last trusted, to say what has changed; None when it never was.

    Only for a sentence: whether a model is trusted is for `is_trusted`.
    """
    place = str(path.absolute())
    try:
        known = [each for each in listed() if each.path == place]
        folder = checked_folder()
    except ConfigurationError:
        return None
    if folder is None or not known:
        return None
    try:
        held = json.loads((folder / _FOLDER / known[0].digest).read_text(encoding="utf-8"))
        return {name: FileDigest(str(sha256), int(size)) for name, (sha256, size) in held["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def is_trusted(digest: str | None) -> bool:
    """Whether the user trusts this content; for None, whether any. A list that others can write is none."""
    try:
        known = _digests(checked_folder())
    except ConfigurationError:
        return False
    return bool(known) if digest is None else digest in known


def _digests(folder: Path | None) -> set[str]:
    if folder is None:
        return set()
    try:
        return {name for name in os.listdir(folder / _FOLDER) if _DIGEST.fullmatch(name)}
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise ConfigurationError(f"{folder / _FOLDER} cannot be read: {error.strerror}.") from error
