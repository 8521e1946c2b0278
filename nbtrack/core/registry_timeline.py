"""Who held a stage or an alias, and when: the events of a registered model, told once more from the start.

The holder of a stage is the highest version in it, the one that `models:/<name>/<stage>` loads.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from nbtrack.core.promotions import Destination
from nbtrack.core.registry_events import RegistryEvent

_NONE, _ARCHIVED = "None", "Archived"


class Held(NamedTuple):
    """The state after an event."""

    event: RegistryEvent
    version: int | None
    """Who holds the stage or alias since; None is nobody."""


def holders(events: Iterable[RegistryEvent], to: Destination) -> Iterator[Held]:
    """The holder of a stage or alias after each event.

    Args:
        events: All events of one registered model, the oldest first.
        to: The stage or alias.
    """
    standing = _Standing()
    for event in events:
        standing.apply(event)
        yield Held(event, standing.holder(to))


def changes_of(events: Iterable[RegistryEvent], to: Destination) -> list[Held]:
    """Only the events since which somebody else holds the stage or alias."""
    changes: list[Held] = []
    version = None
    for held in holders(events, to):
        if held.version != version:
            changes.append(held)
            version = held.version
    return changes


def holder_at(events: Iterable[RegistryEvent], to: Destination, timestamp: float) -> int | None:
    """Who held a stage or alias at a moment, in milliseconds since 1970, UTC; None is nobody."""
    version = None
    for held in holders(events, to):
        if held.event.timestamp <= timestamp:
            version = held.version
    return version


def earlier_holders(events: Iterable[RegistryEvent], to: Destination) -> list[int]:
    """Who held a stage or alias before, the latest last; the present holder is not among them.

    What was taken back, by a rollback or an undo, is not to come back by the next: each of them
    goes further back.
    """
    held: list[int] = []
    since: list[int] = []  # the numbers of the events that made them holders
    now = None
    for event, version in changes_of(events, to):
        now = version
        if version is None:
            if since and event.undoes == since[-1]:
                held.pop()
                since.pop()
            continue
        goes_back = event.undoes is not None or event.details.get("rollback")
        if goes_back and version in held:
            at = len(held) - 1 - held[::-1].index(version)
            del held[at + 1 :], since[at + 1 :]
        else:
            held.append(version)
            since.append(event.number)
    if held and held[-1] == now:
        held.pop()
    return [version for version in held if version != now]


class _Standing:
    """The stages and aliases of a registered model, as its events leave them."""

    def __init__(self) -> None:
        self._stages: dict[int, str] = {}
        self._members: dict[str, set[int]] = {}
        self._aliases: dict[str, int] = {}
        self._deleted: tuple[dict[int, str], dict[str, int]] = ({}, {})

    def holder(self, to: Destination) -> int | None:
        if to.alias is not None:
            return self._aliases.get(to.alias)
        return max(self._members.get(to.stage or "", ()), default=None)

    def apply(self, event: RegistryEvent) -> None:
        details: Mapping[str, Any] = event.details
        version = event.version
        match event.what:
            case "model_version.created" if version is not None:
                self._put(version, _NONE)
            case "model_version.staged" if version is not None:
                for other in details.get("archived") or ():
                    self._put(other, _ARCHIVED)
                for other in details.get("returned") or ():
                    self._put(other, details["before"])
                self._put(version, details["stage"])
            case "model_version.deleted" if version is not None:
                self._put(version, None)
                self._aliases = {alias: held for alias, held in self._aliases.items() if held != version}
            case "model_version.restored" if version is not None:
                self._put(version, details.get("stage") or _NONE)
                self._aliases |= dict.fromkeys(details.get("aliases") or (), version)
            case "registered_model.aliased":
                if version is None:
                    self._aliases.pop(details["alias"], None)
                else:
                    self._aliases[details["alias"]] = version
            case "registered_model.deleted":
                self._deleted = self._stages, self._aliases
                self._stages, self._members, self._aliases = {}, {}, {}
            case "registered_model.restored":
                stages, self._aliases = self._deleted
                for number, stage in stages.items():
                    self._put(number, stage)
            case _:
                pass

    def _put(self, version: int, stage: str | None) -> None:
        """Move a version to a stage; None: it is gone."""
        before = self._stages.pop(version, None)
        if before is not None:
            self._members[before].discard(version)
        if stage is not None:
            self._stages[version] = stage
            self._members.setdefault(stage, set()).add(version)
