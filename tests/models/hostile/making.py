"""What the models that were made to harm are made of."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Make = Callable[[Path, Path], object]
"""Gets the folder to fill, and the marker that the harm would make."""


class Harm:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.marker,)


@dataclass(frozen=True)
class Case:
    make: Callable[[Path, Path], object]
    """Gets the folder to fill and the marker to make."""
    said: str
    """A pattern of what loading answers."""
    loader: str = "pyfunc"
    is_live: bool = False
    """Whether it makes the marker when it is trusted."""
    harmless: tuple[str, ...] = ()
    """Other loaders that may read a part of it which runs nothing."""


UNTRUSTED = r"is not loaded: it could do harm \(.*\), and .*trust=True.*nbtrack trust "
MKDIR = f"would import {os.mkdir.__module__}.mkdir"


def write(folder: Path, mlmodel: Any = None, **files: bytes | str) -> Path:
    """Write files, named with `__` for `/` and `_dot_` for a dot."""
    for name, content in files.items():
        path = folder / name.replace("_dot_", ".").replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    if mlmodel is not None:
        text = mlmodel if isinstance(mlmodel, str) else yaml.safe_dump(mlmodel)
        (folder / "MLmodel").write_text(text)
    return folder


def harmful(marker: Path) -> str:
    return f"import os\nos.mkdir({str(marker)!r})\n\ndef _load_pyfunc(path):\n    return None\n"
