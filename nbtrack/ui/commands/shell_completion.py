"""Scripts that let a shell complete what is typed behind `nbtrack`."""

import os
import shlex
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "nbtrack"
VARIABLE = "_NBTRACK_COMPLETE"

# Like click's, but that it gives the line as it was typed: bash parts words at `@`, `=` and `:`, too.
_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response type value
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1")
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done <<< "$response"
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_QUOTES = ("'", '"')


class _Bash(BashComplete):
    """Bash takes a completion as it stands: names with spaces come in quotes."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words behind the program, and the last one as far as it is typed."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        typed = _typed(line)
        return (words[1:-1], words[-1]) if typed else (words[1:], "")

    def format_completion(self, item: CompletionItem) -> str:
        """The line that the script reads: what stands from where bash thinks that the word begins."""
        value, typed = str(item.value), _typed(os.environ["COMP_LINE"])
        if typed[:1] in _QUOTES:
            return f"{item.type},{value}"
        start = _word_start(typed)
        rest = value[start:] if value.startswith(typed[:start]) else value
        # Otherwise a word that ends in a sign which wants more would be closed.
        as_it_is = item.type != "plain" or value.endswith(("=", "."))
        return f"{item.type},{rest if as_it_is else shlex.quote(rest)}"


def _typed(line: str) -> str:
    """The last word of a line as it was typed, with its quote; empty behind a space."""
    at, quote, start = 0, "", 0
    while at < len(line):
        letter = line[at]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter == "\\":
            at += 1
        elif letter.isspace():
            start = at + 1
        at += 1
    return line[start:]


def _word_start(typed: str) -> int:
    """Where bash begins to replace a word that holds signs at which it parts words."""
    breaks = [at for at, letter in enumerate(typed) if letter in os.environ.get("COMP_WORDBREAKS", "")]
    if not breaks:
        return 0
    # An @ belongs to what follows: readline completes names of hosts behind one.
    return breaks[-1] + (typed[breaks[-1]] != "@")


def prepare() -> None:
    """Use our own words for bash; before the command is asked to complete anything."""
    add_completion_class(_Bash, "bash")


def script(shell: str, command: click.Command) -> str:
    """The script of a shell, to be run when it starts."""
    prepare()
    kind: Any = get_completion_class(shell)
    return str(kind(command, {}, PROGRAM, VARIABLE).source())
