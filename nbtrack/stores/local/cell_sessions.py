"""The cells that kernels executed: an append-only file for each life of a kernel.

    sessions/<session_id>.jsonl

A line says what has become known of one cell; a later line of the same number adds to it. One append
is one write, so that what was appended survives the death of the process. Only one process writes to
a session, and any number may read meanwhile; a torn line is left out.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from nbtrack.core.cells import CellStatus, ExecutedCell
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NotFoundError, StoreError
from nbtrack.stores.local.folder import SESSIONS

_SESSION_ID = re.compile(r"[0-9a-f]{32}")
_FIELDS = frozenset(ExecutedCell.__dataclass_fields__)
# Halves of surrogates are what a notebook may well hold.
_ENCODING, _ODD_SIGNS = "utf-8", "surrogatepass"


class LocalCellSessions:
    """Keeps and reads the sessions of one store.

    Args:
        home: The store folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = str(home / SESSIONS)

    def append(self, session_id: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Keep what has become known of cells.

        Args:
            session_id: 32 hex digits; a new one begins a session.
            records: Fields of `ExecutedCell`, JSON values. `number` says of which cell; what was kept of
                it before stays, unless it is here again. `source_of`, the number of an earlier cell,
                stands for a `source` that is the same.

        Raises:
            InvalidValueError: It is no session id, or a record has no number.
            StoreError: It cannot be written, or the store is gone.
        """
        if not isinstance(session_id, str) or not _SESSION_ID.fullmatch(session_id):
            raise InvalidValueError(f"A session id has 32 hex digits, got {session_id!r:.80}.")
        if not records:
            return
        lines = b"".join(map(_line_of, records))
        path = self._path(session_id)
        try:
            self._write(path, lines)
        except OSError as error:
            raise StoreError(f"Cannot write {path}: {error.strerror}.") from error

    def read(self, session_id: str) -> list[ExecutedCell]:
        """The cells of a session by their numbers, as far as is known.

        Raises:
            NotFoundError: There is no such session.
            StoreError: It cannot be read.
        """
        if not isinstance(session_id, str) or not _SESSION_ID.fullmatch(session_id):
            raise NotFoundError("session", str(session_id)[:80], advice="A session id has 32 hex digits.")
        path = self._path(session_id)
        try:
            with open(path, "rb") as file:
                # What is behind the last line break is being written, or was torn.
                lines = file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            advice = f"It was looked for in {self._home}."
            raise NotFoundError("session", session_id, advice=advice) from None
        except OSError as error:
            raise StoreError(f"Cannot read {path}: {error.strerror}.") from error
        held: dict[int, dict[str, Any]] = {}
        for line in lines:
            record = _record_in(line)
            if record is None:
                continue
            same = record.pop("source_of", None)
            if isinstance(same, int) and same in held:
                record["source"] = held[same].get("source", "")
            held.setdefault(record["number"], {}).update(
                (key, value) for key, value in record.items() if key in _FIELDS
            )
        found = [_cell_of(held[number]) for number in sorted(held)]
        return [cell for cell in found if cell is not None]

    def _path(self, session_id: str) -> str:
        return os.path.join(self._folder, f"{session_id}.jsonl")

    def _write(self, path: str, lines: bytes) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:
            with suppress(FileExistsError):
                os.mkdir(self._folder, 0o700)  # never its parents: a store that was deleted stays deleted
            descriptor = os.open(path, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and _last_byte(descriptor, size) != b"\n":
                lines = b"\n" + lines  # the disk was full, and took only a part of the last line
            if os.write(descriptor, lines) != len(lines):
                raise OSError(0, "the disk took only a part of it")
        finally:
            os.close(descriptor)


def _last_byte(descriptor: int, size: int) -> bytes:
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1)


def _line_of(record: Mapping[str, Any]) -> bytes:
    if not _is_number(record.get("number")):
        raise InvalidValueError(f"A record of a cell has a number from 1, got {record.get('number')!r:.80}.")
    try:
        text = json.dumps(dict(record), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidTypeError(f"JSON has no form for this record of a cell: {error}.") from error
    return text.encode(_ENCODING, _ODD_SIGNS) + b"\n"


def _record_in(line: bytes) -> dict[str, Any] | None:
    """What a line says; None when it is torn, or none of ours."""
    try:
        found: Any = json.loads(line.decode(_ENCODING, _ODD_SIGNS))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not _is_number(cast("dict[str, Any]", found).get("number")):
        return None
    return cast("dict[str, Any]", found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _cell_of(held: dict[str, Any]) -> ExecutedCell | None:
    """The cell; None when the line with its source was torn."""
    if not isinstance(held.get("source"), str):
        return None
    cell = ExecutedCell(**held)
    return cell if cell.status in CellStatus.ALL else None
