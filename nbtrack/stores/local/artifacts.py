"""The artifacts of a run: files under its folder, published by rename, never half there.

A path is walked component by component through folder handles that follow no link, so nothing
outside the run is ever read or written, whatever lies in it.
"""

import errno
import os
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nbtrack.core.entities import FileInfo
from nbtrack.core.errors import AlreadyExistsError, InvalidValueError, MissingFileError, StoreError
from nbtrack.core.names import artifact_parts
from nbtrack.core.warn import warn_user
from nbtrack.documents.incoming_folders import PREFIX as _TEMPORARY
from nbtrack.documents.incoming_folders import check_and_sync, incoming_folder
from nbtrack.stores.local.folder import holds_store

_FOLDER_FLAGS = (
    os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)
_LOCK = "artifacts.lock"
"""Beside the artifacts, not among them."""

Writer = Callable[[BinaryIO], None]


class RunArtifacts:
    """The artifact tree of one run."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def save_file(self, local_path: str | os.PathLike[str], folder: str | None = None) -> None:
        """Copy a local file, or a folder with all it holds, into the artifact folder `folder`.

        Raises:
            MissingFileError: There is no such file; it is a FileNotFoundError.
            InvalidValueError: `folder` is no artifact path, or leads out of the run by a link.
            StoreError: It cannot be read or written.
        """
        source = Path(local_path)
        parts = artifact_parts(folder)
        if source.is_dir():
            self._save_tree(source, (*parts, source.resolve().name))
        elif source.exists():
            self._save_copy(source, (*parts, source.name))
        else:
            _check_link(source, "file", str(local_path))
            raise MissingFileError(
                "file", str(local_path), _siblings(source), f"It was looked for at {source.absolute()}."
            )

    def save_folder(self, local_folder: str | os.PathLike[str], folder: str | None = None) -> None:
        """Copy what a local folder holds into the artifact folder `folder`.

        Links are followed, those to a folder that they lie in are not. Stores of nbtrack that lie in the
        folder, and links to nothing, are left out with a warning.

        Raises:
            MissingFileError: There is no such folder.
            InvalidValueError: `folder` is no artifact path, or leads out of the run by a link.
            StoreError: Something cannot be read or written.
        """
        source = Path(local_folder)
        if not source.is_dir():
            if source.exists():
                raise MissingFileError("folder", str(local_folder), advice="It is a file: use log_artifact.")
            _check_link(source, "folder", str(local_folder))
            raise MissingFileError("folder", str(local_folder), _siblings(source), "Nothing was logged.")
        self._save_tree(source, artifact_parts(folder))

    def save_bytes(self, path: str, write: Writer, *, sync: bool = True) -> None:
        """Publish one artifact whose bytes `write` puts into the file it is given.

        Args:
            path: Its path.
            write: Writes it.
            sync: Whether its bytes are on the disk when it gets its name: milliseconds, on a busy disk
                many. Without, it survives a kill as well, but may be empty after a power cut.

        Raises:
            InvalidValueError: `path` is no path of a file inside the run.
            StoreError: It cannot be written; nothing is published.
        """
        parts = artifact_parts(path)
        if not parts:
            raise InvalidValueError(f"An artifact needs a file name, got {path!r}.")
        self._publish(parts, write, sync=sync)

    @contextmanager
    def write_folder(self, path: str, *, renamed: Callable[[Path], str] | None = None) -> Generator[Path]:
        """Publish a whole folder: an empty one to fill, which gets its name when the block ends well.

        Until then, and after an error or a kill, nothing is listed. On the disk it lies beside the
        artifacts, so that one rename publishes it, however much it holds.

        Args:
            path: Where it gets to.
            renamed: Asked for another path each time that the path is taken when the block has ended. It
                gets the folder, which may say where it lies, and may change it. None raises instead.

        Raises:
            AlreadyExistsError: Something lies at `path`; also when it came there meanwhile.
            InvalidValueError: `path` is no artifact path, or leads out of the run by a link; or the folder
                was given something that is no file and no folder.
            StoreError: It cannot be written; nothing is published.
        """
        parts = artifact_parts(path)
        if not parts:
            raise InvalidValueError(f"A folder among the artifacts needs a name, got {path!r}.")
        with (
            _clear_errors(self.root, parts),
            suppress(FileNotFoundError),
            self._folder(parts[:-1], make=False) as handle,
        ):
            if renamed is None:
                _check_free(parts, handle)
        with incoming_folder(self.root.parent) as incoming:
            yield incoming
            while True:
                with _clear_errors(self.root, parts):
                    check_and_sync(incoming)
                    try:
                        self._publish_folder(incoming, parts)
                        return
                    except AlreadyExistsError:
                        if renamed is None:
                            raise
                parts = artifact_parts(renamed(incoming))

    def list(self, path: str | None = None) -> list[FileInfo]:
        """What lies in an artifact folder, one level, by name; empty when there is nothing.

        Raises:
            InvalidValueError: `path` is no artifact path, or leads out of the run by a link.
        """
        parts = artifact_parts(path)
        try:
            # By the descriptor, not by the path: a link put there in between is not followed.
            with self._folder(parts, make=False) as handle, os.scandir(handle) as entries:
                found = [
                    (entry.name, entry.stat(follow_symlinks=False))
                    for entry in entries
                    if not entry.name.startswith(_TEMPORARY)
                ]
        except (FileNotFoundError, NotADirectoryError):
            return []
        infos = [
            FileInfo(
                "/".join((*parts, name)),
                stat.S_ISDIR(status.st_mode),
                None if stat.S_ISDIR(status.st_mode) else status.st_size,
            )
            for name, status in found
            if stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)
        ]
        return sorted(infos, key=lambda info: info.path)

    def open(self, path: str) -> BinaryIO:
        """Open one artifact to read.

        Raises:
            MissingFileError: There is no such artifact.
            InvalidValueError: `path` is no artifact path, or leads out of the run by a link.
        """
        parts = artifact_parts(path)
        if not parts:
            raise self._missing(path, parts)
        try:
            with self._folder(parts[:-1], make=False) as handle:
                # Without waiting: nobody may ever write to a named pipe that lies there.
                descriptor = _open_at(parts[-1], os.O_RDONLY | getattr(os, "O_NONBLOCK", 0), handle)
        except (FileNotFoundError, NotADirectoryError):
            raise self._missing(path, parts) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise self._missing(path, parts)
        return os.fdopen(descriptor, "rb")

    def _missing(self, path: str, parts: tuple[str, ...]) -> MissingFileError:
        return MissingFileError("artifact", path, [info.path for info in self.list("/".join(parts[:-1]))])

    def local_path(self, path: str | None = None) -> str:
        """Where an artifact lies on this machine; it is a copy of nothing, so do not write to it.

        Args:
            path: A file or folder inside the run; None is its root.

        Raises:
            MissingFileError: There is no such artifact.
            InvalidValueError: `path` is no artifact path, or leads out of the run by a link.
        """
        parts = artifact_parts(path)
        try:
            with self._folder(parts, make=False):
                pass
        except NotADirectoryError:
            self.open("/".join(parts)).close()
        except FileNotFoundError:
            siblings = [info.path for info in self.list("/".join(parts[:-1]))] if parts else []
            advice = "" if parts else "The run has no artifacts."
            raise MissingFileError("artifact", path or "", siblings, advice) from None
        return str(self.root.joinpath(*parts))

    @contextmanager
    def locked(self) -> Generator[None]:
        """Wait for, and keep out, other threads and processes that hold this lock of the run.

        Raises:
            StoreError: The lock cannot be taken.
        """
        import fcntl  # lazy: only what is changed by what it holds needs it

        path = self.root.with_name(_LOCK)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise StoreError(f"Cannot open the lock {path}: {error.strerror}.") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            except OSError as error:
                raise StoreError(f"Cannot take the lock {path}: {error.strerror}.") from error
            yield
        finally:
            # Let go by name: a child forked meanwhile has the file open too, and would keep the lock.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def _save_tree(self, source: Path, parts: tuple[str, ...]) -> None:
        # Checked whole before the first copy, so that a bad name in the middle leaves nothing behind.
        left_out = _LeftOut([], [])
        files = [(file, (*parts, *relative)) for file, relative in _files_below(source, left_out)]
        for _, target in files:
            artifact_parts("/".join(target))
        left_out.warn()
        if not files and parts:
            with self._folder(parts, make=True):
                return
        for file, target in files:
            self._save_copy(file, target)

    def _save_copy(self, source: Path, parts: tuple[str, ...]) -> None:
        import shutil  # lazy: many scripts log no file

        artifact_parts("/".join(parts))

        def copy(target: BinaryIO) -> None:
            with open(source, "rb") as file:
                shutil.copyfileobj(file, target, 1 << 20)

        self._publish(parts, copy)

    def _publish(self, parts: tuple[str, ...], write: Writer, *, sync: bool = True) -> None:
        with _clear_errors(self.root, parts), self._folder(parts[:-1], make=True) as handle:
            temporary = f"{_TEMPORARY}{os.urandom(8).hex()}"
            try:
                descriptor = _open_at(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, handle)
                with os.fdopen(descriptor, "wb") as file:
                    write(file)
                    file.flush()
                    if sync:  # a name must not outlive a power cut without its bytes
                        os.fsync(file.fileno())
                os.rename(temporary, parts[-1], src_dir_fd=handle, dst_dir_fd=handle)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=handle)
                raise

    def _publish_folder(self, incoming: Path, parts: tuple[str, ...]) -> None:
        with self._folder(parts[:-1], make=True) as handle:
            _check_free(parts, handle)
            try:
                os.rename(incoming, parts[-1], dst_dir_fd=handle)
            except OSError as error:
                # Between the look and the rename another may have been faster.
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise _taken(parts) from None
                raise

    @contextmanager
    def _folder(self, parts: tuple[str, ...], *, make: bool) -> Generator[int]:
        """A handle of an artifact folder, reached without following a link."""
        if make:
            # Not its parents: a run that was deleted must not come back as an empty folder.
            self.root.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(self.root, _FOLDER_FLAGS)
        try:
            for index, part in enumerate(parts):
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=handle)
                try:
                    below = os.open(part, _FOLDER_FLAGS, dir_fd=handle)
                except OSError as error:
                    if _is_link(part, handle):
                        raise _leaves_run("/".join(parts[: index + 1])) from None
                    raise error
                # In this order: an interrupt in between must not close one of them twice.
                above, handle = handle, below
                os.close(above)
            yield handle
        finally:
            os.close(handle)


def _open_at(name: str, flags: int, handle: int) -> int:
    try:
        return os.open(
            name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600, dir_fd=handle
        )
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _leaves_run(name) from None
        raise


def _check_free(parts: tuple[str, ...], handle: int) -> None:
    with suppress(FileNotFoundError):
        os.stat(parts[-1], dir_fd=handle, follow_symlinks=False)
        raise _taken(parts)


def _taken(parts: tuple[str, ...]) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"The run has an artifact {'/'.join(parts)!r} already. Choose another path; a folder is published "
        "once, whole."
    )


def _is_link(name: str, handle: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _leaves_run(path: str) -> InvalidValueError:
    return InvalidValueError(
        f"The artifact path {path!r} is a link, which may lead out of the run. Remove the link."
    )


@contextmanager
def _clear_errors(root: Path, parts: tuple[str, ...]) -> Generator[None]:
    try:
        yield
    except (StoreError, MissingFileError):
        raise
    except NotADirectoryError as error:
        raise InvalidValueError(
            f"The artifact path {'/'.join(parts)!r} runs through a file. Choose another folder."
        ) from error
    except IsADirectoryError as error:
        raise InvalidValueError(
            f"The artifact {'/'.join(parts)!r} is a folder already. Choose another name."
        ) from error
    except OSError as error:
        raise StoreError(
            f"Cannot write the artifact {'/'.join(parts)!r} to {root}: {error.strerror}."
        ) from error


class _LeftOut(NamedTuple):
    """What is not copied of a local folder although somebody may expect it."""

    stores: list[str]
    dangling: list[str]

    def warn(self) -> None:
        if self.stores:
            warn_user(
                f"{_some(self.stores)} was not logged: a store of nbtrack would grow with each run.",
                UserWarning,
            )
        if self.dangling:
            warn_user(f"{_some(self.dangling)} was not logged: a link to something that is not there.")


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
    return ", ".join(paths[:3]) + more


def _files_below(source: Path, left_out: _LeftOut) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Every file below a local folder with its relative parts; links are followed, loops are not."""
    waiting: list[tuple[Path, tuple[str, ...], frozenset[tuple[int, int]]]] = [
        (source, (), _folders_above(source))
    ]
    while waiting:
        folder, parts, above = waiting.pop()
        identity = _identity(folder)
        if identity in above:
            continue
        if parts and holds_store(folder):
            left_out.stores.append(str(folder))
            continue
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.is_symlink() and not os.path.exists(entry.path):
                left_out.dangling.append(entry.path)
            elif entry.is_dir():
                below = above | {identity}
                if entry.is_symlink():
                    below |= _folders_above(Path(entry.path))
                waiting.append((Path(entry.path), (*parts, entry.name), below))
            elif entry.is_file():
                yield Path(entry.path), (*parts, entry.name)


def _folders_above(folder: Path) -> frozenset[tuple[int, int]]:
    """The folders in which a folder really lies: a link to one of them is a loop."""
    found: set[tuple[int, int]] = set()
    for above in folder.resolve().parents:
        with suppress(OSError):  # one that may not be looked at cannot be copied either
            found.add(_identity(above))
    return frozenset(found)


def _identity(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _check_link(path: Path, kind: str, name: str) -> None:
    """Raise what is wrong with a link to nothing."""
    if path.is_symlink():
        advice = f"It is a link to {os.readlink(path)!r}, and that is not there."
        raise MissingFileError(kind, name, advice=advice)


def _siblings(path: Path) -> list[str]:
    try:
        return [str(path.parent / name) for name in os.listdir(path.parent)][:1000]
    except OSError:
        return []
