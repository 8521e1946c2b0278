"""What happened to a registered model: who changed what, when, why, and from what.

An event is written by the change itself and never changed afterwards; an undo is an event of its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, SupportsIndex, overload

from nbtrack.core.records import Record
from nbtrack.core.text_tables import moment, shortened

_SHOWN = 80
_SHOWN_NUMBERS = 12


@dataclass(frozen=True, repr=False)
class RegistryEvent(Record):
    """One change of a registered model or of one of its versions; `str(event)` is a sentence."""

    number: int
    """Its place among all changes of the registry; what `undo` takes."""
    timestamp: int
    """When: milliseconds since 1970, UTC."""
    who: str
    """The user who did it."""
    what: str
    """Thing and verb, such as `model_version.staged`."""
    name: str
    """The registered model, as it is called since this change."""
    version: int | None = None
    """The version that was changed; None where the registered model itself was, or an alias taken away."""
    why: str | None = None
    """What the user said about it."""
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What changed, and from what: the further fields of docs/store.md."""

    @property
    def undoes(self) -> int | None:
        """The number of the event that this one takes back."""
        return self.details.get("undoes")

    def __str__(self) -> str:
        return event_sentence(self)

    def __repr__(self) -> str:
        return f"<RegistryEvent {self.number} {moment(self.timestamp)} {self.who}: {self}>"

    def to_dictionary(self) -> dict[str, Any]:
        """The event as a plain dict."""
        return {**dict(self), "details": dict(self.details)}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import promotion_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(promotion_views.event_card(self))


class RegistryHistory(list[RegistryEvent]):
    """The changes of one registered model, the oldest first; draws itself as a table."""

    def __str__(self) -> str:
        return self._repr_mimebundle_()["text/plain"]

    @overload
    def __getitem__(self, at: SupportsIndex) -> RegistryEvent: ...
    @overload
    def __getitem__(self, at: slice) -> "RegistryHistory": ...
    def __getitem__(self, at: SupportsIndex | slice) -> "RegistryEvent | RegistryHistory":
        """One change, or the history of some of them."""
        return RegistryHistory(super().__getitem__(at)) if isinstance(at, slice) else super().__getitem__(at)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # IPython has a printer for lists, which it asks before the MIME bundle of a list.
        printer.text(repr(self) if cycle else self._repr_mimebundle_()["text/plain"])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import promotion_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(promotion_views.history_table(self))


def as_event(number: int, document: Mapping[str, Any]) -> RegistryEvent:
    """An event from its document."""
    own = ("time", "who", "what", "name", "version", "why", "registered_model_id")
    return RegistryEvent(
        number=number,
        timestamp=document["time"],
        who=document["who"],
        what=document["what"],
        name=document["name"],
        version=document.get("version"),
        why=document.get("why"),
        details={key: value for key, value in document.items() if key not in own},
    )


def standing_events(events: Iterable[RegistryEvent]) -> list[RegistryEvent]:
    """The events that no other event has taken back, in their order."""
    standing: list[RegistryEvent] = []
    taken_back: set[int] = set()
    for event in sorted(events, key=lambda event: event.number, reverse=True):
        # An undo that was undone itself takes nothing back any more.
        if event.number in taken_back:
            continue
        standing.append(event)
        if event.undoes is not None:
            taken_back.add(event.undoes)
    return standing[::-1]


def event_sentence(event: RegistryEvent) -> str:
    """What happened, in words: `moved version 3 from Staging to Production; archived 2`."""
    tell = _SENTENCES.get(event.what)
    said = tell(event) if tell is not None else event.what
    marks: list[str] = []
    if event.details.get("rollback"):
        marks.append("rollback")
    if (request := event.details.get("request")) is not None and not event.what.startswith("promotion."):
        marks.append(f"request {request}")
    if event.undoes is not None:
        marks.append(f"undo of {event.undoes}")
    return f"{said} ({', '.join(marks)})" if marks else said


def _created(event: RegistryEvent) -> str:
    rules: Mapping[str, Any] = event.details.get("approvals") or {}
    left = f", with the rules of approval of who had the name before: {', '.join(rules)}" if rules else ""
    return f"made the registered model{left}"


def _renamed(event: RegistryEvent) -> str:
    return f"renamed it from {_quoted(event.details.get('before'))} to {_quoted(event.name)}"


def _described(event: RegistryEvent) -> str:
    text = event.details.get("description")
    what = "the description" if event.version is None else f"the description of version {event.version}"
    return f"wrote {what}: {_quoted(text)}" if text else f"took {what} away"


def _tagged(event: RegistryEvent) -> str:
    tags: Mapping[str, Any] = event.details.get("tags") or {}
    before: Mapping[str, Any] = event.details.get("before") or {}
    of = "" if event.version is None else f" of version {event.version}"
    told = [
        f"took off tag {_cut(key)}{of}"
        if value is None
        else f"set tag {_cut(key)}{of} to {_quoted(value)}"
        + (f", from {_quoted(before[key])}" if before.get(key) is not None else "")
        for key, value in tags.items()
    ]
    return "; ".join(told) or "set no tag"


def _aliased(event: RegistryEvent) -> str:
    alias, before = f"@{_cut(event.details.get('alias'))}", event.details.get("before")
    if event.version is None:
        return f"took {alias} from version {before}"
    if before is None:
        return f"gave {alias} to version {event.version}"
    return f"moved {alias} from version {before} to {event.version}"


def _deleted(event: RegistryEvent) -> str:
    if event.version is not None:
        return f"deleted version {event.version}"
    count = event.details.get("versions") or 0
    return f"deleted the registered model with {count} version{'' if count == 1 else 's'}"


def _restored(event: RegistryEvent) -> str:
    return "restored the registered model" if event.version is None else f"restored version {event.version}"


def _version_created(event: RegistryEvent) -> str:
    # A run's name says more to people than an id, which the source mostly is.
    run_name, source = event.details.get("run_name"), event.details.get("source")
    origin = f" of run {_quoted(run_name)}" if run_name else f" from {_cut(source)}" if source else ""
    return f"registered version {event.version}{origin}"


def _staged(event: RegistryEvent) -> str:
    stage, before = event.details.get("stage"), event.details.get("before")
    said = (
        f"left version {event.version} in {stage}"
        if stage == before
        else f"moved version {event.version} from {before} to {stage}"
    )
    for verb, versions in (
        ("archived", event.details.get("archived")),
        ("took out of Archived", event.details.get("returned")),
    ):
        if versions:
            said += f"; {verb} {_numbers(versions)}"
    return said


def _demanded(event: RegistryEvent) -> str:
    to, rule = event.details.get("to"), event.details.get("rule")
    if rule is None:
        return f"demands no approval for {to} any more"
    return f"demands approval for {to}{approval_words(rule)}"


def _requested(event: RegistryEvent) -> str:
    request, to = event.details.get("request"), event.details.get("to")
    return f"asked to promote version {event.version} to {to}: request {request}"


def _decided(verb: str) -> Callable[[RegistryEvent], str]:
    def said(event: RegistryEvent) -> str:
        request, to = event.details.get("request"), event.details.get("to")
        return f"{verb} request {request}: version {event.version} to {to}"

    return said


_SENTENCES: Mapping[str, Callable[[RegistryEvent], str]] = {
    "registered_model.created": _created,
    "registered_model.renamed": _renamed,
    "registered_model.described": _described,
    "registered_model.tagged": _tagged,
    "registered_model.aliased": _aliased,
    "registered_model.deleted": _deleted,
    "registered_model.restored": _restored,
    "registered_model.approval_demanded": _demanded,
    "model_version.created": _version_created,
    "model_version.described": _described,
    "model_version.tagged": _tagged,
    "model_version.staged": _staged,
    "model_version.deleted": _deleted,
    "model_version.restored": _restored,
    "promotion.requested": _requested,
    "promotion.approved": _decided("approved"),
    "promotion.rejected": _decided("rejected"),
    "promotion.withdrawn": _decided("withdrew"),
}


def approval_words(rule: Mapping[str, Any]) -> str:
    """Whose approval is demanded, to stand behind the destination."""
    approvers: Sequence[str] = rule.get("approvers") or ()
    words = f" by {', '.join(_cut(name) for name in approvers)}" if approvers else ""
    return words + (", never by who asked" if rule.get("four_eyes") else "")


def _numbers(versions: Sequence[int]) -> str:
    shown = ", ".join(str(version) for version in versions[:_SHOWN_NUMBERS])
    rest = len(versions) - _SHOWN_NUMBERS
    return shown + (f" and {rest} more" if rest > 0 else "")


def _quoted(text: Any) -> str:
    return repr(_cut(text))


def _cut(text: Any) -> str:
    return shortened(str(text), _SHOWN)
