"""A file that is only read forwards, in small reads, and only so much of it: for readers of headers."""

import io
from typing import Any

_MOST_AT_ONCE = 1 << 20


class ForwardLimitError(Exception):
    """What was asked for is refused; the text is the end of a sentence."""


class ForwardFile:
    """A file as `tarfile` wants it, which cannot be made to fill the memory or to go on for ever.

    Args:
        file: What to read.
        most: Bytes that are read in all.
    """

    def __init__(self, file: Any, most: int) -> None:
        self._file = file
        self._most = most
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """Read; what a header says of its own length would be read into memory at once."""
        if not 0 <= size <= _MOST_AT_ONCE:
            raise ForwardLimitError("a header says that it is larger than 1 MB")
        data: bytes = self._file.read(size)
        self._position += len(data)
        if self._position > self._most:
            raise ForwardLimitError("it is too large for what it is packed into")
        return data

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        """Pass over what lies before a position."""
        if whence != io.SEEK_SET or position < self._position:
            raise ForwardLimitError("its headers lead backwards")
        while self._position < position and self.read(min(_MOST_AT_ONCE, position - self._position)):
            pass
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position
