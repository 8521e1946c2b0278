"""Saving, logging and loading models by what users call them: the way from a URI to a folder and back.

The framework modules (`nbtrack.sklearn` and its kin), `nbtrack.pyfunc` and the command line stand on it.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.core.errors import AlreadyExistsError, InvalidTypeError, NbtrackError, NotFoundError, StoreError
from nbtrack.tracking.fluent import default_tracker

if TYPE_CHECKING:
    from nbtrack.models.mlmodel import Model
    from nbtrack.models.model_info import ModelInfo
    from nbtrack.models.predictor import PyFuncModel
    from nbtrack.models.signature import ModelSignature

ModelUri = str | PathLike[str]


def log_model(model: Any, *args: Any, run_id: str | None = None, **options: Any) -> "ModelInfo":
    """Log a model in the active run, started when there is none, or in the run of an id."""
    return default_tracker.log_model(model, *args, run_id=run_id, **options)


def save_model(
    model: Any,
    path: str | PathLike[str],
    *,
    flavor: str | None = None,
    about: "Model | None" = None,
    signature: Any = None,
    input_example: Any = None,
    code_paths: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    conda_env: Any = None,
    metadata: Mapping[str, Any] | None = None,
    **flavor_options: Any,
) -> None:
    """Save a model in a folder of the user's, whole or not at all.

    Args:
        model: The model.
        path: A folder that does not exist yet, or is empty.
        flavor: How; None looks at the model.
        about: First fields of its MLmodel file.
        signature: As in `log_model`, like all that follow.
        input_example: A few rows.
        code_paths: Files and folders of code.
        pip_requirements: Lines.
        extra_pip_requirements: Lines.
        conda_env: A conda environment.
        metadata: More to say of it.
        **flavor_options: The flavor's own.

    Raises:
        AlreadyExistsError: Something lies at `path`.
        InvalidValueError: It cannot be saved, or options contradict each other.
        StoreError: The folder cannot be written.
    """
    from nbtrack.models.saving import SaveOptions
    from nbtrack.tracking import model_logging

    options = SaveOptions(
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        conda_env=conda_env,
        metadata=metadata,
    )
    if flavor_options.get("artifacts") is not None:
        from nbtrack.tracking.model_artifacts import local_artifacts

        flavor_options["artifacts"] = local_artifacts(default_tracker, flavor_options["artifacts"])
    model_logging.check_path(path)
    chosen = model_logging.chosen_flavor(model, flavor)
    model_logging.check_options(chosen, flavor_options)
    model_logging.save_model(chosen, model, path, options, flavor_options=flavor_options, about=about)


def load_native(
    model_uri: ModelUri,
    flavor: str,
    dst_path: str | PathLike[str] | None = None,
    *,
    trust: bool = False,
    **options: Any,
) -> Any:
    """Load a model as what it was.

    Args:
        model_uri: What the user calls it.
        flavor: Its flavor.
        dst_path: A folder to bring its files to; None leaves them where they are.
        trust: Whether it may run code whoever made it.
        **options: The flavor's own.

    Raises:
        NotFoundError: There is no such model.
        InvalidValueError: It has no such flavor.
        UntrustedModelError: It is not the user's own, and would run code.
    """
    from nbtrack.models.loading import load_native as load

    return load(local_folder(model_uri, dst_path), flavor, trust=trust, uri=_shown(model_uri), **options)


def load_predictor(
    model_uri: ModelUri,
    dst_path: str | PathLike[str] | None = None,
    *,
    trust: bool = False,
    model_config: Any = None,
    suppress_warnings: bool = False,
) -> "PyFuncModel":
    """Load a model behind `predict`; see `nbtrack.pyfunc.load_model`."""
    from nbtrack.models.loading import load_predictor as load

    return load(
        local_folder(model_uri, dst_path),
        trust=trust,
        uri=_shown(model_uri),
        model_config=model_config,
        suppress_warnings=suppress_warnings,
    )


def get_model_info(model_uri: ModelUri) -> "ModelInfo":
    """What is known of a model: its signature, flavors, size, requirements, metadata; no code of it runs.

    Args:
        model_uri: `runs:/<run_id>/<name>`, `models:/<name>/<version>`, `models:/<name>@<alias>`, a folder.

    Raises:
        NotFoundError: There is no such model.
        InvalidValueError: Its MLmodel file is none; the message says why.
    """
    from nbtrack.models.mlmodel import Model
    from nbtrack.models.model_info import ModelInfo
    from nbtrack.tracking.model_uris import resolve_model

    folder = local_folder(model_uri)
    model = Model.load(folder)
    found = resolve_model(default_tracker, model_uri)
    version = None if found.version is None else str(found.version)
    params, tags, step = dict[str, str](), dict[str, str](), 0
    name = model.artifact_path
    if found.store is not None and (model_id := found.model_id or model.model_id) is not None:
        with suppress(NotFoundError):
            entity = found.store.logged_models.get(model_id)
            params, tags, name = dict(entity.params), dict(entity.tags), entity.name
    return ModelInfo(
        model,
        _shown(model_uri),
        folder=folder,
        name=name,
        params=params,
        tags=tags,
        step=step,
        registered_model_version=version,
    )


def infer_pip_requirements(model_uri: ModelUri, flavor: str | None = None, **_: Any) -> list[str]:
    """The packages that a model imports, pinned to what is installed here; nothing of it runs.

    Args:
        model_uri: As for `get_model_info`.
        flavor: One of its flavors to look at; None looks at all.
        **_: MLflow's other arguments; nothing here can fail or take long.

    Raises:
        NotFoundError: There is no such model.
    """
    from nbtrack.models.mlmodel import Model
    from nbtrack.models.requirements import requirements_of_folder

    folder = local_folder(model_uri)
    return requirements_of_folder(folder, Model.load(folder).flavors if flavor is None else [flavor])


def set_signature(model_uri: ModelUri, signature: "ModelSignature") -> None:
    """Give a model another signature; it stays trusted as it was.

    Args:
        model_uri: A model whose files lie on this machine.
        signature: What it takes and gives.

    Raises:
        NotFoundError: There is no such model.
        InvalidTypeError: It is no signature.
        StoreError: Its folder cannot be written.
    """
    from nbtrack.documents.incoming_folders import incoming_folder
    from nbtrack.models.mlmodel import MLMODEL_FILE, Model
    from nbtrack.models.safety.trust import replace_file
    from nbtrack.models.signature import ModelSignature

    if not isinstance(signature, ModelSignature):
        raise InvalidTypeError(
            f"set_signature takes what infer_signature returns, got {type(signature).__name__}."
        )
    folder = local_folder(model_uri)
    model = Model.load(folder)
    model.signature = signature
    try:
        # Beside the folder: what a kill leaves in it would be a file that was added to the model.
        with incoming_folder(folder.resolve().parent) as beside:
            model.save(beside / MLMODEL_FILE)
            replace_file(folder, MLMODEL_FILE, beside / MLMODEL_FILE)
    except NbtrackError:
        raise
    except OSError as error:
        raise StoreError(f"Cannot write {folder / MLMODEL_FILE}: {error.strerror}.") from error


def local_folder(model_uri: ModelUri, dst_path: str | PathLike[str] | None = None) -> Path:
    """The folder of a model on this machine; its files are brought here where they lie elsewhere.

    An archive (zip, tar) is unpacked, whole or not at all: no link, no path that leaves it, no bomb.

    Raises:
        NotFoundError: There is no such model.
        InvalidValueError: It is an archive that is not taken.
    """
    from nbtrack.tracking.model_uris import local_model_folder

    place = local_model_folder(default_tracker, model_uri, dst_path)
    return _unpacked(place, dst_path) if place.name.lower().endswith(_ARCHIVES) and place.is_file() else place


_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def _unpacked(archive: Path, dst_path: str | PathLike[str] | None) -> Path:
    """The model folder that an archive holds: its root, or the one folder in it.

    It goes beside the copy of the archive where there is a `dst_path`, else to where it is removed when
    this process ends.

    Raises:
        AlreadyExistsError: Something else lies beside the copy of the archive, under its name.
    """
    import atexit
    import shutil
    from tempfile import TemporaryDirectory, mkdtemp

    from nbtrack.models.mlmodel import MLMODEL_FILE
    from nbtrack.models.safety.archives import extract

    if dst_path is None:
        home = Path(mkdtemp(prefix="nbtrack-model-"))
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        folder = extract(archive, home / "model")
    else:
        folder = archive.with_name(archive.name.partition(".")[0])
        if not os.path.lexists(folder):
            extract(archive, folder)
        else:
            # It may have been loaded before; what lies there is neither trusted nor overwritten.
            with TemporaryDirectory(prefix=".nbtrack-", dir=folder.parent) as beside:
                if not _hold_the_same(extract(archive, Path(beside) / "model"), folder):
                    raise AlreadyExistsError(
                        f"{str(folder)!r} exists already, and is not what {archive.name} holds. Remove it, "
                        "or choose another dst_path."
                    )
    inside = list(folder.iterdir())
    if len(inside) == 1 and inside[0].is_dir() and not (folder / MLMODEL_FILE).is_file():
        return inside[0]
    return folder


def _hold_the_same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same plain files."""
    from nbtrack.models.safety.folder_digests import hash_file
    from nbtrack.models.safety.safe_files import scan

    try:
        files = [set(scan(folder).files) for folder in (one, other)]
        return files[0] == files[1] and all(
            hash_file(one, name).digest == hash_file(other, name).digest for name in files[0]
        )
    except (NbtrackError, OSError):
        return False  # a link, or a file that is no folder


def _shown(model_uri: Any) -> str:
    from nbtrack.tracking.model_uris import uri_text

    return str(uri_text(model_uri))
