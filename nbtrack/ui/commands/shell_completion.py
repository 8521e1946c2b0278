"""Scripts that let a shell complete what is typed behind `nbtrack`."""

import os
import shlex
from typing import Any

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class, get_completion_class

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "nbtrack"
VARIABLE = "_NBTRACK_COMPLETE"


class _Bash(BashComplete):
    """Bash takes a completion as it stands: names with spaces come in quotes."""

    def format_completion(self, item: CompletionItem) -> str:
        """The line that the script reads."""
        value = str(item.value)
        typed = os.environ.get("COMP_WORDS", "").splitlines()
        in_quotes = bool(typed) and typed[-1][:1] in ("'", '"')
        quoted = value if in_quotes or item.type != "plain" else shlex.quote(value)
        # Otherwise a word that ends in a sign which wants more would be closed.
        return f"{item.type},{value if value.endswith(('=', '.')) else quoted}"


def prepare() -> None:
    """Use our own words for bash; before the command is asked to complete anything."""
    add_completion_class(_Bash, "bash")


def script(shell: str, command: click.Command) -> str:
    """The script of a shell, to be run when it starts."""
    prepare()
    kind: Any = get_completion_class(shell)
    return str(kind(command, {}, PROGRAM, VARIABLE).source())
