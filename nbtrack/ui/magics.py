"""The magics: `%%track` records a cell, `%nbtrack` shows and steers what is recorded."""

from contextlib import ExitStack
from typing import Any

from IPython.core.error import UsageError  # noqa: TID253 - loaded by %load_ext, inside IPython
from IPython.core.magic import (  # noqa: TID253 - as above
    Magics,
    cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)

from nbtrack.tracking import run_context
from nbtrack.tracking.fluent import default_tracker
from nbtrack.ui.cells.attempt_changes import ChangesSinceBefore
from nbtrack.ui.cells.capture import CellCapture
from nbtrack.ui.cells.card import CellCards
from nbtrack.ui.cells.history import history_of
from nbtrack.ui.cells.outputs import CellOutputs
from nbtrack.ui.cells.parameters import InjectedParameters
from nbtrack.ui.cells.silent_cells import SilentCells
from nbtrack.ui.cells.slice_part import SlicePart
from nbtrack.ui.cells.track_line import help_text, parse_options, transform
from nbtrack.ui.cells.tracked_cells import TrackedCells
from nbtrack.ui.configuration import NBTrack
from nbtrack.ui.line_completion import LineCompletion
from nbtrack.ui.own_frames import OwnFrames

_ATTRIBUTE = "_nbtrack"
_MAGICS = (("cell", "track"), ("line", "nbtrack"))

USAGE = """\
%nbtrack runs               the latest runs; -f FILTER, -o FIELD, -c FIELDS, -e EXPERIMENT, -n NUMBER
%nbtrack show RUN           a run: its id, the beginning of it, or its name
%nbtrack compare RUN RUN    what differs between runs
%nbtrack diff RUN RUN       what changed in params, metrics and code; of one RUN: since the attempt before
%nbtrack experiments        the experiments, and how many runs they have
%nbtrack tag RUN KEY=VALUE  set tags; --remove KEY takes one off
%nbtrack note RUN TEXT      write a note on a run
%nbtrack rename RUN NAME    give a run another name
%nbtrack delete RUN         put a run into the bin; restore takes it out
%nbtrack restore RUN        put the cells of a run into a new cell, --to FILE; or take it out of the bin
%nbtrack undo               take back the latest of such changes; --list shows them
%nbtrack slice RUN          the cells that a run came from, and why
%nbtrack artifacts ls RUN   the files that a run keeps; get RUN PATH copies them
%nbtrack models COMMAND     list, show, register, compare, promote, undo ...; --help lists them
%nbtrack registry           the registered models; behind it a NAME, for its versions
%nbtrack trust MODEL        let a model run code from now on; --list, --forget
%nbtrack status             the store, the experiment, the active and the last run, the session
%nbtrack end [STATUS]       end the active run: FINISHED, FAILED or KILLED
%nbtrack experiment NAME    choose the experiment of new runs; it is made when there is none
%nbtrack help COMMAND       the options of a command
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
        self._taking_back = taking_back = ExitStack()
        with ExitStack() as unless_all_is_there:
            unless_all_is_there.callback(taking_back.close)
            configuration = NBTrack(shell, default_tracker)
            taking_back.callback(configuration.remove)
            history = history_of(shell)
            cards = CellCards(lambda: configuration.live_hz)
            self.cells = TrackedCells(
                shell,
                default_tracker,
                history=history,
                parts=[CellOutputs(), CellCapture(), SlicePart(history), ChangesSinceBefore()],
                card=cards,
            )
            silent = SilentCells(self.cells.before, self.cells.after)
            taking_back.callback(OwnFrames(shell).remove)
            taking_back.callback(_remove_magics, shell)
            shell.register_magics(NbtrackMagics)
            self._add_to(shell.input_transformer_manager.line_transforms, transform, first=True)
            self._add_to(run_context.cell_tags, history.run_tags)
            self._add_to(run_context.session_params, InjectedParameters(shell, history.cells))
            self._add_to(getattr(shell.Completer, "custom_matchers", []), LineCompletion(default_tracker))
            for event, callback in (
                ("pre_execute", silent.begin),
                ("pre_run_cell", self.cells.before),
                ("post_run_cell", self.cells.after),
                ("post_execute", silent.end),
            ):
                shell.events.register(event, callback)
                taking_back.callback(_unregister, shell.events, event, callback)
            taking_back.callback(self.cells.close)  # the first to be done: the others are still there
            unless_all_is_there.pop_all()

    def remove(self) -> None:
        """Leave nothing behind, whatever fails on the way."""
        self._taking_back.close()

    def _add_to(self, hooks: list[Any], hook: Any, *, first: bool = False) -> None:
        hooks.insert(0 if first else len(hooks), hook)
        self._taking_back.callback(_remove_from, hooks, hook)


def _remove_magics(shell: Any) -> None:
    manager = shell.magics_manager
    for kind, name in _MAGICS:
        manager.magics[kind].pop(name, None)
    _remove_from(shell.configurables, manager.registry.pop(NbtrackMagics.__name__, None))


def _remove_from(hooks: list[Any], hook: Any) -> None:
    """Take a hook out of a list, unless somebody else has."""
    if hook in hooks:
        hooks.remove(hook)


def _unregister(events: Any, event: str, callback: Any) -> None:
    if callback in events.callbacks[event]:
        events.unregister(event, callback)


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

    @no_var_expand
    @line_magic
    def nbtrack(self, line: str) -> None:
        """Show and steer what is recorded."""
        from nbtrack.ui import nbtrack_line  # lazy: `%load_ext` need not wait for it
        from nbtrack.ui.words import OpenQuoteError, filled_in, split_words

        try:
            words = [filled_in(word, self._expand) for word in split_words(line)]
        except OpenQuoteError as error:
            raise UsageError(f"%nbtrack: {error}.") from None
        nbtrack_line.run(nbtrack_line.NotebookScreen(default_tracker, self._will_be_shown), words)

    nbtrack.__doc__ = USAGE

    def _expand(self, text: str) -> str:
        """Fill in `{expressions}` and `$names`; what cannot be filled in stays as it is."""
        if "{" not in text and "$" not in text:
            return text
        from IPython.utils.text import DollarFormatter

        names: dict[str, Any] = getattr(self.shell, "user_ns", {})
        try:
            return DollarFormatter().vformat(text, [], names)
        except Exception:  # noqa: BLE001 - the expression is the user's, and IPython leaves it alone, too
            return text

    def _will_be_shown(self, run: Any) -> bool:
        """Whether the card of a run that ends now is shown at the end of the cell anyway."""
        extension = getattr(self.shell, _ATTRIBUTE, None)
        return extension is not None and extension.cells.is_recording(run)
