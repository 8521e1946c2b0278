"""The cells that a run came from: `slice` shows them, `restore` puts them back."""

import json
import os
import shlex

import click

from nbtrack.core.entities import Run
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.ui.commands import completing
from nbtrack.ui.commands.named import called, find_run, short_id
from nbtrack.ui.commands.printing import json_text
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb

_NOTEBOOK, _SCRIPT = ".ipynb", ".py"


@verb("slice", examples=["1a2b3c4d", "baseline --json"])
@click.argument("run", shell_complete=completing.runs)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of the cells.")
@click.pass_obj
def slice_command(screen: Screen, run: str, as_json: bool) -> None:
    """Show the cells that a run came from, and why.

    They stand in the order in which they were executed. RUN is an id, the beginning of one, or a name.
    """
    found = screen.tracker.slice_of(find_run(screen.tracker, run).info.run_id)
    if as_json:
        screen.write(json_text(found.to_dictionary()))
        return
    from nbtrack.core.slice_view import slice_view  # lazy: a shell that completes waits for each import

    screen.show(slice_view(found))


def put_cells_back(screen: Screen, run: Run, *, alone: bool) -> None:
    """Put the cells of a run into a new cell; where there are no cells, say how they come into a file.

    Args:
        screen: Where.
        run: One that is not deleted.
        alone: Whether it is the only one: there is one cell below.
    """
    try:
        found = screen.tracker.slice_of(run.info.run_id)
    except NotFoundError:
        screen.say(f"{called(run)} is not deleted, and was made in no cell that could be put back.")
        return
    from nbtrack.core.slice_scripts import to_cell  # lazy, as above

    count = _counted(len(found.cells))
    if alone and screen.next_cell(to_cell(found)):
        screen.say(f"The {count} that {called(run)} came from: in the new cell below.")
        return
    advice = f"{screen.program} restore {short_id(run)} --to {shlex.quote(_file_name(run))}"
    screen.say(f"{called(run)} is not deleted. The {count} that it came from go into a file: {advice}")


def write_cells(screen: Screen, run: Run, target: str, *, force: bool) -> None:
    """Write the cells of a run into a notebook or a script.

    Raises:
        InvalidValueError: There is such a file already, or it cannot be written.
        NotFoundError: The run was made in no cell.
    """
    ending = os.path.splitext(target)[1].lower()
    if ending not in (_NOTEBOOK, _SCRIPT):
        raise click.UsageError(f"--to takes a file that ends in {_NOTEBOOK} or {_SCRIPT}, got {target!r}.")
    found = screen.tracker.slice_of(run.info.run_id)
    is_script = ending == _SCRIPT
    text = found.to_script() if is_script else json.dumps(found.to_notebook(), ensure_ascii=False, indent=1)
    try:
        with open(target, "w" if force else "x", encoding="utf-8", errors="surrogatepass") as file:
            file.write(f"{text.rstrip()}\n")
    except FileExistsError:
        raise InvalidValueError(f"{target!r} is there already; --force writes over it.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidValueError(f"{target!r} cannot be written: {reason}.") from error
    how = f" Run it with: python {shlex.quote(target)}" if is_script else ""
    screen.say(f"Wrote the {_counted(len(found.cells))} that {called(run)} came from into {target}.{how}")


def _counted(count: int) -> str:
    return f"{count:,} cell{'' if count == 1 else 's'}"


def _file_name(run: Run) -> str:
    """A name of a notebook that a run suggests."""
    words = "".join(sign if sign.isalnum() else " " for sign in run.info.run_name).split()
    return f"{'-'.join(words)[:40] or 'cells'}{_NOTEBOOK}"
