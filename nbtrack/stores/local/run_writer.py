"""What one process holds while it writes a run."""

import os
import threading
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic

from nbtrack.core.errors import NbtrackError
from nbtrack.stores.local import liveness
from nbtrack.stores.local.events import EventLog
from nbtrack.stores.local.metric_log import MetricLogWriter
from nbtrack.stores.local.runs import LocalRuns

SYNC_SECONDS = 1.0
"""How often the background syncs: a power cut loses at most about this much."""

# A reader folds what the writer has not: about 30,000 points, 20 ms.
_FOLD_BYTES = 1 << 20


class RunWriter:
    """One run being written by this process: its metric log, its heartbeat, its upkeep."""

    def __init__(self, runs: LocalRuns, run_id: str, *, owner: bool, keeper: "Keeper") -> None:
        self.run_id = run_id
        self.is_owner = owner
        """Whether this process started or resumed the run, and so will end it."""
        self._runs = runs
        self._folder = runs.folder_of(run_id)
        self._keeper = keeper
        self._folded_bytes = 0
        self._changed = True
        self._beat_at = monotonic()
        self.log = MetricLogWriter(self._folder, on_segment=self._wake_keeper)
        self.append = self.log.append
        keeper.watch(self)

    def document_changed(self) -> None:
        """Say that `run.json` no longer shows the run's document."""
        self._changed = True

    def sync(self) -> None:
        """Make all that was written of this run survive a power cut, `run.json` included.

        Raises:
            StoreError: The disk refused.
        """
        self.log.sync()
        if self._changed:
            self._changed = False
            self._runs.save_run_file(self.run_id)
            self._runs.sync_files(self.run_id)

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
        if self.is_owner:
            self._runs.end(self.run_id, status, tags=tags)
        else:
            # A worker's points belong to its parent's run, which its parent ends.
            self._runs.fold(self.run_id)
        self._keeper.forget(self)

    def upkeep(self) -> None:
        """What the background does about once a second.

        Raises:
            NbtrackError: The store refused.
        """
        self.sync()
        now = monotonic()
        if self.is_owner and now - self._beat_at >= liveness.HEARTBEAT_SECONDS:
            self._beat_at = now
            liveness.beat(self._folder)
        written = self.log.bytes_written
        # A worker folds at once: its parent may have ended the run, and folded, before it.
        if written - self._folded_bytes >= (_FOLD_BYTES if self.is_owner else 1):
            self._folded_bytes = written
            self._runs.fold(self.run_id)

    def after_fork(self) -> None:
        """Runs in a forked child: it writes to its parent's run, but does not own it."""
        self.is_owner = False
        self._folded_bytes = 0

    def sync_after_end(self) -> None:
        """Make what was written until the end survive a power cut.

        Raises:
            StoreError: The disk refused.
        """
        self.log.sync()
        self._runs.sync_files(self.run_id)

    def _wake_keeper(self) -> None:
        # The name of the new segment must reach the disk as well.
        self._changed = True
        self._keeper.watch(self)


class Keeper:
    """The background thread of a store: syncs, heartbeats and folds while runs are written.

    It starts with the first writer and rests when there is none; nothing runs at import.
    """

    def __init__(self, sync_documents: Callable[[], None], events: EventLog) -> None:
        self._sync_documents = sync_documents
        self._events = events
        self._writers: list[RunWriter] = []
        self._ended: deque[RunWriter] = deque()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._warned = False
        _keepers.add(self)

    def watch(self, writer: RunWriter) -> None:
        """Look after a writer until it is forgotten."""
        with self._lock:
            if writer not in self._writers:
                self._writers.append(writer)
            if self._thread is None or not self._thread.is_alive():
                self._stopping.clear()
                self._thread = threading.Thread(target=self._run, name="nbtrack-keeper", daemon=True)
                self._thread.start()

    def forget(self, writer: RunWriter) -> None:
        """Stop looking after a writer, once what it wrote is synced."""
        with self._lock:
            if writer in self._writers:
                self._writers.remove(writer)
            self._ended.append(writer)

    def stop(self) -> None:
        """End the thread; a later writer starts it again."""
        thread = self._thread
        self._stopping.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)
        self._thread = None

    def sync(self) -> None:
        """Make everything this process wrote survive a power cut.

        Raises:
            StoreError: The disk refused.
        """
        for writer in list(self._writers):
            writer.sync()
        while self._ended:
            self._ended.popleft().sync_after_end()
        self._sync_documents()
        self._events.sync()

    def _run(self) -> None:
        idle_rounds = 0
        while not self._stopping.wait(SYNC_SECONDS):
            for writer in list(self._writers):
                self._try(writer.upkeep)
            while self._ended:
                self._try(self._ended.popleft().sync_after_end)
            self._try(self._sync_documents)
            self._try(self._events.sync)
            idle_rounds = 0 if self._writers else idle_rounds + 1
            if idle_rounds > 10:
                with self._lock:
                    if not self._writers:
                        self._thread = None
                        return

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (NbtrackError, OSError) as error:
            if not self._warned:
                self._warned = True
                warnings.warn(f"nbtrack's background sync failed: {error}", RuntimeWarning, stacklevel=2)

    def _after_fork(self) -> None:
        """Runs in the child, where the thread does not exist and the lock may never be freed."""
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = None
        for writer in self._writers:
            writer.after_fork()
        self._writers = []
        self._ended.clear()


_keepers: "weakref.WeakSet[Keeper]" = weakref.WeakSet()


def _reset_keepers_in_child() -> None:
    for keeper in list(_keepers):
        keeper._after_fork()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_keepers_in_child)
