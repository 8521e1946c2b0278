"""Arguments and options that several commands of registered models take."""

from collections.abc import Callable

import click

from nbtrack.ui.commands import completing_models

Decorator = Callable[[Callable[..., None]], Callable[..., None]]

name_argument: Decorator = click.argument("name", shell_complete=completing_models.names)
version_argument: Decorator = click.argument("version", shell_complete=completing_models.versions)
why_option: Decorator = click.option("--why", metavar="TEXT", help="The reason, for the history.")
json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
number_option: Decorator = click.option(
    "-n", "--number", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most."
)


def filter_option(example: str) -> Decorator:
    """`--filter`, with an example of one."""
    return click.option(
        "-f",
        "--filter",
        "filter_string",
        default="",
        metavar="FILTER",
        help=f"Only those that match, such as: {example}",
    )


def order_option(otherwise: str) -> Decorator:
    """`--order`, with the order that there is without."""
    return click.option(
        "-o",
        "--order",
        multiple=True,
        metavar="FIELD",
        help=f"Sort by a field; may be given several times. Else {otherwise}.",
    )
