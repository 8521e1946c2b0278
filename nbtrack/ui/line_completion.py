"""What IPython offers behind `%nbtrack`: commands, options, runs, experiments, fields, artifacts."""

import re
from typing import Any

from nbtrack.tracking.tracker import Tracker

_LINE = re.compile(r"\s*%nbtrack\s+(?P<rest>.*)", re.DOTALL)


class LineCompletion:
    """A matcher of IPython's completer (its second API), for lines that begin with `%nbtrack`."""

    matcher_api_version = 2
    matcher_priority = 60
    matcher_identifier = "nbtrack"

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.__qualname__ = self.matcher_identifier  # what IPython asks a matcher, whatever it is

    def __call__(self, context: Any) -> Any:
        """What may stand at the cursor; nothing where the line is no `%nbtrack`."""
        line = _LINE.fullmatch(context.text_until_cursor)
        if line is None:
            return {"completions": []}
        from IPython.core.completer import SimpleCompletion

        typed, found = self._matches(line["rest"])
        return {
            "completions": [SimpleCompletion(text=text, type="nbtrack") for text in found],
            "matched_fragment": typed,
            "suppress": True,
            "ordered": True,
        }

    def _matches(self, rest: str) -> tuple[str, list[str]]:
        # They load with the first press of the key, not with %load_ext.
        from click.shell_completion import ShellComplete

        from nbtrack.ui.nbtrack_line import PROGRAM, NotebookScreen, line
        from nbtrack.ui.words import filled_in, quoted, split_typed

        before, typed = split_typed(rest)
        screen = NotebookScreen(self._tracker, lambda _: False)
        shell = ShellComplete(line, {"obj": screen}, PROGRAM, "")
        try:
            items = shell.get_completions([filled_in(word) for word in before], filled_in(typed))
        finally:
            screen.close()
        return typed, [quoted(str(item.value), typed) for item in items if item.type == "plain"]
