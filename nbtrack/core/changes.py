"""What people changed of runs and experiments: who, when, what, and from what; what `undo` takes back.

A change is written in the transaction that makes it, and never changed afterwards: an undo is a change
of its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.records import Record
from nbtrack.core.text_tables import moment, shortened

_SHOWN = 60
_SHOWN_NAMES = 5


@dataclass(frozen=True, repr=False)
class Change(Record):
    """What one person did at once to runs or experiments; `str(change)` is a sentence."""

    number: int
    """Its place among all changes of the store's runs and experiments; what `undo` takes."""
    timestamp: int
    """When: milliseconds since 1970, UTC."""
    who: str
    """The user who did it."""
    parts: Sequence[Mapping[str, Any]]
    """What was changed, thing by thing: `what` (such as `run.tagged`), `run_id` or `experiment_id`, `name`
    (that of the run or experiment since) and what docs/store.md says of such an event."""
    undoes: int | None = None
    """The number of the change that this one takes back."""
    why: str | None = None
    """What the user said about it."""
    undone_by: int | None = None
    """The number of the change that took this one back, as far as was looked."""

    def __str__(self) -> str:
        return change_sentence(self)

    def __repr__(self) -> str:
        return f"<Change {self.number} {moment(self.timestamp)} {self.who}: {self}>"

    def to_dictionary(self) -> dict[str, Any]:
        """The change as nested plain dicts and lists."""
        return {**dict(self), "parts": [dict(part) for part in self.parts]}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import change_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(change_views.change_card(self))


class ChangeList(list[Change]):
    """Changes, the oldest first; draws itself as a table."""

    def __str__(self) -> str:
        return self._repr_mimebundle_()["text/plain"]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # IPython has a printer for lists, which it asks before the MIME bundle of a list.
        printer.text(repr(self) if cycle else self._repr_mimebundle_()["text/plain"])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import change_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(change_views.change_table(self))


Aspect = tuple[str, ...]
"""What of a thing was changed: two changes of one aspect get in each other's way."""


def standing_changes(latest_first: Iterable[Change]) -> Iterable[tuple[Change, int | None]]:
    """Each change with the number of the one that took it back; None: it stands.

    Args:
        latest_first: All changes from the latest back to where the reader stops.
    """
    taken_back: dict[int, int] = {}
    for change in latest_first:
        by = taken_back.get(change.number)
        # An undo that was undone itself takes nothing back any more.
        if by is None and change.undoes is not None:
            taken_back[change.undoes] = change.number
        yield change, by


def aspects_of(part: Mapping[str, Any]) -> set[Aspect]:
    """What of which thing a part of a change has touched."""
    thing = part.get("run_id") or part.get("experiment_id") or ""
    _, _, verb = part["what"].partition(".")
    if verb == "tagged":
        return {(thing, "name") if _is_name(part, key) else (thing, "tag", key) for key in part["tags"]}
    return {(thing, "name" if verb == "renamed" else "lifecycle")}


def change_sentence(change: Change) -> str:
    """What happened, in words: `deleted run 'baseline' (1a2b3c4d)`."""
    said = _sentence(change.parts)
    return said if change.undoes is None else f"{said} (undo of {change.undoes})"


def part_sentence(part: Mapping[str, Any]) -> str:
    """What happened to one thing, in words."""
    tell = _SENTENCES.get(part["what"].partition(".")[2])
    return f"{part['what']} {thing_name(part)}" if tell is None else tell(part)


def thing_name(part: Mapping[str, Any]) -> str:
    """How a sentence calls the run or experiment of a part."""
    name = _quoted(part.get("name"))
    run_id = part.get("run_id")
    return f"experiment {name}" if run_id is None else f"run {name} ({run_id[:8]})"


def _sentence(parts: Sequence[Mapping[str, Any]]) -> str:
    if not parts:
        return "nothing was changed"
    kinds = {(part["what"], "run_id" in part) for part in parts}
    verb = parts[0]["what"].partition(".")[2]
    if len(parts) == 1 or len(kinds) > 1 or verb not in ("deleted", "restored"):
        shown = "; ".join(part_sentence(part) for part in parts[:_SHOWN_NAMES])
        return shown + _rest(len(parts))
    names = ", ".join(_quoted(part.get("name")) for part in parts[:_SHOWN_NAMES])
    things = "runs" if "run_id" in parts[0] else "experiments"
    return f"{verb} {len(parts):,} {things}: {names}{_rest(len(parts))}"


def _rest(count: int) -> str:
    return f" and {count - _SHOWN_NAMES:,} more" if count > _SHOWN_NAMES else ""


def _deleted(part: Mapping[str, Any]) -> str:
    with_runs = " with its runs" if "run_id" not in part else ""
    return f"deleted {thing_name(part)}{with_runs}"


def _restored(part: Mapping[str, Any]) -> str:
    with_runs = " with its runs" if "run_id" not in part else ""
    return f"restored {thing_name(part)}{with_runs}"


def _renamed(part: Mapping[str, Any]) -> str:
    return f"renamed {thing_name(part)}, which was {_quoted(part['before'])}"


def _tagged(part: Mapping[str, Any]) -> str:
    name = thing_name(part)
    return "; ".join(
        _tag_sentence(part, name, key, value, part["before"].get(key)) for key, value in part["tags"].items()
    )


def _tag_sentence(part: Mapping[str, Any], name: str, key: str, value: str | None, before: str | None) -> str:
    if key == system_tags.NOTE:
        if value is None:
            return f"took the note off {name}"
        return f"wrote the note on {name}: {_quoted(value)}"
    if _is_name(part, key):
        return f"renamed {name}, which was {_quoted(before)}"
    if value is None:
        return f"took tag {_cut(key)} off {name}, which was {_quoted(before)}"
    from_it = "" if before is None else f", from {_quoted(before)}"
    return f"set tag {_cut(key)} of {name} to {_quoted(value)}{from_it}"


def _is_name(part: Mapping[str, Any], key: str) -> bool:
    """Whether a tag of a run is its name."""
    return key == system_tags.RUN_NAME and "run_id" in part


_SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "deleted": _deleted,
    "restored": _restored,
    "renamed": _renamed,
    "tagged": _tagged,
}


def _quoted(text: Any) -> str:
    return repr(_cut(text))


def _cut(text: Any) -> str:
    return shortened(str(text), _SHOWN)
