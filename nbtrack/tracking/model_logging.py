"""Logging a model: its folder, published whole, and then the entity that lists it.

A kill at any moment leaves no half model that anybody sees: the folder is filled where nobody looks, gets
its name by one rename, and only then it is listed. Where the registry is in the same store, a model that is
to be registered is listed and registered in one transaction.
"""

import os
import shutil
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from inspect import signature
from pathlib import Path, PurePath
from tempfile import mkdtemp
from typing import Any

from nbtrack.core.errors import (
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
    NbtrackError,
    StoreError,
)
from nbtrack.core.logged_models import LoggedModelStatus
from nbtrack.core.metric_values import as_step
from nbtrack.core.model_links import LoggedModelOutput
from nbtrack.core.names import artifact_parts
from nbtrack.core.warn import warn_user
from nbtrack.documents.incoming_folders import incoming_folder
from nbtrack.models.flavors.contracts import Flavor
from nbtrack.models.flavors.known import flavor_named, flavor_of
from nbtrack.models.mlmodel import MLMODEL_FILE, Model
from nbtrack.models.model_info import ModelInfo
from nbtrack.models.safety.trust import sign_folder
from nbtrack.models.saving import SaveOptions, new_folder, save_to_folder
from nbtrack.stores.contracts import Artifacts, Store
from nbtrack.tracking.param_texts import param_texts
from nbtrack.tracking.registry import Registered, register

DEFAULT_NAME = "model"

_not_logged: dict[str, str] = {}
"""What is to be said at the end of the process of each model that a store has refused so far, by its id."""


def tell_what_was_not_logged() -> None:
    """Say at the end of the process which models never got into their store, and where they are instead."""
    for line in _not_logged.values():
        print(f"nbtrack: {line}", file=sys.stderr)


@dataclass(frozen=True)
class LogOptions:
    """What is said of a model that is logged in a run, beyond what is saved with it."""

    registered_model_name: str | None = None
    params: Mapping[str, Any] | None = None
    tags: Mapping[str, Any] | None = None
    model_type: str | None = None
    step: int | None = None
    """Where in the training it was made; None is its end so far: it has the last value of each metric."""
    model_id: str | None = None
    """A model that `initialize_logged_model` made, which these files are for."""

    def check(self) -> None:
        """Refuse what could not be stored, before anything is written.

        Raises:
            InvalidTypeError: Params or tags are no dicts, or the step or the type is of a wrong type.
        """
        if self.step is not None:
            as_step("model", self.step)
        param_texts(self.params or {})
        if self.tags is not None and not isinstance(self.tags, Mapping):
            raise InvalidTypeError(f"tags of a model are given as a dict, got {type(self.tags).__name__}.")
        if self.model_type is not None and not isinstance(self.model_type, str):
            raise InvalidTypeError(
                f"model_type is a word of yours, got {type(self.model_type).__name__} "
                f"{self.model_type!r:.60}."
            )


@dataclass(frozen=True)
class ModelToLog:
    """A model, how it is saved, and under which name."""

    model: Any
    flavor: Flavor
    name: str
    save: SaveOptions
    log: LogOptions
    flavor_options: Mapping[str, Any] = field(default_factory=dict[str, Any])


def check_name(artifact_path: str | None, name: str | None) -> str:
    """The name of a model from MLflow's two arguments for it.

    Raises:
        InvalidValueError: Both are given, or it is no artifact path.
    """
    for given in (artifact_path, name):
        if given is not None and not isinstance(given, str | PurePath):
            raise InvalidTypeError(
                f"The name of a model is text, got {type(given).__name__}. The model comes first, then its "
                'name: log_model(model, "name"); nbtrack.pyfunc.log_model takes the model as python_model=.'
            )
    if artifact_path is not None and name is not None and artifact_path != name:
        raise InvalidValueError(
            f"name is {name!r}, and artifact_path {artifact_path!r}: both name the model. Give one of them."
        )
    given = name if name is not None else artifact_path
    return "/".join(artifact_parts(DEFAULT_NAME if given is None else given)) or DEFAULT_NAME


def check_options(flavor: Flavor, options: Mapping[str, Any]) -> None:
    """Refuse arguments that neither `log_model` nor the flavor knows.

    Raises:
        InvalidTypeError: There is one; the message says what it may have been meant for.
    """
    taken = signature(flavor.save).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken):
        return  # the framework's own function looks at them
    own = {parameter.name for parameter in taken if parameter.kind is parameter.KEYWORD_ONLY}
    unknown = next((name for name in options if name not in own), None)
    if unknown is not None:
        common = {each.name for each in fields(SaveOptions)} | {each.name for each in fields(LogOptions)}
        close = get_close_matches(unknown, [*common, *own, "name", "flavor", "run_id"], n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InvalidTypeError(f"A {flavor.NAME} model is saved without an argument {unknown!r}.{hint}")


def check_path(path: Any) -> None:
    """Refuse what is no path of a folder to save in.

    Raises:
        InvalidTypeError: It is none.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidTypeError(
            f"A model is saved at a path, got {type(path).__name__}. The model comes first, then the path: "
            "save_model(model, path); nbtrack.pyfunc.save_model takes the model as python_model=."
        )


def chosen_flavor(model: Any, flavor: str | None) -> Flavor:
    """The flavor that was named, or that the model is of.

    Raises:
        InvalidValueError: There is no such flavor.
        InvalidTypeError: The model is of none.
    """
    if flavor is None:
        return flavor_of(model)
    return flavor_named("python" if flavor == "pyfunc" else flavor)


def save_model(
    flavor: Flavor,
    model: Any,
    path: "str | os.PathLike[str]",
    options: SaveOptions,
    *,
    flavor_options: Mapping[str, Any] | None = None,
    about: Model | None = None,
) -> None:
    """Save a model in a folder of the user's, whole or not at all.

    Args:
        flavor: How.
        model: The model.
        path: A folder that does not exist yet, or is empty.
        options: What holds for all flavors.
        flavor_options: The flavor's own.
        about: First fields of the MLmodel file.

    Raises:
        AlreadyExistsError: Something lies at `path`.
        StoreError: It cannot be written.
    """
    folder = new_folder(path).resolve()  # a link to it stays one
    options.check()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with incoming_folder(folder.parent) as incoming:
            staged = incoming / "model"
            staged.mkdir(0o755)  # for whom the umask lets in, as its files are
            save_to_folder(
                flavor, model, staged, options, about=about or Model(), flavor_options=flavor_options
            )
            os.replace(staged, folder)
    except (NbtrackError, MissingFileError):
        raise
    except OSError as error:
        raise StoreError(f"Cannot save the model at {folder}: {error.strerror or error}.") from error


class LoggedFolder:
    """A model on its way into a run; what the store refuses is kept elsewhere, to be tried again.

    Args:
        store: Where the run is.
        run_id: The run.
        given: The model and what is said of it.
        registry_store: Opens the store in which it is registered, if it is.

    Raises:
        InvalidTypeError: An option is of a wrong type.
        InvalidValueError: The options contradict each other.
    """

    def __init__(
        self, store: Store, run_id: str, given: ModelToLog, registry_store: Callable[[], Store]
    ) -> None:
        given.save.check()
        given.log.check()
        check_options(given.flavor, given.flavor_options)
        self._registry_store = registry_store
        self._store = store
        self._given = given
        self._kept: Path | None = None
        self._is_done = False
        self._is_published = False
        self._is_listed = False
        self._about = Model(
            artifact_path=given.name,
            run_id=run_id,
            model_id=given.log.model_id or f"m-{os.urandom(16).hex()}",
        )
        self._registered: Registered | None = None

    def log(self) -> None:
        """Publish the folder, list it, and register it where that was asked for; may be tried again.

        Raises:
            InvalidTypeError: The model is not of the flavor.
            InvalidValueError: It cannot be saved; the message says why.
            StoreError: The store refuses; nothing is published.
        """
        if self._is_done:
            return  # or it could not be kept, and training may have changed it by now
        try:
            self._log()
        except StoreError:
            if str(self._about.model_id) in _not_logged:
                self._note()  # a later try got further
            raise
        self._is_done = True
        _not_logged.pop(str(self._about.model_id), None)
        self._forget_kept()

    def _log(self) -> None:
        if not self._is_published:
            self._publish()
        if not self._is_listed:
            if self._is_registered_here():
                self._list_and_register()
            else:
                self._list()
            self._is_listed = True
        if self._registered is None:
            self._register()
        if self._registered is not None:
            self._registered.tell()

    def keep_if_needed(self) -> None:
        """Unless it is logged, keep it outside the store as it is now: training may change it."""
        if self._is_done:
            return
        if self._kept is not None or self._is_published:
            self._note()
            return
        folder = None
        try:
            folder = Path(mkdtemp(prefix="nbtrack-model-"))
            self._save(folder)
        except BaseException as error:
            self._is_done = True  # a later try would save what training has made of it
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            self._note(is_lost=True)
            if not isinstance(error, NbtrackError | OSError):
                raise
            warn_user(
                f"The model {self._given.name!r} could not be kept outside the store either: {error}. It is "
                "not logged."
            )
            return
        self._kept = folder
        self._note()
        warn_user(
            f"The model {self._given.name!r} is not in the store yet. Its files are kept in {folder} and "
            "moved there later; if this process ends before, load it from there."
        )

    def _note(self, *, is_lost: bool = False) -> None:
        """Keep in mind how far it is, to be said when the process ends."""
        model = f"The model {self._given.name!r} of run {self._about.run_id}"
        if self._is_listed:
            name = self._given.log.registered_model_name
            said = f"{model} is logged, models:/{self._about.model_id}, and not registered as {name!r}."
        elif self._is_published:
            path = self._about.artifact_path
            said = f"{model} is in the store, unlisted: runs:/{self._about.run_id}/{path}."
        elif is_lost:
            said = f"{model} is lost: the store refused it, and it could not be kept elsewhere."
        else:
            said = f"{model} never got into the store. Its files are in {self._kept}."
        _not_logged[str(self._about.model_id)] = said

    @property
    def info(self) -> ModelInfo:
        """Where it lies, and what is known of it."""
        about, log = self._about, self._given.log
        local = None
        if self._is_done and about.artifact_path and about.run_id and self._kept is None:
            with suppress(NbtrackError):
                local = self._store.runs.artifacts(about.run_id).local_path(about.artifact_path)
        return ModelInfo(
            about,
            f"models:/{about.model_id}",
            folder=self._kept if local is None else Path(local),
            name=self._given.name,
            params=param_texts(log.params or {}),
            tags={key: str(value) for key, value in (log.tags or {}).items()},
            step=log.step or 0,
            registered_model_version=(
                None if self._registered is None else str(self._registered.version.version)
            ),
        )

    def _publish(self) -> None:
        about, given = self._about, self._given
        run_id, models = str(about.run_id), self._store.logged_models
        if given.log.model_id is not None:
            artifacts, path = models.artifacts(given.log.model_id)
            self._write(artifacts, path or given.name)
            return

        def next_free(folder: Path) -> str:
            # Another process was faster. The model is not saved again, only says where it lies now.
            path = models.free_path(run_id, given.name)
            with _as_store_errors(folder):
                self._readdress(folder, path)
            return path

        # A second model of the name gets a folder beside the first: neither is lost.
        self._write(
            self._store.runs.artifacts(run_id), models.free_path(run_id, given.name), renamed=next_free
        )

    def _write(
        self, artifacts: Artifacts, path: str, *, renamed: Callable[[Path], str] | None = None
    ) -> None:
        self._about.artifact_path = path
        with artifacts.write_folder(path, renamed=renamed) as folder, _as_store_errors(folder):
            self._save(folder)
        self._is_published = True

    def _readdress(self, folder: Path, path: str | None) -> None:
        self._about.artifact_path = path
        self._about.save(folder / MLMODEL_FILE)
        sign_folder(folder)

    def _save(self, folder: Path) -> None:
        if self._kept is None:
            given = self._given
            save_to_folder(
                given.flavor,
                given.model,
                folder,
                given.save,
                about=self._about,
                flavor_options=given.flavor_options,
            )
        else:
            shutil.copytree(self._kept, folder, dirs_exist_ok=True)
            self._readdress(folder, self._about.artifact_path)  # it may be another one by now

    def _list(self) -> None:
        """Make the entity that says the model is there; its files are."""
        about, log, models = self._about, self._given.log, self._store.logged_models
        run_id = str(about.run_id)
        params = param_texts(log.params or {})
        tags = {key: str(value) for key, value in (log.tags or {}).items()}
        if log.model_id is not None:
            if params:
                models.log_params(log.model_id, params)
            if tags:
                models.set_tags(log.model_id, tags)
            models.log_outputs(run_id, [LoggedModelOutput(log.model_id, log.step or 0)])
            models.finalize(log.model_id, LoggedModelStatus.READY, flavors=about.flavors)
        else:
            models.create(
                self._store.runs.get(run_id).info.experiment_id,
                self._given.name,
                source_run_id=run_id,
                model_id=about.model_id,
                path=about.artifact_path,
                model_type=log.model_type,
                tags=tags,
                params=params,
                status=LoggedModelStatus.READY,
                step=log.step,
                as_output=True,
                flavors=about.flavors,
                model_uuid=about.model_uuid,
                copy_from_run=True,
            )

    def _is_registered_here(self) -> bool:
        """Whether it is to be registered, and that in the store of its run."""
        if self._given.log.registered_model_name is None:
            return False
        try:
            return self._registry_store() is self._store
        except NbtrackError:
            return False  # it is listed at least

    def _list_and_register(self) -> None:
        try:
            with self._store.documents.transaction():
                self._list()
                self._register()
        except BaseException:
            self._registered = None  # undone
            raise

    def _register(self) -> None:
        name = self._given.log.registered_model_name
        if name is not None:
            uri = f"models:/{self._about.model_id}"
            held = self._about.to_dict()
            self._registered = register(self._store, self._registry_store, uri, name, held=held)

    def _forget_kept(self) -> None:
        if self._kept is not None:
            shutil.rmtree(self._kept, ignore_errors=True)
            self._kept = None


@contextmanager
def _as_store_errors(folder: Path) -> Generator[None]:
    """A disk that refuses is the store's refusal; a file of the user's that is missing is not."""
    try:
        yield
    except NbtrackError:
        raise
    except OSError as error:
        raise StoreError(f"Cannot write the model to {folder}: {error.strerror or error}.") from error
