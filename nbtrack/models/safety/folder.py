"""A model folder being read: paths that stay inside it, and no code from it unless it is trusted.

Its paths come from an MLmodel file, which a stranger may have written.
"""

import hashlib
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

from nbtrack.core.errors import InvalidValueError, UntrustedModelError
from nbtrack.models.safety.file_owners import is_exposed
from nbtrack.models.safety.folder_digests import HashedFile, identity_of
from nbtrack.models.safety.safe_files import check_folder, inner_parts, open_inside, scan
from nbtrack.models.safety.trust import Verified, check_trusted


class ModelFolder:
    """The folder of a model that is being loaded.

    What may run code is read through `open` (a file) or `private_copy` (a folder of Python code, or a
    file whose reader takes only a path): what they give is what was verified, whatever happens to the
    folder meanwhile.

    Args:
        path: The folder; a link to it is followed, one inside it is refused.
        trust: The user's word that this model may run code, for this time.

    Raises:
        MissingFileError: There is no such folder.
        InvalidValueError: It is no folder, or `trust` is neither True nor False.
    """

    def __init__(self, path: str | os.PathLike[str], *, trust: bool = False) -> None:
        self.path = check_folder(Path(path).expanduser()).resolve()
        self.trust = trust
        self._verified: Verified | None = None

    def __repr__(self) -> str:
        return f"<ModelFolder {str(self.path)!r}>"

    @property
    def is_trusted(self) -> bool:
        """Whether it is known to be trusted already: by the call, or by what was asked before."""
        return self.trust is True or self._verified is not None

    def file(self, relative: object) -> Path:
        """The path of a file in the folder, for readers that run nothing, whatever it holds.

        Raises:
            InvalidValueError: The path leaves the folder, runs through a link, or names no plain file.
            MissingFileError: There is no such file; the message says what lies there.
        """
        open_inside(self.path, relative).close()
        return self.path.joinpath(*inner_parts(relative, self.path))

    def directory(self, relative: object) -> Path:
        """The path of a folder in the folder.

        Raises:
            InvalidValueError: The path leaves the folder, runs through a link, or names no folder.
            MissingFileError: There is no such folder; the message says what lies there.
        """
        parts = inner_parts(relative, self.path)
        return check_folder(self.path, parts)

    def holds(self, relative: object) -> bool:
        """Whether something lies there, inside the folder."""
        try:
            return os.path.lexists(self.path.joinpath(*inner_parts(relative, self.path)))
        except InvalidValueError:
            return False

    def require_trust(self, *relatives: str, why: str) -> None:
        """Refuse to go on unless the model may run code. The folder is verified once.

        Args:
            *relatives: The files and folders that would run code; for the message.
            why: What loading does with them, as a clause: `model.pkl is a pickle`.

        Raises:
            UntrustedModelError: This user neither signed the model nor trusts it.
            MissingFileError: One of the files is not there.
            InvalidValueError: A path leaves the folder; or it holds a link, something special, or too much.
        """
        known = self._verified
        if known is None:
            self._verified = check_trusted(self.path, relatives, why=why, trust=self.trust)
            return
        for relative in relatives:
            name = "/".join(inner_parts(relative, self.path))
            if name not in known.listing.files and name not in known.listing.folders:
                # It says what is wrong with it.
                open_inside(self.path, relative).close()

    def open(self, relative: object) -> BinaryIO:
        """Open a file to read.

        After `require_trust` its content is what was verified: it is read through the handle that is
        given, or, where another user could change it meanwhile, a private copy is.

        Raises:
            InvalidValueError: The path leaves the folder, runs through a link, or names no plain file.
            MissingFileError: There is no such file; the message says what lies there.
            UntrustedModelError: It has changed since it was verified.
        """
        file = open_inside(self.path, relative)
        try:
            expected = self._expected(relative)
        except BaseException:
            file.close()
            raise
        if expected is None:
            return file
        status = os.fstat(file.fileno())
        if not is_exposed(status) and identity_of(status) == expected.identity:
            return file
        with file:
            copy = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - it is handed out
            try:
                self._copy(file, copy, str(relative), expected)
                copy.seek(0)
            except BaseException:
                copy.close()
                raise
        return copy

    def private_copy(self, relative: object) -> Path:
        """Copy a file, or a folder with all it holds, to where nobody else can change it.

        For Python code and for readers that take only a path. The copy has the same name, is shared by
        all who ask for the same content, and stays until this process ends.

        Raises:
            InvalidValueError: The path leaves the folder, or runs through a link.
            MissingFileError: There is no such file or folder; the message says what lies there.
            UntrustedModelError: It has changed since it was verified.
        """
        parts = inner_parts(relative, self.path)
        name = "/".join(parts)
        listing = scan(self.path) if self._verified is None else self._verified.listing
        inner = [each for each in listing.files if each == name or each.startswith(f"{name}/")]
        if not inner and name not in listing.folders:
            open_inside(self.path, relative).close()
        target = Path(tempfile.mkdtemp(prefix="nbtrack-model-"))
        digests: dict[str, str] = {}
        try:
            if name in listing.folders:
                (target / parts[-1]).mkdir(mode=0o700)
            for each in inner:
                copy = target / parts[-1] / each[len(name) + 1 :] if each != name else target / parts[-1]
                copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open_inside(self.path, each) as source, open(copy, "xb") as file:
                    digests[each[len(name) :]] = self._copy(source, file, each, self._expected(each))
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        # A server that loads its model again and again keeps one copy, not one for each time.
        content = (os.getpid(), parts[-1], tuple(sorted(digests.items())))
        kept = _copies.setdefault(content, target)
        if kept is not target and (kept / parts[-1]).exists():
            shutil.rmtree(target, ignore_errors=True)
        else:
            kept = _copies[content] = target
            _remove_at_exit(target)
        return kept / parts[-1]

    def _expected(self, relative: object) -> HashedFile | None:
        verified = self._verified
        if verified is None or verified.files is None:
            return None
        name = "/".join(inner_parts(relative, self.path))
        if name not in verified.files:
            raise UntrustedModelError(f"{name!r} is no part of the model {str(self.path)!r}.")
        return verified.files[name]

    def _copy(self, source: BinaryIO, target: IO[bytes], name: str, expected: HashedFile | None) -> str:
        """Copy what was verified, and nothing else; returns its SHA-256."""
        running = hashlib.sha256()
        for piece in iter(partial(source.read, 1 << 20), b""):
            running.update(piece)
            target.write(piece)
        if expected is not None and running.hexdigest() != expected.digest.sha256:
            raise UntrustedModelError(
                f"{name!r} in the model {str(self.path)!r} has changed while it was being loaded."
            )
        return running.hexdigest()


_copies: dict[tuple[int, str, tuple[tuple[str, str], ...]], Path] = {}
"""Where content was copied to: by process (a fork's parent removes its own), name and digests."""


def _remove_at_exit(folder: Path) -> None:
    import atexit

    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # a forked child ends, too
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
