"""Model URIs: what they name, and the folder with the files of that model.

Everything that loads, lists or registers a model by a URI asks here. What the text may be is in
`model_uri_grammar`; what is said where it leads nowhere, in `model_uri_hints`.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbtrack.core.entities import FileInfo
from nbtrack.core.errors import (
    InvalidValueError,
    MissingFileError,
    NbtrackError,
    NotFoundError,
    StoreError,
    UnknownAliasError,
)
from nbtrack.core.names import artifact_parts
from nbtrack.core.nearest_names import nearest
from nbtrack.core.registry import ModelVersion
from nbtrack.models.mlmodel import MLMODEL_FILE
from nbtrack.models.safety.folder_digests import REGISTERED_MODEL_META
from nbtrack.models.safety.safe_files import scan
from nbtrack.stores.contracts import Artifacts, Registry, Store
from nbtrack.stores.opening import open_folder
from nbtrack.tracking import artifact_access, model_uri_hints
from nbtrack.tracking.model_uri_grammar import ModelUri as ModelUri
from nbtrack.tracking.model_uri_grammar import UnclearSelectorError, folder_of
from nbtrack.tracking.model_uri_grammar import parse_model_uri as parse_model_uri
from nbtrack.tracking.model_uri_grammar import uri_text as uri_text
from nbtrack.tracking.store_access import StoreAccess
from nbtrack.tracking.switched_off import DISABLED_RUN_ID, nothing_recorded

Where = Store | StoreAccess | None
"""Where a model is looked for: a store, or a tracker, whose store is opened when it is needed."""

_MOST_FOLDERS, _DEPTH = 50, 3


@dataclass(frozen=True)
class ResolvedModel:
    """Where a model URI leads at this moment: into a run, or to a folder of this machine."""

    uri: str
    """The URI as it was given."""
    run_id: str | None = None
    """The run in whose artifacts the files are; None where they are in none."""
    path: str | None = None
    """The artifact path in that run, or among the files of a logged model without a run; None is the root."""
    folder: Path | None = None
    """Folder or file outside of any store; None for what is in one."""
    store: Store | None = None
    """The store in which the files are; None for a folder."""
    artifacts: Artifacts | None = None
    """The artifacts among which they are; None for a folder."""
    name: str | None = None
    """The registered model, if the URI is one of the registry."""
    version: int | None = None
    """Its version."""
    model_id: str | None = None
    """The logged model, where that is known."""
    source_run_id: str | None = None
    """The run that made the model, where that is known; need not be in this store."""


def read_model_uri(where: Where, uri: Any) -> ModelUri:
    """Take a model URI apart, with advice from what there is where it cannot be.

    Args:
        where: The store or tracker.
        uri: As for `parse_model_uri`.

    Raises:
        InvalidTypeError: It is neither text nor a path.
        InvalidValueError: It is malformed, or of a kind that nbtrack does not read.
    """
    try:
        return parse_model_uri(uri)
    except UnclearSelectorError as error:
        registry = _registry_if_any(where)
        raise (error if registry is None else model_uri_hints.of_selector(registry, error)) from None


def resolve_model(where: Where, uri: Any) -> ResolvedModel:
    """Find out where a model URI leads; that the files are there is not looked at.

    Args:
        where: The store or tracker; None is enough for a path.
        uri: As for `parse_model_uri`, or what that returned.

    Raises:
        NotFoundError: There is no such registered model, version, alias, logged model or run; the message
            says which there are.
        InvalidValueError: The URI is malformed.
    """
    parsed = uri if isinstance(uri, ModelUri) else read_model_uri(where, uri)
    if parsed.folder is not None:
        return ResolvedModel(parsed.text, folder=parsed.folder)
    if parsed.run_id is not None:
        return _resolve_run(where, parsed)
    if parsed.model_id is not None:
        return _resolve_model_id(where, parsed)
    version = find_version(where, parsed)
    location = _registry_store(where, str(parsed.name)).registry.location_of(version.name, version.version)
    found = _resolve_location(where, version, location, parsed.path)
    return replace(
        found,
        uri=parsed.text,
        name=version.name,
        version=version.version,
        model_id=version.model_id or found.model_id,
        source_run_id=version.run_id or found.source_run_id,
    )


def find_version(where: Where, parsed: ModelUri) -> ModelVersion:
    """The version in the registry that a URI of a registered model means.

    Raises:
        NotFoundError: There is no such registered model, version or alias, or none in that stage.
    """
    name, registry = str(parsed.name), _registry_store(where, str(parsed.name)).registry
    try:
        return _version_in(registry, name, parsed)
    except NotFoundError as error:
        if isinstance(error, UnknownAliasError):
            raise model_uri_hints.advised(error, model_uri_hints.of_alias(parsed)) from None
        if error.kind == "registered model" and (advice := model_uri_hints.of_name(registry, parsed)):
            raise NotFoundError(error.kind, error.name, advice=advice) from None
        raise


def _version_in(registry: Registry, name: str, parsed: ModelUri) -> ModelVersion:
    if parsed.alias is not None:
        return registry.get_version_by_alias(name, parsed.alias)
    if parsed.version is not None:
        return registry.get_version(name, parsed.version)
    if parsed.is_latest:
        return registry.get_version_by_alias(name, "latest")
    found = registry.latest_versions(name, [str(parsed.stage)])
    if not found:
        others = [
            f"{version.version} ({version.current_stage})" for version in registry.latest_versions(name)
        ]
        advice = f"There are {', '.join(others)}." if others else "It has no versions yet."
        raise NotFoundError(
            "version in the stage", str(parsed.stage), holder=f"Registered model {name!r}", advice=advice
        )
    return found[0]


def local_model_folder(where: Where, uri: Any, dst_path: str | os.PathLike[str] | None = None) -> Path:
    """The folder of a model on this machine; downloaded where its files are elsewhere.

    Args:
        where: The store or tracker; None is enough for a path.
        uri: As for `resolve_model`. With a path inside the model it is that file or folder.
        dst_path: A folder, made when there is none, that gets a copy under the model's own name; None is
            the store's own folder where that is on this machine: read it, do not write to it.

    Raises:
        NotFoundError: As `resolve_model`; or there are no files at that place.
        InvalidValueError: The URI is malformed.
        StoreError: The copy cannot be written.
    """
    return folder_of(local_files(where, uri, dst_path))


def local_files(where: Where, uri: Any, dst_path: str | os.PathLike[str] | None = None) -> Path:
    """The file or folder that a model URI means, as `local_model_folder`; an MLmodel file is that file."""
    found = resolve_model(where, uri)
    if found.folder is not None:
        folder = _existing(found.folder, found, where)
        if dst_path is None:
            return folder
        if os.path.lexists(folder / MLMODEL_FILE):
            # A link in a stranger's model would lead what is written into the copy elsewhere.
            scan(folder)
        local = Path(artifact_access.copy_local(folder, dst_path))
    else:
        artifacts = _artifacts_of(found)
        try:
            if dst_path is None and (own := artifacts.local_path(found.path)) is not None:
                return Path(own)
            local = Path(artifact_access.download(artifacts, found.path, dst_path))
        except MissingFileError as error:
            raise _no_files(found, f"No {error.kind} {error.name!r}.", error.nearest) from None
    _write_meta(local, found)
    return local


def files_of(found: ResolvedModel) -> tuple[Artifacts, str | None]:
    """The artifacts among which the files are, and their path among them; None is all of them."""
    if found.artifacts is not None:
        return found.artifacts, found.path
    folder = _existing(found.folder or Path(), found).absolute()
    return (open_folder(folder), None) if folder.is_dir() else (open_folder(folder.parent), folder.name)


def list_files(where: Where, uri: Any) -> list[FileInfo]:
    """What lies in a model's folder, one level, by name; the paths begin in the model."""
    parsed = read_model_uri(where, uri)
    artifacts, path = files_of(resolve_model(where, parsed))
    outer, inner = path or "", parsed.path or ""
    # Where a path inside the model was asked for, the model is what lies above that.
    root = outer[: len(outer) - len(inner)].rstrip("/") if outer.endswith(inner) else outer
    return [
        replace(info, path=info.path.removeprefix(f"{root}/") if root else info.path)
        for info in artifacts.list(path)
    ]


def check_is_model(where: Where, found: ResolvedModel) -> None:
    """Refuse what is no model: it has no MLmodel file.

    Args:
        where: The store or tracker, to say what may be meant instead; None is enough.
        found: What a URI led to.

    Raises:
        MissingFileError: It has none; the message says which models the run has.
    """
    if found.folder is not None:
        folder = _existing(found.folder, found, where)
        if not (folder / MLMODEL_FILE).is_file():
            raise MissingFileError(
                "model", found.uri, advice=f"There is no MLmodel file in {folder.absolute()}."
            )
        return
    artifacts = _artifacts_of(found)
    files = {info.path for info in artifacts.list(found.path)}
    if "/".join(part for part in (found.path, MLMODEL_FILE) if part) not in files:
        raise _no_files(found, "It has no MLmodel file." if files else "Nothing lies there.")


def location_of(found: ResolvedModel) -> str:
    """Where the files are, as a URI that means the same whatever is logged or registered later."""
    if found.folder is not None:
        return found.folder.absolute().as_uri()
    if found.run_id is not None:
        return "/".join(part for part in (f"runs:/{found.run_id}", found.path) if part)
    _, inside = _in_logged_model(found)
    return "/".join((f"models:/{found.model_id}", *inside))


def artifact_uri_of(where: Where, uri: Any) -> str:
    """Where a model URI leads, as a URI that any program can read: `file:///...`.

    Raises:
        NotFoundError: As `resolve_model`.
        InvalidValueError: The URI is malformed.
    """
    found = resolve_model(where, uri)
    if found.folder is not None:
        return found.folder.absolute().as_uri()
    store = _store(found.store, "model", found.uri)
    if found.run_id is not None:
        return artifact_access.uri_of(store.runs.get(found.run_id), found.path)
    from urllib.parse import quote  # lazy: 5 ms that few need

    location, inside = _in_logged_model(found)
    return "/".join([location, *map(quote, inside)])


def _in_logged_model(found: ResolvedModel) -> tuple[str, tuple[str, ...]]:
    """Where the files of a logged model without a run lie, and the path inside it."""
    models, model_id = _store(found.store, "model", found.uri).logged_models, str(found.model_id)
    _, home = models.artifacts(model_id, deleted=True)
    inside = artifact_parts(found.path)[len(artifact_parts(home)) :]
    return models.get(model_id, deleted=True).artifact_location, inside


# ---- looking them up ---------------------------------------------------------------------------


def _store(where: Where, kind: str, name: str) -> Store:
    if where is None:
        raise NotFoundError(kind, name, advice="There is no store to look in.")
    if isinstance(where, StoreAccess):
        return where._store_to_read(kind, name)  # pyright: ignore[reportPrivateUsage]
    return where


def _registry_store(where: Where, name: str) -> Store:
    if isinstance(where, StoreAccess):
        return where._registry_to_read("registered model", name)  # pyright: ignore[reportPrivateUsage]
    return _store(where, "registered model", name)


def _registry_if_any(where: Where) -> Registry | None:
    """The registry, to say what there is; None where there is none."""
    try:
        return _registry_store(where, "").registry
    except NbtrackError:
        return None


def _check_recorded(run_id: str) -> None:
    """Refuse the run of a tracker that is switched off."""
    if run_id == DISABLED_RUN_ID:
        raise nothing_recorded(run_id)


def _resolve_run(where: Where, parsed: ModelUri) -> ResolvedModel:
    run_id = str(parsed.run_id)
    _check_recorded(run_id)
    store = _store(where, "run", run_id)
    store.runs.get(run_id)
    found = None if parsed.path is None else store.logged_models.find_model(run_id, parsed.path)
    in_run = ResolvedModel(
        parsed.text, run_id, store=store, artifacts=store.runs.artifacts(run_id), source_run_id=run_id
    )
    if found is None:
        return in_run
    return replace(in_run, path=found.path, model_id=None if found.model is None else found.model.model_id)


def _resolve_location(where: Where, version: ModelVersion, location: str, path: str | None) -> ResolvedModel:
    """Where the files of a version are, by what the registry keeps of it."""
    try:
        parsed = parse_model_uri(location)
    except InvalidValueError as error:
        raise NotFoundError(
            "model files for", f"{version.name} version {version.version}", advice=str(error)
        ) from None
    if parsed.name is not None:
        raise NotFoundError(
            "model files for",
            f"{version.name} version {version.version}",
            advice=f"Its source is {location!r}, another model of the registry that was not there when "
            "it was registered.",
        )
    try:
        found = _at_location(where, parsed, location)
    except NotFoundError as error:
        advice = (
            f"Version {version.version} of {version.name!r} is made of it. If that is in another store, "
            "choose it with set_tracking_uri."
        )
        raise model_uri_hints.advised(error, advice) from None
    if path is None:
        return found
    if found.folder is not None:
        return replace(found, folder=found.folder.joinpath(*path.split("/")))
    return replace(found, path="/".join(part for part in (found.path, path) if part))


def _at_location(where: Where, parsed: ModelUri, location: str) -> ResolvedModel:
    if parsed.run_id is not None:
        # As it stands: what the name of a model means in a run may change, a version does not.
        store = _store(where, "run", parsed.run_id)
        run_id = store.runs.get(parsed.run_id).info.run_id
        return ResolvedModel(
            location, run_id, parsed.path, store=store, artifacts=store.runs.artifacts(run_id)
        )
    if parsed.model_id is not None:
        # From the bin, too, as with a run: who uses a version is not who tidies up.
        return _resolve_model_id(where, parsed, deleted=True)
    return resolve_model(where, parsed)


def _resolve_model_id(where: Where, parsed: ModelUri, *, deleted: bool = False) -> ResolvedModel:
    model_id = str(parsed.model_id)
    _check_recorded(model_id.removeprefix("m-"))
    store = _store(where, "logged model", model_id)
    try:
        model = store.logged_models.get(model_id, deleted=deleted)
    except NotFoundError as error:
        advice = model_uri_hints.of_model_id(_registry_if_any(where), model_id)
        raise model_uri_hints.advised(error, advice) from None
    artifacts, home = store.logged_models.artifacts(model_id, deleted=deleted)
    return ResolvedModel(
        parsed.text,
        model.source_run_id,
        "/".join(part for part in (home, parsed.path) if part) or None,
        store=store,
        artifacts=artifacts,
        model_id=model_id,
        source_run_id=model.source_run_id,
    )


# ---- files -------------------------------------------------------------------------------------


def _existing(folder: Path, found: ResolvedModel, where: Where = None) -> Path:
    if not os.path.exists(folder):
        if found.name:
            advice = f"Registered model {found.name!r} has it as version {found.version}."
        else:
            advice = model_uri_hints.of_path(found.uri, lambda uri: resolve_model(where, uri))
        advice = f"It was looked for at {str(folder.absolute())!r}. {advice}"
        raise MissingFileError("model folder", str(folder), advice=advice.rstrip())
    return folder


def _artifacts_of(found: ResolvedModel) -> Artifacts:
    if found.artifacts is None:
        raise InvalidValueError(f"{found.uri!r:.200} leads to {found.folder}, which lies in no store.")
    return found.artifacts


def _no_files(found: ResolvedModel, why: str, near: str | None = None) -> MissingFileError:
    """The error for a model whose files are not there; it says which models are.

    Args:
        found: Where they should be.
        why: What is wrong there.
        near: The name of the file or folder that is probably meant.
    """
    models = models_among(_artifacts_of(found))
    has = f"The run has the models {', '.join(map(repr, models))}." if models else ""
    model = nearest(found.path, models) if found.path and found.run_id and found.name is None else None
    meant = f"runs:/{found.run_id}/{model}" if model else near and repr(near)
    parts = (why, meant and f"Did you mean {meant}?", _made_of(found), has)
    return MissingFileError("model", found.uri, advice=" ".join(part for part in parts if part))


def _made_of(found: ResolvedModel) -> str:
    """What a version is made of, for those who look for its files; empty for what is no version."""
    if found.name is None:
        return ""
    holder = f"run {found.run_id}" if found.run_id else f"the logged model {found.model_id}"
    return f"It is version {found.version} of {found.name!r}, whose files were kept in {holder}."


def models_among(artifacts: Artifacts) -> list[str]:
    """The artifact paths of models, to suggest one; not of the deepest."""
    found: list[str] = []
    waiting = [(info.path, 1) for info in artifacts.list() if info.is_dir][:_MOST_FOLDERS]
    while waiting:
        path, depth = waiting.pop(0)
        below = artifacts.list(path)
        if any(info.path == f"{path}/{MLMODEL_FILE}" for info in below):
            found.append(path)
        elif depth < _DEPTH:
            waiting += [(info.path, depth + 1) for info in below if info.is_dir][:_MOST_FOLDERS]
    return found


def _write_meta(folder: Path, found: ResolvedModel) -> None:
    """Say beside a downloaded model which registered version it is, as MLflow does."""
    if found.name is None or not (folder / MLMODEL_FILE).is_file():
        return
    import yaml  # lazy: only downloads need it

    text = yaml.safe_dump({"model_name": found.name, "model_version": str(found.version)})
    # Never into a file that is there: it could be a link of whoever made the model.
    staged = folder / f".nbtrack-{os.urandom(8).hex()}"
    try:
        with open(staged, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(staged, folder / REGISTERED_MODEL_META)
    except OSError as error:
        with suppress(OSError):
            staged.unlink()
        raise StoreError(
            f"Cannot write {REGISTERED_MODEL_META} in {folder}: {error.strerror or error}."
        ) from error
