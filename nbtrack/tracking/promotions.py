"""The verbs of promotion that a tracker carries: promote, ask, approve, roll back, undo, and the history.

Each change is one transaction: what is compared is what is there when the version moves, and a process
that dies leaves the old state or the new.
"""

from __future__ import annotations

import math
from contextlib import suppress
from time import time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrack.core.errors import InvalidStateError, InvalidTypeError, InvalidValueError, NotFoundError
from nbtrack.core.names import check_model_name, check_number, check_version, shown_number
from nbtrack.tracking.registry import RegistryVerbs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from nbtrack.core.promotions import Destination, Promotion, PromotionRequest, PromotionRequestList
    from nbtrack.core.registry import ModelVersion
    from nbtrack.core.registry_events import RegistryEvent, RegistryHistory
    from nbtrack.stores.contracts import Registry

_FIRST_MILLISECOND = 100_000_000_000
"""A smaller number of milliseconds would be before March 1973: it is meant in seconds."""


class PromotionVerbs(RegistryVerbs):
    """Moves versions to stages and aliases, and tells who did; the tracker says in which store."""

    def promote(
        self,
        name: str,
        version: str | int,
        to: str,
        *,
        if_better: str | None = None,
        higher_is_better: bool | None = None,
        archive_existing_versions: bool = True,
        why: str | None = None,
    ) -> Promotion:
        """Move a stage or an alias to a version, or ask for it where that demands approval.

        Args:
            name: The registered model.
            version: The version.
            to: A stage in any case (`Production`) or an alias (`champion`, `@champion`).
            if_better: A metric; the version moves only if its value is better than that of who holds the
                stage or alias, or if nobody does.
            higher_is_better: Whether more of that metric is better; None: its name says so.
            archive_existing_versions: Whether the other versions in the stage go to Archived, in the same
                change; of stages, only for Staging and Production.
            why: The reason; the history keeps it.

        Returns:
            What came of it; true if the version was moved.

        Raises:
            NotFoundError: There is no such registered model or version, or one of both versions has no
                such metric.
            InvalidValueError: `to` is neither a stage nor an alias; or the name of the metric does not
                say which direction is better.
        """
        return self._move(
            name, version, to, if_better, higher_is_better, archive_existing_versions, why, only_ask=False
        )

    def request(
        self,
        name: str,
        version: str | int,
        to: str,
        *,
        if_better: str | None = None,
        higher_is_better: bool | None = None,
        archive_existing_versions: bool = True,
        why: str | None = None,
    ) -> Promotion:
        """Ask for a promotion, whether approval is demanded or not; `approve` moves the version.

        What is asked for already, and not decided, is the request there is. Arguments and errors are those
        of `promote`.
        """
        return self._move(
            name, version, to, if_better, higher_is_better, archive_existing_versions, why, only_ask=True
        )

    def approve(self, name: str, request: str | int | None = None, *, why: str | None = None) -> Promotion:
        """Approve a request, which moves the version.

        Args:
            name: The registered model.
            request: The number of the request; None is the only one that is pending.
            why: A comment; the history keeps it.

        Raises:
            NotFoundError: There is no such request, or its version was deleted.
            ApprovalError: It is up to others to approve it.
            InvalidStateError: It is decided; or several are pending; or the version is not better any more.
        """
        from nbtrack.core.promotions import RequestStatus, read_destination

        number = _request_number(request)
        if self._is_off():
            return _nothing_moved(name, 0, "")
        store = self._registry_to_read("registered model", name)
        with store.documents.transaction():
            registry = store.registry
            asked = registry.request_to_decide(name, number)
            to = read_destination(asked.to)
            registry.get_version(asked.name, asked.version)
            verdict = self._judge(registry, asked.name, asked.version, to, asked)
            if verdict is not None and not verdict.is_better:
                raise InvalidStateError(
                    f"Request {asked.number} is not approved: {verdict.reason} Reject it, or promote another."
                )
            # Last, when nothing else can fail: the event log keeps what it was told.
            registry.decide(asked, RequestStatus.APPROVED, why=why)
            return _moved(
                registry, name, asked.version, to, asked.archive_existing_versions, why, verdict, asked.number
            )

    def reject(self, name: str, request: str | int | None = None, *, why: str | None = None) -> Promotion:
        """Reject a request: the version stays where it is.

        Args:
            name: The registered model.
            request: The number of the request; None is the only one that is pending.
            why: A comment; the history keeps it.

        Raises:
            NotFoundError: There is no such request.
            InvalidStateError: It is decided; or several are pending.
        """
        from nbtrack.core.promotions import Promotion, RequestStatus

        number = _request_number(request)
        if self._is_off():
            return _nothing_moved(name, 0, "")
        store = self._registry_to_read("registered model", name)
        with store.documents.transaction():
            asked = store.registry.decide(
                store.registry.request_to_decide(name, number), RequestStatus.REJECTED, why=why
            )
        reason = (
            f"Rejected request {asked.number}: version {asked.version} of {name!r} does not go to {asked.to}."
        )
        return Promotion(name, asked.version, asked.to, "rejected", reason, request=asked.number)

    def promotion_requests(self, name: str | None = None, *, pending: bool = True) -> PromotionRequestList:
        """The requests of a registered model, or of all of them, the oldest first.

        Args:
            name: The registered model; None is all.
            pending: Whether only those that wait.

        Raises:
            NotFoundError: There is no such registered model.
        """
        if name is not None and not self._is_off():
            return self._registry(name).requests(name, pending=pending)
        if self._is_off() or not self._has_registry():
            from nbtrack.core.promotions import PromotionRequestList

            return PromotionRequestList()
        return self._registry_store().registry.requests(pending=pending)

    def require_approval(
        self,
        name: str,
        to: str,
        *,
        approvers: Sequence[str] | None = None,
        four_eyes: bool = False,
        why: str | None = None,
    ) -> None:
        """Let every move of a version to a stage or alias wait for approval, also those by MLflow's verbs.

        Only who may approve takes a version away from there: by another stage, by deleting or renaming. A
        new registered model of the name has the rule, too. What only goes back (`rollback`, `undo`) needs
        no approval: a version that had the place before has it again. Who somebody is says the operating
        system: in a store of files this keeps order, it stops no attacker.

        Args:
            name: The registered model.
            to: The stage or alias.
            approvers: User names of those who may approve, and change this rule; None is everybody.
            four_eyes: Whether nobody approves what they asked for themselves.
            why: The reason; the history keeps it.

        Raises:
            NotFoundError: There is no such registered model.
            ApprovalError: There is a rule, and only its approvers may change it.
        """
        names = _user_names(approvers)
        if not self._is_off():
            registry = self._registry(name)
            rule = {"approvers": names, "four_eyes": bool(four_eyes)}
            registry.demand_approval(name, _destination(registry, name, to), rule, why=why)

    def lift_approval(self, name: str, to: str, *, why: str | None = None) -> None:
        """Demand no approval any more; pending requests can still be approved.

        Raises:
            NotFoundError: There is no such registered model, or no such demand.
            ApprovalError: Only the approvers may change it.
        """
        if self._is_off():
            return
        registry = self._registry(name)
        destination, rules = _destination(registry, name, to), registry.approvals(name)
        if str(destination) not in rules:
            advice = f"It demands it for {', '.join(rules)}." if rules else "It demands none at all."
            raise NotFoundError(
                "demand of approval for", str(destination), holder=f"Registered model {name!r}", advice=advice
            )
        registry.demand_approval(name, destination, None, why=why)

    def approvals(self, name: str) -> dict[str, dict[str, Any]]:
        """What a registered model demands approval for, by stage and `@alias`: `approvers` and `four_eyes`.

        Raises:
            NotFoundError: There is no such registered model.
        """
        return {} if self._is_off() else self._registry(name).approvals(name)

    def rollback(self, name: str, to: str = "Production", *, why: str | None = None) -> Promotion:
        """Give a stage or alias back to the version that had it before; again: further back.

        `undo` takes the rollback itself back.

        Args:
            name: The registered model.
            to: The stage or alias.
            why: The reason; the history keeps it.

        Raises:
            NotFoundError: There is no such registered model.
            InvalidStateError: No version had it before, or those are deleted.
        """
        from nbtrack.core.registry_timeline import earlier_holders

        if self._is_off():
            return _nothing_moved(name, 0, str(to))
        store = self._registry_to_read("registered model", name)
        with store.documents.transaction():
            registry = store.registry
            destination = _destination(registry, name, to)
            if destination.stage is not None and not destination.is_active_stage:
                raise InvalidValueError(
                    f"A version in {destination} does no work that another had done before: roll back "
                    "Production, Staging or an alias."
                )
            held = earlier_holders(registry.history(name), destination)
            version = next((number for number in reversed(held) if _exists(registry, name, number)), None)
            if version is None:
                gone = f" Version {held[-1]}, which did, was deleted." if held else ""
                raise InvalidStateError(f"No other version of {name!r} had {destination} before.{gone}")
            return _moved(registry, name, version, destination, True, why, is_rollback=True)

    def undo(self, name: str, event: Any = None, *, why: str | None = None) -> RegistryEvent:
        """Take back the latest change of a registered model: a promotion, a deletion, a tag, a new name, ...

        Undone again, it takes back the change before. Registrations stay: delete a version instead.

        Args:
            name: The registered model; one that was deleted comes back with its versions.
            event: The number of the change, or the event itself; None is the latest that still stands.
            why: The reason; the history keeps it.

        Returns:
            What was done, as an event; undo its number to have the change again.

        Raises:
            NotFoundError: There is no such registered model or change.
            ApprovalError: It is a rule of approval of somebody else's, and only its approvers may change it.
            InvalidStateError: It is not one to take back, was taken back, or what it changed has been
                changed again.
        """
        check_model_name(name)
        number = _event_number(event)
        if self._is_off():
            from nbtrack.core.registry_events import RegistryEvent

            return RegistryEvent(0, _now(), "", "nothing.recorded", name)
        return self._registry(name).undo(name, number, why=why)

    def undoable(self, name: str, event: Any = None) -> RegistryEvent:
        """The change that `undo` would take back; arguments and errors are those of `undo`."""
        check_model_name(name)
        return self._registry(name).undoable(name, _event_number(event))

    def history(self, name: str, to: str | None = None) -> RegistryHistory:
        """Every change of a registered model and its versions: who, when, what, why; the oldest first.

        Args:
            name: The registered model; also one that was deleted, while no other has its name.
            to: A stage or alias: only the changes since which another version has it.

        Raises:
            NotFoundError: There is no such registered model, or it never had that alias.
        """
        from nbtrack.core.registry_events import RegistryHistory

        if self._is_off():
            return RegistryHistory()
        registry = self._registry(name)
        events = registry.history(name)
        if to is None:
            return events
        from nbtrack.core.registry_timeline import changes_of

        destination = _destination_ever(events, name, to)
        return RegistryHistory(held.event for held in changes_of(events, destination))

    def version_at(self, name: str, to: str, when: datetime | date | str | float) -> ModelVersion | None:
        """Which version had a stage or an alias at a moment: what `models:/<name>/<stage>` loaded then.

        Args:
            name: The registered model.
            to: The stage or alias.
            when: A date or time, also as text in ISO 8601 (without a zone: local time), or milliseconds
                since 1970, UTC.

        Returns:
            The version as it is now, or was when it was deleted; None when no version had it.

        Raises:
            NotFoundError: There is no such registered model, or it never had that alias.
            InvalidValueError: It is no moment.
        """
        from nbtrack.core.registry_timeline import holder_at

        moment = _milliseconds(when)
        if self._is_off():
            return None
        registry = self._registry(name)
        events = registry.history(name)
        number = holder_at(events, _destination_ever(events, name, to), moment)
        return None if number is None else registry.version_ever(name, number)

    def _move(
        self,
        name: str,
        version: Any,
        to: Any,
        if_better: str | None,
        higher_is_better: bool | None,
        archive: bool,
        why: str | None,
        *,
        only_ask: bool,
    ) -> Promotion:
        from nbtrack.core.promotions import Promotion

        check_model_name(name)
        number = check_version(version)
        _check_metric(if_better, higher_is_better)
        if self._is_off():
            return _nothing_moved(name, number, str(to))
        store = self._registry_to_read("registered model", name)
        with store.documents.transaction():  # nobody else takes over between the look and the move
            registry = store.registry
            destination = _destination(registry, name, to)
            found = registry.get_version(name, number)
            others = [held for held in _held_by(registry, name, destination) if held != number]
            takes_over = bool(archive) and destination.is_active_stage and bool(others)
            if not takes_over and (str(destination) in _places_of(found)):
                reason = f"Version {number} of {name!r} has {destination} already."
                return Promotion(name, number, str(destination), "kept", reason)
            wanted = _Wanted(if_better, higher_is_better)
            verdict = self._judge(registry, name, number, destination, wanted)
            if verdict is not None and not verdict.is_better:
                return Promotion(name, number, str(destination), "kept", verdict.reason)
            if only_ask or str(destination) in registry.approvals(name):
                waiting = {each.number for each in registry.requests(name)}
                asked = registry.ask(
                    name,
                    number,
                    destination,
                    if_better=if_better,
                    higher_is_better=higher_is_better,
                    archive_existing_versions=bool(archive),
                    why=why,
                )
                move = f"version {number} of {name!r} to {destination}"
                reason = (
                    f"Request {asked.number} by {asked.requested_by} waits for {move} already."
                    if asked.number in waiting
                    else f"Asked to promote {move}: request {asked.number}."
                )
                return Promotion(name, number, str(destination), "requested", reason, request=asked.number)
            return _moved(registry, name, number, destination, archive, why, verdict)

    def _judge(
        self, registry: Registry, name: str, number: int, to: Destination, wanted: _Wanted | PromotionRequest
    ) -> _Verdict | None:
        """Whether a version is better than who holds the destination; None when nobody asks."""
        key = wanted.if_better
        if key is None:
            return None
        value = self._metric_of(registry.get_version(name, number), key)
        is_higher = _direction(key, wanted.higher_is_better)
        others = [held for held in _held_by(registry, name, to) if held != number]
        told: dict[str, Any] = {"metric": key, "value": value}
        if not others:
            return _Verdict(True, f"Nobody holds {to}.", {"if_better": told})
        # Several may share a stage: it has to be better than the best of them.
        values = [(self._metric_of(registry.get_version(name, held), key), held) for held in others]
        sign = 1 if is_higher else -1
        best, holder = max(values, key=lambda held: -math.inf if math.isnan(held[0]) else sign * held[0])
        better = not math.isnan(value) and (math.isnan(best) or sign * value > sign * best)
        mine, theirs = _texts(value, best)
        reason = (
            f"Version {number} of {name!r} has {key} {mine}, version {holder}, which holds {to}, {theirs}: "
            f"{'better' if better else 'not better'}."
        )
        return _Verdict(better, reason, {"if_better": {**told, "holder": holder, "holder_value": best}})

    def _metric_of(self, version: ModelVersion, key: str) -> float:
        """A metric of a version: as it was at registration, else as its run has it now.

        Raises:
            NotFoundError: It has none of that name.
        """
        known = version.metric_values
        if key not in known and version.run_id is not None and self._has_store():
            with suppress(NotFoundError):  # the run is of another store, or was deleted for good
                known = {**self._store().runs.get(version.run_id).data.metrics, **known}
        if key not in known:
            listed = ", ".join(sorted(known)[:12])
            raise NotFoundError(
                "metric",
                key,
                list(known),
                holder=f"Version {version.version} of {version.name!r}",
                advice=f"It has {listed}." if known else "It has none.",
            )
        return known[key]


class _Wanted(NamedTuple):
    if_better: str | None
    higher_is_better: bool | None


class _Verdict(NamedTuple):
    is_better: bool
    reason: str
    grounds: dict[str, Any]
    """What the event tells of it."""


def _moved(
    registry: Registry,
    name: str,
    version: int,
    to: Destination,
    archive: bool,
    why: str | None,
    verdict: _Verdict | None = None,
    request: int | None = None,
    *,
    is_rollback: bool = False,
) -> Promotion:
    """Move a version, inside a transaction."""
    from nbtrack.core.promotions import Promotion

    grounds: dict[str, Any] = dict(verdict.grounds) if verdict is not None else {}
    if request is not None:
        grounds["request"] = request
    if is_rollback:
        grounds["rollback"] = True
    before = [held for held in _held_by(registry, name, to) if held != version]
    left = None if to.alias is not None else registry.get_version(name, version).current_stage
    if to.alias is not None:
        event = registry.set_alias(name, to.alias, version, why=why, grounds=grounds)
        replaced = before
    else:
        others = bool(archive) and to.is_active_stage
        event = registry.set_stage(name, version, str(to), archive_others=others, why=why, grounds=grounds)
        replaced = before if others else []
    reason = (
        f"Rolled {to} of {name!r} back to version {version}"
        if is_rollback
        else f"Promoted version {version} of {name!r} to {to}"
        if to.alias is not None or to.is_active_stage
        else f"Moved version {version} of {name!r} to {to}"
    )
    if replaced:
        reason += f", from version {', '.join(map(str, replaced))}"
    elif before and to.is_active_stage:
        reason += f", beside version {', '.join(map(str, before))}"
    if verdict is not None and verdict.grounds["if_better"].get("holder") is not None:
        reason += f": {verdict.grounds['if_better']['metric']} {' against '.join(_told(verdict))}"
    if left in ("Staging", "Production") and not registry.versions_in(name, left):
        reason += f". {left} is empty now"
    return Promotion(name, version, str(to), "promoted", f"{reason}.", replaced, request=request, event=event)


def _told(verdict: _Verdict) -> tuple[str, str]:
    told = verdict.grounds["if_better"]
    return _texts(told["value"], told["holder_value"])


def _held_by(registry: Registry, name: str, to: Destination) -> list[int]:
    """The versions that have a stage or an alias now, the highest first."""
    if to.alias is None:
        return registry.versions_in(name, str(to))[::-1]
    held = registry.get_model(name).aliases.get(to.alias)
    return [] if held is None else [held]


def _places_of(version: ModelVersion) -> list[str]:
    """The stage and the aliases that a version has, as destinations are written."""
    return [version.current_stage, *(f"@{alias}" for alias in version.aliases)]


def _destination(registry: Registry, name: str, to: Any) -> Destination:
    from nbtrack.core.promotions import read_destination

    return read_destination(to, registry.get_model(name).aliases)


def _destination_ever(events: RegistryHistory, name: str, to: Any) -> Destination:
    """A stage, or an alias that some version had at some time.

    Raises:
        NotFoundError: No version ever had that alias.
    """
    from nbtrack.core.promotions import read_destination

    known = {event.details["alias"] for event in events if event.what == "registered_model.aliased"}
    destination = read_destination(to, known)
    if destination.alias is not None and destination.alias not in known:
        advice = f"It has, or had, {', '.join(sorted(known))}." if known else "It never had one."
        raise NotFoundError("alias", destination.alias, known, advice, f"Registered model {name!r}")
    return destination


def _exists(registry: Registry, name: str, number: int) -> bool:
    try:
        registry.get_version(name, number)
    except NotFoundError:
        return False
    return True


def _direction(key: str, higher_is_better: bool | None) -> bool:
    """Whether more of a metric is better."""
    from nbtrack.core.metric_directions import is_greater_better

    known = is_greater_better(key) if higher_is_better is None else higher_is_better
    if known is None:
        raise InvalidValueError(
            f"The name of the metric {key!r} does not say whether more or less of it is better: "
            "say higher_is_better=True or False."
        )
    return known


def _check_metric(if_better: Any, higher_is_better: Any) -> None:
    if if_better is not None and (not isinstance(if_better, str) or not if_better):
        raise InvalidTypeError(
            f"if_better is the name of a metric, such as 'val_accuracy'; got {if_better!r:.80}."
        )
    if higher_is_better is not None and not isinstance(higher_is_better, bool):
        raise InvalidTypeError(f"higher_is_better is True or False, got {higher_is_better!r:.80}.")
    if higher_is_better is not None and if_better is None:
        raise InvalidValueError("higher_is_better goes with if_better, the name of a metric.")


def _request_number(request: Any) -> int | None:
    """The number of a request, which may come as itself, or as what promote gave back or the history has."""
    from nbtrack.core.promotions import Promotion, PromotionRequest
    from nbtrack.core.registry_events import RegistryEvent

    given = request
    if isinstance(request, PromotionRequest):
        given = request.number
    elif isinstance(request, Promotion | RegistryEvent):
        is_promotion = isinstance(request, Promotion)
        given = request.request if is_promotion else request.details.get("request")
        if given is None:
            raise InvalidStateError(f"There is no request to decide: {str(request).rstrip('.')}.")
    return None if given is None else check_number("request", given)


def _event_number(event: Any) -> Any:
    """The number of a change, which may come as its event or as what promote gave back."""
    from nbtrack.core.promotions import Promotion, PromotionRequest
    from nbtrack.core.registry_events import RegistryEvent

    if isinstance(event, RegistryEvent):
        return event.number
    if isinstance(event, PromotionRequest) or (isinstance(event, Promotion) and event.event is None):
        raise InvalidStateError(
            f"There is no change to undo: {str(event).rstrip('.')}. `reject` takes a request back, and the "
            "history has the numbers of changes."
        )
    return event.event if isinstance(event, Promotion) else event


def _user_names(approvers: Any) -> list[str]:
    if isinstance(approvers, str):
        approvers = [approvers]
    try:
        names: list[Any] = [] if approvers is None else list(approvers)
    except TypeError:
        raise InvalidTypeError(
            f"approvers are user names, such as ['ada']; got {type(approvers).__name__} {approvers!r:.80}."
        ) from None
    for each in names:
        if not isinstance(each, str) or not each.strip():
            raise InvalidValueError(f"approvers are user names, such as ['ada']; got {each!r:.80}.")
    return names


def _milliseconds(when: Any) -> float:
    from datetime import date  # lazy: most scripts only log

    from nbtrack.filters.conditions import milliseconds

    if isinstance(when, date):  # also a datetime
        when = when.isoformat()
    if isinstance(when, str):
        try:
            return milliseconds(when)
        except ValueError as error:
            raise InvalidValueError(f"{when[:80]!r} is no moment: {error}.") from None
    # Of whole numbers, since a float takes none of any length.
    if isinstance(when, bool) or not isinstance(when, (int, float)) or not -(2**63) <= when < 2**63:
        raise InvalidTypeError(
            "A moment is a datetime, text such as '2026-05-03 14:00', or milliseconds; got "
            f"{shown_number(when)}."
        )
    if 0 < when < _FIRST_MILLISECOND:
        raise InvalidValueError(
            f"{when} reads like seconds since 1970: give milliseconds, {when * 1000:.0f}."
        )
    return when


def _texts(value: float, other: float) -> tuple[str, str]:
    """Two numbers, with as many digits as show that they differ."""
    texts = f"{value:.6g}", f"{other:.6g}"
    return (repr(value), repr(other)) if texts[0] == texts[1] and value != other else texts


def _nothing_moved(name: str, version: int, to: str) -> Promotion:
    from nbtrack.core.promotions import Promotion

    reason = "Nothing was moved: NBTRACK_DISABLED or enabled=False switches nbtrack off."
    return Promotion(name, version, to, "kept", reason)


def _now() -> int:
    return time_ns() // 1_000_000
