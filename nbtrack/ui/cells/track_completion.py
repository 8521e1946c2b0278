"""What may stand in a `%%track` line, as a command that click can complete; it is never run.

It loads with the first press of the Tab key.
"""

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from nbtrack.core import system_tags
from nbtrack.documents.queries import Query
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.cells.track_line import option_names
from nbtrack.ui.commands import completing
from nbtrack.ui.commands.completing import MOST, Completer, careful
from nbtrack.ui.commands.named import search

PROGRAM = "%%track"


@careful
def lineages(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Names of the runs that tracked cells have made, the latest first."""
    of_cells = Query().tags[system_tags.LINEAGE].exists()
    name = Query().run_name
    if incomplete:
        of_cells = of_cells & (name >= incomplete) & (name < f"{incomplete}\U0010ffff")
    found = (run.info.run_name for run in search(tracker, of_cells, limit=MOST))
    yield from (CompletionItem(name) for name in dict.fromkeys(found) if name.isprintable())


@careful
def params(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Keys of params, with the sign that a value follows."""
    if "=" not in incomplete:
        for key in completing.keys(tracker, "params"):
            if key.startswith(incomplete):
                yield CompletionItem(f"{key}=")


_VALUES: dict[str, Completer] = {
    "--experiment": completing.experiments,
    "--param": params,
    "--tag": completing.tags,
    "--resume": completing.runs,
}
"""What may stand behind an option."""


def _command() -> click.Command:
    parts: list[click.Parameter] = [click.Argument(["name"], nargs=-1, shell_complete=lineages)]
    for names, takes_value in option_names():
        completer = _VALUES.get(names[-1])
        parts.append(
            click.Option(names, multiple=takes_value, is_flag=not takes_value, shell_complete=completer)
        )
    return click.Command(PROGRAM, params=parts, add_help_option=False)


command = _command()
"""The `%%track` line as click sees it."""
