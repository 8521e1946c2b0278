"""The command `undo`: takes back what was changed of runs and experiments, and lists it."""

from typing import Any

import click

from nbtrack.core import change_views
from nbtrack.core.changes import Change
from nbtrack.core.text_tables import moment
from nbtrack.ui.commands import completing
from nbtrack.ui.commands.model_options import json_option, why_option
from nbtrack.ui.commands.named import where_it_was_looked
from nbtrack.ui.commands.printing import json_text
from nbtrack.ui.commands.saying import say_done
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb


@verb("undo", examples=["", "--list", "12", '--why "a slip"'])
@click.argument("number", type=int, required=False, metavar="[NUMBER]", shell_complete=completing.changes)
@click.option("--list", "only_list", is_flag=True, help="List the latest changes: who, when, what.")
@click.option("-n", "--number", "most", type=click.IntRange(1), default=20, help="How many; else 20.")
@why_option
@json_option
@click.pass_obj
def undo(
    screen: Screen, number: int | None, only_list: bool, most: int, why: str | None, as_json: bool
) -> None:
    """Take back the latest change of runs and experiments.

    Deletions, restorations, new names, tags and notes. It is the latest of yours that stands, or the one of a
    NUMBER, whoever made it; also an undo. Given again, it takes back the change before. Changes of registered
    models have an undo of their own: `models undo NAME`.
    """
    tracker = screen.tracker
    if only_list:
        found = tracker.changes(most)
        if as_json:
            screen.write(json_text([_as_plain(change) for change in found]))
            return
        screen.show(change_views.change_table(found, width=screen.width))
        if not found:
            screen.say(where_it_was_looked(screen))
        return
    taken_back = tracker.undoable(number)
    done = tracker.undo(taken_back, why=why)
    if as_json:
        screen.write(json_text(_as_plain(done)))
        return
    when = moment(taken_back.timestamp)[:16]
    by = f"{taken_back.who}, {when}"
    say_done(screen, f"Took back change {taken_back.number} ({by}: {taken_back}).", "undo", str(done.number))


def _as_plain(change: Change) -> dict[str, Any]:
    return {**change.to_dictionary(), "sentence": str(change)}
