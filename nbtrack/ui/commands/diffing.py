"""The command `diff`: what differs between two runs, as a reviewer asks for it."""

import click

from nbtrack.ui.commands import completing
from nbtrack.ui.commands.named import find_run
from nbtrack.ui.commands.printing import json_text
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb


@verb("diff", examples=["baseline tuned", "1a2b3c4d 5e6f", "tuned", "baseline tuned --text"])
@click.argument("before", metavar="RUN", shell_complete=completing.runs)
@click.argument("after", metavar="[RUN]", required=False, shell_complete=completing.runs)
@click.option("--all", "everything", is_flag=True, help="Also what is the same in both.")
@click.option("--text", "as_text", is_flag=True, help="Plain text, the code as a unified diff.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of tables.")
@click.pass_obj
def diff(
    screen: Screen, before: str, after: str | None, everything: bool, as_text: bool, as_json: bool
) -> None:
    """Show what changed from one run to another.

    Params, metrics with what became better and worse, the code of the cells side by side, packages, Git
    and data. A single run is compared with the attempt before it; `compare` takes many runs.
    """
    from nbtrack.core.difference_view import difference_view  # lazy: a shell that completes waits

    if as_json and as_text:
        raise click.UsageError("Give either --json or --text.")
    tracker = screen.tracker
    found = [find_run(tracker, text) for text in (before, after) if text is not None]
    difference = tracker.diff(*found)
    if as_json:
        screen.write(json_text(difference.to_dictionary(everything=everything)))
    elif as_text:
        drawn = difference_view(difference, everything=everything, width=None, unified=True)
        screen.write(drawn.text)
    else:
        fits = not everything and not screen.is_passing and screen.width is not None
        screen.show(difference_view(difference, everything=everything, width=screen.width, fits=fits))
