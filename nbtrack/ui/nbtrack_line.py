"""What stands behind `%nbtrack`: the commands of the command line, and those that only a notebook needs.

It loads with the first `%nbtrack`, not with `%load_ext nbtrack`.
"""

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click
from IPython.core.error import UsageError  # noqa: TID253 - only the magics import this module

from nbtrack.core import settings, static_views
from nbtrack.core.entities import RunStatus
from nbtrack.core.errors import NbtrackError
from nbtrack.core.static_views import View
from nbtrack.core.text_tables import visible
from nbtrack.tracking.disabled_run import DisabledRun
from nbtrack.tracking.notebooks import interactive_shell
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui import notebook_status
from nbtrack.ui.commands.commands import COMMANDS
from nbtrack.ui.commands.store_tracker import StoreTracker
from nbtrack.ui.commands.verb import HELP_OPTIONS, VerbGroup, verb
from nbtrack.ui.output import say
from nbtrack.ui.output import show as display

PROGRAM = "%nbtrack"


class NotebookScreen:
    """The output of a cell.

    Args:
        recorder: The tracker that records, and whose runs are shown.
        shown_anyway: Whether the card of a run that ends now is shown by the cell itself.
    """

    program = PROGRAM
    width = static_views.TEXT_WIDTH
    is_passing = False
    is_bound = True

    def __init__(self, recorder: Tracker, shown_anyway: Callable[[Any], bool]) -> None:
        self.recorder = recorder
        self.shown_anyway = shown_anyway
        self._looking: Tracker | None = None

    @property
    def tracker(self) -> Tracker:
        """Whose runs are meant: the recorder, or one that looks where recording is switched off."""
        recorder = self.recorder
        if recorder.enabled and not settings.is_disabled():
            return recorder
        if self._looking is None:
            self._looking = StoreTracker(store=recorder.store, experiment=recorder.experiment)
        return self._looking

    def close(self) -> None:
        """The line is done."""
        if self._looking is not None:
            self._looking.close()

    def show(self, view: View) -> None:
        """Display a view."""
        display(view)

    def say(self, text: str) -> None:
        """Print a line."""
        print(text)

    def note(self, text: str) -> None:
        """Print a line."""
        print(text)

    def write(self, text: str) -> None:
        """Print text."""
        print(text)

    def agrees(self, question: str) -> bool:
        """What stands in a cell is meant; a notebook that runs by itself must not wait."""
        return True

    def confirms(self, question: str) -> bool:
        """What stands in a cell is meant."""
        return True

    def edited(self, text: str) -> str | None:
        """A cell is the editor.

        Raises:
            UsageError: Always.
        """
        raise click.UsageError('Give the text, note RUN "TEXT"; --show shows the note.')

    def next_cell(self, text: str) -> bool:
        """Put text into a new cell below this one."""
        shell = interactive_shell()
        if shell is None or not hasattr(shell, "set_next_input"):
            return False
        shell.set_next_input(text, replace=False)
        return True

    def progress(
        self, label: str, length: int, *, details: Callable[[], str] | None = None
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Nothing: the output of a cell is kept."""
        return nullcontext(_ignored)


@click.group(PROGRAM, cls=VerbGroup, context_settings=HELP_OPTIONS, add_help_option=True)
def line() -> None:
    """Look at what is recorded, change it, and steer where new runs go."""


@verb("status")
@click.pass_obj
def status(screen: NotebookScreen) -> None:
    """Print where runs go, and what was recorded last."""
    for name, value in notebook_status.facts(screen.recorder):
        print(f"{name:<10}  {visible(value)}")


@verb("end", examples=["", "FAILED"])
@click.argument("words", nargs=-1, metavar="[STATUS]")
@click.pass_obj
def end(screen: NotebookScreen, words: Sequence[str]) -> None:
    """End the active run, FINISHED, FAILED or KILLED."""
    given = " ".join(words)
    status = given.upper() or RunStatus.FINISHED
    if not RunStatus.is_terminated(status):
        raise click.UsageError(f"it takes {', '.join(RunStatus.TERMINATED)}, got {given!r}.")
    run = screen.recorder.active_run()
    if run is None:
        print("No run is active.")
        return
    screen.recorder.finish(run, status)
    if not isinstance(run, DisabledRun) and not screen.shown_anyway(run):
        screen.show(static_views.run_card(run.snapshot()))


@verb("experiment", examples=["digits"])
@click.argument("words", nargs=-1, metavar="NAME")
@click.pass_obj
def experiment(screen: NotebookScreen, words: Sequence[str]) -> None:
    """Choose the experiment of new runs; it is made when there is none."""
    if not words:
        raise click.UsageError("it takes the name of an experiment.")
    chosen = screen.recorder.set_experiment(" ".join(words))
    print(f"New runs go into the experiment {chosen.name!r}.")


def _commands(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in line.commands if name.startswith(incomplete)]


@verb("help", examples=["", "runs"])
@click.argument("words", nargs=-1, metavar="[COMMAND]", shell_complete=_commands)
@click.pass_context
def help_command(context: click.Context, words: Sequence[str]) -> None:
    """Show the commands, or the options of one."""
    run(context.obj, [*words, "--help"])


for _command in (*COMMANDS, status, end, experiment, help_command):
    line.add_command(_command)


def run(screen: NotebookScreen, words: Sequence[str]) -> None:
    """Do what the words behind `%nbtrack` say.

    Raises:
        UsageError: It cannot be done; the message says why, without a traceback.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            line.main(list(words) or ["--help"], PROGRAM, standalone_mode=False, obj=screen)
        except click.UsageError as error:
            where = PROGRAM if error.ctx is None else error.ctx.command_path
            message = f"{where}: {error.format_message()}"
            raise UsageError(f"{message} {PROGRAM} help lists what there is.") from None
        except click.ClickException as error:
            raise UsageError(error.format_message()) from None
        except NbtrackError as error:
            raise UsageError(str(error)) from None
        finally:
            screen.close()
            for each in caught:
                say(str(each.message))


def _ignored(steps: int) -> None:
    """Nobody looks at a bar."""
