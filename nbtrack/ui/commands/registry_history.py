"""The commands `models history` and `models undo`: who changed what, and back."""

from typing import Any

import click

from nbtrack.core import promotion_views
from nbtrack.core.registry_events import RegistryEvent
from nbtrack.core.text_tables import moment
from nbtrack.ui.commands import completing_models
from nbtrack.ui.commands.model_options import json_option, name_argument, number_option, why_option
from nbtrack.ui.commands.named_versions import (
    in_use,
    meant_model,
)
from nbtrack.ui.commands.printing import json_text
from nbtrack.ui.commands.saying import say_done
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb

_PRODUCTION = "Production"
_LONGEST_YEAR = len("20260503")
"""More digits are milliseconds since 1970."""


@verb(
    "history",
    examples=[
        "iris",
        "iris --to Production",
        'iris --at "2026-05-03 14:00"',
        "iris --to @champion --at 2026-05-03",
    ],
)
@name_argument
@click.option(
    "--to",
    metavar="STAGE|@ALIAS",
    help="Only since when which version has it.",
    shell_complete=completing_models.places,
)
@click.option("--at", metavar="TIME", help="Which version had it then; without --to: had Production.")
@number_option
@json_option
@click.pass_obj
def history(screen: Screen, name: str, to: str | None, at: str | None, number: int, as_json: bool) -> None:
    """Show who changed what, when and why, the latest last.

    TIME is a date or time in ISO 8601, such as 2026-05-03 or "2026-05-03 14:00"; local, unless it says its
    zone.
    """
    tracker = screen.tracker
    name = meant_model(tracker, name)
    if at is not None:
        _show_version_at(screen, name, to or _PRODUCTION, at, as_json=as_json)
        return
    found = tracker.history(name, to)
    shown = found[-number:]
    if as_json:
        screen.write(json_text([_as_plain(event) for event in shown]))
        return
    screen.show(promotion_views.history_table(shown, width=screen.width))
    if len(found) > len(shown):
        screen.say(f"There are {len(found):,} changes, these are the latest; choose how many with -n.")


@verb("undo", examples=["iris", "iris --event 12 --yes", 'iris --why "a slip"'])
@name_argument
@click.option(
    "--event",
    "number",
    type=int,
    metavar="NUMBER",
    help="The change, as `models history` numbers it; else the latest.",
    shell_complete=completing_models.changes,
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@why_option
@json_option
@click.pass_obj
def undo(screen: Screen, name: str, number: int | None, yes: bool, why: str | None, as_json: bool) -> None:
    """Take back a change of a registered model.

    The latest that stands, or the one of a NUMBER; also a deletion. Registrations stay. In a terminal it
    shows the change and asks. Given again, it takes back the change before.
    """
    tracker = screen.tracker
    name = meant_model(tracker, name)
    event = tracker.undoable(name, number)
    said = f"Change {event.number} of {name!r}, {moment(event.timestamp)[:16]}: {event.who} {event}"
    if not as_json:
        screen.say(f"{said}." + (f" Why: {event.why}" if event.why else ""))
    if not (yes or as_json or screen.agrees("Take it back?")):
        return
    done = tracker.undo(name, event, why=why)
    if as_json:
        screen.write(json_text(_as_plain(done)))
        return
    say_done(
        screen, f"Took it back: {done.who} {done}.", "models", "undo", done.name, "--event", str(done.number)
    )


def _show_version_at(screen: Screen, name: str, to: str, at: str, *, as_json: bool) -> None:
    is_number = at.isascii() and at.isdigit() and len(at) > _LONGEST_YEAR
    found = screen.tracker.version_at(name, to, int(at) if is_number else at)
    if as_json:
        screen.write(json_text(None if found is None else found.to_dictionary()))
    elif found is None:
        screen.say(f"No version of {name!r} had {to} at {at}.")
    else:
        now = f"; now it is {in_use(found)}" if in_use(found) else ""
        screen.say(f"Version {found.version} of {name!r} had {to} at {at}{now}.")


def _as_plain(event: RegistryEvent) -> dict[str, Any]:
    return {**event.to_dictionary(), "sentence": str(event)}
