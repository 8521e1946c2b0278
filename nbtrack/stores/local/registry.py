"""The registry of a local store: registered models, their versions, and every change of both.

A change is one transaction: what it changes, and the event that tells of it in the table
`registry_events`. The same event goes to the event log from inside the transaction, so that both
have one order, that of the changes. Its `number` is its place in that order; of two lines with one
number the later holds, since the change of the earlier was undone by a disk that refused.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from nbtrack.core.errors import AlreadyExistsError, InvalidTypeError, NotFoundError
from nbtrack.core.names import (
    check_alias,
    check_alias_form,
    check_key,
    check_model_name,
    check_registry_tag,
    check_version,
)
from nbtrack.core.registry import (
    ModelVersion,
    ModelVersionList,
    ModelVersionStages,
    ModelVersionStatus,
    RegisteredModel,
    RegisteredModelList,
    VersionFacts,
)
from nbtrack.core.users import current_user
from nbtrack.documents.queries import Query
from nbtrack.documents.tables import Order, Table
from nbtrack.stores.local.registry_approvals import RegistryApprovals
from nbtrack.stores.local.registry_documents import (
    HIGHEST_FIRST,
    Document,
    aliases_of,
    number_of,
    this_moment,
)
from nbtrack.stores.local.registry_rules import check_approved, check_leaving
from nbtrack.stores.local.registry_undo import RegistryUndo
from nbtrack.stores.page_tokens import make_token, read_token

_MOST_TRIES = 20
_RECENT = 1000

_BY_NAME = Order(("name",))
_NEWEST_FIRST = Order(("creation_timestamp",), True)
_LATEST_FIRST = Order(("last_updated_timestamp",), True)


class LocalRegistry(RegistryApprovals, RegistryUndo):
    """Creates, changes, reads and searches registered models and their versions."""

    # ---- registered models -------------------------------------------------------------------

    def create_model(
        self,
        name: str,
        *,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        why: str | None = None,
    ) -> RegisteredModel:
        """Make a registered model without versions.

        Raises:
            InvalidValueError: The name or a tag cannot be used.
            AlreadyExistsError: There is one of that name.
        """
        check_model_name(name)
        texts = _tag_texts(tags)
        with self._database.transaction():
            if self._models.get(Query().name == name) is not None:
                raise AlreadyExistsError(
                    f"A registered model named {name!r} exists already. Choose another name, or add a "
                    "version to that one (register_model)."
                )
            model = self._create_model(name, texts, description, why)
        return self._as_model(model, ())

    def get_model(self, name: str) -> RegisteredModel:
        """Read a registered model; NotFoundError when there is none of that name."""
        for _ in range(_MOST_TRIES):
            model = self._model(name)
            latest = self._latest(model)
            # Another process may have moved a version between the two looks.
            if latest is not None:
                return self._as_model(model, latest)
        return self._as_model(self._model(name), ())

    def find_model(self, name: str) -> RegisteredModel | None:
        """Read a registered model; None when there is none of that name."""
        try:
            return self.get_model(name)
        except NotFoundError:
            return None

    def rename_model(self, name: str, new_name: str, *, why: str | None = None) -> RegisteredModel:
        """Give a registered model another name; versions, tags and aliases go with it.

        Raises:
            InvalidValueError: The new name cannot be used.
            NotFoundError: There is none of that name.
            AlreadyExistsError: Another one has the new name.
        """
        check_model_name(new_name)
        with self._database.transaction():
            model = self._model(name)
            if new_name != name and self._models.get(Query().name == new_name) is not None:
                raise AlreadyExistsError(
                    f"A registered model named {new_name!r} exists already. Choose another name."
                )
            self._rename(model, new_name, why)
            return self._as_model(model, self._latest(model) or ())

    def describe_model(
        self, name: str, description: str | None, *, why: str | None = None
    ) -> RegisteredModel:
        """Write the description of a registered model; None takes it away."""
        with self._database.transaction():
            model = self._model(name)
            before, model["description"] = model["description"], description
            model["last_updated_timestamp"] = this_moment()
            self._write_model(model)
            self._tell("registered_model.described", model, why, description=description, before=before)
            return self._as_model(model, self._latest(model) or ())

    def delete_model(self, name: str, *, why: str | None = None) -> None:
        """Remove a registered model with all its versions; the runs and their files stay.

        A registered model made later under that name begins at version 1 again.
        """
        with self._database.transaction():
            self._delete_model(self._model(name), why)

    def set_model_tags(self, name: str, tags: Mapping[str, Any], *, why: str | None = None) -> None:
        """Write tags of a registered model, overwriting."""
        texts = _tag_texts(tags)
        with self._database.transaction():
            model = self._model(name)
            before = {key: model["tags"].get(key) for key in texts}
            model["tags"].update(texts)
            self._write_model(model)
            self._tell("registered_model.tagged", model, why, tags=texts, before=before)

    def delete_model_tag(self, name: str, key: str, *, why: str | None = None) -> None:
        """Take a tag off a registered model; one that is not there is no error, as in MLflow."""
        check_key("tag", key)
        with self._database.transaction():
            model = self._model(name)
            if key in model["tags"]:
                before = {key: model["tags"].pop(key)}
                self._write_model(model)
                self._tell("registered_model.tagged", model, why, tags={key: None}, before=before)

    def set_alias(
        self,
        name: str,
        alias: str,
        version: Any,
        *,
        why: str | None = None,
        grounds: Mapping[str, Any] | None = None,
    ) -> int | None:
        """Let an alias name a version, and no other from now on.

        Args:
            name: The registered model.
            alias: The alias.
            version: The version.
            why: A comment for the event.
            grounds: What the event says besides, as in `set_stage`.

        Returns:
            The number of the event; None when the version has the alias already.

        Raises:
            ApprovalError: It demands an approval.
            InvalidValueError: It cannot be an alias, or is one that is always there.
            NotFoundError: There is no such registered model, or it has no such version.
        """
        check_alias(alias)
        number = check_version(version)
        with self._database.transaction():
            model = self._model(name)
            self._version(model, number)
            before = model["aliases"].get(alias)
            if before == number:
                return None
            grounds = grounds or {}
            check_approved(model, f"@{alias}", grounds)
            model["aliases"][alias] = number
            self._write_model(model)
            details = {"alias": alias, "version": number, "before": before}
            return self._tell("registered_model.aliased", model, why, **details, **grounds)

    def delete_alias(self, name: str, alias: str, *, why: str | None = None) -> None:
        """Take an alias away; one that is not there is no error, as in MLflow."""
        check_alias_form(alias)
        with self._database.transaction():
            model = self._model(name)
            if alias in model["aliases"]:
                check_leaving(model, [f"@{alias}"], f"take @{alias} from a version of {name!r}")
                before = model["aliases"].pop(alias)
                self._write_model(model)
                self._tell("registered_model.aliased", model, why, alias=alias, version=None, before=before)

    # ---- versions ----------------------------------------------------------------------------

    def create_version(
        self,
        name: str,
        source: str,
        *,
        location: str | None = None,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        model_id: str | None = None,
        facts: VersionFacts | None = None,
        make_model: bool = False,
        why: str | None = None,
    ) -> ModelVersion:
        """Add a version to a registered model: one more than it ever had.

        Args:
            name: The registered model.
            source: Where the files are, as the user said it.
            location: Where they are when nothing else changes: a `runs:/` URI, a `file:` URI, ...; None
                is the source.
            run_id: The run that made it; it need not be of this store.
            tags: Its first tags.
            run_link: The address of a run elsewhere.
            description: A note.
            model_id: The logged model it is made of.
            facts: What it keeps of its model and run; None is nothing.
            make_model: Make the registered model when there is none of that name, as part of the same change.
            why: A comment for the event.

        Raises:
            NotFoundError: There is no such registered model.
            InvalidValueError: A tag cannot be used.
        """
        check_model_name(name)
        texts = _tag_texts(tags)
        facts = VersionFacts() if facts is None else facts
        with self._database.transaction():
            model: Any = self._models.get(Query().name == name)
            if model is None:
                if not make_model:
                    raise self._no_model(name)
                model = self._create_model(name, {}, None, why)
            number = model["last_version"] + 1
            now = this_moment()
            version = {
                "name": name,
                "version": number,
                "creation_timestamp": now,
                "last_updated_timestamp": now,
                "description": description,
                "user_id": current_user(),
                "current_stage": ModelVersionStages.NONE,
                "source": source,
                "location": source if location is None else location,
                "run_id": run_id,
                "run_link": run_link,
                "status": ModelVersionStatus.READY,
                "tags": texts,
                "model_id": model_id,
                # Last: a search reads a document from its front.
                **self._facts.keep(facts),
            }
            model["last_version"] = number
            model["latest"][ModelVersionStages.NONE] = number
            model["last_updated_timestamp"] = now
            self._write_model(model)
            self._versions.insert(version)
            told = ("source", "location", "run_id", "run_link", "description", "tags", "model_id", "user_id")
            self._tell(
                "model_version.created",
                model,
                why,
                version=number,
                logged={"facts": logged} if (logged := _as_logged(facts)) else None,
                **{key: version[key] for key in told if version[key]},
                **({"run_name": facts.run_name} if facts.run_name else {}),
            )
        return self._as_version(version)

    def get_version(self, name: str, version: Any) -> ModelVersion:
        """Read a version; NotFoundError when there is none of that number."""
        number = check_version(version)
        model = self._model(name)
        return self._as_version(self._version(model, number), model["aliases"])

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Read the version that an alias names; `latest` is always the highest.

        Raises:
            NotFoundError: There is no such registered model, or it has no versions.
            UnknownAliasError: It has no such alias.
        """
        check_alias_form(alias)
        model = self._model(name)
        for _ in range(_MOST_TRIES):
            version = self._find_version(name, number_of(model, alias))
            if version is not None:
                return self._as_version(version, model["aliases"])
            # Another process has deleted it since, and the alias with it.
            model = self._model(name)
        return self._as_version(self._version(model, number_of(model, alias)), model["aliases"])

    def location_of(self, name: str, version: Any) -> str:
        """Where the files of a version are; see `create_version`."""
        number = check_version(version)
        return self._version(self._model(name), number)["location"]

    def latest_versions(self, name: str, stages: Sequence[str] | None = None) -> ModelVersionList:
        """The highest version in each stage that has any, the lowest of them first.

        Args:
            name: The registered model.
            stages: Only these, in any case; None and an empty list are all.

        Raises:
            NotFoundError: There is no such registered model.
            InvalidValueError: There is no such stage.
        """
        given: Any = [stages] if isinstance(stages, str) else stages
        if given is not None and not isinstance(given, Iterable):
            raise InvalidTypeError(f"Stages are given as a list, got {type(given).__name__} {given!r:.80}.")
        named = list(cast("Iterable[Any]", given or ())) or ModelVersionStages.ALL
        wanted = {ModelVersionStages.canonical(stage) for stage in named}
        model = self.get_model(name)
        return ModelVersionList(
            replace(version, aliases=aliases_of(version.version, model.aliases))
            for version in model.latest_versions
            if version.current_stage in wanted
        )

    def describe_version(
        self, name: str, version: Any, description: str | None, *, why: str | None = None
    ) -> ModelVersion:
        """Write the description of a version; None takes it away."""
        number = check_version(version)
        with self._database.transaction():
            model = self._model(name)
            document = self._version(model, number)
            before, document["description"] = document["description"], description
            document["last_updated_timestamp"] = this_moment()
            self._write_version(document)
            self._tell(
                "model_version.described",
                model,
                why,
                version=number,
                description=description,
                before=before,
            )
            return self._as_version(document, model["aliases"])

    def set_stage(
        self,
        name: str,
        version: Any,
        stage: str,
        *,
        archive_others: bool = False,
        why: str | None = None,
        grounds: Mapping[str, Any] | None = None,
    ) -> int | None:
        """Move a version to a stage.

        Args:
            name: The registered model.
            version: The version.
            stage: Where it goes, in any case.
            archive_others: Whether the other versions in that stage go to Archived, in the same change.
            why: A comment for the event.
            grounds: What the event says besides: `request`, the approved one that led to it; `rollback`,
                that it goes back to what was there before; the values of `if_better`.

        Returns:
            The number of the event; None when nothing was moved.

        Raises:
            ApprovalError: It demands an approval, and the grounds name neither of the first two.
            NotFoundError: There is no such registered model or version.
            InvalidValueError: There is no such stage.
        """
        number, stage = check_version(version), ModelVersionStages.canonical(stage)
        with self._database.transaction():
            model = self._model(name)
            document = self._version(model, number)
            before = document["current_stage"]
            if before != stage:
                check_approved(model, stage, grounds or {})
                check_leaving(model, [before], f"move version {number} of {name!r} out of {before}")
            now = this_moment()
            archived: list[int] = []
            if archive_others:
                others: list[Any] = self._versions.search(
                    (Query().name == name) & (Query().current_stage == stage) & (Query().version != number)
                )
                archived = [other["version"] for other in others]
                if archived:
                    check_approved(model, stage, grounds or {})
                self._versions.update(
                    {"current_stage": ModelVersionStages.ARCHIVED, "last_updated_timestamp": now},
                    doc_ids=[other.doc_id for other in others],
                )
            document["current_stage"], document["last_updated_timestamp"] = stage, now
            self._write_version(document)
            self._find_latest(model, {before, stage, *([ModelVersionStages.ARCHIVED] if archived else [])})
            model["last_updated_timestamp"] = now
            self._write_model(model)
            if before == stage and not archived:
                return None
            details: dict[str, Any] = {"version": number, "stage": stage, "before": before, **(grounds or {})}
            if archived:
                details["archived"] = archived
            return self._tell("model_version.staged", model, why, **details)

    def delete_version(self, name: str, version: Any, *, why: str | None = None) -> None:
        """Remove a version and its aliases; its number is not used again."""
        number = check_version(version)
        with self._database.transaction():
            model = self._model(name)
            self._delete_version(model, self._version(model, number), why)

    def set_version_tags(
        self, name: str, version: Any, tags: Mapping[str, Any], *, why: str | None = None
    ) -> None:
        """Write tags of a version, overwriting."""
        number, texts = check_version(version), _tag_texts(tags)
        with self._database.transaction():
            model = self._model(name)
            document = self._version(model, number)
            before = {key: document["tags"].get(key) for key in texts}
            document["tags"].update(texts)
            self._write_version(document)
            self._tell("model_version.tagged", model, why, version=number, tags=texts, before=before)

    def delete_version_tag(self, name: str, version: Any, key: str, *, why: str | None = None) -> None:
        """Take a tag off a version; one that is not there is no error, as in MLflow."""
        check_key("tag", key)
        number = check_version(version)
        with self._database.transaction():
            model = self._model(name)
            document = self._version(model, number)
            if key in document["tags"]:
                before = {key: document["tags"].pop(key)}
                self._write_version(document)
                self._tell(
                    "model_version.tagged", model, why, version=number, tags={key: None}, before=before
                )

    # ---- searching ---------------------------------------------------------------------------

    def search_models(
        self,
        condition: Any = None,
        order_by: Sequence[Order] = (),
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> RegisteredModelList:
        """Find registered models; ties and no order: by name. The `token` goes on as `after`.

        Raises:
            InvalidValueError: `after` is no page token of this order.
        """
        order = _completed(order_by, _BY_NAME)
        page, token = _page(self._models, condition, order, limit, after)
        latest = self._latest_of(page)
        return RegisteredModelList((self._read(model, latest[model["name"]]) for model in page), token)

    def search_versions(
        self,
        condition: Any = None,
        order_by: Sequence[Order] = (),
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> ModelVersionList:
        """Find model versions; no order: the latest updated first. Ties: by name, the highest first.

        Raises:
            InvalidValueError: `after` is no page token of this order.
        """
        order = _completed(order_by or [_LATEST_FIRST], _BY_NAME, HIGHEST_FIRST)
        page, token = _page(self._versions, condition, order, limit, after)
        aliases = self._aliases_by_name({version["name"] for version in page})
        return ModelVersionList(
            self._as_versions((version, aliases.get(version["name"], {})) for version in page), token
        )

    def version_keys(self, kind: str, key: str) -> list[str]:
        """That key alone if any version has it, else those of the latest thousand versions.

        Args:
            kind: `metrics`, `params` or `tags`.
            key: The key.
        """
        if self._versions.contains(Query()[kind][key].exists()):
            return [key]
        held = self._versions.select_values([(kind,)], order_by=[_NEWEST_FIRST], limit=_RECENT)
        return list(dict.fromkeys(known for row in held for known in row[0] or ()))

    def versions_in(self, name: str, stage: str) -> list[int]:
        """The numbers of the versions in a stage, the lowest first."""
        in_stage = (Query().name == name) & (Query().current_stage == stage)
        return sorted(row[0] for row in self._versions.select_values([("version",)], in_stage))

    def _read(self, model: Document, latest: Sequence[Document] | None) -> RegisteredModel:
        if latest is not None:
            return self._as_model(model, latest)
        return self.find_model(model["name"]) or self._as_model(model, ())

    def _create_model(self, name: str, tags: dict[str, str], description: str | None, why: str | None) -> Any:
        now = this_moment()
        model: dict[str, Any] = {
            # The name may change, and come back with another model; what was done to this one stays its own.
            "registered_model_id": os.urandom(16).hex(),
            "name": name,
            "description": description,
            "tags": tags,
            "aliases": {},
            "last_version": 0,
            "latest": {},
            "creation_timestamp": now,
            "last_updated_timestamp": now,
        }
        if rules := self._rules_left_at(name):
            model["approvals"] = rules
        doc_id = self._models.insert(model)
        details = {key: model[key] for key in ("tags", "description", "approvals") if model.get(key)}
        self._tell("registered_model.created", model, why, **details)
        return self._models.get(doc_id=doc_id)


def _page(
    table: Table, condition: Any, order: Sequence[Order], limit: int | None, after: str | None
) -> tuple[list[Any], str | None]:
    position = None if after is None else read_token(after, order)
    # One more than asked for tells whether a page follows.
    more = None if limit is None else limit + 1
    found: list[Any] = table.select(condition, order_by=order, after=position, limit=more)
    page = found[:limit]
    return page, make_token(page[-1], order) if page and len(found) > len(page) else None


def _completed(order: Sequence[Order], *last: Order) -> list[Order]:
    """An order that leaves no ties."""
    named = {key.path for key in order}
    return [*order, *(key for key in last if key.path not in named)]


def _as_logged(facts: VersionFacts) -> dict[str, Any]:
    """The facts as the event log has them, from which the documents can be made again."""
    plain = {name: value for name, value in facts if value is not None}
    if facts.metrics is not None:
        plain["metrics"] = [metric.to_dictionary() for metric in facts.metrics]
    return plain


def _tag_texts(tags: Mapping[str, Any] | None) -> dict[str, str]:
    return dict(check_registry_tag(key, value) for key, value in (tags or {}).items())
