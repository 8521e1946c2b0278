"""What one process holds while it writes a run."""

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic

from nbtrack.core.errors import NbtrackError, StoreError
from nbtrack.core.warn import warn_user
from nbtrack.stores.local import liveness
from nbtrack.stores.local.events import EventLog
from nbtrack.stores.local.metric_log import MetricLogWriter
from nbtrack.stores.local.runs import LocalRuns

SYNC_SECONDS = 1.0
"""How often the background syncs: a power cut loses at most about this much."""

# From so many runs on that ended within a second, they are synced together.
_MANY = 32

# A reader folds what the writer has not: about 30,000 points, 20 ms.
_FOLD_BYTES = 1 << 20


class RunWriter:
    """One run being written by this process: its metric log, its heartbeat, its upkeep."""

    def __init__(
        self,
        runs: LocalRuns,
        run_id: str,
        *,
        owner: bool,
        keeper: "Keeper",
        raises: bool = False,
        ended: MetricLogWriter | None = None,
    ) -> None:
        """Begin to write to a run, or look after one that was written whole until it is synced.

        Args:
            runs: The runs of its store.
            run_id: The run; it exists.
            owner: Whether this process started or resumed it.
            keeper: What looks after writers in the background.
            raises: Whether a point that the disk refuses is an error, and not kept for later.
            ended: The closed metric log of a run that has ended already, with its document.
        """
        self.run_id = run_id
        self.is_owner = owner
        """Whether this process started or resumed the run, and so will end it."""
        self._runs = runs
        self._folder = runs.folder_of(run_id)
        self._keeper = keeper
        self._folded_bytes = 0
        self._changed = True
        self._unsynced = True
        self._ended = False
        self._beat_at = monotonic()
        self._note = os.urandom(8).hex()
        self._is_noted = False
        self.log = ended or MetricLogWriter(self._folder, on_segment=self._begin_segment, raises=raises)
        self.append = self.log.append
        if ended is None:
            keeper.watch(self)
        else:
            self._retire()

    def document_changed(self) -> None:
        """Say that `run.json` no longer shows the run's document."""
        self._changed = not self._ended  # its end wrote it

    def sync(self) -> None:
        """Make all that was written of this run survive a power cut, `run.json` included.

        Raises:
            StoreError: The disk refused.
        """
        self.log.sync()
        # The marks are taken off first: what is logged meanwhile puts them on again.
        if self._changed:
            self._changed = False
            try:
                self._runs.save_run_file(self.run_id)
            except BaseException:
                self._changed = True
                raise
            self._unsynced = True
        if self._unsynced:
            self._unsynced = False
            try:
                self._runs.sync_files(self.run_id)
            except BaseException:
                self._unsynced = True
                raise

    def close(self) -> None:
        """Write no more points."""
        self.log.close()

    def finish(self, status: str, tags: Mapping[str, str]) -> None:
        """Write the end of the run, or, in a worker, what it added; the background syncs it.

        Args:
            status: One of `RunStatus.ALL`.
            tags: Last tags, such as the error.

        Raises:
            NotFoundError: There is no such run any more.
            StoreError: The store cannot be written; it may be tried again.
        """
        if not self.is_owner:
            # A worker's points belong to its parent's run, which its parent ends.
            self.release()
            return
        self._runs.end(self.run_id, status, tags=tags)
        self._retire()

    def release(self) -> None:
        """Write what was added and leave the run as it is; the background syncs it.

        Raises:
            NotFoundError: There is no such run any more.
            StoreError: The store cannot be written; it may be tried again.
        """
        self._fold()
        self._retire()

    def _retire(self) -> None:
        self._changed, self._unsynced, self._ended = False, True, True
        self._keeper.retire(self)

    def upkeep(self) -> None:
        """What the background does about once a second.

        Raises:
            NbtrackError: The store refused.
        """
        if not os.path.isdir(self._folder):
            raise StoreError(
                f"The folder of run {self.run_id} is gone: {self._folder}. What is logged to it is lost."
            )
        if not self._is_noted and not self.is_owner and self.log.bytes_written:
            self._note_worker()  # the store refused at the first point
        self.sync()
        now = monotonic()
        if self.is_owner and now - self._beat_at >= liveness.HEARTBEAT_SECONDS:
            self._beat_at = now
            liveness.beat(self._folder)
        # A worker folds at once: its parent may have ended the run, and folded, before it.
        self._fold_beyond(_FOLD_BYTES if self.is_owner else 1)

    def settle(self) -> bool:
        """What the background does once the writer is closed; True when nothing is left to do.

        Raises:
            NbtrackError: The store refused.
        """
        if not os.path.isdir(self._folder):
            return True
        late = self.log.unsaved
        self.log.close()  # once more, for points that the disk refused
        if late > self.log.unsaved:
            self._fold()
            self._unsynced = True
        self.sync()
        return not self.log.unsaved

    def after_fork(self) -> None:
        """Runs in a forked child: it writes to its parent's run, but does not own it."""
        self.is_owner = False
        self._folded_bytes = 0
        self._note, self._is_noted = os.urandom(8).hex(), False

    def _fold_beyond(self, size: int) -> None:
        written = self.log.bytes_written
        if written - self._folded_bytes >= size:
            self._folded_bytes = written
            self._runs.fold(self.run_id)
            self._unsynced = True

    def _fold(self) -> None:
        """Fold the last points of this process."""
        self._runs.fold(self.run_id, done=self._note if self._is_noted else None)

    def _begin_segment(self) -> None:
        self._unsynced = True  # the name of the new segment
        self._keeper.watch(self)
        if not self.is_owner:
            # The background tries again.
            with suppress(NbtrackError):
                self._note_worker()

    def _note_worker(self) -> None:
        """Say that points may come when the run is at rest, before there are any."""
        self._runs.note_worker(self.run_id, self._note)
        self._is_noted = True


class Keeper:
    """The background thread of a store: syncs, heartbeats and folds while runs are written.

    It starts with the first writer and rests when there is none; nothing runs at import.
    """

    def __init__(self, sync_documents: Callable[[], None], events: EventLog) -> None:
        self._sync_documents = sync_documents
        self._events = events
        # Dicts for their order and their speed: hundreds of short runs may end within a second.
        self._writers: dict[RunWriter, None] = {}
        self._retired: dict[RunWriter, None] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = ""
        _keepers.add(self)

    def watch(self, writer: RunWriter) -> None:
        """Look after a writer until it is closed."""
        with self._lock:
            if writer not in self._retired:
                self._writers[writer] = None
            self._wake()

    def retire(self, writer: RunWriter) -> None:
        """Look after a writer that was closed until all it wrote is synced."""
        with self._lock:
            self._writers.pop(writer, None)
            self._retired[writer] = None
            self._wake()

    def stop(self) -> None:
        """End the thread, and do what it had left to do; a later writer starts it again."""
        thread = self._thread
        if thread is None and not self._writers and not self._retired:
            return
        self._stopping.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)
        self._thread = None
        self.round()
        for writer in [*self._writers, *self._retired]:
            if lost := writer.log.unsaved:
                warn_user(
                    f"{lost:,} points of run {writer.run_id} are lost: the disk has refused them to the end."
                )
        self._writers.clear()
        self._retired.clear()

    @property
    def is_running(self) -> bool:
        """Whether the thread is at work."""
        return self._thread is not None

    def sync(self) -> None:
        """Make everything this process wrote survive a power cut.

        Raises:
            StoreError: The disk refused.
        """
        for writer in [*self._writers, *self._due()]:
            writer.sync()
        self._sync_documents()
        self._events.sync()

    def round(self) -> None:
        """What the background does once a second: all of it, whatever of it fails."""
        trouble = [self._try(writer.upkeep) for writer in list(self._writers)]
        trouble += [self._try(partial(self._settle, writer)) for writer in self._due()]
        trouble += [self._try(self._sync_documents), self._try(self._events.sync)]
        found = next(filter(None, trouble), "")
        if found and not self._trouble:
            warn_user(f"nbtrack's background work fails: {found}")
        self._trouble = found

    def _wake(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="nbtrack-keeper", daemon=True)
            self._thread.start()
            _stop_at_exit()

    def _run(self) -> None:
        idle_rounds = 0
        while not self._stopping.wait(SYNC_SECONDS):
            self.round()
            idle_rounds = 0 if self._writers or self._retired else idle_rounds + 1
            if idle_rounds > 10:
                with self._lock:
                    if not self._writers and not self._retired:
                        self._thread = None
                        return

    def _due(self) -> list[RunWriter]:
        """The closed writers to settle one by one; what many short runs have left is synced with one call."""
        retired = list(self._retired)
        if len(retired) < _MANY or not hasattr(os, "sync"):
            return retired
        os.sync()
        for writer in retired:
            if not writer.log.unsaved:
                self._let_go(writer)
        return [writer for writer in retired if writer.log.unsaved]

    def _settle(self, writer: RunWriter) -> None:
        if writer.settle():
            self._let_go(writer)

    def _let_go(self, writer: RunWriter) -> None:
        with self._lock:
            self._retired.pop(writer, None)

    def _try(self, work: Callable[[], None]) -> str:
        """Do it; what went wrong, in words."""
        try:
            work()
        except (NbtrackError, OSError) as error:
            return str(error)
        return ""

    def _after_fork(self) -> None:
        """Runs in the child, where the thread does not exist and the lock may never be freed."""
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = None
        for writer in self._writers:
            writer.after_fork()
        self._writers = {}
        self._retired = {}


_keepers: "weakref.WeakSet[Keeper]" = weakref.WeakSet()


_will_stop = False


def _stop_at_exit() -> None:
    """End the threads before the interpreter does: it would stop them in the middle of a statement."""
    global _will_stop
    if not _will_stop:
        _will_stop = True
        atexit.register(_stop_keepers)


def _stop_keepers() -> None:
    for keeper in list(_keepers):
        if keeper.is_running:
            keeper.stop()


def _reset_keepers_in_child() -> None:
    for keeper in list(_keepers):
        keeper._after_fork()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_keepers_in_child)
