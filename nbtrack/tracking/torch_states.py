"""State dicts of PyTorch among the artifacts of runs: the verbs of `nbtrack.pytorch` that keep no model."""

import os
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nbtrack.core.errors import InvalidTypeError, MissingFileError
from nbtrack.models.flavors.torch_files import STATE_DICT_FILE, WEIGHTS_FILE
from nbtrack.models.safety.folder import ModelFolder
from nbtrack.tracking import model_access
from nbtrack.tracking.fluent import default_tracker


def log_state_dict(state_dict: Any, artifact_path: str, *, run_id: str | None = None, **options: Any) -> None:
    """Keep a state dict among the artifacts of a run; see `nbtrack.pytorch.log_state_dict`."""
    _check(state_dict)
    with TemporaryDirectory(prefix="nbtrack-state-") as folder:
        save_state_dict(state_dict, folder, **options)
        default_tracker.log_artifacts(folder, artifact_path, run_id=run_id)


def save_state_dict(state_dict: Any, path: str | PathLike[str], **options: Any) -> None:
    """Save a state dict in a folder, and sign it; see `nbtrack.pytorch.save_state_dict`."""
    import torch

    from nbtrack.models.safety.trust import sign_folder

    _check(state_dict)
    folder = Path(path).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    incoming = folder / f".{STATE_DICT_FILE}-{os.getpid()}"
    try:
        torch.save(state_dict, str(incoming), **options)
        os.replace(incoming, folder / STATE_DICT_FILE)
    finally:
        incoming.unlink(missing_ok=True)
    if os.listdir(folder) in ([STATE_DICT_FILE], sorted([STATE_DICT_FILE, "nbtrack.signature.json"])):
        sign_folder(folder)


def load_state_dict(uri: str | PathLike[str], *, trust: bool = False, **options: Any) -> Any:
    """Load a state dict; see `nbtrack.pytorch.load_state_dict`."""
    from nbtrack.models.flavors import pytorch
    from nbtrack.models.flavors.torch_files import read_weights

    folder = ModelFolder(model_access.local_folder(uri), trust=trust)
    if folder.holds(STATE_DICT_FILE):
        return pytorch.load_state(folder, STATE_DICT_FILE, options)
    weights = f"data/{WEIGHTS_FILE}"
    if folder.holds(weights):
        return read_weights(folder.file(weights), options.get("map_location"))
    raise MissingFileError(
        "state dict",
        str(uri),
        advice=f"{str(folder.path)!r} holds neither {STATE_DICT_FILE} nor {weights}. A whole module is "
        "loaded by nbtrack.pytorch.load_model(uri).state_dict().",
    )


def scorer_for_mlflow(path: str, model_config: Mapping[str, Any] | None) -> Any:
    """A predictor of a model in our own format, for MLflow, which gives the folder `data` of it."""
    from nbtrack.models.flavors import pytorch

    data = Path(path)
    folder = ModelFolder(data.parent, trust=True)
    model = pytorch.load(folder, {"model_data": data.name})
    return pytorch.scorer(model, {}, data.parent, {"device": None, **(model_config or {})})


def _check(state_dict: Any) -> None:
    if isinstance(state_dict, Mapping):
        return
    advice = (
        "Give module.state_dict(); nbtrack.pytorch.log_model keeps a whole module."
        if hasattr(state_dict, "state_dict")
        else "Give module.state_dict(), or a dict of state dicts."
    )
    raise InvalidTypeError(f"A state dict is a dict, got a {type(state_dict).__name__}. {advice}")
