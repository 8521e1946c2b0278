"""Processes to be hurt: forked from a warm parent, watched, and never left behind.

The warm parent is a process of its own that has imported nbtrack and nothing else. It forks a child
for each request, so a child costs milliseconds, has no thread but its own and knows nothing of
pytest. What a child acknowledges goes through a pipe that the test owns: the test alone decides
what was acknowledged.
"""

import contextlib
import faulthandler
import gc
import importlib
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 90.0
"""Seconds after which a child counts as hanging; generous, for machines under load."""

IS_FULL = os.environ.get("NBTRACK_TEST_FAULTS") == "full"
"""Whether the long form of the fault tests was asked for, as `make faults` does."""


def rounds(ordinary: int, full: int) -> int:
    """How often to do it, in the ordinary run of the tests and in the long one."""
    return full if IS_FULL else ordinary


def seeded(name: str) -> Random:
    """Random numbers of this test; NBTRACK_TEST_SEED repeats those of an earlier run."""
    seed = os.environ.get("NBTRACK_TEST_SEED") or "2026"
    print(f"NBTRACK_TEST_SEED={seed} repeats this: {name}")
    return Random(f"{name} {seed}")


def spin(seconds: float) -> None:
    """Let some time pass without sleeping, so that what follows comes at an instant of our choice."""
    until = perf_counter() + seconds
    while perf_counter() < until:
        pass


class Child:
    """A process that does one piece of work for a test."""

    def __init__(self, parent: "WarmParent", pid: int, acks: int, errors: int) -> None:
        self.pid = pid
        self.acks = b""
        """What it has acknowledged, as far as it was read."""
        self.errors = ""
        """What it wrote to its standard error, once it is gone."""
        self._parent = parent
        self._pipe = acks
        self._errors = errors
        self._status: int | None = None

    def wait_for(self, count: int) -> bytes:
        """Read acknowledgements until there are `count` bytes, or the child is gone."""
        while len(self.acks) < count and self._read():
            pass
        return self.acks

    def wait_for_lines(self, count: int) -> list[str]:
        """Read acknowledgements until there are `count` lines, or the child is gone."""
        while self.acks.count(b"\n") < count and self._read():
            pass
        return self.lines

    @property
    def lines(self) -> list[str]:
        """The lines acknowledged, as far as they were read; only whole ones."""
        return [line.decode() for line in self.acks.split(b"\n")[:-1]]

    def is_busy(self) -> bool:
        """Whether it still works; reads what it has acknowledged meanwhile."""
        while select.select([self._pipe], [], [], 0)[0]:
            if not self._read():
                return False
        return True

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def end(self) -> int:
        """Wait until it and all it has forked are gone; its exit status, negative for a signal."""
        if self._status is None:
            while self._read():
                pass
            chunks: list[bytes] = []
            while select.select([self._errors], [], [], PATIENCE)[0] and (
                chunk := os.read(self._errors, 1 << 16)
            ):
                chunks.append(chunk)
            self.errors = b"".join(chunks).decode("utf-8", "replace")
            os.close(self._pipe)
            os.close(self._errors)
            self._status = os.waitstatus_to_exitcode(self._parent.status_of(self.pid))
        return self._status

    def succeed(self) -> "Child":
        """Wait until it is gone, and fail the test if it failed or complained."""
        status = self.end()
        assert (status, self.errors) == (0, ""), f"the child ended with {status}:\n{self.errors}"
        return self

    def _read(self) -> bool:
        if not select.select([self._pipe], [], [], PATIENCE)[0]:
            self.kill(signal.SIGABRT)  # faulthandler writes where it hangs
            stacks = os.read(self._errors, 1 << 16).decode("utf-8", "replace")
            raise AssertionError(f"A child hangs; it has acknowledged {self.acks[-200:]!r} so far.\n{stacks}")
        chunk = os.read(self._pipe, 1 << 16)
        self.acks += chunk
        return bool(chunk)


class WarmParent:
    """A process that has imported nbtrack and forks children on request."""

    def __init__(self) -> None:
        self._channel, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._children: list[Child] = []
        with far:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.children", str(far.fileno())],
                pass_fds=[far.fileno()],
                cwd=ROOT,
            )

    def start(
        self, work: Callable[..., Any], *arguments: Any, fds: Sequence[int] = (), cwd: Path | None = None
    ) -> Child:
        """Fork a child that calls `work(ack, *arguments)`.

        Args:
            work: A function of a module; called with a function that sends acknowledgements, as bytes.
            arguments: Anything that can be pickled.
            fds: File descriptors the child gets too; it finds their numbers in `ack.fds`.
            cwd: Its working directory; None is the one of the test.
        """
        acks, far_acks = os.pipe()
        errors, far_errors = os.pipe()
        request = (
            f"{work.__module__}:{work.__qualname__}",
            arguments,
            dict(os.environ),
            str(cwd or os.getcwd()),
        )
        socket.send_fds(self._channel, [pickle.dumps(request)], [far_acks, far_errors, *fds])
        os.close(far_acks)
        os.close(far_errors)
        child = Child(self, int(self._channel.recv(100)), acks, errors)
        self._children.append(child)
        return child

    def status_of(self, pid: int) -> int:
        """The wait status of a child that is gone, or will be soon."""
        self._channel.send(pickle.dumps(pid))
        return int(self._channel.recv(100))

    def clear(self) -> None:
        """Kill what is left of the children, after a test that failed."""
        for child in self._children:
            if child._status is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                with contextlib.suppress(AssertionError):
                    child.end()
        self._children.clear()

    def close(self) -> None:
        """End it."""
        self.clear()
        self._channel.close()
        self._process.wait()


class Ack:
    """Sends acknowledgements; a child calls it after each call that returned."""

    def __init__(self, pipe: int, fds: list[int]) -> None:
        self._pipe = pipe
        self.fds = fds

    def __call__(self, what: bytes | str) -> None:
        """Send some bytes, or a line of text."""
        os.write(self._pipe, what if isinstance(what, bytes) else f"{what}\n".encode())


def run_script(
    source: str, *arguments: object, folder: Path, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program as a user does, from a file, with the interpreter's whole life and death."""
    path = folder / "script.py"
    path.write_text(source)
    return subprocess.run(
        [sys.executable, str(path), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        **options,
    )


def run_in_grandchild(work: Callable[[], Any], patience: float = PATIENCE) -> int:
    """Fork and call `work` in the child, which ends by `os._exit`: 0, or 1 after an exception.

    Returns:
        The pid of the child. It ends by itself, with all its stacks on standard error, when it
        hangs for `patience` seconds.
    """
    pid = os.fork()
    if pid:
        return pid
    # Not dump_traceback_later: after a fork that waits for ever for its thread in the parent.
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.setitimer(signal.ITIMER_REAL, patience)
    try:
        work()
    except BaseException:  # noqa: BLE001 - whatever it is, it must not run on as the parent
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def exit_code_of(pid: int) -> int:
    """Wait for a child of this process; its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _serve(channel: socket.socket) -> None:
    import nbtrack.tracking.fluent  # noqa: F401 - this is what makes the parent warm

    while True:
        message, fds, _, _ = socket.recv_fds(channel, 1 << 20, 16)
        if not message:
            return
        request = pickle.loads(message)
        if isinstance(request, int):
            channel.send(b"%d" % os.waitpid(request, 0)[1])
            continue
        module, _, name = request[0].partition(":")
        work = importlib.import_module(module)
        for part in name.split("."):
            work = getattr(work, part)
        gc.collect()
        pid = os.fork()
        if pid == 0:
            channel.close()
            _live(work, request, fds)
        for descriptor in fds:
            os.close(descriptor)
        channel.send(b"%d" % pid)


def _live(work: Any, request: Any, fds: list[int]) -> None:
    """What a child does, from the fork to its end."""
    _, arguments, environment, folder = request
    status = 1
    try:
        os.setpgid(0, 0)
        os.dup2(fds[1], 1)
        os.dup2(fds[1], 2)
        os.close(fds[1])
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        faulthandler.enable()
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        work(Ack(fds[0], list(fds[2:])), *arguments)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException:  # noqa: BLE001 - whatever it is, the test must see it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
