"""The magics: `%%track` records a cell, `%nbtrack` shows and steers what is recorded."""

from typing import Any

from IPython.core.error import UsageError  # noqa: TID253 - loaded by %load_ext, inside IPython
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class  # noqa: TID253 - as above

from nbtrack.core import settings, static_views
from nbtrack.core.entities import RunStatus
from nbtrack.core.errors import NbtrackError, NotFoundError
from nbtrack.tracking.disabled_run import DisabledRun
from nbtrack.tracking.fluent import default_tracker
from nbtrack.ui.output import show
from nbtrack.ui.track_line import help_text, parse_options, transform
from nbtrack.ui.tracked_cells import TrackedCells

_ATTRIBUTE = "_nbtrack"
_MAGICS = (("cell", "track"), ("line", "nbtrack"))
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
    if not hasattr(shell, _ATTRIBUTE):
        setattr(shell, _ATTRIBUTE, _Extension(shell))


def unload(shell: Any) -> None:
    """Remove every hook from a shell; the run of a cell that is being run ends."""
    extension = getattr(shell, _ATTRIBUTE, None)
    if extension is not None:
        delattr(shell, _ATTRIBUTE)
        extension.remove()


class _Extension:
    """What one shell was given, to be taken from it again."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.cells = TrackedCells(shell, default_tracker)
        self._events = (("pre_run_cell", self.cells.before), ("post_run_cell", self.cells.after))
        self._transform = transform
        shell.register_magics(NbtrackMagics)
        shell.input_transformer_manager.line_transforms.insert(0, transform)
        for event, callback in self._events:
            shell.events.register(event, callback)

    def remove(self) -> None:
        """Leave nothing behind."""
        self.cells.close()
        for event, callback in self._events:
            shell_callbacks = self._shell.events.callbacks[event]
            if callback in shell_callbacks:
                self._shell.events.unregister(event, callback)
        transforms = self._shell.input_transformer_manager.line_transforms
        if self._transform in transforms:
            transforms.remove(self._transform)
        for kind, name in _MAGICS:
            self._shell.magics_manager.magics[kind].pop(name, None)
        self._shell.magics_manager.registry.pop(NbtrackMagics.__name__, None)


@magics_class
class NbtrackMagics(Magics):
    """The magics of nbtrack."""

    @cell_magic
    def track(self, line: str, cell: str) -> None:
        """Usage and errors of `%%track`; a well-formed one never comes here."""
        if parse_options(line).help:
            print(help_text(), end="")
            return
        raise UsageError(
            "%%track stands once, in the first line of a cell or below %%time, %%timeit, %%capture or %%prun."
        )

    track.__doc__ = help_text()

    @line_magic
    def nbtrack(self, line: str) -> None:
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
                return
            raise UsageError(f"%nbtrack has no command {command!r}.\n{USAGE}")
        try:
            action(rest.strip())
        except NbtrackError as error:
            raise UsageError(str(error)) from None

    nbtrack.__doc__ = USAGE

    def _runs(self, rest: str) -> None:
        try:
            number = int(rest) if rest else _TABLE_RUNS
        except ValueError:
            raise UsageError(f"%nbtrack runs takes a number of runs, got {rest!r}.") from None
        runs = default_tracker.search_runs(output_format="list", max_results=number)
        show(static_views.runs_table(runs, grouped=True))

    def _status(self, rest: str) -> None:
        run = default_tracker.active_run()
        print(f"store       {default_tracker.get_tracking_uri()}")
        print(f"experiment  {_experiment_name()}")
        if not default_tracker.enabled or settings.is_disabled():
            print("active run  none is recorded: nbtrack is switched off (NBTRACK_DISABLED)")
        elif run is None or isinstance(run, DisabledRun):
            print("active run  none")
        else:
            print(f"active run  {run.info.run_name} ({run.run_id})")

    def _end(self, rest: str) -> None:
        status = rest.upper() or RunStatus.FINISHED
        if not RunStatus.is_terminated(status):
            raise UsageError(f"%nbtrack end takes {', '.join(RunStatus.TERMINATED)}, got {rest!r}.")
        run = default_tracker.active_run()
        if run is None:
            print("No run is active.")
            return
        default_tracker.finish(run, status)
        extension = getattr(self.shell, _ATTRIBUTE, None)
        will_be_shown = extension is not None and extension.cells.is_recording(run)
        if not isinstance(run, DisabledRun) and not will_be_shown:
            show(static_views.run_card(run.snapshot()))

    def _experiment(self, rest: str) -> None:
        if not rest:
            raise UsageError("%nbtrack experiment takes the name of an experiment.")
        experiment = default_tracker.set_experiment(rest)
        print(f"New runs go into the experiment {experiment.name!r}.")


def _experiment_name() -> str:
    """The experiment of new runs, which may not exist yet."""
    name = default_tracker.experiment or settings.setting("EXPERIMENT_NAME")
    if name:
        return name
    experiment_id = settings.setting("EXPERIMENT_ID")
    if not experiment_id:
        return "Default"
    try:
        return default_tracker.get_experiment(experiment_id).name
    except NotFoundError:
        return f"id {experiment_id}"
