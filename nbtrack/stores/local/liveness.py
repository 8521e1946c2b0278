"""Who writes a run, and whether it still lives.

A run never lies: its document carries the host, the boot, the pid namespace, the pid and the
start of the writing process. On that host a reader sees at once that the process is gone; on
another host, or from another container, it goes by the age of the run's last heartbeat.
"""

import functools
import os
import sys
from collections.abc import Mapping
from typing import Any

HEARTBEAT_SECONDS = 10.0
"""How often a writer touches its run's folder."""

SILENCE_SECONDS = 45.0
"""A writer elsewhere that was silent for so long is taken for dead."""


def this_process() -> dict[str, Any]:
    """What identifies this process, for the run's document."""
    pid = os.getpid()
    return {**_this_machine(), "pid": pid, "started": _own_start(pid)}


def is_alive(writer: Mapping[str, Any] | None, run_folder: str, *, silence: float = SILENCE_SECONDS) -> bool:
    """Whether the writer of a running run still lives.

    Args:
        writer: What `this_process` said in the writer; None when the run has none.
        run_folder: Where its heartbeat is.
        silence: Seconds without a sign of life after which a writer elsewhere is taken for dead.
    """
    if not writer:
        return False
    here = _this_machine()
    if all(writer.get(name) == here[name] for name in ("host", "boot", "pid_namespace")):
        started = process_start(writer.get("pid", -1))
        return started is not None and started == writer.get("started")
    if writer.get("host") == here["host"] and writer.get("boot") != here["boot"] and here["boot"]:
        return False  # this machine has been restarted since
    return _silence(run_folder) < silence


def process_start(pid: int) -> float | None:
    """When a process started, in a unit of its own; None when there is no such process.

    Two readings are equal for one process, whatever the clock did in between, and differ when a
    pid was used again.
    """
    if sys.platform == "linux":
        # psutil's create_time() moves with the wall clock and takes 20 ms to import.
        try:
            with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            return None
        state, start_ticks = fields[0], fields[19]
        return None if state in (b"Z", b"X") else float(start_ticks)
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def beat(run_folder: str) -> None:
    """Leave a heartbeat: the folder's modification time, by the clock of its file server."""
    try:
        os.utime(run_folder)
    except OSError:
        return  # read-only or gone: the reader then goes by the silence, which is the truth


def last_activity(run_folder: str) -> int | None:
    """When something was last written to a run, in milliseconds since 1970; None if never."""
    times: list[float] = []
    try:
        times.append(os.stat(run_folder).st_mtime)
        with os.scandir(run_folder) as entries:
            times += [entry.stat().st_mtime for entry in entries]
    except OSError:
        pass
    return round(max(times) * 1000) if times else None


def _silence(run_folder: str) -> float:
    """Seconds since the last heartbeat, both ends measured by the file server's clock."""
    active = last_activity(run_folder)
    if active is None:
        return float("inf")
    return _server_now(os.path.dirname(run_folder)) - active / 1000


def _server_now(folder: str) -> float:
    probe = folder + f"/.clock-{os.urandom(6).hex()}"
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            return os.stat(probe).st_mtime
        finally:
            os.unlink(probe)
    except OSError:
        from time import time

        return time()  # a read-only store: our own clock is the best there is


@functools.lru_cache(maxsize=1)
def _own_start(pid: int) -> float | None:
    return process_start(pid)


@functools.cache
def _this_machine() -> dict[str, Any]:
    return {
        "host": os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", ""),
        "boot": _boot_id(),
        "pid_namespace": _pid_namespace(),
    }


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        if sys.platform == "linux":
            return ""
    import psutil

    # Other systems compute it from the clock, so it wobbles by a second or so.
    return str(round(psutil.boot_time() / 60))


def _pid_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


if hasattr(os, "register_at_fork"):
    # A far descendant may get the pid of an ancestor that is gone.
    os.register_at_fork(after_in_child=_own_start.cache_clear)
