"""The key that this user's models are signed with, in the user's configuration folder.

Never in a store: those are copied and shared. Where others could read the key or change the folder,
it is not used.
"""

import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from nbtrack.core.errors import ConfigurationError
from nbtrack.models.safety.file_owners import others_can_write, others_own

_KEY_FILE = "signing.key"
_KEY_BYTES = 32
_WAIT_SECONDS = 2.0
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


def configuration_folder() -> Path:
    """The user's folder for nbtrack: `$XDG_CONFIG_HOME/nbtrack`, else `~/.config/nbtrack`.

    Raises:
        ConfigurationError: The user has no home.
    """
    given = os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(given):  # one that is not is to be ignored, says its standard
        return Path(given) / "nbtrack"
    try:
        return Path.home() / ".config" / "nbtrack"
    except RuntimeError:
        raise ConfigurationError(
            "This user has no home folder, so there is no place for a key. Set HOME or XDG_CONFIG_HOME."
        ) from None


def made_folder() -> Path:
    """The configuration folder, made where there is none.

    Raises:
        ConfigurationError: It cannot be made, or others own it or can write to it.
    """
    folder = configuration_folder()
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be made: {error.strerror}.") from error
    return checked_folder() or folder


def checked_folder() -> Path | None:
    """The configuration folder, if nobody else can change what lies in it; None where there is none.

    Raises:
        ConfigurationError: Others own it or can write to it, or it cannot be read.
    """
    folder = configuration_folder()
    try:
        status = os.lstat(folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be read: {error.strerror}.") from error
    if stat.S_ISLNK(status.st_mode):
        # Kept elsewhere on purpose: what counts is who can change where it leads.
        try:
            folder = folder.resolve(strict=True)
            status = os.stat(folder)
        except OSError as error:
            raise ConfigurationError(f"{folder} is a broken link: remove it.") from error
    if not stat.S_ISDIR(status.st_mode):
        raise ConfigurationError(f"{folder} is no folder: move it away.")
    if others_own(status):
        raise ConfigurationError(
            f"{folder} belongs to another user. Change its owner (chown), or set XDG_CONFIG_HOME to a "
            "folder of yours."
        )
    for place in (folder, *folder.parents):
        if others_can_write(os.stat(place)):
            raise ConfigurationError(f"Other users can write to {place}. `chmod go-w {place}` forbids it.")
    return folder


def signing_key() -> bytes:
    """The user's key, 32 random bytes; made when there is none.

    Raises:
        ConfigurationError: It cannot be made or read, or others could have read or replaced it.
    """
    path = made_folder() / _KEY_FILE
    with suppress(FileNotFoundError):
        return _read(path)
    try:
        _make(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        return _read(path)
    except FileNotFoundError:
        raise ConfigurationError(f"{path} was removed by another process.") from None


def existing_key() -> bytes | None:
    """The user's key; None where none was made yet.

    Raises:
        ConfigurationError: It cannot be read, or others could have read or replaced it.
    """
    folder = checked_folder()
    try:
        return None if folder is None else _read(folder / _KEY_FILE)
    except FileNotFoundError:
        return None


def _read(path: Path) -> bytes:
    end = time.monotonic() + _WAIT_SECONDS
    while True:
        key = _read_once(path)
        if len(key) == _KEY_BYTES:
            return key
        # Only where there are no hard links: whoever made it is about to write it.
        if key or time.monotonic() > end:
            raise ConfigurationError(
                f"{path} is no key: it holds {len(key)} bytes instead of {_KEY_BYTES}. Remove it; models "
                "that were signed before then have to be trusted again."
            )
        time.sleep(0.01)


def _read_once(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{path} is no file: remove it.")
        if hasattr(os, "getuid") and status.st_uid != os.getuid():
            raise ConfigurationError(
                f"{path} belongs to another user. Remove it: a new one is made, and models that were "
                "signed before have to be trusted again."
            )
        if hasattr(os, "getuid") and stat.S_IMODE(status.st_mode) & 0o077:
            raise ConfigurationError(
                f"Other users can read or write {path} (mode {stat.S_IMODE(status.st_mode):04o}). If they "
                "may have done so, remove it; else `chmod 600` it."
            )
        return os.read(descriptor, _KEY_BYTES + 1)
    finally:
        os.close(descriptor)


def _make(path: Path) -> None:
    """Make the key, unless another process does first."""
    key = os.urandom(_KEY_BYTES)
    temporary = path.with_name(f".{_KEY_FILE}-{os.urandom(8).hex()}")
    _write(temporary, key)
    try:
        # By link: it has its name when it is whole, and only if nothing has that name.
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        with suppress(FileExistsError):
            _write(path, key)
    finally:
        os.unlink(temporary)


def _write(path: Path, key: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    try:
        os.write(descriptor, key)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
