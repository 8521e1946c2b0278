"""The command `registry`: a short way to `models list` and `models show`."""

from collections.abc import Sequence

import click

from nbtrack.core.errors import InvalidValueError
from nbtrack.ui.commands import completing_models
from nbtrack.ui.commands.model_options import filter_option, json_option, number_option, order_option
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb


@verb("registry", examples=["", "iris", "iris -f \"stage = 'Production'\"", "-f \"name LIKE 'iris%'\""])
@click.argument("name", required=False, shell_complete=completing_models.names)
@filter_option("name LIKE 'iris%'; behind a NAME its versions: version_number > 3")
@order_option("models stand by name, and versions with the highest first")
@number_option
@json_option
@click.pass_obj
def registry(
    screen: Screen, name: str | None, filter_string: str, order: Sequence[str], number: int, as_json: bool
) -> None:
    """List registered models, or the versions of one.

    Short for `models list` and `models show NAME`.
    """
    # lazy: other commands, and a shell that completes, do not wait for it
    from nbtrack.ui.commands.named_versions import meant
    from nbtrack.ui.commands.registered import show_models, show_versions

    if name is None:
        show_models(screen, filter_string, order, number, as_json=as_json)
        return
    name, version = meant(screen.tracker, name)
    if version is not None:
        raise InvalidValueError(f"One version is shown by: {screen.program} models show {name} {version}")
    show_versions(screen, name, filter_string, order, number, as_json=as_json)
