"""Functions that run in forked processes, in step with the test."""

import os
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import nbtrack


class Child:
    """A forked process that runs `function` and ends; the test and it talk through two pipes."""

    def __init__(self, function: Callable[["Child"], None]) -> None:
        reading, self._writing = os.pipe()
        self._waiting, self._releasing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns where there are threads
            self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                os.close(reading)
                os.close(self._releasing)
                function(self)
                code = 0
            except BaseException:  # noqa: BLE001 - the child must end here, whatever happened
                traceback.print_exc(file=sys.__stderr__)
            finally:
                os._exit(code)
        os.close(self._writing)
        os.close(self._waiting)
        self._reading = os.fdopen(reading, "rb")

    def say(self, text: str) -> None:
        """In the child: tell the test something."""
        os.write(self._writing, text.encode() + b"\n")

    def wait_for_test(self) -> None:
        """In the child: wait until the test calls `go_on`."""
        os.read(self._waiting, 1)

    def go_on(self) -> None:
        """In the test: let the child go on."""
        os.write(self._releasing, b".")

    def line(self) -> str:
        """In the test: what the child says next; "" once it has ended."""
        return self._reading.readline().decode().rstrip("\n")

    def rest(self) -> list[str]:
        """In the test: everything that the child has still to say."""
        return self._reading.read().decode().splitlines()

    def kill(self) -> None:
        """In the test: end the child as `kill -9` does."""
        os.kill(self.pid, signal.SIGKILL)

    def join(self) -> int:
        """In the test: wait for the child's end; its exit status, negative for a signal."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._releasing)
        self._reading.close()
        return status


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a Python of its own, and see it succeed."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(nbtrack.__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=True,
    )


def run_at_once(number: int, function: Callable[[int], None]) -> list[int]:
    """Run `function(0)`, `function(1)`, ... in as many processes, from one moment on.

    Returns:
        Their exit statuses.
    """

    def wait_and_run(child: Child, at: int) -> None:
        child.say("ready")
        child.wait_for_test()
        function(at)

    children = [Child(lambda child, at=at: wait_and_run(child, at)) for at in range(number)]
    for child in children:
        assert child.line() == "ready"
    for child in children:
        child.go_on()
    return [child.join() for child in children]
