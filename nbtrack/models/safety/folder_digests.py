"""What a model folder holds, as digests: of each file, and of all of them together."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from nbtrack.core.errors import InvalidValueError
from nbtrack.models.safety.safe_files import Listing, open_inside, scan

SIGNATURE_FILE = "nbtrack.signature.json"
REGISTERED_MODEL_META = "registered_model_meta"
"""The file that says, in a download, which version of which registered model it is; as in MLflow."""
LEFT_OUT = frozenset({SIGNATURE_FILE, REGISTERED_MODEL_META})
"""Files of the topmost level that are no part of the model."""


class FileDigest(NamedTuple):
    """What a file held."""

    sha256: str
    """In hex."""
    size: int
    """Bytes."""


class HashedFile(NamedTuple):
    """A file that was hashed, and how to see that it is the same one, unchanged."""

    digest: FileDigest
    identity: tuple[int, int, int, int]


def model_files(folder: Path) -> Listing:
    """The files and folders of a model, without those that are no part of it.

    Raises:
        MissingFileError: There is no such folder.
        InvalidValueError: It holds a link, something special, or too much.
    """
    listing = scan(folder)
    return Listing(
        {name: status for name, status in listing.files.items() if name not in LEFT_OUT}, listing.folders
    )


def hash_file(folder: Path, relative: str) -> HashedFile:
    """Hash a file of a model folder, streamed.

    Raises:
        MissingFileError: It is not there any more.
        InvalidValueError: It is a link or something special, or changed while it was read.
    """
    with open_inside(folder, relative) as file:
        before = os.fstat(file.fileno())
        digest = hashlib.file_digest(cast("Any", file), "sha256").hexdigest()
        after = os.fstat(file.fileno())
    if identity_of(before) != identity_of(after):
        raise InvalidValueError(f"{relative!r} in the model folder {folder} changed while it was read.")
    return HashedFile(FileDigest(digest, after.st_size), identity_of(after))


def identity_of(status: os.stat_result) -> tuple[int, int, int, int]:
    """Which file it is, and in what state: the time of its last change cannot be set by anybody."""
    return status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns


def canonical(files: Mapping[str, FileDigest]) -> bytes:
    """The one text of a set of files with their digests; signatures and digests are of this."""
    plain = {name: [digest.sha256, digest.size] for name, digest in files.items()}
    return b"nbtrack model 1\n" + json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def content_digest(files: Mapping[str, FileDigest]) -> str:
    """One digest for all files of a model: sha256, in hex."""
    return hashlib.sha256(canonical(files)).hexdigest()
