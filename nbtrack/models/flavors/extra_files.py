"""Files that a user wants to lie beside a model, such as a vocabulary: MLflow's `extra_files`."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingFileError

EXTRA_FILES_FOLDER = "extra_files"


def copy_extra_files(
    extra_files: Iterable[str | os.PathLike[str]] | None, folder: Path
) -> list[dict[str, str]]:
    """Copy files and folders into a model's folder.

    Returns:
        What the flavor's entry says of them: the path of each in the model's folder.

    Raises:
        InvalidTypeError: They are no list.
        InvalidValueError: Two of them have one name.
        MissingFileError: One is not there.
    """
    if extra_files is None:
        return []
    if isinstance(extra_files, str | os.PathLike):
        raise InvalidTypeError(f"extra_files takes a list of files, got the one {str(extra_files)!r}.")
    told: list[dict[str, str]] = []
    target = folder / EXTRA_FILES_FOLDER
    for given in extra_files:
        if not isinstance(given, str | os.PathLike):
            raise InvalidTypeError(f"extra_files names files, got {type(given).__name__} {given!r:.80}.")
        source = Path(given).expanduser().absolute()
        if not source.exists():
            raise MissingFileError("extra file", str(given), advice=f"It was looked for at {source}.")
        place = target / source.name
        if place.exists():
            raise InvalidValueError(
                f"extra_files names two things called {source.name!r}. Rename one of them."
            )
        target.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place)
        else:
            shutil.copyfile(source, place)
        told.append({"path": f"{EXTRA_FILES_FOLDER}/{source.name}"})
    return told
