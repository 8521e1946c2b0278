"""What a run ran in: the Git commit, Python and its packages, the command line.

A run gets at its start what takes microseconds to know: commit and branch, read from Git's files,
and what was found out for an earlier run. All else is found out by a background thread of the
process and added to the run a moment later, once for many short runs. Environment variables are
never looked at, and secrets in the command line and in URLs are left out.
"""

import atexit
import os
import re
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, NamedTuple

from nbtrack.core import settings, system_tags
from nbtrack.core.entities import Run
from nbtrack.core.errors import NotFoundError
from nbtrack.core.installed_packages import installed_packages, known_packages
from nbtrack.stores.contracts import Store
from nbtrack.tracking.git_repository import Repository, Status, find_repository
from nbtrack.tracking.notebooks import notebook_path, notebook_shell

PATIENCE = 1.0
"""Seconds that the end of the process, `close` and `flush` wait for what is being found out."""

_FRESH = 2.0
"""Seconds for which runs share what Git said, and where the repository is."""

_STATUS_SECONDS = 30.0
_SULKING = 60.0
"""Seconds until a Git that refused is asked again."""

_COALESCING = 0.05
_REST = 4
"""So many times as long as Git took, it is then left alone: in a big repository it takes seconds."""

_LONGEST_REST = 60.0
_LONGEST_COMMAND = 4000
_PYTHON = sys.version.split()[0]


def first_tags(store: Store) -> dict[str, str]:
    """What is known of the environment at once; nothing when its capture is switched off.

    Args:
        store: Where the run will be recorded.
    """
    if not settings.captures_environment():
        return {}
    tags: dict[str, str] = {}
    try:
        place = _this_place()
        if place is not None:
            tags = place.tags()
    except (OSError, ValueError):
        pass  # a repository that cannot be read, or no working directory: a run goes on without
    tags[system_tags.PYTHON_VERSION] = _PYTHON
    # The environment is looked at before, and found out after, the command: who has it has both.
    saved = _saved.get(store)
    if saved is not None and saved[0] is known_packages():
        tags[system_tags.ENVIRONMENT] = saved[1]
    if _command is not None:
        tags[system_tags.COMMAND] = _command
    return tags


def capture_later(store: Store, run_id: str, context: Mapping[str, str]) -> None:
    """Let the background find out what is not known yet of a run that was just started.

    Args:
        store: Where the run is.
        run_id: The run.
        context: The tags that it was started with.
    """
    if not settings.captures_environment():
        return
    try:
        place = _this_place()
    except (OSError, ValueError):
        place = None
    asks_git = place is not None and system_tags.GIT_DIRTY not in context and not place.is_sulking()
    if asks_git or system_tags.ENVIRONMENT not in context:
        _background.add(_Waiting(store, run_id, place if asks_git else None, dict(context), monotonic()))


def when_known(run_id: str, callback: Callable[[], None]) -> None:
    """Call back, in the background, when what is being found out of a run stands in its tags.

    Args:
        run_id: The run; when all is known of it, nobody is called.
        callback: What goes wrong in it is its own affair.
    """
    _background.when_known(run_id, callback)


def settle(store: Store | None) -> None:
    """Wait for what is being found out of runs in a store, at most a second."""
    if store is not None:
        _background.settle(store)


def of_run(store: Store, run: Run) -> dict[str, Any]:
    """What a run ran in.

    Args:
        store: Where the run is.
        run: The run.

    Returns:
        `git` (`commit`, `branch`, `repository_url`, `dirty`, `changed_files`; None for what is not
        known), `python` (`version`, `implementation`), `platform` (`system`, `release`, `machine`),
        `packages` (name to version), `command`, `working_directory` (relative to the root of the
        repository), `source_name` and `source_type`.

    Raises:
        StoreError: What the store holds of it is damaged or cannot be read.
    """
    run_id = run.info.run_id
    if _background.is_busy_with(run_id):
        _background.settle(store)
        run = store.runs.get(run_id)
    tags = run.data.tags
    dirty = tags.get(system_tags.GIT_DIRTY)
    changed = tags.get(system_tags.GIT_CHANGED_FILES, "0" if dirty == "false" else "")
    found: dict[str, Any] = {"python": None, "platform": None, "packages": {}}
    digest = tags.get(system_tags.ENVIRONMENT)
    if digest is not None:
        with suppress(NotFoundError):  # the run was copied here without it
            found |= store.environments.get(digest)
    return {
        "git": {
            "commit": tags.get(system_tags.GIT_COMMIT),
            "branch": tags.get(system_tags.GIT_BRANCH),
            "repository_url": tags.get(system_tags.GIT_REPOSITORY_URL),
            "dirty": None if dirty is None else dirty == "true",
            "changed_files": int(changed) if changed.isdecimal() else None,
        },
        **found,
        "command": tags.get(system_tags.COMMAND),
        "working_directory": tags.get(system_tags.WORKING_DIRECTORY),
        "source_name": tags.get(system_tags.SOURCE_NAME),
        "source_type": tags.get(system_tags.SOURCE_TYPE),
    }


class _Place:
    """The repository that this process's code comes from, and what Git said of it lately."""

    def __init__(self, repository: Repository, working_folder: str) -> None:
        self.repository = repository
        self.working_directory = _relative(working_folder, repository.root)
        self.url: str | None = None
        self._status: Status | None = None
        self._asked_at = float("-inf")

    def tags(self) -> dict[str, str]:
        """What is known at once.

        Raises:
            OSError: The repository is gone.
        """
        head = self.repository.head()
        tags: dict[str, str] = {}
        if head.commit is not None:
            tags[system_tags.GIT_COMMIT] = head.commit
        if head.branch is not None:
            tags[system_tags.GIT_BRANCH] = head.branch
        if self.url:
            tags[system_tags.GIT_REPOSITORY_URL] = self.url
        if self.working_directory is not None:
            tags[system_tags.WORKING_DIRECTORY] = self.working_directory
        status = self._status
        if status is not None and status.head == head and monotonic() - self._asked_at <= _FRESH:
            tags |= _tags_of(status)
        return tags

    def is_sulking(self) -> bool:
        """Whether Git refused lately, or is not there."""
        return self._status is None and monotonic() - self._asked_at < _SULKING

    def find_out(self, waiting: "_Waiting", is_wanted: Callable[[], bool]) -> dict[str, str]:
        """What Git says of a run that has started; the same for runs of about the same time."""
        if self.url is None:
            from nbtrack.core.secrets import strip_user_info

            self.url = strip_user_info(self.repository.remote_url() or "")
        tags = {system_tags.GIT_REPOSITORY_URL: self.url} if self.url else {}
        commit = waiting.context.get(system_tags.GIT_COMMIT)
        status = self._status
        is_other = status is not None and commit is not None and status.head.commit != commit
        if is_other or self._asked_at < waiting.since - _FRESH:
            asked_at = monotonic()
            status = self.repository.status(_STATUS_SECONDS, is_wanted)
            self._status, self._asked_at = status, asked_at
        if status is None:
            return tags
        if commit is None:
            # Where the commit stands in no file that we know, Git has said it now.
            head = status.head
            if head.commit is not None:
                tags[system_tags.GIT_COMMIT] = head.commit
            if head.branch is not None:
                tags[system_tags.GIT_BRANCH] = head.branch
        # What was committed since is nothing that this run could have run with.
        return tags | _tags_of(status) if status.head.commit == commit or commit is None else tags


class _Waiting(NamedTuple):
    """A run of which not all is known."""

    store: Store
    run_id: str
    place: _Place | None
    context: dict[str, str]
    since: float


class _Background:
    """The thread that finds out the rest; it starts with the first run that needs it."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[_Waiting | threading.Event | None] = SimpleQueue()
        self._pending: dict[str, _Waiting] = {}
        self._callbacks: dict[str, Callable[[], None]] = {}
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._deadline = float("inf")
        self._has_ended = False

    def add(self, waiting: _Waiting) -> None:
        if self._has_ended:
            return
        self._pending[waiting.run_id] = waiting
        self._queue.put(waiting)
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="nbtrack-environment", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no more threads: then runs go without
                self._thread, self._has_ended = None, True
                self._pending.clear()
                return
            _finish_at_exit()

    def is_busy_with(self, run_id: str) -> bool:
        return run_id in self._pending

    def when_known(self, run_id: str, callback: Callable[[], None]) -> None:
        self._callbacks[run_id] = callback
        if run_id not in self._pending:
            self._callbacks.pop(run_id, None)  # all is known, or the callback has been taken just now

    def settle(self, store: Store) -> None:
        if self._thread is None or not any(each.store is store for each in list(self._pending.values())):
            return
        done = threading.Event()
        self._queue.put(done)
        self._hurry.set()
        done.wait(PATIENCE)

    def end(self) -> None:
        """Find out what can be found out in a second, and stop."""
        thread, self._has_ended = self._thread, True
        if thread is None:
            return
        self._deadline = monotonic() + PATIENCE * 0.8
        self._queue.put(None)
        self._hurry.set()
        thread.join(PATIENCE)

    def _run(self) -> None:
        rest = _COALESCING
        while True:
            found = [self._queue.get()]
            # Short runs come in crowds, and share what is found out.
            self._hurry.wait(rest)
            if not self._has_ended:
                self._hurry.clear()
            try:
                while True:
                    found.append(self._queue.get_nowait())
            except Empty:
                pass
            began = monotonic()
            for waiting in found:
                if isinstance(waiting, _Waiting):
                    self._add_tags(waiting)
            rest = min(max(_COALESCING, _REST * (monotonic() - began)), _LONGEST_REST)
            for done in found:
                if isinstance(done, threading.Event):
                    done.set()
            if None in found:
                return

    def _add_tags(self, waiting: _Waiting) -> None:
        try:
            tags = self._find_out(waiting)
            if tags:
                waiting.store.runs.add_tags(waiting.run_id, tags)
        except Exception:  # noqa: BLE001, S110  # a note beside a run disturbs nobody; what logs to it will warn
            pass
        finally:
            self._pending.pop(waiting.run_id, None)
            callback = self._callbacks.pop(waiting.run_id, None)
        if callback is not None:
            with suppress(Exception):  # as above
                callback()

    def _find_out(self, waiting: _Waiting) -> dict[str, str]:
        global _command
        tags: dict[str, str] = {}
        if system_tags.COMMAND not in waiting.context:
            if _command is None:
                _command = _command_line()
            if _command is not None:
                tags[system_tags.COMMAND] = _command
        if system_tags.ENVIRONMENT not in waiting.context:
            packages = installed_packages()
            digest = waiting.store.environments.save(_environment(packages))
            _saved[waiting.store] = packages, digest
            tags[system_tags.ENVIRONMENT] = digest
        if waiting.place is not None:
            tags |= waiting.place.find_out(waiting, lambda: monotonic() < self._deadline)
        return tags


_places: dict[tuple[str, str | None], tuple[float, _Place | None]] = {}
_saved: "weakref.WeakKeyDictionary[Store, tuple[dict[str, str], str]]" = weakref.WeakKeyDictionary()
_command: str | None = None
_background = _Background()
_will_finish = False


def _this_place() -> _Place | None:
    """The repository of the notebook, else of the script, else of the working directory.

    Raises:
        OSError: The working directory is gone.
    """
    shell = notebook_shell()
    notebook = None if shell is None else notebook_path(shell)
    folder = os.getcwd()
    found = _places.get((folder, notebook))
    now = monotonic()
    if found is not None and now - found[0] <= _FRESH:
        return found[1]
    repository = None
    for start in (_folder_of_notebook(notebook), None if shell is not None else _folder_of_script(), folder):
        repository = None if start is None else find_repository(start)
        if repository is not None:
            break
    known = None if found is None else found[1]
    if repository is None:
        place = None
    elif known is not None and known.repository.is_same(repository):
        place = known  # with all that is known of it
    else:
        place = _Place(repository, folder)
    if len(_places) > 100:
        _places.clear()
    _places[(folder, notebook)] = now, place
    return place


def _folder_of_notebook(path: str | None) -> str | None:
    return os.path.dirname(path) if path is not None and os.path.isabs(path) else None


def _folder_of_script() -> str | None:
    """Where the running script lies; None for what is installed, such as `torchrun` or `pytest`."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(path, str) or not os.path.isabs(path):
        return None
    folder = os.path.dirname(path)
    is_installed = any(
        folder == prefix or folder.startswith(prefix + os.sep) for prefix in (sys.prefix, sys.base_prefix)
    )
    return None if is_installed or "site-packages" in folder.split(os.sep) else folder


def _relative(folder: str, root: str) -> str | None:
    """A folder inside a root, with `/`; `.` is the root itself, None a folder elsewhere."""
    path = os.path.relpath(os.path.realpath(folder), os.path.realpath(root))
    return None if path == ".." or path.startswith(".." + os.sep) else path.replace(os.sep, "/")


def _tags_of(status: Status) -> dict[str, str]:
    if not status.changed_files:
        return {system_tags.GIT_DIRTY: "false"}
    return {system_tags.GIT_DIRTY: "true", system_tags.GIT_CHANGED_FILES: str(status.changed_files)}


def _environment(packages: Mapping[str, str]) -> dict[str, Any]:
    machine = os.uname() if hasattr(os, "uname") else None
    return {
        "python": {"version": _PYTHON, "implementation": sys.implementation.name},
        "platform": {
            "system": machine.sysname if machine else sys.platform,
            "release": machine.release if machine else "",
            "machine": machine.machine if machine else os.environ.get("PROCESSOR_ARCHITECTURE", ""),
        },
        "packages": packages,
    }


def _command_line() -> str | None:
    """The command that started this process, without secrets; None in a kernel."""
    if notebook_shell() is not None or len(sys.orig_argv) < 2:
        return None
    program, *arguments = sys.orig_argv
    # A script alone, the usual case, or code alone: nothing to quote, nothing to hide, nothing to load.
    if len(arguments) == 1 and re.fullmatch(r"[\w./][\w./-]*", arguments[0]):
        return f"{os.path.basename(program)} {arguments[0]}"[:_LONGEST_COMMAND]
    if len(arguments) == 2 and arguments[0] == "-c":
        return f"{os.path.basename(program)} -c …"
    import shlex

    from nbtrack.core.secrets import REDACTED, redact_arguments

    for index, argument in enumerate(arguments):
        if argument == "-c":
            arguments[index + 1 : index + 2] = ["…"]  # code on the command line may hold anything
        elif argument in ("-X", "-W"):
            continue
        elif argument == "-m" or (not argument.startswith("-") and arguments[index - 1] not in ("-X", "-W")):
            break
    text = shlex.join([os.path.basename(program), *redact_arguments(arguments)])
    text = text.replace(shlex.quote(REDACTED), REDACTED).replace(shlex.quote("…"), "…")
    return text if len(text) <= _LONGEST_COMMAND else text[: _LONGEST_COMMAND - 1] + "…"


def _finish_at_exit() -> None:
    # Registered after the tracker's own end, and so run before it, while the store is open.
    global _will_finish
    if not _will_finish:
        _will_finish = True
        atexit.register(lambda: _background.end())


def _begin_anew_in_child() -> None:
    """In a forked child the thread does not exist; what waits is the parent's."""
    global _background
    _background = _Background()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew_in_child)
