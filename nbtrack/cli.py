"""The command line: the commands of `nbtrack.ui.commands` in a terminal, and `demo` and `completion`."""

import codecs
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from io import TextIOWrapper
from typing import Any, NoReturn

import click

import nbtrack
from nbtrack.core.errors import NbtrackError, StoreError
from nbtrack.core.static_views import View
from nbtrack.core.text_tables import terminal_width, visible
from nbtrack.stores.opening import store_exists
from nbtrack.tracking.store_access import folder_of
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.commands import shell_completion
from nbtrack.ui.commands.commands import COMMANDS
from nbtrack.ui.commands.store_tracker import StoreTracker
from nbtrack.ui.commands.verb import HELP_OPTIONS, VerbGroup, verb

# Signs of ours that a terminal without Unicode shows as these.
_PLAIN_SIGNS = str.maketrans("─▁▂▃▄▅▆▇█✓✗■▶…★▲▼└·↑↓→│⋯↻", "-__..--==vx#>.*+-`.^v>|.#")
_BAR_FROM = 10_000_000
"""Bytes; copying less is over before a bar would be seen."""


class TerminalScreen:
    """A terminal, or a pipe or file in its place."""

    program = "nbtrack"
    is_bound = False

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    @property
    def tracker(self) -> Tracker:
        """Whose runs are meant.

        Raises:
            StoreError: There is no store where `--store` points.
        """
        tracker = self._tracker
        if tracker.store is not None and not store_exists(tracker.store):
            raise StoreError(f"There is no store at {folder_of(tracker)}.")
        return tracker

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None for a pipe, which has room for all."""
        return terminal_width()

    @property
    def is_passing(self) -> bool:
        """A terminal scrolls away; what goes into a pipe may be kept."""
        return sys.stdout.isatty()

    def show(self, view: View) -> None:
        """Print a view's text."""
        click.echo(view.text)

    def say(self, text: str) -> None:
        """Print a line."""
        click.echo(visible(text))

    def note(self, text: str) -> None:
        """Print a line on stderr."""
        click.echo(visible(text), err=True)

    def write(self, text: str) -> None:
        """Print text for other programs; a terminal gets no sign that could steer it."""
        if sys.stdout.isatty():
            text = "\n".join(map(visible, text.split("\n")))
        click.echo(text)

    def agrees(self, question: str) -> bool:
        """Ask at a terminal."""
        return not sys.stdin.isatty() or click.confirm(visible(question))

    def confirms(self, question: str) -> bool:
        """Ask at a terminal.

        Raises:
            UsageError: There is none.
        """
        if not sys.stdin.isatty():
            raise click.UsageError("There is no terminal to ask at: add --yes if you mean it.")
        return click.confirm(visible(question))

    def edited(self, text: str) -> str | None:
        """Open the editor of the user.

        Raises:
            UsageError: There is no terminal to open it in.
        """
        if not sys.stdin.isatty():
            raise click.UsageError("There is no terminal for an editor: give the TEXT, or - to read it.")
        return click.edit(text, extension=".md")

    def next_cell(self, text: str) -> bool:
        """A terminal has no cells."""
        return False

    def progress(
        self, label: str, length: int, *, details: Callable[[], str] | None = None
    ) -> AbstractContextManager[Callable[[int], None]]:
        """A bar on stderr, for long work and where somebody looks."""
        if length < _BAR_FROM or not sys.stderr.isatty():
            return nullcontext(_ignored)
        return _Bar(label, length, details)


class _Group(VerbGroup):
    """Answers every failure with one sentence and an exit status, never with a stack trace."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command of a process."""
        if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]  # closed by the shell: >&-
            _stop("the standard output is closed")
        shell_completion.prepare()
        kwargs.setdefault("complete_var", shell_completion.VARIABLE)  # also as `python -m nbtrack`
        _let_every_sign_through()
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _print_warning
                try:
                    return super().main(*args, **kwargs)
                finally:
                    sys.stdout.flush()  # while there is somebody to tell that it cannot
        except OSError as error:
            reason = _why_nothing_is_written(error)
            if reason is None:
                raise
            _stop(None if isinstance(error, BrokenPipeError) else reason)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except NbtrackError as error:
            raise _Failure(str(error)) from error
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:  # the last boundary: a person reads what comes out
            if isinstance(error, OSError) and _why_nothing_is_written(error):
                raise
            what = f"{type(error).__name__}: {error}"
            raise _Failure(
                f"{what}\nThis is a mistake in nbtrack. Please report it, with what you did."
            ) from error


class _Failure(click.ClickException):
    """An error as it is shown: its lines, with nothing in them that could steer a terminal."""

    def format_message(self) -> str:
        return "\n".join(map(visible, self.message.split("\n")))


@click.group(cls=_Group, context_settings=HELP_OPTIONS)
@click.version_option(nbtrack.__version__, prog_name="nbtrack")
@click.option(
    "--store",
    metavar="URI",
    help="The store: a folder, file: or sqlite:/// URI. Else the setting, or the nearest .nbtrack.",
)
@click.pass_context
def main(context: click.Context, store: str | None) -> None:
    """Record machine-learning runs from notebooks and scripts, and look at them."""
    context.obj = TerminalScreen(StoreTracker(store=store))


@verb("demo", examples=["", "--lab"])
@click.option("--lab", is_flag=True, help="Open JupyterLab on the quickstart notebook afterwards.")
def demo(lab: bool) -> None:
    """Train and record ten models.

    They are real, and recorded into ./.nbtrack.
    """
    from nbtrack import demo as demonstration

    demonstration.run(open_lab=lab)


@verb(
    "completion",
    examples=["bash >> ~/.bashrc", "zsh >> ~/.zshrc", "fish > ~/.config/fish/completions/nbtrack.fish"],
)
@click.argument("shell", type=click.Choice(shell_completion.SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script for your shell.

    It lets the shell complete commands, options, runs, experiments, fields and artifacts.
    """
    click.echo(shell_completion.script(shell, context.find_root().command))


for _command in (*COMMANDS, demo, completion):
    main.add_command(_command)


class _Bar:
    """A bar on stderr, as long as the work goes on."""

    def __init__(self, label: str, length: int, details: Callable[[], str] | None) -> None:
        self._bar: Any = click.progressbar(
            length=length,
            label=label,
            file=sys.stderr,
            show_eta=True,
            item_show_func=None if details is None else lambda _: details(),
        )

    def __enter__(self) -> Callable[[int], None]:
        return self._bar.__enter__().update

    def __exit__(self, *failure: Any) -> None:
        self._bar.__exit__(*failure)


def _ignored(steps: int) -> None:
    """Nobody looks at a bar."""


def _print_warning(message: Warning | str, *_: Any) -> None:
    text = "\n".join(map(visible, str(message).split("\n")))
    print(f"warning: {text}", file=sys.stderr)


def _why_nothing_is_written(error: OSError) -> str | None:
    """What the system says against writing to stdout; None when the error is of something else."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None and trace.tb_frame.f_code is click.echo.__code__:
        return error.strerror or str(error)
    try:
        sys.stdout.flush()  # what could not be written before is tried again
    except OSError as error:
        return error.strerror or str(error)
    return None


def _stop(reason: str | None) -> NoReturn:
    """End the process because nothing can be written to stdout."""
    if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison]
        # Python writes what is left when it ends, and would fail once more.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if reason is not None:
        with suppress(OSError):
            click.echo(f"Error: Nothing can be written to the standard output: {reason}.", err=True)
    sys.exit(1)


def _let_every_sign_through() -> None:
    """Show signs that the encoding of a terminal lacks as others, instead of failing."""
    codecs.register_error("nbtrack", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="nbtrack")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end].translate(_PLAIN_SIGNS)
    return "".join(sign if sign.isascii() else "?" for sign in signs), error.end
