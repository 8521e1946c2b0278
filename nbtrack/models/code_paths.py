"""The code that lies in a model's folder, made importable when the model is loaded."""

import sys

from nbtrack.models.folder import ModelFolder


def add_code(folder: ModelFolder, relative: str) -> None:
    """Put a model's code folder first on `sys.path`, as MLflow does; it stays there.

    Raises:
        UntrustedModelError: The model is not the user's own.
        MissingFileError: There is no such folder.
    """
    place = folder.directory(relative)
    folder.require_trust(relative, why="it brings Python code, which is imported")
    path = str(place)
    if path not in sys.path:
        sys.path.insert(0, path)
