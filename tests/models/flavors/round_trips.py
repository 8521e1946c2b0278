"""Saving models in folders and loading them again, here and in a fresh process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from nbtrack.models.flavors.known import flavor_named, flavor_of
from nbtrack.models.loading import load_native, load_predictor
from nbtrack.models.mlmodel import Model
from nbtrack.models.safety.folder_digests import SIGNATURE_FILE
from nbtrack.models.saving import SaveOptions, save_to_folder

ROOT = Path(__file__).parents[3]


def save(
    model: Any, folder: Path, *, flavor: str | None = None, given: SaveOptions | None = None, **options: Any
) -> Model:
    """Save a model as nbtrack picks, or as one flavor."""
    folder.mkdir(parents=True)
    chosen = flavor_of(model) if flavor is None else flavor_named(flavor)
    return save_to_folder(
        chosen, model, folder, given or SaveOptions(), about=Model(), flavor_options=options
    )


def load(folder: Path, flavor: str | None = None, *, trust: bool = False) -> Any:
    """The model as it was."""
    native = [name for name in Model.load(folder).flavors if name != "python_function"]
    return load_native(folder, flavor or native[0], trust=trust)


def round_trip(model: Any, folder: Path, **options: Any) -> Any:
    """Save a model and load it."""
    save(model, folder, **options)
    return load(folder)


def predict(folder: Path, data: Any, params: dict[str, Any] | None = None) -> Any:
    """What it predicts behind `predict`."""
    return load_predictor(folder, suppress_warnings=True).predict(data, params)


def make_a_strangers(folder: Path) -> Path:
    """Take a model's signature away: for this user it is somebody else's."""
    (folder / SIGNATURE_FILE).unlink()
    return folder


def in_a_fresh_process(program: str, *arguments: str | Path) -> str:
    """What a program prints; it is another interpreter, and the same user."""
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
