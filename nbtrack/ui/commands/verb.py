"""A command with examples in its help, and several of them under one word."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import click

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


class Verb(click.Command):
    """A command whose help ends in examples, written as they are given where the help is read."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, context_settings=HELP_OPTIONS, **kwargs)
        self.examples = tuple(examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options; a filter without quotes is more words than expected."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if error.message.startswith("Got unexpected extra argument"):
                takes_filter = any(each.name == "filter_string" for each in self.params)
                example = ', such as -f "metrics.loss < 1"' if takes_filter else ""
                said = f"{error.message.rstrip('.')}. Quote what has spaces{example}."
                raise click.UsageError(said, error.ctx) from None
            raise

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples below the options."""
        _write_examples(self.examples, ctx, formatter)


class VerbGroup(click.Group):
    """Commands under one word; its help lists them as they were added: those used most at first."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; of one that stands under another word this word is told."""
        if args and not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            for word, group in self.commands.items():
                if isinstance(group, click.Group) and args[0] in group.list_commands(ctx):
                    raise click.UsageError(
                        f"No such command {args[0]!r}. Did you mean '{word} {args[0]}'?", ctx
                    )
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples below the commands."""
        _write_examples(self.examples, ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the help."""
        return list(self.commands)


class LazyGroup(VerbGroup):
    """Commands of which each is loaded when it is given: a shell that completes waits for each import.

    Args:
        places: Module and function of each command, by its name: `{"list": "some.module.list_models"}`.
    """

    def __init__(self, *args: Any, places: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the help."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command, loaded; None when there is none."""
        # Of an unknown one the nearest are told, of all that are known.
        wanted = [cmd_name] if cmd_name in self._places else list(self._places)
        for name in wanted:
            if name not in self.commands:
                module, _, function = self._places[name].rpartition(".")
                self.add_command(getattr(import_module(module), function), name)
        return super().get_command(ctx, cmd_name)


def _write_examples(examples: Sequence[str], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                line = f"{ctx.command_path} {example}".rstrip()
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def verb(name: str, *, examples: Sequence[str] = ()) -> Callable[[Callable[..., None]], Verb]:
    """Make a function a command.

    Args:
        name: Of the command.
        examples: What may stand behind the name.
    """
    return click.command(name, cls=Verb, examples=examples)  # pyright: ignore[reportReturnType]
