"""Whether a model may run code on this machine: this user signed it, trusts its content, or says so now.

Checked before the first opcode of a pickle and before the first import. What is signed or trusted is
the content of every file of a model folder: one that was added, changed or removed ends it.
"""

import hmac
import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from nbtrack.core.errors import (
    ConfigurationError,
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
    NbtrackError,
    UntrustedModelError,
)
from nbtrack.core.text_tables import shortened, visible
from nbtrack.core.warn import warn_user
from nbtrack.models.safety import trust_list
from nbtrack.models.safety.file_owners import others_can_write
from nbtrack.models.safety.folder_digests import (
    LEFT_OUT,
    SIGNATURE_FILE,
    FileDigest,
    HashedFile,
    canonical,
    content_digest,
    hash_file,
    model_files,
)
from nbtrack.models.safety.safe_files import Listing, inner_parts, open_inside
from nbtrack.models.safety.trust_list import TrustedModel
from nbtrack.models.safety.user_key import existing_key, signing_key

_FORMAT = 1
_MOST_SIGNATURE_BYTES = 16_000_000
_MOST_SHOWN = 6
_CODE = (".py", ".pyc", ".so", ".pyd", ".dll", ".dylib")
_HEX = re.compile(r"[0-9a-f]{64}")

_warned: set[str] = set()


@dataclass(frozen=True)
class Verified:
    """What is known of the content of a model that may run code."""

    listing: Listing
    files: Mapping[str, HashedFile] | None
    """By relative path; None where only the call vouches for it, so that nothing was hashed."""


def sign_folder(folder: Path) -> bool:
    """Sign a model folder with this user's key, before it is published.

    Reads every file once. A key that cannot be used fails no training: it warns once, and the model
    is not signed, so that loading it asks for trust.

    Returns:
        Whether it was signed.

    Raises:
        InvalidValueError: The folder holds a link, something special, or too much.
    """
    try:
        key = signing_key()
    except ConfigurationError as error:
        _warn_once(f"Models are not signed, so loading them asks for trust=True or `nbtrack trust`: {error}")
        return False
    listing = model_files(folder)
    files = {name: hash_file(folder, name).digest for name in listing.files}
    _write_signature(folder, key, files)
    return True


def replace_file(folder: Path, name: str, staged: Path) -> None:
    """Give a model another file; it stays the user's own, or trusted, if it was, also when this is killed.

    The signature first says of what the model is that it may have the new file, then the file is replaced.

    Args:
        folder: The model's folder.
        name: A file in it.
        staged: What replaces it, on the same disk, outside the folder.

    Raises:
        MissingFileError: There is no such folder.
        InvalidValueError: It holds a link, something special, or too much.
        ConfigurationError: The list of trusted models cannot be written.
        OSError: The folder cannot be written.
    """
    listing = model_files(folder)
    own, _ = _verified_by_key(folder, listing)
    trusted, _ = _verified_by_list(folder, listing)
    digest = hash_file(staged.parent, staged.name).digest
    if trusted is not None:
        files = {each: hashed.digest for each, hashed in trusted.items()} | {name: digest}
        trust_list.add(content_digest(files), folder, files)
    if own is not None:
        files = {each: hashed.digest for each, hashed in own.items()}
        _write_signature(folder, signing_key(), files, (name, digest))
    os.replace(staged, folder / name)
    if own is not None:
        sign_folder(folder)


def is_own(folder: Path) -> bool:
    """Whether this user signed a model folder, and nothing in it has changed since.

    Raises:
        MissingFileError: There is no such folder.
        InvalidValueError: It holds a link, something special, or too much.
    """
    listing = model_files(folder)
    _, reason = _verified_by_key(folder, listing)
    return reason is None


def folder_digest(folder: Path) -> str:
    """The digest of all that a model folder holds, by which it is trusted; sha256 in hex.

    Raises:
        MissingFileError: There is no such folder.
        InvalidValueError: It holds a link, something special, or too much.
    """
    listing = model_files(folder)
    return content_digest({name: hash_file(folder, name).digest for name in listing.files})


def trust_folder(folder: Path, *, digest: str | None = None) -> str:
    """Trust a model folder, as it is now, from now on: loading it, or a copy of it, may run code.

    Args:
        folder: The model's folder.
        digest: What `folder_digest` said when the user looked at it; it must still hold just that.

    Returns:
        The digest of its content.

    Raises:
        MissingFileError: There is no such folder.
        InvalidValueError: It holds a link, something special, or too much; or it has changed.
        ConfigurationError: The list of trusted models cannot be written.
    """
    files = {name: hash_file(folder, name).digest for name in model_files(folder).files}
    current = content_digest(files)
    if digest is not None and digest != current:
        raise InvalidValueError(f"The model {str(folder)!r} has changed meanwhile. Look at it again.")
    trust_list.add(current, folder, files)
    return current


def distrust_folder(folder: Path | str) -> bool:
    """Trust a model folder, or a digest, no more; a model that this user signed stays loadable.

    Returns:
        Whether it was trusted.

    Raises:
        MissingFileError: There is no such folder.
        InvalidValueError: It holds a link, something special, or too much.
        ConfigurationError: The list of trusted models cannot be written.
    """
    if isinstance(folder, str) and _HEX.fullmatch(folder):
        return trust_list.remove(folder)
    return trust_list.remove(folder_digest(Path(folder)))


def trusted_digests() -> list[TrustedModel]:
    """The models that the user trusts, the latest first.

    Raises:
        ConfigurationError: The list cannot be read, or others could write to it.
    """
    return trust_list.listed()


def others_can_change(folder: Path) -> str | None:
    """How other users could change a model folder, as a clause; None when they cannot.

    Raises:
        MissingFileError: There is no such folder.
        InvalidValueError: It holds a link, something special, or too much.
    """
    return _writable_by_others(folder, model_files(folder))


def check_trusted(folder: Path, files: Iterable[str], *, why: str, trust: bool = False) -> Verified:
    """Refuse a model that would run code, unless this user signed it, trusts its content, or says so.

    Args:
        folder: The model's folder.
        files: Files and folders in it that would run code; for the message.
        why: What loading does with them, as the end of a sentence: `model.pkl is a pickle`.
        trust: The user's word in the call; it holds for that call only.

    Returns:
        What was verified.

    Raises:
        UntrustedModelError: It may not. The message says what it would import, and both ways to trust it.
        MissingFileError: There is no such folder, or one of the files is not there.
        InvalidValueError: The folder holds a link, something special, or too much.
    """
    if not isinstance(trust, bool):
        raise InvalidTypeError(f"trust is True or False, got {type(trust).__name__} {trust!r:.60}.")
    listing = model_files(folder)
    asked = ["/".join(inner_parts(name, folder)) for name in files]
    for name in asked:
        if name not in listing.files and name not in listing.folders:
            open_inside(folder, name).close()  # says what is wrong with it
            raise MissingFileError("file", name)
    writable = _writable_by_others(folder, listing)
    if trust:
        if writable:
            warn_user(f"{writable} What is loaded may not be what you have looked at.")
        return Verified(listing, None)
    verified, reason = _verified_by_key(folder, listing)
    if verified is None:
        verified, changed = _verified_by_list(folder, listing)
        reason = changed or reason
    if verified is None or writable:
        reason = writable if verified is not None else reason
        raise UntrustedModelError(_refusal(folder, asked, why, str(reason)))
    return Verified(listing, verified)


@dataclass(frozen=True)
class RunsCode:
    """A file of a model that runs code when it is loaded, or may do so."""

    path: str
    imports: tuple[str, ...] | None
    """What it would import, the most telling first; None for a file that is code itself."""
    complete: bool
    """Whether that is all."""

    def sentence(self, most: int = _MOST_SHOWN) -> str:
        """What is known of it, with that many imports."""
        if self.imports is None:
            return f"{visible(self.path)} is code"
        # The parts of cloudpickle say nothing of the model, and would fill the list.
        told = dict.fromkeys(
            "cloudpickle" if each.startswith("cloudpickle.") else each for each in self.imports
        )
        named = [visible(shortened(each, 100)) for each in list(told)[:most]]
        if more := len(told) - len(named):
            named.append(f"{more:,} more")
        if not self.complete:
            named.append("what could not be read of it")
        listed = ", ".join(named[:-1]) + (" and " if len(named) > 1 else "") + "".join(named[-1:])
        return f"{visible(self.path)} would import {listed or 'nothing'}"


def what_runs(folder: Path, names: Iterable[str] | None = None) -> list[RunsCode]:
    """The files of a model that would run code, found without running any of it.

    Args:
        folder: The model's folder.
        names: Files and folders to look at; None is all.

    Raises:
        MissingFileError: There is no such folder.
        InvalidValueError: It holds a link, something special, or too much.
    """
    from nbtrack.models.safety.pickles import inspect, reading_budget

    listing = model_files(folder)
    budget = reading_budget()
    found: list[RunsCode] = []
    for name in sorted(listing.files) if names is None else _below(names, listing):
        if name.endswith(_CODE):
            found.append(RunsCode(name, None, True))
            continue
        try:
            report = inspect(folder / name, budget)
        except (NbtrackError, OSError):
            continue
        if report is not None:
            found.append(RunsCode(name, report.imports, report.complete))
    return found


def _below(names: Iterable[str], listing: Listing) -> list[str]:
    """The files that names of files and folders mean."""
    found: dict[str, None] = {}
    for name in names:
        if name in listing.files:
            found[name] = None
        else:
            found.update(dict.fromkeys(sorted(each for each in listing.files if each.startswith(f"{name}/"))))
    return list(found)


def _refusal(folder: Path, asked: list[str], why: str, reason: str) -> str:
    told = what_runs(folder, asked)
    shown = "; ".join(each.sentence() for each in told[:_MOST_SHOWN])
    shown += "; …" if len(told) > _MOST_SHOWN else ""
    return (
        f"The model {str(folder)!r} is not loaded: it could do harm ({why}), and {reason}. "
        f"{f'{shown}. ' if shown else ''}"
        "If you trust whoever made it, say trust=True in this call, or once and for all: "
        f"nbtrack trust {shlex.quote(str(folder))}"
    )


def _verified_by_key(folder: Path, listing: Listing) -> tuple[dict[str, HashedFile] | None, str | None]:
    """The files, if this user's signature fits them; else None and why not."""
    try:
        signed, mac = _read_signature(folder, listing)
    except MissingFileError:
        return None, "it is not signed"
    except InvalidValueError as error:
        return None, f"its signature cannot be read: {error}"
    try:
        key = existing_key()
    except ConfigurationError as error:
        return None, f"your key cannot be used: {str(error).rstrip('.')}"
    if key is None or not hmac.compare_digest(_mac(key, signed), mac):
        return None, "you have neither logged nor trusted it"
    added = sorted(listing.files.keys() - signed.keys())
    missing = sorted(signed.keys() - listing.files.keys())
    if added:
        return None, f"{added[0]!r} was added to it after you logged it"
    if missing:
        return None, f"{missing[0]!r} was removed from it after you logged it"
    hashed: dict[str, HashedFile] = {}
    # The size first: it costs nothing, and tells most changes of large files.
    for name, status in listing.files.items():
        if status.st_size != signed[name].size:
            return None, f"{name!r} has changed since you logged it"
    for name in listing.files:
        hashed[name] = hash_file(folder, name)
        if hashed[name].digest != signed[name]:
            return None, f"{name!r} has changed since you logged it"
    return hashed, None


def _verified_by_list(folder: Path, listing: Listing) -> tuple[dict[str, HashedFile] | None, str | None]:
    """The files, if the user trusts a model with just this content.

    Else None, and what has changed in the one that was trusted at this place.
    """
    if not trust_list.is_trusted(None):
        return None, None
    hashed = {name: hash_file(folder, name) for name in listing.files}
    files = {name: each.digest for name, each in hashed.items()}
    if trust_list.is_trusted(content_digest(files)):
        return hashed, None
    before = trust_list.files_trusted_at(folder)
    return None, None if before is None else _changed_since_trusted(before, files)


def _changed_since_trusted(before: Mapping[str, FileDigest], now: Mapping[str, FileDigest]) -> str:
    if not before:
        return "it has changed since you trusted it"
    for name in sorted(now.keys() - before.keys()):
        return f"{name!r} was added to it after you trusted it"
    for name in sorted(before.keys() - now.keys()):
        return f"{name!r} was removed from it after you trusted it"
    changed = next(name for name in sorted(now) if now[name] != before[name])
    return f"{changed!r} has changed since you trusted it"


def _writable_by_others(folder: Path, listing: Listing) -> str | None:
    """What is wrong with the modes of a folder; None when nothing is."""
    for name, status in (*listing.folders.items(), *listing.files.items()):
        if name not in LEFT_OUT and others_can_write(status):
            place = f"{name!r} in it" if name else "it"
            return (
                f"other users can write to {place} (mode {status.st_mode & 0o7777:04o}; "
                f"`chmod -R go-w {shlex.quote(str(folder))}` forbids it)"
            )
    return None


def _write_signature(
    folder: Path, key: bytes, files: Mapping[str, FileDigest], coming: tuple[str, FileDigest] | None = None
) -> None:
    document: dict[str, Any] = {
        "format": _FORMAT,
        "files": {name: {"sha256": each.sha256, "size": each.size} for name, each in sorted(files.items())},
        "hmac": _mac(key, files),
    }
    if coming is not None:
        name, digest = coming
        document["coming"] = {
            "file": name,
            "sha256": digest.sha256,
            "size": digest.size,
            "hmac": _mac(key, {**files, name: digest}),
        }
    _replace(folder / SIGNATURE_FILE, json.dumps(document, indent=1).encode())


def _read_signature(folder: Path, listing: Listing) -> tuple[dict[str, FileDigest], str]:
    with open_inside(folder, SIGNATURE_FILE) as file:
        text = file.read(_MOST_SIGNATURE_BYTES + 1)
    if len(text) > _MOST_SIGNATURE_BYTES:
        raise InvalidValueError(f"{SIGNATURE_FILE} is too large.")
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidValueError(f"{SIGNATURE_FILE} is no JSON.") from None
    try:
        written_by_another = document["format"] != _FORMAT
        held = cast("dict[str, dict[str, Any]]", document["files"])
        files = {name: FileDigest(str(each["sha256"]), int(each["size"])) for name, each in held.items()}
        mac = document["hmac"]
        if (coming := document.get("coming")) is not None:
            name, digest = str(coming["file"]), FileDigest(str(coming["sha256"]), int(coming["size"]))
            # One file was about to be replaced: which of the two lies there says which text is signed.
            if name in listing.files and hash_file(folder, name).digest == digest:
                files[name], mac = digest, coming["hmac"]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidValueError(f"{SIGNATURE_FILE} is no signature.") from None
    if written_by_another:
        raise InvalidValueError(f"{SIGNATURE_FILE} was written by another nbtrack than this one.")
    if not isinstance(mac, str) or not _HEX.fullmatch(mac):
        raise InvalidValueError(f"{SIGNATURE_FILE} is no signature.")
    return files, mac


def _mac(key: bytes, files: Mapping[str, FileDigest]) -> str:
    return hmac.digest(key, canonical(files), "sha256").hex()


def _replace(path: Path, text: bytes) -> None:
    temporary = path.with_name(f".{path.name}-{os.urandom(8).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(temporary, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        warn_user(message)
