"""The history of a shell: every cell that was executed in it, from the first one on.

It becomes part of a store with the first run that begins in a cell; from then on each cell is written
before it runs and when it has run, so that a kernel that is killed leaves the truth. A shell has one
history, and a restarted kernel is another shell.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import time_ns
from typing import Any
from weakref import WeakKeyDictionary

from nbtrack.core import system_tags
from nbtrack.core.cells import CellStatus, ExecutedCell
from nbtrack.core.errors import NbtrackError, NotFoundError
from nbtrack.stores.contracts import CellSessions, Store
from nbtrack.ui.cells.stopping import is_interrupt, stopped_at
from nbtrack.ui.cells.tracked_cell import TrackedCell
from nbtrack.ui.output import say

_MOST_CELLS = 20_000
_MOST_LETTERS = 64_000_000


class SessionHistory:
    """Numbers and keeps the cells that one shell executes; cells inside cells are not counted."""

    def __init__(self) -> None:
        self.session_id = os.urandom(16).hex()
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._cells: list[ExecutedCell] = []
        self._letters = 0
        self._last = 0
        self._seen = 0
        """How many entries of `In` are known; the first one is no cell."""
        self._sources: dict[str, str] = {}
        """Texts of cells: a cell that is executed a thousand times has one."""
        self._running: dict[int, ExecutedCell] = {}
        """The cell that each thread runs: those of subshells run beside the main one."""
        self._kept_in: dict[str, _Kept] = {}
        self.forgotten = 0
        """How many of the first cells are known no more: there were too many for the memory."""

    def begin(self, cell: TrackedCell) -> ExecutedCell:
        """A cell is about to run."""
        with self._lock:
            number = self._number_of(cell.shell, cell.info)
            executed = ExecutedCell(
                number, self._text(cell.code), cell.cell_id, CellStatus.RUNNING, time_ns() // 1_000_000
            )
            self._add(executed)
            self._running[threading.get_ident()] = executed
        self._write([executed])
        return executed

    def end(self, cell: TrackedCell) -> ExecutedCell:
        """It has run; `cell.error` says how."""
        begun, error = cell.executed, cell.error
        if begun is None:
            raise ValueError("The cell has not begun.")
        status, line = CellStatus.OK, None
        if error is not None:
            status = CellStatus.INTERRUPTED if is_interrupt(error) else CellStatus.FAILED
            line = stopped_at(error, cell.shell, cell.code)
        ended = replace(begun, status=status, end_time=time_ns() // 1_000_000, stopped_at=line)
        try:
            ended = _with_facts(ended, cell.shell.user_ns)
        except Exception as failure:  # noqa: BLE001 - how the cell ended is worth more
            say(f"What the cell did is not kept. {type(failure).__name__}: {failure}")
        with self._lock:
            self._running.pop(threading.get_ident(), None)
            for index in reversed(range(len(self._cells))):
                if self._cells[index].number == ended.number:
                    self._cells[index] = ended
                    break
        self._write([ended], known=begun)
        return ended

    def cells(self) -> list[ExecutedCell]:
        """All cells so far, in the order in which they were executed."""
        with self._lock:
            held = list(self._cells)
        if self.forgotten:
            for kept in list(self._kept_in.values()):
                with suppress(NbtrackError):
                    first = held[0].number if held else self._last + 1
                    written = kept.sessions.read(self.session_id)
                    return [*(cell for cell in written if cell.number < first), *held]
        return held

    def run_tags(self, store: Store | None) -> Mapping[str, str]:
        """What a run that begins now has to say of the cell that begins it; nothing between two cells.

        Args:
            store: Where the run will be; the history is written there. None: it is not known yet.
        """
        # A process that was forked in a cell is none that executes cells.
        if os.getpid() != self._process:
            return {}
        running = self._running.get(threading.get_ident())
        if running is None:
            others = list(self._running.values())
            if len(others) != 1:
                return {}
            (running,) = others  # the work of a thread that the cell has started
        if store is not None:
            try:
                self._keep_in(store)
            except Exception as error:  # noqa: BLE001 - the run begins, whatever becomes of its history
                say(f"The history of the cells is not kept. {type(error).__name__}: {error}")
        tags = {system_tags.SESSION: self.session_id, system_tags.CELL_NUMBER: str(running.number)}
        return {**tags, system_tags.CELL_ID: running.cell_id} if running.cell_id else tags

    def _number_of(self, shell: Any, info: Any) -> int:
        """As IPython counts (`In [7]` is 7), and always more than the last."""
        # A cell that is not kept in `In` has no number of IPython's.
        is_kept = bool(getattr(info, "store_history", False))
        following: int = shell.execution_count - is_kept
        self._catch_up(shell, following)
        self._seen += is_kept
        self._last = max(following if is_kept else 0, self._last + 1)
        return self._last

    def _catch_up(self, shell: Any, following: int) -> None:
        """Learn of the cells that were executed while nobody looked, such as before `%load_ext`."""
        manager = getattr(shell, "history_manager", None)
        inputs: Sequence[str] = getattr(manager, "input_hist_raw", None) or [""]
        # It knows which cells failed, and not where.
        failed: Mapping[int, Any] | None = getattr(manager, "exceptions", None)
        missed = inputs[max(self._seen, 1) :]
        self._seen = len(inputs)
        for number, source in enumerate(missed, start=following - len(missed)):
            if source.strip() and number > self._last:
                self._last = number
                is_fine = failed is not None and number not in failed
                status = CellStatus.OK if is_fine else CellStatus.UNKNOWN
                self._add(ExecutedCell(number, self._text(source), status=status))

    def _text(self, source: str) -> str:
        from nbtrack.core.code_secrets import redact_code  # lazy: `%load_ext` need not wait for it

        text, _ = redact_code(source)
        if text not in self._sources:
            self._sources[text] = text
            self._letters += len(text)
        return self._sources[text]

    def _add(self, executed: ExecutedCell) -> None:
        self._cells.append(executed)
        if len(self._cells) > _MOST_CELLS or self._letters > _MOST_LETTERS:
            given_up, self._cells = _halves(self._cells)
            self.forgotten += len(given_up)
            self._sources = {cell.source: cell.source for cell in self._cells}
            self._letters = sum(map(len, self._sources))

    def _keep_in(self, store: Store) -> None:
        sessions = store.cell_sessions
        with self._lock:
            kept = self._kept_in.get(store.uri)
            if kept is not None and kept.sessions is sessions:
                return
            if kept is not None and _has(sessions, self.session_id):
                kept.sessions = sessions  # the same store, opened again
                return
            kept = _Kept(sessions)
            kept.write(self.session_id, [(cell, None) for cell in self._cells])
            self._kept_in[store.uri] = kept

    def _write(self, cells: Sequence[ExecutedCell], known: ExecutedCell | None = None) -> None:
        if not self._kept_in or os.getpid() != self._process:
            return
        with self._lock:
            for uri, kept in list(self._kept_in.items()):
                try:
                    kept.write(self.session_id, [(cell, known) for cell in cells])
                except NbtrackError:
                    del self._kept_in[uri]  # said once, not below each cell
                    raise


class _Kept:
    """What one store knows of the session."""

    def __init__(self, sessions: CellSessions) -> None:
        self.sessions = sessions
        self._numbers: dict[str, int] = {}
        """The cell that a text was written with."""

    def write(self, session_id: str, cells: Sequence[tuple[ExecutedCell, ExecutedCell | None]]) -> None:
        """Write cells; of one that was written before, only what is new."""
        records: list[dict[str, Any]] = []
        for cell, known in cells:
            before = (known or ExecutedCell(0, "")).to_dictionary()
            record = {key: value for key, value in cell.to_dictionary().items() if value != before[key]}
            record["number"] = cell.number
            if "source" in record or known is None:
                first = self._numbers.setdefault(cell.source, cell.number)
                record |= {"source": cell.source}
                if first != cell.number:
                    del record["source"]
                    record["source_of"] = first
            records.append(record)
        self.sessions.append(session_id, records)


def history_of(shell: Any) -> SessionHistory:
    """The history of a shell, begun when nobody has asked for it yet."""
    found = _histories.get(shell)
    if found is None:
        found = _histories[shell] = SessionHistory()
    return found


_histories: "WeakKeyDictionary[Any, SessionHistory]" = WeakKeyDictionary()


def _with_facts(ended: ExecutedCell, namespace: Mapping[str, Any]) -> ExecutedCell:
    from nbtrack.tracking.cells.facts import facts_of  # lazy: `%load_ext` need not wait for it
    from nbtrack.tracking.cells.reading import effects_of

    kinds, aliases = facts_of(namespace, effects_of(ended.source).touched)
    return replace(ended, kinds=kinds, aliases=aliases)


def _has(sessions: CellSessions, session_id: str) -> bool:
    try:
        sessions.read(session_id)
    except NotFoundError:
        return False
    return True


def _halves(cells: list[ExecutedCell]) -> tuple[list[ExecutedCell], list[ExecutedCell]]:
    middle = len(cells) // 2
    return cells[:middle], cells[middle:]
