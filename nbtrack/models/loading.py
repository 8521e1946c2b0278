"""Loading a model from its folder: as what it was, or behind `predict`.

Which module reads it is looked up in a table of ours; nothing is imported because a file names it.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, cast

from nbtrack.core.errors import InvalidValueError, MissingExtraError, MissingModuleError
from nbtrack.core.warn import warn_user
from nbtrack.models import requirements as required
from nbtrack.models.code.code_paths import code_of
from nbtrack.models.code.model_code import read_config
from nbtrack.models.flavors.known import FLAVORS, entry_of, flavor_named, flavor_of_predictor, native_flavors
from nbtrack.models.mlmodel import PYTHON_FUNCTION, Model
from nbtrack.models.predictor import PyFuncModel
from nbtrack.models.safety.folder import ModelFolder


def load_native(
    path: Path, flavor: str, *, trust: bool = False, uri: str | None = None, **options: Any
) -> Any:
    """Read a model as what it was: a scikit-learn estimator, a PyTorch module, a Booster.

    Args:
        path: The model's folder.
        flavor: Its flavor, such as `sklearn`.
        trust: Whether it may run code whoever made it.
        uri: What the user calls it, for errors.
        **options: The flavor's own.

    Raises:
        MissingFileError: It is no model folder, or a file is missing.
        InvalidValueError: It has no such flavor, or says of itself what cannot be.
        UntrustedModelError: It would run code, and is not the user's own.
    """
    model = Model.load(path)
    entry = entry_of(model, flavor)
    if entry is None:
        raise InvalidValueError(_other_flavors(model, flavor, uri or str(path)))
    folder = ModelFolder(path, trust=trust)
    # Weights that go into an object of the caller's need none of the folder's code.
    code = entry.get("code") if options.get("model") is None else None
    with _naming_missing_modules(path, uri), code_of(folder, code).importable():
        return flavor_named(flavor).load(folder, entry, **options)


def load_predictor(
    path: Path,
    *,
    trust: bool = False,
    uri: str | None = None,
    model_config: Mapping[str, Any] | str | PathLike[str] | None = None,
    suppress_warnings: bool = False,
) -> PyFuncModel:
    """Read a model behind `predict`, whatever it was made with.

    Args:
        path: The model's folder.
        trust: Whether it may run code whoever made it.
        uri: What the user calls it, for errors and its representation.
        model_config: Values that replace those of its configuration; or a YAML file of them.
        suppress_warnings: Whether to be silent on packages that differ from those it was made with.

    Raises:
        MissingFileError: It is no model folder, or a file is missing.
        InvalidValueError: It cannot predict, or says of itself what cannot be.
        UntrustedModelError: It would run code, and is not the user's own.
    """
    model = Model.load(path)
    entry = model.flavors.get(PYTHON_FUNCTION)
    if entry is None:
        raise InvalidValueError(_no_predictor(model, uri or str(path)))
    folder = ModelFolder(path, trust=trust)
    flavor = flavor_of_predictor(entry)
    config = _config(entry, model_config)
    # A file of code asks for the configuration while it is run.
    options = {"config": config} if flavor.NAME == "python" else {}
    with _naming_missing_modules(path, uri), code_of(folder, entry.get("code")).importable():
        native = flavor.load(folder, entry_of(model, flavor.NAME) or entry, **options)
        scorer = flavor.scorer(native, entry, folder.path, config)
    if not suppress_warnings and (differing := required.mismatches(required.read_requirements(path))):
        warn_user(
            f"The model {uri or path.name!r} was made with other packages than are installed: "
            f"{'; '.join(differing[:6])}{'; …' if len(differing) > 6 else ''}. "
            f"`pip install -r {path / required.REQUIREMENTS_FILE}` installs its own."
        )
    return PyFuncModel(model, scorer, folder=path, uri=uri, config=config)


@contextmanager
def _naming_missing_modules(path: Path, uri: str | None) -> Generator[None]:
    """Say which module a model lacks, and where it would come from."""
    try:
        yield
    except (MissingModuleError, MissingExtraError):
        raise
    except (ModuleNotFoundError, InvalidValueError) as error:
        missing = error.__cause__ if isinstance(error, InvalidValueError) else error
        if not isinstance(missing, ModuleNotFoundError) or not missing.name:
            raise
        raise MissingModuleError(
            f"The model {uri or str(path)!r} is not loaded: it imports the module {missing.name!r}, which is "
            f"not here. `pip install -r {path / required.REQUIREMENTS_FILE}` installs packages; code of your "
            "own goes into the model with code_paths=[...] when it is logged.",
            missing.name,
        ) from error


def _config(entry: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """A model's configuration with what the caller gave."""
    held = entry.get("config")
    config = dict(cast("Mapping[str, Any]", held)) if isinstance(held, Mapping) else {}
    return config if given is None else {**config, **read_config(given)}


def _no_predictor(model: Model, uri: str) -> str:
    names = native_flavors(model)
    known = [name for name in names if name in FLAVORS]
    listed = f"the flavor{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else "no flavor"
    advice = (
        f"Load it as what it is: {' or '.join(f'nbtrack.{name}.load_model' for name in known)}."
        if known
        else f"nbtrack reads no model of {names[0]}: what wrote it does."
        if names
        else "There is nothing that could be loaded."
    )
    return f"The model {uri!r} cannot predict by itself: it has only {listed}. {advice}"


def _other_flavors(model: Model, wanted: str, uri: str) -> str:
    own = [name for name in native_flavors(model) if name in FLAVORS]
    if own:
        advice = " or ".join(f"nbtrack.{name}.load_model" for name in own) + " loads it."
    elif PYTHON_FUNCTION in model.flavors:
        advice = "nbtrack.pyfunc.load_model loads it behind predict()."
    else:
        advice = "nbtrack reads none of them: what wrote it does."
    flavors = ", ".join(model.flavors)
    return f"The model {uri!r} has no flavor {wanted!r}; it has {flavors}. {advice}"
