"""What Git knows about the code of a run, without asking Git where its files say it.

The commit and the branch stand in small files and are read in microseconds. Only whether files
have changed needs Git itself, which may take seconds; it is told to run nothing that the
repository's own configuration names.
"""

import os
import re
from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LARGEST = 64 << 20
_LINK_DEPTH = 5
_NULL_DEVICE = os.devnull

# Where the repository is, which index it has and what is configured, said to another git in the
# environment (a hook, a rebase), is not meant for this one.
_NOT_INHERITED = "GIT_"


class Head(NamedTuple):
    """What is checked out."""

    commit: str | None
    """40 or 64 hex digits; None before the first commit."""
    branch: str | None
    """None when a commit is checked out, and not a branch."""


class Status(NamedTuple):
    """What Git says about the working tree."""

    head: Head
    changed_files: int
    """Files that Git knows and that differ from the commit; untracked files are none of them."""


class Repository:
    """A Git repository with a working tree: also a worktree or a submodule."""

    def __init__(self, root: str, git_folder: str) -> None:
        self.root = root
        """The top of the working tree."""
        self._folder = git_folder
        self._common = _common_folder(git_folder)
        self._head: tuple[Any, Head] | None = None
        self._watched: tuple[str, ...] = ()

    def is_same(self, other: "Repository") -> bool:
        """Whether it is the same repository, found again."""
        return (self.root, self._folder) == (other.root, other._folder)

    def head(self) -> Head:
        """What is checked out now; read again only when one of its files was replaced.

        Raises:
            OSError: The repository is gone, or cannot be read.
        """
        if self._head is not None and self._head[0] == _signatures(self._watched):
            return self._head[1]
        head, watched = self._read_head()
        # Signed after it was read, an older text could pass for a newer one: so look twice.
        signatures = _signatures(watched)
        again, _ = self._read_head()
        if again == head:
            self._watched, self._head = watched, (signatures, head)
        return again

    def remote_url(self) -> str | None:
        """The URL of `origin`, else of the first remote, as configured, secrets included; None if none."""
        try:
            config = _read(os.path.join(self._common, "config")).decode(errors="replace")
        except OSError:
            return None
        urls: dict[str, str] = {}
        section = ""
        for line in config.splitlines():
            line = line.strip()
            if line.startswith("["):
                match = re.match(r'\[\s*remote\s+"((?:[^"\\]|\\.)*)"\s*\]', line, re.IGNORECASE)
                section = match[1] if match else ""
            elif section and (match := re.match(r"url\s*=\s*(.+)", line, re.IGNORECASE)):
                urls.setdefault(section, match[1].strip().strip('"'))
        return urls.get("origin") or next(iter(urls.values()), None)

    def status(self, timeout: float, is_wanted: Callable[[], bool] = lambda: True) -> Status | None:
        """Ask Git what has changed.

        Args:
            timeout: Seconds after which Git is stopped.
            is_wanted: Asked now and then; False stops Git too.

        Returns:
            None when there is no Git, when it refuses, or when it was stopped.
        """
        overrides = self._overrides(timeout)
        if overrides is None:
            return None
        arguments = ("status", "--porcelain=v2", "--branch", "-z", "-uno", "--ignore-submodules=dirty")
        output = self._ask([*overrides, *arguments], timeout, is_wanted)
        return None if output is None else _parse_status(output)

    def _read_head(self) -> tuple[Head, tuple[str, ...]]:
        """What is checked out, and the files that say so."""
        path = os.path.join(self._folder, "HEAD")
        watched = [path]
        text = _read(path, 4096).decode(errors="replace").strip()
        branch: str | None = None
        for _ in range(_LINK_DEPTH):
            if not text.startswith("ref:"):
                break
            name = text[4:].strip()
            # Other files are not to be read because a HEAD says so.
            if not name.startswith("refs/") or ".." in name.split("/") or "\0" in name:
                return Head(None, None), tuple(watched)
            branch = branch or name.removeprefix("refs/heads/")
            text, files = self._read_reference(name)
            watched += files
        if branch == ".invalid":  # reftable: the references are in a table that only Git reads
            return Head(None, None), tuple(watched)
        return Head(text if _COMMIT.fullmatch(text) else None, branch), tuple(watched)

    def _read_reference(self, name: str) -> tuple[str, list[str]]:
        watched: list[str] = []
        for folder in dict.fromkeys((self._folder, self._common)):
            path = os.path.join(folder, name)
            watched.append(path)
            try:
                return _read(path, 4096).decode(errors="replace").strip(), watched
            except OSError:
                continue
        path = os.path.join(self._common, "packed-refs")
        watched.append(path)
        try:
            packed = _read(path)
        except OSError:
            return "", watched
        at = packed.find(b" " + name.encode() + b"\n")
        start = packed.rfind(b"\n", 0, at) + 1 if at >= 0 else 0
        return (packed[start:at].decode(errors="replace") if at >= 0 else ""), watched

    def _overrides(self, timeout: float) -> list[str] | None:
        """Options that keep Git from running what the repository's configuration names; None if unknown.

        `git status` starts a file-system monitor, fetches missing objects and puts changed files
        through filters: each is a command that a repository from elsewhere may have brought along.
        """
        overrides = [
            *("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={_NULL_DEVICE}"),
            *("-c", "protocol.allow=never", "-c", "core.quotePath=false"),
        ]
        try:
            config = _read(os.path.join(self._common, "config")).lower()
        except OSError:
            return None
        is_simple = b"filter" not in config and b"include" not in config and b"worktreeconfig" not in config
        if is_simple:
            return overrides
        names: set[str] = set()
        for scope in ("--local", "--worktree"):
            listed = self._ask(["config", scope, "--includes", "--name-only", "-z", "--list"], timeout)
            if listed is None:
                return None
            for key in listed.decode(errors="replace").split("\0"):
                if key.startswith("filter."):
                    names.add(key[len("filter.") :].rpartition(".")[0])
        for name in sorted(names):
            for option in ("clean=", "smudge=", "process=", "required=false"):
                overrides += ["-c", f"filter.{name}.{option}"]
        return overrides

    def _ask(
        self, arguments: list[str], timeout: float, is_wanted: Callable[[], bool] = lambda: True
    ) -> bytes | None:
        import subprocess  # lazy: 5 ms that only a run in a repository needs

        environment = {name: text for name, text in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        environment |= {
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_CEILING_DIRECTORIES": os.path.dirname(self.root),
            "LC_ALL": "C",
        }
        try:
            process = subprocess.Popen(  # noqa: S603  # a list of arguments, no shell
                ["git", "--no-pager", "-C", self.root, *arguments],  # noqa: S607  # the user's own git
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                # Ctrl+C is meant for the training, not for it.
                process_group=0 if os.name == "posix" else None,
            )
        except (OSError, ValueError):
            return None
        deadline = monotonic() + timeout
        try:
            while True:
                try:
                    output, _ = process.communicate(timeout=0.05)
                    return output if process.returncode == 0 else None
                except subprocess.TimeoutExpired:
                    if monotonic() > deadline or not is_wanted():
                        return None
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


def find_repository(start: str) -> Repository | None:
    """The repository whose working tree a folder lies in; None when there is none."""
    here = os.path.abspath(start)
    while True:
        found = os.path.join(here, ".git")
        if os.path.exists(os.path.join(found, "HEAD")):
            return Repository(here, found)
        try:
            # In worktrees and submodules it is a file that says where the folder is.
            text = _read(found, 4096).decode(errors="replace").strip() if os.path.isfile(found) else ""
        except OSError:
            text = ""
        if text.startswith("gitdir:"):
            folder = os.path.normpath(os.path.join(here, text[len("gitdir:") :].strip()))
            if os.path.exists(os.path.join(folder, "HEAD")):
                return Repository(here, folder)
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def _common_folder(git_folder: str) -> str:
    """Where the branches are: for a worktree not in its own folder."""
    try:
        text = _read(os.path.join(git_folder, "commondir"), 4096).decode(errors="replace").strip()
    except OSError:
        return git_folder
    return os.path.normpath(os.path.join(git_folder, text)) if text else git_folder


def _parse_status(output: bytes) -> Status:
    """Read what `git status --porcelain=v2 --branch -z` says."""
    commit: str | None = None
    branch: str | None = None
    changed = 0
    entries = iter(output.decode(errors="replace").split("\0"))
    for entry in entries:
        if entry.startswith("# branch.oid "):
            text = entry.rpartition(" ")[2]
            commit = text if _COMMIT.fullmatch(text) else None
        elif entry.startswith("# branch.head "):
            text = entry[len("# branch.head ") :]
            branch = None if text == "(detached)" else text
        elif entry[:2] in ("1 ", "2 ", "u "):
            changed += 1
            if entry[0] == "2":
                next(entries, None)  # the name it had before
    return Status(Head(commit, branch), changed)


def _read(path: str, most: int = _LARGEST) -> bytes:
    with open(path, "rb", buffering=0) as file:
        # A file may be read in pieces where it lies in the network.
        text = file.read(most) or b""
        while len(text) < most and (more := file.read(most - len(text))):
            text += more
        return text


def _signatures(paths: tuple[str, ...]) -> list[tuple[int, int, int] | None]:
    """What tells these files from others of their names: Git replaces them, and never changes them."""
    found: list[tuple[int, int, int] | None] = []
    for path in paths:
        try:
            status = os.stat(path)
            found.append((status.st_ino, status.st_mtime_ns, status.st_size))
        except OSError:
            found.append(None)
    return found
