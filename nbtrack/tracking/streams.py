"""A stream that is copied into a store, and can be copied again when the store has refused."""

import shutil
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.stores.contracts import Artifacts

_PIECE = 1 << 20
_MOST_IN_MEMORY = 16 << 20


class StreamSource:
    """What a binary stream holds from where it stands.

    It is copied straight from the stream. Only when that has failed, or when the stream cannot go
    back, it is kept: in memory, or in a temporary file if it is large.

    Raises:
        InvalidTypeError: It cannot be read, or gives text.
        InvalidValueError: It is closed, or reading it fails.
    """

    def __init__(self, stream: Any) -> None:
        if not callable(getattr(stream, "read", None)):
            raise InvalidTypeError(f"log_stream takes an open stream, got {type(stream).__name__}.")
        self._stream: Any = stream
        self._kept: IO[bytes] | None = None
        self._is_done = False
        if not isinstance(self._read(0), bytes):
            raise InvalidTypeError("log_stream takes a binary stream, this gives text: open it with 'rb'.")
        seekable = getattr(stream, "seekable", None)
        self._start: int | None = stream.tell() if callable(seekable) and seekable() else None
        if self._start is None:
            self._keep()

    def save(self, artifacts: Artifacts, path: str) -> None:
        """Publish it as an artifact; may be tried again once `keep_if_needed` was called.

        Raises:
            StoreError: The store refuses.
            InvalidValueError: `path` is no artifact path, or the stream cannot be read.
        """
        artifacts.save_bytes(path, self._copy_to)
        self.close()

    def keep_if_needed(self) -> None:
        """Unless it is saved, make sure that it can be later, when the stream may be closed."""
        if not self._is_done and self._kept is None:
            self._stream.seek(self._start)
            self._keep()

    def close(self) -> None:
        """Let go of what was kept."""
        self._is_done = True
        if self._kept is not None:
            self._kept.close()

    def _copy_to(self, file: BinaryIO) -> None:
        if self._kept is None:
            self._copy_stream(file)
        else:
            self._kept.seek(0)
            shutil.copyfileobj(self._kept, file, _PIECE)

    def _keep(self) -> None:
        self._kept = SpooledTemporaryFile(_MOST_IN_MEMORY)  # noqa: SIM115 - it lives until the last try
        self._copy_stream(self._kept)

    def _copy_stream(self, file: Any) -> None:
        while piece := self._read(_PIECE):
            file.write(piece)

    def _read(self, size: int) -> Any:
        # An error of the stream is none of the store, which would be tried again.
        try:
            return self._stream.read(size)
        except (OSError, ValueError) as error:
            raise InvalidValueError(f"The stream cannot be read: {error}") from error
