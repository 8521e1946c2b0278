"""Worker processes: started in a peer's environment, asked in JSON, never waited for endlessly."""

import json
import os
import selectors
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.benchmarks.peers.contestants import Contestant

_SCRIPTS = Path(__file__).parent / "workers"
_PATIENCE = 900
"""Seconds that one command may take."""

_HELPERS = 10
"""Seconds that the helpers of a killed process get to save what they hold."""


class PeerError(Exception):
    """A peer did not do what it was asked, or lost data; the message says what."""


class Player:
    """A peer, ready to be measured: its Python, its settings and a folder outside of any checkout."""

    def __init__(self, contestant: Contestant, python: Path, folder: Path, *, path: str = "") -> None:
        self.contestant = contestant
        self.python = python
        self.folder = folder / contestant.name
        self.folder.mkdir(parents=True)
        self._scripts = self.folder / "scripts"
        shutil.copytree(_SCRIPTS, self._scripts, ignore=shutil.ignore_patterns("__pycache__"))
        self._home = self.folder / "home"
        self._home.mkdir()
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ},
            **({"PYTHONPATH": path} if path else {}),
            "HOME": str(self._home),
            **contestant.settings,
        }

    def store(self, name: str) -> Path:
        """A folder for a store."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def worker(self, store: str, *, opened: bool = True) -> "Worker":
        """A fresh process on a store."""
        worker = Worker(self, self.store(store))
        if opened:
            try:
                worker.ask("open_store")
            except PeerError:
                worker.close()
                raise
        return worker

    def start(self, store: Path) -> subprocess.Popen[bytes]:
        """Start the worker's script, with its own process group."""
        with open(self.folder / "errors.txt", "ab") as errors:
            return subprocess.Popen(
                [self.python, self._scripts / f"{self.contestant.name}_worker.py"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=store,
                env=self.environment,
                start_new_session=True,
            )


class Worker:
    """One process of a peer."""

    def __init__(self, player: Player, store: Path) -> None:
        self._name = player.contestant.title
        self._errors = player.folder / "errors.txt"
        self._process = player.start(store)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._unread = b""

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; it is done with what it was asked."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()
        _end_group(self._process.pid, patience=0)

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Give a command and wait for its answer."""
        self.send(do, **arguments)
        return self.answer()

    def send(self, do: str, **arguments: Any) -> None:
        """Give a command; `answer` waits for the answer."""
        try:
            self._stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            raise PeerError(self._last_words("ended before its time")) from None

    def answer(self) -> dict[str, Any]:
        """The next answer.

        Raises:
            PeerError: The command failed, the process ended, or patience did.
        """
        while b"\n" not in self._unread:
            if not self._read():
                raise PeerError(self._last_words("ended before its time"))
        line, self._unread = self._unread.split(b"\n", 1)
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(f"{self._name}: {answer['error'].strip()}")
        return answer

    def until_killed(self) -> tuple[str, int]:
        """Wait until the process has killed itself.

        Returns:
            The id of its run, and how many points it acknowledged.
        """
        run = self.answer()["run"]
        while self._read():
            pass
        status = self._process.wait()
        if status != -signal.SIGKILL:
            raise PeerError(self._last_words(f"ended with {status} instead of being killed"))
        _end_group(self._process.pid, patience=_HELPERS)
        return run, self._unread.count(b"\n")

    def _read(self) -> bool:
        """Read on; False at the end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            if not selector.select(_PATIENCE):
                raise PeerError(self._last_words(f"did not answer within {_PATIENCE} s"))
        part = os.read(self._stdout.fileno(), 1 << 20)
        self._unread += part
        return bool(part)

    def _last_words(self, what: str) -> str:
        return f"{self._name} {what}; it said last:\n{self._errors.read_text(errors='replace')[-2000:]}"


def _end_group(group: int, patience: float) -> None:
    """Wait for the helpers that a process left behind, then end them."""
    until = time.monotonic() + patience
    with suppress(ProcessLookupError, PermissionError):
        while True:
            os.killpg(group, 0)
            if time.monotonic() >= until:
                os.killpg(group, signal.SIGKILL)
                return
            time.sleep(0.05)
