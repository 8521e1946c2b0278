"""What IPython offers behind `%nbtrack` and `%%track`: commands, options, runs, experiments, fields ..."""

import re
from typing import Any

from nbtrack.tracking.tracker import Tracker

_LINE = re.compile(r"\s*(?P<magic>%nbtrack|%%track)\s+(?P<rest>.*)", re.DOTALL)


class LineCompletion:
    """A matcher of IPython's completer (its second API), for the line of a cell that begins so."""

    matcher_api_version = 2
    matcher_priority = 60
    matcher_identifier = "nbtrack"

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.__qualname__ = self.matcher_identifier  # what IPython asks a matcher, whatever it is

    def __call__(self, context: Any) -> Any:
        """What may stand at the cursor; nothing where the line is neither."""
        line = _LINE.fullmatch(context.text_until_cursor)
        if line is None:
            return {"completions": []}
        from IPython.core.completer import SimpleCompletion

        try:
            typed, found = self._matches(line["rest"], is_cell=line["magic"] == "%%track")
        except Exception:  # noqa: BLE001 - a line that is being typed is no place for errors
            return {"completions": []}
        return {
            "completions": [SimpleCompletion(text=text, type="nbtrack") for text in found],
            "matched_fragment": typed,
            "suppress": True,
            "ordered": True,
        }

    def _matches(self, rest: str, *, is_cell: bool) -> tuple[str, list[str]]:
        # They load with the first press of the key, not with %load_ext.
        from click.shell_completion import ShellComplete

        from nbtrack.ui import nbtrack_line
        from nbtrack.ui.cells import track_completion
        from nbtrack.ui.words import filled_in, quoted, split_typed

        before, typed = split_typed(rest)
        screen = nbtrack_line.NotebookScreen(self._tracker, lambda _: False)
        if is_cell:
            shell = ShellComplete(track_completion.command, {"obj": screen}, track_completion.PROGRAM, "")
        else:
            shell = ShellComplete(nbtrack_line.line, {"obj": screen}, nbtrack_line.PROGRAM, "")
        try:
            items = shell.get_completions([filled_in(word) for word in before], filled_in(typed))
        finally:
            screen.close()
        return typed, [quoted(str(item.value), typed) for item in items if item.type == "plain"]
