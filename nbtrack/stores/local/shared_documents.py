"""Documents that many runs share, kept once: what runs ran in, and the schemas of their data.

    environments/<digest>.json
    schemas/<digest>.json

The name is the SHA-256 of what the file holds, so a file never changes, and stores can be merged
by copying.
"""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, NotFoundError, StoreError

_DIGEST = re.compile(r"[0-9a-f]{64}")


class SharedDocuments:
    """Keeps and reads the shared documents of one kind.

    Args:
        home: The store folder.
        folder: Name of the folder in it that holds them.
        kind: What they are; errors say it.
    """

    def __init__(self, home: Path, folder: str, kind: str) -> None:
        self._home = home
        self._folder = str(home / folder)
        self._kind = kind

    def save(self, document: Mapping[str, Any]) -> str:
        """Keep a document, unless it is kept already.

        Args:
            document: JSON values; the order of keys does not matter.

        Returns:
            Its digest: 64 hex digits.

        Raises:
            InvalidTypeError: JSON has no form for something in it.
            StoreError: It cannot be written, or the store is gone.
        """
        text = self._canonical(document)
        digest = _digest_of(text)
        path = os.path.join(self._folder, f"{digest}.json")
        try:
            # A file of another length was torn by a power cut, and is written anew.
            if os.stat(path).st_size == len(text):
                return digest
        except OSError:
            pass
        temporary = f"{path}.{os.urandom(4).hex()}"
        try:
            with suppress(FileExistsError):
                os.mkdir(self._folder, 0o700)  # never its parents: a store that was deleted stays deleted
            with open(temporary, "wb", buffering=0, opener=_only_for_owner) as file:
                file.write(text)
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            with suppress(OSError):
                os.unlink(temporary)
            raise StoreError(f"Cannot write {path}: {error.strerror}.") from error
        return digest

    def get(self, digest: str) -> dict[str, Any]:
        """Read a document.

        Raises:
            NotFoundError: There is none of that digest.
            StoreError: It cannot be read, or is damaged.
        """
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise NotFoundError(self._kind, str(digest)[:80], advice="A digest has 64 hex digits.")
        path = os.path.join(self._folder, f"{digest}.json")
        try:
            with open(path, "rb") as file:
                text = file.read()
        except FileNotFoundError:
            raise NotFoundError(self._kind, digest, advice=f"It was looked for in {self._home}.") from None
        except OSError as error:
            raise StoreError(f"Cannot read {path}: {error.strerror}.") from error
        if _digest_of(text) != digest:
            raise StoreError(f"{path} is damaged: what it holds is not what its name says.")
        return cast("dict[str, Any]", json.loads(text))

    def _canonical(self, document: Mapping[str, Any]) -> bytes:
        try:
            text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidTypeError(f"JSON has no form for this {self._kind}: {error}.") from error
        return text.encode("utf-8", "backslashreplace") + b"\n"


def _digest_of(text: bytes) -> str:
    from hashlib import sha256  # lazy: 2 ms that few calls need

    return sha256(text).hexdigest()


def _only_for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
