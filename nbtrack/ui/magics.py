"""The magics: `%%track` records a cell, `%nbtrack` shows and steers what is recorded."""

from typing import Any

from IPython.core.error import UsageError  # noqa: TID253 - loaded by %load_ext, inside IPython
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class  # noqa: TID253 - as above

from nbtrack.core import static_views
from nbtrack.core.errors import NbtrackError
from nbtrack.tracking.fluent import default_tracker
from nbtrack.ui.track_line import make_parser, parse_options, transform
from nbtrack.ui.tracked_cells import TrackedCells

_ATTRIBUTE = "_nbtrack_cells"
_TABLE_RUNS = 20

USAGE = """\
%nbtrack runs [NUMBER]     the latest runs of the active experiment (20)
%nbtrack status            the store, the experiment and the active run
%nbtrack end [STATUS]      end the active run: FINISHED, FAILED or KILLED
%nbtrack experiment NAME   choose the experiment of new runs; it is made when there is none
%nbtrack help              this text
"""


def load(shell: Any) -> None:
    """Add the magics and hooks to a shell; a second time changes nothing."""
    if hasattr(shell, _ATTRIBUTE):
        return
    cells = TrackedCells(shell, default_tracker)
    shell.register_magics(NbtrackMagics)
    shell.input_transformers_cleanup.append(transform)
    shell.events.register("pre_run_cell", cells.before)
    shell.events.register("post_run_cell", cells.after)
    setattr(shell, _ATTRIBUTE, cells)


def unload(shell: Any) -> None:
    """Remove every hook from a shell."""
    cells = getattr(shell, _ATTRIBUTE, None)
    if cells is None:
        return
    delattr(shell, _ATTRIBUTE)
    shell.input_transformers_cleanup.remove(transform)
    shell.events.unregister("pre_run_cell", cells.before)
    shell.events.unregister("post_run_cell", cells.after)
    for kind, name in (("cell", "track"), ("line", "nbtrack")):
        shell.magics_manager.magics[kind].pop(name, None)


@magics_class
class NbtrackMagics(Magics):
    """The magics of nbtrack."""

    @cell_magic
    def track(self, line: str, cell: str) -> None:
        """Usage and errors of `%%track`; a well-formed one never comes here."""
        parse_options(line)
        raise UsageError("%%track must be the first line of the cell, or follow %%time, %%capture or %%prun.")

    track.__doc__ = make_parser().format_help()

    @line_magic
    def nbtrack(self, line: str) -> Any:
        """Show and steer what is recorded."""
        command, _, rest = line.strip().partition(" ")
        action = {
            "runs": self._runs,
            "status": self._status,
            "end": self._end,
            "experiment": self._experiment,
        }.get(command)
        if action is None:
            if command in ("", "help", "-h", "--help"):
                print(USAGE, end="")
                return None
            raise UsageError(f"%nbtrack has no command {command!r}.\n{USAGE}")
        try:
            return action(rest.strip())
        except NbtrackError as error:
            raise UsageError(str(error)) from None

    nbtrack.__doc__ = USAGE

    def _runs(self, rest: str) -> None:
        try:
            number = int(rest) if rest else _TABLE_RUNS
        except ValueError:
            raise UsageError(f"%nbtrack runs takes a number of runs, got {rest!r}.") from None
        runs = default_tracker.search_runs(output_format="list", max_results=number)
        _show(static_views.runs_table(runs, grouped=True))

    def _status(self, rest: str) -> None:
        run = default_tracker.active_run()
        print(f"store       {default_tracker.get_tracking_uri()}")
        print(f"experiment  {default_tracker.experiment or 'Default'}")
        print(f"active run  {f'{run.info.run_name} ({run.run_id})' if run else 'none'}")

    def _end(self, rest: str) -> None:
        run = default_tracker.active_run()
        if run is None:
            print("No run is active.")
            return
        default_tracker.end_run(rest or "FINISHED")
        _show(static_views.run_card(default_tracker.get_run(run.run_id)))

    def _experiment(self, rest: str) -> None:
        if not rest:
            raise UsageError("%nbtrack experiment takes the name of an experiment.")
        experiment = default_tracker.set_experiment(rest)
        print(f"New runs go into the experiment {experiment.name!r}.")


def _show(view: static_views.View) -> None:
    from IPython.display import display

    display(static_views.bundle(view), raw=True)
