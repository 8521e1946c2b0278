"""What is done when the running cell ends; outside of IPython, when the script does.

A training loop does not say when it is over, and pictures are drawn when nobody waits for them.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from nbtrack.tracking.autolog.patching import warn_of
from nbtrack.tracking.notebooks import interactive_shell

AtEnd = Callable[[BaseException | None], None]

before_reading: list[Callable[[str], None]] = []
"""Called with the id of a run whose artifacts somebody asks for: what waits for the end is written then."""

_waiting: list[tuple[AtEnd, threading.Thread | None]] = []
_lock = threading.Lock()
_is_registered = False


def at_end(callback: AtEnd, *, thread: threading.Thread | None = None) -> None:
    """Call back once, when the cell that is running has ended, or at the end of the script.

    What is asked for between two cells, such as by a thread, is done at the end of the next one.

    Args:
        callback: Called with the exception that ended it, or None.
        thread: Whose work is to be done by then. As long as it works on beside the cells, they do not end
            it; None is nobody's.
    """
    with _lock:
        _waiting.append((callback, thread))
        _listen()
    _also_at_exit()


def end(error: BaseException | None) -> None:
    """Do what waits for the end; the tracker calls this when the script ends, before its runs do.

    Args:
        error: What ended the cell or script; None when nothing did.
    """
    _do(error, lambda thread: True)


def _do(error: BaseException | None, is_due: Callable[[threading.Thread | None], bool]) -> None:
    while True:  # what is asked for meanwhile is done as well
        with _lock:
            due = [callback for callback, thread in _waiting if is_due(thread)]
            _waiting[:] = [(callback, thread) for callback, thread in _waiting if not is_due(thread)]
        if not due:
            return
        for callback in due:
            try:
                callback(error)
            except Exception as failure:  # noqa: BLE001 - one must not cost the others, nor fail the cell
                warn_of(failure, "nbtrack", "the end of the cell")


def settle(run_id: str) -> None:
    """Write the artifacts of a run that wait for the end: somebody asks for them."""
    for callback in before_reading:
        callback(run_id)


def _after_cell(result: Any = None) -> None:
    shell = interactive_shell()
    if shell is not None:
        with suppress(ValueError):
            shell.events.unregister("post_run_cell", _after_cell)
    here = threading.current_thread()

    def is_due(thread: threading.Thread | None) -> bool:
        return thread is None or thread is here or not thread.is_alive()

    error: BaseException | None = KeyboardInterrupt()  # without a result, IPython itself was interrupted
    if result is not None:
        before = getattr(result, "error_before_exec", None)
        error = getattr(result, "error_in_exec", None) if before is None else before
    _do(error, is_due)
    with _lock:
        if _waiting:
            _listen()


def _listen() -> None:
    shell = interactive_shell()
    if shell is not None and _after_cell not in shell.events.callbacks.get("post_run_cell", ()):
        shell.events.register("post_run_cell", _after_cell)


def _also_at_exit() -> None:
    """Processes of `multiprocessing` end without what `atexit` promises, but for this."""
    global _is_registered
    multiprocessing = sys.modules.get("multiprocessing")
    if _is_registered or multiprocessing is None or multiprocessing.parent_process() is None:
        return
    _is_registered = True
    from multiprocessing.util import Finalize

    Finalize(None, end, args=(None,), exitpriority=0)


def _forget_in_child() -> None:
    """A forked child ends nothing that its parent has begun."""
    global _lock, _is_registered
    _lock = threading.Lock()
    _waiting.clear()
    _is_registered = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
