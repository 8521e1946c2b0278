"""A temporary folder as MLflow's users know it, in `mlflow.utils.file_utils`."""

import os
import shutil
from tempfile import mkdtemp
from types import TracebackType

from nbtrack.core.errors import InvalidStateError


class TempDir:
    """A folder that is there inside of `with`.

    Args:
        chdr: Whether it is the working directory meanwhile.
        remove_on_exit: Whether it goes at the end, with what lies in it.
    """

    def __init__(self, chdr: bool = False, remove_on_exit: bool = True) -> None:
        self._chdr = chdr
        self._removes = remove_on_exit
        self._folder: str | None = None
        self._before: str | None = None

    def __enter__(self) -> "TempDir":
        self._folder = os.path.realpath(mkdtemp(prefix="nbtrack-"))
        if self._chdr:
            self._before = os.getcwd()
            os.chdir(self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            os.chdir(self._before)
            self._before = None
        if self._removes and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def path(self, *path: str) -> str:
        """A path in it: absolute, or relative where it is the working directory.

        Raises:
            InvalidStateError: It is asked for before `with`.
        """
        if self._folder is None:
            raise InvalidStateError("TempDir has no folder yet. Write `with TempDir() as folder:`.")
        return os.path.join("./" if self._chdr else self._folder, *path)
