"""A command with examples in its help."""

from collections.abc import Callable, Sequence
from typing import Any

import click

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


class Verb(click.Command):
    """A command whose help ends in examples, written as they are given where the help is read."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, context_settings=HELP_OPTIONS, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples below the options."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    line = f"{ctx.command_path} {example}".rstrip()
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def verb(name: str, *, examples: Sequence[str] = ()) -> Callable[[Callable[..., None]], Verb]:
    """Make a function a command.

    Args:
        name: Of the command.
        examples: What may stand behind the name.
    """
    return click.command(name, cls=Verb, examples=examples)  # pyright: ignore[reportReturnType]
