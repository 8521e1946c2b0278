"""The verbs of the registry that a tracker carries: registered models, versions, stages, aliases, tags.

Names and arguments are MLflow's. What a change does is the rule of the store (`stores/contracts.py`);
here it is found out which store, and which model a URI means.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from os import PathLike, fspath
from time import time_ns
from typing import TYPE_CHECKING, Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NbtrackError, NotFoundError
from nbtrack.core.names import check_model_name, check_registry_tag, check_version
from nbtrack.tracking.conditions import check_count, model_search, version_search
from nbtrack.tracking.store_access import StoreAccess
from nbtrack.tracking.telling import tell

if TYPE_CHECKING:
    from nbtrack.core.registry import ModelVersion, ModelVersionList, RegisteredModel, RegisteredModelList
    from nbtrack.core.version_comparisons import VersionComparison
    from nbtrack.stores.contracts import Registry, Store
    from nbtrack.tracking.model_uris import Where

MOST_MODELS, MOST_VERSIONS = 1000, 200_000
"""The largest pages, as in MLflow."""
_VERSIONS_TAG = "mlflow.modelVersions"
"""Tag of a logged model: which versions were made of it, as JSON."""


class RegistryVerbs(StoreAccess):
    """Registers models, reads and changes what is registered; the tracker says in which store."""

    def register_model(
        self,
        model_uri: Any,
        name: str,
        await_registration_for: int | None = 300,
        *,
        tags: Mapping[str, Any] | None = None,
        env_pack: Any = None,
        why: str | None = None,
    ) -> ModelVersion:
        """Make a model the next version of a registered model, which is made when there is none.

        Args:
            model_uri: The model: `runs:/<run_id>/<path>`, any `models:/` URI, a path or a `file:` URI.
            name: The registered model.
            await_registration_for: Taken for MLflow's sake: a version is ready at once.
            tags: First tags of the version; values become text.
            env_pack: Taken for MLflow's sake; only None.
            why: A comment, kept with the event.

        Raises:
            NotFoundError: There is no such run, version, alias or model; nothing was made.
            InvalidValueError: The URI, the name or a tag cannot be used.
        """
        from nbtrack.tracking import model_uris  # lazy: most scripts only log

        if env_pack is not None:
            raise InvalidValueError("nbtrack packs no environments: leave out env_pack.")
        check_model_name(name)
        texts = _tag_texts(tags)
        if self._is_off():
            model_uris.parse_model_uri(model_uri)
            return _nothing_registered(name)
        registered = register(self, self._registry_store, model_uri, name, texts, why=why)
        registered.tell()
        return registered.version

    # ---- registered models -------------------------------------------------------------------

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        *,
        why: str | None = None,
    ) -> RegisteredModel:
        """Make a registered model without versions.

        Args:
            name: 1 to 500 characters without `/` and `:`.
            tags: Its first tags; values become text.
            description: A note, in Markdown.
            why: A comment, kept with the event; so in all verbs that change something.

        Raises:
            AlreadyExistsError: There is one of that name.
            InvalidValueError: The name or a tag cannot be used.
        """
        check_model_name(name)
        texts = _tag_texts(tags)
        _check_description(description)
        if self._is_off():
            from nbtrack.core.registry import RegisteredModel  # lazy: few scripts use the registry

            return RegisteredModel(name, _now(), _now(), description, [], texts)
        return self._registry_store().registry.create_model(
            name, tags=texts, description=description, why=why
        )

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Read a registered model with the highest version in each stage.

        Raises:
            NotFoundError: There is none of that name.
        """
        return self._registry(name).get_model(name)

    def search_registered_models(
        self,
        max_results: int | None = None,
        filter_string: Any = None,
        order_by: Sequence[str] | None = None,
    ) -> RegisteredModelList:
        """Find registered models.

        Args:
            max_results: How many at most, from 1; None is all.
            filter_string: Such as `name LIKE 'iris%' and tags.team = 'nlp'`; or a `Query`.
            order_by: Such as `["last_updated_timestamp DESC"]`. Ties and None: by name.

        Raises:
            InvalidValueError: The filter or the order is malformed.
        """
        return self.registered_models_page(filter_string, max_results, order_by)

    def registered_models_page(
        self,
        filter_string: Any = None,
        max_results: int | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> RegisteredModelList:
        """Find registered models, a page of them; see `MlflowClient.search_registered_models`."""
        if max_results is not None:
            check_count("max_results", max_results)
        condition, order = model_search(filter_string, order_by)
        if self._is_off() or not self._has_registry():
            from nbtrack.core.registry import RegisteredModelList

            return RegisteredModelList()
        registry = self._registry_store().registry
        return registry.search_models(condition, order, limit=max_results, after=page_token)

    def rename_registered_model(
        self, name: str, new_name: str, *, why: str | None = None
    ) -> RegisteredModel | None:
        """Give a registered model another name; its versions, tags and aliases go with it.

        Raises:
            NotFoundError: There is none of that name.
            AlreadyExistsError: Another one has the new name.
            InvalidValueError: The new name cannot be used.
        """
        check_model_name(new_name)
        return None if self._is_off() else self._registry(name).rename_model(name, new_name, why=why)

    def update_registered_model(
        self, name: str, description: str | None = None, *, why: str | None = None
    ) -> RegisteredModel | None:
        """Write the description of a registered model; None takes it away.

        Raises:
            NotFoundError: There is none of that name.
        """
        _check_description(description)
        return None if self._is_off() else self._registry(name).describe_model(name, description, why=why)

    def delete_registered_model(self, name: str, *, why: str | None = None) -> None:
        """Remove a registered model with all its versions, whatever stage they are in.

        The runs and the files of the models stay.

        Raises:
            NotFoundError: There is none of that name.
        """
        if not self._is_off():
            self._registry(name).delete_model(name, why=why)

    def set_registered_model_tag(self, name: str, key: str, value: Any, *, why: str | None = None) -> None:
        """Set one tag of a registered model; an existing one is overwritten.

        Raises:
            NotFoundError: There is none of that name.
            InvalidValueError: The key or the value cannot be used.
        """
        texts = dict([check_registry_tag(key, value)])
        if not self._is_off():
            self._registry(name).set_model_tags(name, texts, why=why)

    def delete_registered_model_tag(self, name: str, key: str, *, why: str | None = None) -> None:
        """Take a tag off a registered model, if it has one of that key.

        Raises:
            NotFoundError: There is none of that name.
        """
        if not self._is_off():
            self._registry(name).delete_model_tag(name, key, why=why)

    def set_registered_model_alias(
        self, name: str, alias: str, version: str | int, *, why: str | None = None
    ) -> None:
        """Let an alias name a version, and no other from now on; `models:/<name>@<alias>` loads it.

        Args:
            name: The registered model.
            alias: Letters, digits, `_` and `-`; not `latest`, and nothing like `v2`.
            version: A version that exists.
            why: A comment, kept with the event.

        Raises:
            NotFoundError: There is no such registered model or version.
            InvalidValueError: It cannot be an alias.
        """
        if not self._is_off():
            self._registry(name).set_alias(name, alias, version, why=why)

    def delete_registered_model_alias(self, name: str, alias: str, *, why: str | None = None) -> None:
        """Take an alias away, if the registered model has it.

        Raises:
            NotFoundError: There is no such registered model.
        """
        if not self._is_off():
            self._registry(name).delete_alias(name, alias, why=why)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Read the version that an alias names; `latest` is always the highest.

        Raises:
            NotFoundError: There is no such registered model.
            UnknownAliasError: It has no such alias.
        """
        return self._registry(name).get_version_by_alias(name, alias)

    # ---- versions ----------------------------------------------------------------------------

    def create_model_version(
        self,
        name: str,
        source: Any,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = 300,
        model_id: str | None = None,
        *,
        why: str | None = None,
    ) -> ModelVersion:
        """Add a version to a registered model that exists; `register_model` makes that as well.

        Args:
            name: The registered model.
            source: Where the files are: a model URI, a path, or any address. It is kept as it is; only a
                `models:/` URI must name a version or a logged model that exists.
            run_id: The run that made it, which need not be of this store; None is that of the source.
            tags: Its first tags; values become text.
            run_link: The address of a run elsewhere.
            description: A note, in Markdown.
            await_creation_for: Taken for MLflow's sake: a version is ready at once.
            model_id: The logged model it is made of; None is that of the source.
            why: A comment, kept with the event.

        Raises:
            NotFoundError: There is no such registered model, or none where the source says.
            InvalidValueError: The name or a tag cannot be used.
        """
        from nbtrack.tracking import model_uris, version_facts  # lazy: most scripts only log

        check_model_name(name)
        texts = _tag_texts(tags)
        _check_description(description)
        source = _source_text(source)
        run_id, model_id = _optional_text("run_id", run_id), _optional_text("model_id", model_id)
        run_link = _optional_text("run_link", run_link)
        if self._is_off():
            return _nothing_registered(name)
        registry, location, found = self._registry(name), None, None
        origin = self._version_of(source)
        if origin is not None:
            location = registry.location_of(origin.name, origin.version)
            run_id, model_id = run_id or origin.run_id, model_id or origin.model_id
        else:
            try:
                found = model_uris.resolve_model(self, source)
            except NbtrackError:
                # What nbtrack does not find may be in reach of others; but it knows all logged models.
                if source.lower().startswith("models:"):
                    raise
            else:
                # Not its own exists(): a name may be too long for a path.
                if found.folder is None or os.path.exists(found.folder):
                    location = model_uris.location_of(found)
                run_id, model_id = run_id or found.source_run_id, model_id or found.model_id
        if run_id is None and model_id is not None:
            store = self._store_to_read("logged model", model_id)
            run_id = store.logged_models.get(model_id).source_run_id
        facts = version_facts.of_version(origin)
        if facts is None:
            store = self._registry_to_read("registered model", name)
            with suppress(NbtrackError):  # its run may be one of another store, and there may be none here
                store = self._store_to_read("run", str(run_id))
            facts = version_facts.of_model(found, store, run_id, model_id)
        return registry.create_version(
            name,
            source,
            location=location,
            run_id=run_id,
            tags=texts,
            run_link=run_link,
            description=description,
            model_id=model_id,
            facts=facts,
            why=why,
        )

    def copy_model_version(
        self, src_model_uri: str, dst_name: str, *, why: str | None = None
    ) -> ModelVersion:
        """Make a version of one registered model the next version of another, made when there is none.

        Description, tags and run go with it; aliases and stage do not.

        Args:
            src_model_uri: A version in the registry: `models:/<name>/<version>`, `@<alias>` or a stage.
            dst_name: The registered model that gets it.
            why: A comment, kept with the event.

        Raises:
            NotFoundError: There is no such version; nothing was made.
            InvalidValueError: It is another kind of URI, or the name cannot be used.
        """
        from nbtrack.tracking import version_facts  # lazy: most scripts only log

        check_model_name(dst_name)
        if self._is_off():
            return _nothing_registered(dst_name)
        origin = self._version_of(_source_text(src_model_uri))
        if origin is None:
            raise InvalidValueError(
                f"{src_model_uri!r:.200} is no version in the registry. Write models:/<name>/<version> or "
                "models:/<name>@<alias>; register_model takes any other model."
            )
        registry = self._registry(origin.name)
        is_new = registry.find_model(dst_name) is None
        version = registry.create_version(
            dst_name,
            f"models:/{origin.name}/{origin.version}",
            location=registry.location_of(origin.name, origin.version),
            run_id=origin.run_id,
            tags=origin.tags,
            run_link=origin.run_link,
            description=origin.description,
            model_id=origin.model_id,
            facts=version_facts.of_version(origin),
            make_model=True,
            why=why,
        )
        _tell_registered(dst_name, is_new)
        tell(
            f"Copied version '{origin.version}' of model {origin.name!r} to version '{version.version}' of "
            f"model {dst_name!r}."
        )
        return version

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """Read a version.

        Raises:
            NotFoundError: There is no such registered model or version.
        """
        return self._registry(name).get_version(name, version)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> ModelVersionList:
        """Read the highest version in each stage that has any.

        Args:
            name: The registered model.
            stages: Only these, in any case; None and an empty list are all.

        Raises:
            NotFoundError: There is no such registered model.
            InvalidValueError: There is no such stage.
        """
        return self._registry(name).latest_versions(name, stages)

    def get_model_version_stages(self, name: str, version: str | int) -> list[str]:
        """The stages there are; the same for every version."""
        from nbtrack.core.registry import ModelVersionStages

        return list(ModelVersionStages.ALL)

    def get_model_version_download_uri(self, name: str, version: str | int) -> str:
        """Where the files of a version are: a `file:` URI, or what was given as its source.

        Raises:
            NotFoundError: There is no such registered model or version.
        """
        from nbtrack.tracking import model_uris  # lazy: most scripts only log

        registry = self._registry(name)
        found = registry.get_version(name, version)
        try:
            return model_uris.artifact_uri_of(self, model_uris.ModelUri("", name=name, version=found.version))
        except NbtrackError:
            return registry.location_of(name, found.version)

    def search_model_versions(
        self,
        max_results: int | None = None,
        filter_string: Any = None,
        order_by: Sequence[str] | None = None,
    ) -> ModelVersionList:
        """Find model versions.

        Args:
            max_results: How many at most, from 1; None is all.
            filter_string: Such as `name = 'iris' and metrics.accuracy > 0.9`; or a `Query`. Params and
                metrics are those that the versions kept when they were registered.
            order_by: Such as `["metrics.accuracy DESC"]`. None: the latest updated first. Ties: by name, the
                highest first.

        Raises:
            InvalidValueError: The filter or the order is malformed.
        """
        return self.model_versions_page(filter_string, max_results, order_by)

    def model_versions_page(
        self,
        filter_string: Any = None,
        max_results: int | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> ModelVersionList:
        """Find model versions, a page of them; see `MlflowClient.search_model_versions`."""
        if max_results is not None:
            check_count("max_results", max_results)
        condition, order = version_search(filter_string, order_by)
        if self._is_off() or not self._has_registry():
            from nbtrack.core.registry import ModelVersionList

            return ModelVersionList()
        registry = self._registry_store().registry
        found = registry.search_versions(condition, order, limit=max_results, after=page_token)
        if page_token is None:
            from nbtrack.tracking import key_hints  # lazy: with the filters

            key_hints.hint_versions(registry, filter_string, order_by, found)
        return found

    def compare_versions(self, name: str, version: Any, other: Any) -> VersionComparison:
        """What differs between two versions, by what they kept when they were registered.

        Args:
            name: The registered model.
            version: The version that the other one is compared with: a number, an alias (`@champion`), a
                stage, `latest`; also a `models:/` URI or a `ModelVersion`.
            other: The other one, likewise; by URI or as a `ModelVersion` also of another registered model.

        Returns:
            Params, metrics, signature, files, requirements and tags; it draws itself as a table, and
            `to_pandas` makes a DataFrame of it.

        Raises:
            NotFoundError: There is no such registered model or version.
            InvalidTypeError: A version is given as something else.
            InvalidValueError: A word means an alias and a stage, or a URI is malformed.
        """
        from nbtrack.core.version_comparisons import compare_versions  # lazy: few scripts compare
        from nbtrack.tracking import named_versions

        check_model_name(name)
        if self._is_off():
            return compare_versions([_nothing_registered(name)] * 2)
        versions = [named_versions.version_named(self, name, each) for each in (version, other)]
        return compare_versions(versions, directions=named_versions.directions_of(self, versions))

    def update_model_version(
        self, name: str, version: str | int, description: str | None = None, *, why: str | None = None
    ) -> ModelVersion | None:
        """Write the description of a version; an empty text takes it away.

        Raises:
            NotFoundError: There is no such registered model or version.
            InvalidValueError: There is no description.
        """
        if description is None:
            raise InvalidValueError("update_model_version changes the description: give one, or ''.")
        _check_description(description)
        if self._is_off():
            return None
        return self._registry(name).describe_version(name, version, description, why=why)

    def transition_model_version_stage(
        self,
        name: str,
        version: str | int,
        stage: str,
        archive_existing_versions: bool = False,
        *,
        why: str | None = None,
    ) -> ModelVersion | None:
        """Move a version to a stage.

        Args:
            name: The registered model.
            version: The version.
            stage: None, Staging, Production or Archived, as text in any case.
            archive_existing_versions: Whether the other versions in that stage go to Archived, in the same
                change; only for Staging and Production.
            why: A comment, kept with the event.

        Raises:
            NotFoundError: There is no such registered model or version.
            InvalidValueError: There is no such stage, or its versions are not archived.
        """
        from nbtrack.core.registry import ModelVersionStages

        stage = ModelVersionStages.canonical(stage)
        if archive_existing_versions and stage not in ModelVersionStages.ACTIVE:
            raise InvalidValueError(
                f"archive_existing_versions goes with {' and '.join(ModelVersionStages.ACTIVE)}: "
                f"a version in {stage} does no work that another could take over."
            )
        if self._is_off():
            return None
        store = self._registry_to_read("registered model", name)
        with store.documents.transaction():
            archive = bool(archive_existing_versions)
            store.registry.set_stage(name, version, stage, archive_others=archive, why=why)
            return store.registry.get_version(name, version)

    def delete_model_version(self, name: str, version: str | int, *, why: str | None = None) -> None:
        """Remove a version, whatever stage it is in, and its aliases; its number is not used again.

        Raises:
            NotFoundError: There is no such registered model or version.
        """
        if not self._is_off():
            self._registry(name).delete_version(name, version, why=why)

    def set_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
        *,
        why: str | None = None,
    ) -> None:
        """Set one tag of a version; an existing one is overwritten.

        Args:
            name: The registered model.
            version: The version.
            key: Name of the tag.
            value: Anything; its `str()` is kept.
            stage: Instead of the version: the highest one in that stage.
            why: A comment, kept with the event.

        Raises:
            NotFoundError: There is no such registered model or version, or none in that stage.
            InvalidValueError: Version and stage are both given, or neither; or the tag cannot be used.
        """
        texts = dict([check_registry_tag(key, value)])
        _check_one(version, stage)
        if self._is_off():
            return
        store = self._registry_to_read("registered model", name)
        with store.documents.transaction():  # another version may be moved into the stage in between
            number = _numbered(store.registry, name, version, stage)
            store.registry.set_version_tags(name, number, texts, why=why)

    def delete_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        stage: str | None = None,
        *,
        why: str | None = None,
    ) -> None:
        """Take a tag off a version, if it has one of that key.

        Args:
            name: The registered model.
            version: The version.
            key: Name of the tag.
            stage: Instead of the version: the highest one in that stage.
            why: A comment, kept with the event.

        Raises:
            NotFoundError: There is no such registered model or version, or none in that stage.
            InvalidValueError: Version and stage are both given, or neither.
        """
        _check_one(version, stage)
        if self._is_off():
            return
        store = self._registry_to_read("registered model", name)
        with store.documents.transaction():
            number = _numbered(store.registry, name, version, stage)
            store.registry.delete_version_tag(name, number, "" if key is None else key, why=why)

    def _version_of(self, uri: str) -> ModelVersion | None:
        """The version in the registry that a URI names, whether its files are in reach or not; else None."""
        from nbtrack.tracking import model_uris  # lazy: most scripts only log

        if not uri.lower().startswith("models:"):
            return None
        parsed = model_uris.read_model_uri(self, uri)
        is_version = parsed.name is not None and parsed.path is None
        return model_uris.find_version(self, parsed) if is_version else None

    def _registry(self, name: str) -> Registry:
        check_model_name(name)
        return self._registry_to_read("registered model", name).registry


@dataclass(frozen=True)
class Registered:
    """A version that was made."""

    version: ModelVersion
    is_first: bool
    """Whether its registered model was made for it."""

    def tell(self) -> None:
        """Tell the user, once it is certain."""
        _tell_registered(self.version.name, self.is_first)
        tell(f"Created version '{self.version.version}' of model {self.version.name!r}.")


def register(
    where: Where,
    registry_store: Callable[[], Store],
    model_uri: Any,
    name: str,
    tags: Mapping[str, str] | None = None,
    *,
    held: Mapping[str, Any] | None = None,
    why: str | None = None,
) -> Registered:
    """Make a model the next version of a registered model; `Tracker.register_model` says how.

    Args:
        where: The store, or the tracker, in which the model is found.
        registry_store: Opens the store that gets the version; called when the model has been found.
        model_uri: The model.
        name: The registered model, made when there is none.
        tags: First tags of the version.
        held: What its MLmodel file holds, where that is known; None reads it.
        why: A comment, kept with the event.

    Raises:
        NotFoundError: There is no such model; nothing was made.
        InvalidValueError: The URI or the name cannot be used.
    """
    from nbtrack.tracking import model_uris, version_facts  # lazy: most scripts only log

    check_model_name(name)
    parsed = model_uris.read_model_uri(where, model_uri)
    found = model_uris.resolve_model(where, parsed)
    model_uris.check_is_model(where, found)
    location = source = model_uris.location_of(found)  # of a folder: a relative path leads elsewhere later
    if found.name is not None:
        # What is the champion today need not be tomorrow.
        source = "/".join(filter(None, (f"models:/{found.name}/{found.version}", parsed.path)))
    elif found.folder is None:
        source = parsed.text
    facts = None
    if found.name is not None and parsed.path is None:
        this = replace(parsed, version=found.version, alias=None, stage=None)
        facts = version_facts.of_version(model_uris.find_version(where, this))
    if facts is None:
        facts = version_facts.of_model(found, found.store, found.source_run_id, found.model_id, held=held)
    store = registry_store()
    is_new = store.registry.find_model(name) is None
    version = store.registry.create_version(
        name,
        source,
        location=location,
        run_id=found.source_run_id,
        tags=tags,
        model_id=found.model_id,
        facts=facts,
        make_model=True,
        why=why,
    )
    if found.model_id is not None and found.store is not None:
        _tag_logged_model(found.store, found.model_id, version)
    return Registered(version, is_new)


def _numbered(registry: Registry, name: str, version: Any, stage: str | None) -> int:
    """The version, or the highest in a stage."""
    if stage in (None, ""):
        return check_version(version)
    found = registry.latest_versions(name, [stage])
    if not found:
        raise NotFoundError("version in the stage", stage, holder=f"Registered model {name!r}")
    return found[0].version


def _check_one(version: Any, stage: Any) -> None:
    if (version in (None, "")) == (stage in (None, "")):
        raise InvalidValueError("Give either a version or a stage.")


def _check_description(description: Any) -> None:
    if description is not None and not isinstance(description, str):
        raise InvalidTypeError(
            f"A description is text, got {type(description).__name__} {description!r:.80}."
        )


def _optional_text(what: str, given: Any) -> str | None:
    """Text that may be left out, which an empty one is, too."""
    if given is not None and not isinstance(given, str):
        raise InvalidTypeError(f"{what} is text, got {type(given).__name__} {given!r:.80}.")
    return given or None


def _source_text(source: Any) -> str:
    text: Any = fspath(cast("PathLike[str]", source)) if isinstance(source, PathLike) else source
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise InvalidValueError(f"The source of a version is a model URI or a path, got {source!r:.80}.")
    return text


def _tag_texts(tags: Any) -> dict[str, str]:
    if tags is not None and not isinstance(tags, Mapping):
        raise InvalidTypeError(f"tags are given as a dict, got {type(tags).__name__}.")
    given = cast("Mapping[Any, Any]", tags or {})
    return dict(check_registry_tag(key, value) for key, value in given.items())


def _tag_logged_model(store: Store, model_id: str, version: ModelVersion) -> None:
    """Say on a logged model which version was made of it, as MLflow does."""
    with store.documents.transaction():
        try:
            known: Any = json.loads(store.logged_models.get(model_id).tags.get(_VERSIONS_TAG) or "[]")
        except (NotFoundError, ValueError):
            return  # it was deleted since, or somebody keeps a note of their own there
        if isinstance(known, list):
            entry = {"name": version.name, "version": version.version}
            store.logged_models.set_tags(model_id, {_VERSIONS_TAG: json.dumps([*known, entry])})


def _nothing_registered(name: str) -> ModelVersion:
    """A version that is nowhere, for code that reads what it has registered."""
    from nbtrack.core.registry import ModelVersion

    return ModelVersion(name, 0, _now(), _now())


def _tell_registered(name: str, is_first: bool) -> None:
    tell(
        f"Successfully registered model {name!r}."
        if is_first
        else f"Registered model {name!r} already exists. Creating a new version of this model..."
    )


def _now() -> int:
    return time_ns() // 1_000_000
