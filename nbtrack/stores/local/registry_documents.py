"""The documents of the registry: registered models, versions and events, as they are read and written.

What may be changed, and how, is in the modules beside this one.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from operator import itemgetter
from time import time_ns
from typing import Any

from nbtrack.core.errors import NotFoundError, UnknownAliasError
from nbtrack.core.names import check_model_name, check_reason
from nbtrack.core.registry import ModelVersion, ModelVersionStages, RegisteredModel
from nbtrack.core.text_tables import moment
from nbtrack.core.users import current_user
from nbtrack.documents.database import Database
from nbtrack.documents.queries import Query
from nbtrack.documents.schema import Index
from nbtrack.documents.tables import Order
from nbtrack.stores.local.events import EventLog
from nbtrack.stores.local.registry_rules import check_leaving, rules_of
from nbtrack.stores.local.version_facts import KeptFacts, facts_of

_FEW = 200
"""Names that are asked for one by one; of more, all are read."""
_LISTED = 12
_MOST_NAMES = 10_000
"""Names among which a misspelt one is looked for."""

HIGHEST_FIRST = Order(("version",), True)
_LAST_DELETED_FIRST = Order(("event",), True)

Document = Mapping[str, Any]
Aliases = Mapping[str, int] | tuple[()]
"""Those of a registered model, by the version that each names."""


class RegistryDocuments:
    """Reads and writes the documents of a registry, and tells of every change."""

    def __init__(self, database: Database, events: EventLog) -> None:
        self._database = database
        self._log = events
        self._models = database.table("registered_models", unique=[("name",)])
        self._versions = database.table(
            "model_versions",
            unique=[(("name",), ("version",))],
            indexes=[Index(("run_id",)), Index((("name",), ("current_stage",)))],
        )
        self._facts = KeptFacts(database)
        self._events = database.table(
            "registry_events",
            indexes=[
                Index(("registered_model_id",)),
                Index(("before",), where=Query().what == "registered_model.renamed"),
            ],
        )
        self._requests = database.table("promotion_requests", indexes=[Index(("registered_model_id",))])
        self._bin = database.table("registry_bin", indexes=[Index(("event",))])

    def _model(self, name: str) -> Any:
        check_model_name(name)
        model = self._find_model(name)
        if model is None:
            raise self._no_model(name)
        return model

    def _find_model(self, name: str) -> Any:
        return self._models.get(Query().name == name)

    def _deleted_model(self, name: str) -> Any:
        """What the bin has of the registered model of that name that was deleted last; None if nothing."""
        was_it = (Query().kind == "registered_model") & (Query().name == name)
        gone = self._bin.select(was_it, order_by=[_LAST_DELETED_FIRST], limit=1)
        return next(iter(gone), None)

    def _rules_left_at(self, name: str) -> dict[str, dict[str, Any]]:
        """The rules of approval of who had a name last: a new model of that name goes around none."""
        deleted = self._deleted_model(name)
        renamed: list[Any] = self._events.select(
            (Query().what == "registered_model.renamed") & (Query().before == name),
            order_by=[Order(("time",), True)],
            limit=1,
        )
        latest = next(iter(renamed), None)
        if latest is not None and (deleted is None or latest.doc_id > deleted["event"]):
            model_id = latest["registered_model_id"]
            now: Any = self._models.get(Query().registered_model_id == model_id)
            return rules_of(now or {})
        return rules_of(deleted or {})

    def _no_model(self, name: str) -> NotFoundError:
        deleted = self._deleted_model(name)
        if deleted is not None:
            event: Any = self._events.get(doc_id=deleted["event"])
            by = f"{event['who']} deleted it on {moment(event['time'])}" if event else "It was deleted"
            return NotFoundError(
                "registered model", name, advice=f"{by}: nbtrack.undo({name!r}) brings it back."
            )
        known = [row[0] for row in self._models.select_values([("name",)], limit=_MOST_NAMES)]
        error = NotFoundError("registered model", name, known)
        if error.nearest is not None:
            return error
        there_are = f"There are {_listed([repr(each) for each in sorted(known)])}."
        advice = there_are if known else "There are none yet: register_model makes one."
        return NotFoundError("registered model", name, advice=advice)

    def _version(self, model: Document, number: int) -> Any:
        version = self._find_version(model["name"], number)
        if version is None:
            raise NotFoundError(
                "version", str(number), holder=_holder(model["name"]), advice=self._advice(model, number)
            )
        return version

    def _find_version(self, name: str, number: int) -> Any:
        return self._versions.get((Query().name == name) & (Query().version == number))

    def _advice(self, model: Document, number: int) -> str:
        of_it = Query().name == model["name"]
        newest = self._versions.select_values([("version",)], of_it, order_by=[HIGHEST_FIRST], limit=_LISTED)
        numbers = [str(row[0]) for row in newest]
        if not numbers:
            return "It has none yet." if not model["last_version"] else "All of its versions were deleted."
        count = self._versions.count(of_it)
        known = f"It has {_listed(numbers, count)}."
        # It was given out once; only an undo of ours could bring it back.
        return f"It was deleted. {known}" if 0 < number <= model["last_version"] else known

    def _write_model(self, model: Any) -> None:
        self._models.update(dict(model), doc_ids=[model.doc_id])

    def _write_version(self, version: Any) -> None:
        self._versions.update(dict(version), doc_ids=[version.doc_id])

    def _rename(self, model: Any, new_name: str, why: str | None, **details: Any) -> int:
        """Give a registered model another name, which is free; returns the number of the event."""
        check_leaving(model, None, f"rename {model['name']!r}")
        before, now = model["name"], this_moment()
        model["name"], model["last_updated_timestamp"] = new_name, now
        self._write_model(model)
        self._versions.update({"name": new_name, "last_updated_timestamp": now}, Query().name == before)
        return self._tell("registered_model.renamed", model, why, before=before, **details)

    def _delete_model(self, model: Any, why: str | None, **details: Any) -> int:
        """Put a registered model and its versions into the bin; returns the number of the event."""
        check_leaving(model, None, f"delete {model['name']!r}")
        versions: list[Any] = self._versions.search(Query().name == model["name"])
        self._versions.remove(doc_ids=[version.doc_id for version in versions])
        self._models.remove(doc_ids=[model.doc_id])
        before = {key: model[key] for key in ("description", "tags", "aliases", "latest")}
        event = self._tell(
            "registered_model.deleted", model, why, before=before, versions=len(versions), **details
        )
        self._bin.insert({"kind": "registered_model", "event": event, **model})
        model_id = model["registered_model_id"]
        self._bin.insert_multiple(
            {"kind": "model_version", "event": event, "registered_model_id": model_id, **each}
            for each in versions
        )
        return event

    def _delete_version(self, model: Any, version: Any, why: str | None, **details: Any) -> int:
        """Put a version into the bin and take its aliases away; returns the number of the event."""
        number = version["version"]
        aliases = aliases_of(number, model["aliases"])
        places = [version["current_stage"], *(f"@{alias}" for alias in aliases)]
        check_leaving(model, places, f"delete version {number} of {model['name']!r}")
        for alias in aliases:
            del model["aliases"][alias]
        self._versions.remove(doc_ids=[version.doc_id])
        self._find_latest(model, {version["current_stage"]})
        model["last_updated_timestamp"] = this_moment()
        self._write_model(model)
        left_out = ("name", "version", "status", "last_updated_timestamp")
        before = {
            "aliases": aliases,
            **{key: value for key, value in version.items() if value and key not in left_out},
        }
        event = self._tell("model_version.deleted", model, why, version=number, before=before, **details)
        self._bin.insert(
            {
                "kind": "model_version",
                "event": event,
                "registered_model_id": model["registered_model_id"],
                **version,
                "aliases": aliases,
            }
        )
        return event

    def _find_latest(self, model: MutableMapping[str, Any], stages: Iterable[str]) -> None:
        """Look again which version of each of these stages is the highest."""
        for stage in stages:
            in_stage = (Query().name == model["name"]) & (Query().current_stage == stage)
            found = list(
                self._versions.select_values([("version",)], in_stage, order_by=[HIGHEST_FIRST], limit=1)
            )
            if found:
                model["latest"][stage] = found[0][0]
            else:
                model["latest"].pop(stage, None)

    def _latest(self, model: Document) -> list[Document] | None:
        """The highest version in each stage, the lowest first; None if it is so no more."""
        return self._latest_of([model])[model["name"]]

    def _latest_of(self, models: Sequence[Document]) -> dict[str, list[Document] | None]:
        """What `_latest` says, by the names of the models."""
        wanted = {(model["name"], number) for model in models for number in model["latest"].values()}
        found: dict[tuple[str, str], Document] = {}
        if wanted:
            names, numbers = sorted({name for name, _ in wanted}), sorted({number for _, number in wanted})
            condition: Any = Query().version.one_of(numbers) & Query().name.one_of(names)
            for version in self._versions.search(condition):
                if (version["name"], version["version"]) in wanted:
                    found[version["name"], version["current_stage"]] = version
        latest: dict[str, list[Document] | None] = {}
        for model in models:
            held, name = model["latest"], model["name"]
            stages = [stage for stage in ModelVersionStages.ALL if stage in held]
            versions = [found.get((name, stage)) for stage in stages]
            is_so = all(
                version is not None and version["version"] == held[stage]
                for version, stage in zip(versions, stages, strict=True)
            )
            known = [version for version in versions if version is not None]
            latest[name] = sorted(known, key=itemgetter("version")) if is_so else None
        return latest

    def _aliases_by_name(self, names: set[str]) -> dict[str, Mapping[str, int]]:
        condition = Query().name.one_of(sorted(names)) if len(names) <= _FEW else None
        rows = self._models.select_values([("name",), ("aliases",)], condition) if names else ()
        return {name: aliases for name, aliases in rows}

    def _as_model(self, model: Document, latest: Iterable[Document]) -> RegisteredModel:
        return RegisteredModel(
            name=model["name"],
            creation_timestamp=model["creation_timestamp"],
            last_updated_timestamp=model["last_updated_timestamp"],
            description=model["description"],
            latest_versions=self._as_versions((version, ()) for version in latest),
            tags=model["tags"],
            aliases=model["aliases"],
        )

    def _as_version(self, version: Document, aliases: Aliases = ()) -> ModelVersion:
        """A version from its document, and the aliases of its registered model."""
        (found,) = self._as_versions([(version, aliases)])
        return found

    def _as_versions(self, documents: Iterable[tuple[Document, Aliases]]) -> list[ModelVersion]:
        """Versions from their documents, each with the aliases of its registered model."""
        given = list(documents)
        kept = self._facts.read(version for version, _ in given)
        return [
            ModelVersion(
                name=version["name"],
                version=version["version"],
                creation_timestamp=version["creation_timestamp"],
                last_updated_timestamp=version["last_updated_timestamp"],
                description=version["description"],
                user_id=version["user_id"],
                current_stage=version["current_stage"],
                source=version["source"],
                run_id=version["run_id"],
                status=version["status"],
                tags=version["tags"],
                run_link=version["run_link"],
                aliases=aliases_of(version["version"], aliases) if aliases else [],
                model_id=version["model_id"],
                **facts_of(version, kept),
            )
            for version, aliases in given
        ]

    # ---- events ------------------------------------------------------------------------------

    def _tell(
        self,
        what: str,
        model: Document,
        why: str | None,
        *,
        logged: Mapping[str, Any] | None = None,
        **details: Any,
    ) -> int:
        """Write the event of a change, inside its transaction and last; returns its number.

        `logged` goes to the log alone.
        """
        check_reason(why)
        event: dict[str, Any] = {
            "time": this_moment(),
            "who": current_user(),
            "what": what,
            "registered_model_id": model["registered_model_id"],
            "name": model["name"],
            **details,
            **({"why": why} if why else {}),
        }
        number = self._events.insert(event)
        self._log.append(**event, **(logged or {}), number=number)
        return number


def this_moment() -> int:
    """Milliseconds since 1970, UTC."""
    return time_ns() // 1_000_000


def aliases_of(number: int, aliases: Mapping[str, int]) -> list[str]:
    """The aliases that name a version."""
    return sorted(alias for alias, held in aliases.items() if held == number)


def number_of(model: Document, alias: str) -> int:
    """The version that an alias names."""
    held: Mapping[str, int] = model["aliases"]
    if alias in held:
        return held[alias]
    if alias.lower() == "latest":
        if model["latest"]:
            return max(model["latest"].values())
        raise NotFoundError("version", alias, holder=_holder(model["name"]), advice="It has none yet.")
    known = f"It has {_listed(sorted(held))}." if held else "It has no aliases."
    raise UnknownAliasError("alias", alias, list(held), known, _holder(model["name"]))


def _holder(name: str) -> str:
    return f"Registered model {name!r}"


def _listed(names: Sequence[str], count: int | None = None) -> str:
    rest = (len(names) if count is None else count) - len(names[:_LISTED])
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")
