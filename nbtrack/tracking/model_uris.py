"""Model URIs: what they name, and the folder with the files of that model.

    models:/<name>/<version>      models:/<name>@<alias>      runs:/<run_id>/<path>
    models:/<name>/<stage>        models:/<model_id>          a path, or a file: URI
    models:/<name>/latest

Behind each but the last may stand `/` and a path inside the model. Everything that loads, lists or
registers a model by a URI asks here.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingFileError, NotFoundError
from nbtrack.core.names import artifact_parts, check_model_name, check_run_id
from nbtrack.core.registry import ModelVersion, ModelVersionStages
from nbtrack.stores.contracts import Store
from nbtrack.tracking import artifact_access
from nbtrack.tracking.store_access import StoreAccess

MLMODEL = "MLmodel"
"""The file that makes a folder a model."""
REGISTERED_MODEL_META = "registered_model_meta"
"""The file beside it that says, in a download, which version of which registered model it is."""

Where = Store | StoreAccess | None
"""Where a model is looked for: a store, or a tracker, whose store is opened when it is needed."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
_FORMS = "models:/<name>/<version>, models:/<name>@<alias>, models:/<name>/<stage> or models:/<name>/latest"


@dataclass(frozen=True)
class ModelUri:
    """A model URI in its parts; those that it does not have are None."""

    text: str
    """As it was given."""
    run_id: str | None = None
    name: str | None = None
    """Of a registered model."""
    version: int | None = None
    alias: str | None = None
    stage: str | None = None
    """As in `ModelVersionStages`."""
    model_id: str | None = None
    """Of a logged model."""
    folder: Path | None = None
    """On this machine."""
    path: str | None = None
    """Inside the run, or inside the model of the registry."""

    @property
    def is_latest(self) -> bool:
        """Whether it is the highest version of a registered model, whichever that is."""
        return self.name is not None and self.version is None and self.alias is None and self.stage is None


@dataclass(frozen=True)
class ResolvedModel:
    """Where a model URI leads at this moment: into a run, or to a folder of this machine."""

    uri: str
    """The URI as it was given."""
    run_id: str | None = None
    """The run in whose artifacts the files are; None for a folder."""
    path: str | None = None
    """The artifact path in that run; None is its root."""
    folder: Path | None = None
    """Folder or file outside of runs; None for what is in a run."""
    store: Store | None = None
    """The store of that run."""
    name: str | None = None
    """The registered model, if the URI is one of the registry."""
    version: int | None = None
    """Its version."""
    model_id: str | None = None
    """The logged model, where that is known."""
    source_run_id: str | None = None
    """The run that made the model, where that is known; need not be in this store."""

    @property
    def in_run(self) -> tuple[Store, str]:
        """The store and the run in which the files are.

        Raises:
            InvalidValueError: They are in a folder outside of runs.
        """
        if self.store is None or self.run_id is None:
            raise InvalidValueError(f"{self.uri!r:.200} leads to {self.folder}, which lies in no run.")
        return self.store, self.run_id


def parse_model_uri(uri: Any) -> ModelUri:
    """Take a model URI apart; nothing is looked up.

    Args:
        uri: One of the forms above, as text or a path; or the MLmodel file of a folder, which means the
            folder.

    Raises:
        InvalidTypeError: It is neither text nor a path.
        InvalidValueError: It is malformed, or of a kind that nbtrack does not read.
    """
    if isinstance(uri, os.PathLike):
        path = Path(cast("os.PathLike[str]", uri))
        return ModelUri(str(path), folder=_folder_of(path))
    if not isinstance(uri, str):
        raise InvalidTypeError(f"A model URI is text or a path, got {type(uri).__name__} {uri!r:.80}.")
    if not uri.strip() or "\0" in uri:
        raise InvalidValueError(f"{uri!r:.80} is no model URI. Write {_FORMS}, or a path.")
    match = _SCHEME.match(uri)
    # One letter is a drive of Windows.
    scheme = match[1].lower() if match else ""
    if scheme == "models":
        return _parse_registry(uri)
    if scheme == "runs":
        return _parse_run(uri)
    if scheme == "file":
        return ModelUri(uri, folder=_folder_of(_file_path(uri)))
    if scheme and not os.path.exists(uri):
        raise InvalidValueError(
            f"nbtrack cannot read models from {uri[:200]!r}: it knows models:/, runs:/ and file: URIs, "
            "and paths."
        )
    return ModelUri(uri, folder=_folder_of(Path(uri).expanduser()))


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
    parsed = uri if isinstance(uri, ModelUri) else parse_model_uri(uri)
    if parsed.folder is not None:
        return ResolvedModel(parsed.text, folder=parsed.folder)
    if parsed.run_id is not None:
        store = _store(where, "run", parsed.run_id)
        store.runs.get(parsed.run_id)
        return ResolvedModel(
            parsed.text, parsed.run_id, parsed.path, store=store, source_run_id=parsed.run_id
        )
    if parsed.model_id is not None:
        return _resolve_model_id(where, parsed)
    version, path = _find_version(where, parsed)
    location = _registry_store(where, str(parsed.name)).registry.location_of(version.name, version.version)
    found = _resolve_location(where, version, location, path)
    return replace(
        found,
        uri=parsed.text,
        name=version.name,
        version=version.version,
        model_id=version.model_id or found.model_id,
        source_run_id=version.run_id or found.source_run_id,
    )


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
    found = resolve_model(where, uri)
    if found.folder is not None:
        folder = _existing(found.folder, found)
        if dst_path is None:
            return folder
        local = Path(artifact_access.copy_local(folder, dst_path))
    else:
        store, run_id = found.in_run
        try:
            if dst_path is None and (own := store.runs.artifacts(run_id).local_path(found.path)) is not None:
                return _folder_of(Path(own))
            local = Path(artifact_access.download_artifacts(store, run_id, found.path, dst_path))
        except MissingFileError as error:
            raise _no_files(found, error) from None
    _write_meta(local, found)
    return _folder_of(local)


def artifact_uri_of(where: Where, uri: Any) -> str:
    """Where a model URI leads, as a URI that any program can read: `file:///...`.

    Raises:
        NotFoundError: As `resolve_model`.
        InvalidValueError: The URI is malformed.
    """
    found = resolve_model(where, uri)
    if found.folder is not None:
        return found.folder.absolute().as_uri()
    store, run_id = found.in_run
    return artifact_access.uri_of(store.runs.get(run_id), found.path)


# ---- taking URIs apart -------------------------------------------------------------------------


def _parse_registry(uri: str) -> ModelUri:
    refusal = f"{uri[:200]!r} is no model URI: "
    rest = uri.split(":", 1)[1]
    slashes = len(rest) - len(rest.lstrip("/"))
    # models:///name/1 is the same with an empty host, models://name/1 has the name where a host stands.
    if slashes == 0 or slashes == 2:
        raise InvalidValueError(f"{refusal}write models:/ with one slash. It is one of {_FORMS}.")
    first, _, more = rest.lstrip("/").partition("/")
    more = more.strip("/")
    if not first.strip():
        raise InvalidValueError(f"{refusal}it names no model. It is one of {_FORMS}.")
    if _MODEL_ID.fullmatch(first):
        return ModelUri(uri, model_id=first, path=_inside(more))
    suffix, _, path = more.partition("/")
    name, at, alias = first.rpartition("@")
    # An alias never begins a path by a number, and a name may hold an @: models:/me@home/3.
    if at and not (suffix and _reads_as_version(suffix)):
        if not name.strip() or not alias.strip():
            raise InvalidValueError(f"{refusal}before and behind '@' stand a name and an alias.")
        return ModelUri(uri, name=check_model_name(name), alias=alias, path=_inside(more))
    name = check_model_name(first)
    if not suffix:
        # MLflow reads this as the id of a logged model, which its own never look like.
        raise InvalidValueError(
            f"{refusal}it names no version. Write models:/{name}/latest for the highest one; or one of "
            f"{_FORMS}."
        )
    path = _inside(path)
    if suffix.isascii() and suffix.isdigit():
        return ModelUri(uri, name=name, version=int(suffix), path=path)
    if suffix.lower() == "latest":
        return ModelUri(uri, name=name, path=path)
    try:
        stage = ModelVersionStages.canonical(suffix)
    except InvalidValueError as error:
        raise InvalidValueError(
            f"{refusal}{suffix[:80]!r} is neither a version nor a stage. {error} "
            f"An alias stands behind an @: models:/{name}@{suffix[:80]}."
        ) from None
    return ModelUri(uri, name=name, stage=stage, path=path)


def _reads_as_version(suffix: str) -> bool:
    if suffix.isascii() and suffix.isdigit():
        return True
    return suffix.lower() in ("latest", *(stage.lower() for stage in ModelVersionStages.ALL))


def _parse_run(uri: str) -> ModelUri:
    rest = uri.split(":", 1)[1]
    slashes = len(rest) - len(rest.lstrip("/"))
    run_id, _, path = rest.lstrip("/").partition("/")
    if slashes in (0, 2) or not run_id:
        raise InvalidValueError(f"{uri[:200]!r} names no run. Write runs:/<run_id>/<path>.")
    return ModelUri(uri, run_id=check_run_id(run_id), path=_inside(path))


def _inside(path: str) -> str | None:
    return "/".join(artifact_parts(path)) or None


def _file_path(uri: str) -> Path:
    from urllib.parse import unquote, urlsplit  # lazy: 5 ms that few need

    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise InvalidValueError(
            f"{uri[:200]!r} names the host {parts.netloc!r}; a model lies on this machine: file:///folder."
        )
    if parts.query or parts.fragment:
        raise InvalidValueError(
            f"{uri[:200]!r} holds '?' or '#'. Write them as %3F and %23 if they belong to the path."
        )
    if not parts.path:
        raise InvalidValueError(f"{uri[:200]!r} names no folder.")
    return Path(unquote(parts.path))


def _folder_of(path: Path) -> Path:
    """The folder of a model, of which the MLmodel file may have been given."""
    return path.parent if path.name == MLMODEL and path.is_file() else path


# ---- looking them up ---------------------------------------------------------------------------


def _store(where: Where, kind: str, name: str) -> Store:
    if where is None:
        raise NotFoundError(kind, name, advice="There is no store to look in.")
    if isinstance(where, StoreAccess):
        return where._store_to_read(kind, name)  # pyright: ignore[reportPrivateUsage]
    return where


def _registry_store(where: Where, name: str) -> Store:
    return _store(where, "registered model", name)


def _find_version(where: Where, parsed: ModelUri) -> tuple[ModelVersion, str | None]:
    """The version that is meant, and the path inside the model."""
    name, registry = str(parsed.name), _registry_store(where, str(parsed.name)).registry
    if parsed.alias is not None:
        return registry.get_version_by_alias(name, parsed.alias), parsed.path
    if parsed.version is not None:
        return registry.get_version(name, parsed.version), parsed.path
    if parsed.is_latest:
        return registry.get_version_by_alias(name, "latest"), parsed.path
    found = registry.latest_versions(name, [str(parsed.stage)])
    if not found:
        others = [
            f"{version.version} ({version.current_stage})" for version in registry.latest_versions(name)
        ]
        advice = f"There are {', '.join(others)}." if others else "It has no versions yet."
        raise NotFoundError(
            "version in the stage", str(parsed.stage), holder=f"Registered model {name!r}", advice=advice
        )
    return found[0], parsed.path


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
    found = resolve_model(where, parsed)
    if path is None:
        return found
    if found.folder is not None:
        return replace(found, folder=found.folder.joinpath(*path.split("/")))
    return replace(found, path="/".join(part for part in (found.path, path) if part))


def _resolve_model_id(where: Where, parsed: ModelUri) -> ResolvedModel:
    raise NotFoundError("logged model with the id", str(parsed.model_id))


# ---- files -------------------------------------------------------------------------------------


def _existing(folder: Path, found: ResolvedModel) -> Path:
    if not folder.exists():
        named = f" Registered model {found.name!r} has it as version {found.version}." if found.name else ""
        raise MissingFileError(
            "model folder", str(folder), advice=f"It was looked for at {folder.absolute()}.{named}"
        )
    return folder


def _no_files(found: ResolvedModel, error: MissingFileError) -> MissingFileError:
    """The error for a model whose files are not in its run; it says which models are."""
    models = models_in_run(*found.in_run)
    advice = f"The run has the models {', '.join(map(repr, models))}." if models else str(error)
    return MissingFileError("model", found.uri, advice=advice)


def models_in_run(store: Store, run_id: str) -> list[str]:
    """The artifact paths of the models among a run's artifacts, to suggest one; of two levels at most."""
    artifacts = store.runs.artifacts(run_id)
    found: list[str] = []
    waiting = [(info.path, 1) for info in artifacts.list() if info.is_dir][:_LOOKED_AT]
    while waiting:
        path, depth = waiting.pop(0)
        below = artifacts.list(path)
        if any(info.path == f"{path}/{MLMODEL}" for info in below):
            found.append(path)
        elif depth < _DEPTH:
            waiting += [(info.path, depth + 1) for info in below if info.is_dir][:_LOOKED_AT]
    return found


_LOOKED_AT = 50
_DEPTH = 3


def _write_meta(folder: Path, found: ResolvedModel) -> None:
    """Say beside a downloaded model which registered version it is, as MLflow does."""
    if found.name is None or not (folder / MLMODEL).is_file():
        return
    import yaml  # lazy: only downloads need it

    text = yaml.safe_dump({"model_name": found.name, "model_version": str(found.version)})
    (folder / REGISTERED_MODEL_META).write_text(text, encoding="utf-8")
