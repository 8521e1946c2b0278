"""Saving a model: its flavor's files, and all that is needed to use it again.

Whoever calls gives an empty folder that nobody sees yet, and publishes it when this returned.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from nbtrack.core.articles import with_article
from nbtrack.core.errors import (
    AlreadyExistsError,
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
    said,
)
from nbtrack.core.package_names import python_version
from nbtrack.core.version import VERSION
from nbtrack.core.warn import warn_user
from nbtrack.models import requirements as required
from nbtrack.models.code.code_imports import imports_of_source
from nbtrack.models.flavors.contracts import Flavor, SavedFlavor
from nbtrack.models.mlmodel import FROM_TYPE_HINT, MLMODEL_FILE, PYTHON_FUNCTION, Model
from nbtrack.models.schema.schema_inference import infer_schema
from nbtrack.models.signature import ModelSignature, infer_signature

CODE_FOLDER = "code"


@dataclass(frozen=True)
class SaveOptions:
    """What can be said of a model of any flavor; MLflow's arguments of these names."""

    signature: Any = None
    """A `ModelSignature`; None infers one where there is an input example; False keeps none."""
    input_example: Any = None
    code_paths: Iterable[str | os.PathLike[str]] | None = None
    pip_requirements: required.Requirements | None = None
    extra_pip_requirements: required.Requirements | None = None
    conda_env: Any = None
    metadata: Mapping[str, Any] | None = None

    def check(self) -> None:
        """Refuse what contradicts itself, before anything is written.

        Raises:
            InvalidTypeError: The signature is none.
            InvalidValueError: Requirements are given in two ways.
        """
        if not (self.signature is None or self.signature is False) and not isinstance(
            self.signature, ModelSignature
        ):
            raise InvalidTypeError(
                "signature takes what infer_signature(X, predictions) returns, or False for none, got "
                f"{type(self.signature).__name__} {self.signature!r:.80}."
            )
        pip = [name for name in ("pip_requirements", "extra_pip_requirements") if getattr(self, name)]
        if self.conda_env is not None and pip:
            raise InvalidValueError(
                f"conda_env and {pip[0]} both say what the model needs. Give one of them."
            )
        if len(pip) == 2:
            raise InvalidValueError(
                "pip_requirements replaces what is found, extra_pip_requirements adds to it. Give one."
            )
        if self.metadata is not None and not isinstance(self.metadata, Mapping):
            raise InvalidTypeError(f"metadata is a dict, got {type(self.metadata).__name__}.")


def save_to_folder(
    flavor: Flavor,
    model: Any,
    folder: Path,
    options: SaveOptions,
    *,
    about: Model,
    flavor_options: Mapping[str, Any] | None = None,
) -> Model:
    """Write a model folder.

    Args:
        flavor: How.
        model: The model.
        folder: An empty folder.
        options: What holds for all flavors.
        about: What the MLmodel file says of where it comes from; it is filled in.
        flavor_options: The flavor's own.

    Returns:
        `about`, with what was written.

    Raises:
        InvalidTypeError: The model or an option is of a wrong type.
        InvalidValueError: The model cannot be saved; the message says why.
        MissingFileError: A file that was named is not there.
    """
    options.check()
    example = None
    if options.input_example is not None:
        from nbtrack.models.schema.input_examples import InputExample

        example = InputExample(options.input_example)
    saved = flavor.save(model, folder, input_example=options.input_example, **(flavor_options or {}))
    code = _copy_code(options.code_paths, folder)
    if example is not None:
        about.saved_input_example_info = example.save(folder)
    about.signature = _signature(flavor, model, saved, options, example, folder, about)
    given, constraints = _requirements(saved, options, code, folder)
    env = required.write_environment(folder, given, constraints, options.conda_env)
    code_entry = {"code": CODE_FOLDER if code else None}
    for name, entry in saved.flavors.items():
        about.add_flavor(name, **{**code_entry, **entry})
    if saved.python_function is not None:
        entry = dict(saved.python_function)
        if code:
            entry["code"] = CODE_FOLDER
        about.add_flavor(PYTHON_FUNCTION, env=env, python_version=python_version(), **entry)
    if options.metadata is not None:
        about.metadata = {**(about.metadata or {}), **_plain_metadata(options.metadata)}
    about.nbtrack_version = VERSION
    about.model_size_bytes = _size(folder)
    about.save(folder / MLMODEL_FILE)
    from nbtrack.models.safety.trust import sign_folder

    sign_folder(folder)
    return about


def new_folder(path: str | os.PathLike[str]) -> Path:
    """The folder that `save_model` fills: one that does not exist yet, or is empty.

    Raises:
        AlreadyExistsError: Something lies there.
    """
    folder = Path(path).expanduser()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExistsError(
            f"{str(path)!r} exists and is not empty. Give save_model a new folder, or remove what is there."
        )
    return folder


def _signature(
    flavor: Flavor,
    model: Any,
    saved: SavedFlavor,
    options: SaveOptions,
    example: Any,
    folder: Path,
    about: Model,
) -> ModelSignature | None:
    if options.signature is False:
        return None
    if options.signature is not None:
        if example is not None and saved.python_function is not None and saved.has_one_input:
            _check_example(example, options.signature)
        return options.signature
    own = about.signature
    if own is None and saved.inputs is not None:
        # The hints check the input themselves: MLflow's loaders look for this word, and so do ours.
        about.extra[FROM_TYPE_HINT] = True
        own = ModelSignature(inputs=saved.inputs, outputs=saved.outputs)
        if saved.outputs is not None:
            return own
    elif own is not None:
        return own
    if example is None or saved.python_function is None or not saved.has_one_input:
        return own
    try:
        scorer = flavor.scorer(model, saved.python_function, folder, {})
        predictions = scorer.predict(example.for_prediction(), example.params)
        found = infer_signature(example.data, _as_column(predictions, example.data), example.params)
        return found if own is None else ModelSignature(own.inputs, found.outputs, found.params)
    except Exception as error:  # noqa: BLE001 - the model is the user's; it is saved all the same
        warn_user(
            f"The model could not predict on its input example, so it is saved without a signature: "
            f"{type(error).__name__}: {said(error)}. Give signature=infer_signature(X, predictions)."
        )
        return own


def _check_example(example: Any, signature: ModelSignature) -> None:
    """Warn of an input example that contradicts the signature, while whoever wrote both is there."""
    from nbtrack.models.schema.enforcement import enforce_input, enforce_params
    from nbtrack.models.schema.mismatches import SignatureMismatchError

    try:
        enforce_input(example.for_prediction(), signature.inputs)
        if example.params is not None:
            enforce_params(example.params, signature.params)
    except SignatureMismatchError as error:
        warn_user(f"The input example contradicts the signature, so that predict will refuse it. {error}.")


def _as_column(predictions: Any, data: Any) -> Any:
    """Predictions of a table, one value a row, are a column, too: MLflow's rule."""
    import numpy as np
    import pandas as pd

    is_table = not isinstance(data, np.ndarray) and not infer_schema(data).is_tensor_spec()
    is_flat = issubclass(type(predictions), np.ndarray) and len(predictions.shape) == 1
    return cast("Any", pd.Series(predictions)) if is_table and is_flat else predictions


def _requirements(
    saved: SavedFlavor, options: SaveOptions, code: Iterable[str], folder: Path
) -> tuple[list[str], list[str]]:
    if options.conda_env is not None:
        return [], []
    if options.pip_requirements is not None:
        return required.given_requirements(options.pip_requirements, "pip_requirements")
    modules = saved.modules | imports_of_source(folder / CODE_FOLDER) if code else saved.modules
    found = required.infer_requirements(modules, code=code)
    if options.extra_pip_requirements is None:
        return found, []
    extra, constraints = required.given_requirements(options.extra_pip_requirements, "extra_pip_requirements")
    return required.merged(found, extra), constraints


def _copy_code(paths: Iterable[str | os.PathLike[str]] | None, folder: Path) -> list[str]:
    """Copy files and folders of code; returns the modules that they are."""
    if paths is None:
        return []
    if isinstance(paths, str | os.PathLike):
        raise InvalidTypeError(f"code_paths takes a list of files and folders, got the one {str(paths)!r}.")
    modules: list[str] = []
    target = folder / CODE_FOLDER
    for given in paths:
        source = Path(given).expanduser()
        if not source.exists():
            raise MissingFileError(
                "code file", str(given), advice=f"It was looked for at {source.absolute()}."
            )
        source = source.resolve()
        place = target / source.name
        if place.exists():
            raise InvalidValueError(
                f"code_paths names two things called {source.name!r}. Rename one of them."
            )
        target.mkdir(exist_ok=True)
        if source.is_dir():
            if folder.resolve().is_relative_to(source):
                raise InvalidValueError(
                    f"code_paths names {str(given)!r}, in which the model itself is being saved. Name the "
                    "folders of code in it."
                )
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", ".*", "*.pyc"))
        else:
            shutil.copyfile(source, place)
        modules.append(source.stem if source.is_file() else source.name)
    return modules


def _plain_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata that YAML has a form for, or an error that names the key."""
    import yaml

    for key, value in metadata.items():
        try:
            yaml.safe_dump({key: value})
        except yaml.YAMLError as error:
            raise InvalidTypeError(
                f"metadata holds what a file cannot: {key!r} is {with_article(type(value).__name__)}. "
                "Use text, numbers, booleans, lists and dicts."
            ) from error
    return dict(metadata)


def _size(folder: Path) -> int:
    return sum(
        os.lstat(os.path.join(place, name)).st_size for place, _, names in os.walk(folder) for name in names
    )
