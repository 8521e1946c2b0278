"""Logging to a run by its id: a run that need not be active, of this process or another."""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from nbtrack.core.names import check_run_id
from nbtrack.stores.contracts import Store
from nbtrack.tracking.active_run import ActiveRun, RunKeeper

_MOST_HANDLES = 128


class RunHandle(ActiveRun):
    """A run that calls with a `run_id` log to.

    What is logged to a run that has ended is folded into it at once, so that a search finds it.
    """

    def log_metric(self, *args: Any, **kwargs: Any) -> Any:
        """Log one point; see `ActiveRun.log_metric`."""
        result = super().log_metric(*args, **kwargs)
        self._fold_if_at_rest()
        return result

    def log_metrics(self, *args: Any, **kwargs: Any) -> Any:
        """Log a point of each of several metrics; see `ActiveRun.log_metrics`."""
        result = super().log_metrics(*args, **kwargs)
        self._fold_if_at_rest()
        return result

    def log_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Log metrics, params and tags; see `ActiveRun.log_batch`."""
        result = super().log_batch(*args, **kwargs)
        self._fold_if_at_rest()
        return result

    def _fold_if_at_rest(self) -> None:
        # Nobody looks into the metric log of a run that has ended.
        if not self._runs.is_open(self._run_id):
            self._write(lambda: self._runs.fold(self._run_id))


class RunHandles:
    """The handles of one tracker; the least used are let go."""

    def __init__(self, keeper: RunKeeper) -> None:
        self._keeper = keeper
        self._handles: dict[str, RunHandle] = {}
        self._lock = threading.RLock()

    def get(self, store: Store, run_id: str, *, raises: bool) -> RunHandle:
        """The handle of a run, made when there is none.

        Args:
            store: Where the run is.
            run_id: The run.
            raises: Whether a point that the store refuses is an error, and not kept for later.

        Raises:
            NotFoundError: There is no such run.
            InvalidStateError: It is deleted.
        """
        check_run_id(run_id)
        with self._lock:
            # Asked each time: it may have been deleted since, or its writer may have died.
            store.runs.take_over(run_id)
            handle = self._handles.pop(run_id, None)
            if handle is None:
                handle = RunHandle(self._keeper, store, store.writer(run_id, owner=False, raises=raises))
            self._handles[run_id] = handle  # the last is the one used last
            self._let_go(list(self._handles)[:-_MOST_HANDLES])
            return handle

    def add(self, store: Store, run_id: str, *, raises: bool) -> None:
        """Keep the handle of a run that this process has made: its heartbeat goes on until it is ended."""
        with self._lock:
            self._handles[run_id] = RunHandle(
                self._keeper, store, store.writer(run_id, owner=True, raises=raises)
            )

    def end(self, run_id: str, status: str, tags: Mapping[str, str]) -> bool:
        """End a run that this process has made; False when it made no such run."""
        with self._lock:
            handle = self._handles.pop(run_id, None)
        if handle is None:
            return False
        handle.close(status, tags, sync=False)
        return handle.is_owner

    def all(self) -> list[RunHandle]:
        """Those there are."""
        return list(self._handles.values())

    def flush(self) -> None:
        """Make everything logged through handles survive a power cut."""
        for handle in self.all():
            handle.flush()

    def close(self) -> None:
        """Let all of them go; what they logged is folded. Runs that nobody has ended stay as they are."""
        with self._lock:
            self._let_go(list(self._handles), owned=True)

    def after_fork(self) -> None:
        """Runs in the child, where the lock may never be freed and the runs are its parent's."""
        self._lock = threading.RLock()
        self._handles = {}

    def _let_go(self, run_ids: Iterable[str], *, owned: bool = False) -> None:
        for run_id in run_ids:
            handle = self._handles[run_id]
            if owned or not handle.is_owner:
                del self._handles[run_id]
                handle.release()
