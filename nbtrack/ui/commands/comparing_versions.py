"""The command `models compare`: what differs between versions."""

from collections.abc import Sequence

import click

from nbtrack.core.errors import InvalidValueError
from nbtrack.core.version_comparison_view import version_comparison_view
from nbtrack.core.version_comparisons import compare_versions
from nbtrack.tracking.named_versions import directions_of, what_there_is
from nbtrack.ui.commands import completing_models
from nbtrack.ui.commands.model_options import json_option, name_argument
from nbtrack.ui.commands.named_versions import find_version, meant
from nbtrack.ui.commands.printing import json_text
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb


@verb("compare", examples=["iris 2 3", "iris Production latest", "iris 1 2 3 --all", "iris/3 wine/1"])
@name_argument
@click.argument("versions", nargs=-1, metavar="VERSION VERSION...", shell_complete=completing_models.versions)
@click.option("--all", "everything", is_flag=True, help="Also what is the same in all of them.")
@json_option
@click.pass_obj
def compare(screen: Screen, name: str, versions: Sequence[str], everything: bool, as_json: bool) -> None:
    """Show what differs between versions.

    Metrics, params, signature, files, requirements and tags, as they were at registration; the first
    version is what the others are compared with.
    """
    tracker = screen.tracker
    name, first = meant(tracker, name)
    words = [*([] if first is None else [first]), *versions]
    # In one word with its name, a version may be of another registered model.
    found = [find_version(tracker, *([each] if "/" in each else [name, each])) for each in words]
    if len({(each.name, each.version) for each in found}) < max(2, len(found)):
        there_is = what_there_is(tracker, tracker.get_registered_model(name))
        raise InvalidValueError(f"A comparison takes two different versions of {name!r} or more. {there_is}")
    comparison = compare_versions(found, directions=directions_of(tracker, found))
    if as_json:
        screen.write(json_text(comparison.to_dictionary(everything=everything)))
        return
    screen.show(version_comparison_view(comparison, everything=everything, width=screen.width))
