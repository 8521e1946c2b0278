"""Undo: a change of the registry taken back, which is a change itself.

A change is taken back only while what it changed is still as it left it. What was deleted lies in
the table `registry_bin`, whole, and comes back from there.
"""

from collections.abc import Callable, Mapping
from typing import Any

from nbtrack.core.errors import AlreadyExistsError, InvalidStateError, NotFoundError
from nbtrack.core.names import check_model_name, check_number, check_version
from nbtrack.core.promotions import RequestStatus
from nbtrack.core.registry import ModelVersion, ModelVersionStages
from nbtrack.core.registry_events import RegistryEvent, RegistryHistory, as_event, standing_events
from nbtrack.core.users import current_user
from nbtrack.documents.queries import Query
from nbtrack.documents.tables import Order
from nbtrack.stores.local.registry_documents import RegistryDocuments, this_moment
from nbtrack.stores.local.registry_rules import check_approved, check_approver, rules_of

_LATEST_FIRST = Order(("event",), True)
_ONLY_IN_BIN = {
    "registered_model": ("kind", "event"),
    "model_version": ("kind", "event", "registered_model_id"),
}
"""What the bin says of what lies there, by its kind."""


class RegistryUndo(RegistryDocuments):
    """Reads the history of registered models, and takes changes back."""

    def history(self, name: str) -> RegistryHistory:
        """Every change of a registered model and its versions, the oldest first, also under former names.

        Of a deleted one too, as long as no other has its name.

        Raises:
            NotFoundError: There is, and was, no such registered model.
        """
        model_id = self._model_or_deleted(name)["registered_model_id"]
        found: list[Any] = self._events.search(Query().registered_model_id == model_id)
        return RegistryHistory(as_event(event.doc_id, event) for event in found)

    def version_ever(self, name: str, version: Any) -> ModelVersion:
        """Read a version; one that was deleted as it was then.

        Raises:
            NotFoundError: There never was one of that number.
        """
        number, model = check_version(version), self._model_or_deleted(name)
        found = self._find_version(name, number)
        if found is not None:
            return self._as_version(found, model["aliases"])
        of_it = (
            (Query().kind == "model_version")
            & (Query().registered_model_id == model["registered_model_id"])
            & (Query().version == number)
        )
        gone: list[Any] = self._bin.select(of_it, order_by=[_LATEST_FIRST], limit=1)
        if not gone:
            return self._as_version(self._version(model, number), model["aliases"])  # says what there is
        return self._as_version(gone[0], dict.fromkeys(gone[0].get("aliases") or (), number))

    def undoable(self, name: str, number: int | None = None) -> RegistryEvent:
        """The change that `undo` would take back.

        Raises:
            NotFoundError: There is no such registered model or change.
            InvalidStateError: It is not to be taken back: it is a registration, or taken back already.
        """
        events, reverters = self.history(name), self._reverters()
        standing = standing_events(events)
        if number is None:
            for event in reversed(standing):
                if event.undoes is None and event.what in reverters and self._is_open(event):
                    return event
            hint = ""
            if self._find_model(name) is not None and (deleted := self._deleted_model(name)) is not None:
                hint = (
                    f" Another one of that name was deleted (change {deleted['event']}): rename this one, "
                    "and undo brings that one back."
                )
            raise InvalidStateError(
                f"Nothing of registered model {name!r} is to be undone: nothing but registrations is left."
                + hint
            )
        number = check_number("change", number)
        event = next((event for event in events if event.number == number), None)
        if event is None:
            raise NotFoundError(
                "change",
                str(number),
                holder=f"Registered model {name!r}",
                advice="Its history shows the numbers of its changes.",
            )
        if event not in standing:
            by = next(each.number for each in reversed(events) if each.undoes == number)
            raise InvalidStateError(f"Change {number} of {name!r} was undone by change {by} already.")
        if event.what not in reverters:
            raise InvalidStateError(f"Change {number} of {name!r} is not one to undo: {event.who} {event}.")
        return event

    def undo(self, name: str, number: int | None = None, *, why: str | None = None) -> RegistryEvent:
        """Take a change back.

        Args:
            name: The registered model, also one that was deleted.
            number: The number of the change; None is the latest that stands and is no registration.
            why: A comment for the event.

        Returns:
            The event of this change.

        Raises:
            NotFoundError: There is no such registered model or change.
            ApprovalError: It is a rule of approval of somebody else's, and only its approvers may change it.
            InvalidStateError: It is not to be taken back, or what it changed was changed again.
            AlreadyExistsError: What would come back has a name that is taken.
        """
        with self._database.transaction():
            event = self.undoable(name, number)
            done = self._reverters()[event.what](event, why)
            document: Any = self._events.get(doc_id=done)
            return as_event(done, document)

    def _model_or_deleted(self, name: str) -> Any:
        check_model_name(name)
        model = self._find_model(name)
        if model is None:
            model = self._deleted_model(name)
        if model is None:
            raise self._no_model(name)
        return model

    def _reverters(self) -> dict[str, Callable[[RegistryEvent, str | None], int]]:
        """How each kind of change is taken back; what is not here is not."""
        return {
            "registered_model.renamed": self._revert_rename,
            "registered_model.described": self._revert_description,
            "registered_model.tagged": self._revert_tags,
            "registered_model.aliased": self._revert_alias,
            "registered_model.deleted": self._revert_model_deletion,
            "registered_model.restored": self._revert_model_restoration,
            "registered_model.approval_demanded": self._revert_demand,
            "model_version.described": self._revert_description,
            "model_version.tagged": self._revert_tags,
            "model_version.staged": self._revert_stage,
            "model_version.deleted": self._revert_version_deletion,
            "model_version.restored": self._revert_version_restoration,
            "promotion.requested": self._revert_request,
        }

    # ---- taking back, one kind of change each ------------------------------------------------

    def _revert_rename(self, event: RegistryEvent, why: str | None) -> int:
        model = self._model_to_revert(event)
        before = event.details["before"]
        self._check_unchanged(event, model["name"] == event.name, "the name")
        if before != event.name and self._find_model(before) is not None:
            raise AlreadyExistsError(
                f"Change {event.number} is not undone: another registered model is named {before!r} now."
            )
        return self._rename(model, before, why, undoes=event.number)

    def _revert_description(self, event: RegistryEvent, why: str | None) -> int:
        model = self._model_to_revert(event)
        described = model if event.version is None else self._version_to_revert(model, event)
        given, before = event.details.get("description"), event.details.get("before")
        self._check_unchanged(event, described["description"] == given, "the description")
        described["description"], described["last_updated_timestamp"] = before, this_moment()
        self._write(model, described)
        return self._tell(
            event.what, model, why, **_of(event), description=before, before=given, undoes=event.number
        )

    def _revert_tags(self, event: RegistryEvent, why: str | None) -> int:
        model = self._model_to_revert(event)
        tagged = model if event.version is None else self._version_to_revert(model, event)
        given: Mapping[str, Any] = event.details["tags"]
        before: Mapping[str, Any] = event.details["before"]
        for key, value in given.items():
            self._check_unchanged(event, tagged["tags"].get(key) == value, f"the tag {key!r}")
            if before.get(key) is None:
                tagged["tags"].pop(key, None)
            else:
                tagged["tags"][key] = before[key]
        self._write(model, tagged)
        return self._tell(
            event.what,
            model,
            why,
            **_of(event),
            tags={key: before.get(key) for key in given},
            before=dict(given),
            undoes=event.number,
        )

    def _revert_alias(self, event: RegistryEvent, why: str | None) -> int:
        model = self._model_to_revert(event)
        alias, before = event.details["alias"], event.details.get("before")
        if event.undoes is not None and before is not None:  # done again, it needs what it needed at first
            check_approved(model, f"@{alias}", {})
        self._check_unchanged(event, model["aliases"].get(alias) == event.version, f"the alias {alias!r}")
        if before is None:
            del model["aliases"][alias]
        else:
            self._version(model, before)
            model["aliases"][alias] = before
        self._write_model(model)
        return self._tell(
            event.what,
            model,
            why,
            alias=alias,
            version=before,
            before=event.version,
            undoes=event.number,
        )

    def _revert_stage(self, event: RegistryEvent, why: str | None) -> int:
        model = self._model_to_revert(event)
        version = self._version_to_revert(model, event)
        stage, before = event.details["stage"], event.details["before"]
        archived: list[int] = event.details.get("archived") or []
        returned: list[int] = event.details.get("returned") or []
        self._check_unchanged(event, version["current_stage"] == stage, f"version {event.version}")
        if event.undoes is not None and before != stage:  # done again, it needs what it needed at first
            check_approved(model, before, {})
        if before != stage and (others := self._taken_over(model, event, before)):
            raise InvalidStateError(
                f"Change {event.number} of {model['name']!r} is not undone: version {others[0]} has taken "
                f"{before} over since. Undo that first, or promote version {event.version}."
            )
        back = dict.fromkeys(archived, stage) | dict.fromkeys(returned, ModelVersionStages.ARCHIVED)
        expected = dict.fromkeys(archived, ModelVersionStages.ARCHIVED) | dict.fromkeys(returned, before)
        for number, goes_to in back.items():
            other: Any = self._find_version(model["name"], number) or {}
            self._check_unchanged(event, other.get("current_stage") == expected[number], f"version {number}")
            other["current_stage"], other["last_updated_timestamp"] = goes_to, this_moment()
            self._write_version(other)
        version["current_stage"], version["last_updated_timestamp"] = before, this_moment()
        self._write_version(version)
        self._find_latest(model, {stage, before, ModelVersionStages.ARCHIVED})
        model["last_updated_timestamp"] = this_moment()
        self._write_model(model)
        moved: dict[str, Any] = {"archived": returned, "returned": archived}
        return self._tell(
            event.what,
            model,
            why,
            version=event.version,
            stage=before,
            before=stage,
            **{key: numbers for key, numbers in moved.items() if numbers},
            undoes=event.number,
        )

    def _revert_version_deletion(self, event: RegistryEvent, why: str | None) -> int:
        model = self._model_to_revert(event)
        is_gone = self._find_version(model["name"], event.version or 0) is None
        self._check_unchanged(event, is_gone, f"version {event.version}")
        lies_by = self._where_in_bin(
            event, (Query().kind == "model_version") & (Query().version == event.version)
        )
        (document,) = self._take_out_of_bin(lies_by, "model_version")
        if self._taken_over(model, event, document["current_stage"]):
            # It takes no work away from the one that does it now, as with aliases.
            document["current_stage"] = ModelVersionStages.ARCHIVED
        aliases = [alias for alias in document.pop("aliases") if alias not in model["aliases"]]
        self._versions.insert({**document, "name": model["name"], "last_updated_timestamp": this_moment()})
        model["aliases"].update(dict.fromkeys(aliases, event.version))
        self._find_latest(model, {document["current_stage"]})
        model["last_updated_timestamp"] = this_moment()
        self._write_model(model)
        stage = document["current_stage"]
        return self._tell(
            "model_version.restored",
            model,
            why,
            version=event.version,
            stage=stage,
            aliases=aliases,
            undoes=event.number,
        )

    def _revert_version_restoration(self, event: RegistryEvent, why: str | None) -> int:
        model = self._model_to_revert(event)
        return self._delete_version(model, self._version_to_revert(model, event), why, undoes=event.number)

    def _revert_model_deletion(self, event: RegistryEvent, why: str | None) -> int:
        self._check_unchanged(event, self._model_of(event) is None, "the registered model")
        lies_by = self._where_in_bin(event, Query().kind == "registered_model")
        if self._find_model(event.name) is not None:
            raise AlreadyExistsError(
                f"Change {event.number} is not undone: another registered model is named {event.name!r} now. "
                "Rename that one first."
            )
        (model,) = self._take_out_of_bin(lies_by, "registered_model")
        versions = self._take_out_of_bin(lies_by, "model_version")
        self._models.insert({**model, "last_updated_timestamp": this_moment()})
        self._versions.insert_multiple(versions)
        return self._tell(
            "registered_model.restored", model, why, versions=len(versions), undoes=event.number
        )

    def _revert_model_restoration(self, event: RegistryEvent, why: str | None) -> int:
        return self._delete_model(self._model_to_revert(event), why, undoes=event.number)

    def _revert_demand(self, event: RegistryEvent, why: str | None) -> int:
        model = self._model_to_revert(event)
        to, rule, before = event.details["to"], event.details.get("rule"), event.details.get("before")
        rules = dict(model.get("approvals") or {})
        self._check_unchanged(event, rules.get(to) == rule, f"the rule of approval for {to}")
        # Who set it may take it back at once: approvers that nobody is called would bind for ever.
        if rule is not None and event.who != current_user():
            check_approver(rule, f"change who approves {to} of {model['name']!r}")
        rules.pop(to, None)
        if before is not None:
            rules[to] = before
        model["approvals"] = rules
        self._write_model(model)
        return self._tell(event.what, model, why, to=to, rule=before, before=rule, undoes=event.number)

    def _is_open(self, event: RegistryEvent) -> bool:
        """Whether there is something to take back: what was asked for and decided is over."""
        if event.what != "promotion.requested":
            return True
        document: Any = self._requests.get(doc_id=event.details["request"]) or {}
        return document.get("status") == RequestStatus.PENDING

    def _revert_request(self, event: RegistryEvent, why: str | None) -> int:
        model = self._model_to_revert(event)
        number = event.details["request"]
        rule = rules_of(model).get(event.details["to"])
        if rule is not None and event.who != current_user():
            check_approver(rule, f"withdraw request {number} of {model['name']!r}")
        if not self._is_open(event):
            raise InvalidStateError(
                f"Change {event.number} is not undone: request {number} is decided already."
            )
        decided = {
            "status": RequestStatus.WITHDRAWN,
            "decided_by": current_user(),
            "decided_at": this_moment(),
            "comment": why,
        }
        self._requests.update(decided, doc_ids=[number])
        return self._tell(
            "promotion.withdrawn",
            model,
            why,
            version=event.version,
            to=event.details["to"],
            request=number,
            undoes=event.number,
        )

    # ---- what they have in common ------------------------------------------------------------

    def _model_to_revert(self, event: RegistryEvent) -> Any:
        """The registered model of an event, under the name it has now."""
        model = self._model_of(event)
        if model is None:
            raise InvalidStateError(
                f"Change {event.number} is not undone: the registered model was deleted since. "
                "Undo that first."
            )
        return model

    def _model_of(self, event: RegistryEvent) -> Any:
        return self._models.get(Query().registered_model_id == self._model_id_of(event))

    def _model_id_of(self, event: RegistryEvent) -> str:
        told: Any = self._events.get(doc_id=event.number)
        return told["registered_model_id"]

    def _version_to_revert(self, model: Any, event: RegistryEvent) -> Any:
        version = self._find_version(model["name"], event.version or 0)
        if version is None:
            raise InvalidStateError(
                f"Change {event.number} of {model['name']!r} is not undone: version {event.version} was "
                "deleted since. Undo that first."
            )
        return version

    def _taken_over(self, model: Any, event: RegistryEvent, stage: str) -> list[int]:
        """The other versions that came to a stage since an event, and are there; only where one works."""
        if stage not in ModelVersionStages.ACTIVE:
            return []
        came: set[int | None] = set()
        for later in self.history(model["name"]):
            if later.number > event.number and later.details.get("stage") == stage:
                came.add(later.version)
            if later.number > event.number and later.details.get("before") == stage:
                came.update(later.details.get("returned") or ())
        here: Any = (Query().name == model["name"]) & (Query().current_stage == stage)
        found: list[int] = [row[0] for row in self._versions.select_values([("version",)], here)]
        return sorted(number for number in found if number in came and number != event.version)

    def _check_unchanged(self, event: RegistryEvent, unchanged: bool, what: str) -> None:
        if not unchanged:
            raise InvalidStateError(
                f"Change {event.number} of {event.name!r} is not undone: {what} was changed again since. "
                "Undo that first, or change it by hand."
            )

    def _write(self, model: Any, changed: Any) -> None:
        """Write a registered model, or a version of it."""
        if changed is model:
            self._write_model(changed)
        else:
            self._write_version(changed)

    def _where_in_bin(self, event: RegistryEvent, condition: Any) -> int:
        """The number of the deletion by which it lies in the bin: this one, or a later one that redid it."""
        of_it = condition & (Query().registered_model_id == self._model_id_of(event))
        held: list[Any] = self._bin.select(of_it, order_by=[_LATEST_FIRST], limit=1)
        if not held:  # as of an nbtrack that had no bin
            raise InvalidStateError(
                f"Change {event.number} of {event.name!r} is not undone: what it deleted is gone."
            )
        return held[0]["event"]

    def _take_out_of_bin(self, number: int, kind: str) -> list[dict[str, Any]]:
        held: list[Any] = self._bin.search((Query().event == number) & (Query().kind == kind))
        self._bin.remove(doc_ids=[document.doc_id for document in held])
        marks = _ONLY_IN_BIN[kind]
        return [{key: value for key, value in document.items() if key not in marks} for document in held]


def _of(event: RegistryEvent) -> dict[str, Any]:
    """What an event is about: a version, or the registered model itself."""
    return {} if event.version is None else {"version": event.version}
